
/* What PostgreSQL says: to the guard, to queries, and to questions for life. */


#include "core/ngx_onair_postgres.h"


#define NGX_ONAIR_POSTGRES_IDLE_MS  3000     /* then it is asked for life */


typedef struct {
    const char              *sqlstate;       /* or the beginning of one */
    ngx_onair_sql_status_t   status;
    ngx_uint_t               retire;         /* no more to this connection */
} ngx_onair_postgres_error_t;


static const ngx_onair_postgres_error_t  ngx_onair_postgres_errors[] = {
    { "23", NGX_ONAIR_SQL_CONFLICT, 0 },
    { "57014", NGX_ONAIR_SQL_TIMEOUT, 1 },           /* statement_timeout */
    { "57P", NGX_ONAIR_SQL_UNAVAILABLE, 1 },         /* it shuts down */
    { "25006", NGX_ONAIR_SQL_UNAVAILABLE, 1 },       /* it became a standby */
    { "26000", NGX_ONAIR_SQL_ERROR, 1 },             /* not prepared */
    { "42P05", NGX_ONAIR_SQL_ERROR, 1 },             /* prepared twice */
    { "0A000", NGX_ONAIR_SQL_ERROR, 1 },             /* its plan is stale */
    { "", NGX_ONAIR_SQL_ERROR, 0 }
};


static ngx_onair_sql_status_t
ngx_onair_postgres_status(ngx_onair_postgres_t *connection,
    ngx_onair_sql_query_t *query)
{
    u_char                            why[256];
    PGresult                         *result;
    const char                       *sqlstate, *text;
    const ngx_onair_postgres_error_t *error;

    result = connection->result;

    if (PQresultStatus(result) == PGRES_TUPLES_OK
        || PQresultStatus(result) == PGRES_COMMAND_OK)
    {
        return NGX_ONAIR_SQL_OK;
    }

    sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (sqlstate == NULL) {
        sqlstate = "";
    }

    error = ngx_onair_postgres_errors;

    while (ngx_strncmp(sqlstate, error->sqlstate, strlen(error->sqlstate))) {
        error++;
    }

    if (error->retire) {
        connection->retire = 1;
    }

    if (error->status != NGX_ONAIR_SQL_CONFLICT) {
        text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        (void) ngx_snprintf(why, sizeof(why) - 1, "%s: %s (%s)%Z",
                            ngx_onair_sql_statement(query->statement)->name,
                            text ? text : "no result", sqlstate);
        why[sizeof(why) - 1] = '\0';
        ngx_onair_sql_complain(NGX_LOG_ERR, "a query failed", (char *) why);
    }

    return error->status;
}


/* NGX_ERROR: it is too large, or there is no memory. */
static ngx_int_t
ngx_onair_postgres_rows(PGresult *pg, ngx_onair_sql_result_t *result)
{
    int         row, column;
    size_t      size;
    ngx_str_t  *field;

    ngx_memzero(result, sizeof(ngx_onair_sql_result_t));
    result->hex = 1;
    result->rows = (ngx_uint_t) PQntuples(pg);
    result->columns = (ngx_uint_t) PQnfields(pg);

    /* of a SELECT it would count the rows */
    if (ngx_strncmp(PQcmdStatus(pg), "SELECT", 6) != 0) {
        result->changed = (ngx_uint_t) strtoul(PQcmdTuples(pg), NULL, 10);
    }

    size = result->rows * result->columns * sizeof(ngx_str_t);
    if (size == 0) {
        return NGX_OK;
    }

    if (size > NGX_ONAIR_SQL_RESULT_MAX) {
        return NGX_ERROR;
    }

    result->fields = ngx_calloc(size, ngx_cycle->log);
    if (result->fields == NULL) {
        return NGX_ERROR;
    }

    field = result->fields;

    for (row = 0; row < (int) result->rows; row++) {
        for (column = 0; column < (int) result->columns; column++, field++) {
            if (!PQgetisnull(pg, row, column)) {
                field->data = (u_char *) PQgetvalue(pg, row, column);
                field->len = (size_t) PQgetlength(pg, row, column);
                size += field->len;
            }
        }
    }

    return size > NGX_ONAIR_SQL_RESULT_MAX ? NGX_ERROR : NGX_OK;
}


/* The first query in the pipeline has its answer, which is complete. */
static void
ngx_onair_postgres_answer(ngx_onair_postgres_t *connection)
{
    PGresult                *pg;
    ngx_onair_sql_query_t   *query;
    ngx_onair_sql_result_t   result;
    ngx_onair_sql_status_t   status;

    query = ngx_queue_data(ngx_queue_head(&connection->sent),
                           ngx_onair_sql_query_t, queue);
    ngx_queue_remove(&query->queue);
    connection->nsent--;

    status = ngx_onair_postgres_status(connection, query);
    pg = connection->result;
    connection->result = NULL;

    ngx_memzero(&result, sizeof(result));

    if (status == NGX_ONAIR_SQL_OK
        && ngx_onair_postgres_rows(pg, &result) != NGX_OK)
    {
        ngx_onair_sql_complain(NGX_LOG_ERR, "a result is too large",
                            ngx_onair_sql_statement(query->statement)->name);
        status = NGX_ONAIR_SQL_ERROR;
    }

    ngx_onair_sql_answer(query, status, &result);
    ngx_onair_sql_free(query);

    if (result.fields != NULL) {
        ngx_free(result.fields);
    }

    PQclear(pg);
}


static void
ngx_onair_postgres_alive(ngx_onair_postgres_t *connection)
{
    if (connection->nsent) {
        ngx_onair_postgres_owes(connection);
    } else {
        ngx_add_timer(&connection->timer, NGX_ONAIR_POSTGRES_IDLE_MS);
    }

    if (ngx_onair_sql_state_now() != NGX_ONAIR_SQL_UP) {
        ngx_onair_sql_state(NGX_ONAIR_SQL_UP, NULL);
    }

    ngx_onair_sql_pump();
}


/* What the guard's answer means; NULL: the connection may be used. */
static const char *
ngx_onair_postgres_guarded(ngx_onair_postgres_t *connection)
{
    PGresult    *result;
    const char  *sqlstate, *version;

    result = connection->result;

    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        version = PQgetisnull(result, 0, 0) ? NULL : PQgetvalue(result, 0, 0);
        return ngx_onair_sql_guard(version);
    }

    sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    if (sqlstate != NULL && strcmp(sqlstate, "42P01") == 0) {
        return ngx_onair_sql_guard(NULL);
    }

    return ngx_onair_postgres_message(connection);
}


static void
ngx_onair_postgres_ready(ngx_onair_postgres_t *connection)
{
    const char  *why;

    why = ngx_onair_postgres_guarded(connection);
    if (why != NULL) {
        ngx_onair_postgres_lost(connection, why, 0);
        return;
    }

    PQclear(connection->result);
    connection->result = NULL;
    connection->phase = NGX_ONAIR_POSTGRES_READY;
    ngx_onair_postgres_worker.failures = 0;
    ngx_onair_postgres_alive(connection);
    ngx_onair_postgres_open_all();
}


/* Nobody waits for an answer any more. */
ngx_uint_t
ngx_onair_postgres_abandoned(ngx_onair_postgres_t *connection)
{
    ngx_queue_t            *q;
    ngx_onair_sql_query_t  *query;

    for (q = ngx_queue_head(&connection->sent);
         q != ngx_queue_sentinel(&connection->sent);
         q = ngx_queue_next(q))
    {
        query = ngx_queue_data(q, ngx_onair_sql_query_t, queue);

        if (query->timer.timer_set) {
            return 0;
        }
    }

    return 1;
}


/* A synchronisation point. */
static void
ngx_onair_postgres_synchronised(ngx_onair_postgres_t *connection)
{
    if (connection->phase == NGX_ONAIR_POSTGRES_GUARDING) {
        ngx_onair_postgres_ready(connection);
        return;
    }

    if (connection->probing) {
        connection->probing = 0;

    } else if (!ngx_queue_empty(&connection->sent)) {
        ngx_onair_postgres_answer(connection);
    }

    if (connection->retire) {
        if (ngx_onair_postgres_abandoned(connection)) {
            ngx_onair_postgres_lost(connection, "it is made anew", 0);
        }

        return;
    }

    ngx_onair_postgres_alive(connection);
}


/* Of preparing, when the first query did that, then of the query. */
static void
ngx_onair_postgres_result(ngx_onair_postgres_t *connection, PGresult *result)
{
    ngx_onair_sql_query_t  *query;

    query = NULL;

    if (!ngx_queue_empty(&connection->sent)) {
        query = ngx_queue_data(ngx_queue_head(&connection->sent),
                               ngx_onair_sql_query_t, queue);
    }

    if (query != NULL && query->prepares) {
        query->prepares = 0;

        if (PQresultStatus(result) == PGRES_COMMAND_OK) {
            PQclear(result);
            return;
        }

        connection->prepared[query->statement] = 0;
    }

    if (connection->result == NULL
        && PQresultStatus(result) != PGRES_PIPELINE_ABORTED)
    {
        connection->result = result;
        return;
    }

    PQclear(result);
}


/* NULL twice over: libpq has nothing more. */
static void
ngx_onair_postgres_results(ngx_onair_postgres_t *connection)
{
    PGresult    *result;
    ngx_uint_t   nothing;

    nothing = 0;

    while (connection->pg != NULL && nothing < 2
           && !PQisBusy(connection->pg))
    {
        result = PQgetResult(connection->pg);

        if (result == NULL) {
            nothing++;
            continue;
        }

        nothing = 0;

        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            ngx_onair_postgres_synchronised(connection);
            continue;
        }

        ngx_onair_postgres_result(connection, result);

        if (PQstatus(connection->pg) == CONNECTION_BAD) {
            return;
        }
    }
}


void
ngx_onair_postgres_talk(ngx_onair_postgres_t *connection)
{
    int  rc;

    rc = PQconsumeInput(connection->pg);

    /* what came before the end, too */
    ngx_onair_postgres_results(connection);

    if (connection->pg == NULL) {
        return;
    }

    if (rc == 0 || PQstatus(connection->pg) == CONNECTION_BAD) {
        ngx_onair_postgres_lost(connection,
                                ngx_onair_postgres_message(connection), 0);
        return;
    }

    ngx_onair_postgres_flush(connection);
}
