#!/usr/bin/perl

# More wait than are answered in one go, and many of them go away in it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');

for my $n (1 .. 3) {
    my @held = map { $live->get_start($_ % 2 ? "part-0.$n.m4s"
                     : "index.m3u8?_HLS_msn=0&_HLS_part=$n") } 1 .. 900;

    ok wait_for { $server->get('/status.json')->{body}
                  =~ /"waiting[a-z_]*":\s*900\b/ }, '900 wait';

    my @gone = @held[map { $_ * 3 } 0 .. 299];
    my @stay = @held[map { ($_ * 3 + 1, $_ * 3 + 2) } 0 .. 299];

    $_->close for @gone[0 .. 149];
    $live->parts(1);
    $_->close for @gone[150 .. 299];

    is scalar(grep { $_->finish->{status} == 200 } @stay), 600,
       'all who stay are answered';
    ok wait_for { $server->get('/status.json')->{body}
                  =~ /"waiting[a-z_]*":\s*0\b/ }, 'nobody waits';
}

done_testing;
