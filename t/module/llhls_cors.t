#!/usr/bin/perl

# A player on any origin may read all answers, errors too.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');

for my $file ('index.m3u8', 'part-0.0.m4s', 'init-0.mp4', 'seg-77.m4s',
              'index.m3u8?_HLS_part=1')
{
    my $h = $live->get($file, Origin => 'https://example.org')->{headers};

    is $h->{'access-control-allow-origin'}, '*', $file;
    like $h->{'access-control-expose-headers'}, qr/\bDate\b.*\bAge\b/,
         'with the dates';
}

my $answer = $server->request('OPTIONS', $live->base . '/seg-0.m4s',
    Origin => 'https://example.org', 'Access-Control-Request-Method' => 'GET',
    'Access-Control-Request-Headers' => 'range');

is $answer->{status}, 204, 'a preflight is answered';
is $answer->{headers}{'access-control-allow-origin'}, '*', 'for all';
like $answer->{headers}{'access-control-allow-headers'}, qr/\bRange\b/i,
     'a range may be asked for';
like $answer->{headers}{'access-control-allow-methods'}, qr/\bGET\b/, 'by GET';

done_testing;
