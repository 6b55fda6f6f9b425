#!/usr/bin/perl

# The CPU takes over from a card that does not answer any more.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda');

for my $name (qw(low half)) {
    ok $test->made($name, 'cuda'), "$name is made on the card"
        or diag $test->ladder->log;
}

$test->faults(hang => 1);

for my $name (qw(low half)) {
    ok $test->made($name, 'cpu'), "the CPU takes $name over"
        or diag $test->ladder->log;
    like $test->ladder->log, qr/\[warn\].*rung $name: the card failed, (?#
        )the CPU takes over: the card does not answer/, 'the log says why';
}

$test->goes_on('low');
$test->goes_on('half');
is $test->ladder->rung($_)->{sheds}, 0, "$_ was on all the time"
    for qw(low half);
$test->keeps_rules(5);

$test->sound;

done_testing;
