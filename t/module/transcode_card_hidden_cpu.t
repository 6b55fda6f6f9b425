#!/usr/bin/perl

# The CPU takes over from a card that is configured and not there.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', faults => { devices => 0 });

for my $name (qw(low half)) {
    ok $test->made($name, 'cpu'), "$name is made on the CPU"
        or diag $test->ladder->log;
    like $test->ladder->log, qr/\[warn\].*channel "chan" session \w+: (?#
        )rung $name: the card failed, the CPU takes over: no card: \S/,
        'the log says why';
}

$test->goes_on('low');
$test->goes_on('half');

$test->sound;

done_testing;
