
/*
 * Video on a card of NVIDIA's: NVDEC, scale_cuda, NVENC.  libav* loads the
 * driver itself.  Tests run with a stand-in for it, t/lib/nvenc, whose decoder
 * delivers grey pictures only: what a card decodes no test has seen.
 */


#include "xcode/oa_xcode_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/opt.h>


/* Of the picture that tells whether the card is alive. */
#define OA_XCODE_CUDA_TRIAL    64


/* --- the device ------------------------------------------------------- */


static AVBufferRef *
oa_xcode_cuda_frames_new(AVBufferRef *device, enum AVPixelFormat format,
    uint32_t width, uint32_t height, int *error)
{
    AVBufferRef        *ref;
    AVHWFramesContext  *frames;

    ref = av_hwframe_ctx_alloc(device);
    if (ref == NULL) {
        *error = AVERROR(ENOMEM);
        return NULL;
    }

    frames = (AVHWFramesContext *) ref->data;
    frames->format = AV_PIX_FMT_CUDA;
    frames->sw_format = format;
    frames->width = (int) width;
    frames->height = (int) height;

    *error = av_hwframe_ctx_init(ref);

    if (*error < 0) {
        av_buffer_unref(&ref);
    }

    return ref;
}


/* Whether the card does what it is told: makes room for a picture. */
static bool
oa_xcode_cuda_is_alive(AVBufferRef *device)
{
    int           error;
    AVFrame      *frame;
    AVBufferRef  *frames;

    frame = av_frame_alloc();
    frames = oa_xcode_cuda_frames_new(device, AV_PIX_FMT_NV12,
                                      OA_XCODE_CUDA_TRIAL,
                                      OA_XCODE_CUDA_TRIAL, &error);

    if (frame != NULL && frames != NULL) {
        error = av_hwframe_get_buffer(frames, frame, 0);
    }

    av_frame_free(&frame);
    av_buffer_unref(&frames);

    return error == 0;
}


static AVBufferRef *
oa_xcode_cuda_device_new(unsigned card, char text[OA_XCODE_TEXT_BYTES])
{
    int            rc;
    char           name[16];
    AVBufferRef   *device = NULL;
    AVDictionary  *options = NULL;

    (void) snprintf(name, sizeof(name), "%u", card);

    rc = av_dict_set(&options, "primary_ctx", "1", 0);

    if (rc >= 0) {
        rc = av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_CUDA, name,
                                    options, 0);
    }

    av_dict_free(&options);

    if (rc < 0) {
        oa_xcode_cuda_explain_device(card, rc, text);

    } else if (!oa_xcode_cuda_is_alive(device)) {
        av_buffer_unref(&device);
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "card %u has no memory, or does nothing", card);
    }

    return device;
}


/*
 * Locked.  A device that is gone is forgotten: when its last user has done so,
 * the driver makes the context anew.
 */
static void
oa_xcode_cuda_check(oa_xcode_cuda_t *cuda)
{
    if (cuda->device != NULL && !oa_xcode_cuda_is_alive(cuda->device)) {
        av_buffer_unref(&cuda->device);
    }
}


/* Locked; not a reference. */
static AVBufferRef *
oa_xcode_cuda_device(oa_xcode_cuda_t *cuda, char text[OA_XCODE_TEXT_BYTES])
{
    oa_xcode_cuda_check(cuda);

    if (cuda->device == NULL) {
        cuda->device = oa_xcode_cuda_device_new(cuda->card, text);
    }

    return cuda->device;
}


/* Locked. */
static AVBufferRef *
oa_xcode_cuda_frames_of(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES])
{
    int                 error;
    char                why[AV_ERROR_MAX_STRING_SIZE];
    AVBufferRef        *device;
    AVHWFramesContext  *frames;

    device = oa_xcode_cuda_device(rung->xcode->cuda, text);
    if (device == NULL) {
        return NULL;
    }

    if (rung->cuda_frames != NULL) {
        frames = (AVHWFramesContext *) rung->cuda_frames->data;

        if (frames->device_ref->data == device->data) {
            return rung->cuda_frames;
        }

        av_buffer_unref(&rung->cuda_frames);
    }

    rung->cuda_frames = oa_xcode_cuda_frames_new(device, rung->format,
                                                 rung->conf.width,
                                                 rung->conf.height, &error);
    if (rung->cuda_frames == NULL) {
        (void) av_strerror(error, why, sizeof(why));
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "no room for pictures on the card: %s", why);
    }

    return rung->cuda_frames;
}


AVBufferRef *
oa_xcode_cuda_frames(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES])
{
    AVBufferRef  *frames;

    pthread_mutex_lock(&rung->xcode->cuda->lock);

    frames = oa_xcode_cuda_frames_of(rung, text);

    if (frames != NULL) {
        frames = av_buffer_ref(frames);

        if (frames == NULL) {
            (void) snprintf(text, OA_XCODE_TEXT_BYTES, "no memory");
        }
    }

    pthread_mutex_unlock(&rung->xcode->cuda->lock);

    return frames;
}


void
oa_xcode_cuda_frames_drop(oa_xcode_rung_state_t *rung)
{
    pthread_mutex_lock(&rung->xcode->cuda->lock);
    av_buffer_unref(&rung->cuda_frames);
    oa_xcode_cuda_check(rung->xcode->cuda);
    pthread_mutex_unlock(&rung->xcode->cuda->lock);
}


static bool
oa_xcode_cuda_begin(oa_xcode_t *xcode, oa_xcode_device_t device)
{
    oa_xcode_cuda_t  *cuda;

    cuda = calloc(1, sizeof(*cuda));

    if (cuda == NULL || pthread_mutex_init(&cuda->lock, NULL) != 0) {
        free(cuda);
        return false;
    }

    cuda->card = (unsigned) device - OA_XCODE_CUDA;
    xcode->cuda = cuda;

    return true;
}


static void
oa_xcode_cuda_end(oa_xcode_t *xcode)
{
    if (xcode->cuda != NULL) {
        av_buffer_unref(&xcode->cuda->device);
        pthread_mutex_destroy(&xcode->cuda->lock);
        free(xcode->cuda);
        xcode->cuda = NULL;
    }
}


/* --- decoding --------------------------------------------------------- */


/*
 * libavcodec takes NVDEC where the card has it for the source, and else decodes
 * in the host's memory.
 */
static AVCodecContext *
oa_xcode_cuda_decoder_open(oa_xcode_t *xcode,
    const oa_xcode_config_t *config, char text[OA_XCODE_TEXT_BYTES])
{
    AVBufferRef     *device;
    AVCodecContext  *decoder;

    pthread_mutex_lock(&xcode->cuda->lock);

    device = oa_xcode_cuda_device(xcode->cuda, text);
    decoder = device != NULL ? oa_xcode_video_decoder(config, device, text)
                             : NULL;

    pthread_mutex_unlock(&xcode->cuda->lock);

    return decoder;
}


/* --- encoding --------------------------------------------------------- */


static bool
oa_xcode_cuda_knows(const oa_xcode_rung_t *rung)
{
    return oa_xcode_preset_nvenc(rung->preset) != NULL
           && oa_xcode_knows_profile(rung);
}


static void
oa_xcode_cuda_encoder_options(const oa_xcode_rung_state_t *rung,
    AVDictionary **options)
{
    bool  constant;

    constant = rung->conf.max_bitrate <= rung->conf.bitrate;

    av_dict_set(options, "preset", oa_xcode_preset_nvenc(rung->conf.preset),
                0);
    av_dict_set(options, "profile", oa_xcode_profile(rung), 0);
    av_dict_set(options, "tune", "ll", 0);
    av_dict_set(options, "rc", constant ? "cbr" : "vbr", 0);
    av_dict_set(options, "forced-idr", "1", 0);
    av_dict_set(options, "no-scenecut", "1", 0);
    av_dict_set(options, "a53cc", "0", 0);

    /* each picture comes out before the next one goes in */
    av_dict_set(options, "delay", "0", 0);
    av_dict_set(options, "zerolatency", "1", 0);
}


static AVCodecContext *
oa_xcode_cuda_encoder_new(oa_xcode_rung_state_t *rung, const char *name,
    AVBufferRef *frames, char text[OA_XCODE_TEXT_BYTES])
{
    int              rc;
    AVDictionary    *options;
    const AVCodec   *codec;
    AVCodecContext  *encoder;

    codec = avcodec_find_encoder_by_name(name);
    encoder = codec != NULL ? avcodec_alloc_context3(codec) : NULL;

    if (encoder == NULL) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES, "there is no %s", name);
        return NULL;
    }

    oa_xcode_encoder_parameters(rung, encoder);
    encoder->pix_fmt = AV_PIX_FMT_CUDA;
    encoder->hw_frames_ctx = av_buffer_ref(frames);
    options = NULL;

    if (encoder->hw_frames_ctx != NULL) {
        oa_xcode_cuda_encoder_options(rung, &options);
        rc = avcodec_open2(encoder, codec, &options);
        av_dict_free(&options);

    } else {
        rc = AVERROR(ENOMEM);
    }

    if (rc < 0) {
        avcodec_free_context(&encoder);
        oa_xcode_cuda_explain_encoder(name, &rung->conf, rc, text);
    }

    return encoder;
}


static AVCodecContext *
oa_xcode_cuda_encoder_open(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES])
{
    AVBufferRef     *frames;
    AVCodecContext  *encoder;

    frames = oa_xcode_cuda_frames(rung, text);
    if (frames == NULL) {
        return NULL;
    }

    encoder = oa_xcode_cuda_encoder_new(rung,
                                        rung->conf.codec == OA_CODEC_AVC
                                        ? "h264_nvenc" : "hevc_nvenc",
                                        frames, text);
    av_buffer_unref(&frames);

    return encoder;
}


const oa_xcode_functions_t *
oa_xcode_cuda(void)
{
    static const oa_xcode_functions_t  functions = {
        { AV_PIX_FMT_NV12, AV_PIX_FMT_P010LE },
        oa_xcode_cuda_begin,
        oa_xcode_cuda_end,
        oa_xcode_cuda_knows,
        oa_xcode_cuda_decoder_open,
        oa_xcode_cuda_scale,
        oa_xcode_cuda_scaler_close,
        oa_xcode_cuda_encoder_open
    };

    return &functions;
}
