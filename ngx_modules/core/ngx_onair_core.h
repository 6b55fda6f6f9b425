
/*
 * ngx_onair_core_module: what the other modules share.  The shared zone with
 * the live store and the worker bus; a worker's place on the bus.
 *
 * All functions below are for worker processes after init_process (the core
 * module's runs first), except where said otherwise.
 */


#ifndef NGX_ONAIR_CORE_H
#define NGX_ONAIR_CORE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "bus/oa_bus.h"
#include "live/oa_live.h"


/* A topic (rendition index) that this worker watches has something new. */
typedef void (*ngx_onair_topic_pt)(ngx_uint_t topic);

/* This worker ends. */
typedef void (*ngx_onair_exit_pt)(void);


/*
 * Whether the configuration has an onair_zone; for other modules' checks at
 * configuration time (postconfiguration or later).
 */
ngx_uint_t ngx_onair_configured(ngx_conf_t *cf);

/*
 * For a directive that has added a zone: NGX_ERROR, and it is logged, when
 * nginx runs with one of the same tag and another size.  nginx would give it a
 * new memory, and what lies in the old one would be lost.
 */
ngx_int_t ngx_onair_zone_keep_size(ngx_conf_t *cf, ngx_shm_zone_t *zone,
    const char *directive);

/* The live store; NULL in a process that has none (cache manager). */
oa_live_t *ngx_onair_live(void);

/* This worker as an owner of sessions. */
const oa_bus_process_t *ngx_onair_process(void);

/* An oa_bus_alive_pt: kill(pid, 0) and the start time; ctx is not used. */
bool ngx_onair_alive(void *ctx, const oa_bus_process_t *process);

/*
 * Registers the handler that is called for every dirty topic of this worker,
 * on its event loop.  One a module; call it from init_process.
 */
ngx_int_t ngx_onair_on_topic(ngx_onair_topic_pt handler);

/*
 * Registers the handler that is called at this worker's end, while all here
 * still works: modules' own exit_process come too late for that.  What it sends
 * to Redis is on its way then, though nobody waits for answers.  One a module;
 * call it from init_process.
 */
ngx_int_t ngx_onair_on_exit(ngx_onair_exit_pt handler);

/*
 * Whether this worker has a place on the bus.  Without one, when there are
 * more than OA_BUS_SLOTS workers, it is told nothing, so it must not wait.
 */
ngx_uint_t ngx_onair_on_bus(void);

/* This worker's interest in a topic; see oa_bus_watch(). */
void ngx_onair_watch(ngx_uint_t topic);
void ngx_onair_unwatch(ngx_uint_t topic);

/*
 * Tells every watching worker, this one too, that a topic has something new.
 * This worker's own handlers run from the event loop, not from inside.
 */
void ngx_onair_publish(ngx_uint_t topic);

/* This worker's number of waiting requests, and that of all workers. */
void ngx_onair_waiting_set(ngx_uint_t n);
ngx_uint_t ngx_onair_waiting(void);

/* CLOCK_MONOTONIC in ms, and the wall clock in us, both read now. */
int64_t ngx_onair_now_ms(void);
int64_t ngx_onair_unix_us(void);

/* Random bits from getrandom(2); never 0. */
uint64_t ngx_onair_random64(void);


#endif /* NGX_ONAIR_CORE_H */
