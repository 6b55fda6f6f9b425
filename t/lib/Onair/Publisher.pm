package Onair::Publisher;

# Programs that publish a test stream over RTMP.
#
#   my $p = Onair::Publisher->ffmpeg($server->rtmp_url('name'), %option);
#   my $p = Onair::Publisher->gst($url, %option);
#
#   size => '320x180', fps => 30, gop => 60 (frames), bframes => 2,
#   duration => seconds (endless unless told), audio => 1, video => 1,
#   rate => 48000, channels => 2
#   ffmpeg only: input => FILE (sent as it is), output => [options],
#   filter => 'drawtext=...'
#
#   $p->pid, running, log
#   $p->stop      ends it politely (SIGTERM), waits; also at the end
#   $p->kill      SIGKILL: the connection is cut without a word
#   $p->wait      until it ends by itself; returns its exit status

use strict;
use warnings;

use File::Temp ();
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep);

my %running;


sub ffmpeg {
    my ($class, $url, %option) = @_;

    my $o = _defaults(%option);
    my @command = qw(ffmpeg -hide_banner -nostdin -loglevel warning);

    if (defined $o->{input}) {
        push @command, '-re', '-i', $o->{input}, qw(-c copy);
    } else {
        push @command, _ffmpeg_inputs($o), _ffmpeg_encoders($o);
    }

    push @command, '-t', $o->{duration} if defined $o->{duration};

    return $class->_run(@command, @{$o->{output} // []},
                        qw(-flvflags no_duration_filesize -f flv), $url);
}


sub gst {
    my ($class, $url, %option) = @_;

    my $o = _defaults(%option);
    # the muxer does not wait longer than its latency for a track that is late,
    # as on a busy machine, and stamps its frames with the other track's clock
    my @command = (qw(gst-launch-1.0 -q flvmux name=mux streamable=true),
                   qw(latency=3000000000 ! rtmp2sink), "location=$url");

    push @command, _gst_video($o) if $o->{video};
    push @command, _gst_audio($o) if $o->{audio};

    return $class->_run(@command);
}


sub pid { $_[0]{pid} }
sub log { open my $file, '<', "$_[0]{log}" or return ''; local $/; <$file> }


sub running {
    my ($self) = @_;

    if ($running{$self->{pid}} && waitpid($self->{pid}, WNOHANG) > 0) {
        $self->{status} = $?;
        delete $running{$self->{pid}};
    }

    return exists $running{$self->{pid}};
}


sub stop {
    my ($self) = @_;

    kill 'TERM', $self->{pid} if $self->running;

    for (1 .. 250) {
        return $self->{status} if !$self->running;
        sleep 0.02;
    }

    return $self->kill;
}


sub kill {
    my ($self) = @_;

    CORE::kill 'KILL', $self->{pid} if $self->running;

    return $self->wait;
}


sub wait {
    my ($self) = @_;

    sleep 0.02 while $self->running;

    return $self->{status};
}


sub _defaults {
    my (%option) = @_;

    return { size => '320x180', fps => 30, gop => 60, bframes => 2,
             audio => 1, video => 1, rate => 48000, channels => 2, %option };
}


sub _ffmpeg_inputs {
    my ($o) = @_;

    my @inputs;

    push @inputs, qw(-re -f lavfi -i),
                  "testsrc2=size=$o->{size}:rate=$o->{fps}" if $o->{video};
    push @inputs, qw(-re -f lavfi -i),
                  "sine=frequency=440:beep_factor=4:sample_rate=$o->{rate}"
        if $o->{audio};

    return @inputs;
}


sub _ffmpeg_encoders {
    my ($o) = @_;

    my @options;

    push @options, qw(-c:v libx264 -preset ultrafast -pix_fmt yuv420p),
                   '-g', $o->{gop}, '-keyint_min', $o->{gop},
                   qw(-sc_threshold 0 -b_strategy 0 -threads 1),
                   '-bf', $o->{bframes} if $o->{video};
    push @options, '-vf', $o->{filter} if $o->{video} && $o->{filter};
    push @options, qw(-c:a aac -b:a 96k), '-ac', $o->{channels},
                   '-ar', $o->{rate} if $o->{audio};

    return @options;
}


# What one track has while the muxer waits for the other.
sub _gst_queue {
    return (qw(! queue max-size-time=0 max-size-buffers=0 max-size-bytes=0),
            qw(! mux.));
}


sub _gst_video {
    my ($o) = @_;

    my ($width, $height) = split /x/, $o->{size};
    my @count = defined $o->{duration}
                ? 'num-buffers=' . $o->{duration} * $o->{fps} : ();

    return (qw(videotestsrc is-live=true), @count, '!',
            "video/x-raw,format=I420,width=$width,height=$height,"
            . "framerate=$o->{fps}/1",
            '!', qw(x264enc speed-preset=ultrafast threads=1),
            qw(option-string=scenecut=0:b-adapt=0),
            "key-int-max=$o->{gop}", "bframes=$o->{bframes}",
            qw(! h264parse), _gst_queue());
}


sub _gst_audio {
    my ($o) = @_;

    my @count = defined $o->{duration}
        ? ('num-buffers=' . int($o->{duration} * $o->{rate} / 1024)) : ();

    return (qw(audiotestsrc is-live=true samplesperbuffer=1024), @count, '!',
            "audio/x-raw,rate=$o->{rate},channels=$o->{channels}",
            qw(! audioconvert ! avenc_aac ! aacparse), _gst_queue());
}


sub _run {
    my ($class, @command) = @_;

    my $log = File::Temp->new;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', "$log";
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', '--pdeathsig', 'KILL', @command or POSIX::_exit(127);
    }

    $running{$pid} = 1;

    return bless { pid => $pid, log => $log, command => \@command }, $class;
}


END {
    my $status = $?;
    CORE::kill 'KILL', $_ for keys %running;
    waitpid $_, 0 for keys %running;
    $? = $status;
}


1;
