
/* What is done in a thread: the file is opened, and queries run. */


#include "core/ngx_onair_sqlite.h"

#if (NGX_THREADS)


#define NGX_ONAIR_SQLITE_PROGRESS   4000     /* virtual machine's steps */
#define NGX_ONAIR_SQLITE_RECHECK_MS 1000     /* whether the file is the same */


/* --- opening -------------------------------------------------------- */


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


void
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
        return "does not exist: bring it back, or make a new one with "
               "\"onairctl migrate\"";
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


/* --- queries -------------------------------------------------------- */


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


void
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


#endif
