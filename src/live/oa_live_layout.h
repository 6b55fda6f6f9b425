
/*
 * The layout of the live store's region; private to src/live.
 *
 *   oa_live_header_t | page owners, one a page | pages
 *
 * Whatever decides whether something else may be trusted (ids, head, tail)
 * lies in the header's fixed tables and never in a page, since pages change
 * hands.  A reader checks the rendition's session id, copies, and then checks
 * tail and the id again; what it reads before that may be anything, so every
 * number is checked before it is used as an index.
 *
 * The writer keeps nothing of its own: each append finds all it needs here,
 * so that another process can go on after it was killed at any instruction.
 */


#ifndef OA_LIVE_LAYOUT_H
#define OA_LIVE_LAYOUT_H


#include "live/oa_live_health.h"

#include <stdatomic.h>


#define OA_LIVE_MAGIC        0x657669762d616f6eull
#define OA_LIVE_MAP_PAGES    8192     /* of a rendition's log, at a time */
#define OA_LIVE_CLAIM_PAGES  16       /* that a new session must find free */
#define OA_LIVE_FORMATS      4
#define OA_LIVE_STATS        (sizeof(oa_live_stats_t) / sizeof(uint64_t))
#define OA_LIVE_RUNG         (sizeof(oa_live_rung_t) / sizeof(uint64_t))
#define OA_LIVE_HEALTH_WORDS 4
#define OA_LIVE_NO_PAGE      UINT32_MAX
#define OA_LIVE_TRIES        64


_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics work between processes");
_Static_assert(OA_LIVE_RENDITIONS == OA_BUS_TOPICS, "a rendition is a topic");


typedef struct {
    uint64_t        offset;
    uint64_t        ticks;           /* durations of all parts before */
    uint32_t        size;
    uint32_t        duration;
    uint32_t        msn;
    uint32_t        index;
    oa_live_name_t  name;
    oa_live_name_t  hint;
    uint32_t        flags;
} oa_live_part_record_t;


/* Never changed once its first part is visible. */
typedef struct {
    uint64_t   first_part;
    uint64_t   offset;
    uint64_t   decode_time;
    uint32_t   delay;
    uint32_t   msn;
    uint32_t   init_id;
    uint32_t   discontinuities;
    uint32_t   flags;                /* of the first part */
} oa_live_segment_record_t;


typedef struct {
    uint32_t   size;
    uint8_t    data[OA_LIVE_INIT_BYTES];
} oa_live_init_record_t;


/* The two pages of a rendition beside its log. */
typedef struct {
    oa_live_part_record_t     parts[OA_LIVE_PARTS];
    oa_live_segment_record_t  segments[OA_LIVE_SEGMENTS];
} oa_live_index_page_t;


typedef struct {
    _Atomic uint32_t          map[OA_LIVE_MAP_PAGES];
    oa_live_init_record_t     inits[OA_LIVE_INITS];
} oa_live_map_page_t;


typedef struct {
    _Atomic uint64_t          seconds[OA_LIVE_VIEWER_SECONDS];
    _Atomic uint8_t           registers[OA_LIVE_VIEWER_SECONDS][4096];
} oa_live_viewers_page_t;


/* A second is whole when its stamp, 1 + it, is there before and after. */
typedef struct {
    _Atomic uint64_t          stamp;
    _Atomic uint64_t          words[OA_LIVE_HEALTH_WORDS];
} oa_live_health_record_t;


/* The version chooses one of the two descriptions; the other is written. */
typedef struct {
    oa_live_health_record_t   seconds[OA_LIVE_HEALTH_SECONDS];
    _Atomic uint32_t          version;           /* 0: there is none */
    oa_live_metadata_t        metadata[2];
} oa_live_health_page_t;


_Static_assert(sizeof(oa_live_health_page_t) <= OA_LIVE_PAGE_BYTES, "");
_Static_assert(sizeof(oa_live_index_page_t) <= OA_LIVE_PAGE_BYTES, "");
_Static_assert(sizeof(oa_live_map_page_t) <= OA_LIVE_PAGE_BYTES, "");
_Static_assert(sizeof(oa_live_viewers_page_t) <= OA_LIVE_PAGE_BYTES, "");


typedef struct {
    _Alignas(64) _Atomic uint64_t  session_id;       /* 0: free */
    _Atomic uint32_t               session_index;
    _Atomic uint32_t               index_page;
    _Atomic uint32_t               map_page;
    oa_live_rendition_conf_t       conf;

    _Alignas(64) _Atomic uint64_t  head;
    _Atomic uint64_t               tail;
    _Atomic uint64_t               complete;         /* segments below are */
    _Atomic uint64_t               page_tail;        /* of the log, mapped */
    _Atomic uint64_t               page_head;
    _Atomic uint32_t               init_tail;
    _Atomic uint32_t               init_head;
    _Atomic uint32_t               format_version;   /* 0: there is none */
    _Atomic uint64_t               parked;           /* oa_live_parked_at() */
    _Atomic int64_t                wanted_ms;

    _Atomic uint64_t               stats[OA_LIVE_STATS];
    _Atomic uint64_t               rung[OA_LIVE_RUNG];
    oa_live_format_t               formats[OA_LIVE_FORMATS];
} oa_live_rendition_entry_t;


typedef struct {
    _Alignas(64) _Atomic uint64_t  id;               /* 0: free */
    _Atomic uint32_t               state;
    _Atomic uint32_t               publishers;
    _Atomic int64_t                state_ms;
    _Atomic uint32_t               pages_held;       /* perhaps */
    _Atomic uint32_t               unannounced;      /* its end is */
    _Atomic uint32_t               viewers_page;
    _Atomic uint32_t               health_page;
    _Atomic uint32_t               nrenditions;
    _Atomic uint32_t               renditions[OA_LIVE_SESSION_RENDITIONS];
    oa_bus_process_t               owners[2];        /* [publishers % 2] */
    oa_live_session_conf_t         conf;
    int64_t                        started_ms;
    uint64_t                       serial;
    uint32_t                       channel_size;
    char                           channel[OA_LIVE_CHANNEL_BYTES + 1];
} oa_live_session_entry_t;


typedef struct {
    _Atomic uint64_t               magic;
    uint32_t                       layout_version;
    uint32_t                       header_bytes;
    uint32_t                       session_bytes;
    uint32_t                       rendition_bytes;
    uint32_t                       index_bytes;
    uint32_t                       map_bytes;
    uint64_t                       size;
    uint32_t                       npages;
    uint64_t                       arena_offset;

    _Alignas(64) _Atomic uint32_t  sessions_top;     /* none at or above */
    uint64_t                       serial;

    _Alignas(64) _Atomic uint32_t  page_hint;        /* where to look first */
    _Atomic uint64_t               pages_freed;
    _Atomic uint64_t               full_at;          /* pages_freed then */
    _Atomic int64_t                clock_ms;         /* told by callers */

    /* beside the entries, so that a search by name touches little */
    _Alignas(64) _Atomic uint64_t  hashes[OA_LIVE_SESSIONS];
    oa_live_session_entry_t        sessions[OA_LIVE_SESSIONS];
    oa_live_rendition_entry_t      renditions[OA_LIVE_RENDITIONS];

    /*
     * What a page is for, see oa_live_page_tag(); 0: free.  A page is taken
     * by compare-and-swap and freed by a store.
     */
    _Alignas(64) _Atomic uint64_t  page_owners[];
} oa_live_header_t;


/* A rendition, opened by its handle. */
typedef struct {
    const oa_live_t            *live;
    oa_live_rendition_entry_t  *entry;
    oa_live_session_entry_t    *session;
    oa_live_index_page_t       *index;
    oa_live_map_page_t         *map;
    uint64_t                    id;
    uint32_t                    session_index;
    uint32_t                    number;          /* in the table */
} oa_live_view_t;


/* What a page of a rendition is for; smaller numbers are log pages. */
#define OA_LIVE_INDEX_PAGE  0x100000000ull
#define OA_LIVE_MAP_PAGE    0x100000001ull


static inline oa_live_header_t *
oa_live_header(const oa_live_t *live)
{
    return (oa_live_header_t *) (void *) live->base;
}


static inline void
oa_live_lock(const oa_live_t *live)
{
    live->lock.lock(live->lock.ctx);
}


static inline void
oa_live_unlock(const oa_live_t *live)
{
    live->lock.unlock(live->lock.ctx);
}


static inline uint32_t
oa_live_sessions_top(const oa_live_t *live)
{
    uint32_t  top;

    top = atomic_load(&oa_live_header(live)->sessions_top);

    return top < OA_LIVE_SESSIONS ? top : OA_LIVE_SESSIONS;
}


static inline uint8_t *
oa_live_page(const oa_live_t *live, uint32_t page)
{
    return live->base + oa_live_header(live)->arena_offset
           + (size_t) page * OA_LIVE_PAGE_BYTES;
}


static inline oa_live_part_record_t *
oa_live_part_at(const oa_live_view_t *view, uint64_t number)
{
    return &view->index->parts[number % OA_LIVE_PARTS];
}


static inline oa_live_segment_record_t *
oa_live_segment_at(const oa_live_view_t *view, uint32_t msn)
{
    return &view->index->segments[msn % OA_LIVE_SEGMENTS];
}


/*
 * Where a rendition was parked, and as what.  It is so as long as no part came
 * behind that head: so it is the part itself that wakes it, in one store.
 */
static inline uint64_t
oa_live_parked_at(uint64_t head, oa_live_presence_t presence)
{
    return head << 2 | (uint64_t) presence;
}


static inline oa_live_presence_t
oa_live_presence_of(uint64_t parked, uint64_t head)
{
    return head > parked >> 2 ? OA_LIVE_AWAKE
                              : (oa_live_presence_t) (parked & 3);
}


/*
 * Where the log of a parked rendition goes on that came to an offset: at the
 * beginning of a page, so that it need not keep one.
 */
static inline uint64_t
oa_live_log_wake(uint64_t offset)
{
    return (offset + OA_LIVE_PAGE_BYTES - 1) / OA_LIVE_PAGE_BYTES
           * OA_LIVE_PAGE_BYTES;
}


/* For the owner; readers compare with a head that they keep. */
static inline bool
oa_live_view_parked(const oa_live_view_t *view)
{
    return oa_live_presence_of(atomic_load(&view->entry->parked),
                               atomic_load(&view->entry->head))
           != OA_LIVE_AWAKE;
}


OA_BEGIN_DECLS


/*
 * The owner word of a page: session, rendition and use.  Pages describe
 * themselves, so that what a killed process took and never recorded is found.
 * OA_LIVE_NO_RENDITION stands for the session's own pages.
 */
#define OA_LIVE_NO_RENDITION  UINT32_MAX
#define OA_LIVE_VIEWERS_PAGE  0
#define OA_LIVE_HEALTH_PAGE   1

uint64_t oa_live_page_tag(uint32_t session, uint32_t rendition, uint64_t use);

/* Takes a page; OA_LIVE_NO_PAGE when none is free. */
uint32_t oa_live_page_alloc(const oa_live_t *live, uint64_t tag);
void oa_live_page_free(const oa_live_t *live, uint32_t page);

/* Whether n pages are free. */
bool oa_live_pages_free(const oa_live_t *live, uint32_t n);

/*
 * Frees the pages of a session: all, or only those that no table mentions,
 * which a killed owner left.
 */
void oa_live_pages_free_all(const oa_live_t *live, uint32_t session);
void oa_live_pages_recover(const oa_live_t *live, uint32_t session);


/* The entry that a handle names; NULL when the session is gone. */
oa_live_session_entry_t *oa_live_session_entry(const oa_live_t *live,
    oa_live_session_t session);

/* false: gone. */
bool oa_live_view(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_view_t *view);

/* Whether what was read since oa_live_view() was the session's. */
bool oa_live_view_valid(const oa_live_view_t *view);

/* Frees the pages of the log that no stored part is in. */
void oa_live_view_trim(const oa_live_view_t *view);

/* Evicts all that is stored. */
void oa_live_view_empty(const oa_live_view_t *view);

/*
 * Evicts the oldest segment, and its pages become free; false when it would
 * take the part `keep` or a later one, or there is none.
 */
bool oa_live_evict_free(const oa_live_view_t *view, uint64_t keep);

/*
 * A page for the log, tagged; segments before the part `keep` may be evicted
 * for it.  OA_LIVE_NO_PAGE: even so there is none.
 */
uint32_t oa_live_log_page(const oa_live_view_t *view, uint64_t keep,
    uint64_t tag);

/* Writes into mapped pages of the log. */
void oa_live_log_write(const oa_live_view_t *view, uint64_t offset,
    oa_slice_t piece);

/*
 * Empties an entry whose id is 0: what the freed session had, or a holder of
 * the lock left that was killed.  Under the lock.
 */
void oa_live_entry_clear(const oa_live_t *live, uint32_t index);

/* Frees a session.  Under the lock. */
void oa_live_free(const oa_live_t *live, uint32_t index);

/* What time it is; for oa_live_reclaim(), whose callers do not know. */
void oa_live_clock_set(const oa_live_t *live, int64_t now_ms);

/*
 * Frees the session that ended longest ago; false when there is none, or it
 * ended just now.  The first one under the lock, the second one takes it.
 */
bool oa_live_reclaim_locked(const oa_live_t *live);
bool oa_live_reclaim(const oa_live_t *live);


/* All segments begun so far are complete. */
void oa_live_view_close(const oa_live_view_t *view);


OA_END_DECLS


#endif /* OA_LIVE_LAYOUT_H */
