#!/usr/bin/perl

# An encoder that sends its sequence headers again changes nothing.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 6);
my @headers = grep { Onair::FLV::is_config($_) } @$media;
my @again;

for my $m (@$media) {
    push @again, map { +{ %$_, timestamp => $m->{timestamp} } } @headers
        if Onair::FLV::is_keyframe($m);
    push @again, $m;
}

my $viewer = Onair::Viewer->of($server, 'chan', \@again);

for my $name ('video', 'audio') {
    my $list = $viewer->playlist($name);
    my %maps = map { $_->{map} => 1 } @{ $list->{segments} };

    is keys %maps, 1, "$name: one init segment";
    is $list->{discontinuities}, 0, "$name: no discontinuity";
}

my ($decoded) = @{ $viewer->decode('video') };
is $decoded->{frames}, 180, 'every frame is there';
is $decoded->{errors}, '', 'and decoded';

done_testing;
