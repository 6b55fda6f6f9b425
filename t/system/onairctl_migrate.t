#!/usr/bin/perl

# Migrations: whole or not at all, once whoever else applies them, and never
# backwards; on both databases.

use strict;
use warnings;

use lib 't/lib';

use POSIX ();
use Test::More;

use Onair::Ctl;

my $many = 12;


# Runs the command many times at once; returns how often each exit code came.
sub at_once {
    my ($ctl, @words) = @_;

    my %codes;
    my @pids = map {
        my $pid = fork // die "fork: $!";
        POSIX::_exit(($ctl->run(@words))[0]) if $pid == 0;
        $pid;
    } 1 .. $many;

    for my $pid (@pids) {
        waitpid $pid, 0;
        $codes{$? >> 8}++;
    }

    return \%codes;
}


sub refused {
    my ($ctl, $code, $pattern, @words) = @_;

    my ($is, $out, $err) = $ctl->run(@words);

    is $is, $code, $ctl->kind . ": @words is refused";
    like $err, $pattern, $ctl->kind . ': with a reason in one line';
}


for my $ctl (Onair::Ctl->each(empty => 1)) {
    my $kind = $ctl->kind;

    refused($ctl, $kind eq 'SQLite' ? 3 : 4, qr/\Aonairctl: .*migrate.*\n\z/,
            'user', 'list');
    refused($ctl, $kind eq 'SQLite' ? 3 : 4, qr/migrate/,
            'migrate', '--status');

    is_deeply at_once($ctl, 'migrate'), { 0 => $many },
        "$kind: many at once do not disturb each other";
    is $ctl->query('SELECT count(*), min(version) FROM schema_version'),
        "1\t1\n", "$kind: and each is applied once";
    is $ctl->json('migrate')->{applied}, 0, "$kind: nothing is left to do";

    my $status = $ctl->json('migrate', '--status');
    is $status->{version}, $status->{newest}, "$kind: the status";
    like $status->{migrations}[0]{applied}, qr/^\d{4}-.*T.*\.\d{3}Z$/,
        "$kind: with times";

    is_deeply at_once($ctl, 'user', 'add', 'one'), { 0 => 1, 1 => $many - 1 },
        "$kind: one of many gets a name";
    is_deeply at_once($ctl, 'key', 'rotate', 'one'), { 0 => $many },
        "$kind: keys are rotated one after the other";
    is $ctl->query('SELECT count(*) FROM stream_keys WHERE revoked_ms IS NULL'),
        "1\n", "$kind: and one is in force";

    $ctl->query(q{INSERT INTO schema_version VALUES (999, 'later', 1)});
    refused($ctl, 4, qr/has schema 999, this program knows 1/, @$_)
        for ['migrate'], ['migrate', '--status'], ['user', 'list'],
            ['key', 'rotate', 'one'];
}

# the migration stumbles over its last table, after it has made others
for my $ctl (Onair::Ctl->each(empty => 1)) {
    my $kind = $ctl->kind;

    $ctl->query('CREATE TABLE changes (x INTEGER)');
    refused($ctl, 3, qr/changes.* already exists/, 'migrate');

    my $tables = $kind eq 'SQLite'
        ? q{SELECT name FROM sqlite_master WHERE type = 'table'}
        : q{SELECT relname FROM pg_class WHERE relnamespace =
            'public'::regnamespace AND relkind = 'r'};
    is $ctl->query($tables), "changes\n", "$kind: and nothing of it stays";

    $ctl->query('DROP TABLE changes');
    is $ctl->json('migrate')->{applied}, 1, "$kind: it can be done again";
}

my $gone = Onair::Ctl->postgresql;
$gone->server->stop;
refused($gone, 3, qr/\Aonairctl: cannot reach the database: .*\n\z/,
        'user', 'list');
refused(Onair::Ctl->new('mysql://x'), 2, qr/a database is/, 'user', 'list');

done_testing;
