
/* A connection to Redis: reached, kept, lost and made again. */


#include "core/ngx_onair_redis_impl.h"


static void ngx_onair_redis_reach(ngx_onair_redis_link_t *link);


static ngx_onair_redis_address_t *
ngx_onair_redis_address(ngx_onair_redis_link_t *link)
{
    ngx_onair_redis_address_t  *addresses;

    addresses = link->conf->addresses.elts;

    return &addresses[link->address];
}


/* --- losing it ------------------------------------------------------- */


/* hiredis frees it now, or after the callback that it is in. */
static void
ngx_onair_redis_drop(ngx_onair_redis_link_t *link)
{
    redisAsyncContext  *redis;

    if (link->resolving != NULL) {
        ngx_onair_resolve_cancel(link->resolving);
        link->resolving = NULL;
    }

    redis = link->redis;

    if (redis != NULL) {
        link->redis = NULL;
        link->ssl = NULL;
        redis->data = NULL;
        redisAsyncFree(redis);
    }
}


/* Between half and all of it, so that workers do not come in step. */
static ngx_msec_t
ngx_onair_redis_backoff(ngx_onair_redis_link_t *link)
{
    ngx_msec_t  delay;

    delay = link->backoff / 2 + (ngx_msec_t) ngx_random() % (link->backoff / 2);
    link->backoff = ngx_min(2 * link->backoff, NGX_ONAIR_REDIS_BACKOFF_MAX_MS);

    return delay;
}


/*
 * One error an outage: when a connection is lost, or when no address has led
 * to one.  What else is tried meanwhile is news for the curious only.
 */
static void
ngx_onair_redis_complain(ngx_onair_redis_link_t *link, const char *reason,
    ngx_uint_t outage)
{
    ngx_uint_t  level;

    level = outage && !link->troubled ? NGX_LOG_ERR : NGX_LOG_INFO;

    if (outage) {
        link->troubled = 1;
    }

    if (link->port == 0) {
        ngx_log_error(level, link->timer.log, 0,
                      "onair: Redis at unix:%s (%s): %s; trying again",
                      link->host, link->what, reason);
        return;
    }

    ngx_log_error(level, link->timer.log, 0,
                  "onair: Redis at %s, port %ui (%s): %s; trying again",
                  link->host, (ngx_uint_t) link->port, link->what, reason);
}


void
ngx_onair_redis_link_fail(ngx_onair_redis_link_t *link, const char *reason)
{
    ngx_msec_t  delay;
    ngx_uint_t  outage;

    outage = 1;

    if (link->state != NGX_ONAIR_REDIS_READY) {
        link->failures++;
        link->address = (link->address + 1) % link->conf->addresses.nelts;
        outage = link->failures % link->conf->addresses.nelts == 0;
    }

    ngx_onair_redis_complain(link, reason, outage);

    delay = 1;

    if (outage) {
        link->settled = 1;
        delay = ngx_onair_redis_backoff(link);
    }

    link->state = NGX_ONAIR_REDIS_DOWN;
    ngx_add_timer(&link->timer, delay);

    ngx_onair_redis_drop(link);
    link->on_lost(link);
}


void
ngx_onair_redis_link_lost(redisAsyncContext *redis)
{
    char                     copy[NGX_ONAIR_REDIS_MAX_REASON + 1];
    const char              *reason;
    ngx_onair_redis_link_t  *link;

    link = redis->data;

    reason = ngx_onair_redis_tls_reason(link);
    if (reason == NULL) {
        reason = redis->err && redis->errstr[0] ? redis->errstr
                                                : "it was closed";
    }

    (void) ngx_cpystrn((u_char *) copy, (u_char *) reason, sizeof(copy));

    link->redis = NULL;
    link->ssl = NULL;
    ngx_onair_redis_link_fail(link, copy);
}


/* --- getting it ------------------------------------------------------ */


void
ngx_onair_redis_link_ready(ngx_onair_redis_link_t *link)
{
    ngx_log_error(NGX_LOG_INFO, link->timer.log, 0,
                  "onair: connected to Redis at %s%s (%s)",
                  link->port ? "" : "unix:", link->host, link->what);

    link->state = NGX_ONAIR_REDIS_READY;
    link->settled = 1;
    link->pinged = 0;
    link->unconfirmed = 0;
    link->failures = 0;
    ngx_add_timer(&link->timer, NGX_ONAIR_REDIS_KEEPALIVE_MS);

    link->on_ready(link);
}


void
ngx_onair_redis_link_follow(ngx_onair_redis_link_t *link)
{
    ngx_onair_redis_drop(link);

    link->state = NGX_ONAIR_REDIS_SERVER;
    ngx_onair_redis_reach(link);
}


/* hiredis would resolve a name, blocking: only numeric addresses come here. */
static void
ngx_onair_redis_open(ngx_onair_redis_link_t *link, const char *address)
{
    const char         *reason;
    redisAsyncContext  *redis;

    redis = link->port == 0 ? redisAsyncConnectUnix(address)
                            : redisAsyncConnect(address, link->port);
    if (redis == NULL) {
        ngx_onair_redis_link_fail(link, "no memory");
        return;
    }

    if (redis->err) {
        (void) ngx_cpystrn((u_char *) link->reason, (u_char *) redis->errstr,
                           sizeof(link->reason));
        redisAsyncFree(redis);
        ngx_onair_redis_link_fail(link, link->reason);
        return;
    }

    if (ngx_onair_redis_attach(redis, link->timer.log) != NGX_OK) {
        redisAsyncFree(redis);
        ngx_onair_redis_link_fail(link, "no free connection");
        return;
    }

    redis->data = link;
    link->redis = redis;

    reason = link->conf->tls ? ngx_onair_redis_tls_start(link) : NULL;
    if (reason != NULL) {
        ngx_onair_redis_link_fail(link, reason);
        return;
    }

    if (ngx_onair_redis_greet(link) != NGX_OK) {
        ngx_onair_redis_link_fail(link, "no memory");
    }
}


/* With every round through all names another one of their addresses. */
static void
ngx_onair_redis_resolved(void *ctx, const ngx_str_t *addrs,
    ngx_uint_t naddrs, const char *error)
{
    ngx_uint_t               n;
    ngx_onair_redis_link_t  *link;

    link = ctx;
    link->resolving = NULL;

    if (naddrs == 0) {
        ngx_onair_redis_link_fail(link, error);
        return;
    }

    n = link->failures / link->conf->addresses.nelts % naddrs;
    ngx_onair_redis_open(link, (const char *) addrs[n].data);
}


/* To link->host and link->port. */
static void
ngx_onair_redis_reach(ngx_onair_redis_link_t *link)
{
    if (link->port == 0 || ngx_onair_is_address(link->host)) {
        ngx_onair_redis_open(link, link->host);
        return;
    }

    link->resolving = ngx_onair_resolve(link->conf->threads, link->host,
                                        ngx_onair_redis_resolved, link);

    if (link->resolving == NULL) {
        ngx_onair_redis_link_fail(link, "its name cannot be looked up now");
    }
}


static void
ngx_onair_redis_try(ngx_onair_redis_link_t *link)
{
    ngx_onair_redis_address_t  *address;

    address = ngx_onair_redis_address(link);

    (void) ngx_cpystrn((u_char *) link->host, (u_char *) address->host,
                       sizeof(link->host));
    link->port = address->port;
    link->state = link->conf->sentinel.len ? NGX_ONAIR_REDIS_SENTINEL
                                           : NGX_ONAIR_REDIS_SERVER;

    ngx_add_timer(&link->timer, link->conf->connect_timeout);
    ngx_onair_redis_reach(link);
}


/* --- keeping it ------------------------------------------------------ */


/* It lasts: the next loss is another outage. */
static void
ngx_onair_redis_trust(ngx_onair_redis_link_t *link)
{
    link->backoff = NGX_ONAIR_REDIS_BACKOFF_MIN_MS;

    if (link->troubled) {
        link->troubled = 0;
        ngx_log_error(NGX_LOG_NOTICE, link->timer.log, 0,
                      "onair: Redis at %s%s (%s) is back",
                      link->port ? "" : "unix:", link->host, link->what);
    }
}


static void
ngx_onair_redis_keepalive(ngx_onair_redis_link_t *link)
{
    if (link->pinged && !link->heard) {
        ngx_onair_redis_link_fail(link, "it gives no sign of life");
        return;
    }

    if (link->pinged && link->unconfirmed) {
        /* hiredis does not tell of an error while subscribed */
        ngx_onair_redis_link_fail(link, "it does not confirm a subscription; "
                                  "may the user subscribe?");
        return;
    }

    if (link->pinged) {
        ngx_onair_redis_trust(link);
        link->pinged = 0;
        ngx_add_timer(&link->timer, NGX_ONAIR_REDIS_KEEPALIVE_MS);
        return;
    }

    link->pinged = 1;
    link->heard = 0;
    ngx_onair_redis_ping(link);
    ngx_add_timer(&link->timer, link->conf->timeout);
}


static void
ngx_onair_redis_timer(ngx_event_t *ev)
{
    ngx_connection_t        *dummy;
    ngx_onair_redis_link_t  *link;

    dummy = ev->data;
    link = dummy->data;

    switch (link->state) {

    case NGX_ONAIR_REDIS_DOWN:
        ngx_onair_redis_try(link);
        break;

    case NGX_ONAIR_REDIS_READY:
        ngx_onair_redis_keepalive(link);
        break;

    default:
        ngx_onair_redis_link_fail(link, link->resolving
                                  ? "its name was not resolved in time"
                                  : "no answer in time");
    }
}


void
ngx_onair_redis_link_start(ngx_onair_redis_link_t *link, ngx_log_t *log)
{
    link->backoff = NGX_ONAIR_REDIS_BACKOFF_MIN_MS;
    link->dummy.fd = (ngx_socket_t) -1;
    link->dummy.data = link;

    link->timer.handler = ngx_onair_redis_timer;
    link->timer.data = &link->dummy;
    link->timer.log = log;
    link->timer.cancelable = 1;

    ngx_add_timer(&link->timer, 1);
}


void
ngx_onair_redis_link_stop(ngx_onair_redis_link_t *link)
{
    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    link->state = NGX_ONAIR_REDIS_DOWN;
    ngx_onair_redis_drop(link);
}
