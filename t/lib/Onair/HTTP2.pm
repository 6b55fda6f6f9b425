package Onair::HTTP2;

# As much of an HTTP/2 client, without TLS, as tests need: requests without a
# body, all on one connection.
#
#   my $c = Onair::HTTP2->connect($port);
#   my $id = $c->start('GET', $path);      a stream
#   my $r = $c->finish($id);               { status, body }; waits for its end
#   $c->reset($id);                        the client does not want it any more
#   $c->ready($id)                         whether its answer is whole

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes ();

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4,
               PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8,
               END_STREAM => 1, ACK => 1, END_HEADERS => 4, CANCEL => 8 };

# RFC 7541, appendix A: those of the static table that are whole
my %indexed = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404,
               14 => 500);


sub connect
{
    my ($class, $port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port)
        or die "connect to port $port: $!";

    my $self = bless { socket => $socket, in => '', next => 1, streams => {} },
                     $class;

    syswrite $socket, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    $self->_frame(SETTINGS, 0, 0, '');
    $self->_frame(WINDOW_UPDATE, 0, 0, pack 'N', 1 << 24);

    return $self;
}


sub start
{
    my ($self, $method, $path) = @_;
    my $id = $self->{next};

    $self->{next} += 2;
    $self->{streams}{$id} = { body => '' };

    # literal fields without indexing; 2 is :method, 6 :scheme, 4 :path and
    # 1 :authority in the static table
    my $block = join '', map { my ($name, $value) = @$_;
                               pack 'C C/a*', $name, $value }
        [2, $method], [6, 'http'], [4, $path], [1, 'localhost'];

    $self->_frame(HEADERS, END_STREAM | END_HEADERS, $id, $block);

    return $id;
}


sub reset
{
    my ($self, $id) = @_;

    $self->_frame(RST_STREAM, 0, $id, pack 'N', CANCEL);
    delete $self->{streams}{$id};
}


sub ready
{
    my ($self, $id) = @_;

    $self->_read(0);

    return $self->{streams}{$id}{done};
}


sub finish
{
    my ($self, $id, $timeout) = @_;
    my $deadline = Time::HiRes::time() + ($timeout // 60);

    until ($self->{streams}{$id}{done}) {
        my $left = $deadline - Time::HiRes::time();
        die "stream $id is not answered\n" if $left <= 0 || $self->{eof};
        $self->_read($left);
    }

    return $self->{streams}{$id};
}


sub _frame
{
    my ($self, $type, $flags, $id, $payload) = @_;

    syswrite $self->{socket},
        substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $id)
        . $payload;
}


sub _read
{
    my ($self, $timeout) = @_;

    if (IO::Select->new($self->{socket})->can_read($timeout)) {
        sysread($self->{socket}, $self->{in}, 65536, length $self->{in})
            or $self->{eof} = 1;
    }

    while (length $self->{in} >= 9) {
        my ($high, $low, $type, $flags, $id) = unpack 'CnCCN', $self->{in};
        my $size = $high << 16 | $low;

        last if length $self->{in} < 9 + $size;

        my $payload = substr $self->{in}, 9, $size;
        substr($self->{in}, 0, 9 + $size) = '';
        $self->_received($type, $flags, $id, $payload);
    }
}


sub _received
{
    my ($self, $type, $flags, $id, $payload) = @_;
    my $stream = $self->{streams}{$id};

    $self->_frame(SETTINGS, ACK, 0, '') if $type == SETTINGS && !$flags;
    $self->_frame(PING, ACK, 0, $payload) if $type == PING && !$flags;
    die "GOAWAY\n" if $type == GOAWAY && unpack('x4N', $payload) != 0;

    return if !$stream;

    $stream->{status} = _status($payload) if $type == HEADERS;
    $stream->{status} = 'reset' if $type == RST_STREAM;

    if ($type == DATA) {
        $stream->{body} .= $payload;
        $self->_frame(WINDOW_UPDATE, 0, $id, pack 'N', length $payload)
            if length $payload;
    }

    $stream->{done} = 1
        if $type == RST_STREAM
           || (($type == HEADERS || $type == DATA) && $flags & END_STREAM);
}


# :status comes first, indexed or as a literal of three digits.
sub _status
{
    my $block = shift;

    while (ord($block) >> 5 == 1) {
        # a change of the table's size
        substr($block, 0, 1) = '';
    }

    my $first = ord $block;

    return $indexed{$first & 0x7f} if $first & 0x80;
    return substr $block, 2, 3;
}


1;
