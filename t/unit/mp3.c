
#include "unit.h"
#include "codec/oa_mp3.h"


#define BYTES  2048


/* A header, and room behind it. */
static uint8_t  block[BYTES];


static oa_slice_t
header(uint32_t bits)
{
    block[0] = (uint8_t) (bits >> 24);
    block[1] = (uint8_t) (bits >> 16);
    block[2] = (uint8_t) (bits >> 8);
    block[3] = (uint8_t) bits;

    return oa_slice(block, BYTES);
}


static void
assert_frame(uint32_t bits, uint32_t rate, uint32_t samples, unsigned channels,
    size_t size)
{
    oa_mp3_frame_t  f;

    assert_int_equal(oa_mp3_frame_parse(header(bits), &f), OA_OK);
    assert_int_equal(f.rate, rate);
    assert_int_equal(f.samples, samples);
    assert_int_equal(f.channels, channels);
    assert_int_equal(f.size, size);

    /* whole with its last byte, and not before */
    assert_int_equal(oa_mp3_frame_parse(oa_slice(block, size), &f), OA_OK);
    assert_int_equal(oa_mp3_frame_parse(oa_slice(block, size - 1), &f),
                     OA_EAGAIN);
}


static oa_err_t
error_of(uint32_t bits)
{
    oa_mp3_frame_t  f;

    return oa_mp3_frame_parse(header(bits), &f);
}


/* As LAME writes them. */
static void
test_frames(void **state)
{
    (void) state;

    assert_frame(0xfffb9064, 44100, 1152, 2, 417);   /* 128k, joint stereo */
    assert_frame(0xfffb9264, 44100, 1152, 2, 418);   /* padded */
    assert_frame(0xfffa9064, 44100, 1152, 2, 417);   /* with a CRC in it */
    assert_frame(0xfffb94c4, 48000, 1152, 1, 384);
    assert_frame(0xfffbe804, 32000, 1152, 2, 1440);  /* 320k */
    assert_frame(0xfffbea04, 32000, 1152, 2, 1441);  /* the largest */
    assert_frame(0xfffb1444, 48000, 1152, 2, 96);
}


static void
test_low_rates(void **state)
{
    (void) state;

    assert_frame(0xfff370c4, 22050, 576, 1, 182);    /* 56k */
    assert_frame(0xfff384c4, 24000, 576, 1, 192);
    assert_frame(0xfff31444, 24000, 576, 2, 24);     /* the smallest */
    assert_frame(0xfff388c4, 16000, 576, 1, 288);
    assert_frame(0xffe380c4, 11025, 576, 1, 417);    /* MPEG 2.5 */
    assert_frame(0xffe324c4, 12000, 576, 1, 96);
    assert_frame(0xffe328c4, 8000, 576, 1, 144);
}


static void
test_none(void **state)
{
    (void) state;

    assert_int_equal(error_of(0x00000000), OA_EINVAL);
    assert_int_equal(error_of(0xffffffff), OA_EINVAL);
    assert_int_equal(error_of(0x7ffb9064), OA_EINVAL);   /* no syncword */
    assert_int_equal(error_of(0xffdb9064), OA_EINVAL);
    assert_int_equal(error_of(0xffeb9064), OA_EINVAL);   /* reserved ID */
    assert_int_equal(error_of(0xfff99064), OA_EINVAL);   /* reserved layer */
    assert_int_equal(error_of(0xfffbf064), OA_EINVAL);   /* bitrate 15 */
    assert_int_equal(error_of(0xfffb9c64), OA_EINVAL);   /* reserved rate */
    assert_int_equal(error_of(0x49443303), OA_EINVAL);   /* ID3 */
}


static void
test_others(void **state)
{
    (void) state;

    assert_int_equal(error_of(0xfffd9064), OA_EUNSUPPORTED);     /* Layer II */
    assert_int_equal(error_of(0xffff9064), OA_EUNSUPPORTED);     /* Layer I */
    assert_int_equal(error_of(0xfffb0064), OA_EUNSUPPORTED);     /* free */
}


static void
test_short(void **state)
{
    size_t           size;
    oa_mp3_frame_t   f;

    (void) state;

    for (size = 0; size < 4; size++) {
        (void) header(0xfffb9064);
        assert_int_equal(oa_mp3_frame_parse(oa_slice(block, size), &f),
                         OA_EAGAIN);
    }
}


static void
parse(oa_slice_t s)
{
    oa_err_t        err;
    oa_mp3_frame_t  f;

    err = oa_mp3_frame_parse(s, &f);

    assert_true(err == OA_OK || err == OA_EAGAIN || err == OA_EINVAL
                || err == OA_EUNSUPPORTED);

    if (err == OA_OK) {
        assert_true(f.size >= 24 && f.size <= s.size && f.size <= 1441);
    }
}


static void
test_mutations(void **state)
{
    oa_slice_t  slices[] = {
        unit_bytes("\xff\xfb\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00"),
        unit_bytes("\xff\xf3\x14\x44\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                   "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
    };

    (void) state;

    unit_mutations(slices, 2, 20000, parse);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_low_rates),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
