package Onair::RTMP;

# An RTMP publisher for crafted streams.
#
#   my $p = Onair::RTMP->publish($port, 'name', chunk_size => 4096);
#   $p->status->{code}                     of the answer to publish
#   $p->video($ms, $body); $p->audio($ms, $body); $p->metadata($ms, …);
#   $p->send_flv($messages);               see Onair::FLV
#   $p->close;
#
# or step by step: new, handshake, connect, create_stream, publish_name.  All
# waits end after `timeout` seconds (60).  A publisher sends as fast as the
# server reads; it reads what the server says while it writes.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

use Onair::AMF;

use constant {
    CHUNK_SIZE   => 1,
    ACK          => 3,
    AUDIO        => 8,
    VIDEO        => 9,
    AMF3_META    => 15,
    AMF3_SHARED  => 16,
    AMF3_COMMAND => 17,
    META         => 18,
    SHARED       => 19,
    COMMAND      => 20,
    AGGREGATE    => 22,
};

my %csid = (CHUNK_SIZE, 2, ACK, 2, AUDIO, 4, VIDEO, 6, META, 4, AMF3_META, 4,
            SHARED, 5, AMF3_SHARED, 5, COMMAND, 3, AMF3_COMMAND, 3,
            AGGREGATE, 7);


sub new
{
    my ($class, $port, %args) = @_;

    my $self = bless {
        chunk_size    => 128,      # of what is sent; see set_chunk_size()
        their_size    => 128,
        timeout       => 60,
        app           => 'live',
        streams       => {},       # what was sent last, by chunk stream
        their_streams => {},
        received      => '',
        messages      => [],
        transaction   => 0,
        gone          => 0,
        compact       => 0,        # chunk types 2 and 3 wherever possible
        %args,
    }, $class;

    $self->{socket} = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
        Timeout => $self->{timeout}) or die "connect to port $port: $@";
    $self->{socket}->blocking(0);
    binmode $self->{socket};

    return $self;
}


# Everything up to the answer to publish.
sub publish
{
    my ($class, $port, $name, %args) = @_;
    my $size = delete $args{chunk_size};
    my $self = $class->new($port, %args);

    $self->handshake;
    $self->set_chunk_size($size) if $size && $size != 128;
    $self->connect;
    $self->create_stream;
    $self->publish_name($name);

    return $self;
}


sub handshake
{
    my $self = shift;

    $self->raw("\x03" . pack('NN', 0, 0) . 'x' x 1528);
    my $answer = $self->take(1 + 1536 + 1536);
    $self->raw(substr $answer, 1, 1536);
}


sub connect
{
    my ($self, %more) = @_;

    $self->command('connect', [ app => $self->{app}, type => 'nonprivate',
        flashVer => 'FMLE/3.0', tcUrl => "rtmp://127.0.0.1/$self->{app}",
        %more ]);

    return $self->wait_command('_result', '_error');
}


sub create_stream
{
    my $self = shift;

    $self->command('createStream', undef);

    return $self->wait_command('_result', '_error');
}


# Returns the status object, or undef when the server closed without one.
sub publish_name
{
    my ($self, $name) = @_;

    $self->command('releaseStream', undef, Onair::AMF::string($name));
    $self->command('FCPublish', undef, Onair::AMF::string($name));
    $self->message(COMMAND, 0,
        Onair::AMF::encode('publish', ++$self->{transaction}, undef,
            Onair::AMF::string($name), 'live'), msid => 1, csid => 8);

    return $self->{status} = $self->wait_status;
}


sub status { return $_[0]{status} }


sub accepted
{
    my $self = shift;

    return $self->{status}
        && $self->{status}{code} eq 'NetStream.Publish.Start';
}


# The next onStatus, or undef when none comes before the server closes.
sub wait_status
{
    my $self = shift;
    my $answer = $self->wait_command('onStatus') or return undef;

    return $answer->[3];
}


sub unpublish
{
    my ($self, $name) = @_;

    $self->command('FCUnpublish', undef, Onair::AMF::string($name // ''));
    $self->command('deleteStream', undef, 1);
}


sub close
{
    my $self = shift;

    close $self->{socket} if $self->{socket};
    $self->{gone} = 1;
}


# --- messages ----------------------------------------------------------

sub command
{
    my ($self, $name, @arguments) = @_;

    $self->message(COMMAND, 0,
        Onair::AMF::encode($name, ++$self->{transaction}, @arguments));
}


sub metadata
{
    my ($self, $timestamp, @pairs) = @_;

    $self->message(META, $timestamp, Onair::AMF::encode('@setDataFrame',
        'onMetaData', Onair::AMF::ecma(\@pairs)), msid => 1);
}


sub video { my $self = shift; $self->message(VIDEO, @_, msid => 1) }
sub audio { my $self = shift; $self->message(AUDIO, @_, msid => 1) }


sub set_chunk_size
{
    my ($self, $size) = @_;

    $self->message(CHUNK_SIZE, 0, pack 'N', $size);
    $self->{chunk_size} = $size;
}


# Sends the messages of an Onair::FLV, their timestamps moved by offset.
sub send_flv
{
    my ($self, $messages, %args) = @_;
    my $offset = $args{offset} // 0;

    for my $m (@$messages) {
        return if $self->{gone};
        $self->message($m->{type}, $m->{timestamp} + $offset, $m->{body},
                       msid => 1);
        sleep $args{pause} if $args{pause};
    }
}


# One message in chunks.  Options: csid, msid, format (the chunk type of the
# first chunk; chosen to fit otherwise).
sub message
{
    my ($self, $type, $timestamp, $body, %args) = @_;

    $self->raw($self->chunks($type, $timestamp, $body, %args));
}


sub chunks
{
    my ($self, $type, $timestamp, $body, %args) = @_;
    my $csid = $args{csid} // $csid{$type} // 7;
    my $msid = $args{msid} // 0;

    $timestamp %= 2 ** 32;

    my $last = $self->{streams}{$csid};
    my $delta = ($timestamp - ($last ? $last->{timestamp} : 0)) % 2 ** 32;
    my $format = $args{format}
        // $self->choose_format($last, $type, $msid, length $body, $delta);
    my $time = $format == 0 ? $timestamp : $delta;
    my $field = $time < 0xffffff ? $time : 0xffffff;
    my $extended = $field == 0xffffff ? pack 'N', $time : '';

    my $header = pack 'C', $format << 6 | $csid;
    $header .= substr pack('N', $field), 1 if $format < 3;
    $header .= substr(pack('N', length $body), 1) . pack 'C', $type
        if $format < 2;
    $header .= pack 'V', $msid if $format < 1;

    $self->{streams}{$csid} = { timestamp => $timestamp, type => $type,
        msid => $msid, size => length $body, time => $time };

    my $size = $self->{chunk_size};
    my $bytes = $header . $extended . substr $body, 0, $size;

    for (my $at = $size; $at < length $body; $at += $size) {
        $bytes .= pack('C', 0xc0 | $csid) . $extended
            . substr $body, $at, $size;
    }

    return $bytes;
}


sub choose_format
{
    my ($self, $last, $type, $msid, $size, $delta) = @_;

    return 0 if !$last || $last->{msid} != $msid || $delta >= 2 ** 31;
    return 1 if !$self->{compact};
    return 1 if $last->{type} != $type || $last->{size} != $size;
    return 2 if $last->{time} != $delta;
    return 3;
}


# --- what the server says ----------------------------------------------

# The decoded command of one of these names, or undef at the end.
sub wait_command
{
    my ($self, @names) = @_;
    my $deadline = time + $self->{timeout};

    while (1) {
        while (my $m = shift @{ $self->{messages} }) {
            next unless $m->{type} == COMMAND;
            my @values = Onair::AMF::decode($m->{body});
            return \@values if grep { $_ eq $values[0] } @names;
        }

        return undef if $self->{gone};
        die "no @names within $self->{timeout} s" if time > $deadline;
        $self->read_some(0.1);
    }
}


# Whether the server closes the connection.
sub wait_closed
{
    my ($self, $timeout) = @_;
    my $deadline = time + ($timeout // $self->{timeout});

    $self->read_some(0.1) while !$self->{gone} && time < $deadline;

    return $self->{gone};
}


sub read_some
{
    my ($self, $timeout) = @_;

    return if $self->{gone};
    return unless IO::Select->new($self->{socket})->can_read($timeout);

    my $n = sysread $self->{socket}, my $bytes, 65536;

    if (defined $n && $n > 0) {
        $self->{received} .= $bytes;
        $self->parse if $self->{shaken};

    } elsif (defined $n || !($!{EAGAIN} || $!{EINTR})) {
        $self->{gone} = 1;
    }
}


sub take
{
    my ($self, $size) = @_;
    my $deadline = time + $self->{timeout};

    while (length $self->{received} < $size) {
        die "the server closed in the handshake" if $self->{gone};
        die "no handshake" if time > $deadline;
        $self->read_some(0.1);
    }

    $self->{shaken} = 1;

    return substr $self->{received}, 0, $size, '';
}


sub parse
{
    my $self = shift;

    while (my $chunk = $self->parse_chunk) {
        my $stream = $chunk->{stream};

        $stream->{body} .= $chunk->{data};
        next if length $stream->{body} < $stream->{size};

        $self->received_message({ type => $stream->{type},
                                  body => $stream->{body} });
        $stream->{body} = '';
    }
}


sub parse_chunk
{
    my $self = shift;
    my $in = \$self->{received};

    return undef unless length $$in;

    my $first = unpack 'C', $$in;
    my $format = $first >> 6;
    my $at = 1 + (11, 7, 3, 0)[$format];

    return undef if length $$in < $at;

    my $stream = $self->{their_streams}{$first & 63} //= { body => '' };

    if ($format < 3) {
        $stream->{extended} = substr($$in, 1, 3) eq "\xff\xff\xff";
    }
    if ($format < 2) {
        $stream->{size} = unpack 'N', "\0" . substr $$in, 4, 3;
        $stream->{type} = unpack 'C', substr $$in, 7, 1;
    }

    $at += 4 if $stream->{extended};

    my $left = $stream->{size} - length $stream->{body};
    my $size = $left < $self->{their_size} ? $left : $self->{their_size};

    return undef if length $$in < $at + $size;

    my $data = substr $$in, $at, $size;
    substr $$in, 0, $at + $size, '';

    return { stream => $stream, data => $data };
}


sub received_message
{
    my ($self, $m) = @_;

    if ($m->{type} == CHUNK_SIZE) {
        $self->{their_size} = unpack 'N', $m->{body};
        return;
    }

    push @{ $self->{messages} }, $m;
}


# Bytes as they are.  Stops silently once the server has closed.
sub raw
{
    my ($self, $bytes) = @_;
    my $deadline = time + $self->{timeout};
    my $select = IO::Select->new($self->{socket});

    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes && !$self->{gone}) {
        my $n = syswrite $self->{socket}, $bytes;

        if (defined $n) {
            substr $bytes, 0, $n, '';
            $deadline = time + $self->{timeout};
            next;
        }

        unless ($!{EAGAIN} || $!{EINTR}) {
            $self->drain;
            last;
        }

        die "the server does not read" if time > $deadline;
        $self->read_some(0);
        $select->can_write(0.05);
    }

    $self->read_some(0);
}


# What came before the connection broke.
sub drain
{
    my $self = shift;
    my $last = -1;

    while (!$self->{gone} && length $self->{received} != $last) {
        $last = length $self->{received};
        $self->read_some(0);
    }

    $self->{gone} = 1;
}


1;
