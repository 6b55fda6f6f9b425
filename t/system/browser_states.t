#!/usr/bin/perl

# The page says how a channel is, and goes over to what comes by itself.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Browser;
use Onair::Publisher;

my $server = Onair::Browser::server(workers => 2,
                                    rtmp_app => 'ingest_grace 2s;');
my $browser = Onair::Browser->start;


sub text { $browser->eval("document.getElementById('$_[0]').innerText") }
sub hidden { $browser->eval("document.getElementById('$_[0]').hidden") }


$browser->open($server->url('/'));

ok $browser->wait("!document.getElementById('publish').hidden"),
    'without any channel it tells how to publish';

my $rtmp = 'rtmp://127.0.0.1:' . $server->rtmp_port . '/live';

ok $browser->wait("document.getElementById('rtmp-url').innerText"
                  . " === '$rtmp'"), 'with the address for OBS';
like text('ffmpeg-line'), qr{^ffmpeg .* \Q$rtmp\E/show$},
    'and a line for ffmpeg';
is text('curtain-title'), 'Nothing is on air', 'and that nothing is on air';

$browser->eval('location.hash = "#first"; 0');

ok $browser->wait_state('offline'), 'a channel that is not there is offline';
is text('curtain-title'), 'first is offline', 'it says';

my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('first'));

ok $browser->wait_state('playing'), 'it plays by itself once it is there';
ok hidden('publish'), 'how to publish is told no longer';
is $browser->eval("document.querySelector('.channel-name').textContent"),
    'first', 'the list has it';
is $browser->eval("document.querySelector('.channel')"
                  . ".getAttribute('aria-current')"), 'true', 'as chosen';

my $session = $browser->report->{session};

ok $browser->wait('onair.player.report().time > 3'), 'time goes by';
$publisher->stop;
ok $browser->wait_state('ended'), 'after the grace it has ended';
is text('curtain-title'), 'The stream has ended', 'it says';

$publisher = Onair::Publisher->ffmpeg($server->rtmp_url('first'));

ok $browser->wait_state('playing'), 'the next broadcast plays by itself';
isnt $browser->report->{session}, $session, 'which is another session';

my $second = Onair::Publisher->ffmpeg($server->rtmp_url('second'),
                                      video => 0);

ok $browser->wait("document.querySelectorAll('.channel').length === 2"),
    'another channel joins the list';
$browser->click('a[href="#second"]');
ok $browser->wait("onair.player.report().time > 1"
                  . " && onair.player.channel === 'second'"),
    'a click goes there, sound only';
is $browser->eval('location.hash'), '#second', 'the address names it';
is_deeply [ grep { /exception|Content Security/ } $browser->problems ], [],
    'no exception on the way';

done_testing();
