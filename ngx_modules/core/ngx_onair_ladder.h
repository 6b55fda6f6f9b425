
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
