#!/usr/bin/perl

# The answer comes soon: a wrong key is refused, and a right one is live, in
# less than 200 ms from the publish command, although nothing is remembered.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Time::HiRes qw(time);

use Onair::Accounts;
use Onair::AMF;
use Onair::RTMP;
use Onair::Server;

use constant { TRIES => 8, LIMIT_MS => 200 };


# The status and the milliseconds until it came.
sub timed
{
    my ($server, $name) = @_;
    my $p = Onair::RTMP->new($server->rtmp_port);

    $p->handshake;
    $p->connect;
    $p->create_stream;

    my $start = time;

    $p->publish_name($name);

    return ($p, 1000 * (time - $start));
}


sub best
{
    my ($server, $expected, @names) = @_;
    my @ms;

    for my $name (@names) {
        my ($p, $ms) = timed($server, $name);
        is $p->status->{code}, "NetStream.Publish.$expected", $expected;
        push @ms, $ms;
    }

    return (sort { $a <=> $b } @ms)[0];
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my @keys = map { $accounts->add_user("channel-$_") } 1 .. TRIES;
    my $server = Onair::Server->start($accounts->configuration(workers => 2,
        app => 'publish_auth_attempts off;'));

    my $right = best($server, 'Start', @keys);
    my $wrong = best($server, 'BadName', map { $accounts->unknown } 1 .. TRIES);

    note sprintf 'right %.1f ms, wrong %.1f ms', $right, $wrong;
    cmp_ok $right, '<', LIMIT_MS, 'a right key is live soon';
    cmp_ok $wrong, '<', LIMIT_MS, 'a wrong key is refused soon';
});

done_testing;
