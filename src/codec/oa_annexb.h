
/*
 * H.264 and HEVC as encoders put them out, ITU-T H.264 and H.265, Annex B: a
 * stream of NAL units with start codes between them, made into what FLV and
 * MP4 carry.  Allocates nothing.
 */


#ifndef OA_ANNEXB_H
#define OA_ANNEXB_H


#include "base/oa_base.h"
#include "base/oa_writer.h"
#include "codec/oa_codec.h"


/* What an access unit of so many bytes needs at most with lengths in it. */
#define OA_ANNEXB_ROOM(size)  ((size) + (size) / 3 + 4)

/* Of each kind in a record; more are malformed. */
#define OA_ANNEXB_MAX_SETS    16


OA_BEGIN_DECLS


/*
 * Takes the next NAL unit, which is not empty, off the front of a stream, with
 * all that stands before it.  OA_ENOTFOUND: there is none.
 */
OA_MUST_CHECK oa_err_t oa_annexb_next(oa_slice_t *rest, oa_slice_t *nal);

/*
 * Writes one access unit with 4 bytes of length before each NAL unit, without
 * those that belong elsewhere or say nothing: parameter sets, delimiters, ends,
 * fillers, and SEI whose first message is user data.
 * codec: OA_CODEC_AVC, OA_CODEC_HEVC.
 * OA_EINVAL: nothing is left; OA_EUNSUPPORTED: the codec; OA_EFULL.
 */
OA_MUST_CHECK oa_err_t oa_annexb_unit_write(oa_codec_id_t codec,
    oa_slice_t stream, oa_writer_t *w);

/*
 * Writes the decoder configuration (avcC, hvcC) of the parameter sets in the
 * stream: what oa_codec_video_config() reads.
 * OA_EINVAL: one is missing, malformed, or there are more than
 * OA_ANNEXB_MAX_SETS; OA_EUNSUPPORTED: the codec, or a picture that
 * oa_codec_video_config() does not support; OA_EFULL.
 */
OA_MUST_CHECK oa_err_t oa_annexb_record_write(oa_codec_id_t codec,
    oa_slice_t stream, oa_writer_t *w);


OA_END_DECLS


#endif /* OA_ANNEXB_H */
