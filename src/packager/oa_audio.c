
#include "packager/oa_packager_impl.h"

#include <string.h>


/* Video that does not come does not keep the audio back for longer. */
#define OA_AUDIO_WAIT_MS      2000

/* A keyframe that comes so near to where it was expected is that one. */
#define OA_AUDIO_FORECAST_US  500000


/* Another configuration goes with both tracks' next segments. */
static void
oa_audio_changed(oa_packager_t *p)
{
    p->audio.new_init = true;
    p->audio.discontinuity = true;
    p->video.discontinuity = p->video.configured;
    (void) oa_packager_tell_tracks(p);
}


oa_err_t
oa_packager_audio_config(oa_packager_t *p, const oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    bool              new_track, new_clock;
    oa_err_t          err;
    oa_codec_audio_t  sound;
    oa_track_t       *t;

    t = &p->audio;

    if (message->codec == p->sound.codec
        && oa_track_has_config(t, message->data))
    {
        return OA_OK;
    }

    err = oa_codec_audio_config(message->codec, message->data, &sound);
    if (err != OA_OK) {
        oa_packager_refuse(refusal, oa_codec_audio(message->codec)->unusable);
        return err;
    }

    /* what the packets themselves tell was measured, not configured */
    if (sound.codec == p->sound.codec && sound.varies) {
        sound.frame_samples = p->sound.frame_samples;
    }

    new_track = p->running && !t->configured;
    new_clock = p->running && t->configured
                && (sound.codec != p->sound.codec
                    || sound.clock_rate != p->sound.clock_rate
                    || sound.frame_samples != p->sound.frame_samples);

    /* what was coded with the old configuration belongs before the change */
    if (p->running && t->configured && !new_clock) {
        err = oa_track_cut(t);
        if (err != OA_OK) {
            return err;
        }
    }

    err = oa_track_set_config(t, message->data);
    if (err != OA_OK) {
        return err;
    }

    p->sound = sound;
    oa_track_format_audio(t);

    if (new_track || new_clock) {
        oa_packager_notice(p, OA_PACKAGER_WARN, new_track
                           ? "audio began late: a new session"
                           : "the audio changed: a new session");
        return oa_packager_restart(p);
    }

    if (p->running) {
        oa_audio_changed(p);
    }

    return OA_OK;
}


void
oa_packager_audio_measure(oa_packager_t *p, oa_slice_t packet)
{
    uint32_t  samples;

    if (oa_codec_audio_duration(&p->sound, packet, &samples) == OA_OK) {
        p->sound.frame_samples = samples;
    }
}


void
oa_packager_audio_packet(oa_packager_t *p, uint32_t samples)
{
    oa_track_t  *t;

    t = &p->audio;
    t->clock.frame = samples;
    t->clock.band = samples + samples / 2;

    if (t->clock.band < t->conf.timescale / 16) {
        t->clock.band = t->conf.timescale / 16;
    }
}


void
oa_packager_audio_wait(oa_packager_t *p)
{
    p->audio_waits = p->video.configured;
    p->audio_waited_ms = -1;
    p->ncuts = 0;
    p->forecast_us = -1;
}


/* Whether a frame is before the video's beginning: it is left out. */
static bool
oa_audio_too_early(oa_packager_t *p, int64_t time)
{
    int64_t  ms;

    if (!p->audio_waits) {
        return false;
    }

    time += p->audio.clock.frame / 2;
    ms = oa_rescale(time, 1000, p->audio.conf.timescale);

    if (p->audio_waited_ms < 0) {
        p->audio_waited_ms = ms;
    }

    p->audio_waits = p->ncuts == 0
                     ? ms - p->audio_waited_ms < OA_AUDIO_WAIT_MS
                     : ms * 1000 < p->cuts[0].time_us;

    return p->audio_waits;
}


/* Whether the next frame belongs behind a boundary. */
static bool
oa_audio_reaches(const oa_packager_t *p, int64_t time_us)
{
    return oa_rescale(p->audio.clock.next + p->audio.clock.frame / 2, 1000000,
                      p->audio.conf.timescale)
           >= time_us;
}


/* Whether the next frame is at or past the video's segment boundary. */
static bool
oa_audio_at_cut(const oa_packager_t *p)
{
    /* the clock is about to jump to where the video has begun */
    if (p->ncuts != 0 && p->audio.reanchor) {
        return true;
    }

    return p->ncuts != 0 && oa_audio_reaches(p, p->cuts[0].time_us);
}


/*
 * The same before the video's keyframe has come: most often the audio is a
 * little ahead of it in the publisher's messages.
 */
static bool
oa_audio_at_forecast(const oa_packager_t *p, int64_t *time_us)
{
    return p->ncuts == 0 && p->forecast_us < 0 && !p->audio.reanchor
           && !p->audio.discontinuity
           && oa_packager_video_forecast(p, time_us)
           && oa_audio_reaches(p, *time_us);
}


/*
 * The last part of a segment is whole as soon as the boundary behind it is
 * known: it does not wait for the frame that follows.
 */
static oa_err_t
oa_audio_close_part(oa_packager_t *p)
{
    int64_t  time_us;

    if (!p->audio.segment_open) {
        return OA_OK;
    }

    if (oa_audio_at_cut(p)) {
        return oa_track_flush(&p->audio, true);
    }

    if (!oa_audio_at_forecast(p, &time_us)) {
        return OA_OK;
    }

    p->forecast_us = time_us;

    return oa_track_cut(&p->audio);
}


/* Whether the audio has been cut at this boundary already. */
static bool
oa_audio_foreseen(oa_packager_t *p, int64_t time_us)
{
    int64_t  off_us;

    off_us = time_us - p->forecast_us;

    if (p->forecast_us < 0) {
        return false;
    }

    p->forecast_us = -1;

    return off_us < OA_AUDIO_FORECAST_US && -off_us < OA_AUDIO_FORECAST_US;
}


oa_err_t
oa_packager_audio_follow(oa_packager_t *p, int64_t time_us, bool discontinuity)
{
    oa_packager_cut_t  *cut;

    if (oa_audio_foreseen(p, time_us) && !discontinuity) {
        return OA_OK;
    }

    if (p->ncuts == OA_PACKAGER_MAX_CUTS) {
        /* audio has stalled: the earliest boundaries are of no use to it */
        p->cuts[1].discontinuity |= p->cuts[0].discontinuity;
        memmove(&p->cuts[0], &p->cuts[1],
                (OA_PACKAGER_MAX_CUTS - 1) * sizeof(p->cuts[0]));
        p->ncuts--;
    }

    cut = &p->cuts[p->ncuts++];
    cut->time_us = time_us;
    cut->discontinuity = discontinuity;

    return oa_audio_close_part(p);
}


/* At a part's boundary: whether the segment is long enough by itself. */
static bool
oa_audio_at_end(const oa_packager_t *p)
{
    uint64_t           target;
    const oa_track_t  *t;

    t = &p->audio;

    if (p->video.configured) {
        return t->segment_ticks + t->conf.part_target
               > oa_track_ticks(t, p->segment_limit_ms);
    }

    target = oa_track_ticks(t, p->conf.segment_target_ms);

    return t->segment_ticks + t->conf.part_target / 2 >= target;
}


bool
oa_packager_audio_hint(const oa_packager_t *p)
{
    int64_t  time_us;

    return oa_audio_at_cut(p) || oa_audio_at_end(p)
           || oa_audio_at_forecast(p, &time_us);
}


static oa_err_t
oa_audio_cut(oa_packager_t *p, int64_t time)
{
    bool         cut;
    oa_err_t     err;
    oa_track_t  *t;

    t = &p->audio;

    if (t->segment_open && !t->reanchor && oa_track_far_behind(t, time)) {
        t->reanchor = true;
        t->discontinuity = true;
        p->video.discontinuity = p->video.configured;
    }

    cut = t->reanchor || t->discontinuity
          || (t->nsamples == 0 && t->segment_open && oa_audio_at_end(p));

    while (oa_audio_at_cut(p)) {
        /* the session's first boundary is the beginning of both tracks */
        t->discontinuity |= p->cuts[0].discontinuity && t->sequence > 1;
        cut = true;
        p->ncuts--;
        memmove(&p->cuts[0], &p->cuts[1], p->ncuts * sizeof(p->cuts[0]));
    }

    if (!cut) {
        return OA_OK;
    }

    err = oa_track_cut(t);
    if (err != OA_OK) {
        return err;
    }

    if (t->reanchor) {
        t->clock.next = time > t->clock.next ? time : t->clock.next;
        t->clock.mean_lag = 0;
        t->reanchor = false;
    }

    return OA_OK;
}


/*
 * Takes the clock to the length of a packet.  p->running is false afterwards
 * when it is longer than a part may be: only a new session has longer parts.
 */
static oa_err_t
oa_audio_packet(oa_packager_t *p, oa_slice_t packet)
{
    oa_err_t  err;
    uint32_t  samples;

    err = oa_codec_audio_duration(&p->sound, packet, &samples);
    if (err != OA_OK || samples == p->audio.clock.frame) {
        return err;
    }

    if (samples > p->audio.conf.part_target) {
        p->sound.frame_samples = samples;
        oa_packager_notice(p, OA_PACKAGER_WARN, "the audio packets are longer "
                           "than parts: a new session");
        return oa_packager_restart(p);
    }

    oa_packager_audio_packet(p, samples);

    return OA_OK;
}


/*
 * Packets of one length fill a part, give or take what the clock corrects; one
 * of another length that does not fit goes into the next.  Where a part stays
 * below 85% of its target (rfc8216bis, 4.4.4.9), its segment ends with it.
 */
static oa_err_t
oa_audio_make_room(oa_packager_t *p)
{
    uint32_t     room;
    oa_track_t  *t;

    t = &p->audio;
    room = t->filled < t->conf.part_target ? t->conf.part_target - t->filled
                                           : 0;

    if (!p->sound.varies || t->nsamples == 0
        || room >= t->clock.frame - t->clock.frame / 4)
    {
        return OA_OK;
    }

    if ((uint64_t) t->filled * 100 < (uint64_t) t->conf.part_target * 85) {
        return oa_track_cut(t);
    }

    return oa_track_flush(t, oa_packager_audio_hint(p));
}


oa_err_t
oa_packager_audio_frame(oa_packager_t *p, const oa_flv_message_t *message,
    uint32_t timestamp_ms, int64_t unix_us)
{
    int64_t              time;
    oa_err_t             err;
    oa_codec_sample_t    sample;
    oa_track_t          *t;
    oa_timeline_place_t  place;

    t = &p->audio;

    if (message->codec != p->sound.codec) {
        return OA_EINVAL;
    }

    err = oa_audio_packet(p, message->data);
    if (err != OA_OK || !p->running) {
        return err;
    }

    time = oa_packager_time(p, t, timestamp_ms, unix_us);

    if (oa_audio_too_early(p, time)) {
        return OA_OK;
    }

    err = oa_audio_cut(p, time);
    if (err != OA_OK) {
        return err;
    }

    err = oa_audio_make_room(p);
    if (err != OA_OK) {
        return err;
    }

    place = oa_timeline_place(&t->clock, time, t->filled,
                              t->conf.part_target);
    t->stats.dropped_frames += place.duration / t->clock.frame > 1
                               ? place.duration / t->clock.frame - 1 : 0;

    sample.pieces[0] = message->data;
    sample.npieces = 1;
    sample.sync = true;
    err = oa_packager_add(p, t, &sample, &place, 0);

    return err == OA_OK ? oa_audio_close_part(p) : err;
}
