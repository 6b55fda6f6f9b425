
/* Inside of the FLV unit: shared by its files only. */


#ifndef OA_FLV_IMPL_H
#define OA_FLV_IMPL_H


#include "flv/oa_flv.h"


#define OA_FLV_FRAME_KEY         1
#define OA_FLV_FRAME_GENERATED   4    /* a keyframe made by a server */
#define OA_FLV_FRAME_COMMAND     5


OA_BEGIN_DECLS


/* Says why in *refusal, which may be NULL, and returns err. */
oa_err_t oa_flv_refuse(oa_flv_refusal_t *refusal, oa_err_t err,
    const char *reason);

/* A configuration must not be empty; a frame may be, and then says nothing. */
OA_MUST_CHECK oa_err_t oa_flv_payload(oa_flv_message_t *message, bool config,
    oa_slice_t data, oa_flv_refusal_t *refusal);

int32_t oa_flv_s24(const uint8_t *p);

/*
 * Messages whose first byte says that they are enhanced RTMP; the body is not
 * empty, and *message is all zero.
 */
OA_MUST_CHECK oa_err_t oa_flv_ex_video_parse(oa_slice_t body,
    oa_flv_message_t *message, oa_flv_refusal_t *refusal);
OA_MUST_CHECK oa_err_t oa_flv_ex_audio_parse(oa_slice_t body,
    oa_flv_message_t *message, oa_flv_refusal_t *refusal);
OA_MUST_CHECK oa_err_t oa_flv_ex_mp3_parse(oa_slice_t body,
    oa_flv_message_t *message, oa_flv_refusal_t *refusal);


OA_END_DECLS


#endif /* OA_FLV_IMPL_H */
