package Onair::LLHLS::Follow;

# The test that a publisher's stream keeps every rule of low-latency HLS while
# it is followed in all renditions, and that other players can play it.
# Lasts 60 s; ONAIR_FOLLOW_SECONDS may shorten that.

use strict;
use warnings;

use POSIX ();
use Storable ();
use Test::More;
use Time::HiRes qw(sleep time);

use Onair::LLHLS;
use Onair::Publisher;
use Onair::Server;


sub run {
    my ($program) = @_;

    my $seconds = $ENV{ONAIR_FOLLOW_SECONDS} // 60;
    my $server = Onair::Server->start(workers => 4);
    my $publisher = Onair::Publisher->$program($server->rtmp_url('follow'),
                        size => '1280x720', fps => 30, bframes => 2);
    my $path = '/live/follow/index.m3u8';

    ok(wait_for { $server->get($path)->{status} == 200 },
       "$program is on the air") or return done_testing;

    follow($server->url($path), $seconds);
    play_ffmpeg($server->url($path));
    play_gstreamer($server->url($path));

    ok($publisher->running, "$program was not cut off")
        or diag($publisher->log);
    $publisher->stop;
    $server->stop;
    done_testing;
}


sub follow {
    my ($url, $seconds, %option) = @_;

    my $result = Onair::LLHLS::check($url, $seconds, %option);
    my @renditions = values %{ $result->{renditions} };

    is_deeply([map { Onair::LLHLS::text($_) } @{ $result->{violations} }], [],
              "no rule is broken in $seconds s");
    is(scalar(@renditions), 2, 'video and audio were followed');
    cmp_ok($_->{parts} // 0, '>', $seconds, "many parts of $_->{path}")
        for @renditions;
}


# Follows while something happens to the stream: action is called with the
# server and the publisher after five seconds, and returns the publisher then.
sub through {
    my ($seconds, $action, %option) = @_;

    my $server = Onair::Server->start(workers => 4,
                     rtmp_app => delete $option{rtmp_app} // '');
    my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('follow'));
    my $path = '/live/follow/index.m3u8';

    ok(wait_for { $server->get($path)->{status} == 200 }, 'it is on the air')
        or return;

    my $check = start_check($server->url($path), $seconds, %option);

    sleep 5;
    $publisher = $action->($server, $publisher);

    my $result = Storable::fd_retrieve($check);

    is_deeply([map { Onair::LLHLS::text($_) } @{ $result->{violations} }], [],
              'no rule is broken');

    return ($server, $publisher, $result);
}


# A check in a process of its own: a handle to retrieve its result from.
sub start_check {
    my ($url, $seconds, %option) = @_;

    my $pid = open(my $from, '-|') // die "fork: $!";

    return $from if $pid;

    # whatever happens, no END block of the parent's is for this process
    eval {
        Storable::store_fd(Onair::LLHLS::check($url, $seconds, %option),
                           \*STDOUT);
        close STDOUT;
    };
    POSIX::_exit($@ ? 1 : 0);
}


# Runs a player until it ends or takes too long: its status and output.
sub play {
    my ($timeout, @command) = @_;

    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec 'timeout', $timeout, @command or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> } // '';
    close $out;

    return ($? >> 8, $text);
}


sub play_ffmpeg {
    my ($url) = @_;

    my ($status, $text) = play(60, qw(ffmpeg -hide_banner -nostdin -nostats
        -loglevel warning -i), $url, qw(-map 0:v -map 0:a -t 5 -f framecrc -));

    is($status, 0, 'ffmpeg plays it');

    # a line for each frame: the stream's index, and times
    my $video = () = $text =~ /^0,/mg;
    my $audio = () = $text =~ /^1,/mg;

    cmp_ok($video, '>=', 145, 'all frames of 5 s');
    cmp_ok($audio, '>=', 230, 'and all of the sound');

    # when it had time to load the playlist again it reads the init segment
    # again as well, and complains of that
    is(join('', grep { !/^(?:#|\d,)|Found duplicated MOOV Atom/ }
                split /^/, $text), '', 'without a complaint');
}


# Five seconds of both tracks to sinks that count.
sub play_gstreamer {
    my ($url) = @_;

    my ($status, $text) = play(60, qw(gst-launch-1.0 -e uridecodebin3),
        "uri=$url", qw(name=d
        d.video_0 ! queue ! videoconvert !
            fakesink name=video num-buffers=150 sync=false
        d.audio_0 ! queue ! audioconvert !
            fakesink name=audio num-buffers=200 sync=false));

    is($status, 0, 'GStreamer plays it');
    unlike($text, qr/ERROR|CRITICAL|WARNING/, 'without a complaint');
}


1;
