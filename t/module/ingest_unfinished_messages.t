#!/usr/bin/perl

# Messages that never end do not fill the memory.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Hostile;
use Onair::RTMP;

my $server = hostile_server();


# The first chunk of a message, of its first 128 bytes.
sub begin
{
    my ($csid, $size) = @_;

    return pack('C', $csid) . "\0\0\0" . substr(pack('N', $size), 1)
        . "\x08\1\0\0\0" . 'x' x 128;
}


sub more
{
    my ($csid, $n) = @_;
    my $chunk = pack('C', 0xc0 | $csid) . 'x' x 128;

    return $chunk x $n;
}


refused($server, 'a message that gets shorter', sub {
    $_[0]->raw(begin(4, 1000) . begin(4, 10) . more(4, 5000));
});

refused($server, 'unfinished messages in many chunk streams', sub {
    my $p = shift;

    for my $csid (3 .. 31) {
        $p->raw(begin($csid, 1024 * 1024)) unless $p->{gone};
        $p->raw(more($csid, 600)) for 1 .. 10;
    }
});

refused($server, 'a message over the limit', sub {
    $_[0]->raw(begin(4, 8 * 1024 * 1024 + 1));
});

my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
my $audio = $p->chunks(8, 0, "\xaf\1" . 'x' x 900_000, msid => 1);
my $video = $p->chunks(9, 0, "\x17\1\0\0\0" . 'x' x 900_000, msid => 1);
$p->raw(substr $audio, 0, 12 + 128);
$p->raw(substr($video, 0, 12 + 128)
    . substr $audio, 12 + 128);
$p->raw(substr $video, 12 + 128);
ok !$p->wait_closed(0.3), 'two large messages may interleave';

like $server->error_log, qr/\[info\].*message length changed half way/,
    'the log says why';
like $server->error_log, qr/\[info\].*too many unfinished messages/,
    'also there';

done_testing;
