#!/usr/bin/perl

# "takeover": who comes last has the channel, of the same worker, of another
# and of another machine; what viewers see goes on.

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
my $redis = Onair::Redis->start;
my ($a, $b) = map {
    Onair::Turn->node($accounts, name => $_, redis => $redis, workers => 2,
                      takeover => 1, app => 'ingest_grace 1m;')
} qw(a b);
my $viewer = Onair::Viewer->new($a, 'studio');
my $media = Onair::FLV::make(seconds => 3);
my @workers = $a->worker_pids;

my $p = publish($a, $key, worker => $workers[0]);
ok $p->accepted, 'the first is live';
$p->send_flv($media);
ok $viewer->wait_live('video', 'audio'), 'and seen';

my $session = $viewer->session;
my @cases = (['the same worker', $workers[0]], ['another', $workers[1]]);
my $seconds = $viewer->playlist('video')->{seconds};

for (1 .. @cases) {
    my ($what, $worker) = @{ $cases[$_ - 1] };

    my $q = publish($a, $key, worker => $worker);
    ok $q->accepted, "$what: the second is live";
    like ended($p)->{description}, qr/taken.over/,
        "$what: the first is told why it ends";
    $q->send_flv($media, offset => 60_000 * $_);
    ok $viewer->wait_seconds('video', $_ * 3 + 2), "$what: it is seen";
    is $viewer->session, $session, "$what: the session goes on";
    is $viewer->playlist('video')->{discontinuities}, $_,
        "$what: after a discontinuity";
    $p = $q;
}

my $q = publish($b, $key);
ok $q->accepted, 'another machine: the second is live';
ok ended($p), 'another machine: the first has ended';
like $redis->command('GET', 'onair:lease:{studio}'), qr/ b$/,
    'and the lease says where';
like $a->error_log, qr/"studio".*taken.over/, 'the log says why';

my $r = publish($a, $key);
ok $r->accepted, 'and back';
ok ended($q), 'the other has ended';

$r->close;
ok wait_for { !defined $redis->command('GET', 'onair:lease:{studio}') },
    'who leaves gives the lease back';

done_testing;
