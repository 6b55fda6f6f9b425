
#include "ladder/oa_ladder_slots.h"

#include <stdatomic.h>
#include <string.h>


#define OA_LADDER_SLOTS_MAGIC    0x6f616c61    /* "oala" */
#define OA_LADDER_SLOTS_VERSION  1
#define OA_LADDER_SLOTS_ALIGN    64

/* Affiliates leave more than one in so many parts of the capacity free. */
#define OA_LADDER_SLOTS_RESERVE  5


struct oa_ladder_slots_s {
    uint32_t           magic;
    uint32_t           version;
    uint64_t           size;
    uint32_t           entry_bytes;
    uint32_t           nentries;
    uint32_t           capacity;
    uint32_t           top;          /* entries from here on: never used */
    uint64_t           serial;
    oa_bus_process_t   keeper;
    oa_ladder_share_t  elsewhere;
    int64_t            until_ms;     /* it counts */
};


/*
 * Serial 0: free.  It is written last when an entry is made, and first when it
 * goes.
 */
typedef struct {
    _Atomic uint64_t  serial;
    oa_bus_process_t  owner;
    uint32_t          tier;
    _Atomic uint32_t  held;
    _Atomic uint32_t  evicted;
} oa_ladder_slots_entry_t;


static size_t
oa_ladder_slots_header_bytes(void)
{
    return (sizeof(oa_ladder_slots_t) + OA_LADDER_SLOTS_ALIGN - 1)
           & ~(size_t) (OA_LADDER_SLOTS_ALIGN - 1);
}


static uint32_t
oa_ladder_slots_nentries(size_t size)
{
    size_t  n;

    if (size < oa_ladder_slots_header_bytes()) {
        return 0;
    }

    n = (size - oa_ladder_slots_header_bytes())
        / sizeof(oa_ladder_slots_entry_t);

    return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}


static oa_ladder_slots_entry_t *
oa_ladder_slots_entry(const oa_ladder_slots_t *slots, uint32_t index)
{
    uint8_t  *p;

    p = (uint8_t *) (uintptr_t) slots + oa_ladder_slots_header_bytes();

    return (oa_ladder_slots_entry_t *) (void *) p + index;
}


static oa_ladder_slots_entry_t *
oa_ladder_slots_find(const oa_ladder_slots_t *slots, oa_ladder_slots_id_t id)
{
    oa_ladder_slots_entry_t  *entry;

    if (id.serial == 0 || id.index >= slots->nentries) {
        return NULL;
    }

    entry = oa_ladder_slots_entry(slots, id.index);

    return entry->serial == id.serial ? entry : NULL;
}


oa_err_t
oa_ladder_slots_format(void *mem, size_t size)
{
    oa_ladder_slots_t  *slots;

    if ((uintptr_t) mem % OA_LADDER_SLOTS_ALIGN != 0
        || oa_ladder_slots_nentries(size) == 0)
    {
        return OA_EINVAL;
    }

    memset(mem, 0, size);

    slots = mem;
    slots->size = size;
    slots->entry_bytes = sizeof(oa_ladder_slots_entry_t);
    slots->nentries = oa_ladder_slots_nentries(size);
    slots->version = OA_LADDER_SLOTS_VERSION;
    slots->until_ms = INT64_MIN;

    /* last, as it makes it one */
    atomic_thread_fence(memory_order_release);
    slots->magic = OA_LADDER_SLOTS_MAGIC;

    return OA_OK;
}


oa_err_t
oa_ladder_slots_attach(void *mem, size_t size, oa_ladder_slots_t **slots)
{
    oa_ladder_slots_t  *s;

    s = mem;

    if ((uintptr_t) mem % OA_LADDER_SLOTS_ALIGN != 0
        || oa_ladder_slots_nentries(size) == 0
        || s->magic != OA_LADDER_SLOTS_MAGIC
        || s->version != OA_LADDER_SLOTS_VERSION
        || s->size != size
        || s->entry_bytes != sizeof(oa_ladder_slots_entry_t)
        || s->nentries != oa_ladder_slots_nentries(size))
    {
        return OA_EVERSION;
    }

    *slots = s;

    return OA_OK;
}


void
oa_ladder_slots_capacity(oa_ladder_slots_t *slots, uint32_t capacity)
{
    slots->capacity = capacity;
}


static uint64_t
oa_ladder_slots_bounded(uint64_t number)
{
    return number < OA_LADDER_SHARE_MAX ? number : OA_LADDER_SHARE_MAX;
}


void
oa_ladder_slots_elsewhere(oa_ladder_slots_t *slots,
    const oa_ladder_share_t *others, int64_t until_ms)
{
    /* who is killed in between leaves what nobody believes */
    slots->until_ms = INT64_MIN;
    atomic_thread_fence(memory_order_release);

    slots->elsewhere.machines = oa_ladder_slots_bounded(others->machines);
    slots->elsewhere.capacity = oa_ladder_slots_bounded(others->capacity);
    slots->elsewhere.partners = oa_ladder_slots_bounded(others->partners);
    slots->elsewhere.affiliates = oa_ladder_slots_bounded(others->affiliates);

    atomic_thread_fence(memory_order_release);
    slots->until_ms = until_ms;
}


void
oa_ladder_slots_sweep(oa_ladder_slots_t *slots, oa_bus_alive_pt alive,
    void *ctx)
{
    bool                      lives;
    uint32_t                  i;
    oa_bus_process_t          asked;
    oa_ladder_slots_entry_t  *entry;

    lives = false;
    memset(&asked, 0, sizeof(asked));

    for (i = 0; i < slots->top; i++) {
        entry = oa_ladder_slots_entry(slots, i);

        if (entry->serial == 0) {
            continue;
        }

        if (entry->owner.pid != asked.pid
            || entry->owner.start_time != asked.start_time)
        {
            asked = entry->owner;
            lives = alive(ctx, &asked);
        }

        if (!lives) {
            entry->serial = 0;
        }
    }
}


static uint32_t
oa_ladder_slots_take(oa_ladder_slots_t *slots)
{
    uint32_t  i;

    for (i = 0; i < slots->top; i++) {
        if (oa_ladder_slots_entry(slots, i)->serial == 0) {
            return i;
        }
    }

    return slots->top < slots->nentries ? slots->top++ : UINT32_MAX;
}


oa_err_t
oa_ladder_slots_enter(oa_ladder_slots_t *slots, const oa_bus_process_t *owner,
    oa_tier_t tier, oa_bus_alive_pt alive, void *ctx, oa_ladder_slots_id_t *id)
{
    uint32_t                  index;
    oa_ladder_slots_entry_t  *entry;

    index = oa_ladder_slots_take(slots);

    if (index == UINT32_MAX) {
        oa_ladder_slots_sweep(slots, alive, ctx);

        index = oa_ladder_slots_take(slots);
        if (index == UINT32_MAX) {
            return OA_EFULL;
        }
    }

    entry = oa_ladder_slots_entry(slots, index);
    entry->owner = *owner;
    entry->tier = tier;
    entry->held = 0;
    entry->evicted = 0;

    id->index = index;
    id->serial = ++slots->serial;
    entry->serial = id->serial;

    return OA_OK;
}


/* What the others hold; without: entries of that tier are not counted. */
static uint64_t
oa_ladder_slots_others(const oa_ladder_slots_t *slots,
    const oa_ladder_slots_entry_t *self, oa_tier_t without)
{
    uint32_t                        i;
    uint64_t                        sum;
    const oa_ladder_slots_entry_t  *entry;

    sum = 0;

    for (i = 0; i < slots->top; i++) {
        entry = oa_ladder_slots_entry(slots, i);

        if (entry != self && entry->serial != 0 && entry->tier != without) {
            sum += entry->held;
        }
    }

    return sum;
}


/*
 * Whether more than a fifth of all machines' capacity is left where so much is
 * held here.  None of the sums comes near to 2^64: a table has no 2^32 entries
 * of 32 bits, and what is elsewhere is bounded.
 */
static bool
oa_ladder_slots_spare(const oa_ladder_slots_t *slots, uint64_t here,
    int64_t now_ms)
{
    uint64_t  capacity, held;

    capacity = slots->capacity;
    held = here;

    if (now_ms < slots->until_ms) {
        capacity += slots->elsewhere.capacity;
        held += slots->elsewhere.partners + slots->elsewhere.affiliates;
    }

    return held < capacity
           && (capacity - held) * OA_LADDER_SLOTS_RESERVE > capacity;
}


/* Partners count only partners: affiliates would give way. */
static oa_err_t
oa_ladder_slots_fits(const oa_ladder_slots_t *slots,
    const oa_ladder_slots_entry_t *entry, uint32_t held, int64_t now_ms)
{
    uint64_t  sum;

    if (held <= entry->held) {
        return OA_OK;
    }

    switch (entry->tier) {

    case OA_TIER_PARTNER:
        sum = oa_ladder_slots_others(slots, entry, OA_TIER_AFFILIATE) + held;

        return sum <= slots->capacity ? OA_OK : OA_EFULL;

    case OA_TIER_AFFILIATE:
        /* nobody is a viewer here who holds any */
        sum = oa_ladder_slots_others(slots, entry, OA_TIER_VIEWER) + held;

        return sum <= slots->capacity
               && oa_ladder_slots_spare(slots, sum, now_ms)
               ? OA_OK : OA_EFULL;

    default:
        return OA_ELIMIT;
    }
}


/* The newest affiliate that holds some; NULL: there is none. */
static oa_ladder_slots_entry_t *
oa_ladder_slots_victim(oa_ladder_slots_t *slots)
{
    uint32_t                  i;
    oa_ladder_slots_entry_t  *entry, *victim;

    victim = NULL;

    for (i = 0; i < slots->top; i++) {
        entry = oa_ladder_slots_entry(slots, i);

        if (entry->serial != 0 && entry->tier == OA_TIER_AFFILIATE
            && entry->held > 0
            && (victim == NULL || entry->serial > victim->serial))
        {
            victim = entry;
        }
    }

    return victim;
}


static void
oa_ladder_slots_make_room(oa_ladder_slots_t *slots,
    const oa_ladder_slots_entry_t *self, uint32_t held)
{
    oa_ladder_slots_entry_t  *victim;

    while (oa_ladder_slots_others(slots, self, OA_TIER_VIEWER) + held
           > slots->capacity)
    {
        victim = oa_ladder_slots_victim(slots);
        if (victim == NULL) {
            return;
        }

        /* first told, so that it cannot lose them unknowingly */
        victim->evicted = 1;
        victim->held = 0;
    }
}


oa_err_t
oa_ladder_slots_hold(oa_ladder_slots_t *slots, oa_ladder_slots_id_t id,
    uint32_t held, int64_t now_ms, oa_bus_alive_pt alive, void *ctx)
{
    oa_err_t                  err;
    oa_ladder_slots_entry_t  *entry;

    entry = oa_ladder_slots_find(slots, id);
    if (entry == NULL) {
        return OA_EGONE;
    }

    err = oa_ladder_slots_fits(slots, entry, held, now_ms);

    if (err == OA_OK && held > entry->held
        && oa_ladder_slots_others(slots, entry, OA_TIER_VIEWER) + held
           > slots->capacity)
    {
        err = OA_EFULL;
    }

    if (err == OA_EFULL) {
        oa_ladder_slots_sweep(slots, alive, ctx);
        err = oa_ladder_slots_fits(slots, entry, held, now_ms);
    }

    if (err != OA_OK) {
        return err;
    }

    if (held > entry->held) {
        oa_ladder_slots_make_room(slots, entry, held);
        entry->evicted = 0;
    }

    entry->held = held;

    return OA_OK;
}


oa_err_t
oa_ladder_slots_room(const oa_ladder_slots_t *slots, oa_ladder_slots_id_t id,
    uint32_t held, int64_t now_ms)
{
    const oa_ladder_slots_entry_t  *entry;

    entry = oa_ladder_slots_find(slots, id);

    return entry ? oa_ladder_slots_fits(slots, entry, held, now_ms)
                 : OA_EGONE;
}


bool
oa_ladder_slots_evicted(const oa_ladder_slots_t *slots,
    oa_ladder_slots_id_t id)
{
    const oa_ladder_slots_entry_t  *entry;

    entry = oa_ladder_slots_find(slots, id);

    return entry != NULL && entry->evicted != 0;
}


void
oa_ladder_slots_leave(oa_ladder_slots_t *slots, oa_ladder_slots_id_t id)
{
    oa_ladder_slots_entry_t  *entry;

    entry = oa_ladder_slots_find(slots, id);

    if (entry != NULL) {
        entry->serial = 0;
    }
}


void
oa_ladder_slots_usage(const oa_ladder_slots_t *slots, int64_t now_ms,
    oa_ladder_slots_usage_t *usage)
{
    uint32_t                        i;
    const oa_ladder_slots_entry_t  *entry;

    memset(usage, 0, sizeof(oa_ladder_slots_usage_t));
    usage->capacity = slots->capacity;
    usage->shared = now_ms < slots->until_ms;

    if (usage->shared) {
        usage->elsewhere = slots->elsewhere;
    }

    for (i = 0; i < slots->top; i++) {
        entry = oa_ladder_slots_entry(slots, i);

        if (entry->serial == 0 || entry->held == 0) {
            continue;
        }

        usage->entries++;
        usage->held += entry->held;

        if (entry->tier == OA_TIER_PARTNER) {
            usage->partners += entry->held;

        } else {
            usage->affiliates += entry->held;
        }
    }
}


bool
oa_ladder_slots_keep(oa_ladder_slots_t *slots, const oa_bus_process_t *self,
    oa_bus_alive_pt alive, void *ctx)
{
    return oa_bus_keep(&slots->keeper, self, alive, ctx);
}


void
oa_ladder_slots_resign(oa_ladder_slots_t *slots, const oa_bus_process_t *self)
{
    oa_bus_resign(&slots->keeper, self);
}
