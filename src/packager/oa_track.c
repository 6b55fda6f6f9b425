
/* One rendition: source time, the open part, storing it, its figures. */


#include "packager/oa_packager_impl.h"

#include <string.h>


/* Steps of the source's timestamps that are looked at twice. */
#define OA_TRACK_BACK_MS         300
#define OA_TRACK_VIDEO_GAP_MS    5000
#define OA_TRACK_AUDIO_GAP_MS    1000

/* What a track may lag behind its source, for a while. */
#define OA_TRACK_MAX_LAG_MS      2000

/* The other track's jump is this one's, too, within these. */
#define OA_TRACK_SAME_JUMP_MS    1500
#define OA_TRACK_SAME_JUMP_US    (5 * 1000000)


uint64_t
oa_track_ticks(const oa_packager_track_t *t, uint64_t ms)
{
    return ms * t->conf.timescale / 1000;
}


bool
oa_track_far_behind(const oa_packager_track_t *t, int64_t time)
{
    return time - t->clock.next
           > (int64_t) oa_track_ticks(t, OA_TRACK_MAX_LAG_MS);
}


/* The source paused, and its clock and ours agree on how long. */
static void
oa_track_gap(oa_packager_t *p)
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
oa_track_jump(oa_packager_t *p, oa_packager_track_t *t, int64_t step_ms,
    int64_t unix_us)
{
    int64_t  difference, frame_ms;

    difference = step_ms - p->jump_step_ms;

    if (p->jump_unix_us == 0
        || unix_us - p->jump_unix_us > OA_TRACK_SAME_JUMP_US
        || difference > OA_TRACK_SAME_JUMP_MS
        || difference < -OA_TRACK_SAME_JUMP_MS)
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
oa_track_step(oa_packager_t *p, oa_packager_track_t *t, int64_t step_ms,
    int64_t unix_us)
{
    int64_t  gap_ms, elapsed_ms, difference;

    gap_ms = t->kind == OA_LIVE_VIDEO ? OA_TRACK_VIDEO_GAP_MS
                                      : OA_TRACK_AUDIO_GAP_MS;

    if (step_ms >= -OA_TRACK_BACK_MS && step_ms <= gap_ms) {
        return;
    }

    elapsed_ms = (unix_us - t->last_unix_us) / 1000;
    difference = step_ms - elapsed_ms;

    if (step_ms > 0 && difference < 1000 && difference > -1000) {

        /* unless the other track has told of it */
        if (!t->reanchor) {
            oa_track_gap(p);
        }

    } else {
        oa_track_jump(p, t, step_ms, unix_us);
    }
}


/* Frames that came later behind the earliest one than a part lasts. */
static void
oa_track_lateness(oa_packager_t *p, oa_packager_track_t *t, int64_t media_us,
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
oa_track_time(oa_packager_t *p, oa_packager_track_t *t, uint32_t timestamp_ms,
    int64_t unix_us)
{
    int64_t  ms, media_us;

    ms = oa_timeline_unwrap(&t->unwrap, timestamp_ms);

    if (t->stamped) {
        oa_track_step(p, t, ms - t->last_ms, unix_us);
    }

    t->last_ms = ms;
    t->last_unix_us = unix_us;
    t->stamped = true;

    media_us = p->anchor_us + (ms + t->offset_ms) * 1000;
    if (media_us < 0) {
        media_us = 0;
    }

    oa_track_lateness(p, t, media_us, unix_us);

    return oa_rescale(media_us, t->conf.timescale, 1000000);
}


bool
oa_track_has_config(const oa_packager_track_t *t, oa_slice_t config)
{
    return t->configured && t->config.size == config.size
           && memcmp(t->config.data, config.data, config.size) == 0;
}


oa_err_t
oa_track_set_config(oa_packager_t *p, oa_packager_track_t *t,
    oa_slice_t config)
{
    oa_err_t  err;

    t->config.size = 0;
    err = oa_packager_buf_append(p, &t->config, config.data, config.size,
                                 OA_LIVE_INIT_BYTES - OA_CMAF_INIT_OVERHEAD);
    t->configured = (err == OA_OK);

    return err;
}


oa_err_t
oa_track_init(oa_packager_t *p, oa_packager_track_t *t)
{
    size_t      size;
    uint8_t     init[OA_LIVE_INIT_BYTES];
    oa_err_t    err;
    oa_slice_t  config;

    config = oa_slice(t->config.data, t->config.size);

    err = t->kind == OA_LIVE_VIDEO
          ? oa_cmaf_video_init(&p->picture, config, t->conf.timescale, init,
                               sizeof(init), &size)
          : oa_cmaf_audio_init(&p->sound, config, t->conf.timescale, init,
                               sizeof(init), &size);

    if (err != OA_OK) {
        return err;
    }

    return oa_live_init_add(p->live, t->rendition, oa_slice(init, size),
                            &t->format, &t->init_id);
}


static void
oa_track_measure(oa_packager_track_t *t, uint64_t bytes)
{
    double  bps, weight;

    t->total_bytes += bytes;
    t->total_ticks += t->filled;
    t->segment_bytes += bytes;

    t->stats.average_bps = (uint64_t) oa_rescale((int64_t) t->total_bytes * 8,
                                                 t->conf.timescale,
                                                 (int64_t) t->total_ticks);

    bps = (double) bytes * 8 * t->conf.timescale / t->filled;
    weight = (double) t->filled / t->conf.timescale / 3;

    if (t->current_bps <= 0 || weight > 1) {
        weight = 1;
    }

    t->current_bps += (bps - t->current_bps) * weight;
    t->stats.current_bps = (uint64_t) t->current_bps;
}


/* The heaviest segment so far is what BANDWIDTH promises. */
static void
oa_track_measure_segment(oa_packager_track_t *t)
{
    uint64_t  bps;

    /* a stub before a discontinuity says nothing */
    if (t->segment_ticks < t->conf.timescale / 2) {
        return;
    }

    bps = (uint64_t) oa_rescale((int64_t) t->segment_bytes * 8,
                                t->conf.timescale,
                                (int64_t) t->segment_ticks);

    if (bps > t->stats.bandwidth_bps) {
        t->stats.bandwidth_bps = bps;
    }
}


static oa_err_t
oa_track_header(const oa_packager_t *p, const oa_packager_track_t *t,
    uint8_t *header, size_t capacity, size_t *size)
{
    oa_cmaf_chunk_t  chunk;

    chunk.sequence_number = (uint32_t) t->sequence;
    chunk.decode_time = t->part_time;
    chunk.samples = t->samples;
    chunk.nsamples = t->nsamples;
    chunk.audio = (t->kind == OA_LIVE_AUDIO);
    chunk.preroll = chunk.audio && p->sound.preroll;

    return oa_cmaf_chunk_header(&chunk, header, capacity, size);
}


oa_err_t
oa_track_flush(oa_packager_t *p, oa_packager_track_t *t, bool hint_segment)
{
    size_t           size, part_bytes;
    uint8_t          header[OA_CMAF_MOOF_SIZE(OA_PACKAGER_MAX_SAMPLES)];
    oa_err_t         err;
    oa_slice_t       pieces[2];
    oa_live_part_t   part;

    if (t->nsamples == 0) {
        return OA_OK;
    }

    err = oa_track_header(p, t, header, sizeof(header), &size);
    if (err != OA_OK) {
        return err;
    }

    pieces[0] = oa_slice(header, size);
    pieces[1] = oa_slice(t->data.data, t->data.size);

    part.pieces = pieces;
    part.npieces = 2;
    part.decode_time = t->part_time;
    part.delay = t->delay;
    part.duration = t->filled;
    part.init_id = t->init_id;
    part.flags = t->flags | (hint_segment ? OA_LIVE_PART_HINT_SEGMENT : 0);

    part_bytes = size + t->data.size;
    oa_track_measure(t, part_bytes);
    oa_live_stats_set(p->live, t->rendition, &t->stats);

    err = oa_live_part_append(p->live, t->rendition, &part);

    if (err == OA_EFULL && !(part.flags & OA_LIVE_PART_SEGMENT_START)) {
        /* then the open segment gives way, too: the stream goes on */
        oa_live_segment_close(p->live, t->rendition);
        part.flags |= OA_LIVE_PART_SEGMENT_START;
        t->segment_ticks = t->filled;
        t->segment_bytes = part_bytes;
        err = oa_live_part_append(p->live, t->rendition, &part);
    }

    if (err != OA_OK) {
        return err;
    }

    t->sequence++;
    t->nsamples = 0;
    t->data.size = 0;
    t->filled = 0;
    t->flags = 0;
    t->dirty = true;

    return OA_OK;
}


oa_err_t
oa_track_cut(oa_packager_t *p, oa_packager_track_t *t)
{
    oa_err_t  err;

    if (!t->segment_open) {
        return OA_OK;
    }

    err = oa_track_flush(p, t, true);
    if (err != OA_OK) {
        return err;
    }

    oa_live_segment_close(p->live, t->rendition);
    oa_track_measure_segment(t);
    t->segment_open = false;
    t->dirty = true;

    return OA_OK;
}


/* The frame to come opens a segment. */
static oa_err_t
oa_track_begin(oa_packager_t *p, oa_packager_track_t *t)
{
    oa_err_t  err;

    if (t->new_init) {
        err = oa_track_init(p, t);
        if (err != OA_OK) {
            return err;
        }

        t->new_init = false;
    }

    t->flags = OA_LIVE_PART_SEGMENT_START;

    if (t->discontinuity) {
        t->flags |= OA_LIVE_PART_DISCONTINUITY;
        t->discontinuity = false;
    }

    t->segment_open = true;
    t->segment_ticks = 0;
    t->segment_bytes = 0;

    return OA_OK;
}


static oa_err_t
oa_track_append(oa_packager_t *p, oa_packager_track_t *t,
    const oa_codec_sample_t *frame)
{
    unsigned  i;
    oa_err_t  err;

    for (i = 0; i < frame->npieces; i++) {
        err = oa_packager_buf_append(p, &t->data, frame->pieces[i].data,
                                     frame->pieces[i].size,
                                     p->conf.max_pending_bytes);
        if (err != OA_OK) {
            return err;
        }
    }

    return OA_OK;
}


oa_err_t
oa_track_add(oa_packager_t *p, oa_packager_track_t *t,
    const oa_codec_sample_t *frame, const oa_timeline_place_t *place,
    int32_t composition)
{
    bool               hint;
    size_t             before;
    oa_err_t           err;
    oa_cmaf_sample_t  *sample;

    err = t->segment_open ? OA_OK : oa_track_begin(p, t);
    if (err != OA_OK) {
        return err;
    }

    before = t->data.size;

    err = oa_track_append(p, t, frame);
    if (err != OA_OK) {
        t->data.size = before;
        return err;
    }

    if (t->nsamples == 0) {
        t->part_time = (uint64_t) place->decode_time;
        t->flags |= frame->sync ? OA_LIVE_PART_INDEPENDENT : 0;
    }

    sample = &t->samples[t->nsamples++];
    sample->duration = place->duration;
    sample->size = (uint32_t) (t->data.size - before);
    sample->composition = composition;
    sample->sync = frame->sync;

    t->filled += place->duration;
    t->segment_ticks += place->duration;
    t->stats.frames++;

    if (!place->full && t->nsamples < OA_PACKAGER_MAX_SAMPLES) {
        return OA_OK;
    }

    hint = t->kind == OA_LIVE_VIDEO ? oa_packager_video_hint(p)
                                    : oa_packager_audio_hint(p);

    return oa_track_flush(p, t, hint);
}
