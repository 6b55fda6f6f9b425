#!/usr/bin/perl

# A blocking reload is held until its position is there, in every worker.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2);
my $live = Onair::Steps->start($server, 'news');

$live->parts(2);

my $part = qr/part-0\.3\.m4s"(?:,INDEPENDENT=YES)?$/m;
my @held = map { $live->get_start('index.m3u8?_HLS_msn=0&_HLS_part=3') } 1 .. 8;
my $whole = $live->get_start('index.m3u8?_HLS_msn=0');
my $beyond = $live->get_start('index.m3u8?_HLS_msn=0&_HLS_part=10');

my $waiting = wait_for {
    my $text = $server->get('/status.json')->{body};
    $text =~ /"waiting[a-z_]*":\s*10\b/;
};
ok $waiting, 'ten requests wait';
is scalar(grep { $_->ready } @held), 0, 'none is answered';

$live->parts(1);
my @answers = map { $_->finish } @held;
is scalar(grep { $_->{status} == 200 } @answers), 8, 'the part releases them';
is scalar(grep { $_->{body} =~ /^#EXT-X-PART:.*$part/m } @answers), 8,
   'with a playlist that has the part';
ok !$whole->ready, 'who asked for the whole segment waits on';
ok !$beyond->ready, 'and who asked for a later part';

$live->segment;
my $answer = $whole->finish;
like $answer->{body}, qr/^seg-0\.m4s$/m, 'until it is whole';
$answer = $beyond->finish;
like $answer->{body}, qr/part-1\.0\.m4s/,
     'a part that it turned out not to have is the first of the next';

$answer = $live->get('index.m3u8?_HLS_msn=0&_HLS_part=2');
is $answer->{status}, 200, 'an old position is answered at once';
like $answer->{body}, qr/part-1\.0\.m4s/, 'with the newest playlist';

done_testing;
