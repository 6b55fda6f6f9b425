#!/usr/bin/perl

# Who goes away while waiting is forgotten.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2);
my $live = Onair::Steps->start($server, 'news');

sub waiting
{
    my $n = shift;

    return wait_for {
        $server->get('/status.json')->{body} =~ /"waiting[a-z_]*":\s*$n\b/;
    };
}

my @gone = map { ($live->get_start("index.m3u8?_HLS_msn=0&_HLS_part=$_"),
                  $live->get_start('part-0.1.m4s')) } 1 .. 10;
my $stays = $live->get_start('index.m3u8?_HLS_msn=0&_HLS_part=1');

ok waiting(21), 'all wait';
$_->close for @gone;
ok waiting(1), 'those who went do not';

$live->parts(1);
is $stays->finish->{status}, 200, 'who stayed is answered';
ok waiting(0), 'and nobody waits';

# gone in the moment of the part
for my $n (2 .. 6) {
    my @some = map { $live->get_start("part-0.$n.m4s") } 1 .. 20;
    $_->close for @some[0 .. 9];
    $live->parts(1);
    is scalar(grep { $_->finish->{status} == 200 } @some[10 .. 19]), 10,
       "part $n";
}

done_testing;
