#!/usr/bin/perl

# SQLite files that are missing, not ours, damaged, replaced or locked.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use Test::More;

use Onair::Server;
use Onair::SQL;
use Onair::SQLite;


sub unavailable
{
    my ($db, $why, $name) = @_;

    my $server = Onair::SQL->server($db);

    ok wait_for { $server->error_log =~ $why }, "$name: the log says why";
    ok !available($server), 'it is not available';

    my $status = sql($server, 'one')->{status};
    is $status, 'refused', 'queries are refused';

    return $server;
}


sub comes_back
{
    my ($server, $name) = @_;

    ok wait_for { available($server) }, $name;
    like $server->error_log, qr/\[notice\].*database: available again/,
         'which is logged';
    is sql($server, 'one')->{status}, 'ok', 'and queries are answered';
    is scalar(() = $server->error_log =~ /database: unavailable/g), 1,
       'one line told of it, however often it was tried';
}


subtest 'missing' => sub {
    my $db = Onair::SQLite->start;
    $db->stop;

    my $server = unavailable($db, qr/onair\.db" does not exist: bring it back, or /,
                             'no file');
    ok !-e $db->path, 'none is made';
    $db->restart;
    comes_back($server, 'the file comes, it is available');
};

subtest 'empty' => sub {
    my $db = Onair::SQLite->start(empty => 1);
    my $server = unavailable($db, qr/missing or older .* "onairctl migrate"/,
                             'no schema');

    $db->query(Onair::SQLite::migrations('sqlite'));
    comes_back($server, 'the schema comes, it is available');
};

subtest 'newer' => sub {
    my $db = Onair::SQLite->start(version => 99);
    unavailable($db, qr/schema is newer than these modules/, 'a newer schema');
};

subtest 'no database' => sub {
    my $db = Onair::SQLite->start(missing => 1);

    open my $file, '>', $db->path;
    print $file "no database\n" x 1000;
    close $file;
    chmod 0666, $db->path;
    unavailable($db, qr/is no SQLite database/, 'another file');
};

subtest 'damaged' => sub {
    my $db = Onair::SQLite->start;

    $db->query('PRAGMA wal_checkpoint(TRUNCATE)');
    open my $file, '+<', $db->path;
    seek $file, 4096, 0;
    print $file "\xff" x ((-s $db->path) - 4096);
    close $file;
    unavailable($db, qr/is damaged: restore it/, 'a damaged file');
};

subtest 'unwritable' => sub {
    plan skip_all => 'needs root, for a user who may not' if $> != 0;

    my $db = Onair::SQLite->start;
    system 'chown', '-R', 'root', $db->path =~ s{/[^/]+$}{}r;
    unavailable($db, qr/cannot be written by the workers' user/,
                'a file of root');
};

subtest 'replaced' => sub {
    my $db = Onair::SQLite->start;
    my $other = Onair::SQLite->start;
    my $server = Onair::SQL->server($db);

    $other->query("INSERT INTO users (name, created_ms, updated_ms)
                   VALUES ('other', 0, 0)");
    is_deeply sql($server, 'user', 't:other')->{rows}, [], 'no such user';
    $db->stop;
    rename $other->path, $db->path;
    ok wait_for { @{ sql($server, 'user', 't:other')->{rows} } },
       'a file that replaces it is read';
};

subtest 'moved away' => sub {
    my $db = Onair::SQLite->start;
    my $server = Onair::SQL->server($db);

    is sql($server, 'one')->{status}, 'ok', 'it is there';
    $db->stop;
    ok wait_for { sql($server, 'one')->{status} ne 'ok' }, 'it is gone';
    ok wait_for { !available($server) }, 'and unavailable';
    $db->restart;
    comes_back($server, 'it is back');
};

subtest 'locked' => sub {
    my $db = Onair::SQLite->start;
    my $server = Onair::SQL->server($db, arguments => 'timeout=1s');

    sql($server, 'add_user', 't:anna', 'n:', 'i:0');
    $db->lock;

    my @asked = map { sql_start($server, 'touch', 'i:1', 't:anna') } 1 .. 4;

    is $server->get('/sql?state')->{status}, 200,
       'the worker answers others meanwhile';
    like sql_finish($_)->{status}, qr/^(?:timeout|unavailable)$/,
         'a write to a locked file ends by its time-out' for @asked;
    is sql($server, 'user', 't:anna')->{status}, 'ok',
       'who only reads is not held up';
    $db->unlock;
    is sql($server, 'touch', 'i:1', 't:anna')->{status}, 'ok',
       'then it is written';
};

subtest 'slow' => sub {
    my $db = Onair::SQLite->start;
    my $server = Onair::SQL->server($db, arguments => 'timeout=1s pool=1');

    is sql($server, 'slow', 'i:1000000000')->{status}, 'timeout',
       'a statement without end is ended';
    is sql($server, 'one')->{status}, 'ok', 'the next is answered';

    my $asked = sql_start($server, 'slow', 'i:1000000000', 'times=20',
                          'at_once=20');
    wait_for { available($server) };
    $server->stop;
    ok 1, 'a worker ends with statements under way';
};

subtest 'shutdown' => sub {
    my $db = Onair::SQLite->start;
    my $server = Onair::SQL->server($db, arguments => 'timeout=5s');

    sql($server, 'add_user', 't:anna', 'n:', 'i:0');
    $db->lock;
    my $asked = sql_start($server, 'touch', 'i:7', 't:anna');
    is sql($server, 'user', 't:anna')->{status}, 'ok', 'one waits for a lock';
    $server->reload;
    $db->unlock;
    is sql_finish($asked)->{status}, 'ok',
       'a worker that shuts down waits for what is under way';
};

my $mounted;

END {
    my $status = $?;

    if ($mounted) {
        system 'umount', '--lazy', $mounted;
        rmdir $mounted;
    }

    $? = $status;
}

subtest 'full' => sub {
    my $db = Onair::SQLite->start;
    my $dir = $db->path =~ s{/[^/]+$}{}r;
    my $full = File::Temp->newdir('onair-full-XXXXXX', TMPDIR => 1,
                                  CLEANUP => 0);

    if ($> != 0 || system "mount -t tmpfs -o size=512k none $full 2>/dev/null")
    {
        rmdir "$full";
        plan skip_all => 'may not mount a file system';
    }

    $mounted = "$full";
    $db->query('PRAGMA wal_checkpoint(TRUNCATE)');
    system "cp -p $dir/onair.db $full/; chown www-data $full";

    my $server = Onair::SQL->server("sqlite:$full/onair.db");

    is sql($server, 'add_user', 't:anna', 'n:', 'i:0')->{status}, 'ok',
       'there is room';
    system "dd if=/dev/zero of=$full/ballast bs=4k 2>/dev/null";

    my $tally = sql($server, 'add_user', 't:' . 'x' x 5000, 'n:', 'i:0');
    is $tally->{status}, 'error', 'there is none';
    ok wait_for { $server->error_log =~ /query failed: add_user: .*full|disk/ },
       'the log says so';
    is sql($server, 'user', 't:anna')->{status}, 'ok', 'reading goes on';
    ok available($server), 'it is available';
    unlink "$full/ballast";
    ok wait_for { sql($server, 'add_user', 't:bert', 'n:', 'i:0')->{status}
                  eq 'ok' },
       'and writing, when there is room again';
    $server->stop;
};

subtest 'reload' => sub {
    my $db = Onair::SQLite->start;
    my $other = Onair::SQLite->start;
    my $server = Onair::SQL->server($db);

    sql($server, 'add_user', 't:anna', 'n:', 'i:0');
    system 'sed', '-i', 's|' . $db->path . '|' . $other->path . '|',
        $server->dir . '/nginx.conf';
    $server->reload;
    ok wait_for { @{ sql($server, 'user', 't:anna')->{rows} } == 0 },
       'a reload may name another database';
};

done_testing;
