#!/usr/bin/perl

# tools/bench measures: each line is a JSON object with figures that make
# sense.  How good they are is not asked here.

use strict;
use warnings;

use JSON::PP;
use Test::More;


sub bench
{
    open my $out, '-|', 'tools/bench', @_ or die "tools/bench: $!";
    my @results = map { decode_json($_) } <$out>;
    ok close($out), "tools/bench @_ succeeds";

    return map { $_->{result} . ($_->{rendition} // '') => $_ } @results;
}


sub in_order
{
    my ($line, $prefix) = @_;
    my @values = map { $line->{"${prefix}_${_}_ms"} } qw(min p50 p99 max);

    return !grep { $values[$_] < $values[$_ - 1] } 1 .. 3;
}


my %llhls = bench(qw(--viewers 5 --seconds 2 --warmup 2 --workers 2 llhls));
my $live = $llhls{live};

is $live->{viewers}, 5, 'as many viewers as were asked for';
is $live->{errors}, 0, 'every request is answered with 200';
is $live->{parts_of_wrong_size}, 0, 'all viewers get the same bytes';
is $live->{parts_of_unknown_frames}, 0, 'every part holds published frames';
is $live->{missed_never_came}, 0, 'every viewer gets every part';
cmp_ok $live->{parts}, '>=', 5, 'parts came';
cmp_ok $live->{server_cpu_us_per_request}, '>', 0, 'the server took time';
cmp_ok $live->{video_latency_min_ms}, '>', 0, 'no part before its last frame';
ok in_order($live, 'video_latency'), 'video: quantiles rise';
ok in_order($live, 'audio_latency'), 'audio: quantiles rise';

for my $name (qw(ours_playlists ours_parts stock_mixed stock_playlists
                 stock_parts))
{
    is $llhls{$name}{errors}, 0, "$name: every request is answered";
    cmp_ok $llhls{$name}{requests_per_s}, '>', 0, "$name: there were some";
}

cmp_ok $llhls{ratio}{ratio_mixed}, '>', 0, 'a ratio to stock nginx';

my %latency = bench(qw(--seconds 3 latency));

for my $name (qw(hinted_partvideo hinted_partaudio playlist_then_partvideo
                 playlist_then_partaudio))
{
    cmp_ok $latency{$name}{parts}, '>=', 5, "$name: parts were timed";
    cmp_ok $latency{$name}{last_frame_to_part_min_ms}, '>', 0,
        "$name: none before its last frame";
}

my $glass = $latency{glass_to_part};

cmp_ok $glass->{parts}, '>=', 5, 'clocks in pictures were read';
cmp_ok $glass->{newest_picture_age_min_ms}, '>',
    $glass->{encoder_age_min_ms}, 'a part is older than its picture encoded';

my %publish = bench(qw(--publishers 3 --seconds 2 --warmup 1 --workers 2
                       --video-kbps 365 publish));

for my $name (qw(cold_start start stock_start live_start))
{
    my $start = $publish{$name};

    is $start->{refused} + $start->{failed}, 0, "$name: everybody got on";
    cmp_ok $start->{starts}, '>=', 12, "$name: each key was used";
    cmp_ok $start->{server_cpu_us_per_start}, '>', 0, "$name: it took time";
    ok in_order($start, 'start'), "$name: quantiles rise";
}

is $publish{cold_start}{starts}, 12, 'the database is asked once for a key';

for my $name (qw(feed stock_feed live_feed))
{
    my $feed = $publish{$name};

    is $feed->{refused} + $feed->{failed}, 0, "$name: everybody stayed";
    cmp_ok $feed->{mbit_per_s}, '>', 0.5, "$name: media were sent";
    cmp_ok $feed->{server_cpu_us_per_mbit}, '>', 0, "$name: it took time";
}

cmp_ok $publish{ratio}{ratio_cpu_per_start}, '>', 0, 'a ratio for starts';
cmp_ok $publish{ratio}{ratio_cpu_per_mbit}, '>', 0, 'a ratio for media';

# little of it: a busy machine has to hold the ladder
my %transcode = bench(qw(--seconds 2 --warmup 1 --rounds 1 --max-streams 1
                         --fps 10 --preset ultrafast transcode));
my $ladder = $transcode{ladder};

is_deeply $ladder->{rungs}, [qw(160p 360p 480p 720p audio_64k)],
    'the whole ladder is measured';
cmp_ok $ladder->{"${_}_cpu_s_per_stream_s"}, '>', 0, "$_ takes time"
    for qw(server ffmpeg);
cmp_ok $transcode{ratio}{ratio_cpu}, '>', 0, 'a ratio of both';

my $rung = $transcode{rung_latency720p};

cmp_ok $rung->{parts}, '>=', 3, 'parts of a rung were timed';
cmp_ok $rung->{arrival_to_part_p50_ms}, '>', 0, 'none before its last frame';
cmp_ok $transcode{streams}{streams}, '<=', 1, 'no more streams than told';
ok exists $transcode{streams}{$_}, "streams: $_"
    for qw(ended_by server_cpu_share rung_fps_min);

done_testing;
