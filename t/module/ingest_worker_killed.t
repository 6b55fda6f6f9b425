#!/usr/bin/perl

# kill -9 of the publisher's worker: the publisher returns to its session.

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
ok $viewer->wait_live('video', 'audio'), 'it is on the air';
ok $viewer->wait_seconds('video', 3.5), 'with all that was sent';

my $session = $viewer->session;
my $before = $viewer->playlist('video');
my ($worker) = $server->error_log
    =~ /\[notice\] (\d+)#\d+: .*channel "chan" session \w+ started/;

$server->kill_worker($worker);
ok $p->wait_closed, 'its worker is killed';

my $again = wait_for {
    my $q = eval { Onair::RTMP->publish($server->rtmp_port, 'chan') };
    $q && $q->accepted && $q;
};
ok $again, 'it is accepted again';
$again->send_flv($media, offset => 60_000);
ok $viewer->wait_seconds('video', $before->{seconds} + 3.5),
    'its media is there';

my $list = $viewer->playlist('video');
is $viewer->session, $session, 'in the same session';
is $list->{discontinuities}, 1, 'after a discontinuity';
is_deeply [map { $_->{msn} } @{ $list->{segments} }],
    [0 .. $#{ $list->{segments} }], 'numbers go on';

my ($decoded) = @{ $viewer->decode('video') };
is $decoded->{errors}, '', 'what viewers have is whole';

done_testing;
