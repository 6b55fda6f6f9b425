#!/usr/bin/perl

# All of the page works from the keyboard.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Browser;
use Onair::Publisher;

my $server = Onair::Browser::server(workers => 2);
my @publishers = map { Onair::Publisher->ffmpeg($server->rtmp_url($_)) }
    qw(one two);
my $browser = Onair::Browser->start;


sub becomes
{
    my ($code, $what) = @_;

    ok $browser->wait($code), $what;
}


sub focused { $browser->eval('document.activeElement.id') }


$browser->open($server->url('/#one'));
ok $browser->wait_state('playing'), 'it plays';
becomes('video.muted', 'without sound');
becomes("!document.getElementById('unmute').hidden", 'which is offered');

$browser->press('m');
becomes('!video.muted', 'm switches the sound on');
becomes("document.getElementById('unmute').hidden", 'it is offered no more');
$browser->press('ArrowDown');
becomes('Math.abs(video.volume - 0.9) < 0.01', 'down makes it softer');
$browser->press('ArrowUp');
becomes('video.volume === 1', 'up makes it louder');
$browser->press('m');
becomes('video.muted', 'm switches it off again');

$browser->press('s');
becomes("!document.getElementById('stats').hidden", 's shows statistics');
becomes("/Latency\\s+\\d+\\.\\d\\d s/.test("
        . "document.getElementById('stats').innerText)", 'with the latency');
becomes("document.getElementById('stats-toggle')"
        . ".getAttribute('aria-pressed') === 'true'", 'its button is pressed');
$browser->press('s');
becomes("document.getElementById('stats').hidden", 's hides them');

$browser->press(' ');
ok $browser->wait_state('paused'), 'space pauses';
becomes('video.paused', 'indeed');
$browser->press(' ');
ok $browser->wait_state('playing'), 'space plays';

becomes('onair.player.report().time > 8', 'when there is something behind');
$browser->press('ArrowLeft');
becomes('onair.player.report().behind > 4.5', 'left goes back');
becomes("document.getElementById('live-text').textContent === 'Go live'",
        'the way to live is offered');
$browser->press('l');
becomes('onair.player.report().behind < 3', 'l goes to live');

$browser->press('f');
becomes("document.fullscreenElement?.id === 'player'", 'f fills the screen');
$browser->press('f');
becomes('document.fullscreenElement === null', 'and leaves it');

$browser->eval('document.activeElement.blur(); 0');
$browser->press('Tab');
is focused(), 'skip', 'the first stop leads to the picture';
$browser->press('Enter');
is focused(), 'player', 'when it is entered';
is $browser->eval('onair.player.channel'), 'one', 'the channel stays';

$browser->press('Tab') while focused() ne 'mute';
is $browser->eval("getComputedStyle(document.activeElement).outlineStyle"),
    'solid', 'the focus can be seen';
$browser->press(' ');
becomes('!video.muted', 'space presses the button that has it');

for (1 .. 20) {
    last if $browser->eval("document.activeElement.matches('.channel')");
    $browser->press('Tab');
}

$browser->press('Home');
my $first = $browser->eval('document.activeElement.hash');
$browser->press('ArrowDown');
my $second = $browser->eval('document.activeElement.hash');

is_deeply [ sort $first, $second ], [ '#one', '#two' ],
    'arrows walk in the list of channels';
$browser->press('ArrowUp') if $second ne '#two';
$browser->press('Enter');
becomes("onair.player.channel === 'two'", 'enter chooses one');
ok $browser->wait_state('playing'), 'which then plays';

is_deeply [ $browser->problems ], [], 'no error on the console';

done_testing();
