#!/usr/bin/perl

# More workers than the bus has places: those without one refuse to hold a
# request rather than hold it for ever, and take the first place that is free.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 130, plain => 1);
$server->allow_log(qr/places of workers are taken/);

my $live = Onair::Steps->start($server, 'news');

sub statuses
{
    my ($n, $count) = @_;
    my @held = map { $live->get_start("part-0.$n.m4s") } 1 .. $count;
    my %seen;

    $live->parts(1);
    $seen{$_->finish->{status}}++ for @held;

    return \%seen;
}

my @without = $server->error_log =~ /(\d+)#\d+: onair: all 128 places/g;
is scalar @without, 2, 'two workers have no place';

my $seen = statuses(1, 1200);
is join(' ', sort keys %$seen), '200 503', 'they refuse, the others hold';

# two new ones that begin while the old ones still have all places
my $conf = $server->dir . '/nginx.conf';
system 'sed', '-i', 's/^worker_processes 130;/worker_processes 2;/', $conf;
$server->{workers} = 2;
$server->reload;

my $n = 2;
ok wait_for { !statuses($n++, 50)->{503} }, 'they take places that got free';

# the worker that began with the publisher stays until it goes
my ($owner) = $server->error_log =~ /(\d+)#\d+: \*\d+ ingest: channel "news"/;
$live->done;
ok wait_for { !kill 0, $owner }, 'the last of the old workers ends';

done_testing;
