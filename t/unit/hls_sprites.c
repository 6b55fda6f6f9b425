
/* What is where on the sheets of a session: WebVTT. */


#include "unit.h"

#include "hls/oa_hls.h"


static const oa_live_session_info_t  session = {
    .conf = { .epoch_unix_us = 1700000000123000 }
};


static oa_live_picture_t
sheet(uint32_t number, uint32_t ntiles, int64_t start_ms)
{
    uint32_t           i;
    oa_live_picture_t  s;

    memset(&s, 0, sizeof(s));
    s.kind = OA_LIVE_SPRITE;
    s.number = number;
    s.ntiles = ntiles;
    s.columns = 5;
    s.tile_width = 160;
    s.tile_height = 90;
    s.end_ms = start_ms + 10000 * (int64_t) ntiles;

    for (i = 0; i < ntiles && i < OA_LIVE_PICTURE_TILES; i++) {
        s.times_ms[i] = start_ms + 10000 * i;
    }

    return s;
}


/* In a block of exactly the size that is promised to suffice. */
static char *
render(const oa_live_picture_t *sheets, unsigned n, unsigned ntiles)
{
    char         *text;
    size_t        size;
    oa_writer_t   w;

    size = 256 + 96 * ntiles;
    text = malloc(size);
    oa_writer_init(&w, text, size - 1);
    assert_int_equal(oa_hls_sprites_render(&session, sheets, n, &w), OA_OK);
    text[oa_writer_size(&w)] = '\0';

    return text;
}


static void
expect(const oa_live_picture_t *sheets, unsigned n, unsigned ntiles,
    const char *cues)
{
    char         *text;
    const char   *head = "WEBVTT\n\nNOTE Media time 0 is "
                         "2023-11-14T22:13:20.123Z\n";

    text = render(sheets, n, ntiles);
    assert_memory_equal(text, head, strlen(head));
    assert_string_equal(text + strlen(head), cues);
    free(text);
}


static void
test_nothing(void **state)
{
    (void) state;
    expect(NULL, 0, 0, "");
}


static void
test_tiles_in_rows(void **state)
{
    char               *text;
    oa_live_picture_t   s;

    (void) state;
    s = sheet(3, 2, 1500);
    expect(&s, 1, 2,
           "\n00:00:01.500 --> 00:00:11.500\nsprite-3.jpg#xywh=0,0,160,90\n"
           "\n00:00:11.500 --> 00:00:21.500\n"
           "sprite-3.jpg#xywh=160,0,160,90\n");

    s = sheet(0, 25, 0);
    text = render(&s, 1, 25);
    assert_non_null(strstr(text, "\n00:01:10.000 --> 00:01:20.000\n"
                                 "sprite-0.jpg#xywh=320,90,160,90\n"));
    assert_non_null(strstr(text, "\n00:04:00.000 --> 00:04:10.000\n"
                                 "sprite-0.jpg#xywh=640,360,160,90\n"));
    free(text);
}


/* Each stands until the next one, over the edge of a sheet, too. */
static void
test_sheets_in_order(void **state)
{
    oa_live_picture_t  s[2];

    (void) state;
    s[0] = sheet(8, 1, 3600000);
    s[1] = sheet(7, 1, 3586007);
    expect(s, 2, 2,
           "\n00:59:46.007 --> 01:00:00.000\nsprite-7.jpg#xywh=0,0,160,90\n"
           "\n01:00:00.000 --> 01:00:10.000\n"
           "sprite-8.jpg#xywh=0,0,160,90\n");
}


static void
test_long_after(void **state)
{
    oa_live_picture_t  s;

    (void) state;
    s = sheet(UINT32_MAX, 1, 360000000000ll);
    expect(&s, 1, 1,
           "\n100000:00:00.000 --> 100000:00:10.000\n"
           "sprite-4294967295.jpg#xywh=0,0,160,90\n");
}


/* Whatever is in the store makes no cue that is none. */
static void
test_times_that_make_no_sense(void **state)
{
    oa_live_picture_t  s;

    (void) state;
    s = sheet(0, 4, 0);
    s.times_ms[1] = 0;
    s.times_ms[2] = -5;
    s.end_ms = 30000;
    expect(&s, 1, 4, "");

    s.times_ms[2] = 9;
    s.end_ms = 30001;
    expect(&s, 1, 4,
           "\n00:00:00.000 --> 00:00:00.009\n"
           "sprite-0.jpg#xywh=160,0,160,90\n"
           "\n00:00:00.009 --> 00:00:30.000\n"
           "sprite-0.jpg#xywh=320,0,160,90\n"
           "\n00:00:30.000 --> 00:00:30.001\n"
           "sprite-0.jpg#xywh=480,0,160,90\n");

    s = sheet(0, 1, 5000);
    s.end_ms = 5000;
    expect(&s, 1, 1, "");

    s = sheet(0, 1000, 0);
    s.columns = 0;
    free(render(&s, 1, 25));
}


static void
test_too_long(void **state)
{
    char               text[200];
    oa_writer_t        w;
    oa_live_picture_t  s;

    (void) state;
    s = sheet(0, 25, 0);
    oa_writer_init(&w, text, sizeof(text));
    assert_int_equal(oa_hls_sprites_render(&session, &s, 1, &w), OA_EFULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_tiles_in_rows),
        cmocka_unit_test(test_sheets_in_order),
        cmocka_unit_test(test_long_after),
        cmocka_unit_test(test_times_that_make_no_sense),
        cmocka_unit_test(test_too_long)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
