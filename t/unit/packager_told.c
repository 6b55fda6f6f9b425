
/* What is told of the frames is what the store has of them. */


#include "packager_fixture.h"


#define BOUNDARIES  256


typedef struct {
    unsigned                  tracks;
    oa_live_session_t         session;       /* of the last tracks */
    bool                      has_video;
    bool                      has_audio;
    uint32_t                  width;
    uint64_t                  record_hash;
    unsigned                  multiple;      /* that is asked for */
    unsigned                  nboundaries[OA_LIVE_AUDIO + 1];
    oa_packager_boundary_t    boundaries[OA_LIVE_AUDIO + 1][BOUNDARIES];
    int64_t                   next[OA_LIVE_AUDIO + 1];     /* decode time */
    uint64_t                  frames[OA_LIVE_AUDIO + 1];
    unsigned                  syncs;
    int64_t                   latest;        /* presented, of video */
    unsigned                  earlier;       /* than one before it */
    uint32_t                  size;          /* of the last frame */
    int64_t                   unix_us;
} told_t;


static unsigned
on_tracks(void *ctx, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    told_t     *told;
    fixture_t  *f = ctx;

    told = f->listener;

    if (session.id != told->session.id) {
        memset(told->nboundaries, 0, sizeof(told->nboundaries));
        memset(told->next, 0, sizeof(told->next));
        told->latest = -1;
    }

    told->tracks++;
    told->session = session;
    told->has_video = tracks->has_video;
    told->has_audio = tracks->has_audio;
    told->width = tracks->picture.width;
    told->record_hash = oa_hash64(tracks->video_record);

    assert_int_equal(session.id, f->session.id);
    assert_true(!tracks->has_video || tracks->video_timescale == 360000);
    assert_true(!tracks->has_audio
                || tracks->audio_timescale == tracks->sound.clock_rate);

    return told->multiple;
}


static void
on_frame(void *ctx, const oa_packager_frame_t *frame)
{
    told_t                        *told;
    unsigned                       i;
    fixture_t                     *f = ctx;
    const oa_packager_boundary_t  *b;

    told = f->listener;
    told->frames[frame->kind]++;
    told->syncs += frame->kind == OA_LIVE_VIDEO && frame->sync;
    told->unix_us = frame->unix_us;

    for (told->size = 0, i = 0; i < frame->npieces; i++) {
        told->size += (uint32_t) frame->pieces[i].size;
    }

    /* nothing is missing: but for a new beginning, times run on */
    if (!frame->begins || !frame->boundary.discontinuity) {
        assert_true(told->next[frame->kind] == 0
                    || frame->decode_time == told->next[frame->kind]);
    }

    told->next[frame->kind] = frame->decode_time + frame->duration;

    if (frame->kind == OA_LIVE_VIDEO) {
        told->earlier += frame->time < told->latest;
        told->latest = frame->time > told->latest ? frame->time
                                                  : told->latest;
    }

    if (frame->begins) {
        b = &frame->boundary;
        assert_true(b->time >= frame->decode_time);
        assert_true(told->nboundaries[frame->kind] < BOUNDARIES);
        told->boundaries[frame->kind][told->nboundaries[frame->kind]++] = *b;
    }
}


static int
setup_told(void **state)
{
    told_t     *told;
    fixture_t  *f;

    told = calloc(1, sizeof(*told));
    told->multiple = 1;

    f = new_fixture();
    f->tracks = on_tracks;
    f->frame = on_frame;
    f->listener = told;
    *state = f;
    connect_publisher(f);

    return 0;
}


static int
teardown_told(void **state)
{
    fixture_t  *f = *state;

    free(f->listener);

    return teardown(state);
}


/* Each stored segment was told of, and each that was told of is stored. */
static void
check_told(fixture_t *f, const char *name, oa_live_kind_t kind)
{
    told_t                        *told;
    uint32_t                       i;
    const oa_live_snapshot_t      *s;
    const oa_packager_boundary_t  *b;
    const oa_live_segment_info_t  *segment;

    told = f->listener;
    s = check(f, name);

    /* the last one may be open, with no part yet */
    assert_in_range(told->nboundaries[kind], s->nsegments, s->nsegments + 1);

    for (i = 0; i < s->nsegments; i++) {
        segment = &s->segments[i];
        b = &told->boundaries[kind][i];
        assert_int_equal(b->msn, segment->msn);
        assert_int_equal(b->time, segment->decode_time + segment->delay);
        assert_int_equal(b->discontinuities, segment->discontinuities);
        assert_int_equal(b->discontinuity, segment->discontinuity);
    }
}


static void
check_both(fixture_t *f)
{
    check_told(f, "video", OA_LIVE_VIDEO);
    check_told(f, "audio", OA_LIVE_AUDIO);
}


static void
tells_of_tracks_and_of_each_frame(void **state)
{
    told_t     *told;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 48000, false, 0, 10000 };

    told = f->listener;
    begin(f);
    assert_int_equal(told->tracks, 0);
    play(f, &source);

    assert_int_equal(told->tracks, 1);
    assert_true(told->has_video && told->has_audio);
    assert_int_equal(told->width, 320);
    assert_int_equal(told->record_hash,
                     oa_hash64(oa_slice(avc_small, sizeof(avc_small))));
    assert_int_equal(told->frames[OA_LIVE_VIDEO], 300);
    assert_int_equal(told->frames[OA_LIVE_AUDIO], 469);
    assert_int_equal(told->syncs, 5);
    assert_int_equal(told->earlier, 0);
    check_both(f);

    video(f, 10000, true);
    assert_int_equal(told->size, 3004);
    assert_int_equal(told->unix_us, f->unix_us);
    assert_int_equal(told->nboundaries[OA_LIVE_VIDEO], 6);
}


/* Decoded in one order, presented in another; boundaries are of the latter. */
static void
tells_times_of_presentation(void **state)
{
    int                i, shown;
    told_t            *told;
    fixture_t         *f = *state;
    static const int   step[] = { 2, -1, -1 };

    told = f->listener;
    metadata(f, true, false, 30);
    video_config(f, avc_small, sizeof(avc_small));

    for (i = 0; i < 300; i++) {
        f->unix_us = START_US + i * 1000000ll / 30;
        shown = 2 + i + (i % 60 == 0 || i % 60 > 57 ? 0
                                                    : step[(i % 60 - 1) % 3]);
        assert_int_equal(try_video(f, i * 1000 / 30, i % 60 == 0,
                                   shown * 1000 / 30 - i * 1000 / 30, 400),
                         OA_OK);
    }

    assert_true(told->earlier > 100);
    assert_int_equal(told->boundaries[OA_LIVE_VIDEO][0].time, 2 * 12000);
    assert_int_equal(told->boundaries[OA_LIVE_VIDEO][1].time, 62 * 12000);
    check_told(f, "video", OA_LIVE_VIDEO);
}


static void
tells_of_cuts_without_a_keyframe(void **state)
{
    told_t     *told;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 250, 48000, false, 0, 40000 };

    told = f->listener;
    begin(f);
    play(f, &source);
    check_both(f);
    assert_true(told->nboundaries[OA_LIVE_VIDEO] > told->syncs + 5);
}


static void
tells_of_irregular_sources(void **state)
{
    int        i, next;
    bool       key;
    int64_t    ms, audio_ms;
    fixture_t *f = *state;

    begin(f);
    srandom(6);

    for (next = 0, audio_ms = 0, ms = 0, i = 0; ms < 60000; i++) {
        for ( ; audio_ms <= ms; audio_ms += 21) {
            audio(f, audio_ms);
        }

        key = (i == next);
        next += key ? 10 + (int) (random() % 51) : 0;
        f->unix_us = START_US + ms * 1000;
        video(f, ms, key);
        ms += 16 + random() % 60;
    }

    check_both(f);
}


static void
tells_of_changed_configurations(void **state)
{
    told_t     *told;
    uint8_t     other[sizeof(avc_small)];
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 48000, false, 0, 4000 };

    memcpy(other, avc_small, sizeof(other));
    other[sizeof(other) - 1] = 0x60;

    told = f->listener;
    begin(f);
    play(f, &source);
    begin(f);
    assert_int_equal(told->tracks, 1);

    video_config(f, other, sizeof(other));
    assert_int_equal(told->tracks, 2);
    assert_int_equal(told->record_hash,
                     oa_hash64(oa_slice(other, sizeof(other))));
    source.from_ms = 4000;
    source.to_ms = 8000;
    play(f, &source);

    audio_config(f, aac_mono_48k);
    assert_int_equal(told->tracks, 3);
    source.from_ms = 8000;
    source.to_ms = 14000;
    play(f, &source);

    check_both(f);
    assert_int_equal(f->snapshot.segments[6].discontinuities, 2);
    assert_int_equal(f->restarts, 0);
}


static void
tells_a_resumed_session_on(void **state)
{
    told_t     *told;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 48000, false, 0, 5000 };

    told = f->listener;
    begin(f);
    play(f, &source);
    disconnect_publisher(f);

    f->unix_us += 3000000;
    connect_publisher(f);
    begin(f);
    play(f, &source);

    assert_int_equal(told->tracks, 2);
    check_both(f);
    assert_int_equal(f->snapshot.segments[3].discontinuities, 1);
}


/* Whoever makes renditions has some in the session that is resumed. */
static void
other_renditions_do_not_end_a_session(void **state)
{
    fixture_t                 *f = *state;
    source_t                   source = { 30, 1, 60, 48000, false, 0, 5000 };
    oa_live_rendition_t        r;
    oa_live_rendition_conf_t   conf;

    begin(f);
    play(f, &source);

    memset(&conf, 0, sizeof(conf));
    strcpy(conf.name, "480p");
    conf.kind = OA_LIVE_VIDEO;
    conf.timescale = 360000;
    assert_int_equal(oa_live_rendition_add(&f->live, f->session, &conf, &r),
                     OA_OK);

    disconnect_publisher(f);
    f->unix_us += 3000000;
    connect_publisher(f);
    begin(f);
    play(f, &source);

    assert_int_equal(f->restarts, 0);
    check_both(f);
}


static void
tells_a_new_session_from_its_beginning(void **state)
{
    told_t     *told;
    fixture_t  *f = *state;
    source_t    source = { 30, 1, 60, 48000, true, 0, 5000 };

    told = f->listener;
    audio_config(f, aac_stereo_48k);
    play(f, &source);
    assert_int_equal(told->tracks, 1);
    assert_true(told->has_audio && !told->has_video);

    video_config(f, avc_small, sizeof(avc_small));
    source.no_video = false;
    source.from_ms = 5000;
    source.to_ms = 15000;
    play(f, &source);

    assert_int_equal(f->restarts, 1);
    assert_int_equal(told->tracks, 2);
    assert_true(told->has_audio && told->has_video);
    check_both(f);
}


static void
parts_are_of_the_frames_that_are_asked_for(void **state)
{
    told_t     *told;
    fixture_t  *f = *state;
    source_t    source = { 25, 1, 50, 0, false, 0, 5000 };

    /* 5 frames in 200 ms */
    told = f->listener;
    told->multiple = 2;
    metadata(f, true, false, 25);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);
    assert_int_equal(check(f, "video")->conf.part_target, 4 * 14400);

    /* a session that runs stays as it is */
    told->multiple = 3;
    disconnect_publisher(f);
    connect_publisher(f);
    metadata(f, true, false, 25);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);
    assert_int_equal(check(f, "video")->conf.part_target, 4 * 14400);

    /* there is no room for so many */
    oa_packager_destroy(f->packager);
    oa_live_end(&f->live, f->session, 0, nothing_changed, NULL);
    told->multiple = 6;
    connect_publisher(f);
    metadata(f, true, false, 25);
    video_config(f, avc_small, sizeof(avc_small));
    play(f, &source);
    assert_int_equal(check(f, "video")->conf.part_target, 5 * 14400);
}


#define TOLD_TEST(name)                                                       \
    cmocka_unit_test_setup_teardown(name, setup_told, teardown_told)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TOLD_TEST(tells_of_tracks_and_of_each_frame),
        TOLD_TEST(tells_times_of_presentation),
        TOLD_TEST(tells_of_cuts_without_a_keyframe),
        TOLD_TEST(tells_of_irregular_sources),
        TOLD_TEST(tells_of_changed_configurations),
        TOLD_TEST(tells_a_resumed_session_on),
        TOLD_TEST(other_renditions_do_not_end_a_session),
        TOLD_TEST(tells_a_new_session_from_its_beginning),
        TOLD_TEST(parts_are_of_the_frames_that_are_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
