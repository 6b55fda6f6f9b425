#!/usr/bin/perl

# HEAD tells what GET would, without the body.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 1);
my $live = Onair::Steps->start($server, 'news');
my $base = $live->base;

for my $path ('/live/news/index.m3u8', "$base/index.m3u8",
              "$base/init-0.mp4", "$base/part-0.0.m4s")
{
    my $get = $server->get($path);
    my $head = $server->head($path);

    is $head->{status}, 200, $path;
    is $head->{body}, '', 'no body';
    is $head->{headers}{$_}, $get->{headers}{$_}, $_
        for qw(content-length content-type cache-control);
}

my $held = $server->connect->start('HEAD', "$base/part-0.1.m4s");
$live->parts(1);
is $held->finish->{status}, 200, 'it waits as GET does';

my $c = $server->connect;
$c->start('HEAD', "$base/part-0.0.m4s");
$c->start('GET', "$base/part-0.0.m4s");
is $c->finish->{body}, '', 'one connection serves HEAD';
is substr($c->finish->{body}, 4, 4), 'moof', 'and then GET';

done_testing;
