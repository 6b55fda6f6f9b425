#!/usr/bin/perl

# Settings that cannot work are refused with their reason.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;

my $rung = 'transcode on; transcode_rendition';

my %wrong = (
    "$rung 720p;"               => qr/"transcode_rendition 720p" needs "height"/,
    "$rung 720p height=720;"    => qr/needs "bitrate"/,
    "$rung 720p bitrate=1m;"    => qr/needs "height" or "size", or "audio"/,
    "$rung 720P height=720 bitrate=1m;" => qr/a to z, 0 to 9 and "_"/,
    "$rung a/b height=720 bitrate=1m;"  => qr/a to z, 0 to 9 and "_"/,
    "$rung sixteen_bytes_xy height=720 bitrate=1m;" => qr/1 to 15 bytes/,
    "$rung video height=720 bitrate=1m;"
        => qr/cannot be named as the source's/,
    "$rung audio audio=64k;"    => qr/cannot be named as the source's/,
    "$rung x height=15 bitrate=1m;"     => qr/"height" is a number from 16/,
    "$rung x height=8193 bitrate=1m;"   => qr/"height" is a number from 16/,
    "$rung x height=-1 bitrate=1m;"     => qr/"height" is a number from 16/,
    "$rung x size=1280 bitrate=1m;"     => qr/"size" is WIDTHxHEIGHT/,
    "$rung x size=x720 bitrate=1m;"     => qr/"size" is WIDTHxHEIGHT/,
    "$rung x size=1280x bitrate=1m;"    => qr/"size" is WIDTHxHEIGHT/,
    "$rung x height=720 fps=0 bitrate=1m;"   => qr/"fps" is a number from 1/,
    "$rung x height=720 fps=301 bitrate=1m;" => qr/"fps" is a number from 1/,
    "$rung x height=720 bitrate=7k;"    => qr/"bitrate" is from 8k to 200m/,
    "$rung x height=720 bitrate=201m;"  => qr/"bitrate" is from 8k to 200m/,
    "$rung x height=720 bitrate=999999999999999999999k;"
        => qr/"bitrate" is from 8k to 200m/,
    "$rung x height=720 bitrate=1g;"    => qr/"bitrate" is from 8k to 200m/,
    "$rung x height=720 bitrate=;"      => qr/"bitrate" is from 8k to 200m/,
    "$rung x height=720 bitrate=1m max_bitrate=900k;"
        => qr/"max_bitrate" below "bitrate"/,
    "$rung x height=720 bitrate=1m buffer=x;"   => qr/"buffer" is from 8k/,
    "$rung x height=720 bitrate=1m codec=vp9;"
        => qr/"codec" is "h264" or "hevc"/,
    "$rung x height=720 bitrate=1m profile=extended;" => qr/"profile" is/,
    "$rung x height=720 bitrate=1m profile=main10;"
        => qr/"profile" of another "codec"/,
    "$rung x height=720 bitrate=1m codec=hevc profile=high;"
        => qr/"profile" of another "codec"/,
    "$rung x height=720 bitrate=1m preset=placebo;" => qr/"preset" is one of/,
    "$rung x height=720 bitrate=1m preset=p8;"      => qr/"preset" is one of/,
    "$rung x height=720 bitrate=1m preset=" . 'x' x 30 . ';'
        => qr/"preset" is one of/,
    "$rung x height=720 bitrate=1m threads=0;"  => qr/"threads" is a number/,
    "$rung x height=720 bitrate=1m mode=now;"   => qr/"mode" is "always"/,
    "$rung x height=720 bitrate=1m colour=red;"
        => qr/invalid parameter "colour=red"/,
    "$rung x height=720 bitrate=1m tall;"       => qr/invalid parameter "tall"/,
    "$rung x audio=513k;"               => qr/"audio" is from 8k to 512k/,
    "$rung x audio=64k fps=30;"         => qr/takes only "audio" and "mode"/,
    "$rung x audio=64k height=720;"     => qr/takes only "audio" and "mode"/,
    "$rung x height=720 bitrate=1m; transcode_rendition x height=2 bitrate=1m;"
        => qr/"transcode_rendition x" is duplicate/,
    "$rung default; transcode_rendition 480p bitrate=1m; "
        . 'transcode_rendition 480p bitrate=2m;'
        => qr/"transcode_rendition 480p" is duplicate/,
    "$rung default mode=never;" => qr/"default" takes no parameters/,
    "$rung x audio=64k; transcode_rendition default;"
        => qr/"default" takes no parameters and stands first/,
    "$rung default; " . join('', map { "transcode_rendition r$_ audio=64k;" }
                             1 .. 8)
        => qr/"transcode_rendition r8" is one too many/,
    'transcode_device gpu;'     => qr/is "auto", "cuda", "cuda:N" or "cpu"/,
    'transcode_device cuda:x;'  => qr/a card from "cuda:0"/,
    'transcode_device cuda1;'   => qr/a card from "cuda:0"/,
    'transcode_device cpu; transcode_device cuda;'  => qr/is duplicate/,
    'transcode_fallback none;'  => qr/invalid value "none"/,
    'transcode_idle 900ms;'     => qr/between 1s and 1h/,
    'transcode_idle 2h;'        => qr/between 1s and 1h/,
    'transcode_drill 720p 11s;' => qr/has a time of up to 10s/,
    'transcode_drill 720p;'     => qr/invalid number of arguments/,
    'transcode on; transcode_pool nowhere;' => qr/thread pool "nowhere"/,
);

for my $text (sort keys %wrong) {
    my ($ok, $message) = Onair::Server->check(rtmp_app => $text);

    ok !$ok, "$text is refused";
    like $message, $wrong{$text}, 'and said why';
}

my %wrong_slots = (
    'transcode_slots -1;'     => qr/is "auto" or a number/,
    'transcode_slots 10001;'  => qr/is "auto" or a number/,
    'transcode_slots many;'   => qr/is "auto" or a number/,
    'transcode_slots 1; transcode_slots 2;' => qr/is duplicate/,
);

for my $text (sort keys %wrong_slots) {
    my ($ok, $message) = Onair::Server->check(rtmp => $text);

    ok !$ok, "$text is refused";
    like $message, $wrong_slots{$text}, 'and said why';
}

for my $text (
    '', 'transcode on;', 'transcode off;',
    'transcode on; transcode_device cuda:3; transcode_fallback source;',
    'transcode on; transcode_device cpu; transcode_tiers on; '
        . 'transcode_idle 1s; transcode_pool default;',
    'transcode on; transcode_rendition default;',
    "$rung default; transcode_rendition 1080p60 mode=never; "
        . 'transcode_rendition 480p bitrate=1.2m mode=always; '
        . 'transcode_rendition 540p size=960x540 fps=29.97 bitrate=2000k '
        . 'max_bitrate=2.5m buffer=5m preset=fast profile=main threads=2;',
    "$rung low height=160 bitrate=100000 codec=hevc profile=main10 preset=p5;",
    "$rung listen audio=48k mode=always;",
    'transcode on; transcode_drill 720p 10s;',
    'transcode on; transcode_shed off;',
)
{
    my ($ok, $message) = Onair::Server->check(rtmp_app => $text);

    ok $ok, "\"$text\" is accepted" or diag $message;
}

for my $text ('transcode_slots auto;', 'transcode_slots 0;',
              'transcode_slots 2.5;', 'transcode_slots 10000;',
              'transcode on; transcode_rendition a audio=64k;')
{
    my ($ok, $message) = Onair::Server->check(rtmp => $text);

    ok $ok, "\"$text\" is accepted" or diag $message;
}

my ($ok, $message) = Onair::Server->check(conf => <<'END');
load_module %modules%/ngx_rtmp_module.so;
load_module %modules%/ngx_onair_core_module.so;
load_module %modules%/ngx_rtmp_transcode_module.so;
error_log %dir%/logs/error.log;
pid %dir%/nginx.pid;
events { }
rtmp {
    transcode on;
    server { listen 127.0.0.1:%rtmp%; application live { live on; } }
}
END
ok !$ok, 'a ladder without a zone is refused';
like $message, qr/application "live" needs "onair_zone"/, 'and said why';

done_testing;
