
/* The ladder comes and goes, and its memory is what it was. */


#include "xcode_ladder.h"


#define CYCLES    500
#define CHANGES   200


/* Of the address sanitizer, which all that is allocated goes through. */
extern size_t __sanitizer_get_current_allocated_bytes(void);


static const source_conf_t  source_tiny = {
    .encoder = "libx264", .options = "preset=ultrafast,sc_threshold=0",
    .width = 96, .height = 64, .format = AV_PIX_FMT_YUV420P,
    .rate = { 25, 1 }, .gop = 8, .frames = 24
};

static const oa_xcode_rung_t  rungs[] = {
    LADDER_AVC(96, 64, 25, 1, 80000),
    LADDER_AVC(48, 32, 25, 1, 40000),
    { .codec = OA_CODEC_AAC, .bitrate = 64000 },
};


static size_t
allocated(void)
{
    return __sanitizer_get_current_allocated_bytes();
}


static void
test_cycles(void **state)
{
    int         i, j;
    size_t      before;
    source_t   *video, *audio;
    ladder_t   *l;

    (void) state;

    video = source_new(&source_tiny);
    audio = source_sound("aac", 48000, 2, 12, 4800);

    for (i = 0, before = 0; i < CYCLES; i++) {
        if (i == CYCLES / 10) {
            before = allocated();
        }

        l = ladder_new(video, audio, rungs, 3, 0);

        for (j = 0; j < 4; j++) {
            ladder_push(l, video, j);
            ladder_push(l, audio, j);

            /* some are destroyed with work in hand */
            if (j < 3 || i % 3 != 0) {
                ladder_settle(l);
            }
        }

        assert_true(ladder_count(l, 0, OA_XCODE_FRAME) >= 3);
        ladder_free(l);
    }

    assert_in_range(allocated(), 0, before + 4096);

    source_free(video);
    source_free(audio);
}


/* Sizes, told before or in the stream, while the memory stays what it is. */
static void
test_changes(void **state)
{
    int             i, j;
    size_t          before;
    source_t       *s[4];
    ladder_t       *l;
    source_conf_t   conf;

    (void) state;

    conf = source_tiny;
    conf.frames = 3;

    for (i = 0; i < 4; i++) {
        conf.width = 64 + 32 * i;
        conf.height = 96 - 18 * i;
        conf.format = i == 3 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P;
        s[i] = source_new(&conf);
    }

    l = ladder_new(s[0], NULL, rungs, 2, 0);

    for (i = 0, before = 0; i < CHANGES; i++) {
        ladder_describe(&l->source, s[i % 4], NULL);
        assert_int_equal(oa_xcode_source(l->xcode, &l->source, l->text),
                         OA_OK);

        for (j = 0; j < s[i % 4]->n; j++) {
            ladder_push(l, s[i % 4], j);
            s[i % 4]->frames[j].time += 4 * 3 * 3600;
        }

        if (i < 4) {
            for (j = 0; j < 3; j++) {
                s[i]->frames[j].time += (int64_t) (i + 1) * 3 * 3600;
            }
        }

        ladder_settle(l);
        assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), 0);
        ladder_forget(l);

        if (i == CHANGES / 5) {
            before = allocated();
        }
    }

    /* what differs is which size the decoder has now */
    assert_in_range(allocated(), 0, before + before / 10);
    ladder_free(l);

    for (i = 0; i < 4; i++) {
        source_free(s[i]);
    }
}


/* Threads are in the middle of something, or were asked for. */
static void
test_destroyed_at_work(void **state)
{
    int         i, j, n;
    source_t   *video, *audio;
    ladder_t   *l;

    (void) state;

    video = source_new(&source_tiny);
    audio = source_sound("aac", 48000, 2, 30, 4800);

    for (i = 0; i < 60; i++) {
        l = ladder_new(video, audio, rungs, 3, 1 + (unsigned) i % 3);

        for (j = 0, n = i % 20; j < n; j++) {
            ladder_push(l, video, j);
            ladder_push(l, audio, j);

            if (j == 10) {
                ladder_pull(l);
                oa_xcode_rung_set(l->xcode, (unsigned) i % 3, false);
            }

            if (j == 12) {
                oa_xcode_rung_set(l->xcode, (unsigned) i % 3, true);
            }
        }

        ladder_free(l);
    }

    source_free(video);
    source_free(audio);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_destroyed_at_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
