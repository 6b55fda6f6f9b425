package Onair::Enhanced;

# Messages of Enhanced RTMP, for Onair::RTMP and Onair::Viewer to send; made
# here because ffmpeg and GStreamer of Debian 12 cannot send them.
#
#   my $source = Onair::Enhanced->make(video => 'hevc', audio => 'aac',
#       seconds => 4, rate => 30, gop => 60, options => [...]);
#   $source->{messages}                as Onair::FLV's
#   $source->{video}, {audio}          each { file, record, samples, entry }
#   Onair::Enhanced::pictures($file)   checksums of the decoded pictures
#   my $p = $source->live($server, 'name')
#                                      sends them over and over at the speed
#                                      of the clock, until $p is gone
#
# video is hevc, av1, avc or undef; audio is opus, aac or undef.  ffmpeg makes
# a fragmented MP4 file of each track; its samples and its decoder
# configuration are what the messages carry.
#
#   composed => 0   no composition times where they are 0 (CodedFramesX)
#   wrap => sub { my ($kind, $head, $payload) = @_; … }
#                   builds each body: $head->{fourcc}, {type}, {frame_type}

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Onair::FLV;
use Onair::LLHLS::Media;
use Onair::RTMP;

use constant {
    START => 0, FRAMES => 1, STOP => 2, FRAMES_X => 3, INFO => 4,
    VIDEO_TRACKS => 6, AUDIO_TRACKS => 5, MODIFIED => 7,
};

my %encoder = (
    hevc => [qw(-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params),
             'log-level=none:open-gop=0'],
    av1  => [qw(-c:v libaom-av1 -cpu-used 8 -usage realtime -row-mt 1
                -b:v 300k)],
    avc  => [qw(-c:v libx264 -preset ultrafast -sc_threshold 0)],
    opus => [qw(-c:a libopus -b:a 64k)],
    aac  => [qw(-c:a aac -b:a 64k)],
);

my %fourcc = (hevc => 'hvc1', av1 => 'av01', avc => 'avc1', opus => 'Opus',
              aac => 'mp4a');

my %box = (hevc => 'hvcC', av1 => 'av1C', avc => 'avcC', opus => 'dOps');


sub make
{
    my ($class, %args) = @_;

    my $self = bless {
        seconds => 4, rate => 30, gop => 60, size => '320x180',
        pixels => 'yuv420p', audio_rate => 48000, channels => 2, composed => 1,
        options => [], audio_options => [], wrap => \&plain, %args,
    }, $class;
    my @messages;

    if ($args{video}) {
        $self->{video} = $self->video($args{video});
        push @messages, $self->video_messages;
    }

    if ($args{audio}) {
        $self->{audio} = $self->audio($args{audio});
        push @messages, $self->audio_messages;
    }

    # configurations first, and then by time
    $self->{messages} = [ sort {
        $b->{config} <=> $a->{config} || $a->{timestamp} <=> $b->{timestamp}
    } @messages ];

    return $self;
}


sub video
{
    my ($self, $codec) = @_;

    return $self->encode($codec, 'v',
        '-f', 'lavfi', '-i', "testsrc2=size=$self->{size}:rate=$self->{rate}",
        '-t', $self->{seconds}, '-pix_fmt', $self->{pixels},
        '-g', $self->{gop}, '-keyint_min', $self->{gop},
        @{ $encoder{$codec} }, @{ $self->{options} });
}


sub audio
{
    my ($self, $codec) = @_;

    return $self->encode($codec, 'a',
        '-f', 'lavfi', '-i',
        "sine=frequency=440:sample_rate=$self->{audio_rate}",
        '-t', $self->{seconds}, '-ac', $self->{channels},
        @{ $encoder{$codec} }, @{ $self->{audio_options} });
}


# A track in a file of its own.
sub encode
{
    my ($self, $codec, $kind, @arguments) = @_;
    my $file = File::Temp->new(SUFFIX => '.mp4');

    system('ffmpeg', '-nostdin', '-v', 'error', '-y', @arguments,
           '-f', 'mp4', '-movflags',
           'frag_every_frame+empty_moov+default_base_moof+delay_moov',
           $file->filename) == 0
        or die "ffmpeg failed to make $codec";

    return { codec => $codec, fourcc => $fourcc{$codec}, file => $file,
             read_file($file->filename, $codec, $kind) };
}


# The decoder configuration, and the samples with their times in ms.
sub read_file
{
    my ($name, $codec, $kind) = @_;
    my $bytes = Onair::FLV::slurp($name);
    my $init = Onair::LLHLS::Media::init($bytes);
    my @fragments = grep { $_->[0] =~ /^(?:moof|mdat)$/ }
                    Onair::LLHLS::Media::boxes($bytes);
    my @samples;

    while (my ($moof, $mdat) = splice @fragments, 0, 2) {
        my $f = Onair::LLHLS::Media::fragment($moof, $mdat, $init);
        my ($time, $at) = ($f->{time}, 0);

        for (@{ $f->{samples} }) {
            my $offset = unpack 'l', pack 'L', $_->{offset} // 0;

            push @samples, {
                ms => ms($time, $init), shown_ms => ms($time + $offset, $init),
                key => !($_->{flags} & 0x10000),
                bytes => substr($mdat->[1], $at, $_->{size}),
            };
            $time += $_->{duration};
            $at += $_->{size};
        }
    }

    my ($stsd) = Onair::LLHLS::Media::find($bytes,
                                           'moov/trak/mdia/minf/stbl/stsd');
    my ($entry) = Onair::LLHLS::Media::boxes(substr $stsd, 8);

    return (samples => \@samples, init => $init,
            record => record($entry->[1], $codec, $kind));
}


sub ms
{
    my ($time, $init) = @_;

    return int($time * 1000 / $init->{timescale} + 0.5);
}


sub record
{
    my ($entry, $codec, $kind) = @_;
    my $children = substr $entry, $kind eq 'v' ? 78 : 28;

    return specific_info($children) if $codec eq 'aac';

    my ($record) = Onair::LLHLS::Media::find($children, $box{$codec});

    return $codec eq 'opus' ? opus_head($record) : $record;
}


# The AudioSpecificConfig in esds.
sub specific_info
{
    my ($esds) = Onair::LLHLS::Media::find($_[0], 'esds');
    my $size = qr/[\x80-\xff]{0,3}[\x00-\x7f]/;

    $esds =~ /^.{4}\x03$size.{3}\x04$size.{13}\x05[\x80-\xff]*([\x00-\x7f])(.*)/s
        or die 'no AudioSpecificConfig';

    return substr $2, 0, ord $1;
}


# The same fields with their bytes the other way round, RFC 7845, 5.1.
sub opus_head
{
    my ($channels, $skip, $rate, $gain, $rest) = unpack 'xCnNna*', $_[0];

    return 'OpusHead' . pack 'CCvVva*', 1, $channels, $skip, $rate, $gain,
                             $rest;
}


sub video_messages
{
    my $self = shift;
    my $track = $self->{video};
    my @messages = $self->message(9, 'video', 0, 1, { type => START,
        frame_type => 1 }, $track->{record});

    for (@{ $track->{samples} }) {
        my $composition = $_->{shown_ms} - $_->{ms};
        my $type = $self->{composed} || $composition ? FRAMES : FRAMES_X;
        my $time = $type == FRAMES && $track->{codec} ne 'av1'
                   ? substr pack('N', $composition & 0xffffff), 1 : '';

        push @messages, $self->message(9, 'video', $_->{ms}, 0,
            { type => $type, frame_type => $_->{key} ? 1 : 2 },
            $time . $_->{bytes});
    }

    return @messages;
}


sub audio_messages
{
    my $self = shift;
    my $track = $self->{audio};

    return $self->message(8, 'audio', 0, 1, { type => START },
                          $track->{record}),
           map { $self->message(8, 'audio', $_->{ms}, 0, { type => FRAMES },
                                $_->{bytes}) } @{ $track->{samples} };
}


sub message
{
    my ($self, $type, $kind, $ms, $config, $head, $payload) = @_;

    $head->{fourcc} = $self->{$kind}{fourcc};

    return { type => $type, timestamp => $ms, config => $config,
             key => $kind eq 'video' && $head->{frame_type} == 1,
             body => $self->{wrap}->($kind, $head, $payload) };
}


# --- live --------------------------------------------------------------

sub live
{
    my ($self, $server, $channel) = @_;
    my $publisher = Onair::RTMP->publish($server->rtmp_port, $channel,
                                         chunk_size => 65536);
    die "not accepted: $publisher->{status}{description}"
        unless $publisher->accepted;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        my $mine = fileno $publisher->{socket};

        # others may wait for the end of what the parent has open
        $_ != $mine && POSIX::close($_) for 3 .. 255;
        eval { $self->send_live($publisher, getppid) };
        POSIX::_exit(0);
    }

    close $publisher->{socket};

    return bless { pid => $pid }, 'Onair::Enhanced::Live';
}


# Ends with the process that began it.
sub send_live
{
    my ($self, $publisher, $parent) = @_;
    my ($start, $offset) = (time, 0);
    my @messages = @{ $self->{messages} };

    while (1) {
        for my $m (@messages) {
            my $wait = $start + ($offset + $m->{timestamp}) / 1000 - time;

            sleep $wait if $wait > 0;
            return if $publisher->{gone} || getppid != $parent;
            $publisher->message($m->{type}, $offset + $m->{timestamp},
                                $m->{body}, msid => 1);
        }

        @messages = grep { !$_->{config} } @messages;
        $offset += 1000 * $self->{seconds};
    }
}


sub Onair::Enhanced::Live::DESTROY
{
    my $self = shift;

    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}


# --- bodies ------------------------------------------------------------

sub first_byte
{
    my ($kind, $head, $type) = @_;

    return pack 'C', $kind eq 'video' ? 0x80 | $head->{frame_type} << 4 | $type
                                      : 0x90 | $type;
}


sub plain
{
    my ($kind, $head, $payload) = @_;

    return first_byte($kind, $head, $head->{type}) . $head->{fourcc}
         . $payload;
}


# Multitrack messages: 0 one track, 1 many, 2 many of several codecs.
sub tracks
{
    my ($tracks_type, @ids) = @_;

    return sub {
        my ($kind, $head, $payload) = @_;
        my $type = $kind eq 'video' ? VIDEO_TRACKS : AUDIO_TRACKS;
        my $body = first_byte($kind, $head, $type)
            . pack 'C', $tracks_type << 4 | $head->{type};

        $body .= $head->{fourcc} if $tracks_type != 2;

        for my $id (@ids) {
            $body .= $head->{fourcc} if $tracks_type == 2;
            $body .= pack 'C', $id;
            $body .= substr pack('N', length $payload), 1
                if $tracks_type != 0;
            $body .= $payload;
        }

        return $body;
    };
}


# A nanosecond offset in front.
sub modified
{
    my ($kind, $head, $payload) = @_;

    return first_byte($kind, $head, MODIFIED) . "\x02\x00\x01\x02"
         . pack('C', $head->{type}) . $head->{fourcc} . $payload;
}


# --- what decoders make of it ------------------------------------------

sub pictures
{
    my @sums;

    for my $file (@_) {
        push @sums, `ffmpeg -nostdin -v error -i $file -map 0:v -fps_mode \\
                     passthrough -f framemd5 -` =~ /,\s*(\w{32})$/mg;
    }

    return \@sums;
}


1;
