
/* H.264: decoder configuration and samples as FLV and MP4 carry them. */


#ifndef OA_AVC_H
#define OA_AVC_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"


typedef struct {
    uint8_t   profile_idc;
    uint8_t   constraint_flags;      /* the byte between profile and level */
    uint8_t   level_idc;
    uint8_t   nal_length_size;       /* 1, 2 or 4 */

    uint32_t  width;                 /* luma samples, cropping applied */
    uint32_t  height;
    uint32_t  sar_width;             /* sample aspect ratio; 1:1 when unsaid */
    uint32_t  sar_height;            /* or beyond 16:1 either way */

    /* frames a second as the VUI promises: num / den; 0 / 0 when unsaid */
    uint32_t  frame_rate_num;
    uint32_t  frame_rate_den;
    bool      fixed_frame_rate;

    oa_codec_colour_t  colour;

    char      codecs[16];            /* RFC 6381: "avc1.64001f" */
} oa_avc_config_t;


typedef struct {
    bool      idr;                   /* holds an IDR slice */
    bool      slices;                /* holds a slice at all */
    bool      recovery_point;        /* SEI recovery point: open GOP entry */
    bool      in_band_parameters;    /* holds an SPS or PPS */
} oa_avc_sample_t;


OA_BEGIN_DECLS


/*
 * Reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1.2).
 *
 * OA_EINVAL: truncated, no SPS or PPS, or an SPS that makes no sense;
 * OA_EUNSUPPORTED: a size above 16384 a side or a nal_length_size of 3.
 * On error *config is undefined.  Allocates nothing.
 */
OA_MUST_CHECK oa_err_t oa_avc_config_parse(oa_slice_t record,
    oa_avc_config_t *config);

/*
 * Walks the length-prefixed NAL units of one access unit and tells what is
 * in them.  OA_EINVAL when a length runs past the end or nothing is there.
 */
OA_MUST_CHECK oa_err_t oa_avc_sample_inspect(oa_slice_t sample,
    unsigned nal_length_size, oa_avc_sample_t *info);


OA_END_DECLS


#endif /* OA_AVC_H */
