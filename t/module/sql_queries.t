#!/usr/bin/perl

# Queries and their answers, the same from every database.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::PostgreSQL;
use Onair::SQL;
use Onair::SQLite;


sub fields
{
    my ($server) = @_;

    my $added = sql($server, 'add_user', 't:anna', 'n:', 'i:1700000000123');

    is $added->{status}, 'ok', 'a row is added';
    is $added->{changed}, 1, 'one changed';
    is $added->{integer}, 1, 'RETURNING tells its id';

    is_deeply sql($server, 'user', 't:anna')->{rows},
        [[1, 'anna', undef, '1700000000123']],
        'integers of 64 bits, text and NULL come back';
    is_deeply sql($server, 'user', 't:nobody'),
        { status => 'ok', rows => [], changed => 0, integer => 0 },
        'no row is no error';
    is_deeply sql($server, 'echo', 'i:-9223372036854775808', 't:')->{rows},
        [['-9223372036854775808', '']], 'the least integer, an empty text';
    is_deeply sql($server, 'echo', 'n:', "t:\xc3\xbc'\\;--")->{rows},
        [[undef, "\xc3\xbc'\\;--"]], 'NULL, and a text full of traps';
}


sub changes
{
    my ($server) = @_;

    is sql($server, 'ban', 't:rude', 't:anna')->{changed}, 1,
       'an UPDATE tells what it changed';
    is sql($server, 'ban', 't:rude', 't:nobody')->{changed}, 0,
       'nothing, when nothing matched';
    is sql($server, 'user', 't:anna')->{rows}[0][2], 'rude', 'it is done';
}


sub bytes
{
    my ($server) = @_;

    my $digest = '00ff5c78' . '27' x 28;

    sql($server, 'add_channel', 'i:1', 'i:1', 't:anna');
    is sql($server, 'add_key', 'i:1', 'i:1', 'i:1', "b:$digest")->{status},
       'ok', 'bytes are stored';
    is_deeply sql($server, 'key_bytes', "b:$digest")->{rows}, [[$digest]],
       'and found and read back';
    is_deeply sql($server, 'key_bytes', 'b:00')->{rows}, [], 'others are not';
}


sub faults
{
    my ($server) = @_;

    is sql($server, 'add_user', 't:anna', 'n:', 'i:0')->{status}, 'conflict',
       'a name that is taken is a conflict';
    is sql($server, 'add_channel', 'i:99', 'i:1', 't:x')->{status},
       'conflict', 'a user that is not is one too';
    is sql($server, 'wrong')->{status}, 'error', 'a bad statement is an error';
    ok wait_for { $server->error_log =~ /\[error\].*query failed: wrong: / },
       'and logged';
    is sql($server, 'one', 'i:1')->{status}, 'error', 'so is a value too many';
    is sql($server, 'one')->{status}, 'ok', 'the next is none';
}


sub many
{
    my ($server) = @_;

        is_deeply sql($server, 'one', 'times=10000', 'at_once=200'),
        { ok => 10000, unavailable => 0, timeout => 0, conflict => 0,
          error => 0, refused => 0 },
        '10,000 queries, 200 at a time, are all answered';
    is sql($server, 'touch', 'c:', 't:anna', 'times=300', 'at_once=50')->{ok},
       300, 'as are 300 that write';

    my $tally = sql($server, 'one', 'times=2000', 'at_once=2000');
    is $tally->{ok}, 512, 'as many as the queue takes are answered';
    is $tally->{refused}, 1488, 'more are refused';
    ok wait_for { $server->error_log =~ /a query is refused: the queue is f/ },
       'which is logged';
    cmp_ok scalar(() = $server->error_log =~ /is refused/g), '<', 10,
       'but not each time';

    my $rows = sql($server, 'rows', 'i:1000', 't:abc');
    is scalar @{ $rows->{rows} }, 1000, '1,000 rows come back';
    is sql($server, 'rows', 'i:1000000', 't:' . 'x' x 50)->{status}, 'error',
       'a result without measure is an error';
}


sub cancelled
{
    my ($server, $slow) = @_;

    is sql($server, 'one', 'cancel')->{status}, 'ok',
       'a query is cancelled';
    is sql($server, 'one', 'cancel', 'times=100', 'at_once=100')->{refused}, 0,
       'a hundred are, and hold no place in the queue';

    my $asked = sql_start($server, 'slow', 'i:100000000', "times=$slow",
                          "at_once=$slow");
    $server->get('/sql?state');          # the worker has read the other
    $asked->close;
    my $tally = sql($server, 'one', 'times=100');
    is $tally->{ok}, 100, 'others are answered when a client goes away'
        or diag explain $tally;
}


for my $class (@ARGV ? @ARGV : qw(Onair::SQLite Onair::PostgreSQL)) {
    my $db = $class->start;
    my $server = Onair::SQL->server($db, arguments => 'timeout=3s');

    subtest $db->kind => sub {
        ok wait_for { available($server) }, 'the database is available';
        fields($server);
        changes($server);
        bytes($server);
        faults($server);
        many($server);
        # PostgreSQL's other connection is free; SQLite stops what it does
        cancelled($server, $db->kind eq 'SQLite' ? 100 : 1);
        ok available($server), 'it still is';
        $server->stop;
    };
}

done_testing;
