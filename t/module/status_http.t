#!/usr/bin/perl

# The status as an HTTP resource: methods, headers, gzip, configuration.

use strict;
use warnings;

use lib 't/lib';
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP;
use Test::More;

use Onair::Server;

my $server = Onair::Server->start(
    http => 'gzip on; gzip_types application/json; gzip_min_length 1;');

my $get = $server->get('/status.json');

is $get->{status}, 200, 'GET is answered';
is $get->{headers}{'content-type'}, 'application/json', 'with JSON';
is $get->{headers}{'cache-control'}, 'no-store', 'not to be cached';
is $get->{headers}{'access-control-allow-origin'}, '*', 'for any origin';
is $get->{headers}{'content-length'}, length $get->{body}, 'and a length';
ok eval { decode_json($get->{body}) }, 'it is JSON';

my $head = $server->head('/status.json');

is $head->{status}, 200, 'HEAD is answered';
is $head->{body}, '', 'without a body';
is $head->{headers}{'content-type'}, 'application/json', 'with the headers';

for my $method (qw(POST PUT DELETE OPTIONS)) {
    my $answer = $server->request($method, '/status.json',
                                  'Content-Length' => 0);

    is $answer->{status}, 405, "$method is not allowed";
    is $answer->{headers}{allow}, 'GET, HEAD', 'and is told what is';
}

my $zipped = $server->get('/status.json', 'Accept-Encoding' => 'gzip');
my $text;

is $zipped->{headers}{'content-encoding'}, 'gzip', 'it can be compressed';
ok gunzip(\$zipped->{body}, \$text), 'and uncompressed';
ok eval { decode_json($text) }, 'to JSON';

my $modules = $server->modules;
my ($fine, $why) = Onair::Server->check(conf => <<"END");
load_module %modules%/ngx_onair_core_module.so;
load_module %modules%/ngx_http_live_status_module.so;
%user%
pid %dir%/nginx.pid;
error_log %dir%/logs/error.log;
events { }
http {
    access_log off;
    server { listen 127.0.0.1:%http%; location / { live_status; } }
}
END

ok !$fine, 'live_status without onair_zone is refused';
like $why, qr/"live_status" needs "onair_zone"/, 'with the reason';

($fine, $why) = Onair::Server->check(
    server => 'location = /twice { live_status; live_status; }');

ok !$fine, 'live_status twice in a location is refused';
like $why, qr/"live_status" directive is duplicate/, 'with the reason';

done_testing();
