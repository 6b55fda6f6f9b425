#!/usr/bin/perl

# The page plays a live channel for 20 seconds: no error, no stall, few
# dropped frames, less than two seconds behind.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Browser;
use Onair::Publisher;

my $server = Onair::Browser::server(workers => 2);
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));
my $browser = Onair::Browser->start;

$browser->open($server->url('/'));

ok $browser->wait_state('playing'), 'it plays, without a channel being chosen';
ok $browser->wait('onair.player.report().time > 2'), 'and time goes by';

# A machine busy with other things can starve any player; not five times.
my ($before, $after) = $browser->smooth(5, sub {
    my $time = shift->{time};

    ok $browser->wait("onair.player.report().time > $time + 20"),
        'for 20 seconds';
});

is_deeply [ $browser->problems ], [], 'no error on the console';
is_deeply [ grep { !/^buffer/ } @{$after->{errors}} ], [], 'none of hls.js';
is @{$after->{waits}} - @{$before->{waits}}, 0, 'no stall';
is $after->{loads}, 1, 'loaded once';
is "$after->{width}x$after->{height}", '320x180', 'the size of the picture';

my $frames = $after->{frames} - $before->{frames};
my $dropped = $after->{dropped} - $before->{dropped};

cmp_ok $frames, '>', 500, 'the frames of 20 seconds';
cmp_ok $dropped, '<=', $frames / 4, 'most of them shown';
cmp_ok $after->{age}, '<', 2, 'less than two seconds behind';
cmp_ok $after->{age}, '>', 0.2, 'but not from the future';
cmp_ok $after->{buffer}, '>', 0, 'with something in the buffer';

diag sprintf 'picture %.2f s old, edge %.2f s, aim %.2f s, buffer %.2f s, '
    . '%d of %d frames dropped', @$after{qw(age behind target buffer)},
    $dropped, $frames;

done_testing();
