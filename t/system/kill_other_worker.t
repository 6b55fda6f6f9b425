#!/usr/bin/perl

# kill -9 of workers that do not have the publisher, time and again: requests
# on connections to the others never fail, and who was on the killed one goes
# on where it was.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Publisher;
use Onair::Server;
use Onair::Viewers;

my $server = Onair::Server->start(workers => 4,
    location => $Onair::Viewers::LOCATION);
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));
my $viewers = Onair::Viewers->start($server, 'chan', viewers => 16);

ok $viewers->more(1, 180), 'all viewers are under way';

my $home = $server->publisher_worker('chan');
my @killed;

for my $round (1 .. 3) {
    my ($victim) = grep { $_ != $home } $server->worker_pids;

    $server->kill_worker($victim);
    push @killed, $victim;
    ok wait_for { my @pids = $server->worker_pids;
                  @pids == 4 && !grep { $_ == $victim } @pids },
        "$round: a new worker takes the place of $victim";
    ok $viewers->more(2, 180), "$round: all viewers go on";
}

is_deeply [ $viewers->unforgiven(@killed) ], [],
    'no request to another worker failed';
isnt scalar @{ $viewers->failures }, 0, 'the killed ones had requests';
is_deeply $viewers->missed, [], 'nobody missed anything';
is_deeply [ $viewers->sessions ], [ ($viewers->sessions)[0] ],
    'it is one session';
is $server->publisher_worker('chan'), $home, 'the publisher did not move';
ok $publisher->running, 'it did not notice';
note $viewers->figures;

done_testing;
