#!/usr/bin/perl

# "refuse", the default: who is live stays, on this worker, on another and on
# another machine; a killed worker or machine frees the channel.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ctl;
use Onair::FLV;
use Onair::Redis;
use Onair::Server;
use Onair::Turn;
use Onair::Viewer;

my $accounts = Onair::Ctl->sqlite;
my $key = $accounts->user('studio');
my $other = $accounts->user('other');
my $redis = Onair::Redis->start;
my ($a, $b) = map {
    Onair::Turn->node($accounts, name => $_, redis => $redis, workers => 2,
                      app => 'ingest_drain 0;')
} qw(a b);
my @workers = $a->worker_pids;

my $p = publish($a, $key, worker => $workers[0]);
ok $p->accepted, 'the first is live';

for (['the same worker', $a, $workers[0]], ['another', $a, $workers[1]],
     ['another machine', $b])
{
    my ($what, $node, $worker) = @$_;
    my $q = publish($node, $key, worker => $worker);

    is $q->status->{code}, 'NetStream.Publish.BadName', "$what: refused";
    is $q->status->{description}, 'already live', "$what: and told why";
    ok $q->wait_closed, "$what: and disconnected";
}

ok publish($b, $other)->accepted, 'another channel is free';

$a->reload;
ok !$p->wait_closed(3), 'over a reload the first stays';
is publish($a, $key)->accepted, '', 'new workers know that it is live';
is publish($b, $key)->accepted, '', 'and other machines, past its lease';
@workers = $a->worker_pids;

$p->close;
ok wait_for { !$a->leaving_pids }, 'old workers end with their publishers';
my $q = live($b, $key, within => 10);
ok $q, 'once the first is gone another machine has the channel';
$q->close;

$p = live($a, $key, worker => $workers[0], within => 10);
ok $p, 'and back';
$a->kill_worker($workers[0]);
ok wait_for { ($a->worker_pids) == 2 }, 'its worker is killed';
$q = live($a, $key, worker => $workers[1], within => 10);
ok $q, 'the channel is free for another worker';
$q->close;

$q = live($b, $key, within => 10);
$q->send_flv(Onair::FLV::make(seconds => 1));
$b->allow_log(qr/exited on signal 9/);
my ($worker) = $b->publisher_worker('studio');
kill 'KILL', $b->pid, $b->worker_pids;
$b = Onair::Turn->node($accounts, name => 'b', redis => $redis);
$q = publish($b, $key);
ok $q->accepted, 'a killed nginx that is started again has it at once';

$b->allow_log(qr/exited on signal 9/);
kill 'KILL', $b->pid, $b->worker_pids;
my $since = time;
ok live($a, $key, within => 10), 'a killed machine frees the channel';
cmp_ok time - $since, '<', 6, 'soon';

done_testing;
