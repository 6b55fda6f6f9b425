
/*
 * SQLite: every call but those of a worker's exit is made in nginx's thread
 * pool, one task at a time for each connection.  While a task is under way
 * its connection belongs to the thread, but for "busy" and "query".
 */


#include "core/ngx_onair_sql_impl.h"

#if (NGX_THREADS)

#include <ngx_thread_pool.h>

#include <sqlite3.h>


#define NGX_ONAIR_SQLITE_PROGRESS   4000     /* virtual machine's steps */
#define NGX_ONAIR_SQLITE_RECHECK_MS 1000     /* whether the file is the same */


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


static ngx_onair_sqlite_worker_t  ngx_onair_sqlite_worker;


/* --- in a thread: the result ----------------------------------------- */


static void
ngx_onair_sqlite_rows_clear(ngx_onair_sqlite_rows_t *rows)
{
    free(rows->result.fields);
    free(rows->bytes);
    ngx_memzero(rows, sizeof(ngx_onair_sqlite_rows_t));
}


static ngx_int_t
ngx_onair_sqlite_rows_grow(ngx_onair_sqlite_rows_t *rows, size_t len)
{
    size_t      size;
    u_char     *bytes;
    ngx_str_t  *fields;
    ngx_uint_t  n;

    n = (rows->result.rows + 1) * rows->result.columns;

    if (n > rows->nfields) {
        n = ngx_max(n, 2 * rows->nfields);
        fields = realloc(rows->result.fields, n * sizeof(ngx_str_t));
        if (fields == NULL) {
            return NGX_ERROR;
        }

        rows->result.fields = fields;
        rows->nfields = n;
    }

    if (rows->len + len > rows->size) {
        size = ngx_max(rows->len + len, 2 * rows->size);
        bytes = realloc(rows->bytes, size);
        if (bytes == NULL) {
            return NGX_ERROR;
        }

        rows->bytes = bytes;
        rows->size = size;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_onair_sqlite_field(ngx_onair_sqlite_rows_t *rows, sqlite3_stmt *stmt,
    ngx_uint_t column)
{
    size_t       len;
    ngx_str_t   *field;
    const void  *data;

    data = NULL;

    switch (sqlite3_column_type(stmt, (int) column)) {
    case SQLITE_NULL:
        break;
    case SQLITE_BLOB:
        data = sqlite3_column_blob(stmt, (int) column);
        break;
    default:
        data = sqlite3_column_text(stmt, (int) column);
        if (data == NULL) {
            return NGX_ERROR;
        }
    }

    len = (size_t) sqlite3_column_bytes(stmt, (int) column);

    if (rows->len + len + 1 + (rows->nfields + 1) * sizeof(ngx_str_t)
            > NGX_ONAIR_SQL_RESULT_MAX
        || ngx_onair_sqlite_rows_grow(rows, len + 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    field = &rows->result.fields[rows->result.rows * rows->result.columns
                                 + column];
    field->len = len;
    field->data = NULL;

    if (sqlite3_column_type(stmt, (int) column) == SQLITE_NULL) {
        return NGX_OK;
    }

    field->data = (u_char *) (rows->len + 1);

    if (len) {
        ngx_memcpy(rows->bytes + rows->len, data, len);
    }

    rows->bytes[rows->len + len] = '\0';
    rows->len += len + 1;

    return NGX_OK;
}


static ngx_int_t
ngx_onair_sqlite_row(ngx_onair_sqlite_rows_t *rows, sqlite3_stmt *stmt)
{
    ngx_uint_t  i;

    rows->result.columns = (ngx_uint_t) sqlite3_column_count(stmt);

    for (i = 0; i < rows->result.columns; i++) {
        if (ngx_onair_sqlite_field(rows, stmt, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rows->result.rows++;

    return NGX_OK;
}


static void
ngx_onair_sqlite_rows_complete(ngx_onair_sqlite_rows_t *rows)
{
    ngx_str_t   *field;
    ngx_uint_t   i;

    for (i = 0; i < rows->result.rows * rows->result.columns; i++) {
        field = &rows->result.fields[i];

        if (field->data != NULL) {
            field->data = rows->bytes + ((uintptr_t) field->data - 1);
        }
    }
}


/* --- in a thread: opening -------------------------------------------- */


static int
ngx_onair_sqlite_over(void *data)
{
    ngx_onair_sqlite_t  *connection;

    connection = data;

    if (connection->reading && connection->query->cancelled) {
        return 1;
    }

    /* a worker that is told to end does not wait for a statement */
    return ngx_terminate || ngx_onair_now_ms() >= connection->deadline_ms;
}


static int
ngx_onair_sqlite_wait(void *data, int n)
{
    if (ngx_onair_sqlite_over(data)) {
        return 0;
    }

    ngx_msleep(n < 4 ? 1 : n < 10 ? 5 : 20);

    return 1;
}


static void
ngx_onair_sqlite_close(ngx_onair_sqlite_t *connection)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ONAIR_SQL_STATEMENTS; i++) {
        (void) sqlite3_finalize(connection->statements[i]);
        connection->statements[i] = NULL;
    }

    (void) sqlite3_close_v2(connection->db);
    connection->db = NULL;
}


/* Why is printed; the file cannot be used now. */
static void
ngx_onair_sqlite_fail(ngx_onair_sqlite_t *connection, const char *why)
{
    (void) ngx_snprintf((u_char *) connection->error,
                        sizeof(connection->error) - 1, "\"%s\" %s%Z",
                        ngx_onair_sqlite_worker.conf->target.data, why);

    connection->failed = 1;
    connection->status = NGX_ONAIR_SQL_UNAVAILABLE;
    ngx_onair_sqlite_close(connection);
}


static const char *
ngx_onair_sqlite_reason(int rc, const char *otherwise)
{
    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        return "is no SQLite database";
    case SQLITE_CORRUPT:
        return "is damaged: restore it from a backup";
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return "or its directory cannot be written by the workers' user "
               "(see \"user\")";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "is locked by another program";
    default:
        return otherwise;
    }
}


static int
ngx_onair_sqlite_exec(ngx_onair_sqlite_t *connection, const char *sql)
{
    int  rc;

    /* a change of the journal's mode does not ask the busy handler */
    do {
        rc = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
    } while ((rc & 0xff) == SQLITE_BUSY
             && ngx_onair_sqlite_wait(connection, 10));

    return rc;
}


static int
ngx_onair_sqlite_version(ngx_onair_sqlite_t *connection, const char **why)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = sqlite3_prepare_v2(connection->db,
                            "SELECT max(version) FROM schema_version", -1,
                            &stmt, NULL);
    if ((rc & 0xff) == SQLITE_ERROR) {
        /* there is no such table */
        *why = ngx_onair_sql_guard(NULL);
        return SQLITE_OK;
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *why = ngx_onair_sql_guard((const char *)
                                       sqlite3_column_text(stmt, 0));
        rc = SQLITE_OK;
    }

    (void) sqlite3_finalize(stmt);

    return rc;
}


static const char *
ngx_onair_sqlite_no_file(ngx_err_t err)
{
    switch (err) {
    case NGX_ENOENT:
        return "does not exist: run \"onairctl migrate\"";
    case NGX_EACCES:
        return ngx_onair_sqlite_reason(SQLITE_PERM, NULL);
    default:
        return "cannot be reached";
    }
}


/* Never makes a file: an empty one would only hide what is missing. */
static void
ngx_onair_sqlite_open(ngx_onair_sqlite_t *connection)
{
    int          rc;
    const char  *path, *why;
    struct stat  sb;

    path = (const char *) ngx_onair_sqlite_worker.conf->target.data;

    if (stat(path, &sb) == -1) {
        ngx_onair_sqlite_fail(connection, ngx_onair_sqlite_no_file(ngx_errno));
        return;
    }

    why = NULL;
    connection->dev = sb.st_dev;
    connection->ino = sb.st_ino;
    connection->checked_ms = ngx_onair_now_ms();

    rc = sqlite3_open_v2(path, &connection->db, SQLITE_OPEN_READWRITE
                         | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                         NULL);
    if (rc == SQLITE_OK) {
        (void) sqlite3_extended_result_codes(connection->db, 1);
        (void) sqlite3_busy_handler(connection->db, ngx_onair_sqlite_wait,
                                    connection);
        sqlite3_progress_handler(connection->db, NGX_ONAIR_SQLITE_PROGRESS,
                                 ngx_onair_sqlite_over, connection);

        rc = ngx_onair_sqlite_exec(connection,
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = NORMAL;"
                                   "PRAGMA foreign_keys = ON");
    }

    if (rc == SQLITE_OK) {
        rc = ngx_onair_sqlite_version(connection, &why);
    }

    if (rc != SQLITE_OK) {
        why = ngx_onair_sqlite_reason(rc, sqlite3_errstr(rc));
    }

    if (why != NULL) {
        ngx_onair_sqlite_fail(connection, why);
    }
}


/* A file that was moved away or replaced must not be written any more. */
static void
ngx_onair_sqlite_recheck(ngx_onair_sqlite_t *connection)
{
    int64_t      now_ms;
    struct stat  sb;

    now_ms = ngx_onair_now_ms();

    if (connection->db == NULL
        || now_ms - connection->checked_ms < NGX_ONAIR_SQLITE_RECHECK_MS)
    {
        return;
    }

    connection->checked_ms = now_ms;

    if (stat((char *) ngx_onair_sqlite_worker.conf->target.data, &sb) == -1
        || sb.st_dev != connection->dev || sb.st_ino != connection->ino)
    {
        ngx_onair_sqlite_close(connection);
    }
}


/* --- in a thread: queries -------------------------------------------- */


static void
ngx_onair_sqlite_error(ngx_onair_sqlite_t *connection, int rc)
{
    const ngx_onair_sql_statement_t  *statement;

    statement = ngx_onair_sql_statement(connection->query->statement);

    switch (rc & 0xff) {

    case SQLITE_CONSTRAINT:
        connection->status = NGX_ONAIR_SQL_CONFLICT;
        return;

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        connection->status = NGX_ONAIR_SQL_TIMEOUT;
        return;

    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
        ngx_onair_sqlite_fail(connection, ngx_onair_sqlite_reason(rc, ""));
        return;
    }

    connection->status = NGX_ONAIR_SQL_ERROR;
    (void) ngx_snprintf((u_char *) connection->error,
                        sizeof(connection->error) - 1, "%s: %s%Z",
                        statement->name, sqlite3_errmsg(connection->db));

    if ((rc & 0xff) == SQLITE_IOERR) {
        ngx_onair_sqlite_close(connection);
    }
}


static int
ngx_onair_sqlite_bind_value(sqlite3_stmt *stmt, int at,
    const ngx_onair_sql_value_t *value)
{
    switch (value->type) {
    case NGX_ONAIR_SQL_INTEGER:
        return sqlite3_bind_int64(stmt, at, value->integer);
    case NGX_ONAIR_SQL_TEXT:
        return sqlite3_bind_text(stmt, at, (char *) value->bytes.data,
                                 (int) value->bytes.len, SQLITE_STATIC);
    case NGX_ONAIR_SQL_BYTES:
        return sqlite3_bind_blob(stmt, at, value->bytes.data,
                                 (int) value->bytes.len, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, at);
    }
}


/* SQLite reads $1 as a parameter named so. */
static int
ngx_onair_sqlite_bind(sqlite3_stmt *stmt, const ngx_onair_sql_query_t *query)
{
    int         rc, at;
    char        name[sizeof("$") + NGX_INT_T_LEN];
    ngx_uint_t  i;

    rc = sqlite3_bind_parameter_count(stmt) == (int) query->nvalues
         ? SQLITE_OK : SQLITE_RANGE;

    for (i = 0; rc == SQLITE_OK && i < query->nvalues; i++) {
        (void) ngx_sprintf((u_char *) name, "$%ui%Z", i + 1);

        at = sqlite3_bind_parameter_index(stmt, name);
        rc = ngx_onair_sqlite_bind_value(stmt, at, &query->values[i]);
    }

    return rc;
}


static int
ngx_onair_sqlite_statement(ngx_onair_sqlite_t *connection,
    sqlite3_stmt **stmt)
{
    int                               rc;
    ngx_uint_t                        i;
    const ngx_onair_sql_statement_t  *statement;

    i = connection->query->statement;

    if (connection->statements[i] == NULL) {
        statement = ngx_onair_sql_statement(i);
        rc = sqlite3_prepare_v3(connection->db, statement->text, -1,
                                SQLITE_PREPARE_PERSISTENT,
                                &connection->statements[i], NULL);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    *stmt = connection->statements[i];

    return *stmt ? SQLITE_OK : SQLITE_MISUSE;
}


static void
ngx_onair_sqlite_execute(ngx_onair_sqlite_t *connection)
{
    int                       rc;
    sqlite3_stmt             *stmt;
    ngx_onair_sqlite_rows_t  *rows;

    rows = &connection->rows;
    stmt = NULL;

    rc = ngx_onair_sqlite_statement(connection, &stmt);
    if (rc == SQLITE_OK) {
        rc = ngx_onair_sqlite_bind(stmt, connection->query);
    }

    if (rc == SQLITE_OK) {
        connection->reading = sqlite3_stmt_readonly(stmt) != 0;

        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            if (ngx_onair_sqlite_row(rows, stmt) != NGX_OK) {
                rc = SQLITE_TOOBIG;
                break;
            }
        }
    }

    if (rc == SQLITE_DONE) {
        connection->status = NGX_ONAIR_SQL_OK;
        ngx_onair_sqlite_rows_complete(rows);

        if (!sqlite3_stmt_readonly(stmt)) {
            rows->result.changed = (ngx_uint_t)
                                       sqlite3_changes(connection->db);
        }
    }

    connection->reading = 0;

    if (stmt != NULL) {
        (void) sqlite3_reset(stmt);
        (void) sqlite3_clear_bindings(stmt);
    }

    if (rc != SQLITE_DONE) {
        ngx_onair_sqlite_error(connection, rc);
    }
}


static void
ngx_onair_sqlite_run(void *data, ngx_log_t *log)
{
    ngx_onair_sqlite_t  *connection;

    (void) log;

    connection = *(ngx_onair_sqlite_t **) data;
    connection->failed = 0;
    connection->error[0] = '\0';

    if (connection->query != NULL
        && ngx_onair_sqlite_over(connection))
    {
        connection->status = NGX_ONAIR_SQL_TIMEOUT;
        return;
    }

    ngx_onair_sqlite_recheck(connection);

    if (connection->db == NULL) {
        ngx_onair_sqlite_open(connection);
    }

    if (connection->db != NULL && connection->query != NULL) {
        ngx_onair_sqlite_execute(connection);
    }
}


/* --- on the event loop ----------------------------------------------- */


/* query is NULL: only to open the file. */
static ngx_int_t
ngx_onair_sqlite_post(ngx_onair_sqlite_t *connection,
    ngx_onair_sql_query_t *query)
{
    ngx_onair_sql_conf_t  *conf;

    conf = ngx_onair_sqlite_worker.conf;

    connection->query = query;
    connection->deadline_ms = query ? query->deadline_ms
                                    : ngx_onair_now_ms()
                                          + (int64_t) conf->connect_timeout;

    if (ngx_thread_task_post(conf->threads, connection->task) != NGX_OK) {
        connection->query = NULL;
        return NGX_ERROR;
    }

    connection->busy = 1;

    return NGX_OK;
}


static void
ngx_onair_sqlite_retry(void)
{
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    if (!worker->retry.timer_set) {
        ngx_add_timer(&worker->retry,
                      ngx_onair_sql_back_off(worker->failures++));
    }
}


static void
ngx_onair_sqlite_retry_handler(ngx_event_t *ev)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_worker_t  *worker;

    (void) ev;

    worker = &ngx_onair_sqlite_worker;

    for (i = 0; i < worker->conf->pool; i++) {
        if (worker->connections[i].busy) {
            continue;
        }

        if (ngx_onair_sqlite_post(&worker->connections[i], NULL) == NGX_OK) {
            return;
        }

        break;
    }

    ngx_onair_sqlite_retry();
}


static void
ngx_onair_sqlite_pump(void)
{
    ngx_uint_t                  i;
    ngx_onair_sql_query_t      *query;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    for (i = 0; i < worker->conf->pool; i++) {
        if (worker->connections[i].busy) {
            continue;
        }

        query = ngx_onair_sql_next();
        if (query == NULL) {
            return;
        }

        if (ngx_onair_sqlite_post(&worker->connections[i], query) != NGX_OK) {
            ngx_onair_sql_answer(query, NGX_ONAIR_SQL_UNAVAILABLE, NULL);
            ngx_onair_sql_free(query);
        }
    }
}


static void
ngx_onair_sqlite_outcome(ngx_onair_sqlite_t *connection)
{
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    if (connection->failed) {
        ngx_onair_sql_state(NGX_ONAIR_SQL_DOWN, connection->error);
        ngx_onair_sqlite_retry();
        return;
    }

    if (connection->error[0] != '\0') {
        ngx_onair_sql_complain(NGX_LOG_ERR, "a query failed",
                               connection->error);

    } else if (connection->query != NULL) {
        worker->failures = 0;
    }

    if (ngx_onair_sql_state_now() != NGX_ONAIR_SQL_UP
        && connection->db != NULL)
    {
        ngx_onair_sql_state(NGX_ONAIR_SQL_UP, NULL);
    }
}


static void
ngx_onair_sqlite_done(ngx_event_t *ev)
{
    ngx_onair_sqlite_t      *connection;
    ngx_onair_sql_query_t   *query;
    ngx_onair_sql_status_t   status;
    ngx_onair_sqlite_rows_t  rows;

    connection = ev->data;

    ngx_onair_sqlite_outcome(connection);

    /* the handler may ask again: the connection is free before */
    query = connection->query;
    status = connection->status;
    rows = connection->rows;

    connection->query = NULL;
    connection->busy = 0;
    ngx_memzero(&connection->rows, sizeof(ngx_onair_sqlite_rows_t));

    if (query != NULL) {
        ngx_onair_sql_answer(query, status, &rows.result);
        ngx_onair_sql_free(query);
    }

    ngx_onair_sqlite_rows_clear(&rows);
    ngx_onair_sql_pump();
}


/* The thread still has it; that no thread comes back tells of a sick disk. */
static void
ngx_onair_sqlite_expire(ngx_onair_sql_query_t *query)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_t         *connection;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    ngx_onair_sql_answer(query, NGX_ONAIR_SQL_TIMEOUT, NULL);

    for (i = 0; i < worker->conf->pool; i++) {
        connection = &worker->connections[i];

        if (!connection->busy
            || (connection->query != NULL
                && connection->query->timer.timer_set))
        {
            return;
        }
    }

    if (ngx_onair_sql_state_now() == NGX_ONAIR_SQL_UP) {
        ngx_onair_sql_state(NGX_ONAIR_SQL_SUSPECT, NULL);
    }
}


static ngx_int_t
ngx_onair_sqlite_init(ngx_cycle_t *cycle, ngx_onair_sql_conf_t *conf)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_t         *connection;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;
    worker->conf = conf;

    worker->connections = ngx_pcalloc(cycle->pool,
                                      conf->pool
                                      * sizeof(ngx_onair_sqlite_t));
    if (worker->connections == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->pool; i++) {
        connection = &worker->connections[i];

        connection->task = ngx_thread_task_alloc(cycle->pool,
                                                 sizeof(connection));
        if (connection->task == NULL) {
            return NGX_ERROR;
        }

        *(ngx_onair_sqlite_t **) connection->task->ctx = connection;
        connection->task->handler = ngx_onair_sqlite_run;
        connection->task->event.handler = ngx_onair_sqlite_done;
        connection->task->event.data = connection;
        connection->task->event.log = cycle->log;
    }

    worker->dummy.fd = (ngx_socket_t) -1;
    worker->retry.handler = ngx_onair_sqlite_retry_handler;
    worker->retry.data = &worker->dummy;
    worker->retry.log = cycle->log;
    worker->retry.cancelable = 1;

    if (ngx_onair_sqlite_post(&worker->connections[0], NULL) != NGX_OK) {
        ngx_onair_sqlite_retry();
    }

    return NGX_OK;
}


/* The thread pool, a module before this one, has ended all tasks by now. */
static void
ngx_onair_sqlite_exit(void)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    for (i = 0; i < worker->conf->pool; i++) {
        ngx_onair_sqlite_close(&worker->connections[i]);
        ngx_onair_sqlite_rows_clear(&worker->connections[i].rows);
    }
}


static ngx_int_t
ngx_onair_sqlite_configure(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf)
{
    if (conf->target.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"onair_database\": no path in \"sqlite:\"");
        return NGX_ERROR;
    }

    return ngx_get_full_name(cf->pool, (ngx_str_t *) &cf->cycle->prefix,
                             &conf->target);
}


#else

static ngx_int_t
ngx_onair_sqlite_configure(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf)
{
    (void) cf;
    (void) conf;

    return NGX_ERROR;
}

#define ngx_onair_sqlite_init    NULL
#define ngx_onair_sqlite_exit    NULL
#define ngx_onair_sqlite_pump    NULL
#define ngx_onair_sqlite_expire  NULL

#endif


const ngx_onair_sql_backend_t  ngx_onair_sqlite = {
    ngx_onair_sqlite_configure,
    ngx_onair_sqlite_init,
    ngx_onair_sqlite_exit,
    ngx_onair_sqlite_pump,
    ngx_onair_sqlite_expire
};
