package Onair::Ctl;

# Runs onairctl, as built with sanitizers, on a database.
#
#   my $ctl = Onair::Ctl->new($url, $pepper);    the pepper may be left out
#
#   my ($code, $out, $err) = $ctl->run('user', 'add', 'studio');
#   my $value = $ctl->json('user', 'list');      dies unless it exits with 0
#   my $key = $ctl->user('studio');              a new user's key
#
#   my $ctl = Onair::Ctl->sqlite;       a new database with its pepper, in a
#                                       directory that www-data may write to
#   my $ctl = Onair::Ctl->postgresql;   with a server of its own, $ctl->server
#   my @both = Onair::Ctl->each;
#
#   $ctl->kind, url, pepper, dir
#   $ctl->query($sql)                   as the database's own client prints it,
#                                       a line a row, tabs between

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use POSIX ();
use JSON::PP qw(decode_json);

use Onair::PostgreSQL;

my $top = abs_path(dirname(__FILE__) . '/../../..');
my $program = "$top/build/asan/onairctl";


sub new
{
    my ($class, $url, $pepper) = @_;

    die "$program is missing; run tools/build --asan\n" if !-x $program;

    return bless { url => $url, pepper => $pepper }, $class;
}


sub sqlite
{
    my ($class, %option) = @_;

    my $dir = _directory();

    mkdir "$dir/db";
    chown +(getpwnam 'www-data')[2, 3], "$dir/db" if $> == 0;

    my $self = $class->new("sqlite:$dir/db/onair.db", "$dir/pepper");
    $self->{dir} = $dir;
    $self->json('migrate') if !$option{empty};

    return $self;
}


sub postgresql
{
    my ($class, %option) = @_;

    my $dir = _directory();
    my $server = Onair::PostgreSQL->start(%option, empty => 1);
    my $self = $class->new($server->url, "$dir/pepper");

    @{$self}{qw(dir server)} = ($dir, $server);
    $self->json('migrate') if !$option{empty};

    return $self;
}


sub each
{
    my ($class, %option) = @_;

    return ($class->sqlite(%option), $class->postgresql(%option));
}


sub _directory
{
    my $dir = File::Temp->newdir('onair-ctl-XXXXXX', TMPDIR => 1,
                                 CLEANUP => !$ENV{ONAIR_KEEP});
    chmod 0755, "$dir";

    return $dir;
}


sub url    { $_[0]{url} }
sub pepper { $_[0]{pepper} }
sub dir    { "$_[0]{dir}" }
sub server { $_[0]{server} }
sub kind   { $_[0]{url} =~ /^sqlite:/ ? 'SQLite' : 'PostgreSQL' }


sub query
{
    my ($self, $sql) = @_;

    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        my ($path) = $self->{url} =~ /^sqlite:(.*)/;

        $ENV{PGOPTIONS} = '-c client_min_messages=warning';
        exec $path ? ('sqlite3', '-bail', '-batch', '-separator', "\t",
                      '-cmd', '.timeout 10000', $path, $sql)
                   : ('psql', '-XqAt', '-F', "\t", '-v', 'ON_ERROR_STOP=1',
                      '-d', $self->{url}, '-c', $sql)
            or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close $out or die "the database's client failed\n";

    return $text // '';
}


sub run
{
    my ($self, @words) = @_;

    my @files = map { File::Temp->new } 1, 2;
    my @pepper = defined $self->{pepper} ? ('--pepper', $self->{pepper}) : ();
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$files[0]" or POSIX::_exit(127);
        open STDERR, '>', "$files[1]" or POSIX::_exit(127);
        delete @ENV{qw(ONAIR_DATABASE ONAIR_PEPPER ONAIR_DIR)};
        exec $program, '--database', $self->{url}, @pepper, @words
            or POSIX::_exit(127);
    }

    waitpid $pid, 0;

    return ($? >> 8 || $?, map { _slurp("$_") } @files);
}


sub json
{
    my ($self, @words) = @_;

    my ($code, $out, $err) = $self->run('--json', @words);

    die "onairctl @words: $code $err" if $code != 0;

    return decode_json($out);
}


sub user
{
    my ($self, $name, @options) = @_;

    return $self->json('user', 'add', $name, @options)->{key};
}


sub _slurp
{
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!";
    local $/;

    return <$in> // '';
}


1;
