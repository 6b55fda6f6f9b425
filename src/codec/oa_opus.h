
/*
 * Opus: the identification header of RFC 7845, the packets of RFC 6716, and
 * what "Encapsulation of Opus in ISO Base Media File Format" makes of them.
 */


#ifndef OA_OPUS_H
#define OA_OPUS_H


#include "base/oa_base.h"
#include "base/oa_writer.h"


/* Opus counts in this, whatever rate was fed to the encoder. */
#define OA_OPUS_RATE          48000

/* A packet lasts 2.5 to 120 ms. */
#define OA_OPUS_MAX_SAMPLES   5760


typedef struct {
    uint8_t     channels;            /* 1 to 8 */
    uint16_t    pre_skip;            /* at 48 kHz, to be thrown away */
    uint32_t    input_rate;          /* Hz, for information; 0 when unsaid */
    int16_t     gain;                /* of 1/256 dB, to be applied */
    uint8_t     family;              /* channel mapping: 0, or 1 */
    oa_slice_t  mapping;             /* with family 1: counts of streams and
                                        of pairs, and a byte a channel;
                                        borrowed from the header */
} oa_opus_config_t;


OA_BEGIN_DECLS


/*
 * Reads an identification header (OpusHead, RFC 7845, 5.1), which is what
 * enhanced RTMP sends as the sequence header.
 *
 * OA_EINVAL: truncated or contradictory; OA_EUNSUPPORTED: a version from 16
 * on, or a channel mapping family other than 0 and 1.
 * On error *config is undefined.  Allocates nothing.
 */
OA_MUST_CHECK oa_err_t oa_opus_config_parse(oa_slice_t head,
    oa_opus_config_t *config);

/* The content of dOps (encapsulation, 4.3.2): at most 21 bytes. */
void oa_opus_write_dops(const oa_opus_config_t *config, oa_writer_t *w);

/*
 * How long a packet lasts at 48 kHz, by its first two bytes (RFC 6716, 3.1
 * and 3.2): 120 to OA_OPUS_MAX_SAMPLES.  OA_EINVAL: empty, or longer.
 */
OA_MUST_CHECK oa_err_t oa_opus_duration(oa_slice_t packet,
    uint32_t *samples);


OA_END_DECLS


#endif /* OA_OPUS_H */
