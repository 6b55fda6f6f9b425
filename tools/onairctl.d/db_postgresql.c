
#include "ctl.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_POSTGRESQL_VALUES  16
#define CTL_INTEGER_CHARS      24


/* libpq's messages have several lines; the first one says what it is. */
static void
ctl_postgresql_fail(const char *what, const char *message)
{
    ctl_fail(CTL_UNREACHABLE, "%s: %.*s", what,
             (int) strcspn(message, "\n"), message);
}


static void
ctl_postgresql_ignore(void *arg, const char *message)
{
    (void) arg;
    (void) message;
}


static void *
ctl_postgresql_open(const char *where, bool create)
{
    PGconn    *pg;
    PGresult  *result;

    /* what the conninfo says goes before what stands on its left */
    static const char *const  keywords[] = {
        "connect_timeout", "fallback_application_name", "dbname",
        "client_encoding", NULL
    };
    const char *const  values[] = { "10", "onairctl", where, "UTF8", NULL };

    (void) create;

    pg = PQconnectdbParams(keywords, values, 1);

    if (PQstatus(pg) != CONNECTION_OK) {
        ctl_postgresql_fail("cannot reach the database", PQerrorMessage(pg));
    }

    PQsetNoticeProcessor(pg, ctl_postgresql_ignore, NULL);

    result = PQexec(pg, "SET lock_timeout = '10s'; "
                        "SET standard_conforming_strings = on");

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        ctl_postgresql_fail("the database says", PQerrorMessage(pg));
    }

    PQclear(result);

    return pg;
}


static void
ctl_postgresql_close(void *connection)
{
    PQfinish(connection);
}


static void
ctl_postgresql_script(void *connection, const char *text)
{
    PGresult  *result;

    result = PQexec(connection, text);

    if (PQresultStatus(result) != PGRES_COMMAND_OK
        && PQresultStatus(result) != PGRES_TUPLES_OK)
    {
        ctl_postgresql_fail("the database says", PQerrorMessage(connection));
    }

    PQclear(result);
}


static PGresult *
ctl_postgresql_send(PGconn *pg, const char *sql, size_t nvalues,
    const ctl_value_t *values)
{
    int          sizes[CTL_POSTGRESQL_VALUES];
    int          formats[CTL_POSTGRESQL_VALUES];
    char         numbers[CTL_POSTGRESQL_VALUES][CTL_INTEGER_CHARS];
    size_t       i;
    const char  *data[CTL_POSTGRESQL_VALUES];

    if (nvalues > CTL_POSTGRESQL_VALUES) {
        abort();
    }

    for (i = 0; i < nvalues; i++) {
        data[i] = values[i].data;
        sizes[i] = (int) values[i].size;
        formats[i] = values[i].type == CTL_BYTES;

        if (values[i].type == CTL_INTEGER) {
            snprintf(numbers[i], CTL_INTEGER_CHARS, "%lld",
                     (long long) values[i].integer);
            data[i] = numbers[i];
        }
    }

    return PQexecParams(pg, sql, (int) nvalues, NULL, data, sizes, formats, 0);
}


static bool
ctl_postgresql_refused(const PGresult *result)
{
    const char  *state;

    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    /* class 23, integrity constraint violation */
    return state != NULL && strncmp(state, "23", 2) == 0;
}


static bool
ctl_postgresql_query(void *connection, const char *sql, size_t nvalues,
    const ctl_value_t *values, ctl_rows_t *rows)
{
    int        i, j;
    PGresult  *result;

    result = ctl_postgresql_send(connection, sql, nvalues, values);

    if (ctl_postgresql_refused(result)) {
        PQclear(result);
        return false;
    }

    if (PQresultStatus(result) != PGRES_COMMAND_OK
        && PQresultStatus(result) != PGRES_TUPLES_OK)
    {
        ctl_postgresql_fail("the database says", PQerrorMessage(connection));
    }

    ctl_rows_init(rows, (size_t) PQnfields(result));

    for (i = 0; i < PQntuples(result); i++) {
        for (j = 0; j < PQnfields(result); j++) {
            ctl_rows_add(rows, PQgetisnull(result, i, j)
                                   ? NULL
                                   : PQgetvalue(result, i, j));
        }
    }

    PQclear(result);

    return true;
}


const ctl_backend_t  ctl_postgresql = {
    .kind = "postgresql",
    .open = ctl_postgresql_open,
    .close = ctl_postgresql_close,
    .begin = "BEGIN",
    .script = ctl_postgresql_script,
    .query = ctl_postgresql_query,
};
