
/*
 * AV1: decoder configuration and samples as enhanced RTMP and MP4 carry them,
 * after the AV1 specification and "AV1 Codec ISO Media File Format Binding".
 */


#ifndef OA_AV1_H
#define OA_AV1_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"


typedef struct {
    uint8_t            profile;      /* 0 Main, 1 High, 2 Professional */
    uint8_t            level_idx;    /* of the first operating point */
    bool               high_tier;
    uint8_t            bit_depth;    /* 8, 10 or 12 */
    bool               monochrome;
    bool               subsampling_x;
    bool               subsampling_y;
    uint8_t            chroma_position;  /* 0 unknown, 1 vertical, 2 left-top */
    bool               film_grain;   /* frames may ask for it */
    bool               reduced_header;   /* reduced_still_picture_header */
    uint32_t           width;        /* at most, before render_size */
    uint32_t           height;
    uint32_t           frame_rate_num;   /* 0 / 0 when unsaid */
    uint32_t           frame_rate_den;
    oa_codec_colour_t  colour;
    char               codecs[OA_CODEC_STRING_BYTES];  /* "av01.0.04M.08" */
} oa_av1_config_t;


OA_BEGIN_DECLS


/*
 * Reads an AV1CodecConfigurationRecord (binding, section 2.3) with the
 * sequence header OBU (AV1, 5.5) in it.  codecs is of section 5: colours and
 * chroma are in it unless they are those that may be left out.
 *
 * OA_EINVAL: truncated, or a sequence header that makes no sense;
 * OA_EUNSUPPORTED: no sequence header, or a size above 16384 a side.
 * On error *config is undefined.  Allocates nothing.
 */
OA_MUST_CHECK oa_err_t oa_av1_config_parse(oa_slice_t record,
    oa_av1_config_t *config);

/*
 * Walks the OBUs of one temporal unit; *sample must be all zero.  record is
 * one that oa_av1_config_parse() has read.
 *
 * A sync sample begins with a key frame that is shown (binding, 2.4): one that
 * was sent before and is shown now (show_existing_frame) is none, as nobody
 * can begin there.  Where the sequence header is not in front of it, that of
 * the record is put there.
 *
 * The pieces leave out what must not be in a file: temporal delimiters,
 * padding, tile lists and repeated frame headers.
 *
 * OA_EINVAL when an OBU runs past the end, nothing is there, or a second
 * temporal unit begins.
 */
OA_MUST_CHECK oa_err_t oa_av1_sample_inspect(oa_slice_t record,
    oa_slice_t data, oa_codec_sample_t *sample);


OA_END_DECLS


#endif /* OA_AV1_H */
