
#include "xcode/oa_thumbnail_impl.h"

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include <stdlib.h>
#include <string.h>


#define OA_THUMBNAIL_PADDING    64       /* of a coded picture, at most */


/* The largest size. */
#define OA_THUMBNAIL_WIDTH      640
#define OA_THUMBNAIL_HEIGHT     360


/*
 * The largest size in RGB, which all are made of, and one of them in 4:2:0.
 * Rows are as far apart as the widest are long, whatever the width: scalers
 * write some pixels behind a row's end.
 */
typedef struct {
    uint32_t   width;
    uint32_t   height;
    uint8_t    rgb[OA_THUMBNAIL_HEIGHT][OA_THUMBNAIL_WIDTH * 3];
    uint16_t   deep[OA_THUMBNAIL_HEIGHT][OA_THUMBNAIL_WIDTH * 3];
    uint8_t    y[OA_THUMBNAIL_HEIGHT][OA_THUMBNAIL_WIDTH];
    uint8_t    u[OA_THUMBNAIL_HEIGHT / 2][OA_THUMBNAIL_WIDTH / 2];
    uint8_t    v[OA_THUMBNAIL_HEIGHT / 2][OA_THUMBNAIL_WIDTH / 2];

    oa_thumbnail_tone_t  tone;
} oa_thumbnail_work_t;


uint32_t
oa_thumbnail_height(unsigned size)
{
    return 90u << size;
}


static uint32_t
oa_thumbnail_even(uint64_t side, uint32_t max)
{
    side = (side + 1) / 2 * 2;

    return side < 2 ? 2 : side < max ? (uint32_t) side : max;
}


void
oa_thumbnail_fit(uint32_t width, uint32_t height, uint32_t sar_width,
    uint32_t sar_height, uint32_t box_height, uint32_t *to_width,
    uint32_t *to_height)
{
    uint64_t  w, h, box_width;

    /* pixels of the width are stretched or squeezed; sides are below 2^16 */
    w = sar_height != 0 ? (uint64_t) width * sar_width / sar_height : width;
    h = height;
    w = w > 0 ? w : 1;
    box_width = (uint64_t) box_height * 16 / 9;

    if (w > box_width || h > box_height) {
        if (w * box_height > h * box_width) {
            h = h * box_width / w;
            w = box_width;

        } else {
            w = w * box_height / h;
            h = box_height;
        }
    }

    *to_width = oa_thumbnail_even(w, (uint32_t) box_width);
    *to_height = oa_thumbnail_even(h, box_height);
}


/* --- decoding -------------------------------------------------------- */


static const AVCodec *
oa_thumbnail_codec(oa_codec_id_t codec)
{
    switch (codec) {

    case OA_CODEC_AVC:
        return avcodec_find_decoder_by_name("h264");

    case OA_CODEC_HEVC:
        return avcodec_find_decoder_by_name("hevc");

    case OA_CODEC_AV1:
        return avcodec_find_decoder_by_name("libdav1d");

    default:
        return NULL;
    }
}


static bool
oa_thumbnail_too_large(const oa_codec_video_t *picture)
{
    uint32_t  longer, shorter;

    longer = picture->width;
    shorter = picture->height;

    if (longer < shorter) {
        longer = picture->height;
        shorter = picture->width;
    }

    return longer > OA_THUMBNAIL_MAX_LONG || shorter > OA_THUMBNAIL_MAX_SHORT;
}


static oa_err_t
oa_thumbnail_decoder_open(const oa_thumbnail_source_t *source,
    const AVCodec *codec, AVCodecContext **opened)
{
    AVCodecContext  *decoder;

    decoder = avcodec_alloc_context3(codec);
    if (decoder == NULL) {
        return OA_ENOMEM;
    }

    decoder->log_level_offset = OA_THUMBNAIL_SILENT;
    decoder->thread_count = 1;
    decoder->max_pixels =
        ((int64_t) source->picture->width + OA_THUMBNAIL_PADDING)
        * ((int64_t) source->picture->height + OA_THUMBNAIL_PADDING);

    /* one that begins elsewhere than at an IDR picture is shown as well */
    decoder->flags = AV_CODEC_FLAG_OUTPUT_CORRUPT;
    decoder->flags2 = AV_CODEC_FLAG2_SHOW_ALL;
    decoder->error_concealment = 0;

    decoder->extradata = av_mallocz(source->record.size
                                    + AV_INPUT_BUFFER_PADDING_SIZE);
    if (decoder->extradata == NULL) {
        avcodec_free_context(&decoder);
        return OA_ENOMEM;
    }

    memcpy(decoder->extradata, source->record.data, source->record.size);
    decoder->extradata_size = (int) source->record.size;

    if (avcodec_open2(decoder, codec, NULL) < 0) {
        avcodec_free_context(&decoder);
        return OA_EINVAL;
    }

    *opened = decoder;

    return OA_OK;
}


static oa_err_t
oa_thumbnail_packet(const oa_thumbnail_source_t *source, AVPacket **filled)
{
    oa_err_t      err;
    AVPacket     *packet;
    oa_writer_t   writer;

    packet = av_packet_alloc();

    if (packet == NULL
        || av_new_packet(packet, (int) source->data.size) < 0)
    {
        av_packet_free(&packet);
        return OA_ENOMEM;
    }

    oa_writer_init(&writer, packet->data, source->data.size);

    err = oa_thumbnail_first(source, &writer);
    if (err != OA_OK) {
        av_packet_free(&packet);
        return err;
    }

    av_shrink_packet(packet, (int) oa_writer_size(&writer));
    packet->flags = AV_PKT_FLAG_KEY;
    *filled = packet;

    return OA_OK;
}


/* The first picture; NULL: there is none. */
static AVFrame *
oa_thumbnail_receive(AVCodecContext *decoder, const AVPacket *packet)
{
    AVFrame  *frame;

    frame = av_frame_alloc();

    if (frame != NULL && avcodec_send_packet(decoder, packet) >= 0) {
        if (avcodec_receive_frame(decoder, frame) >= 0) {
            return frame;
        }

        /* it may wait for more to come */
        if (avcodec_send_packet(decoder, NULL) >= 0
            && avcodec_receive_frame(decoder, frame) >= 0)
        {
            return frame;
        }
    }

    av_frame_free(&frame);

    return NULL;
}


static oa_err_t
oa_thumbnail_decode(const oa_thumbnail_source_t *source, AVFrame **frame)
{
    oa_err_t         err;
    AVPacket        *packet;
    const AVCodec   *codec;
    AVCodecContext  *decoder;

    codec = oa_thumbnail_codec(source->picture->codec);
    if (codec == NULL) {
        return OA_EUNSUPPORTED;
    }

    if (oa_thumbnail_too_large(source->picture)
        || source->data.size > INT32_MAX / 2
        || source->record.size > INT32_MAX / 2)
    {
        return OA_ELIMIT;
    }

    err = oa_thumbnail_packet(source, &packet);
    if (err != OA_OK) {
        return err;
    }

    err = oa_thumbnail_decoder_open(source, codec, &decoder);

    if (err == OA_OK) {
        *frame = oa_thumbnail_receive(decoder, packet);
        err = *frame != NULL ? OA_OK : OA_EINVAL;
        avcodec_free_context(&decoder);
    }

    av_packet_free(&packet);

    return err;
}


/* --- scaling --------------------------------------------------------- */


typedef struct {
    const uint8_t *const  *planes;
    const int             *strides;
    int                    width;
    int                    height;
    int                    format;
    int                    matrix;       /* SWS_CS_… */
    int                    full_range;
} oa_thumbnail_from_t;


typedef struct {
    uint8_t *const        *planes;
    const int             *strides;
    uint32_t               width;
    uint32_t               height;
    int                    format;
} oa_thumbnail_to_t;


/* To a format of RGB, or of YUV of full range by BT.601. */
static oa_err_t
oa_thumbnail_scale(const oa_thumbnail_from_t *from,
    const oa_thumbnail_to_t *to)
{
    int                 rows;
    struct SwsContext  *sws;

    if (!sws_isSupportedInput(from->format)) {
        return OA_EUNSUPPORTED;
    }

    sws = sws_getContext(from->width, from->height, from->format,
                         (int) to->width, (int) to->height, to->format,
                         SWS_AREA | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT
                         | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    if (sws == NULL) {
        return OA_EUNSUPPORTED;
    }

    /* where it does not apply, it says so, and that is well */
    (void) sws_setColorspaceDetails(sws, sws_getCoefficients(from->matrix),
                                    from->full_range,
                                    sws_getCoefficients(SWS_CS_ITU601), 1,
                                    0, 1 << 16, 1 << 16);

    rows = sws_scale(sws, from->planes, from->strides, 0, from->height,
                     to->planes, to->strides);
    sws_freeContext(sws);

    return rows > 0 ? OA_OK : OA_EUNSUPPORTED;
}


static bool
oa_thumbnail_is_rgb(const AVFrame *frame)
{
    const AVPixFmtDescriptor  *format;

    format = av_pix_fmt_desc_get(frame->format);

    return format != NULL && format->flags & AV_PIX_FMT_FLAG_RGB;
}


static int
oa_thumbnail_matrix(const AVFrame *frame)
{
    if (oa_thumbnail_is_rgb(frame)) {
        return SWS_CS_ITU601;
    }

    switch (frame->colorspace) {

    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;

    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;

    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return SWS_CS_ITU601;

    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;

    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;

    default:
        return frame->height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    }
}


/* These say their range by their name, which is no longer done. */
static bool
oa_thumbnail_is_full(const AVFrame *frame)
{
    switch (frame->format) {

    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
        return true;

    default:
        return frame->color_range == AVCOL_RANGE_JPEG
               || oa_thumbnail_is_rgb(frame);
    }
}


static int
oa_thumbnail_format(int format)
{
    switch (format) {

    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;

    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;

    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;

    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;

    default:
        return format;
    }
}


static oa_err_t
oa_thumbnail_base(const AVFrame *frame, oa_thumbnail_work_t *work)
{
    int                  stride;
    bool                 high;
    oa_err_t             err;
    uint8_t             *plane;
    uint32_t             row;
    oa_thumbnail_to_t    to;
    oa_thumbnail_from_t  from;

    high = frame->color_trc == AVCOL_TRC_SMPTE2084
           || frame->color_trc == AVCOL_TRC_ARIB_STD_B67;

    from.planes = (const uint8_t *const *) frame->data;
    from.strides = frame->linesize;
    from.width = frame->width;
    from.height = frame->height;
    from.format = oa_thumbnail_format(frame->format);
    from.matrix = oa_thumbnail_matrix(frame);
    from.full_range = oa_thumbnail_is_full(frame);

    plane = high ? (uint8_t *) work->deep : work->rgb[0];
    stride = high ? sizeof(work->deep[0]) : sizeof(work->rgb[0]);

    to.planes = &plane;
    to.strides = &stride;
    to.width = work->width;
    to.height = work->height;
    to.format = high ? AV_PIX_FMT_RGB48 : AV_PIX_FMT_RGB24;

    err = oa_thumbnail_scale(&from, &to);

    if (err == OA_OK && high) {
        oa_thumbnail_tone_init(&work->tone, (unsigned) frame->color_trc);

        for (row = 0; row < work->height; row++) {
            oa_thumbnail_tone(&work->tone, work->deep[row], work->width,
                              work->rgb[row]);
        }
    }

    return err;
}


/* --- the sizes ------------------------------------------------------- */


/* The base as planes of 4:2:0, which are in *work as well. */
static oa_err_t
oa_thumbnail_shrink(oa_thumbnail_work_t *work, uint32_t width,
    uint32_t height, oa_thumbnail_planes_t *planes)
{
    int                  stride;
    uint8_t             *samples[3];
    const uint8_t       *plane;
    oa_thumbnail_to_t    to;
    oa_thumbnail_from_t  from;

    plane = work->rgb[0];
    stride = sizeof(work->rgb[0]);

    from.planes = &plane;
    from.strides = &stride;
    from.width = (int) work->width;
    from.height = (int) work->height;
    from.format = AV_PIX_FMT_RGB24;
    from.matrix = SWS_CS_ITU601;
    from.full_range = 1;

    samples[0] = work->y[0];
    samples[1] = work->u[0];
    samples[2] = work->v[0];

    memcpy(planes->planes, samples, sizeof(samples));
    planes->strides[0] = sizeof(work->y[0]);
    planes->strides[1] = planes->strides[2] = sizeof(work->u[0]);
    planes->width = width;
    planes->height = height;

    to.planes = samples;
    to.strides = planes->strides;
    to.width = width;
    to.height = height;
    to.format = AV_PIX_FMT_YUV420P;

    return oa_thumbnail_scale(&from, &to);
}


/* Puts a plane into the middle of the tile's; shift: as of 4:2:0's chroma. */
static void
oa_thumbnail_center(const oa_thumbnail_planes_t *planes, unsigned plane,
    unsigned shift, uint8_t *to)
{
    uint32_t        x, y, row, stride;
    const uint8_t  *from;

    /* pairs of samples to the left and above */
    x = (OA_THUMBNAIL_TILE_WIDTH - planes->width) / 4;
    y = (OA_THUMBNAIL_TILE_HEIGHT - planes->height) / 4;
    stride = OA_THUMBNAIL_TILE_WIDTH >> shift;

    from = planes->planes[plane];
    to += (size_t) (2 * y >> shift) * stride + (2 * x >> shift);

    for (row = 0; row < planes->height >> shift; row++) {
        memcpy(to, from, planes->width >> shift);
        to += stride;
        from += planes->strides[plane];
    }
}


static void
oa_thumbnail_tile(const oa_thumbnail_planes_t *planes,
    oa_thumbnail_tile_t *tile)
{
    memset(tile->y, 0, sizeof(tile->y));
    memset(tile->u, 128, sizeof(tile->u));
    memset(tile->v, 128, sizeof(tile->v));

    oa_thumbnail_center(planes, 0, 0, tile->y);
    oa_thumbnail_center(planes, 1, 1, tile->u);
    oa_thumbnail_center(planes, 2, 1, tile->v);
}


static oa_err_t
oa_thumbnail_sizes(const oa_codec_video_t *picture, const AVFrame *frame,
    oa_thumbnail_work_t *work, oa_thumbnail_t *thumbnail)
{
    oa_err_t               err;
    unsigned               i;
    uint32_t               width, height;
    oa_thumbnail_planes_t  planes;

    oa_thumbnail_fit((uint32_t) frame->width, (uint32_t) frame->height,
                     picture->sar_width, picture->sar_height,
                     OA_THUMBNAIL_HEIGHT, &work->width, &work->height);

    err = oa_thumbnail_base(frame, work);

    for (i = 0; err == OA_OK && i < OA_THUMBNAIL_SIZES; i++) {
        oa_thumbnail_fit(work->width, work->height, 1, 1,
                         oa_thumbnail_height(i), &width, &height);

        err = oa_thumbnail_shrink(work, width, height, &planes);

        if (err == OA_OK && i == 0) {
            oa_thumbnail_tile(&planes, &thumbnail->tile);
        }

        if (err == OA_OK) {
            err = oa_thumbnail_jpeg(&planes, &thumbnail->jpegs[i]);
        }
    }

    return err;
}


oa_err_t
oa_thumbnail_make(const oa_thumbnail_source_t *source,
    oa_thumbnail_t *thumbnail)
{
    oa_err_t              err;
    AVFrame              *frame;
    oa_thumbnail_work_t  *work;

    memset(thumbnail->jpegs, 0, sizeof(thumbnail->jpegs));

    err = oa_thumbnail_decode(source, &frame);
    if (err != OA_OK) {
        return err;
    }

    work = malloc(sizeof(*work));

    err = work != NULL ? oa_thumbnail_sizes(source->picture, frame, work,
                                            thumbnail)
                       : OA_ENOMEM;
    free(work);
    av_frame_free(&frame);

    if (err != OA_OK) {
        oa_thumbnail_free(thumbnail);
    }

    return err;
}


void
oa_thumbnail_free(oa_thumbnail_t *thumbnail)
{
    unsigned  i;

    for (i = 0; i < OA_THUMBNAIL_SIZES; i++) {
        free(thumbnail->jpegs[i].data);
        thumbnail->jpegs[i].data = NULL;
    }
}
