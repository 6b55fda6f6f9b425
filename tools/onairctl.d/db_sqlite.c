
#include "ctl.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


/* How long to wait for other writers, which are servers at work. */
#define CTL_SQLITE_WAIT_MS  10000


static void ctl_sqlite_setup(sqlite3 *sqlite);
static void ctl_sqlite_script(void *connection, const char *text);


static void *
ctl_sqlite_open(const char *path, bool create)
{
    int       flags;
    sqlite3  *sqlite;

    flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);

    if (!create && access(path, F_OK) != 0) {
        ctl_fail(CTL_UNREACHABLE, "no database %s: %s (\"onairctl migrate\" "
                 "makes one)", path, strerror(errno));
    }

    if (sqlite3_open_v2(path, &sqlite, flags, NULL) != SQLITE_OK) {
        ctl_fail(CTL_UNREACHABLE, "cannot open the database %s: %s", path,
                 sqlite ? sqlite3_errmsg(sqlite) : "out of memory");
    }

    sqlite3_busy_timeout(sqlite, CTL_SQLITE_WAIT_MS);
    ctl_sqlite_setup(sqlite);

    return sqlite;
}


/*
 * WAL, so that servers read while somebody writes.  It stays in the file, and
 * changing to it does not wait for others as the busy time-out promises.
 */
static void
ctl_sqlite_setup(sqlite3 *sqlite)
{
    int  rc, tries;

    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);

    for (tries = 0; tries < CTL_SQLITE_WAIT_MS / 20; tries++) {
        rc = sqlite3_exec(sqlite, "PRAGMA journal_mode = WAL", NULL, NULL,
                          NULL);

        if (rc == SQLITE_OK) {
            return;
        }

        if (rc != SQLITE_BUSY && rc != SQLITE_LOCKED) {
            break;
        }

        usleep(20 * 1000);
    }

    ctl_fail(CTL_UNREACHABLE, "the database cannot be used: %s",
             sqlite3_errmsg(sqlite));
}


static void
ctl_sqlite_close(void *connection)
{
    sqlite3_close(connection);
}


static void
ctl_sqlite_script(void *connection, const char *text)
{
    if (sqlite3_exec(connection, text, NULL, NULL, NULL) != SQLITE_OK) {
        ctl_fail(CTL_UNREACHABLE, "the database says: %s",
                 sqlite3_errmsg(connection));
    }
}


/* The value of $number, which SQLite takes for a name. */
static int
ctl_sqlite_bind(sqlite3_stmt *statement, size_t number,
    const ctl_value_t *value)
{
    int   i;
    char  name[24];

    snprintf(name, sizeof(name), "$%zu", number);
    i = sqlite3_bind_parameter_index(statement, name);

    switch (value->type) {

    case CTL_INTEGER:
        return sqlite3_bind_int64(statement, i, value->integer);

    case CTL_TEXT:
        return sqlite3_bind_text(statement, i, value->data, -1, SQLITE_STATIC);

    case CTL_BYTES:
        return sqlite3_bind_blob(statement, i, value->data, (int) value->size,
                                 SQLITE_STATIC);

    default:
        return sqlite3_bind_null(statement, i);
    }
}


static int
ctl_sqlite_rows(sqlite3_stmt *statement, ctl_rows_t *rows)
{
    int  i, rc, ncolumns;

    ncolumns = sqlite3_column_count(statement);
    ctl_rows_init(rows, (size_t) ncolumns);

    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        for (i = 0; i < ncolumns; i++) {
            ctl_rows_add(rows,
                         (const char *) sqlite3_column_text(statement, i));
        }
    }

    return rc;
}


static bool
ctl_sqlite_query(void *connection, const char *sql, size_t nvalues,
    const ctl_value_t *values, ctl_rows_t *rows)
{
    int            rc;
    size_t         i;
    sqlite3_stmt  *statement;

    rc = sqlite3_prepare_v2(connection, sql, -1, &statement, NULL);

    for (i = 0; rc == SQLITE_OK && i < nvalues; i++) {
        rc = ctl_sqlite_bind(statement, i + 1, &values[i]);
    }

    if (rc == SQLITE_OK) {
        rc = ctl_sqlite_rows(statement, rows);
    }

    if (rc != SQLITE_DONE && (rc & 0xff) != SQLITE_CONSTRAINT) {
        ctl_fail(CTL_UNREACHABLE, "the database says: %s",
                 sqlite3_errmsg(connection));
    }

    sqlite3_finalize(statement);

    return rc == SQLITE_DONE;
}


const ctl_backend_t  ctl_sqlite = {
    .kind = "sqlite",
    .open = ctl_sqlite_open,
    .close = ctl_sqlite_close,
    .begin = "BEGIN IMMEDIATE",
    .script = ctl_sqlite_script,
    .query = ctl_sqlite_query,
};
