#!/usr/bin/perl

# Multitrack messages play where they hold one track, whatever its number,
# and are refused in clear words where there are several.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Enhanced;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my %wrap = (
    'one track'            => Onair::Enhanced::tracks(0, 0),
    'one track of number 3' => Onair::Enhanced::tracks(0, 3),
    'many tracks, but one' => Onair::Enhanced::tracks(1, 0),
    'many codecs, but one' => Onair::Enhanced::tracks(2, 7),
    'with modifiers'       => \&Onair::Enhanced::modified,
);

for my $name (sort keys %wrap) {
    my $channel = $name =~ s/\W+/_/gr;
    my $source = Onair::Enhanced->make(video => 'hevc', audio => 'opus',
                                       seconds => 2, wrap => $wrap{$name});
    my $viewer = Onair::Viewer->of($server, $channel, $source->{messages});

    is_deeply(Onair::Enhanced::pictures($viewer->files('video')),
              Onair::Enhanced::pictures($source->{video}{file}),
              "$name: the same pictures");
    is $viewer->decode('audio')->[0]{errors}, '', "$name: and sound";
}


# What the publisher is told, when these are sent.
sub refusal
{
    my ($channel, @messages) = @_;
    my $p = Onair::RTMP->publish($server->rtmp_port, $channel);

    $p->send_flv(\@messages);

    my $status = $p->wait_status // {};

    is $status->{code}, 'NetStream.Publish.Failed', "$channel: refused";
    ok $p->wait_closed, "$channel: and closed";

    return $status->{description};
}


my %several = (
    many   => Onair::Enhanced::tracks(1, 0, 1),
    codecs => Onair::Enhanced::tracks(2, 0, 1),
);

for my $name (sort keys %several) {
    my %source = map { $_->[0] => Onair::Enhanced->make(@$_, seconds => 1,
        wrap => $several{$name}) } [ video => 'avc' ], [ audio => 'aac' ];

    like refusal("${name}_video", @{ $source{video}{messages} }),
        qr/several video tracks are not supported/, "$name: video";
    like refusal("${name}_audio", @{ $source{audio}{messages} }),
        qr/several audio tracks are not supported/, "$name: audio";
}

# as OBS sends them: the first plain, the others in messages of their own
my $first = Onair::Enhanced->make(video => 'avc', seconds => 1);
my $second = Onair::Enhanced->make(video => 'avc', seconds => 1,
                                   wrap => Onair::Enhanced::tracks(0, 1));

like refusal('obs', $first->{messages}[0], $second->{messages}[0]),
    qr/several video tracks.*switch multitrack video off/, 'a second track';

done_testing;
