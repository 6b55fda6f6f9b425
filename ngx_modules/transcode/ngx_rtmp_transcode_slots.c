
/*
 * The slots of the machine, in memory that all workers share, those of an
 * older configuration too.
 */


#include "ngx_rtmp_transcode.h"


/* Beside nginx's own, room for more publishers than the live store has. */
#define NGX_RTMP_TRANSCODE_ZONE_SIZE  (160 * 1024)

/*
 * Told apart by value, not by the address of a module: a copy of the module
 * loaded anew must find the memory.
 */
#define NGX_RTMP_TRANSCODE_TAG        ((void *) (uintptr_t) 0x6f617472)


/* What the zone's slab pool points at. */
typedef struct {
    void    *table;
    size_t   size;
} ngx_rtmp_transcode_shared_t;


static ngx_int_t ngx_rtmp_transcode_slots_init(ngx_shm_zone_t *zone,
    void *data);


/* This worker's view; NULL: there are no slots. */
static oa_ladder_slots_t  *ngx_rtmp_transcode_table;
static ngx_shmtx_t        *ngx_rtmp_transcode_mutex;


ngx_int_t
ngx_rtmp_transcode_slots_add(ngx_conf_t *cf,
    ngx_rtmp_transcode_main_conf_t *tmcf)
{
    ngx_str_t  name = ngx_string("onair_transcode");

    tmcf->zone = ngx_shared_memory_add(cf, &name,
                                       NGX_RTMP_TRANSCODE_ZONE_SIZE,
                                       NGX_RTMP_TRANSCODE_TAG);
    if (tmcf->zone == NULL) {
        return NGX_ERROR;
    }

    tmcf->zone->init = ngx_rtmp_transcode_slots_init;

    return NGX_OK;
}


static oa_err_t
ngx_rtmp_transcode_slots_open(ngx_slab_pool_t *pool, oa_ladder_slots_t **table)
{
    ngx_rtmp_transcode_shared_t  *shared;

    shared = pool->data;

    return oa_ladder_slots_attach(shared->table, shared->size, table);
}


static ngx_int_t
ngx_rtmp_transcode_slots_format(ngx_slab_pool_t *pool)
{
    ngx_rtmp_transcode_shared_t  *shared;

    shared = ngx_slab_calloc(pool, sizeof(ngx_rtmp_transcode_shared_t));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    /* whole pages, so that it is aligned */
    shared->size = pool->pfree * ngx_pagesize;
    shared->table = ngx_slab_alloc(pool, shared->size);

    if (shared->table == NULL
        || oa_ladder_slots_format(shared->table, shared->size) != OA_OK)
    {
        return NGX_ERROR;
    }

    pool->data = shared;

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_transcode_slots_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t    *pool;
    oa_ladder_slots_t  *table;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    zone->data = pool;

    if (data == NULL && ngx_rtmp_transcode_slots_format(pool) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "transcode: no memory for the slots");
        return NGX_ERROR;
    }

    if (ngx_rtmp_transcode_slots_open(pool, &table) != OA_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "the memory of the transcoding slots was made by "
                      "another version of the module: restart nginx instead");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_rtmp_transcode_slots_set(ngx_rtmp_transcode_main_conf_t *tmcf)
{
    ngx_slab_pool_t    *pool;
    oa_ladder_slots_t  *table;

    pool = tmcf->zone->data;

    if (ngx_rtmp_transcode_slots_open(pool, &table) == OA_OK) {
        ngx_shmtx_lock(&pool->mutex);
        oa_ladder_slots_capacity(table, (uint32_t) tmcf->slots);
        ngx_shmtx_unlock(&pool->mutex);
    }
}


ngx_int_t
ngx_rtmp_transcode_slots_attach(ngx_shm_zone_t *zone, ngx_log_t *log)
{
    ngx_slab_pool_t  *pool;

    pool = zone->data;

    if (ngx_rtmp_transcode_slots_open(pool, &ngx_rtmp_transcode_table)
        != OA_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "transcode: the memory of the slots cannot be used");
        return NGX_ERROR;
    }

    ngx_rtmp_transcode_mutex = &pool->mutex;

    return NGX_OK;
}


oa_err_t
ngx_rtmp_transcode_slots_enter(oa_tier_t tier, oa_ladder_slots_id_t *id)
{
    oa_err_t  err;

    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    err = oa_ladder_slots_enter(ngx_rtmp_transcode_table, ngx_onair_process(),
                                tier, ngx_onair_alive, NULL, id);
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);

    return err;
}


oa_err_t
ngx_rtmp_transcode_slots_hold(oa_ladder_slots_id_t id, uint32_t slots)
{
    oa_err_t  err;

    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    err = oa_ladder_slots_hold(ngx_rtmp_transcode_table, id, slots,
                               ngx_onair_now_ms(), ngx_onair_alive, NULL);
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);

    return err;
}


oa_err_t
ngx_rtmp_transcode_slots_room(oa_ladder_slots_id_t id, uint32_t slots)
{
    oa_err_t  err;

    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    err = oa_ladder_slots_room(ngx_rtmp_transcode_table, id, slots,
                               ngx_onair_now_ms());
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);

    return err;
}


ngx_uint_t
ngx_rtmp_transcode_slots_evicted(oa_ladder_slots_id_t id)
{
    return oa_ladder_slots_evicted(ngx_rtmp_transcode_table, id);
}


void
ngx_rtmp_transcode_slots_leave(oa_ladder_slots_id_t id)
{
    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    oa_ladder_slots_leave(ngx_rtmp_transcode_table, id);
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);
}


void
ngx_rtmp_transcode_slots_elsewhere(const oa_ladder_share_t *others,
    int64_t until_ms)
{
    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    oa_ladder_slots_elsewhere(ngx_rtmp_transcode_table, others, until_ms);
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);
}


ngx_uint_t
ngx_rtmp_transcode_slots_keep(void)
{
    bool  keeps;

    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    keeps = oa_ladder_slots_keep(ngx_rtmp_transcode_table, ngx_onair_process(),
                                 ngx_onair_alive, NULL);
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);

    return keeps;
}


void
ngx_rtmp_transcode_slots_resign(void)
{
    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    oa_ladder_slots_resign(ngx_rtmp_transcode_table, ngx_onair_process());
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);
}


void
ngx_rtmp_transcode_slots_sweep(void)
{
    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    oa_ladder_slots_sweep(ngx_rtmp_transcode_table, ngx_onair_alive, NULL);
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);
}


ngx_uint_t
ngx_rtmp_transcode_slots_usage(oa_ladder_slots_usage_t *usage)
{
    if (ngx_rtmp_transcode_table == NULL) {
        return 0;
    }

    ngx_shmtx_lock(ngx_rtmp_transcode_mutex);
    oa_ladder_slots_usage(ngx_rtmp_transcode_table, ngx_onair_now_ms(), usage);
    ngx_shmtx_unlock(ngx_rtmp_transcode_mutex);

    return 1;
}
