package Onair::Redis;

# A Redis of a test's own, or a Sentinel, in a directory of its own.
#
#   my $redis = Onair::Redis->start(
#       tcp       => 1,                a free port of 127.0.0.1; else a socket
#       password  => 'secret',         of everybody
#       acl       => ['bert on >pw ~* &* +@all'],     ACL SETUSER of others
#       replicaof => $other,           both with tcp
#       config    => ['maxclients 10'],
#   );
#   my $sentinel = Onair::Redis->sentinel('name', $master, %option);
#
#   $redis->address         unix:PATH or 127.0.0.1:PORT, as onair_redis has it
#   $redis->port, pid, password_file
#   $redis->command('GET', 'key')     undef for nil, an array for an array;
#                                     dies of an error
#   $redis->pause, resume   SIGSTOP, SIGCONT
#   $redis->kill            SIGKILL; at the end too
#   $redis->restart         at the same address, empty

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);

use Onair::Server qw(wait_for free_port);

my %running;


sub start
{
    my ($class, %option) = @_;

    my $self = bless { %option, mode => 'server', owner => $$ }, $class;

    $self->_directory;
    $self->{port} = $option{tcp} ? free_port() : 0;
    $self->_launch;

    return $self;
}


# Decides alone, within about a second.
sub sentinel
{
    my ($class, $name, $master, %option) = @_;

    my $port = $master->port;
    my $self = bless { %option, mode => 'sentinel', owner => $$ }, $class;

    push @{ $self->{config} },
        "sentinel monitor $name 127.0.0.1 $port 1",
        "sentinel down-after-milliseconds $name 500",
        "sentinel failover-timeout $name 2000",
        $master->{password}
            ? "sentinel auth-pass $name $master->{password}" : ();

    $self->_directory;
    $self->{port} = free_port();
    $self->_launch;

    return $self;
}


sub port { $_[0]{port} }
sub pid  { $_[0]{pid} }


sub address
{
    my ($self) = @_;

    return $self->{port} ? "127.0.0.1:$self->{port}" : "unix:$self->{dir}/s";
}


sub password_file
{
    my ($self, $password) = @_;

    my $file = "$self->{dir}/password";
    open my $out, '>', $file or die "$file: $!";
    print $out $password // $self->{password}, "\n";
    close $out;
    chmod 0600, $file;

    return $file;
}


sub pause  { kill 'STOP', $_[0]{pid} }
sub resume { kill 'CONT', $_[0]{pid} }


sub kill
{
    my ($self) = @_;

    my $pid = delete $self->{pid} // return;

    delete $running{$pid};
    CORE::kill('KILL', $pid);
    waitpid $pid, 0;
}


sub restart
{
    my ($self) = @_;

    $self->kill;
    $self->_launch;
}


sub command
{
    my ($self, @words) = @_;

    my $socket = $self->_connect or die "no connection to Redis: $!\n";
    my @commands = ($self->{password} ? ['AUTH', $self->{password}] : (),
                    \@words);
    my $reply;

    for my $words (@commands) {
        print $socket '*' . @$words . "\r\n",
            map { '$' . length($_) . "\r\n$_\r\n" } @$words;
        $socket->flush;
        $reply = _reply($socket);
    }

    return $reply;
}


sub _reply
{
    my ($socket) = @_;

    my $line = <$socket> // die "Redis closed the connection\n";
    my ($kind, $rest) = $line =~ /^(.)(.*)\r\n$/ or die "not RESP: $line";

    die "$rest\n" if $kind eq '-';
    return $rest if $kind =~ /[+:]/;
    return if $rest < 0;
    return [map { scalar _reply($socket) } 1 .. $rest] if $kind eq '*';

    read $socket, my $text, $rest + 2;

    return substr $text, 0, $rest;
}


sub _connect
{
    my ($self) = @_;

    return $self->{port}
        ? IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                PeerPort => $self->{port})
        : IO::Socket::UNIX->new(Peer => "$self->{dir}/s");
}


sub _directory
{
    my ($self) = @_;

    $self->{dir} = File::Temp->newdir('onair-redis-XXXXXX', TMPDIR => 1,
                                      CLEANUP => !$ENV{ONAIR_KEEP});
    chmod 0755, "$self->{dir}";

    return if $> != 0;

    my ($uid, $gid) = (getpwnam 'redis')[2, 3];
    chown $uid, $gid, "$self->{dir}";
}


sub _configure
{
    my ($self) = @_;

    my $file = "$self->{dir}/conf";
    my $other = $self->{replicaof};
    my @lines = ("port $self->{port}", 'bind 127.0.0.1', "dir $self->{dir}",
                 "logfile $self->{dir}/log", 'daemonize no');

    push @lines, 'save ""', 'appendonly no', "unixsocket $self->{dir}/s",
        'unixsocketperm 777', 'repl-diskless-sync-delay 0'
        if $self->{mode} eq 'server';
    push @lines, "requirepass $self->{password}",
        "masterauth $self->{password}" if $self->{password};
    push @lines, map { "user $_" } @{ $self->{acl} // [] };
    push @lines, 'replicaof 127.0.0.1 ' . $other->port if $other;

    unlink "$self->{dir}/s";
    open my $out, '>', $file or die "$file: $!";
    print $out map { "$_\n" } @lines, @{ $self->{config} // [] };
    close $out;

    # a sentinel rewrites it
    chown +(getpwnam 'redis')[2, 3], $file if $> == 0;
}


sub _launch
{
    my ($self) = @_;

    $self->_configure;

    my @as = $> == 0 ? qw(--reuid redis --regid redis --clear-groups) : ();
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', @as, '--pdeathsig', 'KILL', 'redis-server',
             "$self->{dir}/conf", $self->{mode} eq 'sentinel' ? '--sentinel'
             : () or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $running{$pid} = $self;

    wait_for {
        waitpid($pid, WNOHANG) == 0 or die "Redis did not start\n";
        eval { $self->command('PING') };
    } or die "Redis does not answer: $@\n";
}


END {
    my $status = $?;
    $_->{owner} == $$ && $_->kill for values %running;
    $? = $status;
}


1;
