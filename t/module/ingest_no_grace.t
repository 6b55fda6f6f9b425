#!/usr/bin/perl

# Without a grace each publisher has a session of its own; viewers who wait in
# the old one are told that it has ended.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2, rtmp_app => 'ingest_grace 0;');
my $viewer = Onair::Viewer->new($server, 'chan');
my $media = Onair::FLV::make(seconds => 4);
my %sessions;

for my $n (1 .. 4) {
    my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
    ok $p->accepted, "publisher $n";
    $p->send_flv($media);

    ok wait_for { my $id = $viewer->session; $id && !$sessions{$id} },
        'has a session of its own';
    ok $viewer->wait_seconds('video', 3.5), 'with its media';

    my $session = $viewer->session;
    my $list = $viewer->playlist('video');
    my $last = $list->{segments}[-1]{msn};
    $sessions{$session} = 1;

    my $waiting = $server->get_start(
        "/live/chan/$session/video/index.m3u8?_HLS_msn=" . ($last + 1));
    ok !$waiting->ready, 'a viewer waits for more';
    $p->close;

    # the next one comes before anybody looks after run-out graces
    wait_for {
        my $q = Onair::RTMP->publish($server->rtmp_port, 'chan');
        $q->accepted;
    } or die 'the channel is not free';

    my $answer = $server->get_finish($waiting);
    is $answer->{status}, 200, 'the viewer is answered';
    like $answer->{body}, qr/^#EXT-X-ENDLIST/m, 'with the end';
}

done_testing;
