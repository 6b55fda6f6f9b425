#!/usr/bin/perl

# A player that opens a channel while its broadcast begins is held.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(sleep);

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 2);
my $messages = Onair::FLV::make(seconds => 3, bframes => 0);

is $server->get('/live/news/index.m3u8')->{status}, 404, 'nothing yet';

my $publisher = Onair::RTMP->publish($server->rtmp_port, 'news');
ok $publisher->accepted, 'the publisher is there';

ok wait_for { $server->get('/status.json')->{body} =~ /"news"/ },
   'it is on the air';
my @held = map { $server->get_start('/live/news/index.m3u8') } 1 .. 4;
sleep 0.3;
is scalar(grep { $_->ready } @held), 0, 'without media there is no playlist';

$publisher->send_flv($messages);

for my $answer (map { $_->finish } @held) {
    is $answer->{status}, 200, 'then there is';
    like $answer->{body}, qr/^#EXT-X-MEDIA:TYPE=AUDIO(?s:.*)CODECS="avc1/m,
         'of all renditions';
}

done_testing;
