#!/usr/bin/perl

# Media can be had in pieces.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');

$live->segment;

my $whole = $live->get('seg-0.m4s')->{body};
my $size = length $whole;

sub range
{
    my ($range, $from, $n) = @_;
    my $answer = $live->get('seg-0.m4s', Range => "bytes=$range");

    is $answer->{status}, 206, "bytes=$range";
    is $answer->{headers}{'content-range'},
       sprintf('bytes %d-%d/%d', $from, $from + $n - 1, $size), 'says which';
    ok $answer->{body} eq substr($whole, $from, $n), 'and is those';
}

range('0-99', 0, 100);
range('100-199', 100, 100);
range('1000-', 1000, $size - 1000);
range('-10', $size - 10, 10);

my $answer = $live->get('seg-0.m4s', Range => 'bytes=1-2,5-6');
is $answer->{status}, 206, 'two ranges';
is scalar(() = $answer->{body} =~ m{^Content-Range: bytes \d-\d/$size\r$}mg),
   2, 'in two pieces';
like $answer->{headers}{'content-type'}, qr{^multipart/byteranges}, 'of one';

my $none = $live->get('seg-0.m4s', Range => "bytes=$size-");
is $none->{status}, 416, 'none behind the end';
is $none->{headers}{'cache-control'}, 'no-store',
   'which no cache keeps in place of the segment';
is $live->get('index.m3u8', Range => 'bytes=0-9')->{status}, 200,
   'a playlist is always whole';

done_testing;
