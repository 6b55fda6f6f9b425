#!/usr/bin/perl

# AMF messages of more than 16 KB are refused, up to there accepted.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::AMF qw(encode);
use Onair::Hostile;
use Onair::RTMP;

my $server = hostile_server();


sub padded
{
    my $size = shift;
    my $body = encode('connect', 1, [ app => 'live', pad => '' ]);

    substr $body, -5, 2, pack 'n', $size - length $body;
    substr $body, -3, 0, 'x' x ($size - length $body);

    return $body;
}


for my $chunk_size (128, 65536) {
    refused($server, "16,385 bytes in chunks of $chunk_size", sub {
        my $p = shift;
        $p->set_chunk_size($chunk_size) if $chunk_size != 128;
        $p->message(20, 0, padded(16385));
    });

    my $p = Onair::RTMP->new($server->rtmp_port);
    $p->handshake;
    $p->set_chunk_size($chunk_size) if $chunk_size != 128;
    $p->message(20, 0, padded(16384));
    ok $p->wait_command('_result'), "16,384 bytes in chunks of $chunk_size";
}

like $server->error_log, qr/\[info\].*session closed: AMF message too long/,
    'the log says why';

done_testing;
