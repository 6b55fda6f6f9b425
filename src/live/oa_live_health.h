
/*
 * What a publisher says of its stream, and how the stream has been, second by
 * second, for the last ten minutes.  Both lie in one page of 64 KB that each
 * session has, until it is freed.
 *
 * The session's owner writes, any process reads, without a lock: a record that
 * is being written is not given out.
 */


#ifndef OA_LIVE_HEALTH_H
#define OA_LIVE_HEALTH_H


#include "live/oa_live.h"


#define OA_LIVE_HEALTH_SECONDS       600

#define OA_LIVE_METADATA_FIELDS      32
#define OA_LIVE_METADATA_NAME_BYTES  32
#define OA_LIVE_METADATA_TEXT_BYTES  96


/* One second.  All zero: nothing came in it. */
typedef struct {
    uint64_t   second;               /* of the store's clock, now_ms / 1000 */
    uint32_t   video_bytes;          /* of message bodies */
    uint32_t   audio_bytes;
    uint32_t   video_frames;
    uint32_t   audio_frames;
    uint32_t   keyframe_interval_ms; /* the last one that ended; else 0 */
    uint32_t   timestamp_jumps;      /* these three: video and audio */
    uint32_t   dropped_frames;
    uint32_t   late_frames;
} oa_live_health_t;


typedef enum {
    OA_LIVE_METADATA_NUMBER = 1,
    OA_LIVE_METADATA_BOOLEAN,
    OA_LIVE_METADATA_TEXT
} oa_live_metadata_kind_t;


/* The bytes may be anything; who shows them looks whether they are UTF-8. */
typedef struct {
    uint32_t   kind;                 /* oa_live_metadata_kind_t */
    uint32_t   name_size;
    uint32_t   text_size;
    int64_t    thousandths;          /* of a number; a boolean: 0 or 1 */
    uint8_t    name[OA_LIVE_METADATA_NAME_BYTES];
    uint8_t    text[OA_LIVE_METADATA_TEXT_BYTES];
} oa_live_metadata_field_t;


typedef struct {
    uint32_t                  nfields;
    oa_live_metadata_field_t  fields[OA_LIVE_METADATA_FIELDS];
} oa_live_metadata_t;


OA_BEGIN_DECLS


/* Owner only.  Without effect once the session is not on the air. */
void oa_live_health_set(oa_live_t *live, oa_live_session_t session,
    const oa_live_health_t *health);
void oa_live_metadata_set(oa_live_t *live, oa_live_session_t session,
    const oa_live_metadata_t *metadata);

/*
 * The record of the last seconds (at most OA_LIVE_HEALTH_SECONDS, for which
 * there is room at records), oldest first, without a gap and without the one
 * that now_ms is in.  It begins with the first that something came in; *n is 0
 * while there is none.  OA_EGONE.
 */
OA_MUST_CHECK oa_err_t oa_live_health_get(const oa_live_t *live,
    oa_live_session_t session, int64_t now_ms, unsigned seconds,
    oa_live_health_t *records, unsigned *n);

/* OA_ENOTFOUND: it said nothing; OA_EAGAIN: as a snapshot's; OA_EGONE. */
OA_MUST_CHECK oa_err_t oa_live_metadata_get(const oa_live_t *live,
    oa_live_session_t session, oa_live_metadata_t *metadata);


OA_END_DECLS


#endif /* OA_LIVE_HEALTH_H */
