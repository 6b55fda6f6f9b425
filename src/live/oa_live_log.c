
/* The bytes of a rendition: one log, in pages of the arena. */


#include "live/oa_live_layout.h"

#include <string.h>


/* Frees the pages of the log that lie wholly below an offset. */
static void
oa_live_log_trim(const oa_live_view_t *view, uint64_t offset)
{
    uint32_t  page;
    uint64_t  n;

    n = atomic_load(&view->entry->page_tail);

    while (n < offset / OA_LIVE_PAGE_BYTES
           && n < atomic_load(&view->entry->page_head))
    {
        page = view->map->map[n % OA_LIVE_MAP_PAGES];
        atomic_store(&view->entry->page_tail, ++n);
        oa_live_page_free(view->live, page);
    }
}


/* Where the log of what is not evicted begins. */
static uint64_t
oa_live_log_tail(const oa_live_view_t *view)
{
    uint64_t                      head, tail;
    const oa_live_part_record_t  *last;

    head = atomic_load(&view->entry->head);
    tail = atomic_load(&view->entry->tail);

    if (head == 0) {
        return 0;
    }

    if (tail < head) {
        return oa_live_part_at(view, tail)->offset;
    }

    last = oa_live_part_at(view, head - 1);

    if (oa_live_view_parked(view)) {
        return oa_live_log_wake(last->offset + last->size);
    }

    return last->offset + last->size;
}


void
oa_live_view_trim(const oa_live_view_t *view)
{
    oa_live_log_trim(view, oa_live_log_tail(view));
}


void
oa_live_view_empty(const oa_live_view_t *view)
{
    atomic_store(&view->entry->tail, atomic_load(&view->entry->head));

    /* as oa_live_evict() */
    atomic_thread_fence(memory_order_seq_cst);

    oa_live_view_trim(view);
}


/*
 * Evicts the oldest segment, but for its pages; false when it would take the
 * part `keep` or a later one, or there is none.
 */
static bool
oa_live_evict(const oa_live_view_t *view, uint64_t keep)
{
    uint32_t                      msn;
    uint64_t                      head, tail, next;
    const oa_live_part_record_t  *last;

    head = atomic_load(&view->entry->head);
    tail = atomic_load(&view->entry->tail);

    if (tail >= keep) {
        return false;
    }

    last = oa_live_part_at(view, head - 1);
    msn = oa_live_part_at(view, tail)->msn;

    next = msn == last->msn ? head
                            : oa_live_segment_at(view, msn + 1)->first_part;

    if (next > keep) {
        return false;
    }

    atomic_store(&view->entry->tail, next);

    /* readers must see the tail before anything that lay below it changes */
    atomic_thread_fence(memory_order_seq_cst);

    return true;
}


bool
oa_live_evict_free(const oa_live_view_t *view, uint64_t keep)
{
    if (!oa_live_evict(view, keep)) {
        return false;
    }

    oa_live_view_trim(view);

    return true;
}


/* A page of the log that holds only what is evicted; OA_LIVE_NO_PAGE. */
static uint32_t
oa_live_log_recycle(const oa_live_view_t *view, uint64_t tag)
{
    uint32_t  page;
    uint64_t  n;

    n = atomic_load(&view->entry->page_tail);

    if (n >= oa_live_log_tail(view) / OA_LIVE_PAGE_BYTES
        || n >= atomic_load(&view->entry->page_head))
    {
        return OA_LIVE_NO_PAGE;
    }

    page = view->map->map[n % OA_LIVE_MAP_PAGES];
    atomic_store(&view->entry->page_tail, n + 1);
    atomic_store(&oa_live_header(view->live)->page_owners[page], tag);

    return page;
}


/* What each rendition could have if all had the same. */
static uint32_t
oa_live_fair_pages(const oa_live_t *live)
{
    uint32_t           i, n, top;
    oa_live_header_t  *header;

    header = oa_live_header(live);
    top = atomic_load(&header->sessions_top);

    for (i = 0, n = 0; i < top && i < OA_LIVE_SESSIONS; i++) {
        if (atomic_load(&header->sessions[i].id) != 0
            && atomic_load(&header->sessions[i].state) != OA_LIVE_ENDED)
        {
            n += atomic_load(&header->sessions[i].nrenditions);
        }
    }

    return header->npages / (n > 0 ? n : 1);
}


/*
 * Makes way for smaller ones when the arena is nearly full: who has more than
 * its share lives off its own, and leaves the last pages to them.
 */
static void
oa_live_log_yield(const oa_live_view_t *view, uint64_t keep)
{
    uint64_t  held;
    uint32_t  reserve;

    reserve = oa_live_header(view->live)->npages / 16;
    held = atomic_load(&view->entry->page_head)
           - atomic_load(&view->entry->page_tail);

    if (held > oa_live_fair_pages(view->live)
        && !oa_live_pages_free(view->live, reserve)
        && !oa_live_reclaim(view->live))
    {
        (void) oa_live_evict_free(view, keep);
    }
}


/*
 * When the arena is full, the rendition evicts of its own and keeps these
 * pages for itself: were they free, greedier ones would take them, until
 * nothing but an open segment were left here.
 */
uint32_t
oa_live_log_page(const oa_live_view_t *view, uint64_t keep, uint64_t tag)
{
    uint32_t  page;

    oa_live_log_yield(view, keep);

    for ( ;; ) {
        page = oa_live_log_recycle(view, tag);
        if (page != OA_LIVE_NO_PAGE) {
            return page;
        }

        page = oa_live_page_alloc(view->live, tag);
        if (page != OA_LIVE_NO_PAGE
            || (!oa_live_reclaim(view->live) && !oa_live_evict(view, keep)))
        {
            return page;
        }
    }
}


void
oa_live_log_write(const oa_live_view_t *view, uint64_t offset,
    oa_slice_t piece)
{
    size_t    n, in_page;
    uint32_t  page;

    while (piece.size > 0) {
        in_page = offset % OA_LIVE_PAGE_BYTES;
        n = OA_LIVE_PAGE_BYTES - in_page;
        n = n < piece.size ? n : piece.size;

        page = view->map->map[offset / OA_LIVE_PAGE_BYTES % OA_LIVE_MAP_PAGES];
        memcpy(oa_live_page(view->live, page) + in_page, piece.data, n);

        offset += n;
        piece.data += n;
        piece.size -= n;
    }
}
