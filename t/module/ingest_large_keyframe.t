#!/usr/bin/perl

# Keyframes of several megabytes in chunks of 128 bytes come through whole.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 4);
my $filler = pack 'N/a*', "\x0c" . "\xff" x 3_000_000 . "\x80";

for my $m (grep { Onair::FLV::is_keyframe($_) } @$media) {
    $m->{body} .= $filler;
}

my $viewer = Onair::Viewer->of($server, 'chan', $media);
my ($decoded) = @{ $viewer->decode('video') };

is $decoded->{frames}, 120, 'every frame';
is $decoded->{errors}, '', 'decoded';

my $bytes = 0;
$bytes += -s $_->filename for $viewer->files('video');
cmp_ok $bytes, '>', 6_000_000, 'with all that was sent';

done_testing;
