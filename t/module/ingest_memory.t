#!/usr/bin/perl

# What one session can make a worker hold: two of max_message and one chunk,
# whatever it says about sizes.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::Hostile;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

use constant MB => 1024 * 1024;

# 2 * 8 MB, one chunk of 10 MB, a packager's 16 MB, and the sanitizer's part
use constant BOUND => 100 * MB;

# what was freed is not to be counted
local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
    'quarantine_size_mb=1';

my $server = hostile_server();
my ($worker) = $server->worker_pids;


sub memory
{
    open my $file, '<', "/proc/$worker/status" or die "$worker: $!";
    local $/;

    return (<$file> =~ /^VmRSS:\s+(\d+)/m)[0] * 1024;
}


# A message's first chunk.
sub first
{
    my ($csid, $size, $bytes) = @_;

    return pack('C', $csid) . "\0\0\0" . substr(pack('N', $size), 1)
        . "\x09\1\0\0\0" . 'x' x $bytes;
}


# Chunk streams above 63 have a longer header; 32 of them fit below.
sub streams { return 3 .. 34 }


my $most = 0;
my $before = memory();

sub look { my $now = memory() - $before; $most = $now if $now > $most }


sub bounded
{
    my $what = shift;

    cmp_ok $most, '<', BOUND, "$what: the worker's memory is bounded";
    diag sprintf '%s: %d MB', $what, $most / MB if $ENV{ONAIR_VERBOSE};
    $most = 0;
}


refused($server, 'a message of 16 MB, announced', sub {
    $_[0]->raw(first(6, 16 * MB - 1, 128));
    look();
});
bounded('announced');

refused($server, 'a message of 16 MB, sent', sub {
    $_[0]->set_chunk_size(65536);
    $_[0]->message(9, 0, 'x' x (16 * MB - 1), msid => 1);
    look();
});
bounded('sent');

refused($server, 'chunks of 10 MB on 32 chunk streams, whole messages', sub {
    my $p = shift;

    $p->set_chunk_size(10 * MB);
    for my $csid (streams()) {
        $p->raw(first($csid, 8 * MB, 8 * MB));
        look();
    }
    $p->raw(first(35, 8 * MB + 1, 1));
});
bounded('whole');

for my $size (64 * 1024, MB, 4 * MB) {
    refused($server, "chunks of $size on 32 chunk streams, unfinished", sub {
        my $p = shift;

        $p->set_chunk_size($size);
        for my $csid (streams()) {
            $p->raw(first($csid, 8 * MB, $size));
            look();
        }
        for (1 .. 7 * MB / $size) {
            $p->raw(pack('C', 0xc0 | $_) . 'x' x $size) for streams();
            look();
            last if $p->{gone};
        }
    });
    bounded("unfinished $size");
}

# a chunk size that changes again and again, with messages half way
my $p = Onair::RTMP->new($server->rtmp_port);
$p->handshake;
$p->raw(first(6, 8 * MB, 128));
for my $n (1 .. 200) {
    $p->set_chunk_size(10 * MB - $n);
    $p->message(3, 0, pack 'N', 1);
    look();
}
$p->close;
bounded('changing');

# several at once: each its own share, and nobody else is held up
my @many = map { my $q = Onair::RTMP->new($server->rtmp_port);
                 $q->handshake; $q->set_chunk_size(10 * MB); $q } 1 .. 8;
$_->raw(first(6, 8 * MB, 4 * MB)) for @many;
look();
my $media = Onair::FLV::make(seconds => 2);
my $publisher = Onair::RTMP->publish($server->rtmp_port, 'chan');
$publisher->send_flv($media);
ok(Onair::Viewer->new($server, 'chan')->wait_live('video', 'audio'),
   'another publisher is on the air');
cmp_ok $most, '<', 8 * 10 * MB * 1.5, 'eight with 4 MB each';

# a frame that the packager must not hold
$server->stop;
$server = Onair::Server->start(workers => 1,
                               rtmp_app => 'ingest_max_pending 1m;');
my ($header) = grep { !Onair::FLV::is_frame($_) && $_->{type} == 9 } @$media;
$p = Onair::RTMP->publish($server->rtmp_port, 'large', chunk_size => 65536);
$p->send_flv([$header]);
$p->video(0, "\x17\1\0\0\0" . pack('N', 4 * MB) . "\x65"
    . 'x' x (4 * MB - 1));
my $status = $p->wait_status;
like $status->{description}, qr/ingest_max_pending/, 'refused, and told why';
ok $p->wait_closed, 'and closed';

done_testing;
