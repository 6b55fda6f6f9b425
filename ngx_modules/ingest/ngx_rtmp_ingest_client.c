
/*
 * A connection, from its accept on: how many an address may have, how long
 * it may take until it sends media, and that it said "publish".
 */


#include "ngx_rtmp_ingest.h"
#include <ngx_rtmp_live_module.h>


/* Lists of connections, by a hash of their addresses; a power of 2. */
#define NGX_RTMP_INGEST_ADDRESSES  1024


static ngx_int_t ngx_rtmp_ingest_client_connect(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static void ngx_rtmp_ingest_client_address(ngx_rtmp_ingest_client_t *client,
    struct sockaddr *sa);
static ngx_uint_t ngx_rtmp_ingest_client_count(
    ngx_rtmp_ingest_client_t *client, ngx_queue_t *list);
static ngx_int_t ngx_rtmp_ingest_client_publish(ngx_rtmp_session_t *s);
static void ngx_rtmp_ingest_client_play(ngx_rtmp_session_t *s);
static void ngx_rtmp_ingest_client_wait(ngx_rtmp_ingest_client_t *client);
static void ngx_rtmp_ingest_client_setup(ngx_event_t *ev);
static const char *ngx_rtmp_ingest_client_late(
    ngx_rtmp_ingest_client_t *client);
static void ngx_rtmp_ingest_client_cleanup(void *data);


static ngx_queue_t  ngx_rtmp_ingest_client_list;
static ngx_queue_t  ngx_rtmp_ingest_addresses[NGX_RTMP_INGEST_ADDRESSES];


ngx_int_t
ngx_rtmp_ingest_client_init(ngx_conf_t *cf)
{
    ngx_rtmp_handler_pt        *h;
    ngx_rtmp_core_main_conf_t  *cmcf;

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);

    h = ngx_array_push(&cmcf->events[NGX_RTMP_CONNECT]);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_rtmp_ingest_client_connect;

    return NGX_OK;
}


void
ngx_rtmp_ingest_clients_init(void)
{
    ngx_uint_t  i;

    ngx_queue_init(&ngx_rtmp_ingest_client_list);

    for (i = 0; i < NGX_RTMP_INGEST_ADDRESSES; i++) {
        ngx_queue_init(&ngx_rtmp_ingest_addresses[i]);
    }
}


ngx_queue_t *
ngx_rtmp_ingest_clients(void)
{
    return &ngx_rtmp_ingest_client_list;
}


ngx_rtmp_ingest_client_t *
ngx_rtmp_ingest_client(ngx_rtmp_session_t *s)
{
    ngx_pool_cleanup_t        *cln;
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);
    if (client) {
        return client;
    }

    client = ngx_pcalloc(s->connection->pool, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(s->connection->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    client->session = s;

    client->setup.handler = ngx_rtmp_ingest_client_setup;
    client->setup.data = client;
    client->setup.log = s->connection->log;
    client->setup.cancelable = 1;

    client->drain.handler = ngx_rtmp_ingest_drain_handler;
    client->drain.data = client;
    client->drain.log = s->connection->log;
    client->drain.cancelable = 1;

    ngx_queue_insert_tail(&ngx_rtmp_ingest_client_list, &client->queue);
    ngx_queue_init(&client->neighbours);

    cln->handler = ngx_rtmp_ingest_client_cleanup;
    cln->data = client;

    ngx_rtmp_set_ctx(s, client, ngx_rtmp_ingest_module);
    ngx_rtmp_ingest_drain_watch();

    return client;
}


static void
ngx_rtmp_ingest_client_cleanup(void *data)
{
    ngx_rtmp_ingest_client_t  *client = data;

    ngx_queue_remove(&client->queue);
    ngx_queue_remove(&client->neighbours);
    ngx_rtmp_ingest_forget(client);

    if (client->setup.timer_set) {
        ngx_del_timer(&client->setup);
    }

    if (client->drain.timer_set) {
        ngx_del_timer(&client->drain);
    }
}


/* --- accepted ----------------------------------------------------------- */

static ngx_int_t
ngx_rtmp_ingest_client_connect(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    ngx_queue_t                 *list;
    ngx_connection_t            *c;
    ngx_rtmp_ingest_client_t    *client;
    ngx_rtmp_ingest_srv_conf_t  *iscf;

    c = s->connection;

    /* this server's own: to others, and between its workers */
    if (c->listening == NULL || c->sockaddr->sa_family == AF_UNIX) {
        return NGX_OK;
    }

    client = ngx_rtmp_ingest_client(s);
    if (client == NULL) {
        return NGX_ERROR;
    }

    /* nginx-rtmp answers in pieces; each would wait for the one before */
    if (ngx_tcp_nodelay(c) != NGX_OK) {
        return NGX_ERROR;
    }

    iscf = ngx_rtmp_get_module_srv_conf(s, ngx_rtmp_ingest_module);

    ngx_rtmp_ingest_client_address(client, c->sockaddr);
    list = &ngx_rtmp_ingest_addresses[ngx_murmur_hash2(client->address,
                                                       client->address_size)
                                      % NGX_RTMP_INGEST_ADDRESSES];

    if (iscf->connections
        && ngx_rtmp_ingest_client_count(client, list)
           >= (ngx_uint_t) iscf->connections)
    {
        if (ngx_rtmp_ingest_may_log(c->log)) {
            ngx_log_error(NGX_LOG_INFO, c->log, 0, "ingest: session closed: "
                          "%i connections of its address are open",
                          iscf->connections);
        }

        return NGX_ERROR;
    }

    ngx_queue_insert_head(list, &client->neighbours);
    ngx_rtmp_ingest_client_wait(client);

    return NGX_OK;
}


/* Of IPv6 the network: who has one has all 2^64 addresses in it. */
static void
ngx_rtmp_ingest_client_address(ngx_rtmp_ingest_client_t *client,
    struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        client->address_size = 4;
        ngx_memcpy(client->address, &((struct sockaddr_in *) sa)->sin_addr, 4);
    }

#if (NGX_HAVE_INET6)
    if (sa->sa_family == AF_INET6) {
        client->address_size = 8;
        ngx_memcpy(client->address, &((struct sockaddr_in6 *) sa)->sin6_addr,
                   8);

        if (IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *) sa)->sin6_addr)) {
            client->address_size = 16;
            ngx_memcpy(client->address,
                       &((struct sockaddr_in6 *) sa)->sin6_addr, 16);
        }
    }
#endif
}


static ngx_uint_t
ngx_rtmp_ingest_client_count(ngx_rtmp_ingest_client_t *client,
    ngx_queue_t *list)
{
    ngx_uint_t                 n;
    ngx_queue_t               *q;
    ngx_rtmp_ingest_client_t  *other;

    n = 0;

    for (q = ngx_queue_head(list);
         q != ngx_queue_sentinel(list);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_rtmp_ingest_client_t, neighbours);

        n += other->address_size == client->address_size
             && ngx_memcmp(other->address, client->address,
                           client->address_size) == 0;
    }

    return n;
}


/* --- until it sends media ----------------------------------------------- */

/*
 * From the guard, before any module's handler: another one may answer to
 * "publish" in nginx-rtmp's place.
 */
ngx_int_t
ngx_rtmp_ingest_client_command(ngx_rtmp_session_t *s, oa_slice_t message)
{
    size_t         len;
    const u_char  *name;

    /* a string: its type, 16 bits of length; any case, as nginx-rtmp has it */
    if (message.size < 3 || message.data[0] != NGX_RTMP_AMF_STRING) {
        return NGX_OK;
    }

    len = oa_get_u16(message.data + 1);
    name = message.data + 3;

    if (len > message.size - 3) {
        return NGX_OK;
    }

    if (len == sizeof("publish") - 1
        && ngx_strncasecmp((u_char *) name, (u_char *) "publish", len) == 0)
    {
        return ngx_rtmp_ingest_client_publish(s);
    }

    /* "play" and "play2" */
    if ((len == sizeof("play") - 1 || len == sizeof("play2") - 1)
        && ngx_strncasecmp((u_char *) name, (u_char *) "play2", len) == 0)
    {
        ngx_rtmp_ingest_client_play(s);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_ingest_client_publish(ngx_rtmp_session_t *s)
{
    ngx_rtmp_ingest_client_t    *client;
    ngx_rtmp_ingest_app_conf_t  *iacf;

    if (s->auto_pushed || s->relay || s->app_conf == NULL) {
        return NGX_OK;
    }

    iacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_ingest_module);

    if (!iacf->enable) {
        return NGX_OK;
    }

    client = ngx_rtmp_ingest_client(s);
    if (client == NULL) {
        return NGX_ERROR;
    }

    client->expected = 1;

    return NGX_OK;
}


static void
ngx_rtmp_ingest_client_play(ngx_rtmp_session_t *s)
{
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (client && s->app_conf) {
        client->plays = 1;
    }
}


void
ngx_rtmp_ingest_unpublish(ngx_rtmp_session_t *s)
{
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (client == NULL) {
        return;
    }

    ngx_rtmp_ingest_forget(client);

    if (client->publisher) {
        ngx_rtmp_ingest_publisher_stop(client->publisher);
    }

    if (!s->connection->destroyed && client->address_size) {
        ngx_rtmp_ingest_client_wait(client);
    }
}


static void
ngx_rtmp_ingest_client_wait(ngx_rtmp_ingest_client_t *client)
{
    ngx_rtmp_ingest_srv_conf_t  *iscf;

    iscf = ngx_rtmp_get_module_srv_conf(client->session,
                                        ngx_rtmp_ingest_module);

    /* not put off by one who begins again and again */
    if (iscf->setup_timeout && !client->setup.timer_set) {
        ngx_add_timer(&client->setup, iscf->setup_timeout);
    }
}


static void
ngx_rtmp_ingest_client_setup(ngx_event_t *ev)
{
    const char                *reason;
    ngx_rtmp_session_t        *s;
    ngx_rtmp_ingest_client_t  *client = ev->data;

    s = client->session;

    if (s->connection->destroyed) {
        return;
    }

    reason = ngx_rtmp_ingest_client_late(client);
    if (reason == NULL) {
        return;
    }

    if (ngx_rtmp_ingest_may_log(ev->log)) {
        ngx_log_error(NGX_LOG_INFO, ev->log, 0,
                      "ingest: session closed: %s", reason);
    }

    ngx_rtmp_finalize_session(s);
}


/* What a session has not done in time; NULL: it has. */
static const char *
ngx_rtmp_ingest_client_late(ngx_rtmp_ingest_client_t *client)
{
    ngx_rtmp_session_t           *s;
    ngx_rtmp_live_ctx_t          *lctx;
    ngx_rtmp_ingest_publisher_t  *pub;

    s = client->session;
    pub = client->publisher;

    if (client->plays || s->relay || s->auto_pushed) {
        return NULL;
    }

    if (pub && ngx_rtmp_ingest_publisher_admitted(pub)) {
        return pub->bytes ? NULL : "no media in time";
    }

    /* somebody is thinking about it, and has a time limit of their own */
    if (client->expected) {
        ngx_rtmp_ingest_client_wait(client);
        return NULL;
    }

    if (s->app_conf == NULL) {
        return "no \"connect\" in time";
    }

    lctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_live_module);

    return lctx && lctx->stream ? NULL : "no \"publish\" in time";
}
