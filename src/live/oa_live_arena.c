
#include "live/oa_live_layout.h"

#include <string.h>


uint64_t
oa_live_page_tag(uint32_t session, uint32_t rendition, uint64_t use)
{
    uint64_t  kind;

    /* two bits of kind, 14 of session, 16 of rendition, 32 of log page */
    kind = use >= OA_LIVE_INDEX_PAGE ? 1 + (use - OA_LIVE_INDEX_PAGE) : 0;

    return kind << 62 | (uint64_t) (session + 1) << 48
           | (uint64_t) (rendition + 1) << 32 | (uint32_t) use;
}


static uint32_t
oa_live_tag_session(uint64_t tag)
{
    return (uint32_t) (tag >> 48 & 0x3fff) - 1;
}


static uint32_t
oa_live_tag_rendition(uint64_t tag)
{
    return (uint32_t) (tag >> 32 & 0xffff) - 1;
}


static unsigned
oa_live_tag_kind(uint64_t tag)
{
    return (unsigned) (tag >> 62);
}


oa_err_t
oa_live_format(void *mem, size_t size)
{
    size_t             fixed, npages;
    oa_live_header_t  *header;

    if (size < OA_LIVE_MIN_BYTES || (uintptr_t) mem % 64 != 0) {
        return OA_EINVAL;
    }

    fixed = sizeof(oa_live_header_t) + 64;
    npages = (size - fixed) / (OA_LIVE_PAGE_BYTES + sizeof(uint64_t));

    if (npages >= OA_LIVE_NO_PAGE) {
        return OA_EINVAL;
    }

    header = mem;
    atomic_store(&header->magic, 0);
    memset(header, 0, fixed + npages * sizeof(uint64_t));

    header->layout_version = OA_LIVE_LAYOUT_VERSION;
    header->header_bytes = sizeof(*header);
    header->session_bytes = sizeof(oa_live_session_entry_t);
    header->rendition_bytes = sizeof(oa_live_rendition_entry_t);
    header->index_bytes = sizeof(oa_live_index_page_t);
    header->map_bytes = sizeof(oa_live_map_page_t);
    header->size = size;
    header->npages = (uint32_t) npages;
    header->arena_offset = (sizeof(*header) + npages * sizeof(uint64_t) + 63)
                           / 64 * 64;
    atomic_store(&header->full_at, UINT64_MAX);
    atomic_store(&header->magic, OA_LIVE_MAGIC);

    return OA_OK;
}


oa_err_t
oa_live_attach(oa_live_t *live, void *mem, size_t size,
    const oa_live_lock_t *lock)
{
    const oa_live_header_t  *header;

    header = mem;

    if (size < OA_LIVE_MIN_BYTES || (uintptr_t) mem % 64 != 0
        || atomic_load(&header->magic) != OA_LIVE_MAGIC
        || header->layout_version != OA_LIVE_LAYOUT_VERSION
        || header->header_bytes != sizeof(*header)
        || header->session_bytes != sizeof(oa_live_session_entry_t)
        || header->rendition_bytes != sizeof(oa_live_rendition_entry_t)
        || header->index_bytes != sizeof(oa_live_index_page_t)
        || header->map_bytes != sizeof(oa_live_map_page_t)
        || header->size != size)
    {
        return OA_EVERSION;
    }

    live->base = mem;
    live->size = size;
    live->lock = *lock;

    return OA_OK;
}


uint32_t
oa_live_page_alloc(const oa_live_t *live, uint64_t tag)
{
    uint32_t           i, page;
    uint64_t           freed, none;
    oa_live_header_t  *header;

    header = oa_live_header(live);

    /* a full arena is not searched again until something was freed */
    freed = atomic_load(&header->pages_freed);
    if (atomic_load(&header->full_at) == freed) {
        return OA_LIVE_NO_PAGE;
    }

    page = atomic_load_explicit(&header->page_hint, memory_order_relaxed);

    for (i = 0; i < header->npages; i++, page++) {
        if (page >= header->npages) {
            page = 0;
        }

        none = 0;

        if (atomic_load_explicit(&header->page_owners[page],
                                 memory_order_relaxed) == 0
            && atomic_compare_exchange_strong(&header->page_owners[page],
                                              &none, tag))
        {
            atomic_store_explicit(&header->page_hint, page + 1,
                                  memory_order_relaxed);
            return page;
        }
    }

    atomic_store(&header->full_at, freed);

    return OA_LIVE_NO_PAGE;
}


void
oa_live_page_free(const oa_live_t *live, uint32_t page)
{
    oa_live_header_t  *header;

    header = oa_live_header(live);

    atomic_store(&header->page_owners[page], 0);
    atomic_store_explicit(&header->page_hint, page, memory_order_relaxed);
    atomic_fetch_add(&header->pages_freed, 1);
}


bool
oa_live_pages_free(const oa_live_t *live, uint32_t n)
{
    uint32_t           page;
    oa_live_header_t  *header;

    header = oa_live_header(live);

    for (page = 0; page < header->npages && n > 0; page++) {
        n -= atomic_load_explicit(&header->page_owners[page],
                                  memory_order_relaxed) == 0;
    }

    return n == 0;
}


/* Whether the tables mention a page under the use that its tag states. */
static bool
oa_live_page_mentioned(const oa_live_t *live, uint32_t page, uint64_t tag)
{
    uint32_t                    rendition, nth;
    uint64_t                    tail, mapped;
    oa_live_view_t              view;
    oa_live_header_t           *header;
    oa_live_rendition_t         handle;
    oa_live_session_entry_t    *session;
    oa_live_rendition_entry_t  *entry;

    header = oa_live_header(live);
    session = &header->sessions[oa_live_tag_session(tag)];
    rendition = oa_live_tag_rendition(tag);

    if (rendition == OA_LIVE_NO_RENDITION) {
        return atomic_load(&session->viewers_page) == page
               || atomic_load(&session->health_page) == page
               || oa_live_picture_mentioned(live,
                      atomic_load(&session->health_page), page);
    }

    entry = &header->renditions[rendition];
    handle.index = rendition;
    handle.session_id = atomic_load(&session->id);

    if (!oa_live_view(live, handle, &view)) {
        return false;
    }

    switch (oa_live_tag_kind(tag)) {
    case 0:
        tail = atomic_load(&entry->page_tail);
        mapped = atomic_load(&entry->page_head) - tail;
        nth = (uint32_t) tag - (uint32_t) tail;

        return nth < mapped
               && view.map->map[(tail + nth) % OA_LIVE_MAP_PAGES] == page;

    case 1:
        return atomic_load(&entry->index_page) == page;

    default:
        return atomic_load(&entry->map_page) == page;
    }
}


static void
oa_live_pages_drop(const oa_live_t *live, uint32_t session, bool mentioned)
{
    uint32_t           page;
    uint64_t           tag;
    oa_live_header_t  *header;

    header = oa_live_header(live);

    for (page = 0; page < header->npages; page++) {
        tag = atomic_load_explicit(&header->page_owners[page],
                                   memory_order_relaxed);

        if (tag != 0 && oa_live_tag_session(tag) == session
            && (mentioned || !oa_live_page_mentioned(live, page, tag)))
        {
            oa_live_page_free(live, page);
        }
    }
}


void
oa_live_pages_free_all(const oa_live_t *live, uint32_t session)
{
    oa_live_pages_drop(live, session, true);
}


void
oa_live_pages_recover(const oa_live_t *live, uint32_t session)
{
    oa_live_pages_drop(live, session, false);
}


void
oa_live_usage(const oa_live_t *live, oa_live_usage_t *usage)
{
    uint32_t           i;
    oa_live_header_t  *header;

    header = oa_live_header(live);

    memset(usage, 0, sizeof(*usage));
    usage->region_bytes = live->size;
    usage->pages = header->npages;

    for (i = 0; i < header->npages; i++) {
        usage->pages_used +=
            atomic_load_explicit(&header->page_owners[i],
                                 memory_order_relaxed) != 0;
    }

    for (i = 0; i < OA_LIVE_SESSIONS; i++) {
        usage->sessions += atomic_load(&header->sessions[i].id) != 0;
    }

    for (i = 0; i < OA_LIVE_RENDITIONS; i++) {
        usage->renditions +=
            atomic_load(&header->renditions[i].session_id) != 0;
    }
}
