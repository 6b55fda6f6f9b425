
/* Queries: who waits, for how long, and what came of it. */


#include "core/ngx_onair_core_impl.h"
#include "core/ngx_onair_sql_impl.h"


#define NGX_ONAIR_SQL_BACK_OFF_MS      250u
#define NGX_ONAIR_SQL_BACK_OFF_MAX_MS  5000

#define NGX_ONAIR_SQL_WHY              256
#define NGX_ONAIR_SQL_COMPLAINTS       4


/* Lines of a kind that were written, and those that were not. */
typedef struct {
    const char                       *what;       /* NULL: free */
    time_t                            said;
    ngx_uint_t                        unsaid;
} ngx_onair_sql_complaint_t;


typedef struct {
    ngx_onair_sql_conf_t             *conf;       /* NULL: no database */
    ngx_onair_sql_state_t             state;
    ngx_queue_t                       waiting;
    ngx_uint_t                        nqueries;   /* that are not freed */
    ngx_event_t                       pump;
    ngx_connection_t                  dummy;
    const ngx_onair_sql_statement_t  *statements[NGX_ONAIR_SQL_STATEMENTS];
    ngx_uint_t                        nstatements;
    ngx_onair_sql_complaint_t         complaints[NGX_ONAIR_SQL_COMPLAINTS];
    char                              why[NGX_ONAIR_SQL_WHY];
    unsigned                          down_said:1;
} ngx_onair_sql_worker_t;


static ngx_onair_sql_worker_t  ngx_onair_sql_worker;


/* --- the log --------------------------------------------------------- */


void
ngx_onair_sql_complain(ngx_uint_t level, const char *what, const char *why)
{
    ngx_uint_t                  i;
    ngx_onair_sql_complaint_t  *complaint;

    for (i = 0; i < NGX_ONAIR_SQL_COMPLAINTS - 1; i++) {
        complaint = &ngx_onair_sql_worker.complaints[i];

        if (complaint->what == NULL || strcmp(complaint->what, what) == 0) {
            break;
        }
    }

    complaint = &ngx_onair_sql_worker.complaints[i];

    if (complaint->what != NULL && complaint->said == ngx_time()) {
        complaint->unsaid++;
        return;
    }

    if (complaint->unsaid) {
        ngx_log_error(level, ngx_cycle->log, 0,
                      "database: %s: %s (and %ui times more since this was "
                      "last logged)", what, why, complaint->unsaid);
    } else {
        ngx_log_error(level, ngx_cycle->log, 0,
                      "database: %s: %s", what, why);
    }

    complaint->what = what;
    complaint->said = ngx_time();
    complaint->unsaid = 0;
}


/* Once for each reason, however often it is tried. */
static void
ngx_onair_sql_say_down(const char *why)
{
    ngx_onair_sql_worker_t  *worker;

    worker = &ngx_onair_sql_worker;

    if (worker->down_said
        && ngx_strncmp(worker->why, why, sizeof(worker->why) - 1) == 0)
    {
        return;
    }

    worker->down_said = 1;
    (void) ngx_cpystrn((u_char *) worker->why, (u_char *) why,
                       sizeof(worker->why));

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "database: unavailable: %s; it is tried again by itself",
                  why);
}


/* --- the state ------------------------------------------------------- */


static void
ngx_onair_sql_fail_waiting(void)
{
    ngx_queue_t             failed;
    ngx_onair_sql_query_t  *query;

    if (ngx_queue_empty(&ngx_onair_sql_worker.waiting)) {
        return;
    }

    /* of their own: a handler may ask or cancel meanwhile */
    ngx_queue_init(&failed);
    ngx_queue_add(&failed, &ngx_onair_sql_worker.waiting);
    ngx_queue_init(&ngx_onair_sql_worker.waiting);

    while (!ngx_queue_empty(&failed)) {
        query = ngx_queue_data(ngx_queue_head(&failed),
                               ngx_onair_sql_query_t, queue);
        ngx_queue_remove(&query->queue);
        ngx_onair_sql_answer(query, NGX_ONAIR_SQL_UNAVAILABLE, NULL);
        ngx_onair_sql_free(query);
    }
}


void
ngx_onair_sql_state(ngx_onair_sql_state_t state, const char *why)
{
    ngx_onair_sql_worker_t  *worker;

    worker = &ngx_onair_sql_worker;
    worker->state = state;

    if (state == NGX_ONAIR_SQL_DOWN) {
        ngx_onair_sql_say_down(why);
        ngx_onair_sql_fail_waiting();
    }

    if (state == NGX_ONAIR_SQL_UP) {
        if (worker->down_said) {
            worker->down_said = 0;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "database: available again");
        }

        ngx_onair_sql_pump();
    }
}


ngx_onair_sql_state_t
ngx_onair_sql_state_now(void)
{
    return ngx_onair_sql_worker.state;
}


ngx_uint_t
ngx_onair_sql_available(void)
{
    ngx_onair_sql_worker_t  *worker;

    worker = &ngx_onair_sql_worker;

    return worker->conf != NULL
           && (worker->state == NGX_ONAIR_SQL_STARTING
               || worker->state == NGX_ONAIR_SQL_UP);
}


const char *
ngx_onair_sql_guard(const char *version)
{
    long  n;

    n = version ? strtol(version, NULL, 10) : 0;

    if (n > NGX_ONAIR_SCHEMA_VERSION) {
        return "its schema is newer than these modules: install the newer "
               "onair, that made it";
    }

    if (n < NGX_ONAIR_SCHEMA_VERSION) {
        return "its schema is missing or older than these modules: run "
               "\"onairctl migrate\"";
    }

    return NULL;
}


ngx_msec_t
ngx_onair_sql_back_off(ngx_uint_t failures)
{
    ngx_msec_t  pause;

    pause = NGX_ONAIR_SQL_BACK_OFF_MAX_MS;

    if (failures < 5) {
        pause = NGX_ONAIR_SQL_BACK_OFF_MS << failures;
    }

    /* workers that lost the same server must not all return at once */
    return pause / 2 + (ngx_msec_t) ngx_random() % (pause / 2 + 1);
}


/* --- queries --------------------------------------------------------- */


static ngx_int_t
ngx_onair_sql_register(const ngx_onair_sql_statement_t *statement,
    ngx_uint_t *number)
{
    ngx_uint_t                        i;
    ngx_onair_sql_worker_t           *worker;
    const ngx_onair_sql_statement_t  *known;

    worker = &ngx_onair_sql_worker;

    for (i = 0; i < worker->nstatements; i++) {
        known = worker->statements[i];

        if (known != statement
            && ngx_strcmp(known->name, statement->name) != 0)
        {
            continue;
        }

        *number = i;

        return ngx_strcmp(known->text, statement->text) == 0 ? NGX_OK
                                                             : NGX_ERROR;
    }

    if (i == NGX_ONAIR_SQL_STATEMENTS) {
        return NGX_ERROR;
    }

    worker->statements[i] = statement;
    worker->nstatements++;
    *number = i;

    return NGX_OK;
}


const ngx_onair_sql_statement_t *
ngx_onair_sql_statement(ngx_uint_t i)
{
    return ngx_onair_sql_worker.statements[i];
}


static ngx_onair_sql_query_t *
ngx_onair_sql_copy(const ngx_onair_sql_value_t *values, ngx_uint_t nvalues)
{
    u_char                 *p;
    size_t                  size;
    ngx_uint_t              i;
    ngx_onair_sql_query_t  *query;

    size = 0;

    for (i = 0; i < nvalues; i++) {
        if (values[i].type < NGX_ONAIR_SQL_TEXT) {
            continue;
        }

        if (values[i].bytes.len > NGX_ONAIR_SQL_VALUES_MAX - size) {
            return NULL;
        }

        size += values[i].bytes.len;
    }

    size += sizeof(ngx_onair_sql_query_t)
            + nvalues * (sizeof(ngx_onair_sql_value_t) + 1);

    query = ngx_calloc(size, ngx_cycle->log);
    if (query == NULL) {
        return NULL;
    }

    query->nvalues = nvalues;
    p = (u_char *) &query->values[nvalues];

    for (i = 0; i < nvalues; i++) {
        query->values[i] = values[i];

        if (values[i].type >= NGX_ONAIR_SQL_TEXT) {
            query->values[i].bytes.data = p;
            p = ngx_cpymem(p, values[i].bytes.data, values[i].bytes.len);
            *p++ = '\0';
        }
    }

    return query;
}


static void
ngx_onair_sql_expired(ngx_event_t *ev)
{
    ngx_onair_sql_query_t  *query;

    query = (ngx_onair_sql_query_t *)
                ((u_char *) ev - offsetof(ngx_onair_sql_query_t, timer));

    if (query->sent) {
        ngx_onair_sql_worker.conf->backend->expire(query);
        return;
    }

    /* the first attempt takes too long: others need not wait for it */
    if (ngx_onair_sql_worker.state == NGX_ONAIR_SQL_STARTING) {
        ngx_onair_sql_state(NGX_ONAIR_SQL_SUSPECT, NULL);
    }

    ngx_queue_remove(&query->queue);
    ngx_onair_sql_answer(query, NGX_ONAIR_SQL_UNAVAILABLE, NULL);
    ngx_onair_sql_free(query);
}


static const char *
ngx_onair_sql_refusal(ngx_uint_t nvalues)
{
    ngx_onair_sql_worker_t  *worker;

    worker = &ngx_onair_sql_worker;

    if (worker->conf == NULL) {
        return "this process has no database";
    }

    if (worker->state == NGX_ONAIR_SQL_DOWN) {
        return "the server is gone";
    }

    if (worker->nqueries >= worker->conf->queue) {
        return "the queue is full";
    }

    if (nvalues > NGX_ONAIR_SQL_NVALUES_MAX) {
        return "too many values";
    }

    return NULL;
}


ngx_onair_sql_query_t *
ngx_onair_sql_query(const ngx_onair_sql_statement_t *statement,
    const ngx_onair_sql_value_t *values, ngx_uint_t nvalues,
    ngx_onair_sql_pt handler, void *ctx)
{
    ngx_uint_t               number;
    const char              *why;
    ngx_onair_sql_query_t   *query;
    ngx_onair_sql_worker_t  *worker;

    worker = &ngx_onair_sql_worker;

    why = ngx_onair_sql_refusal(nvalues);

    if (why == NULL
        && ngx_onair_sql_register(statement, &number) != NGX_OK)
    {
        why = "another statement has its name, or there are too many";
    }

    query = NULL;

    if (why == NULL) {
        query = ngx_onair_sql_copy(values, nvalues);
        why = "its values are too large";
    }

    if (query == NULL) {

        /* that the database is gone was told when it went, and why */
        if (worker->state != NGX_ONAIR_SQL_DOWN) {
            ngx_onair_sql_complain(NGX_LOG_WARN, "a query is refused", why);
        }

        return NULL;
    }

    query->statement = number;
    query->handler = handler;
    query->ctx = ctx;
    query->deadline_ms = ngx_onair_now_ms() + (int64_t) worker->conf->timeout;
    query->timer.handler = ngx_onair_sql_expired;
    query->timer.data = &worker->dummy;
    query->timer.log = ngx_cycle->log;

    /* not cancelable: a worker that shuts down waits for it */
    ngx_add_timer(&query->timer, worker->conf->timeout);

    ngx_queue_insert_tail(&worker->waiting, &query->queue);
    worker->nqueries++;
    ngx_onair_sql_pump();

    return query;
}


void
ngx_onair_sql_cancel(ngx_onair_sql_query_t *query)
{
    query->handler = NULL;
    query->cancelled = 1;

    if (!query->sent) {
        ngx_queue_remove(&query->queue);
        ngx_onair_sql_free(query);
    }
}


ngx_onair_sql_query_t *
ngx_onair_sql_next(void)
{
    ngx_queue_t            *q;
    ngx_onair_sql_query_t  *query;

    if (ngx_queue_empty(&ngx_onair_sql_worker.waiting)) {
        return NULL;
    }

    q = ngx_queue_head(&ngx_onair_sql_worker.waiting);
    ngx_queue_remove(q);

    query = ngx_queue_data(q, ngx_onair_sql_query_t, queue);
    query->sent = 1;

    return query;
}


void
ngx_onair_sql_answer(ngx_onair_sql_query_t *query,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result)
{
    ngx_onair_sql_pt  handler;

    if (query->timer.timer_set) {
        ngx_del_timer(&query->timer);
    }

    handler = query->handler;
    query->handler = NULL;
    query->sent = 1;

    if (handler != NULL) {
        handler(query->ctx, status, status == NGX_ONAIR_SQL_OK ? result
                                                               : NULL);
    }
}


void
ngx_onair_sql_free(ngx_onair_sql_query_t *query)
{
    if (query->timer.timer_set) {
        ngx_del_timer(&query->timer);
    }

    ngx_onair_sql_worker.nqueries--;
    ngx_free(query);
}


/* --- a worker's life ------------------------------------------------- */


static void
ngx_onair_sql_pump_handler(ngx_event_t *ev)
{
    (void) ev;

    if (ngx_onair_sql_worker.state == NGX_ONAIR_SQL_UP) {
        ngx_onair_sql_worker.conf->backend->pump();
    }
}


void
ngx_onair_sql_pump(void)
{
    /* "next": it must not wait for an event when asked in init_process */
    ngx_post_event(&ngx_onair_sql_worker.pump, &ngx_posted_next_events);
}


ngx_int_t
ngx_onair_sql_init_process(ngx_cycle_t *cycle)
{
    ngx_onair_conf_t        *ocf;
    ngx_onair_sql_worker_t  *worker;

    ocf = (ngx_onair_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                            ngx_onair_core_module);

    if (ocf->sql == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    worker = &ngx_onair_sql_worker;

    ngx_queue_init(&worker->waiting);
    worker->dummy.fd = (ngx_socket_t) -1;
    worker->pump.handler = ngx_onair_sql_pump_handler;
    worker->pump.data = &worker->dummy;
    worker->pump.log = cycle->log;
    worker->state = NGX_ONAIR_SQL_STARTING;
    worker->conf = ocf->sql;

    return ocf->sql->backend->init(cycle, ocf->sql);
}


/* Queries stay, unanswered: other modules that end may yet cancel them. */
void
ngx_onair_sql_exit_process(void)
{
    if (ngx_onair_sql_worker.conf != NULL) {
        ngx_onair_sql_worker.conf->backend->exit();
        ngx_onair_sql_worker.conf = NULL;
    }
}
