
/*
 * Followers behind a source's packager, as a quality ladder has them: what was
 * coded anew comes some frames later, in the order of presentation, at a rate
 * of its own, with keyframes where the source's segments begin.  For the test
 * programs beside it: each includes this once.
 */


#ifndef FOLLOWER_FIXTURE_H
#define FOLLOWER_FIXTURE_H


#include "packager_fixture.h"

#include "packager/oa_follower.h"


#define QUEUE  32


typedef struct {
    int64_t   time;
    uint8_t   data[64];
    size_t    size;
    bool      sync;
} coded_t;


typedef struct {
    const char       *name;
    oa_live_kind_t    kind;
    uint32_t          frame;             /* ticks */
    unsigned          latency;           /* frames that are held */
    bool              own_grid;          /* keyframes do not restart it */
    int64_t           offset;            /* of all times, ticks */
    bool              asleep;
    int64_t           deaf_from;         /* frames are lost in between */
    int64_t           deaf_to;

    oa_follower_t    *follower;
    uint64_t          session_id;
    coded_t           queue[QUEUE];      /* by time */
    unsigned          nqueue;
    int64_t           next;              /* on its grid */
    int64_t           keyframe;          /* to be coded there; -1: none */
    unsigned          wakes;
    unsigned          fed;
} rung_t;


typedef struct {
    rung_t               rungs[3];
    unsigned             nrungs;
    unsigned             multiple;
    oa_live_session_t    session;
    fixture_t           *fixture;
} ladder_t;


/* --- the ladder ------------------------------------------------------ */


static void
on_rung_published(void *ctx, oa_live_rendition_t r)
{
    rung_t  *rung = ctx;

    assert_int_equal(r.session_id, rung->session_id);
    rung->wakes++;
}


static void
rung_configure(rung_t *rung, const oa_packager_tracks_t *tracks)
{
    oa_timeline_rate_t  rate;

    rate.num = tracks->video_timescale;
    rate.den = rung->frame;

    if (rung->kind == OA_LIVE_VIDEO) {
        assert_int_equal(oa_follower_config(rung->follower,
                                            tracks->video_record,
                                            &tracks->picture, NULL, rate),
                         OA_OK);
        return;
    }

    assert_int_equal(oa_follower_config(rung->follower, tracks->audio_record,
                                        NULL, &tracks->sound,
                                        (oa_timeline_rate_t) { 0, 0 }),
                     OA_OK);
}


static UNUSED oa_err_t
rung_open(ladder_t *ladder, rung_t *rung, uint32_t timescale)
{
    oa_mem_t             mem = { heap_realloc, NULL };
    oa_follower_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    strcpy(conf.name, rung->name);
    conf.kind = rung->kind;
    conf.timescale = timescale;
    conf.frame = rung->frame;
    conf.part_target_ms = 200;
    conf.max_pending_bytes = 100000;

    rung->session_id = ladder->session.id;
    rung->nqueue = 0;
    rung->next = -1000000000000;
    rung->keyframe = -1;

    return oa_follower_create(&rung->follower, &ladder->fixture->live,
                              ladder->session, &conf, &mem, on_rung_published,
                              rung);
}


static UNUSED void
rung_close(rung_t *rung)
{
    if (rung->follower != NULL) {
        oa_follower_destroy(rung->follower);
        rung->follower = NULL;
    }
}


static void
ladder_close(ladder_t *ladder)
{
    unsigned  i;

    for (i = 0; i < ladder->nrungs; i++) {
        rung_close(&ladder->rungs[i]);
    }

    ladder->session.id = 0;
}


static unsigned
on_tracks(void *ctx, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    rung_t     *rung;
    unsigned    i;
    ladder_t   *ladder;
    fixture_t  *f = ctx;

    ladder = f->listener;

    if (ladder->session.id != session.id) {
        ladder_close(ladder);
    }

    ladder->session = session;

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];

        if (rung->follower == NULL) {
            assert_int_equal(rung_open(ladder, rung,
                                       rung->kind == OA_LIVE_VIDEO
                                       ? tracks->video_timescale
                                       : tracks->audio_timescale), OA_OK);
        }

        rung_configure(rung, tracks);
    }

    return ladder->multiple;
}


/* What an encoder would make of one picture. */
static void
rung_code(rung_t *rung, const coded_t *coded)
{
    bool                 key;
    oa_follower_frame_t  frame;

    key = rung->kind == OA_LIVE_AUDIO
          || (rung->keyframe >= 0 && coded->time >= rung->keyframe);

    if (rung->kind == OA_LIVE_VIDEO && !key
        && coded->time + rung->frame / 8 < rung->next)
    {
        return;
    }

    if (key || coded->time - rung->next > (int64_t) rung->frame) {
        rung->keyframe = key ? -1 : rung->keyframe;
        rung->next = rung->own_grid && rung->next > coded->time - rung->frame
                     ? rung->next : coded->time;
    }

    rung->next += rung->frame;

    if (coded->time >= rung->deaf_from && coded->time < rung->deaf_to) {
        return;
    }

    frame.data = oa_slice(coded->data, coded->size);
    frame.time = coded->time + rung->offset;
    frame.sync = key;

    rung->fed++;
    assert_int_equal(oa_follower_frame(rung->follower, &frame), OA_OK);
}


static void
rung_hold(rung_t *rung, const oa_packager_frame_t *frame)
{
    unsigned  i;
    coded_t  *coded;

    for (i = rung->nqueue++; i > 0; i--) {
        if (rung->queue[i - 1].time <= frame->time) {
            break;
        }

        rung->queue[i] = rung->queue[i - 1];
    }

    assert_true(rung->nqueue < QUEUE);
    coded = &rung->queue[i];
    coded->time = frame->time;
    coded->size = sizeof(coded->data);
    memset(coded->data, (int) frame->time, sizeof(coded->data));
}


static void
rung_frame(rung_t *rung, const oa_packager_frame_t *frame)
{
    if (frame->begins) {
        assert_int_equal(oa_follower_boundary(rung->follower,
                                              &frame->boundary), OA_OK);
    }

    if (rung->asleep) {
        rung->nqueue = 0;
        return;
    }

    if (frame->begins) {
        rung->keyframe = frame->boundary.time;
    }

    rung_hold(rung, frame);

    while (rung->nqueue > rung->latency) {
        rung_code(rung, &rung->queue[0]);
        rung->nqueue--;
        memmove(&rung->queue[0], &rung->queue[1],
                rung->nqueue * sizeof(rung->queue[0]));
    }
}


static void
on_frame(void *ctx, const oa_packager_frame_t *frame)
{
    unsigned    i;
    ladder_t   *ladder;
    fixture_t  *f = ctx;

    ladder = f->listener;

    for (i = 0; i < ladder->nrungs; i++) {
        if (ladder->rungs[i].kind == frame->kind) {
            rung_frame(&ladder->rungs[i], frame);
        }
    }
}


/* --- the fixture ----------------------------------------------------- */


static UNUSED int
setup_ladder(void **state)
{
    ladder_t   *ladder;
    fixture_t  *f;

    ladder = calloc(1, sizeof(*ladder));
    ladder->multiple = 1;

    f = new_fixture();
    f->tracks = on_tracks;
    f->frame = on_frame;
    f->listener = ladder;
    ladder->fixture = f;
    *state = f;
    connect_publisher(f);

    return 0;
}


static UNUSED int
teardown_ladder(void **state)
{
    fixture_t  *f = *state;
    ladder_t   *ladder;

    ladder = f->listener;
    ladder_close(ladder);
    teardown(state);
    free(ladder);

    return 0;
}


static UNUSED rung_t *
add_rung(fixture_t *f, const char *name, oa_live_kind_t kind, uint32_t frame,
    unsigned latency)
{
    rung_t    *rung;
    ladder_t  *ladder;

    ladder = f->listener;
    rung = &ladder->rungs[ladder->nrungs++];
    rung->name = name;
    rung->kind = kind;
    rung->frame = frame;
    rung->latency = latency;

    return rung;
}


/* As the publisher's module: first its packager goes, then the ladder. */
static UNUSED void
leave(fixture_t *f)
{
    oa_packager_destroy(f->packager);
    f->packager = NULL;
    ladder_close(f->listener);
    oa_live_release(&f->live, f->session, (f->unix_us - START_US) / 1000);
}


/* A number in a box of a part's moof, so far behind its name. */
static UNUSED uint64_t
box_number(const uint8_t *part, size_t size, const char *name, size_t at,
    bool wide)
{
    size_t  i;

    for (i = 4; memcmp(part + i, name, 4) != 0; i++) {
        assert_true(i + 20 < size);
    }

    return wide ? oa_get_u64(part + i + at) : oa_get_u32(part + i + at);
}


/* Numbers of chunks and decode times run on; the bytes say what is told. */
static UNUSED void
check_chunks(fixture_t *f, const oa_live_snapshot_t *s, oa_live_rendition_t r,
    bool is_video, uint32_t tolerance)
{
    int32_t                        shift;
    uint32_t                       i;
    uint64_t                       sequence, time;
    const oa_live_part_info_t     *part;
    const oa_live_segment_info_t  *segment;
    static uint8_t                 bytes[1 << 20];

    sequence = 0;
    time = 0;

    for (i = 0; i < s->nparts; i++) {
        part = &s->parts[i];
        segment = &s->segments[part->msn - s->segments[0].msn];
        assert_true(part->size <= sizeof(bytes));
        assert_int_equal(oa_live_read(&f->live, r, part->number, part->offset,
                                      bytes, part->size), OA_OK);

        if (i > 0 && part->index == 0 && segment->discontinuity) {
            time = segment->decode_time;
        }

        if (i > 0) {
            assert_int_equal(box_number(bytes, part->size, "mfhd", 8, false),
                             sequence + 1);
            assert_int_equal(box_number(bytes, part->size, "tfdt", 8, true),
                             time);
        }

        sequence = box_number(bytes, part->size, "mfhd", 8, false);
        time = box_number(bytes, part->size, "tfdt", 8, true);

        if (part->index == 0) {
            assert_int_equal(time, segment->decode_time);

            /* the first picture is shown when the segment begins, or later */
            shift = is_video ? composition_of(bytes, part->size, 0)
                             : (int32_t) segment->delay;
            assert_true(shift + (int32_t) tolerance
                        >= (int32_t) segment->delay);
        }

        time += part->duration;
    }
}


static UNUSED uint64_t
start_us(const oa_live_snapshot_t *s, const oa_live_segment_info_t *segment)
{
    return (segment->decode_time + segment->delay) * 1000000
           / s->conf.timescale;
}


/*
 * A rung by all that holds for renditions, and beside its source: *first is
 * the first segment that it shows; returns how many are shown.
 */
static UNUSED uint32_t
check_rung(fixture_t *f, const char *name, uint32_t tolerance_us,
    uint32_t *first)
{
    bool                           is_video;
    uint32_t                       i, n;
    const oa_live_snapshot_t      *s;
    oa_live_rendition_t            r;
    const oa_live_segment_info_t  *a, *b;
    static oa_live_snapshot_t      rung;

    rung = *check(f, name);
    is_video = rung.conf.kind == OA_LIVE_VIDEO;
    assert_true(rendition(f, name, &r));
    check_chunks(f, &rung, r, is_video,
                 tolerance_us * (rung.conf.timescale / 1000) / 1000);

    s = check(f, is_video ? "video" : "audio");
    *first = rung.segments[0].msn;
    n = 0;

    for (i = 0; i < rung.nsegments; i++) {
        a = &rung.segments[i];

        if (a->msn < s->segments[0].msn) {
            continue;
        }

        /* what is told of may be in no part of the source's yet */
        if (a->msn - s->segments[0].msn >= s->nsegments) {
            assert_int_equal(i + 1, rung.nsegments);
            continue;
        }

        b = &s->segments[a->msn - s->segments[0].msn];
        assert_int_equal(a->msn, b->msn);
        assert_int_equal(a->discontinuities, b->discontinuities);
        assert_int_equal(a->discontinuity, b->discontinuity);
        assert_true(a->independent);
        assert_in_range(start_us(&rung, a) + tolerance_us, start_us(s, b),
                        start_us(s, b) + 2 * tolerance_us);
        n++;
    }

    return n;
}


static UNUSED uint32_t
segments_of(fixture_t *f, const char *name)
{
    return check(f, name)->nsegments;
}


static UNUSED oa_live_presence_t
presence_of(rung_t *rung, fixture_t *f)
{
    oa_live_presence_t  presence;

    assert_int_equal(oa_live_rendition_presence(&f->live,
                         oa_follower_rendition(rung->follower), &presence),
                     OA_OK);

    return presence;
}


#define FOLLOWER_TEST(name)                                                   \
    cmocka_unit_test_setup_teardown(name, setup_ladder, teardown_ladder)


#endif /* FOLLOWER_FIXTURE_H */
