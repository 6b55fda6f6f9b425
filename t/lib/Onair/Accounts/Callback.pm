package Onair::Accounts::Callback;

# An HTTP server that says who may publish, as for nginx-rtmp's on_publish.
#
#   my $callback = Onair::Accounts::Callback->start;
#   $callback->url                        http://127.0.0.1:PORT/on_publish
#   $callback->set('studio', key => '…', banned => 1, disallowed => 1,
#                  stop => 1)             returns the key; what is not said
#                                        stays as it is
#   $callback->answer('HTTP/1.1 500 …')   to everything from now on; undef: as
#                                        before.  '' closes without an answer
#   $callback->questions                  hashes, with what came in {_raw}
#   $callback->pause, resume, stop        SIGSTOP, SIGCONT, SIGTERM
#
# A known key is answered with 302 and the channel as Location.

use strict;
use warnings;

use Fcntl qw(:flock);
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();

my %running;


sub start
{
    my ($class) = @_;

    my $dir = File::Temp->newdir('onair-callback-XXXXXX', TMPDIR => 1);
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 512)
        or die "listen: $!";
    my $self = bless { dir => $dir, port => $socket->sockport, users => {},
                       owner => $$ }, $class;

    $self->_store;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $self->_serve($socket);
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;
    $running{$pid} = $self;

    return $self;
}


sub url { "http://127.0.0.1:$_[0]{port}/on_publish" }


sub set
{
    my ($self, $name, %value) = @_;

    $self->{users}{$name} = { %{ $self->{users}{$name} // {} }, %value };
    $self->_store;

    return $self->{users}{$name}{key};
}


sub answer
{
    my ($self, $text) = @_;

    $self->{fixed} = $text;
    $self->_store;
}


sub questions
{
    my ($self) = @_;

    open my $in, '<', "$self->{dir}/questions" or return;

    return map { JSON::PP::decode_json($_) } <$in>;
}


sub pause  { kill 'STOP', $_[0]{pid} }
sub resume { kill 'CONT', $_[0]{pid} }


sub stop
{
    my ($self) = @_;

    return if !delete $running{$self->{pid} // return};
    return if $self->{owner} != $$;

    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
}


sub _store
{
    my ($self) = @_;

    open my $out, '>', "$self->{dir}/state.new" or die "state: $!";
    print $out JSON::PP::encode_json({ users => $self->{users},
                                       fixed => $self->{fixed} });
    close $out;
    rename "$self->{dir}/state.new", "$self->{dir}/state" or die "state: $!";
}


# --- the server ----------------------------------------------------------

sub _serve
{
    my ($self, $socket) = @_;

    local $SIG{PIPE} = 'IGNORE';

    while (my $client = $socket->accept) {
        my $request = _request($client);
        print $client $self->_answer($request);
        close $client;
    }
}


sub _request
{
    my ($client) = @_;

    my $text = '';

    while (sysread $client, $text, 65536, length $text) {
        next if $text !~ /\r\n\r\n(.*)\z/s;
        my $body = $1;
        last if length $body >= ($text =~ /^Content-Length: (\d+)/mi)[0];
    }

    return $text;
}


sub _answer
{
    my ($self, $request) = @_;

    my ($body) = $request =~ /\r\n\r\n(.*)\z/s;
    my %field = (_raw => $request);

    for (split /&/, $body // '') {
        my ($name, $value) = split /=/, $_, 2;
        ($field{$name} = $value // '') =~ s/%(..)/chr hex $1/ge;
    }

    open my $out, '>>', "$self->{dir}/questions" or die "questions: $!";
    print $out JSON::PP::encode_json(\%field), "\n";
    close $out;

    open my $in, '<', "$self->{dir}/state" or die "state: $!";
    my $state = JSON::PP::decode_json(do { local $/; <$in> });

    return $state->{fixed} if defined $state->{fixed};

    return _decide($state->{users}, \%field);
}


sub _decide
{
    my ($users, $field) = @_;

    my ($name) = grep { $users->{$_}{key} eq $field->{name} } keys %$users;
    my $user = $users->{$name // ''};
    my $end = "Content-Length: 0\r\nConnection: close\r\n\r\n";

    return "HTTP/1.1 403 Forbidden\r\n$end"
        if !$user || $user->{banned} || $user->{disallowed}
           || $user->{stop} && $field->{call} ne 'publish';

    return "HTTP/1.1 302 Found\r\nLocation: $name\r\n$end";
}


sub DESTROY { $_[0]->stop }


END {
    my $status = $?;
    $_->stop for values %running;
    $? = $status;
}


1;
