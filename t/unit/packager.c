
/* Parts and segments of sources that run on. */


#include "packager_fixture.h"


static void
cuts_at_keyframes_and_by_frame_count(void **state)
{
    uint32_t                   i, nsegments;
    uint64_t                   starts[8];
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 10000 };
    const oa_live_snapshot_t  *s;

    begin(f);
    play(f, &source);

    s = check(f, "video");
    assert_int_equal(s->nsegments, 5);
    assert_int_equal(s->nparts, 50);
    nsegments = s->nsegments;

    for (i = 0; i < s->nsegments; i++) {
        assert_true(s->segments[i].independent);
        assert_int_equal(s->segments[i].duration, 2 * s->conf.timescale);
        starts[i] = s->segments[i].decode_time * 1000 / s->conf.timescale;
    }

    for (i = 0; i < s->nparts; i++) {
        assert_int_equal(s->parts[i].duration, s->conf.part_target);
        assert_int_equal(s->parts[i].name.msn, s->parts[i].msn);
        assert_int_equal(s->parts[i].name.part, s->parts[i].index);
    }

    /* the audio's segments begin where the video's do, within a frame */
    s = check(f, "audio");
    assert_int_equal(s->nsegments, nsegments);
    assert_int_equal(s->conf.part_target, 9 * 1024);

    for (i = 0; i < s->nsegments; i++) {
        assert_in_range(s->segments[i].decode_time * 1000 / 48000 + 25,
                        starts[i], starts[i] + 50);
    }

    assert_int_equal(stats(f, "video").keyframe_interval_ms, 2000);
    assert_int_equal(stats(f, "video").dropped_frames, 0);
    assert_int_equal(stats(f, "audio").dropped_frames, 0);
    assert_true(f->wakes > 90);
    assert_int_equal(f->warnings, 0);
}


/* The n-th frame decoded of IBBP… with a keyframe each 60: when it is shown. */
static int64_t
shown_at(int n)
{
    static const int  step[] = { 2, -1, -1 };      /* frames 3 1 2 */
    int               in_gop;

    in_gop = n % 60;

    return in_gop == 0 || in_gop > 57 ? n : n + step[(in_gop - 1) % 3];
}


/* GStreamer's muxer writes decode times below 0 as 0. */
static void
puts_squashed_decode_times_right(void **state)
{
    int                        n;
    int64_t                    decoded_ms, shown_ms;
    fixture_t                 *f = *state;
    const oa_live_snapshot_t  *s;

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (n = 0; n < 150; n++) {
        shown_ms = 5 + shown_at(n) * 1000 / 30;
        decoded_ms = n < 2 ? 0 : 5 + (n - 2) * 1000 / 30;
        assert_int_equal(try_video(f, decoded_ms, n % 60 == 0,
                                   (int32_t) (shown_ms - decoded_ms), 400),
                         OA_OK);
    }

    s = check(f, "video");
    assert_int_equal(s->nsegments, 3);
    assert_int_equal(s->segments[0].delay * 30, s->conf.timescale * 2);
    assert_int_equal(s->segments[1].delay, s->segments[0].delay);

    /* the second keyframe is shown 2 s after the first, to the tick */
    assert_int_equal(s->segments[1].decode_time - s->segments[0].decode_time,
                     s->conf.timescale * 2);
}


static void
publishes_a_part_with_its_last_frame(void **state)
{
    int                  i;
    fixture_t           *f = *state;
    oa_live_edge_t       edge;
    oa_live_rendition_t  r;

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 60; i++) {
        video(f, i * 1000 / 30, i == 0);

        /* the second frame tells that the first one's time is true */
        if (i > 0) {
            assert_true(rendition(f, "video", &r));
            assert_int_equal(oa_live_edge(&f->live, r, &edge), OA_OK);
            assert_int_equal(edge.head, (i + 1) / 6);
        }
    }
}


static void
publishes_the_last_audio_part_with_the_keyframe(void **state)
{
    int                        i, frames;
    fixture_t                 *f = *state;
    const oa_live_snapshot_t  *s;

    begin(f);

    for (frames = 0, i = 0; i <= 60; i++) {
        for ( ; frames * 1024 / 48 < i * 1000 / 30; frames++) {
            audio(f, frames * 1024 / 48);
        }

        video(f, i * 1000 / 30, i % 60 == 0);
    }

    s = check(f, "audio");
    assert_int_equal(s->nsegments, 1);
    assert_int_equal(s->segments[0].duration, frames * 1024);
    audio(f, frames * 1024 / 48);
    assert_true(check(f, "audio")->segments[0].complete);
}


/* The audio ahead of a regular source's keyframe does not wait for it. */
static void
foresees_where_the_audio_ends_with_the_video(void **state)
{
    int                        i, frames;
    fixture_t                 *f = *state;
    const oa_live_snapshot_t  *s;

    begin(f);

    for (frames = 0, i = 0; i <= 600; i++) {
        for ( ; frames * 1024 / 48 <= i * 1000 / 30; frames++) {
            audio(f, frames * 1024 / 48);
        }

        if (i == 540) {
            /* the keyframe is not there yet, and the segment is complete */
            s = check(f, "audio");
            assert_int_equal(s->nsegments, 9);
            assert_true(s->segments[8].complete);
        }

        f->unix_us = START_US + i * 1000000ll / 30;
        video(f, i * 1000 / 30, i % 60 == 0);
    }

    s = check(f, "audio");
    assert_int_equal(s->nsegments, 10);
    assert_int_equal(s->segments[9].msn, 9);
    assert_int_equal(check(f, "video")->nsegments, 10);
}


/* A keyframe that comes late moves the video's boundary, not the count. */
static void
a_wrong_forecast_leaves_the_segments_in_step(void **state)
{
    int        i, frames, last;
    bool       key;
    fixture_t  *f = *state;

    begin(f);

    for (last = 0, frames = 0, i = 0; i < 900; i++) {
        for ( ; frames * 1024 / 48 <= i * 1000 / 30; frames++) {
            audio(f, frames * 1024 / 48);
        }

        key = (i - last) == (i > 450 && i < 600 ? 67 : 60) || i == 0;
        last = key ? i : last;
        f->unix_us = START_US + i * 1000000ll / 30;
        video(f, i * 1000 / 30, key);
    }

    check(f, "audio");
    i = (int) f->snapshot.nsegments;
    assert_int_equal(check(f, "video")->nsegments, i);
}


static void
keeps_ntsc_rates_exact(void **state)
{
    uint32_t                   i;
    fixture_t                 *f = *state;
    source_t                   source = { 30000, 1001, 60, 48000, false, 0,
                                          60000 };
    const oa_live_snapshot_t  *s;

    metadata(f, true, true, 29.97);
    begin(f);
    play(f, &source);

    s = check(f, "video");
    for (i = 0; i < s->nparts; i++) {
        assert_int_equal(s->parts[i].duration, 6 * 12012);
    }
}


static void
shows_a_frame_rate_found_out_later(void **state)
{
    fixture_t            *f = *state;
    source_t              source = { 25, 1, 50, 48000, false, 0, 10000 };
    oa_live_format_t      format;
    oa_live_rendition_t   r;

    /* the encoder's parameters say 30 */
    begin(f);
    play(f, &source);
    check(f, "video");

    assert_true(rendition(f, "video", &r));
    assert_int_equal(oa_live_format_get(&f->live, r, &format), OA_OK);
    assert_int_equal(format.frame_rate_num, 25 * format.frame_rate_den);
    assert_in_range(stats(f, "video").frame_rate_milli, 24900, 25100);
    assert_int_equal(f->snapshot.segments[f->snapshot.nsegments - 1].init_id,
                     0);
}


static void
cuts_a_long_gop_without_a_keyframe(void **state)
{
    uint32_t                   i, without;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 250, 48000, false, 0, 40000 };
    const oa_live_snapshot_t  *s;

    begin(f);
    play(f, &source);

    s = check(f, "video");
    for (without = 0, i = 0; i < s->nsegments; i++) {
        without += !s->segments[i].independent;
    }

    assert_true(without > 10);
    assert_true(s->nsegments - without >= 4);
    assert_int_equal(f->warnings, 1);
    assert_int_equal(stats(f, "video").keyframe_interval_ms, 8333);
    check(f, "audio");
}


static void
takes_irregular_keyframes(void **state)
{
    int        i, next;
    bool       key;
    fixture_t  *f = *state;

    begin(f);
    audio(f, 0);
    srandom(3);
    next = 0;

    for (i = 0; i < 30 * 120; i++) {
        key = (i == next);
        if (key) {
            next = i + 10 + (int) (random() % 51);
        }

        f->unix_us = START_US + i * 1000000ll / 30;
        video(f, i * 1000 / 30, key);
    }

    check(f, "video");
    for (i = 0; i < (int) f->snapshot.nsegments; i++) {
        assert_true(f->snapshot.segments[i].independent);
    }
}


static void
takes_a_variable_frame_rate(void **state)
{
    int         i;
    int64_t     ms;
    fixture_t  *f = *state;

    begin(f);
    audio(f, 0);
    srandom(5);

    for (ms = 0, i = 0; ms < 60000; i++) {
        f->unix_us = START_US + ms * 1000;
        video(f, ms, i % 50 == 0);
        ms += 16 + random() % 60;
    }

    check(f, "video");
}


static void
video_only_and_audio_only(void **state)
{
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 0, false, 0, 10000 };
    oa_live_rendition_t        r;
    const oa_live_snapshot_t  *s;

    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);
    assert_int_equal(check(f, "video")->nsegments, 5);
    assert_false(rendition(f, "audio", &r));

    oa_packager_destroy(f->packager);
    oa_live_end(&f->live, f->session, 0, nothing_changed, NULL);
    connect_publisher(f);

    source.no_video = true;
    source.rate = 44100;
    source.to_ms = 20000;
    audio_config(f, aac_stereo_44k);
    play(f, &source);
    s = check(f, "audio");
    assert_true(s->nsegments >= 9 && s->nsegments <= 11);
    assert_false(rendition(f, "video", &r));
}


static void
dropped_frames_are_counted_and_made_up_for(void **state)
{
    int                        i;
    fixture_t                 *f = *state;
    const oa_live_snapshot_t  *s;

    begin(f);
    audio(f, 0);

    for (i = 0; i < 1800; i++) {
        f->unix_us = START_US + i * 1000000ll / 30;

        if (i % 60 != 0 && i % 37 == 5) {
            continue;
        }

        video(f, i * 1000 / 30, i % 60 == 0);
    }

    s = check(f, "video");
    assert_in_range(s->segments[s->nsegments - 1].decode_time
                    + s->segments[s->nsegments - 1].duration,
                    59ull * s->conf.timescale, 61ull * s->conf.timescale);
    assert_in_range(stats(f, "video").dropped_frames, 46, 49);
}


static void
composition_times_are_on_the_grid(void **state)
{
    int                   i;
    uint8_t               part[8192];
    fixture_t            *f = *state;
    oa_live_rendition_t   r;
    static const int      shown[] = { 2, 5, 3, 4, 7, 6 };

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 6; i++) {
        assert_int_equal(try_video(f, i * 1000 / 30, i == 0,
                                   shown[i] * 1000 / 30 - i * 1000 / 30, 50),
                         OA_OK);
    }

    check(f, "video");
    assert_true(rendition(f, "video", &r));
    assert_true(f->snapshot.parts[0].size <= sizeof(part));
    assert_int_equal(oa_live_read(&f->live, r, 0, 0, part,
                                  f->snapshot.parts[0].size), OA_OK);

    for (i = 0; i < 6; i++) {
        assert_int_equal(composition_of(part, f->snapshot.parts[0].size,
                                        (unsigned) i),
                         (shown[i] - i) * 12000);
    }
}


static void
dates_are_of_presentation(void **state)
{
    int         i, frames;
    fixture_t  *f = *state;

    begin(f);

    for (frames = 0, i = 0; i < 120; i++) {
        f->unix_us = START_US + i * 1000000ll / 30;
        assert_int_equal(try_video(f, i * 1000 / 30, i % 60 == 0, 67, 50),
                         OA_OK);

        for ( ; frames * 1024 / 48 <= i * 1000 / 30; frames++) {
            audio(f, frames * 1024 / 48);
        }
    }

    /* the audio begins with the first picture */
    check(f, "video");
    assert_int_equal(f->snapshot.segments[0].decode_time, 0);
    assert_int_equal(f->snapshot.segments[0].delay, 2 * 12000);
    assert_int_equal(f->snapshot.segments[1].delay, 2 * 12000);

    check(f, "audio");
    assert_in_range(f->snapshot.segments[0].decode_time, 48 * 56, 48 * 77);
    assert_int_equal(f->snapshot.segments[0].delay, 0);
}


static void
an_absurd_composition_time_is_no_delay(void **state)
{
    int         i;
    fixture_t  *f = *state;

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 60; i++) {
        f->unix_us = START_US + i * 1000000ll / 30;
        assert_int_equal(try_video(f, i * 1000 / 30, i % 30 == 0, 8388607,
                                   50), OA_OK);
    }

    check(f, "video");
    assert_int_equal(f->snapshot.segments[0].delay, 0);
}


static void
configuration_out_of_range_is_refused(void **state)
{
    fixture_t             *f = *state;
    oa_mem_t               mem = { heap_realloc, NULL };
    oa_packager_t         *p;
    oa_packager_conf_t     conf = { 20, 2000, 1024 };
    oa_packager_events_t   events = packager_events(f);

    assert_int_equal(oa_packager_create(&p, &f->live, f->session, false, &conf,
                                        &mem, &events), OA_EINVAL);
    conf.part_target_ms = 400;
    conf.segment_target_ms = 600;
    assert_int_equal(oa_packager_create(&p, &f->live, f->session, false, &conf,
                                        &mem, &events), OA_EINVAL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        PACKAGER_TEST(cuts_at_keyframes_and_by_frame_count),
        PACKAGER_TEST(puts_squashed_decode_times_right),
        PACKAGER_TEST(publishes_a_part_with_its_last_frame),
        PACKAGER_TEST(publishes_the_last_audio_part_with_the_keyframe),
        PACKAGER_TEST(foresees_where_the_audio_ends_with_the_video),
        PACKAGER_TEST(a_wrong_forecast_leaves_the_segments_in_step),
        PACKAGER_TEST(keeps_ntsc_rates_exact),
        PACKAGER_TEST(shows_a_frame_rate_found_out_later),
        PACKAGER_TEST(cuts_a_long_gop_without_a_keyframe),
        PACKAGER_TEST(takes_irregular_keyframes),
        PACKAGER_TEST(takes_a_variable_frame_rate),
        PACKAGER_TEST(video_only_and_audio_only),
        PACKAGER_TEST(dropped_frames_are_counted_and_made_up_for),
        PACKAGER_TEST(composition_times_are_on_the_grid),
        PACKAGER_TEST(dates_are_of_presentation),
        PACKAGER_TEST(an_absurd_composition_time_is_no_delay),
        PACKAGER_TEST(configuration_out_of_range_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
