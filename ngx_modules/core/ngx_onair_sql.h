
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


/* The schema (sql/) that this build reads and writes; refuses any other. */
#define NGX_ONAIR_SCHEMA_VERSION  1

/* Bytes of all values of a query, and of all fields of a result. */
#define NGX_ONAIR_SQL_VALUES_MAX  (1024 * 1024)
#define NGX_ONAIR_SQL_RESULT_MAX  (16 * 1024 * 1024)

#define NGX_ONAIR_SQL_NVALUES_MAX  32
#define NGX_ONAIR_SQL_STATEMENTS   64        /* of all modules together */


typedef enum {
    NGX_ONAIR_SQL_OK = 0,
    NGX_ONAIR_SQL_UNAVAILABLE,       /* it was not sent; nothing was done */
    NGX_ONAIR_SQL_TIMEOUT,           /* sent, without an answer in time or at
                                        all; it may be done, or yet be done */
    NGX_ONAIR_SQL_CONFLICT,          /* a constraint does not allow it */
    NGX_ONAIR_SQL_ERROR              /* it failed, which was logged */
} ngx_onair_sql_status_t;


/*
 * A statement, prepared once a connection under its name; static.  The text
 * is what both databases understand, and one statement; parameters are $1,
 * $2 … in the order of their first use.  Where PostgreSQL cannot tell a
 * parameter's type: CAST($1 AS BIGINT).
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
 * Whether a query has a chance now: a connection stands and answers, or none
 * was tried yet.  False from the moment that a connection is lost or a query
 * got no answer until the server has answered anew.  A hint for choosing a
 * cached answer without waiting.
 */
ngx_uint_t ngx_onair_sql_available(void);

/*
 * Asks.  The values are copied.  Queries that are under way at the same time
 * may be carried out in any order: ask for what must come later in the handler
 * of what must come first.  handler may be NULL.
 *
 * NULL: the queue is full, there is no database, it is gone and has not come
 * back, or the values are too large; the handler is not called then, and it
 * is logged at a limited rate, except that it is gone, which was told once.
 */
ngx_onair_sql_query_t *ngx_onair_sql_query(
    const ngx_onair_sql_statement_t *statement,
    const ngx_onair_sql_value_t *values, ngx_uint_t nvalues,
    ngx_onair_sql_pt handler, void *ctx);

/*
 * The handler will not be called.  The statement may still be carried out.
 * Not for a query whose handler has been called, or is being called.
 */
void ngx_onair_sql_cancel(ngx_onair_sql_query_t *query);

/*
 * Rows that came back, and rows that an INSERT, UPDATE or DELETE changed (not
 * those that its triggers did); both with RETURNING.
 */
ngx_uint_t ngx_onair_sql_rows(const ngx_onair_sql_result_t *result);
ngx_uint_t ngx_onair_sql_changed(const ngx_onair_sql_result_t *result);

/*
 * A field; of NULL, and of one that is not there, 0 and "".  Text ends with a
 * NUL behind its length; of an integer it is its digits.
 */
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
