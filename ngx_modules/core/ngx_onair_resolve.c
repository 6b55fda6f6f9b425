
/* Names of hosts, looked up in the thread pool. */


#include "core/ngx_onair_resolve.h"

#include <ngx_event.h>
#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif

#include <netdb.h>
#ifdef __GLIBC__
#include <resolv.h>
#endif


/* Seconds before a name server is asked again; it doubles each time. */
#define NGX_ONAIR_RESOLVE_WAIT   1
#define NGX_ONAIR_RESOLVE_TRIES  2


/* One name under way; several may wait for it. */
typedef struct {
    ngx_queue_t   queue;                     /* of all lookups */
    ngx_queue_t   waiting;                   /* ngx_onair_resolve_t */
    ngx_pool_t   *pool;                      /* that holds this too */
    ngx_uint_t    naddrs;
    ngx_str_t     addrs[NGX_ONAIR_RESOLVE_ADDRS];
    char          text[NGX_ONAIR_RESOLVE_ADDRS][INET6_ADDRSTRLEN + 16];
    int           failed;                    /* an EAI_ code */
    char          host[NGX_ONAIR_RESOLVE_NAME + 1];
} ngx_onair_lookup_t;


struct ngx_onair_resolve_s {
    ngx_queue_t            queue;
    ngx_onair_resolve_pt   handler;
    void                  *ctx;
};


ngx_uint_t
ngx_onair_is_address(const char *host)
{
    struct addrinfo  hints, *list;

    ngx_memzero(&hints, sizeof(hints));
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;

    /* with this flag it asks nobody */
    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return 0;
    }

    freeaddrinfo(list);

    return 1;
}


#if (NGX_THREADS)

static ngx_queue_t  ngx_onair_lookups;


struct ngx_thread_pool_s *
ngx_onair_threads(ngx_conf_t *cf)
{
    return ngx_thread_pool_add(cf, NULL);
}


/*
 * A worker that ends waits for its threads, and is killed when they take
 * long: this thread does not ask as patiently as resolv.conf may say.
 */
static void
ngx_onair_lookup_hurry(void)
{
#ifdef __GLIBC__
    if (res_init() != 0) {
        return;
    }

    _res.retrans = ngx_min(_res.retrans, NGX_ONAIR_RESOLVE_WAIT);
    _res.retry = ngx_min(_res.retry, NGX_ONAIR_RESOLVE_TRIES);
#endif
}


/* In a thread of the pool: touches nothing but the lookup's own fields. */
static void
ngx_onair_lookup_run(void *data, ngx_log_t *log)
{
    char                 *text;
    struct addrinfo       hints, *list, *ai;
    ngx_onair_lookup_t  **ctx, *lookup;

    (void) log;

    ctx = data;
    lookup = *ctx;

    ngx_memzero(&hints, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;

    ngx_onair_lookup_hurry();

    lookup->failed = getaddrinfo(lookup->host, NULL, &hints, &list);
    if (lookup->failed) {
        return;
    }

    for (ai = list; ai && lookup->naddrs < NGX_ONAIR_RESOLVE_ADDRS;
         ai = ai->ai_next)
    {
        text = lookup->text[lookup->naddrs];

        if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text,
                        sizeof(lookup->text[0]), NULL, 0, NI_NUMERICHOST)
            == 0)
        {
            lookup->naddrs++;
        }
    }

    freeaddrinfo(list);
}


static void
ngx_onair_lookup_done(ngx_event_t *ev)
{
    const char           *error;
    ngx_uint_t            i;
    ngx_queue_t          *q;
    ngx_onair_lookup_t   *lookup;
    ngx_onair_resolve_t  *resolve;

    lookup = ev->data;
    ngx_queue_remove(&lookup->queue);

    for (i = 0; i < lookup->naddrs; i++) {
        lookup->addrs[i].data = (u_char *) lookup->text[i];
        lookup->addrs[i].len = ngx_strlen(lookup->text[i]);
    }

    error = NULL;

    if (lookup->naddrs == 0) {
        error = lookup->failed ? gai_strerror(lookup->failed)
                               : "no usable address";
    }

    while (!ngx_queue_empty(&lookup->waiting)) {
        q = ngx_queue_head(&lookup->waiting);
        ngx_queue_remove(q);

        resolve = ngx_queue_data(q, ngx_onair_resolve_t, queue);
        resolve->handler(resolve->ctx, lookup->addrs, lookup->naddrs, error);
        ngx_free(resolve);
    }

    ngx_destroy_pool(lookup->pool);
}


static ngx_onair_lookup_t *
ngx_onair_lookup_find(const char *host)
{
    ngx_queue_t         *q;
    ngx_onair_lookup_t  *lookup;

    if (ngx_onair_lookups.next == NULL) {
        ngx_queue_init(&ngx_onair_lookups);
    }

    for (q = ngx_queue_head(&ngx_onair_lookups);
         q != ngx_queue_sentinel(&ngx_onair_lookups);
         q = ngx_queue_next(q))
    {
        lookup = ngx_queue_data(q, ngx_onair_lookup_t, queue);

        if (ngx_strcmp(lookup->host, host) == 0) {
            return lookup;
        }
    }

    return NULL;
}


static ngx_onair_lookup_t *
ngx_onair_lookup_start(struct ngx_thread_pool_s *threads, const char *host)
{
    ngx_pool_t           *pool;
    ngx_thread_task_t    *task;
    ngx_onair_lookup_t   *lookup, **ctx;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    lookup = ngx_pcalloc(pool, sizeof(ngx_onair_lookup_t));
    task = ngx_thread_task_alloc(pool, sizeof(ngx_onair_lookup_t *));

    if (lookup == NULL || task == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    lookup->pool = pool;
    ngx_queue_init(&lookup->waiting);
    (void) ngx_cpystrn((u_char *) lookup->host, (u_char *) host,
                       sizeof(lookup->host));

    ctx = task->ctx;
    *ctx = lookup;
    task->handler = ngx_onair_lookup_run;
    task->event.handler = ngx_onair_lookup_done;
    task->event.data = lookup;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(threads, task) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_queue_insert_tail(&ngx_onair_lookups, &lookup->queue);

    return lookup;
}


ngx_onair_resolve_t *
ngx_onair_resolve(struct ngx_thread_pool_s *threads, const char *host,
    ngx_onair_resolve_pt handler, void *ctx)
{
    ngx_onair_lookup_t   *lookup;
    ngx_onair_resolve_t  *resolve;

    if (ngx_strlen(host) > NGX_ONAIR_RESOLVE_NAME) {
        return NULL;
    }

    resolve = ngx_alloc(sizeof(ngx_onair_resolve_t), ngx_cycle->log);
    if (resolve == NULL) {
        return NULL;
    }

    lookup = ngx_onair_lookup_find(host);
    if (lookup == NULL) {
        lookup = ngx_onair_lookup_start(threads, host);
    }

    if (lookup == NULL) {
        ngx_free(resolve);
        return NULL;
    }

    resolve->handler = handler;
    resolve->ctx = ctx;
    ngx_queue_insert_tail(&lookup->waiting, &resolve->queue);

    return resolve;
}


void
ngx_onair_resolve_cancel(ngx_onair_resolve_t *resolve)
{
    ngx_queue_remove(&resolve->queue);
    ngx_free(resolve);
}

#else

struct ngx_thread_pool_s *
ngx_onair_threads(ngx_conf_t *cf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "this directive needs an nginx with threads "
                       "(configure --with-threads)");
    return NULL;
}


ngx_onair_resolve_t *
ngx_onair_resolve(struct ngx_thread_pool_s *threads, const char *host,
    ngx_onair_resolve_pt handler, void *ctx)
{
    (void) threads;
    (void) host;
    (void) handler;
    (void) ctx;

    return NULL;
}


void
ngx_onair_resolve_cancel(ngx_onair_resolve_t *resolve)
{
    (void) resolve;
}

#endif
