#!/usr/bin/perl

# The source goes out alone when the card fails in mid-stream and it is so
# configured.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', fallback => 'source');

for my $name (qw(low half)) {
    ok $test->made($name, 'cuda'), "$name is made on the card"
        or diag $test->ladder->log;
}

$test->goes_on('low');
$test->faults(dead => 1);
$test->source_alone;

for my $name (qw(low half)) {
    my $rung = $test->wait(sub {
        my $rung = $test->ladder->rung($name);
        $rung && $rung->{state} eq 'withdrawn' ? $rung : undef;
    });
    is(($rung // {})->{reason}, 'failed', "$name is withdrawn");
    is scalar(() = $test->ladder->log =~ /\[warn\].*channel "chan" session (?#
        )\w+: rung $name withdrawn: failed: \S/g), 1,
        'the log says so, once' or diag $test->ladder->log;
}

$test->keeps_rules(5);

$test->sound;

done_testing;
