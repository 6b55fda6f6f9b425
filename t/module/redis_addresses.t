#!/usr/bin/perl

# Several addresses: the first that is a master is used, and another one when
# it is lost or becomes a replica.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Redis;
use Onair::Server qw(free_port wait_for);

my $master = Onair::Redis->start(tcp => 1);
my $replica = Onair::Redis->start(tcp => 1, replicaof => $master);
my $nobody = free_port();
my $port = $master->port;

my $server = Onair::Server->start(
    workers => 1, load => ['ngx_http_test_redis_module'],
    main    => "onair_redis 127.0.0.1:$nobody unix:/nowhere/redis "
               . $replica->address . " localhost:$port;",
    server  => 'location = /redis { test_redis; }',
);


# Where a command goes to, while it is taken at all.
sub port_used
{
    my $r = $server->get('/redis?command&CONFIG&GET&port');

    return $r->{body} =~ /^port\n(\d+)$/m ? $1 : 0;
}


ok wait_for { port_used() == $port },
    'neither a dead address nor a replica is used; localhost is looked up';
unlike $server->error_log, qr/\[error\].*Redis/, 'that is no error';

$master->kill;
$replica->command('REPLICAOF', 'NO', 'ONE');
ok wait_for { port_used() == $replica->port }, 'the next master is used';

$master->restart;
$replica->command('REPLICAOF', '127.0.0.1', $port);
like $server->get('/redis?command&SET&a&b')->{body}, qr/^READONLY/,
    'a command to one that has become a replica';
ok wait_for { port_used() == $port }, 'is the last';

$master->kill;
$replica->kill;
ok wait_for { $server->get('/redis?command&PING')->{status} == 503 },
    'without any commands are refused';
$master->restart;
ok wait_for { port_used() == $port }, 'the one that comes back is used';

done_testing;
