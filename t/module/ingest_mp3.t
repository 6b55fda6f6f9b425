#!/usr/bin/perl

# MP3 of a publisher becomes AAC where there is a transcoder: it plays, and in
# time with the picture.

use strict;
use warnings;

use lib 't/lib';
use File::Temp ();
use Test::More;

use Onair::Enhanced;
use Onair::FLV;
use Onair::LLHLS;
use Onair::Publisher;
use Onair::RTMP;
use Onair::Server;
use Onair::Viewer;

my $server = Onair::Server->start(
    workers => 1, main => 'thread_pool mp3 threads=2;',
    # the ladder itself is for other tests
    rtmp_app => 'transcode on; transcode_pool mp3;
                 transcode_rendition listen audio=48k mode=never;');


# A picture that is white for one frame each second, and a click with it.
sub flashes
{
    my ($seconds, $rate, $channels, @options) = @_;
    my $file = File::Temp->new(SUFFIX => '.flv');

    system(qw(ffmpeg -nostdin -v error -y -f lavfi -i),
           'color=black:s=320x180:r=30,'
           . q(drawbox=enable='eq(mod(n,30),0)':color=white:t=fill),
           qw(-f lavfi -i), "aevalsrc=if(lt(mod(n\\,$rate)\\,8)\\,0.9):"
           . "s=$rate:d=$seconds",
           '-t', $seconds, qw(-c:v libx264 -preset ultrafast -bf 0 -g 60),
           qw(-keyint_min 60 -sc_threshold 0 -pix_fmt yuv420p),
           qw(-c:a libmp3lame -b:a 64k -ac), $channels, @options,
           qw(-flvflags no_duration_filesize -f flv), "$file") == 0
        or die 'ffmpeg failed';

    return $file;
}


# When the picture is white, in seconds of media time.
sub flashes_of
{
    my ($file) = @_;
    my $text = `ffmpeg -nostdin -v error -copyts -i $file -vf \\
        signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=- \\
        -f null -`;

    return [ map { $_->[0] } grep { $_->[1] > 128 }
             map { [ /pts_time:([\d.]+)\s.*YAVG=([\d.]+)/s ] }
             split /(?=^frame:)/m, $text ];
}


# When the clicks are loudest.
sub clicks_of
{
    my ($file, $rate) = @_;
    my ($start) = `ffprobe -v error -show_entries packet=pts_time \\
        -read_intervals %+#1 -of csv=p=0 $file` =~ /([\d.]+)/;
    my @samples = unpack 's<*',
        `ffmpeg -nostdin -v error -i $file -ac 1 -f s16le -`;
    my (@clicks, $best);

    for my $at (0 .. $#samples) {
        my $loud = abs $samples[$at];

        if ($best && $at - $best->[0] > $rate / 2) {
            push @clicks, $start + $best->[0] / $rate;
            $best = undef;
        }

        $best = [$at, $loud] if $loud > 6000 && (!$best || $loud > $best->[1]);
    }

    push @clicks, $start + $best->[0] / $rate if $best;

    return \@clicks;
}


sub check_sync
{
    my ($viewer, $name, $rate, $channels) = @_;
    my @files = map { ($viewer->files($_))[0] } qw(video audio);
    my $flashes = flashes_of($files[0]);
    my $clicks = clicks_of($files[1], $rate);
    my ($decoded) = @{ $viewer->decode('audio') };
    my @off;

    is $decoded->{codec_name}, 'aac', "$name: AAC";
    is $decoded->{errors}, '', "$name: which decodes";
    is $decoded->{sample_rate}, $rate, "$name: of $rate Hz";
    is $decoded->{channels}, $channels, "$name: $channels channels";

    for my $click (@$clicks) {
        my ($near) = sort { abs $a <=> abs $b }
                     map { 1000 * ($click - $_) } @$flashes;
        push @off, sprintf '%.2f', $near // 9999;
    }

    cmp_ok scalar(@off), '>=', 4, "$name: clicks are heard";
    is_deeply [ grep { abs $_ > 5 } @off ], [],
        "$name: within 5 ms of the flashes (@off)";
}


# What ffmpeg pushes, followed as a player does.
my $file = flashes(12, 44100, 2);
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('pushed'),
                                         input => "$file");
my $viewer = Onair::Viewer->new($server, 'pushed');

ok $viewer->wait_live('video', 'audio'), 'ffmpeg: both are on the air';

my $result = Onair::LLHLS::check(
    $server->url('/live/pushed/index.m3u8'), 5);

is join("\n", map { Onair::LLHLS::text($_) } @{ $result->{violations} }), '',
    'ffmpeg: its playlists hold to the rules';
like $viewer->multivariant, qr/CODECS="avc1[^"]*,mp4a\.40\.2"/,
    'ffmpeg: and say AAC';
ok $viewer->wait_seconds('audio', 8), 'ffmpeg: it runs on';
$publisher->stop;
check_sync($viewer, 'ffmpeg', 44100, 2);
like $server->error_log,
    qr/\[info\].*"pushed": MP3 of 44100 Hz, made AAC of 44100 Hz, 2 channels/,
    'the log tells what is done';


# Its first seconds, what comes of that, and then all the rest at once.
sub sent
{
    my ($name, $messages, $seconds) = @_;
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);
    my $v = Onair::Viewer->new($server, $name);
    my @later = grep { $_->{timestamp} >= 2000 } @$messages;

    $p->send_flv([ grep { $_->{timestamp} < 2000 } @$messages ]);
    ok $v->wait_live('audio'), "$name: is on the air";
    $p->send_flv(\@later);
    ok $v->wait_seconds('audio', $seconds), "$name: $seconds seconds of it";
    $p->close;

    return $v;
}


my $both;

for my $case ([48000, 1, 48000], [22050, 1, 44100], [11025, 2, 44100]) {
    my ($rate, $channels, $aac) = @$case;
    my $name = "mp3-$rate-$channels";
    my $messages = Onair::FLV::parse(Onair::FLV::slurp(
        flashes(6, $rate, $channels)));

    check_sync(sent($name, $messages, 5.5), $name, $aac, $channels);
    $both = $messages;
}

# Rates that ffmpeg does not put into FLV; 8 kHz has a number of its own there.
# With these bitrates all frames are of one size.
for my $case ([8000, 1, 16, 144, "\xe2"], [24000, 2, 64, 192, "\x2f"],
              [32000, 2, 64, 288, "\x2f"])
{
    my ($rate, $channels, $kbits, $size, $tag) = @$case;
    my $bytes = `ffmpeg -nostdin -v error -f lavfi \\
        -i sine=frequency=440:sample_rate=$rate -t 4 -ac $channels \\
        -c:a libmp3lame -b:a ${kbits}k -write_xing 0 -id3v2_version 0 -f mp3 -`;
    my $ms = ($rate < 32000 ? 576 : 1152) * 1000 / $rate;
    my $n = 0;
    my @messages = map { +{ type => 8, timestamp => int($n++ * $ms + 0.5),
                            body => "$tag$_" } } unpack "(a$size)*", $bytes;
    my $v = sent("audio-$rate", \@messages, 3.5);
    my ($decoded) = @{ $v->decode('audio') };

    is_deeply [$v->renditions], ['audio'], "audio-$rate: alone";
    is $decoded->{errors}, '', "audio-$rate: decodes";
    is "$decoded->{codec_name} $decoded->{sample_rate} $decoded->{channels}",
        "aac 48000 $channels", "audio-$rate: AAC of 48 kHz";
    is $v->playlist('audio')->{discontinuities}, 0, "audio-$rate: no gap";
}

# enhanced RTMP, and several frames in one message
my $audio = Onair::FLV::make(seconds => 4, video => 0, audio => 'libmp3lame',
                             audio_rate => 44100, options => [qw(-ar 44100)]);
my ($meta, @mp3) = grep { Onair::FLV::is_audio($_) || Onair::FLV::is_meta($_) }
                        @$audio;
my @enhanced = map { +{ %$_, body => "\x91.mp3" . substr $_->{body}, 1 } } @mp3;

my $start = { type => 8, timestamp => 0, body => "\x90.mp3" };

$viewer = sent('enhanced', [$meta, $start, @enhanced], 3.7);
is $viewer->decode('audio')->[0]{errors}, '', 'enhanced RTMP: it decodes';

my @packed;

for my $n (0 .. $#mp3 / 3) {
    my ($first, @more) = grep { $_ } @mp3[3 * $n .. 3 * $n + 2];
    push @packed, { %$first, body => join '', $first->{body},
                    map { substr $_->{body}, 1 } @more };
}

my $packed = sent('packed', [$meta, @packed], 3.7);
is $packed->playlist('audio')->{discontinuities}, 0,
    'three frames in a message: no gap';
cmp_ok abs($packed->samples('audio') - $viewer->samples('audio')), '<=',
    2 * 8820, 'three frames in a message: all of them';

# it ends with AAC, and begins with it again
my $aac = Onair::FLV::make(seconds => 4, video => 0, audio_rate => 44100,
                           channels => 1, options => [qw(-ar 44100)]);
my @aac = map { +{ %$_, timestamp => $_->{timestamp} + 4000 } }
          grep { Onair::FLV::is_audio($_) } @$aac;
my @again = map { +{ %$_, timestamp => $_->{timestamp} + 8000 } }
            grep { Onair::FLV::is_audio($_) } @$audio;

my $p = Onair::RTMP->publish($server->rtmp_port, 'both');
$viewer = Onair::Viewer->new($server, 'both');
$p->send_flv($audio);
ok $viewer->wait_seconds('audio', 3.5), 'MP3, then AAC: it begins';
my $session = $viewer->session;
$p->send_flv(\@aac);
ok $viewer->wait_seconds('audio', 7), 'MP3, then AAC: goes on';
$p->send_flv(\@again);
ok $viewer->wait_seconds('audio', 10.5), 'AAC, then MP3: goes on';
$p->close;
is $viewer->session, $session, 'in one session';
is $viewer->playlist('audio')->{discontinuities}, 2, 'with two seams';
is join('', map { $_->{errors} } @{ $viewer->decode('audio') }), '',
    'and decodes';

# AAC whose sequence header did not come is not taken for the MP3
my @lost = grep { Onair::FLV::is_frame($_) } @aac;
my @mixed = map { ($audio->[$_], $lost[$_] // ()) } 0 .. $#$audio;
$viewer = sent('mixed', \@mixed, 3.5);
is $viewer->playlist('audio')->{discontinuities}, 0,
    'AAC without a sequence header: the MP3 plays on';
$server->stop;

# What is made of it is the source of rungs, like any other.
$server = Onair::Server->start(workers => 1,
    main => 'thread_pool mp3 threads=2;',
    rtmp_app => 'transcode on; transcode_pool mp3;
                 transcode_rendition listen audio=48k mode=always;');

$viewer = sent('ladder', $both, 5.5);
ok $viewer->wait_seconds('listen', 3.5), 'a rung of sound';
is $viewer->decode('listen')->[0]{errors}, '', 'it decodes';
$server->stop;

# Without a transcoder there is nobody to decode it.
$server = Onair::Server->start(workers => 1, rtmp_app => 'transcode off;');

for my $body ($mp3[0]{body}, "\x2f", $enhanced[0]{body}, $start->{body},
              "\x93.mp3x")
{
    $p = Onair::RTMP->publish($server->rtmp_port, 'off');
    $p->audio(0, $body);
    like +($p->wait_status // {})->{description},
        qr/^MP3 audio is not supported; set the encoder to AAC(?:: \.mp3)?$/,
        'transcode off: refused';
    ok $p->wait_closed, 'and closed';
}

done_testing;
