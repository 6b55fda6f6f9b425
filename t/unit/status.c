
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include <cmocka.h>

#include "ladder/oa_ladder_watch.h"
#include "status/oa_status.h"


#define REGION_BYTES  (64 * 1024 * 1024)
#define START_US      INT64_C(1795244400000000)     /* 2026-11-21T07:00 */


typedef struct {
    void                *region;
    oa_live_t            live;
    oa_live_session_t    session;
    oa_live_rendition_t  video;
    oa_bus_process_t     owner;

    const oa_ladder_slots_usage_t  *slots;
} store_t;


/* The text that the pieces make up. */
typedef struct {
    uint8_t   buf[OA_STATUS_PIECE_BYTES];
    char     *text;
    size_t    size;
    unsigned  rooms;
    unsigned  limit;
} sink_t;


static void
lock(void *ctx)
{
    (void) ctx;
}


static bool
alive(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;
    (void) process;
    return true;
}


static void
take(sink_t *sink, oa_writer_t *w)
{
    sink->text = realloc(sink->text, sink->size + oa_writer_size(w) + 1);
    assert_non_null(sink->text);
    memcpy(sink->text + sink->size, w->start, oa_writer_size(w));
    sink->size += oa_writer_size(w);
    sink->text[sink->size] = '\0';
}


static oa_err_t
room(void *ctx, oa_writer_t *w)
{
    sink_t  *sink = ctx;

    if (++sink->rooms > sink->limit) {
        return OA_ENOMEM;
    }

    take(sink, w);
    oa_writer_init(w, sink->buf, sizeof(sink->buf));

    return OA_OK;
}


static oa_live_session_t
claim(store_t *s, const char *channel, uint64_t id)
{
    bool               resumed;
    oa_live_claim_t    c;
    oa_live_session_t  session;

    memset(&c, 0, sizeof(c));
    c.channel = oa_slice(channel, strlen(channel));
    c.owner = s->owner;
    c.id = id;
    c.now_ms = 1000;
    c.conf.target_duration_s = 2;
    c.conf.part_target_ms = 200;
    c.conf.window_ms = 60000;
    c.conf.grace_ms = 30000;
    c.conf.epoch_unix_us = START_US;

    assert_int_equal(oa_live_claim(&s->live, &c, alive, NULL, &session,
                                   &resumed), OA_OK);

    return session;
}


static oa_live_rendition_t
add_video(store_t *s, oa_live_session_t session)
{
    uint32_t                  init_id;
    oa_live_format_t          format;
    oa_live_rendition_t       rendition;
    oa_live_rendition_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    strcpy(conf.name, "video");
    conf.kind = OA_LIVE_VIDEO;
    conf.timescale = 90000;
    conf.part_target = 18000;

    memset(&format, 0, sizeof(format));
    strcpy(format.codecs, "avc1.64001f");
    format.width = 1280;
    format.height = 720;
    format.frame_rate_num = 30000;
    format.frame_rate_den = 1001;

    assert_int_equal(oa_live_rendition_add(&s->live, session, &conf,
                                           &rendition), OA_OK);
    assert_int_equal(oa_live_init_add(&s->live, rendition,
                                      oa_slice("init", 4), &format, &init_id),
                     OA_OK);

    return rendition;
}


static void
add_part(store_t *s, oa_live_rendition_t rendition, uint64_t time,
    unsigned flags)
{
    oa_slice_t      piece = oa_slice("part", 4);
    oa_live_part_t  part;

    memset(&part, 0, sizeof(part));
    part.pieces = &piece;
    part.npieces = 1;
    part.decode_time = time;
    part.duration = 18000;
    part.flags = flags;

    assert_int_equal(oa_live_part_append(&s->live, rendition, &part), OA_OK);
}


static int
setup(void **state)
{
    store_t         *s;
    oa_live_lock_t   l = { lock, lock, NULL };

    s = calloc(1, sizeof(store_t));
    assert_int_equal(posix_memalign(&s->region, 4096, REGION_BYTES), 0);
    assert_int_equal(oa_live_format(s->region, REGION_BYTES), OA_OK);
    assert_int_equal(oa_live_attach(&s->live, s->region, REGION_BYTES, &l),
                     OA_OK);
    s->owner.pid = 1;
    *state = s;

    return 0;
}


static int
teardown(void **state)
{
    store_t  *s = *state;

    free(s->region);
    free(s);

    return 0;
}


static void
render(store_t *s, sink_t *sink, int64_t now_ms)
{
    oa_writer_t         w;
    oa_status_source_t  source = { &s->live, now_ms, START_US + 5000000, 7,
                                   s->slots };

    memset(sink, 0, sizeof(sink_t));
    sink->limit = UINT32_MAX;
    oa_writer_init(&w, sink->buf, sizeof(sink->buf));

    assert_int_equal(oa_status_render(&source, &w, room, sink), OA_OK);
    take(sink, &w);
}


static void
assert_has(const sink_t *sink, const char *text)
{
    if (strstr(sink->text, text) == NULL) {
        fail_msg("%s is not in %s", text, sink->text);
    }
}


static void
an_empty_store_is_told(void **state)
{
    sink_t  sink;

    render(*state, &sink, 6000);

    assert_has(&sink, "{\"time\":\"2026-11-21T07:00:05.000Z\","
                      "\"channels\":[],\"viewers\":0,"
                      "\"waiting_requests\":7,\"zone\":{\"bytes\":67108864,");
    assert_string_equal(sink.text + sink.size - 2, "}}");
    free(sink.text);
}


static void
slots_are_told(void **state)
{
    sink_t                   sink;
    store_t                 *s = *state;
    oa_ladder_slots_usage_t  usage;

    memset(&usage, 0, sizeof(usage));
    usage.capacity = 12500;
    usage.held = 3344;
    usage.partners = 1000;
    usage.affiliates = 2344;

    render(s, &sink, 6000);
    assert_null(strstr(sink.text, "slots"));
    free(sink.text);

    s->slots = &usage;
    render(s, &sink, 6000);
    assert_has(&sink, "},\"slots\":{\"capacity\":12.500,"
                      "\"partners\":1.000,\"affiliates\":2.344,"
                      "\"elsewhere\":null}}");
    free(sink.text);

    usage.shared = true;
    usage.elsewhere.machines = 2;
    usage.elsewhere.capacity = OA_LADDER_SHARE_MAX;
    usage.elsewhere.partners = 1;
    render(s, &sink, 6000);
    assert_has(&sink, "\"elsewhere\":{\"machines\":2,"
                      "\"capacity\":1000000000.000,\"partners\":0.001,"
                      "\"affiliates\":0.000}}}");
    free(sink.text);
}


static void
a_channel_is_told(void **state)
{
    sink_t               sink;
    store_t             *s = *state;
    oa_live_stats_t      stats;
    oa_live_session_t    session;
    oa_live_rendition_t  video;

    session = claim(s, "a \"b\"", 5);
    video = add_video(s, session);

    memset(&stats, 0, sizeof(stats));
    stats.bandwidth_bps = 2000000;
    stats.frames = 100;
    stats.frame_rate_milli = 29970;
    stats.keyframe_interval_ms = 2002;
    oa_live_stats_set(&s->live, video, &stats);

    add_part(s, video, 0, OA_LIVE_PART_SEGMENT_START
                          | OA_LIVE_PART_INDEPENDENT);
    add_part(s, video, 18000, 0);
    oa_live_viewer_seen(&s->live, session, 1234, 5900);

    render(s, &sink, 6000);

    assert_has(&sink, "{\"channel\":\"a \\\"b\\\"\",\"session\":\"");
    assert_has(&sink, "\"state\":\"on_air\",\"state_for\":5.000,"
                      "\"started\":\"2026-11-21T07:00:00.000Z\","
                      "\"uptime\":5.000,\"publishers\":1,\"viewers\":1,"
                      "\"target_duration\":2,\"part_target\":0.200,"
                      "\"window\":60.000,\"grace\":30.000,"
                      "\"playlist\":\"a%20%22b%22/index.m3u8\"");
    assert_has(&sink, "{\"name\":\"video\",\"kind\":\"video\","
                      "\"codecs\":\"avc1.64001f\",\"width\":1280,"
                      "\"height\":720,\"frame_rate\":29.970,"
                      "\"measured_frame_rate\":29.970,"
                      "\"keyframe_interval\":2.002,\"keyframes\":0,"
                      "\"part_target\":0.20000,\"bandwidth\":2000000,");
    assert_has(&sink, "\"edge\":{\"msn\":");
    assert_has(&sink, "\"part\":1}");
    assert_has(&sink, "/video/index.m3u8\"}],\"warnings\":[],"
               "\"metadata\":{}}]");
    assert_has(&sink, "\"viewers\":1,\"waiting_requests\":7");
    free(sink.text);
}


static void
only_a_channels_newest_session_is_told(void **state)
{
    char                *first;
    sink_t               sink;
    store_t             *s = *state;
    oa_live_session_t    session;

    session = claim(s, "news", 5);
    (void) add_video(s, session);
    oa_live_end(&s->live, session, 2000, NULL, NULL);

    render(s, &sink, 2500);
    assert_has(&sink, "\"state\":\"ended\",\"state_for\":0.500");
    assert_has(&sink, "\"uptime\":1.000");
    free(sink.text);

    (void) claim(s, "news", 6);
    render(s, &sink, 3000);

    first = strstr(sink.text, "\"channel\":\"news\"");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"channel\":\"news\""));
    assert_has(&sink, "\"state\":\"on_air\"");
    free(sink.text);
}


static void
many_channels_need_many_buffers(void **state)
{
    char      name[16];
    sink_t    sink;
    size_t    n;
    char     *p;
    store_t  *s = *state;

    for (n = 0; n < 50; n++) {
        snprintf(name, sizeof(name), "channel%zu", n);
        (void) add_video(s, claim(s, name, n + 1));
    }

    render(s, &sink, 6000);
    assert_true(sink.rooms > 5);

    n = 0;
    for (p = sink.text; (p = strstr(p, "{\"channel\":\"")) != NULL; p++) {
        n++;
    }

    assert_int_equal(n, 50);
    assert_has(&sink, ",\"warnings\":[],\"metadata\":{}},{\"channel\":");
    free(sink.text);
}


static void
no_room_is_an_error(void **state)
{
    char                name[16];
    sink_t              sink;
    size_t              n;
    store_t            *s = *state;
    oa_writer_t         w;
    oa_status_source_t  source = { &s->live, 6000, START_US, 0, NULL };

    for (n = 0; n < 50; n++) {
        snprintf(name, sizeof(name), "channel%zu", n);
        (void) claim(s, name, n + 1);
    }

    memset(&sink, 0, sizeof(sink));
    sink.limit = 1;
    oa_writer_init(&w, sink.buf, sizeof(sink.buf));

    assert_int_equal(oa_status_render(&source, &w, room, &sink), OA_ENOMEM);
    free(sink.text);
}


static void
warnings(const oa_status_rendition_t *r, char *text, size_t size)
{
    oa_json_t    json;
    oa_writer_t  w;

    oa_writer_init(&w, text, size - 1);
    oa_json_init(&json, &w);
    oa_json_array_begin(&json);
    oa_status_warnings(&json, r, 2);
    oa_json_array_end(&json);
    assert_int_equal(w.error, OA_OK);
    *w.pos = '\0';
}


static void
a_good_stream_gives_no_warning(void **state)
{
    char                   text[2048];
    oa_status_rendition_t  r;

    (void) state;
    memset(&r, 0, sizeof(r));
    strcpy(r.conf.name, "video");
    r.conf.kind = OA_LIVE_VIDEO;
    r.format.frame_rate_num = 30;
    r.format.frame_rate_den = 1;
    r.stats.frames = 3000;
    r.stats.frame_rate_milli = 29800;
    r.stats.keyframe_interval_ms = 2033;
    r.stats.dropped_frames = 9;
    r.stats.late_frames = 29;

    warnings(&r, text, sizeof(text));
    assert_string_equal(text, "[]");
}


static void
a_bad_stream_is_told_why(void **state)
{
    char                   text[2048];
    oa_status_rendition_t  r;

    (void) state;
    memset(&r, 0, sizeof(r));
    strcpy(r.conf.name, "video");
    r.conf.kind = OA_LIVE_VIDEO;
    r.format.frame_rate_num = 30;
    r.format.frame_rate_den = 1;
    r.stats.frames = 950;
    r.stats.frame_rate_milli = 24120;
    r.stats.keyframe_interval_ms = 8333;
    r.stats.dropped_frames = 50;
    r.stats.late_frames = 95;
    r.stats.timestamp_jumps = 1;

    warnings(&r, text, sizeof(text));
    assert_string_equal(text,
        "[\"video: keyframes are 8.3 s apart, so viewers wait for a picture; "
        "set the encoder's keyframe interval to 2 s\","
        "\"video: 24.12 frames a second arrive, 30.00 are declared; the "
        "encoder does not keep up\","
        "\"video: 50 frames (5.0 %) never came; lower the encoder's bitrate "
        "or load\","
        "\"video: 10.0 % of the frames came late; the uplink is unsteady\","
        "\"video: timestamps jumped 1 time; look at the encoder's clock and "
        "sources\"]");
}


/* --- the quality ladder ------------------------------------------------ */


static void
a_rung_is_told(void **state)
{
    sink_t               sink;
    store_t             *s = *state;
    oa_live_rung_t       rung;
    oa_live_session_t    session;
    oa_live_rendition_t  video;

    session = claim(s, "chan", 5);
    video = add_video(s, session);

    render(s, &sink, 6000);
    assert_null(strstr(sink.text, "\"rung\""));
    free(sink.text);

    memset(&rung, 0, sizeof(rung));
    rung.made = 1;
    rung.state = OA_LADDER_ON;
    rung.reason = OA_LADDER_WANTED;
    rung.slots = 2250;
    rung.frames = 1000;
    rung.late = 20;
    rung.full = 3;
    rung.unstored = 4;
    rung.sheds = 2;
    rung.latency_us = 42500;
    rung.encode_us = 8125;
    rung.decode_us = 1500;
    rung.scale_us = 700;
    oa_live_rung_set(&s->live, video, &rung);

    render(s, &sink, 6000);
    assert_has(&sink, "\"rung\":{\"state\":\"on\",\"reason\":\"wanted\","
                      "\"device\":\"cpu\",\"slots\":2.250,"
                      "\"latency\":0.042500,\"encode_time\":0.008125,"
                      "\"decode_time\":0.001500,\"scale_time\":0.000700,"
                      "\"frames\":1000,\"late_frames\":20,"
                      "\"full_frames\":7,\"sheds\":2},");
    assert_has(&sink, "\"warnings\":[\"video: the server has dropped 27 "
                      "frames (2.6 %) of this quality; it is overloaded\"]");
    free(sink.text);

    /* numbers that another version has written */
    rung.state = 99;
    rung.reason = UINT64_MAX;
    rung.cuda = 1;
    oa_live_rung_set(&s->live, video, &rung);
    render(s, &sink, 6000);
    assert_has(&sink, "\"rung\":{\"state\":\"withdrawn\",\"reason\":\"\","
                      "\"device\":\"cuda\",");
    free(sink.text);
}


static void
a_rung_that_is_left_out_is_told_why(void **state)
{
    char                   text[2048];
    unsigned               i;
    oa_status_rendition_t  r;

    static const struct {
        oa_ladder_state_t    state;
        oa_ladder_reason_t   reason;
        const char          *text;
    } cases[] = {
        { OA_LADDER_WITHDRAWN, OA_LADDER_OVERLOADED,
          "[\"720p: the server is too slow for this quality and has left it "
          "out for a while\"]" },
        { OA_LADDER_WITHDRAWN, OA_LADDER_FAILED,
          "[\"720p: the server could not make this quality and has left it "
          "out for a while\"]" },
        { OA_LADDER_WITHDRAWN, OA_LADDER_EVICTED,
          "[\"720p: the server needs its capacity for others; viewers get the "
          "source only\"]" },
        { OA_LADDER_WITHDRAWN, OA_LADDER_NO_SLOTS, "[]" },
        { OA_LADDER_ASLEEP, OA_LADDER_IDLE, "[]" },
        { OA_LADDER_ON, OA_LADDER_WANTED, "[]" }
    };

    (void) state;
    memset(&r, 0, sizeof(r));
    strcpy(r.conf.name, "720p");
    r.conf.kind = OA_LIVE_VIDEO;
    r.rung.made = 1;
    r.rung.frames = 10000;
    r.rung.late = 40;

    /* which the source's own rendition tells */
    r.stats.frames = 1000;
    r.stats.keyframe_interval_ms = 8333;
    r.stats.dropped_frames = 500;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r.rung.state = cases[i].state;
        r.rung.reason = cases[i].reason;
        warnings(&r, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_store_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(slots_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_channel_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(only_a_channels_newest_session_is_told,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(many_channels_need_many_buffers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_room_is_an_error, setup, teardown),
        cmocka_unit_test(a_good_stream_gives_no_warning),
        cmocka_unit_test(a_bad_stream_is_told_why),
        cmocka_unit_test_setup_teardown(a_rung_is_told, setup, teardown),
        cmocka_unit_test(a_rung_that_is_left_out_is_told_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
