#!/usr/bin/perl

# Where there is a ladder there are thumbnails, also where it has no room to
# work in.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Picture;
use Onair::RTMP;
use Onair::Server;

my $messages = Onair::FLV::make(seconds => 6, audio => 0);
my $thumbnail = '/live/news/thumbnail-180.jpg';


sub start
{
    my %option = @_;
    my $server = Onair::Server->start(workers => 2, %option);
    my $publisher = Onair::RTMP->publish($server->rtmp_port, 'news');

    $publisher->accepted or die 'not accepted';
    $publisher->send_flv($messages);

    return ($server, $publisher);
}


my ($server, $publisher) = start(rtmp => 'transcode_slots 0;',
                                 rtmp_app => 'transcode on;');

ok wait_for { $server->get($thumbnail)->{status} == 200 },
    'a thumbnail without being asked for';

my $r = $server->get($thumbnail);

is $r->{headers}{'cache-control'}, 'max-age=5', 'every 10 seconds';
is(Onair::Picture->new($r->{body})->bars, 6, 'of the source');

ok wait_for { $server->get('/live/news/index.m3u8')->{body} =~ /video/ },
    'while there is the source';
unlike $server->get('/live/news/index.m3u8')->{body}, qr/160p/, 'and no rung';
$server->stop;

# --- off

($server, $publisher) = start(rtmp => 'transcode_slots 0;',
    rtmp_app => 'transcode on; transcode_thumbnails off;');

ok wait_for { $server->get('/live/news/index.m3u8')->{body} =~ /video/ },
    'a ladder with thumbnails off';
is $server->get($thumbnail)->{status}, 404, 'has none';
$server->stop;

# --- with a rung at work beside

($server, $publisher) = start(rtmp_app => <<'END');
transcode on;
transcode_thumbnails 2s;
transcode_rendition small height=90 bitrate=100k mode=always;
END

ok wait_for { $server->get('/live/news/index.m3u8')->{body} =~ /small/ },
    'a rung is there';
ok wait_for { $server->get($thumbnail)->{status} == 200 }, 'and a thumbnail';

done_testing;
