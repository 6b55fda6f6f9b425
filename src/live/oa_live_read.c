
#include "live/oa_live_layout.h"

#include <string.h>


/* The edge of a rendition: its last part, if it has one. */
typedef struct {
    oa_live_state_t        state;
    oa_live_presence_t     presence;
    uint64_t               complete;
    uint64_t               head;
    oa_live_part_record_t  last;
} oa_live_last_t;


bool
oa_live_view(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_view_t *view)
{
    uint32_t                    index, map, npages;
    oa_live_header_t           *header;
    oa_live_rendition_entry_t  *entry;

    if (rendition.session_id == 0 || rendition.index >= OA_LIVE_RENDITIONS) {
        return false;
    }

    header = oa_live_header(live);
    entry = &header->renditions[rendition.index];

    if (atomic_load(&entry->session_id) != rendition.session_id) {
        return false;
    }

    index = atomic_load(&entry->index_page);
    map = atomic_load(&entry->map_page);
    view->session_index = atomic_load(&entry->session_index);
    npages = header->npages;

    if (index >= npages || map >= npages
        || view->session_index >= OA_LIVE_SESSIONS)
    {
        return false;
    }

    view->live = live;
    view->entry = entry;
    view->session = &header->sessions[view->session_index];
    view->index = (oa_live_index_page_t *) (void *) oa_live_page(live, index);
    view->map = (oa_live_map_page_t *) (void *) oa_live_page(live, map);
    view->id = rendition.session_id;
    view->number = rendition.index;

    return true;
}


bool
oa_live_view_valid(const oa_live_view_t *view)
{
    atomic_thread_fence(memory_order_acquire);

    return atomic_load(&view->entry->session_id) == view->id
           && atomic_load(&view->session->id) == view->id;
}


/* --- what a rendition is --------------------------------------------- */


oa_err_t
oa_live_rendition_conf(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_rendition_conf_t *conf)
{
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    *conf = view.entry->conf;
    conf->name[OA_LIVE_NAME_BYTES - 1] = '\0';

    return oa_live_view_valid(&view) ? OA_OK : OA_EGONE;
}


oa_err_t
oa_live_rendition_find(const oa_live_t *live, oa_live_session_t session,
    oa_slice_t name, oa_live_rendition_t *rendition)
{
    uint32_t                  i;
    oa_live_session_info_t    info;
    oa_live_rendition_conf_t  conf;

    if (oa_live_session_info(live, session, &info) != OA_OK) {
        return OA_EGONE;
    }

    for (i = 0; i < info.nrenditions; i++) {
        if (oa_live_rendition_conf(live, info.renditions[i], &conf)
            != OA_OK)
        {
            return OA_EGONE;
        }

        if (strlen(conf.name) == name.size
            && memcmp(conf.name, name.data, name.size) == 0)
        {
            *rendition = info.renditions[i];
            return OA_OK;
        }
    }

    return OA_ENOTFOUND;
}


oa_err_t
oa_live_format_get(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_format_t *format)
{
    unsigned        i;
    uint32_t        version;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    for (i = 0; i < OA_LIVE_TRIES; i++) {
        version = atomic_load(&view.entry->format_version);
        *format = view.entry->formats[version % OA_LIVE_FORMATS];
        format->codecs[sizeof(format->codecs) - 1] = '\0';

        if (!oa_live_view_valid(&view)) {
            return OA_EGONE;
        }

        if (version == 0) {
            return OA_ENOTFOUND;
        }

        if (atomic_load(&view.entry->format_version) - version
            < OA_LIVE_FORMATS - 1)
        {
            return OA_OK;
        }
    }

    return OA_EAGAIN;
}


oa_err_t
oa_live_stats_get(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_stats_t *stats)
{
    uint64_t        values[OA_LIVE_STATS];
    unsigned        i;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    for (i = 0; i < OA_LIVE_STATS; i++) {
        values[i] = atomic_load_explicit(&view.entry->stats[i],
                                         memory_order_relaxed);
    }

    memcpy(stats, values, sizeof(values));

    return oa_live_view_valid(&view) ? OA_OK : OA_EGONE;
}


oa_err_t
oa_live_init_read(const oa_live_t *live, oa_live_rendition_t rendition,
    uint32_t init_id, void *dst, size_t *size)
{
    size_t                        n;
    oa_live_view_t                view;
    const oa_live_init_record_t  *record;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    if (init_id >= atomic_load(&view.entry->init_head)
        || init_id < atomic_load(&view.entry->init_tail))
    {
        return oa_live_view_valid(&view) ? OA_ENOTFOUND : OA_EGONE;
    }

    record = &view.map->inits[init_id % OA_LIVE_INITS];
    n = record->size;
    n = n < OA_LIVE_INIT_BYTES ? n : OA_LIVE_INIT_BYTES;
    memcpy(dst, record->data, n);

    if (!oa_live_view_valid(&view)) {
        return OA_EGONE;
    }

    if (init_id < atomic_load(&view.entry->init_tail)) {
        return OA_ENOTFOUND;
    }

    *size = n;

    return OA_OK;
}


/* --- the edge -------------------------------------------------------- */


/*
 * Reads in this order: the state, what is complete, whether it is parked, the
 * parts.  So what is said to be complete is so with all its parts, and a part
 * that wakes the rendition is not missed.
 */
static oa_err_t
oa_live_last_read(const oa_live_view_t *view, oa_live_last_t *last)
{
    unsigned  i;
    uint64_t  parked;

    for (i = 0; i < OA_LIVE_TRIES; i++) {
        last->state = atomic_load(&view->session->state);
        last->complete = atomic_load(&view->entry->complete);
        parked = atomic_load(&view->entry->parked);
        last->head = atomic_load(&view->entry->head);
        last->presence = oa_live_presence_of(parked, last->head);

        if (last->presence != OA_LIVE_AWAKE) {
            last->head = 0;
            memset(&last->last, 0, sizeof(last->last));
            return oa_live_view_valid(view) ? OA_OK : OA_EGONE;
        }

        if (last->head == 0) {
            memset(&last->last, 0, sizeof(last->last));

        } else {
            last->last = *oa_live_part_at(view, last->head - 1);
        }

        if (!oa_live_view_valid(view)) {
            return OA_EGONE;
        }

        /* the writer begins to overwrite it at head + OA_LIVE_PARTS - 1 */
        if (atomic_load(&view->entry->head) - last->head < OA_LIVE_PARTS - 1) {
            return OA_OK;
        }
    }

    return OA_EAGAIN;
}


oa_err_t
oa_live_edge(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_edge_t *edge)
{
    oa_err_t        err;
    oa_live_last_t  last;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    err = oa_live_last_read(&view, &last);
    if (err != OA_OK) {
        return err;
    }

    edge->state = last.state;
    edge->presence = last.presence;
    edge->head = last.head;
    edge->msn = last.last.msn;
    edge->nparts = last.head == 0 ? 0 : last.last.index + 1;
    edge->complete = last.head != 0 && last.complete > last.last.msn;
    edge->hint = last.last.hint;
    edge->discontinuities = last.head == 0 ? 0
        : oa_live_segment_at(&view, last.last.msn)->discontinuities;

    return OA_OK;
}


/* --- parts and segments ---------------------------------------------- */


static void
oa_live_part_info(const oa_live_part_record_t *record, uint64_t number,
    oa_live_part_info_t *part)
{
    part->number = number;
    part->offset = record->offset;
    part->size = record->size;
    part->duration = record->duration;
    part->msn = record->msn;
    part->index = record->index;
    part->name = record->name;
    part->hint = record->hint;
    part->flags = record->flags;
}


/* What a segment's record says; the rest follows from its parts. */
static void
oa_live_segment_info(const oa_live_segment_record_t *record,
    oa_live_segment_info_t *segment)
{
    memset(segment, 0, sizeof(*segment));

    segment->msn = record->msn;
    segment->first_part = record->first_part;
    segment->offset = record->offset;
    segment->decode_time = record->decode_time;
    segment->delay = record->delay;
    segment->init_id = record->init_id;
    segment->discontinuities = record->discontinuities;
    segment->discontinuity = record->flags & OA_LIVE_PART_DISCONTINUITY;
    segment->independent = record->flags & OA_LIVE_PART_INDEPENDENT;
}


static int
oa_live_name_compare(oa_live_name_t a, oa_live_name_t b)
{
    if (a.msn != b.msn) {
        return a.msn < b.msn ? -1 : 1;
    }

    return a.part < b.part ? -1 : a.part > b.part;
}


/* The first part of [from, to) whose name is not below `name`. */
static uint64_t
oa_live_part_search(const oa_live_view_t *view, uint64_t from, uint64_t to,
    oa_live_name_t name)
{
    uint64_t  mid;

    while (from < to) {
        mid = from + (to - from) / 2;

        if (oa_live_name_compare(oa_live_part_at(view, mid)->name, name) < 0) {
            from = mid + 1;

        } else {
            to = mid;
        }
    }

    return from;
}


oa_err_t
oa_live_part_find(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_name_t name, oa_live_part_info_t *part)
{
    oa_err_t               err;
    uint64_t               tail, number;
    unsigned               i;
    oa_live_last_t         last;
    oa_live_view_t         view;
    oa_live_part_record_t  record;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    for (i = 0; i < OA_LIVE_TRIES; i++) {
        tail = atomic_load(&view.entry->tail);
        err = oa_live_last_read(&view, &last);

        if (err != OA_OK) {
            return err;
        }

        if (last.presence != OA_LIVE_AWAKE) {
            return OA_ENOTFOUND;
        }

        if (oa_live_name_compare(name, last.last.hint) >= 0) {
            return oa_live_name_compare(name, last.last.hint) == 0
                   && last.state != OA_LIVE_ENDED ? OA_EAGAIN : OA_ENOTFOUND;
        }

        number = oa_live_part_search(&view, tail, last.head, name);
        record = *oa_live_part_at(&view, number);

        if (!oa_live_view_valid(&view)) {
            return OA_EGONE;
        }

        /* else names may have been overwritten during the search */
        if (atomic_load(&view.entry->tail) == tail) {
            if (number == last.head
                || oa_live_name_compare(record.name, name) != 0)
            {
                return OA_ENOTFOUND;
            }

            oa_live_part_info(&record, number, part);
            return OA_OK;
        }
    }

    return OA_EAGAIN;
}


/*
 * Reads a segment in [tail, head) without a check that it was not evicted
 * meanwhile; false when it is out of the window.
 */
static bool
oa_live_segment_read(const oa_live_view_t *view, const oa_live_last_t *last,
    uint64_t tail, uint32_t msn, oa_live_segment_info_t *segment)
{
    uint64_t               end;
    oa_live_part_record_t  first, final;

    if (tail >= last->head || msn < oa_live_part_at(view, tail)->msn) {
        return false;
    }

    oa_live_segment_info(oa_live_segment_at(view, msn), segment);

    end = msn == last->last.msn ? last->head
                                : oa_live_segment_at(view, msn + 1)->first_part;

    first = *oa_live_part_at(view, segment->first_part);
    final = *oa_live_part_at(view, end - 1);

    segment->nparts = (uint32_t) (end - segment->first_part);
    segment->size = final.offset + final.size - segment->offset;
    segment->duration = final.ticks + final.duration - first.ticks;
    segment->complete = msn != last->last.msn || last->complete > msn;

    return true;
}


oa_err_t
oa_live_segment_find(const oa_live_t *live, oa_live_rendition_t rendition,
    uint32_t msn, oa_live_segment_info_t *segment)
{
    bool            found;
    oa_err_t        err;
    uint64_t        tail, next;
    unsigned        i;
    oa_live_last_t  last;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    for (i = 0; i < OA_LIVE_TRIES; i++) {
        tail = atomic_load(&view.entry->tail);
        err = oa_live_last_read(&view, &last);

        if (err != OA_OK) {
            return err;
        }

        next = last.head == 0 ? 0 : (uint64_t) last.last.msn + 1;

        if (msn >= next) {
            memset(segment, 0, sizeof(*segment));
            segment->msn = msn;

            return msn == next && last.state != OA_LIVE_ENDED
                   && last.presence == OA_LIVE_AWAKE ? OA_EAGAIN
                                                     : OA_ENOTFOUND;
        }

        found = oa_live_segment_read(&view, &last, tail, msn, segment);

        if (!oa_live_view_valid(&view)) {
            return OA_EGONE;
        }

        if (atomic_load(&view.entry->tail) == tail) {
            if (!found) {
                return OA_ENOTFOUND;
            }

            return segment->complete ? OA_OK : OA_EAGAIN;
        }
    }

    return OA_EAGAIN;
}


/* --- bytes ----------------------------------------------------------- */


/* Whether published bytes of a part or later ones are asked for. */
static bool
oa_live_read_range(const oa_live_view_t *view, uint64_t part_number,
    uint64_t offset, size_t size)
{
    uint64_t        first;
    oa_live_last_t  last;

    if (oa_live_last_read(view, &last) != OA_OK || part_number >= last.head
        || part_number < atomic_load(&view->entry->tail))
    {
        return false;
    }

    first = oa_live_part_at(view, part_number)->offset;

    return offset >= first && offset <= last.last.offset + last.last.size
           && size <= last.last.offset + last.last.size - offset;
}


oa_err_t
oa_live_read(const oa_live_t *live, oa_live_rendition_t rendition,
    uint64_t part_number, uint64_t offset, void *dst, size_t size)
{
    size_t          n, in_page;
    uint8_t        *p;
    uint32_t        page;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)
        || !oa_live_read_range(&view, part_number, offset, size))
    {
        return OA_EGONE;
    }

    for (p = dst; size > 0; p += n, offset += n, size -= n) {
        in_page = offset % OA_LIVE_PAGE_BYTES;
        n = OA_LIVE_PAGE_BYTES - in_page;
        n = n < size ? n : size;

        page = atomic_load_explicit(&view.map->map[offset / OA_LIVE_PAGE_BYTES
                                                   % OA_LIVE_MAP_PAGES],
                                    memory_order_relaxed);

        if (page >= oa_live_header(live)->npages) {
            return OA_EGONE;
        }

        memcpy(p, oa_live_page(live, page) + in_page, n);
    }

    if (!oa_live_view_valid(&view)
        || atomic_load(&view.entry->tail) > part_number)
    {
        return OA_EGONE;
    }

    return OA_OK;
}


/* --- the snapshot ---------------------------------------------------- */


/* Copies parts [tail, head) and the records of their segments. */
static bool
oa_live_snapshot_copy(const oa_live_view_t *view, uint64_t tail,
    uint64_t head, oa_live_snapshot_t *snapshot)
{
    uint32_t  i, first, n;
    uint64_t  number;

    if (head - tail > OA_LIVE_PARTS) {
        return false;
    }

    snapshot->nparts = (uint32_t) (head - tail);
    snapshot->nsegments = 0;

    if (snapshot->nparts == 0) {
        return true;
    }

    for (number = tail; number < head; number++) {
        oa_live_part_info(oa_live_part_at(view, number), number,
                          &snapshot->parts[number - tail]);
    }

    first = snapshot->parts[0].msn;
    n = snapshot->parts[snapshot->nparts - 1].msn - first + 1;

    if (n == 0 || n > OA_LIVE_SEGMENTS) {
        return false;
    }

    snapshot->nsegments = n;

    for (i = 0; i < n; i++) {
        oa_live_segment_info(oa_live_segment_at(view, first + i),
                             &snapshot->segments[i]);
    }

    return true;
}


/* Drops what was evicted during the copying; false when that is all. */
static bool
oa_live_snapshot_trim(oa_live_snapshot_t *snapshot, uint64_t copied,
    uint64_t tail)
{
    uint32_t  parts, segments;

    if (tail == copied) {
        return true;
    }

    if (tail - copied >= snapshot->nparts) {
        return false;
    }

    parts = (uint32_t) (tail - copied);
    snapshot->nparts -= parts;
    memmove(snapshot->parts, snapshot->parts + parts,
            snapshot->nparts * sizeof(snapshot->parts[0]));

    /* the segment records before may be torn: count from the end */
    segments = snapshot->parts[snapshot->nparts - 1].msn
               - snapshot->parts[0].msn + 1;

    if (segments > snapshot->nsegments) {
        return false;
    }

    memmove(snapshot->segments,
            snapshot->segments + snapshot->nsegments - segments,
            segments * sizeof(snapshot->segments[0]));
    snapshot->nsegments = segments;

    return true;
}


/* Sizes, durations and part counts of the segments, from their parts. */
static void
oa_live_snapshot_sum(oa_live_snapshot_t *snapshot, uint64_t complete)
{
    uint32_t                    i, first;
    oa_live_segment_info_t     *segment;
    const oa_live_part_info_t  *part;

    first = snapshot->nparts != 0 ? snapshot->parts[0].msn : 0;

    for (i = 0; i < snapshot->nparts; i++) {
        part = &snapshot->parts[i];
        segment = &snapshot->segments[part->msn - first];
        segment->nparts++;
        segment->size += part->size;
        segment->duration += part->duration;
    }

    for (i = 0; i < snapshot->nsegments; i++) {
        segment = &snapshot->segments[i];
        segment->complete = i + 1 < snapshot->nsegments
                            || complete > segment->msn;
    }
}


oa_err_t
oa_live_snapshot(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_snapshot_t *snapshot)
{
    bool            copied;
    oa_err_t        err;
    uint64_t        tail;
    unsigned        i;
    oa_live_last_t  last;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    for (i = 0; i < OA_LIVE_TRIES; i++) {
        tail = atomic_load(&view.entry->tail);
        err = oa_live_last_read(&view, &last);

        if (err != OA_OK) {
            return err;
        }

        snapshot->state = last.state;
        snapshot->conf = view.entry->conf;
        snapshot->hint = last.last.hint;

        if (last.presence != OA_LIVE_AWAKE) {
            tail = 0;
        }

        copied = oa_live_snapshot_copy(&view, tail, last.head, snapshot);

        if (!oa_live_view_valid(&view)) {
            return OA_EGONE;
        }

        if (copied
            && (last.presence != OA_LIVE_AWAKE
                || oa_live_snapshot_trim(snapshot, tail,
                                         atomic_load(&view.entry->tail))))
        {
            oa_live_snapshot_sum(snapshot, last.complete);
            return OA_OK;
        }
    }

    return OA_EAGAIN;
}
