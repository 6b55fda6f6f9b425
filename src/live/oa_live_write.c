
#include "live/oa_live_layout.h"

#include <string.h>


/* An append in the making. */
typedef struct {
    oa_live_view_t                view;
    const oa_live_part_t         *part;
    bool                          start;       /* begins a segment */
    bool                          parked;      /* until now */
    bool                          apart;       /* from all that is stored */
    uint64_t                      head;
    uint64_t                      keep;        /* first part not to evict */
    oa_live_part_record_t         last;        /* if head is not 0 */
    oa_live_part_record_t         record;      /* the new one */
    uint32_t                      discontinuities;
} oa_live_append_t;


/* Opens a rendition for its session's owner. */
static oa_err_t
oa_live_view_owned(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_view_t *view)
{
    if (!oa_live_view(live, rendition, view)
        || atomic_load(&view->session->state) != OA_LIVE_ON_AIR)
    {
        return OA_EGONE;
    }

    return OA_OK;
}


/* --- renditions ------------------------------------------------------ */


static bool
oa_live_rendition_conf_valid(const oa_live_rendition_conf_t *conf)
{
    char    c;
    size_t  i;

    for (i = 0; i < OA_LIVE_NAME_BYTES && conf->name[i] != '\0'; i++) {
        c = conf->name[i];

        if (c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9')) {
            return false;
        }
    }

    return i > 0 && i < OA_LIVE_NAME_BYTES && conf->timescale > 0;
}


static uint32_t
oa_live_rendition_find_free(const oa_live_t *live)
{
    uint32_t           i;
    oa_live_header_t  *header;

    header = oa_live_header(live);

    for (i = 0; i < OA_LIVE_RENDITIONS; i++) {
        if (atomic_load(&header->renditions[i].session_id) == 0) {
            break;
        }
    }

    return i;
}


static oa_err_t
oa_live_rendition_pages(const oa_live_t *live, uint32_t session,
    uint32_t rendition, oa_live_rendition_entry_t *entry)
{
    uint32_t  index, map;

    index = oa_live_page_alloc(live, oa_live_page_tag(session, rendition,
                                                      OA_LIVE_INDEX_PAGE));
    if (index == OA_LIVE_NO_PAGE) {
        return OA_EFULL;
    }

    map = oa_live_page_alloc(live, oa_live_page_tag(session, rendition,
                                                    OA_LIVE_MAP_PAGE));
    if (map == OA_LIVE_NO_PAGE) {
        oa_live_page_free(live, index);
        return OA_EFULL;
    }

    atomic_store(&entry->index_page, index);
    atomic_store(&entry->map_page, map);

    return OA_OK;
}


static void
oa_live_rendition_reset(oa_live_rendition_entry_t *entry,
    const oa_live_rendition_conf_t *conf)
{
    unsigned  i;

    entry->conf = *conf;

    atomic_store(&entry->head, 0);
    atomic_store(&entry->tail, 0);
    atomic_store(&entry->complete, 0);
    atomic_store(&entry->page_tail, 0);
    atomic_store(&entry->page_head, 0);
    atomic_store(&entry->init_tail, 0);
    atomic_store(&entry->init_head, 0);
    atomic_store(&entry->format_version, 0);
    atomic_store(&entry->parked, oa_live_parked_at(0, OA_LIVE_AWAKE));
    atomic_store(&entry->wanted_ms, 0);

    for (i = 0; i < OA_LIVE_STATS; i++) {
        atomic_store_explicit(&entry->stats[i], 0, memory_order_relaxed);
    }

    for (i = 0; i < OA_LIVE_RUNG; i++) {
        atomic_store_explicit(&entry->rung[i], 0, memory_order_relaxed);
    }
}


static oa_err_t
oa_live_rendition_add_locked(const oa_live_t *live,
    oa_live_session_t session, const oa_live_rendition_conf_t *conf,
    oa_live_rendition_t *rendition)
{
    uint32_t                    index, n;
    oa_err_t                    err;
    oa_live_session_entry_t    *owner;
    oa_live_rendition_entry_t  *entry;

    owner = oa_live_session_entry(live, session);

    if (owner == NULL || atomic_load(&owner->state) != OA_LIVE_ON_AIR) {
        return OA_EGONE;
    }

    err = oa_live_rendition_find(live, session,
                                 oa_slice(conf->name, strlen(conf->name)),
                                 rendition);
    if (err == OA_OK) {
        return OA_EBUSY;
    }

    n = atomic_load(&owner->nrenditions);
    index = oa_live_rendition_find_free(live);

    if (n >= OA_LIVE_SESSION_RENDITIONS || index == OA_LIVE_RENDITIONS) {
        return OA_EFULL;
    }

    entry = &oa_live_header(live)->renditions[index];

    err = oa_live_rendition_pages(live, session.index, index, entry);
    if (err != OA_OK) {
        return err;
    }

    oa_live_rendition_reset(entry, conf);
    atomic_store(&entry->session_index, session.index);
    atomic_store(&entry->session_id, session.id);

    atomic_store(&owner->renditions[n], index);
    atomic_store(&owner->nrenditions, n + 1);

    rendition->session_id = session.id;
    rendition->index = index;

    return OA_OK;
}


oa_err_t
oa_live_rendition_add(oa_live_t *live, oa_live_session_t session,
    const oa_live_rendition_conf_t *conf, oa_live_rendition_t *rendition)
{
    oa_err_t  err;

    if (!oa_live_rendition_conf_valid(conf)) {
        return OA_EINVAL;
    }

    live->lock.lock(live->lock.ctx);
    err = oa_live_rendition_add_locked(live, session, conf, rendition);
    live->lock.unlock(live->lock.ctx);

    return err;
}


/* --- eviction -------------------------------------------------------- */


/* Where the oldest segment ends on the rendition's clock, in ticks. */
static uint64_t
oa_live_oldest_end(const oa_live_view_t *view, uint64_t tail, uint64_t head)
{
    uint32_t                      msn;
    const oa_live_part_record_t  *last;

    msn = oa_live_part_at(view, tail)->msn;
    last = oa_live_part_at(view, head - 1);

    if (msn == last->msn) {
        return last->ticks + last->duration;
    }

    return oa_live_part_at(view,
                           oa_live_segment_at(view, msn + 1)->first_part)
           ->ticks;
}


/* Evicts what is older than the window and three target durations. */
static void
oa_live_evict_old(const oa_live_append_t *append)
{
    uint64_t                       tail, edge, limit_ms, limit;
    const oa_live_session_conf_t  *conf;

    conf = &append->view.session->conf;
    limit_ms = conf->window_ms + 3000 * (uint64_t) conf->target_duration_s;
    limit = limit_ms * append->view.entry->conf.timescale / 1000;
    edge = append->record.ticks + append->part->duration;

    for ( ;; ) {
        tail = atomic_load(&append->view.entry->tail);

        if (tail >= append->keep
            || edge - oa_live_oldest_end(&append->view, tail, append->head)
               <= limit
            || !oa_live_evict_free(&append->view, append->keep))
        {
            return;
        }
    }
}


/* --- init segments --------------------------------------------------- */


static void
oa_live_format_set(const oa_live_view_t *view, const oa_live_format_t *format)
{
    uint32_t           version;
    oa_live_format_t  *slot;

    version = atomic_load(&view->entry->format_version);
    slot = &view->entry->formats[version % OA_LIVE_FORMATS];

    if (version != 0
        && memcmp(slot, format, sizeof(*format)) == 0)
    {
        return;
    }

    slot = &view->entry->formats[(version + 1) % OA_LIVE_FORMATS];
    atomic_thread_fence(memory_order_seq_cst);
    *slot = *format;
    atomic_store(&view->entry->format_version, version + 1);
}


/* Makes room for the init segment of an id in the ring. */
static void
oa_live_init_evict(const oa_live_view_t *view, uint32_t id)
{
    uint32_t  oldest;
    uint64_t  head, tail;

    if (id < OA_LIVE_INITS) {
        return;
    }

    oldest = id - OA_LIVE_INITS + 1;

    if (atomic_load(&view->entry->init_tail) < oldest) {
        atomic_store(&view->entry->init_tail, oldest);
    }

    head = atomic_load(&view->entry->head);

    for ( ;; ) {
        tail = atomic_load(&view->entry->tail);

        if (tail >= head
            || oa_live_segment_at(view, oa_live_part_at(view, tail)->msn)
               ->init_id >= oldest
            || !oa_live_evict_free(view, head))
        {
            break;
        }
    }

    atomic_thread_fence(memory_order_seq_cst);
}


oa_err_t
oa_live_init_add(oa_live_t *live, oa_live_rendition_t rendition,
    oa_slice_t init, const oa_live_format_t *format, uint32_t *init_id)
{
    uint32_t                id;
    oa_err_t                err;
    oa_live_view_t          view;
    oa_live_init_record_t  *record;

    err = oa_live_view_owned(live, rendition, &view);
    if (err != OA_OK) {
        return err;
    }

    if (init.size > OA_LIVE_INIT_BYTES) {
        return OA_EFULL;
    }

    id = atomic_load(&view.entry->init_head);
    record = &view.map->inits[(id - 1) % OA_LIVE_INITS];

    if (id == 0 || record->size != init.size
        || memcmp(record->data, init.data, init.size) != 0)
    {
        oa_live_init_evict(&view, id);

        record = &view.map->inits[id % OA_LIVE_INITS];
        record->size = (uint32_t) init.size;
        memcpy(record->data, init.data, init.size);
        atomic_store(&view.entry->init_head, ++id);
    }

    oa_live_format_set(&view, format);
    *init_id = id - 1;

    return OA_OK;
}


/* --- parts ----------------------------------------------------------- */


/* The name of the part behind one. */
static oa_live_name_t
oa_live_name_next(const oa_live_part_record_t *record)
{
    uint32_t  msn;

    msn = record->msn + !!(record->flags & OA_LIVE_PART_HINT_SEGMENT);

    if (msn > record->name.msn) {
        return (oa_live_name_t) { msn, 0 };
    }

    return (oa_live_name_t) { record->name.msn, record->name.part + 1 };
}


/*
 * The name of a segment's first part that stands apart: one that was never
 * promised, since who asked for that while the rendition slept was told that
 * there is none.  Who waits for the promised one of an awake one gets it.
 */
static oa_live_name_t
oa_live_name_apart(const oa_live_append_t *append)
{
    uint32_t        msn;
    oa_live_name_t  hint;

    hint = append->last.hint;
    msn = append->part->msn;

    if (append->head == 0 || (append->parked && msn > hint.msn)) {
        return (oa_live_name_t) { msn, 0 };
    }

    hint.part += append->parked;

    return hint;
}


/* Places a segment where its part says; see OA_LIVE_PART_AT. */
static void
oa_live_append_at(oa_live_append_t *append)
{
    oa_live_part_record_t  *record;

    record = &append->record;

    append->apart = append->head == 0 || append->parked
                    || append->part->msn != record->msn
                    || append->part->discontinuities
                       != append->discontinuities;

    record->msn = append->part->msn;
    append->discontinuities = append->part->discontinuities;

    if (append->apart) {
        record->name = oa_live_name_apart(append);
    }

    if (append->parked) {
        record->offset = oa_live_log_wake(record->offset);
    }
}


/* Fills in what follows from the part and the one before it. */
static void
oa_live_append_record(oa_live_append_t *append)
{
    oa_live_part_record_t  *record;

    record = &append->record;

    record->duration = append->part->duration;
    record->flags = append->part->flags;

    if (append->head != 0) {
        record->offset = append->last.offset + append->last.size;
        record->ticks = append->last.ticks + append->last.duration;
        record->msn = append->last.msn + append->start;
        record->index = append->start ? 0 : append->last.index + 1;
        record->name = append->last.hint;
        append->discontinuities =
            oa_live_segment_at(&append->view, append->last.msn)
            ->discontinuities;
    }

    append->discontinuities +=
        !!(append->part->flags & OA_LIVE_PART_DISCONTINUITY);

    if (append->part->flags & OA_LIVE_PART_AT) {
        oa_live_append_at(append);
    }

    record->hint = oa_live_name_next(record);
}


/* Whether the segment that a part names can be begun. */
static bool
oa_live_append_at_valid(const oa_live_append_t *append)
{
    const oa_live_part_t            *part;
    const oa_live_segment_record_t  *before;

    part = append->part;

    if (!append->start || part->msn == UINT32_MAX
        || part->discontinuities
           < !!(part->flags & OA_LIVE_PART_DISCONTINUITY))
    {
        return false;
    }

    if (append->head == 0) {
        return true;
    }

    before = oa_live_segment_at(&append->view, append->last.msn);

    return part->msn > append->last.msn
           && part->discontinuities >= before->discontinuities;
}


static oa_err_t
oa_live_append_check(const oa_live_append_t *append)
{
    uint32_t                          init_id;
    const oa_live_rendition_entry_t  *entry;

    entry = append->view.entry;
    init_id = append->part->init_id;

    if (append->record.size == 0
        || init_id >= atomic_load(&entry->init_head)
        || init_id < atomic_load(&entry->init_tail))
    {
        return OA_EINVAL;
    }

    if (append->part->flags & OA_LIVE_PART_AT) {
        return oa_live_append_at_valid(append) ? OA_OK : OA_EINVAL;
    }

    if (append->parked) {
        return OA_EINVAL;
    }

    if (append->start) {
        return OA_OK;
    }

    if (append->head == 0
        || (append->part->flags & OA_LIVE_PART_DISCONTINUITY)
        || atomic_load(&entry->complete) > append->last.msn
        || oa_live_segment_at(&append->view, append->last.msn)->init_id
           != init_id)
    {
        return OA_EINVAL;
    }

    return OA_OK;
}


static oa_err_t
oa_live_append_init(oa_live_append_t *append, const oa_live_part_t *part)
{
    uint64_t  size;
    unsigned  i;

    append->part = part;
    append->start = (part->flags & OA_LIVE_PART_SEGMENT_START) != 0;
    append->head = atomic_load(&append->view.entry->head);
    append->parked = oa_live_view_parked(&append->view);
    append->apart = false;
    append->discontinuities = 0;
    memset(&append->record, 0, sizeof(append->record));

    if (append->head != 0) {
        append->last = *oa_live_part_at(&append->view, append->head - 1);
    }

    append->keep = append->head;
    if (!append->start && append->head != 0) {
        append->keep = oa_live_segment_at(&append->view, append->last.msn)
                       ->first_part;
    }

    for (size = 0, i = 0; i < part->npieces; i++) {
        size += part->pieces[i].size;
    }

    if (size >= (uint64_t) (OA_LIVE_MAP_PAGES - 1) * OA_LIVE_PAGE_BYTES) {
        return OA_EFULL;
    }

    append->record.size = (uint32_t) size;
    oa_live_append_record(append);

    return oa_live_append_check(append);
}


/* Whether the rings have room for the new part. */
static bool
oa_live_append_fits(const oa_live_append_t *append)
{
    uint32_t                          oldest_msn;
    uint64_t                          tail, last_page;
    const oa_live_rendition_entry_t  *entry;

    entry = append->view.entry;
    tail = atomic_load(&entry->tail);
    last_page = (append->record.offset + append->record.size - 1)
                / OA_LIVE_PAGE_BYTES;

    if (append->head - tail >= OA_LIVE_PARTS
        || last_page - atomic_load(&entry->page_tail) >= OA_LIVE_MAP_PAGES)
    {
        return false;
    }

    if (tail == append->head) {
        return true;
    }

    oldest_msn = oa_live_part_at(&append->view, tail)->msn;

    return append->record.msn - oldest_msn < OA_LIVE_SEGMENTS;
}


/* Maps the pages of the log that the new part needs. */
static oa_err_t
oa_live_append_map(const oa_live_append_t *append)
{
    uint32_t               page;
    uint64_t               n, last, tag;
    const oa_live_view_t  *view;

    view = &append->view;
    last = (append->record.offset + append->record.size - 1)
           / OA_LIVE_PAGE_BYTES;

    for (n = atomic_load(&view->entry->page_head); n <= last; n++) {
        tag = oa_live_page_tag(view->session_index, view->number,
                               (uint32_t) n);

        page = oa_live_log_page(view, append->keep, tag);
        if (page == OA_LIVE_NO_PAGE) {
            return OA_EFULL;
        }

        view->map->map[n % OA_LIVE_MAP_PAGES] = page;
        atomic_store(&view->entry->page_head, n + 1);
    }

    return OA_OK;
}


static void
oa_live_append_segment(const oa_live_append_t *append)
{
    oa_live_segment_record_t  *segment;

    segment = oa_live_segment_at(&append->view, append->record.msn);

    segment->discontinuities = append->discontinuities;
    segment->first_part = append->head;
    segment->offset = append->record.offset;
    segment->decode_time = append->part->decode_time;
    segment->delay = append->part->delay;
    segment->msn = append->record.msn;
    segment->init_id = append->part->init_id;
    segment->flags = append->part->flags;
}


/* Writes all that readers will look at, then lets them. */
static void
oa_live_append_publish(const oa_live_append_t *append)
{
    uint64_t  offset;
    unsigned  i;

    /* after the head before this one, which readers go by for its record */
    atomic_thread_fence(memory_order_seq_cst);

    offset = append->record.offset;

    for (i = 0; i < append->part->npieces; i++) {
        oa_live_log_write(&append->view, offset, append->part->pieces[i]);
        offset += append->part->pieces[i].size;
    }

    *oa_live_part_at(&append->view, append->head) = append->record;

    if (append->start) {
        oa_live_append_segment(append);
    }

    atomic_store(&append->view.entry->head, append->head + 1);
}


oa_err_t
oa_live_part_append(oa_live_t *live, oa_live_rendition_t rendition,
    const oa_live_part_t *part)
{
    oa_err_t          err;
    oa_live_append_t  append;

    err = oa_live_view_owned(live, rendition, &append.view);
    if (err != OA_OK) {
        return err;
    }

    err = oa_live_append_init(&append, part);
    if (err != OA_OK) {
        return err;
    }

    if (append.apart) {
        oa_live_view_empty(&append.view);
    }

    oa_live_evict_old(&append);

    while (!oa_live_append_fits(&append)) {
        if (!oa_live_evict_free(&append.view, append.keep)) {
            return OA_EFULL;
        }
    }

    err = oa_live_append_map(&append);
    if (err != OA_OK) {
        return err;
    }

    oa_live_append_publish(&append);

    return OA_OK;
}


void
oa_live_view_close(const oa_live_view_t *view)
{
    uint64_t  head, complete, seen;

    head = atomic_load(&view->entry->head);
    if (head == 0) {
        return;
    }

    complete = (uint64_t) oa_live_part_at(view, head - 1)->msn + 1;
    seen = atomic_load(&view->entry->complete);

    while (seen < complete
           && !atomic_compare_exchange_weak(&view->entry->complete, &seen,
                                            complete))
    {
        /* void */
    }
}


void
oa_live_segment_close(oa_live_t *live, oa_live_rendition_t rendition)
{
    oa_live_view_t  view;

    if (oa_live_view_owned(live, rendition, &view) == OA_OK) {
        oa_live_view_close(&view);
    }
}


void
oa_live_stats_set(oa_live_t *live, oa_live_rendition_t rendition,
    const oa_live_stats_t *stats)
{
    uint64_t        values[OA_LIVE_STATS];
    unsigned        i;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return;
    }

    memcpy(values, stats, sizeof(values));

    for (i = 0; i < OA_LIVE_STATS; i++) {
        atomic_store_explicit(&view.entry->stats[i], values[i],
                              memory_order_relaxed);
    }
}
