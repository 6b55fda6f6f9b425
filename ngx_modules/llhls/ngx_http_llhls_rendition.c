
/* The renditions that this worker was asked for. */


#include "llhls/ngx_http_llhls.h"


#define NGX_HTTP_LLHLS_BUCKETS  8192             /* a power of two */
#define NGX_HTTP_LLHLS_IDLE_MS  30000


typedef struct {
    ngx_http_llhls_rendition_t  **buckets;
    ngx_http_llhls_rendition_t  **topics;
    ngx_queue_t                   recent;
} ngx_http_llhls_renditions_t;


/* What the store knows of a rendition. */
typedef struct {
    oa_live_session_t         session;
    oa_live_rendition_t       id;
    oa_live_session_info_t    info;
    oa_live_rendition_conf_t  conf;
} ngx_http_llhls_found_t;


static ngx_http_llhls_renditions_t  ngx_http_llhls_renditions;


ngx_int_t
ngx_http_llhls_renditions_init(ngx_cycle_t *cycle)
{
    ngx_http_llhls_renditions_t  *table;

    table = &ngx_http_llhls_renditions;

    table->buckets = ngx_pcalloc(cycle->pool, NGX_HTTP_LLHLS_BUCKETS
                                              * sizeof(table->buckets[0]));
    table->topics = ngx_pcalloc(cycle->pool, OA_LIVE_RENDITIONS
                                             * sizeof(table->topics[0]));
    if (table->buckets == NULL || table->topics == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&table->recent);

    return NGX_OK;
}


ngx_http_llhls_rendition_t *
ngx_http_llhls_rendition_of(ngx_uint_t topic)
{
    return ngx_http_llhls_renditions.topics[topic];
}


static void
ngx_http_llhls_age_set(ngx_http_llhls_rendition_t *rendition, ngx_uint_t i,
    ngx_str_t *value, ngx_uint_t seconds)
{
    value->data = rendition->ages[i];
    value->len = ngx_sprintf(value->data, "max-age=%ui", seconds)
                 - value->data;
}


static void
ngx_http_llhls_rendition_fill(ngx_http_llhls_rendition_t *rendition,
    const ngx_http_llhls_found_t *found)
{
    ngx_uint_t  seconds;

    rendition->session = found->session;
    rendition->id = found->id;

    seconds = ngx_max(found->info.conf.target_duration_s, 1);

    ngx_http_llhls_age_set(rendition, 0, &rendition->age_reload,
                           ngx_max(seconds / 2, 1));
    ngx_http_llhls_age_set(rendition, 1, &rendition->age_blocking,
                           6 * seconds);
    ngx_http_llhls_age_set(rendition, 2, &rendition->age_error, seconds);

    rendition->timeout = 3 * 1000 * seconds;
    rendition->part_target_ms = (ngx_uint_t)
                                oa_rescale(found->conf.part_target, 1000,
                                           found->conf.timescale);

    if (found->conf.kind == OA_LIVE_AUDIO) {
        ngx_str_set(&rendition->media_type, "audio/mp4");

    } else {
        ngx_str_set(&rendition->media_type, "video/mp4");
    }
}


static oa_err_t
ngx_http_llhls_rendition_find(const oa_hls_uri_t *uri,
    ngx_http_llhls_found_t *found)
{
    oa_err_t    err;
    oa_live_t  *live;

    live = ngx_onair_live();

    err = oa_live_find_id(live, uri->channel, uri->session_id,
                          &found->session);
    if (err != OA_OK) {
        return err;
    }

    err = oa_live_rendition_find(live, found->session, uri->rendition,
                                 &found->id);
    if (err != OA_OK) {
        return err;
    }

    err = oa_live_session_info(live, found->session, &found->info);
    if (err != OA_OK) {
        return err;
    }

    return oa_live_rendition_conf(live, found->id, &found->conf);
}


static void
ngx_http_llhls_rendition_link(ngx_http_llhls_rendition_t *rendition)
{
    ngx_http_llhls_rendition_t  **bucket, **topic;

    bucket = &ngx_http_llhls_renditions.buckets[rendition->hash
                                                & (NGX_HTTP_LLHLS_BUCKETS
                                                   - 1)];
    rendition->next = *bucket;
    *bucket = rendition;

    topic = &ngx_http_llhls_renditions.topics[rendition->id.index];
    rendition->topic_next = *topic;
    *topic = rendition;

    ngx_queue_insert_head(&ngx_http_llhls_renditions.recent,
                          &rendition->recent);
}


static ngx_http_llhls_rendition_t *
ngx_http_llhls_rendition_create(const oa_hls_uri_t *uri, ngx_str_t *path,
    uint64_t hash, oa_err_t *err)
{
    ngx_http_llhls_found_t       found;
    ngx_http_llhls_rendition_t  *rendition;

    *err = ngx_http_llhls_rendition_find(uri, &found);
    if (*err != OA_OK) {
        return NULL;
    }

    rendition = ngx_calloc(sizeof(ngx_http_llhls_rendition_t) + path->len,
                           ngx_cycle->log);
    if (rendition == NULL) {
        *err = OA_ENOMEM;
        return NULL;
    }

    rendition->hash = hash;
    rendition->path.len = path->len;
    rendition->path.data = (u_char *) (rendition + 1);
    ngx_memcpy(rendition->path.data, path->data, path->len);

    rendition->wanted = ngx_current_msec - NGX_HTTP_LLHLS_WANT_MS;
    ngx_http_llhls_rendition_fill(rendition, &found);
    ngx_http_llhls_wait_init(rendition);
    ngx_http_llhls_rendition_link(rendition);

    return rendition;
}


ngx_http_llhls_rendition_t *
ngx_http_llhls_rendition_get(const oa_hls_uri_t *uri, ngx_str_t *path,
    oa_err_t *err)
{
    uint64_t                     hash;
    ngx_http_llhls_rendition_t  *rendition;

    hash = oa_hash64(oa_slice(path->data, path->len));
    rendition = ngx_http_llhls_renditions.buckets[hash
                                                  & (NGX_HTTP_LLHLS_BUCKETS
                                                     - 1)];

    for ( /* void */ ; rendition; rendition = rendition->next) {
        if (rendition->hash == hash && rendition->path.len == path->len
            && ngx_memcmp(rendition->path.data, path->data, path->len) == 0)
        {
            break;
        }
    }

    if (rendition == NULL) {
        rendition = ngx_http_llhls_rendition_create(uri, path, hash, err);
        if (rendition == NULL) {
            return NULL;
        }
    }

    if (rendition->used != ngx_current_msec) {
        rendition->used = ngx_current_msec;
        ngx_queue_remove(&rendition->recent);
        ngx_queue_insert_head(&ngx_http_llhls_renditions.recent,
                              &rendition->recent);
    }

    return rendition;
}


void
ngx_http_llhls_rendition_want(ngx_http_llhls_rendition_t *rendition)
{
    if (ngx_current_msec - rendition->wanted < NGX_HTTP_LLHLS_WANT_MS) {
        return;
    }

    rendition->wanted = ngx_current_msec;
    oa_live_rendition_want(ngx_onair_live(), rendition->id,
                           ngx_onair_now_ms());
}


/* Another session's rendition may have got the same topic since. */
static ngx_uint_t
ngx_http_llhls_topic_watched(ngx_uint_t topic)
{
    ngx_http_llhls_rendition_t  *rendition;

    rendition = ngx_http_llhls_rendition_of(topic);

    for ( /* void */ ; rendition; rendition = rendition->topic_next) {
        if (rendition->watched) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_llhls_rendition_destroy(ngx_http_llhls_rendition_t *rendition)
{
    ngx_http_llhls_rendition_t  **link;

    link = &ngx_http_llhls_renditions.buckets[rendition->hash
                                              & (NGX_HTTP_LLHLS_BUCKETS - 1)];
    while (*link != rendition) {
        link = &(*link)->next;
    }

    *link = rendition->next;

    link = &ngx_http_llhls_renditions.topics[rendition->id.index];
    while (*link != rendition) {
        link = &(*link)->topic_next;
    }

    *link = rendition->topic_next;

    if (rendition->watched
        && !ngx_http_llhls_topic_watched(rendition->id.index))
    {
        ngx_onair_unwatch(rendition->id.index);
    }

    ngx_queue_remove(&rendition->recent);
    ngx_http_llhls_playlists_drop(rendition);
    ngx_free(rendition);
}


void
ngx_http_llhls_renditions_expire(void)
{
    ngx_queue_t                 *q, *prev;
    ngx_http_llhls_rendition_t  *rendition;

    for (q = ngx_queue_last(&ngx_http_llhls_renditions.recent);
         q != ngx_queue_sentinel(&ngx_http_llhls_renditions.recent);
         q = prev)
    {
        prev = ngx_queue_prev(q);
        rendition = ngx_queue_data(q, ngx_http_llhls_rendition_t, recent);

        if (ngx_current_msec - rendition->used < NGX_HTTP_LLHLS_IDLE_MS) {
            return;
        }

        if (rendition->nwaiting == 0) {
            ngx_http_llhls_rendition_destroy(rendition);
        }
    }
}
