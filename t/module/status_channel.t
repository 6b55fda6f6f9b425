#!/usr/bin/perl

# The status tells a channel from its publisher's start to its end, the same
# from every worker.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP;
use Test::More;

use Onair::FLV;
use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 2,
                                  rtmp_app => 'ingest_grace 1s;');


sub status
{
    return decode_json($server->get('/status.json')->{body});
}


sub channel
{
    my $name = shift;

    return (grep { $_->{channel} eq $name } @{ status()->{channels} })[0];
}


# What may differ between two answers of one moment.
sub steady
{
    my $text = shift;

    $text =~ s/"(?:time|uptime|state_for)":[^,]*,//g;

    return $text;
}


my $empty = status();

is_deeply $empty->{channels}, [], 'no channel at first';
is $empty->{viewers}, 0, 'no viewer';
is $empty->{waiting_requests}, 0, 'nobody waits';
cmp_ok $empty->{zone}{bytes}, '<=', 64 << 20, 'the zone is as configured';
cmp_ok $empty->{zone}{bytes}, '>', 60 << 20, 'but for a little';
is $empty->{zone}{pages_used}, 0, 'and empty';
like $empty->{time}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    'the time is RFC 3339';

my $messages = Onair::FLV::make(seconds => 8, rate => 30, gop => 30);
my $publisher = Onair::RTMP->publish($server->rtmp_port, 'chan');

$publisher->send_flv($messages);

# until the last of its keyframes, one a second, is in a part
my $live = wait_for {
    my $c = channel('chan');
    $c && (grep { $_->{edge} && $_->{edge}{msn} >= 3
                  && ($_->{kind} eq 'audio' || $_->{keyframes} == 8) }
                @{$c->{renditions}})
        == 2 ? $c : undef;
};

ok $live, 'the channel appears with both renditions' or BAIL_OUT('no channel');
is $live->{state}, 'on_air', 'on air';
like $live->{session}, qr/^[a-z2-7]{13}$/, 'with a session id';
is $live->{publishers}, 1, 'and one publisher';
is $live->{grace}, 1, 'its grace is the configured one';
is $live->{playlist}, 'chan/index.m3u8', 'its playlist is named';
is_deeply $live->{warnings}, [], 'no warning for a good stream';

my ($video) = grep { $_->{kind} eq 'video' } @{$live->{renditions}};
my ($audio) = grep { $_->{kind} eq 'audio' } @{$live->{renditions}};

is "$video->{width}x$video->{height}", '320x180', 'the size of the picture';
is $video->{frame_rate}, 30, 'its rate';
like $video->{codecs}, qr/^avc1\.[0-9a-f]{6}$/i, 'its codec';
is $video->{keyframe_interval}, 1, 'the interval of its keyframes';
cmp_ok $video->{frames}, '>', 200, 'its frames are counted';
cmp_ok $video->{keyframes}, '>=', 7, 'its keyframes too';
is $video->{dropped_frames}, 0, 'none is missing';
is $video->{timestamp_jumps}, 0, 'no timestamp jumped';
cmp_ok $video->{bandwidth}, '>=', $video->{average_bandwidth},
    'the peak is at least the average';
cmp_ok $video->{average_bandwidth}, '>', 10_000, 'which is plausible';
is $video->{playlist},
    "chan/$live->{session}/$video->{name}/index.m3u8", 'its playlist';
is $audio->{codecs}, 'mp4a.40.2', 'the codec of the sound';
is $audio->{sample_rate}, 48000, 'its rate';
is $audio->{channels}, 2, 'its channels';
cmp_ok status()->{zone}{pages_used}, '>', 0, 'media takes room in the zone';

# without new media, all that is told stays; what was sent must be taken, and a
# moving average must settle
my @answers;

wait_for {
    my %answers = map { steady($server->get('/status.json')->{body}) => 1 }
        1 .. 24;
    @answers = keys %answers;
    @answers == 1;
};

is scalar @answers, 1, 'every worker gives one answer'
    or diag map { "$_\n" } @answers;

$publisher->close;

ok wait_for { (channel('chan')->{state} // '') ne 'on_air' },
    'the publisher is missed';
ok wait_for { (channel('chan')->{state} // '') eq 'ended' },
    'without it the session ends';

done_testing();
