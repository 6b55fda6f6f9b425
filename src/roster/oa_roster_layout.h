
/* Private to src/roster: the region, and its slots (oa_roster_slots.c). */


#ifndef OA_ROSTER_LAYOUT_H
#define OA_ROSTER_LAYOUT_H


#include "roster/oa_roster.h"

#include <stdatomic.h>


#define OA_ROSTER_MAGIC      0x6f61726f        /* "oaro" */
#define OA_ROSTER_VERSION    1
#define OA_ROSTER_ALIGN      64
#define OA_ROSTER_NO_SLOT    UINT32_MAX


/*
 * Slots, and behind them the heads of the chains.  A slot counts by its state,
 * which is written last.  Chains and the list of free slots only speed things
 * up: they are made anew from the slots when a process was killed while it
 * changed them, which `changing` tells.
 */
struct oa_roster_s {
    uint32_t           magic;
    uint32_t           version;
    uint64_t           size;
    uint32_t           slot_bytes;
    uint32_t           nslots;
    uint32_t           top;          /* slots from here on were never used */
    uint32_t           free;         /* chained by next */
    uint32_t           changing;
    uint64_t           serial;
    uint64_t           changes;
    uint64_t           lost;
    oa_bus_process_t   keeper;
};


typedef struct {
    oa_roster_entry_t  entry;
    uint64_t           reported;     /* bytes, by the owner */
    uint64_t           before;       /* by others in its session; less what
                                        was reported in another one */
    uint32_t           next;
} oa_roster_slot_t;


OA_BEGIN_DECLS


/* A slot is taken between these two, and linked once it has a state. */
void oa_roster_change(oa_roster_t *roster);
void oa_roster_changed(oa_roster_t *roster);

/* OA_ROSTER_NO_SLOT: all are taken. */
uint32_t oa_roster_take(oa_roster_t *roster);
void oa_roster_link(oa_roster_t *roster, uint32_t index);

void oa_roster_free(oa_roster_t *roster, oa_roster_slot_t *slot);

/* The first of a channel's slots, or the one behind; NULL: there is none. */
oa_roster_slot_t *oa_roster_next(oa_roster_t *roster, const char *channel,
    const oa_roster_slot_t *slot);


static inline size_t
oa_roster_header_bytes(void)
{
    return (sizeof(oa_roster_t) + OA_ROSTER_ALIGN - 1)
           & ~(size_t) (OA_ROSTER_ALIGN - 1);
}


static inline oa_roster_slot_t *
oa_roster_slot(const oa_roster_t *roster, uint32_t index)
{
    uint8_t  *p;

    p = (uint8_t *) (uintptr_t) roster + oa_roster_header_bytes();

    return (oa_roster_slot_t *) (void *) p + index;
}


static inline void
oa_roster_set_state(oa_roster_slot_t *slot, oa_roster_state_t state)
{
    atomic_thread_fence(memory_order_release);
    slot->entry.state = state;
    atomic_thread_fence(memory_order_release);
}


OA_END_DECLS


#endif /* OA_ROSTER_LAYOUT_H */
