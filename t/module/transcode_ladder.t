#!/usr/bin/perl

# A publisher's rungs are listed and play, and their segments begin with the
# source's: at the same media time, under the same number.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::LLHLS;
use Onair::Ladder;
use Onair::Publisher;
use Onair::Server;

my $server = Onair::Server->start(workers => 2, rtmp_app =>
    Onair::Ladder::small(half => 'always', listen => 'always'));
my $ladder = Onair::Ladder->new($server, 'chan');
my $viewer = $ladder->viewer;
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'),
                                         gop => 30);

ok $viewer->wait_live(qw(video audio low half listen)), 'all rungs are there'
    or diag $ladder->log;
is_deeply [ $viewer->renditions ], [ qw(audio half listen low video) ],
    'and listed, and nothing else';

my $low = $ladder->wait_state('low', 'on');
is $low->{reason}, 'always on', 'it is on';
is $low->{device}, 'cpu', 'made by the CPU';

my $half = $ladder->rendition('half');
is "$half->{width}x$half->{height}", '214x120', 'a rung has its size';
is $half->{frame_rate}, 15, 'and half the frame rate';
is $ladder->rendition('listen')->{sample_rate}, 48000, 'sound keeps its rate';

# what a player sees of all renditions, held to the rules of LL-HLS
my $result = Onair::LLHLS::check($server->url('/live/chan/index.m3u8'), 6);
is_deeply $result->{violations}, [], 'the rules are kept'
    or diag explain $result->{violations};
is keys %{ $result->{renditions} }, 5, 'of five renditions';

for my $name (qw(low half)) {
    my ($source, $rung) = map { $ladder->begins($_) } 'video', $name;
    my @both = grep { exists $source->{$_} } sort { $a <=> $b } keys %$rung;
    my @apart = grep { abs($source->{$_} - $rung->{$_}) > 0.001 } @both;

    cmp_ok scalar @both, '>=', 4, "$name: segments have the source's numbers";
    is_deeply \@apart, [], "$name: and begin when the source's do"
        or diag explain [ $source, $rung ];
}

for my $name (qw(low half)) {
    my ($decoded) = @{ $viewer->decode($name) };
    is $decoded->{errors}, '', "$name plays";
    cmp_ok $decoded->{frames}, '>', 30, "$name has pictures";
}

cmp_ok $viewer->samples('listen'), '>', 48000, 'there is something to hear';

my $rung = $ladder->rung('low');
cmp_ok $rung->{latency}, '>', 0, 'the latency is measured';
cmp_ok $rung->{encode_time}, '>', 0, 'and what encoding costs';
cmp_ok $rung->{decode_time}, '>', 0, 'and decoding';
is $rung->{slots}, 0.016, 'and its slots';
like $server->error_log,
    qr/\[notice\].*transcode: channel "chan" session \w+: low 160x90,/,
    'the log tells what there is';

$publisher->stop;

done_testing;
