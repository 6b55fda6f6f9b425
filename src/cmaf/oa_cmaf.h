
/*
 * CMAF tracks (ISO/IEC 23000-19 over ISO/IEC 14496-12): the init segment and
 * the moof and mdat headers of one chunk.  One function a box in the .c file.
 */


#ifndef OA_CMAF_H
#define OA_CMAF_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"


#define OA_CMAF_TRACK_ID  1


/* Bytes that an init segment needs beside the decoder configuration. */
#define OA_CMAF_INIT_OVERHEAD  1024


/*
 * The size of a moof with the mdat header behind it: fixed boxes, and 16
 * bytes a sample.  A buffer of this size always suffices.
 */
#define OA_CMAF_MOOF_SIZE(nsamples)  (160 + 16 * (size_t) (nsamples))


typedef struct {
    uint32_t  duration;              /* ticks of the track's timescale */
    uint32_t  size;                  /* bytes */
    int32_t   composition;           /* pts - dts, ticks; may be negative */
    bool      sync;                  /* a decoder can start here */
} oa_cmaf_sample_t;


typedef struct {
    uint32_t                 sequence_number;    /* mfhd, from 1 */
    uint64_t                 decode_time;        /* tfdt, ticks */
    const oa_cmaf_sample_t  *samples;
    uint32_t                 nsamples;           /* at least 1 */
    bool                     audio;              /* no composition offsets */
    bool                     preroll;            /* of Opus */
} oa_cmaf_chunk_t;


OA_BEGIN_DECLS


/*
 * Writes ftyp and moov of a fragmented single-track file into buf.
 * decoder_config is what config was read from: the record of H.264, HEVC or
 * AV1, the AudioSpecificConfig of AAC, the OpusHead of Opus.
 *
 * What is to be skipped at the beginning of Opus is in an edit list, so that
 * media time is where the sound was made.
 *
 * OA_EFULL: buf is smaller than what is needed; see OA_CMAF_INIT_OVERHEAD;
 * OA_EUNSUPPORTED: config->codec is not of that kind.
 * On success *size is the number of bytes written.
 */
OA_MUST_CHECK oa_err_t oa_cmaf_video_init(const oa_codec_video_t *config,
    oa_slice_t decoder_config, uint32_t timescale, void *buf, size_t capacity,
    size_t *size);
OA_MUST_CHECK oa_err_t oa_cmaf_audio_init(const oa_codec_audio_t *config,
    oa_slice_t decoder_config, uint32_t timescale, void *buf, size_t capacity,
    size_t *size);

/*
 * Writes moof and the header of mdat; the samples' bytes follow in order.
 * trun carries signed composition offsets (version 1); tfhd has
 * default-base-is-moof; tfdt is 64-bit.  An audio chunk whose samples all
 * have one duration carries it once, in tfhd.  With preroll, all samples are
 * of the group that the init segment of Opus describes.
 *
 * OA_EFULL as above; OA_EINVAL: no samples, or an mdat of 4 GiB or more.
 */
OA_MUST_CHECK oa_err_t oa_cmaf_chunk_header(const oa_cmaf_chunk_t *chunk,
    void *buf, size_t capacity, size_t *size);


OA_END_DECLS


#endif /* OA_CMAF_H */
