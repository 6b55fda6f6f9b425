
#include "ctl.h"

#include <stdlib.h>
#include <string.h>


struct ctl_db_s {
    const ctl_backend_t  *backend;
    void                 *connection;
    const char           *path;
};


struct ctl_rows_s {
    size_t   ncolumns;
    size_t   nfields;
    size_t   room;
    char   **fields;                           /* row by row */
};


ctl_db_t *
ctl_db_open(const char *url, bool create)
{
    ctl_db_t    *db;
    const char  *where;

    db = ctl_alloc(sizeof(ctl_db_t));
    where = url;

    if (strncmp(url, "sqlite:", 7) == 0) {
        where = url + 7;

        if (*where == '\0') {
            ctl_fail(CTL_USAGE, "\"sqlite:\" needs the path of a file");
        }

        db->backend = &ctl_sqlite;
        db->path = where;

    } else if (strncmp(url, "postgresql://", 13) == 0
               || strncmp(url, "postgres://", 11) == 0
               || strchr(url, '=') != NULL)
    {
        db->backend = &ctl_postgresql;

    } else {
        ctl_fail(CTL_USAGE, "a database is sqlite:PATH or postgresql://...");
    }

    db->connection = db->backend->open(where, create);

    return db;
}


void
ctl_db_close(ctl_db_t *db)
{
    db->backend->close(db->connection);
    free(db);
}


const char *
ctl_db_kind(const ctl_db_t *db)
{
    return db->backend->kind;
}


const char *
ctl_db_path(const ctl_db_t *db)
{
    return db->path;
}


void
ctl_db_begin(ctl_db_t *db)
{
    db->backend->script(db->connection, db->backend->begin);
}


void
ctl_db_commit(ctl_db_t *db)
{
    db->backend->script(db->connection, "COMMIT");
}


void
ctl_db_script(ctl_db_t *db, const char *text)
{
    db->backend->script(db->connection, text);
}


ctl_rows_t *
ctl_db_try(ctl_db_t *db, const char *sql, size_t nvalues,
    const ctl_value_t *values)
{
    ctl_rows_t  *rows;

    rows = ctl_alloc(sizeof(ctl_rows_t));

    if (!db->backend->query(db->connection, sql, nvalues, values, rows)) {
        ctl_rows_free(rows);
        return NULL;
    }

    return rows;
}


ctl_rows_t *
ctl_db_query(ctl_db_t *db, const char *sql, size_t nvalues,
    const ctl_value_t *values)
{
    ctl_rows_t  *rows;

    rows = ctl_db_try(db, sql, nvalues, values);

    if (rows == NULL) {
        ctl_fail(CTL_REFUSED, "a constraint of the database refuses this");
    }

    return rows;
}


void
ctl_db_execute(ctl_db_t *db, const char *sql, size_t nvalues,
    const ctl_value_t *values)
{
    ctl_rows_free(ctl_db_query(db, sql, nvalues, values));
}


void
ctl_rows_init(ctl_rows_t *rows, size_t ncolumns)
{
    rows->ncolumns = ncolumns;
}


void
ctl_rows_add(ctl_rows_t *rows, const char *field)
{
    if (rows->nfields == rows->room) {
        rows->room = rows->room ? rows->room * 2 : 32;
        rows->fields = reallocarray(rows->fields, rows->room, sizeof(char *));

        if (rows->fields == NULL) {
            ctl_fail(CTL_UNREACHABLE, "out of memory");
        }
    }

    rows->fields[rows->nfields++] = field ? ctl_format("%s", field) : NULL;
}


size_t
ctl_rows_count(const ctl_rows_t *rows)
{
    return rows->ncolumns ? rows->nfields / rows->ncolumns : 0;
}


const char *
ctl_rows_text(const ctl_rows_t *rows, size_t row, size_t column)
{
    return rows->fields[row * rows->ncolumns + column];
}


int64_t
ctl_rows_integer(const ctl_rows_t *rows, size_t row, size_t column)
{
    const char  *text;

    text = ctl_rows_text(rows, row, column);

    return text ? strtoll(text, NULL, 10) : 0;
}


const char *
ctl_rows_cut(ctl_rows_t *rows, size_t max)
{
    if (ctl_rows_count(rows) <= max) {
        return NULL;
    }

    while (rows->nfields > max * rows->ncolumns) {
        free(rows->fields[--rows->nfields]);
    }

    return ctl_rows_text(rows, max - 1, 0);
}


void
ctl_rows_free(ctl_rows_t *rows)
{
    size_t  i;

    for (i = 0; i < rows->nfields; i++) {
        free(rows->fields[i]);
    }

    free(rows->fields);
    free(rows);
}
