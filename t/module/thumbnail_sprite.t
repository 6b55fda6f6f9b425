#!/usr/bin/perl

# Tiles fill sheets, and what is said of them is so.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Picture;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2,
                                  rtmp_app => 'transcode_thumbnails 1s;');
my $messages = Onair::FLV::make(seconds => 29, gop => 30, audio => 0,
                                bframes => 0, size => '160x90');
my $publisher = Onair::RTMP->publish($server->rtmp_port, 'news');

$publisher->accepted or die 'not accepted';


# Up to the next keyframe, and with it; or no further than n frames.
sub keyframe
{
    my $n = shift // 1000;

    while (my $m = shift @$messages) {
        $publisher->send_flv([$m]);

        next if !Onair::FLV::is_video($m) || !Onair::FLV::is_frame($m);
        return if Onair::FLV::is_keyframe($m) || --$n == 0;
    }

    die 'no more keyframes';
}


sub cues
{
    my $text = shift;
    my @cues;

    while ($text =~ /^(\d\d):(\d\d):(\d\d\.\d{3})\ -->\ (\d\d):(\d\d):
                      (\d\d\.\d{3})\n
                      (sprite-\d+\.jpg)\#xywh=(\d+),(\d+),(\d+),(\d+)$/mgx)
    {
        push @cues, { begin => $1 * 3600 + $2 * 60 + $3,
                      end => $4 * 3600 + $5 * 60 + $6,
                      file => $7, area => [$8, $9, $10, $11] };
    }

    return @cues;
}


keyframe();

# what is settled with the first frames is so behind a few more; a keyframe that
# came while that one is in a thread would be passed over
my $viewer = Onair::Viewer->new($server, 'news');
keyframe(20);
$viewer->wait_live('video') or die $server->error_log;

my $base = '/live/news/' . $viewer->session;

ok wait_for { cues($server->get("$base/sprite.vtt")->{body}) >= 1 },
    'a first tile';

while (cues($server->get("$base/sprite.vtt")->{body}) < 27) {
    my $n = cues($server->get("$base/sprite.vtt")->{body});

    keyframe();
    wait_for { cues($server->get("$base/sprite.vtt")->{body}) > $n }
        or die "no tile behind $n\n" . $server->error_log;

    if ($n == 3) {
        my $r = $server->get("$base/sprite-0.jpg");
        my $picture = Onair::Picture->new($r->{body});

        is $r->{headers}{'cache-control'}, 'max-age=1',
            'a sheet that grows is not kept for long';
        is $picture->bars(480, 0, 160, 90), 6, 'its fourth tile';
        ok $picture->is([0, 0, 0], 0, 100, 800, 340), 'none behind that row';
    }
}

my $r = $server->get("$base/sprite.vtt");

is $r->{status}, 200, 'what is where';
is $r->{headers}{'content-type'}, 'text/vtt', 'as WebVTT';
is $r->{headers}{'cache-control'}, 'max-age=1', 'for half of the interval';
like $r->{body}, qr/\AWEBVTT\n/, 'as it begins';
like $r->{body}, qr/^NOTE Media time 0 is \d{4}-\d\d-\d\dT[\d:.]+Z$/m,
    'and when that was';
is $server->get("$base/sprite.vtt", 'If-None-Match',
                $r->{headers}{etag})->{status}, 304, 'with a validator';

my @cues = cues($r->{body});
my @gaps = grep { $cues[$_]{end} != $cues[$_ + 1]{begin} } 0 .. $#cues - 1;
my @areas = map { [$_ % 5 * 160, int($_ / 5) * 90, 160, 90] } 0 .. 24;

is_deeply \@gaps, [], 'each tile stands until the next one';
is_deeply [map { int($_->{begin} + 0.5) } @cues], [0 .. 26], 'one a second';
is_deeply [map { $_->{area} } @cues], [@areas, @areas[0, 1]],
    'in rows from the left';
is_deeply [map { $_->{file} } @cues],
    [('sprite-0.jpg') x 25, ('sprite-1.jpg') x 2], 'on two sheets';

my %sheet;

for my $cue (@cues) {
    my $sheet = $sheet{ $cue->{file} }
        //= Onair::Picture->new($server->get("$base/$cue->{file}")->{body});

    is $sheet->bars(@{ $cue->{area} }), 6,
        "$cue->{file} has a tile at @{ $cue->{area} }";
}

is $_->width . 'x' . $_->height, '800x450', 'size of a sheet'
    for values %sheet;

is $server->get("$base/sprite-0.jpg")->{headers}{'cache-control'},
    'max-age=31536000, immutable', 'a full sheet is kept';
is $server->get("$base/sprite-1.jpg")->{headers}{'cache-control'},
    'max-age=1', 'the one that grows is not';
is $server->get("$base/sprite-2.jpg")->{status}, 404, 'nor is there another';
is $server->get('/live/news/aaaaaaaaaaaab/sprite-0.jpg')->{status}, 404,
    'or session';
is $server->get('/live/other/' . $viewer->session . '/sprite.vtt')->{status},
    404, 'or channel';

done_testing;
