#!/usr/bin/perl

# Commands and their answers, of every kind.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Redis;
use Onair::Server;

my $redis = Onair::Redis->start;
my $server = Onair::Server->start(
    workers  => 1, load => ['ngx_http_test_redis_module'],
    main     => 'onair_redis ' . $redis->address . ' db=3 max_pending=100;
                 onair_node one.example;',
    server   => 'location = /redis { test_redis; }',
);


sub command
{
    my $r = $server->get('/redis?' . join '&', 'command', @_);

    chomp $r->{body};

    return $r->{status} == 200 ? $r->{body} : "$r->{status} $r->{body}";
}


is command('SET', 'key', 'value'), 'OK', 'a status';
is command('GET', 'key'), 'value', 'a string';
is command('GET', 'none'), '(nil)', 'nothing';
is command('INCR', 'number'), '1', 'a number';
is command('MGET', 'key', 'none'), "value\n(nil)\n", 'an array';
like command('INCR', 'key'), qr/^ERR value is not an integer/, 'an error';
is command('SET', '', 'x'), 'OK', 'an empty argument';
is command('STRLEN', 'key'), '5', 'after all that';

my $text = 'x' x 6000;
is command('SET', 'long', $text), 'OK', 'a long argument';
is command('STRLEN', 'long'), 6000, 'arrives whole';

like $redis->command('CLIENT', 'LIST'),
    qr/ name=onair:one\.example:\d+:commands .* db=3 /,
    'it has a name there, and the database is the one told';
like $server->get('/redis?state')->{body},
    qr/^available=1 listening=0 node=one\.example/,
    'it is available, and nobody listens';

$redis->pause;
is $server->get('/redis?burst=1000')->{body}, "100\n",
    'no more commands are taken than max_pending';
is command('PING'), '503 refused', 'nor another';
$redis->resume;
ok wait_for { $server->get('/redis?state')->{body} =~ / answers=100 / },
    'all that were taken are answered';
is command('PING'), 'PONG', 'and there is room again';

$server->get('/redis?cancel&INCR&cancelled');
is command('GET', 'cancelled'), '1', 'a cancelled command is carried out';
like $server->get('/redis?state')->{body}, qr/ answers=100 failures=0/,
    'but not answered';

$server->allow_log(qr/command to Redis is not fit/);
is command('subscribe', 'x'), '503 refused',
    'a command that would change the connection is refused';

done_testing;
