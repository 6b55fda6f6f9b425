#!/usr/bin/perl

# Aggregate messages are refused.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Hostile;

my $server = hostile_server();
my $tag = pack('C', 8) . "\0\0\4" . "\0\0\0\0" . "\0\0\0" . "\xaf\1ab"
    . pack 'N', 15;

refused($server, 'two audio tags', sub { $_[0]->message(22, 0, $tag x 2) });
refused($server, 'one that is empty', sub { $_[0]->message(22, 0, '') });
refused($server, 'one in itself', sub {
    my $inner = pack('C', 22) . "\0\0\x0f" . "\0" x 7 . $tag;
    $_[0]->message(22, 0, $inner);
});

like $server->error_log, qr/\[info\].*session closed: aggregate message/,
    'the log says why';

done_testing;
