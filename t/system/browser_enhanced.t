#!/usr/bin/perl

# Chromium plays AV1 and Opus that came over enhanced RTMP.  Debian's has no
# decoder for HEVC: the page says so, and plays what comes next.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Browser;
use Onair::Enhanced;

my $server = Onair::Browser::server(workers => 2);
my $source = Onair::Enhanced->make(video => 'av1', audio => 'opus',
                                   seconds => 20);
my $publisher = $source->live($server, 'chan');
my $browser = Onair::Browser->start;

$browser->open($server->url('/'));

ok $browser->wait_state('playing'), 'it plays';
ok $browser->wait('onair.player.report().time > 2'), 'and time goes by';

my ($before, $after) = $browser->smooth(5, sub {
    my $time = shift->{time};

    ok $browser->wait("onair.player.report().time > $time + 10"),
        'for ten seconds';
});

is_deeply [ $browser->problems ], [], 'no error on the console';
is_deeply [ grep { !/^buffer/ } @{$after->{errors}} ], [], 'none of hls.js';
is @{$after->{waits}} - @{$before->{waits}}, 0, 'no stall';
is "$after->{width}x$after->{height}", '320x180', 'the size of the picture';
cmp_ok $after->{frames} - $before->{frames}, '>', 250, 'its frames';
cmp_ok $after->{age}, '<', 2, 'less than two seconds behind';

# the sound is there, and it is decoded
ok $browser->eval('document.querySelector("video").webkitAudioDecodedByteCount'
                  . ' > 10000'), 'the sound is decoded';

like $server->get('/live/chan/index.m3u8')->{body},
    qr/CODECS="av01\.0\.00M\.08,opus"/, 'what the playlist promised';

diag sprintf 'picture %.2f s old, buffer %.2f s, %d of %d frames dropped',
    @$after{qw(age buffer)}, $after->{dropped} - $before->{dropped},
    $after->{frames} - $before->{frames};

# HEVC, which this browser cannot decode
undef $publisher;

my $hevc = Onair::Enhanced->make(video => 'hevc', audio => 'aac',
                                 seconds => 20);

$publisher = $hevc->live($server, 'hevc');
$browser->eval('location.hash = "#hevc"; 0');

SKIP: {
    skip 'this Chromium has a decoder for HEVC', 2
        if $browser->eval('MediaSource.isTypeSupported('
                          . q{'video/mp4; codecs="hvc1.1.6.L60.90"')});

    ok $browser->wait_state('unsupported'), 'HEVC cannot be played, it says';
    like $browser->eval("document.getElementById('curtain').innerText"),
        qr/no decoder/, 'and why';
}

# the same channel, with something that it can decode
undef $publisher;
$publisher = $source->live($server, 'hevc');

ok $browser->wait_state('playing'), 'the next broadcast plays by itself';

done_testing();
