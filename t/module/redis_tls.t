#!/usr/bin/perl

# TLS, where hiredis was built with it (Debian 12's was not): who has no
# certificate for the name, from the authority that was told, is not talked to.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use Test::More;

use Onair::Redis;
use Onair::Server qw(free_port wait_for);

my ($ok, $text) = Onair::Server->check(main => 'onair_redis a tls;');

if (!$ok) {
    like $text, qr/this hiredis has no TLS: let stunnel or nginx's stream/,
        'without TLS it is said what helps';
    done_testing;
    exit;
}

my $dir = File::Temp->newdir('onair-tls-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

for my $name ('localhost', 'elsewhere') {
    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name"
           . " -addext subjectAltName=DNS:$name -keyout $dir/$name.key"
           . " -out $dir/$name.pem 2> /dev/null") == 0
        or die 'openssl failed';
    chmod 0644, "$dir/$name.key";
}


sub redis
{
    my ($name) = @_;
    my $port = free_port();

    return ($port, Onair::Redis->start(
        password => 'open-sesame',
        config   => ["tls-port $port", 'tls-auth-clients no',
                     "tls-cert-file $dir/$name.pem",
                     "tls-key-file $dir/$name.key",
                     "tls-ca-cert-file $dir/$name.pem"]));
}


sub server
{
    my ($address, $authority, $redis) = @_;

    return Onair::Server->start(
        workers => 1, load => ['ngx_http_test_redis_module'],
        main    => "onair_redis $address tls tls_ca=$dir/$authority.pem"
                   . ' timeout=500ms password_file='
                   . $redis->password_file . ';',
        server  => 'location = /redis { test_redis; }',
    );
}


my ($port, $redis) = redis('localhost');
my $server = server("localhost:$port", 'localhost', $redis);
my $long = 'x' x 6000;

is $server->get("/redis?command&SET&key&$long")->{body}, "OK\n", 'a command';
is $server->get('/redis?command&STRLEN&key')->{body}, "6000\n", 'arrived';
$server->get('/redis?subscribe&news');
ok wait_for { $server->get('/redis?state')->{body} =~ /listening=1/ },
    'a subscription stands';
$redis->command('PUBLISH', 'news', $_ . $long) for 1 .. 5;
ok wait_for { $server->get('/redis?messages')->{body} =~ /news=1x{6000}/ },
    'messages come';

$redis->pause;
is $server->get('/redis?command&PING')->{status}, 504, 'it hangs';
$redis->resume;
ok wait_for { $server->get('/redis?command&PING')->{status} == 200 },
    'and comes back';
$redis->restart;
ok wait_for { $server->get('/redis?state')->{body} =~ /listening=[23]/ },
    'a restarted one is listened to again';
$server->stop;

for my $case (["127.0.0.1:$port", 'localhost', qr/IP address mismatch/],
              ["localhost:$port", 'elsewhere', qr/self-signed certificate/])
{
    my ($address, $authority, $why) = @$case;

    $server = server($address, $authority, $redis);
    ok wait_for { $server->error_log =~ /\[error\].*$why/ },
        'who has another name or authority' or diag $server->error_log;
    is $server->get('/redis?command&PING')->{status}, 503, 'is not talked to';
    $server->stop;
}

done_testing;
