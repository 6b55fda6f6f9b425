
/*
 * Between the module that takes a publisher's media, the one that makes further
 * renditions of it, and the one that tells how they do: none knows another.
 *
 * All functions are called in worker processes, on the event loop.
 */


#ifndef NGX_ONAIR_LADDER_H
#define NGX_ONAIR_LADDER_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "auth/oa_grant.h"
#include "ladder/oa_ladder_slots.h"
#include "live/oa_live.h"
#include "packager/oa_packager.h"


/* What is told of a publisher whose media begins. */
typedef struct {
    void               *rtmp_session;    /* ngx_rtmp_session_t */
    ngx_str_t           channel;         /* until close() */
    uint32_t            part_target_ms;
    size_t              max_pending;
    ngx_log_t          *log;             /* until close() */
} ngx_onair_source_t;


/*
 * A publisher's sound of a codec that packagers do not take, MP3, for who makes
 * AAC of it.  It comes back as messages, as if the encoder had sent AAC.
 */
typedef struct {
    void               *rtmp_session;    /* ngx_rtmp_session_t */
    ngx_str_t           channel;         /* until close() */
    ngx_log_t          *log;             /* until close() */

    /*
     * The body of an audio message: the sequence header first, then packets in
     * their order, with timestamps by the source's clock.  Borrowed.
     * Never called from inside of open() or close(), and from inside of push()
     * at its end, with the sequence header: so the packager need not wait for
     * what threads make.  close() may be called inside.
     */
    void              (*deliver)(void *ctx, oa_slice_t body,
                                 uint32_t timestamp_ms);

    /*
     * It cannot go on, and nothing more comes.  Never called from inside of
     * the functions below; close() may be called inside.
     */
    void              (*failed)(void *ctx, const char *text);
    void               *ctx;
} ngx_onair_sound_source_t;


typedef struct {
    /* NULL: there is nobody to decode it for this publisher. */
    void      *(*open)(const ngx_onair_sound_source_t *source);

    /*
     * The MP3 frames of a message; copied.  What there is no time for is
     * dropped, counted and logged.  OA_EINVAL: it is no MP3, and dropped;
     * OA_EUNSUPPORTED: it cannot be decoded; OA_ENOMEM.
     */
    oa_err_t   (*push)(void *sound, oa_slice_t data, uint32_t timestamp_ms);

    /* Nothing is delivered any more. */
    void       (*close)(void *sound);
} ngx_onair_sound_t;


typedef struct {
    /* NULL: this publisher gets no further renditions; nothing follows. */
    void      *(*open)(const ngx_onair_source_t *source);

    /*
     * As oa_packager_events_t has them; a session other than the one before
     * has taken its place, whose renditions end with it.
     */
    unsigned   (*tracks)(void *ladder, oa_live_session_t session,
                         const oa_packager_tracks_t *tracks);
    void       (*frame)(void *ladder, const oa_packager_frame_t *frame);

    /* The publisher is gone; the session may still be resumed. */
    void       (*close)(void *ladder);

    /* What is held of the machine's slots; 0: there are none. */
    ngx_uint_t (*slots)(oa_ladder_slots_usage_t *usage);

    /* Of whoever publishes, with further renditions or without; or NULL. */
    const ngx_onair_sound_t  *sound;
} ngx_onair_ladder_t;


/* Who makes renditions says so in init_process; static. */
void ngx_onair_ladder_provide(const ngx_onair_ladder_t *ladder);

/* NULL: nobody does. */
const ngx_onair_ladder_t *ngx_onair_ladder(void);


/*
 * Who knows the tiers of publishers says so in init_process.  OA_ENOTFOUND: not
 * of this one.
 */
typedef oa_err_t (*ngx_onair_tier_pt)(ngx_str_t *channel, oa_tier_t *tier);

void ngx_onair_tier_provide(ngx_onair_tier_pt tier);

/* The tier of a channel's publisher; where nobody knows it, OA_TIER_PARTNER. */
oa_tier_t ngx_onair_tier(ngx_str_t *channel);


#endif /* NGX_ONAIR_LADDER_H */
