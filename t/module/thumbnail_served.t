#!/usr/bin/perl

# The newest picture of a channel in three sizes, from every worker.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Picture;
use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 3,
                                  rtmp_app => 'transcode_thumbnails 8s;');

is $server->get('/live/news/thumbnail-360.jpg')->{status}, 404,
    'no channel yet';

my $live = Onair::Steps->start($server, 'news', size => '480x270');

my %size = (90 => [160, 90], 180 => [320, 180], 360 => [480, 270]);

for my $height (sort { $a <=> $b } keys %size) {
    my $path = "/live/news/thumbnail-$height.jpg";

    ok wait_for { $server->get($path)->{status} == 200 }, "$path is there";

    my $r = $server->get($path);
    my $h = $r->{headers};
    my $picture = Onair::Picture->new($r->{body});

    is $h->{'content-type'}, 'image/jpeg', 'a JPEG';
    is $h->{'cache-control'}, 'max-age=4', 'for half of the interval';
    is $h->{'access-control-allow-origin'}, '*', 'for all origins';
    is $h->{'content-length'}, length $r->{body}, 'its length';
    ok $h->{'last-modified'} && $h->{etag}, 'with validators';

    is_deeply [$picture->width, $picture->height], $size{$height}, 'its size';
    is $picture->format, 'yuvj420p', 'its format';
    is $picture->bars, 6, 'it shows what is sent';

    my $head = $server->head($path);
    is $head->{status}, 200, 'HEAD';
    is $head->{body}, '', 'without a body';
    is $head->{headers}{etag}, $h->{etag}, 'and its tag';

    for (['If-None-Match', $h->{etag}],
         ['If-Modified-Since', $h->{'last-modified'}])
    {
        my $not = $server->get($path, @$_);

        is $not->{status}, 304, "$_->[0]: 304";
        is $not->{body}, '', 'without a body';
        is $not->{headers}{'cache-control'}, 'max-age=4', 'for as long';
        is $not->{headers}{'access-control-allow-origin'}, '*',
            'for all origins';
    }

    is $server->get($path, 'If-None-Match', '"other"')->{status}, 200,
        'another tag: all of it';

    # each on a connection of its own, so that all workers are met
    my %seen = map { my $r = $server->get($path);
                     ("$r->{status} $r->{headers}{etag} $r->{body}" => 1) }
               1 .. 24;
    is keys %seen, 1, 'the same from all workers';
}

for my $path (qw(news/thumbnail-91.jpg news/thumbnail-720.jpg
                 other/thumbnail-90.jpg))
{
    my $r = $server->get("/live/$path");

    is $r->{status}, 404, "$path: 404";
    is $r->{headers}{'cache-control'}, 'max-age=2', 'for a moment';
}

is $server->request('POST', '/live/news/thumbnail-90.jpg')->{status}, 405,
    'nothing but GET and HEAD';

done_testing;
