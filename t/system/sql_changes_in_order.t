#!/usr/bin/perl

# A server reads changes on from the last id it has seen.  So on PostgreSQL a
# transaction that is slow to end must not bring an id that is lower than one
# that can be seen already.

use strict;
use warnings;

use lib 't/lib';

use IPC::Open2 qw(open2);
use POSIX ();
use Test::More;

use Onair::Ctl;
use Onair::Server qw(wait_for);

my $ctl = Onair::Ctl->postgresql;
my $count = 'SELECT count(*) FROM changes';

$ctl->user($_) for qw(slow quick);

my $psql = open2(my $from, my $to, 'psql', '-XqAt', '-d', $ctl->url);

$to->autoflush(1);
print $to "BEGIN; INSERT INTO changes (user_id, kind, created_ms) VALUES "
        . "(1, 'ban', extract(epoch FROM now()) * 1000) RETURNING id;\n";
chomp(my $id = readline $from);

my $pid = fork // die "fork: $!";
POSIX::_exit(($ctl->run('user', 'ban', 'quick'))[0]) if $pid == 0;

ok +(wait_for { $ctl->query("SELECT count(*) FROM pg_stat_activity WHERE "
    . "application_name = 'onairctl' AND wait_event_type = 'Lock'") == 1 } 20),
    'the second writer waits for the first';
is $ctl->query($count), "0\n", 'so nothing overtakes';

print $to "COMMIT;\n";
close $to;
waitpid $psql, 0;
waitpid $pid, 0;

is $?, 0, 'then it goes on';
is $ctl->query('SELECT user_id FROM changes ORDER BY id'), "1\n2\n",
    'the ids are in the order in which they could be seen';
cmp_ok $ctl->query('SELECT min(id) FROM changes'), '==', $id, 'the first';

done_testing;
