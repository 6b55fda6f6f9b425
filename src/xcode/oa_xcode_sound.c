
/*
 * Sound: what was decoded to AAC-LC.
 *
 * Positions are counted in samples of the rung.  A frame's time follows from
 * an anchor, one position and its time in the source, which moves where the
 * source's times do.
 */


#include "xcode/oa_xcode_impl.h"

#include <stdio.h>
#include <string.h>


/* In parts of a second: the source's clock moved by less, nothing is lost. */
#define OA_XCODE_SOUND_NUDGE    100

/* A gap of more frames is not filled with silence. */
#define OA_XCODE_SOUND_FILL     20

#define OA_XCODE_SOUND_CHANNELS 2


bool
oa_xcode_sound_open(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES])
{
    int                      channels;
    const AVCodec           *codec;
    AVCodecContext          *encoder;
    const oa_xcode_source_t *source = &rung->xcode->source;

    codec = avcodec_find_encoder_by_name("aac");
    encoder = codec != NULL ? avcodec_alloc_context3(codec) : NULL;

    if (encoder == NULL) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES, "there is no AAC encoder");
        return false;
    }

    rung->encoder = encoder;

    channels = source->sound.channels == 1 ? 1 : OA_XCODE_SOUND_CHANNELS;
    av_channel_layout_default(&encoder->ch_layout, channels);
    encoder->sample_rate = (int) source->sound.clock_rate;
    encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    encoder->time_base = (AVRational) { 1, encoder->sample_rate };
    encoder->bit_rate = (int) rung->conf.bitrate;
    encoder->profile = FF_PROFILE_AAC_LOW;
    encoder->thread_count = 1;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;

    if (avcodec_open2(encoder, codec, NULL) < 0) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "AAC of %d Hz cannot be encoded",
                        encoder->sample_rate);
        return false;
    }

    rung->sound.fifo = av_audio_fifo_alloc(encoder->sample_fmt, channels,
                                           2 * encoder->frame_size);
    rung->sound.block = av_frame_alloc();

    if (rung->sound.fifo == NULL || rung->sound.block == NULL) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES, "no memory for sound");
        return false;
    }

    return true;
}


void
oa_xcode_sound_close(oa_xcode_rung_state_t *rung)
{
    oa_xcode_sound_t  *s = &rung->sound;

    swr_free(&s->swr);
    av_channel_layout_uninit(&s->in_layout);
    av_audio_fifo_free(s->fifo);
    av_frame_free(&s->block);
    memset(s, 0, sizeof(*s));
}


/* --- what comes in ---------------------------------------------------- */


static bool
oa_xcode_sound_converter(oa_xcode_rung_state_t *rung, const AVFrame *in)
{
    oa_xcode_sound_t  *s = &rung->sound;

    if (s->swr != NULL && s->in_rate == in->sample_rate
        && s->in_format == in->format
        && av_channel_layout_compare(&s->in_layout, &in->ch_layout) == 0)
    {
        return true;
    }

    swr_free(&s->swr);
    s->in_rate = in->sample_rate;
    s->in_format = in->format;
    s->started = false;              /* the anchor counts the other's samples */

    return av_channel_layout_copy(&s->in_layout, &in->ch_layout) == 0
           && swr_alloc_set_opts2(&s->swr, &rung->encoder->ch_layout,
                                  rung->encoder->sample_fmt,
                                  rung->encoder->sample_rate, &s->in_layout,
                                  in->format, in->sample_rate, 0, NULL)
              == 0
           && swr_init(s->swr) == 0;
}


/* A block of so many samples to write on. */
static bool
oa_xcode_sound_block(oa_xcode_rung_state_t *rung, int samples)
{
    AVFrame         *block = rung->sound.block;
    AVCodecContext  *encoder = rung->encoder;

    av_frame_unref(block);
    block->format = encoder->sample_fmt;
    block->sample_rate = encoder->sample_rate;
    block->nb_samples = samples;

    return av_channel_layout_copy(&block->ch_layout, &encoder->ch_layout) == 0
           && av_frame_get_buffer(block, 0) == 0;
}


static bool
oa_xcode_sound_silence(oa_xcode_rung_state_t *rung, int samples)
{
    AVFrame  *block = rung->sound.block;

    return samples == 0
           || (oa_xcode_sound_block(rung, samples)
               && av_samples_set_silence(block->data, 0, samples,
                                         rung->encoder->ch_layout.nb_channels,
                                         rung->encoder->sample_fmt)
                  == 0
               && av_audio_fifo_write(rung->sound.fifo, (void **) block->data,
                                      samples)
                  == samples);
}


/* Converts it all but the first samples of the result. */
static bool
oa_xcode_sound_convert(oa_xcode_rung_state_t *rung, const AVFrame *in,
    int64_t skip)
{
    int                i, n;
    float             *planes[OA_XCODE_SOUND_CHANNELS];
    oa_xcode_sound_t  *s = &rung->sound;

    n = swr_get_out_samples(s->swr, in->nb_samples);

    if (n < 0 || !oa_xcode_sound_block(rung, n + 1)) {
        return false;
    }

    n = swr_convert(s->swr, s->block->data, n,
                    (const uint8_t **) in->extended_data, in->nb_samples);
    if (n < 0) {
        return false;
    }

    if (skip >= n) {
        return true;
    }

    for (i = 0; i < rung->encoder->ch_layout.nb_channels; i++) {
        planes[i] = (float *) (void *) s->block->data[i] + skip;
    }

    n -= (int) skip;

    return av_audio_fifo_write(s->fifo, (void **) planes, n) == n;
}


/* --- what goes out ---------------------------------------------------- */


static int64_t
oa_xcode_sound_time(const oa_xcode_rung_state_t *rung, int64_t position)
{
    return rung->sound.base_time
           + oa_rescale(position - rung->sound.base_samples,
                        rung->xcode->source.audio_timescale,
                        rung->encoder->sample_rate);
}


static bool
oa_xcode_sound_send(oa_xcode_rung_state_t *rung)
{
    int                 size;
    oa_xcode_sound_t   *s = &rung->sound;
    oa_xcode_inside_t   inside;

    size = rung->encoder->frame_size;

    if (!oa_xcode_sound_block(rung, size)
        || av_audio_fifo_read(s->fifo, (void **) s->block->data, size)
           != size)
    {
        return false;
    }

    s->block->pts = s->sent;

    inside.known = true;
    inside.pts = s->sent;
    inside.time = oa_xcode_sound_time(rung, s->sent);
    inside.arrival_us = rung->picture.arrival_us;
    s->sent += size;

    return oa_xcode_encoder_send(rung, s->block, &inside);
}


static bool
oa_xcode_sound_send_all(oa_xcode_rung_state_t *rung)
{
    while (av_audio_fifo_size(rung->sound.fifo) >= rung->encoder->frame_size) {
        if (!oa_xcode_sound_send(rung)) {
            return false;
        }
    }

    return true;
}


/* --- where it belongs ------------------------------------------------- */


/* The position behind the last sample that came. */
static int64_t
oa_xcode_sound_position(const oa_xcode_rung_state_t *rung)
{
    const oa_xcode_sound_t  *s = &rung->sound;

    return s->base_samples
           + oa_rescale(s->taken, rung->encoder->sample_rate, s->in_rate);
}


static void
oa_xcode_sound_anchor(oa_xcode_rung_state_t *rung, int64_t position)
{
    oa_xcode_sound_t  *s = &rung->sound;

    s->base_samples = position;
    s->base_time = rung->picture.time;
    s->taken = 0;
    s->started = true;
}


/* Ends the open frame with silence and begins anew at the picture's time. */
static bool
oa_xcode_sound_restart(oa_xcode_rung_state_t *rung)
{
    int                open;
    oa_xcode_sound_t  *s = &rung->sound;

    open = av_audio_fifo_size(s->fifo);

    if (open > 0
        && (!oa_xcode_sound_silence(rung, rung->encoder->frame_size - open)
            || !oa_xcode_sound_send_all(rung)))
    {
        return false;
    }

    oa_xcode_sound_anchor(rung, s->sent);

    return swr_init(s->swr) == 0;    /* without what it holds back */
}


/* How far the picture's time is ahead of what came, in samples. */
static int64_t
oa_xcode_sound_ahead(const oa_xcode_rung_state_t *rung)
{
    const oa_xcode_sound_t  *s = &rung->sound;

    return s->base_samples - oa_xcode_sound_position(rung)
           + oa_rescale(rung->picture.time - s->base_time,
                        rung->encoder->sample_rate,
                        rung->xcode->source.audio_timescale);
}


/*
 * A source that is ahead by less than a rounding: nothing; by little: the
 * times move; a gap is filled; beyond that it begins anew.  Of what comes twice
 * samples are to be skipped; *skip is samples or more when all are.
 */
static bool
oa_xcode_sound_align(oa_xcode_rung_state_t *rung, int64_t samples,
    int64_t *skip)
{
    int64_t            ahead, rate, position;
    oa_xcode_sound_t  *s = &rung->sound;

    *skip = 0;

    if (!s->started) {
        return oa_xcode_sound_restart(rung);
    }

    rate = rung->encoder->sample_rate;
    position = oa_xcode_sound_position(rung);
    ahead = oa_xcode_sound_ahead(rung);

    if (ahead > OA_XCODE_SOUND_FILL * rung->encoder->frame_size) {
        return oa_xcode_sound_restart(rung);
    }

    if (ahead > rate / OA_XCODE_SOUND_NUDGE) {
        oa_xcode_sound_anchor(rung, position + ahead);
        return oa_xcode_sound_silence(rung, (int) ahead);
    }

    if (ahead < -rate / OA_XCODE_SOUND_NUDGE) {
        *skip = -ahead;

        if (*skip < samples) {
            oa_xcode_sound_anchor(rung, position + ahead);
        }

    } else if (ahead > 1 || ahead < -1) {
        oa_xcode_sound_anchor(rung, position);
    }

    return true;
}


bool
oa_xcode_sound_encode(oa_xcode_rung_state_t *rung)
{
    int64_t         skip, samples;
    const AVFrame  *in = rung->picture.frame;

    samples = oa_rescale(in->nb_samples, rung->encoder->sample_rate,
                         in->sample_rate);

    if (!oa_xcode_sound_converter(rung, in)
        || !oa_xcode_sound_align(rung, samples, &skip))
    {
        return false;
    }

    if (skip >= samples) {
        return true;
    }

    if (!oa_xcode_sound_convert(rung, in, skip)) {
        return false;
    }

    rung->sound.taken += in->nb_samples;

    return oa_xcode_sound_send_all(rung);
}
