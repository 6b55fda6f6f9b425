
/*
 * Picture and sound stay together on every rung of the ladder, however long a
 * stream runs: half an hour of a flash and a beep at the same moments goes
 * through the packager, the codecs and the followers, and what the live store
 * then has of each rendition is decoded.
 */


#include "sync_source.h"
#include "sync_line.h"

/* what of it is used: the rules for a rung beside its source */
#include "follower_fixture.h"

#include "xcode/oa_xcode.h"


#define MINUTES        30
#define DRIFT_MINUTES  6
#define DRIFT_HZ       (SYNC_RATE * (1 + 200e-6))
#define LOOK_MS        5000
#define STRANDS        16
#define RUNGS          3
#define APART_S        0.020
#define BEGINS_US      1000


/* Of one run; rungs' numbers are those of the lines behind the source's. */
typedef struct {
    fixture_t                *f;
    oa_xcode_t               *xcode;
    oa_follower_t            *followers[RUNGS];
    bool                      off[RUNGS];
    oa_xcode_strand_t        *strands[STRANDS];
    unsigned                  nstrands;
    oa_packager_tracks_t      tracks;
    sync_line_t               lines[2 + RUNGS];
    unsigned                  segments[RUNGS];   /* compared */
} run_t;


enum { VIDEO, AUDIO, LOW, HALF, LISTEN };


static const oa_xcode_rung_t  rungs[RUNGS] = {
    { .codec = OA_CODEC_AVC, .width = 48, .height = 26,
      .rate = { SYNC_NUM, SYNC_DEN }, .bitrate = 40000,
      .preset = "ultrafast" },
    { .codec = OA_CODEC_AVC, .width = 32, .height = 18,
      .rate = { SYNC_NUM / 2, SYNC_DEN }, .bitrate = 30000,
      .preset = "ultrafast" },
    { .codec = OA_CODEC_AAC, .bitrate = 48000 },
};


/* --- the ladder, one strand after the other ---------------------------- */


static bool
on_run(void *ctx, oa_xcode_strand_t *strand)
{
    run_t  *r = ctx;

    assert_true(r->nstrands < STRANDS);
    r->strands[r->nstrands++] = strand;

    return true;
}


static void
on_ready(void *ctx)
{
    (void) ctx;
}


static int64_t
on_now_us(void *ctx)
{
    run_t  *r = ctx;

    return r->f->unix_us;
}


static void
on_rung(void *ctx, oa_live_rendition_t rendition)
{
    (void) ctx;
    (void) rendition;
}


static void
run_follow(run_t *r, unsigned rung, const oa_xcode_output_t *o)
{
    bool                is_video;
    oa_mem_t            mem = { heap_realloc, NULL };
    oa_follower_conf_t  conf;

    if (r->followers[rung] == NULL) {
        is_video = rungs[rung].height != 0;
        memset(&conf, 0, sizeof(conf));
        strcpy(conf.name, r->lines[2 + rung].name);
        conf.kind = is_video ? OA_LIVE_VIDEO : OA_LIVE_AUDIO;
        conf.timescale = is_video ? r->tracks.video_timescale
                                  : r->tracks.audio_timescale;
        conf.frame = is_video
                     ? (uint32_t) oa_rescale(conf.timescale,
                                             rungs[rung].rate.den,
                                             rungs[rung].rate.num)
                     : o->sound.frame_samples;
        conf.part_target_ms = 200;
        conf.max_pending_bytes = 1 << 20;
        assert_int_equal(oa_follower_create(&r->followers[rung], &r->f->live,
                                            r->f->session, &conf, &mem,
                                            on_rung, r), OA_OK);
    }

    assert_int_equal(oa_follower_config(r->followers[rung], o->data,
                         rungs[rung].height ? &o->picture : NULL,
                         rungs[rung].height ? NULL : &o->sound,
                         rungs[rung].rate), OA_OK);
}


static void
run_pull(run_t *r)
{
    oa_xcode_output_t    o;
    oa_follower_frame_t  frame;

    while (oa_xcode_pull(r->xcode, &o) == OA_OK) {
        assert_int_not_equal(o.kind, OA_XCODE_FAILED);

        if (o.kind == OA_XCODE_CONFIG) {
            run_follow(r, o.rung, &o);
            continue;
        }

        frame.data = o.data;
        frame.time = o.time;
        frame.sync = o.sync;
        assert_int_equal(oa_follower_frame(r->followers[o.rung], &frame),
                         OA_OK);
    }
}


static void
run_settle(run_t *r)
{
    oa_xcode_strand_t  *strand;

    while (r->nstrands > 0) {
        strand = r->strands[0];
        memmove(r->strands, r->strands + 1,
                --r->nstrands * sizeof(r->strands[0]));
        oa_xcode_strand_run(strand);
    }

    run_pull(r);
}


static unsigned
run_tracks(void *ctx, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    char                text[OA_XCODE_TEXT_BYTES];
    fixture_t          *f = ctx;
    run_t              *r = f->listener;
    unsigned            i;
    oa_xcode_source_t   source;
    oa_xcode_events_t   events = { on_run, on_ready, on_now_us, r };

    assert_null(r->xcode);
    assert_int_equal(session.id, f->session.id);
    assert_int_equal(tracks->rate.num, SYNC_NUM);
    assert_int_equal(tracks->rate.den, SYNC_DEN);
    r->tracks = *tracks;

    memset(&source, 0, sizeof(source));
    source.has_video = true;
    source.has_audio = true;
    source.picture = tracks->picture;
    source.sound = tracks->sound;
    source.video_record = tracks->video_record;
    source.audio_record = tracks->audio_record;
    source.rate = tracks->rate;
    source.video_timescale = tracks->video_timescale;
    source.audio_timescale = tracks->audio_timescale;
    assert_int_equal(oa_xcode_create(&r->xcode, &source, rungs, RUNGS,
                                     OA_XCODE_CPU, &events, text), OA_OK);

    for (i = 0; i < RUNGS; i++) {
        oa_xcode_rung_set(r->xcode, i, true);
    }

    run_settle(r);

    return 2;
}


static void
run_frame(void *ctx, const oa_packager_frame_t *frame)
{
    bool               audio;
    fixture_t         *f = ctx;
    run_t             *r = f->listener;
    unsigned           i;
    oa_xcode_input_t   input;

    audio = frame->kind == OA_LIVE_AUDIO;

    for (i = 0; frame->begins && i < RUNGS; i++) {
        if (audio == (rungs[i].height == 0)) {
            assert_int_equal(oa_follower_boundary(r->followers[i],
                                                  &frame->boundary), OA_OK);
        }
    }

    memset(&input, 0, sizeof(input));
    input.audio = audio;
    input.pieces = frame->pieces;
    input.npieces = frame->npieces;
    input.decode_time = frame->decode_time;
    input.time = frame->time;
    input.duration = frame->duration;
    input.sync = frame->sync;
    input.arrival_us = f->unix_us;
    input.keyframe = frame->begins;
    input.keyframe_time = frame->begins ? frame->boundary.time : 0;
    oa_xcode_push(r->xcode, &input);

    /* now and then the threads are late by a picture or two */
    if (audio || frame->decode_time / frame->duration % 3 == 0) {
        run_settle(r);
    }
}


/* --- a run ------------------------------------------------------------- */


static run_t *
run_new(void)
{
    run_t             *r;
    unsigned           i;
    static const char *const  names[] = {
        "video", "audio", "low", "half", "listen"
    };

    r = calloc(1, sizeof(*r));
    assert_non_null(r);

    for (i = 0; i < 2 + RUNGS; i++) {
        r->lines[i].name = names[i];
        r->lines[i].is_video = i != AUDIO && i != LISTEN;
    }

    r->f = new_fixture();
    r->f->tracks = run_tracks;
    r->f->frame = run_frame;
    r->f->listener = r;
    connect_publisher(r->f);

    return r;
}


static void
run_free(run_t *r)
{
    void      *state = r->f;
    unsigned   i;

    assert_true(oa_xcode_destroy(r->xcode));

    for (i = 0; i < RUNGS; i++) {
        oa_follower_destroy(r->followers[i]);
    }

    for (i = 0; i < 2 + RUNGS; i++) {
        sync_line_close(&r->lines[i]);
    }

    teardown(&state);
    free(r);
}


/* Decodes what is new, and holds each rung to the source. */
static void
run_look(run_t *r)
{
    uint32_t  first;
    unsigned  i;

    run_settle(r);

    for (i = 0; i < 2 + RUNGS; i++) {
        sync_line_read(&r->lines[i], r->f);
    }

    for (i = 0; i < RUNGS; i++) {
        if (r->lines[2 + i].nsegments > 0) {
            r->segments[i] += check_rung(r->f, r->lines[2 + i].name,
                                         BEGINS_US, &first);
        }
    }
}


/* Asleep, or on again. */
static void
run_sleep(run_t *r, unsigned rung, bool off)
{
    if (r->off[rung] == off) {
        return;
    }

    run_look(r);
    r->off[rung] = off;
    oa_xcode_rung_set(r->xcode, rung, !off);

    if (off) {
        assert_int_equal(oa_follower_park(r->followers[rung], OA_LIVE_ASLEEP),
                         OA_OK);
    }
}


static run_t *
run_play(double per_s, int64_t length_ms)
{
    run_t          *r;
    int64_t         ms, look_ms;
    sync_source_t  *s;

    r = run_new();
    s = sync_source_new(per_s);
    sync_send_configs(s, r->f);

    ms = 0;
    look_ms = LOOK_MS;

    while (ms < length_ms) {
        ms = sync_send(s, r->f);

        /* two rungs sleep for a while, every few minutes */
        run_sleep(r, HALF - 2, ms / 1000 % 180 > 150);
        run_sleep(r, LISTEN - 2, ms / 1000 % 300 > 280);

        if (ms >= look_ms) {
            look_ms += LOOK_MS;
            run_look(r);
        }
    }

    run_look(r);
    sync_source_free(s);

    return r;
}


/* --- what is seen and heard -------------------------------------------- */


/* The largest distance, of how many flashes that have a beep near them. */
static double
apart(const sync_line_t *pictures, const sync_line_t *sound, unsigned *n)
{
    double    d, most;
    unsigned  i, j;

    for (i = 0, j = 0, most = 0, *n = 0; i < pictures->nevents; i++) {
        while (j < sound->nevents
               && sound->events[j] < pictures->events[i] - 1)
        {
            j++;
        }

        if (j == sound->nevents
            || sound->events[j] > pictures->events[i] + 1)
        {
            continue;                        /* one of them sleeps */
        }

        d = fabs(sound->events[j] - pictures->events[i]);
        most = d > most ? d : most;
        (*n)++;
    }

    return most;
}


/* Each of them, at the distances that they had when they were made. */
static void
check_events(const sync_line_t *line, unsigned expected, double within)
{
    double    far;
    int64_t   n;
    unsigned  i;

    assert_in_range(line->nevents, expected - 1, expected + 1);

    for (i = 0; i < line->nevents; i++) {
        far = line->events[i] - line->events[0];
        n = llround(far / (sync_moment(1) - sync_moment(0)));
        assert_true(fabs(far - (sync_moment(n) - sync_moment(0))) < within);
    }
}


static void
check_apart(const run_t *r, unsigned expected)
{
    double              most;
    unsigned            i, n;
    const sync_line_t  *pictures;

    for (i = 0; i < 2 + RUNGS; i++) {
        pictures = &r->lines[i];

        if (!pictures->is_video) {
            continue;
        }

        most = apart(pictures, &r->lines[AUDIO], &n);
        print_message("# %s and audio: %u times at most %.1f ms apart\n",
                      pictures->name, n, most * 1000);
        assert_true(n >= expected * (i == HALF ? 4 : 5) / 5 - 2);
        assert_true(most <= APART_S);

        most = apart(pictures, &r->lines[LISTEN], &n);
        print_message("# %s and listen: %u times at most %.1f ms apart\n",
                      pictures->name, n, most * 1000);
        assert_true(n >= expected * 3 / 5);
        assert_true(most <= APART_S);
    }
}


static void
test_half_an_hour(void **state)
{
    run_t     *r;
    unsigned   i, expected;

    (void) state;

    r = run_play(SYNC_RATE, MINUTES * 60000);
    expected = (unsigned) (MINUTES * 60 / (sync_moment(1) - sync_moment(0)));

    check_events(&r->lines[VIDEO], expected, 0.002);
    check_events(&r->lines[LOW], expected, 0.002);
    check_events(&r->lines[AUDIO], expected, 0.005);
    check_apart(r, expected);

    for (i = 0; i < RUNGS; i++) {
        assert_true(r->segments[i] > MINUTES * 30 / 2);
    }

    assert_true(r->lines[LOW].frames > MINUTES * 60 * 29);
    run_free(r);
}


/* A sound card whose clock is fast: corrected before it is noticed. */
static void
test_clocks_apart(void **state)
{
    run_t  *r;

    (void) state;

    r = run_play(DRIFT_HZ, DRIFT_MINUTES * 60000);
    check_apart(r, (unsigned) (DRIFT_MINUTES * 60
                               / (sync_moment(1) - sync_moment(0))));
    run_free(r);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_half_an_hour),
        cmocka_unit_test(test_clocks_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
