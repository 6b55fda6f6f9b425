#!/usr/bin/perl

# Redis stops, hangs and comes back, empty: who is live stays, new publishers
# get on by their machine's own roster, and are leased when it is back.  Of two
# who got on apart from each other one then stops.

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

my $accounts = Onair::Ctl->sqlite;
my $redis = Onair::Redis->start;
my %node = map {
    $_ => Onair::Turn->node($accounts, name => $_, redis => $redis,
                            workers => 2, database => 'timeout=2s',
                            redis_timeout => '500ms',
                            app => 'publish_auth_stall 1m;')
} qw(a b);


sub leased { $redis->command('GET', "onair:lease:{$_[0]}") // '' }


for (['hangs', sub { $redis->pause }, sub { $redis->resume }],
     ['is killed', sub { $redis->kill }, sub { $redis->restart }])
{
    my ($what, $away, $back) = @$_;
    my $n = substr $what, 0, 1;
    my ($one, $two, $both) = map { $accounts->user("$_$n") } qw(one two both);

    my $p = publish($node{a}, $one);
    ok $p->accepted, "$what: one is live";
    ok wait_for { leased("one$n") =~ / a$/ }, "$what: with a lease";

    my $backup = publish($node{b}, "$one?backup=1");
    ok !$backup->wait_closed(1), "$what: a backup stands by elsewhere";

    $away->();
    my $since = time;
    my $q = publish($node{a}, $two);
    ok $q->accepted, "$what: another gets on";
    my $took = time - $since;
    cmp_ok $took, '<', 5, "$what: in bounded time";
    note sprintf '%s: live after %.2f s', $what, $took;
    is publish($node{a}, $two)->accepted, '',
        "$what: but not twice on one machine";
    ok !$p->wait_closed(4), "$what: who was live stays, over its lease's end";

    unlike $node{b}->error_log, qr/channel "one$n" session/,
        "$what: and its backup where it is";

    my @both = map { publish($node{$_}, $both) } qw(a b);
    is scalar(grep { $_->accepted } @both), 2,
        "$what: machines that do not know of each other both accept";

    $back->();
    ok wait_for { leased("one$n") =~ / a$/ && leased("two$n") =~ / a$/ },
        "$what: Redis is back, both have their lease";
    ok wait_for { !publish($node{b}, $two)->accepted },
        "$what: which the other machine sees, once it is connected";
    ok !$p->wait_closed(0.1) && !$q->wait_closed(0.1), "$what: both go on";

    ok wait_for { grep { $_->wait_closed(0.1) } @both },
        "$what: of the two one is stopped";
    sleep 1;
    is scalar(grep { !$_->wait_closed(0.5) } @both), 1,
        "$what: and the other goes on";
    like $node{a}->error_log . $node{b}->error_log,
        qr/"both$n".*ended: lease_lost/, "$what: the log says why";

    $_->close for $q, @both;
    ok wait_for { leased("two$n") eq '' }, "$what: leases are given back";
    ok !$backup->wait_closed(0.1), "$what: the backup still stands by";
    $p->close;
    ok wait_for { leased("one$n") =~ / b$/ },
        "$what: and has its turn when the primary leaves";
    $backup->close;
}

done_testing;
