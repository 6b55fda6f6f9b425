#!/usr/bin/perl

# A card that is back makes the ladder of who publishes next; the rungs that the
# CPU took over stay there.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::CardLadder;

my $test = Onair::CardLadder->start('cuda');

ok $test->made('low', 'cuda'), 'the card makes a ladder'
    or diag $test->ladder->log;
$test->faults(dead => 1);
ok $test->made('low', 'cpu'), 'and fails' or diag $test->ladder->log;

$test->faults;

my $publisher = Onair::Publisher->ffmpeg($test->server->rtmp_url('next'),
                                         fps => 20, gop => 20);
my $next = Onair::Ladder->new($test->server, 'next');

ok $test->wait(sub {
    my $rung = $next->rung('low');
    $rung && $rung->{device} eq 'cuda' && $rung->{frames} > 15;
}), 'it is back for the next publisher' or diag $next->log;
is $test->ladder->rung('low')->{device}, 'cpu', 'not for the one before';
$publisher->stop;

$test->sound;

done_testing;
