#!/usr/bin/perl

# A PostgreSQL that is stopped, killed, suspended or was never there: queries
# end, the worker does everything else meanwhile, and it comes back by itself.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(time);

use Onair::PostgreSQL;
use Onair::Server;
use Onair::SQL;
use Onair::Steps;

my $db = Onair::PostgreSQL->start;


sub comes_back
{
    my ($server) = @_;

    ok wait_for { available($server) }, 'it comes back by itself';
    is sql($server, 'one')->{status}, 'ok', 'and answers';
    like $server->error_log, qr/\[notice\].*database: available again/,
         'which is logged';
    unlike $server->error_log, qr/a query is refused/,
           'and refused queries were no news meanwhile';
    $server->stop;
}


subtest 'not there at the start' => sub {
    $db->stop;

    my $server = Onair::SQL->server($db);

    ok wait_for { $server->error_log =~
                  /database: unavailable: connection to server on socket/ },
       'the log says why';
    ok !available($server), 'it is not available';
    is sql($server, 'one')->{status}, 'refused', 'queries are refused';
    $db->restart;
    comes_back($server);
    cmp_ok scalar(() = $server->error_log =~ /unavailable: /g), '<', 4,
           'a line for each reason told of it';
};

for my $how (qw(stop kill)) {
    subtest "$how under load" => sub {
        my $server = Onair::SQL->server($db);

        is sql($server, 'one', 'times=50', 'at_once=50')->{ok}, 50, 'it is up';

        my $asked = sql_start($server, 'sleep', 'i:100', 'times=100000',
                              'at_once=64');
        $server->get('/sql?state');
        $db->$how;

        my $tally = sql_finish($asked);
        cmp_ok $tally->{timeout} + $tally->{unavailable}, '>', 0,
               'who waited for an answer is told'
            or diag explain $tally;
        cmp_ok $tally->{refused}, '>', 90000, 'later ones are refused';
        ok !available($server), 'it is not available';
        $db->restart;
        comes_back($server);
    };
}

subtest 'suspended under load' => sub {
    my $server = Onair::SQL->server($db, arguments => 'timeout=1s pool=2');
    my $live = Onair::Steps->start($server, 'news');

    $live->parts(1);
    is sql($server, 'one', 'times=50', 'at_once=50')->{ok}, 50, 'it is up';
    $db->pause;

    my $begun = time;
    my $asked = sql_start($server, 'one', 'times=400', 'at_once=400');
    my ($n, $slowest) = (0, 0);

    while (!$asked->ready) {
        for my $path ('/status.json', $live->base . '/index.m3u8') {
            my $start = time;
            is $server->get($path)->{status}, 200, $path if $n < 2;
            my $took = time - $start;
            $slowest = $took if $took > $slowest;
            $n++;
        }
    }

    my $tally = sql_finish($asked);
    my $took = time - $begun;

    is $tally->{timeout} + $tally->{unavailable}, 400,
       'every query ended without an answer' or diag explain $tally;
    cmp_ok $took, '<', 5, 'by its time-out';
    cmp_ok $n, '>', 100, "the worker gave $n other answers meanwhile";
    cmp_ok $slowest, '<', 0.5, 'none of them late';
    ok !available($server), 'the database is not available';

    $begun = time;
    is sql($server, 'one')->{status}, 'refused', 'a query is refused';
    cmp_ok time - $begun, '<', 0.5, 'at once';
    $db->resume;
    comes_back($server);
};

subtest 'suspended and idle' => sub {
    my $server = Onair::SQL->server($db, arguments =>
                                    'timeout=1s connect_timeout=1s pool=3');

    is sql($server, 'one', 'times=9', 'at_once=9')->{ok}, 9, 'it is up';
    $db->pause;
    like sql($server, 'one')->{status}, qr/timeout|unavailable/,
         'one query waits in vain';
    ok !available($server), 'then no further one needs to';
    ok wait_for { sql($server, 'one')->{status} eq 'refused' },
       'the other connections are found dead as well';
    $db->resume;
    comes_back($server);
};

subtest 'suspended, and nobody asks' => sub {
    my $server = Onair::SQL->server($db, arguments => 'timeout=1s');

    is sql($server, 'one')->{status}, 'ok', 'it is up';
    $db->pause;
    ok wait_for { $server->error_log =~ /database: unavailable: / },
       'it is found out without a query';
    ok !available($server), 'so none is asked';
    $db->resume;
    comes_back($server);
};

subtest 'connections are ended by the server' => sub {
    my $server = Onair::SQL->server($db);

    my $first = sql($server, 'server')->{integer};
    $db->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE usename = 'onair'", 'postgres');
    ok wait_for { my $answer = sql($server, 'server');
                  $answer->{status} eq 'ok' && $answer->{integer} != $first },
       'new ones are made';
    unlike $server->error_log, qr/database: unavailable/,
           'without a word of being gone';
    $server->stop;
};

subtest 'worker exits' => sub {
    my $server = Onair::SQL->server($db);

    is sql($server, 'one')->{status}, 'ok', 'it is up';

    my $asked = sql_start($server, 'sleep', 'i:300');
    $server->get('/sql?state');
    $server->reload;
    is sql_finish($asked)->{status}, 'ok',
       'a worker that shuts down waits for what is under way';
    ok wait_for { !$server->leaving_pids }, 'and ends';

    sql_start($server, 'sleep', 'i:1500', 'times=100', 'at_once=100');
    $server->get('/sql?state');
    $server->stop;
    ok wait_for { $db->query("SELECT count(*) FROM pg_stat_activity
                              WHERE usename = 'onair'", 'postgres') == 0 },
       'one that is ended leaves no connection behind';
};

done_testing;
