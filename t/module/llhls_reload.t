#!/usr/bin/perl

# nginx reloads: who waits is answered, and old and new workers wake each
# other.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Server;
use Onair::Steps;

my $server = Onair::Server->start(workers => 2);
my $live = Onair::Steps->start($server, 'news');

my @old = map { ($live->get_start('part-0.1.m4s'),
                 $live->get_start('index.m3u8?_HLS_msn=0&_HLS_part=1')) }
              1 .. 8;
ok wait_for { $server->get('/status.json')->{body}
              =~ /"waiting[a-z_]*":\s*16\b/ }, 'sixteen wait';
my @pids = $server->worker_pids;

$server->reload;

my @new = map { $live->get_start('part-0.1.m4s') } 1 .. 8;
$live->parts(1);

is scalar(grep { $_->finish->{status} == 200 } @old), 16,
   'who waited in the old workers is answered';
is scalar(grep { $_->finish->{status} == 200 } @new), 8,
   'the old worker with the publisher wakes the new ones';
ok wait_for { grep { !kill 0, $_ } @pids },
   'the old worker without the publisher ends';

$server->reload;
@new = map { $live->get_start('index.m3u8?_HLS_msn=0&_HLS_part=2') } 1 .. 8;
$live->parts(1);
is scalar(grep { $_->finish->{status} == 200 } @new), 8, 'once more';

my ($owner) = $server->error_log =~ /(\d+)#\d+: \*\d+ ingest: channel "news"/;
$live->done;
ok wait_for { !kill 0, $owner }, 'the publisher\'s worker ends with it';

done_testing;
