#!/usr/bin/perl

# The zone's size: what is refused at the start and at a reload.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

for my $case (['1m', qr/too small/], ['12', qr/too small/],
              ['-5m', qr/invalid size/], ['much', qr/invalid size/],
              ['16m; onair_zone 16m', qr/duplicate/])
{
    my ($ok, $text) = Onair::Server->check(zone => $case->[0]);

    ok !$ok, "$case->[0] is refused";
    like $text, $case->[1], 'and it says why';
}

my ($ok, $text) = Onair::Server->check(zone => '16m');
ok $ok, '16m is enough' or diag $text;

my $server = Onair::Server->start(workers => 1, zone => '32m');
my $live = Onair::Steps->start($server, 'news');
my @before = $server->worker_pids;
my $conf = $server->dir . '/nginx.conf';

system 'sed', '-i', 's/onair_zone 32m/onair_zone 48m/', $conf;
$server->allow_log(qr/"onair_zone" cannot change/);
kill 'HUP', $server->pid;

ok wait_for { $server->error_log =~ /cannot change from 33554432 to 50331648/ },
   'another size is refused while nginx runs';
is_deeply [$server->worker_pids], \@before, 'the old workers stay';
$live->parts(1);
is $live->get('part-0.1.m4s')->{status}, 200, 'and so does the stream';

done_testing;
