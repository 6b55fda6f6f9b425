#!/usr/bin/perl

# ffmpeg ends when it is drained, so that whoever runs it can start it again;
# the broadcast then goes on in its session.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2,
                                  rtmp_app => 'ingest_drain 3s;');
my $url = $server->rtmp_url('chan');

# again and again, as a service manager would
my $pid = fork() // die "fork: $!";

if ($pid == 0) {
    setpgrp 0, 0;
    exec 'setpriv', '--pdeathsig', 'TERM', 'sh', '-c', 'while :; do '
        . 'ffmpeg -nostdin -v quiet -re -f lavfi '
        . '-i testsrc2=size=320x180:rate=30 -f lavfi -i sine -c:v libx264 '
        . "-preset ultrafast -g 60 -c:a aac -t 120 -f flv $url; "
        . 'sleep 0.5; done';
}

my $viewer = Onair::Viewer->new($server, 'chan');
ok $viewer->wait_live('video', 'audio'), 'it is on the air';
my $session = $viewer->session;

$server->reload;
ok wait_for { !$server->leaving_pids } 30;
ok wait_for { $server->error_log =~ /"chan" session $session resumed/ } 30;
is $viewer->session, $session, 'it is back in its session';

kill 'TERM', -$pid;
waitpid $pid, 0;

done_testing;
