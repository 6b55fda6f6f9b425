#!/usr/bin/perl

# Killed workers leave their places on the bus to those that follow, also
# more of them than there are places.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 8);

for my $round (1 .. 17) {
    my %old = map { $_ => 1 } $server->worker_pids;

    $server->kill_worker($_) for keys %old;
    wait_for { my @now = $server->worker_pids;
               @now == 8 && !grep { $old{$_} } @now } or last;
}

unlike $server->error_log, qr/places of workers are taken/, 'all have a place';

my $live = Onair::Steps->start($server, 'news');
my @held = map { $live->get_start('part-0.1.m4s') } 1 .. 32;
$live->parts(1);
is scalar(grep { $_->finish->{status} == 200 } @held), 32, 'all are woken';

done_testing;
