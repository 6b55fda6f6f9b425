
/* Followers of sources that run on. */


#include "follower_fixture.h"


static void
half_the_frames_of_a_regular_source(void **state)
{
    uint32_t                   i, first;
    fixture_t                 *f = *state;
    source_t                   source = { 60, 1, 120, 48000, false, 0, 20000 };
    const oa_live_snapshot_t  *s;

    add_rung(f, "30", OA_LIVE_VIDEO, 12000, 0);
    add_rung(f, "late", OA_LIVE_VIDEO, 12000, 5);
    add_rung(f, "low", OA_LIVE_AUDIO, 1024, 3);
    metadata(f, true, true, 60);
    begin(f);
    play(f, &source);

    assert_int_equal(check_rung(f, "30", 0, &first), 10);
    assert_int_equal(first, 0);

    s = check(f, "30");
    assert_int_equal(s->conf.part_target, 6 * 12000);

    for (i = 0; i < s->nparts; i++) {
        assert_int_equal(s->parts[i].duration, s->conf.part_target);
    }

    assert_true(check_rung(f, "late", 0, &first) >= 9);
    assert_true(check_rung(f, "low", 0, &first) >= 9);
    assert_int_equal(stats(f, "30").frames, 600);
    assert_int_equal(stats(f, "30").keyframes, 10);
    assert_int_equal(stats(f, "30").keyframe_interval_ms, 2000);
    assert_int_equal(stats(f, "30").frame_rate_milli, 30000);
    assert_int_equal(stats(f, "30").dropped_frames, 0);
    assert_true(stats(f, "30").bandwidth_bps > 0);
    assert_true(stats(f, "30").average_bps > 0);
}


/* A part does not wait for the frame behind it, nor for one behind a cut. */
static void
parts_close_with_their_last_frame(void **state)
{
    int              i;
    rung_t          *rung;
    fixture_t       *f = *state;
    oa_live_edge_t   edge;

    rung = add_rung(f, "copy", OA_LIVE_VIDEO, 12000, 0);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 100; i++) {
        video(f, i * 1000 / 30, i % 50 == 0);

        if (rung->fed > 0 && i < 50) {
            assert_int_equal(oa_live_edge(&f->live,
                                 oa_follower_rendition(rung->follower), &edge),
                             OA_OK);
            assert_int_equal(edge.head, (i + 1) / 6);
        }
    }

    /* 50 frames are 8 parts, and one of 2 that closed with the keyframe */
    assert_int_equal(check(f, "copy")->segments[0].nparts, 9);
}


/* The boundary is known when the last frames before it come. */
static void
segments_close_before_the_frame_behind_them(void **state)
{
    int                        i;
    fixture_t                 *f = *state;
    const oa_live_snapshot_t  *s;

    add_rung(f, "late", OA_LIVE_VIDEO, 12000, 4);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 50 + 4; i++) {
        video(f, i * 1000 / 30, i % 50 == 0);
    }

    s = check(f, "late");
    assert_int_equal(s->nsegments, 1);
    assert_true(s->segments[0].complete);
    assert_int_equal(s->segments[0].duration, 50 * 12000);
    assert_int_equal(s->hint.msn, 1);
    assert_int_equal(s->hint.part, 0);
}


static void
groups_of_an_odd_length(void **state)
{
    uint32_t   first;
    fixture_t *f = *state;
    source_t   source = { 60, 1, 61, 0, false, 0, 30000 };

    add_rung(f, "again", OA_LIVE_VIDEO, 12000, 2);
    add_rung(f, "own", OA_LIVE_VIDEO, 12000, 4)->own_grid = true;
    add_rung(f, "third", OA_LIVE_VIDEO, 18000, 5);
    metadata(f, true, false, 60);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    assert_true(check_rung(f, "again", 1000, &first) >= 13);
    assert_true(check_rung(f, "own", 1000, &first) >= 13);
    assert_true(check_rung(f, "third", 1000, &first) >= 13);
}


static void
groups_of_all_lengths(void **state)
{
    int         i, next;
    bool        key;
    uint32_t    first;
    fixture_t  *f = *state;

    add_rung(f, "again", OA_LIVE_VIDEO, 12000, 3);
    add_rung(f, "own", OA_LIVE_VIDEO, 12000, 3)->own_grid = true;
    add_rung(f, "now", OA_LIVE_VIDEO, 12000, 0);
    metadata(f, true, false, 60);
    video_config(f, avc_small, sizeof(avc_small));
    srandom(7);

    for (next = 0, i = 0; i < 60 * 60; i++) {
        key = (i == next);
        next += key ? 20 + (int) (random() % 101) : 0;
        f->unix_us = START_US + i * 1000000ll / 60;
        video(f, i * 1000 / 60, key);
    }

    assert_true(check_rung(f, "again", 1000, &first) > 10);
    assert_true(check_rung(f, "own", 1000, &first) > 10);

    /* a boundary that comes too soon is not seen before it is there */
    assert_true(check_rung(f, "now", 17000, &first) > 10);
}


static void
a_variable_frame_rate(void **state)
{
    int         i, next;
    bool        key;
    int64_t     ms;
    uint32_t    first;
    fixture_t  *f = *state;

    add_rung(f, "15", OA_LIVE_VIDEO, 24000, 3);
    add_rung(f, "copy", OA_LIVE_VIDEO, 12000, 3);
    add_rung(f, "now", OA_LIVE_VIDEO, 12000, 0);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    srandom(8);

    for (next = 0, ms = 0, i = 0; ms < 60000; i++) {
        key = (i == next);
        next += key ? 20 + (int) (random() % 30) : 0;
        f->unix_us = START_US + ms * 1000;
        video(f, ms, key);
        ms += 16 + random() % 60;
    }

    assert_true(check_rung(f, "15", 1000, &first) > 20);
    assert_true(check_rung(f, "copy", 1000, &first) > 20);

    /* who has no frame's time to see a boundary come is off by jitter */
    assert_true(check_rung(f, "now", 17000, &first) > 20);
}


static void
a_source_with_reordered_frames(void **state)
{
    int                i, shown;
    uint32_t           first;
    fixture_t         *f = *state;
    static const int   step[] = { 2, -1, -1 };

    add_rung(f, "30", OA_LIVE_VIDEO, 12000, 4);
    add_rung(f, "15", OA_LIVE_VIDEO, 24000, 6);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 600; i++) {
        f->unix_us = START_US + i * 1000000ll / 30;
        shown = 2 + i + (i % 60 == 0 || i % 60 > 57 ? 0
                                                    : step[(i % 60 - 1) % 3]);
        assert_int_equal(try_video(f, i * 1000 / 30, i % 60 == 0,
                                   shown * 1000 / 30 - i * 1000 / 30, 400),
                         OA_OK);
    }

    assert_int_equal(check_rung(f, "30", 0, &first), 10);
    assert_int_equal(check(f, "30")->segments[0].delay, 0);
    assert_int_equal(f->snapshot.segments[0].decode_time, 2 * 12000);
    assert_int_equal(check_rung(f, "15", 0, &first), 10);
}


static void
cuts_without_a_keyframe_of_the_source(void **state)
{
    uint32_t   first;
    fixture_t *f = *state;
    source_t   source = { 30, 1, 250, 48000, false, 0, 40000 };

    add_rung(f, "30", OA_LIVE_VIDEO, 12000, 3);
    add_rung(f, "low", OA_LIVE_AUDIO, 1024, 2);
    begin(f);
    play(f, &source);

    assert_true(check_rung(f, "30", 1000, &first) > 15);
    assert_int_equal(first, 0);
    assert_true(check_rung(f, "low", 1000, &first) > 15);
}


static void
ntsc_rates(void **state)
{
    uint32_t   first;
    fixture_t *f = *state;
    source_t   source = { 60000, 1001, 120, 44100, false, 0, 30000 };

    add_rung(f, "30", OA_LIVE_VIDEO, 12012, 3);
    add_rung(f, "20", OA_LIVE_VIDEO, 18018, 3);
    metadata(f, true, true, 59.94);
    video_config(f, avc_small, sizeof(avc_small));
    audio_config(f, aac_stereo_44k);
    play(f, &source);

    assert_true(check_rung(f, "30", 0, &first) >= 14);
    assert_true(check_rung(f, "20", 0, &first) >= 14);
    assert_int_equal(stats(f, "30").frame_rate_milli, 29970);
}


/* An encoder's packets do not lie on the grid of the source's. */
static void
audio_on_a_grid_of_its_own(void **state)
{
    rung_t    *rung;
    uint32_t   i, first;
    fixture_t *f = *state;
    source_t   source = { 30, 1, 60, 48000, false, 0, 30000 };

    rung = add_rung(f, "early", OA_LIVE_AUDIO, 1024, 2);
    rung->offset = -400;
    rung = add_rung(f, "late", OA_LIVE_AUDIO, 1024, 2);
    rung->offset = 500;
    begin(f);
    play(f, &source);

    assert_true(check_rung(f, "early", 0, &first) >= 14);
    assert_true(check_rung(f, "late", 0, &first) >= 14);

    for (i = 0; i < f->snapshot.nparts; i++) {
        assert_int_equal(f->snapshot.parts[i].duration % 1024, 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        FOLLOWER_TEST(half_the_frames_of_a_regular_source),
        FOLLOWER_TEST(parts_close_with_their_last_frame),
        FOLLOWER_TEST(segments_close_before_the_frame_behind_them),
        FOLLOWER_TEST(groups_of_an_odd_length),
        FOLLOWER_TEST(groups_of_all_lengths),
        FOLLOWER_TEST(a_variable_frame_rate),
        FOLLOWER_TEST(a_source_with_reordered_frames),
        FOLLOWER_TEST(cuts_without_a_keyframe_of_the_source),
        FOLLOWER_TEST(ntsc_rates),
        FOLLOWER_TEST(audio_on_a_grid_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
