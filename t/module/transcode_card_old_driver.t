#!/usr/bin/perl

# A driver that is too old is as good as none, and the log says so.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', faults => { driver => '10.0' });

ok $test->made('low', 'cpu'), 'the CPU takes over'
    or diag $test->ladder->log;
like $test->ladder->log, qr/\[warn\].*rung low: the card failed, the CPU (?#
    )takes over: h264_nvenc: .*newer driver than this one, of version 10\.0/,
    'the log says why';
$test->goes_on('low');

$test->sound;

done_testing;
