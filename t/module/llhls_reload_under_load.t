#!/usr/bin/perl

# Viewers of every kind notice nothing of several reloads.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2);
my $live = Onair::Steps->start($server, 'news');
my ($failed, $answered) = (0, 0);

for my $n (1 .. 25) {
    my ($msn, $part) = $live->hint;
    my @held = map { $live->get_start($_) }
        ("part-$msn.$part.m4s", "index.m3u8?_HLS_msn=$msn&_HLS_part=$part",
         'part-0.0.m4s') x 5;

    if ($n % 4 == 1) {
        kill 'HUP', $server->pid;
    }

    $live->parts(1);

    for my $held (@held) {
        my $answer = eval { $held->finish };
        defined $answer && $answer->{status} == 200 ? $answered++ : $failed++;
    }
}

is $failed, 0, 'no request failed';
is $answered, 25 * 15, 'all were answered';

my ($owner) = $server->error_log =~ /(\d+)#\d+: \*\d+ ingest: channel "news"/;
$live->done;
ok wait_for { !kill 0, $owner }, 'the publisher\'s worker ends with it';

done_testing;
