#!/usr/bin/perl

# Clients that read nothing, or a byte at a time, and clients that connect and
# never ask, take little memory of the worker, and others do not notice.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;

use Onair::Publisher;
use Onair::Server;
use Onair::Viewer;
use Onair::Viewers;

# modules without sanitizers, whose memory is nginx's own
my $server = Onair::Server->start(workers => 1, plain => 1,
    location => $Onair::Viewers::LOCATION);
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'),
    output => [qw(-b:v 4M -minrate 4M -maxrate 4M -bufsize 1M
                  -x264-params nal-hrd=cbr)]);
my $viewers = Onair::Viewers->start($server, 'chan', viewers => 6,
                                    processes => 1);
my $viewer = Onair::Viewer->new($server, 'chan');

ok $viewers->more(2, 180), 'viewers are under way';

my ($worker) = $server->worker_pids;
my $base = '/live/chan/' . $viewer->session . '/video';
my $segment = $viewer->playlist('video')->{segments}[0]{uri};
my $size = length $server->get($segment)->{body};
my $before = memory($worker);

cmp_ok $size, '>', 500_000, 'a segment does not fit into a socket';

# a second of them each, all that is ever there, and what will be
my (@slow, @silent);
for my $n (1 .. 200) {
    push @slow, ask($segment);
    push @slow, ask("$base/index.m3u8?_HLS_msn=1") if $n % 4 == 0;
    push @silent, ask(undef);
}

for my $round (1 .. 3) {
    sysread $_, my $byte, 1 for @slow;
    ok $viewers->more(1, 180), "$round: viewers go on";
}

my $taken = memory($worker) - $before;
note "$taken bytes for ", scalar(@slow), ' slow and ', scalar(@silent),
    " silent clients; a segment has $size";
cmp_ok $taken, '<', 40 * $size, 'they share what they are sent';

is_deeply [ $server->worker_pids ], [ $worker ], 'the worker is the same';
close $_ for @slow, @silent;
ok $viewers->more(1, 180), 'viewers go on when they leave';
is_deeply [ $viewers->unforgiven ], [], 'no request failed';
is_deeply $viewers->missed, [], 'nobody missed anything';
note $viewers->figures;

done_testing;


# Asks, and has next to no room for the answer.
sub ask {
    my $path = shift;
    my $socket = IO::Socket::INET->new(Proto => 'tcp', Type => SOCK_STREAM)
        or die "socket: $!";

    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 2048 or die "SO_RCVBUF: $!";
    $socket->connect(Socket::pack_sockaddr_in($server->http_port,
                         Socket::inet_aton('127.0.0.1'))) or die "connect: $!";
    $socket->autoflush(1);
    print $socket "GET $path HTTP/1.1\r\nHost: x\r\n\r\n" if defined $path;

    return $socket;
}


sub memory {
    my $pid = shift;

    open my $file, '<', "/proc/$pid/status" or die "worker $pid: $!";
    local $/;

    return 1024 * (<$file> =~ /^RssAnon:\s+(\d+) kB/m)[0];
}
