
#include "unit.h"
#include "base/oa_writer.h"
#include "codec/oa_hevc.h"


/* By x265: 1920x1080, 60000/1001, ten bits, BT.2100 PQ. */
#define HVCC_HDR                                                              \
    "\x01\x02\x20\x00\x00\x00\x90\x00\x00\x00\x00\x00\x7b\xf0\x00\xfc\xfd"    \
    "\xfa\xfa\x00\x00\x0f\x03\xa0\x00\x01\x00\x18\x40\x01\x0c\x01\xff\xff"    \
    "\x02\x20\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x7b\x95\x94"    \
    "\x09\xa1\x00\x01\x00\x3a\x42\x01\x01\x02\x20\x00\x00\x03\x00\x90\x00"    \
    "\x00\x03\x00\x00\x03\x00\x7b\xa0\x03\xc0\x80\x11\x07\xca\xd9\x65\x65"    \
    "\x4a\x4c\x2f\x01\x6a\x12\x20\x12\x08\x00\x00\x1f\x48\x00\x07\x53\x03"    \
    "\x00\xa4\xa3\xf0\x00\x04\x4a\xa2\x00\x00\x89\x54\x44\xa2\x00\x01\x00"    \
    "\x06\x44\x01\xc0\x73\xc1\x89"

/* 322x178, 4:2:2, samples of 4:3, two temporal layers */
#define HVCC_422                                                              \
    "\x01\x04\x08\x00\x00\x00\x9d\x08\x00\x00\x00\x00\x3c\xf0\x00\xfc\xfe"    \
    "\xf8\xf8\x00\x00\x13\x03\xa0\x00\x01\x00\x1b\x40\x01\x0c\x02\xff\xff"    \
    "\x04\x08\x00\x00\x03\x00\x9d\x08\x00\x00\x03\x00\x00\x3c\x00\x00\x95"    \
    "\x94\xac\xa0\x48\xa1\x00\x01\x00\x2f\x42\x01\x02\x04\x08\x00\x00\x03"    \
    "\x00\x9d\x08\x00\x00\x03\x00\x00\x3c\x00\x00\xb0\x0a\x88\x0c\x1c\x44"    \
    "\x7e\x59\x59\x4a\xca\x94\x9c\x2f\x0e\x68\x08\x00\x00\x03\x00\x08\x00"    \
    "\x00\x03\x00\xc8\x40\xa2\x00\x01\x00\x06\x44\x01\xc0\x73\xc1\x89"

/* 322x178, 4:4:4, ten bits */
#define HVCC_444                                                              \
    "\x01\x04\x08\x00\x00\x00\x4c\x08\x00\x00\x00\x00\x3c\xf0\x00\xfc\xff"    \
    "\xfa\xfa\x00\x00\x0f\x03\xa0\x00\x01\x00\x17\x40\x01\x0c\x01\xff\xff"    \
    "\x04\x08\x00\x00\x03\x00\x4c\x08\x00\x00\x03\x00\x00\x3c\x95\x94\x09"    \
    "\xa1\x00\x01\x00\x2c\x42\x01\x01\x04\x08\x00\x00\x03\x00\x4c\x08\x00"    \
    "\x00\x03\x00\x00\x3c\x90\x01\x51\x01\x83\x8f\x8f\x6c\xb2\xb2\xa5\x26"    \
    "\x17\x80\xb4\x34\x00\x00\x03\x00\x04\x00\x00\x03\x00\x64\x20\xa2\x00"    \
    "\x01\x00\x08\x44\x01\xc0\x73\x18\x30\x18\x90"

/* the parameter sets of HVCC_444 */
#define VPS_444                                                               \
    "\x00\x17\x40\x01\x0c\x01\xff\xff\x04\x08\x00\x00\x03\x00\x4c\x08\x00"    \
    "\x00\x03\x00\x00\x3c\x95\x94\x09"
#define PPS_444  "\x00\x08\x44\x01\xc0\x73\x18\x30\x18\x90"


static oa_hevc_config_t
parsed(oa_slice_t record)
{
    oa_hevc_config_t  c;

    assert_int_equal(oa_hevc_config_parse(record, &c), OA_OK);

    return c;
}


static oa_err_t
error_of(oa_slice_t record)
{
    oa_hevc_config_t  c;

    return oa_hevc_config_parse(record, &c);
}


/* Not all would go into the file, and the SPS would be missing there. */
static void
test_many_units(void **state)
{
    uint8_t      buf[4096];
    unsigned     n, i;
    oa_slice_t   record;
    oa_writer_t  w;

    (void) state;

    record = unit_bytes(HVCC_444);

    for (n = 61; n <= 62; n++) {
        oa_writer_init(&w, buf, sizeof(buf));
        oa_write_slice(&w, oa_slice(record.data, 22));
        oa_write_u8(&w, record.data[22] + 1u);
        oa_write_u8(&w, 0x20);
        oa_write_u16(&w, n);

        for (i = 0; i < n; i++) {
            oa_write_u32(&w, 0x00024001);
        }

        oa_write_slice(&w, oa_slice(record.data + 23, record.size - 23));
        assert_int_equal(error_of(oa_writer_slice(&w)),
                         n == 61 ? OA_OK : OA_EINVAL);
    }
}


static void
test_high_dynamic_range(void **state)
{
    oa_hevc_config_t  c;

    (void) state;

    c = parsed(unit_bytes(HVCC_HDR));
    assert_string_equal(c.codecs, "hvc1.2.4.L123.90");
    assert_int_equal(c.profile_idc, 2);
    assert_false(c.high_tier);
    assert_int_equal(c.level_idc, 123);
    assert_int_equal(c.nal_length_size, 4);
    assert_int_equal(c.width, 1920);
    assert_int_equal(c.height, 1080);
    assert_int_equal(c.chroma_format, 1);
    assert_int_equal(c.bit_depth_luma, 10);
    assert_int_equal(c.bit_depth_chroma, 10);
    assert_int_equal(c.frame_rate_num, 60000);
    assert_int_equal(c.frame_rate_den, 1001);
    assert_true(c.colour.known);
    assert_int_equal(c.colour.primaries, 9);
    assert_int_equal(c.colour.transfer, 16);
    assert_int_equal(c.colour.matrix, 9);
    assert_false(c.colour.full_range);
}


static void
test_other_chroma_formats(void **state)
{
    oa_hevc_config_t  c;

    (void) state;

    c = parsed(unit_bytes(HVCC_422));
    assert_string_equal(c.codecs, "hvc1.4.10.L60.9D.8");
    assert_int_equal(c.chroma_format, 2);
    assert_int_equal(c.width, 322);
    assert_int_equal(c.height, 178);
    assert_int_equal(c.sar_width, 4);
    assert_int_equal(c.sar_height, 3);
    assert_int_equal(c.frame_rate_num, 25);
    assert_int_equal(c.frame_rate_den, 1);
    assert_false(c.colour.known);

    c = parsed(unit_bytes(HVCC_444));
    assert_string_equal(c.codecs, "hvc1.4.10.L60.4C.8");
    assert_int_equal(c.chroma_format, 3);
    assert_int_equal(c.bit_depth_luma, 10);
    assert_int_equal(c.width, 322);
    assert_int_equal(c.height, 178);
    assert_int_equal(c.frame_rate_num, 25);
}


/* The examples of ISO/IEC 14496-15, Annex E, and the extremes. */
static void
test_codecs_string(void **state)
{
    uint8_t           record[sizeof(HVCC_444)];
    oa_slice_t        s = oa_slice(record, sizeof(HVCC_444) - 1);
    oa_hevc_config_t  c;

    (void) state;

    memcpy(record, HVCC_444, sizeof(HVCC_444));
    memcpy(record + 1, "\x01\x60\x00\x00\x00\xb0\x00\x00\x00\x00\x00\x5d", 12);
    assert_string_equal(parsed(s).codecs, "hvc1.1.6.L93.B0");

    memcpy(record + 1, "\x44\x10\x00\x00\x00\xb0\x23\x00\x00\x00\x00\x78", 12);
    assert_string_equal(parsed(s).codecs, "hvc1.A4.8.L120.B0.23");

    memcpy(record + 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    c = parsed(s);
    assert_string_equal(c.codecs,
                        "hvc1.C31.FFFFFFFF.H255.FF.FF.FF.FF.FF.FF");
    assert_true(strlen(c.codecs) < sizeof(c.codecs));

    memset(record + 1, 0, 12);
    assert_string_equal(parsed(s).codecs, "hvc1.0.0.L0");
}


/* --- an SPS with everything in it ------------------------------------ */

typedef struct {
    uint8_t   bytes[1024];
    size_t    bits;
} sps_t;


static void
put(sps_t *s, unsigned n, uint32_t v)
{
    while (n-- > 0) {
        s->bytes[s->bits / 8] |= (uint8_t) ((v >> n & 1)
                                            << (7 - s->bits % 8));
        s->bits++;
    }
}


static void
put_ue(sps_t *s, uint32_t v)
{
    unsigned  n;

    for (n = 0; (v + 1) >> (n + 1) != 0; n++) {
        /* void */
    }

    put(s, n, 0);
    put(s, n + 1, v + 1);
}


static void
put_zeros_ue(sps_t *s, unsigned n)
{
    while (n-- > 0) {
        put_ue(s, 0);
    }
}


/* Up to the size, of two sub-layers beside the highest. */
static void
put_head(sps_t *s, unsigned width, unsigned height)
{
    memset(s, 0, sizeof(*s));
    put(s, 4, 0);
    put(s, 3, 2);
    put(s, 1, 1);
    put(s, 32, 0x01600000);          /* profile_tier_level */
    put(s, 32, 0);
    put(s, 32, 93);
    put(s, 16, 0xd000);              /* both, and the level of the second */
    put(s, 32, 0x01600000);
    put(s, 32, 0);
    put(s, 32, 63);
    put(s, 8, 90);
    put_ue(s, 0);
    put_ue(s, 1);
    put_ue(s, width);
    put_ue(s, height);
}


static void
put_scaling_lists(sps_t *s)
{
    unsigned  i, k;

    for (i = 0; i < 20; i++) {
        put(s, 1, i & 1);

        for (k = 0; k < (i & 1 ? (i < 6 ? 16 : i < 12 ? 64 : 65) : 1); k++) {
            put_ue(s, 0);            /* the code of se(0), too */
        }
    }
}


static void
put_sets(sps_t *s)
{
    put_ue(s, 3);

    put_ue(s, 2);                    /* two before, one behind */
    put_ue(s, 1);
    put_ue(s, 0);
    put(s, 1, 1);
    put_ue(s, 1);
    put(s, 1, 0);
    put_ue(s, 3);
    put(s, 1, 1);

    put(s, 1, 1);                    /* from these: three of four */
    put(s, 1, 1);
    put_ue(s, 0);
    put(s, 1, 1);
    put(s, 2, 1);                    /* not now, but kept */
    put(s, 2, 0);
    put(s, 1, 1);

    put(s, 1, 1);                    /* four flags again */
    put(s, 1, 0);
    put_ue(s, 5);
    put(s, 4, 15);
}


static void
put_vui(sps_t *s)
{
    put(s, 2, 3);
    put(s, 8, 255);                  /* sample aspect ratio */
    put(s, 16, 12);
    put(s, 16, 11);
    put(s, 2, 3);                    /* overscan */
    put(s, 1, 1);
    put(s, 3, 5);
    put(s, 1, 1);                    /* full range */
    put(s, 1, 1);
    put(s, 24, 0x091209);
    put(s, 1, 1);                    /* chroma location */
    put_zeros_ue(s, 2);
    put(s, 3, 0);
    put(s, 1, 1);                    /* display window */
    put_zeros_ue(s, 4);
    put(s, 1, 1);
    put(s, 32, 1001);
    put(s, 32, 24000);
}


static void
put_rest(sps_t *s)
{
    put(s, 1, 1);                    /* conformance window */
    put_ue(s, 1);
    put_ue(s, 2);
    put_ue(s, 0);
    put_ue(s, 4);
    put_zeros_ue(s, 2);              /* depths */
    put_ue(s, 4);                    /* log2_max_poc_lsb: 8 */
    put(s, 1, 1);
    put_zeros_ue(s, 3 * 3);
    put_zeros_ue(s, 6);
    put(s, 2, 3);
    put_scaling_lists(s);
    put(s, 2, 0);
    put(s, 1, 1);                    /* PCM */
    put(s, 8, 0x77);
    put_zeros_ue(s, 2);
    put(s, 1, 0);
    put_sets(s);
    put(s, 1, 1);                    /* long-term */
    put_ue(s, 2);
    put(s, 9, 0x1ff);
    put(s, 9, 0);
    put(s, 2, 0);
    put_vui(s);
}


/* HVCC_444 with another SPS; returns its size. */
static size_t
record_with(const sps_t *s, uint8_t *record, size_t capacity)
{
    size_t       i, at;
    unsigned     zeros;
    oa_writer_t  w;

    oa_writer_init(&w, record, capacity);
    oa_write_bytes(&w, HVCC_444, 23);
    oa_write_bytes(&w, "\xa0\x00\x01" VPS_444, sizeof(VPS_444) + 2);
    oa_write_bytes(&w, "\xa1\x00\x01", 3);
    at = oa_writer_size(&w);
    oa_write_bytes(&w, "\x00\x00\x42\x01", 4);

    for (zeros = 0, i = 0; i < (s->bits + 7) / 8; i++) {
        if (zeros >= 2 && s->bytes[i] <= 3) {
            oa_write_u8(&w, 3);
            zeros = 0;
        }

        zeros = s->bytes[i] == 0 ? zeros + 1 : 0;
        oa_write_u8(&w, s->bytes[i]);
    }

    record[at] = (uint8_t) ((oa_writer_size(&w) - at - 2) >> 8);
    record[at + 1] = (uint8_t) (oa_writer_size(&w) - at - 2);
    oa_write_bytes(&w, "\xa2\x00\x01" PPS_444, sizeof(PPS_444) + 2);
    assert_int_equal(w.error, OA_OK);

    return oa_writer_size(&w);
}


static oa_err_t
parse_sps(const sps_t *s, oa_hevc_config_t *c)
{
    size_t   size;
    uint8_t  record[2048];

    size = record_with(s, record, sizeof(record));

    return oa_hevc_config_parse(oa_slice(record, size), c);
}


static void
test_all_of_an_sps(void **state)
{
    sps_t             s;
    oa_hevc_config_t  c;

    (void) state;

    put_head(&s, 1280, 736);
    put_rest(&s);
    assert_int_equal(parse_sps(&s, &c), OA_OK);

    assert_int_equal(c.width, 1280 - 2 * 3);
    assert_int_equal(c.height, 736 - 2 * 4);
    assert_int_equal(c.sar_width, 12);
    assert_int_equal(c.sar_height, 11);
    assert_true(c.colour.known);
    assert_true(c.colour.full_range);
    assert_int_equal(c.colour.transfer, 18);
    assert_int_equal(c.frame_rate_num, 24000);
    assert_int_equal(c.frame_rate_den, 1001);
}


static void
test_sizes_out_of_bounds(void **state)
{
    sps_t             s;
    oa_hevc_config_t  c;

    (void) state;

    put_head(&s, 20000, 736);
    put_rest(&s);
    assert_int_equal(parse_sps(&s, &c), OA_EUNSUPPORTED);

    put_head(&s, 1280, 0);
    put_rest(&s);
    assert_int_equal(parse_sps(&s, &c), OA_EINVAL);

    put_head(&s, 6, 736);            /* all of it is cropped */
    put_rest(&s);
    assert_int_equal(parse_sps(&s, &c), OA_EINVAL);
}


static void
test_an_sps_that_ends_early(void **state)
{
    sps_t             s;
    oa_hevc_config_t  c;

    (void) state;

    put_head(&s, 1280, 736);
    put_rest(&s);

    /* the timing is the last that is read; whole bytes before it are not */
    for (s.bits -= 16; s.bits > 8; s.bits -= 8) {
        assert_int_equal(parse_sps(&s, &c), OA_EINVAL);
    }
}


static void
test_malformed_records(void **state)
{
    size_t   n;
    uint8_t  record[sizeof(HVCC_444)];

    (void) state;

    for (n = 0; n < sizeof(HVCC_444) - 1; n++) {
        assert_int_equal(error_of(oa_slice(HVCC_444, n)), OA_EINVAL);
    }

    memcpy(record, HVCC_444, sizeof(record));
    record[0] = 2;
    assert_int_equal(error_of(oa_slice(record, sizeof(record) - 1)),
                     OA_EINVAL);

    memcpy(record, HVCC_444, sizeof(record));
    record[21] = 0x0e;
    assert_int_equal(error_of(oa_slice(record, sizeof(record) - 1)),
                     OA_EUNSUPPORTED);

    memcpy(record, HVCC_444, sizeof(record));
    record[22] = 2;                  /* no PPS */
    assert_int_equal(error_of(oa_slice(record, sizeof(record) - 1)),
                     OA_EINVAL);
}


/* What is read from a record stays; comments go. */
static void
test_record_without_comments(void **state)
{
    uint8_t          in[512], out[512], again[512];
    oa_writer_t      w, v;
    oa_hevc_config_t  c;

    (void) state;

    oa_writer_init(&w, in, sizeof(in));
    oa_write_bytes(&w, HVCC_444, sizeof(HVCC_444) - 1);
    oa_write_bytes(&w, "\x27\x00\x02"
                   "\x00\x06\x4e\x01\x05\x10\xab\xcd"        /* a comment */
                   "\x00\x05\x4e\x01\x90\x04\x12", 18);      /* light levels */
    in[22] = 4;

    oa_writer_init(&v, out, sizeof(out));
    oa_hevc_record_write(oa_writer_slice(&w), true, &v);
    assert_int_equal(v.error, OA_OK);
    assert_int_equal(oa_writer_size(&v), sizeof(HVCC_444) - 1 + 10);
    assert_memory_equal(out + oa_writer_size(&v) - 10,
                        "\xa7\x00\x01\x00\x05\x4e\x01\x90\x04\x12", 10);
    c = parsed(oa_writer_slice(&v));
    assert_string_equal(c.codecs, "hvc1.4.10.L60.4C.8");

    oa_writer_init(&w, again, sizeof(again));
    oa_hevc_record_write(oa_writer_slice(&v), false, &w);
    assert_int_equal(oa_writer_size(&w), oa_writer_size(&v));
    assert_int_equal(again[23], 0x20);
}


/* --- samples --------------------------------------------------------- */

static oa_codec_sample_t
inspected(oa_slice_t data, bool in_band)
{
    oa_codec_video_t   config;
    oa_codec_sample_t  sample;

    memset(&config, 0, sizeof(config));
    memset(&sample, 0, sizeof(sample));
    config.codec = OA_CODEC_HEVC;
    config.nal_length_size = 2;
    config.in_band = in_band;
    assert_int_equal(oa_hevc_sample_inspect(&config, unit_bytes(HVCC_444),
                                            data, &sample), OA_OK);

    return sample;
}


static void
test_kinds_of_pictures(void **state)
{
    oa_codec_sample_t  s;

    (void) state;

    s = inspected(unit_bytes("\x00\x03\x26\x01\xaf"), false);    /* IDR */
    assert_true(s.picture && s.sync && !s.leading && !s.closing);
    s = inspected(unit_bytes("\x00\x03\x2a\x01\xaf"), false);    /* CRA */
    assert_true(s.picture && s.sync && !s.leading && !s.closing);
    s = inspected(unit_bytes("\x00\x03\x20\x01\xaf"), false);    /* BLA */
    assert_true(s.picture && s.sync && s.closing);
    s = inspected(unit_bytes("\x00\x03\x10\x01\xaf"), false);    /* RASL_N */
    assert_true(s.picture && !s.sync && s.leading);
    s = inspected(unit_bytes("\x00\x03\x12\x01\xaf"), false);    /* RASL_R */
    assert_true(s.picture && !s.sync && s.leading);
    s = inspected(unit_bytes("\x00\x03\x0e\x01\xaf"), false);    /* RADL_R */
    assert_true(s.picture && !s.sync && !s.leading);
    s = inspected(unit_bytes("\x00\x03\x02\x01\xaf"), false);    /* TRAIL_R */
    assert_true(s.picture && !s.sync && !s.leading);
    s = inspected(unit_bytes("\x00\x03\x26\x09\xaf"), false);    /* layer 1 */
    assert_true(!s.picture && !s.sync);
    s = inspected(unit_bytes("\x00\x03\x46\x01\x50"), false);    /* AUD */
    assert_true(!s.picture && !s.sync);
}


static void
test_parameter_sets_of_the_record_are_left_out(void **state)
{
    oa_slice_t         data;
    oa_codec_sample_t  s;

    (void) state;

    data = unit_bytes("\x00\x03\x46\x01\x50" VPS_444 PPS_444
                      "\x00\x03\x26\x01\xaf" "\x00\x03\x26\x01\xae");

    s = inspected(data, false);
    assert_true(s.sync && !s.new_parameters);
    assert_int_equal(s.npieces, 2);
    assert_int_equal(s.pieces[0].size, 5);
    assert_memory_equal(s.pieces[0].data, "\x00\x03\x46\x01\x50", 5);
    assert_int_equal(s.pieces[1].size, 10);
    assert_memory_equal(s.pieces[1].data, "\x00\x03\x26\x01\xaf"
                                          "\x00\x03\x26\x01\xae", 10);

    s = inspected(data, true);
    assert_int_equal(s.npieces, 1);
    assert_int_equal(s.pieces[0].size, data.size);
    assert_false(s.new_parameters);
}


static void
test_other_parameter_sets_stay(void **state)
{
    oa_codec_sample_t  s;

    (void) state;

    s = inspected(unit_bytes("\x00\x04\x44\x01\xc0\x70"
                             "\x00\x03\x26\x01\xaf"), false);
    assert_true(s.sync && s.new_parameters);
    assert_int_equal(s.npieces, 1);
    assert_int_equal(s.pieces[0].size, 11);
}


static void
test_malformed_samples(void **state)
{
    size_t             i;
    oa_codec_video_t   config;
    oa_codec_sample_t  s;
    const oa_slice_t   samples[] = {
        unit_bytes(""),
        unit_bytes("\x00"),
        unit_bytes("\x00\x00"),
        unit_bytes("\x00\x04\x26\x01\xaf"),
        unit_bytes("\x00\x03\x26\x01\xaf\x00")
    };

    (void) state;

    memset(&config, 0, sizeof(config));
    config.nal_length_size = 2;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        memset(&s, 0, sizeof(s));
        assert_int_equal(oa_hevc_sample_inspect(&config, unit_bytes(HVCC_444),
                                                samples[i], &s), OA_EINVAL);
    }
}


static void
parse_config(oa_slice_t s)
{
    uint8_t           out[1024];
    oa_writer_t       w;
    oa_hevc_config_t  c;

    if (oa_hevc_config_parse(s, &c) == OA_OK) {
        assert_true(c.width > 0 && c.width <= 16384);
        assert_true(c.height > 0 && c.height <= 16384);
        assert_true(strlen(c.codecs) < sizeof(c.codecs));

        oa_writer_init(&w, out, sizeof(out));
        oa_hevc_record_write(s, true, &w);
        assert_int_equal(w.error, OA_OK);
        assert_int_equal(oa_hevc_config_parse(oa_writer_slice(&w), &c),
                         OA_OK);
    }
}


static void
inspect_sample(oa_slice_t s)
{
    oa_err_t           err;
    unsigned           i;
    oa_codec_video_t   config;
    oa_codec_sample_t  sample;

    memset(&config, 0, sizeof(config));
    config.codec = OA_CODEC_HEVC;
    config.nal_length_size = 2;
    err = oa_codec_video_sample(&config, unit_bytes(HVCC_444), s, false,
                                &sample);

    for (i = 0; err == OA_OK && i < sample.npieces; i++) {
        assert_true(sample.pieces[i].data >= s.data);
        assert_true(sample.pieces[i].data + sample.pieces[i].size
                    <= s.data + s.size);
    }
}


static void
test_mutations(void **state)
{
    sps_t             sps;
    uint8_t           all[2048];
    const oa_slice_t  samples[] = {
        unit_bytes("\x00\x03\x46\x01\x50" VPS_444 PPS_444
                   "\x00\x03\x26\x01\xaf" "\x00\x03\x26\x01\xae"),
        unit_bytes("\x00\x04\x44\x01\xc0\x70" "\x00\x03\x26\x01\xaf")
    };
    oa_slice_t        records[] = {
        unit_bytes(HVCC_HDR), unit_bytes(HVCC_422), unit_bytes(HVCC_444),
        oa_slice(NULL, 0)
    };

    (void) state;

    put_head(&sps, 1280, 736);
    put_rest(&sps);
    records[3] = oa_slice(all, record_with(&sps, all, sizeof(all)));

    unit_mutations(records, 4, 200000, parse_config);
    unit_mutations(samples, 2, 100000, inspect_sample);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_many_units),
        cmocka_unit_test(test_high_dynamic_range),
        cmocka_unit_test(test_other_chroma_formats),
        cmocka_unit_test(test_codecs_string),
        cmocka_unit_test(test_all_of_an_sps),
        cmocka_unit_test(test_sizes_out_of_bounds),
        cmocka_unit_test(test_an_sps_that_ends_early),
        cmocka_unit_test(test_malformed_records),
        cmocka_unit_test(test_record_without_comments),
        cmocka_unit_test(test_kinds_of_pictures),
        cmocka_unit_test(test_parameter_sets_of_the_record_are_left_out),
        cmocka_unit_test(test_other_parameter_sets_stay),
        cmocka_unit_test(test_malformed_samples),
        cmocka_unit_test(test_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
