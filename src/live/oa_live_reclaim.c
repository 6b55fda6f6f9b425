
/* Giving back what sessions have that are over. */


#include "live/oa_live_layout.h"


/*
 * A session that ended less long ago is left alone: its readers are told of
 * the end first, and who notes a viewer in its page just now is done by then.
 */
#define OA_LIVE_RECLAIM_MS  3000


void
oa_live_entry_clear(const oa_live_t *live, uint32_t index)
{
    uint32_t                    i;
    oa_live_header_t           *header;
    oa_live_session_entry_t    *entry;
    oa_live_rendition_entry_t  *rendition;

    header = oa_live_header(live);
    entry = &header->sessions[index];

    atomic_store(&header->hashes[index], 0);
    atomic_store(&entry->state, OA_LIVE_FREE);

    for (i = 0; i < OA_LIVE_RENDITIONS; i++) {
        rendition = &header->renditions[i];

        if (atomic_load(&rendition->session_id) != 0
            && atomic_load(&rendition->session_index) == index)
        {
            atomic_store(&rendition->session_id, 0);
        }
    }

    /* readers must see that it is gone before its pages change hands */
    atomic_thread_fence(memory_order_seq_cst);

    oa_live_pages_free_all(live, index);
    atomic_store(&entry->pages_held, 0);
}


void
oa_live_free(const oa_live_t *live, uint32_t index)
{
    atomic_store(&oa_live_header(live)->sessions[index].id, 0);
    oa_live_entry_clear(live, index);
}


void
oa_live_clock_set(const oa_live_t *live, int64_t now_ms)
{
    atomic_store_explicit(&oa_live_header(live)->clock_ms, now_ms,
                          memory_order_relaxed);
}


/* The session that ended longest ago; OA_LIVE_SESSIONS when there is none. */
static uint32_t
oa_live_ended_first(const oa_live_t *live)
{
    uint32_t                        i, top, first;
    int64_t                         oldest_ms, state_ms;
    oa_live_header_t               *header;
    const oa_live_session_entry_t  *entry;

    header = oa_live_header(live);
    oldest_ms = atomic_load(&header->clock_ms) - OA_LIVE_RECLAIM_MS;
    first = OA_LIVE_SESSIONS;

    top = oa_live_sessions_top(live);

    for (i = 0; i < top; i++) {
        entry = &header->sessions[i];
        state_ms = atomic_load(&entry->state_ms);

        if (atomic_load(&entry->id) != 0
            && atomic_load(&entry->state) == OA_LIVE_ENDED
            && state_ms <= oldest_ms)
        {
            oldest_ms = state_ms;
            first = i;
        }
    }

    return first;
}


bool
oa_live_reclaim_locked(const oa_live_t *live)
{
    uint32_t  index;

    index = oa_live_ended_first(live);

    if (index == OA_LIVE_SESSIONS) {
        return false;
    }

    oa_live_free(live, index);

    return true;
}


bool
oa_live_reclaim(const oa_live_t *live)
{
    bool  reclaimed;

    if (oa_live_ended_first(live) == OA_LIVE_SESSIONS) {
        return false;
    }

    oa_live_lock(live);
    reclaimed = oa_live_reclaim_locked(live);
    oa_live_unlock(live);

    return reclaimed;
}
