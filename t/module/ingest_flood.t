#!/usr/bin/perl

# A client that sends faster than the worker reads does not keep it for itself.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use IO::Select;

use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my ($worker) = $server->worker_pids;
my $viewer = Onair::Viewer->new($server, 'chan');
my $n = 0;


# Audio frames of 16 KB, 1024 samples at 48 kHz each.
sub frame
{
    my $p = shift;

    return $p->chunks(8, int($n++ * 1024 / 48 + 0.5),
                      "\xaf\1" . 'x' x 16384, msid => 1);
}


sub state
{
    open my $file, '<', "/proc/$worker/stat" or die "$worker: $!";

    return (<$file> =~ /\) (\w)/)[0];
}


my $p = Onair::RTMP->publish($server->rtmp_port, 'chan', chunk_size => 65536);
$p->metadata(0, audiocodecid => 10, audiosamplerate => 48000);
$p->audio(0, "\xaf\0\x11\x90");
$p->raw(frame($p)) for 1 .. 100;
ok $viewer->wait_seconds('audio', 1.5), 'it is on the air';
my $begin = $viewer->playlist('audio')->{seconds};
my $path = '/live/chan/' . $viewer->session . '/audio/index.m3u8';

# fill the sockets while the worker stands still, then ask, then let it go on
kill 'STOP', $worker;
wait_for { state() eq 'T' };

my $rest = '';
my $first = $n;
while (IO::Select->new($p->{socket})->can_write(0.5)) {
    $rest = frame($p) if $rest eq '';
    my $sent = syswrite $p->{socket}, $rest;
    substr $rest, 0, $sent // 0, '';
}

my $waiting = ($n - $first) * 1024 / 48000;
my $request = $server->get_start($path);
kill 'CONT', $worker;

my $answer = $server->get_finish($request);
my $shown = Onair::Viewer::parse($answer->{body}, '')->{seconds} - $begin;

cmp_ok $waiting, '>', 2, 'seconds of media waited for the worker';
# a turn is 128 KB or 0.17 s
cmp_ok $shown, '<', 0.6, 'it answered after a turn or two';

$p->raw($rest);
ok $viewer->wait_seconds('audio', $begin + $waiting - 0.5),
    'and read them all then';

done_testing;
