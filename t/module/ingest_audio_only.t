#!/usr/bin/perl

# Audio alone is a stream, in an application of any sample rate and layout.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);

for my $case ([48000, 2], [44100, 2], [44100, 1], [48000, 6], [22050, 1]) {
    my ($rate, $channels) = @$case;
    my $name = "a$rate-$channels";
    my $media = Onair::FLV::make(seconds => 6, video => 0,
        audio_rate => $rate, channels => $channels,
        options => ['-ar', $rate]);
    my $n = grep { Onair::FLV::is_audio($_) && Onair::FLV::is_frame($_) }
                 @$media;

    my $viewer = Onair::Viewer->of($server, $name, $media);
    is_deeply [$viewer->renditions], ['audio'], "$name: audio alone";

    my ($decoded) = @{ $viewer->decode('audio') };
    is $decoded->{frames}, $n, "$name: every frame";
    is $decoded->{errors}, '', "$name: decoded";
    is $decoded->{sample_rate}, $rate, "$name: the rate";
    is $decoded->{channels}, $channels, "$name: the channels";
    like $viewer->multivariant, qr/CODECS="mp4a\.40\.2"/, "$name: CODECS";

    my $list = $viewer->playlist('audio');
    cmp_ok abs($list->{seconds} - $n * 1024 / $rate), '<', 0.05,
        "$name: as long as its samples";
    ok !(grep { int($_->{seconds} + 0.5) > $list->{target} }
              @{ $list->{segments} }), "$name: segments keep the target";
}

done_testing;
