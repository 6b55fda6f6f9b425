#!/usr/bin/perl

# A publisher that returns within the grace goes on in its session, after a
# discontinuity, with rising numbers.

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
my $media = Onair::FLV::make(seconds => 5);

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
$p->send_flv($media);
ok $viewer->wait_live('video', 'audio'), 'it is on the air';
$p->close;
ok wait_for { $server->error_log =~ /publisher gone/ }, 'it drops';

my $session = $viewer->session;
my $before = $viewer->playlist('video');
ok !$before->{endlist}, 'the playlist goes on without a publisher';

# a restarted encoder begins anew, with timestamps of its own
$p = Onair::RTMP->publish($server->rtmp_port, 'chan', chunk_size => 4096);
ok $p->accepted, 'it returns';
$p->send_flv($media, offset => 7_000_000);
ok $viewer->wait_seconds('video', 9.5), 'its media is there';
$p->close;

is $viewer->session, $session, 'the session is the same';

for my $name ('video', 'audio') {
    my $list = $viewer->playlist($name);
    my ($cut) = grep { $_->{discontinuity} } @{ $list->{segments} };

    is $list->{discontinuities}, 1, "$name: one discontinuity";
    ok $cut && $cut->{msn} > 0, "$name: between the two";
    is $cut->{msn}, $before->{msn} + @{ $before->{segments} },
        "$name: the next number" if $name eq 'video';
    is_deeply [map { $_->{msn} } @{ $list->{segments} }],
        [$list->{msn} .. $list->{msn} + $#{ $list->{segments} }],
        "$name: numbers without a gap";
}

my ($decoded) = @{ $viewer->decode('video') };
is $decoded->{frames}, 300, 'every frame of both is decoded';
is $decoded->{errors}, '', 'without errors';

done_testing;
