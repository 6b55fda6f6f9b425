
/*
 * Private to src/live: what claiming and ending sessions share.  Who changes
 * a session holds the lock.
 */


#ifndef OA_LIVE_SESSION_H
#define OA_LIVE_SESSION_H


#include "live/oa_live_layout.h"


/*
 * What a decision on a session rests on.  It is taken without the lock, since
 * asking whether a process is alive takes system calls, and compared again
 * under it.
 */
typedef struct {
    bool               found;
    uint32_t           index;
    uint64_t           id;
    uint32_t           publishers;
    oa_live_state_t    state;
    oa_bus_process_t   owner;
} oa_live_seen_t;


static inline bool
oa_live_is_active(oa_live_state_t state)
{
    return state == OA_LIVE_ON_AIR || state == OA_LIVE_GRACE;
}


static inline void
oa_live_state_set(oa_live_session_entry_t *entry, oa_live_state_t state,
    int64_t now_ms)
{
    atomic_store(&entry->state_ms, now_ms);
    atomic_store(&entry->state, (uint32_t) state);
}


OA_BEGIN_DECLS


/* Whether a session is still as it was seen without the lock. */
bool oa_live_unchanged(const oa_live_t *live, const oa_live_seen_t *seen);

/* The session's readers are yet to be told: see oa_live_end(). */
void oa_live_mark_ended(const oa_live_t *live, uint32_t index,
    int64_t now_ms);


OA_END_DECLS


#endif /* OA_LIVE_SESSION_H */
