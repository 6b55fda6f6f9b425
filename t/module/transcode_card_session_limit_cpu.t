#!/usr/bin/perl

# A card with one session makes one rung, and the CPU the other.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', faults => { sessions => 1 });


sub devices
{
    return join ' ', sort map { ($test->ladder->rung($_) // {})->{device}
                                // 'none' } qw(low half);
}


ok $test->wait(sub { devices() eq 'cpu cuda' }), 'each has one'
    or diag devices(), $test->ladder->log;

$test->goes_on('low');
$test->goes_on('half');
is devices(), 'cpu cuda', 'it stays so';
$test->keeps_rules(5);

my @lines = $test->ladder->log =~ /\[warn\].*rung (?#
    )(?:low|half): the card failed, the CPU takes over: (.*)/g;
is @lines, 1, 'the log says it once' or diag $test->ladder->log;
like $lines[0], qr/no session left/, 'and why';

$test->sound;

done_testing;
