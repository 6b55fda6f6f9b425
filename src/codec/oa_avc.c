
#include "codec/oa_avc.h"
#include "base/oa_bits.h"

#include <stdio.h>
#include <string.h>


#define OA_AVC_NAL_SLICE         1
#define OA_AVC_NAL_IDR           5
#define OA_AVC_NAL_SEI           6
#define OA_AVC_NAL_SPS           7
#define OA_AVC_NAL_PPS           8

#define OA_AVC_SEI_RECOVERY      6

#define OA_AVC_SAR_EXTENDED      255
#define OA_AVC_SAR_MAX           16

#define OA_AVC_MAX_SIDE          16384


/*
 * As much of an SPS as is looked at: the fields before the end of the VUI's
 * timing need less than this in any stream that an encoder makes.
 */
#define OA_AVC_SPS_BYTES         4096


/* Reads the payload of a NAL unit without its emulation prevention bytes. */
typedef struct {
    const uint8_t  *pos;
    const uint8_t  *end;
    unsigned        zeros;
} oa_avc_rbsp_t;


typedef struct {
    unsigned   chroma_format;        /* 0 when its planes are coded apart */
    bool       frame_mbs_only;
} oa_avc_layout_t;


static const uint8_t  oa_avc_sars[17][2] = {
    { 1, 1 }, { 1, 1 }, { 12, 11 }, { 10, 11 }, { 16, 11 }, { 40, 33 },
    { 24, 11 }, { 20, 11 }, { 32, 11 }, { 80, 33 }, { 18, 11 }, { 15, 11 },
    { 64, 33 }, { 160, 99 }, { 4, 3 }, { 3, 2 }, { 2, 1 }
};


static void
oa_avc_rbsp_init(oa_avc_rbsp_t *r, oa_slice_t nal)
{
    r->pos = nal.data;
    r->end = nal.data + nal.size;
    r->zeros = 0;
}


/* The next byte, or -1 at the end. */
static int
oa_avc_rbsp_next(oa_avc_rbsp_t *r)
{
    if (r->zeros >= 2 && r->pos < r->end && *r->pos == 3) {
        r->pos++;
        r->zeros = 0;
    }

    if (r->pos == r->end) {
        return -1;
    }

    r->zeros = *r->pos == 0 ? r->zeros + 1 : 0;

    return *r->pos++;
}


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


/* An unsigned Exp-Golomb code that must not be above max. */
static uint32_t
oa_avc_ue_max(oa_bits_t *b, uint32_t max)
{
    uint32_t  v;

    v = oa_bits_ue(b);

    if (v > max) {
        b->error = OA_EINVAL;
        return 0;
    }

    return v;
}


/* The fields that only the high profiles have. */
static void
oa_avc_sps_high(oa_bits_t *b, oa_avc_layout_t *layout)
{
    unsigned  format, lists;

    format = oa_avc_ue_max(b, 3);
    lists = format == 3 ? 12 : 8;

    layout->chroma_format = format;

    if (format == 3 && oa_bits_get(b, 1)) {
        layout->chroma_format = 0;
    }

    (void) oa_avc_ue_max(b, 6);          /* bit_depth_luma_minus8 */
    (void) oa_avc_ue_max(b, 6);
    oa_bits_skip(b, 1);

    if (oa_bits_get(b, 1)) {
        oa_avc_scaling_matrix(b, lists);
    }
}


static void
oa_avc_sps_order_count(oa_bits_t *b)
{
    uint32_t  n;

    switch (oa_avc_ue_max(b, 2)) {

    case 0:
        (void) oa_avc_ue_max(b, 12);
        break;

    case 1:
        oa_bits_skip(b, 1);
        (void) oa_bits_se(b);
        (void) oa_bits_se(b);

        for (n = oa_avc_ue_max(b, 255); n > 0; n--) {
            (void) oa_bits_se(b);
        }

        break;
    }
}


/* One side of the picture less its cropping; false when nothing is left. */
static bool
oa_avc_crop(uint64_t *side, uint64_t unit, uint64_t first, uint64_t last)
{
    if (unit * (first + last) >= *side) {
        return false;
    }

    *side -= unit * (first + last);

    return true;
}


/* Both sides, frame_cropping included. */
static oa_err_t
oa_avc_sps_size(oa_bits_t *b, oa_avc_layout_t *layout,
    oa_avc_config_t *config)
{
    uint32_t  left, right, top, bottom;
    uint64_t  width, height, unit_x, unit_y;

    width = ((uint64_t) oa_bits_ue(b) + 1) * 16;
    height = ((uint64_t) oa_bits_ue(b) + 1) * 16;
    layout->frame_mbs_only = oa_bits_get(b, 1);

    if (!layout->frame_mbs_only) {
        height *= 2;
        oa_bits_skip(b, 1);
    }

    oa_bits_skip(b, 1);

    if (oa_bits_get(b, 1)) {
        left = oa_bits_ue(b);
        right = oa_bits_ue(b);
        top = oa_bits_ue(b);
        bottom = oa_bits_ue(b);

        unit_x = layout->chroma_format == 1 || layout->chroma_format == 2
                 ? 2u : 1u;
        unit_y = (layout->chroma_format == 1 ? 2u : 1u)
                 * (layout->frame_mbs_only ? 1u : 2u);

        if (!oa_avc_crop(&width, unit_x, left, right)
            || !oa_avc_crop(&height, unit_y, top, bottom))
        {
            return OA_EINVAL;
        }
    }

    if (b->error != OA_OK) {
        return OA_EINVAL;
    }

    if (width > OA_AVC_MAX_SIDE || height > OA_AVC_MAX_SIDE) {
        return OA_EUNSUPPORTED;
    }

    config->width = (uint32_t) width;
    config->height = (uint32_t) height;

    return OA_OK;
}


static void
oa_avc_vui_sar(oa_bits_t *b, oa_avc_config_t *config)
{
    uint32_t  idc, width, height;

    idc = oa_bits_get(b, 8);

    if (idc == OA_AVC_SAR_EXTENDED) {
        width = oa_bits_get(b, 16);
        height = oa_bits_get(b, 16);

    } else if (idc < sizeof(oa_avc_sars) / sizeof(oa_avc_sars[0])) {
        width = oa_avc_sars[idc][0];
        height = oa_avc_sars[idc][1];

    } else {
        return;
    }

    /* 0 is unsaid; what nobody films would make absurd sizes of pictures */
    if (width != 0 && height != 0 && width <= OA_AVC_SAR_MAX * height
        && height <= OA_AVC_SAR_MAX * width)
    {
        config->sar_width = width;
        config->sar_height = height;
    }
}


/* A frame is two ticks, E.2.1. */
static void
oa_avc_vui_timing(oa_bits_t *b, oa_avc_config_t *config)
{
    uint64_t  num, den, a, c, t;

    den = 2 * (uint64_t) oa_bits_get(b, 32);
    num = oa_bits_get(b, 32);
    config->fixed_frame_rate = oa_bits_get(b, 1);

    if (num == 0 || den == 0) {
        config->fixed_frame_rate = false;
        return;
    }

    for (a = num, c = den; c != 0; ) {
        t = a % c;
        a = c;
        c = t;
    }

    num /= a;
    den /= a;

    if (den > UINT32_MAX) {
        config->fixed_frame_rate = false;
        return;
    }

    config->frame_rate_num = (uint32_t) num;
    config->frame_rate_den = (uint32_t) den;
}


/* vui_parameters(), E.1.1, up to its timing. */
static void
oa_avc_sps_vui(oa_bits_t *b, oa_avc_config_t *config)
{
    if (oa_bits_get(b, 1)) {
        oa_avc_vui_sar(b, config);
    }

    if (oa_bits_get(b, 1)) {
        oa_bits_skip(b, 1);                         /* overscan */
    }

    if (oa_bits_get(b, 1)) {                        /* video signal type */
        oa_bits_skip(b, 4);
        oa_bits_skip(b, oa_bits_get(b, 1) ? 24 : 0);
    }

    if (oa_bits_get(b, 1)) {                        /* chroma location */
        (void) oa_avc_ue_max(b, 5);
        (void) oa_avc_ue_max(b, 5);
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
    (void) oa_avc_ue_max(b, 31);

    layout.chroma_format = 1;

    if (oa_avc_profile_is_high(config->profile_idc)) {
        oa_avc_sps_high(b, &layout);
    }

    (void) oa_avc_ue_max(b, 12);         /* log2_max_frame_num_minus4 */
    oa_avc_sps_order_count(b);
    (void) oa_avc_ue_max(b, 16);         /* max_num_ref_frames */
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
    int            c;
    size_t         n;
    uint8_t        sps[OA_AVC_SPS_BYTES];
    oa_bits_t      b;
    oa_avc_rbsp_t  r;

    oa_avc_rbsp_init(&r, nal);
    (void) oa_avc_rbsp_next(&r);

    for (n = 0; n < sizeof(sps); n++) {
        c = oa_avc_rbsp_next(&r);
        if (c < 0) {
            break;
        }

        sps[n] = (uint8_t) c;
    }

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
oa_avc_sei_number(oa_avc_rbsp_t *r)
{
    int      c;
    int64_t  number;

    for (number = 0; /* void */ ; number += c) {
        c = oa_avc_rbsp_next(r);

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
    oa_avc_rbsp_t  r;

    oa_avc_rbsp_init(&r, nal);
    (void) oa_avc_rbsp_next(&r);

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
            if (oa_avc_rbsp_next(&r) < 0) {
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
    bool            found;
    size_t          size;
    unsigned        i;
    const uint8_t  *p, *end;

    if (nal_length_size < 1 || nal_length_size > 4) {
        return OA_EINVAL;
    }

    memset(info, 0, sizeof(*info));

    p = sample.data;
    end = sample.data + sample.size;

    for (found = false; p != end; p += size) {

        if ((size_t) (end - p) < nal_length_size) {
            return OA_EINVAL;
        }

        for (size = 0, i = 0; i < nal_length_size; i++) {
            size = size << 8 | *p++;
        }

        if (size > (size_t) (end - p)) {
            return OA_EINVAL;
        }

        if (size != 0) {
            oa_avc_nal_inspect(oa_slice(p, size), info);
            found = true;
        }
    }

    return found ? OA_OK : OA_EINVAL;
}
