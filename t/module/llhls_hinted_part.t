#!/usr/bin/perl

# A request for the hinted part waits for the whole part.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Time::HiRes qw(sleep);

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2);
my $live = Onair::Steps->start($server, 'news');

my ($msn, $n) = $live->hint;
is "$msn.$n", '0.1', 'the second part is hinted';

my @held = map { $live->get_start("part-$msn.$n.m4s") } 1 .. 6;
sleep 0.2;
is join('', map { $_->pending } @held), '', 'no byte before it is there';

$live->parts(1);
my @answers = map { $_->finish } @held;
my $later = $live->get("part-$msn.$n.m4s");

is scalar(grep { $_->{status} == 200 } @answers), 6, 'then all have it';
is scalar(grep { $_->{body} eq $later->{body} } @answers), 6,
   'all of it, the same as later';
is substr($later->{body}, 4, 4), 'moof', 'it is a part';

my $ahead = $live->get('part-0.3.m4s');
is $ahead->{status}, 404, 'one behind the hinted one is not promised';
is $ahead->{headers}{'cache-control'}, 'no-store',
   'and no cache remembers that';

done_testing;
