#!/usr/bin/perl

# A publisher that does not return in time ends its session; the next one
# begins another.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2, rtmp_app => 'ingest_grace 1s;');
my $viewer = Onair::Viewer->new($server, 'chan');
my $media = Onair::FLV::make(seconds => 4);

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
$p->send_flv($media);
ok $viewer->wait_live('video', 'audio'), 'it is on the air';

my $session = $viewer->session;
$p->close;

for my $name ('video', 'audio') {
    ok wait_for {
        my $list = $viewer->playlist($name, $session);
        $list && $list->{endlist};
    }, "$name has an end";
}

my ($decoded) = @{ $viewer->decode('video', $session) };
is $decoded->{frames}, 120, 'all that was sent is in it';

$p = Onair::RTMP->publish($server->rtmp_port, 'chan');
ok $p->accepted, 'another publisher comes';
$p->send_flv($media);
ok wait_for { ($viewer->session // $session) ne $session },
    'in another session';
ok $viewer->wait_live('video', 'audio'), 'which is on the air';
ok !$viewer->playlist('video')->{endlist}, 'and has no end';
is $viewer->playlist('video')->{discontinuities}, 0, 'and no discontinuity';
ok $viewer->playlist('video', $session)->{endlist},
    'the ended one is still there';

done_testing;
