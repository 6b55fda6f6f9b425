
/*
 * Whose turn it is, on this machine.
 */


#include "ngx_rtmp_publish_auth.h"


static ngx_queue_t       ngx_rtmp_publish_auth_places;
static ngx_event_t       ngx_rtmp_publish_auth_places_event;
static ngx_connection_t  ngx_rtmp_publish_auth_dummy;


static ngx_int_t
ngx_rtmp_publish_auth_turn_enter(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    oa_err_t                       err;
    ngx_str_t                     *text;
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = ngx_rtmp_publish_auth_zone();
    text = &ctx->session->connection->addr_text;

    ngx_shmtx_lock(zone->mutex);

    err = oa_roster_enter(zone->roster, &ctx->grant, ngx_onair_process(),
                          ctx->backup, oa_slice(text->data, text->len),
                          ngx_onair_now_ms(), &ctx->place.entry);
    if (err == OA_OK) {
        ctx->place.state = NGX_RTMP_PUBLISH_AUTH_LIVE;
        err = oa_roster_go_live(zone->roster, ctx->place.entry,
                                ngx_onair_now_ms(),
                                ngx_onair_unix_us() / 1000, ngx_onair_alive,
                                NULL, NULL);
    }

    ngx_shmtx_unlock(zone->mutex);

    return err == OA_OK ? NGX_OK : err == OA_EBUSY ? NGX_BUSY : NGX_ERROR;
}


static void
ngx_rtmp_publish_auth_turn_handler(ngx_event_t *ev)
{
    ngx_queue_t                  *q;
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    (void) ev;

    while (!ngx_queue_empty(&ngx_rtmp_publish_auth_places)) {
        q = ngx_queue_head(&ngx_rtmp_publish_auth_places);
        ctx = ngx_queue_data(q, ngx_rtmp_publish_auth_ctx_t, place.queue);
        ngx_queue_remove(q);
        ctx->place.state = NGX_RTMP_PUBLISH_AUTH_OVER;
        ngx_rtmp_publish_auth_turn(ctx,
                                   ngx_rtmp_publish_auth_turn_enter(ctx));
    }
}


void
ngx_rtmp_publish_auth_turn_take(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ctx->place.state = NGX_RTMP_PUBLISH_AUTH_WAITING;
    ngx_queue_insert_tail(&ngx_rtmp_publish_auth_places, &ctx->place.queue);
    ngx_post_event(&ngx_rtmp_publish_auth_places_event, &ngx_posted_events);
}


void
ngx_rtmp_publish_auth_turn_media(ngx_rtmp_publish_auth_ctx_t *ctx,
    size_t bytes)
{
    ctx->place.bytes += bytes;
}


void
ngx_rtmp_publish_auth_turn_leave(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_roster_reason_t reason)
{
    ngx_rtmp_publish_auth_zone_t  *zone;

    if (ctx->place.state == NGX_RTMP_PUBLISH_AUTH_WAITING) {
        ngx_queue_remove(&ctx->place.queue);

    } else if (ctx->place.state != NGX_RTMP_PUBLISH_AUTH_OUT) {
        zone = ngx_rtmp_publish_auth_zone();

        ngx_shmtx_lock(zone->mutex);
        oa_roster_leave(zone->roster, ctx->place.entry, reason,
                        ngx_onair_now_ms());
        ngx_shmtx_unlock(zone->mutex);
    }

    ctx->place.state = NGX_RTMP_PUBLISH_AUTH_OUT;
}


ngx_int_t
ngx_rtmp_publish_auth_turn_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_rtmp_publish_auth_places);

    ngx_rtmp_publish_auth_dummy.fd = (ngx_socket_t) -1;
    ngx_rtmp_publish_auth_places_event.data = &ngx_rtmp_publish_auth_dummy;
    ngx_rtmp_publish_auth_places_event.log = cycle->log;
    ngx_rtmp_publish_auth_places_event.handler =
                                        ngx_rtmp_publish_auth_turn_handler;

    return NGX_OK;
}


void
ngx_rtmp_publish_auth_turn_exit(ngx_cycle_t *cycle)
{
    (void) cycle;
}


ngx_int_t
ngx_rtmp_publish_auth_keeper_init(ngx_cycle_t *cycle)
{
    (void) cycle;

    return NGX_OK;
}
