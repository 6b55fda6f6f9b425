#!/usr/bin/perl

# What a publisher sends while it is being asked reaches no module: nothing is
# recorded, executed, or shown; what decoders need is kept for later.

use strict;
use warnings;

use lib 't/lib';
use Test::More;


use Onair::Accounts::Judge;
use Onair::AMF;
use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $judge = Onair::Accounts::Judge->new;
my $server = Onair::Server->start(workers => 1,
    rtmp_app => 'publish_auth ' . $judge->url . ';
        publish_auth_timeout 20s;
        record all; record_path %dir%/tmp; record_unique on;
        exec_publish touch %dir%/tmp/executed;');
my $media = Onair::FLV::make(seconds => 3, gop => 30);


# A publisher that sends before it is answered; the question, to be answered.
sub ask
{
    my $name = shift;
    my $p = Onair::RTMP->new($server->rtmp_port);

    $p->handshake;
    $p->connect;
    $p->create_stream;
    $p->command('publish', undef, Onair::AMF::string($name), 'live');

    my $question = $judge->question;

    $p->metadata(0, width => 320, height => 180);
    $p->send_flv($media);
    ok !$p->wait_closed(0.5), "$name: it has sent everything";

    return ($p, $question);
}


sub files { return grep { -f } glob $server->dir . '/tmp/*' }


my ($p, $question) = ask('bad');
is_deeply [Onair::Viewer->new($server, 'bad')->renditions], [],
    'bad: nothing is shown';
$judge->answer($question, '403 Forbidden');
is $p->wait_status->{code}, 'NetStream.Publish.BadName', 'bad: it is told';
ok $p->wait_closed, 'bad: it is disconnected';
is_deeply [files()], [], 'bad: nothing was recorded or executed';

($p, $question) = ask('good');
is_deeply [files()], [], 'good: nothing before the answer';
$judge->answer($question, '200 OK');
is $p->wait_status->{code}, 'NetStream.Publish.Start', 'good: it is accepted';

# headers came before the answer; frames alone make a stream now
$p->send_flv([grep { length $_->{body} > 100 } @$media], offset => 10_000);
my $viewer = Onair::Viewer->new($server, 'good');
ok $viewer->wait_live('video'), 'good: and is shown';
cmp_ok $viewer->playlist('video')->{seconds}, '<', 3.5,
    'good: what came afterwards';
ok wait_for { files() >= 2 }, 'good: and is recorded and executed';

done_testing;
