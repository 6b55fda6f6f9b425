#!/usr/bin/perl

# Two machines on one Redis: a channel is never live on both, however many
# publishers start at the same moment, also when a machine is killed, or stops
# for a while and goes on.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Time::HiRes qw(time);

use Onair::Ctl;
use Onair::FLV;
use Onair::Redis;
use Onair::Server;
use Onair::Turn;
use Onair::Viewer;

my $rounds = 25;
my $accounts = Onair::Ctl->sqlite;
my $key = $accounts->user('studio');
my $redis = Onair::Redis->start;
my $media = Onair::FLV::make(seconds => 2);


sub node
{
    my ($name, %option) = @_;

    return Onair::Turn->node($accounts, name => $name, redis => $redis,
                             workers => 2, %option);
}


my %node = map { $_ => node($_) } qw(a b);


# Those of all these publishers who are on the air; they answer in any order.
sub accepted
{
    my (@publishers) = @_;

    for my $p (@publishers) {
        $p->{status} = eval { $p->wait_status };
    }

    return grep { $_->accepted } @publishers;
}


sub leased { $redis->command('GET', 'onair:lease:{studio}') // '' }


my (%times, %winners);

for (1 .. $rounds) {
    my @publishers = map { (ready($node{a}), ready($node{b})) } 1 .. 3;

    ask($_, $key) for $_ % 2 ? @publishers : reverse @publishers;

    my @live = accepted(@publishers);
    $times{ scalar @live }++;
    $winners{ (leased() =~ /(\w)$/)[0] // '-' }++;
    $_->close for @publishers;
    wait_for { leased() eq '' } or last;
}

is_deeply [sort keys %times], [1],
    'of six that start together one is live, each time'
    or diag join ' ', map { "$_ live: $times{$_}" } sort keys %times;
is $times{1}, $rounds, 'in all rounds';
note join ', ', map { "$_ won $winners{$_}" } sort keys %winners;

# killed, over and over; another machine follows, and the killed one returns
for my $round (1 .. 3) {
    my ($a, $b) = $round % 2 ? qw(a b) : qw(b a);
    my $p = live($node{$a}, $key);
    ok $p, "killed $round: $a is live";
    is publish($node{$b}, $key)->accepted, '', "killed $round: $b is not";

    $node{$a}->allow_log(qr/exited on signal 9/);
    kill 'KILL', $node{$a}->pid, $node{$a}->worker_pids;
    my $since = time;

    my $q = live($node{$b}, $key);
    ok $q, "killed $round: $b follows";
    my $took = time - $since;
    cmp_ok $took, '<', 8, "killed $round: soon";
    note sprintf 'after %.1f s', $took;

    $node{$a} = node($a);
    is publish($node{$a}, $key)->accepted, '',
        "killed $round: $a is back and refuses";
    ok !$q->wait_closed(1), "killed $round: $b goes on";
    $q->close;
    wait_for { leased() eq '' };
}

# a machine that stops for longer than its lease, and goes on
my $p = live($node{a}, $key);
$p->send_flv($media);
my @paused = ($node{a}->pid, $node{a}->worker_pids);
kill 'STOP', @paused;
my $q = live($node{b}, $key);
ok $q, 'paused: another follows';
kill 'CONT', @paused;
ok ended($p), 'paused: the first one ends when it goes on';
like $node{a}->error_log, qr/"studio".*ended: lease_lost/,
    'paused: and says why';
ok !$q->wait_closed(1), 'paused: the other goes on';
$q->close;

done_testing;
