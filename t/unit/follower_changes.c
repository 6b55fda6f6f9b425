
/* Followers that sleep, lose frames, or whose source changes. */


#include "follower_fixture.h"


/* --- changes --------------------------------------------------------- */


static void
a_changed_configuration(void **state)
{
    uint8_t                    other[sizeof(avc_small)];
    uint32_t                   first;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 4000 };
    const oa_live_snapshot_t  *s;

    memcpy(other, avc_small, sizeof(other));
    other[sizeof(other) - 1] = 0x60;

    add_rung(f, "30", OA_LIVE_VIDEO, 12000, 0);
    add_rung(f, "low", OA_LIVE_AUDIO, 1024, 0);
    begin(f);
    play(f, &source);
    video_config(f, other, sizeof(other));
    source.from_ms = 4000;
    source.to_ms = 10000;
    play(f, &source);

    assert_int_equal(check_rung(f, "30", 1000, &first), 5);
    assert_int_equal(check_rung(f, "low", 1000, &first), 5);

    s = check(f, "30");
    assert_int_equal(s->segments[1].init_id, 0);
    assert_int_equal(s->segments[2].init_id, 1);
    assert_int_equal(s->segments[4].discontinuities, 1);
}


static void
a_resumed_session(void **state)
{
    uint32_t                   first;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 5000 };
    const oa_live_snapshot_t  *s;

    add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    add_rung(f, "low", OA_LIVE_AUDIO, 1024, 1);
    begin(f);
    play(f, &source);
    leave(f);

    /* what was whole is there */
    s = check(f, "30");
    assert_int_equal(s->nsegments, 3);
    assert_int_equal(s->segments[2].duration, 28 * 12000);

    f->unix_us += 3000000;
    connect_publisher(f);
    begin(f);
    play(f, &source);

    assert_int_equal(check_rung(f, "30", 1000, &first), 6);
    assert_int_equal(first, 0);
    assert_int_equal(check_rung(f, "low", 1000, &first), 6);
    assert_true(check(f, "30")->segments[3].discontinuity);
}


/* It has begun a segment of which the source's first part was lost. */
static void
a_follower_that_was_ahead_when_its_owner_died(void **state)
{
    rung_t               *rung;
    uint32_t              first;
    fixture_t            *f = *state;
    source_t              source = { 30, 1, 60, 0, false, 0, 5000 };
    oa_live_edge_t        edge;
    oa_follower_frame_t   frame;
    oa_packager_boundary_t  ahead = { 60 * 30 * 12000, 3, 0, false };

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 0);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    memset(&frame, 0, sizeof(frame));
    frame.data = oa_slice(avc_small, sizeof(avc_small));
    frame.time = ahead.time;
    frame.sync = true;
    assert_int_equal(oa_follower_boundary(rung->follower, &ahead), OA_OK);
    assert_int_equal(oa_follower_frame(rung->follower, &frame), OA_OK);
    leave(f);
    assert_int_equal(check(f, "30")->segments[f->snapshot.nsegments - 1].msn,
                     3);

    f->unix_us += 3000000;
    connect_publisher(f);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    source.to_ms = 1900;
    play(f, &source);
    assert_int_equal(oa_live_edge(&f->live,
                         oa_follower_rendition(rung->follower), &edge), OA_OK);
    assert_int_equal(edge.msn, 3);

    source.from_ms = 1900;
    source.to_ms = 8000;
    play(f, &source);
    assert_true(check_rung(f, "30", 1000, &first) >= 2);
    assert_int_equal(first, 4);
}


static void
a_new_session(void **state)
{
    uint32_t   first;
    fixture_t *f = *state;
    source_t   source = { 30, 1, 60, 48000, true, 0, 5000 };

    add_rung(f, "low", OA_LIVE_AUDIO, 1024, 1);
    audio_config(f, aac_stereo_48k);
    play(f, &source);
    assert_true(segments_of(f, "low") > 0);

    video_config(f, avc_small, sizeof(avc_small));
    source.no_video = false;
    source.from_ms = 5000;
    source.to_ms = 15000;
    play(f, &source);

    assert_int_equal(f->restarts, 1);
    assert_int_equal(check_rung(f, "low", 1000, &first), 5);
    assert_int_equal(first, 0);
}


static void
a_pause_of_the_source(void **state)
{
    uint32_t   first;
    fixture_t *f = *state;
    source_t   source = { 30, 1, 60, 48000, false, 0, 5000 };

    add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    add_rung(f, "low", OA_LIVE_AUDIO, 1024, 1);
    begin(f);
    play(f, &source);

    f->unix_us += 6000000;
    source.from_ms = 11000;
    source.to_ms = 16000;
    play(f, &source);

    assert_int_equal(check_rung(f, "30", 1000, &first), 6);
    assert_true(check_rung(f, "low", 1000, &first) >= 5);
}


/* --- sleep ----------------------------------------------------------- */


static void
sleeps_until_it_is_fed(void **state)
{
    rung_t              *rung;
    uint32_t             first;
    fixture_t           *f = *state;
    source_t             source = { 30, 1, 60, 0, false, 0, 5000 };
    oa_live_format_t     format;
    oa_live_rendition_t  r;

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    rung->asleep = true;
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    /* it is listed, and has nothing */
    assert_int_equal(presence_of(rung, f), OA_LIVE_ASLEEP);
    r = oa_follower_rendition(rung->follower);
    assert_int_equal(oa_live_format_get(&f->live, r, &format), OA_OK);
    assert_int_equal(format.width, 320);
    assert_int_equal(format.frame_rate_num / format.frame_rate_den, 30);
    assert_int_equal(rung->wakes, 0);

    /* in mid-segment: what comes before the boundary is of no use */
    rung->asleep = false;
    source.from_ms = 5000;
    source.to_ms = 5900;
    source.gop = 1000;
    source.num = 30;
    play(f, &source);
    assert_int_equal(presence_of(rung, f), OA_LIVE_AWAKE);

    source.gop = 60;
    source.from_ms = 5900;
    source.to_ms = 12000;
    play(f, &source);
    check_rung(f, "30", 1000, &first);
    assert_int_equal(stats(f, "30").dropped_frames, 0);
}


static void
wakes_at_the_next_boundary(void **state)
{
    int         i;
    rung_t     *rung;
    uint32_t    first, awake;
    fixture_t  *f = *state;

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    rung->asleep = true;
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (awake = 0, i = 0; i < 1500; i++) {
        f->unix_us = START_US + i * 1000000ll / 30;

        if (i % 400 == 90) {
            rung->asleep = false;
        }

        if (i % 400 == 350) {
            check_rung(f, "30", 0, &first);
            assert_int_equal(first, (i - 260 + 59) / 60);
            assert_int_equal(presence_of(rung, f), OA_LIVE_AWAKE);
            rung->asleep = true;
            awake = rung->wakes;
            assert_int_equal(oa_follower_park(rung->follower,
                                              i == 350 ? OA_LIVE_WITHDRAWN
                                                       : OA_LIVE_ASLEEP),
                             OA_OK);
            assert_int_equal(rung->wakes, awake + 1);
            assert_int_equal(presence_of(rung, f), i == 350
                                                   ? OA_LIVE_WITHDRAWN
                                                   : OA_LIVE_ASLEEP);
        }

        video(f, i * 1000 / 30, i % 60 == 0);

        if (rung->asleep && i > 0) {
            assert_int_not_equal(presence_of(rung, f), OA_LIVE_AWAKE);
        }
    }

    assert_int_equal(stats(f, "30").dropped_frames, 0);
}


static void
sleeps_in_a_resumed_session(void **state)
{
    rung_t     *rung;
    uint32_t    first;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 0, false, 0, 5000 };

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);
    assert_int_equal(oa_follower_park(rung->follower, OA_LIVE_ASLEEP), OA_OK);
    rung->asleep = true;
    leave(f);

    f->unix_us += 3000000;
    connect_publisher(f);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);
    assert_int_equal(presence_of(rung, f), OA_LIVE_ASLEEP);

    rung->asleep = false;
    source.from_ms = 5000;
    source.to_ms = 10000;
    play(f, &source);
    assert_true(check_rung(f, "30", 1000, &first) >= 2);
    assert_true(first >= 6);
}


/* --- what is missing ------------------------------------------------- */


static void
lost_frames_are_made_up_for(void **state)
{
    rung_t                    *rung;
    uint32_t                   first;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 0, false, 0, 20000 };
    const oa_live_snapshot_t  *s;

    /* three in mid-segment, with the part's last one */
    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    rung->deaf_from = 100 * 12000;
    rung->deaf_to = 103 * 12000;

    /* three before a boundary */
    rung = add_rung(f, "end", OA_LIVE_VIDEO, 12000, 2);
    rung->deaf_from = 117 * 12000;
    rung->deaf_to = 120 * 12000;

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    assert_int_equal(check_rung(f, "30", 0, &first), 10);
    assert_int_equal(first, 0);
    assert_int_equal(check_rung(f, "end", 0, &first), 10);
    assert_int_equal(first, 0);

    s = check(f, "end");
    assert_int_equal(s->segments[1].duration + s->segments[1].decode_time,
                     s->segments[2].decode_time);
}


/* A segment that makes up for much is cut before it gets too long. */
static void
what_is_made_up_for_does_not_break_the_target_duration(void **state)
{
    rung_t                    *rung;
    uint32_t                   first;
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 72, 0, false, 0, 24000 };
    const oa_live_snapshot_t  *s;

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    rung->deaf_from = 210 * 12000;
    rung->deaf_to = 216 * 12000;
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    assert_int_equal(check_rung(f, "30", 0, &first), 10);
    assert_int_equal(first, 0);

    s = check(f, "30");
    assert_int_equal(s->segments[2].duration, 66 * 12000);
    assert_true(s->segments[3].duration > 72 * 12000);
    assert_int_equal(s->segments[3].delay, 6 * 12000);
    assert_true(stats(f, "30").dropped_frames > 0);
    assert_int_equal(s->segments[6].delay, 0);
}


/* Without its keyframe a segment begins with the next one that there is. */
static void
a_lost_keyframe(void **state)
{
    rung_t     *rung;
    uint32_t    first;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 0, false, 0, 20000 };

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    rung->deaf_from = 120 * 12000;
    rung->deaf_to = 121 * 12000;
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    /* which is that of the next segment: the one between is nowhere */
    assert_int_equal(check_rung(f, "30", 0, &first), 7);
    assert_int_equal(first, 3);
    assert_int_equal(stats(f, "30").dropped_frames, 59);
}


static void
a_lost_boundary(void **state)
{
    rung_t     *rung;
    uint32_t    first;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 0, false, 0, 20000 };

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    rung->deaf_from = 100 * 12000;
    rung->deaf_to = 290 * 12000;

    /* a second before a boundary, which itself is there */
    rung = add_rung(f, "end", OA_LIVE_VIDEO, 12000, 2);
    rung->deaf_from = 210 * 12000;
    rung->deaf_to = 240 * 12000;

    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    assert_int_equal(check_rung(f, "30", 0, &first), 5);
    assert_int_equal(first, 5);
    assert_int_equal(check_rung(f, "end", 0, &first), 6);
    assert_int_equal(first, 4);
}


static void
losses_everywhere(void **state)
{
    int         i;
    rung_t     *rung;
    uint32_t    first;
    fixture_t  *f = *state;

    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 2);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    srandom(9);

    for (i = 0; i < 30 * 120; i++) {
        if (i % 50 == 0) {
            rung->deaf_from = (i + random() % 20) * 12000;
            rung->deaf_to = rung->deaf_from + random() % 30 * 12000;
        }

        f->unix_us = START_US + i * 1000000ll / 30;
        video(f, i * 1000 / 30, i % 60 == 0);

        if (i % 10 == 9 && presence_of(rung, f) == OA_LIVE_AWAKE) {
            check_rung(f, "30", 1000, &first);
        }
    }
}


/* --- errors ---------------------------------------------------------- */


static void
says_what_is_wrong(void **state)
{
    rung_t               *rung, other;
    ladder_t             *ladder;
    fixture_t            *f = *state;
    source_t              source = { 30, 1, 60, 0, false, 0, 5000 };
    static uint8_t        large[200000];
    oa_follower_frame_t   frame;

    ladder = f->listener;
    rung = add_rung(f, "30", OA_LIVE_VIDEO, 12000, 0);
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);

    /* of the same name with another timescale, kind, and none at all */
    other = *rung;
    assert_int_equal(rung_open(ladder, &other, 90000), OA_EINVAL);
    other.kind = OA_LIVE_AUDIO;
    assert_int_equal(rung_open(ladder, &other, 360000), OA_EINVAL);
    other.name = "none";
    other.frame = 0;
    assert_int_equal(rung_open(ladder, &other, 360000), OA_EINVAL);

    memset(&frame, 0, sizeof(frame));
    frame.data = oa_slice(large, 10);
    other.frame = 12000;
    other.kind = OA_LIVE_VIDEO;
    assert_int_equal(rung_open(ladder, &other, 360000), OA_OK);
    assert_int_equal(oa_follower_frame(other.follower, &frame), OA_EINVAL);
    assert_int_equal(oa_follower_config(other.follower, frame.data, NULL,
                                        NULL, (oa_timeline_rate_t) { 30, 1 }),
                     OA_EINVAL);
    rung_close(&other);

    /* a frame that does not fit ends its segment, and the next one is fine */
    frame.data = oa_slice(large, sizeof(large));
    frame.time = 151 * 12000;
    assert_int_equal(oa_follower_frame(rung->follower, &frame), OA_EFULL);
    source.from_ms = 5000;
    source.to_ms = 11000;
    play(f, &source);
    assert_int_equal(check(f, "30")->segments[f->snapshot.nsegments - 1].msn,
                     check(f, "video")->segments[f->snapshot.nsegments - 1]
                     .msn);

    oa_live_end(&f->live, f->session, 0, nothing_changed, NULL);
    frame.data = oa_slice(large, 10);
    frame.time = 1000 * 12000;
    frame.sync = true;
    assert_int_equal(oa_follower_park(rung->follower, OA_LIVE_ASLEEP),
                     OA_EGONE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        FOLLOWER_TEST(a_changed_configuration),
        FOLLOWER_TEST(a_resumed_session),
        FOLLOWER_TEST(a_follower_that_was_ahead_when_its_owner_died),
        FOLLOWER_TEST(a_new_session),
        FOLLOWER_TEST(a_pause_of_the_source),
        FOLLOWER_TEST(sleeps_until_it_is_fed),
        FOLLOWER_TEST(wakes_at_the_next_boundary),
        FOLLOWER_TEST(sleeps_in_a_resumed_session),
        FOLLOWER_TEST(lost_frames_are_made_up_for),
        FOLLOWER_TEST(what_is_made_up_for_does_not_break_the_target_duration),
        FOLLOWER_TEST(a_lost_keyframe),
        FOLLOWER_TEST(a_lost_boundary),
        FOLLOWER_TEST(losses_everywhere),
        FOLLOWER_TEST(says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
