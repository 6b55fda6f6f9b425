
#include "unit.h"
#include "codec/oa_aac.h"


/* A configuration in the making. */
typedef struct {
    uint8_t  data[64];
    size_t   bits;
} asc_t;


static void
put(asc_t *a, uint32_t v, unsigned n)
{
    while (n-- > 0) {
        assert_true(a->bits < sizeof(a->data) * 8);
        a->data[a->bits / 8] |= (uint8_t) ((v >> n & 1)
                                           << (7 - a->bits % 8));
        a->bits++;
    }
}


static oa_err_t
asc_parse(const asc_t *a, oa_aac_config_t *config)
{
    return oa_aac_config_parse(oa_slice(a->data, (a->bits + 7) / 8), config);
}


static void
assert_config(oa_slice_t asc, const char *codecs, unsigned object_type,
    unsigned channels, unsigned core_rate, unsigned output_rate)
{
    oa_aac_config_t  c;

    assert_int_equal(oa_aac_config_parse(asc, &c), OA_OK);
    assert_string_equal(c.codecs, codecs);
    assert_int_equal(c.object_type, object_type);
    assert_int_equal(c.channels, channels);
    assert_int_equal(c.core_rate, core_rate);
    assert_int_equal(c.output_rate, output_rate);
    assert_int_equal(c.frame_samples, 1024);
}


static void
assert_error(oa_slice_t asc, oa_err_t err)
{
    oa_aac_config_t  c;

    assert_int_equal(oa_aac_config_parse(asc, &c), err);
}


static void
test_low_complexity(void **state)
{
    (void) state;

    assert_config(unit_bytes("\x12\x10"), "mp4a.40.2", 2, 2, 44100, 44100);
    assert_config(unit_bytes("\x11\x90"), "mp4a.40.2", 2, 2, 48000, 48000);
    assert_config(unit_bytes("\x12\x08"), "mp4a.40.2", 2, 1, 44100, 44100);
    assert_config(unit_bytes("\x11\xb0"), "mp4a.40.2", 2, 6, 48000, 48000);
    assert_config(unit_bytes("\x11\xb8"), "mp4a.40.2", 2, 8, 48000, 48000);

    /* as ffmpeg writes it: a sync extension that says there is no SBR */
    assert_config(unit_bytes("\x12\x10\x56\xe5\x00"), "mp4a.40.2", 2, 2,
                  44100, 44100);

    /* SBR that is not signalled stays unknown */
    assert_config(unit_bytes("\x13\x10"), "mp4a.40.2", 2, 2, 24000, 24000);
}


static void
test_other_object_types(void **state)
{
    (void) state;

    assert_config(unit_bytes("\x0a\x10"), "mp4a.40.1", 1, 2, 44100, 44100);
    assert_config(unit_bytes("\x1a\x10"), "mp4a.40.3", 3, 2, 44100, 44100);
    assert_config(unit_bytes("\x22\x10"), "mp4a.40.4", 4, 2, 44100, 44100);

    assert_error(unit_bytes("\x02\x10"), OA_EUNSUPPORTED);
    assert_error(unit_bytes("\x32\x10\x00"), OA_EUNSUPPORTED);
    assert_error(unit_bytes("\xba\x10\x00"), OA_EUNSUPPORTED);  /* ER LD */
    assert_error(unit_bytes("\xf9\x46\x20\x00"), OA_EUNSUPPORTED); /* USAC */
}


static void
test_960_samples(void **state)
{
    oa_aac_config_t  c;

    (void) state;

    assert_int_equal(oa_aac_config_parse(unit_bytes("\x11\x94"), &c), OA_OK);
    assert_int_equal(c.frame_samples, 960);
    assert_int_equal(c.channels, 2);
}


static void
test_hierarchical_sbr(void **state)
{
    asc_t            a;
    oa_aac_config_t  c;

    (void) state;

    /* as fdk-aac writes HE-AAC of 48 kHz, and v2 of 44.1 kHz */
    assert_config(unit_bytes("\x2b\x11\x88\x00"), "mp4a.40.5", 5, 2, 24000,
                  48000);
    assert_config(unit_bytes("\xeb\x8a\x08\x00"), "mp4a.40.29", 29, 2, 22050,
                  44100);

    /* it needs no sync extension, so none is looked for */
    memset(&a, 0, sizeof(a));
    put(&a, 5, 5);
    put(&a, 6, 4);
    put(&a, 2, 4);
    put(&a, 3, 4);
    put(&a, 2, 5);
    put(&a, 0, 3);
    put(&a, 0x2b7, 11);
    put(&a, 5, 5);
    put(&a, 1, 1);
    put(&a, 5, 4);
    assert_int_equal(asc_parse(&a, &c), OA_OK);
    assert_int_equal(c.output_rate, 48000);

    memset(&a, 0, sizeof(a));
    put(&a, 5, 5);
    put(&a, 6, 4);
    put(&a, 2, 4);
    put(&a, 3, 4);
    put(&a, 23, 5);                      /* a core that is not AAC */
    put(&a, 0, 3);
    assert_int_equal(asc_parse(&a, &c), OA_EUNSUPPORTED);

    memset(&a, 0, sizeof(a));
    put(&a, 5, 5);
    put(&a, 6, 4);
    put(&a, 2, 4);
    put(&a, 13, 4);                      /* a reserved output rate */
    put(&a, 2, 5);
    put(&a, 0, 3);
    assert_int_equal(asc_parse(&a, &c), OA_EINVAL);

    memset(&a, 0, sizeof(a));
    put(&a, 5, 5);
    put(&a, 6, 4);
    put(&a, 2, 4);
    put(&a, 7, 4);                       /* 24 kHz, with SBR 22.05 kHz */
    put(&a, 2, 5);
    put(&a, 0, 3);
    assert_int_equal(asc_parse(&a, &c), OA_EINVAL);
}


static asc_t
asc_with_sync(unsigned rate_index, unsigned channels)
{
    asc_t  a;

    memset(&a, 0, sizeof(a));
    put(&a, 2, 5);
    put(&a, rate_index, 4);
    put(&a, channels, 4);
    put(&a, 0, 3);
    put(&a, 0x2b7, 11);
    put(&a, 5, 5);

    return a;
}


static void
test_sync_extension(void **state)
{
    asc_t            a;
    oa_aac_config_t  c;

    (void) state;

    a = asc_with_sync(6, 2);
    put(&a, 1, 1);
    put(&a, 3, 4);
    assert_int_equal(asc_parse(&a, &c), OA_OK);
    assert_string_equal(c.codecs, "mp4a.40.5");
    assert_int_equal(c.core_rate, 24000);
    assert_int_equal(c.output_rate, 48000);
    assert_int_equal(c.channels, 2);

    a = asc_with_sync(7, 1);
    put(&a, 1, 1);
    put(&a, 4, 4);
    put(&a, 0x548, 11);
    put(&a, 1, 1);
    assert_int_equal(asc_parse(&a, &c), OA_OK);
    assert_string_equal(c.codecs, "mp4a.40.29");
    assert_int_equal(c.core_rate, 22050);
    assert_int_equal(c.output_rate, 44100);
    assert_int_equal(c.channels, 2);

    a = asc_with_sync(7, 1);
    put(&a, 1, 1);
    put(&a, 4, 4);
    put(&a, 0x548, 11);
    put(&a, 0, 1);
    assert_int_equal(asc_parse(&a, &c), OA_OK);
    assert_string_equal(c.codecs, "mp4a.40.5");
    assert_int_equal(c.channels, 1);

    a = asc_with_sync(7, 1);
    put(&a, 1, 1);
    put(&a, 14, 4);
    assert_int_equal(asc_parse(&a, &c), OA_EINVAL);

    a = asc_with_sync(7, 1);
    put(&a, 1, 1);
    put(&a, 15, 4);
    assert_int_equal(asc_parse(&a, &c), OA_EINVAL);
}


static void
test_explicit_rate(void **state)
{
    static const struct {
        uint32_t  rate;
        oa_err_t  err;
    }  t[] = {
        { 0, OA_EINVAL }, { 7349, OA_EINVAL }, { 7350, OA_OK },
        { 32768, OA_OK }, { 96000, OA_OK }, { 96001, OA_EINVAL },
        { 0xffffff, OA_EINVAL }
    };

    asc_t            a;
    size_t           i;
    oa_aac_config_t  c;

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        memset(&a, 0, sizeof(a));
        put(&a, 2, 5);
        put(&a, 15, 4);
        put(&a, t[i].rate, 24);
        put(&a, 2, 4);
        put(&a, 0, 3);
        assert_int_equal(asc_parse(&a, &c), t[i].err);

        if (t[i].err == OA_OK) {
            assert_int_equal(c.core_rate, t[i].rate);
            assert_int_equal(c.output_rate, t[i].rate);
        }
    }
}


static void
test_channel_configurations(void **state)
{
    static const int  channels[16] = {
        OA_EUNSUPPORTED, 1, 2, 3, 4, 5, 6, 8, OA_EINVAL, OA_EINVAL, OA_EINVAL,
        7, 8, OA_EUNSUPPORTED, 8, OA_EINVAL
    };

    asc_t            a;
    unsigned         i;
    oa_aac_config_t  c;

    (void) state;

    for (i = 0; i < 16; i++) {
        memset(&a, 0, sizeof(a));
        put(&a, 2, 5);
        put(&a, 3, 4);
        put(&a, i, 4);
        put(&a, 0, 3);

        if (channels[i] < 0) {
            assert_int_equal(asc_parse(&a, &c), channels[i]);

        } else {
            assert_int_equal(asc_parse(&a, &c), OA_OK);
            assert_int_equal(c.channels, channels[i]);
        }
    }
}


/* The given pairs in front, one element at the side, one LFE, others. */
static asc_t
asc_with_elements(unsigned pairs, bool mixdown)
{
    asc_t     a;
    unsigned  i;

    memset(&a, 0, sizeof(a));
    put(&a, 2, 5);
    put(&a, 3, 4);
    put(&a, 0, 4);
    put(&a, 0, 3);

    put(&a, 0, 4 + 2 + 4);
    put(&a, pairs, 4);
    put(&a, 1, 4);
    put(&a, 0, 4);
    put(&a, 1, 2);
    put(&a, 1, 3);
    put(&a, 8, 4);

    for (i = 0; i < 3; i++) {
        put(&a, mixdown, 1);
        put(&a, 5, mixdown ? (i < 2 ? 4 : 3) : 0);
    }

    for (i = 0; i < pairs; i++) {
        put(&a, 1, 1);
        put(&a, i, 4);
    }

    put(&a, 0, 1 + 4);
    put(&a, 0, 4);
    put(&a, 0, 4);

    for (i = 0; i < 8; i++) {
        put(&a, i, 5);
    }

    put(&a, 0, (unsigned) (-a.bits % 8));
    put(&a, 2, 8);
    put(&a, 0x6869, 16);

    return a;
}


static void
test_program_config(void **state)
{
    asc_t            a;
    size_t           size;
    oa_aac_config_t  c;

    (void) state;

    a = asc_with_elements(2, false);
    assert_int_equal(asc_parse(&a, &c), OA_OK);
    assert_int_equal(c.channels, 6);
    assert_string_equal(c.codecs, "mp4a.40.2");

    a = asc_with_elements(3, true);
    assert_int_equal(asc_parse(&a, &c), OA_OK);
    assert_int_equal(c.channels, 8);

    /* an extension behind it */
    put(&a, 0x2b7, 11);
    put(&a, 5, 5);
    put(&a, 1, 1);
    put(&a, 0, 4);
    assert_int_equal(asc_parse(&a, &c), OA_OK);
    assert_string_equal(c.codecs, "mp4a.40.5");
    assert_int_equal(c.output_rate, 96000);

    a = asc_with_elements(4, false);
    assert_int_equal(asc_parse(&a, &c), OA_EUNSUPPORTED);

    a = asc_with_elements(2, false);

    for (size = 2; size < a.bits / 8; size++) {
        assert_error(oa_slice(a.data, size), OA_EUNSUPPORTED);
    }
}


static void
test_truncated(void **state)
{
    (void) state;

    assert_error(unit_bytes(""), OA_EINVAL);
    assert_error(unit_bytes("\x12"), OA_EINVAL);
    assert_error(unit_bytes("\x2b\x11\x88"), OA_EINVAL);
    assert_error(unit_bytes("\x17\x80\x5d"), OA_EINVAL);
    assert_error(unit_bytes("\x16\x90"), OA_EINVAL);    /* a reserved rate */
}


static void
parse_any(oa_slice_t s)
{
    oa_aac_config_t  c;

    if (oa_aac_config_parse(s, &c) == OA_OK) {
        assert_in_range(c.channels, 1, 8);
        assert_in_range(c.core_rate, 7350, 96000);
        assert_in_range(c.output_rate, 7350, 96000);
        assert_true(c.frame_samples == 1024 || c.frame_samples == 960);
        assert_in_range(strlen(c.codecs), 9, 10);
    }
}


static void
test_mutations(void **state)
{
    asc_t       pce, sync;
    oa_slice_t  seeds[4];

    (void) state;

    pce = asc_with_elements(2, true);
    sync = asc_with_sync(7, 1);
    put(&sync, 0x14aa9, 17);

    seeds[0] = unit_bytes("\x2b\x11\x88\x00");
    seeds[1] = unit_bytes("\x12\x10\x56\xe5\x00");
    seeds[2] = oa_slice(pce.data, pce.bits / 8);
    seeds[3] = oa_slice(sync.data, (sync.bits + 7) / 8);

    unit_mutations(seeds, 4, 200000, parse_any);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_low_complexity),
        cmocka_unit_test(test_other_object_types),
        cmocka_unit_test(test_960_samples),
        cmocka_unit_test(test_hierarchical_sbr),
        cmocka_unit_test(test_sync_extension),
        cmocka_unit_test(test_explicit_rate),
        cmocka_unit_test(test_channel_configurations),
        cmocka_unit_test(test_program_config),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
