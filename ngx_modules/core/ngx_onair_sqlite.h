
/*
 * Private to ngx_onair_sqlite*.c:
 *
 *   _thread   what is done in a thread
 *   _rows     the rows of an answer, there too
 *
 * ngx_onair_sqlite.c is what runs on the event loop.
 */


#ifndef NGX_ONAIR_SQLITE_H
#define NGX_ONAIR_SQLITE_H


#include "core/ngx_onair_sql_impl.h"

#if (NGX_THREADS)

#include <ngx_thread_pool.h>

#include <sqlite3.h>


/* Grows in the thread; fields are offsets + 1 until it is complete. */
typedef struct {
    ngx_onair_sql_result_t   result;
    ngx_uint_t               nfields;        /* that there is room for */
    u_char                  *bytes;
    size_t                   len;
    size_t                   size;
} ngx_onair_sqlite_rows_t;


typedef struct {
    ngx_thread_task_t       *task;
    ngx_onair_sql_query_t   *query;          /* NULL: only to open */
    sqlite3                 *db;             /* NULL: it is not open */
    sqlite3_stmt            *statements[NGX_ONAIR_SQL_STATEMENTS];
    dev_t                    dev;
    ino_t                    ino;
    int64_t                  checked_ms;
    int64_t                  deadline_ms;
    ngx_onair_sql_status_t   status;
    ngx_onair_sqlite_rows_t  rows;
    char                     error[512];
    unsigned                 reading:1;      /* what changes nothing */
    unsigned                 failed:1;       /* no use of the file now */
    ngx_uint_t               busy;           /* the event loop's own */
} ngx_onair_sqlite_t;


typedef struct {
    ngx_onair_sql_conf_t    *conf;
    ngx_onair_sqlite_t      *connections;    /* conf->pool of them */
    ngx_event_t              retry;
    ngx_connection_t         dummy;
    ngx_uint_t               failures;
} ngx_onair_sqlite_worker_t;


extern ngx_onair_sqlite_worker_t  ngx_onair_sqlite_worker;


/*
 * Of a task, whose ctx is a pointer to the connection: opens the file unless
 * that is done, and runs connection->query, if any.  What came of it is in
 * the connection: status, rows, error and failed.
 */
void ngx_onair_sqlite_run(void *data, ngx_log_t *log);

/* Nothing when it is not open. */
void ngx_onair_sqlite_close(ngx_onair_sqlite_t *connection);

/* Adds the row that the statement is at.  NGX_ERROR: too large, no memory. */
ngx_int_t ngx_onair_sqlite_row(ngx_onair_sqlite_rows_t *rows,
    sqlite3_stmt *stmt);

/* There are no more: from now on fields have their addresses. */
void ngx_onair_sqlite_rows_complete(ngx_onair_sqlite_rows_t *rows);

/* Frees them. */
void ngx_onair_sqlite_rows_clear(ngx_onair_sqlite_rows_t *rows);


#endif


#endif /* NGX_ONAIR_SQLITE_H */
