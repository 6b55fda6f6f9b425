#!/usr/bin/perl

# A thumbnail is made of the first keyframe, and then of those that are the
# interval apart.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2,
                                  rtmp_app => 'transcode_thumbnails 4s;');
my $live = Onair::Steps->start($server, 'news', seconds => 14);
my $map = '/live/news/' . $live->session . '/sprite.vtt';


# Sound begins the session, a little before the first keyframe.
sub begins
{
    my @begins = $server->get($map)->{body} =~ /^00:00:([\d.]+) -->/mg;

    return [map { sprintf '%.3f', $_ - $begins[0] } @begins];
}


sub thumbnail
{
    return $server->get('/live/news/thumbnail-180.jpg');
}


ok wait_for { @{ begins() } == 1 }, 'one of the first keyframe';
is_deeply begins(), ['0.000'], 'and no other';
like $server->get($map)->{body}, qr/^00:00:00\.[01]\d\d -->/m,
    'at the begin of the session';

my $first = thumbnail();

# keyframes at 2, 4, 6 and 8 seconds
$live->segment;
$live->segment;
ok wait_for { @{ begins() } == 2 }, 'another one';
is_deeply begins(), ['0.000', '4.000'], 'four seconds behind it';

my $second = thumbnail();

isnt $second->{body}, $first->{body}, 'which is served now';
is $server->get('/live/news/thumbnail-180.jpg', 'If-None-Match',
                $first->{headers}{etag})->{status}, 200,
    'also to who has the first one';

$live->segment;
$live->segment;
ok wait_for { @{ begins() } == 3 }, 'and a third one';
is_deeply begins(), ['0.000', '4.000', '8.000'], 'four seconds behind that';

done_testing;
