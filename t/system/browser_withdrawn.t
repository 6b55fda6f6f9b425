#!/usr/bin/perl

# A rung is withdrawn while it is watched: the page goes on with the source,
# by a change and not by a new start, and returns to what was chosen when that
# is there again.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::Browser;
use Onair::Ladder;
use Onair::Publisher;

my $accounts = Onair::Accounts->start('sqlite');
my %key = map { $_ => $accounts->add_user($_) } qw(affiliate partner);

$accounts->ctl->json('user', 'tier', $_, $_) for qw(affiliate partner);

# there are slots for the rung of one of them, and a partner goes first
my $server = Onair::Browser::server($accounts->configuration(
        app => Onair::Ladder::small(half => 'never', listen => 'never')
               . 'transcode_tiers on;',
        rtmp => 'transcode_slots 0.021;'),
    workers => 2, plain => 1);
my $ladder = Onair::Ladder->new($server, 'affiliate');
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url($key{affiliate}));
my $browser = Onair::Browser->start;


sub becomes
{
    my ($code, $what) = @_;

    ok $browser->wait($code), $what or diag explain $browser->report;
}


sub shown { "onair.player.report().rendition === '$_[0]'" }


$browser->open($server->url('/#affiliate'));
ok $browser->wait_state('playing'), 'it plays' or diag $server->error_log;
ok $ladder->wait_state('low', 'on'), 'with a rung' or diag $server->error_log;

# the longest time that the picture stood still
$browser->eval(<<'END');
window.still = { longest: 0, time: -1, since: 0 };
setInterval(() => {
    const { still } = window;
    const now = performance.now();

    if (video.currentTime !== still.time) {
        still.time = video.currentTime;
        still.since = now;
    }

    still.longest = Math.max(still.longest, now - still.since);
}, 50);
0
END

$browser->eval("onair.player.quality.choose('low'); 0");
becomes(shown('low') . ' && video.videoWidth === 160', 'which is watched');

$browser->eval('window.still.longest = 0');
my $partner = Onair::Publisher->ffmpeg($server->rtmp_url($key{partner}));

ok $ladder->wait_state('low', 'withdrawn'), 'it is withdrawn'
    or diag $server->error_log;
becomes(shown('video') . ' && video.videoWidth === 320', 'the source is seen');

my $time = $browser->report->{time};
becomes("onair.player.report().time > $time + 3", 'and goes on');

my $report = $browser->report;
my $still = $browser->eval('window.still.longest');
is $report->{state}, 'playing', 'playing';
ok $report->{automatic}, 'as if nothing was chosen';
is $report->{loads}, 1, 'without a new start';
is_deeply [ grep { /!$/ } @{$report->{errors}} ], [], 'nothing was fatal';
cmp_ok $still, '<', 3000, 'it stood still for less than three seconds';
diag sprintf 'it stood still for %.2f s, %d stalls; hls.js: %s', $still / 1000,
    scalar @{$report->{waits}}, join ' ', @{$report->{errors}};

$browser->press('q');
becomes("!document.querySelector('#menu [data-value=\"low\"]')",
        'the menu has it no more') ;
$browser->press('Escape');

$partner->stop;
ok $ladder->wait_state('low', 'on'), 'it is on again'
    or diag $server->error_log;
becomes(shown('low') . ' && video.videoWidth === 160',
        'and seen again, as it was chosen');
is $browser->report->{loads}, 1, 'still without a new start';

$publisher->stop;

done_testing;
