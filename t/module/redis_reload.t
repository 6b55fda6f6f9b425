#!/usr/bin/perl

# Reloads with commands under way; old workers leave no connection behind.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Redis;
use Onair::Server;

my $redis = Onair::Redis->start;
my $server = Onair::Server->start(
    workers => 2, load => ['ngx_http_test_redis_module'],
    main    => 'onair_redis ' . $redis->address . ' timeout=5s;',
    server  => 'location = /redis { test_redis; }',
);


sub clients
{
    return scalar(() = $redis->command('CLIENT', 'LIST')
                  =~ / name=onair:\S+:commands /g);
}


ok wait_for { clients() == 2 }, 'a connection a worker';

$server->get('/redis?subscribe&news');
$redis->pause;
my @waiting = map { $server->get_start('/redis?command&INCR&n') } 1 .. 20;
$server->get('/redis?burst=100');
$server->reload;
$redis->resume;
is scalar(grep { $server->get_finish($_)->{status} == 200 } @waiting), 20,
    'a worker that shuts down waits for its answers';
is $redis->command('GET', 'burst'), 100, 'also where nobody waits for them';

ok wait_for { !$server->leaving_pids }, 'then it ends';
ok wait_for { clients() == 2 }, 'and only the new ones are connected';

$redis->pause;
$server->get('/redis?burst=100') for 1 .. 10;
$server->stop;
pass 'it stops with commands under way';

$redis->kill;
$server = Onair::Server->start(
    workers => 2, load => ['ngx_http_test_redis_module'],
    main    => 'onair_redis ' . $redis->address . ' no-such-host.invalid;',
    server  => 'location = /redis { test_redis; }',
);
$server->get('/redis?command&PING');
$server->reload;
ok wait_for { !$server->leaving_pids }, 'and without a Redis, too';

done_testing;
