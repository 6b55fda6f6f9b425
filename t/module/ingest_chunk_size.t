#!/usr/bin/perl

# Chunk sizes that waste the server's memory are refused.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Hostile;
use Onair::RTMP;

my $server = hostile_server();

for my $size (0, 1, 127, 10485761, 0x7fffffff, 0xffffffff) {
    refused($server, "chunk size $size", sub {
        $_[0]->message(1, 0, pack 'N', $size);
        $_[0]->raw("\xc3" x 1000);
    });
}

for my $size (128, 129, 4096, 65536, 10485760) {
    my $p = Onair::RTMP->publish($server->rtmp_port, "s$size",
                                 chunk_size => $size);
    ok $p->accepted, "chunk size $size";
}

for my $body ('', "\0", "\0\0\0") {
    harmless($server, 'chunk size of ' . length($body) . ' bytes',
             sub { $_[0]->message(1, 0, $body) });
}

done_testing;
