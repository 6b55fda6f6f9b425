
#include "roster/oa_roster_layout.h"

#include <string.h>


static uint32_t
oa_roster_nslots(size_t size)
{
    size_t  n;

    if (size < oa_roster_header_bytes()) {
        return 0;
    }

    n = (size - oa_roster_header_bytes())
        / (sizeof(oa_roster_slot_t) + sizeof(uint32_t));

    return n < OA_ROSTER_NO_SLOT ? (uint32_t) n : OA_ROSTER_NO_SLOT - 1;
}


static uint32_t *
oa_roster_head(oa_roster_t *roster, const char *channel)
{
    uint64_t   hash;
    uint32_t  *heads;

    heads = (uint32_t *) (void *) oa_roster_slot(roster, roster->nslots);
    hash = oa_hash64(oa_slice(channel, strlen(channel)));

    return &heads[hash % roster->nslots];
}


void
oa_roster_link(oa_roster_t *roster, uint32_t index)
{
    uint32_t          *head;
    oa_roster_slot_t  *slot;

    slot = oa_roster_slot(roster, index);
    head = slot->entry.state == OA_ROSTER_FREE
           ? &roster->free
           : oa_roster_head(roster, slot->entry.grant.channel);

    slot->next = *head;
    *head = index;
}


/* Free slots with the lowest first, so that a walk is short. */
static void
oa_roster_link_all(oa_roster_t *roster)
{
    uint32_t  i;

    roster->free = OA_ROSTER_NO_SLOT;
    memset(oa_roster_slot(roster, roster->nslots), 0xff,
           roster->nslots * sizeof(uint32_t));

    for (i = roster->top; i-- > 0; /* void */) {
        oa_roster_link(roster, i);
    }
}


void
oa_roster_change(oa_roster_t *roster)
{
    if (roster->changing) {
        oa_roster_link_all(roster);
    }

    roster->changing = 1;
    atomic_thread_fence(memory_order_seq_cst);
}


void
oa_roster_changed(oa_roster_t *roster)
{
    atomic_thread_fence(memory_order_release);
    roster->changing = 0;
}


oa_err_t
oa_roster_format(void *mem, size_t size)
{
    oa_roster_t  *roster;

    if ((uintptr_t) mem % OA_ROSTER_ALIGN != 0
        || oa_roster_nslots(size) == 0)
    {
        return OA_EINVAL;
    }

    memset(mem, 0, size);

    roster = mem;
    roster->size = size;
    roster->slot_bytes = sizeof(oa_roster_slot_t);
    roster->nslots = oa_roster_nslots(size);
    roster->version = OA_ROSTER_VERSION;
    oa_roster_link_all(roster);

    /* last, as it makes it a roster */
    atomic_thread_fence(memory_order_release);
    roster->magic = OA_ROSTER_MAGIC;

    return OA_OK;
}


oa_err_t
oa_roster_attach(void *mem, size_t size, oa_roster_t **roster)
{
    oa_roster_t  *r;

    r = mem;

    if ((uintptr_t) mem % OA_ROSTER_ALIGN != 0
        || oa_roster_nslots(size) == 0
        || r->magic != OA_ROSTER_MAGIC
        || r->version != OA_ROSTER_VERSION
        || r->size != size
        || r->slot_bytes != sizeof(oa_roster_slot_t)
        || r->nslots != oa_roster_nslots(size))
    {
        return OA_EVERSION;
    }

    *roster = r;

    return OA_OK;
}


uint32_t
oa_roster_take(oa_roster_t *roster)
{
    uint32_t  index;

    index = roster->free;

    if (index < roster->top) {
        roster->free = oa_roster_slot(roster, index)->next;
        return index;
    }

    return roster->top < roster->nslots ? roster->top++ : OA_ROSTER_NO_SLOT;
}


static void
oa_roster_unlink(oa_roster_t *roster, const oa_roster_slot_t *slot)
{
    uint32_t  *link, left;

    link = oa_roster_head(roster, slot->entry.grant.channel);

    for (left = roster->nslots; left > 0 && *link < roster->top; left--) {
        if (*link == slot->entry.id.index) {
            *link = slot->next;
            return;
        }

        link = &oa_roster_slot(roster, *link)->next;
    }
}


void
oa_roster_free(oa_roster_t *roster, oa_roster_slot_t *slot)
{
    oa_roster_change(roster);
    oa_roster_unlink(roster, slot);
    oa_roster_set_state(slot, OA_ROSTER_FREE);
    oa_roster_link(roster, slot->entry.id.index);
    oa_roster_changed(roster);
}


oa_roster_slot_t *
oa_roster_next(oa_roster_t *roster, const char *channel,
    const oa_roster_slot_t *slot)
{
    uint32_t           index, left;
    oa_roster_slot_t  *next;

    if (slot == NULL && roster->changing) {
        oa_roster_change(roster);
        oa_roster_changed(roster);
    }

    index = slot ? slot->next : *oa_roster_head(roster, channel);

    for (left = roster->nslots; left > 0 && index < roster->top; left--) {
        next = oa_roster_slot(roster, index);

        if (strcmp(next->entry.grant.channel, channel) == 0) {
            return next;
        }

        index = next->next;
    }

    return NULL;
}
