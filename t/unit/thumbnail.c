
/* Thumbnails of keyframes of many kinds. */


#include "thumbnail_source.h"

#include <pthread.h>

#include "xcode/oa_thumbnail_impl.h"


#define X264  "preset=ultrafast;x264-params=qp=10"
#define X265  "preset=ultrafast;x265-params=log-level=none:qp=10"


static oa_thumbnail_t  thumbnail;


/* An encoder that only this test uses loses some of what it had. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:x265_malloc\n";
}


/* Each quarter has its colour, about. */
static void
check_colours(const oa_thumbnail_jpeg_t *jpeg, int tolerance)
{
    int        i, k, rgb[3], w, h;
    AVFrame   *frame;

    frame = source_jpeg(jpeg);
    w = frame->width;
    h = frame->height;

    for (i = 0; i < 4; i++) {
        source_pixel(frame, w / 4 + (i & 1) * w / 2, h / 4 + (i / 2) * h / 2,
                     rgb);

        for (k = 0; k < 3; k++) {
            if (abs(rgb[k] - source_colours[i][k]) > tolerance) {
                fail_msg("quarter %d is %d,%d,%d", i, rgb[0], rgb[1],
                         rgb[2]);
            }
        }
    }

    av_frame_free(&frame);
}


static void
check_sizes(const uint32_t sizes[OA_THUMBNAIL_SIZES][2])
{
    unsigned  i;

    for (i = 0; i < OA_THUMBNAIL_SIZES; i++) {
        assert_int_equal(thumbnail.jpegs[i].width, sizes[i][0]);
        assert_int_equal(thumbnail.jpegs[i].height, sizes[i][1]);
    }
}


static void
check_kind(const source_kind_t *kind)
{
    source_t  s;
    unsigned  i;

    source_make(&s, kind);
    assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail), OA_OK);

    for (i = 0; i < OA_THUMBNAIL_SIZES; i++) {
        check_colours(&thumbnail.jpegs[i], 8);
        assert_true(thumbnail.jpegs[i].size < OA_THUMBNAIL_BYTES);
    }

    oa_thumbnail_free(&thumbnail);
    source_free(&s);
}


static void
test_codecs(void **state)
{
    unsigned  i;

    static const source_kind_t  kinds[] = {
        { "libx264", AV_PIX_FMT_YUV420P, 1280, 720, AVCOL_SPC_BT709, 1,
          false, { 1, 1 }, X264 },
        { "libx265", AV_PIX_FMT_YUV420P, 640, 360, AVCOL_SPC_SMPTE170M, 6,
          false, { 1, 1 }, X265 },
        { "libx265", AV_PIX_FMT_YUV420P10, 640, 360, AVCOL_SPC_BT709, 1,
          false, { 1, 1 }, X265 },
        { "libaom-av1", AV_PIX_FMT_YUV420P, 640, 360, AVCOL_SPC_BT709, 1,
          false, { 1, 1 }, "cpu-used=8;usage=realtime;crf=10" },
        { "libaom-av1", AV_PIX_FMT_YUV420P10, 640, 360, AVCOL_SPC_BT709, 1,
          false, { 1, 1 }, "cpu-used=8;usage=realtime;crf=10" }
    };

    (void) state;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        check_kind(&kinds[i]);
    }
}


static void
test_formats(void **state)
{
    unsigned       i;
    source_kind_t  kind = { "libx264", 0, 640, 360, 0, 1, false, { 1, 1 },
                            X264 };

    static const struct {
        enum AVPixelFormat  format;
        enum AVColorSpace   matrix;
        bool                full_range;
    } formats[] = {
        { AV_PIX_FMT_YUV420P, AVCOL_SPC_SMPTE170M, false },
        { AV_PIX_FMT_YUV420P, AVCOL_SPC_UNSPECIFIED, false },
        { AV_PIX_FMT_YUVJ420P, AVCOL_SPC_BT709, true },
        { AV_PIX_FMT_YUV420P, AVCOL_SPC_BT709, true },
        { AV_PIX_FMT_YUV422P, AVCOL_SPC_BT709, false },
        { AV_PIX_FMT_YUV444P, AVCOL_SPC_BT709, false },
        { AV_PIX_FMT_YUV420P10, AVCOL_SPC_BT709, false },
        { AV_PIX_FMT_YUV422P10, AVCOL_SPC_BT2020_NCL, false },
        { AV_PIX_FMT_YUV444P10, AVCOL_SPC_BT709, true },
    };

    (void) state;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        kind.format = formats[i].format;
        kind.matrix = formats[i].matrix;
        kind.full_range = formats[i].full_range;
        check_kind(&kind);
    }
}


static void
test_sizes(void **state)
{
    source_t  s;
    unsigned  i;

    static const struct {
        int       width;
        int       height;
        int       sar_num;
        int       sar_den;
        uint32_t  sizes[OA_THUMBNAIL_SIZES][2];
    } of[] = {
        { 1280, 720, 1, 1, { { 160, 90 }, { 320, 180 }, { 640, 360 } } },
        { 640, 480, 1, 1, { { 120, 90 }, { 240, 180 }, { 480, 360 } } },
        { 720, 576, 64, 45, { { 160, 90 }, { 320, 180 }, { 640, 360 } } },
        { 360, 640, 1, 1, { { 50, 90 }, { 102, 180 }, { 202, 360 } } },
        { 240, 136, 1, 1, { { 158, 90 }, { 240, 136 }, { 240, 136 } } },
        { 66, 34, 1, 1, { { 66, 34 }, { 66, 34 }, { 66, 34 } } },
        { 16, 16, 1, 1, { { 16, 16 }, { 16, 16 }, { 16, 16 } } },
        { 2048, 16, 1, 1, { { 160, 2 }, { 320, 4 }, { 640, 6 } } },
    };

    (void) state;

    for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        source_make(&s, &(source_kind_t) {
            "libx264", AV_PIX_FMT_YUV420P, of[i].width, of[i].height,
            AVCOL_SPC_BT709, 1, false, { of[i].sar_num, of[i].sar_den },
            X264 });
        assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail), OA_OK);
        check_sizes(of[i].sizes);
        oa_thumbnail_free(&thumbnail);
        source_free(&s);
    }
}


static void
test_fit(void **state)
{
    uint32_t  w, h;

    (void) state;

    oa_thumbnail_fit(1920, 1080, 1, 1, 360, &w, &h);
    assert_int_equal(w * 1000 + h, 640360);
    oa_thumbnail_fit(8192, 2, 1, 1, 90, &w, &h);
    assert_int_equal(w * 1000 + h, 160002);
    oa_thumbnail_fit(1, 16384, 1, 1, 90, &w, &h);
    assert_int_equal(w * 1000 + h, 2090);
    oa_thumbnail_fit(1440, 1080, 4, 3, 180, &w, &h);
    assert_int_equal(w * 1000 + h, 320180);
    oa_thumbnail_fit(639, 359, 1, 1, 360, &w, &h);
    assert_int_equal(w * 1000 + h, 640360);
    oa_thumbnail_fit(100, 100, 1, 16, 360, &w, &h);
    assert_int_equal(w * 1000 + h, 6100);
    oa_thumbnail_fit(100, 100, 0, 0, 360, &w, &h);
    assert_int_equal(w * 1000 + h, 100100);
    assert_int_equal(oa_thumbnail_height(0), 90);
    assert_int_equal(oa_thumbnail_height(2), 360);
}


/* A small picture is in the middle of its tile, in black. */
static void
test_tile(void **state)
{
    source_t  s;

    (void) state;

    source_make(&s, &(source_kind_t) {
        "libx264", AV_PIX_FMT_YUV420P, 100, 50, AVCOL_SPC_BT709, 1, false,
        { 1, 1 }, X264 });
    assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail), OA_OK);

    assert_int_equal(thumbnail.tile.y[0], 0);
    assert_int_equal(thumbnail.tile.u[0], 128);
    assert_int_equal(thumbnail.tile.y[19 * 160 + 80], 0);
    assert_true(thumbnail.tile.y[20 * 160 + 30] > 40);
    assert_int_equal(thumbnail.tile.y[20 * 160 + 29], 0);
    assert_true(thumbnail.tile.y[69 * 160 + 129] > 150);
    assert_int_equal(thumbnail.tile.y[70 * 160 + 129], 0);
    assert_int_equal(thumbnail.tile.y[69 * 160 + 130], 0);
    assert_true(abs(thumbnail.tile.v[10 * 80 + 15] - 128) > 30);
    assert_int_equal(thumbnail.tile.v[9 * 80 + 15], 128);

    oa_thumbnail_free(&thumbnail);
    source_free(&s);
}


/* --- high dynamic range ---------------------------------------------- */


static void
test_tone(void **state)
{
    unsigned             i;
    uint8_t              to[3], before;
    uint16_t             rgb[3];
    oa_thumbnail_tone_t  tone;

    (void) state;
    oa_thumbnail_tone_init(&tone, 16);

    /* black, a white of 203 cd/m2, and of 10,000 */
    oa_thumbnail_tone(&tone, (uint16_t[]) { 0, 0, 0 }, 1, to);
    assert_int_equal(to[0] + to[1] + to[2], 0);
    oa_thumbnail_tone(&tone, (uint16_t[]) { 38055, 38055, 38055 }, 1, to);
    assert_in_range(to[0], 215, 240);
    assert_true(abs(to[0] - to[2]) <= 1);
    oa_thumbnail_tone(&tone, (uint16_t[]) { 65535, 65535, 65535 }, 1, to);
    assert_in_range(to[1], 254, 255);

    /* red stays red, and grey rises */
    oa_thumbnail_tone(&tone, (uint16_t[]) { 38055, 5000, 5000 }, 1, to);
    assert_true(to[0] > 200 && to[1] < 60 && to[2] < 60);

    for (i = 0, before = 0; i < 65536; i += 16, before = to[1]) {
        rgb[0] = rgb[1] = rgb[2] = (uint16_t) i;
        oa_thumbnail_tone(&tone, rgb, 1, to);
        assert_true(to[1] >= before);
    }

    /* HLG's diffuse white is at 75% */
    oa_thumbnail_tone_init(&tone, 18);
    oa_thumbnail_tone(&tone, (uint16_t[]) { 49151, 49151, 49151 }, 1, to);
    assert_in_range(to[0], 215, 240);
    oa_thumbnail_tone(&tone, (uint16_t[]) { 65535, 65535, 65535 }, 1, to);
    assert_in_range(to[1], 254, 255);
}


/* What PQ calls a grey of 180 of 255 is brighter than a diffuse white. */
static void
test_high_dynamic_range(void **state)
{
    int        rgb[3];
    AVFrame   *frame;
    source_t   s;

    (void) state;

    source_make(&s, &(source_kind_t) {
        "libx265", AV_PIX_FMT_YUV420P10, 640, 360, AVCOL_SPC_BT2020_NCL,
        AVCOL_TRC_SMPTE2084, false, { 1, 1 }, X265 });
    assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail), OA_OK);

    frame = source_jpeg(&thumbnail.jpegs[2]);
    source_pixel(frame, 480, 270, rgb);
    assert_in_range(rgb[0], 240, 255);
    assert_true(abs(rgb[0] - rgb[2]) < 6);

    av_frame_free(&frame);
    oa_thumbnail_free(&thumbnail);
    source_free(&s);
}


/* --- what is refused ------------------------------------------------- */


static void
test_too_large(void **state)
{
    source_t  s;

    (void) state;

    source_make(&s, &(source_kind_t) {
        "libx264", AV_PIX_FMT_YUV420P, 320, 180, AVCOL_SPC_BT709, 1, false,
        { 1, 1 }, X264 });

    s.picture.width = 8193;
    s.picture.height = 100;
    assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail), OA_ELIMIT);
    s.picture.width = 4321;
    s.picture.height = 4321;
    assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail), OA_ELIMIT);

    /* the stream's own parameters say more than the configuration */
    s.picture.width = 32;
    s.picture.height = 32;
    assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail), OA_EINVAL);

    s.picture.codec = OA_CODEC_OPUS;
    assert_int_equal(oa_thumbnail_make(&s.source, &thumbnail),
                     OA_EUNSUPPORTED);
    source_free(&s);
}


/* n times the same unit, of `size` bytes behind four of length. */
static uint8_t *
repeat(const uint8_t *unit, size_t size, size_t n)
{
    size_t    i;
    uint8_t  *data, *p;

    data = calloc(n, 4 + size);
    assert_non_null(data);

    for (i = 0, p = data; i < n; i++, p += 4 + size) {
        p[3] = (uint8_t) size;
        memcpy(p + 4, unit, size);
    }

    return data;
}


static oa_err_t
first(oa_codec_id_t codec, const uint8_t *data, size_t size, size_t *left)
{
    uint8_t                buf[4096];
    oa_err_t               err;
    oa_writer_t            w;
    oa_codec_video_t       picture = { .codec = codec, .width = 3840,
                                       .height = 2160, .nal_length_size = 4 };
    oa_thumbnail_source_t  source = { &picture, { NULL, 0 }, { data, size } };

    oa_writer_init(&w, buf, sizeof(buf));
    err = oa_thumbnail_first(&source, &w);
    *left = oa_writer_size(&w);

    return err;
}


static void
test_first_picture(void **state)
{
    size_t    left;
    uint8_t  *data;

    static const uint8_t  avc[] = "\x65\x88\x84", avc_more[] = "\x65\x40\x84";
    static const uint8_t  hevc[] = "\x26\x01\xa0", sei[] = "\x06\x05\x01";
    static const uint8_t  av1[] = "\x32\x02\x10\x00" "\x32\x02\x10\x00";

    (void) state;

    /* two fields of H.264, one picture of HEVC and AV1 */
    data = repeat(avc, 3, 20);
    assert_int_equal(first(OA_CODEC_AVC, data, 140, &left), OA_OK);
    assert_int_equal(left, 2 * 7);
    free(data);

    data = repeat(hevc, 3, 20);
    assert_int_equal(first(OA_CODEC_HEVC, data, 140, &left), OA_OK);
    assert_int_equal(left, 7);
    assert_int_equal(first(OA_CODEC_HEVC, data, 6, &left), OA_EINVAL);
    free(data);

    assert_int_equal(first(OA_CODEC_AV1, av1, 8, &left), OA_OK);
    assert_int_equal(left, 4);
    assert_int_equal(first(OA_CODEC_AV1, av1, 3, &left), OA_EINVAL);
    assert_int_equal(first(OA_CODEC_AV1, (uint8_t *) "\x12\x00", 2, &left),
                     OA_EINVAL);

    /* slices without a beginning, and more than a picture may have */
    data = repeat(avc_more, 3, 400);
    assert_int_equal(first(OA_CODEC_AVC, data, 140, &left), OA_EINVAL);
    memcpy(data + 4, avc, 3);
    assert_int_equal(first(OA_CODEC_AVC, data, 700, &left), OA_OK);
    assert_int_equal(left, 700);
    assert_int_equal(first(OA_CODEC_AVC, data, 2800, &left), OA_ELIMIT);
    free(data);

    data = repeat(sei, 3, 100);
    assert_int_equal(first(OA_CODEC_AVC, data, 700, &left), OA_ELIMIT);
    free(data);
    assert_int_equal(first(OA_CODEC_AVC, NULL, 0, &left), OA_EINVAL);
}


static void
test_mutations(void **state)
{
    size_t                 size;
    uint8_t               *data, *record;
    unsigned               i, k;
    source_t               s;
    uint64_t               seed = 5;
    oa_codec_video_t       picture;
    oa_thumbnail_source_t  source;

    static const source_kind_t  kinds[] = {
        { "libx264", AV_PIX_FMT_YUV420P, 128, 72, AVCOL_SPC_BT709, 1, false,
          { 1, 1 }, X264 },
        { "libx265", AV_PIX_FMT_YUV420P, 128, 72, AVCOL_SPC_BT709, 1, false,
          { 1, 1 }, X265 },
        { "libaom-av1", AV_PIX_FMT_YUV420P, 128, 72, AVCOL_SPC_BT709, 1,
          false, { 1, 1 }, "cpu-used=8;usage=realtime" }
    };

    (void) state;

    for (k = 0; k < 3; k++) {
        source_make(&s, &kinds[k]);

        for (i = 0; i < 150; i++) {
            data = unit_mutate(s.source.data, &seed, &size);
            source = s.source;
            source.data = oa_slice(data, size);
            picture = s.picture;
            record = NULL;

            if (i % 3 == 0) {
                record = unit_mutate(s.source.record, &seed, &size);
                source.record = oa_slice(record, size);

                if (oa_codec_video_config(s.picture.codec, source.record,
                                          &picture) != OA_OK)
                {
                    picture = s.picture;
                }
            }

            source.picture = &picture;

            if (oa_thumbnail_make(&source, &thumbnail) == OA_OK) {
                assert_true(thumbnail.jpegs[2].size > 100);
                oa_thumbnail_free(&thumbnail);
            }

            free(data);
            free(record);
        }

        source_free(&s);
    }
}


/* --- the rest -------------------------------------------------------- */


/* Noise is coded coarser, until it fits. */
static void
test_noise(void **state)
{
    size_t                 i;
    uint64_t               seed = 3;
    oa_thumbnail_jpeg_t    jpeg;
    oa_thumbnail_planes_t  planes;
    static uint8_t         noise[640 * 360];

    (void) state;

    for (i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t) unit_random(&seed);
    }

    planes.planes[0] = planes.planes[1] = planes.planes[2] = noise;
    planes.strides[0] = 640;
    planes.strides[1] = planes.strides[2] = 320;
    planes.width = 640;
    planes.height = 360;

    assert_int_equal(oa_thumbnail_jpeg(&planes, &jpeg), OA_OK);
    assert_in_range(jpeg.size, 50000, OA_THUMBNAIL_BYTES);
    av_frame_free(&(AVFrame *) { source_jpeg(&jpeg) });
    free(jpeg.data);
}


static void *
make_some(void *data)
{
    unsigned         i;
    oa_thumbnail_t  *mine;

    mine = malloc(sizeof(*mine));

    for (i = 0; mine != NULL && i < 10; i++) {
        if (oa_thumbnail_make(data, mine) != OA_OK) {
            break;
        }

        oa_thumbnail_free(mine);
    }

    free(mine);

    return i == 10 ? data : NULL;
}


static void
test_threads(void **state)
{
    void      *result;
    source_t   s;
    unsigned   i;
    pthread_t  threads[4];

    (void) state;

    source_make(&s, &(source_kind_t) {
        "libx264", AV_PIX_FMT_YUV420P, 640, 360, AVCOL_SPC_BT709, 1, false,
        { 1, 1 }, X264 });

    for (i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_some,
                                        &s.source), 0);
    }

    for (i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }

    source_free(&s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_codecs),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_tile),
        cmocka_unit_test(test_tone),
        cmocka_unit_test(test_high_dynamic_range),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_first_picture),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_threads)
    };

    av_log_set_level(AV_LOG_QUIET);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
