
#include "unit.h"
#include "codec/oa_annexb.h"


/* Decoder configurations that ffmpeg made of what x264 and x265 said. */

/* 318x178, High */
#define X264_HIGH                                                             \
    "\x01\x64\x00\x0d\xff\xe1\x00\x19\x67\x64\x00\x0d\xac\xd9\x41\x41"        \
    "\x9e\xa2\x30\xe1\x00\x00\x03\x03\xe9\x00\x00\xea\x60\x0f\x14\x29"        \
    "\x96\x01\x00\x06\x68\xea\xe3\xcb\x22\xc0\xfd\xf8\xf8\x00"

/* 640x360, Constrained Baseline */
#define X264_BASELINE                                                         \
    "\x01\x42\xc0\x1e\xff\xe1\x00\x19\x67\x42\xc0\x1e\xd9\x00\xa0\x2f"        \
    "\xf9\x70\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2e"        \
    "\x48\x01\x00\x05\x68\xcb\x83\xcb\x20"

/* 202x102, High 4:4:4 */
#define X264_444                                                              \
    "\x01\xf4\x00\x0b\xff\xe1\x00\x19\x67\xf4\x00\x0b\x91\x9b\x28\x69"        \
    "\xfc\xf1\x78\x08\x80\x00\x00\x03\x00\x80\x00\x00\x1e\x07\x8a\x14"        \
    "\xcb\x01\x00\x08\x68\xeb\xe3\xc4\x4c\x00\x04\x40\xff\xf8\xf8\x00"

/* 1920x1080, ten bits */
#define HVCC_HDR                                                              \
    "\x01\x02\x20\x00\x00\x00\x90\x00\x00\x00\x00\x00\x7b\xf0\x00\xfc\xfd"    \
    "\xfa\xfa\x00\x00\x0f\x03\xa0\x00\x01\x00\x18\x40\x01\x0c\x01\xff\xff"    \
    "\x02\x20\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x7b\x95\x94"    \
    "\x09\xa1\x00\x01\x00\x3a\x42\x01\x01\x02\x20\x00\x00\x03\x00\x90\x00"    \
    "\x00\x03\x00\x00\x03\x00\x7b\xa0\x03\xc0\x80\x11\x07\xca\xd9\x65\x65"    \
    "\x4a\x4c\x2f\x01\x6a\x12\x20\x12\x08\x00\x00\x1f\x48\x00\x07\x53\x03"    \
    "\x00\xa4\xa3\xf0\x00\x04\x4a\xa2\x00\x00\x89\x54\x44\xa2\x00\x01\x00"    \
    "\x06\x44\x01\xc0\x73\xc1\x89"

/* 322x178, 4:2:2, two temporal layers */
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


typedef struct {
    uint8_t      bytes[4096];
    oa_writer_t  w;
} buffer_t;


static void
buffer_init(buffer_t *b)
{
    oa_writer_init(&b->w, b->bytes, sizeof(b->bytes));
}


static void
put_unit(buffer_t *b, oa_slice_t nal, bool long_code)
{
    oa_write_zeros(&b->w, long_code ? 3 : 2);
    oa_write_u8(&b->w, 1);
    oa_write_slice(&b->w, nal);
}


/* The parameter sets of a record with start codes before them. */
static void
put_sets(buffer_t *b, oa_codec_id_t codec, oa_slice_t record)
{
    size_t    at, size;
    unsigned  n;

    at = codec == OA_CODEC_AVC ? 6 : 26;

    for (n = codec == OA_CODEC_AVC ? 2 : 3; n > 0; n--) {
        size = oa_get_u16(record.data + at);
        put_unit(b, oa_slice(record.data + at + 2, size), n % 2);
        at += size + (codec == OA_CODEC_AVC ? 3 : 5);
    }
}


static void
check_record(oa_codec_id_t codec, oa_slice_t record)
{
    buffer_t  stream, made;

    buffer_init(&stream);
    buffer_init(&made);
    put_sets(&stream, codec, record);

    assert_int_equal(oa_annexb_record_write(codec, oa_writer_slice(&stream.w),
                                            &made.w), OA_OK);
    assert_int_equal(oa_writer_size(&made.w), record.size);
    assert_memory_equal(made.bytes, record.data, record.size);
}


static void
test_records(void **state)
{
    (void) state;

    check_record(OA_CODEC_AVC, unit_bytes(X264_HIGH));
    check_record(OA_CODEC_AVC, unit_bytes(X264_BASELINE));
    check_record(OA_CODEC_AVC, unit_bytes(X264_444));
    check_record(OA_CODEC_HEVC, unit_bytes(HVCC_HDR));
    check_record(OA_CODEC_HEVC, unit_bytes(HVCC_422));
    check_record(OA_CODEC_HEVC, unit_bytes(HVCC_444));
}


static oa_err_t
record_of(oa_codec_id_t codec, oa_slice_t stream)
{
    buffer_t  made;

    buffer_init(&made);

    return oa_annexb_record_write(codec, stream, &made.w);
}


static void
test_records_that_cannot_be(void **state)
{
    size_t    whole;
    buffer_t  b, small;
    unsigned  i;

    (void) state;

    assert_int_equal(record_of(OA_CODEC_AVC, oa_slice("", 0)), OA_EINVAL);
    assert_int_equal(record_of(OA_CODEC_AV1, oa_slice("", 0)),
                     OA_EUNSUPPORTED);

    /* an SPS without a PPS */
    buffer_init(&b);
    put_unit(&b, oa_slice(X264_HIGH + 8, 0x19), true);
    assert_int_equal(record_of(OA_CODEC_AVC, oa_writer_slice(&b.w)),
                     OA_EINVAL);

    /* an SPS that is too short */
    put_unit(&b, unit_bytes("\x68\xea\xe3"), false);
    assert_int_equal(record_of(OA_CODEC_AVC, oa_writer_slice(&b.w)), OA_OK);
    b.bytes[4] = 0x61;
    put_unit(&b, unit_bytes("\x67\x64"), false);
    assert_int_equal(record_of(OA_CODEC_AVC, oa_writer_slice(&b.w)),
                     OA_EINVAL);

    /* HEVC without a VPS */
    buffer_init(&b);
    put_sets(&b, OA_CODEC_HEVC, unit_bytes(HVCC_444));
    assert_int_equal(record_of(OA_CODEC_HEVC, oa_writer_slice(&b.w)), OA_OK);
    b.bytes[4] = 0x4e;
    assert_int_equal(record_of(OA_CODEC_HEVC, oa_writer_slice(&b.w)),
                     OA_EINVAL);

    /* more of one kind than an encoder has */
    buffer_init(&b);
    put_sets(&b, OA_CODEC_AVC, unit_bytes(X264_HIGH));

    for (i = 1; i <= OA_ANNEXB_MAX_SETS; i++) {
        assert_int_equal(record_of(OA_CODEC_AVC, oa_writer_slice(&b.w)),
                         OA_OK);
        put_unit(&b, unit_bytes("\x68\xea\xe3"), true);
    }

    assert_int_equal(record_of(OA_CODEC_AVC, oa_writer_slice(&b.w)),
                     OA_EINVAL);

    /* no room */
    for (i = 0, whole = sizeof(X264_HIGH) - 1; i < whole; i++) {
        buffer_init(&b);
        put_sets(&b, OA_CODEC_AVC, unit_bytes(X264_HIGH));
        oa_writer_init(&small.w, small.bytes, i);
        assert_int_equal(oa_annexb_record_write(OA_CODEC_AVC,
                                                oa_writer_slice(&b.w),
                                                &small.w), OA_EFULL);
    }
}


static void
test_units(void **state)
{
    oa_slice_t  rest, nal;

    (void) state;

    rest = unit_bytes("\xff\x02\0\0\1\x65\1\0\0\0\0\1\0\0\1\0\0\1\x41\0\0\3"
                      "\0\0\0");

    assert_int_equal(oa_annexb_next(&rest, &nal), OA_OK);
    assert_int_equal(nal.size, 2);
    assert_memory_equal(nal.data, "\x65\1", 2);

    assert_int_equal(oa_annexb_next(&rest, &nal), OA_OK);
    assert_int_equal(nal.size, 4);
    assert_memory_equal(nal.data, "\x41\0\0\3", 4);

    assert_int_equal(oa_annexb_next(&rest, &nal), OA_ENOTFOUND);
    assert_int_equal(rest.size, 0);
}


static void
check_unit(oa_codec_id_t codec, oa_slice_t stream, oa_slice_t wanted)
{
    buffer_t  b;

    oa_writer_init(&b.w, b.bytes, OA_ANNEXB_ROOM(stream.size));
    assert_int_equal(oa_annexb_unit_write(codec, stream, &b.w), OA_OK);
    assert_int_equal(oa_writer_size(&b.w), wanted.size);
    assert_memory_equal(b.bytes, wanted.data, wanted.size);

    oa_writer_init(&b.w, b.bytes, wanted.size - 1);
    assert_int_equal(oa_annexb_unit_write(codec, stream, &b.w), OA_EFULL);
}


static void
test_what_is_left_out(void **state)
{
    buffer_t  b;

    (void) state;

    /* delimiter, SPS, PPS, a comment, a recovery point, slices, filler */
    check_unit(OA_CODEC_AVC,
               unit_bytes("\0\0\0\1\x09\x10\0\0\1\x67\1\0\0\1\x68\1\0\0\1\x06"
                          "\5\2\3\4\x80\0\0\1\x06\6\1\xc4\x80\0\0\1\x65\2\0\0"
                          "\1\x65\3\3\0\0\1\x0c\xff\x80"),
               unit_bytes("\0\0\0\5\x06\6\1\xc4\x80\0\0\0\2\x65\2\0\0\0\3\x65"
                          "\3\3"));

    /* of HEVC: delimiter, VPS, SPS, PPS, a comment, HDR metadata, a slice */
    check_unit(OA_CODEC_HEVC,
               unit_bytes("\0\0\0\1\x46\1\x10\0\0\1\x40\1\1\0\0\1\x42\1\1\0\0"
                          "\1\x44\1\1\0\0\1\x4e\1\5\1\2\0\0\1\x4e\1\x89\1\2\0"
                          "\0\1\x26\1\7"),
               unit_bytes("\0\0\0\5\x4e\1\x89\1\2\0\0\0\3\x26\1\7"));

    /* the tightest: each unit is of one byte */
    check_unit(OA_CODEC_AVC, unit_bytes("\0\0\1\x41\0\0\1\x41\0\0\1\x41"),
               unit_bytes("\0\0\0\1\x41\0\0\0\1\x41\0\0\0\1\x41"));

    buffer_init(&b);
    assert_int_equal(oa_annexb_unit_write(OA_CODEC_AVC,
                                          unit_bytes("\0\0\1\x09\x10"), &b.w),
                     OA_EINVAL);
    assert_int_equal(oa_annexb_unit_write(OA_CODEC_AVC, unit_bytes("\x65\1"),
                                          &b.w), OA_EINVAL);
    assert_int_equal(oa_annexb_unit_write(OA_CODEC_AAC,
                                          unit_bytes("\0\0\1\x65"), &b.w),
                     OA_EUNSUPPORTED);
}


static void
mutate_one(oa_slice_t s)
{
    oa_err_t       err;
    buffer_t       b;
    oa_codec_id_t  codec;

    for (codec = OA_CODEC_AVC; codec <= OA_CODEC_HEVC; codec++) {
        buffer_init(&b);
        err = oa_annexb_record_write(codec, s, &b.w);
        assert_true(err == OA_OK || err == OA_EINVAL
                    || err == OA_EUNSUPPORTED || err == OA_EFULL);

        oa_writer_init(&b.w, b.bytes, OA_ANNEXB_ROOM(s.size));
        err = oa_annexb_unit_write(codec, s, &b.w);
        assert_true(err == OA_OK || err == OA_EINVAL);
    }
}


static void
test_mutations(void **state)
{
    buffer_t    avc, hevc;
    oa_slice_t  slices[2];

    (void) state;

    buffer_init(&avc);
    buffer_init(&hevc);
    put_sets(&avc, OA_CODEC_AVC, unit_bytes(X264_444));
    put_sets(&hevc, OA_CODEC_HEVC, unit_bytes(HVCC_422));
    slices[0] = oa_writer_slice(&avc.w);
    slices[1] = oa_writer_slice(&hevc.w);

    unit_mutations(slices, 2, 20000, mutate_one);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_records_that_cannot_be),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
