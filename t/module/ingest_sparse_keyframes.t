#!/usr/bin/perl

# A keyframe each 250 frames (OBS's simple mode) plays; the streamer is told.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 20, gop => 250, bframes => 2);
my $viewer = Onair::Viewer->of($server, 'chan', $media, chunk_size => 4096);
my $list = $viewer->playlist('video');

ok !(grep { int($_->{seconds} + 0.5) > $list->{target} }
          @{ $list->{segments} }), 'segments keep the target duration';
cmp_ok scalar @{ $list->{segments} }, '>=', 8, 'so there are many';
unlike $viewer->multivariant, qr/EXT-X-INDEPENDENT-SEGMENTS/,
    'they are not said to be independent';

my ($decoded) = @{ $viewer->decode('video') };
is $decoded->{frames}, 600, 'every frame';
is $decoded->{errors}, '', 'decoded';
like $server->error_log, qr/\[(?:warn|info)\].*channel "chan".*keyframe/,
    'the log tells of the keyframes';

done_testing;
