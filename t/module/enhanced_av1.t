#!/usr/bin/perl

# AV1 over enhanced RTMP: the same pictures come out, in samples that hold
# nothing that a file must not.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Enhanced;
use Onair::LLHLS::Media;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);


# The types of the OBUs of a sample.
sub obus
{
    my $data = shift;
    my @types;

    while (length $data) {
        my $first = ord $data;
        my ($at, $size) = ($first & 4 ? 2 : 1, 0);

        for (my $shift = 0; ; $shift += 7) {
            my $byte = ord substr $data, $at++, 1;
            $size |= ($byte & 127) << $shift;
            last if $byte < 128;
        }

        push @types, $first >> 3 & 15;
        substr $data, 0, $at + $size, '';
    }

    return @types;
}


sub samples
{
    my ($init, @parts);

    for my $file (@_) {
        my $bytes = Onair::FLV::slurp($file);
        my @boxes = grep { $_->[0] =~ /^(?:moof|mdat)$/ }
                    Onair::LLHLS::Media::boxes($bytes);

        $init = Onair::LLHLS::Media::init($bytes);

        while (my ($moof, $mdat) = splice @boxes, 0, 2) {
            my $f = Onair::LLHLS::Media::fragment($moof, $mdat, $init);
            my $at = 0;

            for (@{ $f->{samples} }) {
                push @parts, { sync => !($_->{flags} & 0x10000),
                    obus => [ obus(substr $mdat->[1], $at, $_->{size}) ] };
                $at += $_->{size};
            }
        }
    }

    return @parts;
}


sub plays
{
    my ($name, $codecs, %args) = @_;
    my $change = delete $args{change};
    my $source = Onair::Enhanced->make(video => 'av1', audio => 'aac',
                                       seconds => 3, gop => 30, %args);
    my $channel = lc $name =~ s/\W+/_/gr;

    $change->($_) for $change ? @{ $source->{messages} } : ();

    my $viewer = Onair::Viewer->of($server, $channel, $source->{messages});
    my @files = $viewer->files('video');
    my $wanted = Onair::Enhanced::pictures($source->{video}{file});
    my $shown = Onair::Enhanced::pictures(@files);
    my @samples = samples(@files);

    is @files, 1, "$name: one init segment";
    is @$shown, @$wanted, "$name: every picture";
    is_deeply $shown, $wanted, "$name: the very same pictures";
    is $viewer->decode('video')->[0]{errors}, '', "$name: no error";
    like $viewer->multivariant, qr/CODECS="\Q$codecs\E,mp4a\.40\.2"/,
        "$name: CODECS";
    is_deeply [ grep { $_ == 2 || $_ == 15 } map { @{ $_->{obus} } }
                     @samples ], [], "$name: no delimiter, no padding";
    is_deeply [ map { $_->{obus}[0] } grep { $_->{sync} } @samples ],
        [ (1) x 3 ], "$name: three keyframes with a sequence header";

    return $viewer;
}


my $viewer = plays('main', 'av01.0.00M.08');
my $list = $viewer->playlist('video');
my $init = $viewer->fetch($list->{segments}[0]{map});

is Onair::LLHLS::Media::init($init)->{entry}, 'av01', 'the sample entry';
like $viewer->multivariant, qr/RESOLUTION=320x180,FRAME-RATE=30\.000/,
    'size and rate';

unlike $viewer->multivariant, qr/VIDEO-RANGE/, 'of standard range';

$viewer = plays('ten bit PQ', 'av01.0.00M.10.0.110.09.16.09.0',
      pixels => 'yuv420p10le', options => [qw(-color_primaries bt2020
      -color_trc smpte2084 -colorspace bt2020nc -color_range tv)]);
like $viewer->multivariant, qr/VIDEO-RANGE=PQ/, 'the range of the picture';

# as ffmpeg 6 and OBS send it: each temporal unit with its delimiter
plays('delimiters', 'av01.0.00M.08', change => sub {
    my $m = shift;
    substr $m->{body}, 5, 0, "\x12\x00" if $m->{type} == 9 && !$m->{config};
});

# the sequence header in the record only
plays('bare keyframes', 'av01.0.00M.08', change => sub {
    my $m = shift;
    return if $m->{type} != 9 || $m->{config} || !$m->{key};
    substr $m->{body}, 5, 2 + ord(substr $m->{body}, 6, 1), '';
});

plays('hidden frames', 'av01.0.00M.08', options => [qw(-usage good
      -cpu-used 6 -lag-in-frames 25 -auto-alt-ref 1)]);

done_testing;
