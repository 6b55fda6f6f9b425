
/* The ladder is given damaged frames and records, and nothing but garbage. */


#include "xcode_ladder.h"


#define GARBAGE   400


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
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_nothing_but_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
