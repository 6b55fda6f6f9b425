#!/usr/bin/perl

# A frame rate that varies keeps its time, and parts keep their target.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 8, bframes => 0);
my ($at, $n) = (0, 0);
my @varied;

# frames of 16 to 100 ms; the sound goes on as it is
srand 5;
for my $m (@$media) {
    if (!Onair::FLV::is_video($m) || !Onair::FLV::is_frame($m)) {
        push @varied, $m unless Onair::FLV::is_meta($m);
        next;
    }

    push @varied, { %$m, timestamp => $at };
    $at += (16, 33, 50, 100, 33)[rand 5];
    $n++;
}

@varied = sort { $a->{timestamp} <=> $b->{timestamp}
                 || Onair::FLV::is_frame($a) <=> Onair::FLV::is_frame($b) }
               @varied;

my $viewer = Onair::Viewer->of($server, 'chan', \@varied);
my $list = $viewer->playlist('video');
my ($target) = $list->{text} =~ /PART-TARGET=([\d.]+)/;
my @parts = $list->{text} =~ /^#EXT-X-PART:.*DURATION=([\d.]+)/mg;

cmp_ok abs($list->{seconds} - $at / 1000), '<', 0.3, 'as long as it was';
ok @parts > 5, 'there are parts';
ok !(grep { $_ > $target + 0.0005 } @parts), 'none exceeds the target'
    or diag "@parts, target $target";

my ($decoded) = @{ $viewer->decode('video') };
is $decoded->{frames}, $n, 'every frame';
is $decoded->{errors}, '', 'decoded';

done_testing;
