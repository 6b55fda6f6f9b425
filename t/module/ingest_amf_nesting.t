#!/usr/bin/perl

# AMF that nests deeper than nginx-rtmp's stack bears does not reach it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::AMF qw(encode);
use Onair::Hostile;
use Onair::RTMP;

# the guard stands without a zone and without "ingest on", too
my $server = hostile_server(conf => <<'END');
load_module %modules%/ngx_rtmp_module.so;
load_module %modules%/ngx_onair_core_module.so;
load_module %modules%/ngx_rtmp_ingest_module.so;
%user%
worker_processes 1;
daemon off;
pid %dir%/nginx.pid;
error_log %dir%/logs/error.log info;
events { }
rtmp { server { listen 127.0.0.1:%rtmp%; application live { live on; } } }
http { access_log off; server { listen 127.0.0.1:%http%; } }
END
my $connect = encode('connect', 1);
my $array = "\x0a\0\0\0\1";


sub command { my ($body, $type) = @_;
              return sub { $_[0]->message($type // 20, 0, $body) } }


refused($server, '40,000 arrays in connect',
        command($connect . $array x 40000));
refused($server, '33 arrays in connect',
        command($connect . $array x 33 . encode(undef)));
refused($server, '33 objects in connect',
        command($connect . "\x03\0\1a" x 33 . encode(undef)));
refused($server, 'objects and arrays in turn',
        command($connect . "\x0a\0\0\0\1\x03\0\1a" x 17 . encode(undef)));

refused($server, '40,000 arrays, AMF3 command',
        command("\0" . $connect . $array x 40000, 17));
refused($server, '40,000 arrays, AMF3 data',
        command("\0" . encode('onMetaData') . $array x 40000, 15));
refused($server, '40,000 arrays, data',
        command(encode('@setDataFrame', 'onMetaData') . $array x 40000, 18));
refused($server, '40,000 arrays, shared object',
        command("\0\7connect" . encode(1) . $array x 40000, 19));
refused($server, '40,000 arrays, AMF3 shared object',
        command("\0\0\7connect" . encode(1) . $array x 40000, 16));

# in every command that nginx-rtmp reads, after a connect that was in order
for my $name (qw(createStream publish play releaseStream FCPublish deleteStream
                 closeStream seek pause unknown PUBLISH))
{
    for my $type (20, 17) {
        refused($server, "40,000 arrays in $name, type $type", sub {
            my $p = shift;
            $p->connect;
            $p->message($type, 0, ($type == 17 ? "\0" : '')
                . encode($name, 2) . $array x 40000);
        });
    }
}

for my $type (18, 15) {
    refused($server, "40,000 arrays in metadata, type $type", sub {
        my $p = shift;
        $p->connect;
        $p->message($type, 0, ($type == 15 ? "\0" : '')
            . encode('@setDataFrame', 'onMetaData') . $array x 40000);
    });
}

my $p = Onair::RTMP->new($server->rtmp_port);
$p->handshake;
my $nested = [ a => 1 ];
$nested = [ a => $nested ] for 1 .. 28;
ok $p->connect(extra => $nested), 'nesting of 30 is accepted';

like $server->error_log, qr/\[info\].*session closed: AMF nested too deep/,
    'the log says why';

done_testing;
