package Onair::LLHLS::HTTP;

# A small HTTP/1.1 client with keep-alive, whose requests can be waited for
# together: start() one on each of several clients, then wait_all().

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Uncompress::Gunzip ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);


sub new {
    my ($class, $host, $port) = @_;

    return bless { host => $host, port => $port, in => '' }, $class;
}


sub split_url {
    my ($url) = @_;

    my ($host, $port, $path) = $url =~ m{^http://([^/:]+)(?::(\d+))?(/.*)?$}
        or die "not an http URL: $url\n";

    return ($host, $port // 80, $path // '/');
}


# Resolves a relative reference without . and .. left in it.
sub resolve {
    my ($base, $uri) = @_;

    return $uri if $uri =~ m{^/};

    (my $path = $base) =~ s/\?.*//s;
    $path =~ s{[^/]*$}{$uri};

    1 while $path =~ s{/(?!\.\./)[^/]+/\.\./}{/};
    $path =~ s{/\./}{/}g;

    return $path;
}


sub connect {
    my ($self) = @_;

    return if $self->{socket};

    $self->{in} = '';
    $self->{socket} = IO::Socket::INET->new(PeerAddr => $self->{host},
        PeerPort => $self->{port}, Proto => 'tcp', Timeout => 10);

    if ($self->{socket}) {
        setsockopt($self->{socket}, IPPROTO_TCP, TCP_NODELAY, 1);
        $self->{socket}->blocking(0);
    }
}


sub close {
    my ($self) = @_;

    close delete $self->{socket} if $self->{socket};
}


sub start {
    my ($self, $method, $path, %headers) = @_;

    my $text = join "\r\n", "$method $path HTTP/1.1",
        "Host: $self->{host}:$self->{port}",
        (map { "$_: $headers{$_}" } sort keys %headers), '', '';

    $self->{request} = { method => $method, path => $path, text => $text,
                         sent_at => time(), again => $self->{socket} };
    $self->{response} = undef;
    $self->transmit;
}


sub transmit {
    my ($self) = @_;

    $self->connect;
    return $self->fail('no connection') unless $self->{socket};

    local $SIG{PIPE} = 'IGNORE';
    my $n = syswrite $self->{socket}, $self->{request}{text};

    $self->retry('cannot send')
        unless defined $n && $n == length $self->{request}{text};
}


# A kept connection may have been closed by the server meanwhile.
sub retry {
    my ($self, $why) = @_;

    $self->close;

    return $self->fail($why) unless delete $self->{request}{again};

    $self->transmit;
}


sub fail {
    my ($self, $why) = @_;

    my $r = delete $self->{request};
    $self->close;
    $self->{response} = { %$r, status => 0, headers => {}, body => '',
                          error => $why, first_at => time(), last_at => time() };
}


# Reads what has come; true when the response is there.
sub pump {
    my ($self) = @_;

    my $r = $self->{request} or return 1;
    my $n = sysread $self->{socket}, $self->{in}, 262144, length $self->{in};

    return 0 if !defined $n && $!{EAGAIN};

    $r->{first_at} //= time() if $n;

    if (!$n) {
        return $self->retry('closed') && 0 if $self->{in} eq '';
        $r->{closed} = 1;
    }

    return $self->parse;
}


sub parse {
    my ($self) = @_;

    my $r = $self->{request};

    if (!$r->{headers}) {
        if ($self->{in} !~ s/^(HTTP\/1\.[01] (\d\d\d)[^\r\n]*\r\n.*?\r\n)\r\n//s) {
            $self->fail('closed in the header') if $r->{closed};
            return !$self->{request};
        }

        $r->{status} = $2;
        $r->{headers} = parse_headers($1);
    }

    my $body = $self->take_body;

    if (!defined $body) {
        $self->fail('closed in the body') if $r->{closed};
        return !$self->{request};
    }

    return $self->finish($body);
}


sub parse_headers {
    my ($text) = @_;

    my %headers;

    for (split /\r\n/, $text) {
        my ($name, $value) = /^([^:\s]+):\s*(.*?)\s*$/ or next;
        $name = lc $name;
        $headers{$name} = defined $headers{$name}
                          ? "$headers{$name}, $value" : $value;
    }

    return \%headers;
}


# The body, taken off the input, or undef while it is not whole.
sub take_body {
    my ($self) = @_;

    my $r = $self->{request};
    my $headers = $r->{headers};

    return '' if $r->{method} eq 'HEAD' || $r->{status} =~ /^(?:1..|204|304)$/;

    return $self->take_chunks
        if ($headers->{'transfer-encoding'} // '') =~ /chunked/i;

    if (defined(my $length = $headers->{'content-length'})) {
        return undef if length $self->{in} < $length;
        return substr $self->{in}, 0, $length, '';
    }

    return $r->{closed} ? substr($self->{in}, 0, length $self->{in}, '')
                        : undef;
}


sub take_chunks {
    my ($self) = @_;

    my ($body, $at) = ('', 0);

    while (1) {
        pos($self->{in}) = $at;
        $self->{in} =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/gc or return undef;

        my ($size, $start) = (hex $1, pos $self->{in});
        return undef if length $self->{in} < $start + $size + 2;

        $body .= substr $self->{in}, $start, $size;
        $at = $start + $size + 2;
        last if $size == 0;
    }

    substr $self->{in}, 0, $at, '';

    return $body;
}


sub finish {
    my ($self, $body) = @_;

    my $r = delete $self->{request};
    my $close = $r->{closed}
                || ($r->{headers}{connection} // '') =~ /close/i;

    $r->{last_at} = time();
    $r->{wire_body} = $body;
    $r->{body} = $body;

    if (($r->{headers}{'content-encoding'} // '') eq 'gzip' && $body ne '') {
        IO::Uncompress::Gunzip::gunzip(\$body => \my $plain,
                                       Transparent => 0)
            or $r->{error} = 'broken gzip';
        $r->{body} = $plain // '';
    }

    $self->close if $close;
    $self->{response} = $r;

    return 1;
}


# Waits until every client has its response; what is late has status 0.
sub wait_all {
    my ($timeout, @clients) = @_;

    my $deadline = time() + $timeout;

    while (my @open = grep { $_->{request} } @clients) {
        my $left = $deadline - time();

        if ($left <= 0) {
            $_->fail("no answer in $timeout s") for @open;
            last;
        }

        my $select = IO::Select->new(map { $_->{socket} } @open);
        my %ready = map { fileno($_) => 1 } $select->can_read($left);

        for (@open) {
            $_->pump if $_->{socket} && $ready{fileno $_->{socket}};
        }
    }

    return map { $_->{response} } @clients;
}


sub request {
    my ($self, $method, $path, %headers) = @_;

    $self->start($method, $path, %headers);

    return (wait_all(30, $self))[0];
}


sub get {
    my ($self, $path, %headers) = @_;

    return $self->request('GET', $path, %headers);
}


1;
