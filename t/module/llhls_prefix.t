#!/usr/bin/perl

# The location's name is the prefix, with or without a slash.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1,
    server => 'location /a/b/ { llhls; } location /tv { llhls; }');
my $live = Onair::Steps->start($server, 'news');
my ($rest) = $live->base =~ m{^/live/(.*)};

for my $prefix ('/live', '/a/b', '/tv') {
    is $server->get("$prefix/news/index.m3u8")->{status}, 200, $prefix;
    is $server->get("$prefix/$rest/index.m3u8")->{status}, 200, 'media';
}

done_testing;
