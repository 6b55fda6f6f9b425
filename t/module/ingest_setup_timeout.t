#!/usr/bin/perl

# Connections that do not become publishers are closed, wherever they stop.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use IO::Socket::INET;
use Time::HiRes qw(time sleep);

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1,
    rtmp => 'ingest_setup_timeout 2s;');
my $media = Onair::FLV::make(seconds => 2);
my %stage;
my $begin = time;

sub session
{
    my $p = Onair::RTMP->new($server->rtmp_port);
    $p->handshake;
    return $p;
}

$stage{'nothing sent'} = Onair::RTMP->new($server->rtmp_port);
$stage{'half a handshake'} = Onair::RTMP->new($server->rtmp_port);
$stage{'half a handshake'}->raw("\x03" . 'x' x 700);
$stage{'no last part of the handshake'} = Onair::RTMP->new($server->rtmp_port);
$stage{'no last part of the handshake'}->raw("\x03" . 'x' x 1536);
$stage{'no connect'} = session();
$stage{'half a connect'} = session();
$stage{'half a connect'}->raw("\x03\0\0\0\0\1\0\x14\0\0\0\0" . 'x' x 100);
($stage{'no publish'} = session())->connect;
($stage{'createStream, no publish'} = session())->connect;
$stage{'createStream, no publish'}->create_stream;
$stage{'no media'} = Onair::RTMP->publish($server->rtmp_port, 'silent');
$stage{'publish ended'} = Onair::RTMP->publish($server->rtmp_port, 'ended');
$stage{'publish ended'}->send_flv($media);
$stage{'publish ended'}->unpublish('ended');

my %slow = map { $_ => Onair::RTMP->new($server->rtmp_port) }
    'a byte at a time, handshake';
$slow{'a byte at a time, connect'} = session();
$slow{'a byte at a time, connect'}->raw("\x03\0\0\0\0\1\0\x14\0\0\0\0");

my $publisher = Onair::RTMP->publish($server->rtmp_port, 'chan');
$publisher->send_flv($media);
my $player = session();
$player->connect;
$player->create_stream;
$player->command('play', undef, Onair::AMF::string('chan'));

my $all = wait_for {
    $_->{gone} || $_->raw("\x03") for values %slow;
    $_->read_some(0) for values %stage;
    sleep 0.1;
    !grep { !$_->{gone} } values %stage, values %slow;
} 15;

ok $all, 'all are closed';

ok $stage{$_}{gone}, "$_: closed" for sort keys %stage;
ok $slow{$_}{gone}, "$_: closed" for sort keys %slow;
cmp_ok time - $begin, '>', 1.5, 'but not at once';
ok !$publisher->wait_closed(0.2), 'a publisher is not';
ok !$player->wait_closed(0.2), 'a player is not';
ok(Onair::Viewer->new($server, 'chan')->wait_live('video', 'audio'),
   'and the publisher is on the air');

like $server->error_log, qr/\[info\].*session closed: no "connect" in time/,
    'the log says why';

$server->stop;
$server = Onair::Server->start(workers => 1,
    rtmp => 'ingest_setup_timeout 0;');
my $p = Onair::RTMP->new($server->rtmp_port);
ok !$p->wait_closed(0.5), '0: there is no limit';

done_testing;
