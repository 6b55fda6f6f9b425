#!/usr/bin/perl

# Video alone is a stream, with and without metadata that says so.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 6, audio => 0);
my %case = (
    told   => $media,
    untold => [grep { !Onair::FLV::is_meta($_) } @$media],
    empty  => [map { ($_, { type => 8, timestamp => $_->{timestamp},
                            body => '' }) } @$media],
);

for my $name (sort keys %case) {
    my $viewer = Onair::Viewer->of($server, $name, $case{$name});

    is_deeply [$viewer->renditions], ['video'], "$name: video alone";

    my ($decoded) = @{ $viewer->decode('video') };
    is $decoded->{frames}, 180, "$name: every frame";
    is $decoded->{errors}, '', "$name: decoded";
    like $viewer->multivariant, qr/CODECS="avc1\.[0-9a-fA-F]{6}"/,
        "$name: CODECS";
}

done_testing;
