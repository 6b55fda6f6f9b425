
/* How a connection to PostgreSQL ends, how that is noticed, and what then. */


#include "core/ngx_onair_postgres.h"


#define NGX_ONAIR_POSTGRES_AGAIN_MS  50      /* the first try after a loss */


/* --- the end of a connection ----------------------------------------- */


void
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
void
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
const char *
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
void
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
void
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


/* --- silence --------------------------------------------------------- */


/*
 * Whether an answer is due for as long as a query may take, or nearly so: a
 * query's own timer may run out just before that of its connection.
 */
ngx_uint_t
ngx_onair_postgres_silent(ngx_onair_postgres_t *connection)
{
    ngx_msec_t  timeout;

    timeout = ngx_onair_postgres_worker.conf->timeout;

    return ngx_current_msec - connection->heard >= timeout - timeout / 16;
}


/* Too long connecting or guarding, without an answer, or without a query. */
void
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
