#!/usr/bin/perl

# The page fits a phone's width, and its buttons a finger.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Test::More;

use Onair::Browser;
use Onair::Publisher;

my $name = 'a-channel-with-a-name-that-is-far-too-long-for-a-phone.'
         . 'x' x 60;
my $server = Onair::Browser::server(workers => 2);
my $browser = Onair::Browser->start(width => 375, height => 740,
                                    scheme => 'light',
                                    touch => JSON::PP::true);


sub fits
{
    my $what = shift;
    my $width = $browser->eval('document.documentElement.scrollWidth');

    cmp_ok $width, '<=', 375, "$what: nothing to scroll sideways";
}


$browser->open($server->url('/'));
ok $browser->wait("!document.getElementById('publish').hidden"),
    'how to publish is told';
fits('how to publish');

my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url($name));

ok $browser->wait_state('playing'), 'it plays';
fits('playing');

is $browser->eval("document.getElementById('video').clientWidth"), 375,
    'the picture is as wide as the phone';
is_deeply $browser->eval(<<'END'), [], 'every button is large enough';
[...document.querySelectorAll('.screen button')]
    .filter(b => b.offsetParent)
    .filter(b => b.offsetWidth < 44 || b.offsetHeight < 40)
    .map(b => `${b.id} ${b.offsetWidth}x${b.offsetHeight}`)
END

$browser->click('#stats-toggle');
ok $browser->wait("!document.getElementById('stats').hidden"),
    'statistics are shown';
fits('statistics');
is $browser->eval(<<'END'), 1, 'beneath the picture, not over it';
Number(document.getElementById('stats').getBoundingClientRect().top
       >= document.querySelector('.screen').getBoundingClientRect().bottom)
END

$browser->size(320, 600);
cmp_ok $browser->eval('document.documentElement.scrollWidth'), '<=', 320,
    'a narrower phone does as well';

done_testing();
