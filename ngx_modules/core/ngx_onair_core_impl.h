
/* Private to ngx_modules/core. */


#ifndef NGX_ONAIR_CORE_IMPL_H
#define NGX_ONAIR_CORE_IMPL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_channel.h>

#include "core/ngx_onair_core.h"


#define NGX_ONAIR_MAGIC           0x6f6e616972636f72ull
#define NGX_ONAIR_LAYOUT_VERSION  1
#define NGX_ONAIR_HANDLERS        8

#define NGX_ONAIR_COUNTER_WAITING  0


/*
 * What the zone's slab pool points at.  The zone is at the same address in
 * all workers, so plain pointers will do.
 */
typedef struct {
    uint64_t        magic;
    uint32_t        version;
    uint32_t        size;                    /* of this struct */
    ngx_atomic_t    swept_ms;                /* when the last sweep was */
    void           *bus;
    void           *live;
    size_t          live_size;
    int             wake_fds[OA_BUS_SLOTS];  /* the same number everywhere */
} ngx_onair_shared_t;


/* This worker's place in it. */
typedef struct {
    ngx_onair_shared_t  *shared;             /* NULL: no zone */
    ngx_shmtx_t         *mutex;
    oa_bus_t            *bus;
    oa_live_t            live;
    oa_bus_process_t     self;
    unsigned             slot;
    unsigned             on_bus:1;           /* holds the slot */
    unsigned             refused:1;          /* and it was logged */
    ngx_uint_t           nhandlers;
    ngx_onair_topic_pt   handlers[NGX_ONAIR_HANDLERS];
    ngx_uint_t           nexits;
    ngx_onair_exit_pt    exits[NGX_ONAIR_HANDLERS];
    ngx_event_t          housekeeping;
    ngx_connection_t     dummy;
} ngx_onair_worker_t;


/* The directives. */
typedef struct {
    ngx_shm_zone_t                        *zone;   /* NULL: no onair_zone */
    const struct ngx_onair_redis_conf_s   *redis;  /* NULL: no onair_redis */
    ngx_str_t                              node;
    struct ngx_onair_sql_conf_s           *sql;    /* NULL: no database */
} ngx_onair_conf_t;


extern ngx_module_t        ngx_onair_core_module;
extern ngx_onair_worker_t  ngx_onair_worker;


/* Fills in fds, made at the first call and kept for good.  NGX_ERROR: errno */
ngx_int_t ngx_onair_wake_fds(int *fds);

/*
 * Takes a slot of the bus and listens to its eventfd.  NGX_DECLINED: every
 * slot has a living worker; try again later.
 */
ngx_int_t ngx_onair_bus_enter(ngx_cycle_t *cycle);
void ngx_onair_bus_leave(void);

/* pid and start time of this process.  NGX_ERROR: no /proc. */
ngx_int_t ngx_onair_process_self(oa_bus_process_t *process);


#endif /* NGX_ONAIR_CORE_IMPL_H */
