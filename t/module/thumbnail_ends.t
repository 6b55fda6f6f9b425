#!/usr/bin/perl

# Thumbnails stay for the grace, and go with the broadcast; its sheets stay as
# long as it can be read.  A publisher that returns adds to them.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(
    workers => 2, rtmp_app => 'transcode_thumbnails 10s; ingest_grace 10m;');
my $live = Onair::Steps->start($server, 'news', seconds => 1);
my $base = '/live/news/' . $live->session;


sub state_of
{
    my $text = $server->get('/status.json')->{body};

    return $text =~ /"state":\s*"(\w+)"/ ? $1 : '';
}


sub sheets
{
    return [$server->get("$base/sprite.vtt")->{body}
            =~ /^(sprite-\d+\.jpg)/mg];
}


ok wait_for { @{ sheets() } == 1 }, 'a sheet';

$live->done;
ok wait_for { state_of() eq 'grace' }, 'the publisher is away';
is $server->get('/live/news/thumbnail-90.jpg')->{status}, 200,
    'there is a thumbnail yet';

my $again = Onair::Steps->start($server, 'news', seconds => 1);

is $again->session, $live->session, 'it is back, in the same session';
ok wait_for { @{ sheets() } == 2 }, 'with another tile';
is_deeply sheets(), ['sprite-0.jpg', 'sprite-1.jpg'], 'on a sheet of its own';
is $server->get("$base/sprite-0.jpg")->{headers}{'cache-control'},
    'max-age=31536000, immutable', 'the one of before stays as it is';
is $server->get("$base/sprite-1.jpg")->{headers}{'cache-control'}, 'max-age=5',
    'the new one does not';

$server->stop;
$server = Onair::Server->start(
    workers => 2, rtmp_app => 'transcode_thumbnails 10s; ingest_grace 0;');
$live = Onair::Steps->start($server, 'news', seconds => 1);
$base = '/live/news/' . $live->session;

ok wait_for { $server->get('/live/news/thumbnail-90.jpg')->{status} == 200 },
    'a broadcast without a grace';

$live->done;
ok wait_for { $server->get('/live/news/thumbnail-90.jpg')->{status} == 404 },
    'no thumbnail of what is over';
is state_of(), 'ended', 'which it is';
is $server->get("$base/sprite-0.jpg")->{headers}{'cache-control'},
    'max-age=31536000, immutable', 'its last sheet stays as it is';
is_deeply sheets(), ['sprite-0.jpg'], 'and is known';

done_testing;
