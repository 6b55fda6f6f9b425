
/*
 * Inside of the CUDA device: oa_xcode_cuda*.c.
 *
 * All devices of a process share the card's primary context.
 */


#ifndef OA_XCODE_CUDA_H
#define OA_XCODE_CUDA_H


#include "xcode/oa_xcode_impl.h"

#include <libavutil/hwcontext.h>


/* Of an oa_xcode_t; its card. */
struct oa_xcode_cuda_s {
    unsigned           card;
    pthread_mutex_t    lock;             /* held while the device is made */
    AVBufferRef       *device;           /* NULL: not yet, or it failed */
};


OA_BEGIN_DECLS


/* --- oa_xcode_cuda.c -------------------------------------------------- */

/*
 * A reference to where the pictures of a rung lie, which its scaler fills and
 * its encoder reads.  Made, as the device is, when it is first asked for.
 */
AVBufferRef *oa_xcode_cuda_frames(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES]);

/* The rung's next ones are new. */
void oa_xcode_cuda_frames_drop(oa_xcode_rung_state_t *rung);


/* --- oa_xcode_cuda_scale.c -------------------------------------------- */

bool oa_xcode_cuda_scale(oa_xcode_rung_state_t *rung, const AVFrame *in,
    AVFrame *out, char text[OA_XCODE_TEXT_BYTES]);
void oa_xcode_cuda_scaler_close(oa_xcode_rung_state_t *rung);


/* --- oa_xcode_cuda_text.c --------------------------------------------- */

/* Why there is no device, respectively no encoder; slow. */
void oa_xcode_cuda_explain_device(unsigned card, int error,
    char text[OA_XCODE_TEXT_BYTES]);
void oa_xcode_cuda_explain_encoder(const char *name,
    const oa_xcode_rung_t *rung, int error, char text[OA_XCODE_TEXT_BYTES]);


OA_END_DECLS


#endif /* OA_XCODE_CUDA_H */
