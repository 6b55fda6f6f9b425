
/*
 * A follower: a rendition made of the frames of another one, such as a rung of
 * the quality ladder.  It takes coded frames in the order of presentation, and
 * its segments begin where the source's do, at the same media time, with the
 * same media sequence number and the same count of discontinuities; within
 * them it cuts parts by its own frame count.
 *
 * One process owns the session, the follower and the source's packager, and
 * calls all three from one thread.
 */


#ifndef OA_FOLLOWER_H
#define OA_FOLLOWER_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"
#include "live/oa_live.h"
#include "packager/oa_packager.h"


/* Boundaries that are ahead of the newest frame; the oldest go beyond that. */
#define OA_FOLLOWER_BOUNDARIES  16


typedef struct {
    char                name[OA_LIVE_NAME_BYTES];
    oa_live_kind_t      kind;
    uint32_t            timescale;           /* the source's rendition's */
    uint32_t            frame;               /* ticks, nominal, of one frame */
    uint32_t            part_target_ms;
    size_t              max_pending_bytes;   /* in one open part */
    uint64_t            promised_bps;        /* as oa_live_format_t has it */
} oa_follower_conf_t;


/* A coded frame.  Decoding and presentation are in one order. */
typedef struct {
    oa_slice_t          data;                /* borrowed; one access unit with
                                                four bytes of length before each
                                                NAL unit, or one packet */
    int64_t             time;                /* ticks of media time */
    bool                sync;
} oa_follower_frame_t;


typedef struct oa_follower_s  oa_follower_t;


OA_BEGIN_DECLS


/*
 * Makes the rendition, asleep; or takes it up again where the session has it,
 * which was resumed: it goes on behind the next boundary.
 * published: as oa_packager_events_t has it, with that ctx.
 * OA_EINVAL: the session has one of the name with another timescale or kind;
 * OA_EFULL, OA_ENOMEM, OA_EGONE.  On error there is no follower.
 */
OA_MUST_CHECK oa_err_t oa_follower_create(oa_follower_t **follower,
    oa_live_t *live, oa_live_session_t session, const oa_follower_conf_t *conf,
    const oa_mem_t *mem,
    void (*published)(void *ctx, oa_live_rendition_t rendition), void *ctx);

/* Publishes what is whole of the open part. */
void oa_follower_destroy(oa_follower_t *follower);

/*
 * What the frames from here on are decoded with; picture or sound is that of
 * the record, the other one NULL.  A change begins with the next frame that
 * begins a segment, which is one behind a boundary.
 * OA_EFULL: too large.
 */
OA_MUST_CHECK oa_err_t oa_follower_config(oa_follower_t *follower,
    oa_slice_t record, const oa_codec_video_t *picture,
    const oa_codec_audio_t *sound, oa_timeline_rate_t rate);

/*
 * The source has begun a segment.  Boundaries come in order, before the frames
 * behind them.  Ends the open segment where all frames before it are there.
 */
OA_MUST_CHECK oa_err_t oa_follower_boundary(oa_follower_t *follower,
    const oa_packager_boundary_t *boundary);

/*
 * Adds a frame.  The first one, and the first behind each boundary (half a
 * frame early counts as behind it), begins a segment; for video it must be
 * sync: frames are dropped, and counted, until there is one.  A follower that
 * sleeps wakes with the first frame behind a boundary; frames before that are
 * dropped.
 * OA_EGONE: the session was ended, or is not this process's any more; OA_EFULL,
 * OA_ENOMEM: it could not be stored; OA_EINVAL: no configuration yet.
 */
OA_MUST_CHECK oa_err_t oa_follower_frame(oa_follower_t *follower,
    const oa_follower_frame_t *frame);

/* All that it had is dropped; see oa_live_rendition_park(). */
OA_MUST_CHECK oa_err_t oa_follower_park(oa_follower_t *follower,
    oa_live_presence_t presence);

/* Its rendition, for who looks whether it is wanted. */
oa_live_rendition_t oa_follower_rendition(const oa_follower_t *follower);


OA_END_DECLS


#endif /* OA_FOLLOWER_H */
