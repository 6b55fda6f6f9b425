
/*
 * SQLite: every call but those of a worker's exit is made in nginx's thread
 * pool, one task at a time for each connection.  While a task is under way
 * its connection belongs to the thread, but for "busy" and "query".
 */


#include "core/ngx_onair_sqlite.h"

#if (NGX_THREADS)


ngx_onair_sqlite_worker_t  ngx_onair_sqlite_worker;


/* query is NULL: only to open the file. */
static ngx_int_t
ngx_onair_sqlite_post(ngx_onair_sqlite_t *connection,
    ngx_onair_sql_query_t *query)
{
    ngx_onair_sql_conf_t  *conf;

    conf = ngx_onair_sqlite_worker.conf;

    connection->query = query;
    connection->deadline_ms = query ? query->deadline_ms
                                    : ngx_onair_now_ms()
                                          + (int64_t) conf->connect_timeout;

    if (ngx_thread_task_post(conf->threads, connection->task) != NGX_OK) {
        connection->query = NULL;
        return NGX_ERROR;
    }

    connection->busy = 1;

    return NGX_OK;
}


static void
ngx_onair_sqlite_retry(void)
{
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    if (!worker->retry.timer_set) {
        ngx_add_timer(&worker->retry,
                      ngx_onair_sql_back_off(worker->failures++));
    }
}


static void
ngx_onair_sqlite_retry_handler(ngx_event_t *ev)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_worker_t  *worker;

    (void) ev;

    worker = &ngx_onair_sqlite_worker;

    for (i = 0; i < worker->conf->pool; i++) {
        if (worker->connections[i].busy) {
            continue;
        }

        if (ngx_onair_sqlite_post(&worker->connections[i], NULL) == NGX_OK) {
            return;
        }

        break;
    }

    ngx_onair_sqlite_retry();
}


static void
ngx_onair_sqlite_pump(void)
{
    ngx_uint_t                  i;
    ngx_onair_sql_query_t      *query;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    for (i = 0; i < worker->conf->pool; i++) {
        if (worker->connections[i].busy) {
            continue;
        }

        query = ngx_onair_sql_next();
        if (query == NULL) {
            return;
        }

        if (ngx_onair_sqlite_post(&worker->connections[i], query) != NGX_OK) {
            ngx_onair_sql_answer(query, NGX_ONAIR_SQL_UNAVAILABLE, NULL);
            ngx_onair_sql_free(query);
        }
    }
}


static void
ngx_onair_sqlite_outcome(ngx_onair_sqlite_t *connection)
{
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    if (connection->failed) {
        ngx_onair_sql_state(NGX_ONAIR_SQL_DOWN, connection->error);
        ngx_onair_sqlite_retry();
        return;
    }

    if (connection->error[0] != '\0') {
        ngx_onair_sql_complain(NGX_LOG_ERR, "a query failed",
                               connection->error);

    } else if (connection->query != NULL) {
        worker->failures = 0;
    }

    if (ngx_onair_sql_state_now() != NGX_ONAIR_SQL_UP
        && connection->db != NULL)
    {
        ngx_onair_sql_state(NGX_ONAIR_SQL_UP, NULL);
    }
}


static void
ngx_onair_sqlite_done(ngx_event_t *ev)
{
    ngx_onair_sqlite_t      *connection;
    ngx_onair_sql_query_t   *query;
    ngx_onair_sql_status_t   status;
    ngx_onair_sqlite_rows_t  rows;

    connection = ev->data;

    ngx_onair_sqlite_outcome(connection);

    /* the handler may ask again: the connection is free before */
    query = connection->query;
    status = connection->status;
    rows = connection->rows;

    connection->query = NULL;
    connection->busy = 0;
    ngx_memzero(&connection->rows, sizeof(ngx_onair_sqlite_rows_t));

    if (query != NULL) {
        ngx_onair_sql_answer(query, status, &rows.result);
        ngx_onair_sql_free(query);
    }

    ngx_onair_sqlite_rows_clear(&rows);
    ngx_onair_sql_pump();
}


/* The thread still has it; that no thread comes back tells of a sick disk. */
static void
ngx_onair_sqlite_expire(ngx_onair_sql_query_t *query)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_t         *connection;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    ngx_onair_sql_answer(query, NGX_ONAIR_SQL_TIMEOUT, NULL);

    for (i = 0; i < worker->conf->pool; i++) {
        connection = &worker->connections[i];

        if (!connection->busy
            || (connection->query != NULL
                && connection->query->timer.timer_set))
        {
            return;
        }
    }

    if (ngx_onair_sql_state_now() == NGX_ONAIR_SQL_UP) {
        ngx_onair_sql_state(NGX_ONAIR_SQL_SUSPECT, NULL);
    }
}


static ngx_int_t
ngx_onair_sqlite_init(ngx_cycle_t *cycle, ngx_onair_sql_conf_t *conf)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_t         *connection;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;
    worker->conf = conf;

    worker->connections = ngx_pcalloc(cycle->pool,
                                      conf->pool
                                      * sizeof(ngx_onair_sqlite_t));
    if (worker->connections == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->pool; i++) {
        connection = &worker->connections[i];

        connection->task = ngx_thread_task_alloc(cycle->pool,
                                                 sizeof(connection));
        if (connection->task == NULL) {
            return NGX_ERROR;
        }

        *(ngx_onair_sqlite_t **) connection->task->ctx = connection;
        connection->task->handler = ngx_onair_sqlite_run;
        connection->task->event.handler = ngx_onair_sqlite_done;
        connection->task->event.data = connection;
        connection->task->event.log = cycle->log;
    }

    worker->dummy.fd = (ngx_socket_t) -1;
    worker->retry.handler = ngx_onair_sqlite_retry_handler;
    worker->retry.data = &worker->dummy;
    worker->retry.log = cycle->log;
    worker->retry.cancelable = 1;

    if (ngx_onair_sqlite_post(&worker->connections[0], NULL) != NGX_OK) {
        ngx_onair_sqlite_retry();
    }

    return NGX_OK;
}


/* The thread pool, a module before this one, has ended all tasks by now. */
static void
ngx_onair_sqlite_exit(void)
{
    ngx_uint_t                  i;
    ngx_onair_sqlite_worker_t  *worker;

    worker = &ngx_onair_sqlite_worker;

    for (i = 0; i < worker->conf->pool; i++) {
        ngx_onair_sqlite_close(&worker->connections[i]);
        ngx_onair_sqlite_rows_clear(&worker->connections[i].rows);
    }
}


static ngx_int_t
ngx_onair_sqlite_configure(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf)
{
    if (conf->target.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"onair_database\": no path in \"sqlite:\"");
        return NGX_ERROR;
    }

    return ngx_get_full_name(cf->pool, (ngx_str_t *) &cf->cycle->prefix,
                             &conf->target);
}


#else

static ngx_int_t
ngx_onair_sqlite_configure(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf)
{
    (void) cf;
    (void) conf;

    return NGX_ERROR;
}

#define ngx_onair_sqlite_init    NULL
#define ngx_onair_sqlite_exit    NULL
#define ngx_onair_sqlite_pump    NULL
#define ngx_onair_sqlite_expire  NULL

#endif


const ngx_onair_sql_backend_t  ngx_onair_sqlite = {
    ngx_onair_sqlite_configure,
    ngx_onair_sqlite_init,
    ngx_onair_sqlite_exit,
    ngx_onair_sqlite_pump,
    ngx_onair_sqlite_expire
};
