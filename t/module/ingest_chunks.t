#!/usr/bin/perl

# Chunks of any size, and all chunk types, carry the same stream.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 4);
my $frames = grep { Onair::FLV::is_video($_) && Onair::FLV::is_frame($_) }
                  @$media;
my %case = (
    small    => { chunk_size => 128 },
    odd      => { chunk_size => 1237 },
    large    => { chunk_size => 65536 },
    compact  => { chunk_size => 128, compact => 1 },
    extended => { chunk_size => 128, offset => 0xffffff - 2000 },
    both     => { chunk_size => 128, offset => 0xfffffff, compact => 1 },
);

for my $name (sort keys %case) {
    my $viewer = Onair::Viewer->of($server, $name, $media, %{ $case{$name} });
    my ($decoded) = @{ $viewer->decode('video') };

    is $decoded->{frames}, $frames, "$name: every frame";
    is $decoded->{errors}, '', "$name: as it was";
    is $viewer->playlist('video')->{discontinuities}, 0, "$name: in one run";
}

done_testing;
