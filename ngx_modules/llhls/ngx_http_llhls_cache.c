
/* Buffers that all requests of this worker share. */


#include "llhls/ngx_http_llhls.h"


#define NGX_HTTP_LLHLS_BUF_BUCKETS  16384        /* a power of two */
#define NGX_HTTP_LLHLS_BUF_IDLE_MS  20000


typedef struct {
    ngx_http_llhls_buf_t  **buckets;
    ngx_queue_t             recent;
    size_t                  size;
    size_t                  limit;
} ngx_http_llhls_cache_t;


static ngx_http_llhls_cache_t  ngx_http_llhls_cache;


ngx_int_t
ngx_http_llhls_cache_init(ngx_cycle_t *cycle, size_t limit)
{
    ngx_http_llhls_cache_t  *cache;

    cache = &ngx_http_llhls_cache;

    cache->buckets = ngx_pcalloc(cycle->pool, NGX_HTTP_LLHLS_BUF_BUCKETS
                                              * sizeof(cache->buckets[0]));
    if (cache->buckets == NULL) {
        return NGX_ERROR;
    }

    cache->limit = limit;
    ngx_queue_init(&cache->recent);

    return NGX_OK;
}


ngx_http_llhls_buf_t *
ngx_http_llhls_buf_create(size_t size)
{
    ngx_http_llhls_buf_t  *buf;

    buf = ngx_alloc(sizeof(ngx_http_llhls_buf_t) + size, ngx_cycle->log);
    if (buf == NULL) {
        return NULL;
    }

    ngx_memzero(buf, sizeof(ngx_http_llhls_buf_t));
    buf->refs = 1;
    buf->size = size;

    return buf;
}


void
ngx_http_llhls_buf_release(ngx_http_llhls_buf_t *buf)
{
    if (buf != NULL && --buf->refs == 0) {
        ngx_free(buf);
    }
}


static ngx_http_llhls_buf_t **
ngx_http_llhls_cache_bucket(const ngx_http_llhls_key_t *key)
{
    uint64_t  hash;

    hash = key->session_id ^ ((uint64_t) key->topic << 32 | key->number);
    hash = (hash ^ ((uint64_t) key->kind << 56 | key->part))
           * 0x9e3779b97f4a7c15ull;

    return &ngx_http_llhls_cache.buckets[hash >> 32
                                         & (NGX_HTTP_LLHLS_BUF_BUCKETS - 1)];
}


static void
ngx_http_llhls_cache_remove(ngx_http_llhls_buf_t *buf)
{
    ngx_http_llhls_buf_t  **link;

    link = ngx_http_llhls_cache_bucket(&buf->key);

    while (*link != buf) {
        link = &(*link)->next;
    }

    *link = buf->next;
    ngx_queue_remove(&buf->recent);
    ngx_http_llhls_cache.size -= sizeof(ngx_http_llhls_buf_t) + buf->size;

    ngx_http_llhls_buf_release(buf);
}


static ngx_http_llhls_buf_t *
ngx_http_llhls_cache_oldest(void)
{
    if (ngx_queue_empty(&ngx_http_llhls_cache.recent)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_last(&ngx_http_llhls_cache.recent),
                          ngx_http_llhls_buf_t, recent);
}


ngx_http_llhls_buf_t *
ngx_http_llhls_cache_find(const ngx_http_llhls_key_t *key)
{
    ngx_http_llhls_buf_t  *buf;

    for (buf = *ngx_http_llhls_cache_bucket(key); buf; buf = buf->next) {
        if (ngx_memcmp(&buf->key, key, sizeof(ngx_http_llhls_key_t)) == 0) {
            break;
        }
    }

    if (buf != NULL && buf->used != ngx_current_msec) {
        buf->used = ngx_current_msec;
        ngx_queue_remove(&buf->recent);
        ngx_queue_insert_head(&ngx_http_llhls_cache.recent, &buf->recent);
    }

    return buf;
}


void
ngx_http_llhls_cache_insert(ngx_http_llhls_buf_t *buf)
{
    ngx_http_llhls_buf_t    *oldest, **bucket;
    ngx_http_llhls_cache_t  *cache;

    cache = &ngx_http_llhls_cache;
    bucket = ngx_http_llhls_cache_bucket(&buf->key);

    buf->next = *bucket;
    *bucket = buf;
    buf->used = ngx_current_msec;
    ngx_queue_insert_head(&cache->recent, &buf->recent);
    cache->size += sizeof(ngx_http_llhls_buf_t) + buf->size;

    /* the one just come stays, its request still needs it */
    while (cache->size > cache->limit) {
        oldest = ngx_http_llhls_cache_oldest();
        if (oldest == buf) {
            break;
        }

        ngx_http_llhls_cache_remove(oldest);
    }
}


void
ngx_http_llhls_cache_expire(void)
{
    ngx_http_llhls_buf_t  *oldest;

    for ( ;; ) {
        oldest = ngx_http_llhls_cache_oldest();

        if (oldest == NULL
            || ngx_current_msec - oldest->used < NGX_HTTP_LLHLS_BUF_IDLE_MS)
        {
            return;
        }

        ngx_http_llhls_cache_remove(oldest);
    }
}
