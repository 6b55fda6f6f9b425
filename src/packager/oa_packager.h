
/*
 * The packager: coded frames of a publisher in, parts and segments in the
 * live store out.
 *
 * It finds out which tracks there are, puts both on one time line, cuts parts
 * by frame count and segments at keyframes, and appends to the live store.
 * One packager serves one publisher's connection; a publisher that returns
 * within the grace gets a new packager on the resumed session.
 */


#ifndef OA_PACKAGER_H
#define OA_PACKAGER_H


#include "base/oa_base.h"
#include "flv/oa_amf.h"
#include "flv/oa_flv.h"
#include "live/oa_live.h"


typedef struct {
    uint32_t   part_target_ms;       /* 50 to 2000 */
    uint32_t   segment_target_ms;    /* 500 to 10000, at least two parts */
    size_t     max_pending_bytes;    /* held while tracks are found out, and
                                        in one open part */
} oa_packager_conf_t;


/* What happened that a log should tell; text is static. */
typedef enum {
    OA_PACKAGER_INFO,
    OA_PACKAGER_WARN
} oa_packager_level_t;


/*
 * Called from inside the functions below, in their thread.  None may call
 * into the packager or destroy it.
 */
typedef struct {
    /*
     * A part or the end of a segment is there: wake its readers.  At most
     * once a message and rendition, after all that the message published.
     */
    void  (*published)(void *ctx, oa_live_rendition_t rendition);

    /* May be NULL. */
    void  (*notice)(void *ctx, oa_packager_level_t level, const char *text);

    /*
     * The tracks no longer fit the session: end it, claim a new one and set
     * *session.  An error, such as OA_EFULL or OA_ELIMIT, is returned to who
     * passed the message, and the packager must then be destroyed.
     */
    oa_err_t  (*restart)(void *ctx, oa_live_session_t *session);

    void   *ctx;
} oa_packager_events_t;


typedef struct oa_packager_s  oa_packager_t;


OA_BEGIN_DECLS


/*
 * conf, mem and events are copied; live must outlive the packager.
 * A resumed session continues with a DISCONTINUITY.
 * OA_ENOMEM; OA_EINVAL: conf is out of its ranges; OA_EGONE: no such session.
 * On error there is no packager.
 */
OA_MUST_CHECK oa_err_t oa_packager_create(oa_packager_t **packager,
    oa_live_t *live, oa_live_session_t session, bool resumed,
    const oa_packager_conf_t *conf, const oa_mem_t *mem,
    const oa_packager_events_t *events);

/* Publishes what is whole of the open parts; does not end the session. */
void oa_packager_destroy(oa_packager_t *packager);

/*
 * One RTMP message body.  timestamp_ms is the 32-bit timestamp of its header.
 * unix_us: the wall clock now.
 * OA_EINVAL: malformed; the message is dropped, the next may be fine.
 * OA_EUNSUPPORTED: the codec, or a second track of the kind; *refusal (may be
 * NULL) says which.
 * OA_EFULL, OA_ENOMEM: the publisher must be refused.
 * OA_EGONE: the session was ended by others.
 */
OA_MUST_CHECK oa_err_t oa_packager_video(oa_packager_t *packager,
    oa_slice_t body, uint32_t timestamp_ms, int64_t unix_us,
    oa_flv_refusal_t *refusal);
OA_MUST_CHECK oa_err_t oa_packager_audio(oa_packager_t *packager,
    oa_slice_t body, uint32_t timestamp_ms, int64_t unix_us,
    oa_flv_refusal_t *refusal);

/* Which tracks to expect, from onMetaData. */
void oa_packager_metadata(oa_packager_t *packager,
    const oa_amf_metadata_t *metadata);

/*
 * What the publisher says of its stream, for whoever asks the live store: an
 * onMetaData message.  The first fields are kept, as many as fit there.
 */
void oa_packager_describe(oa_packager_t *packager, oa_slice_t message);

/*
 * To be told before each message: once a second is over, what came in it goes
 * to the live store.  now_ms: the live store's clock.
 */
void oa_packager_clock(oa_packager_t *packager, int64_t now_ms);


OA_END_DECLS


#endif /* OA_PACKAGER_H */
