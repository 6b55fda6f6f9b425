package Onair::Latency;

# How long the source's parts take from a publisher to a client that waits for
# them, frame by frame.
#
#   my $l = Onair::Latency->start($server, 'name', $flv_file_messages,
#                                 rate => 30, app => 'live');
#   $l->running                     its publisher and its client are there
#   $l->stop                        ends both
#   $l->latencies($from, $to)       seconds, of parts that came in that time
#                                   (of Time::HiRes); after stop
#
# The publisher sends the messages in real time, in a loop, and notes when it
# sent each frame of video; the client asks for each part that is promised and
# notes when it has come.  Each is a process of its own.  Frames are told by
# the decode times of parts, from which any constant may be missing: compare
# latencies of one publisher with each other only.

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Onair::FLV;
use Onair::HTTP;
use Onair::LLHLS::Media;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my %running;


sub start
{
    my ($class, $server, $channel, $messages, %option) = @_;

    my $self = bless { server => $server, channel => $channel, rate => 30,
                       app => 'live', messages => $messages,
                       sent => File::Temp->new, came => File::Temp->new,
                       said => File::Temp->new, %option }, $class;

    $self->{pids} = [ $self->_process(\&_publish),
                      $self->_process(\&_follow) ];

    return $self;
}


sub _process
{
    my ($self, $code) = @_;
    my $parent = $$;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $SIG{TERM} = sub { POSIX::_exit(0) };
        $self->{parent} = $parent;
        eval { $self->$code; 1 }
            or _note($self->{said}, "$self->{channel}: $@");
        POSIX::_exit(1);
    }

    $running{$pid} = 1;

    return $pid;
}


# One line, whole, though two processes may write.
sub _note
{
    my ($file, $text) = @_;

    open my $out, '>>', $file->filename or die "$file: $!";
    syswrite $out, "$text\n";
}


sub running
{
    my ($self) = @_;

    for my $pid (@{ $self->{pids} }) {
        delete $running{$pid}
            if $running{$pid} && waitpid($pid, POSIX::WNOHANG()) > 0;
    }

    return @{ $self->{pids} } == grep { $running{$_} } @{ $self->{pids} };
}


# What a process that ended early had to say.
sub said
{
    my ($self) = @_;

    return Onair::FLV::slurp($self->{said}->filename);
}


sub stop
{
    my ($self) = @_;

    for my $pid (grep { delete $running{$_} } @{ $self->{pids} }) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}


# --- processes ---------------------------------------------------------

sub _publish
{
    my ($self) = @_;
    my $p = Onair::RTMP->publish($self->{server}->rtmp_port, $self->{channel},
                                 app => $self->{app}, chunk_size => 4096);
    my $length = Onair::FLV::duration(
        [ grep { Onair::FLV::is_video($_) } @{ $self->{messages} } ]);
    my $begin = time;

    die "not accepted\n" unless $p->accepted;
    open my $sent, '>>', $self->{sent}->filename or die "sent: $!";

    for (my $round = 0; getppid == $self->{parent}; $round++) {
        for my $m (@{ $self->{messages} }) {
            next if $round && !Onair::FLV::is_frame($m);

            my $ms = $m->{timestamp} + $round * $length;
            my $wait = $begin + $ms / 1000 - time;

            sleep $wait if $wait > 0;
            syswrite $sent, time . "\n"
                if Onair::FLV::is_video($m) && Onair::FLV::is_frame($m);
            $p->message($m->{type}, $ms, $m->{body}, msid => 1);
            die "the server closed\n" if $p->{gone};
        }
    }
}


sub _follow
{
    my ($self) = @_;
    my $viewer = Onair::Viewer->new($self->{server}, $self->{channel});

    $viewer->wait_live('video') or die "no stream\n";

    my $base = "/live/$self->{channel}/" . $viewer->session . '/video';
    my ($init, %seen);

    while (getppid == $self->{parent}) {
        my $text = $self->_get("$base/index.m3u8");
        my ($map) = $text =~ /^#EXT-X-MAP:URI="([^"]+)"/m;
        my ($hint) = $text =~ /^#EXT-X-PRELOAD-HINT:.*URI="([^"]+)"/m;

        die "no hint\n" if !defined $map || !defined $hint;
        $init //= Onair::LLHLS::Media::init($self->_get("$base/$map"));
        next if $seen{$hint}++;

        my $part = $self->_get("$base/$hint");
        my $came = time;
        my ($f) = Onair::LLHLS::Media::fragments($part, $init);
        my $end = ($f->{time} + $f->{duration}) / $init->{timescale};

        _note($self->{came}, "$came $end");
    }
}


# On a connection that stays, until the server has had enough of it.
sub _get
{
    my ($self, $path) = @_;
    my $answer = $self->{client} && $self->{client}->get($path);

    if (!$answer) {
        $self->{client} = $self->{server}->connect;
        $answer = $self->{client}->get($path) or die "$path: no answer\n";
    }

    die "$path: $answer->{status}\n" if $answer->{status} != 200;

    return $answer->{body};
}


# --- figures -----------------------------------------------------------

sub latencies
{
    my ($self, $from, $to) = @_;
    my @sent = split /\n/, Onair::FLV::slurp($self->{sent}->filename);
    my @latencies;

    for (split /\n/, Onair::FLV::slurp($self->{came}->filename)) {
        my ($came, $end) = split / /;
        my $sent = $sent[int($end * $self->{rate} + 0.5) - 1];

        push @latencies, $came - $sent
            if defined $sent && $came >= $from && $came < $to;
    }

    return @latencies;
}


END {
    my $status = $?;
    kill 'KILL', $_ for keys %running;
    waitpid $_, 0 for keys %running;
    $? = $status;
}


1;
