
/*
 * Multivariant playlists: rendered once a second and channel.  A player that
 * comes while a broadcast begins is held until there is something to play.
 */


#include "llhls/ngx_http_llhls.h"


#define NGX_HTTP_LLHLS_CHANNEL_BUCKETS  2048     /* a power of two */
#define NGX_HTTP_LLHLS_CHANNEL_IDLE_MS  30000
#define NGX_HTTP_LLHLS_FRESH_MS         1000
#define NGX_HTTP_LLHLS_BEGIN_MS         100


typedef struct ngx_http_llhls_channel_s  ngx_http_llhls_channel_t;

struct ngx_http_llhls_channel_s {
    uint64_t                   hash;     /* of the name */
    oa_live_session_t          session;
    ngx_msec_t                 rendered;
    ngx_msec_t                 used;
    ngx_queue_t                queue;    /* of all, newest first */
    ngx_http_llhls_channel_t  *next;     /* in its bucket */
    ngx_http_llhls_buf_t      *plain;
    ngx_http_llhls_buf_t      *packed;   /* NULL until needed */
    ngx_str_t                  cache_control;
    u_char                     age[sizeof("max-age=") + NGX_INT_T_LEN];
    size_t                     name_len;
    u_char                     name[];
};


/* A request held until its channel has begun. */
typedef struct {
    ngx_event_t          timer;
    ngx_msec_t           deadline;
    ngx_http_request_t  *request;
    size_t               channel_len;
    u_char               channel[OA_LIVE_CHANNEL_BYTES];
} ngx_http_llhls_begin_t;


typedef struct {
    ngx_http_llhls_channel_t  **buckets;
    ngx_queue_t                 queue;
} ngx_http_llhls_channels_t;


static ngx_http_llhls_channels_t  ngx_http_llhls_channels;

static ngx_str_t  ngx_http_llhls_age_offline = ngx_string("max-age=2");


ngx_int_t
ngx_http_llhls_multivariant_init(ngx_cycle_t *cycle)
{
    ngx_http_llhls_channels.buckets =
        ngx_pcalloc(cycle->pool, NGX_HTTP_LLHLS_CHANNEL_BUCKETS
                                 * sizeof(ngx_http_llhls_channel_t *));
    if (ngx_http_llhls_channels.buckets == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&ngx_http_llhls_channels.queue);

    return NGX_OK;
}


/* --- the table ------------------------------------------------------- */


static ngx_http_llhls_channel_t **
ngx_http_llhls_channel_bucket(uint64_t hash)
{
    return &ngx_http_llhls_channels.buckets[hash
                                            & (NGX_HTTP_LLHLS_CHANNEL_BUCKETS
                                               - 1)];
}


static ngx_http_llhls_channel_t *
ngx_http_llhls_channel_find(oa_slice_t name, uint64_t hash)
{
    ngx_http_llhls_channel_t  *channel;

    for (channel = *ngx_http_llhls_channel_bucket(hash);
         channel;
         channel = channel->next)
    {
        if (channel->hash == hash && channel->name_len == name.size
            && ngx_memcmp(channel->name, name.data, name.size) == 0)
        {
            break;
        }
    }

    return channel;
}


static ngx_http_llhls_channel_t *
ngx_http_llhls_channel_create(oa_slice_t name, uint64_t hash)
{
    ngx_http_llhls_channel_t  *channel, **bucket;

    channel = ngx_calloc(sizeof(ngx_http_llhls_channel_t) + name.size,
                         ngx_cycle->log);
    if (channel == NULL) {
        return NULL;
    }

    channel->hash = hash;
    channel->name_len = name.size;
    ngx_memcpy(channel->name, name.data, name.size);

    bucket = ngx_http_llhls_channel_bucket(hash);
    channel->next = *bucket;
    *bucket = channel;
    ngx_queue_insert_head(&ngx_http_llhls_channels.queue, &channel->queue);

    return channel;
}


static void
ngx_http_llhls_channel_drop(ngx_http_llhls_channel_t *channel)
{
    ngx_http_llhls_buf_release(channel->plain);
    ngx_http_llhls_buf_release(channel->packed);
    channel->plain = NULL;
    channel->packed = NULL;
}


static void
ngx_http_llhls_channel_destroy(ngx_http_llhls_channel_t *channel)
{
    ngx_http_llhls_channel_t  **link;

    link = ngx_http_llhls_channel_bucket(channel->hash);

    while (*link != channel) {
        link = &(*link)->next;
    }

    *link = channel->next;
    ngx_queue_remove(&channel->queue);
    ngx_http_llhls_channel_drop(channel);
    ngx_free(channel);
}


void
ngx_http_llhls_multivariant_expire(void)
{
    ngx_queue_t               *q, *next;
    ngx_http_llhls_channel_t  *channel;

    for (q = ngx_queue_head(&ngx_http_llhls_channels.queue);
         q != ngx_queue_sentinel(&ngx_http_llhls_channels.queue);
         q = next)
    {
        next = ngx_queue_next(q);
        channel = ngx_queue_data(q, ngx_http_llhls_channel_t, queue);

        if (ngx_current_msec - channel->used
            >= NGX_HTTP_LLHLS_CHANNEL_IDLE_MS)
        {
            ngx_http_llhls_channel_destroy(channel);
        }
    }
}


/* --- rendering ------------------------------------------------------- */


/* Whether all is there that a multivariant playlist says of a rendition. */
static ngx_uint_t
ngx_http_llhls_rendition_load(oa_live_rendition_t id,
    const oa_live_edge_t *edge, oa_hls_rendition_t *rendition)
{
    oa_live_t  *live;

    live = ngx_onair_live();
    rendition->presence = edge->presence;

    return (edge->head != 0 || edge->presence != OA_LIVE_AWAKE)
           && oa_live_rendition_conf(live, id, &rendition->conf) == OA_OK
           && oa_live_format_get(live, id, &rendition->format) == OA_OK
           && oa_live_stats_get(live, id, &rendition->stats) == OA_OK;
}


/*
 * OA_EAGAIN: not every rendition has begun, and none is past its start; none
 * has, of those that do not sleep.
 */
static oa_err_t
ngx_http_llhls_renditions_load(const oa_live_session_info_t *info,
    oa_hls_rendition_t *renditions, unsigned *n)
{
    uint32_t        i;
    ngx_uint_t      begun, missing, past;
    oa_live_edge_t  edge;

    begun = 0;
    missing = 0;
    past = 0;
    *n = 0;

    for (i = 0; i < info->nrenditions; i++) {
        if (oa_live_edge(ngx_onair_live(), info->renditions[i], &edge)
            != OA_OK)
        {
            missing++;
            continue;
        }

        if (!ngx_http_llhls_rendition_load(info->renditions[i], &edge,
                                           &renditions[*n]))
        {
            missing += edge.presence != OA_LIVE_WITHDRAWN;
            continue;
        }

        begun += edge.head != 0;
        past += edge.complete || edge.msn > 0;
        (*n)++;
    }

    return begun != 0 && (missing == 0 || past) ? OA_OK : OA_EAGAIN;
}


static oa_err_t
ngx_http_llhls_channel_render(ngx_http_llhls_channel_t *channel,
    const oa_live_session_info_t *info)
{
    u_char                 text[1024 * (OA_LIVE_SESSION_RENDITIONS + 1)];
    oa_err_t               err;
    ngx_uint_t             seconds;
    oa_writer_t            writer;
    oa_hls_rendition_t     renditions[OA_LIVE_SESSION_RENDITIONS];
    oa_hls_multivariant_t  multivariant;

    err = ngx_http_llhls_renditions_load(info, renditions,
                                         &multivariant.nrenditions);
    if (err != OA_OK) {
        return err;
    }

    multivariant.session_id = info->session.id;
    multivariant.renditions = renditions;

    oa_writer_init(&writer, text, sizeof(text));

    err = oa_hls_multivariant_render(&multivariant, &writer);
    if (err != OA_OK) {
        return err;
    }

    ngx_http_llhls_channel_drop(channel);

    channel->plain = ngx_http_llhls_buf_create(oa_writer_size(&writer));
    if (channel->plain == NULL) {
        return OA_ENOMEM;
    }

    ngx_memcpy(channel->plain->data, text, channel->plain->size);

    seconds = ngx_max(info->conf.target_duration_s / 2, 1);
    channel->cache_control.data = channel->age;
    channel->cache_control.len = ngx_sprintf(channel->age, "max-age=%ui",
                                             seconds)
                                 - channel->age;
    channel->session = info->session;
    channel->rendered = ngx_current_msec;

    return OA_OK;
}


/* A session that has ended may have a successor at any moment. */
static ngx_uint_t
ngx_http_llhls_channel_fresh(ngx_http_llhls_channel_t *channel)
{
    oa_live_session_info_t  info;

    return channel->plain != NULL
           && ngx_current_msec - channel->rendered < NGX_HTTP_LLHLS_FRESH_MS
           && oa_live_session_info(ngx_onair_live(), channel->session, &info)
              == OA_OK
           && info.state != OA_LIVE_ENDED;
}


/*
 * OA_EAGAIN: the broadcast begins; *timeout is how long to wait for it.
 * OA_ENOTFOUND: there is none.
 */
static oa_err_t
ngx_http_llhls_channel_get(oa_slice_t name, ngx_msec_t *timeout,
    ngx_http_llhls_channel_t **found)
{
    uint64_t                   hash;
    oa_err_t                   err;
    oa_live_session_t          session;
    oa_live_session_info_t     info;
    ngx_http_llhls_channel_t  *channel;

    hash = oa_hash64(name);
    channel = ngx_http_llhls_channel_find(name, hash);

    if (channel == NULL || !ngx_http_llhls_channel_fresh(channel)) {
        err = oa_live_find(ngx_onair_live(), name, &session);
        if (err != OA_OK) {
            return err;
        }

        err = oa_live_session_info(ngx_onair_live(), session, &info);
        if (err != OA_OK) {
            return err;
        }

        if (channel == NULL) {
            channel = ngx_http_llhls_channel_create(name, hash);
            if (channel == NULL) {
                return OA_ENOMEM;
            }

            channel->used = ngx_current_msec;
        }

        *timeout = 3 * 1000 * ngx_max(info.conf.target_duration_s, 1);

        err = ngx_http_llhls_channel_render(channel, &info);
        if (err != OA_OK) {
            return err == OA_EAGAIN && info.state == OA_LIVE_ENDED
                   ? OA_ENOTFOUND : err;
        }
    }

    channel->used = ngx_current_msec;
    *found = channel;

    return OA_OK;
}


static ngx_int_t
ngx_http_llhls_channel_send(ngx_http_request_t *r,
    ngx_http_llhls_channel_t *channel)
{
    ngx_uint_t             gzip;
    ngx_http_llhls_buf_t  *buf;

    gzip = ngx_http_llhls_accepts_gzip(r);
    buf = channel->plain;

    if (gzip) {
        if (channel->packed == NULL) {
            channel->packed = ngx_http_llhls_gzip(channel->plain);
        }

        buf = channel->packed;
    }

    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llhls_send_playlist(r, buf, gzip,
                                        &channel->cache_control);
}


/* --- a broadcast that begins ----------------------------------------- */


static void
ngx_http_llhls_begin_cleanup(void *data)
{
    ngx_http_llhls_begin_t  *begin = data;

    if (begin->timer.timer_set) {
        ngx_del_timer(&begin->timer);
    }

    if (begin->request != NULL) {
        begin->request = NULL;
        ngx_http_llhls_waiting_add(-1);
    }
}


/*
 * Nobody tells that a session got its renditions, since they are what one
 * listens to; so this looks, for the second or so that it takes.
 */
static void
ngx_http_llhls_begin_look(ngx_event_t *ev)
{
    oa_err_t                   err;
    ngx_int_t                  rc;
    ngx_msec_t                 timeout;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_llhls_begin_t    *begin;
    ngx_http_llhls_channel_t  *channel;

    begin = ev->data;
    r = begin->request;
    c = r->connection;

    err = ngx_http_llhls_channel_get(oa_slice(begin->channel,
                                              begin->channel_len),
                                     &timeout, &channel);

    if (err == OA_EAGAIN
        && (ngx_msec_int_t) (begin->deadline - ngx_current_msec) > 0)
    {
        ngx_add_timer(ev, NGX_HTTP_LLHLS_BEGIN_MS);
        return;
    }

    ngx_http_llhls_begin_cleanup(begin);
    ngx_http_set_log_request(c->log, r);

    rc = err == OA_OK ? ngx_http_llhls_channel_send(r, channel)
                      : ngx_http_llhls_error(r, ngx_http_llhls_status(err),
                                             &ngx_http_llhls_no_store);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_llhls_begin_wait(ngx_http_request_t *r, oa_slice_t channel,
    ngx_msec_t timeout)
{
    ngx_http_cleanup_t      *cln;
    ngx_http_llhls_begin_t  *begin;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_llhls_begin_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    begin = cln->data;
    ngx_memzero(begin, sizeof(ngx_http_llhls_begin_t));
    cln->handler = ngx_http_llhls_begin_cleanup;

    begin->request = r;
    begin->deadline = ngx_current_msec + timeout;
    begin->channel_len = channel.size;
    ngx_memcpy(begin->channel, channel.data, channel.size);

    begin->timer.handler = ngx_http_llhls_begin_look;
    begin->timer.data = begin;
    begin->timer.log = r->connection->log;

    ngx_add_timer(&begin->timer, NGX_HTTP_LLHLS_BEGIN_MS);
    ngx_http_llhls_waiting_add(1);
    ngx_http_llhls_hold(r);

    return NGX_DONE;
}


ngx_int_t
ngx_http_llhls_multivariant_handler(ngx_http_request_t *r,
    oa_slice_t name)
{
    oa_err_t                   err;
    ngx_msec_t                 timeout;
    ngx_http_llhls_channel_t  *channel;

    err = ngx_http_llhls_channel_get(name, &timeout, &channel);

    if (err == OA_OK) {
        return ngx_http_llhls_channel_send(r, channel);
    }

    if (err == OA_EAGAIN) {
        return ngx_http_llhls_begin_wait(r, name, timeout);
    }

    return ngx_http_llhls_error(r, ngx_http_llhls_status(err),
                                &ngx_http_llhls_age_offline);
}
