
/*
 * A card that decodes.  The stand-in's decoder paints each picture in a shade
 * that says its place behind the keyframe: so it can be told what came out.
 */


#include "xcode_card.h"


#define RUNGS(rungs)  rungs, sizeof(rungs) / sizeof(rungs[0])

#define GOP           15


static const source_conf_t  source_30 = {
    .encoder = "libx264", .options = "preset=veryfast,sc_threshold=0",
    .width = 320, .height = 180, .format = AV_PIX_FMT_YUV420P,
    .rate = { 30, 1 }, .gop = GOP, .frames = 40, .bframes = 2
};

static const oa_xcode_rung_t  two[] = {
    LADDER_AVC(256, 144, 30, 1, 500000),
    LADDER_AVC(160, 90, 30, 1, 300000)
};


static void
check_shade(void *ctx, const AVFrame *frame)
{
    int  i, shade, luma, *next = ctx;

    i = (int) (frame->pts / 3000);
    shade = 40 + i % GOP * 4 % 160;
    luma = frame->data[0][frame->height / 2 * frame->linesize[0]
                          + frame->width / 2];

    if (abs(luma - shade) > 2) {
        fail_msg("picture %d: %d, not %d", i, luma, shade);
    }

    assert_int_equal(i, (*next)++);
    assert_in_range(frame->data[1][0], 126, 130);
}


/* All pictures that came out are the card's, in their order. */
static void
assert_decoded_there(ladder_t *l, unsigned rung, int n)
{
    int  next = 0;

    assert_going(l, rung);
    assert_int_equal(ladder_count(l, rung, OA_XCODE_FRAME), n);
    assert_int_equal(ladder_decode(l, rung, check_shade, &next), n);
}


static void
check_source(const source_conf_t *conf)
{
    source_t  *s;
    ladder_t  *l;

    card_faults("nvdec 1\n");
    s = source_new(conf);
    l = card_ladder(s, NULL, RUNGS(two));
    ladder_play(l, s);

    /* the decoder holds some back, as it does on the CPU */
    assert_decoded_there(l, 0, ladder_count(l, 0, OA_XCODE_FRAME));
    assert_decoded_there(l, 1, ladder_count(l, 1, OA_XCODE_FRAME));
    assert_true(ladder_count(l, 1, OA_XCODE_FRAME) >= s->n - 3);

    ladder_free(l);
    source_free(s);
}


static void
test_h264(void **state)
{
    (void) state;

    check_source(&source_30);
}


static void
test_hevc(void **state)
{
    source_conf_t  conf = source_30;

    (void) state;

    conf.encoder = "libx265";
    conf.options = "preset=ultrafast,"
                   "x265-params=log-level=none:pools=none:open-gop=0"
                   ":scenecut=0";
    check_source(&conf);
}


/* More pictures at once than there is room for, in four threads. */
static void
test_crowded(void **state)
{
    int                     i, n;
    source_t               *s;
    ladder_t               *l;
    oa_xcode_stats_t        stats;
    oa_xcode_rung_stats_t   rung;

    (void) state;

    card_faults("nvdec 1\nstall_ms 5\n");
    s = source_new(&source_30);
    l = ladder_new_on(OA_XCODE_CUDA, s, NULL, RUNGS(two), 4);
    ladder_settle(l);

    for (i = 0; i < s->n; i++) {
        ladder_push(l, s, i);
    }

    ladder_settle(l);
    assert_going(l, 0);
    assert_going(l, 1);

    oa_xcode_stats(l->xcode, &stats);
    oa_xcode_rung_stats(l->xcode, 1, &rung);
    n = ladder_count(l, 1, OA_XCODE_FRAME);
    assert_int_equal(stats.damaged, 0);
    assert_int_equal(rung.frames, n);
    assert_int_equal(rung.frames + rung.full, stats.decoded);
    assert_int_equal(ladder_decode(l, 1, NULL, NULL), n);

    ladder_free(l);
    source_free(s);
}


static void
test_dies(void **state)
{
    int        i;
    source_t  *s;
    ladder_t  *l;

    (void) state;

    card_faults("nvdec 1\n");
    s = source_new(&source_30);
    l = card_ladder(s, NULL, RUNGS(two));

    for (i = 0; i < 10; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    card_faults("nvdec 1\ndead 1\n");
    ladder_push(l, s, i++);
    ladder_settle(l);
    assert_failed(l, 0, "the card's decoder of h264 failed");
    assert_failed(l, 1, "the card's decoder of h264 failed");

    card_faults("nvdec 1\n");
    oa_xcode_rung_set(l->xcode, 0, true);
    oa_xcode_rung_set(l->xcode, 1, true);

    for ( /* void */ ; i < s->n; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    assert_failed(l, 0, "");
    assert_true(ladder_count(l, 0, OA_XCODE_FRAME) > 10);
    assert_int_equal(ladder_decode(l, 0, NULL, NULL),
                     ladder_count(l, 0, OA_XCODE_FRAME));

    ladder_free(l);
    source_free(s);
}


/* Where the source becomes one that the card does not decode, the CPU does. */
static void
test_not_by_the_card(void **state)
{
    int                 i;
    char                text[OA_XCODE_TEXT_BYTES];
    source_t           *s, *other;
    ladder_t           *l;
    source_conf_t       conf = source_30;
    oa_xcode_source_t   described;

    (void) state;

    card_faults("nvdec 1\n");
    conf.bframes = 0;
    conf.options = "preset=ultrafast";
    s = source_new(&conf);
    conf.format = AV_PIX_FMT_YUV422P;
    other = source_new(&conf);

    l = card_ladder(s, NULL, RUNGS(two));

    for (i = 0; i < 10; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }

    ladder_describe(&described, other, NULL);
    assert_int_equal(oa_xcode_source(l->xcode, &described, text), OA_OK);

    for (i = 15; i < s->n; i++) {
        ladder_push(l, other, i);
        ladder_settle(l);
    }

    assert_going(l, 0);
    assert_going(l, 1);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), s->n - 5);
    assert_int_equal(ladder_decode(l, 1, NULL, NULL), s->n - 5);

    ladder_free(l);
    source_free(s);
    source_free(other);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_h264, card_mended),
        cmocka_unit_test_teardown(test_hevc, card_mended),
        cmocka_unit_test_teardown(test_crowded, card_mended),
        cmocka_unit_test_teardown(test_dies, card_mended),
        cmocka_unit_test_teardown(test_not_by_the_card, card_mended),
    };

    return cmocka_run_group_tests(tests, card_begin, card_end);
}
