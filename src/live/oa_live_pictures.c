
#include "live/oa_live_layout.h"

#include <string.h>


static oa_live_pictures_t *
oa_live_pictures(const oa_live_t *live, oa_live_session_t session,
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

    if (page >= oa_live_header(live)->npages) {
        return NULL;
    }

    return &((oa_live_health_page_t *) (void *) oa_live_page(live, page))
           ->pictures;
}


static uint32_t
oa_live_picture_npages(const oa_live_picture_record_t *record)
{
    return (record->size + OA_LIVE_PAGE_BYTES - 1) / OA_LIVE_PAGE_BYTES;
}


/* --- writing --------------------------------------------------------- */


static void
oa_live_picture_free(const oa_live_t *live,
    const oa_live_picture_record_t *record)
{
    uint32_t  i, n;

    n = oa_live_picture_npages(record);

    for (i = 0; i < n; i++) {
        oa_live_page_free(live, record->pages[i]);
    }
}


/* Media comes first: see the header. */
static bool
oa_live_picture_room(const oa_live_t *live, uint32_t needed, uint32_t held)
{
    uint32_t  reserve;

    reserve = oa_live_header(live)->npages / 16 + OA_LIVE_CLAIM_PAGES;

    return needed <= held || oa_live_pages_free(live, reserve + needed);
}


/* Copies record->size bytes into pages. */
static oa_err_t
oa_live_picture_store(const oa_live_t *live, uint32_t session,
    oa_slice_t data, oa_live_picture_record_t *record)
{
    size_t    n;
    uint32_t  i, page;
    uint64_t  tag;

    tag = oa_live_page_tag(session, OA_LIVE_NO_RENDITION,
                           OA_LIVE_PICTURE_PAGE);

    for (i = 0; data.size > 0; i++, data.data += n, data.size -= n) {
        page = oa_live_page_alloc(live, tag);

        if (page == OA_LIVE_NO_PAGE) {
            record->size = i * OA_LIVE_PAGE_BYTES;
            oa_live_picture_free(live, record);
            return OA_EFULL;
        }

        n = data.size < OA_LIVE_PAGE_BYTES ? data.size : OA_LIVE_PAGE_BYTES;
        memcpy(oa_live_page(live, page), data.data, n);
        record->pages[i] = page;
    }

    return OA_OK;
}


/* Makes a record the one in its place; what was there before is freed. */
static void
oa_live_picture_publish(const oa_live_t *live, oa_live_picture_place_t *slot,
    const oa_live_picture_record_t *record,
    const oa_live_picture_record_t *old)
{
    uint64_t  version;

    version = atomic_load(&slot->version) + 1;

    /* the version before must be gone before its record is written to */
    atomic_thread_fence(memory_order_seq_cst);
    slot->records[version % 2] = *record;
    atomic_store(&slot->version, version);

    /* and readers must see that it is before its pages change hands */
    atomic_thread_fence(memory_order_seq_cst);
    oa_live_picture_free(live, old);
}


static oa_err_t
oa_live_picture_check(unsigned place, const oa_live_picture_t *about,
    oa_slice_t data)
{
    if (place >= OA_LIVE_PICTURES || data.size == 0
        || about->ntiles > OA_LIVE_PICTURE_TILES)
    {
        return OA_EINVAL;
    }

    return data.size > OA_LIVE_PICTURE_BYTES ? OA_EFULL : OA_OK;
}


oa_err_t
oa_live_picture_set(oa_live_t *live, oa_live_session_t session,
    unsigned place, const oa_live_picture_t *about, oa_slice_t data)
{
    oa_err_t                   err;
    oa_live_state_t            state;
    oa_live_pictures_t        *pictures;
    oa_live_picture_place_t   *slot;
    oa_live_picture_record_t   record, old;

    err = oa_live_picture_check(place, about, data);
    if (err != OA_OK) {
        return err;
    }

    pictures = oa_live_pictures(live, session, &state);

    /* an ended session may lose its pages at any moment */
    if (pictures == NULL || state != OA_LIVE_ON_AIR) {
        return OA_EGONE;
    }

    slot = &pictures->places[place];
    old = slot->records[atomic_load(&slot->version) % 2];

    memset(&record, 0, sizeof(record));
    record.about = *about;
    record.size = (uint32_t) data.size;

    if (!oa_live_picture_room(live, oa_live_picture_npages(&record),
                              oa_live_picture_npages(&old)))
    {
        return OA_EFULL;
    }

    err = oa_live_picture_store(live, session.index, data, &record);
    if (err != OA_OK) {
        return err;
    }

    oa_live_picture_publish(live, slot, &record, &old);

    return OA_OK;
}


bool
oa_live_picture_mentioned(const oa_live_t *live, uint32_t health_page,
    uint32_t page)
{
    uint32_t                         i, n;
    unsigned                         place;
    const oa_live_health_page_t     *health;
    const oa_live_picture_place_t   *slot;
    const oa_live_picture_record_t  *record;

    if (health_page >= oa_live_header(live)->npages) {
        return false;
    }

    health = (oa_live_health_page_t *) (void *) oa_live_page(live,
                                                             health_page);

    for (place = 0; place < OA_LIVE_PICTURES; place++) {
        slot = &health->pictures.places[place];
        record = &slot->records[atomic_load(&slot->version) % 2];
        n = oa_live_picture_npages(record);

        for (i = 0; i < n; i++) {
            if (record->pages[i] == page) {
                return true;
            }
        }
    }

    return false;
}


/* --- reading --------------------------------------------------------- */


/* OA_EAGAIN: it was replaced meanwhile, again and again. */
static oa_err_t
oa_live_picture_record(const oa_live_t *live, oa_live_session_t session,
    unsigned place, oa_live_picture_record_t *record, uint64_t *version)
{
    unsigned                        tries;
    oa_live_state_t                 state;
    const oa_live_pictures_t       *pictures;
    const oa_live_picture_place_t  *slot;

    pictures = oa_live_pictures(live, session, &state);
    if (pictures == NULL) {
        return OA_EGONE;
    }

    if (place >= OA_LIVE_PICTURES) {
        return OA_ENOTFOUND;
    }

    slot = &pictures->places[place];

    for (tries = 0; tries < OA_LIVE_TRIES; tries++) {
        *version = atomic_load(&slot->version);
        *record = slot->records[*version % 2];

        atomic_thread_fence(memory_order_seq_cst);

        if (oa_live_session_entry(live, session) == NULL) {
            return OA_EGONE;
        }

        if (atomic_load(&slot->version) != *version) {
            continue;
        }

        if (*version == 0) {
            return OA_ENOTFOUND;
        }

        return OA_OK;
    }

    return OA_EAGAIN;
}


oa_err_t
oa_live_picture_get(const oa_live_t *live, oa_live_session_t session,
    unsigned place, oa_live_picture_found_t *found)
{
    uint64_t                  version;
    oa_err_t                  err;
    oa_live_picture_record_t  record;

    err = oa_live_picture_record(live, session, place, &record, &version);
    if (err != OA_OK) {
        return err;
    }

    found->place = place;
    found->version = version;
    found->size = record.size;
    found->about = record.about;

    return OA_OK;
}


oa_err_t
oa_live_picture_find(const oa_live_t *live, oa_live_session_t session,
    oa_live_picture_kind_t kind, uint32_t number,
    oa_live_picture_found_t *found)
{
    oa_err_t                 err;
    unsigned                 place;
    oa_live_picture_found_t  there;

    for (place = 0; place < OA_LIVE_PICTURES; place++) {
        err = oa_live_picture_get(live, session, place, &there);

        if (err == OA_ENOTFOUND) {
            continue;
        }

        if (err != OA_OK) {
            return err;
        }

        if (there.about.kind == (uint32_t) kind
            && there.about.number == number)
        {
            *found = there;
            return OA_OK;
        }
    }

    return OA_ENOTFOUND;
}


oa_err_t
oa_live_picture_read(const oa_live_t *live, oa_live_session_t session,
    const oa_live_picture_found_t *found, void *dst)
{
    size_t                    n, left;
    uint8_t                  *p;
    uint32_t                  i;
    uint64_t                  version;
    oa_err_t                  err;
    oa_live_picture_record_t  record, now;

    err = oa_live_picture_record(live, session, found->place, &record,
                                 &version);
    if (err != OA_OK) {
        return err == OA_ENOTFOUND ? OA_EAGAIN : err;
    }

    if (version != found->version || record.size != found->size) {
        return OA_EAGAIN;
    }

    p = dst;

    for (i = 0, left = record.size; left > 0; i++, p += n, left -= n) {
        if (i == OA_LIVE_PICTURE_PAGES
            || record.pages[i] >= oa_live_header(live)->npages)
        {
            return OA_EAGAIN;
        }

        n = left < OA_LIVE_PAGE_BYTES ? left : OA_LIVE_PAGE_BYTES;
        memcpy(p, oa_live_page(live, record.pages[i]), n);
    }

    atomic_thread_fence(memory_order_acquire);

    err = oa_live_picture_record(live, session, found->place, &now, &version);

    return err == OA_OK && version != found->version ? OA_EAGAIN : err;
}
