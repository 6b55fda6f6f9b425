#!/usr/bin/perl

# HTTP/2: many requests wait on one connection.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::HTTP2;
use Onair::Server qw(free_port wait_for);
use Onair::Steps;

my $port = free_port();
my $server = Onair::Server->start(workers => 1,
                                  server => "listen 127.0.0.1:$port http2;");
my $live = Onair::Steps->start($server, 'news');
my $base = $live->base;
my $c = Onair::HTTP2->connect($port);

sub waiting
{
    my $n = shift;

    return wait_for {
        $server->get('/status.json')->{body} =~ /"waiting[a-z_]*":\s*$n\b/;
    };
}

my @held = map { $c->start('GET', "$base/$_") } 'part-0.1.m4s',
    'index.m3u8?_HLS_msn=0&_HLS_part=1', ('part-0.1.m4s') x 20;
my $given_up = $c->start('GET', "$base/part-0.1.m4s");

is $c->finish($c->start('GET', "$base/part-0.0.m4s"))->{status}, 200,
   'what is there is not held up by what waits';
is $c->finish($c->start('GET', "$base/seg-99.m4s"))->{status}, 404,
   'nor is what does not exist';
ok waiting(23), 'the others wait';
ok !grep({ $c->ready($_) } @held), 'unanswered';

$c->reset($given_up);
ok waiting(22), 'a stream that was given up does not wait';

$live->parts(1);

my @answers = map { $c->finish($_) } @held;
is scalar(grep { $_->{status} == 200 } @answers), 22, 'the part releases them';
is $answers[$_]{body}, $live->get('part-0.1.m4s')->{body}, "part $_"
    for 0, 2, 21;
like $answers[1]{body}, qr/part-0\.1\.m4s/, 'playlist';

@held = map { $c->start('GET', "$base/part-0.2.m4s") } 1 .. 5;
ok waiting(5), 'five wait';
undef $c;
ok waiting(0), 'until their connection is gone';
$live->parts(1);
is $live->get('part-0.2.m4s')->{status}, 200, 'and all goes on';

done_testing;
