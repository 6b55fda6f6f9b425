
/* Private to ngx_modules/core: Redis. */


#ifndef NGX_ONAIR_REDIS_IMPL_H
#define NGX_ONAIR_REDIS_IMPL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <hiredis/async.h>

#include "core/ngx_onair_redis.h"
#include "core/ngx_onair_resolve.h"


#if defined(__has_include)
#if __has_include(<hiredis/hiredis_ssl.h>)
#define NGX_ONAIR_REDIS_TLS  1
#endif
#endif


/* Of a back-off between rounds through all addresses. */
#define NGX_ONAIR_REDIS_BACKOFF_MIN_MS   100
#define NGX_ONAIR_REDIS_BACKOFF_MAX_MS   5000

/* Without a sign of life for so long, a connection is asked for one. */
#define NGX_ONAIR_REDIS_KEEPALIVE_MS     3000

/* Of what is not sent yet, and of one reply. */
#define NGX_ONAIR_REDIS_MAX_UNSENT       (8 * 1024 * 1024)
#define NGX_ONAIR_REDIS_MAX_REPLY        (16 * 1024 * 1024)

/* Of one command. */
#define NGX_ONAIR_REDIS_MAX_ARGS         64

#define NGX_ONAIR_REDIS_MAX_HOST         NGX_ONAIR_RESOLVE_NAME
#define NGX_ONAIR_REDIS_MAX_REASON       160
#define NGX_ONAIR_REDIS_MAX_ADDRESSES    32


/* Port 0: the host is the path of a unix socket. */
typedef struct {
    char        *host;
    in_port_t    port;
} ngx_onair_redis_address_t;


typedef struct ngx_onair_redis_conf_s {
    ngx_array_t  addresses;                  /* ngx_onair_redis_address_t */
    ngx_str_t    sentinel;                   /* master's name; empty: none */
    ngx_str_t    user;
    ngx_str_t    password;
    ngx_uint_t   db;
    ngx_uint_t   max_pending;
    ngx_msec_t   timeout;
    ngx_msec_t   connect_timeout;

    struct ngx_thread_pool_s  *threads;      /* for names; or NULL */

    ngx_flag_t   tls;
    ngx_str_t    tls_ca;                     /* empty: the system's */
    struct ssl_ctx_st  *tls_context;         /* NULL: no TLS */
} ngx_onair_redis_conf_t;


typedef struct ngx_onair_redis_link_s  ngx_onair_redis_link_t;

struct ngx_onair_redis_command_s {
    ngx_queue_t          queue;
    ngx_onair_redis_pt   handler;            /* NULL: cancelled */
    void                *ctx;
    ngx_msec_t           deadline;
    char                *text;               /* until it is sent */
    size_t               len;
};


typedef enum {
    NGX_ONAIR_REDIS_DOWN = 0,                /* waits for its next try */
    NGX_ONAIR_REDIS_SENTINEL,                /* asks who is master */
    NGX_ONAIR_REDIS_SERVER,                  /* reaches for the server */
    NGX_ONAIR_REDIS_READY
} ngx_onair_redis_state_t;


/* One connection, made again whenever it is lost. */
struct ngx_onair_redis_link_s {
    const ngx_onair_redis_conf_t  *conf;
    const char                    *what;     /* it is for; in log lines */
    void                         (*on_ready)(ngx_onair_redis_link_t *link);
    void                         (*on_lost)(ngx_onair_redis_link_t *link);

    ngx_onair_redis_state_t        state;
    redisAsyncContext             *redis;    /* NULL: none */
    ngx_onair_resolve_t           *resolving;
    struct ssl_st                 *ssl;      /* as long as redis */

    ngx_uint_t                     address;  /* number of the one in turn */
    ngx_uint_t                     failures; /* in a row */
    ngx_msec_t                     backoff;

    char                           host[NGX_ONAIR_REDIS_MAX_HOST + 1];
    in_port_t                      port;     /* 0: a unix socket */
    char                           reason[NGX_ONAIR_REDIS_MAX_REASON + 1];

    ngx_event_t                    timer;    /* next try, time-out, PING */
    ngx_connection_t               dummy;    /* of the timer, for logs */

    unsigned                       settled:1;   /* a first round is over */
    unsigned                       troubled:1;  /* and that was logged */
    unsigned                       heard:1;     /* since the last PING */
    unsigned                       pinged:1;
    unsigned                       unconfirmed:1;  /* a subscription */
};


/* --- ngx_onair_redis_conf.c --- */

/* NULL: no onair_redis */
const ngx_onair_redis_conf_t *ngx_onair_redis_conf(const ngx_cycle_t *cycle);

char *ngx_onair_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_onair_node_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* The host's name, unless one was told.  NGX_ERROR: no memory */
ngx_int_t ngx_onair_node_default(ngx_cycle_t *cycle, ngx_str_t *node);


/* --- ngx_onair_redis_event.c --- */

/*
 * Ties a connection of hiredis to the event loop.  On NGX_ERROR, which was
 * logged, the caller frees it.
 */
ngx_int_t ngx_onair_redis_attach(redisAsyncContext *redis, ngx_log_t *log);


/* --- ngx_onair_redis_tls.c --- */

/* Makes conf->tls_context.  On an error, which was logged: NGX_CONF_ERROR */
char *ngx_onair_redis_tls_configure(ngx_conf_t *cf,
    ngx_onair_redis_conf_t *conf);

/*
 * On link->redis, before anything is sent to link->host.  NULL, or why it
 * cannot be: static text.
 */
const char *ngx_onair_redis_tls_start(ngx_onair_redis_link_t *link);

/* What is wrong with the certificate; NULL: nothing.  Static text. */
const char *ngx_onair_redis_tls_reason(const ngx_onair_redis_link_t *link);


/* --- ngx_onair_redis_link.c --- */

/*
 * Starts to connect, at the next turn of the event loop.  The fields conf,
 * what, on_ready and on_lost are set, the others zero.
 */
void ngx_onair_redis_link_start(ngx_onair_redis_link_t *link, ngx_log_t *log);

/* Ends it, without a callback. */
void ngx_onair_redis_link_stop(ngx_onair_redis_link_t *link);

/*
 * Gives the connection up, logs the reason when it is news, and connects
 * again.  on_lost is called from inside.
 */
void ngx_onair_redis_link_fail(ngx_onair_redis_link_t *link,
    const char *reason);

/* What hiredis lost; called by the adapter. */
void ngx_onair_redis_link_lost(redisAsyncContext *redis);

/* The server has been greeted. */
void ngx_onair_redis_link_ready(ngx_onair_redis_link_t *link);

/* The sentinel has named the master, in host and port. */
void ngx_onair_redis_link_follow(ngx_onair_redis_link_t *link);


/* --- ngx_onair_redis_greet.c --- */

/*
 * Sends what comes first on a new connection, by the link's state.  It ends in
 * ngx_onair_redis_link_ready, _follow or _fail, from the event loop.
 * NGX_ERROR: hiredis did not take it.
 */
ngx_int_t ngx_onair_redis_greet(ngx_onair_redis_link_t *link);

/* PING, without an interest in the answer. */
void ngx_onair_redis_ping(ngx_onair_redis_link_t *link);


/* --- ngx_onair_redis.c --- */

ngx_int_t ngx_onair_redis_init_process(ngx_cycle_t *cycle);
void ngx_onair_redis_exit_process(ngx_cycle_t *cycle);


#endif /* NGX_ONAIR_REDIS_IMPL_H */
