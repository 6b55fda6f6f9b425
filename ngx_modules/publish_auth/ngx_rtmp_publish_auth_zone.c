
/*
 * The memory that all workers share, also those of an older configuration:
 * remembered answers, failed attempts, the roster.  Cut once into its tables.
 */


#include "ngx_rtmp_publish_auth.h"


#define NGX_RTMP_PUBLISH_AUTH_MAGIC    0x6f617075626c6973ULL
#define NGX_RTMP_PUBLISH_AUTH_LAYOUT   1

#define NGX_RTMP_PUBLISH_AUTH_MIN      (512 * 1024)
#define NGX_RTMP_PUBLISH_AUTH_SALT     32

/*
 * Told apart by value, not by the address of a module: a copy of the module
 * loaded anew must find the memory.
 */
#define NGX_RTMP_PUBLISH_AUTH_TAG      ((void *) (uintptr_t) 0x6f617075)


typedef struct {
    uint64_t                        magic;
    uint32_t                        layout;
    uint32_t                        size;       /* of this */
    u_char                          salt[NGX_RTMP_PUBLISH_AUTH_SALT];
    void                           *grants;
    size_t                          grants_size;
    void                           *attempts;
    size_t                          attempts_size;
    void                           *roster;
    size_t                          roster_size;
    ngx_rtmp_publish_auth_shared_t  shared;
} ngx_rtmp_publish_auth_memory_t;


typedef struct {
    ngx_rtmp_publish_auth_memory_t  *memory;    /* NULL: there is none */
    ngx_rtmp_publish_auth_zone_t     zone;
} ngx_rtmp_publish_auth_process_t;


static ngx_int_t ngx_rtmp_publish_auth_zone_init(ngx_shm_zone_t *zone,
    void *data);
static ngx_rtmp_publish_auth_memory_t *ngx_rtmp_publish_auth_zone_format(
    ngx_slab_pool_t *pool);
static oa_err_t ngx_rtmp_publish_auth_zone_open(ngx_slab_pool_t *pool,
    ngx_rtmp_publish_auth_zone_t *zone);


static ngx_rtmp_publish_auth_process_t  ngx_rtmp_publish_auth_process;


ngx_rtmp_publish_auth_zone_t *
ngx_rtmp_publish_auth_zone(void)
{
    return ngx_rtmp_publish_auth_process.memory
           ? &ngx_rtmp_publish_auth_process.zone : NULL;
}


oa_slice_t
ngx_rtmp_publish_auth_salt(void)
{
    return oa_slice(ngx_rtmp_publish_auth_process.memory->salt,
                    NGX_RTMP_PUBLISH_AUTH_SALT);
}


/* --- configuration ---------------------------------------------------- */


ngx_int_t
ngx_rtmp_publish_auth_zone_add(ngx_conf_t *cf,
    ngx_rtmp_publish_auth_main_conf_t *pamcf)
{
    ngx_str_t  name = ngx_string("onair_publish_auth");

    if (pamcf->zone_size < NGX_RTMP_PUBLISH_AUTH_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"publish_auth_zone\" %uz is too small, "
                           "it needs at least 512k", pamcf->zone_size);
        return NGX_ERROR;
    }

    pamcf->zone = ngx_shared_memory_add(cf, &name, pamcf->zone_size,
                                        NGX_RTMP_PUBLISH_AUTH_TAG);
    if (pamcf->zone == NULL) {
        return NGX_ERROR;
    }

    pamcf->zone->init = ngx_rtmp_publish_auth_zone_init;

    return ngx_onair_zone_keep_size(cf, pamcf->zone, "publish_auth_zone");
}


/* --- the memory ------------------------------------------------------- */


static ngx_int_t
ngx_rtmp_publish_auth_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t               *pool;
    ngx_rtmp_publish_auth_zone_t   tables;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    zone->data = pool;

    if (data == NULL) {
        pool->data = ngx_rtmp_publish_auth_zone_format(pool);

        if (pool->data == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "\"publish_auth_zone\" %uz is too small",
                          zone->shm.size);
            return NGX_ERROR;
        }
    }

    if (ngx_rtmp_publish_auth_zone_open(pool, &tables) != OA_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "the memory of \"publish_auth_zone\" was made by another "
                      "version of the module: restart nginx instead");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Whole pages, which are aligned: half for answers, a quarter each then. */
static ngx_rtmp_publish_auth_memory_t *
ngx_rtmp_publish_auth_zone_format(ngx_slab_pool_t *pool)
{
    u_char                           seed[OA_ATTEMPTS_SEED_BYTES];
    size_t                           pages;
    uint64_t                         bits;
    ngx_uint_t                       i;
    ngx_rtmp_publish_auth_memory_t  *memory;

    memory = ngx_slab_calloc(pool, sizeof(ngx_rtmp_publish_auth_memory_t));
    if (memory == NULL) {
        return NULL;
    }

    pages = pool->pfree;
    memory->grants_size = pages / 2 * ngx_pagesize;
    memory->attempts_size = pages / 4 * ngx_pagesize;
    memory->roster_size = pages / 4 * ngx_pagesize;

    memory->grants = ngx_slab_alloc(pool, memory->grants_size);
    memory->attempts = ngx_slab_alloc(pool, memory->attempts_size);
    memory->roster = ngx_slab_alloc(pool, memory->roster_size);

    if (!memory->grants || !memory->attempts || !memory->roster) {
        return NULL;
    }

    for (i = 0; i < sizeof(memory->salt) / sizeof(bits); i++) {
        bits = ngx_onair_random64();
        ngx_memcpy(memory->salt + i * sizeof(bits), &bits, sizeof(bits));
    }

    for (i = 0; i < sizeof(seed); i++) {
        seed[i] = (u_char) ngx_onair_random64();
    }

    if (oa_grants_format(memory->grants, memory->grants_size) != OA_OK
        || oa_attempts_format(memory->attempts, memory->attempts_size, seed)
           != OA_OK
        || oa_roster_format(memory->roster, memory->roster_size) != OA_OK)
    {
        return NULL;
    }

    memory->layout = NGX_RTMP_PUBLISH_AUTH_LAYOUT;
    memory->size = sizeof(ngx_rtmp_publish_auth_memory_t);
    memory->magic = NGX_RTMP_PUBLISH_AUTH_MAGIC;

    return memory;
}


static oa_err_t
ngx_rtmp_publish_auth_zone_open(ngx_slab_pool_t *pool,
    ngx_rtmp_publish_auth_zone_t *zone)
{
    oa_err_t                         err;
    ngx_rtmp_publish_auth_memory_t  *memory;

    memory = pool->data;

    if (memory->magic != NGX_RTMP_PUBLISH_AUTH_MAGIC
        || memory->layout != NGX_RTMP_PUBLISH_AUTH_LAYOUT
        || memory->size != sizeof(ngx_rtmp_publish_auth_memory_t))
    {
        return OA_EVERSION;
    }

    zone->shared = &memory->shared;
    zone->mutex = &pool->mutex;

    err = oa_grants_attach(memory->grants, memory->grants_size,
                           &zone->grants);
    if (err != OA_OK) {
        return err;
    }

    err = oa_attempts_attach(memory->attempts, memory->attempts_size,
                             &zone->attempts);
    if (err != OA_OK) {
        return err;
    }

    return oa_roster_attach(memory->roster, memory->roster_size,
                            &zone->roster);
}


ngx_int_t
ngx_rtmp_publish_auth_zone_attach(ngx_shm_zone_t *zone, ngx_log_t *log)
{
    ngx_slab_pool_t                  *pool;
    ngx_rtmp_publish_auth_process_t  *process;

    pool = zone->data;
    process = &ngx_rtmp_publish_auth_process;

    if (ngx_rtmp_publish_auth_zone_open(pool, &process->zone) != OA_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "publish_auth: the shared memory cannot be used");
        return NGX_ERROR;
    }

    process->memory = pool->data;

    return NGX_OK;
}
