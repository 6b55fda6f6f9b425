
/*
 * Whose turn it is.  A publication waits until the channel is free, on this
 * machine by the roster, on the others by a lease; then it is live, and keeps
 * both until it leaves or is told to stop.
 *
 * All places of a worker are looked at each TICK, and soon after something
 * happened; what ends or admits a publication happens there and only there.
 */


#include "ngx_rtmp_publish_auth.h"


typedef struct {
    ngx_queue_t   places;
    ngx_event_t   timer;
    ngx_event_t   wake;
} ngx_rtmp_publish_auth_turns_t;


static void ngx_rtmp_publish_auth_turn_exit(void);
static void ngx_rtmp_publish_auth_turn_tick(ngx_event_t *ev);
static void ngx_rtmp_publish_auth_turn_live(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms);


static ngx_rtmp_publish_auth_turns_t  ngx_rtmp_publish_auth_turns;


ngx_int_t
ngx_rtmp_publish_auth_turn_init(ngx_cycle_t *cycle)
{
    ngx_rtmp_publish_auth_turns_t  *turns;

    if (ngx_rtmp_publish_auth_zone() == NULL) {
        return NGX_OK;
    }

    turns = &ngx_rtmp_publish_auth_turns;
    ngx_queue_init(&turns->places);

    /* what a worker has to wait for at its end are its connections */
    turns->timer.handler = ngx_rtmp_publish_auth_turn_tick;
    turns->timer.log = cycle->log;
    turns->timer.cancelable = 1;
    turns->wake.handler = ngx_rtmp_publish_auth_turn_tick;
    turns->wake.log = cycle->log;

    if (ngx_onair_on_exit(ngx_rtmp_publish_auth_turn_exit) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_rtmp_publish_auth_lease_init(cycle);
}


/* Another machine need not wait until the leases run out. */
static void
ngx_rtmp_publish_auth_turn_exit(void)
{
    ngx_rtmp_publish_auth_ctx_t    *ctx;
    ngx_rtmp_publish_auth_turns_t  *turns;

    turns = &ngx_rtmp_publish_auth_turns;

    while (!ngx_queue_empty(&turns->places)) {
        ctx = ngx_queue_data(ngx_queue_head(&turns->places),
                             ngx_rtmp_publish_auth_ctx_t, place.queue);
        ngx_rtmp_publish_auth_turn_leave(ctx, OA_ROSTER_SHUTDOWN);
    }
}


void
ngx_rtmp_publish_auth_turn_wake(void)
{
    ngx_post_event(&ngx_rtmp_publish_auth_turns.wake, &ngx_posted_events);
}


ngx_rtmp_publish_auth_ctx_t *
ngx_rtmp_publish_auth_turn_next(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_queue_t  *q, *places;

    places = &ngx_rtmp_publish_auth_turns.places;
    q = ctx ? ngx_queue_next(&ctx->place.queue) : ngx_queue_head(places);

    return q == ngx_queue_sentinel(places)
           ? NULL
           : ngx_queue_data(q, ngx_rtmp_publish_auth_ctx_t, place.queue);
}


void
ngx_rtmp_publish_auth_turn_take(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    int64_t                         now_ms;
    oa_err_t                        err;
    ngx_str_t                       address;
    ngx_rtmp_publish_auth_zone_t   *zone;
    ngx_rtmp_publish_auth_place_t  *place;
    ngx_rtmp_publish_auth_turns_t  *turns;

    place = &ctx->place;

    if (place->state != NGX_RTMP_PUBLISH_AUTH_OUT) {
        return;
    }

    zone = ngx_rtmp_publish_auth_zone();
    turns = &ngx_rtmp_publish_auth_turns;
    address = ctx->session->connection->addr_text;
    now_ms = ngx_onair_now_ms();

    ngx_memzero(place, sizeof(*place));
    place->state = NGX_RTMP_PUBLISH_AUTH_WAITING;
    place->since_ms = now_ms;
    ngx_rtmp_publish_auth_lease_name(ctx);

    ngx_shmtx_lock(zone->mutex);
    err = oa_roster_enter(zone->roster, &ctx->grant, ngx_onair_process(),
                          ctx->backup, oa_slice(address.data, address.len),
                          now_ms, &place->entry);
    ngx_shmtx_unlock(zone->mutex);

    place->failed = (err != OA_OK);
    place->crowded = (err == OA_EBUSY);

    ngx_queue_insert_tail(&turns->places, &place->queue);
    ngx_rtmp_publish_auth_turn_wake();

    if (!turns->timer.timer_set) {
        ngx_add_timer(&turns->timer, NGX_RTMP_PUBLISH_AUTH_TICK);
    }
}


void
ngx_rtmp_publish_auth_turn_media(ngx_rtmp_publish_auth_ctx_t *ctx,
    size_t bytes)
{
    ctx->place.bytes += bytes;
    ctx->place.media_ms = ngx_onair_now_ms();
}


void
ngx_rtmp_publish_auth_turn_leave(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_roster_reason_t reason)
{
    ngx_rtmp_publish_auth_zone_t   *zone;
    ngx_rtmp_publish_auth_place_t  *place;

    place = &ctx->place;

    if (place->state == NGX_RTMP_PUBLISH_AUTH_OUT) {
        return;
    }

    place->state = NGX_RTMP_PUBLISH_AUTH_OUT;
    ngx_queue_remove(&place->queue);
    ngx_rtmp_publish_auth_lease_release(ctx);

    if (place->failed) {
        return;
    }

    zone = ngx_rtmp_publish_auth_zone();

    ngx_shmtx_lock(zone->mutex);

    if (place->media_ms) {
        oa_roster_media(zone->roster, place->entry, place->bytes,
                        place->media_ms);
    }

    oa_roster_leave(zone->roster, place->entry, reason, ngx_onair_now_ms());

    ngx_shmtx_unlock(zone->mutex);

    /* one of this worker may wait for it */
    ngx_rtmp_publish_auth_turn_wake();
}


/* --- each tick -------------------------------------------------------- */

/* What others want of this worker's publications, and what it reports. */
static void
ngx_rtmp_publish_auth_turn_exchange(void)
{
    oa_roster_entry_t               entry;
    ngx_rtmp_publish_auth_ctx_t    *ctx;
    ngx_rtmp_publish_auth_zone_t   *zone;
    ngx_rtmp_publish_auth_place_t  *place;

    zone = ngx_rtmp_publish_auth_zone();

    ngx_shmtx_lock(zone->mutex);

    for (ctx = ngx_rtmp_publish_auth_turn_next(NULL);
         ctx;
         ctx = ngx_rtmp_publish_auth_turn_next(ctx))
    {
        place = &ctx->place;

        if (place->failed) {
            continue;
        }

        if (place->state == NGX_RTMP_PUBLISH_AUTH_LIVE) {
            oa_roster_media(zone->roster, place->entry, place->bytes,
                            place->media_ms);
        }

        if (oa_roster_get(zone->roster, place->entry, &entry) != OA_OK) {
            place->stop = OA_ROSTER_WORKER_LOST;

        } else if (entry.stop != OA_ROSTER_NONE) {
            place->stop = entry.stop;
        }
    }

    ngx_shmtx_unlock(zone->mutex);
}


static void
ngx_rtmp_publish_auth_turn_stop(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_roster_reason_t reason)
{
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = ngx_rtmp_publish_auth_zone();

    if (reason == OA_ROSTER_LEASE_LOST) {
        (void) ngx_atomic_fetch_add(&zone->shared->leases_lost, 1);
    }

    ctx->place.state = NGX_RTMP_PUBLISH_AUTH_OVER;
    ngx_rtmp_publish_auth_end(ctx, reason);
}


static void
ngx_rtmp_publish_auth_turn_look(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_place_t  *place;

    place = &ctx->place;

    switch (place->state) {

    case NGX_RTMP_PUBLISH_AUTH_WAITING:
    case NGX_RTMP_PUBLISH_AUTH_STANDBY:

        if (place->failed) {
            place->state = NGX_RTMP_PUBLISH_AUTH_OVER;
            ngx_rtmp_publish_auth_turn(ctx, place->crowded ? NGX_BUSY
                                                           : NGX_ERROR);

        } else if (place->stop != OA_ROSTER_NONE) {
            ngx_rtmp_publish_auth_turn_stop(ctx, place->stop);

        } else {
            ngx_rtmp_publish_auth_wait(ctx, now_ms);
        }

        break;

    case NGX_RTMP_PUBLISH_AUTH_LIVE:

        if (place->stop != OA_ROSTER_NONE) {
            ngx_rtmp_publish_auth_turn_stop(ctx, place->stop);

        } else {
            ngx_rtmp_publish_auth_turn_live(ctx, now_ms);
        }

        break;

    default:
        break;
    }
}


/* Any of them may leave while one is looked at. */
static void
ngx_rtmp_publish_auth_turn_tick(ngx_event_t *ev)
{
    int64_t                         now_ms;
    ngx_queue_t                     todo, *q;
    ngx_rtmp_publish_auth_turns_t  *turns;

    turns = &ngx_rtmp_publish_auth_turns;

    if (ngx_queue_empty(&turns->places)) {
        return;
    }

    ngx_rtmp_publish_auth_turn_exchange();
    now_ms = ngx_onair_now_ms();

    ngx_queue_init(&todo);
    ngx_queue_add(&todo, &turns->places);
    ngx_queue_init(&turns->places);

    while (!ngx_queue_empty(&todo)) {
        q = ngx_queue_head(&todo);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&turns->places, q);
        ngx_rtmp_publish_auth_turn_look(
            ngx_queue_data(q, ngx_rtmp_publish_auth_ctx_t, place.queue),
            now_ms);
    }

    if (!turns->timer.timer_set && !ngx_queue_empty(&turns->places)) {
        ngx_add_timer(&turns->timer, NGX_RTMP_PUBLISH_AUTH_TICK);
    }
}


/* --- while it is live ------------------------------------------------- */

/*
 * Somebody else has the lease of a live publication.  One of this machine that
 * has just gone, or whose worker was killed, does no harm.
 */
static ngx_uint_t
ngx_rtmp_publish_auth_turn_is_lost(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;

    if (lease->other_dead) {
        lease->next_ms = now_ms;
        return 0;
    }

    if (lease->other_node) {
        return 1;
    }

    if (lease->lost_ms == 0) {
        lease->lost_ms = now_ms;
    }

    return now_ms - lease->lost_ms > NGX_RTMP_PUBLISH_AUTH_LEASE_TTL
                                     + NGX_RTMP_PUBLISH_AUTH_LEASE_HEARTBEAT;
}


static void
ngx_rtmp_publish_auth_turn_live(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_place_t  *place;
    ngx_rtmp_publish_auth_lease_t  *lease;

    if (!ngx_rtmp_publish_auth_leases()) {
        return;
    }

    place = &ctx->place;
    lease = &place->lease;

    if (lease->takeover) {
        ngx_rtmp_publish_auth_turn_stop(ctx, OA_ROSTER_TAKEN_OVER);
        return;
    }

    if (now_ms < lease->wanted_ms
        && now_ms - place->media_ms >= (int64_t) ctx->conf->stall)
    {
        ngx_rtmp_publish_auth_turn_stop(ctx, OA_ROSTER_STALLED);
        return;
    }

    if (lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_HELD) {
        lease->lost_ms = 0;

    } else if (lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_TAKEN) {

        if (ngx_rtmp_publish_auth_turn_is_lost(ctx, now_ms)) {
            ngx_rtmp_publish_auth_turn_stop(ctx, OA_ROSTER_LEASE_LOST);
            return;
        }

        lease->answer = NGX_RTMP_PUBLISH_AUTH_LEASE_AWAY;
    }

    if (now_ms >= lease->next_ms) {
        lease->next_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_LEASE_HEARTBEAT;
        ngx_rtmp_publish_auth_lease_ask(ctx,
                                        NGX_RTMP_PUBLISH_AUTH_WANT_NOTHING,
                                        now_ms);
    }
}
