
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
#include "codec/oa_codec.h"
#include "flv/oa_amf.h"
#include "flv/oa_flv.h"
#include "live/oa_live.h"
#include "timeline/oa_timeline.h"


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
 * What comes in, for who makes further renditions of it.  All is borrowed
 * until the callback returns.
 */
typedef struct {
    bool                    has_video;
    bool                    has_audio;
    oa_codec_video_t        picture;
    oa_codec_audio_t        sound;
    oa_slice_t              video_record;    /* decoder configurations */
    oa_slice_t              audio_record;
    oa_timeline_rate_t      rate;            /* of the video */
    bool                    constant_rate;
    uint32_t                video_timescale;
    uint32_t                audio_timescale;
} oa_packager_tracks_t;


/* A boundary of segments in the rendition that the frame belongs to. */
typedef struct {
    int64_t    time;                 /* ticks: what is presented from here on */
    uint32_t   msn;                  /* is in this segment */
    uint32_t   discontinuities;      /* with that segment's own */
    bool       discontinuity;        /* it has its own */
} oa_packager_boundary_t;


/* One frame, as it was placed in the source's rendition. */
typedef struct {
    oa_live_kind_t          kind;
    const oa_slice_t       *pieces;          /* one access unit; video: with
                                                nal_length_size bytes of length
                                                before each NAL unit */
    unsigned                npieces;
    int64_t                 decode_time;     /* ticks of media time */
    int64_t                 time;            /* ticks: when it is presented */
    uint32_t                duration;
    bool                    sync;
    int64_t                 unix_us;         /* its arrival */
    bool                    begins;          /* a segment begins with it: */
    oa_packager_boundary_t  boundary;
} oa_packager_frame_t;


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

    /*
     * May be NULL, and then frame is, too.  The tracks are known, or one of
     * their decoder configurations changed; the frames that follow are of
     * these.  Before the first of them: the renditions of the session are
     * about to be made (or found again).  Returns a number that the frames of
     * a video part shall be a multiple of, where the part target has room for
     * so many, so that a rendition of a half or a third of the frame rate has
     * its parts' boundaries there, too; 1: any.  Later calls' are not used.
     */
    unsigned  (*tracks)(void *ctx, oa_live_session_t session,
                        const oa_packager_tracks_t *tracks);

    /* Each frame, once it is placed.  It may be in no published part yet. */
    void  (*frame)(void *ctx, const oa_packager_frame_t *frame);

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
