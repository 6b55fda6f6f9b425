#!/usr/bin/perl

# A player notices nothing of a configuration that is read again: each of its
# requests is answered, by old workers and by new ones.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Onair::LLHLS::Follow;


my ($server, $publisher, $result) = Onair::LLHLS::Follow::through(15, sub {
    my ($server, $publisher) = @_;

    for (1 .. 3) {
        $server->reload;
        sleep 1;
    }

    return $publisher;
});

cmp_ok($_->{parts}, '>', 40, "$_->{path} was followed")
    for values %{ $result->{renditions} };
ok($publisher->running, 'the publisher was not cut off');

$publisher->stop;
$server->stop;
done_testing;
