
/*
 * PostgreSQL through libpq's asynchronous calls, on the event loop.
 *
 * Connections are in pipeline mode, with a synchronisation point behind each
 * query, so that one that fails takes no other with it.  While no connection
 * works a single one tries; when it stands, the others follow.
 */


#include "core/ngx_onair_postgres.h"


#define NGX_ONAIR_POSTGRES_PIPELINE  32      /* queries on a connection */
#define NGX_ONAIR_POSTGRES_IDLE_MS   3000    /* then it is asked for life */
#define NGX_ONAIR_POSTGRES_AGAIN_MS  50      /* the first try after a loss */


/*
 * The schema, and a limit that the server keeps by itself: it ends a slow
 * query a little before we would have to drop the connection.
 */
#define NGX_ONAIR_POSTGRES_GUARD                                              \
    "SELECT max(version), set_config('statement_timeout', $1, false)"         \
    " FROM schema_version"


typedef enum {
    NGX_ONAIR_POSTGRES_CLOSED = 0,
    NGX_ONAIR_POSTGRES_CONNECTING,
    NGX_ONAIR_POSTGRES_GUARDING,             /* the guard is under way */
    NGX_ONAIR_POSTGRES_READY
} ngx_onair_postgres_phase_t;


typedef struct {
    ngx_onair_postgres_phase_t   phase;
    PGconn                      *pg;         /* NULL: CLOSED */
    ngx_connection_t            *c;          /* NULL: not registered */
    ngx_queue_t                  sent;       /* in the order of answers */
    ngx_uint_t                   nsent;
    PGresult                    *result;     /* of the first; NULL: none yet */
    ngx_event_t                  timer;      /* of the phase; READY: of life */
    ngx_msec_t                   heard;      /* last, or when it began to owe */
    unsigned                     probing:1;  /* an empty query is under way */
    unsigned                     retire:1;   /* no new queries */
    u_char                       prepared[NGX_ONAIR_SQL_STATEMENTS];
} ngx_onair_postgres_t;


typedef struct {
    ngx_onair_sql_conf_t        *conf;
    ngx_onair_postgres_t        *connections;      /* conf->pool of them */
    ngx_event_t                  retry;
    ngx_connection_t             dummy;
    ngx_uint_t                   failures;
} ngx_onair_postgres_worker_t;


static ngx_onair_postgres_worker_t  ngx_onair_postgres_worker;


static void ngx_onair_postgres_event(ngx_event_t *ev);
static void ngx_onair_postgres_open_all(void);


/* --- the socket ------------------------------------------------------ */


static void
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
static ngx_int_t
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


/* --- the end of a connection ----------------------------------------- */


static void
ngx_onair_postgres_close(ngx_onair_postgres_t *connection)
{
    ngx_onair_postgres_detach(connection);

    PQclear(connection->result);
    PQfinish(connection->pg);

    if (connection->timer.timer_set) {
        ngx_del_timer(&connection->timer);
    }

    connection->result = NULL;
    connection->pg = NULL;
    connection->phase = NGX_ONAIR_POSTGRES_CLOSED;
    connection->probing = 0;
    connection->retire = 0;
    connection->nsent = 0;
    ngx_memzero(connection->prepared, sizeof(connection->prepared));
}


static ngx_uint_t
ngx_onair_postgres_nready(void)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < ngx_onair_postgres_worker.conf->pool; i++) {
        n += ngx_onair_postgres_worker.connections[i].phase
             == NGX_ONAIR_POSTGRES_READY;
    }

    return n;
}


/* A later attempt that is planned already makes way for an earlier one. */
static void
ngx_onair_postgres_retry(ngx_msec_t pause)
{
    ngx_event_t  *retry;

    retry = &ngx_onair_postgres_worker.retry;

    if (!retry->timer_set
        || (ngx_msec_int_t) (retry->timer.key - ngx_current_msec)
           > (ngx_msec_int_t) pause)
    {
        ngx_add_timer(retry, pause);
    }
}


/* No connection came of an attempt. */
static void
ngx_onair_postgres_failed(const char *why)
{
    ngx_onair_postgres_worker_t  *worker;

    worker = &ngx_onair_postgres_worker;

    if (ngx_onair_postgres_nready() == 0) {
        ngx_onair_sql_state(NGX_ONAIR_SQL_DOWN, why);

    } else if ((worker->failures & (worker->failures - 1)) == 0) {
        /* rarer and rarer: the first, second, third, fifth, ninth ... */
        ngx_onair_sql_complain(NGX_LOG_WARN, "a further connection failed",
                               why);
    }

    ngx_onair_postgres_retry(ngx_onair_sql_back_off(worker->failures++));
}


/* libpq's messages are of several lines, and end with one. */
static const char *
ngx_onair_postgres_message(ngx_onair_postgres_t *connection)
{
    size_t       i;
    static char  text[256];

    (void) ngx_cpystrn((u_char *) text,
                       (u_char *) PQerrorMessage(connection->pg),
                       sizeof(text));

    for (i = ngx_strlen(text); i > 0 && text[i - 1] == '\n'; i--) {
        text[i - 1] = '\0';
    }

    for (i = 0; text[i] != '\0'; i++) {
        if ((u_char) text[i] < ' ') {
            text[i] = ' ';
        }
    }

    return text[0] ? text : "the connection was closed";
}


/* Answers all that were sent; nobody knows what became of them. */
static void
ngx_onair_postgres_answer_all(ngx_queue_t *sent)
{
    ngx_onair_sql_query_t  *query;

    while (!ngx_queue_empty(sent)) {
        query = ngx_queue_data(ngx_queue_head(sent), ngx_onair_sql_query_t,
                               queue);
        ngx_queue_remove(&query->queue);
        ngx_onair_sql_answer(query, NGX_ONAIR_SQL_TIMEOUT, NULL);
        ngx_onair_sql_free(query);
    }
}


/* From now on the server owes an answer within the time of a query. */
static void
ngx_onair_postgres_owes(ngx_onair_postgres_t *connection)
{
    connection->heard = ngx_current_msec;
    ngx_add_timer(&connection->timer, ngx_onair_postgres_worker.conf->timeout);
}


/* Of others that may be as dead as the one that was lost. */
static void
ngx_onair_postgres_probe(ngx_onair_postgres_t *connection)
{
    if (connection->phase != NGX_ONAIR_POSTGRES_READY
        || connection->probing || connection->nsent)
    {
        return;
    }

    if (PQpipelineSync(connection->pg) == 1) {
        connection->probing = 1;
        (void) ngx_onair_postgres_want(connection, 1,
                                       PQflush(connection->pg) == 1);
    }

    /* when even that fails it is found out by the timer */
    ngx_onair_postgres_owes(connection);
}


static void
ngx_onair_postgres_suspect(void)
{
    ngx_uint_t  i;

    ngx_onair_sql_state(NGX_ONAIR_SQL_SUSPECT, NULL);

    for (i = 0; i < ngx_onair_postgres_worker.conf->pool; i++) {
        ngx_onair_postgres_probe(&ngx_onair_postgres_worker.connections[i]);
    }
}


/*
 * A connection is over, however far it had come.  silent: the server did not
 * answer in time, so that the next attempt need not be made at once.  The
 * state is right before anybody is told.
 */
static void
ngx_onair_postgres_lost(ngx_onair_postgres_t *connection, const char *why,
    ngx_uint_t silent)
{
    char                        reason[256];
    ngx_queue_t                 sent;
    ngx_onair_postgres_phase_t  phase;

    (void) ngx_cpystrn((u_char *) reason, (u_char *) why, sizeof(reason));

    ngx_queue_init(&sent);

    if (!ngx_queue_empty(&connection->sent)) {
        ngx_queue_add(&sent, &connection->sent);
        ngx_queue_init(&connection->sent);
    }

    phase = connection->phase;
    ngx_onair_postgres_close(connection);

    if (phase != NGX_ONAIR_POSTGRES_READY) {
        if (silent) {
            ngx_onair_postgres_rotate();
        }

        ngx_onair_postgres_failed(reason);

    } else if (silent && ngx_onair_postgres_nready() == 0) {
        ngx_onair_postgres_failed(reason);

    } else {
        ngx_onair_sql_complain(NGX_LOG_WARN, "a connection is lost", reason);
        ngx_onair_postgres_worker.failures = 0;
        ngx_onair_postgres_suspect();
        ngx_onair_postgres_retry(1 + (ngx_msec_t) ngx_random()
                                     % NGX_ONAIR_POSTGRES_AGAIN_MS);
    }

    ngx_onair_postgres_answer_all(&sent);
}


/* --- answers --------------------------------------------------------- */


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
static ngx_uint_t
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


static void
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


static void
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
static void
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


static void
ngx_onair_postgres_retry_handler(ngx_event_t *ev)
{
    (void) ev;

    ngx_onair_postgres_find(ngx_onair_postgres_worker.conf,
                            ngx_onair_postgres_found);
}


/*
 * Whether an answer is due for as long as a query may take, or nearly so: a
 * query's own timer may run out just before that of its connection.
 */
static ngx_uint_t
ngx_onair_postgres_silent(ngx_onair_postgres_t *connection)
{
    ngx_msec_t  timeout;

    timeout = ngx_onair_postgres_worker.conf->timeout;

    return ngx_current_msec - connection->heard >= timeout - timeout / 16;
}


/* Too long connecting or guarding, without an answer, or without a query. */
static void
ngx_onair_postgres_timer(ngx_event_t *ev)
{
    ngx_onair_postgres_t  *connection;

    connection = (ngx_onair_postgres_t *)
                     ((u_char *) ev - offsetof(ngx_onair_postgres_t, timer));

    if (connection->phase == NGX_ONAIR_POSTGRES_READY) {

        if (connection->nsent == 0 && !connection->probing) {
            ngx_onair_postgres_probe(connection);
            return;
        }

        if (!ngx_onair_postgres_silent(connection)) {
            /* nginx does not set a timer anew for a small difference */
            ngx_add_timer(&connection->timer,
                          ngx_onair_postgres_worker.conf->timeout);
            return;
        }
    }

    ngx_onair_postgres_lost(connection, "the server does not answer", 1);
}


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
