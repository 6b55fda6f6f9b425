#!/usr/bin/perl

# A publisher drops and returns within the grace: the page says so, and plays
# on in the same session without loading anew.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Browser;
use Onair::Publisher;

my $server = Onair::Browser::server(workers => 2,
                                    rtmp_app => 'ingest_grace 60s;');
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));
my $browser = Onair::Browser->start;

$browser->open($server->url('/#chan'));

ok $browser->wait('onair.player.report().time > 4'), 'it plays';

my $before = $browser->report;

$publisher->kill;

ok $browser->wait_state('reconnecting'), 'without a publisher it reconnects';
like $browser->eval("document.getElementById('curtain-text').textContent"),
    qr/interrupted.*\d+ s to return/, 'and says for how long';
like $browser->eval("document.getElementById('state').textContent"),
    qr/^chan: Reconnecting$/, 'also to those who listen';

$publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));

ok $browser->wait_state('playing'), 'with it again, it plays again';

my $again = $browser->report;

ok $browser->wait("onair.player.report().time > $again->{time} + 8"),
    'and goes on playing';

my $after = $browser->report;

is $after->{state}, 'playing', 'without an end';
is $after->{session}, $before->{session}, 'in the same session';
is $after->{loads}, 1, 'without loading anew';
is_deeply [ grep { /!/ } @{$after->{errors}} ], [], 'with no fatal error';
is_deeply [ grep { !/status of 503/ } $browser->problems ], [],
    'with nothing on the console but waits that took too long';

# the wait for the publisher, and its cut
cmp_ok $after->{stalls} - $before->{stalls}, '<=', 2, 'with one stall or two';
cmp_ok $after->{age}, '<', 8, 'the picture is not old';

diag sprintf 'picture %.2f s old, %d stalls, errors: %s', $after->{age},
    $after->{stalls}, join ' ', @{$after->{errors}};

done_testing();
