#!/usr/bin/perl

# tools/run: a demo that serves, clear refusals, and nothing left behind.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use POSIX qw(:sys_wait_h);
use Test::More;

use Onair::HTTP;
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


sub output {
    open my $file, '<', "$dir/output" or return '';
    local $/;
    return scalar <$file>;
}


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
refused('a database', qr/--database is not served yet/, '--database', 'x');
refused('no configuration', qr/cannot read/, '--conf', "$dir/none");

$pid = start('--demo');

wait_for { return -e $ready || waitpid($pid, WNOHANG) } 120;
ok -e $ready, 'it serves' or diag output();

my $client = Onair::HTTP->connect($http);

is $client->get('/')->{status}, 200, 'the page';
is $client->get('/hls.min.js')->{status}, 200, 'hls.js from the same origin';
is $client->get('/status.json')->{status}, 200, 'the status';
like $client->get('/live/demo/index.m3u8')->{body}, qr/RESOLUTION=1280x720/,
    'the demo';
like output(), qr{http://localhost:$http/}, 'prints the address of the page';
like output(), qr{rtmp://localhost:$rtmp/live}, 'prints that of RTMP';

refused('a port that is taken', qr/port $http is taken/,
        '--dir', "$dir/other", '--http', $http, '--rtmp', free_port());
refused('a directory in use', qr/runs in .* already/,
        '--dir', "$dir/run", '--http', free_port(), '--rtmp', free_port());

kill 'INT', -$pid;
waitpid $pid, 0;
is $?, 0, 'Ctrl-C ends it';
ok !-e $ready, 'the ready file is gone';
ok +(wait_for { return !left_over() }), 'no process is left'
    or diag `ps -o pid,args -p @{[ join ',', left_over() ]}`;

done_testing;
