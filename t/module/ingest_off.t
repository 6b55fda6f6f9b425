#!/usr/bin/perl

# Applications without ingest are nginx-rtmp's alone.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1, rtmp_app => '
        }
        application plain {
            live on;
');
my $media = Onair::FLV::make(seconds => 3);
my $viewer = Onair::Viewer->new($server, 'chan');

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan', app => 'plain');
ok $p->accepted, 'it is accepted';
$p->send_flv($media);

my $any = Onair::RTMP->publish($server->rtmp_port, '.any name',
                               app => 'plain');
ok $any->accepted, 'under any name';

my $q = Onair::RTMP->publish($server->rtmp_port, 'chan');
ok $q->accepted, 'the channel is free for an application with ingest';
is $viewer->session, undef, 'and has no session with media';
$q->send_flv($media);
ok $viewer->wait_live('video', 'audio'), 'until that one publishes';

done_testing;
