
/*
 * SQL without waiting: one interface, SQLite in nginx's thread pool or
 * PostgreSQL on the event loop ("onair_database").
 *
 * For worker processes after init_process.  Every answer comes from the event
 * loop, never from inside a call here; exactly one for each query that was
 * taken and not cancelled.
 */


#ifndef NGX_ONAIR_SQL_H
#define NGX_ONAIR_SQL_H


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_ONAIR_SQL_OK = 0,
    NGX_ONAIR_SQL_UNAVAILABLE,       /* no server; nothing was done */
    NGX_ONAIR_SQL_TIMEOUT,           /* no answer in time; may yet be done */
    NGX_ONAIR_SQL_CONFLICT,          /* a constraint does not allow it */
    NGX_ONAIR_SQL_ERROR              /* it failed, which was logged */
} ngx_onair_sql_status_t;


/*
 * A statement, prepared once a connection under its name; static.  The text
 * is what both databases understand; parameters are $1, $2 … in the order of
 * their first use.
 */
typedef struct {
    const char  *name;               /* [a-z0-9_]+, one text a name */
    const char  *text;
} ngx_onair_sql_statement_t;


typedef enum {
    NGX_ONAIR_SQL_NULL = 0,
    NGX_ONAIR_SQL_INTEGER,           /* 64 bits; booleans are 0 and 1 */
    NGX_ONAIR_SQL_TEXT,              /* UTF-8 without NUL */
    NGX_ONAIR_SQL_BYTES              /* BLOB, BYTEA */
} ngx_onair_sql_type_t;


typedef struct {
    ngx_onair_sql_type_t  type;
    int64_t               integer;
    ngx_str_t             bytes;     /* of TEXT and BYTES; copied at once */
} ngx_onair_sql_value_t;


typedef struct ngx_onair_sql_result_s  ngx_onair_sql_result_t;
typedef struct ngx_onair_sql_query_s   ngx_onair_sql_query_t;


/* result is NULL unless the status is OK, and is gone after the call. */
typedef void (*ngx_onair_sql_pt)(void *ctx, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result);


/* Whether the configuration names a database; at any time. */
ngx_uint_t ngx_onair_sql_configured(ngx_cycle_t *cycle);

/*
 * Whether a query has a chance now: a connection stands, or none was tried
 * yet.  A hint for choosing a cached answer without waiting.
 */
ngx_uint_t ngx_onair_sql_available(void);

/*
 * Asks.  The values are copied.  NULL: the queue is full, there is no
 * database, or the back-off after a lost server is not over; the handler is
 * not called then, and it is logged at a limited rate.
 */
ngx_onair_sql_query_t *ngx_onair_sql_query(
    const ngx_onair_sql_statement_t *statement,
    const ngx_onair_sql_value_t *values, ngx_uint_t nvalues,
    ngx_onair_sql_pt handler, void *ctx);

/* The handler will not be called.  The statement may still be carried out. */
void ngx_onair_sql_cancel(ngx_onair_sql_query_t *query);

/* Rows that came back, or that an INSERT, UPDATE or DELETE changed. */
ngx_uint_t ngx_onair_sql_rows(const ngx_onair_sql_result_t *result);
ngx_uint_t ngx_onair_sql_changed(const ngx_onair_sql_result_t *result);

/* A field; of NULL 0 and "".  Text ends with a NUL behind its length. */
ngx_uint_t ngx_onair_sql_is_null(const ngx_onair_sql_result_t *result,
    ngx_uint_t row, ngx_uint_t column);
int64_t ngx_onair_sql_integer(const ngx_onair_sql_result_t *result,
    ngx_uint_t row, ngx_uint_t column);
ngx_str_t ngx_onair_sql_text(const ngx_onair_sql_result_t *result,
    ngx_uint_t row, ngx_uint_t column);
/* BYTES, decoded; into a buffer of size bytes.  NGX_ERROR: it does not fit */
ngx_int_t ngx_onair_sql_bytes(const ngx_onair_sql_result_t *result,
    ngx_uint_t row, ngx_uint_t column, u_char *buf, size_t size, size_t *len);


#endif /* NGX_ONAIR_SQL_H */
