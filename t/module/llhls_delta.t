#!/usr/bin/perl

# _HLS_skip=YES leaves out what a player already has.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');

$live->segment for 1 .. 12;

my $full = $live->get('index.m3u8')->{body};
my $delta = $live->get('index.m3u8?_HLS_skip=YES')->{body};
my ($skipped) = $delta =~ /^#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)$/m;

unlike $full, qr/EXT-X-SKIP/, 'the full playlist skips nothing';
cmp_ok $skipped, '>', 0, 'the delta update skips';
is $skipped + (() = $delta =~ /^seg-/mg), (() = $full =~ /^seg-/mg),
   'what it skips and what it shows are all segments';
is +($delta =~ /(seg-(?s:.*))/)[0], substr($full, index($full,
   ($delta =~ /^(seg-\d+\.m4s)$/m)[0])), 'the rest is the same';

my $held = $live->get_start('index.m3u8?_HLS_msn=12&_HLS_part=1&_HLS_skip=YES');
$live->parts(1);
like $held->finish->{body}, qr/^#EXT-X-SKIP(?s:.*)part-12\.1\.m4s/m,
     'a blocking reload can be a delta update';

done_testing;
