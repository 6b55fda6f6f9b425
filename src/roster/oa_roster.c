
#include "roster/oa_roster_layout.h"

#include <string.h>


#define OA_ROSTER_PROCESSES  64                /* a sweep remembers */


typedef struct {
    unsigned           n;
    bool               alive[OA_ROSTER_PROCESSES];
    oa_bus_process_t   processes[OA_ROSTER_PROCESSES];
} oa_roster_census_t;


const char *
oa_roster_reason_text(oa_roster_reason_t reason)
{
#define OA_ROSTER_REASON_TEXT(name, text)  case name: return text;

    switch (reason) {
        OA_ROSTER_REASONS(OA_ROSTER_REASON_TEXT)
    case OA_ROSTER_NREASONS:
        break;
    }

    return "";
}


/* The slot of a name, or NULL where it is stale. */
static oa_roster_slot_t *
oa_roster_find(const oa_roster_t *roster, oa_roster_id_t id)
{
    oa_roster_slot_t  *slot;

    if (id.index >= roster->top) {
        return NULL;
    }

    slot = oa_roster_slot(roster, id.index);

    return slot->entry.state != OA_ROSTER_FREE
           && slot->entry.id.serial == id.serial ? slot : NULL;
}


/* Such as has a publisher. */
static oa_roster_slot_t *
oa_roster_find_present(const oa_roster_t *roster, oa_roster_id_t id)
{
    oa_roster_slot_t  *slot;

    slot = oa_roster_find(roster, id);

    return slot != NULL && slot->entry.state != OA_ROSTER_GONE ? slot : NULL;
}


/* Whether the second one's book is the one to lose. */
static bool
oa_roster_rather(const oa_roster_entry_t *a, const oa_roster_entry_t *b)
{
    if ((a->session_id == 0) != (b->session_id == 0)) {
        return b->session_id == 0;
    }

    return b->gone_ms < a->gone_ms;
}


/*
 * The oldest book that nobody could write gives way; those without a session
 * first, for who comes and goes must not drive out the books of others.
 */
static bool
oa_roster_lose(oa_roster_t *roster)
{
    uint32_t           i;
    oa_roster_slot_t  *slot, *oldest;

    oldest = NULL;

    for (i = 0; i < roster->top; i++) {
        slot = oa_roster_slot(roster, i);

        if (slot->entry.state == OA_ROSTER_GONE
            && (oldest == NULL
                || oa_roster_rather(&oldest->entry, &slot->entry)))
        {
            oldest = slot;
        }
    }

    if (oldest == NULL) {
        return false;
    }

    roster->lost++;
    oa_roster_free(roster, oldest);

    return true;
}


static void
oa_roster_fill(oa_roster_slot_t *slot, const oa_grant_t *grant,
    const oa_bus_process_t *owner, bool backup, oa_slice_t address,
    int64_t now_ms)
{
    size_t              size;
    oa_roster_entry_t  *e;

    memset(slot, 0, sizeof(*slot));

    e = &slot->entry;
    e->grant = *grant;
    e->grant.channel[OA_LIVE_CHANNEL_BYTES] = '\0';
    e->owner = *owner;
    e->backup = backup;
    e->media_ms = now_ms;

    size = address.size < sizeof(e->address) ? address.size
                                             : sizeof(e->address) - 1;
    if (size > 0) {
        memcpy(e->address, address.data, size);
    }
}


static bool
oa_roster_is_crowded(oa_roster_t *roster, const oa_grant_t *grant)
{
    char               channel[sizeof(grant->channel)];
    unsigned           n;
    oa_roster_slot_t  *slot;

    memcpy(channel, grant->channel, sizeof(channel));
    channel[sizeof(channel) - 1] = '\0';
    n = 0;

    for (slot = oa_roster_next(roster, channel, NULL);
         slot != NULL;
         slot = oa_roster_next(roster, channel, slot))
    {
        n += (slot->entry.state != OA_ROSTER_FREE
              && slot->entry.state != OA_ROSTER_GONE);
    }

    return n >= OA_ROSTER_CHANNEL_MAX;
}


oa_err_t
oa_roster_enter(oa_roster_t *roster, const oa_grant_t *grant,
    const oa_bus_process_t *owner, bool backup, oa_slice_t address,
    int64_t now_ms, oa_roster_id_t *id)
{
    uint32_t           index;
    oa_roster_slot_t  *slot;

    if (oa_roster_is_crowded(roster, grant)) {
        return OA_EBUSY;
    }

    oa_roster_change(roster);
    index = oa_roster_take(roster);

    if (index == OA_ROSTER_NO_SLOT) {
        oa_roster_changed(roster);

        if (!oa_roster_lose(roster)) {
            return OA_EFULL;
        }

        oa_roster_change(roster);
        index = oa_roster_take(roster);
    }

    slot = oa_roster_slot(roster, index);
    oa_roster_fill(slot, grant, owner, backup, address, now_ms);
    slot->entry.id.index = index;
    slot->entry.id.serial = ++roster->serial;

    oa_roster_set_state(slot, OA_ROSTER_WAITING);
    oa_roster_link(roster, index);
    oa_roster_changed(roster);

    *id = slot->entry.id;

    return OA_OK;
}


static bool
oa_roster_same(const oa_bus_process_t *a, const oa_bus_process_t *b)
{
    return a->pid == b->pid && a->start_time == b->start_time;
}


static void
oa_roster_gone(oa_roster_t *roster, oa_roster_slot_t *slot,
    oa_roster_reason_t reason, int64_t now_ms)
{
    if (slot->entry.state != OA_ROSTER_LIVE) {
        oa_roster_free(roster, slot);
        return;
    }

    slot->entry.ended = reason;
    slot->entry.gone_ms = now_ms;
    oa_roster_set_state(slot, OA_ROSTER_GONE);

    /* somebody may wait for his turn */
    roster->changes++;
}


/* The entry that holds a channel; that of an owner who is dead is gone. */
static oa_roster_slot_t *
oa_roster_live(oa_roster_t *roster, const oa_roster_slot_t *asking,
    int64_t now_ms, oa_bus_alive_pt alive, void *ctx)
{
    const char         *channel;
    oa_roster_slot_t   *slot;

    channel = asking->entry.grant.channel;

    for (slot = oa_roster_next(roster, channel, NULL);
         slot != NULL;
         slot = oa_roster_next(roster, channel, slot))
    {
        if (slot->entry.state != OA_ROSTER_LIVE || slot == asking) {
            continue;
        }

        if (oa_roster_same(&slot->entry.owner, &asking->entry.owner)
            || alive(ctx, &slot->entry.owner))
        {
            return slot;
        }

        oa_roster_gone(roster, slot, OA_ROSTER_WORKER_LOST, now_ms);
    }

    return NULL;
}


oa_err_t
oa_roster_go_live(oa_roster_t *roster, oa_roster_id_t id, int64_t now_ms,
    int64_t unix_ms, oa_bus_alive_pt alive, void *ctx,
    oa_roster_entry_t *holder)
{
    oa_roster_slot_t  *slot, *live;

    slot = oa_roster_find_present(roster, id);
    if (slot == NULL) {
        return OA_EGONE;
    }

    if (slot->entry.state == OA_ROSTER_LIVE) {
        return OA_OK;
    }

    if (slot->entry.stop != OA_ROSTER_NONE) {
        return OA_ENDED;
    }

    live = oa_roster_live(roster, slot, now_ms, alive, ctx);

    if (live != NULL) {
        if (holder != NULL) {
            *holder = live->entry;
        }

        return OA_EBUSY;
    }

    slot->entry.started_ms = now_ms;
    slot->entry.started_unix_ms = unix_ms;
    slot->entry.media_ms = now_ms;
    slot->entry.bytes = 0;
    slot->reported = 0;
    oa_roster_set_state(slot, OA_ROSTER_LIVE);

    return OA_OK;
}


oa_err_t
oa_roster_holder(oa_roster_t *roster, oa_roster_id_t id, int64_t now_ms,
    oa_bus_alive_pt alive, void *ctx, oa_roster_entry_t *holder)
{
    oa_roster_slot_t  *slot, *live;

    slot = oa_roster_find_present(roster, id);
    if (slot == NULL) {
        return OA_EGONE;
    }

    live = oa_roster_live(roster, slot, now_ms, alive, ctx);
    if (live == NULL) {
        return OA_ENOTFOUND;
    }

    *holder = live->entry;

    return OA_OK;
}


oa_err_t
oa_roster_stand_by(oa_roster_t *roster, oa_roster_id_t id)
{
    oa_roster_slot_t  *slot;

    slot = oa_roster_find_present(roster, id);
    if (slot == NULL) {
        return OA_EGONE;
    }

    if (slot->entry.state == OA_ROSTER_LIVE) {
        return OA_EINVAL;
    }

    oa_roster_set_state(slot, OA_ROSTER_STANDBY);

    return OA_OK;
}


void
oa_roster_leave(oa_roster_t *roster, oa_roster_id_t id,
    oa_roster_reason_t reason, int64_t now_ms)
{
    oa_roster_slot_t  *slot;

    slot = oa_roster_find_present(roster, id);

    if (slot != NULL) {
        oa_roster_gone(roster, slot, reason, now_ms);
    }
}


/* Whether it was not asked before. */
static bool
oa_roster_ask(oa_roster_t *roster, oa_roster_slot_t *slot,
    oa_roster_reason_t reason)
{
    if (slot->entry.stop != OA_ROSTER_NONE || reason == OA_ROSTER_NONE) {
        return false;
    }

    slot->entry.stop = reason;
    roster->changes++;

    return true;
}


oa_err_t
oa_roster_stop(oa_roster_t *roster, oa_roster_id_t id,
    oa_roster_reason_t reason)
{
    oa_roster_slot_t  *slot;

    slot = oa_roster_find_present(roster, id);
    if (slot == NULL) {
        return OA_EGONE;
    }

    oa_roster_ask(roster, slot, reason);

    return OA_OK;
}


unsigned
oa_roster_stop_all(oa_roster_t *roster, int64_t user_id, int64_t channel_id,
    int64_t key_id, oa_roster_reason_t reason)
{
    unsigned            n;
    uint32_t            i;
    oa_roster_slot_t   *slot;
    const oa_grant_t   *grant;

    for (n = 0, i = 0; i < roster->top; i++) {
        slot = oa_roster_slot(roster, i);
        grant = &slot->entry.grant;

        if (slot->entry.state == OA_ROSTER_FREE
            || slot->entry.state == OA_ROSTER_GONE
            || (user_id != 0 && user_id != grant->user_id)
            || (channel_id != 0 && channel_id != grant->channel_id)
            || (key_id != 0 && key_id != grant->key_id))
        {
            continue;
        }

        n += oa_roster_ask(roster, slot, reason);
    }

    return n;
}


/* --- the book -------------------------------------------------------- */

void
oa_roster_media(oa_roster_t *roster, oa_roster_id_t id, uint64_t bytes,
    int64_t media_ms)
{
    oa_roster_slot_t  *slot;

    slot = oa_roster_find_present(roster, id);
    if (slot == NULL) {
        return;
    }

    slot->reported = bytes;
    slot->entry.bytes = slot->before + bytes;
    slot->entry.media_ms = media_ms;
}


/* Takes the books of publishers who came back in this entry's session. */
static void
oa_roster_join(oa_roster_t *roster, oa_roster_slot_t *slot)
{
    const char          *channel;
    oa_roster_slot_t    *other, *next;
    oa_roster_entry_t    book;

    channel = slot->entry.grant.channel;

    for (other = oa_roster_next(roster, channel, NULL);
         other != NULL;
         other = next)
    {
        next = oa_roster_next(roster, channel, other);

        if (other == slot || other->entry.state != OA_ROSTER_GONE
            || other->entry.session_id != slot->entry.session_id)
        {
            continue;
        }

        book = other->entry;
        oa_roster_free(roster, other);

        slot->before += book.bytes;
        slot->entry.bytes = slot->before + slot->reported;
        slot->entry.written |= book.written;

        if (book.peak_viewers > slot->entry.peak_viewers) {
            slot->entry.peak_viewers = book.peak_viewers;
        }
    }
}


void
oa_roster_session(oa_roster_t *roster, oa_roster_id_t id, uint64_t session_id,
    int64_t started_unix_ms, uint32_t viewers)
{
    oa_roster_slot_t   *slot;
    oa_roster_entry_t  *e;

    slot = oa_roster_find(roster, id);

    if (slot == NULL || session_id == 0
        || (slot->entry.state != OA_ROSTER_LIVE
            && slot->entry.state != OA_ROSTER_GONE))
    {
        return;
    }

    e = &slot->entry;

    if (e->session_id != 0 && e->session_id != session_id) {
        slot->before = 0 - slot->reported;
        e->bytes = 0;
        e->peak_viewers = 0;
        e->written = false;
    }

    e->session_id = session_id;
    e->started_unix_ms = started_unix_ms;
    e->peak_viewers = viewers > e->peak_viewers ? viewers : e->peak_viewers;

    oa_roster_join(roster, slot);
}


void
oa_roster_written(oa_roster_t *roster, oa_roster_id_t id)
{
    oa_roster_slot_t  *slot;

    slot = oa_roster_find(roster, id);

    if (slot != NULL) {
        slot->entry.written = true;
    }
}


void
oa_roster_close(oa_roster_t *roster, oa_roster_id_t id)
{
    oa_roster_slot_t  *slot;

    slot = oa_roster_find(roster, id);

    if (slot != NULL && slot->entry.state == OA_ROSTER_GONE) {
        oa_roster_free(roster, slot);
    }
}


/* --- looking --------------------------------------------------------- */

oa_err_t
oa_roster_get(const oa_roster_t *roster, oa_roster_id_t id,
    oa_roster_entry_t *entry)
{
    const oa_roster_slot_t  *slot;

    slot = oa_roster_find(roster, id);
    if (slot == NULL) {
        return OA_EGONE;
    }

    *entry = slot->entry;

    return OA_OK;
}


void
oa_roster_walk(const oa_roster_t *roster, oa_roster_pt seen, void *ctx)
{
    uint32_t                 i;
    const oa_roster_slot_t  *slot;

    for (i = 0; i < roster->top; i++) {
        slot = oa_roster_slot(roster, i);

        if (slot->entry.state != OA_ROSTER_FREE && !seen(ctx, &slot->entry)) {
            return;
        }
    }
}


/* Asks about each process once: it may take a system call. */
static bool
oa_roster_alive(oa_roster_census_t *census, const oa_bus_process_t *process,
    oa_bus_alive_pt alive, void *ctx)
{
    bool      lives;
    unsigned  i;

    for (i = 0; i < census->n; i++) {
        if (oa_roster_same(&census->processes[i], process)) {
            return census->alive[i];
        }
    }

    lives = alive(ctx, process);

    if (census->n < OA_ROSTER_PROCESSES) {
        census->processes[census->n] = *process;
        census->alive[census->n++] = lives;
    }

    return lives;
}


void
oa_roster_sweep(oa_roster_t *roster, int64_t now_ms, oa_bus_alive_pt alive,
    void *ctx)
{
    uint32_t            i;
    oa_roster_slot_t   *slot;
    oa_roster_census_t  census;

    census.n = 0;

    for (i = 0; i < roster->top; i++) {
        slot = oa_roster_slot(roster, i);

        if (slot->entry.state != OA_ROSTER_FREE
            && slot->entry.state != OA_ROSTER_GONE
            && !oa_roster_alive(&census, &slot->entry.owner, alive, ctx))
        {
            oa_roster_gone(roster, slot, OA_ROSTER_WORKER_LOST, now_ms);
        }
    }
}


bool
oa_roster_keeper(oa_roster_t *roster, const oa_bus_process_t *self,
    oa_bus_alive_pt alive, void *ctx)
{
    return oa_bus_keep(&roster->keeper, self, alive, ctx);
}


void
oa_roster_resign(oa_roster_t *roster, const oa_bus_process_t *self)
{
    oa_bus_resign(&roster->keeper, self);
}


uint64_t
oa_roster_version(const oa_roster_t *roster)
{
    return roster->changes;
}


uint64_t
oa_roster_lost(const oa_roster_t *roster)
{
    return roster->lost;
}
