
/* AAC: AudioSpecificConfig, ISO/IEC 14496-3, 1.6.2.1. */


#ifndef OA_AAC_H
#define OA_AAC_H


#include "base/oa_base.h"


typedef struct {
    uint8_t   object_type;           /* 2 LC, 5 HE (SBR), 29 HE v2 (SBR, PS) */
    uint8_t   channels;              /* 1 to 8, as heard (PS: 2) */
    uint32_t  core_rate;             /* Hz; the clock of the access units */
    uint32_t  output_rate;           /* Hz; doubled by an explicit SBR */
    uint32_t  frame_samples;         /* at core_rate: 1024 or 960 */
    char      codecs[16];            /* RFC 6381: "mp4a.40.2" */
} oa_aac_config_t;


OA_BEGIN_DECLS


/*
 * OA_EINVAL: truncated, a reserved rate or channel configuration, or an SBR
 * rate that is neither the core's nor twice that; OA_EUNSUPPORTED: an object
 * type other than AAC Main, LC, SSR, LTP, SBR, PS.
 * A channel configuration of 0 (a program config element follows) is read
 * where it is well-formed, else OA_EUNSUPPORTED.
 * On error *config is undefined.  Allocates nothing.
 */
OA_MUST_CHECK oa_err_t oa_aac_config_parse(oa_slice_t asc,
    oa_aac_config_t *config);


OA_END_DECLS


#endif /* OA_AAC_H */
