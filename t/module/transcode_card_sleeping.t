#!/usr/bin/perl

# Rungs that sleep do not take a card's session from one that is on.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda', faults => { sessions => 1 },
    rungs => 'transcode_rendition low height=90 bitrate=100k
                                  preset=ultrafast mode=always; '
             . join '', map { "transcode_rendition $_ bitrate=100k "
                              . 'preset=ultrafast; ' }
                        'a height=100', 'b height=110', 'c height=120');

ok $test->made('low', 'cuda'), 'the one that is on has it'
    or diag $test->ladder->log;
ok $test->viewer->wait_live('video'), 'there is the source';
ok $test->wait(sub {
    !grep { my $rung = $test->ladder->rung($_);
            !$rung || $rung->{state} ne 'asleep' } qw(a b c)
}), 'others are listed, and asleep' or diag $test->ladder->log;
$test->goes_on('low');
is $test->ladder->rung('low')->{device}, 'cuda', 'it stays on the card';
unlike $test->ladder->log, qr/rung low: the card failed/, 'all the time';

$test->sound;

done_testing;
