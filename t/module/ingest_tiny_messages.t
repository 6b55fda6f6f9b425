#!/usr/bin/perl

# Many tiny frames that all come at once neither stop the worker nor fill its
# memory while it waits for the other track.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1,
                                  rtmp_app => 'ingest_max_pending 2m;');
my ($worker) = $server->worker_pids;


sub memory_kb
{
    open my $file, '<', "/proc/$worker/status" or die "$worker: $!";

    return join('', <$file>) =~ /^VmRSS:\s+(\d+) kB/m ? $1 : die;
}


sub cpu_seconds
{
    open my $file, '<', "/proc/$worker/stat" or die "$worker: $!";
    my @fields = split ' ', <$file> =~ s/^.*\) //r;

    return ($fields[11] + $fields[12]) / 100;
}


my $p = Onair::RTMP->publish($server->rtmp_port, 'chan', chunk_size => 4096);
$p->metadata(0, videocodecid => 7, audiocodecid => 10, width => 320);
$p->audio(0, "\xaf\0\x11\x90");

my ($memory, $cpu) = (memory_kb(), cpu_seconds());
my $frame = $p->chunks(8, 0, "\xaf\1x", msid => 1);
$p->raw($frame x 10000) for 1 .. 12;
$p->wait_closed(1);
$p->close;

my $q = Onair::RTMP->publish($server->rtmp_port, 'other', timeout => 60);
ok $q->accepted, 'another publisher is served';

# 120,000 frames; what counts is that it is not their square
cmp_ok cpu_seconds() - $cpu, '<', 8, 'without much work';
cmp_ok memory_kb() - $memory, '<', 64 * 1024, 'and memory';

done_testing;
