package Onair::HTTP;

# A small HTTP/1.1 client on raw sockets, for tests.
#
#   my $c = Onair::HTTP->connect($port);
#   my $r = $c->get('/status.json', 'Accept-Encoding' => 'gzip');
#   $r->{status}, $r->{reason}, $r->{headers}{'content-type'}, $r->{body}
#
# Header names are lower case; a header that came more than once is joined
# with ", ".  The body is unchunked, and nothing else is done to it.  One
# connection serves any number of requests, pipelined ones too:
#
#   $c->start('GET', $path, %headers);      sends, does not wait
#   $c->ready                               true when the answer is whole
#   $c->finish($timeout)                    waits, returns the next answer
#
# finish returns undef when the connection closed before any byte of an
# answer, and dies when an answer is cut off, malformed or late.

use strict;
use warnings;

use IO::Socket::INET;
use Time::HiRes ();

our $TIMEOUT = 60;


sub connect {
    my ($class, $port, %option) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => $option{host} // '127.0.0.1', PeerPort => $port,
        Timeout  => 10) or die "connect to port $port: $!\n";

    $socket->autoflush(1);

    return bless { socket => $socket, in => '', eof => 0, sent => [],
                   host => "127.0.0.1:$port" }, $class;
}


sub start {
    my ($self, $method, $path, %headers) = @_;

    $headers{Host} //= $self->{host};

    my $text = "$method $path HTTP/1.1\r\n";
    $text .= "$_: $headers{$_}\r\n" for sort keys %headers;

    $self->send("$text\r\n");
    push @{$self->{sent}}, $method;

    return $self;
}


# Bytes as they are.
sub send {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    print { $self->{socket} } $bytes;
}


sub request {
    my ($self, @request) = @_;

    return $self->start(@request)->finish;
}


sub get  { my $self = shift; return $self->request('GET', @_) }
sub head { my $self = shift; return $self->request('HEAD', @_) }


sub ready {
    my ($self) = @_;

    $self->_read(0);

    return $self->{eof} || defined $self->_parse(1);
}


sub finish {
    my ($self, $timeout) = @_;

    my $deadline = Time::HiRes::time() + ($timeout // $TIMEOUT);
    my $answer;

    until (defined($answer = $self->_parse(0))) {
        if ($self->{eof}) {
            return if $self->{in} eq '';
            die "the answer was cut off: $self->{in}\n";
        }

        my $left = $deadline - Time::HiRes::time();
        die "no whole answer in time, only: $self->{in}\n" if $left <= 0;

        $self->_read($left);
    }

    return $answer;
}


# Whether the server has closed the connection, waiting for that a little.
sub closed {
    my ($self, $timeout) = @_;

    my $deadline = Time::HiRes::time() + ($timeout // $TIMEOUT);

    while (!$self->{eof}) {
        my $left = $deadline - Time::HiRes::time();
        return 0 if $left <= 0;
        $self->_read($left);
    }

    return 1;
}


# What has come so far and is not parsed yet, without waiting.
sub pending {
    my ($self) = @_;

    $self->_read(0);

    return $self->{in};
}


sub close { $_[0]{socket}->close }


sub _read {
    my ($self, $timeout) = @_;

    my $wait = $timeout;
    my $mask = '';
    vec($mask, fileno $self->{socket}, 1) = 1;

    while (!$self->{eof} && select(my $ready = $mask, undef, undef, $wait) > 0)
    {
        my $n = sysread $self->{socket}, $self->{in}, 262144,
                        length $self->{in};
        $self->{eof} = 1 if !$n;
        $wait = 0;
    }
}


# The first whole answer of the input, taken from it unless $peek.
sub _parse {
    my ($self, $peek) = @_;

    my $head_end = index $self->{in}, "\r\n\r\n";
    return if $head_end < 0;

    my ($first, @lines) = split /\r\n/, substr $self->{in}, 0, $head_end;
    my ($status, $reason) = $first =~ m{^HTTP/1\.[01] (\d{3}) ?(.*)}
        or die "no status line: $first\n";
    my %headers;

    for (@lines) {
        my ($name, $value) = /^([^:\s]+):\s*(.*?)\s*$/
            or die "malformed header: $_\n";
        $name = lc $name;
        $headers{$name} = defined $headers{$name}
                          ? "$headers{$name}, $value" : $value;
    }

    my ($body, $end) = $self->_body($status, \%headers, $head_end + 4);
    return if !defined $body;

    if (!$peek) {
        substr($self->{in}, 0, $end) = '';
        shift @{$self->{sent}};
    }

    return { status => $status, reason => $reason, headers => \%headers,
             body => $body };
}


sub _body {
    my ($self, $status, $headers, $at) = @_;

    return ('', $at) if ($self->{sent}[0] // '') eq 'HEAD'
                        || $status =~ /^(?:1..|204|304)$/;

    return $self->_chunks($at)
        if ($headers->{'transfer-encoding'} // '') =~ /chunked/i;

    my $length = $headers->{'content-length'};

    if (!defined $length) {
        return if !$self->{eof};
        $length = length($self->{in}) - $at;
    }

    return if length($self->{in}) < $at + $length;
    return (substr($self->{in}, $at, $length), $at + $length);
}


sub _chunks {
    my ($self, $at) = @_;

    my $body = '';

    while (1) {
        pos($self->{in}) = $at;
        $self->{in} =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/gc or return;

        my $size = hex $1;
        $at = pos $self->{in};
        return if length($self->{in}) < $at + $size + 2;

        $body .= substr $self->{in}, $at, $size;
        die "chunk without end\n"
            if substr($self->{in}, $at + $size, 2) ne "\r\n";
        $at += $size + 2;

        return ($body, $at) if $size == 0;
    }
}


1;
