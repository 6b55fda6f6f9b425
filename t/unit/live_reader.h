
/*
 * A reader of the live store that believes nothing: it checks what it sees of
 * a rendition against the stream of live_store.h.
 */


#ifndef LIVE_READER_H
#define LIVE_READER_H


#include "live_store.h"

#include "live/oa_live_layout.h"

#include <sched.h>
#include <stdatomic.h>


#define READER_MAX  60000            /* bytes of the largest part */


/* In memory of its own; the counters are for others to see. */
typedef struct {
    atomic_ullong        parts;      /* read and found whole */
    atomic_ullong        gone;       /* evicted before they were read */
    atomic_ullong        snapshots;
    uint64_t             seed;
    uint32_t             max;        /* bytes of a part */
    oa_live_snapshot_t   snapshot;
    uint8_t              buf[OA_LIVE_PAGE_BYTES * 64];
} reader_t;


/* Says what is wrong and ends the process. */
#define reader_expect(condition)                                              \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "# %s:%d: not so: %s\n", __FILE__, __LINE__,      \
                    #condition);                                              \
            _exit(1);                                                         \
        }                                                                     \
    } while (0)


static inline reader_t *
reader_new(uint64_t seed, uint32_t max)
{
    reader_t  *reader;

    reader = store_shared(sizeof(*reader));
    reader->seed = seed;
    reader->max = max;

    return reader;
}


static inline void
reader_parts(const oa_live_snapshot_t *s, oa_live_rendition_t rendition,
    uint32_t max)
{
    uint32_t                    i;
    oa_live_name_t              next;
    const oa_live_part_info_t  *part;

    for (i = 0; i < s->nparts; i++) {
        part = &s->parts[i];

        reader_expect(part->size == store_size(store_key(rendition,
                                                         part->number),
                                               max));
        reader_expect(part->duration == STORE_PART);
        reader_expect((part->index == 0)
                      == !!(part->flags & OA_LIVE_PART_SEGMENT_START));

        next = i + 1 < s->nparts ? s->parts[i + 1].name : s->hint;
        reader_expect(next.msn == part->hint.msn
                      && next.part == part->hint.part);
        reader_expect(next.msn > part->name.msn
                      || (next.msn == part->name.msn
                          && next.part == part->name.part + 1));

        if (i > 0) {
            reader_expect(part->number == part[-1].number + 1);
            reader_expect(part->offset == part[-1].offset + part[-1].size);
            reader_expect(part->index == 0
                          ? part->msn == part[-1].msn + 1
                          : part->msn == part[-1].msn
                            && part->index == part[-1].index + 1);
        }
    }
}


static inline void
reader_segments(const oa_live_snapshot_t *s)
{
    uint32_t                       i, at;
    uint64_t                       size;
    const oa_live_part_info_t     *part;
    const oa_live_segment_info_t  *segment;

    for (i = 0, at = 0; i < s->nsegments; i++) {
        segment = &s->segments[i];
        part = &s->parts[at];

        reader_expect(segment->msn == s->segments[0].msn + i);
        reader_expect(segment->first_part == part->number);
        reader_expect(segment->offset == part->offset);
        reader_expect(segment->decode_time == part->number * STORE_PART);
        reader_expect(segment->nparts > 0);
        reader_expect(segment->duration
                      == (uint64_t) segment->nparts * STORE_PART);
        reader_expect(segment->discontinuity
                      == !!(part->flags & OA_LIVE_PART_DISCONTINUITY));
        reader_expect(i == 0 || segment->discontinuities
                                == segment[-1].discontinuities
                                   + segment->discontinuity);
        reader_expect(segment->complete || i + 1 == s->nsegments);

        for (size = 0; at < s->nparts && s->parts[at].msn == segment->msn;
             at++)
        {
            size += s->parts[at].size;
        }

        reader_expect(at == segment->first_part - s->parts[0].number
                            + segment->nparts);
        reader_expect(segment->size == size);
    }

    reader_expect(at == s->nparts);
}


/* Reads n parts from the i-th on in one go. */
static inline void
reader_bytes(reader_t *reader, const oa_live_t *live,
    oa_live_rendition_t rendition, uint32_t i, uint32_t n)
{
    size_t                      size;
    uint8_t                    *p;
    oa_err_t                    err;
    const oa_live_part_info_t  *part;

    part = &reader->snapshot.parts[i];
    size = part[n - 1].offset + part[n - 1].size - part->offset;

    if (size > sizeof(reader->buf)) {
        return;
    }

    err = oa_live_read(live, rendition, part->number, part->offset,
                       reader->buf, size);

    if (err == OA_EGONE) {
        atomic_fetch_add(&reader->gone, 1);
        return;
    }

    reader_expect(err == OA_OK);

    for (p = reader->buf; n > 0; n--, p += part->size, part++) {
        reader_expect(store_check(p, part->size,
                                  store_key(rendition, part->number)));
        atomic_fetch_add(&reader->parts, 1);
    }
}


/* Names are found, and mean the part that they meant before. */
static inline void
reader_names(reader_t *reader, const oa_live_t *live,
    oa_live_rendition_t rendition)
{
    oa_err_t                       err;
    oa_live_part_info_t            found;
    oa_live_segment_info_t         segment;
    const oa_live_part_info_t     *part;
    const oa_live_segment_info_t  *seen;

    /* the oldest ones most: they are about to go */
    part = &reader->snapshot.parts[unit_random(&reader->seed)
                                   % (reader->snapshot.nparts / 16 + 1)];
    err = oa_live_part_find(live, rendition, part->name, &found);

    if (err == OA_OK) {
        reader_expect(found.number == part->number);
        reader_expect(found.offset == part->offset);
        reader_expect(found.size == part->size);
        reader_expect(found.hint.msn == part->hint.msn);

    } else {
        reader_expect(err == OA_ENOTFOUND || err == OA_EGONE);
    }

    seen = &reader->snapshot.segments[unit_random(&reader->seed)
                                      % (reader->snapshot.nsegments / 16 + 1)];
    err = oa_live_segment_find(live, rendition, seen->msn, &segment);

    if (err == OA_OK || err == OA_EAGAIN) {
        reader_expect((err == OA_OK) == segment.complete);
        reader_expect(segment.first_part == seen->first_part);
        reader_expect(segment.offset == seen->offset);
        reader_expect(segment.nparts >= seen->nparts);
        reader_expect(segment.size >= seen->size);
        reader_expect(!seen->complete || segment.size == seen->size);
        reader_expect(segment.decode_time == seen->decode_time);

    } else {
        reader_expect(err == OA_ENOTFOUND || err == OA_EGONE);
    }
}


/* Looks at one rendition once. */
static inline void
reader_rendition(reader_t *reader, const oa_live_t *live,
    oa_live_rendition_t rendition)
{
    uint32_t             at, n, tries;
    oa_err_t             err;
    oa_live_edge_t       edge;
    oa_live_snapshot_t  *s;

    s = &reader->snapshot;
    err = oa_live_snapshot(live, rendition, s);

    if (err == OA_EGONE) {
        return;
    }

    reader_expect(err == OA_OK);
    reader_parts(s, rendition, reader->max);
    reader_segments(s);
    atomic_fetch_add(&reader->snapshots, 1);

    if (s->nparts == 0) {
        return;
    }

    for (tries = 0; tries < 4; tries++) {
        reader_names(reader, live, rendition);
    }

    for (tries = 0; tries < 4; tries++) {
        at = tries == 0 ? 0 : unit_random(&reader->seed) % s->nparts;
        n = 1 + unit_random(&reader->seed) % 8;
        n = n < s->nparts - at ? n : s->nparts - at;
        reader_bytes(reader, live, rendition, at, n);
    }

    err = oa_live_edge(live, rendition, &edge);
    reader_expect(err == OA_OK || err == OA_EGONE);
    reader_expect(err == OA_EGONE || edge.presence != OA_LIVE_AWAKE
                  || edge.head > s->parts[s->nparts - 1].number);
}


/* Looks at every rendition there is, once. */
static inline void
reader_look(reader_t *reader, const oa_live_t *live)
{
    uint32_t                cursor, i;
    oa_live_session_t       session;
    oa_live_session_info_t  info;

    for (cursor = 0; oa_live_next(live, &cursor, &session); ) {
        if (oa_live_session_info(live, session, &info) != OA_OK) {
            continue;
        }

        reader_expect(info.nrenditions <= OA_LIVE_SESSION_RENDITIONS);

        for (i = 0; i < info.nrenditions; i++) {
            reader_rendition(reader, live, info.renditions[i]);
        }
    }
}


/*
 * Appends the next part, in segments of random length and with the init
 * segment of id 0.
 */
static inline oa_err_t
reader_feed(oa_live_t *live, oa_live_rendition_t rendition, uint64_t number,
    bool fresh, uint32_t max, uint64_t *seed, uint8_t *buf)
{
    unsigned  flags;

    flags = 0;

    if (number == 0 || fresh || unit_random(seed) % 10 == 0) {
        flags |= OA_LIVE_PART_SEGMENT_START;
        flags |= fresh && number != 0 ? OA_LIVE_PART_DISCONTINUITY : 0;
    }

    if (unit_random(seed) % 8 == 0) {
        flags |= OA_LIVE_PART_HINT_SEGMENT;
    }

    return store_append_flags(live, rendition, number, max, flags, 0, buf);
}


/*
 * Appends the next part of a rendition that sleeps now and then, and jumps:
 * any writer goes on with it, whatever became of the one before.  *msn is a
 * segment that was not yet begun.
 */
static inline oa_err_t
reader_feed_rung(oa_live_t *live, oa_live_rendition_t rendition,
    atomic_uint *msn, bool fresh, uint32_t max, uint64_t *seed, uint8_t *buf)
{
    uint64_t        number;
    uint32_t        size;
    oa_slice_t      piece;
    oa_live_view_t  view;
    oa_live_part_t  part;

    reader_expect(oa_live_view(live, rendition, &view));
    number = atomic_load(&view.entry->head);
    fresh |= number == 0;

    if (unit_random(seed) % 16 == 0) {
        reader_expect(oa_live_rendition_park(live, rendition,
                                             unit_random(seed) % 2
                                             ? OA_LIVE_ASLEEP
                                             : OA_LIVE_WITHDRAWN)
                      == OA_OK);
    }

    fresh |= oa_live_view_parked(&view);
    size = store_size(store_key(rendition, number), max);
    store_fill(buf, size, store_key(rendition, number));
    piece = oa_slice(buf, size);

    memset(&part, 0, sizeof(part));
    part.pieces = &piece;
    part.npieces = 1;
    part.decode_time = number * STORE_PART;
    part.duration = STORE_PART;

    if (fresh || unit_random(seed) % 4 == 0) {
        part.flags = OA_LIVE_PART_SEGMENT_START | OA_LIVE_PART_AT;
        part.msn = atomic_fetch_add(msn, 1 + (unit_random(seed) % 8 == 0
                                              ? unit_random(seed) % 300 : 0));
    }

    if (unit_random(seed) % 8 == 0) {
        part.flags |= OA_LIVE_PART_HINT_SEGMENT;
    }

    return oa_live_part_append(live, rendition, &part);
}


#endif /* LIVE_READER_H */
