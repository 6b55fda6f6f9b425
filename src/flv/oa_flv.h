
/*
 * The bodies of RTMP audio and video messages: FLV tags, Adobe Flash Video
 * File Format 10.1, Annex E.4.2 and E.4.3, and those of Enhanced RTMP,
 * version 2 (Veovera Software Organization).
 */


#ifndef OA_FLV_H
#define OA_FLV_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"


typedef enum {
    OA_FLV_IGNORE,                   /* well-formed, nothing to do with it */
    OA_FLV_CONFIG,                   /* data: decoder configuration */
    OA_FLV_FRAMES,                   /* data: one coded frame, never empty */
    OA_FLV_END                       /* end of sequence */
} oa_flv_kind_t;


typedef struct {
    oa_flv_kind_t  kind;
    oa_codec_id_t  codec;            /* OA_CODEC_NONE with OA_FLV_IGNORE */
    oa_slice_t     data;             /* borrowed from the message body */
    bool           keyframe;         /* video: what the tag claims */
    int32_t        composition_ms;   /* video: pts - dts, signed 24 bits */
    uint8_t        track;            /* of a multitrack message; else 0 */
} oa_flv_message_t;


/* Why a message was refused, for one line in a log; static text. */
typedef struct {
    const char    *reason;           /* "MP3 audio is not supported" */
    char           fourcc[5];        /* "" unless enhanced RTMP */
} oa_flv_refusal_t;


OA_BEGIN_DECLS


/*
 * Reads one video (H.264; HEVC, also with the number 12 that some encoders
 * give it in a plain tag; AV1) or audio (AAC, Opus) message body.  An empty
 * body is OA_FLV_IGNORE, as encoders send them, and so are colour and channel
 * information, which the streams repeat, and commands.
 *
 * A multitrack message is read when one track is in it.  Its number is told,
 * as other messages may hold others.  A nanosecond offset is left out.
 *
 * OA_EINVAL: truncated or contradictory; OA_EUNSUPPORTED: another codec, or
 * several tracks.
 * On error *message is undefined and *refusal (may be NULL) says why.
 */
OA_MUST_CHECK oa_err_t oa_flv_video_parse(oa_slice_t body,
    oa_flv_message_t *message, oa_flv_refusal_t *refusal);
OA_MUST_CHECK oa_err_t oa_flv_audio_parse(oa_slice_t body,
    oa_flv_message_t *message, oa_flv_refusal_t *refusal);

/*
 * Reads an audio message body of MP3, which the above refuses, for who can
 * decode it.  It has no decoder configuration: never OA_FLV_CONFIG.
 * OA_EINVAL: an unknown type; OA_ENOTFOUND: all else, which is the above's to
 * take or to refuse.  *refusal is set with OA_EINVAL only.
 */
OA_MUST_CHECK oa_err_t oa_flv_mp3_parse(oa_slice_t body,
    oa_flv_message_t *message, oa_flv_refusal_t *refusal);


OA_END_DECLS


#endif /* OA_FLV_H */
