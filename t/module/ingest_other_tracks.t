#!/usr/bin/perl

# Tracks that no longer fit the session: it ends, and another one begins,
# when the publisher returns and in mid-stream.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 2, rtmp_app => 'ingest_grace 1m;');
my $first = Onair::FLV::make(seconds => 4, audio_rate => 48000);
my $second = Onair::FLV::make(seconds => 4, audio_rate => 44100,
                              options => ['-ar', 44100]);


# Publishes the second on the channel of the first; $again: from a new
# connection.
sub change
{
    my ($name, $again) = @_;
    my $viewer = Onair::Viewer->new($server, $name);

    my $p = Onair::RTMP->publish($server->rtmp_port, $name);
    $p->send_flv($first);
    ok $viewer->wait_seconds('video', 3.5), "$name: it is on the air";

    my $old = $viewer->session;
    my $last = $viewer->playlist('video')->{segments}[-1]{msn};
    my $waiting = $server->get_start(
        "/live/$name/$old/video/index.m3u8?_HLS_msn=" . ($last + 1));

    if ($again) {
        $p->close;
        wait_for {
            $p = Onair::RTMP->publish($server->rtmp_port, $name);
            $p->accepted;
        } or die 'not accepted';
    }

    $p->send_flv($second, offset => 4000);

    ok wait_for { ($viewer->session // $old) ne $old },
        "$name: another session";
    ok $viewer->wait_seconds('video', 3), "$name: with the new media";

    my $answer = $server->get_finish($waiting);
    is $answer->{status}, 200, "$name: who waited in the old one is answered";
    like $answer->{body}, qr/^#EXT-X-ENDLIST/m, "$name: with its end";

    my ($sound) = @{ $viewer->decode('audio') };
    is $sound->{sample_rate}, 44100, "$name: the new rate";
    is $sound->{errors}, '', "$name: decoded";
    ok !$p->{gone}, "$name: the publisher stays";
}


change('returns', 1);
change('goes-on', 0);

like $server->error_log,
    qr/channel "goes-on" session \w+ started, \w+ ended: other tracks/,
    'the log tells both sessions';

done_testing;
