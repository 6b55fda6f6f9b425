
/*
 * hiredis on nginx's event loop.  Level-triggered: hiredis reads 16 KB a call
 * and does not tell whether there is more.
 */


#include "core/ngx_onair_redis_impl.h"

#include <hiredis/sds.h>


static void
ngx_onair_redis_read_handler(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    redisAsyncContext       *redis;
    ngx_onair_redis_link_t  *link;

    c = ev->data;
    redis = c->data;
    link = redis->data;

    if (link != NULL) {
        link->heard = 1;

        if (redis->c.reader->len > NGX_ONAIR_REDIS_MAX_REPLY) {
            ngx_onair_redis_link_fail(link, "the reply is too large");
            return;
        }
    }

    /* it may free redis, and c with it */
    redisAsyncHandleRead(redis);
}


static void
ngx_onair_redis_write_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    redisAsyncHandleWrite(c->data);
}


/*
 * An event that cannot be had is noticed by the time-outs; the log says why.
 */
static void
ngx_onair_redis_add(ngx_event_t *ev, ngx_int_t event)
{
    if (!ev->active && ngx_add_event(ev, event, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, 0,
                      "onair: no event for a connection to Redis");
    }
}


static void
ngx_onair_redis_add_read(void *data)
{
    ngx_onair_redis_add(((ngx_connection_t *) data)->read, NGX_READ_EVENT);
}


static void
ngx_onair_redis_add_write(void *data)
{
    ngx_onair_redis_add(((ngx_connection_t *) data)->write, NGX_WRITE_EVENT);
}


static void
ngx_onair_redis_remove(ngx_event_t *ev, ngx_int_t event)
{
    if (ev->active) {
        (void) ngx_del_event(ev, event, 0);
    }
}


static void
ngx_onair_redis_remove_read(void *data)
{
    ngx_onair_redis_remove(((ngx_connection_t *) data)->read, NGX_READ_EVENT);
}


static void
ngx_onair_redis_remove_write(void *data)
{
    ngx_onair_redis_remove(((ngx_connection_t *) data)->write,
                           NGX_WRITE_EVENT);
}


/* hiredis is about to close the socket and to free its context. */
static void
ngx_onair_redis_cleanup(void *data)
{
    ngx_connection_t   *c;
    redisAsyncContext  *redis;

    c = data;
    redis = c->data;

    ngx_onair_redis_remove_read(c);
    ngx_onair_redis_remove_write(c);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    if (redis->data != NULL) {
        ngx_onair_redis_link_lost(redis);
    }
}


ngx_int_t
ngx_onair_redis_attach(redisAsyncContext *redis, ngx_log_t *log)
{
    ngx_connection_t  *c;

    if (fcntl(redis->c.fd, F_SETFD, FD_CLOEXEC) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "fcntl(FD_CLOEXEC) failed");
    }

    c = ngx_get_connection(redis->c.fd, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = redis;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->read->handler = ngx_onair_redis_read_handler;
    c->write->handler = ngx_onair_redis_write_handler;

    redis->ev.addRead = ngx_onair_redis_add_read;
    redis->ev.delRead = ngx_onair_redis_remove_read;
    redis->ev.addWrite = ngx_onair_redis_add_write;
    redis->ev.delWrite = ngx_onair_redis_remove_write;
    redis->ev.cleanup = ngx_onair_redis_cleanup;
    redis->ev.data = c;

    return NGX_OK;
}
