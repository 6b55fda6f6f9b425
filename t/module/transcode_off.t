#!/usr/bin/perl

# Where it is not switched on there is no ladder.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP;
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1, rtmp_app =>
    'transcode_rendition low height=90 bitrate=100k mode=always;');
my $publisher = Onair::RTMP->publish($server->rtmp_port, 'off');

$publisher->send_flv(Onair::FLV::make(seconds => 4, rate => 30, gop => 30));

my $playlist = wait_for {
    my $r = $server->get('/live/off/index.m3u8');
    $r->{status} == 200 ? $r->{body} : undef;
};

like $playlist, qr/video/, 'the source is there';
unlike $playlist, qr/low/, 'and nothing else';

my ($channel) = @{ decode_json($server->get('/status.json')->{body})
                   ->{channels} };
is_deeply [ sort map { $_->{name} } @{ $channel->{renditions} } ],
    [ qw(audio video) ], 'nor does the status tell of more';
unlike $server->error_log, qr/transcode:/, 'nor the log';

done_testing;
