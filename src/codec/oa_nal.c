
#include "codec/oa_nal.h"


#define OA_NAL_SAR_EXTENDED  255
#define OA_NAL_SAR_MAX       16


static const uint8_t  oa_nal_sars[17][2] = {
    { 1, 1 }, { 1, 1 }, { 12, 11 }, { 10, 11 }, { 16, 11 }, { 40, 33 },
    { 24, 11 }, { 20, 11 }, { 32, 11 }, { 80, 33 }, { 18, 11 }, { 15, 11 },
    { 64, 33 }, { 160, 99 }, { 4, 3 }, { 3, 2 }, { 2, 1 }
};


oa_err_t
oa_nal_next(oa_slice_t *rest, unsigned length_size, oa_slice_t *nal)
{
    size_t    size;
    unsigned  i;

    if (rest->size < length_size) {
        return OA_EINVAL;
    }

    for (size = 0, i = 0; i < length_size; i++) {
        size = size << 8 | rest->data[i];
    }

    if (size > rest->size - length_size) {
        return OA_EINVAL;
    }

    *nal = oa_slice(rest->data + length_size, size);
    *rest = oa_slice(nal->data + size, rest->size - length_size - size);

    return OA_OK;
}


void
oa_nal_rbsp_init(oa_nal_rbsp_t *r, oa_slice_t nal)
{
    r->pos = nal.data;
    r->end = nal.data + nal.size;
    r->zeros = 0;
}


int
oa_nal_rbsp_next(oa_nal_rbsp_t *r)
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


size_t
oa_nal_payload(oa_slice_t nal, size_t header, uint8_t *buf, size_t size)
{
    int            c;
    size_t         n;
    oa_nal_rbsp_t  r;

    oa_nal_rbsp_init(&r, nal);

    while (header-- > 0) {
        (void) oa_nal_rbsp_next(&r);
    }

    for (n = 0; n < size; n++) {
        c = oa_nal_rbsp_next(&r);
        if (c < 0) {
            break;
        }

        buf[n] = (uint8_t) c;
    }

    return n;
}


uint32_t
oa_nal_ue_max(oa_bits_t *b, uint32_t max)
{
    uint32_t  v;

    v = oa_bits_ue(b);

    if (v > max) {
        b->error = OA_EINVAL;
        return 0;
    }

    return v;
}


oa_err_t
oa_nal_crop(oa_bits_t *b, uint64_t unit_x, uint64_t unit_y, uint64_t *width,
    uint64_t *height)
{
    uint64_t  x, y;

    x = 0;
    y = 0;

    if (oa_bits_get(b, 1)) {
        x = oa_bits_ue(b);
        x = unit_x * (x + oa_bits_ue(b));
        y = oa_bits_ue(b);
        y = unit_y * (y + oa_bits_ue(b));
    }

    if (b->error != OA_OK || x >= *width || y >= *height) {
        return OA_EINVAL;
    }

    *width -= x;
    *height -= y;

    return *width > OA_NAL_MAX_SIDE || *height > OA_NAL_MAX_SIDE
           ? OA_EUNSUPPORTED : OA_OK;
}


void
oa_nal_vui_sar(oa_bits_t *b, uint32_t *sar_width, uint32_t *sar_height)
{
    uint32_t  idc, width, height;

    idc = oa_bits_get(b, 8);

    if (idc == OA_NAL_SAR_EXTENDED) {
        width = oa_bits_get(b, 16);
        height = oa_bits_get(b, 16);

    } else if (idc < sizeof(oa_nal_sars) / sizeof(oa_nal_sars[0])) {
        width = oa_nal_sars[idc][0];
        height = oa_nal_sars[idc][1];

    } else {
        return;
    }

    /* 0 is unsaid; what nobody films would make absurd sizes of pictures */
    if (width != 0 && height != 0 && width <= OA_NAL_SAR_MAX * height
        && height <= OA_NAL_SAR_MAX * width)
    {
        *sar_width = width;
        *sar_height = height;
    }
}


void
oa_nal_vui_colour(oa_bits_t *b, oa_codec_colour_t *colour)
{
    if (oa_bits_get(b, 1) == 0) {
        return;
    }

    oa_bits_skip(b, 3);                      /* video_format */
    colour->full_range = oa_bits_get(b, 1);

    if (oa_bits_get(b, 1)) {
        colour->primaries = (uint8_t) oa_bits_get(b, 8);
        colour->transfer = (uint8_t) oa_bits_get(b, 8);
        colour->matrix = (uint8_t) oa_bits_get(b, 8);
        colour->known = b->error == OA_OK;
    }
}


bool
oa_nal_rate(uint64_t frames, uint64_t seconds, uint32_t *num, uint32_t *den)
{
    uint64_t  a, c, t;

    if (frames == 0 || seconds == 0) {
        return false;
    }

    for (a = frames, c = seconds; c != 0; ) {
        t = a % c;
        a = c;
        c = t;
    }

    frames /= a;
    seconds /= a;

    if (frames > UINT32_MAX || seconds > UINT32_MAX) {
        return false;
    }

    *num = (uint32_t) frames;
    *den = (uint32_t) seconds;

    return true;
}
