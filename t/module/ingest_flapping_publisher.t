#!/usr/bin/perl

# A publisher that comes and goes does not fill the log; others are logged.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1);


sub lines
{
    my $name = shift;
    my @lines = $server->error_log
        =~ /\[notice\].*ingest: channel "$name" session \w+(?: started|: pub)/g;

    return scalar @lines;
}


for my $n (1 .. 40) {
    my $p = Onair::RTMP->publish($server->rtmp_port, 'flap');
    $p->unpublish('flap');
    $p->wait_status;
    $p->close;
}

my $p = Onair::RTMP->publish($server->rtmp_port, 'calm');
ok $p->accepted, 'another publishes';
is lines('calm'), 1, 'its line is there';
cmp_ok lines('flap'), '>=', 4, 'the first lines of the flapping one are';
cmp_ok lines('flap'), '<=', 20, 'the rest is not';

done_testing;
