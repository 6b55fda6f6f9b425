#!/usr/bin/perl

# What a publisher says of its stream is told, and how each second was.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP;
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 2);
my $media = Onair::FLV::make(seconds => 4);


sub channel
{
    my $status = decode_json($server->get('/status.json')->{body});

    return (grep { $_->{channel} eq $_[0] } @{ $status->{channels} })[0];
}


sub health
{
    my $answer = $server->get("/status.json?channel=$_[0]&health=1");

    return $answer->{status} == 200 ? decode_json($answer->{body})
                                    : $answer->{status};
}


my $p = Onair::RTMP->publish($server->rtmp_port, 'chan');
$p->metadata(0, width => 320, height => 180, framerate => 29.97,
    stereo => \1, videocodecid => 'avc1', negative => -1.5,
    encoder => "caf\xc3\xa9 \"x\" \xff\n", 'x' x 33 => 1, width => 7,
    nested => [ deep => 1 ], map { ("more$_" => 'y' x 300) } 1 .. 40);
$p->send_flv([grep { $_->{type} != 18 } @$media]);

my $metadata = wait_for { my $c = channel('chan');
                          $c && %{ $c->{metadata} } && $c->{metadata} };
is $metadata->{width}, 320, 'a number; the first one of its name';
is $metadata->{framerate}, 29.97, 'a number with a fraction';
is $metadata->{negative}, -1.5, 'a negative number';
ok $metadata->{stereo}, 'a boolean';
is $metadata->{videocodecid}, 'avc1', 'text';
is $metadata->{encoder}, "caf\x{e9} \"x\" \x{fffd}\n", 'is valid UTF-8';
ok !exists $metadata->{nested}, 'only scalars';
ok !exists $metadata->{'x' x 33}, 'no long names';
is length $metadata->{more1}, 96, 'text is cut';
cmp_ok scalar keys %$metadata, '<=', 32, 'and there are no more than 32';

# each worker tells the same
is_deeply channel('chan')->{metadata}, $metadata, 'again' for 1 .. 4;

# The seconds are of the server's clock, so this takes some.  Which second a
# keyframe falls into is left to it: all of them are two seconds apart.
for my $n (1 .. 2) {
    $p->send_flv([grep { Onair::FLV::is_frame($_)
                         && $_->{timestamp} < 2000 } @$media],
                 offset => $n * 2000 + 2000, pause => 0.012);
}

my $h = wait_for { my $h = health('chan');
                   ref $h && $h->{seconds} >= 3 ? $h : undef };
ok $h, 'there is a record';
is scalar @{ $h->{$_} }, $h->{seconds}, "$_: a value for each second"
    for qw(video_bitrate audio_bitrate video_frames audio_frames
           keyframe_interval_ms timestamp_jumps dropped_frames late_frames);
like $h->{begin}, qr/^20\d\d-.*Z$/, 'it says when it begins';
is $h->{session}, channel('chan')->{session}, 'and of which session it is';


sub sum { my $sum = 0; $sum += $_ for @{ $_[0] }; return $sum }

cmp_ok sum($h->{video_frames}), '>', 60, 'frames are counted';
cmp_ok sum($h->{audio_frames}), '>', 60, 'of the audio, too';
cmp_ok sum($h->{video_bitrate}), '>', 100_000, 'bits are';
is_deeply [grep { $_ } @{ $h->{keyframe_interval_ms} }],
          [(2000) x grep { $_ } @{ $h->{keyframe_interval_ms} }],
          'keyframes are two seconds apart';
ok((grep { $_ } @{ $h->{keyframe_interval_ms} }), 'which some second tells');

is health('nobody'), 404, 'no such channel: 404';
is health('%22'), 404, 'nor one with a strange name';

my $small = $server->get('/status.json?channel=chan');
is $small->{status}, 200, 'without health: the usual answer';
ok decode_json($small->{body})->{zone}, 'all of it';

$p->close;
done_testing;
