#!/usr/bin/perl

# A card with one session makes one rung, and nobody the other where it is so
# configured.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', fallback => 'source',
                                    faults => { sessions => 1 });
my ($left, $lost);

ok $test->wait(sub {
    ($lost) = $test->ladder->log =~ /\[warn\].*(?#
        )rung (low|half) withdrawn: failed: h264_nvenc: .*no session left/;
}), 'one rung is withdrawn' or diag $test->ladder->log;

$left = $lost eq 'low' ? 'half' : 'low';
ok $test->made($left, 'cuda'), 'the other is made on the card';
$test->goes_on($left);
ok $test->wait(sub {
    "@{[ $test->viewer->renditions ]}" eq "audio $left video"
}), 'and listed, beside the source' or diag $test->ladder->log;
$test->keeps_rules(5);

$test->sound;

done_testing;
