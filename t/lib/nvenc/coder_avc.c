
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

#include "coder.h"


struct coder_s {
    x264_t        *x264;
    x264_param_t   parameters;
    int64_t        pictures;
};


static void
avc_rate(x264_param_t *p, const NV_ENC_CONFIG *config)
{
    coder_rate_t  rate;

    rate = coder_rate(config);

    if (rate.constant) {
        p->rc.i_rc_method = X264_RC_CQP;
        p->rc.i_qp_constant = rate.quantizer;
        return;
    }

    p->rc.i_rc_method = X264_RC_ABR;
    p->rc.i_bitrate = rate.bitrate;
    p->rc.i_vbv_max_bitrate = rate.max_bitrate;
    p->rc.i_vbv_buffer_size = rate.buffer;
}


/* The tools that make x264 write the profile; it has no switch for it. */
static void
avc_profile(x264_param_t *p, const GUID *profile)
{
    bool  high, baseline;

    high = memcmp(profile, &NV_ENC_H264_PROFILE_HIGH_GUID, sizeof(*profile))
           == 0;
    baseline = memcmp(profile, &NV_ENC_H264_PROFILE_BASELINE_GUID,
                      sizeof(*profile))
               == 0;

    p->b_cabac = !baseline;
    p->analyse.b_transform_8x8 = high;
}


static void
avc_colours(x264_param_t *p, const NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui)
{
    if (vui->videoSignalTypePresentFlag) {
        p->vui.b_fullrange = vui->videoFullRangeFlag;
    }

    if (vui->colourDescriptionPresentFlag) {
        p->vui.i_colorprim = vui->colourPrimaries;
        p->vui.i_transfer = vui->transferCharacteristics;
        p->vui.i_colmatrix = vui->colourMatrix;
    }
}


static coder_t *
avc_open(const NV_ENC_INITIALIZE_PARAMS *parameters)
{
    coder_t              *coder;
    x264_param_t         *p;
    const NV_ENC_CONFIG  *config;

    coder = calloc(1, sizeof(*coder));
    if (coder == NULL) {
        return NULL;
    }

    p = &coder->parameters;
    config = parameters->encodeConfig;

    x264_param_default_preset(p, "ultrafast", "zerolatency");
    p->i_log_level = X264_LOG_NONE;
    p->i_threads = 1;
    p->i_csp = X264_CSP_I420;
    p->i_width = parameters->encodeWidth;
    p->i_height = parameters->encodeHeight;
    p->i_fps_num = parameters->frameRateNum;
    p->i_fps_den = parameters->frameRateDen ? parameters->frameRateDen : 1;
    p->b_vfr_input = 0;
    p->b_repeat_headers = 0;
    p->b_annexb = 1;
    p->i_bframe = 0;
    p->i_scenecut_threshold = 0;
    p->i_keyint_max = config->gopLength == NVENC_INFINITE_GOPLENGTH
                          ? X264_KEYINT_MAX_INFINITE
                          : (int) config->gopLength;

    avc_rate(p, config);
    avc_profile(p, &config->profileGUID);
    avc_colours(p, &config->encodeCodecConfig.h264Config.h264VUIParameters);

    coder->x264 = x264_encoder_open(p);

    if (coder->x264 == NULL) {
        free(coder);
        return NULL;
    }

    return coder;
}


static int
avc_headers(coder_t *coder, uint8_t *data, size_t size)
{
    int          i, n;
    size_t       used;
    x264_nal_t  *units;

    if (x264_encoder_headers(coder->x264, &units, &n) < 0) {
        return -1;
    }

    used = 0;

    for (i = 0; i < n; i++) {
        if (units[i].i_type != NAL_SPS && units[i].i_type != NAL_PPS) {
            continue;
        }

        if ((size_t) units[i].i_payload > size - used) {
            return -1;
        }

        memcpy(data + used, units[i].p_payload, units[i].i_payload);
        used += units[i].i_payload;
    }

    return (int) used;
}


static void
avc_picture(x264_picture_t *to, const coder_picture_t *from)
{
    int  i;

    x264_picture_init(to);
    to->img.i_csp = from->interleaved ? X264_CSP_NV12 : X264_CSP_I420;
    to->img.i_plane = from->interleaved ? 2 : 3;

    for (i = 0; i < to->img.i_plane; i++) {
        to->img.plane[i] = (uint8_t *) from->planes[i];
        to->img.i_stride[i] = from->pitches[i];
    }
}


static int
avc_encode(coder_t *coder, const coder_picture_t *picture, bool idr,
    bool headers, coder_output_t *output)
{
    int             i, n, size;
    uint8_t         sets[256];
    x264_nal_t     *units;
    x264_picture_t  in, out;

    avc_picture(&in, picture);
    in.i_pts = coder->pictures++;
    in.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;

    if (x264_encoder_encode(coder->x264, &units, &n, &in, &out) <= 0) {
        return -1;
    }

    output->size = 0;
    output->idr = out.b_keyframe;
    output->quantizer = out.i_qpplus1 - 1;

    if (headers && output->idr) {
        size = avc_headers(coder, sets, sizeof(sets));

        if (size == -1 || !coder_append(output, sets, size)) {
            return -1;
        }
    }

    for (i = 0; i < n; i++) {
        if (units[i].i_type != NAL_SEI
            && !coder_append(output, units[i].p_payload, units[i].i_payload))
        {
            return -1;
        }
    }

    return 0;
}


static int
avc_change(coder_t *coder, const NV_ENC_CONFIG *config)
{
    avc_rate(&coder->parameters, config);

    return x264_encoder_reconfig(coder->x264, &coder->parameters) ? -1 : 0;
}


static void
avc_close(coder_t *coder)
{
    x264_encoder_close(coder->x264);
    free(coder);
}


const coder_codec_t  coder_avc = {
    .guid = &NV_ENC_CODEC_H264_GUID,
    .least_width = 145,
    .least_height = 49,
    .open = avc_open,
    .headers = avc_headers,
    .encode = avc_encode,
    .change = avc_change,
    .close = avc_close
};
