
/* The ladder: pictures in, pictures of each rung out. */


#include "xcode_ladder.h"


static const source_conf_t  source_30 = {
    .encoder = "libx264", .options = "preset=ultrafast,sc_threshold=0",
    .width = 320, .height = 180, .format = AV_PIX_FMT_YUV420P,
    .rate = { 30, 1 }, .gop = 30, .frames = 75
};


/* Every frame of the source in the rung, at its time, whole. */
static void
check_all(ladder_t *l, unsigned rung, const source_t *s)
{
    int               i;
    ladder_output_t  *out;

    assert_int_equal(ladder_count(l, rung, OA_XCODE_CONFIG), 1);
    assert_int_equal(ladder_count(l, rung, OA_XCODE_FAILED), 0);
    assert_int_equal(ladder_count(l, rung, OA_XCODE_FRAME), s->n);
    assert_int_equal(ladder_decode(l, rung, NULL, NULL), s->n);

    for (i = 0; i < s->n; i++) {
        out = ladder_output(l, rung, OA_XCODE_FRAME, i);
        assert_int_equal(out->o.time,
                         oa_rescale(i, (int64_t) s->timescale * s->rate.den,
                                    s->rate.num));
    }
}


static void
test_one_rung(void **state)
{
    source_t               *s;
    ladder_t               *l;
    const oa_xcode_rung_t   rungs[] = { LADDER_AVC(160, 90, 30, 1, 200000) };

    (void) state;

    s = source_new(&source_30);
    l = ladder_new(s, NULL, rungs, 1, 0);
    ladder_settle(l);
    ladder_play(l, s);
    check_all(l, 0, s);

    ladder_free(l);
    source_free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_one_rung),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
