
/*
 * Redis without waiting, by hiredis on the event loop ("onair_redis"): one
 * connection for commands and one for subscriptions a worker.
 *
 * For worker processes after init_process.  Every answer comes from the event
 * loop, never from inside a call here.
 */


#ifndef NGX_ONAIR_REDIS_H
#define NGX_ONAIR_REDIS_H


#include <ngx_config.h>
#include <ngx_core.h>

#include <hiredis/hiredis.h>


/*
 * reply is NULL when there was no answer: the connection was lost or the time
 * was over (it may yet be done).  An error that Redis answered with is a
 * reply of type REDIS_REPLY_ERROR.  It is gone after the call.
 */
typedef void (*ngx_onair_redis_pt)(void *ctx, const redisReply *reply);

/* A message of a channel that this worker has subscribed to. */
typedef void (*ngx_onair_redis_message_pt)(void *ctx, const ngx_str_t *channel,
    const ngx_str_t *message);

typedef struct ngx_onair_redis_command_s  ngx_onair_redis_command_t;


/* Whether the configuration names a Redis; at any time. */
ngx_uint_t ngx_onair_redis_configured(ngx_cycle_t *cycle);

/* Whether the command connection stands and is authenticated. */
ngx_uint_t ngx_onair_redis_available(void);

/*
 * Sends a command of 1 to 64 arguments, which are copied.  None that changes
 * what a connection is (SUBSCRIBE, MONITOR) or makes it wait (BLPOP).  While
 * the first connection is being made commands wait for it.  NULL: no
 * connection, or the bound on commands under way is reached ("max_pending");
 * the handler is not called then.
 *
 * A worker that shuts down gracefully waits for answers under way; one that
 * ends otherwise calls no handler.  What was said until its end, also by
 * ngx_onair_on_exit(), is sent as far as the socket takes it at once.
 */
ngx_onair_redis_command_t *ngx_onair_redis_command(const ngx_str_t *args,
    ngx_uint_t nargs, ngx_onair_redis_pt handler, void *ctx);

/* The handler will not be called; Redis carries it out all the same. */
void ngx_onair_redis_cancel(ngx_onair_redis_command_t *command);

/*
 * Listens to a channel for as long as the worker lives, across reconnects
 * (what is published meanwhile is lost).  Call it from init_process or later.
 */
ngx_int_t ngx_onair_redis_subscribe(const ngx_str_t *channel,
    ngx_onair_redis_message_pt handler, void *ctx);

/*
 * 0 while the subscriptions do not stand; else a number that is another one
 * each time after they were lost.  So whoever remembers what messages would
 * take back knows when he may have missed one.
 */
ngx_uint_t ngx_onair_redis_listening(void);

/*
 * The name of this nginx among all ("onair_node"): the host's name unless
 * told.  Valid in every process.
 */
const ngx_str_t *ngx_onair_node(void);


#endif /* NGX_ONAIR_REDIS_H */
