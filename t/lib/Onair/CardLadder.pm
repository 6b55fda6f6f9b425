package Onair::CardLadder;

# A channel whose ladder a card makes: that of t/lib/nvenc, with its faults.
# The source is 320x180 of 20 frames a second, a second from keyframe to
# keyframe; the rungs are low (160x90) and half (214x120, half the rate).
#
#   my $test = Onair::CardLadder->start('cuda',
#       faults   => { sessions => 1 },      from the beginning on
#       fallback => 'source',               of transcode_fallback
#       rungs    => 'transcode_rendition …;');      further ones
#   $test->card, server, ladder, viewer
#   $test->faults(dead => 1)        from now on
#   $test->made('low', 'cuda')      waits until that makes it; its rung
#   $test->apart('low')             segments that do not begin with the source's
#   $test->goes_on('low')           tests that it plays, in step
#   $test->sound('name')            tests that the source has no gap since the
#                                   beginning, that there is still the first
#                                   worker, and stops
#
# Whoever waits looks at the source's segments all the time, so that none is
# missed.

use strict;
use warnings;

use Test::More;

use Onair::LLHLS;
use Onair::LLHLS::Media;
use Onair::Ladder;
use Onair::NVENC;
use Onair::Publisher;
use Onair::Server;


use constant FPS => 20;


sub rungs
{
    my ($device) = @_;

    return <<"END";
        transcode on;
        transcode_device $device;
        transcode_thumbnails off;
        transcode_rendition low height=90 bitrate=100k preset=ultrafast
                            mode=always;
        transcode_rendition half height=120 fps=10 bitrate=150k
                            preset=ultrafast mode=always;
END
}


sub start
{
    my ($class, $device, %option) = @_;

    my $card = Onair::NVENC->new;
    $card->faults(%{ $option{faults} // {} });

    my $server = Onair::Server->start(workers => 1, main => $card->main,
        rtmp_app => join "\n", rungs($device), $option{rungs} // '',
            $option{fallback} ? "transcode_fallback $option{fallback};" : '');
    my $self = bless {
        card => $card, server => $server, workers => [ $server->worker_pids ],
        ladder => Onair::Ladder->new($server, 'chan'), seen => {},
    }, $class;

    $self->{publisher} = Onair::Publisher->ffmpeg($server->rtmp_url('chan'),
                                                  fps => FPS, gop => FPS);

    return $self;
}


sub card   { $_[0]{card} }
sub server { $_[0]{server} }
sub ladder { $_[0]{ladder} }
sub viewer { $_[0]{ladder}->viewer }


sub faults
{
    my ($self, %faults) = @_;

    $self->{card}->faults(%faults);
}


# Until the code is true, as wait_for.
sub wait
{
    my ($self, $code) = @_;

    return wait_for { $self->look; $code->() } 120;
}


sub made
{
    my ($self, $name, $device) = @_;

    return $self->wait(sub {
        my $rung = $self->{ladder}->rung($name);
        $rung && $rung->{state} eq 'on' && $rung->{device} eq $device
            && $rung->{frames} > 0 ? $rung : undef;
    });
}


# What the source has now, of segments that are whole.
sub look
{
    my ($self) = @_;
    my $list = $self->viewer->playlist('video') or return;

    for my $segment (grep { $_->{whole} } @{ $list->{segments} }) {
        $self->{seen}{ $segment->{msn} } //= $self->read_segment($segment);
    }
}


sub read_segment
{
    my ($self, $segment) = @_;
    my $map = $self->{map}{ $segment->{map} } //=
        Onair::LLHLS::Media::init($self->viewer->fetch($segment->{map}));
    my @fragments = Onair::LLHLS::Media::fragments(
        $self->viewer->fetch($segment->{uri}), $map);
    my @durations = map { $_->{duration} } map { @{ $_->{samples} } }
                    @fragments;
    my $seconds = 0;
    $seconds += $_ / $map->{timescale} for @durations;

    return {
        begins => $fragments[0]{time} / $map->{timescale},
        seconds => $seconds, frames => scalar @durations,
        cut => $segment->{discontinuity}, map => $segment->{map},
    };
}


# What is wrong with the source's segments so far, in words.
sub gaps
{
    my ($self) = @_;
    my $seen = $self->{seen};
    my (@gaps, $before);

    for my $msn (sort { $a <=> $b } keys %$seen) {
        my $segment = $seen->{$msn};

        push @gaps, "$msn is a discontinuity" if $segment->{cut};
        push @gaps, "$msn has $segment->{frames} frames"
            if abs($segment->{seconds} * FPS - $segment->{frames}) > 0.5;

        if (defined $before) {
            my $end = $seen->{$before}{begins} + $seen->{$before}{seconds};

            push @gaps, "$before is followed by $msn" if $msn != $before + 1;
            push @gaps, "$msn begins at $segment->{begins}, not at $end"
                if abs($end - $segment->{begins}) > 0.001;
        }

        $before = $msn;
    }

    return @gaps;
}


# Of segments that a rung has now those that do not begin with the source's of
# that number: [ number, source's, rung's ].  The first one may begin with any
# keyframe of the source's, another some pictures late, which a busy machine has
# dropped; transcode_ladder.t is exact.
sub apart
{
    my ($self, $name) = @_;
    my $rung = $self->{ladder}->begins($name);
    my $source = $self->{ladder}->begins('video');
    my ($first, @others) = sort { $a <=> $b } keys %$rung;

    return map { [ $_, $source->{$_} // 'none', $rung->{$_} ] }
           grep { my $late = $rung->{$_} - ($source->{$_} // -1);
                  $late < -0.001 || $late > ($_ == $first ? 1.5 : 0.5) }
           $first, @others;
}


sub goes_on
{
    my ($self, $name) = @_;
    my $frames = ($self->{ladder}->rung($name) // {})->{frames} // 0;

    ok $self->wait(sub {
        my $rung = $self->{ladder}->rung($name);
        my $list = $self->viewer->playlist($name);
        $rung && $rung->{frames} > $frames + 15 && $list
            && (grep { $_->{whole} } @{ $list->{segments} }) >= 3;
    }), "$name goes on" or diag $self->{ladder}->log;

    is_deeply [ $self->apart($name) ], [],
        "$name: segments begin with the source's, under the same numbers"
        or diag explain [ $self->apart($name) ];

    my $decoded = $self->viewer->decode($name);
    is join('', map { $_->{errors} } @$decoded), '', "$name plays";
    cmp_ok $decoded->[-1]{frames}, '>', 10, "$name has pictures";
}


# Held to the rules of LL-HLS from now on for so many seconds; but for those of
# dates, which are to the picture, and a busy machine drops some.
sub keeps_rules
{
    my ($self, $seconds) = @_;
    my $result = Onair::LLHLS::check(
        $self->{server}->url('/live/chan/index.m3u8'), $seconds,
        allow_late => 1);
    my @violations = grep { $_->{rule} !~ /^dates_/ }
                     @{ $result->{violations} };

    is_deeply \@violations, [], 'the rules of LL-HLS are kept'
        or diag explain \@violations;
    cmp_ok scalar keys %{ $result->{renditions} }, '>=', 2,
        'of all renditions';
}


sub source_alone
{
    my ($self) = @_;

    ok $self->wait(sub {
        my $source = $self->viewer->playlist('video');
        "@{[ $self->viewer->renditions ]}" eq 'audio video'
            && $source && $source->{text} !~ m{URI="../(?:low|half)/};
    }), 'the source goes out alone' or diag $self->{ladder}->log;
}


sub sound
{
    my ($self) = @_;
    my ($last) = sort { $b <=> $a } keys %{ $self->{seen} };
    $last //= 0;

    ok $self->wait(sub { exists $self->{seen}{ $last + 2 } }),
        'the source goes on';
    is_deeply [ $self->gaps ], [], 'without a gap since the beginning';
    cmp_ok scalar keys %{ $self->{seen} }, '>=', 3, 'as its segments show';
    is keys %{ $self->{map} }, 1, 'all with one init segment';
    is_deeply [ $self->{server}->worker_pids ], $self->{workers},
        'the worker is the one that there was';
    unlike $self->{server}->error_log, qr/exited on signal/,
        'and none has ended';

    $self->faults;
    $self->{publisher}->stop;
    $self->{server}->stop;
}


1;
