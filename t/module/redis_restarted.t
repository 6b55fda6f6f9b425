#!/usr/bin/perl

# A Redis that dies and comes back: commands, and subscriptions of two nginx.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Redis;
use Onair::Server;

my $redis = Onair::Redis->start;
my ($one, $two) = map {
    Onair::Server->start(
        workers => 1, load => ['ngx_http_test_redis_module'],
        main    => 'onair_redis ' . $redis->address . ";
                    onair_node node$_;",
        server  => 'location = /redis { test_redis; }',
    )
} 1 .. 2;


sub ask
{
    my ($server, $what) = @_;

    return $server->get("/redis?$what")->{body};
}


sub listening
{
    my ($server) = @_;

    return ask($server, 'state') =~ /listening=([1-9]\d*)/ ? $1 : 0;
}


ask($two, "subscribe&$_") for qw(news sport news);
ok wait_for { listening($two) }, 'three subscriptions are confirmed';

is ask($one, 'command&PUBLISH&news&first'), "1\n", 'a message from one nginx';
ok wait_for { ask($two, 'messages') =~ /^(?:news=first\n){2}$/m },
    'comes to both who asked for it in the other';
ask($one, 'command&PUBLISH&none&lost');
ask($one, 'command&PUBLISH&sport&' . 'x' x 5000);
ok wait_for { ask($two, 'messages') =~ /^sport=x{5000}\n/m },
    'a long one, too, and none of another channel'
    or diag ask($two, 'messages');

my $before = listening($two);
$redis->kill;
ok wait_for { ask($one, 'command&PING') eq "refused\n" },
    'without Redis commands are refused';
ok wait_for { !listening($two) }, 'and it is known that none listens';

$redis->restart;
ok wait_for { ask($one, 'command&PING') eq "PONG\n" }, 'it is back';
ok wait_for { listening($two) }, 'so are the subscriptions';
cmp_ok listening($two), '!=', $before, 'which have another number';
is ask($one, 'command&PUBLISH&sport&again'), "1\n", 'a message';
ok wait_for { ask($two, 'messages') =~ /^sport=again$/m }, 'comes';

like $one->error_log, qr/\[error\].*\(commands\): .*trying again/,
    'the loss was an error';
ok wait_for { $one->error_log =~ /\[notice\].*\(commands\) is back/ },
    'its end is news, once it lasts';
my @errors = $one->error_log =~ /\[error\].*Redis/g;
is scalar(@errors), 1, 'both were told once';

done_testing;
