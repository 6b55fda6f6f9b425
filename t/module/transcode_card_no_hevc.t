#!/usr/bin/perl

# A rung of HEVC that the card refuses is made by the CPU, the others on the card.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', faults => { h264_only => 1 },
    rungs => 'transcode_rendition new height=90 bitrate=100k codec=hevc
                                  preset=ultrafast mode=always;');

ok $test->made('low', 'cuda'), 'H.264 is made on the card'
    or diag $test->ladder->log;
ok $test->made('new', 'cpu'), 'HEVC by the CPU' or diag $test->ladder->log;
like $test->ladder->log, qr/\[warn\].*rung new: the card failed, the CPU (?#
    )takes over: hevc_nvenc: not by this card/, 'the log says why';

$test->goes_on('low');
$test->goes_on('new');
is $test->ladder->rung('low')->{device}, 'cuda', 'it stays so';
is $test->ladder->rung('new')->{device}, 'cpu', 'on both sides';
unlike $test->ladder->log, qr/rung (?:low|half): the card failed/,
    'the others had no part in it';

$test->sound;

done_testing;
