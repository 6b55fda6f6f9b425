#!/usr/bin/perl

# The CPU takes over from a card that fails in mid-stream, rung by rung.

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

$test->goes_on('low');
my ($list) = $test->viewer->playlist('low');
my $session = $test->viewer->session;

$test->faults(dead => 1);

for my $name (qw(low half)) {
    ok $test->made($name, 'cpu'), "the CPU takes $name over"
        or diag $test->ladder->log;
    is scalar(() = $test->ladder->log =~ /\[warn\].*channel "chan" session (?#
        )\w+: rung $name: the card failed, the CPU takes over: \S/g), 1,
        'the log says so, once';
}

$test->goes_on('low');
$test->goes_on('half');
$test->keeps_rules(5);
is $test->viewer->session, $session, 'in its session';

my $after = $test->viewer->playlist('low');
cmp_ok $after->{msn}, '>=', $list->{msn}, 'numbers go on';
isnt $after->{segments}[-1]{map}, $list->{segments}[-1]{map},
    'it has an init segment of its own';

for my $name (qw(low half)) {
    my $rung = $test->ladder->rung($name);
    is "$rung->{state}, $rung->{reason}", 'on, always on', "$name is on";
}

$test->sound;

done_testing;
