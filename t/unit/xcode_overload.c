
/* The ladder with more to do than it can. */


#include "xcode_ladder.h"


static const source_conf_t  source_small = {
    .encoder = "libx264", .options = "preset=ultrafast,sc_threshold=0",
    .width = 128, .height = 72, .format = AV_PIX_FMT_YUV420P,
    .rate = { 25, 1 }, .gop = 10, .frames = 60
};

static const oa_xcode_rung_t  rungs[] = {
    LADDER_AVC(64, 36, 25, 1, 60000),
    LADDER_AVC(96, 54, 25, 1, 60000),
};


/* Keyframes are where the source's are, or right behind; all decodes. */
static void
check_keyframes(ladder_t *l, unsigned rung, int gop)
{
    int               i, n;
    int64_t           frame, last;
    ladder_output_t  *out;

    n = ladder_count(l, rung, OA_XCODE_FRAME);
    assert_int_equal(ladder_decode(l, rung, NULL, NULL), n);
    assert_int_equal(ladder_count(l, rung, OA_XCODE_FAILED), 0);

    for (i = 0, last = -1; i < n; i++) {
        out = ladder_output(l, rung, OA_XCODE_FRAME, i);
        frame = out->o.time / 3600;
        assert_true(frame > last);
        assert_int_equal(out->o.sync, last < 0 || frame / gop != last / gop);
        last = frame;
    }
}


static void
test_late_pictures(void **state)
{
    int                      i;
    source_t                *s;
    ladder_t                *l;
    oa_xcode_rung_stats_t    stats;

    (void) state;

    s = source_new(&source_small);
    l = ladder_new(s, NULL, rungs, 1, 0);
    l->now_us = 1000000;

    /* those of 8 to 12 come to their turn too late, a keyframe with them */
    for (i = 0; i < 20; i++) {
        ladder_push(l, s, i);
        l->now_us += i >= 8 && i <= 12 ? OA_XCODE_LATE_KEY_US + 1
                                       : OA_XCODE_LATE_US;
        ladder_settle(l);
        oa_xcode_rung_stats(l->xcode, 0, &stats);
        assert_int_equal(stats.lateness_us, i >= 8 && i <= 12
                                            ? OA_XCODE_LATE_KEY_US + 1
                                            : OA_XCODE_LATE_US);
    }

    assert_int_equal(stats.late, 5);
    assert_int_equal(stats.full, 0);
    assert_int_equal(stats.frames, 15);
    assert_int_equal(stats.latency_us, OA_XCODE_LATE_US);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), 15);
    assert_int_equal(ladder_time(l, 0, 8), 13 * 3600);
    assert_true(ladder_output(l, 0, OA_XCODE_FRAME, 8)->o.sync);
    assert_int_equal(ladder_output(l, 0, OA_XCODE_FRAME, 14)->o.arrival_us,
                     l->now_us - OA_XCODE_LATE_US);
    check_keyframes(l, 0, 10);

    ladder_free(l);
    source_free(s);
}


/* A picture that begins a segment may be later than others. */
static void
test_a_late_keyframe(void **state)
{
    int                      i;
    source_t                *s;
    ladder_t                *l;
    oa_xcode_rung_stats_t    stats;

    (void) state;

    s = source_new(&source_small);
    l = ladder_new(s, NULL, rungs, 1, 0);
    l->now_us = 1000000;

    for (i = 0; i < 20; i++) {
        ladder_push(l, s, i);
        l->now_us += i == 10 ? OA_XCODE_LATE_KEY_US
                     : i >= 8 && i <= 12 ? OA_XCODE_LATE_US + 1 : 0;
        ladder_settle(l);
    }

    oa_xcode_rung_stats(l->xcode, 0, &stats);
    assert_int_equal(stats.late, 4);
    assert_int_equal(stats.frames, 16);
    assert_int_equal(ladder_time(l, 0, 8), 10 * 3600);
    assert_true(ladder_output(l, 0, OA_XCODE_FRAME, 8)->o.sync);
    check_keyframes(l, 0, 10);

    ladder_free(l);
    source_free(s);
}


/* They were in time for the scaling, but not for the encoder. */
static void
test_pictures_late_for_the_encoder(void **state)
{
    int                      i;
    source_t                *s;
    ladder_t                *l;
    oa_xcode_rung_stats_t    stats;

    (void) state;

    s = source_new(&source_small);
    l = ladder_new(s, NULL, rungs, 1, 0);
    ladder_settle(l);
    l->now_us = 1000000;

    for (i = 0; i < 20; i++) {
        ladder_push(l, s, i);
        oa_xcode_strand_run(ladder_next(l));         /* decodes */
        oa_xcode_strand_run(ladder_next(l));         /* scales */
        l->now_us += i >= 8 && i <= 12 ? OA_XCODE_LATE_KEY_US + 1 : 1000;
        ladder_settle(l);
    }

    oa_xcode_rung_stats(l->xcode, 0, &stats);
    assert_int_equal(stats.late, 5);
    assert_int_equal(stats.frames, 15);
    assert_int_equal(stats.latency_us, 1000);
    assert_true(ladder_output(l, 0, OA_XCODE_FRAME, 8)->o.sync);
    check_keyframes(l, 0, 10);

    ladder_free(l);
    source_free(s);
}


/* A rung that waits for a keyframe begins behind one that came too late. */
static void
test_a_late_beginning(void **state)
{
    int        i;
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_new(&source_small);
    l = ladder_new(s, NULL, rungs, 1, 0);
    l->now_us = 1000000;

    for (i = 0; i < 20; i++) {
        ladder_push(l, s, i);
        l->now_us += i < 3 ? OA_XCODE_LATE_KEY_US + 1 : 0;
        ladder_settle(l);
    }

    assert_int_equal(ladder_time(l, 0, 0), 3 * 3600);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), 17);
    check_keyframes(l, 0, 10);

    ladder_free(l);
    source_free(s);
}


/* What waits for others in the order of presentation is not late for that. */
static void
test_b_frames_are_in_time(void **state)
{
    int                      i;
    source_t                *s;
    ladder_t                *l;
    source_conf_t            conf;
    oa_xcode_rung_stats_t    stats;

    (void) state;

    conf = source_small;
    conf.options = "preset=veryfast,sc_threshold=0,x264-params=b-adapt=0"
                   ":b-pyramid=normal";
    conf.bframes = 5;
    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 1, 0);

    for (i = 0; i < s->n; i++) {
        l->now_us += 40000;
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    oa_xcode_rung_stats(l->xcode, 0, &stats);
    assert_int_equal(stats.late, 0);
    assert_true(stats.frames >= (uint64_t) s->n - 2);
    assert_true(stats.latency_us > 40000);

    ladder_free(l);
    source_free(s);
}


static void
wait_for_frame(ladder_t *l, unsigned rung, int64_t time)
{
    bool  ready;
    int   n;

    for ( ;; ) {
        for (n = l->n; n > 0; n--) {
            if (l->outputs[n - 1].o.kind == OA_XCODE_FRAME
                && l->outputs[n - 1].o.rung == rung
                && l->outputs[n - 1].o.time == time)
            {
                return;
            }
        }

        pthread_mutex_lock(&l->lock);

        while (!l->ready) {
            pthread_cond_wait(&l->changed, &l->lock);
        }

        ready = l->ready;
        pthread_mutex_unlock(&l->lock);

        if (ready) {
            ladder_pull(l);
        }
    }
}


/* One rung that is slow holds up no other, and loses no keyframe. */
static void
test_a_slow_rung(void **state)
{
    int                      i;
    source_t                *s;
    ladder_t                *l;
    source_conf_t            conf;
    oa_xcode_rung_stats_t    slow, other;

    (void) state;

    conf = source_small;
    conf.frames = 400;
    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 2, 3);
    oa_xcode_rung_slow(l->xcode, 1, 100000);

    /* each picture has come out of the other rung before the next comes in */
    for (i = 0; i < s->n; i++) {
        ladder_push(l, s, i);
        wait_for_frame(l, 0, s->frames[i].time);
        oa_xcode_rung_stats(l->xcode, 1, &slow);

        if (slow.full >= 25) {
            break;
        }
    }

    oa_xcode_rung_slow(l->xcode, 1, 0);
    ladder_settle(l);
    oa_xcode_rung_stats(l->xcode, 0, &other);
    oa_xcode_rung_stats(l->xcode, 1, &slow);

    assert_true(slow.full >= 25);
    assert_int_equal(slow.frames + slow.full, i + 1);
    assert_int_equal(other.frames, i + 1);
    assert_int_equal(other.full + other.late, 0);
    check_keyframes(l, 0, 10);
    check_keyframes(l, 1, 10);

    ladder_free(l);
    source_free(s);
}


/* Nobody runs the strands: what does not fit goes, up to a sync frame. */
static void
test_no_room_before_the_decoder(void **state)
{
    int                 i, n;
    source_t           *s;
    ladder_t           *l;
    source_conf_t       conf;
    oa_xcode_stats_t    stats;

    (void) state;

    conf = source_small;
    conf.gop = 30;
    conf.frames = 200;
    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 1, 0);
    ladder_settle(l);

    for (i = 0; i < 140; i++) {
        ladder_push(l, s, i);
    }

    oa_xcode_stats(l->xcode, &stats);
    assert_int_equal(stats.full, 12);
    ladder_settle(l);

    for ( /* void */ ; i < s->n; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    /* 128 to 149 are missing, and nothing else */
    oa_xcode_stats(l->xcode, &stats);
    n = ladder_count(l, 0, OA_XCODE_FRAME);
    assert_int_equal(n, s->n - 22);
    assert_int_equal(stats.full, 22);
    assert_int_equal(stats.damaged, 0);
    assert_int_equal(ladder_time(l, 0, 127), 127 * 3600);
    assert_int_equal(ladder_time(l, 0, 128), 150 * 3600);
    check_keyframes(l, 0, 30);

    ladder_free(l);
    source_free(s);
}


/* The owner does not come: the encoder stops, and goes on where it can. */
static void
test_nobody_pulls(void **state)
{
    int                      i;
    source_t                *s;
    ladder_t                *l;
    source_conf_t            conf;
    oa_xcode_rung_stats_t    stats;

    (void) state;

    conf = source_small;
    conf.frames = 150;
    s = source_new(&conf);
    l = ladder_new(s, NULL, rungs, 2, 0);

    for (i = 0; i < 140; i++) {
        ladder_push(l, s, i);

        while (l->count > 0) {
            oa_xcode_strand_run(ladder_next(l));
        }
    }

    oa_xcode_rung_stats(l->xcode, 0, &stats);
    assert_in_range(stats.frames, 50, 64);
    assert_int_equal(stats.frames + stats.full, 140 - 16);

    for ( /* void */ ; i < s->n; i++) {
        ladder_settle(l);
        ladder_push(l, s, i);
    }

    ladder_settle(l);
    oa_xcode_rung_stats(l->xcode, 0, &stats);
    assert_int_equal(stats.frames + stats.full, s->n);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), stats.frames);
    check_keyframes(l, 0, 10);
    check_keyframes(l, 1, 10);

    ladder_free(l);
    source_free(s);
}


static void
test_a_frame_that_is_too_large(void **state)
{
    uint8_t            *bytes;
    source_t           *s;
    ladder_t           *l;
    oa_slice_t          pieces[3];
    oa_xcode_input_t    input;
    oa_xcode_stats_t    stats;

    (void) state;

    s = source_new(&source_small);
    l = ladder_new(s, NULL, rungs, 1, 0);
    bytes = calloc(1, 1 << 24);
    assert_non_null(bytes);
    pieces[0] = pieces[1] = pieces[2] = oa_slice(bytes, 1 << 24);

    memset(&input, 0, sizeof(input));
    input.pieces = pieces;
    input.npieces = 3;
    input.sync = true;
    oa_xcode_push(l->xcode, &input);

    input.npieces = 0;
    oa_xcode_push(l->xcode, &input);

    oa_xcode_stats(l->xcode, &stats);
    assert_int_equal(stats.full, 2);

    ladder_play(l, s);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), s->n);

    free(bytes);
    ladder_free(l);
    source_free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_late_pictures),
        cmocka_unit_test(test_a_late_keyframe),
        cmocka_unit_test(test_pictures_late_for_the_encoder),
        cmocka_unit_test(test_a_late_beginning),
        cmocka_unit_test(test_b_frames_are_in_time),
        cmocka_unit_test(test_a_slow_rung),
        cmocka_unit_test(test_no_room_before_the_decoder),
        cmocka_unit_test(test_nobody_pulls),
        cmocka_unit_test(test_a_frame_that_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
