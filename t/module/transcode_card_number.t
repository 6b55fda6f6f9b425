#!/usr/bin/perl

# The card that is used is that of the number.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda:1', faults => { devices => 2 });

ok $test->made('low', 'cuda'), 'of two cards there is a second one'
    or diag $test->ladder->log;
$test->goes_on('low');
$test->sound;

$test = Onair::CardLadder->start('cuda:2', faults => { devices => 2 });

ok $test->made('low', 'cpu'), 'and no third one' or diag $test->ladder->log;
like $test->ladder->log, qr/rung low: the card failed, the CPU takes over: (?#
    )no card 2: the driver finds 2/, 'which the log says';

$test->sound;

done_testing;
