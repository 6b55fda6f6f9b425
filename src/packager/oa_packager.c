
#include "packager/oa_packager_impl.h"

#include <string.h>


void
oa_packager_notice(oa_packager_t *p, oa_packager_level_t level,
    const char *text)
{
    if (p->events.notice != NULL) {
        p->events.notice(p->events.ctx, level, text);
    }
}


void
oa_packager_refuse(oa_flv_refusal_t *refusal, const char *reason)
{
    if (refusal != NULL) {
        refusal->reason = reason;
        refusal->fourcc[0] = '\0';
    }
}


static oa_err_t
oa_packager_attach(oa_packager_t *p, oa_live_session_t session, bool resumed)
{
    oa_err_t                err;
    oa_live_session_info_t  info;

    err = oa_live_session_info(p->live, session, &info);
    if (err != OA_OK) {
        return err;
    }

    p->session = session;
    p->resumed = resumed;
    p->epoch_unix_us = info.conf.epoch_unix_us;
    p->target_duration_s = info.conf.target_duration_s;

    if (p->said.nfields > 0) {
        oa_live_metadata_set(p->live, session, &p->said);
    }

    /* the longest EXTINF that still rounds to the target duration */
    p->segment_limit_ms = (uint64_t) info.conf.target_duration_s * 1000 + 499;

    return OA_OK;
}


static void
oa_packager_tracks_init(oa_packager_t *p)
{
    unsigned     i;
    oa_track_t  *tracks[] = { &p->video, &p->audio };

    for (i = 0; i < 2; i++) {
        tracks[i]->live = p->live;
        tracks[i]->mem = p->mem;
        tracks[i]->max_bytes = p->conf.max_pending_bytes;
    }

    p->video.kind = OA_LIVE_VIDEO;
    p->video.picture = &p->picture;
    p->audio.kind = OA_LIVE_AUDIO;
    p->audio.sound = &p->sound;
}


oa_err_t
oa_packager_create(oa_packager_t **packager, oa_live_t *live,
    oa_live_session_t session, bool resumed, const oa_packager_conf_t *conf,
    const oa_mem_t *mem, const oa_packager_events_t *events)
{
    oa_err_t        err;
    oa_packager_t  *p;

    if (conf->part_target_ms < 50 || conf->part_target_ms > 2000
        || conf->segment_target_ms < 500 || conf->segment_target_ms > 10000
        || conf->segment_target_ms < 2 * conf->part_target_ms)
    {
        return OA_EINVAL;
    }

    p = mem->realloc(mem->ctx, NULL, sizeof(oa_packager_t));
    if (p == NULL) {
        return OA_ENOMEM;
    }

    memset(p, 0, sizeof(*p));
    p->live = live;
    p->conf = *conf;
    p->mem = *mem;
    p->events = *events;
    p->pending_last = &p->pending;
    oa_packager_tracks_init(p);

    err = oa_packager_attach(p, session, resumed);
    if (err != OA_OK) {
        mem->realloc(mem->ctx, p, 0);
        return err;
    }

    *packager = p;

    return OA_OK;
}


/* Wakes the readers of what a message has published. */
static void
oa_packager_wake(oa_packager_t *p)
{
    unsigned     i;
    oa_track_t  *tracks[] = { &p->video, &p->audio };

    for (i = 0; i < 2; i++) {
        if (tracks[i]->dirty) {
            tracks[i]->dirty = false;
            p->events.published(p->events.ctx, tracks[i]->rendition);
        }
    }
}


oa_err_t
oa_packager_add(oa_packager_t *p, oa_track_t *t,
    const oa_codec_sample_t *sample, const oa_timeline_place_t *place,
    int32_t composition)
{
    bool                 full;
    oa_err_t             err;
    oa_packager_frame_t  frame;

    err = oa_track_add(t, sample, place, composition, &full);
    if (err != OA_OK) {
        return err;
    }

    oa_packager_frame_set(&frame, t, sample, place, composition);

    if (full) {
        err = oa_track_flush(t, t->kind == OA_LIVE_VIDEO
                                ? oa_packager_video_hint(p)
                                : oa_packager_audio_hint(p));
    }

    if (err == OA_OK && p->events.frame != NULL) {
        p->events.frame(p->events.ctx, &frame);
    }

    return err;
}


/* What is whole of the open parts goes out, as far as it can be stored. */
static void
oa_packager_flush(oa_packager_t *p)
{
    oa_err_t  err;

    if (!p->running) {
        return;
    }

    err = oa_track_flush(&p->video, false);
    if (err == OA_OK) {
        err = oa_track_flush(&p->audio, false);
    }

    if (err != OA_OK && err != OA_EGONE) {
        oa_packager_notice(p, OA_PACKAGER_WARN,
                           "the last frames could not be stored");
    }

    oa_packager_wake(p);
}


void
oa_packager_destroy(oa_packager_t *p)
{
    oa_packager_flush(p);
    oa_packager_health(p);
    oa_packager_pending_free(p);
    oa_track_free(&p->video);
    oa_track_free(&p->audio);
    p->mem.realloc(p->mem.ctx, p, 0);
}


/* Forgets the rendition; the source's configuration and clock offsets stay */
static void
oa_packager_detach(oa_track_t *t)
{
    oa_track_discard(t);
    t->stamped = false;
    t->offset_ms = 0;
    t->total_ticks = 0;
    t->total_bytes = 0;
    memset(&t->stats, 0, sizeof(t->stats));
}


oa_err_t
oa_packager_restart(oa_packager_t *p)
{
    oa_err_t           err;
    oa_live_session_t  session;

    oa_packager_flush(p);
    p->running = false;

    err = p->events.restart(p->events.ctx, &session);
    if (err != OA_OK) {
        return err;
    }

    oa_packager_detach(&p->video);
    oa_packager_detach(&p->audio);
    p->ncuts = 0;

    return oa_packager_attach(p, session, false);
}


void
oa_packager_metadata(oa_packager_t *p, const oa_amf_metadata_t *metadata)
{
    oa_timeline_rate_t  rate;

    p->metadata = *metadata;
    p->has_metadata = true;

    if (oa_timeline_rate_snap(metadata->frame_rate, 1, &rate)) {
        p->declared = rate;
    }
}


static oa_err_t
oa_packager_frame(oa_packager_t *p, oa_live_kind_t kind,
    const oa_flv_message_t *message, uint32_t timestamp_ms, int64_t unix_us)
{
    return kind == OA_LIVE_VIDEO
           ? oa_packager_video_frame(p, message, timestamp_ms, unix_us)
           : oa_packager_audio_frame(p, message, timestamp_ms, unix_us);
}


/* The frames that waited for the tracks to be known. */
static oa_err_t
oa_packager_replay(oa_packager_t *p)
{
    oa_err_t                err;
    oa_flv_message_t        message;
    oa_packager_pending_t  *held;

    for (held = p->pending; held != NULL && p->running; held = held->next) {
        err = held->kind == OA_LIVE_VIDEO
              ? oa_flv_video_parse(oa_slice(held->body, held->size), &message,
                                   NULL)
              : oa_flv_audio_parse(oa_slice(held->body, held->size), &message,
                                   NULL);
        if (err == OA_OK) {
            message.composition_ms += held->earlier_ms;
            err = oa_packager_frame(p, held->kind, &message,
                                    held->timestamp_ms
                                    - (uint32_t) held->earlier_ms,
                                    held->unix_us);
        }

        if (err != OA_OK && err != OA_EINVAL) {
            return err;
        }
    }

    oa_packager_pending_free(p);

    return OA_OK;
}


static oa_err_t
oa_packager_frames(oa_packager_t *p, oa_track_t *t, oa_slice_t body,
    const oa_flv_message_t *message, uint32_t timestamp_ms, int64_t unix_us)
{
    oa_err_t  err;

    if (!t->configured) {
        return OA_OK;
    }

    if (p->running) {
        return oa_packager_frame(p, t->kind, message, timestamp_ms, unix_us);
    }

    if (t->kind == OA_LIVE_AUDIO && t->held.frames == 0) {
        oa_packager_audio_measure(p, message->data);
    }

    err = oa_packager_hold(p, t->kind, body, timestamp_ms, unix_us);
    if (err != OA_OK || !oa_packager_ready(p)) {
        return err;
    }

    err = oa_packager_start(p);
    if (err != OA_OK) {
        return err;
    }

    return oa_packager_replay(p);
}


/* Of a source with several tracks, the one that is configured first plays. */
static oa_err_t
oa_packager_track(oa_track_t *t, const oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    if (message->kind != OA_FLV_CONFIG && message->kind != OA_FLV_FRAMES) {
        return OA_OK;
    }

    if (!t->configured) {
        t->number = message->track;
    }

    if (t->number == message->track) {
        return OA_OK;
    }

    oa_packager_refuse(refusal, t->kind == OA_LIVE_VIDEO
                       ? "several video tracks are not supported; switch"
                         " multitrack video off"
                       : "several audio tracks are not supported; send one");

    return OA_EUNSUPPORTED;
}


oa_err_t
oa_packager_video(oa_packager_t *p, oa_slice_t body, uint32_t timestamp_ms,
    int64_t unix_us, oa_flv_refusal_t *refusal)
{
    oa_err_t          err;
    oa_flv_message_t  message;

    p->video.received += body.size;
    err = oa_flv_video_parse(body, &message, refusal);
    if (err == OA_OK) {
        err = oa_packager_track(&p->video, &message, refusal);
    }

    if (err != OA_OK) {
        return err;
    }

    if (message.kind == OA_FLV_CONFIG) {
        err = oa_packager_video_config(p, &message, refusal);

    } else if (message.kind == OA_FLV_FRAMES) {
        err = oa_packager_frames(p, &p->video, body, &message, timestamp_ms,
                                 unix_us);
    }

    oa_packager_wake(p);

    return err;
}


oa_err_t
oa_packager_audio(oa_packager_t *p, oa_slice_t body, uint32_t timestamp_ms,
    int64_t unix_us, oa_flv_refusal_t *refusal)
{
    oa_err_t          err;
    oa_flv_message_t  message;

    p->audio.received += body.size;
    err = oa_flv_audio_parse(body, &message, refusal);
    if (err == OA_OK) {
        err = oa_packager_track(&p->audio, &message, refusal);
    }

    if (err != OA_OK) {
        return err;
    }

    if (message.kind == OA_FLV_CONFIG) {
        err = oa_packager_audio_config(p, &message, refusal);

    } else if (message.kind == OA_FLV_FRAMES) {
        err = oa_packager_frames(p, &p->audio, body, &message, timestamp_ms,
                                 unix_us);
    }

    oa_packager_wake(p);

    return err;
}
