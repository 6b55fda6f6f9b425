
/* The ladder comes and goes, and survives what it is given. */


#include "xcode_ladder.h"


#define CYCLES    500
#define CHANGES   200
#define GARBAGE   400


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

        for (j = 0; j < 5; j++) {
            ladder_push(l, video, j);
            ladder_push(l, audio, j);

            /* some are destroyed with work in hand */
            if (j < 4 || i % 3 != 0) {
                ladder_settle(l);
            }
        }

        assert_true(ladder_count(l, 0, OA_XCODE_FRAME) >= 4);
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

    for (i = 0; i < 100; i++) {
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


/* --- garbage ---------------------------------------------------------- */


static void
mutate_source(source_t *s, const source_t *good, uint64_t *seed)
{
    int         i;
    size_t      size;
    uint8_t    *bytes;
    AVPacket   *packet;

    for (i = 0; i < s->n; i++) {
        packet = good->frames[i].packet;
        av_packet_free(&s->frames[i].packet);

        if (unit_random(seed) % 3 == 0) {
            s->frames[i].packet = av_packet_clone(packet);
            continue;
        }

        bytes = unit_mutate(oa_slice(packet->data, (size_t) packet->size),
                            seed, &size);
        s->frames[i].packet = av_packet_alloc();
        assert_int_equal(av_new_packet(s->frames[i].packet, (int) size), 0);
        memcpy(s->frames[i].packet->data, bytes, size);
        free(bytes);
    }
}


/* Damaged frames; now and then the record, and times that make no sense. */
static void
check_garbage(source_t *good, bool audio, unsigned rounds)
{
    int                 i;
    uint64_t            seed;
    source_t           *s;
    ladder_t           *l;
    oa_xcode_stats_t    stats;

    s = calloc(1, sizeof(*s));
    assert_non_null(s);
    *s = *good;

    for (i = 0; i < s->n; i++) {
        s->frames[i].packet = NULL;
    }

    l = ladder_new(audio ? NULL : s, audio ? s : NULL,
                   audio ? rungs + 2 : rungs, audio ? 1 : 2, 0);

    for (seed = 20261128; rounds > 0; rounds--) {
        mutate_source(s, good, &seed);
        s->record[unit_random(&seed) % s->record_size]
            ^= unit_random(&seed) % 4 == 0 ? 1 << unit_random(&seed) % 8 : 0;
        ladder_describe(&l->source, audio ? NULL : s, audio ? s : NULL);
        assert_int_equal(oa_xcode_source(l->xcode, &l->source, l->text),
                         OA_OK);

        for (i = 0; i < s->n; i++) {
            s->frames[i].time += (int64_t) (unit_random(&seed) % 100000)
                                 - 20000;
            ladder_push(l, s, i);

            if (unit_random(&seed) % 4 == 0) {
                ladder_settle(l);
            }
        }

        ladder_settle(l);
        oa_xcode_rung_set(l->xcode, 0, true);
        memcpy(s->record, good->record, sizeof(s->record));
    }

    oa_xcode_stats(l->xcode, &stats);
    assert_true(stats.damaged > 0);
    ladder_decode(l, 0, NULL, NULL);

    ladder_free(l);
    source_free(s);
    source_free(good);
}


static void
test_garbage(void **state)
{
    source_conf_t  conf;

    (void) state;

    conf = source_tiny;
    conf.bframes = 2;
    check_garbage(source_new(&conf), false, 12);

    conf.encoder = "libx265";
    conf.options = "preset=ultrafast,x265-params=log-level=none:pools=none"
                   ":frame-threads=1";
    check_garbage(source_new(&conf), false, 12);

    conf.encoder = "libaom-av1";
    conf.options = "cpu-used=8,usage=realtime,lag-in-frames=0";
    conf.bframes = 0;
    check_garbage(source_new(&conf), false, 12);

    check_garbage(source_sound("aac", 48000, 2, 40, 4800), true, 12);
    check_garbage(source_sound("libopus", 48000, 2, 40, 4800), true, 12);
}


/* A decoder that refuses all has failed; it may be tried again. */
static void
test_nothing_but_garbage(void **state)
{
    int                i;
    source_t          *s;
    ladder_t          *l;
    oa_slice_t         piece;
    oa_xcode_input_t   input;

    (void) state;

    s = source_new(&source_tiny);
    l = ladder_new(s, NULL, rungs, 2, 0);

    memset(&input, 0, sizeof(input));
    piece = unit_bytes("\0\0\0\4\x65\xff\xff\xff");
    input.pieces = &piece;
    input.npieces = 1;
    input.sync = true;

    for (i = 0; i < GARBAGE; i++) {
        input.time = input.decode_time = i;
        oa_xcode_push(l->xcode, &input);
        ladder_settle(l);
    }

    assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), 1);
    assert_int_equal(ladder_count(l, 1, OA_XCODE_FAILED), 1);
    assert_non_null(strstr(ladder_output(l, 1, OA_XCODE_FAILED, 0)->o.text,
                           "h264"));

    for (i = 0; i < s->n; i++) {
        s->frames[i].time += GARBAGE;
    }

    oa_xcode_rung_set(l->xcode, 1, true);
    ladder_play(l, s);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), 0);
    assert_int_equal(ladder_count(l, 1, OA_XCODE_FRAME), s->n);

    ladder_free(l);
    source_free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_destroyed_at_work),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_nothing_but_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
