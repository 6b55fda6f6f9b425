
#include "codec/oa_avc.h"
#include "codec/oa_nal.h"

#include <stdio.h>
#include <string.h>


#define OA_AVC_NAL_SLICE         1
#define OA_AVC_NAL_IDR           5
#define OA_AVC_NAL_SEI           6
#define OA_AVC_NAL_SPS           7
#define OA_AVC_NAL_PPS           8

#define OA_AVC_SEI_RECOVERY      6

/*
 * As much of an SPS as is looked at: the fields before the end of the VUI's
 * timing need less than this in any stream that an encoder makes.
 */
#define OA_AVC_SPS_BYTES         4096


typedef struct {
    unsigned   chroma_format;        /* 0 when its planes are coded apart */
    bool       frame_mbs_only;
} oa_avc_layout_t;


static bool
oa_avc_profile_is_high(unsigned profile_idc)
{
    switch (profile_idc) {
    case 44:
    case 83:
    case 86:
    case 100:
    case 110:
    case 118:
    case 122:
    case 128:
    case 134:
    case 135:
    case 138:
    case 139:
    case 244:
        return true;
    }

    return false;
}


/* scaling_list(), 7.3.2.1.1.1; only its length matters here. */
static void
oa_avc_scaling_list(oa_bits_t *b, unsigned size)
{
    int32_t   delta;
    unsigned  i, next;

    for (next = 8, i = 0; i < size && next != 0; i++) {
        delta = oa_bits_se(b);

        if (delta < -128 || delta > 127) {
            b->error = OA_EINVAL;
            return;
        }

        next = (next + (unsigned) delta) & 0xff;
    }
}


static void
oa_avc_scaling_matrix(oa_bits_t *b, unsigned lists)
{
    unsigned  i;

    for (i = 0; i < lists; i++) {
        if (oa_bits_get(b, 1)) {
            oa_avc_scaling_list(b, i < 6 ? 16 : 64);
        }
    }
}


/* The fields that only the high profiles have. */
static void
oa_avc_sps_high(oa_bits_t *b, oa_avc_layout_t *layout)
{
    unsigned  format, lists;

    format = oa_nal_ue_max(b, 3);
    lists = format == 3 ? 12 : 8;

    layout->chroma_format = format;

    if (format == 3 && oa_bits_get(b, 1)) {
        layout->chroma_format = 0;
    }

    (void) oa_nal_ue_max(b, 6);          /* bit_depth_luma_minus8 */
    (void) oa_nal_ue_max(b, 6);
    oa_bits_skip(b, 1);

    if (oa_bits_get(b, 1)) {
        oa_avc_scaling_matrix(b, lists);
    }
}


static void
oa_avc_sps_order_count(oa_bits_t *b)
{
    uint32_t  n;

    switch (oa_nal_ue_max(b, 2)) {

    case 0:
        (void) oa_nal_ue_max(b, 12);
        break;

    case 1:
        oa_bits_skip(b, 1);
        (void) oa_bits_se(b);
        (void) oa_bits_se(b);

        for (n = oa_nal_ue_max(b, 255); n > 0; n--) {
            (void) oa_bits_se(b);
        }

        break;
    }
}


/* Both sides, frame_cropping included. */
static oa_err_t
oa_avc_sps_size(oa_bits_t *b, oa_avc_layout_t *layout,
    oa_avc_config_t *config)
{
    oa_err_t  rc;
    uint64_t  width, height, unit_x, unit_y;

    width = ((uint64_t) oa_bits_ue(b) + 1) * 16;
    height = ((uint64_t) oa_bits_ue(b) + 1) * 16;
    layout->frame_mbs_only = oa_bits_get(b, 1);

    if (!layout->frame_mbs_only) {
        height *= 2;
        oa_bits_skip(b, 1);
    }

    oa_bits_skip(b, 1);

    unit_x = layout->chroma_format == 1 || layout->chroma_format == 2
             ? 2u : 1u;
    unit_y = (layout->chroma_format == 1 ? 2u : 1u)
             * (layout->frame_mbs_only ? 1u : 2u);

    rc = oa_nal_crop(b, unit_x, unit_y, &width, &height);
    if (rc != OA_OK) {
        return rc;
    }

    config->width = (uint32_t) width;
    config->height = (uint32_t) height;

    return OA_OK;
}


/* A frame is two ticks, E.2.1. */
static void
oa_avc_vui_timing(oa_bits_t *b, oa_avc_config_t *config)
{
    uint64_t  num, den;

    den = 2 * (uint64_t) oa_bits_get(b, 32);
    num = oa_bits_get(b, 32);
    config->fixed_frame_rate = oa_bits_get(b, 1);

    if (!oa_nal_rate(num, den, &config->frame_rate_num,
                     &config->frame_rate_den))
    {
        config->fixed_frame_rate = false;
    }
}


/* vui_parameters(), E.1.1, up to its timing. */
static void
oa_avc_sps_vui(oa_bits_t *b, oa_avc_config_t *config)
{
    if (oa_bits_get(b, 1)) {
        oa_nal_vui_sar(b, &config->sar_width, &config->sar_height);
    }

    if (oa_bits_get(b, 1)) {
        oa_bits_skip(b, 1);                         /* overscan */
    }

    oa_nal_vui_colour(b, &config->colour);

    if (oa_bits_get(b, 1)) {                        /* chroma location */
        (void) oa_nal_ue_max(b, 5);
        (void) oa_nal_ue_max(b, 5);
    }

    if (oa_bits_get(b, 1)) {
        oa_avc_vui_timing(b, config);
    }
}


/* seq_parameter_set_data(), 7.3.2.1.1, without the NAL unit's header. */
static oa_err_t
oa_avc_sps_data(oa_bits_t *b, oa_avc_config_t *config)
{
    oa_err_t         rc;
    oa_avc_layout_t  layout;

    config->profile_idc = (uint8_t) oa_bits_get(b, 8);
    config->constraint_flags = (uint8_t) oa_bits_get(b, 8);
    config->level_idc = (uint8_t) oa_bits_get(b, 8);
    (void) oa_nal_ue_max(b, 31);

    layout.chroma_format = 1;

    if (oa_avc_profile_is_high(config->profile_idc)) {
        oa_avc_sps_high(b, &layout);
    }

    (void) oa_nal_ue_max(b, 12);         /* log2_max_frame_num_minus4 */
    oa_avc_sps_order_count(b);
    (void) oa_nal_ue_max(b, 16);         /* max_num_ref_frames */
    oa_bits_skip(b, 1);

    if (b->error != OA_OK) {
        return OA_EINVAL;
    }

    rc = oa_avc_sps_size(b, &layout, config);
    if (rc != OA_OK) {
        return rc;
    }

    if (oa_bits_get(b, 1)) {
        oa_avc_sps_vui(b, config);
    }

    return b->error == OA_OK ? OA_OK : OA_EINVAL;
}


static oa_err_t
oa_avc_sps_parse(oa_slice_t nal, oa_avc_config_t *config)
{
    size_t     n;
    uint8_t    sps[OA_AVC_SPS_BYTES];
    oa_bits_t  b;

    n = oa_nal_payload(nal, 1, sps, sizeof(sps));
    oa_bits_init(&b, oa_slice(sps, n));

    return oa_avc_sps_data(&b, config);
}


/*
 * Reads count parameter sets and hands back the first; all must be whole, and
 * the first of the given type.
 */
static oa_err_t
oa_avc_parameter_sets(oa_slice_t *rest, unsigned count, unsigned type,
    oa_slice_t *first)
{
    size_t    size;
    unsigned  i;

    if (count == 0) {
        return OA_EINVAL;
    }

    for (i = 0; i < count; i++) {
        if (rest->size < 2) {
            return OA_EINVAL;
        }

        size = oa_get_u16(rest->data);
        *rest = oa_slice(rest->data + 2, rest->size - 2);

        if (size > rest->size) {
            return OA_EINVAL;
        }

        if (i == 0) {
            *first = oa_slice(rest->data, size);
        }

        *rest = oa_slice(rest->data + size, rest->size - size);
    }

    return first->size != 0 && (first->data[0] & 0x9f) == type ? OA_OK
                                                               : OA_EINVAL;
}


oa_err_t
oa_avc_config_parse(oa_slice_t record, oa_avc_config_t *config)
{
    oa_err_t    rc;
    unsigned    count;
    oa_slice_t  rest, sps, pps;

    if (record.size < 7 || record.data[0] != 1) {
        return OA_EINVAL;
    }

    memset(config, 0, sizeof(*config));
    config->sar_width = 1;
    config->sar_height = 1;
    config->nal_length_size = (record.data[4] & 0x03) + 1;

    count = record.data[5] & 0x1f;
    rest = oa_slice(record.data + 6, record.size - 6);

    rc = oa_avc_parameter_sets(&rest, count, OA_AVC_NAL_SPS, &sps);
    if (rc != OA_OK || rest.size < 1) {
        return OA_EINVAL;
    }

    count = rest.data[0];
    rest = oa_slice(rest.data + 1, rest.size - 1);

    rc = oa_avc_parameter_sets(&rest, count, OA_AVC_NAL_PPS, &pps);
    if (rc != OA_OK) {
        return OA_EINVAL;
    }

    if (config->nal_length_size == 3) {
        return OA_EUNSUPPORTED;
    }

    rc = oa_avc_sps_parse(sps, config);
    if (rc != OA_OK) {
        return rc;
    }

    (void) snprintf(config->codecs, sizeof(config->codecs),
                    "avc1.%02x%02x%02x", config->profile_idc,
                    config->constraint_flags, config->level_idc);

    return OA_OK;
}


/* A number of SEI messages: bytes of 255, and one that is less; -1: no more */
static int64_t
oa_avc_sei_number(oa_nal_rbsp_t *r)
{
    int      c;
    int64_t  number;

    for (number = 0; /* void */ ; number += c) {
        c = oa_nal_rbsp_next(r);

        if (c < 0) {
            return -1;
        }

        if (c != 255) {
            return number + c;
        }
    }
}


/* Whether an SEI NAL unit holds a recovery point. */
static bool
oa_avc_sei_recovery_point(oa_slice_t nal)
{
    int64_t        type, size;
    oa_nal_rbsp_t  r;

    oa_nal_rbsp_init(&r, nal);
    (void) oa_nal_rbsp_next(&r);

    for ( ;; ) {
        type = oa_avc_sei_number(&r);
        size = oa_avc_sei_number(&r);

        if (size < 0) {
            return false;
        }

        if (type == OA_AVC_SEI_RECOVERY && size > 0) {
            return true;
        }

        while (size-- > 0) {
            if (oa_nal_rbsp_next(&r) < 0) {
                return false;
            }
        }
    }
}


static void
oa_avc_nal_inspect(oa_slice_t nal, oa_avc_sample_t *info)
{
    unsigned  type;

    type = nal.data[0] & 0x1f;

    switch (type) {

    case OA_AVC_NAL_SEI:
        if (!info->recovery_point) {
            info->recovery_point = oa_avc_sei_recovery_point(nal);
        }

        break;

    case OA_AVC_NAL_SPS:
    case OA_AVC_NAL_PPS:
        info->in_band_parameters = true;
        break;

    default:
        if (type >= OA_AVC_NAL_SLICE && type <= OA_AVC_NAL_IDR) {
            info->slices = true;
            info->idr |= type == OA_AVC_NAL_IDR;
        }
    }
}


oa_err_t
oa_avc_sample_inspect(oa_slice_t sample, unsigned nal_length_size,
    oa_avc_sample_t *info)
{
    bool        found;
    oa_err_t    err;
    oa_slice_t  nal;

    if (nal_length_size < 1 || nal_length_size > 4) {
        return OA_EINVAL;
    }

    memset(info, 0, sizeof(*info));

    found = false;

    while (sample.size != 0) {
        err = oa_nal_next(&sample, nal_length_size, &nal);
        if (err != OA_OK) {
            return err;
        }

        if (nal.size != 0) {
            oa_avc_nal_inspect(nal, info);
            found = true;
        }
    }

    return found ? OA_OK : OA_EINVAL;
}
