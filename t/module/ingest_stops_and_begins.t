#!/usr/bin/perl

# A publisher that stops its stream may begin it again, on one connection too.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1, rtmp_app => 'ingest_grace 1m;');
my $viewer = Onair::Viewer->new($server, 'chan');
my $media = Onair::FLV::make(seconds => 4);

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
$p->send_flv($media);
ok $viewer->wait_live('video', 'audio'), 'it is on the air';
my $session = $viewer->session;

$p->unpublish('chan');
is $p->wait_status->{code}, 'NetStream.Unpublish.Success', 'it stops';
ok !$viewer->playlist('video')->{endlist}, 'and may come back';

$p->send_flv($media, offset => 100_000);
is $viewer->playlist('video')->{discontinuities}, 0,
    'what it sends without publishing is ignored';

ok $p->publish_name('chan') && $p->accepted, 'it publishes again';
$p->send_flv($media, offset => 200_000);
ok $viewer->wait_seconds('video', 7.5), 'its media is there';
is $viewer->session, $session, 'in the same session';

done_testing;
