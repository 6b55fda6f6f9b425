
/*
 * Private to ngx_modules/core: what lies between ngx_onair_sql*.c, which know
 * queries, and the databases' own files, which know connections.
 */


#ifndef NGX_ONAIR_SQL_IMPL_H
#define NGX_ONAIR_SQL_IMPL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "core/ngx_onair_core.h"
#include "core/ngx_onair_resolve.h"
#include "core/ngx_onair_sql.h"


#define NGX_ONAIR_SQL_POOL_MAX   64
#define NGX_ONAIR_SQL_QUEUE_MAX  65536

typedef struct ngx_onair_sql_backend_s  ngx_onair_sql_backend_t;


typedef struct ngx_onair_sql_conf_s {
    const ngx_onair_sql_backend_t  *backend;
    ngx_str_t                       target;  /* path or conninfo; secret */
    void                           *data;    /* the backend's own */
    ngx_uint_t                      pool;
    ngx_uint_t                      queue;
    ngx_msec_t                      timeout;
    ngx_msec_t                      connect_timeout;
    struct ngx_thread_pool_s       *threads;
} ngx_onair_sql_conf_t;


/*
 * What is known of the server.  STARTING: nothing yet.  UP: it answers.
 * SUSPECT: a connection was lost or did not answer; queries wait while this
 * is looked into.  DOWN: it is gone; queries are refused.
 */
typedef enum {
    NGX_ONAIR_SQL_STARTING = 0,
    NGX_ONAIR_SQL_UP,
    NGX_ONAIR_SQL_SUSPECT,
    NGX_ONAIR_SQL_DOWN
} ngx_onair_sql_state_t;


struct ngx_onair_sql_query_s {
    ngx_queue_t             queue;           /* waiting, or of a connection */
    ngx_uint_t              statement;       /* see ngx_onair_sql_statement() */
    ngx_onair_sql_pt        handler;         /* NULL: cancelled or answered */
    void                   *ctx;
    int64_t                 deadline_ms;     /* monotonic */
    ngx_event_t             timer;
    volatile sig_atomic_t   cancelled;       /* threads may read it */
    unsigned                sent:1;          /* a connection has it */
    unsigned                prepares:1;      /* the connection's own notes */
    void                   *connection;
    ngx_uint_t              nvalues;
    ngx_onair_sql_value_t   values[];        /* their bytes lie behind; TEXT
                                                ends with a NUL */
};


/* The fields of a row lie side by side; data of NULL is NULL. */
struct ngx_onair_sql_result_s {
    ngx_uint_t   rows;
    ngx_uint_t   columns;
    ngx_uint_t   changed;
    ngx_str_t   *fields;
    unsigned     hex:1;                      /* bytes come as \x… */
};


/* pump and expire are called from the event loop, and may answer queries. */
struct ngx_onair_sql_backend_s {
    /*
     * At configuration time: checks conf->target, may change it.  What is
     * wrong is logged without showing a password.
     */
    ngx_int_t (*configure)(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf);

    ngx_int_t (*init)(ngx_cycle_t *cycle, ngx_onair_sql_conf_t *conf);
    void (*exit)(void);

    /* Queries wait: take what fits, by ngx_onair_sql_next(). */
    void (*pump)(void);

    /*
     * The deadline of a query that was sent is over: answers it, and frees it
     * now or later.
     */
    void (*expire)(ngx_onair_sql_query_t *query);
};


extern const ngx_onair_sql_backend_t  ngx_onair_sqlite;
extern const ngx_onair_sql_backend_t  ngx_onair_postgres;


/* The query that has waited longest, which is now sent; NULL: none waits. */
ngx_onair_sql_query_t *ngx_onair_sql_next(void);

/* Calls the handler unless that was done; the backend keeps the query. */
void ngx_onair_sql_answer(ngx_onair_sql_query_t *query,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);

/* Of an answered query. */
void ngx_onair_sql_free(ngx_onair_sql_query_t *query);

/* Has pump called, from the event loop. */
void ngx_onair_sql_pump(void);

/*
 * Sets the state and logs when it goes or comes back; why is for the log when
 * the state is DOWN.  DOWN answers those that wait.
 */
void ngx_onair_sql_state(ngx_onair_sql_state_t state, const char *why);
ngx_onair_sql_state_t ngx_onair_sql_state_now(void);

/* By its number below NGX_ONAIR_SQL_STATEMENTS. */
const ngx_onair_sql_statement_t *ngx_onair_sql_statement(ngx_uint_t i);

/*
 * A line in the log; of each kind, which is what, a static text, at most one
 * a second.
 */
void ngx_onair_sql_complain(ngx_uint_t level, const char *what,
    const char *why);

/*
 * What the schema's version, NULL when there is none, means for this build;
 * NULL: it is right.  Safe in any thread.
 */
const char *ngx_onair_sql_guard(const char *version);

/* The next pause of a row of failures: doubles to 5 s, 50 to 100% of it. */
ngx_msec_t ngx_onair_sql_back_off(ngx_uint_t failures);


/* For the core module. */
char *ngx_onair_sql_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_onair_sql_init_process(ngx_cycle_t *cycle);
void ngx_onair_sql_exit_process(void);


#endif /* NGX_ONAIR_SQL_IMPL_H */
