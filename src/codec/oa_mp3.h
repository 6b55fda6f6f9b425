
/*
 * MP3: the headers of frames of Layer III, ISO/IEC 11172-3, 2.4.1.3, and
 * 13818-3, and what is known as MPEG 2.5.
 */


#ifndef OA_MP3_H
#define OA_MP3_H


#include "base/oa_base.h"


typedef struct {
    uint32_t  rate;                  /* Hz, 8000 to 48000 */
    uint32_t  samples;               /* 1152; below 32000 Hz 576 */
    uint8_t   channels;              /* 1 or 2 */
    size_t    size;                  /* bytes, with the header: 24 to 1441 */
} oa_mp3_frame_t;


OA_BEGIN_DECLS


/*
 * Reads the header of the frame that data begins with, and finds its end.
 * OA_OK: the frame is whole; OA_EAGAIN: data ends before it does;
 * OA_EINVAL: there is no header of an MPEG audio frame;
 * OA_EUNSUPPORTED: another layer, or the free format, which does not say its
 * size.
 * Other than with OA_OK *frame is undefined.  Allocates nothing.
 */
OA_MUST_CHECK oa_err_t oa_mp3_frame_parse(oa_slice_t data,
    oa_mp3_frame_t *frame);


OA_END_DECLS


#endif /* OA_MP3_H */
