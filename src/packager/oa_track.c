
/* One rendition: the open part, storing it, its figures. */


#include "packager/oa_track.h"

#include <string.h>


/* TransferCharacteristics, ISO/IEC 23091-2 */
#define OA_TRACK_TRANSFER_PQ   16
#define OA_TRACK_TRANSFER_HLG  18

/* What a track may lag behind its source, for a while. */
#define OA_TRACK_MAX_LAG_MS  2000


uint64_t
oa_track_ticks(const oa_track_t *t, uint64_t ms)
{
    return ms * t->conf.timescale / 1000;
}


oa_err_t
oa_track_buf_append(const oa_mem_t *mem, oa_track_buf_t *buf,
    const void *data, size_t size, size_t limit)
{
    size_t    capacity;
    uint8_t  *grown;

    if (size > limit || buf->size > limit - size) {
        return OA_EFULL;
    }

    if (buf->size + size > buf->capacity) {
        capacity = (buf->size + size) + (buf->size + size) / 2;
        grown = mem->realloc(mem->ctx, buf->data, capacity);
        if (grown == NULL) {
            return OA_ENOMEM;
        }

        buf->data = grown;
        buf->capacity = capacity;
    }

    memcpy(buf->data + buf->size, data, size);
    buf->size += size;

    return OA_OK;
}


static void
oa_track_buf_free(const oa_mem_t *mem, oa_track_buf_t *buf)
{
    if (buf->data != NULL) {
        mem->realloc(mem->ctx, buf->data, 0);
    }

    memset(buf, 0, sizeof(*buf));
}


void
oa_track_free(oa_track_t *t)
{
    oa_track_buf_free(&t->mem, &t->config);
    oa_track_buf_free(&t->mem, &t->data);
}


bool
oa_track_far_behind(const oa_track_t *t, int64_t time)
{
    return time - t->clock.next
           > (int64_t) oa_track_ticks(t, OA_TRACK_MAX_LAG_MS);
}


bool
oa_track_has_config(const oa_track_t *t, oa_slice_t config)
{
    return t->configured && t->config.size == config.size
           && memcmp(t->config.data, config.data, config.size) == 0;
}


oa_err_t
oa_track_set_config(oa_track_t *t, oa_slice_t config)
{
    oa_err_t  err;

    t->config.size = 0;
    err = oa_track_buf_append(&t->mem, &t->config, config.data, config.size,
                              OA_LIVE_INIT_BYTES - OA_CMAF_INIT_OVERHEAD);
    t->configured = (err == OA_OK);

    return err;
}


static oa_live_range_t
oa_track_range(const oa_codec_colour_t *colour)
{
    if (!colour->known) {
        return OA_LIVE_SDR;
    }

    return colour->transfer == OA_TRACK_TRANSFER_PQ ? OA_LIVE_PQ
           : colour->transfer == OA_TRACK_TRANSFER_HLG ? OA_LIVE_HLG
           : OA_LIVE_SDR;
}


void
oa_track_format_video(oa_track_t *t, oa_timeline_rate_t rate)
{
    uint64_t                 width;
    oa_live_format_t        *format;
    const oa_codec_video_t  *picture;

    picture = t->picture;
    format = &t->format;
    memset(format, 0, sizeof(*format));
    memcpy(format->codecs, picture->string, sizeof(format->codecs));

    width = picture->width;
    if (picture->sar_height != 0) {
        width = width * picture->sar_width / picture->sar_height;
    }

    format->width = (uint32_t) width;
    format->height = picture->height;
    format->range = oa_track_range(&picture->colour);
    format->frame_rate_num = rate.num;
    format->frame_rate_den = rate.den;
}


void
oa_track_format_audio(oa_track_t *t)
{
    oa_live_format_t  *format;

    format = &t->format;
    memset(format, 0, sizeof(*format));
    memcpy(format->codecs, t->sound->string, sizeof(format->codecs));
    format->sample_rate = t->sound->output_rate;
    format->channels = t->sound->channels;
}


oa_err_t
oa_track_init(oa_track_t *t)
{
    size_t      size;
    uint8_t     init[OA_LIVE_INIT_BYTES];
    oa_err_t    err;
    oa_slice_t  config;

    config = oa_slice(t->config.data, t->config.size);

    err = t->kind == OA_LIVE_VIDEO
          ? oa_cmaf_video_init(t->picture, config, t->conf.timescale, init,
                               sizeof(init), &size)
          : oa_cmaf_audio_init(t->sound, config, t->conf.timescale, init,
                               sizeof(init), &size);

    if (err != OA_OK) {
        return err;
    }

    return oa_live_init_add(t->live, t->rendition, oa_slice(init, size),
                            &t->format, &t->init_id);
}


static void
oa_track_measure(oa_track_t *t, uint64_t bytes)
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
oa_track_measure_segment(oa_track_t *t)
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
oa_track_header(const oa_track_t *t, uint8_t *header, size_t capacity,
    size_t *size)
{
    oa_cmaf_chunk_t  chunk;

    chunk.sequence_number = (uint32_t) t->sequence;
    chunk.decode_time = t->part_time;
    chunk.samples = t->samples;
    chunk.nsamples = t->nsamples;
    chunk.audio = (t->kind == OA_LIVE_AUDIO);
    chunk.preroll = chunk.audio && t->sound->preroll;

    return oa_cmaf_chunk_header(&chunk, header, capacity, size);
}


static void
oa_track_open_part(oa_track_t *t)
{
    t->nsamples = 0;
    t->data.size = 0;
    t->filled = 0;
    t->flags = 0;
}


oa_err_t
oa_track_flush(oa_track_t *t, bool hint_segment)
{
    size_t           size, part_bytes;
    uint8_t          header[OA_CMAF_MOOF_SIZE(OA_TRACK_MAX_SAMPLES)];
    oa_err_t         err;
    oa_slice_t       pieces[2];
    oa_live_part_t   part;

    if (t->nsamples == 0) {
        return OA_OK;
    }

    err = oa_track_header(t, header, sizeof(header), &size);
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
    part.msn = t->next_msn - 1;
    part.discontinuities = t->discontinuities;

    part_bytes = size + t->data.size;
    oa_track_measure(t, part_bytes);
    oa_live_stats_set(t->live, t->rendition, &t->stats);

    err = oa_live_part_append(t->live, t->rendition, &part);

    if (err == OA_EFULL && !t->placed
        && !(part.flags & OA_LIVE_PART_SEGMENT_START))
    {
        /* then the open segment gives way, too: the stream goes on */
        oa_live_segment_close(t->live, t->rendition);
        part.flags |= OA_LIVE_PART_SEGMENT_START;
        t->next_msn++;
        t->segment_ticks = t->filled;
        t->segment_bytes = part_bytes;
        err = oa_live_part_append(t->live, t->rendition, &part);
    }

    if (err != OA_OK) {
        return err;
    }

    t->sequence++;
    oa_track_open_part(t);
    t->dirty = true;

    return OA_OK;
}


void
oa_track_discard(oa_track_t *t)
{
    if (t->nsamples > 0) {
        t->clock.next = (int64_t) t->part_time;
    }

    oa_track_open_part(t);
    t->segment_open = false;
}


oa_err_t
oa_track_cut(oa_track_t *t)
{
    oa_err_t  err;

    if (!t->segment_open) {
        return OA_OK;
    }

    err = oa_track_flush(t, true);
    if (err != OA_OK) {
        return err;
    }

    oa_live_segment_close(t->live, t->rendition);
    oa_track_measure_segment(t);
    t->segment_open = false;
    t->dirty = true;

    return OA_OK;
}


/* Where the window ends: media time, and the count of what was begun. */
static oa_err_t
oa_track_resume_window(oa_track_t *t, oa_live_snapshot_t *snapshot)
{
    oa_err_t                       err;
    oa_live_edge_t                 edge;
    const oa_live_segment_info_t  *last;

    err = oa_live_snapshot(t->live, t->rendition, snapshot);
    if (err != OA_OK) {
        return err;
    }

    err = oa_live_edge(t->live, t->rendition, &edge);
    if (err != OA_OK) {
        return err;
    }

    if (snapshot->nsegments > 0) {
        last = &snapshot->segments[snapshot->nsegments - 1];
        t->clock.next = (int64_t) (last->decode_time + last->duration);
        t->discontinuity = true;
    }

    t->sequence = edge.head + 1;
    t->next_msn = edge.head == 0 ? 0 : edge.msn + 1;
    t->discontinuities = edge.discontinuities;

    return OA_OK;
}


oa_err_t
oa_track_resume(oa_track_t *t)
{
    oa_err_t             err;
    oa_live_stats_t      stats;
    oa_live_snapshot_t  *snapshot;

    err = oa_live_rendition_conf(t->live, t->rendition, &t->conf);
    if (err != OA_OK) {
        return err;
    }

    err = oa_live_stats_get(t->live, t->rendition, &stats);
    if (err != OA_OK) {
        return err;
    }

    snapshot = t->mem.realloc(t->mem.ctx, NULL, sizeof(*snapshot));
    if (snapshot == NULL) {
        return OA_ENOMEM;
    }

    err = oa_track_resume_window(t, snapshot);
    t->mem.realloc(t->mem.ctx, snapshot, 0);

    /* the heaviest segment of the session, though others follow */
    t->stats.bandwidth_bps = stats.bandwidth_bps;

    return err;
}


/* The frame to come opens a segment. */
static oa_err_t
oa_track_begin(oa_track_t *t)
{
    oa_err_t  err;

    if (t->new_init) {
        err = oa_track_init(t);
        if (err != OA_OK) {
            return err;
        }

        t->new_init = false;
    }

    t->flags = OA_LIVE_PART_SEGMENT_START | (t->placed ? OA_LIVE_PART_AT : 0);

    if (t->discontinuity) {
        t->flags |= OA_LIVE_PART_DISCONTINUITY;
        t->discontinuity = false;
        t->discontinuities++;
    }

    t->segment_open = true;
    t->next_msn++;
    t->segment_ticks = 0;
    t->segment_bytes = 0;

    return OA_OK;
}


static oa_err_t
oa_track_append(oa_track_t *t, const oa_codec_sample_t *frame)
{
    unsigned  i;
    oa_err_t  err;

    for (i = 0; i < frame->npieces; i++) {
        err = oa_track_buf_append(&t->mem, &t->data, frame->pieces[i].data,
                                  frame->pieces[i].size, t->max_bytes);
        if (err != OA_OK) {
            return err;
        }
    }

    return OA_OK;
}


oa_err_t
oa_track_add(oa_track_t *t, const oa_codec_sample_t *frame,
    const oa_timeline_place_t *place, int32_t composition, bool *full)
{
    size_t             before;
    oa_err_t           err;
    oa_cmaf_sample_t  *sample;

    err = t->segment_open ? OA_OK : oa_track_begin(t);
    if (err != OA_OK) {
        return err;
    }

    before = t->data.size;

    err = oa_track_append(t, frame);
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

    *full = place->full || t->nsamples == OA_TRACK_MAX_SAMPLES;

    return OA_OK;
}
