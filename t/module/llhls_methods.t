#!/usr/bin/perl

# Only what reads is allowed.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;

my $server = Onair::Server->start(workers => 1);

for my $method (qw(POST PUT DELETE PATCH)) {
    my $answer = $server->request($method, '/live/news/index.m3u8',
                                  'Content-Length' => 0);

    is $answer->{status}, 405, $method;
    is $answer->{headers}{allow}, 'GET, HEAD, OPTIONS', 'says what is';
}

my $c = $server->connect;
$c->send("GET /live/news/index.m3u8 HTTP/1.1\r\nHost: x\r\n"
         . "Content-Length: 5\r\n\r\nhello");
is $c->finish->{status}, 404, 'a body is passed over';
is $c->get('/live/news/index.m3u8')->{status}, 404, 'the next is read';

done_testing;
