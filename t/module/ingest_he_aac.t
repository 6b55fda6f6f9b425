#!/usr/bin/perl

# HE-AAC: twice the rate that its frames are counted in.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 6, video => 0, audio_rate => 24000,
                             options => ['-ar', 24000]);
my $n = grep { Onair::FLV::is_frame($_) } @$media;

# AudioSpecificConfig: SBR (5) over LC (2), 24 kHz doubled to 48, stereo
for my $m (@$media) {
    $m->{body} = "\xaf\0" . pack 'B*', '00101' . '0110' . '0010' . '0011'
        . '00010' . '000' . '0' x 7 if Onair::FLV::is_config($m);
}

my $viewer = Onair::Viewer->of($server, 'chan',
                               [grep { !Onair::FLV::is_meta($_) } @$media]);

like $viewer->multivariant, qr/CODECS="mp4a\.40\.5"/, 'CODECS says HE-AAC';

my ($decoded) = @{ $viewer->decode('audio') };
is $decoded->{frames}, $n, 'every frame';
is $decoded->{sample_rate}, 48000, 'at the doubled rate';
cmp_ok abs($viewer->playlist('audio')->{seconds} - $n * 1024 / 24000), '<',
    0.05, 'as long as it was';

done_testing;
