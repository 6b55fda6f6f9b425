#!/usr/bin/perl

# Requests that mean harm, beside viewers: each is refused, nobody else
# notices, and the log at its default level says little.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::HTTP;
use Onair::Publisher;
use Onair::Server;
use Onair::Viewer;
use Onair::Viewers;

my $server = Onair::Server->start(workers => 2,
    location => $Onair::Viewers::LOCATION,
    server => 'log_not_found off; client_max_body_size 0;');
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('chan'));
my $viewers = Onair::Viewers->start($server, 'chan', viewers => 6,
                                    processes => 1);
my $viewer = Onair::Viewer->new($server, 'chan');

ok $viewers->more(1, 180), 'viewers are under way';

my @workers = $server->worker_pids;
my $base = '/live/chan/' . $viewer->session . '/video';

# positions
for my $query (
    map({ ("_HLS_msn=$_", "_HLS_msn=0&_HLS_part=$_", "_HLS_part=$_") }
        -1, '', 'x', '1e9', '0x1', '%00', '1.5', 2 ** 31, 4294967295,
        4294967296, '18446744073709551615', '18446744073709551616',
        '9' x 4000),
    '_HLS_msn=1&_HLS_msn=2', '_HLS_part=0', '_HLS_msn', '&&&=&=',
    '_HLS_msn=1000000&_HLS_part=1000000')
{
    my $status = $server->get("$base/index.m3u8?$query")->{status};
    like $status, qr/^(?:200|400)$/, 'answered: ' . substr $query, 0, 60;
}

# names; on few connections, as an attacker would
my @names = ('part-0', 'part--1.0.m4s', 'part-4294967296.0.m4s', 'seg-.m4s',
    'seg-99999999999999999999.m4s', 'init-4294967295.mp4', 'seg-0.m4s/x',
    '%2e%2e/%2e%2e/etc/passwd', 'part-0.0.m4s%00', '%ff%fe', 'x' x 4000);
my %seen;

for my $prefix ('/live', '/live/chan', '/live/chan/aaaaaaaaaaaaa', $base) {
    my $connection = $server->connect;

    for my $i (0 .. 499) {
        my $name = $names[$i] // "part-$i.$i$i.m4s";
        my $answer = $connection->get("$prefix/$name");
        $seen{ $answer->{status} }++;
        $connection = $server->connect
            if ($answer->{headers}{connection} // '') eq 'close';
    }
}

my @odd = grep { !/^(?:200|400|404)$/ } keys %seen;
is_deeply \@odd, [], 'bad names are refused';
cmp_ok $seen{404}, '>', 1900, 'nearly all as unknown';

# what is no request, or one without an end
my @open;
for my $bytes ("\0" x 5000, "\xff" x 5000, "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
    "GET $base/index.m3u8?" . 'a=b&' x 20_000 . " HTTP/1.1\r\n\r\n",
    "GET $base/index.m3u8 HTTP/1.1\r\nHost: x\r\n" . "A: b\r\n" x 20_000,
    "GET $base/index.m3u8 HTTP/1.1\r\nHost: x\r\nRange: bytes="
        . '0-1,' x 1000 . "0-1\r\n\r\n",
    "POST $base/index.m3u8 HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999"
        . "\r\n\r\n", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03")
{
    for (1 .. 20) {
        my $connection = $server->connect;
        $connection->send($bytes);
        push @open, $connection;
    }
}

# asked and left at once, while held
for my $n (1 .. 300) {
    my $list = $n % 50 == 1 && $viewer->playlist('video');
    my $connection = $server->get_start("$base/index.m3u8?_HLS_msn="
        . ($list ? $list->{segments}[-1]{msn} + 1 : 0));
    $connection->close;
}

ok $viewers->more(2, 180), 'viewers go on';
is_deeply [ $viewers->unforgiven ], [], 'no request failed';
is_deeply $viewers->missed, [], 'nobody missed anything';
is_deeply [ $server->worker_pids ], [ @workers ], 'the workers are the same';

# nginx's default level
my @lines = $server->error_log =~ /^(.*\[(?:error|crit|alert|emerg)\].*)$/mg;
cmp_ok scalar(@lines), '<', 10, 'the log says little'
    or diag join "\n", map { substr $_ // "", 0, 300 } @lines[0 .. 9];
note $viewers->figures;

done_testing;
