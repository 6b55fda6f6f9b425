
/* Sources that change, break off, come back, or lie. */


#include "packager_fixture.h"


static void
audio_first_waits_for_promised_video(void **state)
{
    int                  i;
    fixture_t           *f = *state;
    source_t             source = { 30, 1, 60, 48000, false, 2000, 12000 };
    oa_live_rendition_t  r;

    metadata(f, true, true, 30);
    audio_config(f, aac_stereo_48k);

    for (i = 0; i < 94; i++) {
        audio(f, i * 1024 / 48);
    }

    assert_false(rendition(f, "audio", &r));

    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    assert_int_equal(f->restarts, 0);
    assert_int_equal(check(f, "video")->nsegments, 5);
    assert_int_equal(check(f, "audio")->nsegments, 5);
}


static void
a_late_track_begins_a_new_session(void **state)
{
    fixture_t           *f = *state;
    source_t             source = { 30, 1, 60, 48000, true, 0, 5000 };
    oa_live_rendition_t  r;

    audio_config(f, aac_stereo_48k);
    play(f, &source);
    assert_true(rendition(f, "audio", &r));
    assert_int_equal(f->restarts, 0);

    video_config(f, avc_small, sizeof(avc_small));
    source.no_video = false;
    source.from_ms = 5000;
    source.to_ms = 15000;
    play(f, &source);

    assert_int_equal(f->restarts, 1);
    assert_int_equal(check(f, "video")->nsegments, 5);
    check(f, "audio");
}


static void
repeated_headers_change_nothing(void **state)
{
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 4000 };
    const oa_live_snapshot_t  *s;

    begin(f);
    play(f, &source);
    begin(f);
    source.from_ms = 4000;
    source.to_ms = 8000;
    play(f, &source);

    s = check(f, "video");
    assert_int_equal(s->nsegments, 4);
    assert_int_equal(s->segments[3].discontinuities, 0);
    assert_int_equal(s->segments[3].init_id, 0);
}


static void
changed_headers_make_a_discontinuity_in_both(void **state)
{
    uint8_t                    other[sizeof(avc_small)];
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 4000 };
    const oa_live_snapshot_t  *s;

    memcpy(other, avc_small, sizeof(other));
    other[sizeof(other) - 1] = 0x60;

    begin(f);
    play(f, &source);
    video_config(f, other, sizeof(other));
    source.from_ms = 4000;
    source.to_ms = 8000;
    play(f, &source);

    s = check(f, "video");
    assert_int_equal(s->nsegments, 4);
    assert_true(s->segments[2].discontinuity);
    assert_true(s->segments[2].independent);
    assert_int_equal(s->segments[2].init_id, 1);
    assert_int_equal(s->segments[3].discontinuities, 1);

    s = check(f, "audio");
    assert_true(s->segments[2].discontinuity);
    assert_int_equal(s->segments[3].discontinuities, 1);

    audio_config(f, aac_mono_48k);
    source.from_ms = 8000;
    source.to_ms = 12000;
    play(f, &source);

    s = check(f, "audio");
    assert_int_equal(s->segments[s->nsegments - 1].discontinuities, 2);
    s = check(f, "video");
    assert_int_equal(s->segments[s->nsegments - 1].discontinuities, 2);
    assert_int_equal(f->restarts, 0);
}


static void
another_audio_clock_begins_a_new_session(void **state)
{
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 48000, false, 0, 4000 };

    begin(f);
    play(f, &source);
    audio_config(f, aac_stereo_44k);
    source.rate = 44100;
    source.from_ms = 4000;
    source.to_ms = 8000;
    play(f, &source);

    assert_int_equal(f->restarts, 1);
    assert_int_equal(check(f, "audio")->conf.timescale, 44100);
    check(f, "video");
}


static void
timestamps_wrap(void **state)
{
    static const uint32_t  bases[] = { 0xfffffff0u - 3000, 0x80000000u - 3000,
                                       0x7ffffff0u - 8000 };

    size_t                     i;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 10000 };
    const oa_live_snapshot_t  *s;

    for (i = 0; i < 3; i++) {
        f->base = bases[i];
        begin(f);
        play(f, &source);

        s = check(f, "video");
        assert_int_equal(s->nsegments, 5);
        assert_int_equal(s->segments[4].discontinuities, 0);
        assert_int_equal(check(f, "audio")->nsegments, 5);
        assert_int_equal(stats(f, "video").timestamp_jumps, 0);

        oa_packager_destroy(f->packager);
        oa_live_end(&f->live, f->session, 0, nothing_changed, NULL);
        connect_publisher(f);
    }

    assert_int_equal(f->warnings, 0);
}


static void
timestamps_jump(void **state)
{
    static const int64_t  jumps[] = { 3600000, -5000, -7200000, 20000 };

    size_t                     i;
    int64_t                    audio_end;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 4000 };
    const oa_live_snapshot_t  *s;

    begin(f);
    play(f, &source);

    for (i = 0; i < 4; i++) {
        f->base += (uint32_t) jumps[i];
        source.from_ms += 4000;
        source.to_ms += 4000;
        play(f, &source);
    }

    s = check(f, "audio");
    assert_int_equal(s->segments[s->nsegments - 1].discontinuities, 0);
    audio_end = (int64_t) (s->segments[s->nsegments - 1].decode_time
                           + s->segments[s->nsegments - 1].duration)
                * 1000 / 48000;
    assert_in_range(audio_end, 19500, 20500);

    /* both tracks jumped alike, so they stay together */
    s = check(f, "video");
    assert_in_range((s->segments[s->nsegments - 1].decode_time
                     + s->segments[s->nsegments - 1].duration)
                    / (s->conf.timescale / 1000),
                    audio_end - 300, audio_end + 300);
    assert_int_equal(stats(f, "video").timestamp_jumps, 4);
}


static void
a_return_continues_behind_a_discontinuity(void **state)
{
    uint32_t                   msn;
    uint64_t                   decode_time, peak_bps;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 5000 };
    oa_live_session_t          before;
    const oa_live_snapshot_t  *s;

    begin(f);
    play(f, &source);
    msn = check(f, "video")->segments[f->snapshot.nsegments - 1].msn;
    before = f->session;
    peak_bps = stats(f, "video").bandwidth_bps;
    assert_true(peak_bps > 0);

    disconnect_publisher(f);
    f->unix_us += 7000000;
    f->base = 900;
    connect_publisher(f);
    assert_int_equal(f->session.id, before.id);

    source.num = 15;
    source.gop = 30;
    begin(f);
    play(f, &source);
    assert_true(stats(f, "video").bandwidth_bps >= peak_bps);

    s = check(f, "video");
    assert_int_equal(s->segments[msn + 1].discontinuity, 1);
    assert_int_equal(s->segments[s->nsegments - 1].discontinuities, 1);

    /* media time is wall-clock time since the session began */
    decode_time = s->segments[msn + 1].decode_time;
    assert_in_range(decode_time / (s->conf.timescale / 1000), 11990, 12010);

    s = check(f, "audio");
    assert_int_equal(s->segments[msn + 1].discontinuity, 1);
    assert_int_equal(s->segments[s->nsegments - 1].discontinuities, 1);
    assert_int_equal(f->restarts, 0);
}


static void
a_return_with_other_tracks_begins_a_new_session(void **state)
{
    fixture_t          *f = *state;
    source_t            source = { 30, 1, 60, 48000, false, 0, 4000 };
    oa_live_session_t   before;

    begin(f);
    play(f, &source);
    before = f->session;
    disconnect_publisher(f);
    connect_publisher(f);

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    source.rate = 0;
    play(f, &source);

    assert_int_equal(f->restarts, 1);
    assert_int_not_equal(f->session.id, before.id);
    assert_int_equal(check(f, "video")->nsegments, 2);
}


static void
a_silent_source_comes_back_behind_a_discontinuity(void **state)
{
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 4000 };
    const oa_live_snapshot_t  *s;

    begin(f);
    play(f, &source);

    f->unix_us += 8000000;
    source.from_ms = 12000;
    source.to_ms = 16000;
    play(f, &source);

    s = check(f, "video");
    assert_true(s->segments[2].discontinuity);
    assert_int_equal(s->segments[3].discontinuities, 1);
    assert_in_range(s->segments[2].decode_time / (s->conf.timescale / 1000),
                    11990, 12010);

    s = check(f, "audio");
    assert_true(s->segments[2].discontinuity);
    assert_int_equal(s->segments[3].discontinuities, 1);
}


/* Two seconds and more behind the other track, but no gap for it. */
static void
a_pause_of_one_track_makes_no_part_longer_than_its_target(void **state)
{
    int         i;
    fixture_t  *f = *state;

    begin(f);

    for (i = 0; i < 24 * 47; i++) {
        f->unix_us = START_US + i * 1024000000ll / 48000;
        audio(f, i * 1024 / 48);

        if (i % 3 == 0 && (i < 200 || i > 330) && (i < 500 || i > 700)) {
            video(f, i * 1024 / 48, i % 60 == 0);
        }
    }

    check(f, "video");
    assert_true(f->snapshot.segments[f->snapshot.nsegments - 1]
                .discontinuities > 0);
    check(f, "audio");
    assert_int_equal(f->restarts, 0);
}


static void
frames_too_few_for_parts_get_longer_parts_in_a_new_session(void **state)
{
    int                        i;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 0, false, 0, 4000 };
    const oa_live_snapshot_t  *s;

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    /* two seconds a frame */
    for (i = 2; i < 100; i++) {
        f->unix_us += 2000000;
        video(f, i * 2000, i % 4 == 0);

        if (f->restarts == 0) {
            check(f, "video");
        }
    }

    assert_int_equal(f->restarts, 1);

    s = check(f, "video");
    assert_true(s->conf.part_target >= s->conf.timescale);
}


static void
refuses_other_codecs_and_survives_garbage(void **state)
{
    int               i;
    uint8_t           mp3[] = { 0x2f, 0xff, 0xfb, 0x90 };
    uint8_t           body[64];
    oa_err_t          err;
    fixture_t        *f = *state;
    oa_flv_refusal_t  refusal = { NULL, "" };

    assert_int_equal(oa_packager_audio(f->packager,
                                       oa_slice(mp3, sizeof(mp3)), 0,
                                       f->unix_us, &refusal),
                     OA_EUNSUPPORTED);
    assert_non_null(refusal.reason);

    begin(f);
    srandom(11);

    for (i = 0; i < 200000; i++) {
        size_t  n, size = (size_t) random() % sizeof(body);

        for (n = 0; n < size; n++) {
            body[n] = (uint8_t) random();
        }

        if (size > 1 && i % 2) {
            body[0] = random() % 4 ? 0x17 : 0x27;
            body[1] = 1;
        }

        err = i % 3 ? oa_packager_video(f->packager, oa_slice(body, size),
                                        (uint32_t) random(), f->unix_us, NULL)
                    : oa_packager_audio(f->packager, oa_slice(body, size),
                                        (uint32_t) random(), f->unix_us, NULL);
        (void) err;
        f->unix_us += 20000;
    }
}


static void
an_oversized_frame_is_refused(void **state)
{
    uint8_t    *body;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 48000, false, 0, 2000 };

    begin(f);
    play(f, &source);

    body = calloc(1, 9 * 1024 * 1024);
    body[0] = 0x17;
    body[1] = 1;
    oa_writer_t  w;
    oa_writer_init(&w, body + 5, 4);
    oa_write_u32(&w, 9 * 1024 * 1024 - 9);
    body[9] = 0x65;

    assert_int_equal(oa_packager_video(f->packager,
                                       oa_slice(body, 9 * 1024 * 1024), 2000,
                                       f->unix_us, NULL), OA_EFULL);
    free(body);
}


/* Each second's frames, bytes and keyframes are in its record. */
static void
seconds_are_recorded(void **state)
{
    unsigned          n;
    int64_t           i;
    fixture_t        *f = *state;
    oa_live_health_t  r[10];

    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 300; i++) {
        oa_packager_clock(f->packager, 1000000 + i * 1000 / 30);
        assert_int_equal(try_video(f, i * 1000 / 30, i % 60 == 0, 0, 1000),
                         OA_OK);
    }

    oa_packager_clock(f->packager, 1010000);
    assert_int_equal(oa_live_health_get(&f->live, f->session, 1010000, 600, r,
                                        &n), OA_OK);
    assert_int_equal(n, 10);
    assert_int_equal(r[0].second, 1000);

    for (i = 2; i < 10; i++) {
        assert_int_equal(r[i].video_frames, 30);
        assert_in_range(r[i].video_bytes, 30 * 1000, 30 * 1020);
        assert_int_equal(r[i].keyframe_interval_ms, i % 2 == 0 ? 2000 : 0);
        assert_int_equal(r[i].audio_frames, 0);
        assert_int_equal(r[i].dropped_frames, 0);
    }
}


/* A new session of the same publisher is described, too. */
static void
a_description_stays(void **state)
{
    fixture_t           *f = *state;
    oa_slice_t           message;
    oa_live_metadata_t   m;

    message = oa_slice("\x02\0\x0a" "onMetaData\x08\0\0\0\1\0\7" "encoder"
                       "\2\0\3" "abc\0\0\x09", 36);
    oa_packager_describe(f->packager, message);
    assert_int_equal(oa_live_metadata_get(&f->live, f->session, &m), OA_OK);
    assert_int_equal(m.nfields, 1);
    assert_memory_equal(m.fields[0].text, "abc", 3);

    disconnect_publisher(f);
    connect_publisher(f);
    assert_int_equal(oa_live_metadata_get(&f->live, f->session, &m), OA_OK);
    assert_int_equal(m.nfields, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        PACKAGER_TEST(audio_first_waits_for_promised_video),
        PACKAGER_TEST(a_late_track_begins_a_new_session),
        PACKAGER_TEST(repeated_headers_change_nothing),
        PACKAGER_TEST(changed_headers_make_a_discontinuity_in_both),
        PACKAGER_TEST(another_audio_clock_begins_a_new_session),
        PACKAGER_TEST(timestamps_wrap),
        PACKAGER_TEST(timestamps_jump),
        PACKAGER_TEST(seconds_are_recorded),
        PACKAGER_TEST(a_description_stays),
        PACKAGER_TEST(a_return_continues_behind_a_discontinuity),
        PACKAGER_TEST(a_return_with_other_tracks_begins_a_new_session),
        PACKAGER_TEST(a_silent_source_comes_back_behind_a_discontinuity),
        PACKAGER_TEST(
            a_pause_of_one_track_makes_no_part_longer_than_its_target),
        PACKAGER_TEST(
            frames_too_few_for_parts_get_longer_parts_in_a_new_session),
        PACKAGER_TEST(refuses_other_codecs_and_survives_garbage),
        PACKAGER_TEST(an_oversized_frame_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
