
#include "xcode/oa_xcode_impl.h"

#include <stdio.h>


/*
 * What a picture of R, G and B is made into.  There is no other matrix that
 * such a source could name.
 */
static oa_xcode_colour_t
oa_xcode_colour_from_rgb(oa_xcode_colour_t colour)
{
    colour.matrix = AVCOL_SPC_BT709;
    colour.range = AVCOL_RANGE_MPEG;

    return colour;
}


static enum AVColorRange
oa_xcode_colour_range(bool full)
{
    return full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
}


/* Encoders refuse what is reserved, so nothing is said then. */
static oa_xcode_colour_t
oa_xcode_colour_clean(oa_xcode_colour_t c)
{
    if (av_color_primaries_name(c.primaries) == NULL
        || c.primaries == AVCOL_PRI_RESERVED0
        || c.primaries == AVCOL_PRI_RESERVED)
    {
        c.primaries = AVCOL_PRI_UNSPECIFIED;
    }

    if (av_color_transfer_name(c.transfer) == NULL
        || c.transfer == AVCOL_TRC_RESERVED0
        || c.transfer == AVCOL_TRC_RESERVED)
    {
        c.transfer = AVCOL_TRC_UNSPECIFIED;
    }

    if (av_color_space_name(c.matrix) == NULL
        || c.matrix == AVCOL_SPC_RESERVED)
    {
        c.matrix = AVCOL_SPC_UNSPECIFIED;
    }

    return c;
}


oa_xcode_colour_t
oa_xcode_colour(const oa_codec_colour_t *colour)
{
    oa_xcode_colour_t  c;

    c.primaries = AVCOL_PRI_UNSPECIFIED;
    c.transfer = AVCOL_TRC_UNSPECIFIED;
    c.matrix = AVCOL_SPC_UNSPECIFIED;
    c.range = oa_xcode_colour_range(colour->full_range);

    if (colour->known) {
        c.primaries = (enum AVColorPrimaries) colour->primaries;
        c.transfer = (enum AVColorTransferCharacteristic) colour->transfer;
        c.matrix = (enum AVColorSpace) colour->matrix;
    }

    c = oa_xcode_colour_clean(c);

    return c.matrix == AVCOL_SPC_RGB ? oa_xcode_colour_from_rgb(c) : c;
}


oa_xcode_colour_t
oa_xcode_frame_colour(const AVFrame *frame)
{
    oa_xcode_colour_t          c;
    const AVPixFmtDescriptor  *format;

    c.primaries = frame->color_primaries;
    c.transfer = frame->color_trc;
    c.matrix = frame->colorspace;
    c.range = oa_xcode_colour_range(frame->color_range == AVCOL_RANGE_JPEG);

    c = oa_xcode_colour_clean(c);
    format = av_pix_fmt_desc_get(frame->format);

    return c.matrix == AVCOL_SPC_RGB
           || (format != NULL && (format->flags & AV_PIX_FMT_FLAG_RGB))
           ? oa_xcode_colour_from_rgb(c) : c;
}


bool
oa_xcode_colour_equal(const oa_xcode_colour_t *a, const oa_xcode_colour_t *b)
{
    return a->primaries == b->primaries && a->transfer == b->transfer
           && a->matrix == b->matrix && a->range == b->range;
}


const char *
oa_xcode_hdr_name(enum AVColorTransferCharacteristic transfer)
{
    switch (transfer) {
    case AVCOL_TRC_SMPTE2084:
        return "PQ";
    case AVCOL_TRC_ARIB_STD_B67:
        return "HLG";
    default:
        return NULL;
    }
}


void
oa_xcode_hdr_refuse(const char *hdr, const oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES])
{
    (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                    "rung %u: an HDR source (%s) cannot be coded as %s of"
                    " 8 bits; it takes HEVC main10", rung->index, hdr,
                    rung->conf.codec == OA_CODEC_AVC ? "H.264" : "HEVC");
}
