#!/usr/bin/perl

# onMetaData of enhanced RTMP says codecs as fourCC numbers: the tracks that
# it promises are waited for, and no others.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::AMF;
use Onair::Enhanced;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);
my $source = Onair::Enhanced->make(video => 'av1', audio => 'opus');
my @video = grep { $_->{type} == 9 } @{ $source->{messages} };
my @audio = grep { $_->{type} == 8 } @{ $source->{messages} };


sub number { return unpack 'N', $_[0] }


sub metadata
{
    return { type => 18, timestamp => 0, body => Onair::AMF::encode(
        '@setDataFrame', 'onMetaData', Onair::AMF::ecma([ @_,
        encoder => Onair::AMF::string('obs-output module') ])) };
}


# Opus that comes two seconds late, promised
my ($config, @packets) = @audio;
my @late = sort { $a->{timestamp} <=> $b->{timestamp} }
    { %$config, timestamp => 2000 }, @video,
    grep { $_->{timestamp} > 2000 } @packets;
my $viewer = Onair::Viewer->of($server, 'late', [
    metadata(videocodecid => number('av01'), audiocodecid => number('Opus')),
    @late ]);

is_deeply [ $viewer->renditions ], [qw(audio video)], 'both tracks';
unlike $server->error_log, qr/channel "late".*new session/,
    'the one that was promised was waited for';

# a track that was not promised is not waited for: half a second is enough
$viewer = Onair::Viewer->of($server, 'alone', [
    metadata(videocodecid => number('av01'), framerate => 30),
    @video[0 .. 15] ]);
is_deeply [ $viewer->renditions ], ['video'], 'video is there at once';

$viewer = Onair::Viewer->of($server, 'sound', [
    metadata(audiocodecid => number('Opus')), @audio[0 .. 24] ]);
is_deeply [ $viewer->renditions ], ['audio'], 'so is audio';

done_testing;
