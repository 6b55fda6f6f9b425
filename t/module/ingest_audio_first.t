#!/usr/bin/perl

# An encoder that starts with audio: both tracks, from one point in time.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $media = Onair::FLV::make(seconds => 6);

# video comes 800 ms after audio, with its header, and no metadata before
my @late = map { Onair::FLV::is_video($_)
                 ? { %$_, timestamp => $_->{timestamp} + 800 } : $_ }
           grep { !Onair::FLV::is_meta($_) } @$media;
@late = sort { $a->{timestamp} <=> $b->{timestamp} } @late;

my $viewer = Onair::Viewer->of($server, 'chan', \@late);

is_deeply [$viewer->renditions], ['audio', 'video'], 'both renditions';

my ($decoded) = @{ $viewer->decode('video') };
is $decoded->{frames}, 180, 'every picture';
is $decoded->{errors}, '', 'decoded';

my %start;
for my $name ('video', 'audio') {
    my ($file) = $viewer->files($name);
    my $entry = 'format=start_time';
    chomp($start{$name} = `ffprobe -v error -show_entries $entry \\
                           -of default=nw=1:nk=1 $file`);
}

my $apart = $start{video} - $start{audio};
ok abs($apart - 0.8) < 0.15 || abs($apart) < 0.15,
    'sound and picture lie as they were sent' or diag "$apart s apart";

done_testing;
