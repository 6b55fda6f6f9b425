
/*
 * A publish, from the command to the air:
 *
 *   is it a key; has its address failed too often; what does the key grant,
 *   as remembered or as the source says; is that banned or not allowed to
 *   stream; is it its turn.
 *
 * Whoever has to wait leaves the session alone meanwhile: each answer comes to
 * a function here, and none comes any more once the session has gone.
 */


#include "ngx_rtmp_publish_auth.h"
#include <ngx_rtmp_live_module.h>


/* So long an unknown key is remembered: an encoder that retries asks once. */
#define NGX_RTMP_PUBLISH_AUTH_UNKNOWN_MS   5000

/* Questions of one publish, where bans overtake their answers. */
#define NGX_RTMP_PUBLISH_AUTH_QUESTIONS    4


static void ngx_rtmp_publish_auth_cleanup(void *data);
static ngx_uint_t ngx_rtmp_publish_auth_busy(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_auth_ctx_t *ctx);
static void ngx_rtmp_publish_auth_start(ngx_rtmp_publish_auth_ctx_t *ctx);
static void ngx_rtmp_publish_auth_look(ngx_rtmp_publish_auth_ctx_t *ctx);
static ngx_uint_t ngx_rtmp_publish_auth_usable(
    ngx_rtmp_publish_auth_ctx_t *ctx, const oa_grant_t *grant,
    int64_t age_ms);
static ngx_int_t ngx_rtmp_publish_auth_ask(ngx_rtmp_publish_auth_ctx_t *ctx);
static void ngx_rtmp_publish_auth_unask(ngx_rtmp_publish_auth_ctx_t *ctx);
static void ngx_rtmp_publish_auth_unavailable(
    ngx_rtmp_publish_auth_ctx_t *ctx);
static void ngx_rtmp_publish_auth_rechecked(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_grant_t *grant);
static void ngx_rtmp_publish_auth_decide(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_grant_t *grant);
static ngx_uint_t ngx_rtmp_publish_auth_overtaken(
    ngx_rtmp_publish_auth_ctx_t *ctx);
static void ngx_rtmp_publish_auth_go_live(ngx_rtmp_publish_auth_ctx_t *ctx);
static void ngx_rtmp_publish_auth_refuse(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_rtmp_publish_auth_refusal_t refusal, uint32_t pause_ms);
static void ngx_rtmp_publish_auth_timer(ngx_event_t *ev);


/* --- the beginning and the end ---------------------------------------- */


ngx_int_t
ngx_rtmp_publish_auth_begin(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_auth_app_conf_t *conf, const ngx_rtmp_publish_t *asked)
{
    ngx_pool_cleanup_t           *cln;
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    ctx = ngx_rtmp_publish_auth_get(s);

    if (ngx_rtmp_publish_auth_busy(s, ctx)) {
        ngx_rtmp_publish_auth_say_refused(s, NGX_RTMP_PUBLISH_AUTH_TWICE, "",
                                          0);
        return NGX_ERROR;
    }

    if (ctx == NULL) {
        cln = ngx_pool_cleanup_add(s->connection->pool, sizeof(*ctx));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        ctx = cln->data;
        cln->handler = ngx_rtmp_publish_auth_cleanup;
        ngx_rtmp_set_ctx(s, ctx, ngx_rtmp_publish_auth_module);
    }

    ngx_memzero(ctx, sizeof(*ctx));
    ctx->session = s;
    ctx->conf = conf;
    ctx->asked = *asked;
    ctx->timer.handler = ngx_rtmp_publish_auth_timer;
    ctx->timer.data = ctx;
    ctx->timer.log = s->connection->log;

    ngx_rtmp_publish_auth_start(ctx);

    return ctx->over ? NGX_ERROR : NGX_DONE;
}


/* nginx-rtmp has one stream a connection, a publisher's or a player's. */
static ngx_uint_t
ngx_rtmp_publish_auth_busy(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_rtmp_live_ctx_t  *lctx;

    if (ctx && (ctx->checking || ctx->standby || ctx->live || ctx->over)) {
        return 1;
    }

    lctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_live_module);

    return lctx != NULL && lctx->stream != NULL;
}


/* close_stream has been called before, if all is well. */
static void
ngx_rtmp_publish_auth_cleanup(void *data)
{
    ngx_rtmp_publish_auth_ctx_t  *ctx = data;

    ngx_rtmp_publish_auth_cancel(ctx);
    ngx_rtmp_publish_auth_leave(ctx);
    ngx_explicit_memzero(&ctx->asked, sizeof(ctx->asked));
}


/*
 * Nobody answers any more.  Who does not wait for the answer has failed: else
 * keys could be tried, and the source be kept busy, without an end.
 */
void
ngx_rtmp_publish_auth_cancel(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->question && ctx->checking) {
        ngx_rtmp_publish_auth_count(ctx, 1);
    }

    ngx_rtmp_publish_auth_unask(ctx);
    ctx->checking = 0;
    ngx_rtmp_publish_auth_headers_free(ctx);
}


static void
ngx_rtmp_publish_auth_changed(void *data, unsigned topic)
{
    ngx_onair_publish(topic);
}


/* Nobody waits for the return of a publisher that was put off the air. */
static void
ngx_rtmp_publish_auth_end_session(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    oa_slice_t               channel;
    oa_live_session_t        session;
    oa_live_session_info_t   info;

    if (ctx->reason != OA_ROSTER_BANNED
        && ctx->reason != OA_ROSTER_NOT_ALLOWED
        && ctx->reason != OA_ROSTER_STOPPED
        && !(ctx->reason == OA_ROSTER_REFUSED && ctx->live))
    {
        return;
    }

    if (ngx_onair_live() == NULL) {
        return;
    }

    channel = oa_slice(ctx->grant.channel, ngx_strlen(ctx->grant.channel));

    if (oa_live_find(ngx_onair_live(), channel, &session) == OA_OK
        && oa_live_session_info(ngx_onair_live(), session, &info) == OA_OK
        && info.state == OA_LIVE_GRACE)
    {
        oa_live_end(ngx_onair_live(), session, ngx_onair_now_ms(),
                    ngx_rtmp_publish_auth_changed, NULL);
    }
}


void
ngx_rtmp_publish_auth_leave(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_rtmp_publish_auth_cancel(ctx);

    if (ctx->placed) {
        ctx->placed = 0;
        ngx_rtmp_publish_auth_turn_leave(ctx, ctx->reason);
        ngx_rtmp_publish_auth_end_session(ctx);
    }

    ctx->standby = 0;
    ctx->live = 0;
}


/* --- the order of the checks ------------------------------------------ */


static void
ngx_rtmp_publish_auth_start(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    uint32_t   pause_ms;
    ngx_int_t  rc;

    ctx->reason = OA_ROSTER_DISCONNECTED;
    ctx->checking = 1;

    rc = ngx_rtmp_publish_auth_key(ctx);
    pause_ms = ngx_rtmp_publish_auth_pause(ctx);

    if (rc != NGX_OK) {
        ngx_rtmp_publish_auth_count(ctx, 1);
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_MALFORMED,
                                     pause_ms);
        return;
    }

    if (pause_ms) {
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_LOCKED_OUT,
                                     pause_ms);
        return;
    }

    ngx_add_timer(&ctx->timer, ctx->conf->timeout);
    ngx_rtmp_publish_auth_look(ctx);
}


/* --- what the key grants ---------------------------------------------- */


static oa_err_t
ngx_rtmp_publish_auth_recall(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_grant_t *grant, int64_t *age_ms)
{
    oa_err_t                       err;
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = ngx_rtmp_publish_auth_zone();

    ngx_shmtx_lock(zone->mutex);
    ctx->epoch = oa_grants_epoch(zone->grants);
    err = oa_grants_get(zone->grants, ctx->digest, ngx_onair_now_ms(), grant,
                        age_ms);
    ngx_shmtx_unlock(zone->mutex);

    return err;
}


/* A fresh answer, an old one when the source is known to be away, or asks. */
static void
ngx_rtmp_publish_auth_look(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    int64_t     age_ms, limit_ms;
    oa_grant_t  grant;

    limit_ms = (int64_t) ctx->conf->cache;

    if (ngx_rtmp_publish_auth_recall(ctx, &grant, &age_ms) == OA_OK) {

        if (grant.flags & OA_GRANT_UNKNOWN) {
            limit_ms = ngx_min(limit_ms, NGX_RTMP_PUBLISH_AUTH_UNKNOWN_MS);
        }

        if (age_ms < limit_ms) {
            ngx_rtmp_publish_auth_decide(ctx, &grant);
            return;
        }

        if (ctx->conf->source == NGX_RTMP_PUBLISH_AUTH_DATABASE
            && !ngx_onair_sql_available()
            && ngx_rtmp_publish_auth_usable(ctx, &grant, age_ms))
        {
            ngx_rtmp_publish_auth_decide(ctx, &grant);
            return;
        }
    }

    if (ngx_rtmp_publish_auth_ask(ctx) != NGX_OK) {
        ngx_rtmp_publish_auth_unavailable(ctx);
    }
}


/* Whether an old answer is good enough while nobody gives a new one. */
static ngx_uint_t
ngx_rtmp_publish_auth_usable(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_grant_t *grant, int64_t age_ms)
{
    return !(grant->flags & OA_GRANT_UNKNOWN)
           && age_ms <= (int64_t) ctx->conf->stale;
}


static ngx_int_t
ngx_rtmp_publish_auth_ask(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ctx->questions++;

    if (ctx->conf->source == NGX_RTMP_PUBLISH_AUTH_DATABASE) {
        return ngx_rtmp_publish_auth_database_ask(ctx);
    }

    return ngx_rtmp_publish_auth_callback_ask(ctx);
}


static void
ngx_rtmp_publish_auth_unask(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    if (ctx->question == NULL) {
        return;
    }

    if (ctx->conf->source == NGX_RTMP_PUBLISH_AUTH_DATABASE) {
        ngx_rtmp_publish_auth_database_cancel(ctx);

    } else {
        ngx_rtmp_publish_auth_callback_cancel(ctx);
    }
}


static ngx_uint_t
ngx_rtmp_publish_auth_overtaken(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_uint_t                     overtaken;
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = ngx_rtmp_publish_auth_zone();

    ngx_shmtx_lock(zone->mutex);
    overtaken = (oa_grants_epoch(zone->grants) != ctx->epoch);
    ngx_shmtx_unlock(zone->mutex);

    return overtaken;
}


void
ngx_rtmp_publish_auth_granted(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_grant_t *grant)
{
    ngx_rtmp_publish_auth_zone_t  *zone;

    if (ctx->session->connection->destroyed || ctx->over) {
        return;
    }

    if (grant) {
        zone = ngx_rtmp_publish_auth_zone();

        ngx_shmtx_lock(zone->mutex);
        oa_grants_put(zone->grants, ctx->digest, grant, ngx_onair_now_ms(),
                      ctx->epoch);
        ngx_shmtx_unlock(zone->mutex);
    }

    if (ctx->live) {
        ngx_rtmp_publish_auth_rechecked(ctx, grant);
        return;
    }

    if (!ctx->checking) {
        return;
    }

    if (grant == NULL) {
        ngx_rtmp_publish_auth_unavailable(ctx);
        return;
    }

    /* a ban may have come while the answer was under way */
    if (ngx_rtmp_publish_auth_overtaken(ctx)) {
        if (ctx->questions < NGX_RTMP_PUBLISH_AUTH_QUESTIONS) {
            ngx_rtmp_publish_auth_look(ctx);

        } else {
            ngx_rtmp_publish_auth_unavailable(ctx);
        }

        return;
    }

    ngx_rtmp_publish_auth_decide(ctx, grant);
}


static void
ngx_rtmp_publish_auth_unavailable(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    size_t      len;
    int64_t     age_ms;
    oa_grant_t  grant;

    if (ngx_rtmp_publish_auth_recall(ctx, &grant, &age_ms) == OA_OK
        && ngx_rtmp_publish_auth_usable(ctx, &grant, age_ms))
    {
        ngx_rtmp_publish_auth_decide(ctx, &grant);
        return;
    }

    len = ngx_strlen(ctx->asked.name);

    if (ctx->conf->source == NGX_RTMP_PUBLISH_AUTH_CALLBACK
        && ctx->conf->when_down && len < sizeof(grant.channel))
    {
        ngx_memzero(&grant, sizeof(grant));
        ngx_memcpy(grant.channel, ctx->asked.name, len);
        ngx_rtmp_publish_auth_decide(ctx, &grant);
        return;
    }

    ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_UNAVAILABLE, 0);
}


/* --- the decision ----------------------------------------------------- */


/* What the ingest module and URLs take. */
static ngx_uint_t
ngx_rtmp_publish_auth_is_channel(const char *name)
{
    u_char       c;
    const char  *p;

    if (name[0] == '\0' || name[0] == '.') {
        return 0;
    }

    for (p = name; *p; p++) {
        c = (u_char) (*p | 0x20);

        if (!((c >= 'a' && c <= 'z') || (*p >= '0' && *p <= '9')
              || *p == '_' || *p == '.' || *p == '-'))
        {
            return 0;
        }
    }

    return (size_t) (p - name) <= OA_LIVE_CHANNEL_BYTES;
}


static void
ngx_rtmp_publish_auth_decide(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_grant_t *grant)
{
    ngx_rtmp_publish_auth_count(ctx, grant->flags & OA_GRANT_UNKNOWN);

    if (grant->flags & OA_GRANT_UNKNOWN) {
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_UNKNOWN, 0);
        return;
    }

    if (!ngx_rtmp_publish_auth_is_channel(grant->channel)) {
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_BAD_CHANNEL,
                                     0);
        return;
    }

    ctx->grant = *grant;

    if (grant->flags & OA_GRANT_BANNED) {
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_BANNED, 0);
        return;
    }

    if (grant->flags & OA_GRANT_NO_STREAM) {
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_NOT_ALLOWED,
                                     0);
        return;
    }

    if (ctx->named && ngx_strcmp(ctx->asked.name, grant->channel) != 0) {
        ngx_rtmp_publish_auth_refuse(ctx,
                                     NGX_RTMP_PUBLISH_AUTH_OTHER_CHANNEL, 0);
        return;
    }

    /* asked for again because of a ban, with the turn already taken */
    if (ctx->placed) {
        ngx_rtmp_publish_auth_go_live(ctx);
        return;
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_cpystrn(ctx->publish.name, (u_char *) grant->channel,
                NGX_RTMP_MAX_NAME);
    ngx_cpystrn(ctx->publish.args, (u_char *) (ctx->backup ? "backup=1" : ""),
                NGX_RTMP_MAX_ARGS);
    ngx_cpystrn(ctx->publish.type, ctx->asked.type,
                sizeof(ctx->publish.type));

    ctx->placed = 1;
    ngx_rtmp_publish_auth_turn_take(ctx);
}


void
ngx_rtmp_publish_auth_turn(ngx_rtmp_publish_auth_ctx_t *ctx, ngx_int_t rc)
{
    if (ctx->session->connection->destroyed || ctx->over) {
        return;
    }

    switch (rc) {

    case NGX_OK:

        /* a ban between the answer and the place in the roster */
        if (!ctx->standby && ngx_rtmp_publish_auth_overtaken(ctx)) {
            ngx_add_timer(&ctx->timer, ctx->conf->timeout);
            ngx_rtmp_publish_auth_look(ctx);
            return;
        }

        ngx_rtmp_publish_auth_go_live(ctx);
        return;

    case NGX_AGAIN:
        ctx->checking = 0;
        ctx->standby = 1;

        ngx_log_error(NGX_LOG_NOTICE, ctx->session->connection->log, 0,
                      "publish_auth: channel \"%s\": a backup stands by",
                      ctx->grant.channel);

        /* an encoder that is not told so does not send */
        (void) ngx_rtmp_send_status(ctx->session, "NetStream.Publish.Start",
                                    "status", "standing by");
        return;

    case NGX_BUSY:
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_ALREADY_LIVE,
                                     0);
        return;

    default:
        ngx_rtmp_publish_auth_refuse(ctx, NGX_RTMP_PUBLISH_AUTH_NO_ROOM, 0);
        return;
    }
}


static void
ngx_rtmp_publish_auth_go_live(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_rtmp_publish_t   v;
    ngx_rtmp_session_t  *s;

    s = ctx->session;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    v = ctx->publish;
    v.silent = ctx->standby;

    ctx->checking = 0;
    ctx->standby = 0;
    ctx->live = 1;

    if (ctx->conf->source == NGX_RTMP_PUBLISH_AUTH_DATABASE) {
        ngx_explicit_memzero(&ctx->asked, sizeof(ctx->asked));

    } else if (ctx->conf->recheck) {
        ngx_add_timer(&ctx->timer, ctx->conf->recheck);
    }

    ngx_rtmp_publish_auth_say_admitted(s, &ctx->grant);

    if (ngx_rtmp_publish(s, &v) == NGX_ERROR
        || ngx_rtmp_publish_auth_headers_replay(ctx) != NGX_OK)
    {
        ngx_rtmp_finalize_session(s);
    }
}


/* The status goes out at once; the connection closes from the event loop. */
static void
ngx_rtmp_publish_auth_refuse(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_rtmp_publish_auth_refusal_t refusal, uint32_t pause_ms)
{
    ngx_rtmp_publish_auth_cancel(ctx);
    ctx->over = 1;
    ctx->reason = OA_ROSTER_REFUSED;

    ngx_rtmp_publish_auth_say_refused(ctx->session, refusal,
                                      ctx->grant.channel, pause_ms);
    ngx_rtmp_finalize_session(ctx->session);
}


void
ngx_rtmp_publish_auth_end(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_roster_reason_t reason)
{
    if (ctx->over || ctx->session->connection->destroyed) {
        return;
    }

    ctx->over = 1;
    ctx->reason = reason;

    ngx_rtmp_publish_auth_say_ended(ctx->session, ctx->grant.channel, reason);
    ngx_rtmp_finalize_session(ctx->session);
}


/* --- time ------------------------------------------------------------- */


static void
ngx_rtmp_publish_auth_timer(ngx_event_t *ev)
{
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    ctx = ev->data;

    if (ctx->session->connection->destroyed || ctx->over) {
        return;
    }

    if (!ctx->live) {
        ngx_rtmp_publish_auth_unask(ctx);
        ngx_rtmp_publish_auth_unavailable(ctx);
        return;
    }

    if (ctx->question == NULL && ngx_rtmp_publish_auth_callback_ask(ctx)
                                 == NGX_OK)
    {
        return;
    }

    ngx_add_timer(&ctx->timer, ctx->conf->recheck);
}


/* A callback that is down ends nobody's stream. */
static void
ngx_rtmp_publish_auth_rechecked(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_grant_t *grant)
{
    if (grant && (grant->flags & OA_GRANT_UNKNOWN)) {
        ngx_rtmp_publish_auth_end(ctx, OA_ROSTER_REFUSED);
        return;
    }

    ngx_add_timer(&ctx->timer, ctx->conf->recheck);
}
