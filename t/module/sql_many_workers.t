#!/usr/bin/perl

# Several workers at one database, all of them writing.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::PostgreSQL;
use Onair::Server;
use Onair::SQL;
use Onair::SQLite;

for my $class (qw(Onair::SQLite Onair::PostgreSQL)) {
    my $db = $class->start;
    my $server = Onair::SQL->server($db, workers => 4,
                                    arguments => 'timeout=20s');
    my $kind = $db->kind;

    is sql($server, 'add_user', "t:user$_", 'n:', 'i:0')->{status}, 'ok',
       "$kind: a user is added" for 1 .. 4;

    my @asked = map {
        sql_start($server, 'count', 't:user' . (1 + $_ % 4), 'times=100',
                  'at_once=10')
    } 1 .. 16;
    my @pids = map { $server->get('/sql?state')->{body} =~ /pid=(\d+)/ }
        1 .. 40;
    my %pids = map { $_ => 1 } @pids;

    is sql_finish($_)->{ok}, 100, "$kind: a hundred writes" for @asked;
    cmp_ok scalar keys %pids, '>', 1, "$kind: of more than one worker";
    is $db->query('SELECT count(*) FROM users WHERE updated_ms = 400') + 0, 4,
       "$kind: none was lost";
    unlike $server->error_log, qr/\[error\]/, "$kind: without an error";
    $server->stop;
}

done_testing;
