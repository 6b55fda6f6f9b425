#!/usr/bin/perl

# A Redis that hangs (SIGSTOP) holds up only who needs its answer, and those
# for the time-out.  It is used again when it goes on.  Who waited with them
# would do so for the time-out: half of it is late.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(time);

use Onair::Redis;
use Onair::Server;

use constant TIMEOUT => 5;

for my $tcp (0, 1) {
    my $redis = Onair::Redis->start(tcp => $tcp);
    my $server = Onair::Server->start(
        workers  => 1, load => ['ngx_http_test_redis_module'],
        main     => 'onair_redis ' . $redis->address
                    . ' timeout=' . TIMEOUT . 's connect_timeout=500ms;',
        server   => 'location = /redis { test_redis; }',
    );
    my $where = $tcp ? 'TCP' : 'a unix socket';

    $server->get('/redis?subscribe&news');
    ok wait_for { $server->get('/redis?state')->{body} =~ /listening=1 / },
        "$where: both connections stand";

    $redis->pause;
    my $begin = time;
    my @waiting = map { $server->get_start('/redis?command&INCR&n') } 1 .. 50;
    $server->get('/redis?burst=1000');

    # as many as there is time for, while all those wait
    my ($slowest, $n) = (0, 0);

    until (grep { $_->ready } @waiting) {
        my $start = time;
        $server->get('/redis?state');
        my $took = time - $start;
        $slowest = $took if $took > $slowest;
        $n++;
        last if time > $begin + 20 * TIMEOUT;
    }

    cmp_ok $n, '>', 20, 'other requests go on';
    cmp_ok $slowest, '<', TIMEOUT / 2, 'without waiting';
    is scalar(grep { $server->get_finish($_)->{status} == 504 } @waiting), 50,
        'each command is given up';
    cmp_ok time - $begin, '<', 10 * TIMEOUT, 'after the time-out';
    is $server->get('/redis?command&GET&n')->{status}, 503,
        'then commands are refused at once';
    ok wait_for { $server->get('/redis?state')->{body}
                  =~ /listening=0 .*failures=1000/ },
        'that it does not listen is noticed without a message';

    $redis->resume;
    ok wait_for { $server->get('/redis?command&PING')->{status} == 200 },
        'it is used again';
    ok wait_for { $server->get('/redis?state')->{body} =~ /listening=2 / },
        'and listened to again';

    my @errors = $server->error_log =~ /\[error\].*Redis/g;
    cmp_ok scalar(@errors), '<=', 2, 'one error a connection is logged'
        or diag $server->error_log;
    $server->stop;
}

done_testing;
