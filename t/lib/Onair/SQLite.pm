package Onair::SQLite;

# A SQLite database of a test's own, in a directory of its own.
#
#   my $db = Onair::SQLite->start(
#       empty   => 1,          without the schema
#       version => 7,          what schema_version says, instead of the last
#       missing => 1,          no file at all
#   );
#
#   $db->kind           'SQLite'
#   $db->url            sqlite:PATH, as onair_database has it
#   $db->path
#   $db->query($sql)    its output, a line a row with tabs; dies of an error.
#                       Waits while the file is locked
#   $db->lock           another program locks the whole file;  $db->unlock
#   $db->stop           away with the file, as of a server that is stopped;
#   $db->restart        and back
#
# Like Onair::PostgreSQL, so that one test can have either.  Databases are
# made by sqlite3 and not by onairctl, so that a test of the one needs not the
# other.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use IPC::Open2 qw(open2);

my $top = abs_path(dirname(__FILE__) . '/../../..');


sub start
{
    my ($class, %option) = @_;

    my $dir = File::Temp->newdir('onair-sqlite-XXXXXX', TMPDIR => 1,
                                 CLEANUP => !$ENV{ONAIR_KEEP});
    my $self = bless { dir => $dir, path => "$dir/onair.db", owner => $$ },
        $class;

    if (!$option{missing}) {
        $self->_create(%option);
    }

    # the workers' user writes the file, and others beside it
    system 'chown', '-R', 'www-data', "$dir" if $> == 0;

    return $self;
}


sub kind { 'SQLite' }
sub path { $_[0]{path} }
sub url  { "sqlite:$_[0]{path}" }


sub _create
{
    my ($self, %option) = @_;

    $self->query('PRAGMA journal_mode = WAL');
    return if $option{empty};

    $self->query(migrations('sqlite', $option{version}));
}


# The text of all migrations of a database, with what onairctl notes of them.
sub migrations
{
    my ($folder, $version) = @_;

    my @files = sort glob "$top/sql/$folder/*.sql";
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
CREATE TABLE IF NOT EXISTS schema_version
    (version INTEGER PRIMARY KEY, applied_ms BIGINT);
INSERT INTO schema_version VALUES ($version, 0);
COMMIT;
END
}


sub query
{
    my ($self, $sql) = @_;

    my $in = File::Temp->new;
    print $in $sql;
    close $in;

    my @as = $> == 0 && -e $self->path ? _as('www-data', $self->path) : ();
    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', "$in" or POSIX::_exit(127);
        exec @as, 'sqlite3', '-bail', '-batch', '-separator', "\t",
            '-cmd', '.timeout 10000', $self->path or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close $out or die "sqlite3 failed\n";

    return $text // '';
}


# As the file's owner, so that what is made beside it has the same.
sub _as
{
    my ($user, $file) = @_;

    return (stat $file)[4] == 0 ? ()
        : ('setpriv', "--reuid=$user", "--regid=$user", '--clear-groups');
}


sub lock
{
    my ($self) = @_;

    my @as = $> == 0 ? _as('www-data', $self->path) : ();

    $self->{locker} = open2($self->{from}, $self->{to}, @as,
                            'sqlite3', '-batch', '-cmd', '.timeout 10000',
                            $self->path);
    $self->{to}->autoflush(1);
    print { $self->{to} } "BEGIN IMMEDIATE; SELECT 'locked';\n";
    readline $self->{from};
}


sub unlock
{
    my ($self) = @_;

    return if !$self->{locker};

    close $self->{to};
    close $self->{from};
    waitpid delete $self->{locker}, 0;
}


sub stop
{
    my ($self) = @_;

    rename "$self->{path}$_", "$self->{path}.away$_"
        for grep { -e "$self->{path}$_" } '', '-wal', '-shm';
}


sub restart
{
    my ($self) = @_;

    rename "$self->{path}.away$_", "$self->{path}$_"
        for grep { -e "$self->{path}.away$_" } '-wal', '-shm', '';
}


sub DESTROY
{
    my ($self) = @_;

    local ($?, $@);
    $self->unlock if $self->{owner} == $$;
}


1;
