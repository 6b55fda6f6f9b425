
#include "live/oa_live_session.h"

#include <string.h>


oa_live_session_entry_t *
oa_live_session_entry(const oa_live_t *live, oa_live_session_t session)
{
    oa_live_session_entry_t  *entry;

    if (session.id == 0 || session.index >= OA_LIVE_SESSIONS) {
        return NULL;
    }

    entry = &oa_live_header(live)->sessions[session.index];

    return atomic_load(&entry->id) == session.id ? entry : NULL;
}


/* --- looking --------------------------------------------------------- */


static bool
oa_live_channel_is(const oa_live_session_entry_t *entry, oa_slice_t channel)
{
    return entry->channel_size == channel.size
           && memcmp(entry->channel, channel.data, channel.size) == 0;
}


/*
 * The next session of a channel at or after *cursor in the table; its serial
 * number and state.
 */
static bool
oa_live_channel_next(const oa_live_t *live, oa_slice_t channel,
    uint32_t *cursor, oa_live_seen_t *seen, uint64_t *serial)
{
    bool                      match;
    uint32_t                  i, top;
    uint64_t                  hash;
    oa_live_header_t         *header;
    oa_live_session_entry_t  *entry;

    if (channel.size == 0 || channel.size > OA_LIVE_CHANNEL_BYTES) {
        return false;
    }

    header = oa_live_header(live);
    hash = oa_hash64(channel);
    top = oa_live_sessions_top(live);

    for (i = *cursor; i < top; i++) {
        if (atomic_load_explicit(&header->hashes[i], memory_order_acquire)
            != hash)
        {
            continue;
        }

        entry = &header->sessions[i];
        seen->id = atomic_load(&entry->id);
        seen->state = atomic_load(&entry->state);
        seen->publishers = atomic_load(&entry->publishers);
        seen->owner = entry->owners[seen->publishers % 2];
        *serial = entry->serial;
        match = oa_live_channel_is(entry, channel);

        atomic_thread_fence(memory_order_acquire);

        if (match && seen->id != 0 && atomic_load(&entry->id) == seen->id) {
            seen->found = true;
            seen->index = i;
            *cursor = i + 1;
            return true;
        }
    }

    return false;
}


/* The channel's session on the air or in grace; there is one at most. */
static void
oa_live_active(const oa_live_t *live, oa_slice_t channel,
    oa_live_seen_t *active)
{
    uint32_t  cursor;
    uint64_t  serial;

    memset(active, 0, sizeof(*active));

    for (cursor = 0;
         oa_live_channel_next(live, channel, &cursor, active, &serial); )
    {
        if (oa_live_is_active(active->state)) {
            return;
        }
    }

    memset(active, 0, sizeof(*active));
}


oa_err_t
oa_live_find(const oa_live_t *live, oa_slice_t channel,
    oa_live_session_t *session)
{
    bool            active, best_active;
    uint32_t        cursor;
    uint64_t        serial, best_serial;
    oa_live_seen_t  seen;

    session->id = 0;
    best_active = false;
    best_serial = 0;

    for (cursor = 0;
         oa_live_channel_next(live, channel, &cursor, &seen, &serial); )
    {
        active = oa_live_is_active(seen.state);

        if (session->id == 0 || active > best_active
            || (active == best_active && serial > best_serial))
        {
            session->id = seen.id;
            session->index = seen.index;
            best_active = active;
            best_serial = serial;
        }
    }

    return session->id != 0 ? OA_OK : OA_ENOTFOUND;
}


oa_err_t
oa_live_find_id(const oa_live_t *live, oa_slice_t channel, uint64_t id,
    oa_live_session_t *session)
{
    uint32_t        cursor;
    uint64_t        serial;
    oa_live_seen_t  seen;

    for (cursor = 0;
         oa_live_channel_next(live, channel, &cursor, &seen, &serial); )
    {
        if (seen.id == id) {
            session->id = id;
            session->index = seen.index;
            return OA_OK;
        }
    }

    return OA_ENOTFOUND;
}


bool
oa_live_next(const oa_live_t *live, uint32_t *cursor,
    oa_live_session_t *session)
{
    uint32_t  i, top;
    uint64_t  id;

    top = oa_live_sessions_top(live);

    for (i = *cursor; i < top; i++) {
        id = atomic_load(&oa_live_header(live)->sessions[i].id);

        if (id != 0) {
            session->id = id;
            session->index = i;
            *cursor = i + 1;
            return true;
        }
    }

    *cursor = top;

    return false;
}


static void
oa_live_info_copy(const oa_live_session_entry_t *entry,
    oa_live_session_info_t *info)
{
    uint32_t  i, n;

    info->state = atomic_load(&entry->state);
    info->state_ms = atomic_load(&entry->state_ms);
    info->publishers = atomic_load(&entry->publishers);
    info->owner = entry->owners[info->publishers % 2];
    info->conf = entry->conf;
    info->started_ms = entry->started_ms;
    memcpy(info->channel, entry->channel, sizeof(info->channel));
    info->channel[OA_LIVE_CHANNEL_BYTES] = '\0';

    n = atomic_load(&entry->nrenditions);
    n = n < OA_LIVE_SESSION_RENDITIONS ? n : OA_LIVE_SESSION_RENDITIONS;
    info->nrenditions = n;

    for (i = 0; i < n; i++) {
        info->renditions[i].session_id = info->session.id;
        info->renditions[i].index = atomic_load(&entry->renditions[i]);
    }
}


oa_err_t
oa_live_session_info(const oa_live_t *live, oa_live_session_t session,
    oa_live_session_info_t *info)
{
    unsigned                  i;
    oa_live_session_entry_t  *entry;

    for (i = 0; i < OA_LIVE_TRIES; i++) {
        entry = oa_live_session_entry(live, session);
        if (entry == NULL) {
            return OA_EGONE;
        }

        info->session = session;
        oa_live_info_copy(entry, info);

        atomic_thread_fence(memory_order_acquire);

        if (atomic_load(&entry->publishers) == info->publishers
            && atomic_load(&entry->state) == (uint32_t) info->state)
        {
            break;
        }
    }

    return oa_live_session_entry(live, session) != NULL ? OA_OK : OA_EGONE;
}


/* --- claiming -------------------------------------------------------- */


bool
oa_live_unchanged(const oa_live_t *live, const oa_live_seen_t *seen)
{
    const oa_live_session_entry_t  *entry;

    entry = &oa_live_header(live)->sessions[seen->index];

    return atomic_load(&entry->id) == seen->id
           && atomic_load(&entry->publishers) == seen->publishers
           && atomic_load(&entry->state) == (uint32_t) seen->state;
}


static uint32_t
oa_live_entry_find_free(const oa_live_t *live)
{
    uint32_t           i;
    oa_live_header_t  *header;

    header = oa_live_header(live);

    for (i = 0; i < OA_LIVE_SESSIONS; i++) {
        if (atomic_load(&header->sessions[i].id) == 0) {
            break;
        }
    }

    return i;
}


static void
oa_live_entry_fill(oa_live_session_entry_t *entry,
    const oa_live_claim_t *claim)
{
    entry->conf = claim->conf;
    entry->started_ms = claim->now_ms;
    entry->channel_size = (uint32_t) claim->channel.size;
    memset(entry->channel, 0, sizeof(entry->channel));
    memcpy(entry->channel, claim->channel.data, claim->channel.size);

    atomic_store(&entry->nrenditions, 0);
    atomic_store(&entry->unannounced, 0);
    atomic_store(&entry->publishers, 1);
    entry->owners[1] = claim->owner;
    oa_live_state_set(entry, OA_LIVE_ON_AIR, claim->now_ms);
}


/* The session's own page for a use, empty. */
static uint32_t
oa_live_begin_page(const oa_live_t *live, uint32_t index, uint64_t use,
    size_t size)
{
    uint32_t  page;

    page = oa_live_page_alloc(live, oa_live_page_tag(index,
                                                     OA_LIVE_NO_RENDITION,
                                                     use));
    if (page != OA_LIVE_NO_PAGE) {
        memset(oa_live_page(live, page), 0, size);
    }

    return page;
}


static oa_err_t
oa_live_begin(const oa_live_t *live, const oa_live_claim_t *claim,
    oa_live_session_t *session)
{
    uint32_t                  index, viewers, health;
    oa_live_header_t         *header;
    oa_live_session_entry_t  *entry;

    header = oa_live_header(live);
    index = oa_live_entry_find_free(live);

    if (index == OA_LIVE_SESSIONS) {
        return OA_EFULL;
    }

    entry = &header->sessions[index];

    if (index >= atomic_load(&header->sessions_top)) {
        atomic_store(&header->sessions_top, index + 1);
    }

    if (atomic_load(&entry->pages_held)) {
        oa_live_entry_clear(live, index);
    }

    /*
     * One that cannot hold a window is better refused now than after it took
     * from the others what little there is.
     */
    if (!oa_live_pages_free(live, OA_LIVE_CLAIM_PAGES)) {
        return OA_EFULL;
    }

    atomic_store(&entry->pages_held, 1);

    viewers = oa_live_begin_page(live, index, OA_LIVE_VIEWERS_PAGE,
                                 sizeof(oa_live_viewers_page_t));
    health = oa_live_begin_page(live, index, OA_LIVE_HEALTH_PAGE,
                                sizeof(oa_live_health_page_t));

    if (viewers == OA_LIVE_NO_PAGE || health == OA_LIVE_NO_PAGE) {
        oa_live_entry_clear(live, index);
        return OA_EFULL;
    }

    atomic_store(&entry->viewers_page, viewers);
    atomic_store(&entry->health_page, health);
    entry->serial = ++header->serial;
    oa_live_entry_fill(entry, claim);

    atomic_store(&entry->id, claim->id);
    atomic_store(&header->hashes[index], oa_hash64(claim->channel));

    session->id = claim->id;
    session->index = index;

    return OA_OK;
}


/* A broadcast that begins is worth more than those that are over. */
static oa_err_t
oa_live_begin_reclaim(const oa_live_t *live, const oa_live_claim_t *claim,
    oa_live_session_t *session)
{
    oa_err_t  err;

    do {
        err = oa_live_begin(live, claim, session);
    } while (err == OA_EFULL && oa_live_reclaim_locked(live));

    return err;
}


/* Gives back what an owner that was killed had taken, or was about to free. */
static void
oa_live_recover(const oa_live_t *live, uint32_t index)
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

        if (!oa_live_view(live, rendition, &view)) {
            continue;
        }

        if (oa_live_view_parked(&view)) {
            oa_live_view_empty(&view);

        } else {
            oa_live_view_trim(&view);
        }
    }

    oa_live_pages_recover(live, index);
}


static void
oa_live_resume(const oa_live_t *live, const oa_live_claim_t *claim,
    uint32_t index)
{
    uint32_t                  publishers;
    oa_live_session_entry_t  *entry;

    entry = &oa_live_header(live)->sessions[index];

    oa_live_recover(live, index);

    publishers = atomic_load(&entry->publishers) + 1;
    entry->owners[publishers % 2] = claim->owner;
    atomic_store(&entry->publishers, publishers);
    oa_live_state_set(entry, OA_LIVE_ON_AIR, claim->now_ms);
}


/* OA_EAGAIN: the channel changed since it was looked at. */
static oa_err_t
oa_live_claim_locked(const oa_live_t *live, const oa_live_claim_t *claim,
    const oa_live_seen_t *seen, oa_live_session_t *session, bool *resumed)
{
    oa_live_seen_t            now;
    oa_live_session_entry_t  *entry;

    oa_live_active(live, claim->channel, &now);

    if (now.found != seen->found
        || (now.found && !oa_live_unchanged(live, seen)))
    {
        return OA_EAGAIN;
    }

    *resumed = false;

    if (!now.found) {
        return oa_live_begin_reclaim(live, claim, session);
    }

    entry = &oa_live_header(live)->sessions[now.index];

    if (now.state == OA_LIVE_ON_AIR) {
        /* its owner is dead */
        oa_live_state_set(entry, OA_LIVE_GRACE, claim->now_ms);
    }

    if (claim->now_ms - atomic_load(&entry->state_ms)
        >= (int64_t) entry->conf.grace_ms)
    {
        oa_live_mark_ended(live, now.index, claim->now_ms);
        return oa_live_begin_reclaim(live, claim, session);
    }

    oa_live_resume(live, claim, now.index);

    session->id = now.id;
    session->index = now.index;
    *resumed = true;

    return OA_OK;
}


oa_err_t
oa_live_claim(oa_live_t *live, const oa_live_claim_t *claim,
    oa_bus_alive_pt alive, void *ctx, oa_live_session_t *session,
    bool *resumed)
{
    oa_err_t        err;
    unsigned        i;
    oa_live_seen_t  seen;

    if (claim->id == 0 || claim->channel.size == 0
        || claim->channel.size > OA_LIVE_CHANNEL_BYTES)
    {
        return OA_EINVAL;
    }

    for (i = 0; i < OA_LIVE_TRIES; i++) {
        oa_live_active(live, claim->channel, &seen);
        oa_live_clock_set(live, claim->now_ms);

        if (seen.found && seen.state == OA_LIVE_ON_AIR
            && alive(ctx, &seen.owner))
        {
            return OA_EBUSY;
        }

        oa_live_lock(live);
        err = oa_live_claim_locked(live, claim, &seen, session, resumed);
        oa_live_unlock(live);

        if (err != OA_EAGAIN) {
            return err;
        }
    }

    return OA_EBUSY;
}
