
/* Keyframes to make thumbnails of: four quarters of a colour each. */


#ifndef THUMBNAIL_SOURCE_H
#define THUMBNAIL_SOURCE_H


#include "unit.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xcode/oa_thumbnail.h"


typedef struct {
    const char                  *encoder;
    enum AVPixelFormat           format;
    int                          width;
    int                          height;
    enum AVColorSpace            matrix;
    enum AVColorTransferCharacteristic  transfer;
    bool                         full_range;
    AVRational                   sar;
    const char                  *options;
} source_kind_t;


typedef struct {
    oa_codec_video_t       picture;
    uint8_t               *record;
    size_t                 record_size;
    uint8_t               *data;
    size_t                 data_size;
    oa_thumbnail_source_t  source;
} source_t;


/* Upper left and right, lower left and right. */
static const uint8_t  source_colours[4][3] = {
    { 200, 40, 40 }, { 40, 180, 60 }, { 50, 60, 190 }, { 180, 180, 180 }
};


static inline AVFrame *
source_frame(const source_kind_t *kind)
{
    int                 stride, x, y, matrix;
    uint8_t            *rgb, *p;
    AVFrame            *frame;
    struct SwsContext  *sws;

    frame = av_frame_alloc();
    frame->format = kind->format;
    frame->width = kind->width;
    frame->height = kind->height;
    frame->sample_aspect_ratio = kind->sar;
    frame->colorspace = kind->matrix;
    frame->color_trc = kind->transfer;
    frame->color_range = kind->full_range ? AVCOL_RANGE_JPEG
                                          : AVCOL_RANGE_MPEG;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);

    stride = (kind->width * 3 + 63) / 64 * 64;
    rgb = calloc((size_t) stride, (size_t) kind->height + 1);
    assert_non_null(rgb);

    for (y = 0; y < kind->height; y++) {
        for (x = 0; x < kind->width; x++) {
            p = rgb + (size_t) y * (size_t) stride + 3 * x;
            memcpy(p, source_colours[(y >= kind->height / 2) * 2
                                     + (x >= kind->width / 2)], 3);
        }
    }

    sws = sws_getContext(kind->width, kind->height, AV_PIX_FMT_RGB24,
                         kind->width, kind->height, kind->format,
                         SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    assert_non_null(sws);

    matrix = kind->matrix == AVCOL_SPC_BT709 ? SWS_CS_ITU709
             : kind->matrix == AVCOL_SPC_BT2020_NCL ? SWS_CS_BT2020
             : SWS_CS_ITU601;
    sws_setColorspaceDetails(sws, sws_getCoefficients(matrix), 1,
                             sws_getCoefficients(matrix), kind->full_range,
                             0, 1 << 16, 1 << 16);
    sws_scale(sws, (const uint8_t *const *) &rgb, &stride, 0, kind->height,
              frame->data, frame->linesize);
    sws_freeContext(sws);
    free(rgb);

    return frame;
}


static inline AVCodecContext *
source_encoder(const source_kind_t *kind)
{
    AVDictionary    *options;
    AVCodecContext  *encoder;

    encoder = avcodec_alloc_context3(
                  avcodec_find_encoder_by_name(kind->encoder));
    assert_non_null(encoder);

    encoder->log_level_offset = 128;
    encoder->width = kind->width;
    encoder->height = kind->height;
    encoder->pix_fmt = kind->format;
    encoder->time_base = (AVRational) { 1, 30 };
    encoder->framerate = (AVRational) { 30, 1 };
    encoder->sample_aspect_ratio = kind->sar;
    encoder->colorspace = kind->matrix;
    encoder->color_trc = kind->transfer;
    encoder->color_range = kind->full_range ? AVCOL_RANGE_JPEG
                                            : AVCOL_RANGE_MPEG;
    encoder->flags = AV_CODEC_FLAG_GLOBAL_HEADER;
    encoder->thread_count = 1;

    options = NULL;
    av_dict_parse_string(&options, kind->options ? kind->options : "", "=",
                         ";", 0);
    assert_int_equal(avcodec_open2(encoder, encoder->codec, &options), 0);
    av_dict_free(&options);

    return encoder;
}


/* Coded, and in an MP4 file, which has it as onair's sources do. */
static inline void
source_write(const source_kind_t *kind, const char *path)
{
    AVFrame          *frame;
    AVPacket         *packet;
    AVStream         *stream;
    AVCodecContext   *encoder;
    AVFormatContext  *mp4;

    frame = source_frame(kind);
    encoder = source_encoder(kind);
    packet = av_packet_alloc();

    assert_true(avformat_alloc_output_context2(&mp4, NULL, "mp4", path) >= 0);
    stream = avformat_new_stream(mp4, NULL);
    avcodec_parameters_from_context(stream->codecpar, encoder);
    stream->time_base = encoder->time_base;

    if (encoder->codec_id == AV_CODEC_ID_HEVC) {
        stream->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
    }

    assert_true(avio_open(&mp4->pb, path, AVIO_FLAG_WRITE) >= 0);
    assert_true(avformat_write_header(mp4, NULL) >= 0);

    frame->pts = 0;
    frame->pict_type = AV_PICTURE_TYPE_I;
    assert_int_equal(avcodec_send_frame(encoder, frame), 0);
    assert_int_equal(avcodec_send_frame(encoder, NULL), 0);
    assert_int_equal(avcodec_receive_packet(encoder, packet), 0);

    av_packet_rescale_ts(packet, encoder->time_base, stream->time_base);
    assert_int_equal(av_write_frame(mp4, packet), 0);
    assert_int_equal(av_write_trailer(mp4), 0);

    avio_closep(&mp4->pb);
    avformat_free_context(mp4);
    avcodec_free_context(&encoder);
    av_packet_free(&packet);
    av_frame_free(&frame);
}


static inline uint8_t *
source_copy(const uint8_t *data, size_t size)
{
    uint8_t  *p;

    p = malloc(size);
    assert_non_null(p);
    memcpy(p, data, size);

    return p;
}


static inline oa_codec_id_t
source_codec(const AVCodecParameters *parameters)
{
    return parameters->codec_id == AV_CODEC_ID_H264 ? OA_CODEC_AVC
           : parameters->codec_id == AV_CODEC_ID_HEVC ? OA_CODEC_HEVC
           : OA_CODEC_AV1;
}


/* To be freed by source_free(). */
static inline void
source_make(source_t *s, const source_kind_t *kind)
{
    int                 fd;
    char                path[32];
    AVPacket           *packet;
    AVFormatContext    *mp4;
    AVCodecParameters  *parameters;

    fd = memfd_create("thumbnail", 0);
    assert_true(fd >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    source_write(kind, path);

    mp4 = NULL;
    packet = av_packet_alloc();
    assert_int_equal(avformat_open_input(&mp4, path,
                                         av_find_input_format("mp4"), NULL),
                     0);
    assert_int_equal(av_read_frame(mp4, packet), 0);

    parameters = mp4->streams[0]->codecpar;
    s->record_size = (size_t) parameters->extradata_size;
    s->record = source_copy(parameters->extradata, s->record_size);
    s->data_size = (size_t) packet->size;
    s->data = source_copy(packet->data, s->data_size);

    s->source.picture = &s->picture;
    s->source.record = oa_slice(s->record, s->record_size);
    s->source.data = oa_slice(s->data, s->data_size);
    assert_int_equal(oa_codec_video_config(source_codec(parameters),
                                           s->source.record, &s->picture),
                     OA_OK);

    av_packet_free(&packet);
    avformat_close_input(&mp4);
    close(fd);
}


static inline void
source_free(source_t *s)
{
    free(s->record);
    free(s->data);
}


/* A JPEG's picture; what a decoder of others says of it. */
static inline AVFrame *
source_jpeg(const oa_thumbnail_jpeg_t *jpeg)
{
    AVFrame         *frame;
    AVPacket        *packet;
    AVCodecContext  *decoder;

    decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    packet = av_packet_alloc();
    frame = av_frame_alloc();

    assert_int_equal(avcodec_open2(decoder, NULL, NULL), 0);
    assert_int_equal(av_new_packet(packet, (int) jpeg->size), 0);
    memcpy(packet->data, jpeg->data, jpeg->size);
    assert_int_equal(avcodec_send_packet(decoder, packet), 0);
    assert_int_equal(avcodec_receive_frame(decoder, frame), 0);
    assert_int_equal(frame->format, AV_PIX_FMT_YUVJ420P);
    assert_int_equal(frame->width, jpeg->width);
    assert_int_equal(frame->height, jpeg->height);

    av_packet_free(&packet);
    avcodec_free_context(&decoder);

    return frame;
}


/* The colour of a pixel, as JFIF says. */
static inline void
source_pixel(const AVFrame *frame, int x, int y, int rgb[3])
{
    double  luma, cb, cr;

    luma = frame->data[0][y * frame->linesize[0] + x];
    cb = frame->data[1][y / 2 * frame->linesize[1] + x / 2] - 128;
    cr = frame->data[2][y / 2 * frame->linesize[2] + x / 2] - 128;

    rgb[0] = (int) (luma + 1.402 * cr + 0.5);
    rgb[1] = (int) (luma - 0.344136 * cb - 0.714136 * cr + 0.5);
    rgb[2] = (int) (luma + 1.772 * cb + 0.5);
}


#endif /* THUMBNAIL_SOURCE_H */
