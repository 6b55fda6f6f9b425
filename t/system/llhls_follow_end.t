#!/usr/bin/perl

# A publisher that does not come back: the end is told when the grace is over,
# to all who wait, and blocking is turned off.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Onair::LLHLS::Follow;


my ($server, $publisher, $result) = Onair::LLHLS::Follow::through(30, sub {
    my ($server, $publisher) = @_;

    $publisher->stop;

    return $publisher;
}, allow_gap => 1, allow_end => 1, rtmp_app => 'ingest_grace 2s;');

for my $path (sort keys %{ $result->{renditions} }) {
    like($server->get($path)->{body}, qr/^#EXT-X-ENDLIST\n\z/m,
         "the end of $path");
    cmp_ok($result->{renditions}{$path}{segments}, '>=', 2, 'was followed');
}

$server->stop;
done_testing;
