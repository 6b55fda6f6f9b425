#!/usr/bin/perl

# The source goes out alone where the card is not there and it is so configured.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', fallback => 'source',
                                    faults => { devices => 0 });

ok $test->viewer->wait_live(qw(video audio)), 'there is the source';

for my $name (qw(low half)) {
    ok $test->wait(sub { $test->ladder->log =~ /\[warn\].*(?#
        )channel "chan" session \w+: rung $name withdrawn: failed: no card: \S/
    }), "the log says why there is no $name" or diag $test->ladder->log;
}

$test->source_alone;
$test->keeps_rules(5);

$test->sound;

done_testing;
