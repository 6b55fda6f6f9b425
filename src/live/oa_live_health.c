
#include "live/oa_live_layout.h"

#include <string.h>


_Static_assert(sizeof(oa_live_health_t)
               == sizeof(uint64_t) * (OA_LIVE_HEALTH_WORDS + 1), "");


static oa_live_health_page_t *
oa_live_health_page(const oa_live_t *live, oa_live_session_t session,
    oa_live_state_t *state)
{
    uint32_t                  page;
    oa_live_session_entry_t  *entry;

    entry = oa_live_session_entry(live, session);
    if (entry == NULL) {
        return NULL;
    }

    page = atomic_load(&entry->health_page);
    *state = (oa_live_state_t) atomic_load(&entry->state);

    return page < oa_live_header(live)->npages
           ? (oa_live_health_page_t *) (void *) oa_live_page(live, page)
           : NULL;
}


void
oa_live_health_set(oa_live_t *live, oa_live_session_t session,
    const oa_live_health_t *health)
{
    uint64_t                  words[OA_LIVE_HEALTH_WORDS];
    unsigned                  i;
    oa_live_state_t           state;
    oa_live_health_page_t    *page;
    oa_live_health_record_t  *record;

    page = oa_live_health_page(live, session, &state);

    /* an ended session may lose its page at any moment */
    if (page == NULL || state != OA_LIVE_ON_AIR) {
        return;
    }

    memcpy(words, &health->video_bytes, sizeof(words));
    record = &page->seconds[health->second % OA_LIVE_HEALTH_SECONDS];

    atomic_store(&record->stamp, 0);
    atomic_thread_fence(memory_order_release);

    for (i = 0; i < OA_LIVE_HEALTH_WORDS; i++) {
        atomic_store_explicit(&record->words[i], words[i],
                              memory_order_relaxed);
    }

    atomic_store_explicit(&record->stamp, health->second + 1,
                          memory_order_release);
}


/* false: that second is not there, or is being written. */
static bool
oa_live_health_read(const oa_live_health_record_t *record, uint64_t second,
    oa_live_health_t *health)
{
    uint64_t  words[OA_LIVE_HEALTH_WORDS];
    unsigned  i;

    if (atomic_load_explicit(&record->stamp, memory_order_acquire)
        != second + 1)
    {
        return false;
    }

    for (i = 0; i < OA_LIVE_HEALTH_WORDS; i++) {
        words[i] = atomic_load_explicit(&record->words[i],
                                        memory_order_relaxed);
    }

    atomic_thread_fence(memory_order_acquire);

    if (atomic_load_explicit(&record->stamp, memory_order_relaxed)
        != second + 1)
    {
        return false;
    }

    memcpy(&health->video_bytes, words, sizeof(words));

    return true;
}


oa_err_t
oa_live_health_get(const oa_live_t *live, oa_live_session_t session,
    int64_t now_ms, unsigned seconds, oa_live_health_t *records, unsigned *n)
{
    bool                          there;
    uint64_t                      second, now;
    oa_live_state_t               state;
    oa_live_health_t             *record;
    const oa_live_health_page_t  *page;

    page = oa_live_health_page(live, session, &state);
    if (page == NULL) {
        return OA_EGONE;
    }

    now = (uint64_t) (now_ms > 0 ? now_ms : 0) / 1000;
    seconds = seconds < OA_LIVE_HEALTH_SECONDS ? seconds
                                               : OA_LIVE_HEALTH_SECONDS;
    second = now > seconds ? now - seconds : 0;
    *n = 0;

    for ( /* void */ ; second < now; second++) {
        record = &records[*n];
        memset(record, 0, sizeof(*record));
        there = oa_live_health_read(&page->seconds[second
                                                   % OA_LIVE_HEALTH_SECONDS],
                                    second, record);
        record->second = second;
        *n += there || *n > 0;
    }

    return oa_live_session_entry(live, session) ? OA_OK : OA_EGONE;
}


void
oa_live_metadata_set(oa_live_t *live, oa_live_session_t session,
    const oa_live_metadata_t *metadata)
{
    uint32_t                version;
    oa_live_state_t         state;
    oa_live_health_page_t  *page;

    page = oa_live_health_page(live, session, &state);

    if (page == NULL || state != OA_LIVE_ON_AIR) {
        return;
    }

    version = atomic_load(&page->version) + 1;

    /* the version before must be gone before its place is written to */
    atomic_thread_fence(memory_order_seq_cst);
    memcpy(&page->metadata[version % 2], metadata, sizeof(*metadata));
    atomic_store(&page->version, version != 0 ? version : 2);
}


static bool
oa_live_metadata_sound(const oa_live_metadata_t *metadata)
{
    uint32_t                         i;
    const oa_live_metadata_field_t  *field;

    if (metadata->nfields > OA_LIVE_METADATA_FIELDS) {
        return false;
    }

    for (i = 0; i < metadata->nfields; i++) {
        field = &metadata->fields[i];

        if (field->name_size > sizeof(field->name)
            || field->text_size > sizeof(field->text))
        {
            return false;
        }
    }

    return true;
}


oa_err_t
oa_live_metadata_get(const oa_live_t *live, oa_live_session_t session,
    oa_live_metadata_t *metadata)
{
    unsigned                      tries;
    uint32_t                      version;
    oa_live_state_t               state;
    const oa_live_health_page_t  *page;

    page = oa_live_health_page(live, session, &state);
    if (page == NULL) {
        return OA_EGONE;
    }

    for (tries = 0; tries < OA_LIVE_TRIES; tries++) {
        version = atomic_load(&page->version);

        if (version == 0) {
            return OA_ENOTFOUND;
        }

        memcpy(metadata, &page->metadata[version % 2], sizeof(*metadata));
        atomic_thread_fence(memory_order_seq_cst);

        if (oa_live_session_entry(live, session) == NULL) {
            return OA_EGONE;
        }

        if (atomic_load(&page->version) == version
            && oa_live_metadata_sound(metadata))
        {
            return OA_OK;
        }
    }

    return OA_EAGAIN;
}
