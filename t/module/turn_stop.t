#!/usr/bin/perl

# nginx is told to stop while publishers are live: their leases are given back,
# so that no other machine waits until they run out.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ctl;
use Onair::Redis;
use Onair::Server;
use Onair::Turn;

my $accounts = Onair::Ctl->sqlite;
my $redis = Onair::Redis->start;
my %key = map { $_ => $accounts->user($_) } qw(one two);


sub leases { @{ $redis->command('KEYS', 'onair:lease:*') } }
sub expired { ($redis->command('INFO', 'stats') =~ /^expired_keys:(\d+)/m)[0] }


for my $signal (qw(TERM QUIT)) {
    my $node = Onair::Turn->node($accounts, redis => $redis, workers => 2,
                                 app => 'ingest_drain 1s;');
    my @workers = $node->worker_pids;
    my @p = map { publish($node, $key{$_->[0]}, worker => $_->[1]) }
        ['one', $workers[0]], ['two', $workers[1]];

    is scalar(grep { $_->accepted } @p), 2, "$signal: two are live";
    ok wait_for { leases() == 2 }, "$signal: with a lease each";

    my $before = expired();
    $node->stop($signal);
    ok wait_for { leases() == 0 }, "$signal: both are given back";
    is expired(), $before, "$signal: none ran out";
}

done_testing;
