
/*
 * A publisher's MP3, made AAC.
 *
 * Frames wait here, and go to the codecs as these get done: a publisher that
 * sends a few seconds at once, after a pause of the network, loses nothing.
 */


#include "ngx_rtmp_transcode.h"

#include "codec/oa_mp3.h"
#include "timeline/oa_relay.h"


/* More frames of one message are not even looked at. */
#define NGX_RTMP_TRANSCODE_MP3_FRAMES   4096

/* Frames that wait: of half a minute; the largest have 1441 bytes. */
#define NGX_RTMP_TRANSCODE_MP3_WAITING  1200

/* What the codecs may have of it at once. */
#define NGX_RTMP_TRANSCODE_MP3_AHEAD    1000000

/* Of AAC, for each channel. */
#define NGX_RTMP_TRANSCODE_AAC_BITRATE  64000

/* A packet has up to 768 bytes a channel, ISO/IEC 14496-3, 4.5.3.1. */
#define NGX_RTMP_TRANSCODE_AAC_BYTES    2048

/* AAC of 44 kHz, 16 bits, stereo, as it always says. */
#define NGX_RTMP_TRANSCODE_AAC_TAG      0xaf

/* Type of the packet behind it. */
#define NGX_RTMP_TRANSCODE_AAC_CONFIG   0
#define NGX_RTMP_TRANSCODE_AAC_PACKET   1

#define NGX_RTMP_TRANSCODE_TIMESCALE    1000000

/* Seconds between lines about frames that were lost. */
#define NGX_RTMP_TRANSCODE_LOST_SECONDS 10


/* A frame that waits; its bytes follow. */
typedef struct {
    ngx_queue_t                     queue;
    int64_t                         time_us;
    uint32_t                        duration_us;
    int64_t                         arrival_us;
    size_t                          size;
} ngx_rtmp_transcode_mp3_t;


typedef struct {
    ngx_queue_t                     queue;
    ngx_rtmp_transcode_app_conf_t  *conf;
    ngx_onair_sound_source_t        source;
    ngx_rtmp_transcode_work_t       work;
    ngx_rtmp_transcode_log_t        log;

    oa_xcode_t                     *xcode;   /* NULL: not yet, or no more */
    oa_relay_t                      relay;
    ngx_queue_t                     waiting; /* ngx_rtmp_transcode_mp3_t */
    ngx_uint_t                      nwaiting;
    int64_t                         in_us;   /* the newest that they have */
    int64_t                         out_us;  /* the newest that came back */

    uint64_t                        full;    /* frames: there was no room */
    uint64_t                        lost;    /* of these and of the codecs',
                                                that were told of */
    time_t                          told;
    uint32_t                        rate;    /* of the AAC */
    uint8_t                         channels;
    unsigned                        over:1;  /* it failed, or the worker ends */
    unsigned                        config:1;    /* was delivered */
    u_char                          body[2 + NGX_RTMP_TRANSCODE_AAC_BYTES];
} ngx_rtmp_transcode_sound_t;


static void *ngx_rtmp_transcode_sound_open(
    const ngx_onair_sound_source_t *source);
static oa_err_t ngx_rtmp_transcode_sound_push(void *data, oa_slice_t message,
    uint32_t timestamp_ms);
static void ngx_rtmp_transcode_sound_close(void *data);
static void ngx_rtmp_transcode_sound_pull(void *data);


const ngx_onair_sound_t  ngx_rtmp_transcode_sound_provided = {
    ngx_rtmp_transcode_sound_open,
    ngx_rtmp_transcode_sound_push,
    ngx_rtmp_transcode_sound_close
};


static ngx_queue_t  ngx_rtmp_transcode_sounds;


/* --- life -------------------------------------------------------------- */


void
ngx_rtmp_transcode_sounds_init(void)
{
    ngx_queue_init(&ngx_rtmp_transcode_sounds);
}


static void
ngx_rtmp_transcode_sound_stop(ngx_rtmp_transcode_sound_t *sound)
{
    ngx_queue_t  *q;

    sound->over = 1;

    if (sound->xcode) {
        (void) oa_xcode_destroy(sound->xcode);
        sound->xcode = NULL;
    }

    while (!ngx_queue_empty(&sound->waiting)) {
        q = ngx_queue_head(&sound->waiting);
        ngx_queue_remove(q);
        free(ngx_queue_data(q, ngx_rtmp_transcode_mp3_t, queue));
    }

    sound->nwaiting = 0;
}


void
ngx_rtmp_transcode_sounds_exit(void)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&ngx_rtmp_transcode_sounds);
         q != ngx_queue_sentinel(&ngx_rtmp_transcode_sounds);
         q = ngx_queue_next(q))
    {
        ngx_rtmp_transcode_sound_stop(
            ngx_queue_data(q, ngx_rtmp_transcode_sound_t, queue));
    }
}


static void *
ngx_rtmp_transcode_sound_open(const ngx_onair_sound_source_t *source)
{
    ngx_rtmp_session_t             *s;
    ngx_rtmp_transcode_sound_t     *sound;
    ngx_rtmp_transcode_app_conf_t  *tacf;

    s = source->rtmp_session;
    tacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_transcode_module);

    if (tacf == NULL || !tacf->enable) {
        return NULL;
    }

    sound = calloc(1, sizeof(ngx_rtmp_transcode_sound_t));
    if (sound == NULL) {
        return NULL;
    }

    sound->conf = tacf;
    sound->source = *source;
    sound->work.pool = tacf->pool;
    sound->work.data = sound;
    sound->work.pull = ngx_rtmp_transcode_sound_pull;
    sound->work.free = free;
    oa_relay_init(&sound->relay);
    ngx_queue_init(&sound->waiting);
    ngx_queue_insert_tail(&ngx_rtmp_transcode_sounds, &sound->queue);

    return sound;
}


static void
ngx_rtmp_transcode_sound_close(void *data)
{
    ngx_rtmp_transcode_sound_t  *sound = data;

    ngx_rtmp_transcode_sound_stop(sound);
    ngx_queue_remove(&sound->queue);
    ngx_rtmp_transcode_work_close(&sound->work);
}


/* --- codecs ------------------------------------------------------------ */


/* AAC of the rates that every player takes. */
static uint32_t
ngx_rtmp_transcode_sound_rate(uint32_t rate)
{
    return rate == 44100 || rate == 22050 || rate == 11025 ? 44100 : 48000;
}


/* By the first frame; what others have is brought to it. */
static oa_err_t
ngx_rtmp_transcode_sound_codecs(ngx_rtmp_transcode_sound_t *sound,
    const oa_mp3_frame_t *frame)
{
    char                text[OA_XCODE_TEXT_BYTES];
    oa_err_t            err;
    oa_xcode_rung_t     rung;
    oa_xcode_events_t   events;
    oa_xcode_source_t   source;

    sound->rate = ngx_rtmp_transcode_sound_rate(frame->rate);
    sound->channels = frame->channels;

    ngx_memzero(&source, sizeof(source));
    source.has_audio = true;
    source.sound.codec = OA_CODEC_MP3;
    source.sound.clock_rate = sound->rate;
    source.sound.output_rate = sound->rate;
    source.sound.channels = sound->channels;
    source.audio_timescale = NGX_RTMP_TRANSCODE_TIMESCALE;

    ngx_memzero(&rung, sizeof(rung));
    rung.codec = OA_CODEC_AAC;
    rung.bitrate = NGX_RTMP_TRANSCODE_AAC_BITRATE * frame->channels;

    events = ngx_rtmp_transcode_events(&sound->work);
    text[0] = '\0';

    err = oa_xcode_create(&sound->xcode, &source, &rung, 1, OA_XCODE_CPU,
                          &events, text);
    if (err != OA_OK) {
        sound->xcode = NULL;
        ngx_log_error(NGX_LOG_WARN, sound->source.log, 0,
                      "transcode: channel \"%V\": no codecs for MP3: %s",
                      &sound->source.channel, text[0] ? text
                                                      : oa_strerror(err));
        return err;
    }

    oa_xcode_rung_set(sound->xcode, 0, true);

    if (ngx_rtmp_transcode_may_tell(&sound->log, sound->source.log)) {
        ngx_log_error(NGX_LOG_INFO, sound->source.log, 0,
                      "transcode: channel \"%V\": MP3 of %uD Hz, made AAC of "
                      "%uD Hz, %uD channels", &sound->source.channel,
                      frame->rate, sound->rate, source.sound.channels);
    }

    return OA_OK;
}


/* --- what comes -------------------------------------------------------- */


static void
ngx_rtmp_transcode_sound_hand(ngx_rtmp_transcode_sound_t *sound,
    const ngx_rtmp_transcode_mp3_t *mp3)
{
    oa_slice_t        piece;
    oa_xcode_input_t  input;

    piece = oa_slice(mp3 + 1, mp3->size);

    ngx_memzero(&input, sizeof(input));
    input.audio = true;
    input.pieces = &piece;
    input.npieces = 1;
    input.decode_time = mp3->time_us;
    input.time = mp3->time_us;
    input.duration = mp3->duration_us;
    input.sync = true;
    input.arrival_us = mp3->arrival_us;

    sound->in_us = mp3->time_us;
    oa_xcode_push(sound->xcode, &input);
}


/*
 * As much as the codecs may have.  idle: they have done what they had, be it
 * that they could make nothing of it.
 */
static void
ngx_rtmp_transcode_sound_feed(ngx_rtmp_transcode_sound_t *sound,
    ngx_uint_t idle)
{
    ngx_queue_t               *q;
    ngx_rtmp_transcode_mp3_t  *mp3;

    if (idle) {
        sound->out_us = sound->in_us;
    }

    while (sound->xcode && !ngx_queue_empty(&sound->waiting)
           && sound->in_us - sound->out_us < NGX_RTMP_TRANSCODE_MP3_AHEAD)
    {
        q = ngx_queue_head(&sound->waiting);
        ngx_queue_remove(q);
        sound->nwaiting--;

        mp3 = ngx_queue_data(q, ngx_rtmp_transcode_mp3_t, queue);
        ngx_rtmp_transcode_sound_hand(sound, mp3);
        free(mp3);
    }
}


/* The frame waits; the codecs' time runs on also where it cannot. */
static void
ngx_rtmp_transcode_sound_frame(ngx_rtmp_transcode_sound_t *sound,
    const oa_mp3_frame_t *frame, const uint8_t *data, uint32_t timestamp_ms)
{
    int64_t                    time_us, duration_us;
    ngx_rtmp_transcode_mp3_t  *mp3;

    duration_us = oa_rescale(frame->samples, 1000000, frame->rate);
    time_us = oa_relay_in(&sound->relay, timestamp_ms, duration_us);

    mp3 = sound->nwaiting < NGX_RTMP_TRANSCODE_MP3_WAITING
          ? malloc(sizeof(ngx_rtmp_transcode_mp3_t) + frame->size) : NULL;

    if (mp3 == NULL) {
        sound->full++;
        return;
    }

    mp3->time_us = time_us;
    mp3->duration_us = (uint32_t) duration_us;
    mp3->arrival_us = ngx_rtmp_transcode_now_us(NULL);
    mp3->size = frame->size;
    ngx_memcpy(mp3 + 1, data, frame->size);

    ngx_queue_insert_tail(&sound->waiting, &mp3->queue);
    sound->nwaiting++;
}


/* --- what goes back ---------------------------------------------------- */


/* It may be closed, and gone, afterwards. */
static void
ngx_rtmp_transcode_sound_deliver(ngx_rtmp_transcode_sound_t *sound,
    ngx_uint_t type, oa_slice_t data)
{
    uint32_t  timestamp_ms;

    timestamp_ms = oa_relay_out(&sound->relay, sound->out_us);

    sound->body[0] = NGX_RTMP_TRANSCODE_AAC_TAG;
    sound->body[1] = (u_char) type;
    ngx_memcpy(&sound->body[2], data.data, data.size);

    sound->source.deliver(sound->source.ctx,
                          oa_slice(sound->body, 2 + data.size), timestamp_ms);
}


/* AudioSpecificConfig of AAC-LC, ISO/IEC 14496-3, 1.6.2.1. */
static void
ngx_rtmp_transcode_sound_config(ngx_rtmp_transcode_sound_t *sound)
{
    u_char      record[2];
    ngx_uint_t  bits;

    bits = 2 << 11 | (sound->rate == 44100 ? 4 : 3) << 7
           | sound->channels << 3;
    record[0] = (u_char) (bits >> 8);
    record[1] = (u_char) bits;

    sound->config = 1;
    ngx_rtmp_transcode_sound_deliver(sound, NGX_RTMP_TRANSCODE_AAC_CONFIG,
                                     oa_slice(record, sizeof(record)));
}


static void
ngx_rtmp_transcode_sound_packet(ngx_rtmp_transcode_sound_t *sound,
    const oa_xcode_output_t *output)
{
    if (output->data.size > NGX_RTMP_TRANSCODE_AAC_BYTES) {
        sound->full++;
        return;
    }

    sound->out_us = output->time;
    ngx_rtmp_transcode_sound_deliver(sound, NGX_RTMP_TRANSCODE_AAC_PACKET,
                                     output->data);
}


/* What follows the last whole frame is no more than padding, or a tag. */
static oa_err_t
ngx_rtmp_transcode_sound_push(void *data, oa_slice_t message,
    uint32_t timestamp_ms)
{
    oa_err_t                     err;
    uint32_t                     ms;
    ngx_uint_t                   n;
    oa_mp3_frame_t               frame;
    ngx_rtmp_transcode_sound_t  *sound = data;

    ms = 0;

    for (n = 0; n < NGX_RTMP_TRANSCODE_MP3_FRAMES && !sound->over; n++) {
        if (oa_mp3_frame_parse(message, &frame) != OA_OK) {
            break;
        }

        if (sound->xcode == NULL) {
            err = ngx_rtmp_transcode_sound_codecs(sound, &frame);
            if (err != OA_OK) {
                return err;
            }
        }

        ngx_rtmp_transcode_sound_frame(sound, &frame, message.data,
                                       timestamp_ms + ms);
        ms += frame.samples * 1000 / frame.rate;
        message = oa_slice(message.data + frame.size,
                           message.size - frame.size);
    }

    if (n == 0) {
        return sound->over ? OA_OK : OA_EINVAL;
    }

    ngx_rtmp_transcode_sound_feed(sound, sound->work.tasks == 0);

    if (!sound->config) {
        ngx_rtmp_transcode_sound_config(sound);
    }

    return OA_OK;
}


/* --- what comes back --------------------------------------------------- */


static void
ngx_rtmp_transcode_sound_failed(ngx_rtmp_transcode_sound_t *sound,
    const char *text)
{
    char  copy[OA_XCODE_TEXT_BYTES];

    (void) ngx_cpystrn((u_char *) copy, (u_char *) text, sizeof(copy));

    ngx_rtmp_transcode_sound_stop(sound);
    sound->source.failed(sound->source.ctx, copy);
}


/* Frames that were lost are told of, now and then. */
static void
ngx_rtmp_transcode_sound_tell(ngx_rtmp_transcode_sound_t *sound)
{
    uint64_t               lost;
    oa_xcode_stats_t       stats;
    oa_xcode_rung_stats_t  rung;

    oa_xcode_stats(sound->xcode, &stats);
    oa_xcode_rung_stats(sound->xcode, 0, &rung);
    lost = sound->full + stats.full + stats.damaged + rung.full;

    if (lost == sound->lost
        || ngx_time() - sound->told < NGX_RTMP_TRANSCODE_LOST_SECONDS
        || !ngx_rtmp_transcode_may_tell(&sound->log, sound->source.log))
    {
        return;
    }

    sound->lost = lost;
    sound->told = ngx_time();
    ngx_log_error(NGX_LOG_WARN, sound->source.log, 0,
                  "transcode: channel \"%V\": %uL frames of MP3 lost so far, "
                  "%uL of them cannot be decoded", &sound->source.channel,
                  lost, stats.damaged);
}


static void
ngx_rtmp_transcode_sound_pull(void *data)
{
    oa_xcode_output_t            output;
    ngx_rtmp_transcode_sound_t  *sound = data;

    if (ngx_rtmp_transcode_ready(&sound->work)) {

        /* it may be closed on the way */
        while (sound->xcode && oa_xcode_pull(sound->xcode, &output) == OA_OK) {
            if (output.kind == OA_XCODE_FAILED) {
                ngx_rtmp_transcode_sound_failed(sound, output.text);

            } else if (output.kind == OA_XCODE_FRAME) {
                ngx_rtmp_transcode_sound_packet(sound, &output);
            }
        }
    }

    if (sound->xcode) {
        ngx_rtmp_transcode_sound_tell(sound);

        /* the task that came back is the last one */
        ngx_rtmp_transcode_sound_feed(sound, sound->work.tasks == 1);
    }
}
