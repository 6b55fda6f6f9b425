
/*
 * What H.264 and HEVC have in common: NAL units with a length in front, their
 * payload without emulation prevention, and parts of the VUI.
 */


#ifndef OA_NAL_H
#define OA_NAL_H


#include "base/oa_base.h"
#include "base/oa_bits.h"
#include "codec/oa_codec.h"


#define OA_NAL_MAX_SIDE  16384


/* Reads a NAL unit without its emulation prevention bytes. */
typedef struct {
    const uint8_t  *pos;
    const uint8_t  *end;
    unsigned        zeros;
} oa_nal_rbsp_t;


OA_BEGIN_DECLS


/*
 * Takes the next unit, which may be empty, off the front of a sample.
 * length_size: 1 to 4.  OA_EINVAL: the length runs past the end.
 */
OA_MUST_CHECK oa_err_t oa_nal_next(oa_slice_t *rest, unsigned length_size,
    oa_slice_t *nal);

void oa_nal_rbsp_init(oa_nal_rbsp_t *r, oa_slice_t nal);

/* The next byte, or -1 at the end. */
int oa_nal_rbsp_next(oa_nal_rbsp_t *r);

/*
 * Copies the payload behind a header of that many bytes into buf, as much as
 * there is room for; returns how much.
 */
size_t oa_nal_payload(oa_slice_t nal, size_t header, uint8_t *buf,
    size_t size);

/* An unsigned Exp-Golomb code; above max is an error. */
uint32_t oa_nal_ue_max(oa_bits_t *b, uint32_t max);

/*
 * The flag whether a picture is cropped and by how much, in units of so many
 * samples; its sides become what is left, which fits 32 bits.
 * OA_EINVAL: nothing is left, or the end came before; OA_EUNSUPPORTED: a side
 * is longer than OA_NAL_MAX_SIDE.
 */
OA_MUST_CHECK oa_err_t oa_nal_crop(oa_bits_t *b, uint64_t unit_x,
    uint64_t unit_y, uint64_t *width, uint64_t *height);

/*
 * aspect_ratio_idc and what belongs to it, the same in H.264 and HEVC.  Both
 * are left as they are when unsaid or beyond 16:1 either way.
 */
void oa_nal_vui_sar(oa_bits_t *b, uint32_t *width, uint32_t *height);

/* video_signal_type_present_flag and what belongs to it. */
void oa_nal_vui_colour(oa_bits_t *b, oa_codec_colour_t *colour);

/*
 * frames / seconds in lowest terms.  false, and both unset: one is 0, or the
 * fraction needs more than 32 bits.
 */
bool oa_nal_rate(uint64_t frames, uint64_t seconds, uint32_t *num,
    uint32_t *den);


OA_END_DECLS


#endif /* OA_NAL_H */
