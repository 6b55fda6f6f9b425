
/*
 * HEVC: decoder configuration and samples as enhanced RTMP and MP4 carry
 * them, ISO/IEC 14496-15, 8.3.3 and Annex E; ISO/IEC 23008-2.
 */


#ifndef OA_HEVC_H
#define OA_HEVC_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"


typedef struct {
    /* of the record, as CODECS has them */
    uint8_t            profile_space;    /* 0 to 3 */
    bool               high_tier;
    uint8_t            profile_idc;
    uint32_t           compatibility_flags;
    uint8_t            constraints[6];
    uint8_t            level_idc;        /* 30 times the level */
    uint8_t            nal_length_size;  /* 1, 2 or 4 */

    /* of its first SPS */
    uint8_t            chroma_format;    /* 0 monochrome, 1 4:2:0, 2, 3 */
    uint8_t            bit_depth_luma;
    uint8_t            bit_depth_chroma;
    uint32_t           width;            /* in the conformance window */
    uint32_t           height;
    uint32_t           sar_width;        /* 1:1 when unsaid */
    uint32_t           sar_height;
    uint32_t           frame_rate_num;   /* 0 / 0 when unsaid */
    uint32_t           frame_rate_den;
    oa_codec_colour_t  colour;

    char               codecs[OA_CODEC_STRING_BYTES];  /* "hvc1.1.6.L93.B0" */
} oa_hevc_config_t;


OA_BEGIN_DECLS


/*
 * Reads an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1.2).
 *
 * OA_EINVAL: truncated, without a VPS, SPS or PPS, with more than 64 NAL units
 * that are no comments, or an SPS that makes no sense; OA_EUNSUPPORTED: a size
 * above 16384 a side or a nal_length_size of 3.  On error *config is undefined.
 * Allocates nothing.
 */
OA_MUST_CHECK oa_err_t oa_hevc_config_parse(oa_slice_t record,
    oa_hevc_config_t *config);

/*
 * Writes the record without the comments that encoders put into it (SEI user
 * data), which may be larger than all the rest.  complete: no parameter sets
 * are in the samples.  The record is one that oa_hevc_config_parse() has read.
 */
void oa_hevc_record_write(oa_slice_t record, bool complete, oa_writer_t *w);

/*
 * Walks the length-prefixed NAL units of one access unit; *sample must be
 * all zero.
 *
 * A sync sample is an IRAP picture: IDR, BLA or CRA.  Pictures that lead a
 * CRA or BLA and refer to what was before it (RASL) are `leading`; a BLA is
 * `closing`.
 *
 * Parameter sets that stand in the record, too, are left out of the pieces,
 * as the sample entry hvc1 demands, but not with config->in_band; others are
 * told as new_parameters and stay.
 *
 * OA_EINVAL when a length runs past the end, nothing is there, or it holds
 * more than 64 parameter sets.
 */
OA_MUST_CHECK oa_err_t oa_hevc_sample_inspect(const oa_codec_video_t *config,
    oa_slice_t record, oa_slice_t data, oa_codec_sample_t *sample);


OA_END_DECLS


#endif /* OA_HEVC_H */
