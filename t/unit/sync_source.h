
/*
 * A publisher of a flash and a beep at the same moment, again and again, for as
 * long as is wanted: H.264 of 30000/1001 frames a second with B-frames, AAC of
 * 44.1 kHz, and the timestamps of RTMP, in whole milliseconds.
 */


#ifndef SYNC_SOURCE_H
#define SYNC_SOURCE_H


#include "packager_fixture.h"

#include "codec/oa_annexb.h"

#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <math.h>


#define SYNC_WIDTH        64
#define SYNC_HEIGHT       36
#define SYNC_NUM          30000
#define SYNC_DEN          1001
#define SYNC_GOP          60
#define SYNC_RATE         44100
#define SYNC_BFRAMES      2

/* A flash in every second group of pictures, not at its keyframe. */
#define SYNC_EVERY        (2 * SYNC_GOP)
#define SYNC_FIRST        44
#define SYNC_PICTURES     4
#define SYNC_SAMPLES      (SYNC_RATE / 10)


typedef struct {
    AVCodecContext   *e;
    AVPacket         *packet;        /* the next one in decoding order */
    AVFrame          *frame;
    int64_t           next;          /* to be coded: a picture, a sample */
    double            per_s;         /* of them, in truth */
    void            (*paint)(AVFrame *frame, int64_t at, double per_s);
} sync_track_t;


typedef struct {
    sync_track_t   video;
    sync_track_t   audio;
} sync_source_t;


/* Seconds until the n-th flash, and beep. */
static UNUSED double
sync_moment(int64_t n)
{
    return (double) (n * SYNC_EVERY + SYNC_FIRST) * SYNC_DEN / SYNC_NUM;
}


/* Bars, one of which moves, and now and then a flash. */
static UNUSED void
sync_paint(AVFrame *frame, int64_t at, double per_s)
{
    int   x, y, v;
    bool  flash;

    (void) per_s;
    flash = at % SYNC_EVERY >= SYNC_FIRST
            && at % SYNC_EVERY < SYNC_FIRST + SYNC_PICTURES;

    for (y = 0; y < SYNC_HEIGHT; y++) {
        for (x = 0; x < SYNC_WIDTH; x++) {
            v = (int) (16 + 10 * (x / 8) + (x / 8 == at / 4 % 8 ? 12 : 0));
            frame->data[0][y * frame->linesize[0] + x]
                = (uint8_t) (flash ? 235 : v);
        }
    }

    for (y = 0; y < SYNC_HEIGHT / 2; y++) {
        for (x = 0; x < SYNC_WIDTH / 2; x++) {
            frame->data[1][y * frame->linesize[1] + x]
                = (uint8_t) (flash ? 128 : 90 + 10 * (x / 4));
            frame->data[2][y * frame->linesize[2] + x]
                = (uint8_t) (flash ? 128 : 170 - 10 * (x / 4));
        }
    }
}


/* Silence, and a tone of 1 kHz that begins with the flash. */
static UNUSED void
sync_sound(AVFrame *frame, int64_t at, double per_s)
{
    int       i;
    float    *v;
    int64_t   n, into;

    v = (float *) (void *) frame->data[0];

    for (i = 0; i < frame->nb_samples; i++, at++) {
        n = (int64_t) (((double) at / per_s - sync_moment(0))
                       / (sync_moment(1) - sync_moment(0)));
        into = at - llround(sync_moment(n) * per_s);
        v[i] = into >= 0 && into < SYNC_SAMPLES
               ? 0.8f * sinf((float) into * 1000 * 2 * (float) M_PI / SYNC_RATE)
               : 0;
    }
}


/* --- coding ------------------------------------------------------------ */


static UNUSED AVCodecContext *
sync_encoder(const char *name)
{
    const AVCodec   *codec;
    AVCodecContext  *e;

    codec = avcodec_find_encoder_by_name(name);
    assert_non_null(codec);
    e = avcodec_alloc_context3(codec);
    e->thread_count = 1;
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;

    return e;
}


static UNUSED void
sync_open(sync_track_t *t, const char *options)
{
    AVDictionary  *set;

    set = NULL;
    assert_int_equal(av_dict_parse_string(&set, options, "=", ",", 0), 0);
    assert_int_equal(avcodec_open2(t->e, t->e->codec, &set), 0);
    av_dict_free(&set);

    t->packet = av_packet_alloc();
    t->frame = av_frame_alloc();
    t->frame->width = t->e->width;
    t->frame->height = t->e->height;
    t->frame->format = t->e->width ? (int) t->e->pix_fmt
                                   : (int) t->e->sample_fmt;
    t->frame->nb_samples = t->e->frame_size;
    t->frame->sample_rate = t->e->sample_rate;
    av_channel_layout_copy(&t->frame->ch_layout, &t->e->ch_layout);
    assert_int_equal(av_frame_get_buffer(t->frame, 0), 0);
}


/* The next packet of it. */
static UNUSED void
sync_code(sync_track_t *t)
{
    av_packet_unref(t->packet);

    while (avcodec_receive_packet(t->e, t->packet) != 0) {
        assert_int_equal(av_frame_make_writable(t->frame), 0);
        t->paint(t->frame, t->next, t->per_s);
        t->frame->pts = t->next;
        t->next += t->e->width ? 1 : t->e->frame_size;
        assert_int_equal(avcodec_send_frame(t->e, t->frame), 0);
    }
}


/* per_s: samples in a second of the pictures' clock; 44100 are told. */
static UNUSED sync_source_t *
sync_source_new(double per_s)
{
    sync_source_t   *s;
    AVCodecContext  *e;

    av_log_set_level(AV_LOG_QUIET);
    s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->audio.per_s = per_s;

    e = s->video.e = sync_encoder("libx264");
    e->width = SYNC_WIDTH;
    e->height = SYNC_HEIGHT;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = (AVRational) { SYNC_DEN, SYNC_NUM };
    e->framerate = (AVRational) { SYNC_NUM, SYNC_DEN };
    e->gop_size = SYNC_GOP;
    e->keyint_min = SYNC_GOP;
    e->max_b_frames = SYNC_BFRAMES;
    s->video.paint = sync_paint;
    sync_open(&s->video, "preset=ultrafast,sc_threshold=0,b_strategy=0");

    e = s->audio.e = sync_encoder("aac");
    av_channel_layout_default(&e->ch_layout, 1);
    e->sample_rate = SYNC_RATE;
    e->sample_fmt = AV_SAMPLE_FMT_FLTP;
    e->time_base = (AVRational) { 1, SYNC_RATE };
    e->bit_rate = 64000;
    s->audio.paint = sync_sound;
    sync_open(&s->audio, "aac_coder=fast");

    sync_code(&s->video);

    /* what is before the first sample is not sent */
    do {
        sync_code(&s->audio);
    } while (s->audio.packet->pts < 0);

    return s;
}


static UNUSED void
sync_track_free(sync_track_t *t)
{
    avcodec_free_context(&t->e);
    av_packet_free(&t->packet);
    av_frame_free(&t->frame);
}


static UNUSED void
sync_source_free(sync_source_t *s)
{
    sync_track_free(&s->video);
    sync_track_free(&s->audio);
    free(s);
}


/* --- sending ----------------------------------------------------------- */


/* Milliseconds of a picture's time; that of the first decoded is 0. */
static UNUSED int64_t
sync_video_ms(int64_t frames)
{
    return llround((double) (frames + SYNC_BFRAMES) * SYNC_DEN * 1000
                   / SYNC_NUM);
}


static UNUSED int64_t
sync_audio_ms(const sync_source_t *s)
{
    return llround((double) s->audio.packet->pts * 1000 / s->audio.per_s)
           + sync_video_ms(0);
}


static UNUSED void
sync_send_configs(sync_source_t *s, fixture_t *f)
{
    uint8_t      body[1024];
    oa_writer_t  w;

    oa_writer_init(&w, body, sizeof(body));
    oa_write_u8(&w, 0x17);
    oa_write_u32(&w, 0);
    assert_int_equal(oa_annexb_record_write(OA_CODEC_AVC,
                         oa_slice(s->video.e->extradata,
                                  (size_t) s->video.e->extradata_size), &w),
                     OA_OK);
    assert_int_equal(oa_packager_video(f->packager, oa_writer_slice(&w), 0,
                                       f->unix_us, NULL), OA_OK);

    oa_writer_init(&w, body, sizeof(body));
    oa_write_u16(&w, 0xae00);
    oa_write_bytes(&w, s->audio.e->extradata,
                   (size_t) s->audio.e->extradata_size);
    assert_int_equal(oa_packager_audio(f->packager, oa_writer_slice(&w), 0,
                                       f->unix_us, NULL), OA_OK);
}


static UNUSED void
sync_send_video(sync_source_t *s, fixture_t *f)
{
    int64_t            ms, shown_ms;
    uint8_t            body[1 << 16];
    oa_writer_t        w;
    const AVPacket    *packet = s->video.packet;

    ms = sync_video_ms(packet->dts);
    shown_ms = sync_video_ms(packet->pts);

    oa_writer_init(&w, body, sizeof(body));
    oa_write_u8(&w, packet->flags & AV_PKT_FLAG_KEY ? 0x17 : 0x27);
    oa_write_u8(&w, 1);
    oa_write_u24(&w, (uint32_t) (shown_ms - ms) & 0xffffff);
    assert_int_equal(oa_annexb_unit_write(OA_CODEC_AVC,
                         oa_slice(packet->data, (size_t) packet->size), &w),
                     OA_OK);
    assert_int_equal(oa_packager_video(f->packager, oa_writer_slice(&w),
                                       (uint32_t) ms, f->unix_us, NULL),
                     OA_OK);
    sync_code(&s->video);
}


static UNUSED void
sync_send_audio(sync_source_t *s, fixture_t *f)
{
    uint8_t           body[8192];
    oa_writer_t       w;
    const AVPacket   *packet = s->audio.packet;

    oa_writer_init(&w, body, sizeof(body));
    oa_write_u16(&w, 0xae01);
    oa_write_bytes(&w, packet->data, (size_t) packet->size);
    assert_int_equal(oa_packager_audio(f->packager, oa_writer_slice(&w),
                                       (uint32_t) sync_audio_ms(s),
                                       f->unix_us, NULL), OA_OK);
    sync_code(&s->audio);
}


/* The next message, when its time has come: milliseconds from the first. */
static UNUSED int64_t
sync_send(sync_source_t *s, fixture_t *f)
{
    bool     is_video;
    int64_t  ms;

    ms = sync_video_ms(s->video.packet->dts);
    is_video = ms <= sync_audio_ms(s);
    ms = is_video ? ms : sync_audio_ms(s);
    f->unix_us = START_US + ms * 1000;

    if (is_video) {
        sync_send_video(s, f);

    } else {
        sync_send_audio(s, f);
    }

    return ms;
}


#endif /* SYNC_SOURCE_H */
