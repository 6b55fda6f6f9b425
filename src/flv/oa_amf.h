
/*
 * AMF0 (Adobe AMF 0 specification): a guard that walks a message without
 * recursion before a recursive reader sees it, and a reader of onMetaData.
 */


#ifndef OA_AMF_H
#define OA_AMF_H


#include "base/oa_base.h"


#define OA_AMF_MAX_DEPTH  32


typedef struct {
    bool      has_video;             /* videocodecid, or width, is named and
                                        neither 0 nor empty */
    bool      has_audio;             /* audiocodecid, or audiosamplerate */
    char      video_codec[5];        /* as a fourCC, "avc1", also where the
                                        number of a plain tag is said; ""
                                        when unsaid or another number */
    char      audio_codec[5];
    double    frame_rate;            /* 0 when unsaid; all at most 10^9 */
    double    width;                 /* 0 when unsaid */
    double    height;
    double    video_kbps;            /* 0 when unsaid */
    double    audio_kbps;            /* 0 when unsaid */
    char      encoder[64];           /* "" when unsaid; printable ASCII */
} oa_amf_metadata_t;


typedef enum {
    OA_AMF_FIELD_NUMBER,
    OA_AMF_FIELD_BOOLEAN,
    OA_AMF_FIELD_TEXT
} oa_amf_field_kind_t;


/* A scalar of onMetaData; name and text are borrowed from the message. */
typedef struct {
    oa_slice_t           name;
    oa_amf_field_kind_t  kind;
    double               number;     /* any at all; a boolean is 0 or 1 */
    oa_slice_t           text;       /* any bytes */
} oa_amf_field_t;


typedef void (*oa_amf_field_pt)(void *ctx, const oa_amf_field_t *field);


OA_BEGIN_DECLS


/*
 * Walks every value of a message, with a counter in place of recursion.
 * Anything that is not AMF0, or is truncated, ends the walk with OA_OK: the
 * guard protects the reader's stack and refuses nothing else.
 *
 * It never ends where nginx-rtmp's reader (1.2.2) would read on, provided
 * that both begin at the same byte: behind the first byte of an AMF3 message,
 * and behind the name of a shared object, which has no marker.
 *
 * OA_ELIMIT: objects and arrays nest deeper than max_depth
 * (1 <= max_depth <= OA_AMF_MAX_DEPTH).  Runs in time linear in its size.
 */
OA_MUST_CHECK oa_err_t oa_amf_guard(oa_slice_t message, unsigned max_depth);

/*
 * Reads a data message: "@setDataFrame", "onMetaData", {…}, or without the
 * first or both of the names.  An object that ends with the message, without
 * its end marker, is read too, as some encoders send it.
 * OA_ENOTFOUND: another data message; OA_EINVAL: malformed.
 * On error *metadata is all zero.
 */
OA_MUST_CHECK oa_err_t oa_amf_metadata_parse(oa_slice_t message,
    oa_amf_metadata_t *metadata);

/*
 * Calls each for every scalar of the same message, in its order; objects,
 * arrays and dates are passed over.  Errors as above; each may have been
 * called before OA_EINVAL is found.
 */
OA_MUST_CHECK oa_err_t oa_amf_metadata_each(oa_slice_t message,
    oa_amf_field_pt each, void *ctx);


OA_END_DECLS


#endif /* OA_AMF_H */
