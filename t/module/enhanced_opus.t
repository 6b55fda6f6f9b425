#!/usr/bin/perl

# Opus over enhanced RTMP: every packet comes out as it went in, in parts of
# whole packets, whatever their length.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Enhanced;
use Onair::LLHLS::Media;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(workers => 1);


# The packets of a rendition, with their durations.
sub packets
{
    my @packets;

    for my $file (@_) {
        my $bytes = Onair::FLV::slurp($file);
        my $init = Onair::LLHLS::Media::init($bytes);
        my @boxes = grep { $_->[0] =~ /^(?:moof|mdat)$/ }
                    Onair::LLHLS::Media::boxes($bytes);

        while (my ($moof, $mdat) = splice @boxes, 0, 2) {
            my $f = Onair::LLHLS::Media::fragment($moof, $mdat, $init);
            my $at = 0;

            for (@{ $f->{samples} }) {
                push @packets, { ticks => $_->{duration},
                    bytes => substr $mdat->[1], $at, $_->{size} };
                $at += $_->{size};
            }
        }
    }

    return @packets;
}


sub plays
{
    my ($name, $ticks, %args) = @_;
    my $source = Onair::Enhanced->make(audio => 'opus', %args);
    my $channel = lc $name =~ s/\W+/_/gr;
    my $viewer = Onair::Viewer->of($server, $channel, $source->{messages});
    my @packets = packets($viewer->files('audio'));
    my $decoded = $viewer->decode('audio')->[0];
    my @sent = map { $_->{bytes} } @{ $source->{audio}{samples} };

    # the audio begins with the video, or a packet later
    splice @sent, 0, @sent - @packets if $args{video} && @sent - @packets < 9;

    ok @packets && @packets == @sent, "$name: every packet";
    ok !(grep { $packets[$_]{bytes} ne $sent[$_] } 0 .. $#packets),
        "$name: as it was";
    is_deeply [ grep { $_ != $ticks } map { $_->{ticks} } @packets ], [],
        "$name: each of $ticks samples";
    is $decoded->{errors}, '', "$name: no error";
    is $decoded->{sample_rate}, 48000, "$name: 48 kHz";
    is $decoded->{channels}, $args{channels} // 2, "$name: the channels";
    like $viewer->multivariant, qr/CODECS="(?:[\w.]+,)?opus"/, "$name: CODECS";

    return $viewer;
}


my $viewer = plays('alone', 960);
my $list = $viewer->playlist('audio');
my $init = $viewer->fetch($list->{segments}[0]{map});
my ($elst) = Onair::LLHLS::Media::find($init, 'moov/trak/edts/elst');
my ($stsd) = Onair::LLHLS::Media::find($init, 'moov/trak/mdia/minf/stbl/stsd');
my ($entry) = Onair::LLHLS::Media::boxes(substr $stsd, 8);
my ($dops) = Onair::LLHLS::Media::find(substr($entry->[1], 28), 'dOps');

is $entry->[0], 'Opus', 'the sample entry';
is unpack('H*', $dops), '0002013800' . '00bb80' . '000000', 'dOps';
is unpack('x12N', $elst), 312, 'what the decoder throws away is skipped';

plays('with video', 960, video => 'avc');
plays('2.5 ms', 120, audio_options => [qw(-frame_duration 2.5
    -application lowdelay)]);
plays('60 ms', 2880, audio_options => [qw(-frame_duration 60)]);
plays('mono', 960, channels => 1);
plays('surround', 960, channels => 6,
      audio_options => [qw(-mapping_family 1 -b:a 256k)]);

# packets that change their length: parts stay whole packets
my %other = map { $_ => Onair::Enhanced->make(audio => 'opus', seconds => 2,
    audio_options => ['-frame_duration', $_]) } 10, 20, 40;
my @messages = @{ $other{20}{messages} };
my $end = $messages[-1]{timestamp} + 20;

for my $ms (40, 20) {
    my @more = grep { !$_->{config} } @{ $other{$ms}{messages} };
    pop @more if @more * $ms > 2000;

    # where the one before ends: a step is something that would be corrected
    push @messages, @{ Onair::FLV::shifted(\@more,
                                           $end - $more[0]{timestamp}) };
    $end = $messages[-1]{timestamp} + $ms;
}

$viewer = Onair::Viewer->of($server, 'changes', \@messages);

my %lengths;
$lengths{$_->{ticks}}++ for packets($viewer->files('audio'));

is_deeply [ sort { $a <=> $b } keys %lengths ], [ 960, 1920 ],
    'packets of two lengths, each with its own';
is $viewer->playlist('audio')->{discontinuities}, 0, 'without an interruption';

# one that is longer than a part may be: only a new session has longer parts
my $short = Onair::Server->start(workers => 1,
                                 rtmp_app => 'ingest_part_target 50ms; ingest_window 30s;');
my $long = Onair::Enhanced->make(audio => 'opus', seconds => 2,
                                 audio_options => [qw(-frame_duration 60)]);

@messages = (@{ $other{10}{messages} }, @{ Onair::FLV::shifted(
    [ grep { !$_->{config} } @{ $long->{messages} } ], 2000) });
$viewer = Onair::Viewer->of($short, 'long', \@messages);

is_deeply [ grep { $_->{ticks} != 2880 } packets($viewer->files('audio')) ],
    [], 'packets of 60 ms in parts of 60 ms';
like $short->error_log, qr/packets are longer than parts: a new session/,
    'the log says why';

done_testing;
