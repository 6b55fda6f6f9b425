#!/usr/bin/perl

# What the module's directives take, and what it needs beside them.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use File::Temp ();

use Onair::Ctl;
use Onair::RTMP;
use Onair::Server;

my $ctl = Onair::Ctl->sqlite;
my $database = 'onair_database ' . $ctl->url . ';';
my $pepper = 'publish_auth_pepper ' . $ctl->pepper . ';';
my $short = File::Temp->new;

print $short "  too short\n";
close $short;


sub accepted
{
    my ($what, %option) = @_;
    my ($ok, $text) = Onair::Server->check(main => $database,
                                           rtmp => $pepper, %option);

    ok $ok, $what or diag $text;
}


sub refused
{
    my ($what, $pattern, %option) = @_;
    my ($ok, $text) = Onair::Server->check(main => $database,
                                           rtmp => $pepper, %option);

    ok !$ok, "$what is refused";
    like $text, $pattern, 'and it says why';
}


accepted 'off', rtmp_app => 'publish_auth off;', main => '', rtmp => '';
accepted 'database', rtmp_app => 'publish_auth database;';
accepted 'a callback needs neither database nor pepper', main => '',
    rtmp => '', rtmp_app => 'publish_auth http://127.0.0.1:8000/x;';
accepted 'everything', rtmp => "$pepper publish_auth_zone 1m;",
    rtmp_app => 'publish_auth database;
        publish_auth_cache 1m stale=2h;
        publish_auth_attempts 5 window=30s pause=1s max_pause=10m;
        publish_auth_timeout 500ms;
        publish_auth_already_live takeover;
        publish_auth_stall 1s;
        publish_auth_callback_down allow;
        publish_auth_recheck 10s;';
accepted 'attempts off',
    rtmp_app => 'publish_auth database; publish_auth_attempts off;';

refused 'no database', qr/"live" needs "onair_database"/, main => '',
    rtmp_app => 'publish_auth database;';
refused 'no pepper', qr/"live" needs "publish_auth_pepper"/, rtmp => '',
    rtmp_app => 'publish_auth database;';
refused 'a short pepper', qr/has 9 bytes, 32 to 256 are needed/,
    rtmp => "publish_auth_pepper $short;",
    rtmp_app => 'publish_auth database;';
refused 'a missing pepper', qr/"publish_auth_pepper".*No such file/,
    rtmp => 'publish_auth_pepper none;', rtmp_app => 'publish_auth database;';
refused 'a small zone', qr/"publish_auth_zone" 4096 is too small/,
    rtmp => "$pepper publish_auth_zone 4k;",
    rtmp_app => 'publish_auth database;';

for my $case (
    ['publish_auth maybe', qr/"off", "database" or a URL/],
    ['publish_auth https://x/', qr/"off", "database" or a URL/],
    ['publish_auth http://', qr/no host/],
    ['publish_auth_cache soon', qr/invalid time/],
    ['publish_auth_cache 1s old=2s', qr/"stale=time" is meant/],
    ['publish_auth_attempts 0', qr/a number from 1 to 100000/],
    ['publish_auth_attempts 5 window=0', qr/longer than 0/],
    ['publish_auth_attempts 5 wall=1s', qr/invalid parameter "wall=1s"/],
    ['publish_auth_timeout 1ms', qr/between 100ms and 30s/],
    ['publish_auth_stall 1h', qr/between 500ms and 1m/],
    ['publish_auth_already_live both', qr/invalid value "both"/],
    ['publish_auth_callback_down up', qr/invalid value "up"/],
    ['publish_auth_recheck x', qr/invalid value/])
{
    refused $case->[0], $case->[1], rtmp_app => "$case->[0];";
}

refused 'the wrong order of modules', qr/must be loaded after/, conf => <<'END';
load_module %modules%/ngx_rtmp_module.so;
load_module %modules%/ngx_onair_core_module.so;
load_module %modules%/ngx_rtmp_publish_auth_module.so;
load_module %modules%/ngx_rtmp_ingest_module.so;
pid %dir%/nginx.pid;
onair_zone 16m;
events { }
rtmp {
    server {
        listen 127.0.0.1:%rtmp%;
        application live {
            live on;
            publish_auth http://127.0.0.1/;
        }
    }
}
END


# --- reload ----------------------------------------------------------------

my $server = Onair::Server->start(workers => 1, main => $database,
    rtmp => "$pepper publish_auth_zone 1m;",
    rtmp_app => 'publish_auth database;');
my $conf = $server->dir . '/nginx.conf';
my $live = Onair::RTMP->publish($server->rtmp_port, $ctl->user('studio'));
my $key = $ctl->user('other');

ok $live->accepted, 'a publisher is live';
$server->reload;
ok(Onair::RTMP->publish($server->rtmp_port, $key)->accepted,
    'after a reload keys are checked as before');

system 'sed', '-i', 's/publish_auth_zone 1m/publish_auth_zone 2m/', $conf;
$server->allow_log(qr/"publish_auth_zone" cannot change/);
kill 'HUP', $server->pid;
ok wait_for { $server->error_log =~ /change from 1048576 to 2097152 while/ },
    'another size of the zone is refused while nginx runs';

done_testing;
