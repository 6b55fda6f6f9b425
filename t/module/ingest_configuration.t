#!/usr/bin/perl

# Settings that cannot work are refused with their reason.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;

my %wrong = (
    'ingest_grace 2h;'                => qr/between 0 and 1h/,
    'ingest_part_target 49ms;'        => qr/between 50ms and 2s/,
    'ingest_part_target 2001ms;'      => qr/between 50ms and 2s/,
    'ingest_segment_target 499ms;'    => qr/between 500ms and 10s/,
    'ingest_segment_target 11s;'      => qr/between 500ms and 10s/,
    'ingest_window 2s;'               => qr/between 3s and 10m/,
    'ingest_window 11m;'              => qr/between 3s and 10m/,
    'ingest_max_pending 1k;'          => qr/between 64k and 256m/,
    'ingest_max_pending 257m;'        => qr/between 64k and 256m/,
    'ingest_part_target 300ms; ingest_segment_target 500ms;'
        => qr/at least twice "ingest_part_target"/,
    'ingest_segment_target 2100ms; ingest_window 17s;'
        => qr/at least six times "ingest_segment_target"/,
    'ingest_window 5m; ingest_part_target 1s; '
        => qr/more than 120 segments/,
    'ingest_window 1m; ingest_part_target 50ms;'
        => qr/more than 1000 parts/,
);

for my $text (sort keys %wrong) {
    my ($ok, $message) = Onair::Server->check(rtmp_app => $text);

    ok !$ok, "$text is refused";
    like $message, $wrong{$text}, 'and said why';
}

for my $text ('', 'ingest_grace 0;', 'ingest_grace 1h;',
              'ingest_part_target 50ms; ingest_window 30s;',
              'ingest_segment_target 10s; ingest_window 10m; '
                  . 'ingest_part_target 1s;',
              'ingest_max_pending 64k;')
{
    my ($ok, $message) = Onair::Server->check(rtmp_app => $text);

    ok $ok, "\"$text\" is accepted" or diag $message;
}

for my $level (qw(rtmp)) {
    my ($ok, $message) = Onair::Server->check($level => 'ingest_window 2s;');

    ok !$ok, "in $level too";
}

my ($ok, $message) = Onair::Server->check(conf => <<'END');
load_module %modules%/ngx_rtmp_module.so;
load_module %modules%/ngx_onair_core_module.so;
load_module %modules%/ngx_rtmp_ingest_module.so;
error_log %dir%/logs/error.log;
pid %dir%/nginx.pid;
events { }
rtmp {
    ingest on;
    server { listen 127.0.0.1:%rtmp%; application live { live on; } }
}
END
ok !$ok, 'ingest without a zone is refused';
like $message, qr/application "live" needs "onair_zone"/, 'and said why';


($ok, $message) = Onair::Server->check(rtmp => 'ingest on;', rtmp_app => '}
    application other {');
ok !$ok, 'ingest without live is refused';
like $message, qr/"ingest" needs "live on" in application "other"/,
    'and said why';

done_testing;
