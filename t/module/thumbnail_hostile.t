#!/usr/bin/perl

# Keyframes that are none cost a line of the log, and publishers that go while
# theirs is in a thread nothing.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(
    workers => 2, rtmp_app => 'transcode_thumbnails 1s; ingest_grace 1s;');

# --- keyframes whose slices are ones, behind the header of a unit

my $messages = Onair::FLV::make(seconds => 8, gop => 30, audio => 0,
                                bframes => 0);


sub spoil
{
    my $body = shift;
    my $at = 5;

    while ($at + 4 < length $$body) {
        my $size = unpack 'N', substr $$body, $at, 4;

        substr $$body, $at + 5, $size - 1, "\xff" x ($size - 1)
            if (ord(substr $$body, $at + 4, 1) & 0x1f) == 5;
        $at += 4 + $size;
    }
}


spoil(\$_->{body}) for grep { Onair::FLV::is_keyframe($_) } @$messages;

my $publisher = Onair::RTMP->publish($server->rtmp_port, 'broken');

$publisher->accepted or die 'not accepted';
$publisher->send_flv($messages);

ok wait_for { $server->get('/live/broken/index.m3u8')->{status} == 200 },
    'such a stream is served as it is';

ok wait_for { $server->error_log =~ /no thumbnail of a keyframe: invalid/ },
    'the log says that there is no thumbnail';
is $server->get('/live/broken/thumbnail-90.jpg')->{status}, 404,
    'and there is none';

# --- they come and go

my $short = Onair::FLV::make(seconds => 1, audio => 0, size => '1280x720');

for my $n (1 .. 12) {
    my $p = Onair::RTMP->publish($server->rtmp_port, "flapping-$n");

    $p->accepted or die 'not accepted';
    $p->send_flv($short);
    $p->close;
}

my $live = Onair::Steps->start($server, 'good');

ok wait_for { $server->get('/live/good/thumbnail-90.jpg')->{status} == 200 },
    'others have theirs';

my @said = $server->error_log =~ /no thumbnail of a keyframe/g;

is @said, 1, 'no line for each keyframe';

# --- and a worker ends with one in a thread

my $last = Onair::RTMP->publish($server->rtmp_port, 'last');

$last->accepted or die 'not accepted';
$last->send_flv($short);
$server->stop;
pass 'the server stops';

done_testing;
