#!/usr/bin/perl

# A viewer does not notice nginx -s reload.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Browser;
use Onair::Publisher;

my $server = Onair::Browser::server(workers => 2);
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));
my $browser = Onair::Browser->start;

$browser->open($server->url('/#chan'));

ok $browser->wait('onair.player.report().time > 2'), 'it plays';

my ($before, $after) = $browser->smooth(5, sub {
    for my $n (1 .. 3) {
        my $time = $browser->report->{time};

        $server->reload;
        ok $browser->wait("onair.player.report().time > $time + 4"),
            "it plays on after reload $n";
    }
});

is $after->{state}, 'playing', 'still';
is $after->{loads}, 1, 'loaded once';
is_deeply [ grep { !/^buffer/ } @{$after->{errors}} ], [], 'no error of hls.js';
is @{$after->{waits}} - @{$before->{waits}}, 0, 'no stall';
is_deeply [ $browser->problems ], [], 'no error on the console';
cmp_ok $after->{age}, '<', 2, 'less than two seconds behind';
ok $publisher->running, 'the publisher has stayed';

done_testing();
