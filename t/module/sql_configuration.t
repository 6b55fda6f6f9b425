#!/usr/bin/perl

# What onair_database takes.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;

sub check
{
    return Onair::Server->check(main => "onair_database $_[0];");
}

for my $good ('sqlite:onair.db',
              'sqlite:/nowhere/x.db pool=4 queue=10 timeout=500ms',
              '"sqlite:with blanks.db" connect_timeout=1s')
{
    my ($ok, $text) = check($good);
    ok $ok, $good or diag $text;
}

for my $case (['sqlite:', qr/no path/],
              ['sqlite:x pool=0', qr/invalid value in "pool=0"/],
              ['sqlite:x pool=65', qr/invalid value/],
              ['sqlite:x queue=many', qr/invalid value/],
              ['sqlite:x queue=', qr/invalid value/],
              ['sqlite:x timeout=0', qr/invalid value/],
              ['sqlite:x timeout=1h', qr/invalid value/],
              ['sqlite:x connect_timeout=-1s', qr/invalid value/],
              ['sqlite:x fast', qr/argument 2 is none of pool=, queue=/],
              ['sqlite:x; onair_database sqlite:y', qr/is duplicate/])
{
    my ($ok, $text) = check($case->[0]);

    ok !$ok, "$case->[0] is refused";
    like $text, $case->[1], 'and it says why';
}

done_testing;
