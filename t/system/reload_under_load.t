#!/usr/bin/perl

# nginx -s reload, time and again, under load: every request is answered.  The
# publisher stays on its old worker, from where its parts reach viewers on new
# ones; old workers leave when nothing holds them any more.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Publisher;
use Onair::Server;
use Onair::Viewers;

my $server = Onair::Server->start(workers => 2,
    location => $Onair::Viewers::LOCATION);
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));
my $viewers = Onair::Viewers->start($server, 'chan', viewers => 16,
                                    reload => 1);

ok $viewers->more(1, 180), 'all viewers are under way';

my $home = $server->publisher_worker('chan');
my @held = map { held($_) } 1 .. 8;

for my $round (1 .. 3) {
    $server->reload;
    ok $viewers->more(2, 180), "$round: all viewers go on";
    is_deeply [ $server->leaving_pids ], [ $home ],
        "$round: of the old workers only the publisher's is left"
        if wait_for { $server->leaving_pids == 1 };
}

is_deeply [ map { my $answer = $_->finish; $answer && $answer->{status} }
                @held ], [ (200) x @held ],
    'what was held across a reload is answered';
is_deeply [ $viewers->unforgiven ], [], 'no request failed';
is_deeply $viewers->missed, [], 'nobody missed anything';
is scalar(my @sessions = $viewers->sessions), 1, 'it is one session';
ok $publisher->running, 'the publisher did not notice';
note $viewers->figures;

$publisher->stop;
$viewers->stop;
ok wait_for { !$server->leaving_pids }, 'the old worker leaves with it';

done_testing;


# A request that waits for a whole segment.
sub held {
    my $viewer = Onair::Viewer->new($server, 'chan');
    my $list = $viewer->playlist('video');
    my $next = $list->{msn} + grep { $_->{whole} } @{ $list->{segments} };
    my $path = '/live/chan/' . $viewer->session . '/video/index.m3u8';

    return $server->get_start("$path?_HLS_msn=" . ($next + 1));
}
