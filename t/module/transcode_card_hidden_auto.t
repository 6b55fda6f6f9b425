#!/usr/bin/perl

# Where there is no card "auto" is the CPU, which is nothing to warn of.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('auto', faults => { devices => 0 });

for my $name (qw(low half)) {
    ok $test->made($name, 'cpu'), "$name is made on the CPU"
        or diag $test->ladder->log;
}

$test->goes_on('low');
like $test->ladder->log,
    qr/\[notice\].*transcode: "auto" is the CPU: no card: \S/,
    'the log says what "auto" is, and why';
is scalar(() = $test->ladder->log =~ /no card/g), 1, 'once';
unlike $test->ladder->log, qr/\[(?:warn|error)\]/, 'it is no warning';

$test->sound;

done_testing;
