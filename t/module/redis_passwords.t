#!/usr/bin/perl

# AUTH, with and without a user; what is wrong is told, the password never.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Redis;
use Onair::Server;

my $redis = Onair::Redis->start(
    password => 'open-sesame',
    acl      => ['bert on >ernies-secret ~onair:* &onair:* +@all -role',
                 'limited on >ernies-secret ~* &none +@all'],
);


sub server
{
    my ($parameters) = @_;

    return Onair::Server->start(
        workers => 1, load => ['ngx_http_test_redis_module'],
        main    => 'onair_redis ' . $redis->address . " $parameters;",
        server  => 'location = /redis { test_redis; }',
    );
}


my $right = $redis->password_file;
my $server = server("password_file=$right");
is $server->get('/redis?command&SET&a&1')->{body}, "OK\n",
    'the right password';
unlike $server->error_log, qr/sesame/, 'is not logged';
$server->stop;

my $bert = $redis->password_file('ernies-secret');
$server = server("user=bert password_file=$bert");
is $server->get('/redis?command&SET&onair:a&1')->{body}, "OK\n",
    'a user who may not ask ROLE';
is $server->get('/redis?command&ACL&WHOAMI')->{body}, "bert\n",
    'is who is logged in';
like $server->get('/redis?command&GET&other')->{body}, qr/^NOPERM/,
    'with his rights';
$server->stop;

my $wrong = $redis->password_file('open-barley');
$server = server("password_file=$wrong");
ok wait_for { $server->error_log =~ /user or password refused: WRONGPASS;/ },
    'a wrong password is an error';
is $server->get('/redis?command&GET&a')->{body}, "refused\n",
    'and there is no connection';
unlike $server->error_log, qr/barley/, 'it is not logged';
$server->stop;

$server = server('');
ok wait_for { $server->error_log =~ /\[error\].*refused: NOAUTH/ },
    'so is none where one is needed';
$server->stop;

my $limited = $redis->password_file('ernies-secret');
$server = server("user=limited password_file=$limited");
$server->get('/redis?subscribe&news');
ok wait_for { 3 < (() = $server->error_log =~ /\(subscriptions\): NOPERM/g) },
    'a user who may not subscribe tries on';
is scalar(() = $server->error_log =~ /\[(?:error|notice)\].*Redis/g), 1,
    'which is told once';
is $server->get('/redis?command&PING')->{body}, "PONG\n",
    'and commands do not mind';
$server->stop;

done_testing;
