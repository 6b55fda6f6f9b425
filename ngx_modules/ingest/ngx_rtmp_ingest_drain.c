
/*
 * After a reload, or a stop that lets work end, publishers sit on workers
 * that are to leave.  They are asked to reconnect, spread over a time, and
 * come back to new workers into their sessions, which are in their grace.
 */


#include "ngx_rtmp_ingest.h"


/* How often a worker looks whether it is to leave. */
#define NGX_RTMP_INGEST_DRAIN_LOOK   250

/* What a client that was asked gets to hang up itself. */
#define NGX_RTMP_INGEST_DRAIN_LEAVE  1000

/* The id that nginx-rtmp gives to what a client publishes. */
#define NGX_RTMP_INGEST_STREAM       1


static void ngx_rtmp_ingest_drain_look(ngx_event_t *ev);
static void ngx_rtmp_ingest_drain_begin(ngx_uint_t n);
static ngx_msec_t ngx_rtmp_ingest_drain_time(
    ngx_rtmp_ingest_client_t *client);
static void ngx_rtmp_ingest_drain_ask(ngx_rtmp_ingest_client_t *client);


static ngx_event_t       ngx_rtmp_ingest_drain_event;
static ngx_connection_t  ngx_rtmp_ingest_drain_dummy;


void
ngx_rtmp_ingest_drain_watch(void)
{
    ngx_event_t  *ev;

    ev = &ngx_rtmp_ingest_drain_event;

    if (ev->timer_set) {
        return;
    }

    ngx_rtmp_ingest_drain_dummy.fd = (ngx_socket_t) -1;
    ev->handler = ngx_rtmp_ingest_drain_look;
    ev->data = &ngx_rtmp_ingest_drain_dummy;
    ev->log = ngx_cycle->log;
    ev->cancelable = 1;
    ngx_add_timer(ev, NGX_RTMP_INGEST_DRAIN_LOOK);
}


static void
ngx_rtmp_ingest_drain_look(ngx_event_t *ev)
{
    ngx_uint_t                 n;
    ngx_queue_t               *q, *clients;
    ngx_rtmp_ingest_client_t  *client;

    clients = ngx_rtmp_ingest_clients();

    if (ngx_queue_empty(clients)) {
        return;
    }

    ngx_rtmp_ingest_drain_watch();

    if (!ngx_exiting) {
        return;
    }

    n = 0;

    for (q = ngx_queue_head(clients);
         q != ngx_queue_sentinel(clients);
         q = ngx_queue_next(q))
    {
        client = ngx_queue_data(q, ngx_rtmp_ingest_client_t, queue);
        n += ngx_rtmp_ingest_drain_time(client) != 0;
    }

    if (n) {
        ngx_rtmp_ingest_drain_begin(n);
    }
}


/* In how much time it has to be gone; 0: that is not ours to say, or said. */
static ngx_msec_t
ngx_rtmp_ingest_drain_time(ngx_rtmp_ingest_client_t *client)
{
    ngx_rtmp_ingest_app_conf_t  *iacf;

    if (client->draining
        || !(client->expected
             || (client->publisher && client->publisher->open)))
    {
        return 0;
    }

    iacf = ngx_rtmp_get_module_app_conf(client->session,
                                        ngx_rtmp_ingest_module);

    return iacf->drain;
}


/* The n publishers of now, each at a moment of its n-th of the time. */
static void
ngx_rtmp_ingest_drain_begin(ngx_uint_t n)
{
    ngx_msec_t                 time, share;
    ngx_uint_t                 i;
    ngx_queue_t               *q, *clients;
    ngx_rtmp_ingest_client_t  *client;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "ingest: this worker "
                  "shuts down: publishers are asked to reconnect: %ui", n);

    clients = ngx_rtmp_ingest_clients();
    i = 0;

    for (q = ngx_queue_head(clients);
         q != ngx_queue_sentinel(clients);
         q = ngx_queue_next(q))
    {
        client = ngx_queue_data(q, ngx_rtmp_ingest_client_t, queue);

        time = ngx_rtmp_ingest_drain_time(client);
        if (time == 0) {
            continue;
        }

        /* the last ones need time to leave */
        time -= ngx_min(time / 2, NGX_RTMP_INGEST_DRAIN_LOOK
                                  + NGX_RTMP_INGEST_DRAIN_LEAVE);
        share = time / n;

        client->draining = 1;
        ngx_add_timer(&client->drain,
                      share * i + (share ? ngx_random() % share : 0));
        i++;
    }
}


void
ngx_rtmp_ingest_drain_handler(ngx_event_t *ev)
{
    ngx_rtmp_ingest_client_t  *client = ev->data;

    if (client->session->connection->destroyed) {
        return;
    }

    if (client->asked) {
        ngx_rtmp_finalize_session(client->session);
        return;
    }

    client->asked = 1;
    ngx_add_timer(ev, NGX_RTMP_INGEST_DRAIN_LEAVE);
    ngx_rtmp_ingest_drain_ask(client);
}


/*
 * Enhanced RTMP (v2) has a status for it.  Who does not know that one, as OBS
 * and ffmpeg, sees the end of the publication and then of what the server has
 * to say, and connects anew as after any loss.  Only then the connection is
 * closed: a reset would take the answer away from who still sends.
 */
static void
ngx_rtmp_ingest_drain_ask(ngx_rtmp_ingest_client_t *client)
{
    ngx_rtmp_session_t       *s;
    ngx_rtmp_close_stream_t   v;

    s = client->session;

    (void) ngx_rtmp_send_status(s, "NetConnection.Connect.ReconnectRequest",
                                "status", "The server is updated: reconnect");

    ngx_memzero(&v, sizeof(v));
    v.stream = NGX_RTMP_INGEST_STREAM;

    if (ngx_rtmp_close_stream(s, &v) != NGX_OK) {
        ngx_rtmp_finalize_session(s);
        return;
    }

    if (s->out_chain == NULL && s->connection->fd != (ngx_socket_t) -1) {
        (void) ngx_shutdown_socket(s->connection->fd, SHUT_WR);
    }
}
