#!/usr/bin/perl

# No thumbnails where they are off, or where there is no picture; and what the
# directive takes.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

# The application of its own has what the server says; "live" has not.
my $server = Onair::Server->start(workers => 2, rtmp_app => <<'END');
transcode_thumbnails off;
END

my $live = Onair::Steps->start($server, 'news');

$live->segment;
$live->segment;

my $base = '/live/news/' . $live->session;

is $server->get('/live/news/thumbnail-90.jpg')->{status}, 404, 'off: none';
is $server->get("$base/sprite.vtt")->{status}, 404, 'no sheet';
is $server->get("$base/sprite.vtt")->{headers}{'cache-control'}, 'max-age=2',
    'for a moment';

$server->stop;

for (['transcode_thumbnails 999ms;', qr/between 1s and 1h/],
     ['transcode_thumbnails 61m;', qr/between 1s and 1h/],
     ['transcode_thumbnails often;', qr/between 1s and 1h/],
     ['transcode_thumbnails 0;', qr/between 1s and 1h/],
     ['transcode_thumbnails;', qr/invalid number of arguments/],
     ['transcode_thumbnails 5s; transcode_thumbnails off;', qr/duplicate/],
     ['transcode_thumbnails 5s; transcode_pool none;',
      qr/unknown thread pool "none"/])
{
    my ($ok, $text) = Onair::Server->check(rtmp_app => $_->[0]);

    ok !$ok, "$_->[0] is refused";
    like $text, $_->[1], 'and why is said';
}

for ('transcode_thumbnails 1s;', 'transcode_thumbnails 1h;',
     'transcode_thumbnails off;')
{
    my ($ok, $text) = Onair::Server->check(rtmp => $_);

    ok $ok, "$_ is taken, for all applications" or diag $text;
}

done_testing;
