
#include "unit.h"
#include "codec/oa_codec.h"
#include "codec/oa_opus.h"


#define STEREO    "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"

/* 5.1 of ffmpeg and libopus: four streams, two of them pairs */
#define SURROUND  "OpusHead\x01\x06\x38\x01\x44\xac\x00\x00\xff\xff\x01"      \
                  "\x04\x02\x00\x04\x01\x02\x03\x05"


static oa_opus_config_t
parsed(oa_slice_t head)
{
    oa_opus_config_t  c;

    assert_int_equal(oa_opus_config_parse(head, &c), OA_OK);

    return c;
}


static oa_err_t
error_of(oa_slice_t head)
{
    oa_opus_config_t  c;

    return oa_opus_config_parse(head, &c);
}


static void
assert_dops(oa_slice_t head, oa_slice_t wanted)
{
    uint8_t           buf[64];
    oa_writer_t       w;
    oa_opus_config_t  c;

    c = parsed(head);
    oa_writer_init(&w, buf, sizeof(buf));
    oa_opus_write_dops(&c, &w);
    assert_int_equal(w.error, OA_OK);
    assert_int_equal(oa_writer_size(&w), wanted.size);
    assert_memory_equal(buf, wanted.data, wanted.size);
}


static void
test_stereo(void **state)
{
    oa_codec_audio_t  audio;
    oa_opus_config_t  c;

    (void) state;

    c = parsed(unit_bytes(STEREO));
    assert_int_equal(c.channels, 2);
    assert_int_equal(c.pre_skip, 312);
    assert_int_equal(c.input_rate, 48000);
    assert_int_equal(c.gain, 0);
    assert_int_equal(c.family, 0);
    assert_dops(unit_bytes(STEREO),
                unit_bytes("\x00\x02\x01\x38\x00\x00\xbb\x80\x00\x00\x00"));

    assert_int_equal(oa_codec_audio_config(OA_CODEC_OPUS, unit_bytes(STEREO),
                                           &audio), OA_OK);
    assert_string_equal(audio.string, "opus");
    assert_int_equal(audio.clock_rate, 48000);
    assert_int_equal(audio.pre_skip, 312);
    assert_true(audio.varies && audio.preroll);
}


static void
test_surround(void **state)
{
    oa_opus_config_t  c;

    (void) state;

    c = parsed(unit_bytes(SURROUND));
    assert_int_equal(c.channels, 6);
    assert_int_equal(c.input_rate, 44100);
    assert_int_equal(c.gain, -1);
    assert_int_equal(c.family, 1);
    assert_dops(unit_bytes(SURROUND),
                unit_bytes("\x00\x06\x01\x38\x00\x00\xac\x44\xff\xff\x01"
                           "\x04\x02\x00\x04\x01\x02\x03\x05"));

    /* a silent channel; and what comes behind is nobody's */
    c = parsed(unit_bytes("OpusHead\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00"
                          "\x01\x01\x00\x00\xff" "more"));
    assert_int_equal(c.mapping.size, 4);
}


static void
test_heads_that_cannot_be(void **state)
{
    size_t  n;

    (void) state;

    for (n = 0; n < sizeof(STEREO) - 1; n++) {
        assert_int_equal(error_of(oa_slice(STEREO, n)), OA_EINVAL);
    }

    for (n = 0; n < sizeof(SURROUND) - 1; n++) {
        assert_int_equal(error_of(oa_slice(SURROUND, n)), OA_EINVAL);
    }

#define HEAD(version, channels, family)                                       \
    unit_bytes("OpusHead" version channels "\x00\x00\x00\x00\x00\x00\x00"     \
               "\x00" family)

    assert_int_equal(error_of(HEAD("\x0f", "\x02", "\x00")), OA_OK);
    assert_int_equal(error_of(HEAD("\x10", "\x02", "\x00")), OA_EUNSUPPORTED);
    assert_int_equal(error_of(HEAD("\x01", "\x00", "\x00")), OA_EINVAL);
    assert_int_equal(error_of(HEAD("\x01", "\x03", "\x00")), OA_EINVAL);
    assert_int_equal(error_of(HEAD("\x01", "\x02", "\x02")), OA_EUNSUPPORTED);
    assert_int_equal(error_of(HEAD("\x01", "\x02", "\xff")), OA_EUNSUPPORTED);
    assert_int_equal(error_of(HEAD("\x01", "\x02", "\x01\x00\x00\x00\x00")),
                     OA_EINVAL);             /* no stream */
    assert_int_equal(error_of(HEAD("\x01", "\x02", "\x01\x01\x02\x00\x00")),
                     OA_EINVAL);             /* more pairs than streams */
    assert_int_equal(error_of(HEAD("\x01", "\x02", "\x01\x01\x01\x00\x02")),
                     OA_EINVAL);             /* a channel out of nowhere */
    assert_int_equal(error_of(HEAD("\x01", "\x02", "\x01\xff\x01\x00\x01")),
                     OA_EINVAL);             /* 256 decoded channels */
    assert_int_equal(error_of(HEAD("\x01", "\x09", "\x01\x09\x00\x00\x01\x02"
                                   "\x03\x04\x05\x06\x07\x08")), OA_EINVAL);
}


static uint32_t
samples_of(oa_slice_t packet)
{
    uint32_t  n;

    return oa_opus_duration(packet, &n) == OA_OK ? n : 0;
}


/* RFC 6716, table 2. */
static void
test_durations(void **state)
{
    static const uint16_t  frames[32] = {
        480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880,
        480, 960, 480, 960,
        120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960,
        120, 240, 480, 960
    };
    unsigned  i, n;
    uint8_t   packet[2];

    (void) state;

    for (i = 0; i < 32; i++) {
        packet[0] = (uint8_t) (i << 3 | 4);
        assert_int_equal(samples_of(oa_slice(packet, 1)), frames[i]);

        packet[0] = (uint8_t) (i << 3 | 1);
        assert_int_equal(samples_of(oa_slice(packet, 1)), 2 * frames[i]);

        packet[0] = (uint8_t) (i << 3 | 2);
        assert_int_equal(samples_of(oa_slice(packet, 1)), 2 * frames[i]);

        packet[0] = (uint8_t) (i << 3 | 3);
        assert_int_equal(samples_of(oa_slice(packet, 1)), 0);

        for (n = 0; n < 64; n++) {
            packet[1] = (uint8_t) (0xc0 | n);
            assert_int_equal(samples_of(oa_slice(packet, 2)),
                             n * frames[i] <= 5760 ? n * frames[i] : 0);
        }
    }

    assert_int_equal(samples_of(oa_slice(packet, 0)), 0);
}


static void
parse(oa_slice_t s)
{
    uint8_t           buf[21];
    uint32_t          n;
    oa_writer_t       w;
    oa_opus_config_t  c;

    if (oa_opus_config_parse(s, &c) == OA_OK) {
        oa_writer_init(&w, buf, sizeof(buf));
        oa_opus_write_dops(&c, &w);
        assert_int_equal(w.error, OA_OK);
    }

    if (oa_opus_duration(s, &n) == OA_OK) {
        assert_true(n >= 120 && n <= OA_OPUS_MAX_SAMPLES);
    }
}


static void
test_mutations(void **state)
{
    const oa_slice_t  seeds[] = {
        unit_bytes(STEREO), unit_bytes(SURROUND), unit_bytes("\xff\x85xx")
    };

    (void) state;

    unit_mutations(seeds, 3, 300000, parse);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_stereo),
        cmocka_unit_test(test_surround),
        cmocka_unit_test(test_heads_that_cannot_be),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
