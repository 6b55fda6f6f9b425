
/* The ladder: which pictures each rung has, when, and its keyframes. */


#include "xcode_ladder.h"


static const source_conf_t  source_30 = {
    .encoder = "libx264", .options = "preset=ultrafast,sc_threshold=0",
    .width = 320, .height = 180, .format = AV_PIX_FMT_YUV420P,
    .rate = { 30, 1 }, .gop = 20, .frames = 75
};


/* Frame i of a source, in the order of presentation. */
static int64_t
time_of(const source_t *s, int64_t i)
{
    return av_rescale_q(i, (AVRational) { (int) s->rate.den,
                                          (int) s->rate.num },
                        (AVRational) { 1, (int) s->timescale });
}


/* Whether the source has a keyframe with after < time <= until. */
static bool
keyframe_between(const source_t *s, int64_t after, int64_t until)
{
    int  i;

    for (i = 0; i < s->n; i++) {
        if (s->frames[i].sync && s->frames[i].time > after
            && s->frames[i].time <= until)
        {
            return true;
        }
    }

    return false;
}


/* The rung decodes whole, in order, with keyframes where the source's are. */
static void
check_rung(ladder_t *l, const source_t *s, unsigned rung, int64_t begins)
{
    int               i, n;
    int64_t           last;
    ladder_output_t  *out;

    n = ladder_count(l, rung, OA_XCODE_FRAME);
    last = begins - 1;

    assert_int_equal(ladder_count(l, rung, OA_XCODE_CONFIG), 1);
    assert_int_equal(ladder_count(l, rung, OA_XCODE_FAILED), 0);
    assert_int_equal(ladder_decode(l, rung, NULL, NULL), n);

    for (i = 0; i < n; i++) {
        out = ladder_output(l, rung, OA_XCODE_FRAME, i);
        assert_true(out->o.time > last);
        assert_int_equal(out->o.sync, i == 0
                         || keyframe_between(s, last, out->o.time));
        last = out->o.time;
    }
}


/* It has every step-th frame from each keyframe on, but for what is held. */
static void
check_times(ladder_t *l, const source_t *s, unsigned rung, int gop, int step,
    int held)
{
    int  i, n;

    for (i = 0, n = 0; i < s->n - held; i++) {
        if (i % gop % step == 0) {
            assert_int_equal(ladder_time(l, rung, n++), time_of(s, i));
        }
    }

    assert_int_equal(ladder_count(l, rung, OA_XCODE_FRAME), n);
}


static void
test_all_rungs(void **state)
{
    source_t               *s;
    ladder_t               *l;
    oa_codec_video_t       *picture;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(96, 54, 15, 1, 60000),
        LADDER_AVC(320, 180, 30, 1, 400000),
        LADDER_AVC(160, 90, 30, 1, 100000),
        LADDER_AVC(160, 90, 15, 1, 100000),
        LADDER_AVC(128, 128, 0, 0, 100000),
    };

    (void) state;

    s = source_new(&source_30);
    l = ladder_new(s, NULL, rungs, 5, 0);
    ladder_settle(l);

    /* all tell what they are before there is a picture */
    assert_int_equal(l->n, 5);
    picture = &ladder_output(l, 0, OA_XCODE_CONFIG, 0)->o.picture;
    assert_int_equal(picture->width, 96);
    assert_int_equal(picture->height, 54);
    assert_int_equal(picture->sar_width, picture->sar_height);
    assert_int_equal(picture->nal_length_size, 4);

    ladder_play(l, s);

    check_times(l, s, 0, 20, 2, 0);
    check_times(l, s, 1, 20, 1, 0);
    check_times(l, s, 2, 20, 1, 0);
    check_times(l, s, 3, 20, 2, 0);
    check_times(l, s, 4, 20, 1, 0);
    check_rung(l, s, 0, 0);
    check_rung(l, s, 1, 0);
    check_rung(l, s, 2, 0);
    check_rung(l, s, 3, 0);
    check_rung(l, s, 4, 0);

    ladder_free(l);
    source_free(s);
}


static void
test_b_frames(void **state)
{
    source_t               *s;
    ladder_t               *l;
    source_conf_t           conf;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(160, 90, 30, 1, 100000),
        LADDER_AVC(96, 54, 15, 1, 60000),
    };

    (void) state;

    conf = source_30;
    conf.options = "preset=veryfast,sc_threshold=0,x264-params="
                   "b-pyramid=normal:b-adapt=0";
    conf.bframes = 3;

    s = source_new(&conf);
    assert_true(s->frames[0].decode_time < s->frames[0].time);
    assert_true(s->frames[1].time > s->frames[2].time);

    l = ladder_new(s, NULL, rungs, 2, 0);
    ladder_play(l, s);

    /* two frames are held for the order of presentation */
    check_times(l, s, 0, 20, 1, 2);
    check_times(l, s, 1, 20, 2, 2);
    check_rung(l, s, 0, 0);
    check_rung(l, s, 1, 0);

    ladder_free(l);
    source_free(s);
}


/* A keyframe may be followed by pictures that are presented before it. */
static void
test_open_gop(void **state)
{
    source_t               *s;
    ladder_t               *l;
    source_conf_t           conf;
    const oa_xcode_rung_t   rungs[] = { LADDER_AVC(160, 90, 30, 1, 100000) };

    (void) state;

    conf = source_30;
    conf.encoder = "libx265";
    conf.options = "preset=ultrafast,x265-params=log-level=none:open-gop=1"
                   ":bframes=2:b-adapt=0:keyint=20:min-keyint=20:scenecut=0"
                   ":pools=none:frame-threads=1";
    conf.bframes = 2;

    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 1, 0);
    ladder_play(l, s);

    assert_true(ladder_count(l, 0, OA_XCODE_FRAME) >= s->n - 4);
    check_rung(l, s, 0, 0);

    ladder_free(l);
    source_free(s);
}


static void
check_rate(oa_timeline_rate_t source, oa_timeline_rate_t rung, int gop,
    int step)
{
    source_t         *s;
    ladder_t         *l;
    source_conf_t     conf;
    oa_xcode_rung_t   rungs[] = { LADDER_AVC(96, 54, 1, 1, 60000) };

    conf = source_30;
    conf.width = 128;
    conf.height = 72;
    conf.rate = source;
    conf.gop = gop;
    conf.frames = 3 * gop + 5;
    rungs[0].rate = rung;

    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 1, 0);
    ladder_play(l, s);

    check_times(l, s, 0, gop, step, 0);
    check_rung(l, s, 0, 0);

    ladder_free(l);
    source_free(s);
}


static void
test_rates(void **state)
{
    typedef oa_timeline_rate_t  rate_t;

    (void) state;

    check_rate((rate_t) { 60, 1 }, (rate_t) { 30, 1 }, 40, 2);
    check_rate((rate_t) { 60, 1 }, (rate_t) { 30, 1 }, 31, 2);
    check_rate((rate_t) { 60, 1 }, (rate_t) { 20, 1 }, 40, 3);
    check_rate((rate_t) { 60000, 1001 }, (rate_t) { 30000, 1001 }, 120, 2);
    check_rate((rate_t) { 60000, 1001 }, (rate_t) { 30, 1 }, 60, 2);
    check_rate((rate_t) { 50, 1 }, (rate_t) { 25, 1 }, 50, 2);
    check_rate((rate_t) { 30, 1 }, (rate_t) { 30000, 1001 }, 60, 1);
    check_rate((rate_t) { 24000, 1001 }, (rate_t) { 60, 1 }, 24, 1);
    check_rate((rate_t) { 25, 1 }, (rate_t) { 0, 0 }, 25, 1);
}


/* Two of three: 30 to 20.  Five of six: 60 to 50. */
static void
test_rates_that_divide_badly(void **state)
{
    int                     i, n;
    int64_t                 gap;
    source_t               *s;
    ladder_t               *l;
    source_conf_t           conf;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(96, 54, 20, 1, 60000),
        LADDER_AVC(96, 54, 25, 1, 60000),
    };

    (void) state;

    conf = source_30;
    conf.gop = 60;
    conf.frames = 121;
    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 2, 0);
    ladder_play(l, s);

    check_rung(l, s, 0, 0);
    check_rung(l, s, 1, 0);

    n = ladder_count(l, 0, OA_XCODE_FRAME);
    assert_int_equal(n, 81);
    assert_int_equal(ladder_count(l, 1, OA_XCODE_FRAME), 101);

    for (i = 1; i < n; i++) {
        gap = ladder_time(l, 0, i) - ladder_time(l, 0, i - 1);
        assert_true(gap == 3000 || gap == 6000);
    }

    ladder_free(l);
    source_free(s);
}


static void
test_keyframe_time(void **state)
{
    int                     i;
    bool                    sync;
    source_t               *s;
    ladder_t               *l;
    source_conf_t           conf;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(160, 90, 30, 1, 100000),
        LADDER_AVC(96, 54, 15, 1, 60000),
    };

    (void) state;

    conf = source_30;
    conf.gop = 1000;
    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 2, 0);

    /* frame 25 is the first at or behind it; told with frame 23 */
    for (i = 0; i < 50; i++) {
        ladder_push_keyed(l, s, i, i == 23, time_of(s, 25) - 1000);
        ladder_settle(l);
    }

    for (i = 0; i < 50; i++) {
        sync = ladder_output(l, 0, OA_XCODE_FRAME, i)->o.sync;
        assert_int_equal(sync, i == 0 || i == 25);
    }

    /* the grid of the slower rung goes on from there: 0, 2, … 24, 25, 27 … */
    for (i = 0; i < 26; i++) {
        assert_int_equal(ladder_time(l, 1, i),
                         time_of(s, i < 13 ? 2 * i : 2 * i - 1));
        sync = ladder_output(l, 1, OA_XCODE_FRAME, i)->o.sync;
        assert_int_equal(sync, i == 0 || i == 13);
    }

    ladder_free(l);
    source_free(s);
}


/* --- sleeping --------------------------------------------------------- */


static void
test_a_rung_sleeps(void **state)
{
    int                     i;
    source_t               *s;
    ladder_t               *l;
    oa_xcode_stats_t        stats;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(160, 90, 30, 1, 100000),
        LADDER_AVC(96, 54, 30, 1, 60000),
    };

    (void) state;

    s = source_new(&source_30);
    l = ladder_new(s, NULL, rungs, 2, 0);
    oa_xcode_rung_set(l->xcode, 0, false);
    oa_xcode_rung_set(l->xcode, 1, false);
    ladder_settle(l);

    /* it tells what it is, and then nothing is done */
    assert_int_equal(l->n, 2);

    for (i = 0; i < 25; i++) {
        ladder_push(l, s, i);
        assert_int_equal(l->count, 0);
    }

    oa_xcode_stats(l->xcode, &stats);
    assert_int_equal(stats.decoded, 0);

    /* woken in the middle of 20 to 40 it begins at 40, also the decoder */
    oa_xcode_rung_set(l->xcode, 1, true);

    for ( /* void */ ; i < 45; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    oa_xcode_stats(l->xcode, &stats);
    assert_int_equal(stats.decoded, 5);
    assert_int_equal(ladder_count(l, 1, OA_XCODE_FRAME), 5);
    check_rung(l, s, 1, time_of(s, 40));

    /* beside another one that is at work the next keyframe counts as well */
    oa_xcode_rung_set(l->xcode, 0, true);

    for ( /* void */ ; i < 65; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), 5);
    check_rung(l, s, 0, time_of(s, 60));

    /* nothing comes from one that was sent to sleep with pictures in hand */
    ladder_push(l, s, i++);
    oa_xcode_rung_set(l->xcode, 0, false);
    ladder_settle(l);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), 5);
    assert_int_equal(ladder_time(l, 1, 25), time_of(s, 65));

    ladder_free(l);
    source_free(s);
}


/* A keyframe that is on its way already is not the next one. */
static void
test_a_rung_wakes_behind_a_keyframe(void **state)
{
    int                     i;
    source_t               *s;
    ladder_t               *l;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(160, 90, 30, 1, 100000),
        LADDER_AVC(96, 54, 30, 1, 60000),
    };

    (void) state;

    s = source_new(&source_30);
    l = ladder_new(s, NULL, rungs, 2, 0);
    oa_xcode_rung_set(l->xcode, 1, false);

    for (i = 0; i < s->n; i++) {
        ladder_push(l, s, i);

        if (i == 20) {
            oa_xcode_rung_set(l->xcode, 1, true);
        }

        ladder_settle(l);
    }

    check_rung(l, s, 0, 0);
    check_rung(l, s, 1, time_of(s, 40));
    assert_int_equal(ladder_time(l, 1, 0), time_of(s, 40));

    ladder_free(l);
    source_free(s);
}


/* Off and on at once, with work in hand: it begins with a keyframe anew. */
static void
test_a_rung_turns_round(void **state)
{
    int                     i, begun;
    source_t               *s;
    ladder_t               *l;
    source_conf_t           conf;
    const oa_xcode_rung_t   rungs[] = { LADDER_AVC(96, 54, 30, 1, 60000) };

    (void) state;

    conf = source_30;
    conf.gop = 10;
    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 1, 0);

    for (i = 0; i < 12; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    begun = ladder_count(l, 0, OA_XCODE_FRAME);
    assert_int_equal(begun, 12);

    for ( /* void */ ; i < s->n; i++) {
        ladder_push(l, s, i);

        if (i == 15 || i == 38 || i == 41) {
            oa_xcode_rung_set(l->xcode, 0, false);
            oa_xcode_rung_set(l->xcode, 0, true);
        }

        if (i % 3 == 0) {
            ladder_settle(l);
        }
    }

    ladder_settle(l);
    check_rung(l, s, 0, 0);

    /* 0 to 12, 20 to 36, 50 to the end */
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), 13 + 17 + 25);
    assert_int_equal(ladder_time(l, 0, 12), time_of(s, 12));
    assert_int_equal(ladder_time(l, 0, 13), time_of(s, 20));
    assert_int_equal(ladder_time(l, 0, 29), time_of(s, 36));
    assert_int_equal(ladder_time(l, 0, 30), time_of(s, 50));

    ladder_free(l);
    source_free(s);
}


/* --- who runs it ------------------------------------------------------ */


/* Threads make the same bytes, as no picture comes too late. */
static void
test_threads(void **state)
{
    int                     i, n;
    unsigned                rung;
    source_t               *s;
    ladder_t               *one, *many;
    ladder_output_t        *a, *b;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(320, 180, 30, 1, 400000),
        LADDER_AVC(160, 90, 30, 1, 100000),
        LADDER_AVC(96, 54, 15, 1, 60000),
    };

    (void) state;

    s = source_new(&source_30);
    one = ladder_new(s, NULL, rungs, 3, 0);
    many = ladder_new(s, NULL, rungs, 3, 3);

    for (i = 0; i < s->n; i++) {
        ladder_push(one, s, i);
        ladder_push(many, s, i);

        if (i % 8 == 7 || i == s->n - 1) {
            ladder_settle(one);
            ladder_settle(many);
        }
    }

    for (rung = 0; rung < 3; rung++) {
        n = ladder_count(one, rung, OA_XCODE_FRAME);
        assert_int_equal(n, rung == 2 ? 38 : s->n);
        assert_int_equal(ladder_count(many, rung, OA_XCODE_FRAME), n);

        for (i = 0; i < n; i++) {
            a = ladder_output(one, rung, OA_XCODE_FRAME, i);
            b = ladder_output(many, rung, OA_XCODE_FRAME, i);
            assert_int_equal(a->o.time, b->o.time);
            assert_int_equal(a->o.data.size, b->o.data.size);
            assert_memory_equal(a->data, b->data, a->o.data.size);
        }
    }

    ladder_free(one);
    ladder_free(many);
    source_free(s);
}


/* What could not be asked for is asked for with the next frame. */
static void
test_nobody_runs_it(void **state)
{
    int                     i;
    source_t               *s;
    ladder_t               *l;
    const oa_xcode_rung_t   rungs[] = { LADDER_AVC(96, 54, 30, 1, 60000) };

    (void) state;

    s = source_new(&source_30);
    l = ladder_new(s, NULL, rungs, 1, 0);
    ladder_settle(l);

    for (i = 0; i < s->n; i++) {
        l->refuse = i % 4 != 3 && i != s->n - 1;
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    l->refuse = false;
    ladder_settle(l);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), s->n);
    check_rung(l, s, 0, 0);

    ladder_free(l);
    source_free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_all_rungs),
        cmocka_unit_test(test_b_frames),
        cmocka_unit_test(test_open_gop),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_rates_that_divide_badly),
        cmocka_unit_test(test_keyframe_time),
        cmocka_unit_test(test_a_rung_sleeps),
        cmocka_unit_test(test_a_rung_wakes_behind_a_keyframe),
        cmocka_unit_test(test_a_rung_turns_round),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_nobody_runs_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
