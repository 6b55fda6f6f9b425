#!/usr/bin/perl

# The book: a row for each live session, over reconnects, with its end, its
# reason and its figures; also when a worker or the whole nginx is killed, and
# when the database was away.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ctl;
use Onair::FLV;
use Onair::Server;
use Onair::Turn;
use Onair::Viewer;

my $media = Onair::FLV::make(seconds => 3);
my $app = 'ingest_grace 2s;';


# The rows of a user, the newest last.
sub rows
{
    my ($accounts, $name) = @_;

    my $text = $accounts->query(<<"END");
SELECT s.id, s.node, s.address, s.started_ms, s.seen_ms,
       COALESCE(s.ended_ms, 0), COALESCE(s.end_reason, ''), s.bytes,
       s.peak_viewers
  FROM streams s JOIN users u ON u.id = s.user_id
 WHERE u.name = '$name' ORDER BY s.started_ms
END

    my @names = qw(id node address started seen ended reason bytes peak);

    return map {
        my %row;
        @row{@names} = split /\t/;
        \%row;
    } split /\n/, $text;
}


sub row { (rows(@_))[-1] }


sub broadcast
{
    my ($node, $key, $name, $offset) = @_;

    my $viewer = Onair::Viewer->new($node, $name);
    my $p = live($node, $key);

    $p->send_flv($media, offset => $offset // 0);
    $viewer->wait_live('video', 'audio') or die "$name: nothing to see";

    return ($p, $viewer->session);
}


for my $accounts (Onair::Ctl->each) {
    my $kind = $accounts->kind;

    my $node = Onair::Turn->node($accounts, name => 'a', workers => 2,
                                 app => $app);

    # a normal one, with a reconnect
    my $key = $accounts->user('normal');
    my $from = int(time * 1000) - 1000;
    my ($p, $session) = broadcast($node, $key, 'normal');
    my $row = wait_for { row($accounts, 'normal') };

    is $row->{id}, $session, "$kind: a row of the session";
    is $row->{node}, 'a', "$kind: with the node";
    is $row->{address}, '127.0.0.1', "$kind: and the publisher's address";
    is $row->{ended}, 0, "$kind: it is open";
    ok $row->{started} > $from && $row->{started} < time * 1000 + 1000,
        "$kind: it started now";
    ok wait_for { row($accounts, 'normal')->{seen} > $row->{seen} },
        "$kind: it is written on";

    my $bytes = wait_for { row($accounts, 'normal')->{bytes} };
    cmp_ok $bytes, '>', 1000, "$kind: with its bytes";

    $p->close;
    my ($q, $again) = broadcast($node, $key, 'normal', 60_000);
    is $again, $session, "$kind: the publisher is back";
    $q->close;
    ok wait_for { row($accounts, 'normal')->{ended} },
        "$kind: the session ends";
    is scalar(rows($accounts, 'normal')), 1, "$kind: in one row";
    $row = row($accounts, 'normal');
    is $row->{reason}, 'disconnected', "$kind: with a reason";
    cmp_ok $row->{bytes}, '>', 1.5 * $bytes, "$kind: of both";
    cmp_ok $row->{peak}, '>=', 1, "$kind: with its viewers";
    ok $row->{ended} >= $row->{started}, "$kind: and ended after it started";

    # a killed worker, whose publisher does not come back
    $key = $accounts->user('lost');
    ($p, $session) = broadcast($node, $key, 'lost');
    ok wait_for { row($accounts, 'lost') }, "$kind: another one";
    $node->kill_worker($node->publisher_worker('lost'));
    ok wait_for { row($accounts, 'lost')->{ended} },
        "$kind: the next worker closes the book of a killed one";
    is row($accounts, 'lost')->{reason}, 'worker_lost', "$kind: and says so";

    # stopped by its operator
    $key = $accounts->user('stopped');
    ($p, $session) = broadcast($node, $key, 'stopped');
    $accounts->json('channel', 'stop', 'stopped');
    ok wait_for { (row($accounts, 'stopped') // {})->{ended} },
        "$kind: one that is stopped";
    is row($accounts, 'stopped')->{reason}, 'stopped', "$kind: and says so";

    # other tracks, which no session can go on with
    $key = $accounts->user('changes');
    $p = live($node, $key);
    $p->audio(0, "\xaf\0\x11\x90");
    $p->audio(21 * $_, "\xaf\1" . 'x' x 20) for 1 .. 100;
    ok wait_for { row($accounts, 'changes') }, "$kind: one in 48 kHz";
    $p->audio(2200, "\xaf\0\x12\x10");
    $p->audio(2200 + 23 * $_, "\xaf\1" . 'x' x 20) for 1 .. 10;
    ok wait_for { rows($accounts, 'changes') == 2 }, "$kind: in 44.1 kHz";
    ($row, my $second) = rows($accounts, 'changes');
    is $row->{reason}, 'tracks_changed', "$kind: the first has ended";
    is $second->{ended}, 0, "$kind: the second is live";
    cmp_ok $second->{bytes}, '<', $row->{bytes}, "$kind: with its own bytes";
    $p->close;

    # a reload: the keeper of the new workers goes on
    $key = $accounts->user('reload');
    ($p, $session) = broadcast($node, $key, 'reload');
    $node->reload;
    ok wait_for { row($accounts, 'reload') }, "$kind: over a reload";
    $p->close;
    ok wait_for { row($accounts, 'reload')->{ended} },
        "$kind: the new workers close the book";

    # a killed nginx
    $key = $accounts->user('killed');
    ($p, $session) = broadcast($node, $key, 'killed');
    ok wait_for { row($accounts, 'killed') }, "$kind: one more";
    $node->allow_log(qr/exited on signal 9/);
    kill 'KILL', $node->pid, $node->worker_pids, $node->leaving_pids;
    is row($accounts, 'killed')->{ended}, 0, "$kind: nginx is killed";

    my $next = Onair::Turn->node($accounts, name => 'a', app => $app);
    ok wait_for { row($accounts, 'killed')->{ended} },
        "$kind: the next one closes the book";
    $row = row($accounts, 'killed');
    is $row->{reason}, 'node_lost', "$kind: and says so";
    is $row->{ended}, $row->{seen}, "$kind: it ended when last seen";

    # the database is away at the start and at the end
    my $server = $accounts->server or next;
    $key = $accounts->user('away');
    ($p) = broadcast($next, $key, 'away');
    $p->close;
    ok wait_for { row($accounts, 'away') }, "$kind: a known key";
    ok wait_for { row($accounts, 'away')->{ended} }, "$kind: that is off";
    $server->stop;
    ($p, $session) = broadcast($next, $key, 'away');
    $p->close;
    ok wait_for { $next->error_log =~ /"away" session $session.*gone/ },
        "$kind: live and off while the database is away";
    $server->restart;
    ok wait_for { my $r = row($accounts, 'away'); $r->{id} eq $session
                  && $r->{ended} },
        "$kind: its book is written when the database is back";
}

done_testing;
