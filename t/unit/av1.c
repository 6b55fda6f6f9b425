
#include "unit.h"
#include "codec/oa_av1.h"


/* By libaom: 1920x1080, ten bits, BT.2100 PQ. */
#define AV1C_PQ                                                               \
    "\x81\x09\x4c\x00\x0a\x0e\x00\x00\x00\x4a\xab\xbf\xc3\x77\x6b\xe5\x42"    \
    "\x44\x02\x41"

/* 322x178: 4:4:4, 4:2:2 of ten bits, monochrome */
#define AV1C_444                                                              \
    "\x81\x20\x00\x00\x0a\x0a\x20\x00\x00\x04\x3d\x06\xc4\xda\xf9\x02"
#define AV1C_422                                                              \
    "\x81\x40\x48\x00\x0a\x0b\x40\x00\x00\x04\x3d\x06\xc4\xda\xf9\x40\x80"
#define AV1C_GRAY                                                             \
    "\x81\x00\x1c\x00\x0a\x0a\x00\x00\x00\x04\x3d\x06\xc4\xda\xf9\x2a"

/* By SVT-AV1: 640x360. */
#define AV1C_SVT                                                              \
    "\x81\x01\x0c\x00\x0a\x0b\x00\x00\x00\x0c\xc4\xff\x67\x00\xbe\x00\x30"

#define HEADER_444  "\x0a\x0a\x20\x00\x00\x04\x3d\x06\xc4\xda\xf9\x02"
#define DELIMITER   "\x12\x00"
#define PADDING     "\x7a\x02zz"
#define KEY_FRAME   "\x32\x02\x10\xaa"       /* shown */
#define HIDDEN_KEY  "\x32\x02\x00\xaa"
#define INTER       "\x32\x02\x30\xaa"
#define EXISTING    "\x1a\x01\x98"           /* shows a frame sent before */


static oa_av1_config_t
parsed(oa_slice_t record)
{
    oa_av1_config_t  c;

    assert_int_equal(oa_av1_config_parse(record, &c), OA_OK);

    return c;
}


static oa_err_t
error_of(oa_slice_t record)
{
    oa_av1_config_t  c;

    return oa_av1_config_parse(record, &c);
}


static void
test_high_dynamic_range(void **state)
{
    oa_av1_config_t  c;

    (void) state;

    c = parsed(unit_bytes(AV1C_PQ));
    assert_string_equal(c.codecs, "av01.0.09M.10.0.110.09.16.09.0");
    assert_int_equal(c.profile, 0);
    assert_int_equal(c.level_idx, 9);
    assert_false(c.high_tier);
    assert_int_equal(c.bit_depth, 10);
    assert_int_equal(c.width, 1920);
    assert_int_equal(c.height, 1080);
    assert_true(c.colour.known);
    assert_int_equal(c.colour.primaries, 9);
    assert_int_equal(c.colour.transfer, 16);
    assert_int_equal(c.colour.matrix, 9);
    assert_false(c.colour.full_range);
    assert_false(c.film_grain);
}


static void
test_other_chroma_formats(void **state)
{
    oa_av1_config_t  c;

    (void) state;

    c = parsed(unit_bytes(AV1C_444));
    assert_string_equal(c.codecs, "av01.1.00M.08.0.000.02.02.02.0");
    assert_int_equal(c.width, 322);
    assert_int_equal(c.height, 178);
    assert_false(c.subsampling_x || c.subsampling_y || c.monochrome);

    c = parsed(unit_bytes(AV1C_422));
    assert_string_equal(c.codecs, "av01.2.00M.10.0.100.02.02.02.0");
    assert_true(c.subsampling_x && !c.subsampling_y);
    assert_int_equal(c.bit_depth, 10);

    c = parsed(unit_bytes(AV1C_GRAY));
    assert_true(c.monochrome);
    assert_string_equal(c.codecs, "av01.0.00M.08.1.110.02.02.02.1");

    c = parsed(unit_bytes(AV1C_SVT));
    assert_string_equal(c.codecs, "av01.0.01M.08");
    assert_int_equal(c.width, 640);
    assert_int_equal(c.height, 360);
    assert_true(!c.colour.known);
}


/* The string has two digits for each; what is reserved says nothing. */
static void
test_reserved_colours(void **state)
{
    oa_av1_config_t  c;

    (void) state;

    c = parsed(unit_bytes("\x81\x00\x0c\x00\x0a\x0d\x00\x00\x00\x02\xaf\xf7"
                          "\x9b\x5f\xff\xff\xff\xff\x22"));
    assert_int_equal(c.colour.primaries, 255);
    assert_string_equal(c.codecs, "av01.0.00M.10.1.110.02.02.02.1");
}


/* --- a sequence header with everything in it ------------------------- */

typedef struct {
    uint8_t   bytes[64];
    size_t    bits;
} header_t;


static void
put(header_t *h, unsigned n, uint32_t v)
{
    while (n-- > 0) {
        h->bytes[h->bits / 8] |= (uint8_t) ((v >> n & 1)
                                            << (7 - h->bits % 8));
        h->bits++;
    }
}


static void
put_points(header_t *h)
{
    put(h, 1, 1);                    /* timing */
    put(h, 32, 1001);
    put(h, 32, 60000);
    put(h, 1, 1);
    put(h, 3, 2);                    /* uvlc(1): two ticks a picture */
    put(h, 1, 1);                    /* decoder model */
    put(h, 5, 9);
    put(h, 32, 1001);
    put(h, 10, 0);
    put(h, 1, 1);                    /* display delay */
    put(h, 5, 1);                    /* two operating points */

    put(h, 12, 0x103);
    put(h, 5, 13);
    put(h, 1, 1);                    /* high tier */
    put(h, 1, 1);
    put(h, 21, 0x1fffff);
    put(h, 1, 1);
    put(h, 4, 7);

    put(h, 12, 0x101);
    put(h, 5, 4);                    /* too low for tiers */
    put(h, 1, 0);
    put(h, 1, 0);
}


static void
put_header(header_t *h, unsigned primaries, unsigned transfer,
    unsigned matrix)
{
    memset(h, 0, sizeof(*h));
    put(h, 3, 2);
    put(h, 2, 0);
    put_points(h);
    put(h, 4, 12);
    put(h, 4, 11);
    put(h, 13, 7680 - 1);
    put(h, 12, 2160 - 1);
    put(h, 1, 1);                    /* numbers of frames */
    put(h, 7, 0);
    put(h, 3, 7);
    put(h, 4, 15);
    put(h, 1, 1);                    /* order hint */
    put(h, 2, 3);
    put(h, 1, 0);                    /* screen content: forced */
    put(h, 1, 1);
    put(h, 1, 0);                    /* integer motion: forced */
    put(h, 1, 1);
    put(h, 3, 6);
    put(h, 3, 7);
    put(h, 1, 1);                    /* twelve bits */
    put(h, 1, 1);
    put(h, 1, 0);
    put(h, 1, 1);
    put(h, 8, primaries);
    put(h, 8, transfer);
    put(h, 8, matrix);
}


static oa_err_t
parse_header(const header_t *h, oa_av1_config_t *c)
{
    uint8_t  record[80] = { 0x81, 0, 0, 0, 0x0a };
    size_t   size;

    size = (h->bits + 7) / 8;
    record[5] = (uint8_t) size;
    memcpy(record + 6, h->bytes, size);

    return oa_av1_config_parse(oa_slice(record, 6 + size), c);
}


static void
test_all_of_a_sequence_header(void **state)
{
    header_t         h;
    oa_av1_config_t  c;

    (void) state;

    put_header(&h, 9, 18, 9);
    put(&h, 1, 1);                   /* full range */
    put(&h, 2, 3);                   /* 4:2:0 */
    put(&h, 2, 2);
    put(&h, 1, 0);
    put(&h, 1, 1);                   /* film grain */

    assert_int_equal(parse_header(&h, &c), OA_OK);
    assert_string_equal(c.codecs, "av01.2.13H.12.0.112.09.18.09.1");
    assert_int_equal(c.width, 7680);
    assert_int_equal(c.height, 2160);
    assert_int_equal(c.bit_depth, 12);
    assert_int_equal(c.frame_rate_num, 30000);
    assert_int_equal(c.frame_rate_den, 1001);
    assert_true(c.film_grain);

    for (h.bits -= 8; h.bits > 0; h.bits--) {
        assert_int_equal(parse_header(&h, &c), OA_EINVAL);
        h.bits = (h.bits - 1) / 8 * 8 + 1;
    }
}


static void
test_srgb_has_no_choice(void **state)
{
    header_t         h;
    oa_av1_config_t  c;

    (void) state;

    put_header(&h, 1, 13, 0);
    put(&h, 1, 0);
    put(&h, 1, 1);                   /* film grain */
    assert_int_equal(parse_header(&h, &c), OA_OK);
    assert_true(c.film_grain && c.colour.full_range);
    assert_string_equal(c.codecs, "av01.2.13H.12.0.000.01.13.00.1");
}


static void
test_a_reduced_header(void **state)
{
    header_t         h;
    oa_av1_config_t  c;

    (void) state;

    memset(&h, 0, sizeof(h));
    put(&h, 5, 3);                   /* a still picture, reduced */
    put(&h, 5, 8);
    put(&h, 8, 0x55);
    put(&h, 12, 63 << 6 | 31);
    put(&h, 6, 0);
    put(&h, 3, 0);                   /* eight bits, colour, undescribed */
    put(&h, 5, 0);
    assert_int_equal(parse_header(&h, &c), OA_OK);
    assert_true(c.reduced_header);
    assert_int_equal(c.width, 64);
    assert_int_equal(c.height, 32);
    assert_string_equal(c.codecs, "av01.0.08M.08");
}


static void
test_malformed_records(void **state)
{
    size_t    n;
    uint8_t   record[sizeof(AV1C_PQ)];
    header_t  h;

    oa_av1_config_t  c;

    (void) state;

    for (n = 0; n < sizeof(AV1C_PQ) - 1; n++) {
        assert_int_equal(error_of(oa_slice(AV1C_PQ, n)),
                         n == 4 ? OA_EUNSUPPORTED : OA_EINVAL);
    }

    memcpy(record, AV1C_PQ, sizeof(record));
    record[0] = 0x82;
    assert_int_equal(error_of(oa_slice(record, sizeof(record) - 1)),
                     OA_EINVAL);

    memcpy(record, AV1C_PQ, sizeof(record));
    record[4] = 0x2a;                /* metadata in the place of the header */
    assert_int_equal(error_of(oa_slice(record, sizeof(record) - 1)),
                     OA_EUNSUPPORTED);

    assert_int_equal(error_of(unit_bytes("\x81\x00\x00\x00\x0a\x80\x80\x80"
                                         "\x80\x80\x80\x80\x80\x80")),
                     OA_EINVAL);

    put_header(&h, 9, 18, 9);
    put(&h, 10, 0);
    h.bytes[0] |= 0xe0;              /* a reserved profile */
    assert_int_equal(parse_header(&h, &c), OA_EINVAL);
}


/* --- samples --------------------------------------------------------- */

static oa_codec_sample_t
inspected(oa_slice_t data)
{
    oa_codec_sample_t  s;

    memset(&s, 0, sizeof(s));
    assert_int_equal(oa_av1_sample_inspect(unit_bytes(AV1C_444), data, &s),
                     OA_OK);

    return s;
}


static void
assert_pieces(const oa_codec_sample_t *s, oa_slice_t wanted)
{
    size_t    size;
    unsigned  i;

    for (size = 0, i = 0; i < s->npieces; i++) {
        assert_true(size + s->pieces[i].size <= wanted.size);
        assert_memory_equal(wanted.data + size, s->pieces[i].data,
                            s->pieces[i].size);
        size += s->pieces[i].size;
    }

    assert_int_equal(size, wanted.size);
}


static void
test_what_a_file_must_not_hold_is_left_out(void **state)
{
    oa_codec_sample_t  s;

    (void) state;

    s = inspected(unit_bytes(DELIMITER HEADER_444 KEY_FRAME PADDING));
    assert_true(s.picture && s.sync);
    assert_int_equal(s.npieces, 1);
    assert_pieces(&s, unit_bytes(HEADER_444 KEY_FRAME));

    s = inspected(unit_bytes(DELIMITER PADDING INTER PADDING "\x22\x01x"
                             "\x3a\x01\x30" "\x42\x01z"));
    assert_true(s.picture && !s.sync);
    assert_pieces(&s, unit_bytes(INTER "\x22\x01x"));
}


static void
test_key_frames(void **state)
{
    oa_codec_sample_t  s;

    (void) state;

    /* without its header: that of the record */
    s = inspected(unit_bytes(DELIMITER KEY_FRAME));
    assert_true(s.sync);
    assert_pieces(&s, unit_bytes(HEADER_444 KEY_FRAME));

    /* shown later: nobody can begin there, then or now */
    s = inspected(unit_bytes(HEADER_444 HIDDEN_KEY INTER));
    assert_true(s.picture && !s.sync);
    s = inspected(unit_bytes(EXISTING));
    assert_true(s.picture && !s.sync);

    /* a key frame behind another frame */
    s = inspected(unit_bytes(INTER HEADER_444 KEY_FRAME));
    assert_true(s.picture && !s.sync);

    /* the last OBU needs no size, and may have an extension */
    s = inspected(unit_bytes(HEADER_444 "\x34\x08\x10zzz"));
    assert_true(s.sync);
    assert_pieces(&s, unit_bytes(HEADER_444 "\x34\x08\x10zzz"));

    s = inspected(unit_bytes(HEADER_444));
    assert_true(!s.picture && !s.sync);
}


static void
test_malformed_samples(void **state)
{
    size_t             i;
    oa_codec_sample_t  s;
    const oa_slice_t   samples[] = {
        unit_bytes(""),
        unit_bytes(DELIMITER),
        unit_bytes(DELIMITER PADDING),
        unit_bytes("\x32"),
        unit_bytes("\x32\x05\x10"),
        unit_bytes("\x36"),
        unit_bytes("\xb2\x01\x10"),
        unit_bytes("\x32\xff\xff\xff\xff\xff\xff\xff\x7f\x10"),
        unit_bytes(DELIMITER INTER DELIMITER INTER)
    };

    (void) state;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        memset(&s, 0, sizeof(s));
        assert_int_equal(oa_av1_sample_inspect(unit_bytes(AV1C_444),
                                               samples[i], &s), OA_EINVAL);
    }
}


static void
parse_config(oa_slice_t s)
{
    oa_av1_config_t  c;

    if (oa_av1_config_parse(s, &c) == OA_OK) {
        assert_true(c.width > 0 && c.width <= 16384);
        assert_true(c.height > 0 && c.height <= 16384);
        assert_true(strlen(c.codecs) < sizeof(c.codecs));
    }
}


static void
inspect_sample(oa_slice_t s)
{
    oa_err_t           err;
    size_t             k, sum;
    unsigned           i;
    oa_codec_video_t   config;
    oa_codec_sample_t  sample;

    memset(&config, 0, sizeof(config));
    config.codec = OA_CODEC_AV1;
    err = oa_codec_video_sample(&config, unit_bytes(AV1C_444), s, false,
                                &sample);

    for (sum = 0, i = 0; err == OA_OK && i < sample.npieces; i++) {
        for (k = 0; k < sample.pieces[i].size; k++) {
            sum ^= sample.pieces[i].data[k];
        }
    }

    /* each byte was read, for the address sanitizer */
    assert_true(sum <= 255);
}


static void
test_mutations(void **state)
{
    const oa_slice_t  records[] = {
        unit_bytes(AV1C_PQ), unit_bytes(AV1C_444), unit_bytes(AV1C_422),
        unit_bytes(AV1C_GRAY), unit_bytes(AV1C_SVT)
    };
    const oa_slice_t  samples[] = {
        unit_bytes(DELIMITER HEADER_444 KEY_FRAME PADDING),
        unit_bytes(DELIMITER KEY_FRAME),
        unit_bytes(INTER PADDING INTER PADDING INTER)
    };

    (void) state;

    unit_mutations(records, 5, 200000, parse_config);
    unit_mutations(samples, 3, 200000, inspect_sample);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_high_dynamic_range),
        cmocka_unit_test(test_other_chroma_formats),
        cmocka_unit_test(test_reserved_colours),
        cmocka_unit_test(test_all_of_a_sequence_header),
        cmocka_unit_test(test_srgb_has_no_choice),
        cmocka_unit_test(test_a_reduced_header),
        cmocka_unit_test(test_malformed_records),
        cmocka_unit_test(test_what_a_file_must_not_hold_is_left_out),
        cmocka_unit_test(test_key_frames),
        cmocka_unit_test(test_malformed_samples),
        cmocka_unit_test(test_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
