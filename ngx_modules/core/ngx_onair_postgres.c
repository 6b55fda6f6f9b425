
/*
 * PostgreSQL through libpq's asynchronous calls, on the event loop.
 *
 * Connections are in pipeline mode, with a synchronisation point behind each
 * query, so that one that fails takes no other with it.  While no connection
 * works a single one tries; when it stands, the others follow.
 */


#include "core/ngx_onair_postgres.h"


#define NGX_ONAIR_POSTGRES_PIPELINE  32      /* queries on a connection */


ngx_onair_postgres_worker_t  ngx_onair_postgres_worker;


/* --- queries --------------------------------------------------------- */


static int
ngx_onair_postgres_send_query(ngx_onair_postgres_t *connection,
    const ngx_onair_sql_query_t *query)
{
    int                           lengths[NGX_ONAIR_SQL_NVALUES_MAX];
    int                           formats[NGX_ONAIR_SQL_NVALUES_MAX];
    char                          digits[NGX_ONAIR_SQL_NVALUES_MAX]
                                        [NGX_INT64_LEN + 1];
    ngx_uint_t                    i;
    const char                   *values[NGX_ONAIR_SQL_NVALUES_MAX];
    const ngx_onair_sql_value_t  *value;

    for (i = 0; i < query->nvalues; i++) {
        value = &query->values[i];

        lengths[i] = (int) value->bytes.len;
        formats[i] = value->type == NGX_ONAIR_SQL_BYTES;
        values[i] = NULL;

        if (value->type == NGX_ONAIR_SQL_INTEGER) {
            (void) ngx_sprintf((u_char *) digits[i], "%L%Z", value->integer);
            values[i] = digits[i];

        } else if (value->type != NGX_ONAIR_SQL_NULL) {
            values[i] = (char *) value->bytes.data;
        }
    }

    return PQsendQueryPrepared(connection->pg,
                          ngx_onair_sql_statement(query->statement)->name,
                          (int) query->nvalues, values, lengths, formats, 0);
}


static ngx_int_t
ngx_onair_postgres_send(ngx_onair_postgres_t *connection,
    ngx_onair_sql_query_t *query)
{
    const ngx_onair_sql_statement_t  *statement;

    query->connection = connection;
    ngx_queue_insert_tail(&connection->sent, &query->queue);

    if (connection->nsent++ == 0 && !connection->probing) {
        ngx_onair_postgres_owes(connection);
    }

    if (!connection->prepared[query->statement]) {
        statement = ngx_onair_sql_statement(query->statement);

        if (PQsendPrepare(connection->pg, statement->name, statement->text,
                          0, NULL)
            != 1)
        {
            return NGX_ERROR;
        }

        connection->prepared[query->statement] = 1;
        query->prepares = 1;
    }

    if (ngx_onair_postgres_send_query(connection, query) != 1
        || PQpipelineSync(connection->pg) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The one with the fewest queries before the next. */
static ngx_onair_postgres_t *
ngx_onair_postgres_choose(void)
{
    ngx_uint_t             i;
    ngx_onair_postgres_t  *connection, *best;

    best = NULL;

    for (i = 0; i < ngx_onair_postgres_worker.conf->pool; i++) {
        connection = &ngx_onair_postgres_worker.connections[i];

        if (connection->phase == NGX_ONAIR_POSTGRES_READY
            && !connection->retire
            && connection->nsent < NGX_ONAIR_POSTGRES_PIPELINE
            && (best == NULL || connection->nsent < best->nsent))
        {
            best = connection;
        }
    }

    return best;
}


static void
ngx_onair_postgres_pump(void)
{
    ngx_uint_t              i;
    ngx_onair_postgres_t   *connection;
    ngx_onair_sql_query_t  *query;

    while ((connection = ngx_onair_postgres_choose()) != NULL) {
        query = ngx_onair_sql_next();
        if (query == NULL) {
            break;
        }

        if (ngx_onair_postgres_send(connection, query) != NGX_OK) {
            ngx_onair_postgres_lost(connection,
                                    ngx_onair_postgres_message(connection), 0);
            return;
        }
    }

    for (i = 0; i < ngx_onair_postgres_worker.conf->pool; i++) {
        connection = &ngx_onair_postgres_worker.connections[i];

        if (connection->phase == NGX_ONAIR_POSTGRES_READY
            && connection->nsent)
        {
            ngx_onair_postgres_flush(connection);
        }
    }
}


/*
 * The server ends a slow query by itself before this.  So when nothing comes
 * from it, it is the server, or the way to it, that is gone; else the query
 * has only waited too long behind others, and its answer will be passed over.
 */
static void
ngx_onair_postgres_expire(ngx_onair_sql_query_t *query)
{
    ngx_onair_postgres_t  *connection;

    connection = query->connection;

    if (ngx_onair_postgres_silent(connection)) {
        ngx_onair_postgres_lost(connection, "the server does not answer", 1);
        return;
    }

    ngx_onair_sql_answer(query, NGX_ONAIR_SQL_TIMEOUT, NULL);

    if (connection->retire && ngx_onair_postgres_abandoned(connection)) {
        ngx_onair_postgres_lost(connection, "its queries were too slow", 0);
    }
}


/* --- a worker's life ------------------------------------------------- */


static ngx_int_t
ngx_onair_postgres_init(ngx_cycle_t *cycle, ngx_onair_sql_conf_t *conf)
{
    ngx_uint_t                    i;
    ngx_event_t                  *timer;
    ngx_onair_postgres_worker_t  *worker;

    worker = &ngx_onair_postgres_worker;
    worker->conf = conf;
    worker->dummy.fd = (ngx_socket_t) -1;

    worker->connections = ngx_pcalloc(cycle->pool,
                                      conf->pool
                                      * sizeof(ngx_onair_postgres_t));
    if (worker->connections == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->pool; i++) {
        ngx_queue_init(&worker->connections[i].sent);

        timer = &worker->connections[i].timer;
        timer->handler = ngx_onair_postgres_timer;
        timer->data = &worker->dummy;
        timer->log = cycle->log;
        timer->cancelable = 1;
    }

    worker->retry.handler = ngx_onair_postgres_retry_handler;
    worker->retry.data = &worker->dummy;
    worker->retry.log = cycle->log;
    worker->retry.cancelable = 1;

    ngx_add_timer(&worker->retry, 1);

    return NGX_OK;
}


static void
ngx_onair_postgres_exit(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_onair_postgres_worker.conf->pool; i++) {
        ngx_onair_postgres_close(&ngx_onair_postgres_worker.connections[i]);
    }
}


const ngx_onair_sql_backend_t  ngx_onair_postgres = {
    ngx_onair_postgres_configure,
    ngx_onair_postgres_init,
    ngx_onair_postgres_exit,
    ngx_onair_postgres_pump,
    ngx_onair_postgres_expire
};
