
#include <stdlib.h>
#include <string.h>
#include <x265.h>

#include "coder.h"


struct coder_s {
    x265_encoder  *x265;
    x265_param    *parameters;
    int64_t        pictures;
    uint8_t       *chroma;               /* U, then V; x265 knows no NV12 */
};


static void
hevc_rate(x265_param *p, const NV_ENC_CONFIG *config)
{
    coder_rate_t  rate;

    rate = coder_rate(config);

    if (rate.constant) {
        p->rc.rateControlMode = X265_RC_CQP;
        p->rc.qp = rate.quantizer;
        return;
    }

    p->rc.rateControlMode = X265_RC_ABR;
    p->rc.bitrate = rate.bitrate;
    p->rc.vbvMaxBitrate = rate.max_bitrate;
    p->rc.vbvBufferSize = rate.buffer;
}


static void
hevc_colours(x265_param *p, const NV_ENC_CONFIG_HEVC_VUI_PARAMETERS *vui)
{
    if (vui->videoSignalTypePresentFlag) {
        p->vui.bEnableVideoSignalTypePresentFlag = 1;
        p->vui.bEnableVideoFullRangeFlag = vui->videoFullRangeFlag;
    }

    if (vui->colourDescriptionPresentFlag) {
        p->vui.bEnableColorDescriptionPresentFlag = 1;
        p->vui.colorPrimaries = vui->colourPrimaries;
        p->vui.transferCharacteristics = vui->transferCharacteristics;
        p->vui.matrixCoeffs = vui->colourMatrix;
    }
}


static bool
hevc_parameters(x265_param *p, const NV_ENC_INITIALIZE_PARAMS *parameters)
{
    const NV_ENC_CONFIG  *config;

    config = parameters->encodeConfig;

    if (x265_param_default_preset(p, "ultrafast", "zerolatency") < 0
        || x265_param_parse(p, "pools", "none") < 0)
    {
        return false;
    }

    p->logLevel = X265_LOG_NONE;
    p->frameNumThreads = 1;
    p->bEnableWavefront = 0;
    p->sourceWidth = parameters->encodeWidth;
    p->sourceHeight = parameters->encodeHeight;
    p->fpsNum = parameters->frameRateNum;
    p->fpsDenom = parameters->frameRateDen ? parameters->frameRateDen : 1;
    p->internalCsp = X265_CSP_I420;
    p->bRepeatHeaders = 0;
    p->bAnnexB = 1;
    p->bEmitInfoSEI = 0;
    p->bframes = 0;
    p->scenecutThreshold = 0;
    p->bOpenGOP = 0;
    p->keyframeMax = config->gopLength == NVENC_INFINITE_GOPLENGTH
                         ? -1
                         : (int) config->gopLength;

    hevc_rate(p, config);
    hevc_colours(p, &config->encodeCodecConfig.hevcConfig.hevcVUIParameters);

    return true;
}


static void
hevc_close(coder_t *coder)
{
    if (coder->x265) {
        x265_encoder_close(coder->x265);
    }

    if (coder->parameters) {
        x265_param_free(coder->parameters);
    }

    free(coder->chroma);
    free(coder);
}


static coder_t *
hevc_open(const NV_ENC_INITIALIZE_PARAMS *parameters)
{
    size_t    pixels;
    coder_t  *coder;

    coder = calloc(1, sizeof(*coder));
    if (coder == NULL) {
        return NULL;
    }

    pixels = (size_t) parameters->encodeWidth * parameters->encodeHeight;
    coder->chroma = malloc(pixels / 2);
    coder->parameters = x265_param_alloc();

    if (coder->chroma == NULL || coder->parameters == NULL
        || !hevc_parameters(coder->parameters, parameters))
    {
        goto failed;
    }

    coder->x265 = x265_encoder_open(coder->parameters);

    if (coder->x265 == NULL) {
        goto failed;
    }

    return coder;

failed:

    hevc_close(coder);

    return NULL;
}


static int
hevc_headers(coder_t *coder, uint8_t *data, size_t size)
{
    size_t     used;
    uint32_t   i, n;
    x265_nal  *units;

    if (x265_encoder_headers(coder->x265, &units, &n) < 0) {
        return -1;
    }

    used = 0;

    for (i = 0; i < n; i++) {
        if (units[i].type < NAL_UNIT_VPS || units[i].type > NAL_UNIT_PPS) {
            continue;
        }

        if (units[i].sizeBytes > size - used) {
            return -1;
        }

        memcpy(data + used, units[i].payload, units[i].sizeBytes);
        used += units[i].sizeBytes;
    }

    return (int) used;
}


static void
hevc_deinterleave(coder_t *coder, x265_picture *to,
    const coder_picture_t *from)
{
    int             x, y, width, height;
    uint8_t        *u, *v;
    const uint8_t  *row;

    width = from->width / 2;
    height = from->height / 2;
    u = coder->chroma;
    v = u + width * height;

    to->planes[1] = u;
    to->planes[2] = v;
    to->stride[1] = to->stride[2] = width;

    for (y = 0; y < height; y++) {
        row = from->planes[1] + y * from->pitches[1];

        for (x = 0; x < width; x++) {
            *u++ = row[2 * x];
            *v++ = row[2 * x + 1];
        }
    }
}


static void
hevc_picture(coder_t *coder, x265_picture *to, const coder_picture_t *from)
{
    int  i;

    x265_picture_init(coder->parameters, to);
    to->bitDepth = 8;
    to->colorSpace = X265_CSP_I420;

    for (i = 0; i < (from->interleaved ? 1 : 3); i++) {
        to->planes[i] = (uint8_t *) from->planes[i];
        to->stride[i] = from->pitches[i];
    }

    if (from->interleaved) {
        hevc_deinterleave(coder, to, from);
    }
}


static int
hevc_encode(coder_t *coder, const coder_picture_t *picture, bool idr,
    bool headers, coder_output_t *output)
{
    int            size;
    uint8_t        sets[512];
    uint32_t       i, n;
    x265_nal      *units;
    x265_picture   in, out;

    hevc_picture(coder, &in, picture);
    in.pts = coder->pictures++;
    in.sliceType = idr ? X265_TYPE_IDR : X265_TYPE_AUTO;

    if (x265_encoder_encode(coder->x265, &units, &n, &in, &out) != 1) {
        return -1;
    }

    output->size = 0;
    output->idr = out.sliceType == X265_TYPE_IDR;
    output->quantizer = 0;

    if (headers && output->idr) {
        size = hevc_headers(coder, sets, sizeof(sets));

        if (size == -1 || !coder_append(output, sets, size)) {
            return -1;
        }
    }

    for (i = 0; i < n; i++) {
        if (!coder_append(output, units[i].payload, units[i].sizeBytes)) {
            return -1;
        }
    }

    return 0;
}


static int
hevc_change(coder_t *coder, const NV_ENC_CONFIG *config)
{
    hevc_rate(coder->parameters, config);

    return x265_encoder_reconfig(coder->x265, coder->parameters) < 0 ? -1 : 0;
}


const coder_codec_t  coder_hevc = {
    .guid = &NV_ENC_CODEC_HEVC_GUID,
    .least_width = 129,
    .least_height = 33,
    .open = hevc_open,
    .headers = hevc_headers,
    .encode = hevc_encode,
    .change = hevc_change,
    .close = hevc_close
};
