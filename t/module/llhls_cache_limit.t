#!/usr/bin/perl

# A cache that is too small for what is asked for still serves it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1, http => 'llhls_cache 4k;');
my $live = Onair::Steps->start($server, 'news');

$live->segment for 1 .. 3;

my @segments = map { $live->get("seg-$_.m4s")->{body} } 0 .. 2;

for my $round (1 .. 3) {
    my @all = map { my $n = $_; map { $live->get_start("seg-$n.m4s") } 1 .. 4 }
                  0 .. 2;
    my @bodies = map { $_->finish->{body} } @all;

    is scalar(grep { $bodies[$_] eq $segments[$_ / 4] } 0 .. 11), 12,
       "round $round";
}

done_testing;
