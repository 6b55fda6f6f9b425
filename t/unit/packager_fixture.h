
/*
 * The packager on a live store in private memory, fed with made-up messages,
 * and what holds for every source, checked on every stored part.  For the
 * test programs beside it: each includes this once.
 */


#ifndef PACKAGER_FIXTURE_H
#define PACKAGER_FIXTURE_H


#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/oa_writer.h"
#include "live/oa_live_health.h"
#include "packager/oa_packager.h"


#define REGION     (32 * 1024 * 1024)
#define START_US   1800000000000000ll

#define UNUSED     __attribute__((unused))


/* 320x180, main profile, 30 frames a second in its VUI; and 640x360 */
static UNUSED const uint8_t  avc_small[] = {
    0x01, 0x4d, 0x40, 0x0d, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x4d, 0x40, 0x0d,
    0xec, 0xa0, 0xa0, 0xcf, 0xcf, 0x80, 0x88, 0x00, 0x00, 0x03, 0x00, 0x08,
    0x00, 0x00, 0x03, 0x01, 0xe0, 0x78, 0xa1, 0x4c, 0xb0, 0x01, 0x00, 0x05,
    0x68, 0xeb, 0xe3, 0xcb, 0x20
};

static UNUSED const uint8_t  aac_stereo_48k[] = { 0x11, 0x90 };
static UNUSED const uint8_t  aac_mono_48k[] = { 0x11, 0x88 };
static UNUSED const uint8_t  aac_stereo_44k[] = { 0x12, 0x10 };


typedef struct {
    void                 *region;
    oa_live_t             live;
    oa_live_session_t     session;
    oa_packager_t        *packager;
    int64_t               unix_us;
    uint32_t              base;          /* of the timestamps */
    unsigned              wakes;
    unsigned              warnings;
    unsigned              restarts;
    uint64_t              next_id;
    oa_live_snapshot_t    snapshot;

    /* who is told of what comes in, if anybody */
    unsigned            (*tracks)(void *ctx, oa_live_session_t session,
                                  const oa_packager_tracks_t *tracks);
    void                (*frame)(void *ctx, const oa_packager_frame_t *frame);
    void                 *listener;
} fixture_t;


static UNUSED void
no_lock(void *ctx)
{
    (void) ctx;
}


static UNUSED void *
heap_realloc(void *ctx, void *p, size_t size)
{
    (void) ctx;

    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


static UNUSED bool
everybody_lives(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;
    (void) process;

    return true;
}


static UNUSED void
on_published(void *ctx, oa_live_rendition_t rendition)
{
    fixture_t  *f = ctx;

    (void) rendition;
    f->wakes++;
}


static UNUSED void
on_notice(void *ctx, oa_packager_level_t level, const char *text)
{
    fixture_t  *f = ctx;

    assert_non_null(text);
    f->warnings += (level == OA_PACKAGER_WARN);
}


static UNUSED void
nothing_changed(void *ctx, unsigned topic)
{
    (void) ctx;
    (void) topic;
}


static UNUSED bool
claim(fixture_t *f)
{
    bool             resumed;
    oa_live_claim_t  c;

    memset(&c, 0, sizeof(c));
    c.channel = oa_slice("news", 4);
    c.owner.pid = 1;
    c.owner.start_time = 1;
    c.id = f->next_id++;
    c.now_ms = (f->unix_us - START_US) / 1000;
    c.conf.target_duration_s = 2;
    c.conf.part_target_ms = 200;
    c.conf.window_ms = 60000;
    c.conf.grace_ms = 30000;
    c.conf.epoch_unix_us = f->unix_us;

    assert_int_equal(oa_live_claim(&f->live, &c, everybody_lives, NULL,
                                   &f->session, &resumed), OA_OK);

    return resumed;
}


static UNUSED oa_err_t
on_restart(void *ctx, oa_live_session_t *session)
{
    fixture_t  *f = ctx;

    oa_live_end(&f->live, f->session, 0, nothing_changed, NULL);
    assert_false(claim(f));
    f->restarts++;
    *session = f->session;

    return OA_OK;
}


static UNUSED oa_packager_events_t
packager_events(fixture_t *f)
{
    oa_packager_events_t  events;

    memset(&events, 0, sizeof(events));
    events.published = on_published;
    events.notice = on_notice;
    events.restart = on_restart;
    events.tracks = f->tracks;
    events.frame = f->frame;
    events.ctx = f;

    return events;
}


static UNUSED void
connect_publisher(fixture_t *f)
{
    bool                  resumed;
    oa_mem_t              mem = { heap_realloc, NULL };
    oa_packager_conf_t    conf = { 200, 2000, 8 * 1024 * 1024 };
    oa_packager_events_t  events = packager_events(f);

    resumed = claim(f);
    assert_int_equal(oa_packager_create(&f->packager, &f->live, f->session,
                                        resumed, &conf, &mem, &events),
                     OA_OK);
}


static UNUSED void
disconnect_publisher(fixture_t *f)
{
    oa_packager_destroy(f->packager);
    f->packager = NULL;
    oa_live_release(&f->live, f->session, (f->unix_us - START_US) / 1000);
}


/* But for the publisher. */
static UNUSED fixture_t *
new_fixture(void)
{
    fixture_t       *f;
    oa_live_lock_t   lock = { no_lock, no_lock, NULL };

    f = calloc(1, sizeof(fixture_t));
    assert_int_equal(posix_memalign(&f->region, 4096, REGION), 0);
    memset(f->region, 0, REGION);
    assert_int_equal(oa_live_format(f->region, REGION), OA_OK);
    assert_int_equal(oa_live_attach(&f->live, f->region, REGION, &lock),
                     OA_OK);

    f->unix_us = START_US;
    f->next_id = 100;

    return f;
}


static UNUSED int
setup(void **state)
{
    *state = new_fixture();
    connect_publisher(*state);

    return 0;
}


static UNUSED int
teardown(void **state)
{
    fixture_t  *f = *state;

    if (f->packager != NULL) {
        oa_packager_destroy(f->packager);
    }

    free(f->region);
    free(f);

    return 0;
}


/* --- the source ------------------------------------------------------ */

static UNUSED void
video_config(fixture_t *f, const uint8_t *record, size_t size)
{
    uint8_t      body[128];
    oa_writer_t  w;

    oa_writer_init(&w, body, sizeof(body));
    oa_write_u8(&w, 0x17);
    oa_write_u32(&w, 0);
    oa_write_bytes(&w, record, size);

    assert_int_equal(oa_packager_video(f->packager, oa_writer_slice(&w),
                                       f->base, f->unix_us, NULL), OA_OK);
}


static UNUSED void
audio_config(fixture_t *f, const uint8_t *asc)
{
    uint8_t  body[] = { 0xaf, 0x00, asc[0], asc[1] };

    assert_int_equal(oa_packager_audio(f->packager,
                                       oa_slice(body, sizeof(body)), f->base,
                                       f->unix_us, NULL), OA_OK);
}


static UNUSED oa_err_t
try_video(fixture_t *f, int64_t ms, bool key, int32_t composition_ms,
    size_t size)
{
    uint8_t      body[4096];
    oa_writer_t  w;

    oa_writer_init(&w, body, sizeof(body));
    oa_write_u8(&w, key ? 0x17 : 0x27);
    oa_write_u8(&w, 1);
    oa_write_u24(&w, (uint32_t) composition_ms & 0xffffff);
    oa_write_u32(&w, (uint32_t) size);
    oa_write_u8(&w, key ? 0x65 : 0x41);
    while (oa_writer_size(&w) < 9 + size) {
        oa_write_u8(&w, (uint32_t) oa_writer_size(&w));
    }

    return oa_packager_video(f->packager, oa_writer_slice(&w),
                             f->base + (uint32_t) ms, f->unix_us, NULL);
}


static UNUSED void
video(fixture_t *f, int64_t ms, bool key)
{
    assert_int_equal(try_video(f, ms, key, 0, key ? 3000 : 400), OA_OK);
}


static UNUSED void
audio(fixture_t *f, int64_t ms)
{
    uint8_t  body[200] = { 0xaf, 0x01 };

    assert_int_equal(oa_packager_audio(f->packager,
                                       oa_slice(body, sizeof(body)),
                                       f->base + (uint32_t) ms, f->unix_us,
                                       NULL), OA_OK);
}


typedef struct {
    unsigned   num;                  /* frames a second */
    unsigned   den;
    unsigned   gop;                  /* frames */
    unsigned   rate;                 /* Hz of the audio; 0: none */
    bool       no_video;
    int64_t    from_ms;
    int64_t    to_ms;
} source_t;


/* Both tracks interleaved, at the speed of the wall clock. */
static UNUSED void
play(fixture_t *f, const source_t *s)
{
    int64_t   video_ms, audio_ms, at_ms, start_us;
    unsigned  nvideo, naudio;

    start_us = f->unix_us - s->from_ms * 1000;
    nvideo = 0;
    naudio = 0;

    for ( ;; ) {
        video_ms = s->no_video ? INT64_MAX
                   : s->from_ms + (int64_t) nvideo * 1000 * s->den / s->num;
        audio_ms = s->rate == 0 ? INT64_MAX
                   : s->from_ms + (int64_t) naudio * 1024000 / s->rate;
        at_ms = video_ms < audio_ms ? video_ms : audio_ms;

        if (at_ms >= s->to_ms) {
            break;
        }

        f->unix_us = start_us + at_ms * 1000;

        if (video_ms <= audio_ms) {
            video(f, video_ms, nvideo++ % s->gop == 0);

        } else {
            audio(f, audio_ms);
            naudio++;
        }
    }

    f->unix_us = start_us + s->to_ms * 1000;
}


/* --- what holds for every source ------------------------------------- */

static bool
rendition(fixture_t *f, const char *name, oa_live_rendition_t *r)
{
    return oa_live_rendition_find(&f->live, f->session,
                                  oa_slice(name, strlen(name)), r) == OA_OK;
}


static UNUSED bool
last_of_segment(const oa_live_snapshot_t *s, uint32_t i)
{
    return i + 1 < s->nparts ? s->parts[i + 1].index == 0
           : s->segments[s->nsegments - 1].complete;
}


static UNUSED void
check_parts(const oa_live_snapshot_t *s)
{
    uint32_t                    i;
    const oa_live_part_info_t  *part, *before;

    for (i = 0; i < s->nparts; i++) {
        part = &s->parts[i];
        assert_true(part->duration <= s->conf.part_target);

        if (!last_of_segment(s, i) && i + 1 < s->nparts) {
            assert_true((uint64_t) part->duration * 100
                        >= (uint64_t) s->conf.part_target * 85);
        }

        if (i > 0) {
            before = &s->parts[i - 1];
            assert_int_equal(before->hint.msn, part->name.msn);
            assert_int_equal(before->hint.part, part->name.part);
            assert_int_equal(before->number + 1, part->number);
            assert_int_equal(before->offset + before->size, part->offset);
        }
    }
}


static UNUSED void
check_segments(const oa_live_snapshot_t *s)
{
    uint32_t                       i;
    const oa_live_segment_info_t  *segment, *before;

    for (i = 0; i < s->nsegments; i++) {
        segment = &s->segments[i];

        /* EXTINF rounds to at most the target duration of 2 s */
        assert_true(segment->duration * 2 < 5ull * s->conf.timescale);

        if (i > 0) {
            before = &s->segments[i - 1];
            assert_true(before->complete);
            assert_int_equal(before->msn + 1, segment->msn);

            if (!segment->discontinuity) {
                assert_int_equal(before->decode_time + before->duration,
                                 segment->decode_time);
            }
        }
    }
}


static UNUSED const oa_live_snapshot_t *
check(fixture_t *f, const char *name)
{
    oa_live_rendition_t  r;

    assert_true(rendition(f, name, &r));
    assert_int_equal(oa_live_snapshot(&f->live, r, &f->snapshot), OA_OK);
    assert_true(f->snapshot.nsegments > 0);
    check_parts(&f->snapshot);
    check_segments(&f->snapshot);

    return &f->snapshot;
}


/* A sample's composition offset, as a chunk's trun of version 1 has it. */
static UNUSED int32_t
composition_of(const uint8_t *part, size_t size, unsigned sample)
{
    size_t    i, fields;
    uint32_t  flags;

    for (i = 4; memcmp(part + i, "trun", 4) != 0; i++) {
        assert_true(i + 8 < size);
    }

    flags = oa_get_u32(part + i + 4) & 0xffffff;

    /* without, all are 0 */
    if ((flags & 0x800) == 0) {
        return 0;
    }

    /* of a sample: duration, size, flags, composition, as far as present */
    fields = !!(flags & 0x100) + !!(flags & 0x200) + !!(flags & 0x400) + 1;
    i += 12 + 4 * (size_t) (!!(flags & 0x1) + !!(flags & 0x4))
         + 4 * fields * sample + 4 * (fields - 1);

    return (int32_t) oa_get_u32(part + i);
}


static UNUSED oa_live_stats_t
stats(fixture_t *f, const char *name)
{
    oa_live_stats_t      s;
    oa_live_rendition_t  r;

    assert_true(rendition(f, name, &r));
    assert_int_equal(oa_live_stats_get(&f->live, r, &s), OA_OK);

    return s;
}


static UNUSED void
metadata(fixture_t *f, bool has_video, bool has_audio, double frame_rate)
{
    oa_amf_metadata_t  m;

    memset(&m, 0, sizeof(m));
    m.has_video = has_video;
    m.has_audio = has_audio;
    m.frame_rate = frame_rate;
    oa_packager_metadata(f->packager, &m);
}


static UNUSED void
begin(fixture_t *f)
{
    video_config(f, avc_small, sizeof(avc_small));
    audio_config(f, aac_stereo_48k);
}


#define PACKAGER_TEST(name)  cmocka_unit_test_setup_teardown(name, setup,    \
                                                             teardown)


#endif /* PACKAGER_FIXTURE_H */
