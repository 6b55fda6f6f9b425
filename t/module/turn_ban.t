#!/usr/bin/perl

# A ban, a rotated key and "channel stop" end a live stream within a second;
# others go on.  So on each machine that shares the database.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Time::HiRes qw(time);

use Onair::Ctl;
use Onair::Server;
use Onair::Turn;


# The best of some tries: the machine of a test may be busy.
sub within_a_second
{
    my ($what, $code) = @_;
    my $best;

    for my $try (1 .. 3) {
        my $took = $code->("$try");
        return if !defined $took;
        $best = $took if !defined $best || $took < $best;
        last if $best < 1;
    }

    cmp_ok $best, '<', 1, "$what: within a second";
}


for my $accounts (Onair::Ctl->each) {
    my $kind = $accounts->kind;

    my @nodes = map {
        Onair::Turn->node($accounts, name => $_, workers => 2)
    } $kind eq 'SQLite' ? 'a' : ('a', 'b');
    my $other = publish($nodes[0], $accounts->user('other'));
    ok $other->accepted, "$kind: another is live";

    # commands are known once the keeper reads
    for (['ban', 'banned', 'user', 'ban'],
         ['disallow', 'not_allowed', 'user', 'disallow'],
         ['rotate', 'key_revoked', 'key', 'rotate'],
         ['stop', 'stopped', 'channel', 'stop'])
    {
        my ($what, $reason, @command) = @$_;

        within_a_second("$kind: $what", sub {
            my $name = "$what$_[0]";
            my $key = $accounts->user($name);
            my $p = publish($nodes[-1], $key);

            ok $p->accepted, "$kind: $name is live" or return;
            $accounts->json(@command, $name);

            my $since = time;
            ok ended($p), "$kind: $name is ended and told why" or return;
            my $took = time - $since;

            like $nodes[-1]->error_log, qr/"$name".*ended: $reason/,
                "$kind: $name: the log says why";
            note sprintf '%s: after %.2f s', $name, $took;
            ok live($nodes[-1], $key), "$kind: it may come back"
                if $what eq 'stop';

            return $took;
        });
    }

    my $name = 'new';
    $accounts->user($name);
    my $p = publish($nodes[0],
                    $accounts->json('key', 'rotate', $name)->{key});
    ok $p->accepted, "$kind: a new key is in force";
    $accounts->json('channel', 'set', $name, '--title', 'x');
    ok !$other->wait_closed(1), "$kind: the other is live all the while";
    ok !$p->wait_closed(0.1), "$kind: and so is the one with the new key";
}

done_testing;
