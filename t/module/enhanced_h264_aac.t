#!/usr/bin/perl

# H.264 and AAC in the messages of enhanced RTMP are what they are in plain
# ones; and a codec that changes begins a new session.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Enhanced;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);

for my $composed (1, 0) {
    my $source = Onair::Enhanced->make(video => 'avc', audio => 'aac',
        composed => $composed, $composed ? () : (options => ['-bf', 0]));
    my $viewer = Onair::Viewer->of($server, "plain_$composed",
                                   $source->{messages});

    is_deeply(Onair::Enhanced::pictures($viewer->files('video')),
              Onair::Enhanced::pictures($source->{video}{file}),
              'the same pictures');
    is $viewer->decode('audio')->[0]{errors}, '', 'the same sound';
    like $viewer->multivariant, qr/CODECS="avc1\.\w{6},mp4a\.40\.2"/,
        'CODECS';
}

# to HEVC in mid-stream
my %source = map { $_ => Onair::Enhanced->make(video => $_, audio => 'aac',
                                               seconds => 2) } qw(avc hevc);
my @more = grep { $_->{type} == 9 || !$_->{config} }
           @{ $source{hevc}{messages} };
my $viewer = Onair::Viewer->of($server, 'changes', [
    @{ $source{avc}{messages} },
    @{ Onair::FLV::shifted(\@more, 2000) } ]);

like $viewer->multivariant, qr/CODECS="hvc1/, 'the new codec';
is_deeply(Onair::Enhanced::pictures($viewer->files('video')),
          Onair::Enhanced::pictures($source{hevc}{video}{file}),
          'has a session of its own');
like $server->error_log, qr/the video codec changed: a new session/,
    'the log says why';

# and by a publisher that returns
$viewer = Onair::Viewer->of($server, 'returns', $source{avc}{messages});

my $session = $viewer->session;

$viewer = Onair::Viewer->of($server, 'returns', $source{hevc}{messages});
isnt $viewer->session, $session, 'a return with another codec, too';
is_deeply(Onair::Enhanced::pictures($viewer->files('video')),
          Onair::Enhanced::pictures($source{hevc}{video}{file}),
          'which plays');

done_testing;
