#!/usr/bin/perl

# The end of a stream releases everybody; then nothing blocks.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2,
                                  rtmp_app => 'ingest_grace 1s;');
my $live = Onair::Steps->start($server, 'news');

$live->parts(3);

my @held = map { $live->get_start('index.m3u8?_HLS_msn=1') } 1 .. 4;
my @parts = map { $live->get_start('part-0.4.m4s') } 1 .. 4;
$live->done;

my @answers = map { $_->finish } @held;
is scalar(grep { $_->{status} == 200 } @answers), 4, 'all have a playlist';
is scalar(grep { $_->{body} =~ /^#EXT-X-ENDLIST$/m } @answers), 4,
   'that says it is the end';
is scalar(grep { $_->finish->{status} == 404 } @parts), 4,
   'a part that was promised does not come';

my $answer = $live->get('index.m3u8?_HLS_msn=1&_HLS_part=1');
like $answer->{body}, qr/^#EXT-X-ENDLIST$/m, 'nothing blocks any more';
unlike $answer->{body}, qr/PRELOAD-HINT/, 'and nothing is promised';
is $live->get('seg-0.m4s')->{status}, 200, 'the last segment is there';

done_testing;
