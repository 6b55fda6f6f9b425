#!/usr/bin/perl

# What does not exist is answered at once, with a short life in caches.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');
my $session = $live->session;

for my $path ('', 'index.m3u8', 'nobody/index.m3u8', 'news',
              "news/$session/video", "news/$session/cinema/index.m3u8",
              'news/aaaaaaaaaaaab/video/index.m3u8',
              "other/$session/video/index.m3u8",
              "news/$session/video/seg-01.m4s",
              "news/$session/video/seg-9.m4s",
              "news/$session/video/part-0.m4s",
              "news/$session/video/init-7.mp4",
              "news/$session/video/index.m3u8/", "news/../../etc/passwd",
              "news/$session/video/%00", 'n%0aews/index.m3u8',
              'x' x 4000 . '/index.m3u8')
{
    my $answer = $server->get("/live/$path");

    # nginx itself refuses what leaves the root or holds a zero byte
    like $answer->{status}, qr/^40[04]$/, "404 for $path";
}

my $answer = $server->get('/live/nobody/index.m3u8');
like $answer->{headers}{'cache-control'}, qr/^max-age=[12]$/,
     'remembered for a target duration';

done_testing;
