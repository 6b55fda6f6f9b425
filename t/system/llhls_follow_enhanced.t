#!/usr/bin/perl

# HEVC with AAC, and AV1 with Opus, over enhanced RTMP: the rules of
# low-latency HLS hold for them as for H.264.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Enhanced;
use Onair::LLHLS;
use Onair::Server;

my $server = Onair::Server->start(workers => 2);
my %source = (
    'hevc_aac' => [ video => 'hevc', audio => 'aac', options => [
        '-x265-params', 'log-level=none:open-gop=1:bframes=3:b-adapt=0' ] ],
    'av1_opus' => [ video => 'av1', audio => 'opus' ],
    'opus'     => [ audio => 'opus',
                    audio_options => [qw(-frame_duration 60)] ],
);

for my $name (sort keys %source) {
    my $source = Onair::Enhanced->make(seconds => 14, @{ $source{$name} });
    my $live = $source->live($server, $name);
    my $result = Onair::LLHLS::check(
        $server->url("/live/$name/index.m3u8"), 10);

    is join("\n", map { Onair::LLHLS::text($_) } @{ $result->{violations} }),
        '', "$name: ten seconds, and no rule is broken";
    is keys %{ $result->{renditions} }, scalar(grep { $source->{$_} }
        qw(video audio)), "$name: all of it";
}

done_testing;
