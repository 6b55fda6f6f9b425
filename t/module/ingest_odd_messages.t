#!/usr/bin/perl

# Messages that no encoder sends: floods of them, absurd values, commands in
# numbers.  The session ends or goes on; the worker and the others do.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::AMF qw(encode);
use Onair::FLV;
use Onair::Hostile;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = hostile_server();
my $media = Onair::FLV::make(seconds => 8);
my $viewer = Onair::Viewer->new($server, 'good');
my $good = Onair::RTMP->publish($server->rtmp_port, 'good');
my $at = 0;


# One more piece of the broadcast that has to go on beside all this.
sub go_on
{
    $good->send_flv([grep { $_->{timestamp} >= $at
                            && $_->{timestamp} < $at + 500 } @$media]);
    $at += 500;
}


sub flood
{
    my ($what, $code, $connected) = @_;
    my @before = $server->worker_pids;
    my $p = Onair::RTMP->new($server->rtmp_port);

    $p->handshake;
    $p->connect unless $connected;
    $code->($p);
    go_on();
    $p->close;
    Onair::Hostile::survived($server, $what, @before);
}


flood('unknown types', sub {
    my $p = shift;
    for my $n (1 .. 20) {
        $p->message($_, 0, 'x' x 200, csid => 7) for 7, 10 .. 14, 21, 23 .. 255;
    }
});

flood('no type at all', sub { $_[0]->message(0, 0, '') for 1 .. 1000 });

flood('control messages too short', sub {
    my $p = shift;
    for my $type (1 .. 6) {
        $p->message($type, 0, 'x' x $_, csid => 2) for 0 .. 3;
    }
});

flood('user control', sub {
    my $p = shift;
    for my $event (0 .. 40, 0xffff) {
        for my $size (0, 4, 8, 100) {
            $p->message(4, 0, pack('n', $event) . "\xff" x $size, csid => 2);
        }
    }
    $p->message(4, 0, pack('nN', 6, $_), csid => 2) for 1 .. 2000;
});

flood('windows and acknowledgements', sub {
    my $p = shift;
    for my $value (0, 1, 0x7fffffff, 0x80000000, 0xffffffff) {
        $p->message(3, 0, pack('N', $value), csid => 2);
        $p->message(5, 0, pack('N', $value), csid => 2);
        $p->message(6, 0, pack('NC', $value, $_), csid => 2) for 0 .. 3, 255;
        $p->message(2, 0, pack('N', $value), csid => 2);
    }
    $p->create_stream;
});

# a window of one byte: an acknowledgement for each message, not read
flood('acknowledge everything', sub {
    my $p = shift;
    $p->message(5, 0, pack('N', 1), csid => 2);
    $p->message(8, 0, 'x', msid => 1) for 1 .. 3000;
});

flood('shared objects', sub {
    my $p = shift;
    for my $type (19, 16) {
        $p->message($type, 0, $_) for '', "\0", "\0\5na", "\0\4name" . "\0" x 8,
            ("\0\4name" . pack('NNNC N', 1, 0, 0, 1, 0xffffffff)) x 50;
    }
});

refused($server, '10,000 createStream', sub {
    my $p = shift;
    $p->connect;
    $p->command('createStream', undef) for 1 .. 10_000;
});

refused($server, 'unknown commands', sub {
    my $p = shift;
    $p->connect;
    $p->command("command$_", undef, 'x' x 100) for 1 .. 2000;
});

flood('connect again and again', sub {
    my $p = shift;
    $p->connect for 1 .. 50;
});

flood('close and delete what is not', sub {
    my $p = shift;
    for my $stream (0, 1, -1, 1e300, 4294967295) {
        $p->command($_, undef, $stream)
            for qw(deleteStream closeStream FCUnpublish releaseStream);
    }
});

flood('message stream ids', sub {
    my $p = shift;
    $p->message(9, 0, "\x17\0\0\0\0\1", msid => $_ * 77777) for 1 .. 500;
});

refused($server, 'a chunk stream beyond 32', sub {
    $_[0]->raw("\x3f" . "\0\0\0" . "\0\0\4\x08\1\0\0\0" . 'xxxx');
});

for my $csid (pack('CC', 0, 200), pack('Cv', 1, 65000)) {
    refused($server, 'a chunk stream number in ' . length($csid) . ' bytes',
            sub { $_[0]->raw($csid . "\0\0\0\0\0\4\x08\1\0\0\0xxxx") });
}

refused($server, 'many names on one connection', sub {
    my $p = shift;
    $p->connect;
    $p->create_stream;
    $p->command('publish', undef, "name$_", 'live') for 1 .. 100;
});

my @before = $server->worker_pids;
my $p = Onair::RTMP->publish($server->rtmp_port, 'n0');
for my $n (1 .. 20) {
    $p->unpublish("n$n");
    $p->publish_name("n$n");
}
$p->close;
Onair::Hostile::survived($server, 'one name after the other', @before);

go_on() while $at < 8000;
ok $viewer->wait_seconds('video', 7), 'the good publisher was not disturbed';

my @lines = split /\n/, $server->error_log;
diag scalar(@lines) . ' lines' if $ENV{ONAIR_VERBOSE};
cmp_ok scalar @lines, '<', 2500, 'the log is not full of it';

done_testing;
