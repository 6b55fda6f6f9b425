
/* Video on the CPU: libavcodec's decoders, swscale, libx264 and libx265. */


#include "xcode/oa_xcode_impl.h"

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <string.h>


/* Vectors of this many bytes; lines begin at a multiple of it. */
#define OA_XCODE_ALIGN          64

/* "Infinite", as x264 has it. */
#define OA_XCODE_NO_KEYFRAMES   (1 << 30)

/* Where swscale has the chroma of 4:2:0 by default, as ffmpeg's scale has. */
#define OA_XCODE_CHROMA_V       128


/* --- words ------------------------------------------------------------ */


static bool
oa_xcode_is_one_of(const char *word, const char *const *words)
{
    if (word[0] == '\0') {
        return true;
    }

    for ( /* void */ ; *words != NULL; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }

    return false;
}


bool
oa_xcode_knows_profile(const oa_xcode_rung_t *rung)
{
    static const char *const  avc[] = { "baseline", "main", "high", NULL };
    static const char *const  hevc[] = { "main", "main10", NULL };

    return oa_xcode_is_one_of(rung->profile,
                              rung->codec == OA_CODEC_AVC ? avc : hevc);
}


static bool
oa_xcode_cpu_knows(const oa_xcode_rung_t *rung)
{
    return oa_xcode_preset_cpu(rung->preset) != NULL
           && oa_xcode_knows_profile(rung);
}


/* --- decoding --------------------------------------------------------- */


static bool
oa_xcode_decoder_device(AVCodecContext *decoder, AVBufferRef *device)
{
    if (device == NULL) {
        return true;
    }

    decoder->hw_device_ctx = av_buffer_ref(device);
    decoder->extra_hw_frames = OA_XCODE_WAITING;

    return decoder->hw_device_ctx != NULL;
}


AVCodecContext *
oa_xcode_video_decoder(const oa_xcode_config_t *config, AVBufferRef *device,
    char text[OA_XCODE_TEXT_BYTES])
{
    AVCodecContext  *decoder;
    const AVCodec   *codec;

    codec = avcodec_find_decoder(config->id);
    decoder = avcodec_alloc_context3(codec);

    if (decoder == NULL) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES, "no memory for a decoder");
        return NULL;
    }

    decoder->extradata = av_mallocz(config->record->size
                                    + AV_INPUT_BUFFER_PADDING_SIZE);
    if (decoder->extradata != NULL) {
        memcpy(decoder->extradata, config->record->data,
               config->record->size);
        decoder->extradata_size = (int) config->record->size;
    }

    decoder->thread_count = 1;
    decoder->max_pixels = OA_XCODE_MAX_PIXELS;

    if (config->id == AV_CODEC_ID_AV1) {
        decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
    }

    if (decoder->extradata == NULL
        || !oa_xcode_decoder_device(decoder, device)
        || avcodec_open2(decoder, codec, NULL) < 0)
    {
        avcodec_free_context(&decoder);
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "the decoder of %s cannot be opened",
                        avcodec_get_name(config->id));
    }

    return decoder;
}


static AVCodecContext *
oa_xcode_cpu_decoder_open(oa_xcode_t *xcode, const oa_xcode_config_t *config,
    char text[OA_XCODE_TEXT_BYTES])
{
    (void) xcode;

    return oa_xcode_video_decoder(config, NULL, text);
}


/* --- scaling ---------------------------------------------------------- */


static void
oa_xcode_cpu_scaler_close(oa_xcode_rung_state_t *rung)
{
    sws_freeContext(rung->scaler.sws);
    rung->scaler.sws = NULL;
    av_buffer_pool_uninit(&rung->scaler.pool);
}


/* Full range by a format of its own is full range by its tag. */
static enum AVPixelFormat
oa_xcode_cpu_format(enum AVPixelFormat format)
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


static bool
oa_xcode_cpu_scaler_fits(const oa_xcode_scaler_t *s, const AVFrame *in)
{
    return s->sws != NULL && s->width == in->width && s->height == in->height
           && s->format == oa_xcode_cpu_format(in->format)
           && s->matrix == in->colorspace
           && s->range == in->color_range;
}


/*
 * The matrix stays, and so does the range, but for R, G and B, which have
 * neither.
 */
static void
oa_xcode_cpu_scaler_colours(oa_xcode_scaler_t *s, bool rgb, bool full)
{
    const int  *out;

    out = sws_getCoefficients(rgb ? SWS_CS_ITU709 : (int) s->matrix);
    (void) sws_setColorspaceDetails(s->sws, out, rgb || full, out,
                                    !rgb && full, 0, 1 << 16, 1 << 16);
}


static bool
oa_xcode_cpu_scaler_open(oa_xcode_rung_state_t *rung, const AVFrame *in)
{
    bool                 rgb, full;
    oa_xcode_scaler_t   *s = &rung->scaler;

    sws_freeContext(s->sws);

    s->width = in->width;
    s->height = in->height;
    s->format = oa_xcode_cpu_format(in->format);
    s->matrix = in->colorspace;
    s->range = in->color_range;
    s->sws = sws_alloc_context();

    if (s->sws == NULL || !sws_isSupportedInput(s->format)) {
        return false;
    }

    rgb = av_pix_fmt_desc_get(s->format)->flags & AV_PIX_FMT_FLAG_RGB;
    full = s->range == AVCOL_RANGE_JPEG;

    av_opt_set_int(s->sws, "srcw", s->width, 0);
    av_opt_set_int(s->sws, "srch", s->height, 0);
    av_opt_set_int(s->sws, "src_format", s->format, 0);
    av_opt_set_int(s->sws, "dstw", (int) rung->conf.width, 0);
    av_opt_set_int(s->sws, "dsth", (int) rung->conf.height, 0);
    av_opt_set_int(s->sws, "dst_format", rung->format, 0);
    av_opt_set_int(s->sws, "sws_flags", SWS_BICUBIC, 0);
    av_opt_set_int(s->sws, "src_range", rgb || full, 0);
    av_opt_set_int(s->sws, "dst_range", !rgb && full, 0);
    av_opt_set_int(s->sws, "dst_v_chr_pos", OA_XCODE_CHROMA_V, 0);

    if (s->format == AV_PIX_FMT_YUV420P) {
        av_opt_set_int(s->sws, "src_v_chr_pos", OA_XCODE_CHROMA_V, 0);
    }

    if (sws_init_context(s->sws, NULL, NULL) < 0) {
        return false;
    }

    oa_xcode_cpu_scaler_colours(s, rgb, full);

    return true;
}


/* A blank picture of the rung's size, of the pool. */
static bool
oa_xcode_cpu_blank(oa_xcode_rung_state_t *rung, AVFrame *out)
{
    int                 i, lines[4];
    size_t              sizes[4], size;
    ptrdiff_t           strides[4];
    oa_xcode_scaler_t  *s = &rung->scaler;

    if (av_image_fill_linesizes(lines, rung->format,
                                FFALIGN((int) rung->conf.width,
                                        OA_XCODE_ALIGN))
        < 0)
    {
        return false;
    }

    for (i = 0; i < 4; i++) {
        lines[i] = FFALIGN(lines[i], OA_XCODE_ALIGN);
        strides[i] = lines[i];
    }

    if (av_image_fill_plane_sizes(sizes, rung->format,
                                  (int) rung->conf.height, strides)
        < 0)
    {
        return false;
    }

    if (s->pool == NULL) {
        size = sizes[0] + sizes[1] + sizes[2] + 2 * OA_XCODE_ALIGN;
        s->pool = av_buffer_pool_init(size, av_buffer_allocz);
    }

    out->buf[0] = s->pool != NULL ? av_buffer_pool_get(s->pool) : NULL;
    if (out->buf[0] == NULL) {
        return false;
    }

    out->width = (int) rung->conf.width;
    out->height = (int) rung->conf.height;
    out->format = rung->format;
    out->data[0] = (uint8_t *) FFALIGN((uintptr_t) out->buf[0]->data,
                                       OA_XCODE_ALIGN);
    out->data[1] = out->data[0] + sizes[0];
    out->data[2] = out->data[1] + sizes[1];
    out->extended_data = out->data;
    memcpy(out->linesize, lines, sizeof(lines));

    return true;
}


/* As it is, where there is nothing to change but the shape of its samples. */
static bool
oa_xcode_cpu_share(const oa_xcode_rung_state_t *rung, const AVFrame *in,
    AVFrame *out, bool *shared)
{
    *shared = in->width == (int) rung->conf.width
              && in->height == (int) rung->conf.height
              && oa_xcode_cpu_format(in->format) == rung->format;

    return *shared && av_frame_ref(out, in) == 0;
}


static bool
oa_xcode_cpu_scale(oa_xcode_rung_state_t *rung, const AVFrame *in,
    AVFrame *out, char text[OA_XCODE_TEXT_BYTES])
{
    bool                shared;
    const char         *name;
    oa_xcode_colour_t   colour;

    if (!oa_xcode_cpu_share(rung, in, out, &shared)) {
        if (shared || !oa_xcode_cpu_blank(rung, out)) {
            (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                            "no memory for a picture");
            return false;
        }

        if (!oa_xcode_cpu_scaler_fits(&rung->scaler, in)
            && !oa_xcode_cpu_scaler_open(rung, in))
        {
            name = av_get_pix_fmt_name(in->format);
            (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                            "pictures of %dx%d %s cannot be scaled",
                            in->width, in->height, name ? name : "?");
            return false;
        }

        (void) sws_scale(rung->scaler.sws,
                         (const uint8_t *const *) in->data, in->linesize, 0,
                         in->height, out->data, out->linesize);
    }

    colour = oa_xcode_frame_colour(in);
    out->format = rung->format;
    out->color_primaries = colour.primaries;
    out->color_trc = colour.transfer;
    out->colorspace = colour.matrix;
    out->color_range = colour.range;
    out->sample_aspect_ratio = (AVRational) { 1, 1 };

    return true;
}


/* --- encoding --------------------------------------------------------- */


const char *
oa_xcode_profile(const oa_xcode_rung_state_t *rung)
{
    if (rung->conf.profile[0] != '\0') {
        return rung->conf.profile;
    }

    if (rung->conf.codec == OA_CODEC_AVC) {
        return rung->conf.height >= OA_XCODE_HIGH_FROM ? "high" : "main";
    }

    return oa_xcode_depth(rung->format) > 8 ? "main10" : "main";
}


static void
oa_xcode_encoder_picture(const oa_xcode_rung_state_t *rung,
    AVCodecContext *encoder)
{
    const oa_xcode_rung_t  *conf = &rung->conf;

    encoder->width = (int) conf->width;
    encoder->height = (int) conf->height;
    encoder->pix_fmt = rung->format;
    encoder->sample_aspect_ratio = (AVRational) { 1, 1 };
    encoder->time_base.num = 1;
    encoder->time_base.den = (int) rung->xcode->source.video_timescale;
    encoder->framerate.num = (int) conf->rate.num;
    encoder->framerate.den = (int) conf->rate.den;

    encoder->color_primaries = rung->colour.primaries;
    encoder->color_trc = rung->colour.transfer;
    encoder->colorspace = rung->colour.matrix;
    encoder->color_range = rung->colour.range;
}


void
oa_xcode_encoder_parameters(const oa_xcode_rung_state_t *rung,
    AVCodecContext *encoder)
{
    int                     max;
    const oa_xcode_rung_t  *conf = &rung->conf;

    oa_xcode_encoder_picture(rung, encoder);

    max = (int) (conf->max_bitrate != 0 ? conf->max_bitrate : conf->bitrate);

    encoder->bit_rate = (int) conf->bitrate;
    encoder->rc_max_rate = max;
    encoder->rc_buffer_size = conf->buffer_bits != 0 ? (int) conf->buffer_bits
                                                     : max;
    encoder->gop_size = OA_XCODE_NO_KEYFRAMES;
    encoder->max_b_frames = 0;
    encoder->thread_count = conf->threads != 0 ? (int) conf->threads : 1;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;
}


/* A library's own parameters, behind those of libavcodec. */
static void
oa_xcode_cpu_encoder_options(const oa_xcode_rung_state_t *rung,
    AVDictionary **options)
{
    bool                    avc;
    char                    params[256];
    const oa_xcode_rung_t  *conf = &rung->conf;

    avc = conf->codec == OA_CODEC_AVC;

    if (avc) {
        (void) snprintf(params, sizeof(params), "scenecut=0");

    } else {
        /* without SAO libx265 3.5 loses memory with each encoder */
        (void) snprintf(params, sizeof(params),
                        "scenecut=0:keyint=-1:repeat-headers=0:pools=none"
                        ":frame-threads=1:log-level=none:info=0:open-gop=0"
                        ":sao=1");
    }

    av_dict_set(options, "preset", oa_xcode_preset_cpu(conf->preset), 0);
    av_dict_set(options, "tune", "zerolatency", 0);
    av_dict_set(options, "profile", oa_xcode_profile(rung), 0);
    av_dict_set(options, "forced-idr", "1", 0);
    av_dict_set(options, avc ? "x264-params" : "x265-params", params, 0);

    if (avc) {
        av_dict_set(options, "a53cc", "0", 0);
    }
}


static AVCodecContext *
oa_xcode_cpu_encoder_open(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES])
{
    int              rc;
    char             why[AV_ERROR_MAX_STRING_SIZE];
    const char      *name;
    AVDictionary    *options;
    const AVCodec   *codec;
    AVCodecContext  *encoder;

    name = rung->conf.codec == OA_CODEC_AVC ? "libx264" : "libx265";
    codec = avcodec_find_encoder_by_name(name);
    encoder = codec != NULL ? avcodec_alloc_context3(codec) : NULL;

    if (encoder == NULL) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES, "there is no %s", name);
        return NULL;
    }

    oa_xcode_encoder_parameters(rung, encoder);

    options = NULL;
    oa_xcode_cpu_encoder_options(rung, &options);
    rc = avcodec_open2(encoder, codec, &options);
    av_dict_free(&options);

    if (rc < 0) {
        avcodec_free_context(&encoder);
        (void) av_strerror(rc, why, sizeof(why));
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "%s of %ux%u cannot be opened: %s", name,
                        rung->conf.width, rung->conf.height, why);
    }

    return encoder;
}


const oa_xcode_functions_t *
oa_xcode_cpu(void)
{
    static const oa_xcode_functions_t  functions = {
        { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10 },
        NULL,
        NULL,
        oa_xcode_cpu_knows,
        oa_xcode_cpu_decoder_open,
        oa_xcode_cpu_scale,
        oa_xcode_cpu_scaler_close,
        oa_xcode_cpu_encoder_open
    };

    return &functions;
}
