
/* Connections to PostgreSQL on the event loop, up to the guard's question. */


#include "core/ngx_onair_postgres.h"


/*
 * The schema, and a limit that the server keeps by itself: it ends a slow
 * query a little before we would have to drop the connection.
 */
#define NGX_ONAIR_POSTGRES_GUARD                                              \
    "SELECT max(version), set_config('statement_timeout', $1, false)"         \
    " FROM schema_version"


static void ngx_onair_postgres_event(ngx_event_t *ev);


/* --- the socket ------------------------------------------------------ */


void
ngx_onair_postgres_detach(ngx_onair_postgres_t *connection)
{
    ngx_uint_t         flags;
    ngx_connection_t  *c;

    c = connection->c;
    if (c == NULL) {
        return;
    }

    /* libpq closes it by itself when it finds the end */
    flags = PQsocket(connection->pg) == c->fd ? 0 : NGX_CLOSE_EVENT;

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, flags);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
    connection->c = NULL;
}


/* Level-triggered: libpq does not always read all that is there. */
ngx_int_t
ngx_onair_postgres_want(ngx_onair_postgres_t *connection, ngx_uint_t reading,
    ngx_uint_t writing)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = connection->c;
    rc = NGX_OK;

    if (reading && !c->read->active) {
        rc = ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT);
    }

    if (rc == NGX_OK && writing && !c->write->active) {
        rc = ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);

    } else if (rc == NGX_OK && !writing && c->write->active) {
        rc = ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
    }

    return rc;
}


static ngx_int_t
ngx_onair_postgres_attach(ngx_onair_postgres_t *connection,
    ngx_uint_t reading, ngx_uint_t writing)
{
    ngx_connection_t  *c;

    if (PQsocket(connection->pg) == -1) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(PQsocket(connection->pg), ngx_cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = connection;
    c->read->handler = ngx_onair_postgres_event;
    c->write->handler = ngx_onair_postgres_event;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    connection->c = c;

    return ngx_onair_postgres_want(connection, reading, writing);
}


void
ngx_onair_postgres_flush(ngx_onair_postgres_t *connection)
{
    int  rc;

    rc = PQflush(connection->pg);

    if (rc == -1
        || ngx_onair_postgres_want(connection, 1, rc == 1) != NGX_OK)
    {
        ngx_onair_postgres_lost(connection,
                                ngx_onair_postgres_message(connection), 0);
    }
}


/* --- connecting ------------------------------------------------------ */


static void
ngx_onair_postgres_notice(void *arg, const PGresult *result)
{
    (void) arg;
    (void) result;
}


static void
ngx_onair_postgres_connected(ngx_onair_postgres_t *connection)
{
    char         ms[NGX_INT64_LEN + 1];
    const char  *values[1];
    ngx_msec_t   timeout;

    timeout = ngx_onair_postgres_worker.conf->timeout;
    (void) ngx_sprintf((u_char *) ms, "%M%Z",
                       ngx_max(timeout - timeout / 8, 1));
    values[0] = ms;

    connection->phase = NGX_ONAIR_POSTGRES_GUARDING;

    if (PQsetnonblocking(connection->pg, 1) != 0
        || PQenterPipelineMode(connection->pg) != 1
        || PQsendQueryParams(connection->pg, NGX_ONAIR_POSTGRES_GUARD, 1,
                             NULL, values, NULL, NULL, 0)
           != 1
        || PQpipelineSync(connection->pg) != 1)
    {
        ngx_onair_postgres_lost(connection,
                                ngx_onair_postgres_message(connection), 0);
        return;
    }

    ngx_onair_postgres_flush(connection);
}


/*
 * libpq may close its socket and open another in PQconnectPoll(), even of the
 * same number: it is taken from the event loop before.
 */
static void
ngx_onair_postgres_poll(ngx_onair_postgres_t *connection)
{
    PostgresPollingStatusType  status;

    ngx_onair_postgres_detach(connection);

    status = PQconnectPoll(connection->pg);

    if (status == PGRES_POLLING_FAILED) {
        ngx_onair_postgres_lost(connection,
                                ngx_onair_postgres_message(connection), 0);
        return;
    }

    if (ngx_onair_postgres_attach(connection,
                                  status != PGRES_POLLING_WRITING,
                                  status == PGRES_POLLING_WRITING)
        != NGX_OK)
    {
        ngx_onair_postgres_lost(connection,
                                "no place among \"worker_connections\"", 0);
        return;
    }

    if (status == PGRES_POLLING_OK) {
        ngx_onair_postgres_connected(connection);
    }
}


static void
ngx_onair_postgres_event(ngx_event_t *ev)
{
    ngx_connection_t      *c;
    ngx_onair_postgres_t  *connection;

    c = ev->data;
    connection = c->data;

    if (connection->phase == NGX_ONAIR_POSTGRES_CONNECTING) {
        ngx_onair_postgres_poll(connection);
    } else {
        ngx_onair_postgres_talk(connection);
    }
}


static void
ngx_onair_postgres_open(ngx_onair_postgres_t *connection)
{
    connection->pg = ngx_onair_postgres_dial(ngx_onair_postgres_worker.conf);

    if (connection->pg == NULL) {
        ngx_onair_postgres_failed("no memory");
        return;
    }

    connection->phase = NGX_ONAIR_POSTGRES_CONNECTING;
    (void) PQsetNoticeReceiver(connection->pg, ngx_onair_postgres_notice,
                               NULL);

    if (PQstatus(connection->pg) == CONNECTION_BAD) {
        ngx_onair_postgres_lost(connection,
                                ngx_onair_postgres_message(connection), 0);
        return;
    }

    ngx_add_timer(&connection->timer,
                  ngx_onair_postgres_worker.conf->connect_timeout);

    if (ngx_onair_postgres_attach(connection, 0, 1) != NGX_OK) {
        ngx_onair_postgres_lost(connection,
                                "no place among \"worker_connections\"", 0);
    }
}


/* All that are closed; only one while the server is not known to answer. */
void
ngx_onair_postgres_open_all(void)
{
    ngx_uint_t             i;
    ngx_onair_postgres_t  *connection;

    for (i = 0; i < ngx_onair_postgres_worker.conf->pool; i++) {
        connection = &ngx_onair_postgres_worker.connections[i];

        if (connection->phase == NGX_ONAIR_POSTGRES_CLOSED) {
            ngx_onair_postgres_open(connection);

            if (connection->phase == NGX_ONAIR_POSTGRES_CLOSED) {
                return;
            }
        }

        if (ngx_onair_sql_state_now() != NGX_ONAIR_SQL_UP
            && connection->phase != NGX_ONAIR_POSTGRES_READY)
        {
            return;
        }
    }
}


static void
ngx_onair_postgres_found(const char *error)
{
    if (error != NULL) {
        ngx_onair_postgres_failed(error);
        return;
    }

    ngx_onair_postgres_open_all();
}


void
ngx_onair_postgres_retry_handler(ngx_event_t *ev)
{
    (void) ev;

    ngx_onair_postgres_find(ngx_onair_postgres_worker.conf,
                            ngx_onair_postgres_found);
}
