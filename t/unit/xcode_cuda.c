
/* The ladder on a card: what comes out is as on the CPU. */


#include "xcode_card.h"


#define RUNGS(rungs)  rungs, sizeof(rungs) / sizeof(rungs[0])


static const source_conf_t  source_30 = {
    .encoder = "libx264", .options = "preset=ultrafast,sc_threshold=0",
    .width = 320, .height = 180, .format = AV_PIX_FMT_YUV420P,
    .rate = { 30, 1 }, .gop = 15, .frames = 40
};


/* --- pictures --------------------------------------------------------- */


#define KEPT  128

typedef struct {
    AVFrame  *frames[KEPT];
    int       n;
} kept_t;


static void
keep(void *ctx, const AVFrame *frame)
{
    kept_t  *kept = ctx;

    assert_true(kept->n < KEPT);
    kept->frames[kept->n++] = av_frame_clone(frame);
}


static double
plane_error(const AVFrame *a, const AVFrame *b, int plane)
{
    int     x, y, w, h, d;
    double  sum;

    w = plane ? a->width / 2 : a->width;
    h = plane ? a->height / 2 : a->height;
    sum = 0;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            d = a->data[plane][y * a->linesize[plane] + x]
                - b->data[plane][y * b->linesize[plane] + x];
            sum += (double) d * d;
        }
    }

    return sum / (w * h);
}


/* dB of each plane of the picture that differs most. */
static double
likeness(kept_t *a, kept_t *b)
{
    int     i, plane;
    double  most, error;

    assert_int_equal(a->n, b->n);
    most = 0;

    for (i = 0; i < a->n; i++) {
        assert_int_equal(a->frames[i]->width, b->frames[i]->width);
        assert_int_equal(a->frames[i]->height, b->frames[i]->height);
        assert_int_equal(a->frames[i]->color_range, b->frames[i]->color_range);
        assert_int_equal(a->frames[i]->colorspace, b->frames[i]->colorspace);
        assert_int_equal(a->frames[i]->color_primaries,
                         b->frames[i]->color_primaries);

        for (plane = 0; plane < 3; plane++) {
            error = plane_error(a->frames[i], b->frames[i], plane);
            most = error > most ? error : most;
        }
    }

    return 10 * log10(255 * 255 / (most + 1e-9));
}


static void
kept_free(kept_t *kept)
{
    int  i;

    for (i = 0; i < kept->n; i++) {
        av_frame_free(&kept->frames[i]);
    }
}


/* Frames at the same times, keyframes the same, pictures alike. */
static void
assert_alike(ladder_t *a, ladder_t *b, unsigned rung, double least)
{
    int               i, n;
    double            db;
    kept_t            pictures_a = { 0 }, pictures_b = { 0 };
    ladder_output_t  *x, *y;

    assert_going(a, rung);
    assert_going(b, rung);

    n = ladder_count(a, rung, OA_XCODE_FRAME);
    assert_true(n > 0);
    assert_int_equal(ladder_count(b, rung, OA_XCODE_FRAME), n);
    assert_int_equal(ladder_count(a, rung, OA_XCODE_CONFIG),
                     ladder_count(b, rung, OA_XCODE_CONFIG));

    for (i = 0; i < n; i++) {
        x = ladder_output(a, rung, OA_XCODE_FRAME, i);
        y = ladder_output(b, rung, OA_XCODE_FRAME, i);
        assert_int_equal(x->o.time, y->o.time);
        assert_int_equal(x->o.sync, y->o.sync);
        assert_int_equal(x->o.arrival_us, y->o.arrival_us);
    }

    assert_int_equal(ladder_decode(a, rung, keep, &pictures_a), n);
    assert_int_equal(ladder_decode(b, rung, keep, &pictures_b), n);

    db = likeness(&pictures_a, &pictures_b);

    if (db < least) {
        fail_msg("rung %u: %.1f dB, not %.1f", rung, db, least);
    }

    kept_free(&pictures_a);
    kept_free(&pictures_b);
}


static void
check_conf(const source_conf_t *conf, const oa_xcode_rung_t *rungs,
    unsigned nrungs, double least)
{
    unsigned   i;
    ladder_t  *card, *cpu;
    source_t  *s;

    s = source_new(conf);
    card = card_ladder(s, NULL, rungs, nrungs);
    cpu = ladder_new(s, NULL, rungs, nrungs, 0);
    ladder_settle(cpu);

    ladder_play(card, s);
    ladder_play(cpu, s);

    for (i = 0; i < nrungs; i++) {
        assert_alike(card, cpu, i, least);
    }

    ladder_free(card);
    ladder_free(cpu);
    source_free(s);
}


/* --- tests ------------------------------------------------------------ */


static void
test_as_on_the_cpu(void **state)
{
    const oa_xcode_rung_t  rungs[] = {
        LADDER_AVC(320, 180, 30, 1, 1000000),
        LADDER_AVC(256, 144, 30, 1, 600000),
        LADDER_AVC(160, 90, 15, 1, 300000),
        { .codec = OA_CODEC_HEVC, .width = 240, .height = 136,
          .rate = { 30, 1 }, .bitrate = 600000, .preset = "p1" }
    };

    (void) state;

    check_conf(&source_30, RUNGS(rungs), 30);
}


static void
test_reordered(void **state)
{
    source_conf_t          conf = source_30;
    const oa_xcode_rung_t  rungs[] = {
        LADDER_AVC(160, 90, 30, 1, 500000)
    };

    (void) state;

    conf.bframes = 2;
    conf.options = "preset=veryfast,sc_threshold=0";
    check_conf(&conf, RUNGS(rungs), 30);
}


/* What the card does not take is scaled before it gets there. */
static void
test_formats(void **state)
{
    unsigned               i;
    source_conf_t          conf = source_30;
    const oa_xcode_rung_t  rungs[] = {
        LADDER_AVC(160, 90, 30, 1, 500000),
        LADDER_AVC(148, 84, 30, 1, 500000)
    };
    static const enum AVPixelFormat  formats[] = {
        AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV420P10
    };

    (void) state;

    conf.frames = 8;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        conf.format = formats[i];
        check_conf(&conf, RUNGS(rungs), 30);
    }
}


static void
test_colours(void **state)
{
    source_conf_t          conf = source_30;
    const oa_xcode_rung_t  rungs[] = {
        LADDER_AVC(160, 90, 30, 1, 500000),
        { .codec = OA_CODEC_HEVC, .width = 160, .height = 90,
          .rate = { 30, 1 }, .bitrate = 500000 }
    };

    (void) state;

    conf.frames = 8;
    conf.format = AV_PIX_FMT_YUVJ420P;
    conf.colour = (oa_codec_colour_t) {
        .known = true, .primaries = 6, .transfer = 6, .matrix = 6,
        .full_range = true
    };
    check_conf(&conf, RUNGS(rungs), 30);
}


static void
test_keyframe_where_it_is_asked_for(void **state)
{
    int                    i;
    source_t              *s;
    ladder_t              *l;
    source_conf_t          conf = source_30;
    const oa_xcode_rung_t  rungs[] = { LADDER_AVC(160, 90, 30, 1, 300000) };

    (void) state;

    conf.gop = 100;
    s = source_new(&conf);
    l = card_ladder(s, NULL, RUNGS(rungs));

    for (i = 0; i < s->n; i++) {
        ladder_push_keyed(l, s, i, i == 20, s->frames[20].time);
        ladder_settle(l);
    }

    for (i = 0; i < s->n; i++) {
        assert_int_equal(ladder_output(l, 0, OA_XCODE_FRAME, i)->o.sync,
                         i == 0 || i == 20);
    }

    ladder_free(l);
    source_free(s);
}


/* One picture in gives one out, before the next one. */
static void
test_no_delay(void **state)
{
    int                    i;
    source_t              *s;
    ladder_t              *l;
    const oa_xcode_rung_t  rungs[] = { LADDER_AVC(160, 90, 30, 1, 300000) };

    (void) state;

    s = source_new(&source_30);
    l = card_ladder(s, NULL, RUNGS(rungs));

    for (i = 0; i < s->n; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
        assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), i + 1);
    }

    ladder_free(l);
    source_free(s);
}


static void
test_threads(void **state)
{
    source_t              *s;
    ladder_t              *l;
    const oa_xcode_rung_t  rungs[] = {
        LADDER_AVC(320, 180, 30, 1, 1000000),
        LADDER_AVC(256, 144, 30, 1, 600000),
        LADDER_AVC(160, 90, 30, 1, 300000),
    };

    (void) state;

    s = source_new(&source_30);
    l = ladder_new_on(OA_XCODE_CUDA, s, NULL, RUNGS(rungs), 4);
    ladder_settle(l);
    ladder_play(l, s);

    assert_int_equal(ladder_decode(l, 0, NULL, NULL),
                     ladder_count(l, 0, OA_XCODE_FRAME));
    assert_true(ladder_count(l, 0, OA_XCODE_FRAME) > 0);
    assert_going(l, 0);
    assert_going(l, 1);
    assert_going(l, 2);

    ladder_free(l);
    source_free(s);
}


/* The card has room for this ladder, and for no picture that is left over. */
static void
test_other_sizes(void **state)
{
    int                    i;
    char                   text[OA_XCODE_TEXT_BYTES];
    ladder_t              *l;
    source_t              *sources[2];
    source_conf_t          conf = source_30;
    oa_xcode_source_t      described;
    const oa_xcode_rung_t  rungs[] = {
        LADDER_AVC(256, 144, 30, 1, 300000),
        LADDER_AVC(160, 90, 30, 1, 300000)
    };

    (void) state;

    card_faults("memory_bytes 1500000\n");

    conf.frames = 3;
    sources[0] = source_new(&conf);
    conf.width = 480;
    conf.height = 270;
    sources[1] = source_new(&conf);

    l = card_ladder(sources[0], NULL, RUNGS(rungs));

    for (i = 0; i < 200; i++) {
        ladder_describe(&described, sources[i % 2], NULL);
        assert_int_equal(oa_xcode_source(l->xcode, &described, text), OA_OK);
        sources[i % 2]->frames[0].time = 3000 * i;
        sources[i % 2]->frames[0].decode_time = 3000 * i;
        ladder_push(l, sources[i % 2], 0);
        ladder_settle(l);
        assert_going(l, 0);
        assert_going(l, 1);
    }

    assert_true(ladder_count(l, 0, OA_XCODE_FRAME) > 150);

    ladder_free(l);
    source_free(sources[0]);
    source_free(sources[1]);
}


/* Each start needs both sessions that the card has. */
static void
test_starts_and_stops(void **state)
{
    int                    i, n;
    source_t              *s;
    ladder_t              *l;
    const oa_xcode_rung_t  rungs[] = {
        LADDER_AVC(256, 144, 30, 1, 300000),
        LADDER_AVC(160, 90, 30, 1, 300000)
    };

    (void) state;

    card_faults("sessions 2\nmemory_bytes 1500000\n");
    s = source_new(&source_30);
    l = card_ladder(s, NULL, RUNGS(rungs));

    for (i = 0; i < 100; i++) {
        n = ladder_count(l, 1, OA_XCODE_FRAME);
        ladder_push(l, s, 0);
        ladder_settle(l);
        assert_going(l, 1);
        assert_int_equal(ladder_count(l, 1, OA_XCODE_FRAME), n + 1);
        s->frames[0].time += 3000;
        s->frames[0].decode_time += 3000;

        oa_xcode_rung_set(l->xcode, 0, false);
        oa_xcode_rung_set(l->xcode, 1, false);
        ladder_settle(l);
        oa_xcode_rung_set(l->xcode, 0, true);
        oa_xcode_rung_set(l->xcode, 1, true);
        ladder_settle(l);
    }

    assert_going(l, 0);
    assert_going(l, 1);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_CONFIG), 1);

    ladder_free(l);
    source_free(s);
}


static oa_err_t
try_words(oa_xcode_device_t device, const source_t *s, const char *preset,
    const char *profile)
{
    oa_err_t            err;
    ladder_t           *l;
    oa_xcode_rung_t     rung = LADDER_AVC(160, 90, 30, 1, 300000);
    oa_xcode_events_t   events;

    l = ladder_alloc();
    events = ladder_events(l);
    ladder_describe(&l->source, s, NULL);
    (void) snprintf(rung.preset, sizeof(rung.preset), "%s", preset);
    (void) snprintf(rung.profile, sizeof(rung.profile), "%s", profile);

    err = oa_xcode_create(&l->xcode, &l->source, &rung, 1, device, &events,
                          l->text);

    if (err == OA_OK) {
        ladder_settle(l);
        assert_going(l, 0);
        ladder_free(l);

    } else {
        ladder_end(l, false);
    }

    return err;
}


static void
test_words(void **state)
{
    int                             i;
    source_t                       *s;
    source_conf_t                   conf = source_30;
    static const oa_xcode_device_t  devices[] = { OA_XCODE_CPU,
                                                  OA_XCODE_CUDA };

    (void) state;

    conf.frames = 1;
    s = source_new(&conf);

    for (i = 0; i < 2; i++) {
        assert_int_equal(try_words(devices[i], s, "p5", "high"), OA_OK);
        assert_int_equal(try_words(devices[i], s, "veryfast", "main"), OA_OK);
        assert_int_equal(try_words(devices[i], s, "", "baseline"), OA_OK);
        assert_int_equal(try_words(devices[i], s, "p8", ""), OA_EINVAL);
        assert_int_equal(try_words(devices[i], s, "", "main10"), OA_EINVAL);
    }

    source_free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_as_on_the_cpu, card_mended),
        cmocka_unit_test_teardown(test_reordered, card_mended),
        cmocka_unit_test_teardown(test_formats, card_mended),
        cmocka_unit_test_teardown(test_colours, card_mended),
        cmocka_unit_test_teardown(test_keyframe_where_it_is_asked_for,
                                  card_mended),
        cmocka_unit_test_teardown(test_no_delay, card_mended),
        cmocka_unit_test_teardown(test_threads, card_mended),
        cmocka_unit_test_teardown(test_other_sizes, card_mended),
        cmocka_unit_test_teardown(test_starts_and_stops, card_mended),
        cmocka_unit_test_teardown(test_words, card_mended),
    };

    return cmocka_run_group_tests(tests, card_begin, card_end);
}
