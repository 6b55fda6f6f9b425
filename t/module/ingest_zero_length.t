#!/usr/bin/perl

# Messages without a body do no harm, before publish and behind it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Hostile;
use Onair::RTMP;

my $server = hostile_server();

for my $type (0 .. 14, 21, 23 .. 30) {
    harmless($server, "message of type $type", sub {
        $_[0]->connect;
        $_[0]->message($type, 0, '', msid => 1);
    });
}

for my $type (15 .. 20, 22) {
    refused($server, "AMF message of type $type",
            sub { $_[0]->message($type, 0, '', msid => 1) });
}

my @workers = $server->worker_pids;
my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');

for my $ms (0 .. 50) {
    $p->audio($ms, '');
    $p->video($ms, '');
    $p->audio($ms, "\xaf");
    $p->video($ms, "\x17");
}

ok !$p->wait_closed(0.3), 'a publisher may send them';
is_deeply [$server->worker_pids], \@workers, 'to a worker that stays';

done_testing;
