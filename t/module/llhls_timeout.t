#!/usr/bin/perl

# When nothing comes within three target durations, who waits is told.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(time);

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');

my ($target) = $live->get('index.m3u8')->{body} =~ /TARGETDURATION:(\d+)/;
my $begun = time;
my $playlist = $live->get_start('index.m3u8?_HLS_msn=0&_HLS_part=1');
my $part = $live->get_start('part-0.1.m4s');
my $answer = $playlist->finish(60);

is $answer->{status}, 503, 'the playlist does not come';
cmp_ok time - $begun, '>=', 3 * $target - 0.1, 'not before its time';
is $answer->{headers}{'cache-control'}, 'no-store', 'nobody remembers that';
is $part->finish->{status}, 503, 'nor does the part';
like $server->get('/status.json')->{body}, qr/"waiting[a-z_]*":\s*0\b/,
     'nobody waits any more';

$live->parts(1);
is $live->get('part-0.1.m4s')->{status}, 200, 'it may still come';

done_testing;
