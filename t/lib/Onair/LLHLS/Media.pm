package Onair::LLHLS::Media;

# Reads init segments and fragments of fragmented MP4, as far as the rules
# of low-latency HLS need it.  Everything dies with a text on malformed input.

use strict;
use warnings;


my %CONTAINERS = map { $_ => 1 } qw(moov trak mdia minf stbl mvex moof traf);


# [type, payload, offset] of each box.
sub boxes {
    my ($data) = @_;

    my ($at, @boxes) = (0);

    while ($at < length $data) {
        die "a box header is cut off\n" if length($data) - $at < 8;

        my ($size, $type) = unpack 'Na4', substr $data, $at, 8;
        my $head = 8;

        if ($size == 1) {
            $size = unpack 'Q>', substr $data, $at + 8, 8;
            $head = 16;
        }

        die "box $type has a wrong size\n"
            if $size < $head || $at + $size > length $data;

        push @boxes, [$type, substr($data, $at + $head, $size - $head), $at];
        $at += $size;
    }

    return @boxes;
}


# The payloads of all boxes on a path such as moov/trak/mdia/mdhd.
sub find {
    my ($data, $path) = @_;

    my ($first, $rest) = split m{/}, $path, 2;
    my @found = map { $_->[1] } grep { $_->[0] eq $first } boxes($data);

    return defined $rest ? map({ find($_, $rest) } @found) : @found;
}


sub init {
    my ($data) = @_;

    my ($mdhd) = find($data, 'moov/trak/mdia/mdhd') or die "no mdhd\n";
    my ($hdlr) = find($data, 'moov/trak/mdia/hdlr') or die "no hdlr\n";
    my ($stsd) = find($data, 'moov/trak/mdia/minf/stbl/stsd')
        or die "no stsd\n";
    my ($trex) = find($data, 'moov/mvex/trex') or die "no trex\n";
    my ($entry) = boxes(substr $stsd, 8) or die "an empty stsd\n";

    my %init = (
        timescale => unpack('N', substr $mdhd,
                            ord($mdhd) == 1 ? 20 : 12, 4),
        handler => substr($hdlr, 8, 4),
        entry => $entry->[0],
    );

    @init{qw(default_duration default_size default_flags)}
        = unpack 'x12N3', $trex;

    describe_video(\%init, $entry->[1]) if $init{handler} eq 'vide';
    describe_audio(\%init, $entry->[1]) if $init{handler} eq 'soun';

    return \%init;
}


sub describe_video {
    my ($init, $entry) = @_;

    @$init{qw(width height)} = unpack 'x24nn', $entry;

    my %box = map { $_->[0] => $_->[1] } boxes(substr $entry, 78);

    $init->{codec}
        = $box{avcC} ? sprintf('%s.%02x%02x%02x', $init->{entry},
                               unpack 'xC3', $box{avcC})
        : $box{hvcC} ? describe_hevc($init->{entry}, $box{hvcC})
        : $box{av1C} ? describe_av1($box{av1C})
                     : undef;
}


# In lower case, as the rules compare them.
sub describe_hevc {
    my ($entry, $record) = @_;

    my ($profile, $flags, $constraints, $level) = unpack 'xCNa6C', $record;
    my $string = sprintf '%s.%s%d.%x.%s%d', $entry,
        ('', 'a', 'b', 'c')[$profile >> 6], $profile & 31,
        unpack('V', pack 'b32', unpack 'B32', pack 'N', $flags),
        $profile & 32 ? 'h' : 'l', $level;

    $constraints =~ s/\0+$//;

    return join '.', $string, map { sprintf '%x', $_ } unpack 'C*',
                                                             $constraints;
}


# Without the colours that may follow.
sub describe_av1 {
    my ($first, $second) = unpack 'xCC', $_[0];

    return sprintf 'av01.%d.%02d%s.%02d', $first >> 5, $first & 31,
        $second & 128 ? 'h' : 'm',
        !($second & 64) ? 8 : $second & 32 ? 12 : 10;
}


# The audio object type, from the DecoderSpecificInfo of esds.
sub describe_audio {
    my ($init, $entry) = @_;

    ($init->{channels}, $init->{rate}) = unpack 'x16nx6n', $entry;

    $init->{codec} = 'opus' if $init->{entry} eq 'Opus';

    my ($esds) = find(substr($entry, 28), 'esds') or return;
    my $size = qr/[\x80-\xff]{0,3}[\x00-\x7f]/;
    $esds =~ /^.{4}\x03$size.{3}\x04$size.{13}\x05$size(..)/s or return;

    my $bits = unpack 'n', $1;
    my $type = $bits >> 11;
    $type = 32 + ($bits >> 5 & 63) if $type == 31;
    $init->{codec} = "mp4a.40.$type";
}


# Every moof with its mdat: {sequence, time, samples, duration, sync}.
sub fragments {
    my ($data, $init) = @_;

    my @boxes = grep { $_->[0] !~ /^(?:styp|sidx|prft|emsg|free)$/ }
                boxes($data);
    my @fragments;

    while (my $moof = shift @boxes) {
        my $mdat = shift @boxes;

        die "$moof->[0] in the place of moof\n" if $moof->[0] ne 'moof';
        die "no mdat behind moof\n" if !$mdat || $mdat->[0] ne 'mdat';

        push @fragments, fragment($moof, $mdat, $init);
    }

    die "no moof\n" unless @fragments;

    return @fragments;
}


sub fragment {
    my ($moof, $mdat, $init) = @_;

    my ($mfhd) = find($moof->[1], 'mfhd') or die "no mfhd\n";
    my @traf = find($moof->[1], 'traf');
    die "not one traf\n" if @traf != 1;

    my ($tfhd) = find($traf[0], 'tfhd') or die "no tfhd\n";
    my ($tfdt) = find($traf[0], 'tfdt') or die "no tfdt\n";

    my %default = tfhd($tfhd, $init);
    my @samples = map { trun($_, \%default) } find($traf[0], 'trun');
    die "no samples\n" unless @samples;

    my ($duration, $bytes) = (0, 0);
    $duration += $_->{duration}, $bytes += $_->{size} for @samples;
    die "samples of $bytes bytes in an mdat of " . length($mdat->[1]) . "\n"
        if $bytes != length $mdat->[1];

    my $time = ord($tfdt) == 1 ? unpack('x4Q>', $tfdt)
                               : unpack('x4N', $tfdt);
    my ($at, $presented) = ($time);

    # a keyframe may follow pictures that are shown before it
    for (@samples) {
        my $shown = $at + unpack 'l', pack 'L', $_->{offset} // 0;

        $presented = $shown if !defined $presented || $shown < $presented;
        $at += $_->{duration};
    }

    return {
        sequence => unpack('x4N', $mfhd),
        time => $time,
        presented => $presented,
        samples => \@samples,
        duration => $duration,
        sync => !($samples[0]{flags} & 0x10000),
    };
}


sub tfhd {
    my ($tfhd, $init) = @_;

    my $flags = unpack('N', $tfhd) & 0xffffff;
    my $at = 8;
    my %default = (duration => $init->{default_duration},
                   size => $init->{default_size},
                   flags => $init->{default_flags});

    die "no default-base-is-moof\n" unless $flags & 0x020000;

    $at += 8 if $flags & 0x01;
    $at += 4 if $flags & 0x02;

    for ([0x08, 'duration'], [0x10, 'size'], [0x20, 'flags']) {
        next unless $flags & $_->[0];
        $default{$_->[1]} = unpack 'N', substr $tfhd, $at, 4;
        $at += 4;
    }

    return %default;
}


sub trun {
    my ($trun, $default) = @_;

    my ($flags, $count) = unpack 'N2', $trun;
    my ($at, @samples, $first_flags) = (8);

    $at += 4 if $flags & 0x01;

    if ($flags & 0x04) {
        $first_flags = unpack 'N', substr $trun, $at, 4;
        $at += 4;
    }

    for my $i (1 .. $count) {
        my %sample = %$default;
        $sample{flags} = $first_flags if $i == 1 && defined $first_flags;

        for ([0x100, 'duration'], [0x200, 'size'], [0x400, 'flags'],
             [0x800, 'offset'])
        {
            next unless $flags & $_->[0];
            die "trun is cut off\n" if length $trun < $at + 4;
            $sample{$_->[1]} = unpack 'N', substr $trun, $at, 4;
            $at += 4;
        }

        push @samples, \%sample;
    }

    return @samples;
}


1;
