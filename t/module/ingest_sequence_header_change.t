#!/usr/bin/perl

# New sequence headers in mid-stream: a discontinuity and a new init segment.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $first = Onair::FLV::make(seconds => 4);
my $second = Onair::FLV::make(seconds => 4, size => '640x360');
my $offset = Onair::FLV::duration([grep { Onair::FLV::is_video($_) } @$first]);
my $changed = Onair::FLV::shifted(
    [grep { !Onair::FLV::is_meta($_) } @$second], $offset);

my $viewer = Onair::Viewer->of($server, 'chan', [@$first, @$changed]);
my $list = $viewer->playlist('video');
my @segments = @{ $list->{segments} };
my ($cut) = grep { $_->{discontinuity} } @segments;

is $list->{discontinuities}, 1, 'one discontinuity';
ok $cut && $cut->{map} ne $segments[0]{map}, 'with an init segment of its own';
is $viewer->playlist('audio')->{discontinuities}, 1,
    'the audio has the same discontinuity';

my @decoded = @{ $viewer->decode('video') };
is @decoded, 2, 'two runs of video';
is "$decoded[0]{width}x$decoded[0]{height}", '320x180', 'the first size';
is "$decoded[1]{width}x$decoded[1]{height}", '640x360', 'the second size';
is $decoded[$_]{frames}, 120, "run $_: every frame" for 0, 1;
is $decoded[$_]{errors}, '', "run $_: decoded" for 0, 1;
like $viewer->multivariant, qr/RESOLUTION=640x360/,
    'the multivariant playlist tells the new size';

done_testing;
