
/*
 * Sources for the tests of the ladder, coded here and now: a picture that
 * moves, and sound, by libavcodec's encoders.
 */


#ifndef XCODE_SOURCE_H
#define XCODE_SOURCE_H


#include "unit.h"
#include "codec/oa_annexb.h"
#include "xcode/oa_xcode.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdio.h>
#include <time.h>


#define UNUSED             __attribute__((unused))

#define SOURCE_FRAMES      2048
#define SOURCE_RECORD      4096
#define SOURCE_TIMESCALE   90000


typedef struct {
    const char         *encoder;
    const char         *options;     /* key=value:… of the encoder */
    int                 width;
    int                 height;
    int                 sar_width;
    enum AVPixelFormat  format;
    oa_timeline_rate_t  rate;
    int                 gop;
    int                 frames;
    int                 bframes;
    oa_codec_colour_t   colour;
    int                 still;       /* nothing moves */
} source_conf_t;


typedef struct {
    AVPacket           *packet;      /* in the form of FLV and MP4 */
    int64_t             decode_time;
    int64_t             time;
    uint32_t            duration;
    bool                sync;
} source_frame_t;


typedef struct {
    oa_codec_id_t       codec;
    oa_codec_video_t    picture;
    oa_codec_audio_t    sound;
    uint8_t             record[SOURCE_RECORD];
    size_t              record_size;
    oa_timeline_rate_t  rate;
    uint32_t            timescale;
    source_frame_t      frames[SOURCE_FRAMES];
    int                 n;
} source_t;


/* libx265 3.5 loses a copy of its parameters with each encoder. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}


const char *
__lsan_default_options(void)
{
    return "print_suppressions=0";
}


/* --- pictures --------------------------------------------------------- */


/* One sample of a plane, 0 to 255: slopes, a disc that moves, some texture. */
static UNUSED int
source_sample(int plane, double x, double y, double t)
{
    double  dx, dy, v;

    dx = x - 0.5 - 0.3 * cos(t * 2);
    dy = y - 0.5 - 0.3 * sin(t * 3);

    if (plane > 0) {
        v = 128 + 70 * sin(plane * 2.1 + x * 5 + t) * cos(y * 4 - t / 2);

    } else {
        v = 60 + 100 * x + 40 * y + 20 * sin(x * 60 + t * 8) * sin(y * 47);
    }

    if (dx * dx + dy * dy < 0.03) {
        v = plane > 0 ? 128 + 50 * (plane * 2 - 3) : 210;
    }

    return v < 16 ? 16 : v > 235 ? 235 : (int) v;
}


static UNUSED void
source_paint(AVFrame *frame, double t)
{
    int                        p, x, y, w, h, v, shift;
    uint8_t                   *line;
    const AVPixFmtDescriptor  *d = av_pix_fmt_desc_get(frame->format);

    shift = d->comp[0].depth - 8;

    for (p = 0; p < d->nb_components; p++) {
        w = frame->width;
        h = frame->height;

        if (p > 0) {
            w = AV_CEIL_RSHIFT(w, d->log2_chroma_w);
            h = AV_CEIL_RSHIFT(h, d->log2_chroma_h);
        }

        for (y = 0; y < h; y++) {
            line = frame->data[p] + y * frame->linesize[p];

            for (x = 0; x < w; x++) {
                v = source_sample(p, (double) x / w, (double) y / h, t);

                if (shift > 0) {
                    ((uint16_t *) (void *) line)[x] = (uint16_t) (v << shift);

                } else {
                    line[x] = (uint8_t) v;
                }
            }
        }
    }
}


static UNUSED AVFrame *
source_picture(const source_conf_t *conf, int i)
{
    AVFrame  *frame;

    frame = av_frame_alloc();
    frame->width = conf->width;
    frame->height = conf->height;
    frame->format = conf->format;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    source_paint(frame, conf->still ? 1.5
                                    : (double) i * conf->rate.den
                                      / conf->rate.num);

    return frame;
}


/* --- encoders --------------------------------------------------------- */


static UNUSED AVCodecContext *
source_encoder(const source_conf_t *conf)
{
    AVDictionary    *options;
    const AVCodec   *codec;
    AVCodecContext  *e;

    av_log_set_level(AV_LOG_QUIET);
    codec = avcodec_find_encoder_by_name(conf->encoder);
    assert_non_null(codec);
    e = avcodec_alloc_context3(codec);
    e->width = conf->width;
    e->height = conf->height;
    e->pix_fmt = conf->format;
    e->time_base = (AVRational) { (int) conf->rate.den, (int) conf->rate.num };
    e->framerate = (AVRational) { (int) conf->rate.num, (int) conf->rate.den };
    e->gop_size = conf->gop;
    e->max_b_frames = conf->bframes;
    e->thread_count = 1;
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;

    if (conf->sar_width != 0) {
        e->sample_aspect_ratio = (AVRational) { conf->sar_width, 1 };
    }

    e->color_primaries = AVCOL_PRI_UNSPECIFIED;
    e->color_trc = AVCOL_TRC_UNSPECIFIED;
    e->colorspace = AVCOL_SPC_UNSPECIFIED;
    e->color_range = conf->colour.full_range ? AVCOL_RANGE_JPEG
                                             : AVCOL_RANGE_UNSPECIFIED;

    if (conf->colour.known) {
        e->color_primaries = conf->colour.primaries;
        e->color_trc = conf->colour.transfer;
        e->colorspace = conf->colour.matrix;
    }

    options = NULL;
    assert_int_equal(av_dict_parse_string(&options, conf->options
                                          ? conf->options : "", "=", ",", 0),
                     0);
    assert_int_equal(avcodec_open2(e, codec, &options), 0);
    av_dict_free(&options);

    return e;
}


static UNUSED void
source_config(source_t *s, const AVCodecContext *e)
{
    oa_slice_t   headers;
    oa_writer_t  w;

    headers = oa_slice(e->extradata, (size_t) e->extradata_size);
    oa_writer_init(&w, s->record, sizeof(s->record));

    if (s->codec == OA_CODEC_AVC || s->codec == OA_CODEC_HEVC) {
        assert_int_equal(oa_annexb_record_write(s->codec, headers, &w),
                         OA_OK);

    } else {
        oa_write_slice(&w, headers);
    }

    s->record_size = oa_writer_size(&w);
}


/* AV1: the sequence header stands behind the first delimiter. */
static UNUSED void
source_config_av1(source_t *s)
{
    oa_writer_t     w;
    const uint8_t  *p = s->frames[0].packet->data;

    assert_int_equal(p[2], 0x0a);
    oa_writer_init(&w, s->record, sizeof(s->record));
    oa_write_u32(&w, 0x81000c00);            /* 4:2:0, 8 bits */
    oa_write_slice(&w, oa_slice(p + 2, p[3] + 2u));
    s->record_size = oa_writer_size(&w);
}


static UNUSED oa_slice_t
source_record(const source_t *s)
{
    return oa_slice(s->record, s->record_size);
}


static UNUSED AVPacket *
source_unit(oa_codec_id_t codec, const AVPacket *packet)
{
    AVPacket     *unit;
    oa_writer_t   w;

    if (codec != OA_CODEC_AVC && codec != OA_CODEC_HEVC) {
        return av_packet_clone(packet);
    }

    unit = av_packet_alloc();
    assert_int_equal(av_new_packet(unit, OA_ANNEXB_ROOM(packet->size)), 0);
    oa_writer_init(&w, unit->data, (size_t) unit->size);
    assert_int_equal(oa_annexb_unit_write(codec,
                                          oa_slice(packet->data,
                                                   (size_t) packet->size), &w),
                     OA_OK);
    av_shrink_packet(unit, (int) oa_writer_size(&w));

    return unit;
}


/* In frames of the rate, resp. samples: to ticks. */
static UNUSED void
source_take(source_t *s, AVCodecContext *e, AVPacket *packet)
{
    source_frame_t  *f;

    while (avcodec_receive_packet(e, packet) == 0) {
        assert_true(s->n < SOURCE_FRAMES);
        f = &s->frames[s->n++];
        f->packet = source_unit(s->codec, packet);
        f->sync = packet->flags & AV_PKT_FLAG_KEY;
        f->time = av_rescale_q(packet->pts, e->time_base,
                               (AVRational) { 1, (int) s->timescale });
        f->decode_time = av_rescale_q(packet->dts, e->time_base,
                                      (AVRational) { 1, (int) s->timescale });
        f->duration = (uint32_t) av_rescale_q(
            e->frame_size ? e->frame_size : 1, e->time_base,
            (AVRational) { 1, (int) s->timescale });
        av_packet_unref(packet);
    }
}


static UNUSED source_t *
source_new(const source_conf_t *conf)
{
    int              i;
    AVFrame         *frame;
    source_t        *s;
    AVPacket        *packet;
    AVCodecContext  *e;

    s = calloc(1, sizeof(*s));
    assert_non_null(s);
    e = source_encoder(conf);
    packet = av_packet_alloc();

    s->codec = e->codec_id == AV_CODEC_ID_H264   ? OA_CODEC_AVC
               : e->codec_id == AV_CODEC_ID_HEVC ? OA_CODEC_HEVC
                                                 : OA_CODEC_AV1;
    s->rate = conf->rate;
    s->timescale = SOURCE_TIMESCALE;
    source_config(s, e);

    for (i = 0; i < conf->frames; i++) {
        frame = source_picture(conf, i);
        frame->pts = i;
        assert_int_equal(avcodec_send_frame(e, frame), 0);
        av_frame_free(&frame);
        source_take(s, e, packet);
    }

    assert_int_equal(avcodec_send_frame(e, NULL), 0);
    source_take(s, e, packet);
    assert_int_equal(s->n, conf->frames);

    if (s->codec == OA_CODEC_AV1) {
        source_config_av1(s);
    }

    assert_int_equal(oa_codec_video_config(s->codec, source_record(s),
                                           &s->picture), OA_OK);

    av_packet_free(&packet);
    avcodec_free_context(&e);

    return s;
}


static UNUSED void
source_free(source_t *s)
{
    int  i;

    for (i = 0; i < s->n; i++) {
        av_packet_free(&s->frames[i].packet);
    }

    free(s);
}


/* --- sound ------------------------------------------------------------ */


static UNUSED AVCodecContext *
source_sound_encoder(const char *name, int rate, int channels)
{
    const AVCodec   *codec;
    AVCodecContext  *e;

    av_log_set_level(AV_LOG_QUIET);
    codec = avcodec_find_encoder_by_name(name);
    assert_non_null(codec);
    e = avcodec_alloc_context3(codec);
    av_channel_layout_default(&e->ch_layout, channels);
    e->sample_rate = rate;
    e->sample_fmt = codec->id == AV_CODEC_ID_OPUS ? AV_SAMPLE_FMT_FLT
                                                  : AV_SAMPLE_FMT_FLTP;
    e->time_base = (AVRational) { 1, rate };
    e->bit_rate = 96000 * channels;
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    assert_int_equal(avcodec_open2(e, codec, NULL), 0);

    return e;
}


/* Silence with clicks, which begin every so many samples. */
static UNUSED double
source_click(int n, int every)
{
    return n >= every && n % every < 32 ? 0.8 * exp(-(n % every) / 6.0) : 0;
}


static UNUSED AVFrame *
source_sound_frame(const AVCodecContext *e, int first, int every)
{
    int       i, c, n;
    float     v;
    AVFrame  *frame;

    n = e->ch_layout.nb_channels;
    frame = av_frame_alloc();
    frame->nb_samples = e->frame_size;
    frame->format = e->sample_fmt;
    frame->sample_rate = e->sample_rate;
    frame->pts = first;
    av_channel_layout_copy(&frame->ch_layout, &e->ch_layout);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);

    for (i = 0; i < e->frame_size; i++) {
        v = (float) source_click(first + i, every);

        for (c = 0; c < n; c++) {
            if (av_sample_fmt_is_planar(e->sample_fmt)) {
                ((float *) (void *) frame->extended_data[c])[i] = v;

            } else {
                ((float *) (void *) frame->data[0])[i * n + c] = v;
            }
        }
    }

    return frame;
}


static UNUSED void
source_sound_config(source_t *s, const AVCodecContext *e)
{
    if (e->codec_id == AV_CODEC_ID_MP3) {
        s->codec = OA_CODEC_MP3;
        s->sound.codec = OA_CODEC_MP3;
        s->sound.clock_rate = (uint32_t) e->sample_rate;
        s->sound.channels = (uint32_t) e->ch_layout.nb_channels;
        return;
    }

    s->codec = e->codec_id == AV_CODEC_ID_AAC ? OA_CODEC_AAC : OA_CODEC_OPUS;
    source_config(s, e);
    assert_int_equal(oa_codec_audio_config(s->codec, source_record(s),
                                           &s->sound), OA_OK);
}


/* Its first packet is at 0, though the encoder has it before that. */
static UNUSED source_t *
source_sound(const char *encoder, int rate, int channels, int frames,
    int every)
{
    int              i;
    AVFrame         *frame;
    source_t        *s;
    AVPacket        *packet;
    AVCodecContext  *e;

    e = source_sound_encoder(encoder, rate, channels);
    s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->timescale = (uint32_t) rate;
    source_sound_config(s, e);
    packet = av_packet_alloc();

    for (i = 0; i < frames; i++) {
        frame = source_sound_frame(e, i * e->frame_size, every);
        assert_int_equal(avcodec_send_frame(e, frame), 0);
        av_frame_free(&frame);
        source_take(s, e, packet);
    }

    for (i = s->n - 1; i >= 0; i--) {
        s->frames[i].sync = true;
        s->frames[i].time -= s->frames[0].time;
        s->frames[i].decode_time = s->frames[i].time;
    }

    av_packet_free(&packet);
    avcodec_free_context(&e);

    return s;
}


#endif /* XCODE_SOURCE_H */
