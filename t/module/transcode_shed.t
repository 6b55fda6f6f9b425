#!/usr/bin/perl

# A rung that is too slow drops pictures and is then withdrawn; the source and
# the other rungs go on, and the streamer and the log are told.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ladder;
use Onair::Publisher;
use Onair::Server;

my $server = Onair::Server->start(workers => 1, rtmp_app =>
    Onair::Ladder::small(half => 'always', shed => 'on')
    . 'transcode_drill half 400ms;');
my $ladder = Onair::Ladder->new($server, 'chan');
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'),
                                         gop => 30);

ok $ladder->wait_state('half', 'on'), 'the rung is on at first'
    or diag $ladder->log;

my $shed = $ladder->wait_state('half', 'withdrawn', 'too slow');
ok $shed, 'a rung that is too slow is withdrawn' or diag $ladder->log;
cmp_ok $shed->{late_frames} + $shed->{full_frames}, '>', $shed->{frames},
    'it dropped more than it made';
is $shed->{sheds}, 1, 'that is counted';
is_deeply [ grep { /left it out/ } $ladder->warnings ],
    [ 'half: the server is too slow for this quality and has left it out for '
      . 'a while' ], 'its streamer is told';
like $ladder->log,
    qr/\[warn\].*channel "chan" session \w+: rung half withdrawn: too slow/,
    'and the log';

ok((wait_for { !grep { $_ eq 'half' } $ladder->viewer->renditions }),
    'it is not listed');

SKIP: {
    ok $ladder->wait_frames('low', 30) || $ladder->rung('low')->{sheds},
        'the other rung goes on';
    skip 'the machine is too slow for the other one, too', 1
        if $ladder->rung('low')->{sheds};
    is $ladder->rung('low')->{state}, 'on', 'and stays on';
}

my $before = $ladder->rendition('video')->{frames};
ok wait_for { $ladder->rendition('video')->{frames} > $before + 30 },
    'so does the source';

$publisher->stop;

done_testing;
