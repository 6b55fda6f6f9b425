#!/usr/bin/perl

# After a reload a publisher stays where it is; new workers serve its parts.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2);
my $viewer = Onair::Viewer->new($server, 'chan');
my $media = Onair::FLV::make(seconds => 8);
my @first = grep { $_->{timestamp} < 4000 } @$media;
my @second = grep { $_->{timestamp} >= 4000 } @$media;

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
$p->send_flv(\@first);
ok $viewer->wait_seconds('video', 3.5), 'it is on the air';
my $session = $viewer->session;

$server->reload;
$p->send_flv(\@second);
ok !$p->wait_closed(0.3), 'the publisher stays connected';
ok $viewer->wait_seconds('video', 7.5), 'new workers have its new parts';
is $viewer->session, $session, 'in the same session';

my $q = Onair::RTMP->publish($server->rtmp_port, 'chan');
is $q->status->{description}, 'already live', 'new workers know it is live';

# a viewer that waits on a new worker is woken by the old one
my $list = $viewer->playlist('video');
my ($hint) = $list->{text} =~ /PRELOAD-HINT:.*URI="([^"]+)"/;
my $waiting = $server->get_start("/live/chan/$session/video/$hint");
$p->send_flv(Onair::FLV::shifted(
    [grep { Onair::FLV::is_frame($_) } @first], 8000));
is $server->get_finish($waiting)->{status}, 200, 'a waiting viewer is woken';

done_testing;
