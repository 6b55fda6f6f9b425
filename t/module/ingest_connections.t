#!/usr/bin/perl

# An address has so many connections and no more; others are not concerned.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use IO::Socket::INET;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1,
    rtmp => 'ingest_connections 5; ingest_setup_timeout 1m;');


sub from
{
    my $address = shift;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $server->rtmp_port, LocalAddr => $address)
        || die "connect: $@";
}


sub closed { my $s = shift; return wait_for { $s->blocking(0);
    my $n = sysread $s, my $byte, 1; defined $n && $n == 0 } $_[0] // 10 }


my @open = map { from('127.0.0.2') } 1 .. 5;
ok closed(from('127.0.0.2')), 'the sixth is closed';
ok closed(from('127.0.0.2')), 'the seventh, too';
ok !closed($open[0], 0.3), 'the first one is not';

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
ok $p->accepted, 'another address publishes';

close pop @open;
ok wait_for { push @open, from('127.0.0.2'); !closed($open[-1], 1) },
    'who leaves makes room';

# kept open, so that not each of them finds room
my @more = map { from('127.0.0.2') } 1 .. 30;
closed($_, 5) for @more;
my @lines = $server->error_log =~ /connections of its address are open/g;
cmp_ok scalar @lines, '>', 0, 'the log says so';
cmp_ok scalar @lines, '<', 30, 'but not each time';

done_testing;
