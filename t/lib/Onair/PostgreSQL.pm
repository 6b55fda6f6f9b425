package Onair::PostgreSQL;

# A PostgreSQL of a test's own, in a directory of its own.
#
#   my $db = Onair::PostgreSQL->start(
#       empty    => 1,         without the schema
#       version  => 7,         what schema_version says, instead of the last
#       tcp      => 1,         listens at a free port of 127.0.0.1 as well
#       tls      => 1,         with a certificate of its own; with tcp
#       password => 'secret',  of the user "onair"; else nobody needs one
#       settings => ['max_connections = 10'],
#   );
#
#   $db->kind           'PostgreSQL'
#   $db->url(%more)     a URL, as onair_database has it; host => … and others
#                       instead of what it would have
#   $db->port, dir, pid
#   $db->certificate    PATH of the certificate, when it has tls
#   $db->query($sql)    its output, a line a row with tabs; dies of an error
#   $db->pause, resume  SIGSTOP, SIGCONT to every process of it
#   $db->kill           SIGKILL to every process of it
#   $db->stop           at once; $db->restart: at the same address
#
# As root it runs as the user "postgres", of Debian's package.

use strict;
use warnings;

use File::Temp ();
use POSIX qw(:sys_wait_h);

use Onair::Server qw(wait_for free_port process_state);
use Onair::SQLite;

my ($bin) = reverse sort { _version($a) <=> _version($b) }
    glob '/usr/lib/postgresql/*/bin';
my %running;


sub _version { return $_[0] =~ m{/(\d+)/bin$} ? $1 : 0 }


sub start
{
    my ($class, %option) = @_;

    die "no PostgreSQL; see packages_test in tools/lib.sh\n" if !$bin;

    my $dir = File::Temp->newdir('onair-pg-XXXXXX', TMPDIR => 1,
                                 CLEANUP => !$ENV{ONAIR_KEEP});
    my $self = bless { %option, dir => $dir, owner => $$,
                       port => free_port() }, $class;

    chmod 0755, "$dir";
    $self->_as_postgres('chown', '-R', 'postgres:postgres', "$dir")
        if $> == 0;
    $self->_create;
    $self->_launch;
    $self->_database;
    $self->_schema if !$option{empty};

    return $self;
}


sub kind { 'PostgreSQL' }
sub port { $_[0]{port} }
sub pid  { $_[0]{pid} }
sub dir  { "$_[0]{dir}" }
sub certificate { "$_[0]{dir}/server.crt" }


sub url
{
    my ($self, %more) = @_;

    my %part = (user => 'onair', dbname => 'onair', port => $self->{port},
                $self->{tcp} ? (host => '127.0.0.1', sslmode => 'disable')
                    : (host => "$self->{dir}"),
                $self->{password} ? (password => $self->{password}) : (),
                %more);

    return 'postgresql:///?' . join '&', map { "$_=" . _escape($part{$_}) }
        sort keys %part;
}


sub _escape { return $_[0] =~ s{([^\w.-])}{sprintf '%%%02x', ord $1}ger }


# As root, what is not for root: PostgreSQL refuses to run so.
sub _as_postgres
{
    my ($self, @command) = @_;

    my @as = $> != 0 || $command[0] eq 'chown' ? ()
        : ('setpriv', '--reuid=postgres', '--regid=postgres',
           '--clear-groups');
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        chdir '/';
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        exec @as, @command or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    die "@command failed:\n" . $self->_log if $?;
}


sub _log
{
    my ($self) = @_;

    open my $in, '<', "$self->{dir}/log" or return '';
    local $/;

    return scalar <$in>;
}


sub _create
{
    my ($self) = @_;

    my $data = "$self->{dir}/data";

    $self->_as_postgres("$bin/initdb", '-D', $data, '-A', 'trust', '-N',
                        '-U', 'postgres', '-E', 'UTF8', '--no-locale');
    $self->_certificate if $self->{tls};

    open my $conf, '>>', "$data/postgresql.conf" or die "$data: $!";
    print $conf map { "$_\n" }
        "port = $self->{port}", "unix_socket_directories = '$self->{dir}'",
        'listen_addresses = ' . ($self->{tcp} ? "'127.0.0.1'" : "''"),
        'fsync = off', 'shared_buffers = 16MB', 'autovacuum = off',
        $self->{tls} ? ('ssl = on',
                        "ssl_cert_file = '$self->{dir}/server.crt'",
                        "ssl_key_file = '$self->{dir}/server.key'") : (),
        @{ $self->{settings} // [] };
    close $conf;

    if ($self->{password}) {
        open my $hba, '>', "$data/pg_hba.conf" or die "$data: $!";
        print $hba "local all postgres trust\n",
            "local all all scram-sha-256\n",
            "host all all 127.0.0.1/32 scram-sha-256\n";
        close $hba;
    }
}


sub _certificate
{
    my ($self) = @_;

    $self->_as_postgres(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2
                           -subj /CN=localhost
                           -addext subjectAltName=DNS:localhost),
                        '-keyout', "$self->{dir}/server.key",
                        '-out', "$self->{dir}/server.crt");
    chmod 0600, "$self->{dir}/server.key";
}


sub _launch
{
    my ($self) = @_;

    my @as = $> != 0 ? ()
        : ('setpriv', '--reuid=postgres', '--regid=postgres',
           '--clear-groups');
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        chdir '/';
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;

        # SIGINT: a fast shutdown, when a test is killed
        exec @as, 'setpriv', '--pdeathsig', 'INT', "$bin/postgres", '-D',
            "$self->{dir}/data" or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $running{$pid} = $self;

    wait_for {
        waitpid($pid, WNOHANG) == 0
            or die "PostgreSQL did not start:\n" . $self->_log;
        eval { $self->query('SELECT 1', 'postgres') };
    } or die "PostgreSQL does not answer:\n" . $self->_log;
}


sub _database
{
    my ($self) = @_;

    my $password = $self->{password} ? "PASSWORD '$self->{password}'" : '';

    $self->query("CREATE ROLE onair LOGIN $password", 'postgres');
    $self->query('CREATE DATABASE onair OWNER onair', 'postgres');
}


sub _schema
{
    my ($self) = @_;

    $self->query('SET ROLE onair; '
                 . Onair::SQLite::migrations('postgresql', $self->{version}));
}


sub query
{
    my ($self, $sql, $database) = @_;

    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>>', "$self->{dir}/log";
        exec 'psql', '-X', '-q', '-A', '-t', '-F', "\t",
            '-v', 'ON_ERROR_STOP=1', '-c', $sql,
            '-h', "$self->{dir}", '-p', $self->{port}, '-U', 'postgres',
            $database // 'onair' or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close $out or die "psql failed:\n" . $self->_log;

    return $text // '';
}


# The server and one process for each connection; when it stands still these
# are all, else it may just make another.
sub _pids
{
    my ($self) = @_;

    my $pid = $self->{pid};
    open my $in, '<', "/proc/$pid/task/$pid/children" or return $pid;

    return $pid, split ' ', scalar(<$in>) // '';
}


sub _stand_still
{
    my (@pids) = @_;

    CORE::kill 'STOP', @pids;
    wait_for { !grep { process_state($_) !~ /[TZX]/ } @pids };
}


sub pause
{
    my ($self) = @_;

    _stand_still($self->{pid});
    _stand_still($self->_pids);
}


sub resume { CORE::kill 'CONT', $_[0]->_pids }


sub kill
{
    my ($self) = @_;

    _stand_still($self->{pid});
    my @pids = $self->_pids;
    delete $running{$self->{pid}};
    CORE::kill 'KILL', @pids;
    waitpid $self->{pid}, 0;
}


sub stop
{
    my ($self) = @_;

    return if !delete $running{$self->{pid}};

    CORE::kill 'CONT', $self->_pids;
    CORE::kill 'QUIT', $self->{pid};
    waitpid $self->{pid}, 0;
}


sub restart
{
    my ($self) = @_;

    $self->stop;
    unlink "$self->{dir}/data/postmaster.pid";
    $self->_launch;
}


sub DESTROY
{
    my ($self) = @_;

    local ($?, $@);
    $self->stop if $self->{owner} == $$ && $self->{pid};
}


END {
    my $status = $?;

    for my $self (values %running) {
        $self->stop if $self->{owner} == $$;
    }

    $? = $status;
}


1;
