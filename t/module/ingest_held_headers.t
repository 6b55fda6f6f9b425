#!/usr/bin/perl

# What a decoder needs, sent while on_publish is still being asked, is kept
# for the publisher that is then admitted; its frames are not.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use IO::Select;
use IO::Socket::INET;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $judge = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $!";
my $url = 'http://127.0.0.1:' . $judge->sockport . '/';
my $server = Onair::Server->start(workers => 1,
                                  rtmp_app => "on_publish $url;");
my $media = Onair::FLV::make(seconds => 3);
my @frames = grep { Onair::FLV::is_frame($_) } @$media;
my @headers = grep { !Onair::FLV::is_frame($_) } @$media;


# A publisher that has said "publish", and the question that is asked of it.
sub ask
{
    my $name = shift;
    my $p = Onair::RTMP->new($server->rtmp_port);

    $p->handshake;
    $p->connect;
    $p->create_stream;
    $p->command('publish', undef, Onair::AMF::string($name), 'live');
    IO::Select->new($judge)->can_read(20) or die 'nobody asks';
    my $question = $judge->accept;
    sysread $question, my $request, 65536;

    return ($p, $question);
}


sub admit
{
    my ($p, $question) = @_;

    $p->create_stream;         # its answer: what came before it is read
    print $question "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
        . "Connection: close\r\n\r\n";
    close $question;

    return $p->wait_status->{code};
}


# the headers before the answer, the frames behind it, at other timestamps
my ($p, $question) = ask('once');
$p->send_flv(\@headers);
$p->send_flv([@frames[0 .. 20]]);
is admit($p, $question), 'NetStream.Publish.Start', 'it is admitted';
$p->send_flv(\@frames, offset => 3_600_000);
my $viewer = Onair::Viewer->new($server, 'once');
ok $viewer->wait_live('audio', 'video'), 'headers that came early are used';
ok $viewer->wait_seconds('video', 2.5), 'all behind the answer is shown';
cmp_ok $viewer->playlist('video')->{seconds}, '<', 3.5, 'and nothing else';
$p->close;

# the last of many counts; what is no header, or too long for one, is not kept
($p, $question) = ask('many');
for my $n (1 .. 200) {
    $p->video(0, "\x17\0\0\0\0\1" . "\0" x (15_900 + $n));
    $p->audio(0, "\xaf\0" . "\0" x (16_000 + $n));
    $p->metadata(0, encoder => 'x' x 8000, n => $n);
}
$p->video(0, "\x17\0\0\0\0" . 'x' x 100_000);
$p->send_flv(\@headers);
is admit($p, $question), 'NetStream.Publish.Start', 'many: it is admitted';
$p->send_flv(\@frames);
$viewer = Onair::Viewer->new($server, 'many');
ok $viewer->wait_live('audio', 'video'), 'many: the last headers are used';
$p->close;

# a session that leaves while it waits
($p, $question) = ask('gone');
$p->send_flv(\@headers);
$p->close;
close $question;

# headers of a broadcast that was ended are not the next one's
($p, $question) = ask('twice');
$p->send_flv(\@headers);
$p->command('deleteStream', undef, 1);
$p->command('publish', undef, Onair::AMF::string('twice'), 'live');
IO::Select->new($judge)->can_read(20) or die 'nobody asks';
my $again = $judge->accept;
sysread $again, my $request, 65536;
admit($p, $again);
$p->send_flv(\@frames);
ok !$p->wait_closed(0.3), 'twice: the second one is admitted';
is_deeply [Onair::Viewer->new($server, 'twice')->renditions], [],
    'twice: without headers of its own it is not shown';

done_testing;
