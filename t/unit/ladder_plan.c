
/* Which rungs a source gets: sizes, frame rates, what is left out. */

#include "unit.h"

#include <stdio.h>

#include "ladder/oa_ladder_plan.h"


#define SHIPPED  7

static const oa_ladder_conf_t  shipped[SHIPPED] = {
    { "1080p60", 0, OA_CODEC_AVC, 0, 1080, 60000, 6000000 },
    { "720p60", 0, OA_CODEC_AVC, 0, 720, 60000, 4500000 },
    { "720p", OA_LADDER_ALWAYS, OA_CODEC_AVC, 0, 720, 30000, 3000000 },
    { "480p", 0, OA_CODEC_AVC, 0, 480, 30000, 1500000 },
    { "360p", OA_LADDER_ALWAYS, OA_CODEC_AVC, 0, 360, 30000, 800000 },
    { "160p", 0, OA_CODEC_AVC, 0, 160, 30000, 300000 },
    { "audio64", 0, OA_CODEC_AAC, 0, 0, 0, 64000 }
};


static oa_ladder_source_t
source_of(uint32_t width, uint32_t height, uint32_t num, uint32_t den)
{
    oa_ladder_source_t  source;

    memset(&source, 0, sizeof(source));
    source.has_video = true;
    source.has_audio = true;
    source.codec = OA_CODEC_AVC;
    source.width = width;
    source.height = height;
    source.sar_width = 1;
    source.sar_height = 1;
    source.rate.num = num;
    source.rate.den = den;

    return source;
}


/* The plan as a line of text. */
static void
expect_line(const oa_ladder_source_t *source, const oa_ladder_conf_t *confs,
    unsigned n, const char *expected)
{
    char                     text[512];
    size_t                   size;
    unsigned                 i, left_out;
    oa_ladder_plan_t         plan;
    const oa_ladder_rung_t  *rung;

    oa_ladder_plan(source, confs, n, &plan);
    text[0] = '\0';
    size = 0;

    for (i = 0; i < plan.nrungs; i++) {
        rung = &plan.rungs[i];
        assert_null(plan.left_out[rung->conf]);
        size += (size_t) snprintf(text + size, sizeof(text) - size,
                                  "%s%s", i ? " " : "",
                                  confs[rung->conf].name);

        if (confs[rung->conf].height) {
            size += (size_t) snprintf(text + size, sizeof(text) - size,
                                      ":%ux%u@%u/%u", rung->width,
                                      rung->height, rung->rate.num,
                                      rung->rate.den);
        }
    }

    assert_string_equal(text, expected);

    for (left_out = 0, i = 0; i < n; i++) {
        left_out += plan.left_out[i] != NULL;
    }

    assert_int_equal(left_out + plan.nrungs, n);
}


static void
expect(uint32_t width, uint32_t height, uint32_t num, uint32_t den,
    const char *expected)
{
    oa_ladder_source_t  source;

    source = source_of(width, height, num, den);
    expect_line(&source, shipped, SHIPPED, expected);
}


/* height, rate, what comes of it */
static void
expect_one(const oa_ladder_source_t *source, uint32_t width, uint32_t height,
    uint32_t max_rate_milli, const char *expected)
{
    oa_ladder_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    strcpy(conf.name, "r");
    conf.codec = OA_CODEC_AVC;
    conf.width = width;
    conf.height = height;
    conf.max_rate_milli = max_rate_milli;
    conf.bitrate = 1000;

    expect_line(source, &conf, 1, expected);
}


static void
shipped_ladder(void **state)
{
    (void) state;

    expect(1920, 1080, 60, 1,
           "720p60:1280x720@60/1 720p:1280x720@60/2 480p:854x480@60/2 "
           "360p:640x360@60/2 160p:284x160@60/2 audio64");
    expect(1920, 1080, 30, 1,
           "720p:1280x720@30/1 480p:854x480@30/1 360p:640x360@30/1 "
           "160p:284x160@30/1 audio64");
    expect(2560, 1440, 60, 1,
           "1080p60:1920x1080@60/1 720p60:1280x720@60/1 720p:1280x720@60/2 "
           "480p:854x480@60/2 360p:640x360@60/2 160p:284x160@60/2 audio64");
    expect(1280, 720, 30, 1,
           "480p:854x480@30/1 360p:640x360@30/1 160p:284x160@30/1 audio64");
    expect(1280, 720, 60, 1,
           "720p:1280x720@60/2 480p:854x480@60/2 360p:640x360@60/2 "
           "160p:284x160@60/2 audio64");
    expect(160, 90, 30, 1, "audio64");
}


static void
nothing_to_see_or_to_hear(void **state)
{
    oa_ladder_source_t  source;

    (void) state;

    source = source_of(1920, 1080, 30, 1);
    source.has_video = false;
    expect_line(&source, shipped, SHIPPED, "audio64");

    source = source_of(640, 480, 30, 1);
    source.has_audio = false;
    expect_line(&source, shipped, SHIPPED,
                "360p:480x360@30/1 160p:214x160@30/1");

    source = source_of(0, 1080, 30, 1);
    source.has_audio = false;
    expect_line(&source, shipped, SHIPPED, "");
}


static void
frame_rates(void **state)
{
    unsigned            i;
    oa_ladder_source_t  source;

    static const struct {
        uint32_t     num, den, max_milli;
        const char  *expected;
    } cases[] = {
        { 60, 1, 0, "r:640x360@60/1" },
        { 60, 1, 60000, "r:640x360@60/1" },
        { 60, 1, 59940, "r:640x360@60/1" },
        { 60, 1, 59000, "r:640x360@60/2" },
        { 60000, 1001, 60000, "r:640x360@60000/1001" },
        { 60000, 1001, 30000, "r:640x360@60000/2002" },
        { 60, 1, 29970, "r:640x360@60/2" },
        { 30, 1, 29970, "r:640x360@30/1" },
        { 30000, 1001, 30000, "r:640x360@30000/1001" },
        { 50, 1, 30000, "r:640x360@50/2" },
        { 25, 1, 30000, "r:640x360@25/1" },
        { 48, 1, 30000, "r:640x360@48/2" },
        { 120, 1, 30000, "r:640x360@120/4" },
        { 60, 1, 25000, "r:640x360@60/3" },
        { 31, 1, 30000, "r:640x360@31/2" },
        { 240, 1, 1000, "r:640x360@240/239" },
        { 0, 0, 60000, "r:640x360@30/1" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        source = source_of(1280, 720, cases[i].num, cases[i].den);
        expect_one(&source, 0, 360, cases[i].max_milli, cases[i].expected);
    }
}


static void
sizes(void **state)
{
    unsigned            i;
    oa_ladder_source_t  source;

    static const struct {
        uint32_t     width, height, sar_width, sar_height, to_width, to_height;
        const char  *expected;
    } cases[] = {
        /* the shorter side, whichever it is */
        { 1920, 1080, 1, 1, 0, 720, "r:1280x720@30/1" },
        { 1080, 1920, 1, 1, 0, 720, "r:720x1280@30/1" },
        { 1080, 1080, 1, 1, 0, 720, "r:720x720@30/1" },
        { 2560, 1080, 1, 1, 0, 720, "r:1706x720@30/1" },
        { 1440, 1080, 1, 1, 0, 480, "r:640x480@30/1" },

        /* a box, turned for what stands upright */
        { 1920, 1080, 1, 1, 1280, 720, "r:1280x720@30/1" },
        { 2560, 1080, 1, 1, 1280, 720, "r:1280x540@30/1" },
        { 1440, 1080, 1, 1, 1280, 720, "r:960x720@30/1" },
        { 1080, 1920, 1, 1, 1280, 720, "r:720x1280@30/1" },
        { 1080, 2560, 1, 1, 1280, 720, "r:540x1280@30/1" },

        /* samples that are no squares: 16:9 in 1440x1080, PAL's 720x576 */
        { 1440, 1080, 4, 3, 0, 720, "r:1280x720@30/1" },
        { 720, 576, 16, 15, 0, 288, "r:384x288@30/1" },
        { 720, 576, 64, 45, 0, 288, "r:512x288@30/1" },
        { 1920, 1080, 0, 0, 0, 720, "r:1280x720@30/1" },

        /* odd ones */
        { 1919, 1079, 1, 1, 0, 360, "r:640x360@30/1" },
        { 853, 479, 1, 1, 0, 361, "r:642x362@30/1" },

        /* larger than the source, even by a little; or no picture left */
        { 1278, 718, 1, 1, 0, 720, "" },
        { 1280, 720, 1, 1, 0, 720, "" },
        { 1280, 719, 1, 1, 0, 720, "" },
        { 1280, 720, 1, 1, 1920, 1080, "" },
        { 1280, 720, 1, 1, 0, 8, "" },
        { 4000, 40, 1, 1, 0, 16, "r:1600x16@30/1" },
        { 16384, 16, 65535, 1, 0, 16, "" },
        { 100, 100, 1, 65535, 0, 16, "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        source = source_of(cases[i].width, cases[i].height, 30, 1);
        source.sar_width = cases[i].sar_width;
        source.sar_height = cases[i].sar_height;
        expect_one(&source, cases[i].to_width, cases[i].to_height, 0,
                   cases[i].expected);
    }
}


static void
as_large_as_the_source(void **state)
{
    oa_ladder_conf_t    conf;
    oa_ladder_source_t  source;

    (void) state;

    conf = shipped[0];
    source = source_of(1920, 1080, 60, 1);
    expect_line(&source, &conf, 1, "");

    /* at half the frame rate it is another */
    conf.max_rate_milli = 30000;
    expect_line(&source, &conf, 1, "1080p60:1920x1080@60/2");
    conf.max_rate_milli = 60000;

    /* players may lack the source's codec */
    source.codec = OA_CODEC_HEVC;
    expect_line(&source, &conf, 1, "1080p60:1920x1080@60/1");
    source.codec = OA_CODEC_AVC;

    /* three quarters of 8 Mbit/s */
    source.bitrate = 8000000;
    expect_line(&source, &conf, 1, "1080p60:1920x1080@60/1");
    source.bitrate = 7900000;
    expect_line(&source, &conf, 1, "");
}


static void
alike(void **state)
{
    oa_ladder_source_t  source;

    static const oa_ladder_conf_t  confs[] = {
        { "a", 0, OA_CODEC_AVC, 0, 360, 60000, 900 },
        { "b", 0, OA_CODEC_AVC, 640, 360, 30000, 800 },
        { "c", 0, OA_CODEC_AVC, 0, 360, 30000, 700 },
        { "d", 0, OA_CODEC_AVC, 0, 360, 30000, 700 },
        { "e", 0, OA_CODEC_HEVC, 0, 360, 0, 600 },
        { "f", 0, OA_CODEC_AVC, 0, 360, 0, 100 },
        { "g", 0, OA_CODEC_AAC, 0, 0, 0, 64 },
        { "h", 0, OA_CODEC_AAC, 0, 0, 0, 32 },
        { "i", OA_LADDER_NEVER, OA_CODEC_AVC, 0, 240, 0, 100 }
    };

    (void) state;

    source = source_of(1280, 720, 30, 1);
    expect_line(&source, confs, 9, "c:640x360@30/1 e:640x360@30/1 g h");

    source = source_of(1280, 720, 60, 1);
    expect_line(&source, confs, 9,
                "a:640x360@60/1 c:640x360@60/2 e:640x360@60/1 g h");
}


static void
high_dynamic_range(void **state)
{
    oa_ladder_source_t  source;

    static const oa_ladder_conf_t  confs[] = {
        { "a", 0, OA_CODEC_AVC, 0, 360, 0, 700 },
        { "b", 0, OA_CODEC_HEVC, 0, 360, 0, 600 },
        { "c", 0, OA_CODEC_AAC, 0, 0, 0, 64 }
    };

    (void) state;

    source = source_of(1280, 720, 30, 1);
    source.codec = OA_CODEC_HEVC;
    expect_line(&source, confs, 3, "a:640x360@30/1 b:640x360@30/1 c");
    source.hdr = true;
    expect_line(&source, confs, 3, "b:640x360@30/1 c");
}


static void
work(void **state)
{
    oa_ladder_plan_t    plan;
    oa_ladder_source_t  source;

    (void) state;

    source = source_of(1920, 1080, 60, 1);
    oa_ladder_plan(&source, shipped, SHIPPED, &plan);

    assert_int_equal(plan.nrungs, 6);
    assert_int_equal(plan.rungs[0].slots, 2 * OA_LADDER_SLOT);
    assert_int_equal(plan.rungs[1].slots, OA_LADDER_SLOT);
    assert_int_equal(plan.rungs[2].slots, 445);
    assert_int_equal(plan.rungs[3].slots, 250);
    assert_int_equal(plan.rungs[4].slots, 49);
    assert_int_equal(plan.rungs[5].slots, OA_LADDER_AUDIO_SLOTS);

    /* something is never nothing */
    source = source_of(64, 64, 1, 1);
    oa_ladder_plan(&source, (oa_ladder_conf_t[]) {
                       { "r", 0, OA_CODEC_AVC, 0, 16, 0, 1 } }, 1, &plan);
    assert_int_equal(plan.rungs[0].slots, 1);
}


static void
part_frames(void **state)
{
    unsigned            i, n;
    oa_ladder_conf_t    confs[OA_LADDER_RUNGS];
    oa_ladder_plan_t    plan;
    oa_ladder_source_t  source;

    static const uint32_t  maxima[] = { 60000, 30000, 20000, 15000, 7000 };
    static const unsigned  expected[] = { 1, 2, 6, 12, 36 };

    (void) state;

    source = source_of(1280, 720, 60, 1);
    memset(confs, 0, sizeof(confs));

    for (i = 0; i < OA_LADDER_RUNGS; i++) {
        confs[i].codec = OA_CODEC_AVC;
        confs[i].height = 100 + 10 * i;
        confs[i].bitrate = 1000;
    }

    oa_ladder_plan(&source, confs, 0, &plan);
    assert_int_equal(plan.part_frames, 1);

    for (n = 0; n < 5; n++) {
        confs[n].max_rate_milli = maxima[n];
        oa_ladder_plan(&source, confs, n + 1, &plan);
        assert_int_equal(plan.nrungs, n + 1);
        assert_int_equal(plan.part_frames, expected[n]);
    }

    /* no part has so many: 2 x 3 x 5 x 7 x 11 */
    for (i = 0; i < 5; i++) {
        confs[i].max_rate_milli = (uint32_t[]) { 120000, 80000, 48000, 34300,
                                                 21900 }[i];
    }

    source.rate.num = 240;
    oa_ladder_plan(&source, confs, 5, &plan);
    assert_int_equal(plan.rungs[4].divisor, 11);
    assert_int_equal(plan.part_frames, 1);
}


/* Whatever a source says: sizes and work stay in their ranges. */
static void
any_source(void **state)
{
    unsigned                 n, i;
    uint64_t                 seed;
    oa_ladder_conf_t         confs[SHIPPED];
    oa_ladder_plan_t         plan;
    oa_ladder_source_t       source;
    const oa_ladder_rung_t  *rung;

    (void) state;

    seed = 20261128;
    memcpy(confs, shipped, sizeof(confs));

    for (n = 0; n < 200000; n++) {
        source = source_of(unit_random(&seed) >> unit_random(&seed) % 32,
                           unit_random(&seed) >> unit_random(&seed) % 32,
                           unit_random(&seed) % 300001,
                           unit_random(&seed) % 1002);
        source.width %= 65536;
        source.height %= 65536;
        source.sar_width = unit_random(&seed) >> (16 + unit_random(&seed) % 16);
        source.sar_height = unit_random(&seed)
                            >> (16 + unit_random(&seed) % 16);
        source.bitrate = unit_random(&seed);
        confs[n % 6].width = unit_random(&seed) % 2 * (n % 8192);
        confs[n % 6].height = 1 + n % 8192;
        confs[n % 6].max_rate_milli = 1000 + n % 299001;

        oa_ladder_plan(&source, confs, SHIPPED, &plan);
        assert_true(plan.part_frames >= 1 && plan.part_frames <= 1200);

        for (i = 0; i + 1 < plan.nrungs; i++) {
            rung = &plan.rungs[i];
            assert_true(rung->width >= 16 && rung->width <= 8192);
            assert_true(rung->height >= 16 && rung->height <= 8192);
            assert_true(rung->width % 2 == 0 && rung->height % 2 == 0);
            assert_true(rung->divisor >= 1 && rung->slots >= 1);
            assert_true(rung->rate.num != 0 && rung->rate.den != 0);
            assert_true(rung->conf < plan.rungs[i + 1].conf);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(shipped_ladder),
        cmocka_unit_test(nothing_to_see_or_to_hear),
        cmocka_unit_test(frame_rates),
        cmocka_unit_test(sizes),
        cmocka_unit_test(as_large_as_the_source),
        cmocka_unit_test(alike),
        cmocka_unit_test(high_dynamic_range),
        cmocka_unit_test(work),
        cmocka_unit_test(part_frames),
        cmocka_unit_test(any_source)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
