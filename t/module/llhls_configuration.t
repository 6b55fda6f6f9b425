#!/usr/bin/perl

# Where the directives may stand, and what nginx says otherwise.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;

sub conf
{
    my ($main, $http) = @_;

    return <<"END";
load_module %modules%/ngx_onair_core_module.so;
load_module %modules%/ngx_http_llhls_module.so;
pid %dir%/nginx.pid;
$main
events { }
http { $http }
END
}

sub refused
{
    my ($main, $http, $why) = @_;
    my ($ok, $text) = Onair::Server->check(conf => conf($main, $http));

    ok !$ok, "refused: $http";
    like $text, $why, 'and it says why';
}

my $zone = 'onair_zone 32m;';

my ($ok, $text) = Onair::Server->check(conf =>
    conf($zone, 'llhls_cache 1m; server { location /tv/ { llhls; } }'));
ok $ok, 'a plain prefix' or diag $text;

refused('', 'server { location /tv/ { llhls; } }', qr/needs "onair_zone"/);
refused($zone, 'server { location ~ /tv/ { llhls; } }', qr/plain prefix/);
refused($zone, 'server { location = /tv { llhls; } }', qr/plain prefix/);
refused($zone, 'server { location @tv { llhls; } }', qr/plain prefix/);
refused($zone, 'server { location /tv/ { llhls; llhls; } }', qr/duplicate/);
refused($zone, 'server { llhls; }', qr/not allowed here/);
refused($zone, 'llhls_cache many;', qr/invalid value/);

done_testing;
