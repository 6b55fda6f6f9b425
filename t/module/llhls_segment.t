#!/usr/bin/perl

# A segment is its parts in a row, and waits until it is whole.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2);
my $live = Onair::Steps->start($server, 'news');

my @held = map { $live->get_start('seg-0.m4s') } 1 .. 4;

$live->parts(8);
is join('', map { $_->pending } @held), '', 'nothing of an open segment';

$live->segment;
my $parts = join '', map { $live->get("part-0.$_.m4s")->{body} } 0 .. 9;

is scalar(grep { $_->finish->{body} eq $parts } @held), 4, 'then its parts';
ok $live->get('seg-0.m4s')->{body} eq $parts, 'as later';

done_testing;
