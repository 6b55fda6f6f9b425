
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hls/oa_hls.h"


#define TIMESCALE  90000
#define PART       18000                 /* 200 ms */
#define EPOCH_US   1792564800000000      /* 2026-10-21T06:40:00Z */


/* A stream of segments of 10 parts of 200 ms, TARGETDURATION 2. */
typedef struct {
    oa_live_session_info_t  session;
    oa_live_snapshot_t      snapshot;
    oa_hls_report_t         reports[OA_HLS_MAX_REPORTS];
    oa_hls_media_t          media;
    char                    text[256 * 1024];
} stream_t;


static int
stream_begin(void **state)
{
    stream_t  *s;

    s = calloc(1, sizeof(*s));
    s->session.state = OA_LIVE_ON_AIR;
    s->session.conf.target_duration_s = 2;
    s->session.conf.part_target_ms = 200;
    s->session.conf.window_ms = 60000;
    s->session.conf.epoch_unix_us = EPOCH_US;
    s->snapshot.state = OA_LIVE_ON_AIR;
    strcpy(s->snapshot.conf.name, "video");
    s->snapshot.conf.kind = OA_LIVE_VIDEO;
    s->snapshot.conf.timescale = TIMESCALE;
    s->snapshot.conf.part_target = PART;
    s->media.session = &s->session;
    s->media.snapshot = &s->snapshot;
    s->media.reports = s->reports;
    *state = s;

    return 0;
}


static int
stream_end(void **state)
{
    free(*state);

    return 0;
}


static oa_live_segment_info_t *
segment_begin(stream_t *s)
{
    oa_live_segment_info_t  *segment, *before;

    segment = &s->snapshot.segments[s->snapshot.nsegments];
    memset(segment, 0, sizeof(*segment));

    if (s->snapshot.nsegments > 0) {
        before = segment - 1;
        before->complete = true;
        segment->msn = before->msn + 1;
        segment->first_part = before->first_part + before->nparts;
        segment->decode_time = before->decode_time + before->duration;
        segment->init_id = before->init_id;
        segment->discontinuities = before->discontinuities;
    }

    segment->independent = true;
    s->snapshot.nsegments++;

    return segment;
}


static oa_live_part_info_t *
part_add(stream_t *s, uint32_t duration)
{
    oa_live_part_info_t     *part;
    oa_live_segment_info_t  *segment;

    segment = &s->snapshot.segments[s->snapshot.nsegments - 1];
    part = &s->snapshot.parts[s->snapshot.nparts++];
    memset(part, 0, sizeof(*part));

    part->number = segment->first_part + segment->nparts;
    part->duration = duration;
    part->msn = segment->msn;
    part->index = segment->nparts;
    part->name = (oa_live_name_t) { part->msn, part->index };
    part->flags = part->index == 0 ? OA_LIVE_PART_INDEPENDENT
                                     | OA_LIVE_PART_SEGMENT_START : 0;
    segment->nparts++;
    segment->duration += duration;
    s->snapshot.hint = (oa_live_name_t) { part->msn, part->index + 1 };

    return part;
}


static void
segments_add(stream_t *s, unsigned n)
{
    unsigned                 k;
    oa_live_segment_info_t  *segment;

    while (n-- > 0) {
        segment = segment_begin(s);

        for (k = 0; k < 10; k++) {
            part_add(s, PART);
        }

        segment->complete = true;
        s->snapshot.hint = (oa_live_name_t) { segment->msn + 1, 0 };
    }
}


static const char *
render(stream_t *s)
{
    oa_writer_t  w;

    oa_writer_init(&w, s->text, sizeof(s->text) - 1);
    assert_int_equal(oa_hls_media_render(&s->media, &w), OA_OK);
    *w.pos = '\0';

    return s->text;
}


static unsigned
count(const char *text, const char *what)
{
    unsigned  n;

    for (n = 0; (text = strstr(text, what)) != NULL; n++) {
        text += strlen(what);
    }

    return n;
}


static void
assert_has(const char *text, const char *what)
{
    if (strstr(text, what) == NULL) {
        fail_msg("no \"%s\" in\n%s", what, text);
    }
}


static void
assert_hasnt(const char *text, const char *what)
{
    if (strstr(text, what) != NULL) {
        fail_msg("\"%s\" in\n%s", what, text);
    }
}


static void
a_young_stream_in_full(void **state)
{
    stream_t  *s = *state;

    segments_add(s, 1);
    segment_begin(s);
    part_add(s, PART);
    s->reports[0] = (oa_hls_report_t) { "audio", 3, 7 };
    s->media.nreports = 1;

    /* cut the first segment's parts short, to keep this readable */
    s->snapshot.segments[0].nparts = 2;
    s->snapshot.segments[0].duration = 2 * PART;
    s->snapshot.segments[1].first_part = 2;
    s->snapshot.segments[1].decode_time = 2 * PART;
    s->snapshot.parts[2] = s->snapshot.parts[10];
    s->snapshot.parts[2].number = 2;
    s->snapshot.nparts = 3;

    assert_string_equal(render(s),
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.750,"
        "HOLD-BACK=6.0,CAN-SKIP-UNTIL=12.0\n"
        "#EXT-X-PART-INF:PART-TARGET=0.20000\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MAP:URI=\"init-0.mp4\"\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-10-21T06:40:00.000Z\n"
        "#EXT-X-PART:DURATION=0.20000,URI=\"part-0.0.m4s\",INDEPENDENT=YES\n"
        "#EXT-X-PART:DURATION=0.20000,URI=\"part-0.1.m4s\"\n"
        "#EXTINF:0.40000,\n"
        "seg-0.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-10-21T06:40:00.400Z\n"
        "#EXT-X-PART:DURATION=0.20000,URI=\"part-1.0.m4s\",INDEPENDENT=YES\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-1.1.m4s\"\n"
        "#EXT-X-RENDITION-REPORT:URI=\"../audio/index.m3u8\",LAST-MSN=3,"
        "LAST-PART=7\n");
}


static void
a_date_is_of_presentation(void **state)
{
    stream_t  *s = *state;

    segments_add(s, 1);
    segment_begin(s);
    part_add(s, PART);
    s->snapshot.segments[1].delay = PART / 4;

    assert_has(render(s), "#EXT-X-PROGRAM-DATE-TIME:2026-10-21T06:40:00.000Z\n"
                          "#EXT-X-PART:DURATION=0.20000,URI=\"part-0.0.m4s\"");
    assert_has(render(s), "#EXT-X-PROGRAM-DATE-TIME:2026-10-21T06:40:02.050Z\n"
                          "#EXT-X-PART:DURATION=0.20000,URI=\"part-1.0.m4s\"");
}


static void
without_a_part_there_is_none(void **state)
{
    stream_t    *s = *state;
    oa_writer_t  w;

    oa_writer_init(&w, s->text, sizeof(s->text));
    assert_int_equal(oa_hls_media_render(&s->media, &w), OA_EAGAIN);
    assert_int_equal(oa_writer_size(&w), 0);
}


static void
parts_go_by_the_name_they_were_promised(void **state)
{
    stream_t             *s = *state;
    oa_live_part_info_t  *part;

    segments_add(s, 3);
    segment_begin(s);
    part = part_add(s, PART);
    part->name = (oa_live_name_t) { 2, 10 };
    s->snapshot.hint = (oa_live_name_t) { 3, 1 };

    assert_has(render(s), "URI=\"part-2.10.m4s\",INDEPENDENT=YES\n"
                          "#EXT-X-PRELOAD-HINT:TYPE=PART,"
                          "URI=\"part-3.1.m4s\"\n");
    assert_hasnt(s->text, "part-3.0");
}


static void
the_tags_of_a_new_segment_come_with_its_first_part(void **state)
{
    stream_t                *s = *state;
    const char              *text, *tail;
    oa_live_segment_info_t  *segment;

    segments_add(s, 3);
    text = render(s);
    assert_has(text, "seg-2.m4s\n#EXT-X-PRELOAD-HINT");

    segment = segment_begin(s);
    segment->discontinuity = true;
    segment->discontinuities = 1;
    segment->init_id = 1;
    text = render(s);
    assert_hasnt(text, "#EXT-X-DISCONTINUITY\n");
    assert_hasnt(text, "init-1");

    part_add(s, PART);
    tail = strstr(render(s), "seg-2.m4s\n");
    assert_non_null(tail);
    assert_string_equal(tail,
        "seg-2.m4s\n"
        "#EXT-X-DISCONTINUITY\n"
        "#EXT-X-MAP:URI=\"init-1.mp4\"\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-10-21T06:40:06.000Z\n"
        "#EXT-X-PART:DURATION=0.20000,URI=\"part-3.0.m4s\",INDEPENDENT=YES\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-3.1.m4s\"\n");
}


static void
a_discontinuity_that_left_is_counted(void **state)
{
    stream_t  *s = *state;
    unsigned   i;

    segments_add(s, 60);

    for (i = 25; i < 60; i++) {
        s->snapshot.segments[i].discontinuities = 1;
    }

    s->snapshot.segments[25].discontinuity = true;

    /* 30 of the 60 make up the window */
    assert_has(render(s), "#EXT-X-MEDIA-SEQUENCE:30\n"
                          "#EXT-X-DISCONTINUITY-SEQUENCE:1\n");
    assert_hasnt(s->text, "#EXT-X-DISCONTINUITY\n");

    /* at the very start of the window it is not counted yet, but shown */
    s->snapshot.segments[25].discontinuity = false;
    s->snapshot.segments[30].discontinuity = true;
    assert_has(render(s), "#EXT-X-DISCONTINUITY-SEQUENCE:0\n");
    assert_has(s->text, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP");
}


static void
the_window_is_kept(void **state)
{
    stream_t  *s = *state;
    uint32_t   start, last, n;

    last = 0;

    for (n = 1; n <= 100; n++) {
        segments_add(s, 1);
        s->snapshot.nparts = 0;          /* only their segments matter here */

        start = oa_hls_window_start(&s->snapshot, 60000);
        assert_int_equal(start, n > 30 ? n - 30 : 0);
        assert_true(start >= last);
        last = start;

        segment_begin(s);
        part_add(s, PART);
        assert_int_equal(oa_hls_window_start(&s->snapshot, 60000), start);
        s->snapshot.nsegments--;
    }

    s->snapshot.nsegments = 0;
    assert_int_equal(oa_hls_window_start(&s->snapshot, 60000), 0);
}


static void
the_window_has_six_target_durations(void **state)
{
    stream_t  *s = *state;

    s->session.conf.window_ms = 1000;
    segments_add(s, 20);

    assert_has(render(s), "#EXT-X-MEDIA-SEQUENCE:14\n");
    assert_int_equal(count(s->text, "#EXTINF:"), 6);
}


static void
parts_are_listed_three_target_durations_back(void **state)
{
    stream_t  *s = *state;

    segments_add(s, 20);
    assert_int_equal(count(render(s), "#EXT-X-PART:"), 30);
    assert_hasnt(s->text, "part-16.9.m4s");
    assert_has(s->text, "part-17.0.m4s");

    /* segment 17 is now further away, and leaves with all its parts */
    segment_begin(s);
    part_add(s, PART);
    assert_int_equal(count(render(s), "#EXT-X-PART:"), 21);
    assert_has(s->text, "part-18.0.m4s");
    assert_int_equal(count(s->text, "#EXTINF:"), 20);
}


static void
parts_no_longer_stored_are_not_listed(void **state)
{
    stream_t  *s = *state;

    segments_add(s, 3);
    memmove(s->snapshot.parts, s->snapshot.parts + 5,
            25 * sizeof(s->snapshot.parts[0]));
    s->snapshot.nparts = 25;

    assert_int_equal(count(render(s), "#EXT-X-PART:"), 20);
    assert_has(s->text, "#EXTINF:2.00000,\nseg-0.m4s\n");
    assert_hasnt(s->text, "part-0.");
}


static void
not_all_segments_are_independent(void **state)
{
    stream_t  *s = *state;

    segments_add(s, 5);
    assert_has(render(s), "#EXT-X-INDEPENDENT-SEGMENTS\n");

    s->snapshot.segments[2].independent = false;
    s->snapshot.parts[20].flags = OA_LIVE_PART_SEGMENT_START;
    assert_hasnt(render(s), "#EXT-X-INDEPENDENT-SEGMENTS\n");
    assert_has(s->text, "URI=\"part-2.0.m4s\"\n");
}


static void
no_part_is_printed_longer_than_the_target(void **state)
{
    stream_t  *s = *state;

    /* 9 AAC frames at 44.1 kHz: 0.2089795… */
    s->snapshot.conf.timescale = 44100;
    s->snapshot.conf.part_target = 9 * 1024;
    segment_begin(s);
    part_add(s, 9 * 1024);

    assert_has(render(s), "PART-TARGET=0.20898\n");
    assert_has(s->text, "DURATION=0.20898,");

    /* 0.0333366…: rounded to nearest it would be below the target */
    s->snapshot.conf.timescale = 90001;
    s->snapshot.conf.part_target = 3000;
    assert_has(render(s), "PART-TARGET=0.03334\n");

    s->snapshot.conf.timescale = 30000;
    s->snapshot.conf.part_target = 6006;
    assert_has(render(s), "PART-TARGET=0.20020\n");
}


/* 6.2.4: though the renditions' part targets differ by some frames. */
static void
server_control_is_the_same_in_all_renditions(void **state)
{
    char       control[256];
    size_t     i;
    stream_t  *s = *state;
    char      *line;

    static const uint32_t  targets[][2] = {
        { 90000, 18000 }, { 44100, 9 * 1024 }, { 48000, 10 * 1024 },
        { 24000, 5 * 1001 }, { 44100, 8 * 1024 }
    };

    segments_add(s, 1);
    line = strstr(render(s), "#EXT-X-SERVER-CONTROL");
    snprintf(control, sizeof(control), "%.*s", (int) strcspn(line, "\n"),
             line);

    for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        s->snapshot.conf.timescale = targets[i][0];
        s->snapshot.conf.part_target = targets[i][1];
        assert_has(render(s), control);
    }

    /* but three part targets come first */
    s->snapshot.conf.timescale = 1000;
    s->snapshot.conf.part_target = 300;
    assert_has(render(s), "PART-HOLD-BACK=0.900,");
}


static void
a_delta_skips_what_is_old(void **state)
{
    stream_t    *s = *state;
    const char  *text;

    segments_add(s, 40);
    s->media.skip = true;
    text = render(s);

    /* window 30, of which 12 s at the end stay */
    assert_has(text, "#EXT-X-VERSION:9\n");
    assert_has(text, "#EXT-X-MEDIA-SEQUENCE:10\n"
                     "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                     "#EXT-X-INDEPENDENT-SEGMENTS\n"
                     "#EXT-X-SKIP:SKIPPED-SEGMENTS=24\n"
                     "#EXT-X-MAP:URI=\"init-0.mp4\"\n"
                     "#EXT-X-PROGRAM-DATE-TIME:2026-10-21T06:41:08.000Z\n"
                     "#EXTINF:2.00000,\nseg-34.m4s\n");
    assert_int_equal(count(text, "#EXTINF:"), 6);
    assert_int_equal(count(text, "#EXT-X-SKIP"), 1);

    /* the open segment does not count as one of those that stay */
    segment_begin(s);
    part_add(s, PART);
    assert_has(render(s), "SKIPPED-SEGMENTS=24\n");
}


static void
a_delta_of_a_young_stream_is_full(void **state)
{
    stream_t  *s = *state;

    segments_add(s, 6);
    s->media.skip = true;

    assert_has(render(s), "#EXT-X-VERSION:6\n");
    assert_hasnt(s->text, "#EXT-X-SKIP");
}


static void
the_end_is_told_and_nothing_hinted(void **state)
{
    stream_t    *s = *state;
    const char  *text;

    segments_add(s, 40);
    s->media.skip = true;
    s->snapshot.state = OA_LIVE_ENDED;
    s->reports[0] = (oa_hls_report_t) { "audio", 3, 7 };
    s->media.nreports = 1;
    text = render(s);

    assert_has(text, "seg-39.m4s\n#EXT-X-ENDLIST\n");
    assert_string_equal(text + strlen(text) - 15, "#EXT-X-ENDLIST\n");
    assert_hasnt(text, "PRELOAD-HINT");
    assert_hasnt(text, "RENDITION-REPORT");
    assert_hasnt(text, "SKIPPED");
    assert_has(text, "#EXT-X-VERSION:6\n");
}


static void
the_grace_still_hints(void **state)
{
    stream_t  *s = *state;

    segments_add(s, 3);
    s->snapshot.state = OA_LIVE_GRACE;

    assert_has(render(s), "#EXT-X-PRELOAD-HINT:TYPE=PART,"
                          "URI=\"part-3.0.m4s\"\n");
    assert_hasnt(s->text, "ENDLIST");
}


static void
the_promised_size_suffices(void **state)
{
    size_t       size, need;
    unsigned     i;
    stream_t    *s = *state;
    oa_writer_t  w;

    s->session.conf.target_duration_s = 1000;
    s->session.conf.window_ms = UINT32_MAX;

    for (i = 0; i < OA_LIVE_SEGMENTS; i++) {
        segment_begin(s);

        while (s->snapshot.nparts < (i + 1) * OA_LIVE_PARTS / 128) {
            part_add(s, PART)->name = (oa_live_name_t) {
                UINT32_MAX, UINT32_MAX
            };
            s->snapshot.parts[s->snapshot.nparts - 1].flags = 1;
        }

        s->snapshot.segments[i].msn = UINT32_MAX - 200 + i;
        s->snapshot.segments[i].complete = true;
        s->snapshot.segments[i].discontinuity = true;
        s->snapshot.segments[i].discontinuities = i + 1;
        s->snapshot.segments[i].init_id = UINT32_MAX - i;
    }

    for (i = 0; i < OA_HLS_MAX_REPORTS; i++) {
        s->reports[i] = (oa_hls_report_t) { "fifteen_letters", UINT32_MAX,
                                            UINT32_MAX };
    }

    s->media.nreports = OA_HLS_MAX_REPORTS;

    need = strlen(render(s));
    size = 256 * (size_t) s->snapshot.nsegments
           + 128 * (size_t) s->snapshot.nparts + 4096;
    assert_true(need <= size);

    oa_writer_init(&w, s->text, need - 1);
    assert_int_equal(oa_hls_media_render(&s->media, &w), OA_EFULL);
    assert_int_equal(w.error, OA_EFULL);
}


#define TEST(f)  cmocka_unit_test_setup_teardown(f, stream_begin, stream_end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(a_young_stream_in_full),
        TEST(a_date_is_of_presentation),
        TEST(without_a_part_there_is_none),
        TEST(parts_go_by_the_name_they_were_promised),
        TEST(the_tags_of_a_new_segment_come_with_its_first_part),
        TEST(a_discontinuity_that_left_is_counted),
        TEST(the_window_is_kept),
        TEST(the_window_has_six_target_durations),
        TEST(parts_are_listed_three_target_durations_back),
        TEST(parts_no_longer_stored_are_not_listed),
        TEST(not_all_segments_are_independent),
        TEST(no_part_is_printed_longer_than_the_target),
        TEST(server_control_is_the_same_in_all_renditions),
        TEST(a_delta_skips_what_is_old),
        TEST(a_delta_of_a_young_stream_is_full),
        TEST(the_end_is_told_and_nothing_hinted),
        TEST(the_grace_still_hints),
        TEST(the_promised_size_suffices)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
