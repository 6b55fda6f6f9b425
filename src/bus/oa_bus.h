
/*
 * Wake-ups between worker processes, on one flat region of shared memory.
 *
 * A worker holds a slot.  It declares interest in topics (small integers; a
 * rendition of the live store is one); who publishes on a topic marks it
 * dirty in every interested slot and wakes each such slot at most once until
 * it has been drained (twice when several publish at the same moment: a
 * publisher killed before its wake-up must not silence the others).  The
 * wake-up itself is the caller's (an eventfd's write), so this unit makes no
 * system call.
 *
 * Every function is safe in any process at any time; none locks.  A process
 * killed anywhere leaves at worst a stale slot, which the next claim cleans.
 *
 * No wake-up is lost when a waiter does this:  oa_bus_watch(), then look
 * whether what it waits for is there already, then sleep;  and the publisher
 * this:  make the thing visible, then oa_bus_publish().
 */


#ifndef OA_BUS_H
#define OA_BUS_H


#include "base/oa_base.h"


#define OA_BUS_SLOTS    128
#define OA_BUS_TOPICS   4096


/*
 * A process, told from another that later got the same pid by the time it
 * started (field 22 of /proc/PID/stat, or any number the caller likes).
 */
typedef struct {
    int32_t   pid;
    uint64_t  start_time;
} oa_bus_process_t;


/* Whether a process still runs; ctx is the caller's. */
typedef bool (*oa_bus_alive_pt)(void *ctx, const oa_bus_process_t *process);

/* Wakes the worker that holds a slot; must not block. */
typedef void (*oa_bus_wake_pt)(void *ctx, unsigned slot);

/* Called for each dirty topic of a slot. */
typedef void (*oa_bus_topic_pt)(void *ctx, unsigned topic);


typedef struct oa_bus_s  oa_bus_t;   /* lies in the shared region */


OA_BEGIN_DECLS


/* Bytes of the region; it must be aligned to 64 bytes. */
size_t oa_bus_size(void);

/* Makes an empty bus of oa_bus_size() bytes of memory. */
oa_bus_t *oa_bus_format(void *mem);

/*
 * The bus that oa_bus_format() made in this memory, in another process or
 * after a reload.  OA_EVERSION: another layout, or none.
 */
OA_MUST_CHECK oa_err_t oa_bus_attach(void *mem, oa_bus_t **bus);

/*
 * Takes a free slot for a process, or one whose process is no longer alive;
 * what was left in it is cleared.  OA_EFULL: all belong to the living.
 */
OA_MUST_CHECK oa_err_t oa_bus_claim(oa_bus_t *bus,
    const oa_bus_process_t *self, oa_bus_alive_pt alive, void *ctx,
    unsigned *slot);

void oa_bus_release(oa_bus_t *bus, unsigned slot);

/* Who holds a slot; false when nobody does. */
bool oa_bus_holder(const oa_bus_t *bus, unsigned slot,
    oa_bus_process_t *process);

/* Interest of a slot in a topic; both are cheap when nothing changes. */
void oa_bus_watch(oa_bus_t *bus, unsigned slot, unsigned topic);
void oa_bus_unwatch(oa_bus_t *bus, unsigned slot, unsigned topic);

/*
 * Marks a topic dirty in every slot that watches it and wakes those that are
 * not awake already.  Returns how many were woken.
 */
unsigned oa_bus_publish(oa_bus_t *bus, unsigned topic, oa_bus_wake_pt wake,
    void *ctx);

/*
 * Takes the dirty topics of a slot and calls back for each, in rising order.
 * Its worker calls it after a wake-up.  A topic published meanwhile is either
 * seen or wakes the slot anew.
 */
void oa_bus_drain(oa_bus_t *bus, unsigned slot, oa_bus_topic_pt seen,
    void *ctx);

/*
 * A counter per slot, such as of waiting requests: set by the slot's worker,
 * summed over slots that are held.  Index below OA_BUS_COUNTERS.
 */
#define OA_BUS_COUNTERS  8

void oa_bus_counter_set(oa_bus_t *bus, unsigned slot, unsigned index,
    uint64_t value);
uint64_t oa_bus_counter_sum(const oa_bus_t *bus, unsigned index);

/*
 * Of the processes that share what *keeper lies in, one does what is to be
 * done once: the first that asks, until it no longer lives or resigns.  The
 * caller holds a lock over both; pid 0: nobody is it.
 */
bool oa_bus_keep(oa_bus_process_t *keeper, const oa_bus_process_t *self,
    oa_bus_alive_pt alive, void *ctx);
void oa_bus_resign(oa_bus_process_t *keeper, const oa_bus_process_t *self);


OA_END_DECLS


#endif /* OA_BUS_H */
