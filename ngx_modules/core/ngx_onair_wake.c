
/* This worker on the bus: its slot, its eventfd, and who is told. */


#include "core/ngx_onair_core_impl.h"

#include <sys/eventfd.h>


ngx_onair_worker_t  ngx_onair_worker;


ngx_int_t
ngx_onair_wake_fds(int *fds)
{
    ngx_uint_t         i;
    static int         made[OA_BUS_SLOTS];
    static ngx_uint_t  nmade;

    /* a configuration that failed after this leaves them to the next */
    while (nmade < OA_BUS_SLOTS) {
        made[nmade] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (made[nmade] == -1) {
            return NGX_ERROR;
        }

        nmade++;
    }

    for (i = 0; i < OA_BUS_SLOTS; i++) {
        fds[i] = made[i];
    }

    return NGX_OK;
}


static void
ngx_onair_wake(void *ctx, unsigned slot)
{
    uint64_t  one;

    (void) ctx;

    one = 1;

    /* it fails only when the counter is full: then the slot is awake */
    if (write(ngx_onair_worker.shared->wake_fds[slot], &one, sizeof(one))
        == -1)
    {
        return;
    }
}


static void
ngx_onair_dispatch(void *ctx, unsigned topic)
{
    ngx_uint_t  i;

    (void) ctx;

    for (i = 0; i < ngx_onair_worker.nhandlers; i++) {
        ngx_onair_worker.handlers[i](topic);
    }
}


static void
ngx_onair_wake_handler(ngx_event_t *ev)
{
    uint64_t           count;
    ngx_connection_t  *c;

    c = ev->data;

    /* emptied before the topics are taken: a later wake-up comes anew */
    if (read(c->fd, &count, sizeof(count)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "onair: reading the wake-up of slot %ui failed",
                      (ngx_uint_t) ngx_onair_worker.slot);
    }

    if (ngx_onair_worker.on_bus) {
        oa_bus_drain(ngx_onair_worker.bus, ngx_onair_worker.slot,
                     ngx_onair_dispatch, NULL);
    }
}


ngx_int_t
ngx_onair_bus_enter(ngx_cycle_t *cycle)
{
    unsigned             slot;
    ngx_onair_worker_t  *worker;

    worker = &ngx_onair_worker;

    if (oa_bus_claim(worker->bus, &worker->self, ngx_onair_alive, NULL, &slot)
        != OA_OK)
    {
        return NGX_DECLINED;
    }

    /* as of a channel: a graceful shutdown neither waits for it nor warns */
    if (ngx_add_channel_event(cycle, worker->shared->wake_fds[slot],
                              NGX_READ_EVENT, ngx_onair_wake_handler)
        != NGX_OK)
    {
        oa_bus_release(worker->bus, slot);
        return NGX_ERROR;
    }

    worker->slot = slot;
    worker->on_bus = 1;

    return NGX_OK;
}


void
ngx_onair_bus_leave(void)
{
    if (ngx_onair_worker.on_bus) {
        oa_bus_release(ngx_onair_worker.bus, ngx_onair_worker.slot);
        ngx_onair_worker.on_bus = 0;
    }
}


ngx_int_t
ngx_onair_on_topic(ngx_onair_topic_pt handler)
{
    if (ngx_onair_worker.nhandlers == NGX_ONAIR_HANDLERS) {
        return NGX_ERROR;
    }

    ngx_onair_worker.handlers[ngx_onair_worker.nhandlers++] = handler;

    return NGX_OK;
}


ngx_uint_t
ngx_onair_on_bus(void)
{
    return ngx_onair_worker.on_bus;
}


void
ngx_onair_watch(ngx_uint_t topic)
{
    if (ngx_onair_worker.on_bus) {
        oa_bus_watch(ngx_onair_worker.bus, ngx_onair_worker.slot,
                     (unsigned) topic);
    }
}


void
ngx_onair_unwatch(ngx_uint_t topic)
{
    if (ngx_onair_worker.on_bus) {
        oa_bus_unwatch(ngx_onair_worker.bus, ngx_onair_worker.slot,
                       (unsigned) topic);
    }
}


void
ngx_onair_publish(ngx_uint_t topic)
{
    if (ngx_onair_worker.shared != NULL) {
        (void) oa_bus_publish(ngx_onair_worker.bus, (unsigned) topic,
                              ngx_onair_wake, NULL);
    }
}


void
ngx_onair_waiting_set(ngx_uint_t n)
{
    if (ngx_onair_worker.on_bus) {
        oa_bus_counter_set(ngx_onair_worker.bus, ngx_onair_worker.slot,
                           NGX_ONAIR_COUNTER_WAITING, n);
    }
}


ngx_uint_t
ngx_onair_waiting(void)
{
    if (ngx_onair_worker.shared == NULL) {
        return 0;
    }

    return (ngx_uint_t) oa_bus_counter_sum(ngx_onair_worker.bus,
                                           NGX_ONAIR_COUNTER_WAITING);
}
