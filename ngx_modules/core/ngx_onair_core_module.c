
/* The directive, the zone and a worker's life. */


#include "core/ngx_onair_core_impl.h"
#include "core/ngx_onair_sql_impl.h"
#include "core/ngx_onair_redis_impl.h"


#define NGX_ONAIR_ZONE_NAME   "onair"
#define NGX_ONAIR_HOUSEKEEPING_MS  1000


static void *ngx_onair_create_conf(ngx_cycle_t *cycle);
static char *ngx_onair_init_conf(ngx_cycle_t *cycle, void *conf);
static char *ngx_onair_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_onair_init_process(ngx_cycle_t *cycle);
static void ngx_onair_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_onair_commands[] = {

    { ngx_string("onair_zone"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_onair_zone,
      0,
      0,
      NULL },

    { ngx_string("onair_redis"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_onair_redis_directive,
      0,
      0,
      NULL },

    { ngx_string("onair_node"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_onair_node_directive,
      0,
      0,
      NULL },

    { ngx_string("onair_database"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_onair_sql_directive,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_onair_core_module_ctx = {
    ngx_string("onair"),
    ngx_onair_create_conf,
    ngx_onair_init_conf
};


ngx_module_t  ngx_onair_core_module = {
    NGX_MODULE_V1,
    &ngx_onair_core_module_ctx,        /* module context */
    ngx_onair_commands,                /* module directives */
    NGX_CORE_MODULE,                   /* module type */
    NULL,                              /* init master */
    NULL,                              /* init module */
    ngx_onair_init_process,            /* init process */
    NULL,                              /* init thread */
    NULL,                              /* exit thread */
    ngx_onair_exit_process,            /* exit process */
    NULL,                              /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_onair_create_conf(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(ngx_onair_conf_t));
}


static char *
ngx_onair_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_onair_conf_t  *ocf;

    ocf = conf;

    return ngx_onair_node_default(cycle, &ocf->node) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* --- the zone -------------------------------------------------------- */


static void
ngx_onair_lock(void *ctx)
{
    ngx_shmtx_lock(ctx);
}


static void
ngx_onair_unlock(void *ctx)
{
    ngx_shmtx_unlock(ctx);
}


static oa_err_t
ngx_onair_attach(ngx_onair_shared_t *shared, ngx_shmtx_t *mutex,
    oa_bus_t **bus, oa_live_t *live)
{
    oa_err_t        err;
    oa_live_lock_t  lock;

    if (shared->magic != NGX_ONAIR_MAGIC
        || shared->version != NGX_ONAIR_LAYOUT_VERSION
        || shared->size != sizeof(ngx_onair_shared_t))
    {
        return OA_EVERSION;
    }

    err = oa_bus_attach(shared->bus, bus);
    if (err != OA_OK) {
        return err;
    }

    lock.lock = ngx_onair_lock;
    lock.unlock = ngx_onair_unlock;
    lock.ctx = mutex;

    return oa_live_attach(live, shared->live, shared->live_size, &lock);
}


/* The bus first, then nearly all that is left for the live store. */
static ngx_onair_shared_t *
ngx_onair_format(ngx_slab_pool_t *pool)
{
    ngx_onair_shared_t  *shared;

    shared = ngx_slab_calloc(pool, sizeof(ngx_onair_shared_t));
    if (shared == NULL) {
        return NULL;
    }

    /* whole pages, so that it is aligned */
    shared->bus = ngx_slab_alloc(pool, ngx_align(oa_bus_size(),
                                                 ngx_pagesize));
    if (shared->bus == NULL) {
        return NULL;
    }

    shared->live_size = pool->pfree * ngx_pagesize;
    if (shared->live_size < OA_LIVE_MIN_BYTES) {
        return NULL;
    }

    shared->live = ngx_slab_alloc(pool, shared->live_size);
    if (shared->live == NULL) {
        return NULL;
    }

    (void) oa_bus_format(shared->bus);

    if (oa_live_format(shared->live, shared->live_size) != OA_OK) {
        return NULL;
    }

    shared->version = NGX_ONAIR_LAYOUT_VERSION;
    shared->size = sizeof(ngx_onair_shared_t);
    shared->magic = NGX_ONAIR_MAGIC;

    return shared;
}


static ngx_int_t
ngx_onair_zone_adopt(ngx_shm_zone_t *zone, ngx_slab_pool_t *pool)
{
    oa_err_t    err;
    oa_bus_t   *bus;
    oa_live_t   live;

    err = ngx_onair_attach(pool->data, &pool->mutex, &bus, &live);
    if (err == OA_OK) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                  "the running streams' memory was made by another version "
                  "of the onair modules (%s): restart nginx instead",
                  oa_strerror(err));

    return NGX_ERROR;
}


static ngx_int_t
ngx_onair_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t     *pool;
    ngx_onair_shared_t  *shared;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    zone->data = pool;

    if (data != NULL) {
        return ngx_onair_zone_adopt(zone, pool);
    }

    shared = ngx_onair_format(pool);
    if (shared == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "\"onair_zone\" %uz is too small", zone->shm.size);
        return NGX_ERROR;
    }

    if (ngx_onair_wake_fds(shared->wake_fds) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, ngx_errno,
                      "eventfd() failed: \"onair_zone\" needs %d open "
                      "files, beside those of connections (ulimit -n)",
                      OA_BUS_SLOTS);
        return NGX_ERROR;
    }

    pool->data = shared;

    return NGX_OK;
}


/* --- configuration --------------------------------------------------- */


/*
 * Told apart by value, not by the address of a module: a copy of the module
 * loaded anew must find the running streams.
 */
#define NGX_ONAIR_ZONE_TAG  ((void *) (uintptr_t) 0x6f6e616972)


ngx_int_t
ngx_onair_zone_keep_size(ngx_conf_t *cf, ngx_shm_zone_t *zone,
    const char *directive)
{
    ngx_uint_t        i;
    ngx_cycle_t      *old;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *known;

    old = cf->cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return NGX_OK;
    }

    for (part = &old->shared_memory.part; part; part = part->next) {
        known = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (known[i].tag != zone->tag
                || known[i].shm.size == zone->shm.size)
            {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the size of \"%s\" cannot change from %uz "
                               "to %uz while nginx runs, what it holds of "
                               "the streams on the air would be lost: "
                               "restart nginx instead", directive,
                               known[i].shm.size, zone->shm.size);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static char *
ngx_onair_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t            size;
    ngx_str_t         *value, name;
    ngx_onair_conf_t  *ocf;

    (void) cmd;
    (void) conf;

    ocf = (ngx_onair_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                            ngx_onair_core_module);
    if (ocf->zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);
    if (size == NGX_ERROR) {
        return "has an invalid size";
    }

    if ((size_t) size < OA_LIVE_MIN_BYTES + oa_bus_size() + 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"onair_zone\" %V is too small, "
                           "it needs at least 16m", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&name, NGX_ONAIR_ZONE_NAME);

    ocf->zone = ngx_shared_memory_add(cf, &name, (size_t) size,
                                      NGX_ONAIR_ZONE_TAG);
    if (ocf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    ocf->zone->init = ngx_onair_zone_init;

    return ngx_onair_zone_keep_size(cf, ocf->zone, "onair_zone") == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_uint_t
ngx_onair_configured(ngx_conf_t *cf)
{
    ngx_onair_conf_t  *ocf;

    ocf = (ngx_onair_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                            ngx_onair_core_module);

    return ocf != NULL && ocf->zone != NULL;
}


/* --- a worker's life ------------------------------------------------- */


static void
ngx_onair_changed(void *ctx, unsigned topic)
{
    (void) ctx;

    ngx_onair_publish(topic);
}


/* One worker a second is enough. */
static void
ngx_onair_sweep(void)
{
    int64_t              now_ms;
    ngx_atomic_uint_t    last;
    ngx_onair_shared_t  *shared;

    shared = ngx_onair_worker.shared;
    now_ms = ngx_onair_now_ms();
    last = shared->swept_ms;

    if (now_ms - (int64_t) last < NGX_ONAIR_HOUSEKEEPING_MS * 9 / 10
        || !ngx_atomic_cmp_set(&shared->swept_ms, last,
                               (ngx_atomic_uint_t) now_ms))
    {
        return;
    }

    oa_live_sweep(&ngx_onair_worker.live, now_ms, ngx_onair_alive,
                  ngx_onair_changed, NULL);
}


static ngx_int_t
ngx_onair_bus_try(ngx_cycle_t *cycle)
{
    ngx_int_t  rc;

    rc = ngx_onair_bus_enter(cycle);

    if (rc == NGX_DECLINED && !ngx_onair_worker.refused) {
        ngx_onair_worker.refused = 1;
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "onair: all %d places of workers are taken; this one "
                      "answers no blocking request until one is free",
                      OA_BUS_SLOTS);
    }

    return rc;
}


static void
ngx_onair_housekeeping(ngx_event_t *ev)
{
    if (!ngx_onair_worker.on_bus && !ngx_exiting) {
        (void) ngx_onair_bus_try((ngx_cycle_t *) ngx_cycle);
    }

    ngx_onair_sweep();
    ngx_add_timer(ev, NGX_ONAIR_HOUSEKEEPING_MS);
}


/* It must not hold up a graceful shutdown. */
static void
ngx_onair_housekeeping_start(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_onair_worker.dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_onair_worker.housekeeping;
    ev->handler = ngx_onair_housekeeping;
    ev->data = &ngx_onair_worker.dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_ONAIR_HOUSEKEEPING_MS);
}


static ngx_int_t
ngx_onair_init_zone_process(ngx_cycle_t *cycle)
{
    ngx_slab_pool_t     *pool;
    ngx_onair_conf_t    *ocf;
    ngx_onair_worker_t  *worker;

    ocf = (ngx_onair_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                            ngx_onair_core_module);

    if (ocf->zone == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    worker = &ngx_onair_worker;
    pool = ocf->zone->data;

    if (ngx_onair_process_self(&worker->self) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "onair: reading /proc/%P/stat failed", ngx_pid);
        return NGX_ERROR;
    }

    if (ngx_onair_attach(pool->data, &pool->mutex, &worker->bus,
                         &worker->live)
        != OA_OK)
    {
        return NGX_ERROR;
    }

    worker->shared = pool->data;

    if (ngx_onair_bus_try(cycle) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_onair_housekeeping_start(cycle);

    return NGX_OK;
}


static ngx_int_t
ngx_onair_init_process(ngx_cycle_t *cycle)
{
    if (ngx_onair_init_zone_process(cycle) != NGX_OK
        || ngx_onair_sql_init_process(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_onair_redis_init_process(cycle);
}


ngx_int_t
ngx_onair_on_exit(ngx_onair_exit_pt handler)
{
    if (ngx_onair_worker.nexits == NGX_ONAIR_HANDLERS) {
        return NGX_ERROR;
    }

    ngx_onair_worker.exits[ngx_onair_worker.nexits++] = handler;

    return NGX_OK;
}


static void
ngx_onair_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_onair_worker.nexits; i++) {
        ngx_onair_worker.exits[i]();
    }

    ngx_onair_redis_exit_process(cycle);
    ngx_onair_sql_exit_process();
    ngx_onair_bus_leave();
}


oa_live_t *
ngx_onair_live(void)
{
    return ngx_onair_worker.shared ? &ngx_onair_worker.live : NULL;
}


const oa_bus_process_t *
ngx_onair_process(void)
{
    return &ngx_onair_worker.self;
}
