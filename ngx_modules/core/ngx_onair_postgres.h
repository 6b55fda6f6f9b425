
/*
 * Private to ngx_onair_postgres*.c:
 *
 *   _target    where the server is, apart from what is said to it
 *   _connect   sockets on the event loop, and connecting
 *   _answer    what the server says
 *   _lost      how connections end, and how that is noticed
 *
 * ngx_onair_postgres.c sends queries, and is the backend for the others.
 */


#ifndef NGX_ONAIR_POSTGRES_H
#define NGX_ONAIR_POSTGRES_H


#include <libpq-fe.h>

#include "core/ngx_onair_sql_impl.h"


typedef enum {
    NGX_ONAIR_POSTGRES_CLOSED = 0,
    NGX_ONAIR_POSTGRES_CONNECTING,
    NGX_ONAIR_POSTGRES_GUARDING,             /* the guard is under way */
    NGX_ONAIR_POSTGRES_READY
} ngx_onair_postgres_phase_t;


typedef struct {
    ngx_onair_postgres_phase_t   phase;
    PGconn                      *pg;         /* NULL: CLOSED */
    ngx_connection_t            *c;          /* NULL: not registered */
    ngx_queue_t                  sent;       /* in the order of answers */
    ngx_uint_t                   nsent;
    PGresult                    *result;     /* of the first; NULL: none yet */
    ngx_event_t                  timer;      /* of the phase; READY: of life */
    ngx_msec_t                   heard;      /* last, or when it began to owe */
    unsigned                     probing:1;  /* an empty query is under way */
    unsigned                     retire:1;   /* no new queries */
    u_char                       prepared[NGX_ONAIR_SQL_STATEMENTS];
} ngx_onair_postgres_t;


typedef struct {
    ngx_onair_sql_conf_t        *conf;
    ngx_onair_postgres_t        *connections;      /* conf->pool of them */
    ngx_event_t                  retry;
    ngx_connection_t             dummy;
    ngx_uint_t                   failures;
} ngx_onair_postgres_worker_t;


/* error: NULL, or why no host has an address. */
typedef void (*ngx_onair_postgres_found_pt)(const char *error);


extern ngx_onair_postgres_worker_t  ngx_onair_postgres_worker;


/* --- _target ---------------------------------------------------------- */

/* Of ngx_onair_sql_backend_t. */
ngx_int_t ngx_onair_postgres_configure(ngx_conf_t *cf,
    ngx_onair_sql_conf_t *conf);

/*
 * Looks all names of hosts up; nothing when that is under way.  The handler
 * may be called from inside when there is none to look up.
 */
void ngx_onair_postgres_find(ngx_onair_sql_conf_t *conf,
    ngx_onair_postgres_found_pt handler);

/*
 * Starts a connection to what was found.  NULL: no memory.  It may be one
 * that has failed.
 */
PGconn *ngx_onair_postgres_dial(ngx_onair_sql_conf_t *conf);

/* The address that was tried first did not answer: the next one leads. */
void ngx_onair_postgres_rotate(void);


/* --- _connect --------------------------------------------------------- */

/* Takes the socket from the event loop; it is libpq that closes it. */
void ngx_onair_postgres_detach(ngx_onair_postgres_t *connection);

/* What to wait for from now on; reading is never given up. */
ngx_int_t ngx_onair_postgres_want(ngx_onair_postgres_t *connection,
    ngx_uint_t reading, ngx_uint_t writing);

/* Sends what libpq holds.  The connection may be lost afterwards. */
void ngx_onair_postgres_flush(ngx_onair_postgres_t *connection);

/* All that are closed; only one while the server is not known to answer. */
void ngx_onair_postgres_open_all(void);

/* Of the worker's timer: looks the server up and connects. */
void ngx_onair_postgres_retry_handler(ngx_event_t *ev);


/* --- _answer ---------------------------------------------------------- */

/* The socket is ready.  The connection may be lost afterwards. */
void ngx_onair_postgres_talk(ngx_onair_postgres_t *connection);

/* Whether nobody waits for an answer any more. */
ngx_uint_t ngx_onair_postgres_abandoned(ngx_onair_postgres_t *connection);


/* --- _lost ------------------------------------------------------------ */

/* Closes without a word; what was sent stays in its queue. */
void ngx_onair_postgres_close(ngx_onair_postgres_t *connection);

/*
 * A connection is over, however far it had come.  silent: the server did not
 * answer in time, so that the next attempt need not be made at once.  All
 * that were sent are answered; handlers may ask again from inside.
 */
void ngx_onair_postgres_lost(ngx_onair_postgres_t *connection,
    const char *why, ngx_uint_t silent);

/* No connection came of an attempt; the next one is planned. */
void ngx_onair_postgres_failed(const char *why);

/* What libpq says is wrong, in a line; until the next call. */
const char *ngx_onair_postgres_message(ngx_onair_postgres_t *connection);

/* From now on the server owes an answer within the time of a query. */
void ngx_onair_postgres_owes(ngx_onair_postgres_t *connection);

/*
 * Whether an answer is due for as long as a query may take, or nearly so: a
 * query's own timer may run out just before that of its connection.
 */
ngx_uint_t ngx_onair_postgres_silent(ngx_onair_postgres_t *connection);

/* Of a connection: too long connecting, without an answer or a query. */
void ngx_onair_postgres_timer(ngx_event_t *ev);


#endif /* NGX_ONAIR_POSTGRES_H */
