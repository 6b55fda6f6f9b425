#!/usr/bin/perl

# The master is the one that Sentinels name, also after it failed.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Redis;
use Onair::Server qw(free_port wait_for);

my $master = Onair::Redis->start(tcp => 1, password => 'open-sesame');
my $replica = Onair::Redis->start(tcp => 1, password => 'open-sesame',
                                  replicaof => $master);
my $sentinel = Onair::Redis->sentinel('live', $master);
my $nobody = free_port();
my $secret = $master->password_file;

ok +(wait_for {
    my %master = @{ $sentinel->command('SENTINEL', 'MASTER', 'live') };
    $master{'num-slaves'} == 1;
} 60), 'the sentinel knows master and replica';

my $server = Onair::Server->start(
    workers => 1, load => ['ngx_http_test_redis_module'],
    main    => "onair_redis 127.0.0.1:$nobody " . $sentinel->address
               . " sentinel=live password_file=$secret;",
    server  => 'location = /redis { test_redis; }',
);


sub port_used
{
    my $r = $server->get('/redis?command&CONFIG&GET&port');

    return $r->{body} =~ /^port\n(\d+)$/m ? $1 : 0;
}


ok wait_for { port_used() == $master->port }, 'the master is used';
$server->get('/redis?subscribe&news');
ok wait_for { $server->get('/redis?state')->{body} =~ /listening=1/ },
    'and listened to';

$master->kill;
ok +(wait_for { port_used() == $replica->port } 60),
    'after a failover the new one is used' or diag $server->error_log;
ok wait_for { $server->get('/redis?state')->{body} =~ /listening=2/ },
    'and listened to';
is $server->get('/redis?command&SET&a&b')->{body}, "OK\n", 'it is a master';
$server->stop;

$server = Onair::Server->start(
    workers => 1, load => ['ngx_http_test_redis_module'],
    main    => 'onair_redis ' . $sentinel->address . ' sentinel=dead;',
);
ok wait_for { $server->error_log =~ /the sentinel knows no such master/ },
    'a name that the sentinel does not know is an error';

done_testing;
