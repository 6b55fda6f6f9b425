
/* What the record of a stream's seconds says in words. */


#include "unit.h"

#include "status/oa_status.h"


static oa_live_health_t  records[OA_STATUS_RECORD_SECONDS];


static void
steady(void)
{
    unsigned  i;

    memset(records, 0, sizeof(records));

    for (i = 0; i < OA_STATUS_RECORD_SECONDS; i++) {
        records[i].second = 1000 + i;
        records[i].video_bytes = 500000 + (i % 7) * 20000;
        records[i].audio_bytes = 20000;
        records[i].video_frames = 30;
        records[i].audio_frames = 47;
    }
}


static const char *
say(unsigned n)
{
    oa_json_t       json;
    oa_writer_t     w;
    static uint8_t  text[1024];

    memset(text, 0, sizeof(text));
    oa_writer_init(&w, text, sizeof(text) - 1);
    oa_json_init(&json, &w);
    oa_json_array_begin(&json);
    oa_status_record_warnings(&json, records, n);
    oa_json_array_end(&json);

    return (const char *) text;
}


static void
test_all_is_well(void **state)
{
    (void) state;
    steady();
    assert_string_equal(say(180), "[]");
    assert_string_equal(say(20), "[]");
    assert_string_equal(say(0), "[]");

    memset(records, 0, sizeof(records));
    assert_string_equal(say(180), "[]");
}


static void
test_bitrate_fell(void **state)
{
    unsigned  i;

    (void) state;
    steady();

    for (i = 140; i < 152; i++) {
        records[i].video_bytes = 96000;
        records[i].audio_bytes = 20000;
    }

    assert_string_equal(say(180), "[\"the bitrate fell to 21 % for 12 s; "
                        "look at the uplink, or lower the bitrate\"]");

    /* longer ago than a minute, or for a moment only */
    steady();

    for (i = 60; i < 80; i++) {
        records[i].video_bytes = 0;
    }

    records[150].video_bytes = 0;
    assert_string_equal(say(180), "[]");
}


static void
test_frames_are_missing(void **state)
{
    unsigned  i;

    (void) state;
    steady();

    for (i = 120; i < 180; i++) {
        records[i].video_frames = 22;
        records[i].dropped_frames = 3;
    }

    assert_string_equal(say(180), "[\"12.0 % of the frames of the last minute "
                        "are missing; lower the encoder's bitrate or load\"]");
}


static void
test_the_clock_jumps(void **state)
{
    (void) state;
    steady();
    records[130].timestamp_jumps = 2;
    assert_string_equal(say(180), "[]");
    records[150].timestamp_jumps = 3;
    assert_string_equal(say(180), "[\"the encoder's clock jumps: 5 times in "
                        "the last minute; look at its sources\"]");
}


static void
test_largest_values(void **state)
{
    (void) state;
    memset(records, 0xff, sizeof(records));
    assert_non_null(strstr(say(180), "50.0 %"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_all_is_well),
        cmocka_unit_test(test_bitrate_fell),
        cmocka_unit_test(test_frames_are_missing),
        cmocka_unit_test(test_the_clock_jumps),
        cmocka_unit_test(test_largest_values)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
