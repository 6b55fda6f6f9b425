
#include "packager/oa_follower.h"
#include "packager/oa_track.h"

#include <string.h>


struct oa_follower_s {
    oa_live_session_t          session;
    oa_track_t                 track;
    oa_codec_video_t           picture;
    oa_codec_audio_t           sound;
    uint64_t                   promised_bps;
    uint64_t                   limit;        /* ticks of a segment that round to
                                                the target duration */

    void                     (*published)(void *ctx,
                                          oa_live_rendition_t rendition);
    void                      *ctx;

    /* what the source has begun and no frame has reached */
    oa_packager_boundary_t     boundaries[OA_FOLLOWER_BOUNDARIES];
    unsigned                   nboundaries;

    /* the segment that the next frame is to begin, if there is one */
    bool                       pending;
    oa_packager_boundary_t     segment;

    bool                       parked;       /* as the store has it */
    bool                       begun;        /* the track had a segment */
    uint32_t                   band;         /* of the clock, but for the first
                                                frame of a segment */

    int64_t                    last_time;    /* of a frame; -1: none yet */
    int64_t                    last_shown;
    int64_t                    keyframe_time;

    /*
     * How far the clock of a video stays behind the frames, ticks: so much
     * earlier than it was foreseen a boundary has come already.
     */
    uint32_t                   margin;
};


/* --- beginning and end ----------------------------------------------- */


static void
oa_follower_conf_set(oa_track_t *t, const oa_follower_conf_t *conf)
{
    int64_t                    nframes;
    oa_live_rendition_conf_t  *rendition;

    rendition = &t->conf;
    memcpy(rendition->name, conf->name, sizeof(rendition->name));
    rendition->kind = conf->kind;
    rendition->timescale = conf->timescale;

    nframes = oa_rescale(conf->part_target_ms, conf->timescale,
                         (int64_t) conf->frame * 1000);
    rendition->part_target = (uint32_t) (nframes > 0 ? nframes : 1)
                             * conf->frame;
}


/*
 * A picture is to be decoded when it is shown, so its clock follows each one.
 * Sound runs on by its samples, as the source's does.
 */
static void
oa_follower_clock_set(oa_follower_t *f, const oa_follower_conf_t *conf)
{
    f->band = 1;
    f->track.clock.frame = conf->frame;

    if (conf->kind == OA_LIVE_AUDIO) {
        f->band = conf->frame + conf->frame / 2;
        f->band = f->band < conf->timescale / 16 ? conf->timescale / 16
                                                 : f->band;
        f->track.clock.drift = conf->timescale / 50;
    }
}


static void
oa_follower_init(oa_follower_t *f, oa_live_t *live, oa_live_session_t session,
    const oa_follower_conf_t *conf, const oa_mem_t *mem)
{
    oa_track_t  *t;

    memset(f, 0, sizeof(*f));
    f->session = session;
    f->promised_bps = conf->promised_bps;
    f->last_time = -1;
    f->last_shown = -1;
    f->keyframe_time = -1;

    t = &f->track;
    t->live = live;
    t->mem = *mem;
    t->max_bytes = conf->max_pending_bytes;
    t->placed = true;
    t->kind = conf->kind;
    t->picture = &f->picture;
    t->sound = &f->sound;
    t->sequence = 1;

    oa_follower_conf_set(t, conf);
    oa_follower_clock_set(f, conf);
}


/* Takes up a rendition that a resumed session has. */
static oa_err_t
oa_follower_resume(oa_follower_t *f)
{
    oa_err_t                  err;
    oa_track_t               *t;
    oa_live_presence_t        presence;
    oa_live_rendition_conf_t  wanted;

    t = &f->track;
    wanted = t->conf;

    err = oa_track_resume(t);
    if (err == OA_OK) {
        err = oa_live_rendition_presence(t->live, t->rendition, &presence);
    }

    if (err != OA_OK) {
        return err;
    }

    if (t->conf.timescale != wanted.timescale || t->conf.kind != wanted.kind) {
        return OA_EINVAL;
    }

    /* a boundary says whether it is one */
    t->discontinuity = false;
    f->parked = presence != OA_LIVE_AWAKE;
    f->begun = t->sequence > 1;

    return OA_OK;
}


static oa_err_t
oa_follower_take_rendition(oa_follower_t *f)
{
    oa_err_t                 err;
    oa_track_t              *t;
    oa_live_session_info_t   info;

    t = &f->track;

    err = oa_live_session_info(t->live, f->session, &info);
    if (err != OA_OK) {
        return err;
    }

    f->limit = oa_track_ticks(t, (uint64_t) info.conf.target_duration_s * 1000
                                 + 499);

    err = oa_live_rendition_add(t->live, f->session, &t->conf, &t->rendition);

    if (err == OA_EBUSY) {
        return oa_follower_resume(f);
    }

    if (err != OA_OK) {
        return err;
    }

    f->parked = true;

    return oa_live_rendition_park(t->live, t->rendition, OA_LIVE_ASLEEP);
}


oa_err_t
oa_follower_create(oa_follower_t **follower, oa_live_t *live,
    oa_live_session_t session, const oa_follower_conf_t *conf,
    const oa_mem_t *mem,
    void (*published)(void *ctx, oa_live_rendition_t rendition), void *ctx)
{
    oa_err_t        err;
    oa_follower_t  *f;

    if (conf->frame < 4 || conf->frame / 2 > conf->timescale) {
        return OA_EINVAL;
    }

    f = mem->realloc(mem->ctx, NULL, sizeof(*f));
    if (f == NULL) {
        return OA_ENOMEM;
    }

    oa_follower_init(f, live, session, conf, mem);
    f->published = published;
    f->ctx = ctx;

    err = oa_follower_take_rendition(f);
    if (err != OA_OK) {
        mem->realloc(mem->ctx, f, 0);
        return err;
    }

    *follower = f;

    return OA_OK;
}


oa_live_rendition_t
oa_follower_rendition(const oa_follower_t *f)
{
    return f->track.rendition;
}


static void
oa_follower_wake(oa_follower_t *f)
{
    if (f->track.dirty) {
        f->track.dirty = false;
        f->published(f->ctx, f->track.rendition);
    }
}


void
oa_follower_destroy(oa_follower_t *f)
{
    oa_mem_t  mem;

    /* what cannot be stored any more is lost */
    if (oa_track_flush(&f->track, false) == OA_OK) {
        oa_follower_wake(f);
    }

    mem = f->track.mem;
    oa_track_free(&f->track);
    mem.realloc(mem.ctx, f, 0);
}


oa_err_t
oa_follower_park(oa_follower_t *f, oa_live_presence_t presence)
{
    oa_err_t     err;
    oa_track_t  *t;

    t = &f->track;

    err = oa_live_rendition_park(t->live, t->rendition, presence);
    if (err != OA_OK) {
        return err;
    }

    oa_track_discard(t);
    f->pending = false;
    f->parked = true;
    t->dirty = true;
    oa_follower_wake(f);

    return OA_OK;
}


/* A segment with a gap in it is of no use: it ends, and the next one begins. */
static void
oa_follower_drop(oa_follower_t *f)
{
    oa_track_t  *t;

    t = &f->track;
    t->stats.dropped_frames += t->nsamples;
    t->dirty = true;

    oa_track_discard(t);
    oa_live_segment_close(t->live, t->rendition);
    f->pending = false;
}


/* --- the configuration ----------------------------------------------- */


static void
oa_follower_format(oa_follower_t *f, const oa_codec_video_t *picture,
    const oa_codec_audio_t *sound, oa_timeline_rate_t rate)
{
    oa_track_t  *t;

    t = &f->track;

    if (t->kind == OA_LIVE_AUDIO) {
        f->sound = *sound;
        oa_track_format_audio(t);

    } else {
        f->picture = *picture;
        oa_track_format_video(t, rate);
        t->stats.frame_rate_milli = rate.den == 0 ? 0
            : (uint64_t) rate.num * 1000 / rate.den;
    }

    t->format.promised_bps = f->promised_bps;
}


oa_err_t
oa_follower_config(oa_follower_t *f, oa_slice_t record,
    const oa_codec_video_t *picture, const oa_codec_audio_t *sound,
    oa_timeline_rate_t rate)
{
    oa_err_t     err;
    oa_track_t  *t;

    t = &f->track;

    if (t->kind == OA_LIVE_AUDIO ? sound == NULL : picture == NULL) {
        return OA_EINVAL;
    }

    err = OA_OK;

    if (!oa_track_has_config(t, record)) {
        /* the open segment cannot have frames of another one */
        err = oa_track_cut(t);
        f->pending = false;

        if (err == OA_OK) {
            err = oa_track_set_config(t, record);
        }
    }

    if (err == OA_OK) {
        oa_follower_format(f, picture, sound, rate);
        err = oa_track_init(t);
    }

    if (err != OA_OK) {
        oa_follower_drop(f);
    }

    oa_follower_wake(f);

    return err;
}


/* --- segments -------------------------------------------------------- */


/* Whether a frame of that time, or half a frame before it, is behind it. */
static bool
oa_follower_behind(const oa_follower_t *f, int64_t time, int64_t boundary)
{
    return time + f->track.clock.frame / 2 >= boundary;
}


/* Makes the last frame of the open part end where the segment does. */
static void
oa_follower_stretch(oa_follower_t *f, int64_t end)
{
    int64_t            off, least, most, room;
    oa_track_t        *t;
    oa_cmaf_sample_t  *last;

    t = &f->track;
    off = end - t->clock.next;

    /* behind a pause of the source nothing is to be made up for */
    if (t->nsamples == 0 || off > (int64_t) t->conf.part_target) {
        return;
    }

    last = &t->samples[t->nsamples - 1];
    least = (int64_t) t->clock.frame / 4 - last->duration;
    least = least < 0 ? least : 0;
    most = (int64_t) t->conf.part_target - t->filled;
    most = most > 0 ? most : 0;
    room = (int64_t) (f->limit - t->segment_ticks);
    most = most < room ? most : room;
    off = off < least ? least : off > most ? most : off;

    last->duration = (uint32_t) (last->duration + off);
    t->filled = (uint32_t) (t->filled + off);
    t->segment_ticks = (uint64_t) ((int64_t) t->segment_ticks + off);
    t->clock.next += off;
}


/* The open segment ends at a boundary; its last part goes out. */
static oa_err_t
oa_follower_end(oa_follower_t *f, const oa_packager_boundary_t *boundary)
{
    if (!f->track.segment_open) {
        return OA_OK;
    }

    oa_follower_stretch(f, boundary->time);

    return oa_track_cut(&f->track);
}


/* The same where all frames before the next boundary are there. */
static oa_err_t
oa_follower_end_early(oa_follower_t *f)
{
    if (f->nboundaries == 0 || f->last_time < 0
        || !oa_follower_behind(f, f->last_time + f->track.clock.frame,
                               f->boundaries[0].time))
    {
        return OA_OK;
    }

    return oa_follower_end(f, &f->boundaries[0]);
}


static void
oa_follower_shift(oa_follower_t *f)
{
    f->nboundaries--;
    memmove(&f->boundaries[0], &f->boundaries[1],
            f->nboundaries * sizeof(f->boundaries[0]));
}


/* Passes what a frame is behind: the last boundary is that of its segment. */
static oa_err_t
oa_follower_pass(oa_follower_t *f, int64_t time)
{
    oa_err_t  err;

    while (f->nboundaries > 0
           && oa_follower_behind(f, time, f->boundaries[0].time))
    {
        err = oa_follower_end(f, &f->boundaries[0]);
        if (err != OA_OK) {
            return err;
        }

        /* who resumed a session may have had that segment before */
        f->segment = f->boundaries[0];
        f->pending = !f->begun || f->segment.msn >= f->track.next_msn;
        oa_follower_shift(f);
    }

    return OA_OK;
}


oa_err_t
oa_follower_boundary(oa_follower_t *f, const oa_packager_boundary_t *boundary)
{
    oa_err_t  err;

    if (f->nboundaries == OA_FOLLOWER_BOUNDARIES) {
        oa_follower_shift(f);
    }

    f->boundaries[f->nboundaries++] = *boundary;

    err = oa_follower_end_early(f);
    oa_follower_wake(f);

    return err;
}


/* Whether the store shows a segment behind the ones before it. */
static bool
oa_follower_adjoins(const oa_follower_t *f)
{
    const oa_packager_boundary_t  *b;

    b = &f->segment;

    return f->begun && !f->parked && b->msn == f->track.next_msn
           && b->discontinuities == f->track.discontinuities
                                    + b->discontinuity;
}


/* The next boundary that comes so early is not to be before the clock. */
static void
oa_follower_keep_margin(oa_follower_t *f, int64_t early)
{
    int64_t  most;

    most = f->track.clock.frame / 2;

    if (f->track.kind == OA_LIVE_VIDEO && early > f->margin
        && !f->segment.discontinuity)
    {
        f->margin = (uint32_t) (early < most ? early : most);
    }
}


/*
 * Where a segment begins on the clock that the one before it left.  When frames
 * for longer than a part are missing between them, the window is given up: a
 * segment that made up for them might be longer than the target duration.
 */
static oa_err_t
oa_follower_place_segment(oa_follower_t *f)
{
    bool                           adjoins;
    int64_t                        lag;
    oa_track_t                    *t;
    const oa_packager_boundary_t  *b;

    t = &f->track;
    b = &f->segment;
    adjoins = oa_follower_adjoins(f);
    lag = b->time - t->clock.next;
    t->delay = 0;

    if (adjoins && lag <= 0) {
        oa_follower_keep_margin(f, -lag);
        return OA_OK;
    }

    if (adjoins && !b->discontinuity && lag <= (int64_t) t->conf.part_target) {
        t->delay = (uint32_t) lag;
        return OA_OK;
    }

    t->clock.next = b->time;
    t->clock.mean_lag = 0;

    if (!adjoins || b->discontinuity) {
        return OA_OK;
    }

    oa_follower_wake(f);
    f->parked = true;

    return oa_live_rendition_park(t->live, t->rendition, OA_LIVE_ASLEEP);
}


static oa_err_t
oa_follower_begin(oa_follower_t *f)
{
    oa_err_t     err;
    oa_track_t  *t;

    err = oa_follower_place_segment(f);
    if (err != OA_OK) {
        return err;
    }

    t = &f->track;
    t->next_msn = f->segment.msn;
    t->discontinuity = f->segment.discontinuity;
    t->discontinuities = f->segment.discontinuities
                         - f->segment.discontinuity;
    f->begun = true;
    f->pending = false;

    return OA_OK;
}


/* --- frames ---------------------------------------------------------- */


/*
 * When a frame is shown.  The first one of a segment is not before it, and
 * none is before another that it follows.
 */
static int64_t
oa_follower_shown(oa_follower_t *f, int64_t time, bool first)
{
    if (first && time < f->segment.time) {
        time = f->segment.time;
    }

    if (time <= f->last_shown && !(first && f->segment.discontinuity)) {
        time = f->last_shown + 1;
    }

    f->last_shown = time;

    return time;
}


static oa_timeline_place_t
oa_follower_place(oa_follower_t *f, int64_t shown, bool first)
{
    int64_t               off;
    oa_timeline_clock_t  *clock;

    clock = &f->track.clock;
    clock->band = first ? 1 : f->band;
    clock->constant = !first && f->track.kind == OA_LIVE_AUDIO;

    if (f->track.kind == OA_LIVE_VIDEO) {
        shown -= f->margin;

    } else if (first) {
        /* packets lie on a grid of their own, off the source's by a part */
        off = shown - f->segment.time;
        shown = off <= clock->frame / 2 ? f->segment.time : shown;
    }

    return oa_timeline_place(clock, shown, f->track.filled,
                             f->track.conf.part_target);
}


static void
oa_follower_count_keyframe(oa_follower_t *f, int64_t time)
{
    oa_live_stats_t  *stats;

    stats = &f->track.stats;
    stats->keyframes++;

    if (f->keyframe_time >= 0 && time > f->keyframe_time) {
        stats->keyframe_interval_ms =
            (uint64_t) oa_rescale(time - f->keyframe_time, 1000,
                                  f->track.conf.timescale);
    }

    f->keyframe_time = time;
}


static oa_err_t
oa_follower_add(oa_follower_t *f, const oa_follower_frame_t *frame, bool first)
{
    bool                 full;
    int64_t              shown, composition;
    oa_err_t             err;
    oa_codec_sample_t    sample;
    oa_timeline_place_t  place;

    memset(&sample, 0, sizeof(sample));
    sample.pieces[0] = frame->data;
    sample.npieces = 1;
    sample.sync = frame->sync;

    shown = oa_follower_shown(f, frame->time, first);
    place = oa_follower_place(f, shown, first);

    if (!first && f->track.segment_ticks + place.duration > f->limit) {
        /* the source has cut before: what is left of it is not to be had */
        f->track.clock.next = place.decode_time;
        f->track.stats.dropped_frames++;
        return oa_track_cut(&f->track);
    }

    composition = f->track.kind == OA_LIVE_VIDEO ? shown - place.decode_time
                                                 : 0;
    composition = composition > INT32_MAX ? INT32_MAX
                  : composition < INT32_MIN ? INT32_MIN : composition;

    err = oa_track_add(&f->track, &sample, &place, (int32_t) composition,
                       &full);
    if (err != OA_OK) {
        f->track.clock.next = place.decode_time;
        return err;
    }

    f->last_time = frame->time;

    if (frame->sync && f->track.kind == OA_LIVE_VIDEO) {
        oa_follower_count_keyframe(f, frame->time);
    }

    err = oa_follower_end_early(f);
    if (err != OA_OK || !full) {
        return err;
    }

    return oa_track_flush(&f->track, false);
}


static oa_err_t
oa_follower_take(oa_follower_t *f, const oa_follower_frame_t *frame)
{
    bool      first;
    oa_err_t  err;

    err = oa_follower_pass(f, frame->time);
    if (err != OA_OK) {
        return err;
    }

    first = f->pending && (frame->sync || f->track.kind == OA_LIVE_AUDIO);

    if (!first && !f->track.segment_open) {
        f->track.stats.dropped_frames += !f->parked;
        return OA_OK;
    }

    err = first ? oa_follower_begin(f) : OA_OK;

    return err == OA_OK ? oa_follower_add(f, frame, first) : err;
}


oa_err_t
oa_follower_frame(oa_follower_t *f, const oa_follower_frame_t *frame)
{
    oa_err_t  err;

    if (!f->track.configured) {
        return OA_EINVAL;
    }

    err = oa_follower_take(f, frame);

    if (err != OA_OK) {
        f->track.stats.dropped_frames++;
        oa_follower_drop(f);

    } else if (f->track.dirty) {
        f->parked = false;
    }

    oa_follower_wake(f);

    /* a session that was resumed has a later segment: it will be reached */
    return err == OA_EINVAL ? OA_OK : err;
}
