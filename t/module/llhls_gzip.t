#!/usr/bin/perl

# Playlists are compressed for who wants it, media never.

use strict;
use warnings;

use lib 't/lib';
use Compress::Zlib;
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');
my $plain = $live->get('index.m3u8');

is $plain->{headers}{'content-encoding'}, undef, 'plain unless asked';
is $plain->{headers}{vary}, 'Accept-Encoding', 'caches are told';

for my $accept ('gzip', 'deflate, gzip;q=1.0', 'br, GZIP ;q=0.5') {
    my $answer = $live->get('index.m3u8', 'Accept-Encoding' => $accept,
                            Via => '1.1 cdn');

    is $answer->{headers}{'content-encoding'}, 'gzip', "for $accept";
    is Compress::Zlib::memGunzip($answer->{body}), $plain->{body}, 'the same';
}

for my $accept ('br', 'gzip;q=0', 'gzip; q=0.000', 'xgzip') {
    my $answer = $live->get('index.m3u8', 'Accept-Encoding' => $accept);

    is $answer->{body}, $plain->{body}, "plain for $accept";
}

my $answer = $server->get('/live/news/index.m3u8',
                          'Accept-Encoding' => 'gzip');
like Compress::Zlib::memGunzip($answer->{body}), qr/^#EXTM3U/,
     'the multivariant playlist too';

$answer = $live->get('part-0.0.m4s', 'Accept-Encoding' => 'gzip');
is $answer->{headers}{'content-encoding'}, undef, 'a part never';

done_testing;
