#!/usr/bin/perl

# The checker of LL-HLS streams passes a stream that keeps the rules, and
# notices every single one broken.

use strict;
use warnings;

use lib 't/lib';

use Test::More;

use Onair::LLHLS;
use Onair::LLHLS::FakeOrigin;


my %broken;                              # rules that were seen to fire


sub fired {
    my ($rule, $violations, $name) = @_;

    my %rules = map { $_->{rule} => 1 } @$violations;

    ok($rules{$rule}, "$rule: $name")
        or diag(map { Onair::LLHLS::text($_) . "\n" } @$violations);
    $broken{$rule} = 1;
}


# --- playlists -------------------------------------------------------------

# Segments 12 to 21, the last with 6 of 10 parts.
my $good = Onair::LLHLS::FakeOrigin::playlist('video', 206, 0);
my $delta = Onair::LLHLS::FakeOrigin::playlist('video', 206, 1);

# Edits must hit, or the test proves nothing.
sub edit {
    my ($text, $from, $to) = @_;

    my $edited = $text;
    $edited =~ s/$from/ref $to ? $to->() : $to/e or die "no $from\n";

    return $edited;
}


sub check_playlist {
    my ($text) = @_;

    return [ Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::PLAYLIST, {
        p => Onair::LLHLS::Playlist::parse($text), path => '/s/video/index.m3u8',
        others => ['/s/audio/index.m3u8'], where => 'test' }) ];
}


is_deeply(check_playlist($good), [], 'a good playlist passes');
is_deeply(check_playlist($delta), [], 'a good delta update passes');

for ([syntax => qr/#EXTM3U\n/, ''],
     [syntax => qr/PART-TARGET=0.1/, 'PART-TARGET=.1'],
     [syntax => qr/#EXTINF:1.0,/, '#EXTINF:1.0'],
     [syntax => qr/#EXTINF:1.0,\n/, ''],
     [syntax => qr/URI="init-0.mp4"/, 'URI=init-0.mp4'],
     [syntax => qr/#EXT-X-PART-INF/, '#EXT-X-PART-INV'],
     [syntax => qr/(#EXT-X-MEDIA-SEQUENCE:\d+\n)/,
                sub { $1 . "#EXT-X-MEDIA-SEQUENCE:1\n" }],
     [syntax => qr/,LAST-PART=5/, ''],
     [syntax => qr/#EXT-X-PRELOAD/, "#EXT-X-DISCONTINUITY\n#EXT-X-PRELOAD",
      edit($good, qr/#EXT-X-PROGRAM-DATE-TIME[^\n]*\n(?:#EXT-X-PART:[^\n]*\n)*#EXT-X-PRE/,
           '#EXT-X-PRE')],
     [syntax => qr/\n\z/, ''],
     [version_is_what_is_needed => qr/VERSION:6/, 'VERSION:9'],
     [version_is_what_is_needed => qr/#EXT-X-VERSION:6\n/, ''],
     [header_is_complete => qr/#EXT-X-TARGETDURATION:1\n/, ''],
     [header_is_complete => qr/#EXT-X-PART-INF:[^\n]*\n/, ''],
     [discontinuity_sequence_is_written =>
      qr/#EXT-X-DISCONTINUITY-SEQUENCE:0\n/, '',
      edit($good, qr/#EXT-X-PROGRAM/, "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM")],
     [hold_backs_are_long_enough => qr/PART-HOLD-BACK=0.3/,
      'PART-HOLD-BACK=0.29'],
     [hold_backs_are_long_enough => qr/,HOLD-BACK=3/, ',HOLD-BACK=2'],
     [hold_backs_are_long_enough => qr/SKIP-UNTIL=6/, 'SKIP-UNTIL=5'],
     [blocking_reload_is_offered => qr/CAN-BLOCK-RELOAD=YES,/, ''],
     [extinf_rounds_to_the_target => qr/EXTINF:1.0/, 'EXTINF:1.5'],
     [parts_are_not_above_the_target => qr/DURATION=0.1,/, 'DURATION=0.11,'],
     [parts_are_not_much_below_the_target =>
      qr/DURATION=0.1,(URI="part-19.3)/, sub { "DURATION=0.08,$1" }],
     [parts_make_up_their_segment =>
      qr/DURATION=0.1,(URI="part-19.9)/, sub { "DURATION=0.05,$1" }],
     [segment_tags_come_before_its_parts =>
      qr/(#EXT-X-PROGRAM[^\n]*\n)(#EXT-X-PART:[^\n]*\n)/, sub { $2 . $1 }],
     [every_segment_has_a_map => qr/#EXT-X-MAP[^\n]*\n/, ''],
     [dates_stand_where_they_must =>
      qr/#EXT-X-PROGRAM[^\n]*\n(?=#EXTINF:1.0,\nseg-13)/,
      "#EXT-X-DISCONTINUITY\n"],
     [dates_rise_with_the_segments => qr/00.000Z/, '00.100Z',
      edit($good, qr/:(\d\d)\.000Z/, ':00.000Z')],
     [independent_segments_are => qr/,INDEPENDENT=YES/, ''],
     [parts_leave_in_time => qr/(#EXT.*?\n)(#EXTINF:1.0,\nseg-17)/,
      sub { $1 . join('', map { "#EXT-X-PART:DURATION=0.1,URI=\"part-17.$_\""
                                . ",INDEPENDENT=YES\n" } 0 .. 9) . $2 }],
     [parts_are_listed_at_the_edge =>
      qr/(?:#EXT-X-PART:[^\n]*"part-19[^\n]*\n)+/, ''],
     [one_part_is_hinted_while_live => qr/#EXT-X-PRELOAD[^\n]*\n/, ''],
     [one_part_is_hinted_while_live => qr/\z/, "#EXT-X-ENDLIST\n"],
     [one_part_is_hinted_while_live => qr/(#EXT-X-PRELOAD[^\n]*\n)/,
      sub { $1 . $1 }],
     [the_hint_is_of_no_listed_part => qr/part-20.6/, 'part-20.5'],
     [every_other_rendition_is_reported => qr/#EXT-X-RENDITION[^\n]*\n/, ''],
     [every_other_rendition_is_reported => qr{\.\./audio}, '../video'],
     [the_window_is_long_enough => qr/#EXTINF:1.0,\nseg-1[2-4].m4s\n/, '',
      edit($good, qr/(?:#EXT-X-PROGRAM[^\n]*\n#EXTINF:1.0,\nseg-1[2-4].m4s\n)+/,
           "#EXTINF:1.0,\nseg-12.m4s\n")])
{
    my ($rule, $from, $to, $base) = @$_;

    fired($rule, check_playlist(edit($base // $good, $from, $to)),
          "$from -> " . (ref $to ? 'edited' : $to) =~ s/\n/\\n/gr);
}

fired('a_delta_keeps_what_is_young',
      check_playlist(edit(edit($delta, qr/SEGMENTS=2/, 'SEGMENTS=4'),
          qr/(?:#EXT-X-PROGRAM[^\n]*\n#EXTINF:1.0,\nseg-1[45].m4s\n)+/, '')),
      'too much is skipped');
fired('syntax', check_playlist(edit($delta,
          qr/(#EXT-X-SKIP[^\n]*\n)(.*?seg-14.m4s\n)/s, sub { $2 . $1 })),
      'a skip behind a segment');


# --- one playlist after another ---------------------------------------------

sub check_succession {
    my ($before, $after) = @_;

    return [ Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::SUCCESSION, {
        before => Onair::LLHLS::Playlist::parse($before), where => 'test',
        p => Onair::LLHLS::Playlist::parse($after) }) ];
}


my $next = Onair::LLHLS::FakeOrigin::playlist('video', 207, 0);
my $later = Onair::LLHLS::FakeOrigin::playlist('video', 213, 0);

is_deeply(check_succession($good, $_), [], 'a good succession passes')
    for $good, $next, $later;

for ([header_stays => qr/TARGETDURATION:1/, 'TARGETDURATION:2'],
     [header_stays => qr/PART-TARGET=0.1/, 'PART-TARGET=0.2'],
     [server_control_stays => qr/HOLD-BACK=0.3/, 'HOLD-BACK=0.4'],
     [sequences_never_decrease => qr/MEDIA-SEQUENCE:12/, 'MEDIA-SEQUENCE:11'],
     [segments_stay_as_they_were => qr/seg-14/, 'seg-14b'],
     [segments_stay_as_they_were => qr/EXTINF:1.0/, 'EXTINF:1.1'],
     [segments_stay_as_they_were => qr/init-0/, 'init-1'],
     [segments_stay_as_they_were => qr/(?=#EXT-X-MAP)/, "#EXT-X-DISCONTINUITY\n"],
     [parts_stay_as_they_were => qr/part-20.3/, 'part-20.33'],
     [parts_stay_as_they_were => qr/#EXT[^\n]*part-20.3[^\n]*\n/, ''],
     [the_hint_comes_true => qr/part-20.6/, 'part-20.60'])
{
    my ($rule, $from, $to) = @$_;

    fired($rule, check_succession($good, edit($next, $from, $to)),
          "$from -> $to" =~ s/\n/\\n/gr);
}

fired('nothing_is_removed_at_the_edge', check_succession($next, $good),
      'a part less');
fired('sequences_never_decrease',
      check_succession(edit($good, qr/DISCONTINUITY-SEQUENCE:0/,
                            'DISCONTINUITY-SEQUENCE:1'), $next),
      'discontinuities');
fired('the_end_is_final',
      check_succession(edit($good, qr/#EXT-X-PRE.*/s, "#EXT-X-ENDLIST\n"),
                       $next), 'it goes on');


# --- delta updates -----------------------------------------------------------

my $before = Onair::LLHLS::Playlist::parse($good);
my $full = Onair::LLHLS::Playlist::parse($next);
my $update = Onair::LLHLS::FakeOrigin::playlist('video', 207, 1);
my $merged = Onair::LLHLS::Playlist::merge($before,
                 Onair::LLHLS::Playlist::parse($update));

sub differences {
    my ($text) = @_;

    return Onair::LLHLS::Rules::delta_equals_full({ full => $full,
        p => Onair::LLHLS::Playlist::merge($before,
                 Onair::LLHLS::Playlist::parse($text)) });
}

is(@{ $merged->{segments} }, @{ $full->{segments} }, 'a delta update is merged');
is_deeply([differences($update)], [], 'and makes up the full playlist');
ok(differences(edit($update, qr/seg-15/, 'seg-51')), 'another URI is noticed');
ok(differences(edit($update, qr/EXTINF:1.0/, 'EXTINF:1.1')), 'a duration is');
ok(differences(edit($update, qr/init-0/, 'init-1')), 'a map is');
ok(differences(edit($update, qr/SEGMENTS=2/, 'SEGMENTS=3')), 'a shift is');
is(Onair::LLHLS::Playlist::merge($before, Onair::LLHLS::Playlist::parse(
       edit($update, qr/SEQUENCE:12/, 'SEQUENCE:11'))), undef,
   'a skip of what is not known does not merge');


# --- media --------------------------------------------------------------------

my $init = Onair::LLHLS::Media::init(Onair::LLHLS::FakeOrigin::init('video'));

is($init->{codec}, 'avc1.42c01e', 'the codec of an init segment is read');
is("$init->{width}x$init->{height}", '320x180', 'and the size of the picture');
is(Onair::LLHLS::Media::init(Onair::LLHLS::FakeOrigin::init('audio'))->{codec},
   'mp4a.40.2', 'and the audio object type');

sub fragments {
    my ($n, %change) = @_;

    return Onair::LLHLS::Media::fragments(
               Onair::LLHLS::FakeOrigin::fragment('video', $n, %change), $init);
}


sub check_part {
    my ($part, @fragments) = @_;

    return [ Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::PART, {
        part => $part, fragments => \@fragments, init => $init,
        before => (fragments(9))[0], where => 'test' }) ];
}


my $part = { DURATION => 0.1, INDEPENDENT => 'YES' };

is_deeply(check_part($part, fragments(10)), [], 'a good part passes');
fired('independent_is_true', check_part($part, fragments(10, dependent => 1)),
      'no keyframe');
fired('independent_is_true', check_part({ DURATION => 0.1 }, fragments(10)),
      'an untold keyframe');
fired('sequence_numbers_run_on',
      check_part($part, fragments(10, sequence => 12)), 'a gap');
fired('decode_times_run_on',
      check_part($part, fragments(10, time => 90001)), 'a step');
fired('duration_is_that_of_its_samples',
      check_part({ %$part, DURATION => 0.098 }, fragments(10)), 'too short');

my $cut = Onair::LLHLS::FakeOrigin::fragment('video', 1);

ok(!eval { Onair::LLHLS::Media::fragments(substr($cut, 0, $_), $init); 1 },
   "a part cut to $_ bytes is noticed") for 4, 60, length($cut) - 1;

my $body = join '', map { Onair::LLHLS::FakeOrigin::fragment('video', $_) }
                    10 .. 19;

sub check_segment {
    my (%change) = @_;

    my $from = $change{body} // $body;

    return [ Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::SEGMENT, {
        segment => { duration => 1 }, body => $body, parts_body => $body,
        fragments => [Onair::LLHLS::Media::fragments($from, $init)],
        all_independent => 1, init => $init, where => 'test', %change }) ];
}


is_deeply(check_segment(), [], 'a good segment passes');
fired('is_the_concatenation_of_its_parts',
      check_segment(parts_body => substr($body, 1) . 'x'), 'other bytes');
fired('duration_is_that_of_its_samples',
      check_segment(segment => { duration => 1.01 }), 'of a segment');
fired('independent_segments_begin_with_a_keyframe', check_segment(body =>
          Onair::LLHLS::FakeOrigin::fragment('video', 10, dependent => 1)),
      'none there');


# --- the multivariant playlist and all renditions --------------------------------

my $variants = Onair::LLHLS::FakeOrigin::multivariant();

sub check_multivariant {
    my ($text) = @_;

    return [ Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::MULTIVARIANT,
        { p => Onair::LLHLS::Playlist::parse($text), where => 'test' }) ];
}


is_deeply(check_multivariant($variants), [], 'a good multivariant passes');

for ([syntax => qr/BANDWIDTH=100000/, 'BANDWIDTH=1e5'],
     [variants_are_described => qr/,FRAME-RATE=30.000/, ''],
     [variants_are_described => qr/AVERAGE-BANDWIDTH=9/, 'AVERAGE-BANDWIDTH=19'],
     [variants_are_described => qr/#EXT-X-STREAM.*/s, ''],
     [groups_exist => qr/AUDIO="audio"/, 'AUDIO="sound"'],
     [renditions_of_a_group_have_names_of_their_own => qr/(#EXT-X-MEDIA.*?\n)/,
      sub { $1 . $1 }])
{
    my ($rule, $from, $to) = @$_;

    fired($rule, check_multivariant(edit($variants, $from, $to)), $from);
}


sub together {
    my ($change) = @_;

    my $p = Onair::LLHLS::Playlist::parse($variants);
    my ($video, $audio) = map { "/s/$_" } $p->{variants}[0]{uri},
                                          $p->{media}[0]{URI};
    my %r = map { $_ => {
        path => $_, init => { codec => 'mp4a.40.2' }, epochs => [[0, 1000, 1000, 1]],
        control => 'x', target_duration => 1, peak_bps => 40000,
        seen => { '5.0' => 100 }, superseded => { '5.0' => 100.1 },
        edge => [5, 1], until => 110, reports => [] } } $video, $audio;

    $r{$video}{init} = { codec => 'avc1.42c01e', width => 320, height => 180 };
    $r{$video}{frame_rate} = 30;
    $r{$audio}{reports} = [{ at => 100, msn => 5, part => 0, path => $video }];
    $change->($r{$video}, $r{$audio}, $p) if $change;

    return [ Onair::LLHLS::Rules::apply(\%Onair::LLHLS::Rules::PRESENTATION,
        { multivariant => $p, path => '/s/index.m3u8', renditions => \%r,
          slack => 1, where => 'test' }) ];
}


is_deeply(together(), [], 'good renditions pass together');

for ([codecs_are_those_of_the_media => sub { $_[0]{init}{codec} = 'avc1.64001f' }],
     [codecs_are_those_of_the_media => sub { $_[1]{init}{codec} = 'mp4a.40.29' }],
     [resolution_is_true => sub { $_[0]{init}{width} = 640 }],
     [frame_rate_is_true => sub { $_[0]{frame_rate} = 25 }],
     [bandwidth_is_the_peak => sub { $_[0]{peak_bps} = 90000 }],
     [target_durations_are_the_same => sub { $_[0]{target_duration} = 2 }],
     [server_control_is_the_same => sub { $_[0]{control} = 'y' }],
     [dates_map_alike_in_all_renditions => sub {
         $_[0]{epochs} = [[0, 1000.1, 1000.1, 1]] }],
     [dates_map_alike_in_all_renditions => sub {
         $_[0]{epochs} = [[0, 1000, 1000.067, 1]] }],
     [dates_follow_the_media => sub {
         push @{ $_[0]{epochs} }, [0, 1000.04, 1000, 1] }],
     [reports_are_not_from_the_future => sub { $_[1]{reports}[0]{at} = 98 }],
     [reports_are_not_from_the_future => sub { $_[1]{reports}[0]{msn} = 6 }],
     [reports_are_not_stale => sub { $_[1]{reports}[0]{at} = 102 }])
{
    fired($_->[0], together($_->[1]), 'spoilt');
}


# --- a whole origin, all right and then spoilt ------------------------------------

my $blocking = qr/index\.m3u8\?_HLS_msn=\d+&_HLS_part/;
my $n = 0;

sub header {
    my ($kind, $name, $value) = @_;

    return sub {
        my ($path, $r) = @_;
        $r->{headers}{$name} = $value if $path =~ $kind;
        delete $r->{headers}{$name} if $path =~ $kind && $value eq '';
    };
}


sub status {
    my ($kind, $status, $body) = @_;

    return sub {
        my ($path, $r) = @_;
        return if $path !~ $kind;
        @$r{qw(status body)} = ($status, $body // '');
    };
}


sub body {
    my ($kind, $change) = @_;

    return sub {
        my ($path, $r) = @_;
        return if $path !~ $kind || $r->{status} != 200;
        local $_ = $r->{body};
        $change->();
        $r->{body} = $_;
    };
}


my @spoilt = (
    [is_whole => header($blocking, 'Content-Encoding', 'gzip')],
    [type_is_right => header(qr/\.m4s/, 'Content-Type', 'text/html')],
    [has_a_date => header(qr/init/, 'Date', '')],
    [other_origins_may_read_it =>
     header(qr/seg-/, 'Access-Control-Allow-Origin', '')],
    [other_origins_may_read_it =>
     header(qr/m3u8/, 'Access-Control-Expose-Headers', 'Date')],
    [is_cached_for_as_long_as_it_should =>
     header($blocking, 'Cache-Control', 'max-age=60')],
    [is_cached_for_as_long_as_it_should =>
     header(qr/part-/, 'Cache-Control', 'immutable')],
    [is_not_private => header(qr/m3u8/, 'Cache-Control', 'no-cache')],
    [is_not_private => header(qr/m3u8/, 'Set-Cookie', 'a=b')],
    [media_is_immutable => header(qr/part-/, 'Cache-Control', 'max-age=3600')],
    [a_part_without_msn_is_refused => status(qr/\?_HLS_part/, 200)],
    [what_is_no_number_is_refused => status(qr/_HLS_msn=x/, 200)],
    [too_far_ahead_is_refused => status(qr/_HLS_part=\d\d+$/, 200)],
    [an_old_msn_answers_at_once_in_full => status(qr/_HLS_msn=0/, 404)],
    [other_parameters_are_passed_over => status(qr/_HLSX/, 400)],
    [what_is_unknown_is_not_found_at_once => status(qr/nothing$/, 200)],
    [gzip_is_the_same_text => sub {
        my ($path, $r) = @_;
        @{ $r->{headers} }{qw(Content-Encoding Vary)} = ('identity', '')
            if $path =~ /_HLS_msn=0$/ }],
    [head_has_the_headers_of_get => sub {
        $_[1]{headers}{'X-Get'} = 1 if $_[2] eq 'GET' }],
    [ranges_are_of_the_segment => sub {
        $_[1]{body} = 'x' if $_[1]{status} == 206 }],
    [a_hinted_part_is_answered => status(qr/part-\d+\.3\.m4s/, 404)],
    [a_reload_is_answered => status(qr/_HLS_part=3/, 500)],
    [a_reload_waits_for_what_it_asked => sub {
        my ($path, $r) = @_;
        return if $path !~ /_HLS_msn=(\d+)&_HLS_part=([2-9])/;
        $r->{body} = Onair::LLHLS::FakeOrigin::playlist('video', $1 . $2 - 1,
                                                        0) }],
    [a_skip_is_answered_with_a_skip_only => sub {
        my ($path, $r) = @_;
        return if $path !~ /_HLS_msn=(\d+)&_HLS_part=([1-8])$/;
        $r->{body} = Onair::LLHLS::FakeOrigin::playlist('video', $1 . $2 + 1,
                                                        1) }],
    [a_delta_fits_what_was_there =>
     body(qr/_HLS_skip=YES/, sub { s/SEGMENTS=2/SEGMENTS=20/ })],
    [a_delta_makes_up_the_full_playlist => body(qr/m3u8$/, sub { s/-15/-151/g })],
    [an_init_segment_is_there => status(qr/init/, 404)],
    [an_init_segment_is_one => body(qr/init/, sub { $_ = 'abc' })],
    [an_init_segment_stays => sub {
        @{$_[1]}{qw(status body)} = (404, '') if $_[0] =~ /init/ && $n++ }],
    [media_never_changes => sub {
        $_[1]{body} .= "\0\0\0\x08free" if $_[0] =~ /init/ && $n++ }],
    [a_listed_part_is_there => status(qr/part-/, 404)],
    [a_part_is_made_of_fragments => body(qr/part-/, sub { chop })],
    [a_listed_segment_is_there => status(qr/seg-/, 404)],
    [a_segment_is_made_of_fragments => body(qr/seg-/, sub { chop })],
    [is_the_concatenation_of_its_parts =>
     body(qr/seg-/, sub { s/A(?=A{20})/B/ })],
    [parts_stay_fetchable => sub {
        my ($path, $r) = @_;
        $r->{status} = 404 if $path =~ /part-(\d+)/
                              && $1 < (time() - $main::began) + 17 }],
    [segments_stay_fetchable => sub {
        my ($path, $r) = @_;
        $r->{status} = 404 if $path =~ /seg-(\d+)/
                              && $1 < (time() - $main::began) + 12.5 }],
    [the_stream_goes_on => body(qr/$blocking/, sub {
        s/#EXT-X-PRELOAD.*/#EXT-X-ENDLIST\n/s })],
    [the_end_turns_blocking_off => sub {
        my ($path, $r) = @_;
        $r->{body} =~ s/#EXT-X-PRELOAD.*/#EXT-X-ENDLIST\n/s
            if $path =~ $blocking && $r->{status} == 200 }],
    [the_playlist_is_there => status(qr{video/index}, 404)],
    [the_multivariant_playlist_is_there => status(qr{test/index}, 404)],
    [a_hinted_part_comes_whole => 'drip'],
    [parts_are_seen => body(qr/index/, sub { s/#EXT-X-PART:[^\n]*\n//g })],
);


# Some at a time: each has an origin and a check of its own.  A machine that is
# busy with other things may keep a check from asking for what is spoilt, or an
# origin from answering in time; not three times.
my $seconds = 4;
my $tries = 3;
my %running;

sub launch {
    my ($i, $spoil, $longer) = @_;

    pipe my $from, my $to or die;
    my $pid = fork // die;

    if ($pid == 0) {
        $main::began = time();
        my $fake = Onair::LLHLS::FakeOrigin->start(
            ref $spoil ? (spoil => $spoil) : $spoil ? ($spoil => 1) : ());
        my $result = Onair::LLHLS::check($fake->url, $seconds * ($longer // 1));
        Storable::store_fd($result, $to);
        close $to;
        $fake->stop;
        POSIX::_exit(0);
    }

    close $to;
    $running{$i} = [$pid, $from];
}


sub collect {
    my ($i) = @_;

    my ($pid, $from) = @{ delete $running{$i} };
    my $result = Storable::fd_retrieve($from);
    waitpid $pid, 0;

    return $result;
}


# Of a check that runs; again, alone, while it is not as it should be.
sub result {
    my ($i, $spoil, $as_it_should) = @_;

    my $result = collect($i);

    for my $try (2 .. $tries) {
        last if $as_it_should->($result);
        diag "again: $i, try $try";
        launch($i, $spoil, $try);
        $result = collect($i);
    }

    return $result;
}


sub notices {
    my ($i, $rule, $spoil) = @_;

    my $result = result($i, $spoil, sub {
        grep { $_->{rule} eq $rule } @{ $_[0]{violations} };
    });

    fired($rule, $result->{violations}, 'by an origin');
}


my @spoils = @spoilt;

for (my $i = 0; $i < @spoils; $i += 8) {
    my @now = grep { $_ < @spoils } $i .. $i + 7;

    launch($_, $spoils[$_][1]) for @now;
    notices($_, @{ $spoils[$_] }) for @now;
}

launch('good', undef);
my $result = result('good', undef, sub { !@{ $_[0]{violations} } });
is_deeply([map { Onair::LLHLS::text($_) } @{ $result->{violations} }], [],
          'a good origin passes');
is(scalar(grep { $_->{parts} > 30 && $_->{segments} > 2 }
          values %{ $result->{renditions} }), 2,
   'and both its renditions were followed');


# --- no rule without a proof that it can fail ---------------------------------------

my @rules = map { keys %$_ } \%Onair::LLHLS::Rules::PLAYLIST,
    \%Onair::LLHLS::Rules::SUCCESSION, \%Onair::LLHLS::Rules::PART,
    \%Onair::LLHLS::Rules::SEGMENT, \%Onair::LLHLS::Rules::MULTIVARIANT,
    \%Onair::LLHLS::Rules::PRESENTATION, \%Onair::LLHLS::Probe::PROBE,
    \%Onair::LLHLS::Responses::RESPONSE;

is_deeply([sort grep { !$broken{$_} } @rules], [], 'every rule was broken');

done_testing;
