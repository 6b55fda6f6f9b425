#!/usr/bin/perl

# Positions that make no sense, or are out of reach, are refused.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');

for my $args ('_HLS_part=1', '_HLS_msn=x', '_HLS_msn=', '_HLS_msn=-1',
              '_HLS_msn=5', '_HLS_msn=99999999999999999999999',
              '_HLS_msn=0&_HLS_part=900', '_HLS_msn=0&_HLS_msn=0',
              '_HLS_msn=4294967295&_HLS_part=0')
{
    is $live->get("index.m3u8?$args")->{status}, 400, $args;
}

is $live->get('index.m3u8?token=1&_HLS_skip=maybe')->{status}, 200,
   'unknown parameters and values are passed over';

done_testing;
