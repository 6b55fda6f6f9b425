#!/usr/bin/perl

# Where and how PostgreSQL is reached: names, several hosts, passwords, TLS;
# slow statements, and schemas that are not ours.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use Onair::PostgreSQL;
use Onair::Server;
use Onair::SQL;

my $secret = 'S3cret,Of"Mine';
my $db = Onair::PostgreSQL->start(tcp => 1, tls => 1, password => $secret);


sub answers
{
    my ($url, $name, @arguments) = @_;

    my $server = Onair::SQL->server($url, arguments => "@arguments");

    ok wait_for { sql($server, 'one')->{status} eq 'ok' }, $name
        or diag $server->error_log;
    unlike $server->error_log, qr/S3cret/, 'the password is not in the log';

    return $server if defined wantarray;
    $server->stop;
}


sub unavailable
{
    my ($url, $why, $name, @arguments) = @_;

    my $server = Onair::SQL->server($url, arguments => "@arguments");

    ok wait_for { $server->error_log =~ /database: unavailable: .*$why/ },
       $name or diag $server->error_log;
    ok !available($server), 'it is not available';
    unlike $server->error_log, qr/S3cret|wrong one/,
           'no password is in the log';
    $server->stop;
}


subtest 'addresses' => sub {
    answers($db->url, 'an address');
    answers($db->url(host => $db->dir), 'a socket');
    answers($db->url(host => 'localhost'), 'a name');
    answers('host=127.0.0.1 port=' . $db->port . ' user=onair dbname=onair'
            . q( password='S3cret,Of\"Mine'), 'a conninfo');
    unavailable($db->url(host => 'nowhere.invalid'),
                qr/host "nowhere\.invalid" was not found/, 'a name of nobody');
};

subtest 'several hosts' => sub {
    my $dead = Onair::Server::free_port();

    answers($db->url(host => 'localhost,127.0.0.1',
                     port => "$dead," . $db->port),
            'the second, when nobody is at the first');

    my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20);

    answers($db->url(host => '127.0.0.1,localhost',
                     port => $mute->sockport . ',' . $db->port),
            'the second, when the first does not answer',
            'connect_timeout=300ms');
    unavailable($db->url(port => $mute->sockport),
                qr/does not answer/, 'one that never answers',
                'connect_timeout=300ms');
};

subtest 'TLS' => sub {
    my $server = answers($db->url(host => 'localhost',
                                  sslmode => 'verify-full',
                                  sslrootcert => $db->certificate),
                         'a certificate of its name');

    like $db->query("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity
                     USING (pid) WHERE usename = 'onair' AND ssl",
                    'postgres'), qr/[1-9]/, 'the connections have TLS';
    is sql($server, 'one', 'times=3000', 'at_once=200')->{ok}, 3000,
       'and carry many queries';
    $server->stop;
    unavailable($db->url(sslmode => 'verify-full',
                         sslrootcert => $db->certificate),
                qr/certificate for "localhost".* does not match/,
                'a certificate of another name');
};

subtest 'password' => sub {
    unavailable($db->url(password => 'wrong one'),
                qr/password authentication failed/, 'a wrong password');

    for my $bad ('postgresql://onair:S3cret%@host/onair',
                 'postgresql://onair:S3cret@[host/onair',
                 'password=S3cret host',
                 "password='S3cret",
                 'mysql://onair:S3cret@host/onair',
                 'S3cret')
    {
        my ($ok, $text) = Onair::Server->check(
            main => qq(onair_database "$bad";));

        ok !$ok, 'a bad URL is refused';
        like $text, qr/neither sqlite:PATH nor a right URL/, 'it says why';
        unlike $text, qr/S3cret/, 'without the password';
    }
};

subtest 'faults of the configuration' => sub {
    for my $case (['host=a,b port=1,2,3 dbname=x', qr/as many ports as hosts/],
                  ['service=x', qr/"service" is not supported/],
                  ['host=' . join(',', ('a') x 20), qr/too many hosts/],
                  ['host=' . 'a' x 300, qr/too many hosts|too long/])
    {
        my ($ok, $text) = Onair::Server->check(
            main => qq(onair_database "$case->[0]";));

        ok !$ok, "$case->[0] is refused";
        like $text, $case->[1], 'it says why';
    }
};

subtest 'slow statements' => sub {
    my $server = answers($db->url, 'it is up', 'timeout=1s pool=1');
    my $process = sql($server, 'server')->{integer};
    my $begun = time;

    is sql($server, 'sleep', 'i:20000')->{status}, 'timeout',
       'one that is too slow ends';
    cmp_ok time - $begun, '<', 3, 'by its time-out';
    ok wait_for { sql($server, 'one')->{status} eq 'ok' }, 'the next is fine';
    like $server->error_log, qr/sleep: canceling statement due to statement/,
         'the server has ended it';
    is $db->query("SELECT count(*) FROM pg_stat_activity
                   WHERE usename = 'onair' AND query LIKE '%pg_sleep%'
                   AND state = 'active'", 'postgres') + 0, 0,
       'and does not go on with it';

    my $tally = sql($server, 'sleep', 'i:20000', 'times=40', 'at_once=40');
    is $tally->{timeout} + $tally->{unavailable}, 40, 'forty end as well';
    ok wait_for(sub { sql($server, 'one')->{status} eq 'ok' }, 20),
       'and do not hold others up for long';
    $server->stop;
};

subtest 'one fault takes no other with it' => sub {
    my $server = answers($db->url, 'it is up', 'pool=1');
    my @asked = map { sql_start($server, $_ % 2 ? 'one' : 'wrong') } 1 .. 20;
    my @status = map { sql_finish($_)->{status} } @asked;

    is_deeply \@status, [('ok', 'error') x 10],
              'in one pipeline, those between are answered';
    $server->stop;
};

subtest 'too many connections' => sub {
    $db->query('ALTER ROLE onair CONNECTION LIMIT 1', 'postgres');
    my $server = answers($db->url, 'one connection is enough', 'pool=3');

    ok wait_for { $server->error_log =~
                  /further connection failed: .*too many connections/ },
       'what the others lack is logged';
    $db->query('ALTER ROLE onair CONNECTION LIMIT -1', 'postgres');
    ok wait_for { $db->query("SELECT count(*) FROM pg_stat_activity
                              WHERE usename = 'onair'", 'postgres') == 3 },
       'they come when they can';
    $server->stop;
};

subtest 'schema' => sub {
    $db->query('ALTER TABLE schema_version RENAME TO away');
    my $server = Onair::SQL->server($db);
    ok wait_for { $server->error_log =~ /older .* run "onairctl migrate"/ },
       'a missing schema: the log says what to do';
    is sql($server, 'one')->{status}, 'refused', 'nothing is asked of it';
    $db->query('ALTER TABLE away RENAME TO schema_version');
    ok wait_for { available($server) }, 'it is used when it is there';
    $server->stop;

    $db->query('INSERT INTO schema_version VALUES (1000, 0)');
    unavailable($db->url, qr/schema is newer than these modules/, 'a newer');
};

done_testing;
