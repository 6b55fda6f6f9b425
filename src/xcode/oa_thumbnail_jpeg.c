
#include "xcode/oa_thumbnail_impl.h"

#include <libavcodec/avcodec.h>

#include <stdlib.h>
#include <string.h>


/* Quantizers, the best first. */
static const int  oa_thumbnail_qualities[] = { 3, 6, 12, 24, 31 };


static AVCodecContext *
oa_thumbnail_jpeg_open(const oa_thumbnail_planes_t *planes, int quality)
{
    const AVCodec   *codec;
    AVCodecContext  *encoder;

    codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    encoder = codec != NULL ? avcodec_alloc_context3(codec) : NULL;

    if (encoder == NULL) {
        return NULL;
    }

    encoder->log_level_offset = OA_THUMBNAIL_SILENT;
    encoder->width = (int) planes->width;
    encoder->height = (int) planes->height;
    encoder->time_base = (AVRational) { 1, 1 };
    encoder->sample_aspect_ratio = (AVRational) { 1, 1 };
    encoder->pix_fmt = AV_PIX_FMT_YUVJ420P;
    encoder->color_range = AVCOL_RANGE_JPEG;
    encoder->thread_count = 1;
    encoder->flags = AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    encoder->global_quality = quality * FF_QP2LAMBDA;
    encoder->qmax = 31;

    if (avcodec_open2(encoder, codec, NULL) < 0) {
        avcodec_free_context(&encoder);
        return NULL;
    }

    return encoder;
}


/* A frame with the planes' samples. */
static AVFrame *
oa_thumbnail_jpeg_frame(const oa_thumbnail_planes_t *planes, int quality)
{
    size_t    width;
    AVFrame  *frame;
    unsigned  i, y, height;

    frame = av_frame_alloc();
    if (frame == NULL) {
        return NULL;
    }

    frame->format = AV_PIX_FMT_YUVJ420P;
    frame->color_range = AVCOL_RANGE_JPEG;
    frame->width = (int) planes->width;
    frame->height = (int) planes->height;
    frame->quality = quality * FF_QP2LAMBDA;
    frame->pts = 0;

    if (av_frame_get_buffer(frame, 0) < 0) {
        av_frame_free(&frame);
        return NULL;
    }

    for (i = 0; i < 3; i++) {
        width = i == 0 ? planes->width : (planes->width + 1) / 2;
        height = i == 0 ? planes->height : (planes->height + 1) / 2;

        for (y = 0; y < height; y++) {
            memcpy(frame->data[i] + (ptrdiff_t) y * frame->linesize[i],
                   planes->planes[i] + (ptrdiff_t) y * planes->strides[i],
                   width);
        }
    }

    return frame;
}


static oa_err_t
oa_thumbnail_jpeg_encode(const oa_thumbnail_planes_t *planes, int quality,
    AVPacket *packet)
{
    int              rc;
    AVFrame         *frame;
    AVCodecContext  *encoder;

    encoder = oa_thumbnail_jpeg_open(planes, quality);
    frame = oa_thumbnail_jpeg_frame(planes, quality);
    rc = -1;

    if (encoder != NULL && frame != NULL) {
        rc = avcodec_send_frame(encoder, frame);

        if (rc >= 0) {
            rc = avcodec_receive_packet(encoder, packet);
        }
    }

    av_frame_free(&frame);
    avcodec_free_context(&encoder);

    return rc >= 0 ? OA_OK : OA_ENOMEM;
}


oa_err_t
oa_thumbnail_jpeg(const oa_thumbnail_planes_t *planes,
    oa_thumbnail_jpeg_t *jpeg)
{
    size_t     i;
    oa_err_t   err;
    AVPacket  *packet;

    packet = av_packet_alloc();
    if (packet == NULL) {
        return OA_ENOMEM;
    }

    err = OA_EFULL;

    for (i = 0; err == OA_EFULL && i < sizeof(oa_thumbnail_qualities)
                                       / sizeof(oa_thumbnail_qualities[0]);
         i++)
    {
        av_packet_unref(packet);
        err = oa_thumbnail_jpeg_encode(planes, oa_thumbnail_qualities[i],
                                       packet);

        if (err == OA_OK && packet->size > OA_THUMBNAIL_BYTES) {
            err = OA_EFULL;
        }
    }

    if (err == OA_OK) {
        jpeg->size = (size_t) packet->size;
        jpeg->width = planes->width;
        jpeg->height = planes->height;
        jpeg->data = malloc(jpeg->size);

        if (jpeg->data != NULL) {
            memcpy(jpeg->data, packet->data, jpeg->size);
        }

        err = jpeg->data != NULL ? OA_OK : OA_ENOMEM;
    }

    av_packet_free(&packet);

    return err;
}
