#!/usr/bin/perl

# A worker without the publisher is killed: the others serve on.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 3);
my $live = Onair::Steps->start($server, 'news');
# the one that logged the publisher has it
my ($owner) = $server->error_log =~ /(\d+)#\d+: \*\d+ ingest: channel "news"/;

ok $owner, 'the worker of the publisher is known';

for my $n (1 .. 3) {
    my @pids = grep { $_ != $owner } $server->worker_pids;
    $server->kill_worker($pids[0]);
    ok wait_for { my @now = $server->worker_pids;
                  @now == 3 && !grep { $_ == $pids[0] } @now }, 'killed';

    my @held = map { $live->get_start("part-0.$n.m4s") } 1 .. 12;
    $live->parts(1);
    is scalar(grep { $_->finish->{status} == 200 } @held), 12,
       'all workers are woken';
}

done_testing;
