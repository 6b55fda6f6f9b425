#!/usr/bin/perl

# What clients do wrong is logged, but never more than a few lines a second.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1);
my $begin = time;

Onair::RTMP->publish($server->rtmp_port, '.x') for 1 .. 60;

my $seconds = time - $begin + 2;
my $lines = () = $server->error_log =~ /ingest: channel/g;

cmp_ok $lines, '>', 0, 'there are lines';
cmp_ok $lines, '<=', 5 * $seconds, 'five a second at most';

sleep 1.1;
Onair::RTMP->publish($server->rtmp_port, '.x');
like $server->error_log, qr/ingest: \d+ lines like those above kept back/,
    'it says how many are missing';

done_testing;
