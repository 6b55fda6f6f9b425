#!/usr/bin/perl

# Garbage behind the handshake ends the session and nothing else.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Hostile;
use Onair::RTMP;

my $server = hostile_server();
my $live = Onair::RTMP->publish($server->rtmp_port, 'live');

srand 20;

for my $n (1 .. 20) {
    my $bytes = join '', map { chr int rand 256 } 1 .. 20000;

    my $p = Onair::RTMP->new($server->rtmp_port);
    $p->handshake;
    $p->raw($bytes);
    $p->close;
}

# well-formed messages of random bodies, of a publisher too
for my $n (1 .. 10) {
    my $p = Onair::RTMP->publish($server->rtmp_port, "chan$n");

    for my $i (1 .. 100) {
        my $body = join '', map { chr int rand 256 } 1 .. rand 300;

        $body = "\x17" . chr(rand 3) . $body if $i % 3 == 0;
        $body = "\xaf" . chr(rand 2) . $body if $i % 3 == 1;
        $p->message(8 + rand 2, $i * 20, $body, msid => 1) unless $p->{gone};
    }

    $p->close;
}

harmless($server, 'the next session', sub { });
ok !$live->wait_closed(0.3), 'another publisher did not notice';

done_testing;
