
/*
 * Before a publication is live: whether the channel is free, on this machine
 * by the roster, on the others by a lease, and what becomes of it when it is
 * not.
 *
 *   both are backups, or neither is   refuse or takeover, as configured
 *   a backup comes                    it stands by
 *   a primary comes, a backup is live it takes over where that is configured;
 *                                     else it stands by in its turn
 *
 * The last one is for the operator of a pair: when the primary is back, the
 * pair is whole again without another cut in the picture, and a primary that
 * comes and goes does not drag the viewers along.
 */


#include "ngx_rtmp_publish_auth.h"


/* For a holder that was asked to stop, or whose machine has died. */
#define NGX_RTMP_PUBLISH_AUTH_TAKE  3000

/* For a holder elsewhere to connect to a Redis that is back, and renew. */
#define NGX_RTMP_PUBLISH_AUTH_HOLD  7000


typedef enum {
    NGX_RTMP_PUBLISH_AUTH_REFUSE = 0,
    NGX_RTMP_PUBLISH_AUTH_TAKE_OVER,
    NGX_RTMP_PUBLISH_AUTH_STAND_BY
} ngx_rtmp_publish_auth_verdict_t;


/* Whether somebody of this machine holds the channel, and lives. */
static ngx_uint_t
ngx_rtmp_publish_auth_wait_holder(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_roster_entry_t *holder, int64_t now_ms)
{
    oa_err_t                       err;
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = ngx_rtmp_publish_auth_zone();

    ngx_shmtx_lock(zone->mutex);
    err = oa_roster_holder(zone->roster, ctx->place.entry, now_ms,
                           ngx_onair_alive, NULL, holder);
    ngx_shmtx_unlock(zone->mutex);

    return err == OA_OK;
}


static ngx_rtmp_publish_auth_verdict_t
ngx_rtmp_publish_auth_wait_verdict(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_uint_t other_backup)
{
    if (ctx->place.state == NGX_RTMP_PUBLISH_AUTH_STANDBY
        || (ctx->backup && !other_backup))
    {
        return NGX_RTMP_PUBLISH_AUTH_STAND_BY;
    }

    if (ctx->conf->takeover) {
        return NGX_RTMP_PUBLISH_AUTH_TAKE_OVER;
    }

    return (!ctx->backup && other_backup) ? NGX_RTMP_PUBLISH_AUTH_STAND_BY
                                          : NGX_RTMP_PUBLISH_AUTH_REFUSE;
}


static void
ngx_rtmp_publish_auth_wait_refuse(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ctx->place.state = NGX_RTMP_PUBLISH_AUTH_OVER;
    ngx_rtmp_publish_auth_turn(ctx, NGX_BUSY);
}


static void
ngx_rtmp_publish_auth_wait_stand_by(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    oa_err_t                        err;
    ngx_rtmp_publish_auth_zone_t   *zone;
    ngx_rtmp_publish_auth_place_t  *place;

    place = &ctx->place;

    if (place->state == NGX_RTMP_PUBLISH_AUTH_STANDBY) {
        return;
    }

    zone = ngx_rtmp_publish_auth_zone();

    ngx_shmtx_lock(zone->mutex);
    err = oa_roster_stand_by(zone->roster, place->entry);
    ngx_shmtx_unlock(zone->mutex);

    if (err != OA_OK) {
        ngx_rtmp_publish_auth_wait_refuse(ctx);
        return;
    }

    place->state = NGX_RTMP_PUBLISH_AUTH_STANDBY;
    ngx_rtmp_publish_auth_turn(ctx, NGX_AGAIN);
}


/* Once: who comes between is not to be stopped as well. */
static void
ngx_rtmp_publish_auth_wait_ask_holder(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_roster_entry_t *holder, oa_roster_reason_t reason)
{
    oa_err_t                       err;
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = ngx_rtmp_publish_auth_zone();
    ctx->place.asked = 1;

    ngx_shmtx_lock(zone->mutex);
    err = oa_roster_stop(zone->roster, holder->id, reason);
    ngx_shmtx_unlock(zone->mutex);

    /* it may be one of this worker's, or have gone meanwhile */
    if (err == OA_OK) {
        ngx_rtmp_publish_auth_turn_wake();
    }
}


/* Another of this machine is live. */
static void
ngx_rtmp_publish_auth_wait_meet(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_roster_entry_t *holder, int64_t now_ms)
{
    ngx_rtmp_publish_auth_place_t  *place;

    place = &ctx->place;

    switch (ngx_rtmp_publish_auth_wait_verdict(ctx, holder->backup)) {

    case NGX_RTMP_PUBLISH_AUTH_STAND_BY:

        ngx_rtmp_publish_auth_wait_stand_by(ctx);

        if (place->state == NGX_RTMP_PUBLISH_AUTH_STANDBY
            && holder->stop == OA_ROSTER_NONE
            && now_ms - ngx_max(holder->media_ms, holder->started_ms)
               >= (int64_t) ctx->conf->stall)
        {
            ngx_rtmp_publish_auth_wait_ask_holder(ctx, holder,
                                                  OA_ROSTER_STALLED);
        }

        return;

    case NGX_RTMP_PUBLISH_AUTH_TAKE_OVER:

        if (!place->asked) {
            ngx_rtmp_publish_auth_wait_ask_holder(ctx, holder,
                                                  OA_ROSTER_TAKEN_OVER);
            return;
        }

        break;

    case NGX_RTMP_PUBLISH_AUTH_REFUSE:
        ngx_rtmp_publish_auth_wait_refuse(ctx);
        return;
    }

    if (now_ms - place->since_ms >= NGX_RTMP_PUBLISH_AUTH_TAKE) {
        ngx_rtmp_publish_auth_wait_refuse(ctx);
    }
}


static void
ngx_rtmp_publish_auth_wait_go_live(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    oa_err_t                         err;
    ngx_rtmp_publish_auth_zone_t    *zone;
    ngx_rtmp_publish_auth_place_t   *place;
    ngx_rtmp_publish_auth_shared_t  *shared;

    place = &ctx->place;
    zone = ngx_rtmp_publish_auth_zone();
    shared = zone->shared;

    ngx_shmtx_lock(zone->mutex);
    err = oa_roster_go_live(zone->roster, place->entry, now_ms,
                            ngx_onair_unix_us() / 1000, ngx_onair_alive,
                            NULL, NULL);
    ngx_shmtx_unlock(zone->mutex);

    if (err != OA_OK) {
        /* one of this machine was faster; the next tick meets it */
        ngx_rtmp_publish_auth_lease_release(ctx);
        place->lease.answer = NGX_RTMP_PUBLISH_AUTH_LEASE_NONE;
        return;
    }

    if (place->state == NGX_RTMP_PUBLISH_AUTH_STANDBY) {
        (void) ngx_atomic_fetch_add(&shared->failovers, 1);
        ngx_log_error(NGX_LOG_NOTICE, ctx->session->connection->log, 0,
                      "publish_auth: channel \"%s\": the publisher that "
                      "stood by goes on the air", ctx->grant.channel);

    } else if (place->asked || place->wants) {
        (void) ngx_atomic_fetch_add(&shared->takeovers, 1);
    }

    place->state = NGX_RTMP_PUBLISH_AUTH_LIVE;
    place->bytes = 0;
    place->media_ms = now_ms;
    place->lease.lost_ms = 0;
    place->lease.takeover = 0;
    place->lease.wanted_ms = 0;
    place->lease.next_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_LEASE_HEARTBEAT;

    ngx_rtmp_publish_auth_turn(ctx, NGX_OK);
}


/* Waiting is not for long, standing by is. */
static void
ngx_rtmp_publish_auth_wait_on(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_place_t  *place;

    place = &ctx->place;

    if (place->state == NGX_RTMP_PUBLISH_AUTH_WAITING
        && now_ms - place->since_ms >= NGX_RTMP_PUBLISH_AUTH_TAKE)
    {
        ngx_rtmp_publish_auth_wait_refuse(ctx);
    }
}


/* One of another machine is live, or was when it kept its lease last. */
static void
ngx_rtmp_publish_auth_wait_meet_elsewhere(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    int64_t                         silent_ms;
    ngx_rtmp_publish_auth_place_t  *place;
    ngx_rtmp_publish_auth_lease_t  *lease;

    place = &ctx->place;
    lease = &place->lease;
    lease->foreign = 1;

    switch (ngx_rtmp_publish_auth_wait_verdict(ctx, lease->other_backup)) {

    case NGX_RTMP_PUBLISH_AUTH_STAND_BY:

        if (place->state != NGX_RTMP_PUBLISH_AUTH_STANDBY) {
            lease->next_ms = now_ms;
            ngx_rtmp_publish_auth_wait_stand_by(ctx);
        }

        return;

    case NGX_RTMP_PUBLISH_AUTH_TAKE_OVER:

        if (!place->wants) {
            place->wants = 1;
            lease->next_ms = now_ms;
        }

        break;

    case NGX_RTMP_PUBLISH_AUTH_REFUSE:

        /* one that has missed two heartbeats may be no more */
        silent_ms = NGX_RTMP_PUBLISH_AUTH_LEASE_TTL - lease->other_ttl_ms;

        if (silent_ms < 2 * NGX_RTMP_PUBLISH_AUTH_LEASE_HEARTBEAT
                        + NGX_RTMP_PUBLISH_AUTH_TICK)
        {
            ngx_rtmp_publish_auth_wait_refuse(ctx);
            return;
        }

        break;
    }

    ngx_rtmp_publish_auth_wait_on(ctx, now_ms);
}


/* Somebody has the lease, but nobody here is live. */
static void
ngx_rtmp_publish_auth_wait_leased(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;

    if (lease->other_none) {
        lease->free = (now_ms >= lease->hold_ms);
        lease->next_ms = lease->free
                         ? now_ms
                         : now_ms + NGX_RTMP_PUBLISH_AUTH_LEASE_RETRY;

    } else if (lease->other_dead) {
        /* of a worker of ours that was killed */
        lease->next_ms = now_ms;

    } else if (lease->other_node) {
        lease->next_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_LEASE_RETRY;
        ngx_rtmp_publish_auth_wait_meet_elsewhere(ctx, now_ms);

    } else {
        /* it has just left, and the word of it is on its way */
        lease->next_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_TICK;
        ngx_rtmp_publish_auth_wait_on(ctx, now_ms);
    }
}


/*
 * Redis does not answer: a new publisher gets on by the roster alone and takes
 * the lease later, but not where another machine was known to have it, for
 * that one goes on as well.
 */
static void
ngx_rtmp_publish_auth_wait_unleased(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;

    if (!lease->foreign) {
        ngx_rtmp_publish_auth_wait_go_live(ctx, now_ms);
        return;
    }

    lease->hold_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_HOLD;
    lease->next_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_LEASE_RETRY;
    lease->answer = NGX_RTMP_PUBLISH_AUTH_LEASE_NONE;

    ngx_rtmp_publish_auth_wait_on(ctx, now_ms);
}


static void
ngx_rtmp_publish_auth_wait_ask_lease(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_want_t    want;
    ngx_rtmp_publish_auth_place_t  *place;

    place = &ctx->place;

    if (now_ms < place->lease.next_ms) {
        return;
    }

    want = NGX_RTMP_PUBLISH_AUTH_WANT_NOTHING;

    if (place->lease.free) {
        place->lease.free = 0;

    } else if (place->state == NGX_RTMP_PUBLISH_AUTH_STANDBY) {
        want = NGX_RTMP_PUBLISH_AUTH_WANT_STANDBY;

    } else if (place->wants && !place->asked) {
        /* once, as with a holder of this machine */
        want = NGX_RTMP_PUBLISH_AUTH_WANT_TAKEOVER;
        place->asked = 1;
    }

    ngx_rtmp_publish_auth_lease_ask(ctx, want, now_ms);
}


void
ngx_rtmp_publish_auth_wait(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    oa_roster_entry_t               holder;
    ngx_rtmp_publish_auth_lease_t  *lease;

    if (ngx_rtmp_publish_auth_wait_holder(ctx, &holder, now_ms)) {
        ngx_rtmp_publish_auth_wait_meet(ctx, &holder, now_ms);
        return;
    }

    if (!ngx_rtmp_publish_auth_leases()) {
        ngx_rtmp_publish_auth_wait_go_live(ctx, now_ms);
        return;
    }

    lease = &ctx->place.lease;

    if (lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_TAKEN) {
        lease->answer = NGX_RTMP_PUBLISH_AUTH_LEASE_NONE;
        ngx_rtmp_publish_auth_wait_leased(ctx, now_ms);
    }

    if (lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_NONE
        && (ctx->place.state == NGX_RTMP_PUBLISH_AUTH_WAITING
            || ctx->place.state == NGX_RTMP_PUBLISH_AUTH_STANDBY))
    {
        ngx_rtmp_publish_auth_wait_ask_lease(ctx, now_ms);
    }

    if (lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_ASKED
        && now_ms - lease->asked_ms >= NGX_RTMP_PUBLISH_AUTH_LEASE_WAIT)
    {
        ngx_rtmp_publish_auth_lease_give_up(ctx);
    }

    if (lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_HELD) {
        ngx_rtmp_publish_auth_wait_go_live(ctx, now_ms);

    } else if (lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_AWAY) {
        ngx_rtmp_publish_auth_wait_unleased(ctx, now_ms);
    }
}
