#!/usr/bin/perl

# The list of channels shows what is on them, follows it, and does without.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Test::More;

use Onair::Browser;
use Onair::Steps;

my $server = Onair::Browser::server(
    workers => 2, rtmp_app => 'transcode_thumbnails 2s;');
my $news = Onair::Steps->start($server, 'news', seconds => 5);
my $talk = Onair::Steps->start($server, 'talk-show.2', seconds => 5,
                               size => '180x320');
my $browser = Onair::Browser->start(width => 1280, height => 720);

# not in turn with what advances by steps
my $loaded = "document.querySelectorAll('.channel img.loaded').length";
my $sources = q([...document.querySelectorAll('.channel img')]
                .map(i => i.currentSrc));

$browser->open($server->url('/'));
ok $browser->wait("$loaded == 2"), 'each channel has its picture';
is_deeply $browser->eval(<<'END'), ['320x180 true', '102x180 true'],
[...document.querySelectorAll('.channel img')]
    .sort((a, b) => b.naturalWidth - a.naturalWidth)
    .map(i => `${i.naturalWidth}x${i.naturalHeight} ${i.offsetWidth > 100}`)
END
    'of the size that is meant for it';
is_deeply $browser->eval(<<'END'), [],
[...document.querySelectorAll('.channel')]
    .filter(c => !c.querySelector('img').alt
                 .includes(c.querySelector('.channel-name').textContent))
    .map(c => c.outerHTML)
END
    'and says what it is in words';

my $before = join ' ', @{ $browser->eval($sources) };

$news->segment;
$news->segment;
ok $browser->wait("!$sources.every(s => '$before'.includes(s))"),
    'it follows the stream';
ok $browser->wait("$loaded == 2"), 'and is there again';

$browser->size(375, 740);
cmp_ok $browser->eval('document.documentElement.scrollWidth'), '<=', 375,
    'it fits a phone';
is_deeply [$browser->problems], [], 'nothing went wrong';

$server->stop;

# --- without

$server = Onair::Browser::server(workers => 1);
$news = Onair::Steps->start($server, 'news', seconds => 2);
$browser->open($server->url('/'));

ok $browser->wait("document.querySelectorAll('.channel').length == 1"),
    'a server without thumbnails';
is $browser->eval("document.querySelector('.channel-preview').offsetWidth"),
    0, 'shows no place for them';
is $browser->eval(<<'END'), 0, 'and none is asked for';
performance.getEntriesByType('resource')
    .filter(r => r.name.includes('thumbnail')).length
END

done_testing;
