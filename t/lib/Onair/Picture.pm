package Onair::Picture;

# What is in a picture, as ffmpeg sees it.
#
#   my $p = Onair::Picture->new($bytes_of_a_jpeg);     undef: it is none
#   $p->width, $p->height, $p->format
#   $p->colour($x, $y, $w, $h)     the mean [red, green, blue] of an area
#   $p->is($colour, $x, $y, $w, $h)    whether it is that, about
#   $p->bars($x, $y, $w, $h)       whether the test picture of Onair::FLV is
#                                  there: how many of its six bars

use strict;
use warnings;

use File::Temp;

# testsrc2's, from the left
my @bars = ([255, 0, 0], [0, 255, 0], [255, 255, 0], [0, 0, 255],
            [255, 0, 255], [0, 255, 255]);


sub new
{
    my ($class, $bytes) = @_;

    my $file = File::Temp->new(SUFFIX => '.jpg');
    binmode $file;
    print $file $bytes;
    close $file;

    my $said = _run(qw(ffprobe -v error -select_streams v -of csv=p=0),
                    '-show_entries', 'stream=width,height,pix_fmt',
                    $file->filename);
    my ($width, $height, $format) = $said =~ /^(\d+),(\d+),(\w+)/
        or return;
    my $rgb = _run(qw(ffmpeg -nostdin -v error -i), $file->filename,
                   qw(-f rawvideo -pix_fmt rgb24 -));

    return if length $rgb != 3 * $width * $height;

    return bless { width => $width, height => $height, format => $format,
                   rgb => $rgb }, $class;
}


sub _run
{
    open my $out, '-|', @_ or die "$_[0]: $!";
    binmode $out;
    local $/;

    return scalar(<$out>) // '';
}


sub width  { $_[0]{width} }
sub height { $_[0]{height} }
sub format { $_[0]{format} }


sub colour
{
    my ($self, $left, $top, $width, $height) = @_;
    my @sum = (0, 0, 0);

    for my $y ($top .. $top + $height - 1) {
        my @row = unpack 'C*', substr $self->{rgb},
            3 * ($y * $self->{width} + $left), 3 * $width;

        $sum[$_ % 3] += $row[$_] for 0 .. $#row;
    }

    return [map { $_ / ($width * $height) } @sum];
}


sub is
{
    my ($self, $colour, @area) = @_;
    my $seen = $self->colour(@area);

    return !grep { abs($seen->[$_] - $colour->[$_]) > 16 } 0 .. 2;
}


# Something moves over them, but not everywhere at once.
sub bars
{
    my ($self, $left, $top, $width, $height) = @_;

    ($left, $top) = (0, 0) if !defined $left;
    $width //= $self->{width};
    $height //= $self->{height};

    my $bar = $width / 6;
    my $seen = 0;

    for my $n (0 .. $#bars) {
        my $x = int($left + $bar * ($n + 0.3));

        $seen++ if grep {
            $self->is($bars[$n], $x, int($top + $height * $_),
                      int($bar * 0.4), 4)
        } 0.2, 0.4, 0.6, 0.8, 0.9;
    }

    return $seen;
}


1;
