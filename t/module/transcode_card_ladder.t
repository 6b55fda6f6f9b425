#!/usr/bin/perl

# A ladder is made on the card where "auto" finds one.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('auto');

for my $name (qw(low half)) {
    ok $test->made($name, 'cuda'), "$name is made on the card"
        or diag $test->ladder->log;
}

$test->goes_on('low');
$test->goes_on('half');
$test->keeps_rules(5);
like $test->ladder->log, qr/\[notice\].*transcode: "auto" is the card$/m,
    'the log says what "auto" is';
unlike $test->ladder->log, qr/\[(?:warn|error)\]/, 'and of nothing else';

$test->sound;

done_testing;
