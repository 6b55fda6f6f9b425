package Onair::FLV;

# Messages of an FLV file, for Onair::RTMP to send.
#
#   my $messages = Onair::FLV::make(seconds => 10, rate => 30, gop => 60,
#       bframes => 2, audio => 'aac', audio_rate => 48000, channels => 2);
#
# makes a moving test picture of 320x180 with a tone; video => 0 or audio => 0
# leaves a track out.  A message is { type, timestamp, body }, the timestamp
# in milliseconds.  Copy one before you change it.

use strict;
use warnings;

use File::Temp;

use constant { AUDIO => 8, VIDEO => 9, META => 18 };


sub make
{
    my %args = (seconds => 10, rate => 30, gop => 60, bframes => 2,
                size => '320x180', video => 1, audio => 'aac',
                audio_rate => 48000, channels => 2, options => [], @_);
    my $file = File::Temp->new(SUFFIX => '.flv');
    my (@input, @output);

    if ($args{video}) {
        push @input, '-f', 'lavfi', '-i',
            "testsrc2=size=$args{size}:rate=$args{rate}";
        push @output, qw(-c:v libx264 -preset ultrafast -pix_fmt yuv420p
            -sc_threshold 0), '-g', $args{gop}, '-keyint_min', $args{gop},
            '-bf', $args{bframes}, '-b:v', '300k';
    }

    if ($args{audio}) {
        push @input, '-f', 'lavfi', '-i',
            "sine=frequency=440:sample_rate=$args{audio_rate}";
        push @output, '-c:a', $args{audio}, '-b:a', '64k',
            '-ac', $args{channels};
    }

    system('ffmpeg', '-nostdin', '-v', 'error', '-y', @input,
           '-t', $args{seconds}, @output, @{ $args{options} },
           '-f', 'flv', '-flvflags', 'no_duration_filesize',
           $file->filename) == 0
        or die 'ffmpeg failed';

    return parse(slurp($file->filename));
}


sub slurp
{
    my $name = shift;

    open my $fh, '<:raw', $name or die "$name: $!";
    local $/;

    return scalar <$fh>;
}


sub parse
{
    my $bytes = shift;
    my $at = unpack('N', substr $bytes, 5, 4) + 4;
    my @messages;

    while ($at + 11 <= length $bytes) {
        my ($type, $high, $low, $time_high, $time_low, $more)
            = unpack 'CCnCnC', substr $bytes, $at, 8;
        my $size = $high << 16 | $low;

        push @messages, {
            type => $type,
            timestamp => $more << 24 | $time_high << 16 | $time_low,
            body => substr($bytes, $at + 11, $size),
        };
        $at += 11 + $size + 4;
    }

    # what encoders send at the end of a file is no part of a live stream
    @messages = grep { !is_end($_) } @messages;

    return \@messages;
}


sub is_video { return $_[0]{type} == VIDEO }
sub is_audio { return $_[0]{type} == AUDIO }
sub is_meta  { return $_[0]{type} == META }


sub is_config
{
    my $m = shift;

    return substr($m->{body}, 1, 1) eq "\0" && !is_meta($m);
}


sub is_end
{
    my $m = shift;

    return is_video($m) && substr($m->{body}, 1, 1) eq "\x02";
}


sub is_keyframe
{
    my $m = shift;

    return is_video($m) && !is_config($m)
        && ord($m->{body}) >> 4 == 1;
}


sub is_frame { return !is_config($_[0]) && !is_meta($_[0]) }


# Copies of messages, their timestamps moved.
sub shifted
{
    my ($messages, $offset) = @_;

    return [ map { +{ %$_, timestamp => $_->{timestamp} + $offset } }
                 @$messages ];
}


# How much later the next message of the same track would come, in ms.
sub duration
{
    my $messages = shift;
    my ($first, $last, $n);

    for my $m (grep { is_frame($_) && $_->{type} == $messages->[-1]{type} }
                   @$messages) {
        $first //= $m->{timestamp};
        $last = $m->{timestamp};
        $n++;
    }

    return $n > 1 ? int(($last - $first) * $n / ($n - 1) + 0.5) : 0;
}


1;
