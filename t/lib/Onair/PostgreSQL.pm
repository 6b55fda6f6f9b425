package Onair::PostgreSQL;

# A PostgreSQL of a test's own, in a directory of its own.
#
#   my $db = Onair::PostgreSQL->start(
#       tcp     => 1,          a free port of 127.0.0.1 beside the socket
#       tls     => 1,          with a certificate that it signs itself
#       empty   => 1,          without the schema
#       version => 7,          what schema_version says, instead of the last
#       config  => ['max_connections=10'],
#   );
#
#   $db->kind           'PostgreSQL'
#   $db->url            postgresql://..., as onair_database has it; the user
#                       onair, without a password, over the socket unless tcp
#   $db->dir, port, pid
#   $db->query($sql)    its output, a line a row with tabs; dies of an error
#   $db->create($name)  another database, empty;  $db->url($name)
#   $db->pause, resume  SIGSTOP, SIGCONT, of every one of its processes
#   $db->stop           at once; at the end too.  $db->kill, the same
#   $db->restart        at the same address, with what was committed

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use POSIX qw(:sys_wait_h);

use Onair::Server qw(wait_for free_port);

my $top = abs_path(dirname(__FILE__) . '/../../..');
my %running;


sub start
{
    my ($class, %option) = @_;

    my $self = bless { %option, owner => $$ }, $class;

    $self->_directory;
    $self->_initdb;
    $self->_certificate if $option{tls};
    $self->{port} = $option{tcp} || $option{tls} ? free_port() : 5432;
    $self->_launch;
    $self->create('onair');
    $self->query(_migrations($option{version})) if !$option{empty};

    return $self;
}


sub kind { 'PostgreSQL' }
sub dir  { "$_[0]{dir}" }
sub port { $_[0]{port} }
sub pid  { $_[0]{pid} }


sub url
{
    my ($self, $name) = @_;

    $name //= 'onair';

    return "postgresql://onair\@127.0.0.1:$self->{port}/$name"
        . ($self->{tls} ? '?sslmode=require' : '')
        if $self->{tcp} || $self->{tls};
    return "postgresql://onair\@/$name?host=$self->{dir}";
}


sub create
{
    my ($self, $name) = @_;

    return $self->query("CREATE DATABASE $name", 'postgres');
}


sub query
{
    my ($self, $sql, $database) = @_;

    my $in = File::Temp->new;
    print $in $sql;
    close $in;

    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', "$in" or POSIX::_exit(127);
        $ENV{PGOPTIONS} = '-c client_min_messages=warning';
        exec 'psql', '-XqAt', '-F', "\t", '-v', 'ON_ERROR_STOP=1', '-h',
             "$self->{dir}", '-p', $self->{port}, '-U', 'onair',
             $database // 'onair' or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close $out or die "psql failed\n";

    return $text // '';
}


# The text of all migrations, with what onairctl notes of them.
sub _migrations
{
    my ($version) = @_;

    my @files = sort glob "$top/sql/postgresql/*.sql";
    my $text = '';

    for my $file (@files) {
        open my $in, '<', $file or die "$file: $!";
        local $/;
        $text .= <$in>;
    }

    $version //= @files;

    return <<"END";
BEGIN;
$text;
CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY,
                             name TEXT NOT NULL, applied_ms BIGINT NOT NULL);
INSERT INTO schema_version VALUES ($version, 'test', 0);
COMMIT;
END
}


sub pause  { CORE::kill('STOP', $_[0]->_processes) }
sub resume { CORE::kill('CONT', $_[0]->_processes) }


sub stop
{
    my ($self) = @_;

    my $pid = $self->{pid} // return;

    # an immediate shutdown waits for nobody, but for who is stopped
    $self->resume;
    delete $self->{pid};
    delete $running{$pid};
    CORE::kill('QUIT', $pid);
    waitpid $pid, 0;
}


sub kill { $_[0]->stop }


sub restart
{
    my ($self) = @_;

    $self->stop;
    $self->_launch;
}


sub _processes
{
    my ($self) = @_;

    my $pid = $self->{pid} // return;

    open my $in, '<', "/proc/$pid/task/$pid/children" or return $pid;

    return ($pid, split ' ', <$in> // '');
}


sub _directory
{
    my ($self) = @_;

    $self->{dir} = File::Temp->newdir('onair-postgresql-XXXXXX', TMPDIR => 1,
                                      CLEANUP => !$ENV{ONAIR_KEEP});
    chmod 0755, "$self->{dir}";
    chown +(getpwnam 'postgres')[2, 3], "$self->{dir}" if $> == 0;
}


sub _as
{
    return $> == 0 ? qw(--reuid postgres --regid postgres --clear-groups) : ();
}


sub _program
{
    my ($name) = @_;

    my ($path) = reverse sort glob "/usr/lib/postgresql/*/bin/$name";

    return $path // die "no PostgreSQL; run tools/test\n";
}


sub _run
{
    my ($self, @command) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        chdir "$self->{dir}";
        open STDOUT, '>', "$self->{dir}/output" or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', _as(), '--', @command or POSIX::_exit(127);
    }

    waitpid $pid, 0;

    if ($? != 0) {
        open my $in, '<', "$self->{dir}/output";
        local $/;
        die "$command[0] failed\n" . <$in>;
    }
}


sub _initdb
{
    my ($self) = @_;

    $self->_run(_program('initdb'), '-D', "$self->{dir}/data", '-A', 'trust',
                '-U', 'onair', '-N', '-E', 'UTF8', '--locale=C.UTF-8');
}


sub _certificate
{
    my ($self) = @_;

    $self->_run(qw(openssl req -x509 -newkey ec -pkeyopt
                   ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost),
                '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
                '-keyout', "$self->{dir}/data/server.key",
                '-out', "$self->{dir}/data/server.crt");
}


sub _launch
{
    my ($self) = @_;

    my %setting = (
        fsync => 'off', unix_socket_directories => $self->{dir},
        port => $self->{port}, ssl => $self->{tls} ? 'on' : 'off',
        listen_addresses => $self->{tcp} || $self->{tls} ? '127.0.0.1' : '',
        shared_buffers => '16MB',
    );
    my @settings = map { ('-c', "$_=$setting{$_}") } sort keys %setting;

    push @settings, map { ('-c', $_) } @{ $self->{config} // [] };

    my $postgres = _program('postgres');
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        chdir "$self->{dir}";
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log" or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT;
        exec 'setpriv', _as(), '--pdeathsig', 'QUIT', $postgres, '-D',
             "$self->{dir}/data", @settings or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $running{$pid} = $self;

    wait_for {
        waitpid($pid, WNOHANG) == 0 or die "PostgreSQL did not start\n"
            . `cat $self->{dir}/log`;
        open my $pidfile, '<', "$self->{dir}/data/postmaster.pid" or return;
        return (join '', <$pidfile>) =~ /^ready/m;
    } or die "PostgreSQL does not answer\n";
}


END {
    my $status = $?;
    $_->{owner} == $$ && $_->stop for values %running;
    $? = $status;
}


1;
