#!/usr/bin/perl

# tools/run with conf/onair-cluster.conf, as shipped: PostgreSQL, Redis and
# RTMPS.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use POSIX qw(:sys_wait_h);
use Test::More;

use Onair::Ctl;
use Onair::HTTP;
use Onair::PostgreSQL;
use Onair::Publisher;
use Onair::Redis;
use Onair::Server qw(free_port wait_for);

my $dir = File::Temp->newdir('onair-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

my $db = Onair::PostgreSQL->start(empty => 1);
my $redis = Onair::Redis->start;
my ($http, $rtmp, $rtmps) = map { free_port() } 1 .. 3;
my $ready = "$dir/ready";


sub slurp {
    my ($name) = @_;

    open my $file, '<', $name or return '';
    local $/;
    return scalar(<$file>) // '';
}


sub start {
    my $child = fork // die "fork: $!";
    return $child if $child;

    open STDOUT, '>>', "$dir/output";
    open STDERR, '>&', \*STDOUT;
    open STDIN, '<', '/dev/null';
    POSIX::setpgid(0, 0);
    exec 'setpriv', '--pdeathsig', 'TERM', 'tools/run', '--dir', "$dir/run",
         '--conf', 'conf/onair-cluster.conf', '--http', $http, '--rtmp', $rtmp,
         '--rtmps', $rtmps, '--workers', 2, '--ready-file', $ready,
         '--database', $db->url, '--redis', $redis->address;
}


my $pid = start();

wait_for { return -e $ready || waitpid($pid, WNOHANG) } 600;
ok -e $ready, 'it serves' or BAIL_OUT(slurp("$dir/output"));

my ($key) = slurp("$dir/output") =~ /(live_\d+_[a-z2-7]{32})/;
ok $key, 'with the key of a first channel';
is $db->query('SELECT name FROM users'), "studio\n", 'whose user is there';

my $client = Onair::HTTP->connect($http);
my $ctl = Onair::Ctl->new($db->url, "$dir/run/pepper");
my $publisher =
    Onair::Publisher->ffmpeg("rtmps://127.0.0.1:$rtmps/live/$key");

ok +(wait_for { $client->get('/live/studio/index.m3u8')->{status} == 200 }),
    'RTMPS: it is live'
    or diag $publisher->log, slurp("$dir/run/logs/error.log");
ok +(wait_for { $db->query('SELECT count(*) FROM streams '
                           . 'WHERE ended_ms IS NULL') == 1 } 30),
    'it stands in the book';
is $db->query('SELECT address FROM streams'), "127.0.0.1\n",
    'with the publisher\'s address';

my @keys = @{ $redis->command('KEYS', '*') };
cmp_ok scalar @keys, '>=', 1, 'its lease is in Redis';

my $second = Onair::Publisher->ffmpeg("rtmp://127.0.0.1:$rtmp/live/$key");
ok +(wait_for { !$second->running }), 'RTMP: a second one is refused';
ok $publisher->running, 'the first one goes on';

is +($ctl->run('channel', 'stop', 'studio'))[0], 0, 'channel stop';
ok +(wait_for { !$publisher->running }), 'ends it';

kill 'INT', -$pid;
waitpid $pid, 0;
is $?, 0, 'it stops' or diag slurp("$dir/output");

my $logs = join '', map { slurp($_) } glob "$dir/run/logs/*";
unlike $logs, qr/live_\d+_[a-z2-7]{32}/, 'no key is in a log';
unlike $logs, qr/\[(?:alert|emerg|crit)\]/, 'and nothing bad'
    or diag $logs;

done_testing;
