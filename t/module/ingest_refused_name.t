#!/usr/bin/perl

# A stream name that cannot be a part of a URL is refused, and says why.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 1);

my %refused = (
    ''          => qr/no name/,
    '.hidden'   => qr/start with a dot/,
    '..'        => qr/start with a dot/,
    'a/b'       => qr/only letters/,
    'a b'       => qr/only letters/,
    "a\nb"      => qr/only letters/,
    'a%2fb'     => qr/only letters/,
    "\xc3\xa9"  => qr/only letters/,
    'x' x 129   => qr/longer than 128/,
    'x' x 1000  => qr/longer than 128/,
);

for my $name (sort keys %refused) {
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);
    my $what = '"' . substr($name, 0, 20) . '" of ' . length $name;
    $what =~ s/\n/\\n/;

    is $p->status->{code}, 'NetStream.Publish.BadName', "$what: refused";
    like $p->status->{description}, $refused{$name}, "$what: why";
    ok $p->wait_closed, "$what: closed";
}

for my $name ('x' x 128, 'A-b_c.9', '0') {
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);

    ok $p->accepted, substr($name, 0, 20) . ' is accepted';
}

unlike $server->error_log, qr/^b" refused/m, 'no name breaks a log line';

done_testing;
