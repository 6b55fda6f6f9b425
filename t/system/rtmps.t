#!/usr/bin/perl

# RTMPS: nginx's stream module ends TLS in front of RTMP and hands the
# publisher's address on, as conf/onair-cluster.conf does.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use IO::Socket::INET;
use Test::More;

use Onair::Publisher;
use Onair::Server qw(free_port wait_for);

my $dir = File::Temp->newdir('onair-XXXXXX', TMPDIR => 1);
my ($tls, $inner) = map { free_port() } 1, 2;

system "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
     . "-days 2 -subj /CN=localhost -keyout $dir/key -out $dir/crt 2> $dir/log"
    and die 'openssl failed';

# the way inside has an address of its own, so that it cannot be taken for the
# publisher's
my $server = Onair::Server->start(
    main => <<"END",
load_module %modules%/ngx_stream_module.so;

stream {
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $dir/crt;
        ssl_certificate_key $dir/key;
        ssl_protocols TLSv1.2 TLSv1.3;
        proxy_pass 127.0.0.1:$inner;
        proxy_bind 127.0.0.9;
        proxy_protocol on;
    }
}
END
    rtmp => <<"END",
server {
    listen 127.0.0.1:$inner proxy_protocol;

    application live {
        live on;
        ingest on;
        allow publish 127.0.0.1;
        deny publish all;
    }

    application other {
        live on;
        ingest on;
        allow publish 127.0.0.9;
        deny publish all;
    }
}
END
);


sub answer_to {
    my ($port, $bytes) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    my $text = '';

    local $SIG{ALRM} = sub { die "no end of the connection\n" };
    alarm 20;
    print $socket $bytes;
    $socket->flush;
    1 while sysread $socket, $text, 4096, length $text;
    alarm 0;

    return $text;
}


my $publisher = Onair::Publisher->ffmpeg("rtmps://127.0.0.1:$tls/live/studio");
my $path = '/live/studio/index.m3u8';

ok +(wait_for { $server->get($path)->{status} == 200 }), 'it is live'
    or diag $publisher->log, $server->error_log;

my $list = $server->get($path);
my ($media) = $list->{body} =~ /^(\w+\/v\S*\.m3u8)/m;

like $list->{body}, qr/CODECS="avc1/, 'with the right codecs';
ok +(wait_for { $server->get("/live/studio/$media")->{body}
                =~ /#EXTINF/ } 20), 'and plays';

my $other = Onair::Publisher->ffmpeg("rtmps://127.0.0.1:$tls/other/second",
                                     duration => 5);
ok +(wait_for { !$other->running })
    && $server->get('/live/second/index.m3u8')->{status} == 404,
    'the address that counts is the publisher\'s';
like $server->error_log, qr/access forbidden by rule, client: 127\.0\.0\.1\b/,
    'and so it is in the log';

$publisher->stop;

is answer_to($tls, "\x03" . 'x' x 2000), '', 'RTMP without TLS is refused';
is answer_to($inner, "\x03" . 'x' x 2000), '', 'no header of the proxy: refused';

done_testing;
