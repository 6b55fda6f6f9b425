#!/usr/bin/perl

# A worker that is told to exit gives its publishers' channels back.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2, rtmp_app => 'ingest_grace 1m;');
my $viewer = Onair::Viewer->new($server, 'chan');
my $media = Onair::FLV::make(seconds => 4);

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
$p->send_flv($media);
ok $viewer->wait_seconds('video', 3.5), 'it is on the air';
my $session = $viewer->session;
my ($worker) = $server->error_log
    =~ /\[notice\] (\d+)#\d+: .*channel "chan" session \w+ started/;

kill 'TERM', $worker;
ok $p->wait_closed, 'its worker exits';
like $server->error_log, qr/\[notice\] $worker#.*publisher gone/,
    'and has given the channel back';

$p = Onair::RTMP->publish($server->rtmp_port, 'chan');
ok $p->accepted, 'the publisher returns';
is $viewer->session, $session, 'to its session';

done_testing;
