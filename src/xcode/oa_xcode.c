
#include "xcode/oa_xcode_impl.h"

#include <libavutil/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define OA_XCODE_MIN_SIDE       16
#define OA_XCODE_MAX_SIDE       8192
#define OA_XCODE_MAX_BITRATE    400000000
#define OA_XCODE_MAX_THREADS    64
#define OA_XCODE_MAX_TIMESCALE  100000000
#define OA_XCODE_MAX_RATE       10000000    /* either number */


/* --- what can be done ------------------------------------------------- */


static void
oa_xcode_say(char text[OA_XCODE_TEXT_BYTES], const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(text, OA_XCODE_TEXT_BYTES, format, args);
    va_end(args);
}


static bool
oa_xcode_rung_is_audio(const oa_xcode_rung_t *rung)
{
    return rung->height == 0;
}


static bool
oa_xcode_word_ends(const char *word)
{
    return memchr(word, '\0', OA_XCODE_WORD_BYTES) != NULL;
}


static bool
oa_xcode_side_is_good(uint32_t side)
{
    return side >= OA_XCODE_MIN_SIDE && side <= OA_XCODE_MAX_SIDE
           && side % 2 == 0;
}


static bool
oa_xcode_rate_is_good(oa_timeline_rate_t rate)
{
    return rate.num <= OA_XCODE_MAX_RATE && rate.den <= OA_XCODE_MAX_RATE
           && (rate.num == 0) == (rate.den == 0);
}


static bool
oa_xcode_video_rung_is_good(const oa_xcode_rung_t *rung,
    const oa_xcode_functions_t *functions)
{
    return (rung->codec == OA_CODEC_AVC || rung->codec == OA_CODEC_HEVC)
           && oa_xcode_side_is_good(rung->width)
           && oa_xcode_side_is_good(rung->height)
           && oa_xcode_rate_is_good(rung->rate)
           && rung->max_bitrate <= OA_XCODE_MAX_BITRATE
           && (rung->max_bitrate == 0 || rung->max_bitrate >= rung->bitrate)
           && rung->buffer_bits <= INT32_MAX
           && rung->threads <= OA_XCODE_MAX_THREADS
           && oa_xcode_word_ends(rung->profile)
           && oa_xcode_word_ends(rung->preset)
           && functions->knows(rung);
}


static bool
oa_xcode_rung_is_good(const oa_xcode_rung_t *rung,
    const oa_xcode_source_t *source, const oa_xcode_functions_t *functions)
{
    if (rung->bitrate == 0 || rung->bitrate > OA_XCODE_MAX_BITRATE) {
        return false;
    }

    return oa_xcode_rung_is_audio(rung)
           ? source->has_audio && rung->codec == OA_CODEC_AAC
           : source->has_video
             && oa_xcode_video_rung_is_good(rung, functions);
}


static const char *
oa_xcode_source_hdr(const oa_xcode_source_t *source)
{
    return source->has_video
           ? oa_xcode_hdr_name(oa_xcode_colour(&source->picture.colour)
                                   .transfer)
           : NULL;
}


static oa_err_t
oa_xcode_check_video(const oa_xcode_source_t *source,
    char text[OA_XCODE_TEXT_BYTES])
{
    const oa_codec_video_t  *picture = &source->picture;

    if (avcodec_find_decoder(oa_xcode_codec_id(picture->codec)) == NULL
        || oa_codec_video(picture->codec) == NULL)
    {
        oa_xcode_say(text, "there is no decoder of the source's video");
        return OA_EUNSUPPORTED;
    }

    if ((uint64_t) picture->width * picture->height > OA_XCODE_MAX_PIXELS) {
        oa_xcode_say(text, "pictures of %ux%u are larger than 4096x2304",
                     picture->width, picture->height);
        return OA_EUNSUPPORTED;
    }

    return source->video_timescale != 0
           && source->video_timescale <= OA_XCODE_MAX_TIMESCALE
           && oa_xcode_rate_is_good(source->rate) ? OA_OK : OA_EINVAL;
}


static oa_err_t
oa_xcode_check_audio(const oa_xcode_source_t *source,
    char text[OA_XCODE_TEXT_BYTES])
{
    if (avcodec_find_decoder(oa_xcode_codec_id(source->sound.codec)) == NULL
        || (oa_codec_audio(source->sound.codec) == NULL
            && source->sound.codec != OA_CODEC_MP3))
    {
        oa_xcode_say(text, "there is no decoder of the source's sound");
        return OA_EUNSUPPORTED;
    }

    return source->audio_timescale != 0
           && source->audio_timescale <= OA_XCODE_MAX_TIMESCALE
           && source->sound.clock_rate != 0
           && source->sound.clock_rate <= INT32_MAX ? OA_OK : OA_EINVAL;
}


static oa_err_t
oa_xcode_check_source(const oa_xcode_source_t *source,
    char text[OA_XCODE_TEXT_BYTES])
{
    oa_err_t  err;

    text[0] = '\0';
    err = OA_OK;

    if (source->has_video) {
        err = oa_xcode_check_video(source, text);
    }

    if (err == OA_OK && source->has_audio) {
        err = oa_xcode_check_audio(source, text);
    }

    if (err == OA_EINVAL) {
        oa_xcode_say(text, "the source's clocks make no sense");
    }

    return err;
}


/* --- life ------------------------------------------------------------- */


static void
oa_xcode_rung_free(oa_xcode_rung_state_t *rung)
{
    unsigned  i;

    for (i = 0; i < rung->out_count; i++) {
        av_packet_free(&rung->out[(rung->out_first + i) % OA_XCODE_OUTPUTS]
                            .packet);
    }

    oa_xcode_ring_free(&rung->in);
    oa_xcode_sound_close(rung);
    avcodec_free_context(&rung->encoder);
    av_packet_free(&rung->packet);
    av_packet_free(&rung->record);
    av_frame_free(&rung->picture.frame);
    av_frame_free(&rung->scaler.made);
    rung->xcode->functions->scaler_close(rung);
}


void
oa_xcode_free(oa_xcode_t *xcode)
{
    unsigned  i;

    for (i = 0; i < xcode->nrungs; i++) {
        oa_xcode_rung_free(&xcode->rungs[i]);
    }

    free(xcode->rungs);

    if (xcode->functions->end != NULL) {
        xcode->functions->end(xcode);
    }

    oa_xcode_track_free(&xcode->video);
    oa_xcode_track_free(&xcode->audio);
    oa_xcode_ring_free(&xcode->decoded);
    av_frame_free(&xcode->picture.frame);
    av_frame_free(&xcode->handed.frame);
    av_frame_free(&xcode->copy);
    av_packet_free(&xcode->pulled.packet);
    pthread_mutex_destroy(&xcode->lock);
    free(xcode);
}


/* What of the encoder's tags and format follows from the source. */
static void
oa_xcode_rung_format(oa_xcode_rung_state_t *rung,
    const oa_xcode_source_t *source)
{
    bool  deep;

    deep = rung->conf.codec == OA_CODEC_HEVC
           && (strcmp(rung->conf.profile, "main10") == 0
               || (rung->conf.profile[0] == '\0'
                   && oa_xcode_source_hdr(source) != NULL));

    rung->format = rung->xcode->functions->formats[deep];
    rung->colour = oa_xcode_colour(&source->picture.colour);
}


static oa_err_t
oa_xcode_rung_init(oa_xcode_t *xcode, unsigned i, const oa_xcode_rung_t *conf)
{
    oa_xcode_rung_state_t  *rung = &xcode->rungs[i];

    rung->xcode = xcode;
    rung->index = i;
    rung->conf = *conf;
    rung->audio = oa_xcode_rung_is_audio(conf);
    rung->scaler.seen = INT64_MIN;
    rung->last_time = INT64_MIN;
    oa_xcode_rung_format(rung, &xcode->source);
    oa_xcode_strand_init(&rung->strand, xcode, oa_xcode_encode_has_work,
                         oa_xcode_encode_work, rung, &rung->stats.busy_us);

    rung->packet = av_packet_alloc();
    rung->picture.frame = av_frame_alloc();
    rung->scaler.made = av_frame_alloc();

    return rung->packet != NULL && rung->picture.frame != NULL
           && rung->scaler.made != NULL
           && oa_xcode_ring_init(&rung->in, rung->audio ? OA_XCODE_SOUNDS
                                                        : OA_XCODE_PICTURES)
           ? OA_OK : OA_ENOMEM;
}


/* The largest first; of one size those that are deeper, then faster. */
static bool
oa_xcode_rung_is_before(const oa_xcode_rung_state_t *a,
    const oa_xcode_rung_state_t *b)
{
    uint64_t  x, y;

    x = (uint64_t) a->conf.width * a->conf.height;
    y = (uint64_t) b->conf.width * b->conf.height;

    if (x != y) {
        return x > y;
    }

    if (a->format != b->format) {
        return oa_xcode_depth(a->format) > oa_xcode_depth(b->format);
    }

    return (uint64_t) a->conf.rate.num * b->conf.rate.den
           > (uint64_t) b->conf.rate.num * a->conf.rate.den;
}


static void
oa_xcode_order(oa_xcode_t *xcode)
{
    unsigned  i, at;

    for (i = 0; i < xcode->nrungs; i++) {
        if (xcode->rungs[i].audio) {
            continue;
        }

        for (at = xcode->nvideo++;
             at > 0 && oa_xcode_rung_is_before(
                           &xcode->rungs[i],
                           &xcode->rungs[xcode->order[at - 1]]);
             at--)
        {
            xcode->order[at] = xcode->order[at - 1];
        }

        xcode->order[at] = i;
    }
}


static oa_err_t
oa_xcode_take_records(oa_xcode_t *xcode, const oa_xcode_source_t *source)
{
    oa_err_t  err;

    err = OA_OK;

    if (source->has_video) {
        err = oa_xcode_track_config(&xcode->video, source->picture.codec,
                                    source->video_record);
    }

    if (err == OA_OK && source->has_audio) {
        err = oa_xcode_track_config(&xcode->audio, source->sound.codec,
                                    source->audio_record);
    }

    return err;
}


static oa_err_t
oa_xcode_init(oa_xcode_t *xcode, const oa_xcode_source_t *source,
    const oa_xcode_rung_t *rungs, unsigned nrungs)
{
    unsigned  i;

    xcode->rungs = calloc(nrungs, sizeof(*xcode->rungs));

    if (oa_xcode_track_init(xcode, &xcode->video, false) != OA_OK
        || oa_xcode_track_init(xcode, &xcode->audio, true) != OA_OK
        || xcode->rungs == NULL)
    {
        return OA_ENOMEM;
    }

    oa_xcode_strand_init(&xcode->scaling, xcode, oa_xcode_scale_has_work,
                         oa_xcode_scale_work, xcode, &xcode->stats.scale_us);

    for (i = 0; i < nrungs; i++) {
        xcode->nrungs++;

        if (oa_xcode_rung_init(xcode, i, &rungs[i]) != OA_OK) {
            return OA_ENOMEM;
        }
    }

    oa_xcode_order(xcode);
    xcode->picture.frame = av_frame_alloc();
    xcode->handed.frame = av_frame_alloc();
    xcode->copy = av_frame_alloc();

    if (xcode->picture.frame == NULL || xcode->handed.frame == NULL
        || xcode->copy == NULL
        || !oa_xcode_ring_init(&xcode->decoded, OA_XCODE_DECODED))
    {
        return OA_ENOMEM;
    }

    return oa_xcode_take_records(xcode, source);
}


/* No rung of 8 bits takes a source that needs more. */
static oa_err_t
oa_xcode_check_hdr(const oa_xcode_t *xcode, const oa_xcode_source_t *source,
    char text[OA_XCODE_TEXT_BYTES])
{
    unsigned                      i;
    const char                   *hdr;
    const oa_xcode_rung_state_t  *rung;

    hdr = oa_xcode_source_hdr(source);

    for (i = 0; i < xcode->nrungs && hdr != NULL; i++) {
        rung = &xcode->rungs[i];

        if (!rung->audio && oa_xcode_depth(rung->format) == 8) {
            oa_xcode_hdr_refuse(hdr, rung, text);
            return OA_EUNSUPPORTED;
        }
    }

    return OA_OK;
}


static oa_err_t
oa_xcode_check_rungs(const oa_xcode_source_t *source,
    const oa_xcode_rung_t *rungs, unsigned nrungs,
    const oa_xcode_functions_t *functions, char text[OA_XCODE_TEXT_BYTES])
{
    unsigned  i;

    if (nrungs == 0 || nrungs > OA_XCODE_RUNGS) {
        oa_xcode_say(text, "%u rungs", nrungs);
        return OA_EINVAL;
    }

    for (i = 0; i < nrungs; i++) {
        if (!oa_xcode_rung_is_good(&rungs[i], source, functions)) {
            oa_xcode_say(text, "rung %u makes no sense", i);
            return OA_EINVAL;
        }
    }

    return OA_OK;
}


oa_err_t
oa_xcode_create(oa_xcode_t **xcode, const oa_xcode_source_t *source,
    const oa_xcode_rung_t *rungs, unsigned nrungs, oa_xcode_device_t device,
    const oa_xcode_events_t *events, char text[OA_XCODE_TEXT_BYTES])
{
    oa_err_t                     err;
    oa_xcode_t                  *x;
    const oa_xcode_functions_t  *functions;

    functions = oa_xcode_functions(device);
    err = oa_xcode_check_source(source, text);

    if (err == OA_OK) {
        err = oa_xcode_check_rungs(source, rungs, nrungs, functions, text);
    }

    if (err != OA_OK) {
        return err;
    }

    x = calloc(1, sizeof(*x));
    if (x == NULL || pthread_mutex_init(&x->lock, NULL) != 0) {
        free(x);
        return OA_ENOMEM;
    }

    x->events = *events;
    x->source = *source;
    x->functions = functions;
    x->stats.device = device;

    err = functions->begin == NULL || functions->begin(x, device)
          ? oa_xcode_init(x, source, rungs, nrungs) : OA_ENOMEM;

    if (err == OA_OK) {
        err = oa_xcode_check_hdr(x, source, text);
    }

    if (err != OA_OK) {
        oa_xcode_free(x);
        return err;
    }

    *xcode = x;

    pthread_mutex_lock(&x->lock);
    oa_xcode_wake_all(x);
    pthread_mutex_unlock(&x->lock);

    return OA_OK;
}


bool
oa_xcode_destroy(oa_xcode_t *xcode)
{
    bool  idle;

    pthread_mutex_lock(&xcode->lock);
    idle = xcode->pending == 0;

    /* a card may take its time to give back what it has: not the owner's */
    if (idle && xcode->functions->end != NULL) {
        idle = !oa_xcode_strand_ask(&xcode->scaling);
    }

    xcode->dead = true;
    pthread_mutex_unlock(&xcode->lock);

    if (idle) {
        oa_xcode_free(xcode);
    }

    return idle;
}


/* --- while it runs ---------------------------------------------------- */


/* The clocks are those of what was put out before. */
static bool
oa_xcode_source_goes_on(const oa_xcode_t *xcode,
    const oa_xcode_source_t *source)
{
    const oa_xcode_source_t  *old = &xcode->source;

    return old->has_video == source->has_video
           && old->has_audio == source->has_audio
           && (!old->has_video
               || old->video_timescale == source->video_timescale)
           && (!old->has_audio
               || (old->audio_timescale == source->audio_timescale
                   && old->sound.clock_rate == source->sound.clock_rate));
}


oa_err_t
oa_xcode_source(oa_xcode_t *xcode, const oa_xcode_source_t *source,
    char text[OA_XCODE_TEXT_BYTES])
{
    oa_err_t  err;

    err = oa_xcode_check_source(source, text);

    if (err == OA_OK) {
        err = oa_xcode_check_hdr(xcode, source, text);
    }

    if (err != OA_OK) {
        return err;
    }

    if (!oa_xcode_source_goes_on(xcode, source)) {
        oa_xcode_say(text, "the source has other tracks or clocks");
        return OA_EUNSUPPORTED;
    }

    err = oa_xcode_take_records(xcode, source);
    if (err != OA_OK) {
        return err;
    }

    pthread_mutex_lock(&xcode->lock);
    xcode->source.rate = source->rate;
    pthread_mutex_unlock(&xcode->lock);

    return OA_OK;
}


void
oa_xcode_rung_set(oa_xcode_t *xcode, unsigned rung, bool on)
{
    oa_xcode_rung_state_t  *r = &xcode->rungs[rung];

    pthread_mutex_lock(&xcode->lock);

    if (on && !r->on) {
        r->on = true;
        r->run++;
        r->waiting = true;
        r->since = xcode->keys.serial;

    } else if (!on && r->on) {
        oa_xcode_rung_stop(r);
    }

    oa_xcode_wake_all(xcode);

    pthread_mutex_unlock(&xcode->lock);
}


void
oa_xcode_stats(oa_xcode_t *xcode, oa_xcode_stats_t *stats)
{
    pthread_mutex_lock(&xcode->lock);
    *stats = xcode->stats;
    pthread_mutex_unlock(&xcode->lock);
}


void
oa_xcode_rung_stats(oa_xcode_t *xcode, unsigned rung,
    oa_xcode_rung_stats_t *stats)
{
    pthread_mutex_lock(&xcode->lock);
    *stats = xcode->rungs[rung].stats;
    pthread_mutex_unlock(&xcode->lock);
}


void
oa_xcode_rung_slow(oa_xcode_t *xcode, unsigned rung, uint32_t us)
{
    pthread_mutex_lock(&xcode->lock);
    xcode->rungs[rung].slow_us = us;
    pthread_mutex_unlock(&xcode->lock);
}


void
oa_xcode_log(void (*write)(void *of, int level, const char *format,
    va_list args))
{
    av_log_set_callback(write);
}
