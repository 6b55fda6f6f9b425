#!/usr/bin/perl

# What a publisher sends while on_publish is being asked is not shown.

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


# A publisher that sends before it is answered; the question, to be answered.
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

    $p->send_flv($media);
    ok !$p->wait_closed(0.5), "$name: it has sent everything";

    return ($p, $question);
}


sub answer
{
    my ($question, $status) = @_;

    print $question "HTTP/1.1 $status\r\nContent-Length: 0\r\n"
        . "Connection: close\r\n\r\n";
    close $question;
}


my ($p, $question) = ask('bad');
my $viewer = Onair::Viewer->new($server, 'bad');
is_deeply [$viewer->renditions], [], 'bad: nothing is shown';
answer($question, '403 Forbidden');
ok $p->wait_closed, 'bad: it is refused';
is_deeply [$viewer->renditions], [], 'bad: and nothing was shown';

($p, $question) = ask('good');
$viewer = Onair::Viewer->new($server, 'good');
is_deeply [$viewer->renditions], [], 'good: nothing is shown before';
answer($question, '200 OK');
is $p->wait_status->{code}, 'NetStream.Publish.Start', 'good: it is accepted';
$p->send_flv($media, offset => 10_000);
ok $viewer->wait_live('audio', 'video'), 'good: and is shown';
cmp_ok $viewer->playlist('video')->{seconds}, '<', 3.5,
    'good: what came afterwards';

done_testing;
