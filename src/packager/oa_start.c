
/* Before the first part: which tracks there are, and where media time is. */


#include "packager/oa_packager_impl.h"

#include <string.h>


/* How long a track may keep the other one waiting, ms of media. */
#define OA_START_WAIT_MS           1000
#define OA_START_WAIT_PROMISED_MS  3000

/* Frames that tell the rate of a source that does not declare one. */
#define OA_START_RATE_FRAMES       12

/* The source's renditions. */
#define OA_START_VIDEO             "video"
#define OA_START_AUDIO             "audio"

#define OA_START_DEFAULT_RATE      ((oa_timeline_rate_t) { 30, 1 })


oa_err_t
oa_packager_hold(oa_packager_t *p, oa_live_kind_t kind, oa_slice_t body,
    uint32_t timestamp_ms, int64_t unix_us)
{
    size_t                  size;
    oa_track_span_t        *span;
    oa_packager_pending_t  *held;

    size = sizeof(*held) + body.size;

    if (size > p->conf.max_pending_bytes
        || p->pending_bytes > p->conf.max_pending_bytes - size)
    {
        return OA_EFULL;
    }

    held = p->mem.realloc(p->mem.ctx, NULL, size);
    if (held == NULL) {
        return OA_ENOMEM;
    }

    held->next = NULL;
    held->kind = kind;
    held->timestamp_ms = timestamp_ms;
    held->earlier_ms = 0;
    held->unix_us = unix_us;
    held->size = body.size;
    memcpy(held->body, body.data, body.size);

    *p->pending_last = held;
    p->pending_last = &held->next;
    p->pending_bytes += size;

    span = kind == OA_LIVE_VIDEO ? &p->video.held : &p->audio.held;
    span->first_ms = span->frames == 0 ? timestamp_ms : span->first_ms;
    span->last_ms = timestamp_ms;
    span->frames++;

    return OA_OK;
}


void
oa_packager_pending_free(oa_packager_t *p)
{
    oa_packager_pending_t  *held;

    while (p->pending != NULL) {
        held = p->pending;
        p->pending = held->next;
        p->mem.realloc(p->mem.ctx, held, 0);
    }

    p->pending_last = &p->pending;
    p->pending_bytes = 0;
    memset(&p->video.held, 0, sizeof(p->video.held));
    memset(&p->audio.held, 0, sizeof(p->audio.held));
}


/* Whether the track, or the rate of the video, is worth no more waiting. */
static bool
oa_start_waited(const oa_packager_t *p, oa_live_kind_t held_kind,
    bool promised)
{
    const oa_track_span_t  *span;

    /* half of what may be held is left for the frames to come */
    if (p->pending_bytes > p->conf.max_pending_bytes / 2) {
        return true;
    }

    span = held_kind == OA_LIVE_VIDEO ? &p->video.held : &p->audio.held;

    /* a step back or a jump counts as long, too */
    return span->last_ms - span->first_ms
           >= (promised ? OA_START_WAIT_PROMISED_MS : OA_START_WAIT_MS);
}


bool
oa_packager_ready(const oa_packager_t *p)
{
    if (!p->video.configured) {
        return (p->has_metadata && p->metadata.has_audio
                && !p->metadata.has_video)
               || oa_start_waited(p, OA_LIVE_AUDIO,
                                  p->has_metadata && p->metadata.has_video);
    }

    if (!p->audio.configured
        && !(p->has_metadata && p->metadata.has_video
             && !p->metadata.has_audio)
        && !oa_start_waited(p, OA_LIVE_VIDEO,
                            p->has_metadata && p->metadata.has_audio))
    {
        return false;
    }

    return (p->declared.den != 0 && oa_packager_settled(p))
           || p->video.held.frames >= OA_START_RATE_FRAMES
           || oa_start_waited(p, OA_LIVE_VIDEO, false)
           || oa_start_waited(p, OA_LIVE_AUDIO, false);
}


/* The rate that the part target is made of. */
static void
oa_start_rate(oa_packager_t *p)
{
    bool                    constant;
    oa_timeline_unwrap_t    unwrap;
    oa_timeline_cadence_t   cadence;
    oa_packager_pending_t  *held;

    memset(&cadence, 0, sizeof(cadence));
    oa_timeline_unwrap_init(&unwrap, 0);

    for (held = p->pending; held != NULL; held = held->next) {
        if (held->kind == OA_LIVE_VIDEO) {
            oa_timeline_cadence_add(&cadence,
                             oa_timeline_unwrap(&unwrap, held->timestamp_ms
                                                - (uint32_t) held->earlier_ms));
        }
    }

    if (cadence.count < OA_START_RATE_FRAMES
        || !oa_timeline_cadence_rate(&cadence, p->declared, &p->rate,
                                     &constant))
    {
        p->rate = p->declared.den ? p->declared : OA_START_DEFAULT_RATE;
        constant = true;
    }

    p->video.clock.constant = constant;
}


/* Fills in what is fixed for the session. */
static void
oa_start_conf(oa_packager_t *p, oa_track_t *t)
{
    int64_t                    frame, nframes;
    oa_live_rendition_conf_t  *conf;

    conf = &t->conf;
    memset(conf, 0, sizeof(*conf));
    conf->kind = t->kind;

    if (t->kind == OA_LIVE_VIDEO) {
        strcpy(conf->name, OA_START_VIDEO);
        conf->timescale = OA_PACKAGER_VIDEO_TIMESCALE;
        frame = oa_rescale(conf->timescale, p->rate.den, p->rate.num);

    } else {
        strcpy(conf->name, OA_START_AUDIO);
        conf->timescale = p->sound.clock_rate;
        frame = p->sound.frame_samples;
    }

    nframes = oa_rescale(p->conf.part_target_ms, conf->timescale,
                         frame * 1000);
    nframes = nframes > 0 ? nframes : 1;

    if (t->kind == OA_LIVE_VIDEO && nframes >= p->part_multiple) {
        nframes -= nframes % p->part_multiple;
    }

    conf->part_target = (uint32_t) (nframes * frame);
}


static void
oa_start_clock(oa_packager_t *p, oa_track_t *t)
{
    oa_timeline_clock_t  *clock;

    clock = &t->clock;
    clock->mean_lag = 0;

    if (t->kind == OA_LIVE_VIDEO) {
        clock->drift = t->conf.timescale / 250;
        oa_packager_video_rate(p);
        return;
    }

    clock->constant = true;
    clock->drift = t->conf.timescale / 100;
    oa_packager_audio_packet(p, p->sound.frame_samples);
}


/* Whether what is in the store was of the same codec: the text to the dot. */
static bool
oa_start_same_codec(const oa_packager_t *p, const oa_track_t *t)
{
    size_t            n;
    oa_live_format_t  format;

    if (oa_live_format_get(p->live, t->rendition, &format) != OA_OK) {
        return true;
    }

    n = strcspn(format.codecs, ".");

    return strncmp(format.codecs, t->format.codecs, n) == 0
           && (t->format.codecs[n] == '.' || t->format.codecs[n] == '\0');
}


/* Continues a rendition of a resumed session.  OA_EINVAL: it cannot be. */
static oa_err_t
oa_start_resume(oa_packager_t *p, oa_track_t *t)
{
    oa_err_t                  err;
    oa_live_rendition_conf_t  conf;

    err = oa_live_rendition_find(p->live, p->session,
                                 oa_slice(t->conf.name, strlen(t->conf.name)),
                                 &t->rendition);
    if (err != OA_OK) {
        return err == OA_ENOTFOUND ? OA_EINVAL : err;
    }

    err = oa_live_rendition_conf(p->live, t->rendition, &conf);
    if (err != OA_OK) {
        return err;
    }

    if (conf.timescale != t->conf.timescale || !oa_start_same_codec(p, t)) {
        return OA_EINVAL;
    }

    return oa_track_resume(t);
}


static oa_err_t
oa_start_track(oa_packager_t *p, oa_track_t *t)
{
    oa_err_t  err;

    oa_start_conf(p, t);

    if (p->resumed) {
        err = oa_start_resume(p, t);

    } else {
        t->clock.next = 0;
        t->sequence = 1;
        t->next_msn = 0;
        t->discontinuities = 0;
        t->discontinuity = false;
        err = oa_live_rendition_add(p->live, p->session, &t->conf,
                                    &t->rendition);
    }

    if (err != OA_OK) {
        return err;
    }

    oa_start_clock(p, t);
    t->reanchor = true;
    t->new_init = false;

    return oa_track_init(t);
}


/*
 * The earliest timestamp; of the first message, but for a video that was put
 * right.
 */
static uint32_t
oa_start_first(const oa_packager_t *p)
{
    uint32_t                first, decoded;
    oa_packager_pending_t  *held;

    first = p->pending->timestamp_ms;

    for (held = p->pending; held != NULL; held = held->next) {
        decoded = held->timestamp_ms - (uint32_t) held->earlier_ms;

        if (held->earlier_ms != 0 && (int32_t) (decoded - first) < 0) {
            first = decoded;
        }
    }

    return first;
}


/* Media time of the first timestamp, behind all that was stored before. */
static void
oa_start_anchor(oa_packager_t *p)
{
    unsigned     i;
    uint32_t     first;
    int64_t      end_us;
    oa_track_t  *tracks[] = { &p->video, &p->audio };

    p->anchor_us = 0;
    first = 0;

    if (p->pending != NULL) {
        p->anchor_us = p->pending->unix_us - p->epoch_unix_us;
        p->anchor_us = p->anchor_us > 0 ? p->anchor_us : 0;
        first = oa_start_first(p);
    }

    for (i = 0; i < 2; i++) {
        if (!tracks[i]->configured) {
            continue;
        }

        end_us = oa_rescale(tracks[i]->clock.next, 1000000,
                            tracks[i]->conf.timescale);
        p->anchor_us = end_us > p->anchor_us ? end_us : p->anchor_us;
    }

    /*
     * The other track may begin a little before the first message; 0 stays
     * the earliest media time all the same.
     */
    for (i = 0; i < 2; i++) {
        oa_timeline_unwrap_init(&tracks[i]->unwrap, first);
        tracks[i]->stamped = false;
        tracks[i]->offset_ms = 0;
    }

    p->jump_unix_us = 0;
}


static bool
oa_start_has(const oa_packager_t *p, const char *name)
{
    oa_live_rendition_t  rendition;

    return oa_live_rendition_find(p->live, p->session,
                                  oa_slice(name, strlen(name)), &rendition)
           == OA_OK;
}


/* A resumed session must have just these tracks, whatever is made of them. */
static bool
oa_start_fits(const oa_packager_t *p)
{
    return oa_start_has(p, OA_START_VIDEO) == p->video.configured
           && oa_start_has(p, OA_START_AUDIO) == p->audio.configured;
}


oa_err_t
oa_packager_start(oa_packager_t *p)
{
    oa_err_t  err;

    /* it may have been taken and lost before anything was published */
    p->resumed = p->resumed && (oa_start_has(p, OA_START_VIDEO)
                                || oa_start_has(p, OA_START_AUDIO));

    if (p->video.configured) {
        oa_packager_settle(p);
        oa_start_rate(p);
    }

    err = p->resumed && !oa_start_fits(p) ? OA_EINVAL : OA_OK;

    if (err == OA_OK) {
        p->part_multiple = oa_packager_tell_tracks(p);
    }

    if (err == OA_OK && p->video.configured) {
        err = oa_start_track(p, &p->video);
    }

    if (err == OA_OK && p->audio.configured) {
        err = oa_start_track(p, &p->audio);
    }

    if (err == OA_EINVAL && p->resumed) {
        oa_packager_notice(p, OA_PACKAGER_WARN,
                           "the tracks differ from before: a new session");
        err = oa_packager_restart(p);
        return err == OA_OK ? oa_packager_start(p) : err;
    }

    if (err != OA_OK) {
        return err;
    }

    oa_start_anchor(p);
    oa_packager_audio_wait(p);
    p->need_keyframe = true;
    p->running = true;

    return OA_OK;
}
