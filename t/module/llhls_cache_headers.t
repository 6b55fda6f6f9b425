#!/usr/bin/perl

# How long caches may keep what, and what it is.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news', audio => 'aac');

$live->segment;

my $first = $live->get('index.m3u8');
my ($target) = $first->{body} =~ /TARGETDURATION:(\d+)/;

sub age
{
    my ($path, $cache_control, $type) = @_;
    my $h = $server->get($path)->{headers};

    is $h->{'cache-control'}, $cache_control, "$path: cache";
    is $h->{'content-type'}, $type, "$path: type" if $type;
    ok $h->{date}, "$path: date";
}

my $base = $live->base;
my $audio = $live->base('audio');
my $m3u8 = 'application/vnd.apple.mpegurl';
my $short = 'max-age=' . ($target >= 4 ? int $target / 2 : 1);
my $long = 'max-age=' . 6 * $target;
my $ever = 'max-age=31536000, immutable';

age('/live/news/index.m3u8', $short, $m3u8);
age("$base/index.m3u8", $short, $m3u8);
age("$base/index.m3u8?_HLS_msn=0", $long, $m3u8);
age("$base/index.m3u8?_HLS_msn=0&_HLS_part=1&_HLS_skip=YES", $long, $m3u8);
age("$base/seg-0.m4s", $ever, 'video/mp4');
age("$base/part-0.0.m4s", $ever, 'video/mp4');
age("$base/init-0.mp4", $ever, 'video/mp4');
age("$audio/init-0.mp4", $ever, 'audio/mp4');
age("$audio/part-0.0.m4s", $ever, 'audio/mp4');
age("$base/part-0.77.m4s", "max-age=$target");
age("$base/part-9.7.m4s", 'no-store');
age("$base/index.m3u8?_HLS_msn=9", 'no-store');
age("$base/index.m3u8?_HLS_part=9", "max-age=$target");

done_testing;
