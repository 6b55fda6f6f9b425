#!/usr/bin/perl

# Publishers that come and go, with bursts that no encoder keeps up with, leave
# nothing behind: no slots, no threads at work, no memory that is used twice.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Ladder;
use Onair::Publisher;
use Onair::RTMP;
use Onair::Server;

# low takes 0.016: room for three
my $server = Onair::Server->start(workers => 2,
    rtmp => 'transcode_slots 0.05;',
    rtmp_app => Onair::Ladder::small(half => 'never', listen => 'never')
                . 'ingest_grace 1s;');
my $media = Onair::FLV::make(seconds => 6, rate => 30, gop => 15);
my $silent = Onair::FLV::make(seconds => 6, rate => 30, gop => 15, audio => 0);
my @alive;


# Each sends as fast as it can, and is cut off somewhere on the way.
for my $round (1 .. 40) {
    my $p = Onair::RTMP->publish($server->rtmp_port, "chan$round");
    my $messages = $round % 3 ? $media : $silent;
    my $last = $round * 37 % @$messages;

    $p->send_flv([ @$messages[0 .. $last] ]);
    push @alive, $p;
    (shift @alive)->close if @alive > 5;
}

$_->close for @alive;

my $gone = qr/channel "chan\d+" session .*publisher gone/;
ok((wait_for { 40 == (() = $server->error_log =~ /$gone/g) } 60),
    'all have come and gone');
is scalar(() = $server->error_log =~ /transcode: channel .*: low 160x90/g), 40,
    'with a ladder each';

my @ladders = map { Onair::Ladder->new($server, "last$_") } 1 .. 3;
my @publishers = map { Onair::Publisher->ffmpeg($server->rtmp_url("last$_"),
                                                gop => 30) } 1 .. 3;

for my $i (0 .. 2) {
    ok $ladders[$i]->wait_state('low', 'on'),
        "all slots are there again: " . ($i + 1) or diag $ladders[$i]->log;
}

ok $_->wait_frames('low', 30), 'and it works' for @ladders;

$_->stop for @publishers;

# at work up to the end
my $p = Onair::RTMP->publish($server->rtmp_port, 'end');
$p->send_flv($media);
$server->stop;
pass 'nginx ends in the midst of it';

done_testing;
