
/* When a frame is: the source's timestamps as media time. */


#include "packager/oa_packager_impl.h"

#include <string.h>


/* Steps of the source's timestamps that are looked at twice. */
#define OA_SOURCE_BACK_MS         300
#define OA_SOURCE_VIDEO_GAP_MS    5000
#define OA_SOURCE_AUDIO_GAP_MS    1000

/* The other track's jump is this one's, too, within these. */
#define OA_SOURCE_SAME_JUMP_MS    1500
#define OA_SOURCE_SAME_JUMP_US    (5 * 1000000)


/* The source paused, and its clock and ours agree on how long. */
static void
oa_source_gap(oa_packager_t *p)
{
    p->video.reanchor = true;
    p->video.discontinuity = true;
    p->audio.reanchor = true;
    p->audio.discontinuity = true;
    p->need_keyframe = true;
    memset(&p->cadence, 0, sizeof(p->cadence));
    oa_packager_audio_wait(p);

    oa_packager_notice(p, OA_PACKAGER_WARN,
                       "the source was silent for seconds");
}


/*
 * The source's clock was set anew.  Media time goes on as if it had not been;
 * a second track that jumps alike shares the correction and stays in sync.
 */
static void
oa_source_jump(oa_packager_t *p, oa_track_t *t, int64_t step_ms,
    int64_t unix_us)
{
    int64_t  difference, frame_ms;

    difference = step_ms - p->jump_step_ms;

    if (p->jump_unix_us == 0
        || unix_us - p->jump_unix_us > OA_SOURCE_SAME_JUMP_US
        || difference > OA_SOURCE_SAME_JUMP_MS
        || difference < -OA_SOURCE_SAME_JUMP_MS)
    {
        frame_ms = oa_rescale(t->clock.frame, 1000, t->conf.timescale);
        p->jump_step_ms = step_ms;
        p->jump_offset_ms = frame_ms - step_ms;
        p->jump_unix_us = unix_us;

        oa_packager_notice(p, OA_PACKAGER_WARN,
                           "the source's timestamps jumped");
    }

    t->offset_ms += p->jump_offset_ms;
    t->stats.timestamp_jumps++;
}


static void
oa_source_step(oa_packager_t *p, oa_track_t *t, int64_t step_ms,
    int64_t unix_us)
{
    int64_t  gap_ms, elapsed_ms, difference;

    gap_ms = t->kind == OA_LIVE_VIDEO ? OA_SOURCE_VIDEO_GAP_MS
                                      : OA_SOURCE_AUDIO_GAP_MS;

    if (step_ms >= -OA_SOURCE_BACK_MS && step_ms <= gap_ms) {
        return;
    }

    elapsed_ms = (unix_us - t->last_unix_us) / 1000;
    difference = step_ms - elapsed_ms;

    if (step_ms > 0 && difference < 1000 && difference > -1000) {

        /* unless the other track has told of it */
        if (!t->reanchor) {
            oa_source_gap(p);
        }

    } else {
        oa_source_jump(p, t, step_ms, unix_us);
    }
}


/* Frames that came later behind the earliest one than a part lasts. */
static void
oa_source_lateness(oa_packager_t *p, oa_track_t *t, int64_t media_us,
    int64_t unix_us)
{
    int64_t  arrival_us;

    arrival_us = unix_us - p->epoch_unix_us - media_us;

    if (!t->arrived || arrival_us < t->earliest_us) {
        t->earliest_us = arrival_us;
        t->arrived = true;
    }

    if (arrival_us - t->earliest_us
        > oa_rescale(t->conf.part_target, 1000000, t->conf.timescale))
    {
        t->stats.late_frames++;
    }

    /* the two clocks may run 0.1% apart */
    t->earliest_us += oa_rescale(t->clock.frame, 1000, t->conf.timescale);
}


int64_t
oa_packager_time(oa_packager_t *p, oa_track_t *t, uint32_t timestamp_ms,
    int64_t unix_us)
{
    int64_t  ms, media_us;

    ms = oa_timeline_unwrap(&t->unwrap, timestamp_ms);

    if (t->stamped) {
        oa_source_step(p, t, ms - t->last_ms, unix_us);
    }

    t->last_ms = ms;
    t->last_unix_us = unix_us;
    t->stamped = true;

    media_us = p->anchor_us + (ms + t->offset_ms) * 1000;
    if (media_us < 0) {
        media_us = 0;
    }

    oa_source_lateness(p, t, media_us, unix_us);

    return oa_rescale(media_us, t->conf.timescale, 1000000);
}
