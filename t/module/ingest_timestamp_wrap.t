#!/usr/bin/perl

# Timestamps that wrap at 2^31, as ffmpeg's, or at 2^32 go on without a cut.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 8);


sub wrapped
{
    my $modulus = shift;

    return [map { +{ %$_, timestamp =>
                     ($_->{timestamp} + $modulus - 4000) % $modulus } }
                @$media];
}


for my $bits (31, 32) {
    my $viewer = Onair::Viewer->of($server, "w$bits", wrapped(2 ** $bits));

    for my $name ('video', 'audio') {
        my $list = $viewer->playlist($name);

        is $list->{discontinuities}, 0, "2^$bits, $name: no discontinuity";
        cmp_ok abs($list->{seconds} - 8), '<', 0.3,
            "2^$bits, $name: of the right length";
    }

    my ($decoded) = @{ $viewer->decode('video') };
    is $decoded->{frames}, 240, "2^$bits: every frame";
    is $decoded->{errors}, '', "2^$bits: decoded";
}

done_testing;
