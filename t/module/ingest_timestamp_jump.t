#!/usr/bin/perl

# Timestamps that jump by an hour, either way, do not break the stream.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 8);

for my $jump (3_600_000, -3_600_000, 20_000, -3000) {
    my @jumped = map { +{ %$_, timestamp => $_->{timestamp} + 4_000_000
                          + ($_->{timestamp} >= 4000 ? $jump : 0) } } @$media;
    my $viewer = Onair::Viewer->of($server, 'j' . abs($jump) . ($jump > 0),
                                   \@jumped);

    for my $name ('video', 'audio') {
        my $list = $viewer->playlist($name);

        cmp_ok abs($list->{seconds} - 8), '<', 0.5,
            "$jump, $name: what was sent and no more";
        ok !(grep { int($_->{seconds} + 0.5) > $list->{target} }
                  @{ $list->{segments} }),
            "$jump, $name: segments keep the target";
        is_deeply [map { $_->{msn} } @{ $list->{segments} }],
            [0 .. $#{ $list->{segments} }], "$jump, $name: numbers go on";
    }

    my ($decoded) = @{ $viewer->decode('video') };
    is $decoded->{frames}, 240, "$jump: every frame";
    is $decoded->{errors}, '', "$jump: decoded";
}

done_testing;
