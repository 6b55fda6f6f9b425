
/* The ladder: formats, sizes and colours of the source, and the codecs. */


#include "xcode_ladder.h"


#define FRAMES  8


/* What a rung shows next to what was painted, in the source's range. */
typedef struct {
    const source_conf_t  *conf;
    double                error;     /* sum of squares of the luma */
    double                chroma;
    double                bias;      /* sum of differences of the luma */
    int                   samples;
    int                   n;
    AVFrame               last;      /* its tags and size */
} seen_t;


/* Full range: the source has the same numbers, so the rung has them, too. */
static void
see(void *ctx, const AVFrame *frame)
{
    int              x, y, v, shift;
    double           want, t;
    seen_t          *seen = ctx;
    const uint8_t   *p;

    t = (double) seen->n++ * seen->conf->rate.den / seen->conf->rate.num;
    shift = av_pix_fmt_desc_get(frame->format)->comp[0].depth - 8;

    for (y = 0; y < frame->height; y += 3) {
        for (x = 0; x < frame->width; x += 3) {
            p = frame->data[0] + y * frame->linesize[0];
            v = shift ? ((const uint16_t *) (const void *) p)[x] >> shift
                      : p[x];
            want = source_sample(0, (x + 0.5) / frame->width,
                                 (y + 0.5) / frame->height, t);
            seen->error += (v - want) * (v - want);
            seen->bias += v - want;

            p = frame->data[1] + y / 2 * frame->linesize[1];
            v = shift ? ((const uint16_t *) (const void *) p)[x / 2] >> shift
                      : p[x / 2];
            want = source_sample(1, (x + 0.5) / frame->width,
                                 (y + 0.5) / frame->height, t);
            seen->chroma += (v - want) * (v - want);
            seen->samples++;
        }
    }

    seen->last.width = frame->width;
    seen->last.height = frame->height;
    seen->last.format = frame->format;
    seen->last.color_range = frame->color_range;
    seen->last.colorspace = frame->colorspace;
    seen->last.color_primaries = frame->color_primaries;
    seen->last.color_trc = frame->color_trc;
}


static double
psnr(double error, int samples)
{
    return 10 * log10(255.0 * 255.0 * samples / error);
}


static source_conf_t
source_of(const char *encoder, const char *options, int width, int height,
    enum AVPixelFormat format)
{
    return (source_conf_t) {
        .encoder = encoder, .options = options, .width = width,
        .height = height, .format = format, .rate = { 25, 1 }, .gop = 25,
        .frames = FRAMES
    };
}


/* All pictures come out, and look as they should. */
static seen_t
check_source(const source_conf_t *conf, const oa_xcode_rung_t *rung,
    double quality)
{
    seen_t     seen;
    source_t  *s;
    ladder_t  *l;

    s = source_new(conf);
    l = ladder_new(s, NULL, rung, 1, 0);
    ladder_play(l, s);

    memset(&seen, 0, sizeof(seen));
    seen.conf = conf;
    assert_int_equal(ladder_decode(l, 0, see, &seen), conf->frames);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), 0);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_CONFIG), 1);

    assert_int_equal(seen.last.width, rung->width);
    assert_int_equal(seen.last.height, rung->height);
    assert_true(psnr(seen.error, seen.samples) > quality);
    assert_true(psnr(seen.chroma, seen.samples) > quality);
    assert_true(fabs(seen.bias / seen.samples) < 1.5);

    ladder_free(l);
    source_free(s);

    return seen;
}


static const oa_xcode_rung_t  rung_160 = LADDER_AVC(160, 90, 25, 1, 600000);
static const oa_xcode_rung_t  rung_320 = LADDER_AVC(320, 180, 25, 1, 1500000);
static const oa_xcode_rung_t  rung_hevc = {
    .codec = OA_CODEC_HEVC, .width = 160, .height = 90, .rate = { 25, 1 },
    .bitrate = 400000, .preset = "ultrafast"
};


static void
test_h264_formats(void **state)
{
    unsigned       i;
    source_conf_t  conf;

    static const struct {
        enum AVPixelFormat   format;
        const char          *options;
    } formats[] = {
        { AV_PIX_FMT_YUV420P, "preset=veryfast,crf=12" },
        { AV_PIX_FMT_YUV422P, "preset=veryfast,crf=12" },
        { AV_PIX_FMT_YUV444P, "preset=veryfast,crf=12" },
        { AV_PIX_FMT_YUV420P10, "preset=veryfast,crf=12" },
        { AV_PIX_FMT_YUV422P10, "preset=veryfast,crf=12" },
        { AV_PIX_FMT_YUV444P10, "preset=veryfast,crf=12" },
    };

    (void) state;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        conf = source_of("libx264", formats[i].options, 320, 180,
                         formats[i].format);
        check_source(&conf, &rung_160, 30);

        /* of its own size, without scaling but for the format */
        check_source(&conf, &rung_320, 30);
    }
}


static void
test_other_sources(void **state)
{
    source_conf_t  conf;

    (void) state;

    conf = source_of("libx265", "preset=ultrafast,crf=14,x265-params="
                     "log-level=none:pools=none:frame-threads=1", 320, 180,
                     AV_PIX_FMT_YUV420P10);
    check_source(&conf, &rung_160, 30);

    conf = source_of("libaom-av1", "cpu-used=8,usage=realtime,crf=20,"
                     "lag-in-frames=0", 320, 180, AV_PIX_FMT_YUV420P);
    check_source(&conf, &rung_160, 28);
}


/* Sizes that are odd, and samples that are not square. */
static void
test_sizes(void **state)
{
    seen_t         seen;
    source_conf_t  conf;

    (void) state;

    conf = source_of("libx264", "preset=veryfast,crf=12", 318, 178,
                     AV_PIX_FMT_YUV420P);
    check_source(&conf, &rung_160, 30);

    conf = source_of("libx264", "preset=veryfast,crf=12", 321, 181,
                     AV_PIX_FMT_YUV444P);
    check_source(&conf, &rung_160, 30);

    conf = source_of("libx264", "preset=veryfast,crf=12", 160, 180,
                     AV_PIX_FMT_YUV420P);
    conf.sar_width = 2;
    seen = check_source(&conf, &rung_320, 27);
    assert_true(seen.last.sample_aspect_ratio.num <= 1);

    /* larger than the source */
    conf = source_of("libx264", "preset=veryfast,crf=12", 64, 36,
                     AV_PIX_FMT_YUV420P);
    check_source(&conf, &rung_320, 20);
}


static void
test_interlaced(void **state)
{
    source_conf_t  conf;

    (void) state;

    conf = source_of("libx264", "preset=veryfast,crf=12,flags=+ildct+ilme",
                     320, 180, AV_PIX_FMT_YUV420P);
    check_source(&conf, &rung_160, 30);
}


/* --- colours ---------------------------------------------------------- */


static void
check_tags(const oa_codec_colour_t *colour, enum AVPixelFormat format)
{
    seen_t         seen;
    source_conf_t  conf;

    conf = source_of("libx264", "preset=veryfast,crf=12", 320, 180, format);
    conf.colour = *colour;
    seen = check_source(&conf, &rung_160, 30);

    assert_int_equal(seen.last.color_range == AVCOL_RANGE_JPEG,
                     colour->full_range);

    if (colour->known) {
        assert_int_equal(seen.last.color_primaries, colour->primaries);
        assert_int_equal(seen.last.color_trc, colour->transfer);
        assert_int_equal(seen.last.colorspace, colour->matrix);

    } else {
        assert_int_equal(seen.last.color_primaries, AVCOL_PRI_UNSPECIFIED);
        assert_int_equal(seen.last.colorspace, AVCOL_SPC_UNSPECIFIED);
    }

    /* of its own size: not scaled, but tagged */
    seen = check_source(&conf, &rung_320, 30);
    assert_int_equal(seen.last.color_range == AVCOL_RANGE_JPEG,
                     colour->full_range);
}


static void
test_colours(void **state)
{
    const oa_codec_colour_t  unsaid = { 0 };
    const oa_codec_colour_t  bt709 = { true, 1, 1, 1, false };
    const oa_codec_colour_t  bt601 = { true, 6, 6, 6, false };
    const oa_codec_colour_t  full = { true, 1, 1, 1, true };
    const oa_codec_colour_t  full_only = { false, 0, 0, 0, true };

    (void) state;

    check_tags(&unsaid, AV_PIX_FMT_YUV420P);
    check_tags(&bt709, AV_PIX_FMT_YUV420P);
    check_tags(&bt601, AV_PIX_FMT_YUV422P);
    check_tags(&full, AV_PIX_FMT_YUV420P);
    check_tags(&full, AV_PIX_FMT_YUV444P);
    check_tags(&full_only, AV_PIX_FMT_YUV420P);
}


/* What is reserved, encoders do not take: nothing is said of it. */
static void
test_reserved_colours(void **state)
{
    seen_t         seen;
    source_conf_t  conf;

    (void) state;

    conf = source_of("libx264", "preset=veryfast,crf=12", 320, 180,
                     AV_PIX_FMT_YUV420P);
    conf.colour = (oa_codec_colour_t) { true, 3, 3, 3, false };
    seen = check_source(&conf, &rung_160, 30);
    assert_int_equal(seen.last.color_primaries, AVCOL_PRI_UNSPECIFIED);
    assert_int_equal(seen.last.color_trc, AVCOL_TRC_UNSPECIFIED);
    assert_int_equal(seen.last.colorspace, AVCOL_SPC_UNSPECIFIED);
    check_source(&conf, &rung_hevc, 30);
}


/* R, G and B: white is white in limited range of BT.709. */
static void
look_at_white(void *ctx, const AVFrame *frame)
{
    int  *seen = ctx;

    assert_int_equal(frame->colorspace, AVCOL_SPC_BT709);
    assert_int_not_equal(frame->color_range, AVCOL_RANGE_JPEG);
    assert_in_range(frame->data[0][45 * frame->linesize[0] + 20], 233, 237);
    assert_in_range(frame->data[0][45 * frame->linesize[0] + 140], 60, 66);
    assert_in_range(frame->data[2][22 * frame->linesize[2] + 70], 237, 243);
    (*seen)++;
}


static void
test_rgb(void **state)
{
    int                i, x, y, seen;
    AVFrame           *frame;
    source_t          *s;
    ladder_t          *l;
    AVPacket          *packet;
    source_conf_t      conf;
    AVCodecContext    *e;

    (void) state;

    conf = source_of("libx264rgb", "preset=veryfast,qp=0", 320, 180,
                     AV_PIX_FMT_RGB24);
    e = source_encoder(&conf);
    packet = av_packet_alloc();
    s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->codec = OA_CODEC_AVC;
    s->rate = conf.rate;
    s->timescale = SOURCE_TIMESCALE;
    source_config(s, e);
    assert_int_equal(oa_codec_video_config(s->codec, source_record(s),
                                           &s->picture), OA_OK);

    /* white on the left, red on the right */
    for (i = 0; i < 5; i++) {
        frame = av_frame_alloc();
        frame->width = 320;
        frame->height = 180;
        frame->format = AV_PIX_FMT_RGB24;
        assert_int_equal(av_frame_get_buffer(frame, 0), 0);

        for (y = 0; y < 180; y++) {
            for (x = 0; x < 960; x++) {
                frame->data[0][y * frame->linesize[0] + x]
                    = x < 480 || x % 3 == 0 ? 255 : 0;
            }
        }

        frame->pts = i;
        assert_int_equal(avcodec_send_frame(e, frame), 0);
        av_frame_free(&frame);
        source_take(s, e, packet);
    }

    assert_int_equal(avcodec_send_frame(e, NULL), 0);
    source_take(s, e, packet);

    l = ladder_new(s, NULL, &rung_160, 1, 0);
    ladder_play(l, s);
    seen = 0;
    ladder_decode(l, 0, look_at_white, &seen);
    assert_true(seen >= 3);

    av_packet_free(&packet);
    avcodec_free_context(&e);
    ladder_free(l);
    source_free(s);
}


/* --- HEVC rungs, and HDR ---------------------------------------------- */


static source_conf_t
hdr_source(unsigned transfer)
{
    source_conf_t  conf;

    conf = source_of("libx265", "preset=ultrafast,crf=14,x265-params="
                     "log-level=none:pools=none:frame-threads=1", 320, 180,
                     AV_PIX_FMT_YUV420P10);
    conf.colour = (oa_codec_colour_t) { true, 9, (uint8_t) transfer, 9,
                                        false };

    return conf;
}


static void
test_hevc_rungs(void **state)
{
    seen_t           seen;
    oa_xcode_rung_t  rung;
    source_conf_t    conf;

    (void) state;

    conf = source_of("libx264", "preset=veryfast,crf=12", 320, 180,
                     AV_PIX_FMT_YUV420P);
    seen = check_source(&conf, &rung_hevc, 30);
    assert_int_equal(seen.last.format, AV_PIX_FMT_YUV420P);

    rung = rung_hevc;
    strcpy(rung.profile, "main10");
    seen = check_source(&conf, &rung, 30);
    assert_int_equal(seen.last.format, AV_PIX_FMT_YUV420P10);

    conf = hdr_source(16);
    seen = check_source(&conf, &rung_hevc, 30);
    assert_int_equal(seen.last.format, AV_PIX_FMT_YUV420P10);
    assert_int_equal(seen.last.color_trc, AVCOL_TRC_SMPTE2084);
    assert_int_equal(seen.last.color_primaries, AVCOL_PRI_BT2020);
}


static void
check_refused(const source_t *s, const oa_xcode_rung_t *rung,
    const char *word)
{
    ladder_t            *l;
    oa_xcode_events_t    events;
    oa_xcode_source_t    source;

    l = ladder_alloc();
    events = ladder_events(l);
    ladder_describe(&source, s, NULL);

    assert_int_equal(oa_xcode_create(&l->xcode, &source, rung, 1,
                                     OA_XCODE_CPU, &events, l->text),
                     OA_EUNSUPPORTED);
    assert_non_null(strstr(l->text, word));
    assert_int_equal(l->count, 0);
    free(l);
}


static void
test_hdr_is_refused(void **state)
{
    source_t         *pq, *hlg;
    source_conf_t     conf;
    oa_xcode_rung_t   rung;

    (void) state;

    conf = hdr_source(16);
    pq = source_new(&conf);
    conf = hdr_source(18);
    hlg = source_new(&conf);

    check_refused(pq, &rung_160, "PQ");
    check_refused(hlg, &rung_160, "HLG");

    rung = rung_hevc;
    strcpy(rung.profile, "main");
    check_refused(pq, &rung, "main10");

    pq->picture.width = 8192;
    pq->picture.height = 4320;
    check_refused(pq, &rung_hevc, "8192x4320");

    source_free(pq);
    source_free(hlg);
}


/* --- changes in mid-stream -------------------------------------------- */


/* The parameter sets of a record stand in a sample. */
static void
put_in_band(source_t *s)
{
    size_t       at, size, n;
    AVPacket    *packet;
    oa_slice_t   r = source_record(s);

    packet = av_packet_alloc();
    assert_int_equal(av_new_packet(packet, (int) r.size
                                   + s->frames[0].packet->size), 0);

    for (at = 6, n = 0; at + 2 < r.size && n + 8 < r.size && at < 64; ) {
        size = oa_get_u16(r.data + at);
        memcpy(packet->data + n, "\0\0", 2);
        memcpy(packet->data + n + 2, r.data + at, size + 2);
        n += size + 4;
        at += size + 2;

        if ((r.data[at - size] & 0x1f) == 8) {
            break;
        }

        at++;
    }

    memcpy(packet->data + n, s->frames[0].packet->data,
           (size_t) s->frames[0].packet->size);
    av_shrink_packet(packet, (int) n + s->frames[0].packet->size);
    av_packet_free(&s->frames[0].packet);
    s->frames[0].packet = packet;
}


static void
shift_source(source_t *s, int64_t ticks)
{
    int  i;

    for (i = 0; i < s->n; i++) {
        s->frames[i].time += ticks;
        s->frames[i].decode_time += ticks;
    }
}


/* Rungs go on with their sizes, and nothing is lost, also what was held. */
static void
check_change(bool in_band, int bframes)
{
    int              n;
    source_t        *a, *b;
    ladder_t        *l;
    source_conf_t    conf;

    conf = source_of("libx264", "preset=veryfast,crf=12", 320, 180,
                     AV_PIX_FMT_YUV420P);
    conf.bframes = bframes;
    a = source_new(&conf);
    conf.width = 256;
    conf.height = 144;
    b = source_new(&conf);
    shift_source(b, (int64_t) FRAMES * 3600);

    l = ladder_new(a, NULL, &rung_160, 1, 0);
    ladder_play(l, a);

    if (in_band) {
        put_in_band(b);

    } else {
        ladder_describe(&l->source, b, NULL);
        assert_int_equal(oa_xcode_source(l->xcode, &l->source, l->text),
                         OA_OK);
    }

    ladder_play(l, b);

    n = ladder_count(l, 0, OA_XCODE_FRAME);
    assert_in_range(n, 2 * FRAMES - 2, 2 * FRAMES);
    assert_int_equal(ladder_decode(l, 0, NULL, NULL), n);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_CONFIG), 1);

    while (n-- > 0) {
        assert_int_equal(ladder_time(l, 0, n), n * 3600);
        assert_int_equal(ladder_output(l, 0, OA_XCODE_FRAME, n)->o.sync,
                         n % FRAMES == 0);
    }

    ladder_free(l);
    source_free(a);
    source_free(b);
}


static void
test_size_changes(void **state)
{
    (void) state;

    check_change(true, 0);
    check_change(false, 0);
    check_change(false, 2);
}


/* Other colours make another configuration; what cannot be is refused. */
static void
test_colour_changes(void **state)
{
    source_t           *a, *b, *hdr;
    ladder_t           *l;
    source_conf_t       conf;
    oa_xcode_stats_t    stats;

    (void) state;

    conf = source_of("libx264", "preset=veryfast,crf=12", 320, 180,
                     AV_PIX_FMT_YUV420P);
    a = source_new(&conf);
    conf.colour = (oa_codec_colour_t) { true, 1, 1, 1, false };
    b = source_new(&conf);
    shift_source(b, (int64_t) FRAMES * 3600);
    conf.colour.transfer = 16;
    hdr = source_new(&conf);
    shift_source(hdr, 2LL * FRAMES * 3600);

    l = ladder_new(a, NULL, &rung_160, 1, 0);
    ladder_play(l, a);
    ladder_describe(&l->source, b, NULL);
    assert_int_equal(oa_xcode_source(l->xcode, &l->source, l->text), OA_OK);
    ladder_play(l, b);

    assert_int_equal(ladder_count(l, 0, OA_XCODE_CONFIG), 2);
    assert_int_equal(ladder_output(l, 0, OA_XCODE_CONFIG, 1)
                         ->o.picture.colour.primaries, 1);
    assert_int_equal(ladder_decode(l, 0, NULL, NULL), 2 * FRAMES);

    /* told before */
    ladder_describe(&l->source, hdr, NULL);
    assert_int_equal(oa_xcode_source(l->xcode, &l->source, l->text),
                     OA_EUNSUPPORTED);
    assert_non_null(strstr(l->text, "PQ"));

    l->source.video_timescale++;
    l->source.picture = b->picture;
    l->source.video_record = source_record(b);
    assert_int_equal(oa_xcode_source(l->xcode, &l->source, l->text),
                     OA_EUNSUPPORTED);

    /* not told: the rung fails, and the decoder is not worn for nothing */
    put_in_band(hdr);
    ladder_play(l, hdr);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), 1);
    assert_non_null(strstr(ladder_output(l, 0, OA_XCODE_FAILED, 0)->o.text,
                           "PQ"));
    oa_xcode_stats(l->xcode, &stats);
    assert_true(stats.decoded < 3 * FRAMES);

    ladder_free(l);
    source_free(a);
    source_free(b);
    source_free(hdr);
}


/* --- rungs that make no sense ----------------------------------------- */


static void
check_rung_refused(const source_t *s, const oa_xcode_rung_t *rung)
{
    ladder_t            *l;
    oa_xcode_events_t    events;
    oa_xcode_source_t    source;

    l = ladder_alloc();
    events = ladder_events(l);
    ladder_describe(&source, s, NULL);
    assert_int_equal(oa_xcode_create(&l->xcode, &source, rung, 1,
                                     OA_XCODE_CPU, &events, l->text),
                     OA_EINVAL);
    assert_non_null(strstr(l->text, "rung 0"));
    free(l);
}


static void
test_bad_rungs(void **state)
{
    source_t         *s;
    source_conf_t     conf;
    oa_xcode_rung_t   r;

    (void) state;

    conf = source_of("libx264", "preset=ultrafast", 64, 64,
                     AV_PIX_FMT_YUV420P);
    s = source_new(&conf);

    r = rung_160, r.width = 161;
    check_rung_refused(s, &r);
    r = rung_160, r.height = 8;
    check_rung_refused(s, &r);
    r = rung_160, r.bitrate = 0;
    check_rung_refused(s, &r);
    r = rung_160, r.max_bitrate = 1;
    check_rung_refused(s, &r);
    r = rung_160, r.codec = OA_CODEC_AV1;
    check_rung_refused(s, &r);
    r = rung_160, r.rate.den = 0;
    check_rung_refused(s, &r);
    r = rung_160, strcpy(r.profile, "main10");
    check_rung_refused(s, &r);
    r = rung_160, strcpy(r.preset, "p8");
    check_rung_refused(s, &r);
    r = rung_160, memset(r.preset, 'x', sizeof(r.preset));
    check_rung_refused(s, &r);
    r = rung_160, r.height = 0, r.codec = OA_CODEC_AAC;
    check_rung_refused(s, &r);

    source_free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_h264_formats),
        cmocka_unit_test(test_other_sources),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_interlaced),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_reserved_colours),
        cmocka_unit_test(test_rgb),
        cmocka_unit_test(test_hevc_rungs),
        cmocka_unit_test(test_hdr_is_refused),
        cmocka_unit_test(test_size_changes),
        cmocka_unit_test(test_colour_changes),
        cmocka_unit_test(test_bad_rungs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
