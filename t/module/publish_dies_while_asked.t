#!/usr/bin/perl

# Connections that go away at any moment of their check leave nothing behind;
# who comes afterwards is served, and the memory is as before.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::AMF;
use Onair::RTMP;
use Onair::Server;

use constant SESSIONS => 60;


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my @keys = map { $accounts->add_user("channel-$_") } 1 .. 4;
    my $server = Onair::Server->start($accounts->configuration(workers => 1,
        app => 'publish_auth_cache 0; publish_auth_attempts off;'));
    my @left;

    for my $i (1 .. SESSIONS) {
        my $p = Onair::RTMP->new($server->rtmp_port);
        my $name = $i % 3 ? $keys[$i % @keys] : $accounts->unknown;

        $p->handshake;
        $p->connect;
        $p->create_stream;
        $p->command('publish', undef, Onair::AMF::string($name), 'live');
        $p->metadata(0, width => 320, height => 180) if $i % 4 == 0;
        $p->audio(0, "\xaf\x00\x11\x90") if $i % 4 == 1;
        $p->command('closeStream', undef, 1) if $i % 5 == 0;
        $p->command('publish', undef, Onair::AMF::string($name), 'live')
            if $i % 10 == 0;

        # some at once, some a little later, in another order
        push @left, $p;
        next if $i % 7 < 3;
        $p->read_some(0.002 * ($i % 4));
        (splice @left, $i % @left, 1)->close;
    }

    $_->close for @left;

    ok wait_for { my $n = () = $server->error_log =~ / disconnect,/g;
                  $n >= SESSIONS }, 'all have gone';

    for my $key (@keys) {
        ok wait_for { Onair::RTMP->publish($server->rtmp_port, $key)->accepted },
            'a channel is free afterwards';
    }
});

done_testing;
