
/* How sessions end: by their owner, by the grace, or by a sweep. */


#include "live/oa_live_session.h"


void
oa_live_mark_ended(const oa_live_t *live, uint32_t index, int64_t now_ms)
{
    uint32_t                  i, n;
    oa_live_view_t            view;
    oa_live_rendition_t       rendition;
    oa_live_session_entry_t  *entry;

    entry = &oa_live_header(live)->sessions[index];
    n = atomic_load(&entry->nrenditions);
    rendition.session_id = atomic_load(&entry->id);

    for (i = 0; i < n; i++) {
        rendition.index = atomic_load(&entry->renditions[i]);

        if (oa_live_view(live, rendition, &view)) {
            oa_live_view_close(&view);
        }
    }

    atomic_store(&entry->unannounced, 1);
    oa_live_state_set(entry, OA_LIVE_ENDED, now_ms);
}


void
oa_live_release(oa_live_t *live, oa_live_session_t session, int64_t now_ms)
{
    oa_live_session_entry_t  *entry;

    oa_live_lock(live);

    entry = oa_live_session_entry(live, session);

    if (entry != NULL && atomic_load(&entry->state) == OA_LIVE_ON_AIR) {
        oa_live_state_set(entry, OA_LIVE_GRACE, now_ms);
    }

    oa_live_unlock(live);
}


static void
oa_live_changed(const oa_live_t *live, oa_live_session_t session,
    oa_live_changed_pt changed, void *ctx)
{
    uint32_t                i;
    oa_live_session_info_t  info;

    if (changed == NULL
        || oa_live_session_info(live, session, &info) != OA_OK)
    {
        return;
    }

    for (i = 0; i < info.nrenditions; i++) {
        changed(ctx, info.renditions[i].index);
    }
}


/*
 * Tells the readers of an ended session, if nobody did: who ended it may have
 * been killed before, or had nobody to call.
 */
static void
oa_live_announce(const oa_live_t *live, oa_live_session_t session,
    oa_live_changed_pt changed, void *ctx)
{
    oa_live_session_entry_t  *entry;

    entry = oa_live_session_entry(live, session);

    if (changed == NULL || entry == NULL
        || atomic_load(&entry->state) != OA_LIVE_ENDED
        || !atomic_load(&entry->unannounced))
    {
        return;
    }

    oa_live_changed(live, session, changed, ctx);

    oa_live_lock(live);

    if (oa_live_session_entry(live, session) != NULL) {
        atomic_store(&entry->unannounced, 0);
    }

    oa_live_unlock(live);
}


/*
 * One that ended without a part has nothing to read, and keeps no slot: whoever
 * comes and goes all the time would have them all.
 */
static void
oa_live_free_empty(const oa_live_t *live, oa_live_session_t session)
{
    uint32_t                  i, n, rendition;
    uint64_t                  head;
    oa_live_header_t         *header;
    oa_live_session_entry_t  *entry;

    header = oa_live_header(live);
    head = 0;

    oa_live_lock(live);

    entry = oa_live_session_entry(live, session);

    if (entry != NULL && atomic_load(&entry->state) == OA_LIVE_ENDED
        && !atomic_load(&entry->unannounced))
    {
        n = atomic_load(&entry->nrenditions);

        for (i = 0; i < n; i++) {
            rendition = atomic_load(&entry->renditions[i]);
            head |= atomic_load(&header->renditions[rendition].head);
        }

        if (head == 0) {
            oa_live_free(live, session.index);
        }
    }

    oa_live_unlock(live);
}


void
oa_live_end(oa_live_t *live, oa_live_session_t session, int64_t now_ms,
    oa_live_changed_pt changed, void *ctx)
{
    oa_live_session_entry_t  *entry;

    oa_live_lock(live);

    entry = oa_live_session_entry(live, session);

    if (entry != NULL && oa_live_is_active(atomic_load(&entry->state))) {
        oa_live_mark_ended(live, session.index, now_ms);
    }

    oa_live_unlock(live);

    oa_live_announce(live, session, changed, ctx);
    oa_live_free_empty(live, session);
}


/* A live owner's session is left alone; a dead one's enters the grace. */
static void
oa_live_sweep_owner(const oa_live_t *live, const oa_live_seen_t *seen,
    int64_t now_ms, oa_live_changed_pt changed, void *ctx)
{
    bool               entered;
    oa_live_session_t  session;

    oa_live_lock(live);

    entered = oa_live_unchanged(live, seen);
    if (entered) {
        oa_live_state_set(&oa_live_header(live)->sessions[seen->index],
                          OA_LIVE_GRACE, now_ms);
    }

    oa_live_unlock(live);

    if (entered) {
        /* it may have been killed between a part and its wake-up */
        session.id = seen->id;
        session.index = seen->index;
        oa_live_changed(live, session, changed, ctx);
    }
}


/* Ends a session whose grace has run out, frees one that ended long ago. */
static void
oa_live_sweep_deadline(const oa_live_t *live, uint32_t index, int64_t now_ms)
{
    int64_t                   age_ms;
    oa_live_session_entry_t  *entry;

    oa_live_lock(live);

    entry = &oa_live_header(live)->sessions[index];
    age_ms = now_ms - atomic_load(&entry->state_ms);

    if (atomic_load(&entry->id) == 0) {
        if (atomic_load(&entry->pages_held)) {
            oa_live_entry_clear(live, index);
        }

    } else if (atomic_load(&entry->state) == OA_LIVE_GRACE) {
        if (age_ms >= (int64_t) entry->conf.grace_ms) {
            oa_live_mark_ended(live, index, now_ms);
        }

    } else if (atomic_load(&entry->state) == OA_LIVE_ENDED) {
        if (age_ms > (int64_t) entry->conf.window_ms
                     + 3000 * (int64_t) entry->conf.target_duration_s)
        {
            oa_live_free(live, index);
        }
    }

    oa_live_unlock(live);
}


void
oa_live_sweep(oa_live_t *live, int64_t now_ms, oa_bus_alive_pt alive,
    oa_live_changed_pt changed, void *ctx)
{
    uint32_t                  i, top;
    oa_live_seen_t            seen;
    oa_live_session_entry_t  *entry;

    oa_live_clock_set(live, now_ms);
    top = oa_live_sessions_top(live);

    for (i = 0; i < top; i++) {
        entry = &oa_live_header(live)->sessions[i];

        seen.index = i;
        seen.id = atomic_load(&entry->id);
        seen.state = atomic_load(&entry->state);
        seen.publishers = atomic_load(&entry->publishers);
        seen.owner = entry->owners[seen.publishers % 2];

        if (seen.id == 0 && !atomic_load(&entry->pages_held)) {
            continue;
        }

        if (seen.id != 0 && seen.state == OA_LIVE_ON_AIR) {
            if (alive(ctx, &seen.owner)) {
                continue;
            }

            oa_live_sweep_owner(live, &seen, now_ms, changed, ctx);
        }

        oa_live_sweep_deadline(live, i, now_ms);

        oa_live_announce(live, (oa_live_session_t) { seen.id, i }, changed,
                         ctx);
    }
}
