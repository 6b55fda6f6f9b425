#!/usr/bin/perl

# A publisher whose tracks change all the time, so that each change needs a
# new session, does not fill the memory that others need.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1, zone => '32m');

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan', chunk_size => 4096);
$p->metadata(0, audiocodecid => 10, audiosamplerate => 48000);

for my $n (1 .. 500) {
    $p->audio(0, "\xaf\0" . ($n % 2 ? "\x11\x90" : "\x12\x10"));
    $p->audio(0, "\xaf\1" . 'x' x 20);
}

my $status = $p->wait_status;
is $status && $status->{description}, 'the tracks change too often',
   'it is told why';
ok $p->wait_closed, 'and closed';

my $sessions = () = $server->error_log =~ /channel "chan" session \S+ started/g;
cmp_ok $sessions, '<', 12, 'it had some sessions';

my $q = Onair::RTMP->publish($server->rtmp_port, 'other');
ok $q->accepted, 'another publisher finds room';

done_testing;
