#!/usr/bin/perl

# tools/run: a demo that serves, a first key, clear refusals, and nothing left
# behind.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use POSIX qw(:sys_wait_h);
use Test::More;

use Onair::HTTP;
use Onair::Publisher;
use Onair::Server qw(free_port wait_for);

my $dir = File::Temp->newdir('onair-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

my ($http, $rtmp) = map { free_port() } 1, 2;
my $ready = "$dir/ready";
my $pid;


sub start {
    my (@options) = @_;

    my $child = fork // die "fork: $!";
    return $child if $child;

    open STDOUT, '>>', "$dir/output";
    open STDERR, '>&', \*STDOUT;
    open STDIN, '<', '/dev/null';
    POSIX::setpgid(0, 0);
    exec 'tools/run', '--dir', "$dir/run", '--http', $http, '--rtmp', $rtmp,
         '--workers', 2, '--ready-file', $ready, @options;
}


sub slurp {
    my ($name) = @_;

    open my $file, '<', $name or return '';
    local $/;
    return scalar(<$file>) // '';
}


sub output { slurp("$dir/output") }


sub command_line {
    my ($pid) = @_;

    open my $file, '<', "/proc/$pid/cmdline" or return '';
    return scalar(<$file>) // '';
}


# What refers to our directory or our RTMP port, this test apart.
sub left_over {
    return grep { command_line($_) =~ m{\Q$dir\E/run|:$rtmp/live} }
           grep { $_ != $$ } map { m{(\d+)} } glob '/proc/[0-9]*';
}


sub refused {
    my ($name, $message, @options) = @_;

    my $text = `tools/run @options 2>&1`;

    is $? >> 8, 1, "$name is refused";
    like $text, $message, "$name: with a reason";
}


refused('an unknown option', qr/unknown option --x/, '--x');
refused('a bad port', qr/--http needs a number/, '--http', 'http');
refused('a missing value', qr/--dir needs a value/, '--dir');
refused('a database', qr/--database needs sqlite:PATH/, '--database', 'x');
refused('a Redis', qr/--redis needs HOST:PORT/, '--redis', 'x');
refused('no configuration', qr/cannot read/, '--conf', "$dir/none");

$pid = start('--demo');

wait_for { return -e $ready || waitpid($pid, WNOHANG) } 600;
ok -e $ready, 'it serves' or diag output();

my $client = Onair::HTTP->connect($http);

is $client->get('/')->{status}, 200, 'the page';
is $client->get('/hls.min.js')->{status}, 200, 'hls.js from the same origin';
is $client->get('/status.json')->{status}, 200, 'the status';
like $client->get('/live/demo/index.m3u8')->{body}, qr/RESOLUTION=1280x720/,
    'the demo';
ok((wait_for { $client->get('/live/demo/index.m3u8')->{body}
               =~ /RESOLUTION=640x360/ } 60), 'with its quality ladder');
like output(), qr{http://localhost:$http/}, 'prints the address of the page';
like output(), qr{rtmp://localhost:$rtmp/live}, 'prints that of RTMP';

my ($key) = output() =~ /(live_\d+_[a-z2-7]{32})/;
ok $key, 'prints the key of a first channel';
is slurp($ready), "http://localhost:$http/\nrtmp://localhost:$rtmp/live\n$key\n",
    'and all three into the ready file';
is +(stat $ready)[2] & 07777, 0600, 'which is for the owner only';

my $publisher = Onair::Publisher->ffmpeg("rtmp://127.0.0.1:$rtmp/live/$key");
ok +(wait_for { $client->get('/live/studio/index.m3u8')->{status} == 200 }),
    'the key is that of the channel "studio"' or diag $publisher->log;
$publisher->stop;

my $wrong = Onair::Publisher->ffmpeg(
    "rtmp://127.0.0.1:$rtmp/live/live_1_" . 'a' x 32);
ok +(wait_for { !$wrong->running }), 'another key is refused';

my @arguments = map { command_line($_) } map { m{(\d+)} } glob '/proc/[0-9]*';
is +(grep { /live_2_/ } @arguments), 0, 'the demo\'s key is no argument';

my @open = grep { (stat)[2] & 077 }
    map { "$dir/run/$_" } qw(pepper nginx.conf db demo.ffpreset db/onair.db);
is "@open", '', 'what is secret is for its owner only';
is +(stat "$dir/run/db")[4], (getpwnam 'www-data')[2],
    'the workers own the database' if $> == 0;
is +(stat "$dir/run/pepper")[4], $>, 'and not the pepper';

refused('a port that is taken', qr/port $http is taken/,
        '--dir', "$dir/other", '--http', $http, '--rtmp', free_port());
refused('a directory in use', qr/runs in .* already/,
        '--dir', "$dir/run", '--http', free_port(), '--rtmp', free_port());

kill 'INT', -$pid;
waitpid $pid, 0;
is $?, 0, 'Ctrl-C ends it';
ok !-e $ready, 'the ready file is gone';
ok !-e "$dir/run/demo.ffpreset", 'and the demo\'s key';
ok +(wait_for { return !left_over() }), 'no process is left'
    or diag `ps -o pid,args -p @{[ join ',', left_over() ]}`;

# a second start has the database
truncate "$dir/output", 0;
$pid = start();
wait_for { return -e $ready || waitpid($pid, WNOHANG) } 600;
ok -e $ready, 'it serves again' or diag output();
unlike output(), qr/live_/, 'the key is not shown again';
like output(), qr{tools/onairctl --dir \Q$dir\E/run key rotate studio},
    'but how to get another';
is slurp($ready), "http://localhost:$http/\nrtmp://localhost:$rtmp/live\n",
    'nor is it in the ready file';

$client = Onair::HTTP->connect($http);
$publisher = Onair::Publisher->ffmpeg("rtmp://127.0.0.1:$rtmp/live/$key");
ok +(wait_for { $client->get('/live/studio/index.m3u8')->{status} == 200 }),
    'the old one is good' or diag $publisher->log;
$publisher->stop;

my $rotated = `tools/onairctl --dir $dir/run --json key rotate studio`;
($key) = $rotated =~ /(live_1_[a-z2-7]{32})/;
ok $key, 'as it says';

$publisher = Onair::Publisher->ffmpeg("rtmp://127.0.0.1:$rtmp/live/$key");
ok +(wait_for { $client->get('/status.json')->{body} =~ /"on_air"/ }),
    'and the new one gets on';
$publisher->stop;

kill 'INT', -$pid;
waitpid $pid, 0;
is $?, 0, 'it ends';

my $logs = join '', map { slurp($_) } glob "$dir/run/logs/*";
unlike $logs, qr/live_\d+_[a-z2-7]{32}/, 'no key is in a log';

done_testing;
