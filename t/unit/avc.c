
#include "unit.h"
#include "codec/oa_avc.h"


/* Decoder configurations that x264 made. */

/* 318x178, 4:3 samples, 30000/1001, High, B-frames */
#define X264_HIGH                                                             \
    "\x01\x64\x00\x0d\xff\xe1\x00\x19\x67\x64\x00\x0d\xac\xd9\x41\x41"        \
    "\x9e\xa2\x30\xe1\x00\x00\x03\x03\xe9\x00\x00\xea\x60\x0f\x14\x29"        \
    "\x96\x01\x00\x06\x68\xea\xe3\xcb\x22\xc0\xfd\xf8\xf8\x00"

/* 640x360, 25, Constrained Baseline */
#define X264_BASELINE                                                         \
    "\x01\x42\xc0\x1e\xff\xe1\x00\x19\x67\x42\xc0\x1e\xd9\x00\xa0\x2f"        \
    "\xf9\x70\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2e"        \
    "\x48\x01\x00\x05\x68\xcb\x83\xcb\x20"

/* 1920x1080, 50, interlaced */
#define X264_INTERLACED                                                       \
    "\x01\x4d\x40\x3e\xff\xe1\x00\x19\x67\x4d\x40\x3e\xf4\x03\xc0\x22"        \
    "\x7e\xf0\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x64\x1f\x1e\x3e"        \
    "\xa0\x01\x00\x04\x68\xde\x0f\xc8"

/* 202x102, 30, High 4:4:4, scaling lists */
#define X264_444                                                              \
    "\x01\xf4\x00\x0b\xff\xe1\x00\x19\x67\xf4\x00\x0b\x91\x9b\x28\x69"        \
    "\xfc\xf1\x78\x08\x80\x00\x00\x03\x00\x80\x00\x00\x1e\x07\x8a\x14"        \
    "\xcb\x01\x00\x08\x68\xeb\xe3\xc4\x4c\x00\x04\x40\xff\xf8\xf8\x00"


/* An SPS in the making: bits, then a record round it. */
typedef struct {
    uint8_t  data[1024];
    size_t   bits;
} sps_t;


static void
put(sps_t *s, uint64_t v, unsigned n)
{
    while (n-- > 0) {
        assert_true(s->bits < sizeof(s->data) * 8);
        s->data[s->bits / 8] |= (uint8_t) ((v >> n & 1)
                                           << (7 - s->bits % 8));
        s->bits++;
    }
}


static void
put_ue(sps_t *s, uint32_t v)
{
    unsigned  n;

    for (n = 0; ((uint64_t) v + 1) >> (n + 1) != 0; n++) { /* void */ }

    put(s, 0, n);
    put(s, (uint64_t) v + 1, n + 1);
}


static void
put_se(sps_t *s, int32_t v)
{
    put_ue(s, v > 0 ? (uint32_t) v * 2 - 1 : (uint32_t) -v * 2);
}


/* All fields that no test varies are what they mostly are. */
static sps_t
sps_begin(unsigned profile, unsigned chroma_format)
{
    sps_t  s;

    memset(&s, 0, sizeof(s));
    put(&s, 0x67, 8);
    put(&s, profile, 8);
    put(&s, 0, 8);
    put(&s, 31, 8);
    put_ue(&s, 0);

    if (profile == 100) {
        put_ue(&s, chroma_format);
        put(&s, 0, chroma_format == 3);
        put_ue(&s, 0);
        put_ue(&s, 0);
        put(&s, 0, 2);
    }

    return s;
}


static void
put_counts(sps_t *s)
{
    put_ue(s, 0);
    put_ue(s, 2);
    put_ue(s, 1);
    put(s, 0, 1);
}


static void
put_size(sps_t *s, uint32_t mbs_x, uint32_t mbs_y, bool progressive)
{
    put_ue(s, mbs_x - 1);
    put_ue(s, mbs_y - 1);
    put(s, progressive, 1);
    put(s, 0, !progressive);
    put(s, 0, 1);
}


static void
put_crop(sps_t *s, uint32_t l, uint32_t r, uint32_t t, uint32_t b)
{
    put(s, 1, 1);
    put_ue(s, l);
    put_ue(s, r);
    put_ue(s, t);
    put_ue(s, b);
}


/* Writes the NAL unit with emulation prevention; returns its size. */
static size_t
sps_escape(const sps_t *s, uint8_t *out)
{
    size_t    i, n;
    unsigned  zeros;

    for (zeros = 0, n = 0, i = 0; i < (s->bits + 7) / 8; i++) {
        if (zeros == 2 && s->data[i] <= 3) {
            out[n++] = 3;
            zeros = 0;
        }

        zeros = s->data[i] == 0 ? zeros + 1 : 0;
        out[n++] = s->data[i];
    }

    return n;
}


static oa_err_t
sps_parse(sps_t *s, oa_avc_config_t *config)
{
    size_t    n;
    uint8_t   record[2048];

    put(s, 1, 1);

    memcpy(record, "\x01\x64\x00\x1f\xff\xe1", 6);
    n = sps_escape(s, &record[8]);
    record[6] = (uint8_t) (n >> 8);
    record[7] = (uint8_t) n;
    memcpy(&record[8 + n], "\x01\x00\x02\x68\xce", 5);

    return oa_avc_config_parse(oa_slice(record, n + 13), config);
}


static oa_avc_config_t
parse(oa_slice_t record)
{
    oa_avc_config_t  config;

    assert_int_equal(oa_avc_config_parse(record, &config), OA_OK);

    return config;
}


static void
assert_config(const oa_avc_config_t *c, const char *codecs, unsigned width,
    unsigned height, unsigned num, unsigned den)
{
    assert_string_equal(c->codecs, codecs);
    assert_int_equal(c->width, width);
    assert_int_equal(c->height, height);
    assert_int_equal(c->frame_rate_num, num);
    assert_int_equal(c->frame_rate_den, den);
}


static void
test_x264_records(void **state)
{
    oa_avc_config_t  c;

    (void) state;

    c = parse(unit_bytes(X264_HIGH));
    assert_config(&c, "avc1.64000d", 318, 178, 30000, 1001);
    assert_int_equal(c.sar_width, 4);
    assert_int_equal(c.sar_height, 3);
    assert_int_equal(c.nal_length_size, 4);
    assert_int_equal(c.profile_idc, 100);
    assert_int_equal(c.level_idc, 13);
    assert_int_equal(c.constraint_flags, 0);

    c = parse(unit_bytes(X264_BASELINE));
    assert_config(&c, "avc1.42c01e", 640, 360, 25, 1);
    assert_int_equal(c.constraint_flags, 0xc0);
    assert_int_equal(c.sar_width, 1);
    assert_int_equal(c.sar_height, 1);
    assert_false(c.fixed_frame_rate);

    c = parse(unit_bytes(X264_INTERLACED));
    assert_config(&c, "avc1.4d403e", 1920, 1080, 50, 1);

    c = parse(unit_bytes(X264_444));
    assert_config(&c, "avc1.f4000b", 202, 102, 30, 1);
}


static void
test_cropping_units(void **state)
{
    static const struct {
        unsigned  chroma_format;
        bool      progressive;
        unsigned  width;
        unsigned  height;
    }  t[] = {
        { 0, true, 160 - 3, 96 - 7 },
        { 1, true, 160 - 6, 96 - 14 },
        { 2, true, 160 - 6, 96 - 7 },
        { 3, true, 160 - 3, 96 - 7 },
        { 0, false, 160 - 3, 192 - 14 },
        { 1, false, 160 - 6, 192 - 28 },
        { 2, false, 160 - 6, 192 - 14 }
    };

    sps_t            s;
    size_t           i;
    oa_avc_config_t  c;

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        s = sps_begin(100, t[i].chroma_format);
        put_counts(&s);
        put_size(&s, 10, 6, t[i].progressive);
        put_crop(&s, 1, 2, 3, 4);
        put(&s, 0, 1);

        assert_int_equal(sps_parse(&s, &c), OA_OK);
        assert_config(&c, "avc1.64001f", t[i].width, t[i].height, 0, 0);
        assert_int_equal(c.sar_width, 1);
    }
}


static void
test_cropping_everything(void **state)
{
    sps_t            s;
    oa_avc_config_t  c;

    (void) state;

    s = sps_begin(66, 1);
    put_counts(&s);
    put_size(&s, 10, 6, true);
    put_crop(&s, 40, 40, 0, 0);
    put(&s, 0, 1);
    assert_int_equal(sps_parse(&s, &c), OA_EINVAL);

    s = sps_begin(66, 1);
    put_counts(&s);
    put_size(&s, 10, 6, true);
    put_crop(&s, 0, 0, UINT32_MAX - 1, UINT32_MAX - 1);
    put(&s, 0, 1);
    assert_int_equal(sps_parse(&s, &c), OA_EINVAL);
}


static void
test_largest_size(void **state)
{
    sps_t            s;
    oa_avc_config_t  c;

    (void) state;

    s = sps_begin(66, 1);
    put_counts(&s);
    put_size(&s, 1024, 1024, true);
    put(&s, 0, 2);
    assert_int_equal(sps_parse(&s, &c), OA_OK);
    assert_int_equal(c.width, 16384);
    assert_int_equal(c.height, 16384);

    s = sps_begin(66, 1);
    put_counts(&s);
    put_size(&s, 1025, 10, true);
    put(&s, 0, 2);
    assert_int_equal(sps_parse(&s, &c), OA_EUNSUPPORTED);

    s = sps_begin(66, 1);
    put_counts(&s);
    put_size(&s, 10, UINT32_MAX, false);
    put(&s, 0, 2);
    assert_int_equal(sps_parse(&s, &c), OA_EUNSUPPORTED);
}


static sps_t
sps_with_vui(void)
{
    sps_t  s;

    s = sps_begin(66, 1);
    put_counts(&s);
    put_size(&s, 10, 6, true);
    put(&s, 0, 1);
    put(&s, 1, 1);

    return s;
}


static void
test_sample_aspect_ratio(void **state)
{
    static const struct {
        unsigned  idc;
        unsigned  width;
        unsigned  height;
    }  t[] = {
        { 0, 1, 1 }, { 1, 1, 1 }, { 2, 12, 11 }, { 13, 160, 99 },
        { 14, 4, 3 }, { 16, 2, 1 }, { 17, 1, 1 }, { 254, 1, 1 }
    };

    sps_t            s;
    size_t           i;
    oa_avc_config_t  c;

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        s = sps_with_vui();
        put(&s, 1, 1);
        put(&s, t[i].idc, 8);
        put(&s, 0, 4);
        assert_int_equal(sps_parse(&s, &c), OA_OK);
        assert_int_equal(c.sar_width, t[i].width);
        assert_int_equal(c.sar_height, t[i].height);
    }

    s = sps_with_vui();
    put(&s, 1, 1);
    put(&s, 255, 8);
    put(&s, 852, 16);
    put(&s, 853, 16);
    put(&s, 0, 4);
    assert_int_equal(sps_parse(&s, &c), OA_OK);
    assert_int_equal(c.sar_width, 852);
    assert_int_equal(c.sar_height, 853);

    s = sps_with_vui();
    put(&s, 1, 1);
    put(&s, 255, 8);
    put(&s, 7, 16);
    put(&s, 0, 16);
    put(&s, 0, 4);
    assert_int_equal(sps_parse(&s, &c), OA_OK);
    assert_int_equal(c.sar_width, 1);
    assert_int_equal(c.sar_height, 1);
}


static void
test_absurd_aspect_ratio(void **state)
{
    static const struct {
        uint32_t  width, height;
    }  t[] = { { 65535, 1 }, { 1, 65535 }, { 17, 1 }, { 100, 1601 } };

    sps_t            s;
    size_t           i;
    oa_avc_config_t  c;

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        s = sps_with_vui();
        put(&s, 1, 1);
        put(&s, 255, 8);
        put(&s, t[i].width, 16);
        put(&s, t[i].height, 16);
        put(&s, 0, 4);
        assert_int_equal(sps_parse(&s, &c), OA_OK);
        assert_int_equal(c.sar_width, 1);
        assert_int_equal(c.sar_height, 1);
    }
}


/* A VUI with every field before the timing. */
static sps_t
sps_with_timing(uint32_t num_units_in_tick, uint32_t time_scale, bool fixed)
{
    sps_t  s;

    s = sps_with_vui();
    put(&s, 0, 1);
    put(&s, 3, 2);                       /* overscan */
    put(&s, 1, 1);                       /* video signal type, colours */
    put(&s, 0x0a, 4);
    put(&s, 0x1010101, 25);
    put(&s, 1, 1);                       /* chroma location */
    put_ue(&s, 0);
    put_ue(&s, 5);
    put(&s, 1, 1);
    put(&s, num_units_in_tick, 32);
    put(&s, time_scale, 32);
    put(&s, fixed, 1);

    return s;
}


static void
test_frame_rate(void **state)
{
    static const struct {
        uint32_t  units;
        uint32_t  scale;
        uint32_t  num;
        uint32_t  den;
    }  t[] = {
        { 1, 60, 30, 1 },
        { 1001, 60000, 30000, 1001 },
        { 1, 25, 25, 2 },
        { 0x40000000, 0x80000000, 1, 1 },
        { 0, 60, 0, 0 },
        { 1, 0, 0, 0 },
        { UINT32_MAX, 1, 0, 0 },
        { UINT32_MAX, UINT32_MAX, 1, 2 }
    };

    sps_t            s;
    size_t           i;
    oa_avc_config_t  c;

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        s = sps_with_timing(t[i].units, t[i].scale, true);
        assert_int_equal(sps_parse(&s, &c), OA_OK);
        assert_int_equal(c.frame_rate_num, t[i].num);
        assert_int_equal(c.frame_rate_den, t[i].den);
        assert_true(c.fixed_frame_rate == (t[i].num != 0));
    }

    s = sps_with_timing(1, 60, false);
    assert_int_equal(sps_parse(&s, &c), OA_OK);
    assert_int_equal(c.frame_rate_num, 30);
    assert_false(c.fixed_frame_rate);
}


static void
test_order_count_cycle(void **state)
{
    sps_t            s;
    unsigned         n, i;
    oa_avc_config_t  c;

    (void) state;

    for (n = 254; n <= 256; n++) {
        s = sps_begin(66, 1);
        put_ue(&s, 0);
        put_ue(&s, 1);
        put(&s, 0, 1);
        put_se(&s, -5);
        put_se(&s, 7);
        put_ue(&s, n);

        for (i = 0; i < n; i++) {
            put_se(&s, (int32_t) i - 128);
        }

        put_ue(&s, 1);
        put(&s, 0, 1);
        put_size(&s, 10, 6, true);
        put(&s, 0, 2);

        assert_int_equal(sps_parse(&s, &c), n <= 255 ? OA_OK : OA_EINVAL);

        if (n <= 255) {
            assert_int_equal(c.width, 160);
            assert_int_equal(c.height, 96);
        }
    }
}


/* A list that ends early, a default list, a whole one and none, in turn. */
static void
put_scaling_list(sps_t *s, int i)
{
    int  k;

    put(s, i % 4 != 3, 1);

    switch (i % 4) {
    case 0:
        put_se(s, 3);
        put_se(s, -11);                  /* 8 + 3 - 11: the rest is as it was */
        break;

    case 1:
        put_se(s, -8);                   /* the default list */
        break;

    case 2:
        for (k = 0; k < (i < 6 ? 16 : 64); k++) {
            put_se(s, k % 2 ? -1 : 1);
        }
    }
}


static void
test_scaling_lists(void **state)
{
    int              i, format;
    sps_t            s;
    oa_avc_config_t  c;

    (void) state;

    for (format = 1; format <= 3; format++) {
        memset(&s, 0, sizeof(s));
        put(&s, 0x6764001f, 32);
        put_ue(&s, 0);
        put_ue(&s, (uint32_t) format);
        put(&s, 0, format == 3);
        put_ue(&s, 0);
        put_ue(&s, 0);
        put(&s, 1, 2);

        for (i = 0; i < (format == 3 ? 12 : 8); i++) {
            put_scaling_list(&s, i);
        }

        put_counts(&s);
        put_size(&s, 120, 68, true);
        put_crop(&s, 0, 0, 0, format == 1 ? 4 : 8);
        put(&s, 0, 1);

        assert_int_equal(sps_parse(&s, &c), OA_OK);
        assert_int_equal(c.width, 1920);
        assert_int_equal(c.height, 1080);
    }
}


static void
test_records_that_make_no_sense(void **state)
{
    size_t           i, size;
    uint8_t          record[sizeof(X264_HIGH) - 1];
    oa_avc_config_t  c;

    static const struct {
        unsigned  at;
        uint8_t   value;
        oa_err_t  err;
    }  t[] = {
        { 0, 2, OA_EINVAL },             /* version */
        { 4, 0xfe, OA_EUNSUPPORTED },    /* lengths of 3 bytes */
        { 5, 0xe0, OA_EINVAL },          /* no SPS */
        { 6, 0x01, OA_EINVAL },          /* an SPS of 281 bytes */
        { 7, 0x00, OA_EINVAL },          /* an empty one */
        { 8, 0x68, OA_EINVAL },          /* a PPS in its place */
        { 8, 0xe7, OA_EINVAL },          /* forbidden_zero_bit */
        { 33, 0, OA_EINVAL },            /* no PPS */
        { 35, 11, OA_EINVAL },           /* a PPS past the end */
        { 36, 0x67, OA_EINVAL }
    };

    (void) state;

    size = sizeof(record);

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        memcpy(record, X264_HIGH, size);
        record[t[i].at] = t[i].value;

        assert_int_equal(oa_avc_config_parse(oa_slice(record, size), &c),
                         t[i].err);
    }

    /* the high profiles' four bytes at the end need not be there */

    for (i = 0; i < size; i++) {
        assert_int_equal(oa_avc_config_parse(oa_slice(X264_HIGH, i), &c),
                         i < size - 4 ? OA_EINVAL : OA_OK);
    }
}


static void
test_truncated_sps(void **state)
{
    size_t           n;
    uint8_t          record[64];
    oa_avc_config_t  c;

    (void) state;

    /* the timing ends in its 22nd byte; what follows is not looked at */

    for (n = 1; n < 24; n++) {
        memcpy(record, X264_HIGH, 8 + n);
        record[7] = (uint8_t) n;
        memcpy(&record[8 + n], "\x01\x00\x02\x68\xce", 5);

        assert_int_equal(oa_avc_config_parse(oa_slice(record, n + 13), &c),
                         n < 22 ? OA_EINVAL : OA_OK);
    }
}


static oa_avc_sample_t
inspect(oa_slice_t sample, unsigned nal_length_size)
{
    oa_avc_sample_t  info;

    assert_int_equal(oa_avc_sample_inspect(sample, nal_length_size, &info),
                     OA_OK);

    return info;
}


static void
test_sample_idr(void **state)
{
    oa_avc_sample_t  info;

    (void) state;

    info = inspect(unit_bytes("\x00\x00\x00\x02\x09\xf0"
                              "\x00\x00\x00\x03\x65\x88\x84"), 4);
    assert_true(info.idr);
    assert_true(info.slices);
    assert_false(info.recovery_point);
    assert_false(info.in_band_parameters);

    info = inspect(unit_bytes("\x00\x02\x67\x42\x00\x01\x68"
                              "\x00\x02\x25\x88"), 2);
    assert_true(info.idr);
    assert_true(info.in_band_parameters);
}


static void
test_sample_slices(void **state)
{
    oa_avc_sample_t  info;

    (void) state;

    info = inspect(unit_bytes("\x02\x41\x9a\x00\x02\x01\x9a"), 1);
    assert_true(info.slices);
    assert_false(info.idr);

    info = inspect(unit_bytes("\x02\x09\xf0\x01\x0c"), 1);
    assert_false(info.slices);
    assert_false(info.idr);
}


static void
test_sample_recovery_point(void **state)
{
    (void) state;

    assert_true(inspect(unit_bytes("\x04\x06\x06\x01\x84"), 1)
                .recovery_point);

    assert_false(inspect(unit_bytes("\x03\x06\x06\x00"), 1).recovery_point);

    /* behind another message whose size escapes three zero bytes */
    assert_true(inspect(unit_bytes("\x0c\x06\x05\x04\x00\x00\x03\x00\x00"
                                   "\x06\x01\x84\x80"), 1).recovery_point);

    /* its bytes inside of a user data message are none */
    assert_false(inspect(unit_bytes("\x07\x06\x05\x04\x06\x01\x84\x80"), 1)
                 .recovery_point);

    /* numbers above 254 */
    assert_false(inspect(unit_bytes("\x06\x06\xff\x06\x01\x84\x80"), 1)
                 .recovery_point);
}


static void
test_malformed_samples(void **state)
{
    size_t  i;

    static const struct {
        unsigned    nal_length_size;
        oa_slice_t  sample;
    }  t[] = {
        { 4, { (const uint8_t *) "", 0 } },
        { 4, { (const uint8_t *) "\x00\x00\x00\x00", 4 } },
        { 4, { (const uint8_t *) "\x00\x00\x00", 3 } },
        { 4, { (const uint8_t *) "\x00\x00\x00\x02\x65", 5 } },
        { 4, { (const uint8_t *) "\xff\xff\xff\xff\x65", 5 } },
        { 4, { (const uint8_t *) "\x00\x00\x00\x01\x65\x00", 6 } },
        { 2, { (const uint8_t *) "\x00\x01\x65\x00\x02\x65", 6 } },
        { 0, { (const uint8_t *) "\x65", 1 } },
        { 5, { (const uint8_t *) "\x00\x00\x00\x00\x01\x65", 6 } }
    };

    oa_avc_sample_t  info;

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(oa_avc_sample_inspect(t[i].sample,
                                               t[i].nal_length_size, &info),
                         OA_EINVAL);
    }
}


static void
parse_config(oa_slice_t s)
{
    oa_avc_config_t  c;

    if (oa_avc_config_parse(s, &c) == OA_OK) {
        assert_in_range(c.width, 1, 16384);
        assert_in_range(c.height, 1, 16384);
        assert_true(c.sar_width != 0 && c.sar_height != 0);
        assert_true((c.frame_rate_num == 0) == (c.frame_rate_den == 0));
        assert_int_equal(strlen(c.codecs), 11);
    }
}


static void
test_config_mutations(void **state)
{
    const oa_slice_t  seeds[] = {
        unit_bytes(X264_HIGH),
        unit_bytes(X264_BASELINE),
        unit_bytes(X264_INTERLACED),
        unit_bytes(X264_444)
    };

    (void) state;

    unit_mutations(seeds, 4, 200000, parse_config);
}


static void
inspect_any(oa_slice_t s)
{
    unsigned         n;
    oa_avc_sample_t  info;

    for (n = 1; n <= 4; n++) {
        if (oa_avc_sample_inspect(s, n, &info) == OA_OK) {
            assert_true(info.slices || !info.idr);
        }
    }
}


static void
test_sample_mutations(void **state)
{
    const oa_slice_t  seeds[] = {
        unit_bytes("\x00\x00\x00\x02\x09\xf0\x00\x00\x00\x03\x65\x88\x84"),
        unit_bytes("\x02\x67\x42\x01\x68\x04\x06\x06\x01\x84\x02\x25\x88"),
        unit_bytes("\x0c\x06\x05\x04\x00\x00\x03\x00\x00\x06\x01\x84\x80")
    };

    (void) state;

    unit_mutations(seeds, 3, 200000, inspect_any);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_x264_records),
        cmocka_unit_test(test_cropping_units),
        cmocka_unit_test(test_cropping_everything),
        cmocka_unit_test(test_largest_size),
        cmocka_unit_test(test_sample_aspect_ratio),
        cmocka_unit_test(test_absurd_aspect_ratio),
        cmocka_unit_test(test_frame_rate),
        cmocka_unit_test(test_order_count_cycle),
        cmocka_unit_test(test_scaling_lists),
        cmocka_unit_test(test_records_that_make_no_sense),
        cmocka_unit_test(test_truncated_sps),
        cmocka_unit_test(test_sample_idr),
        cmocka_unit_test(test_sample_slices),
        cmocka_unit_test(test_sample_recovery_point),
        cmocka_unit_test(test_malformed_samples),
        cmocka_unit_test(test_config_mutations),
        cmocka_unit_test(test_sample_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
