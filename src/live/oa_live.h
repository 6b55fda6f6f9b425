
/*
 * The live store: the window of every live session, in one flat region of
 * shared memory that all worker processes map, possibly at different
 * addresses.
 *
 * A channel is a public name.  A session is one broadcast on it, with an id
 * that never comes again; it has renditions ("video", "audio"), each a ring of
 * parts and of the segments that the parts make up.  The bytes of a rendition
 * form one endless log, in pages of the region's arena, so a segment is the
 * byte-wise concatenation of its parts by construction.
 *
 * One process writes a session: its owner.  Any number of processes read, and
 * never lock: parts [tail, head) are visible; the owner fills in a part before
 * it advances head, and advances tail before it overwrites or frees anything
 * that a part below tail used.  A reader copies, then looks at tail again.
 * An owner killed at any instruction therefore leaves a consistent window.
 *
 * The table of channels is changed under the lock that the caller lends; the
 * arena is not: a page names its session, and a session's pages are found
 * again by looking for its name.
 *
 * now_ms is monotonic, the same clock in all processes (CLOCK_MONOTONIC).
 */


#ifndef OA_LIVE_H
#define OA_LIVE_H


#include "base/oa_base.h"
#include "bus/oa_bus.h"


#define OA_LIVE_LAYOUT_VERSION   4

#define OA_LIVE_PAGE_BYTES       65536
#define OA_LIVE_MIN_BYTES        (8 * 1024 * 1024)
#define OA_LIVE_SESSIONS         2048
#define OA_LIVE_RENDITIONS       4096     /* in the region; = OA_BUS_TOPICS */
#define OA_LIVE_CHANNEL_BYTES    128      /* longest channel name */
#define OA_LIVE_NAME_BYTES       16       /* longest rendition name, with 0 */
#define OA_LIVE_SESSION_RENDITIONS  16
#define OA_LIVE_PARTS            1024     /* of a rendition, at a time */
#define OA_LIVE_SEGMENTS         128
#define OA_LIVE_INITS            8        /* init segments kept */
#define OA_LIVE_INIT_BYTES       3072     /* longest init segment */
#define OA_LIVE_VIEWER_SECONDS   10


typedef struct {
    void  (*lock)(void *ctx);
    void  (*unlock)(void *ctx);
    void   *ctx;
} oa_live_lock_t;


/* A process's view of the region.  The caller owns this struct. */
typedef struct {
    uint8_t         *base;
    size_t           size;
    oa_live_lock_t   lock;
} oa_live_t;


typedef enum {
    OA_LIVE_FREE = 0,
    OA_LIVE_ON_AIR,                  /* has an owner */
    OA_LIVE_GRACE,                   /* its publisher may come back */
    OA_LIVE_ENDED                    /* stays readable for a while */
} oa_live_state_t;


/*
 * A session, named.  Copied freely; it stays valid to pass after the session
 * is gone, and is then answered with OA_EGONE.
 */
typedef struct {
    uint64_t   id;                   /* never 0 */
    uint32_t   index;                /* in the region's table */
} oa_live_session_t;


typedef struct {
    uint64_t   session_id;
    uint32_t   index;                /* in the region's table; its bus topic */
} oa_live_rendition_t;


/* Fixed for the whole session, as players demand. */
typedef struct {
    uint32_t   target_duration_s;    /* EXT-X-TARGETDURATION */
    uint32_t   part_target_ms;       /* what was configured; see rendition */
    uint32_t   window_ms;            /* that a playlist shows */
    uint32_t   grace_ms;             /* for a publisher's return */
    int64_t    epoch_unix_us;        /* wall clock at media time 0 */
} oa_live_session_conf_t;


typedef struct {
    oa_slice_t              channel; /* 1 to OA_LIVE_CHANNEL_BYTES bytes */
    oa_bus_process_t        owner;
    uint64_t                id;      /* random, for a new session; not 0 */
    int64_t                 now_ms;
    oa_live_session_conf_t  conf;    /* for a new session */
} oa_live_claim_t;


typedef struct {
    oa_live_session_t       session;
    char                    channel[OA_LIVE_CHANNEL_BYTES + 1];
    oa_live_state_t         state;
    oa_live_session_conf_t  conf;
    oa_bus_process_t        owner;   /* the last one, when there is none */
    int64_t                 started_ms;
    int64_t                 state_ms;          /* since when in its state */
    uint32_t                publishers;        /* 1, and 1 a return */
    uint32_t                nrenditions;
    oa_live_rendition_t     renditions[OA_LIVE_SESSION_RENDITIONS];
} oa_live_session_info_t;


typedef enum {
    OA_LIVE_VIDEO = 1,
    OA_LIVE_AUDIO
} oa_live_kind_t;


/*
 * A rendition that is made of another one need not be there all the time.
 * What is asleep or withdrawn has no parts; it wakes with the next one.
 */
typedef enum {
    OA_LIVE_AWAKE = 0,
    OA_LIVE_ASLEEP,                  /* listed; begins when it is wanted */
    OA_LIVE_WITHDRAWN                /* neither listed nor to be had */
} oa_live_presence_t;


/* Fixed for the session. */
typedef struct {
    char            name[OA_LIVE_NAME_BYTES];  /* [a-z0-9_]+, in its URL */
    oa_live_kind_t  kind;
    uint32_t        timescale;       /* ticks a second */
    uint32_t        part_target;     /* ticks; EXT-X-PART-INF PART-TARGET */
} oa_live_rendition_conf_t;


/* How the values of a picture become light. */
typedef enum {
    OA_LIVE_SDR,
    OA_LIVE_HLG,
    OA_LIVE_PQ
} oa_live_range_t;


/* What the newest init segment describes. */
typedef struct {
    char       codecs[48];           /* RFC 6381 */
    uint32_t   width;                /* video, display size */
    uint32_t   height;
    uint32_t   frame_rate_num;       /* video; 0 / 0 while unknown */
    uint32_t   frame_rate_den;
    oa_live_range_t  range;          /* video */
    uint32_t   sample_rate;          /* audio, Hz, as heard */
    uint32_t   channels;             /* audio */
    uint64_t   promised_bps;         /* that it may take; 0: nothing is said */
} oa_live_format_t;


/* Measured by the owner; each field is read and written whole. */
typedef struct {
    uint64_t   bandwidth_bps;        /* of the heaviest segment so far */
    uint64_t   average_bps;          /* over the session so far */
    uint64_t   current_bps;          /* over the last seconds */
    uint64_t   frames;
    uint64_t   keyframes;
    uint64_t   dropped_frames;       /* missing from the source's cadence */
    uint64_t   late_frames;          /* arrived later than a part's length */
    uint64_t   timestamp_jumps;
    uint64_t   frame_rate_milli;     /* measured, 29970 is 29.97 */
    uint64_t   keyframe_interval_ms; /* the longest of the last few */
} oa_live_stats_t;


/*
 * How a rendition is made that is made of another one: by its owner, who knows
 * what the numbers mean.  Each field is read and written whole.
 */
typedef struct {
    uint64_t   made;                 /* 0: it is the source's */
    uint64_t   state;                /* oa_ladder_state_t */
    uint64_t   reason;               /* oa_ladder_reason_t */
    uint64_t   cuda;                 /* on a card */
    uint64_t   slots;                /* thousandths; while it is on */
    uint64_t   frames;               /* coded */
    uint64_t   late;                 /* dropped: it could not keep up */
    uint64_t   full;                 /* dropped: no room in a queue */
    uint64_t   unstored;             /* dropped: no room in the store */
    uint64_t   sheds;                /* times it was too slow, or failed */
    uint64_t   latency_us;           /* from arrival to part, smoothed */
    uint64_t   encode_us;            /* CPU time of a frame, on average; */
    uint64_t   decode_us;            /* of the source's, */
    uint64_t   scale_us;             /* of those for all rungs */
} oa_live_rung_t;


#define OA_LIVE_PART_INDEPENDENT     0x01      /* starts with a keyframe */
#define OA_LIVE_PART_SEGMENT_START   0x02
#define OA_LIVE_PART_DISCONTINUITY   0x04      /* only with SEGMENT_START */
#define OA_LIVE_PART_HINT_SEGMENT    0x08      /* the next part is expected to
                                                  start a segment */


#define OA_LIVE_PART_AT              0x10      /* its msn is given */


/* A part to append: header and media bytes in up to 4 pieces. */
typedef struct {
    const oa_slice_t  *pieces;
    unsigned           npieces;
    uint64_t           decode_time;  /* ticks, of its first sample */
    uint32_t           delay;        /* ticks from decoding a keyframe to
                                        showing it; of a segment's first part */
    uint32_t           duration;     /* ticks */
    uint32_t           init_id;      /* as oa_live_init_add() returned */
    unsigned           flags;        /* OA_LIVE_PART_… */

    /*
     * With OA_LIVE_PART_AT, which goes with SEGMENT_START only: the segment is
     * this one.  Where it is not the next one, or discontinuities are counted
     * between them, nothing of before stays.
     */
    uint32_t           msn;
    uint32_t           discontinuities;      /* with this segment's own */
} oa_live_part_t;


/*
 * A name that a part was promised under: part-<msn>.<part>.m4s.  It was fixed
 * when the part before it was published, so a hinted URI always becomes true,
 * also when a keyframe came unforeseen and the part starts a new segment.
 * Names of a rendition rise strictly (msn first).
 */
typedef struct {
    uint32_t   msn;
    uint32_t   part;
} oa_live_name_t;


typedef struct {
    uint64_t        number;          /* counts all parts of the rendition */
    uint64_t        offset;          /* in the rendition's log */
    uint32_t        size;
    uint32_t        duration;        /* ticks */
    uint32_t        msn;             /* of its segment */
    uint32_t        index;           /* in its segment, from 0 */
    oa_live_name_t  name;
    oa_live_name_t  hint;            /* the name of the part behind it */
    unsigned        flags;
} oa_live_part_info_t;


typedef struct {
    uint32_t   msn;
    uint64_t   first_part;           /* number */
    uint32_t   nparts;               /* so far */
    uint64_t   offset;
    uint64_t   size;                 /* bytes so far */
    uint64_t   decode_time;          /* ticks, of its first sample */
    uint32_t   delay;                /* ticks, until it is presented */
    uint64_t   duration;             /* ticks so far */
    uint32_t   init_id;
    uint32_t   discontinuities;      /* up to and with this segment's own */
    bool       discontinuity;        /* has its own */
    bool       independent;          /* starts with a keyframe */
    bool       complete;             /* no part will follow */
} oa_live_segment_info_t;


/*
 * One consistent picture of a rendition.  About 100 KB; keep one a process.
 * Segments are in rising order without a gap; parts are all parts of those
 * segments that are still stored.  hint is the name of the next part.
 */
typedef struct {
    oa_live_state_t            state;
    oa_live_rendition_conf_t   conf;
    uint32_t                   nsegments;
    uint32_t                   nparts;
    oa_live_name_t             hint;
    oa_live_segment_info_t     segments[OA_LIVE_SEGMENTS];
    oa_live_part_info_t        parts[OA_LIVE_PARTS];
} oa_live_snapshot_t;


/* Where a rendition stands; cheap. */
typedef struct {
    oa_live_state_t  state;
    oa_live_presence_t  presence;    /* else than AWAKE: head is 0 */
    uint64_t         head;           /* number of the next part */
    uint32_t         msn;            /* of the last segment begun; when there
                                        is none yet (head 0), 0 */
    uint32_t         nparts;         /* of that segment so far */
    bool             complete;       /* that segment is complete */
    oa_live_name_t   hint;
    uint32_t         discontinuities;        /* up to that segment; sure for
                                                the owner only */
} oa_live_edge_t;


typedef struct {
    size_t     region_bytes;
    uint32_t   pages;
    uint32_t   pages_used;
    uint32_t   sessions;             /* not free */
    uint32_t   renditions;
} oa_live_usage_t;


/* Called for each rendition whose readers should look again. */
typedef void (*oa_live_changed_pt)(void *ctx, unsigned topic);


OA_BEGIN_DECLS


/*
 * Makes an empty store in size bytes at mem (aligned to 64 bytes).
 * OA_EINVAL: smaller than OA_LIVE_MIN_BYTES, or misaligned.
 */
OA_MUST_CHECK oa_err_t oa_live_format(void *mem, size_t size);

/*
 * Opens the store that oa_live_format() made at mem.  OA_EVERSION: it has
 * another layout version, other table sizes, another size, or is none.
 */
OA_MUST_CHECK oa_err_t oa_live_attach(oa_live_t *live, void *mem, size_t size,
    const oa_live_lock_t *lock);


/* --- sessions -------------------------------------------------------- */

/*
 * Takes a channel for a publisher.  A session in grace, or whose owner is no
 * longer alive and whose grace has not run out, is resumed: *resumed is true,
 * and its conf stays.  Otherwise a new session begins; an older one that has
 * ended stays readable under its id.
 *
 * OA_EBUSY: the channel is on the air, its owner alive (another session of
 * the same worker counts).  OA_EFULL: no session slot or no memory is left (a
 * megabyte must be free, so that a channel that cannot live takes nothing from
 * those that do; sessions that have ended give way).  OA_EINVAL: a channel
 * name that is empty or too long, an id of 0.  The readers of a session that
 * it ended are told by the next sweep.
 */
OA_MUST_CHECK oa_err_t oa_live_claim(oa_live_t *live,
    const oa_live_claim_t *claim, oa_bus_alive_pt alive, void *ctx,
    oa_live_session_t *session, bool *resumed);

/* The publisher has gone: the grace begins.  Owner only. */
void oa_live_release(oa_live_t *live, oa_live_session_t session,
    int64_t now_ms);

/*
 * Ends a session for good; its last segments become complete.  The caller
 * wakes the readers: changed is called for each rendition, outside the lock;
 * when it is NULL, the next sweep does so.  A session without a part is gone
 * after that (OA_EGONE).
 */
void oa_live_end(oa_live_t *live, oa_live_session_t session, int64_t now_ms,
    oa_live_changed_pt changed, void *ctx);

/*
 * The housekeeping of all sessions, by any process, once a second or so: dead
 * owners' sessions enter the grace, run-out graces end, and sessions that
 * ended longer ago than their window and three target durations are freed
 * (some seconds after their end already, where another needs the room).
 * alive and changed are called outside the lock, both with ctx.
 */
void oa_live_sweep(oa_live_t *live, int64_t now_ms, oa_bus_alive_pt alive,
    oa_live_changed_pt changed, void *ctx);

/*
 * The channel's newest session, one on the air or in grace before an ended
 * one.  OA_ENOTFOUND.
 */
OA_MUST_CHECK oa_err_t oa_live_find(const oa_live_t *live, oa_slice_t channel,
    oa_live_session_t *session);

/* The channel's session of that id.  OA_ENOTFOUND. */
OA_MUST_CHECK oa_err_t oa_live_find_id(const oa_live_t *live,
    oa_slice_t channel, uint64_t id, oa_live_session_t *session);

/* Sessions in the order of their table: *cursor starts at 0.  false: no more */
bool oa_live_next(const oa_live_t *live, uint32_t *cursor,
    oa_live_session_t *session);

/* OA_EGONE. */
OA_MUST_CHECK oa_err_t oa_live_session_info(const oa_live_t *live,
    oa_live_session_t session, oa_live_session_info_t *info);

void oa_live_usage(const oa_live_t *live, oa_live_usage_t *usage);


/* --- viewers --------------------------------------------------------- */

/*
 * Notes that a viewer, told apart by a hash, asked for a playlist; and how
 * many different ones did in the last OA_LIVE_VIEWER_SECONDS (exact for a
 * few, within 2% or so for many).  Any process; lock-free.
 */
void oa_live_viewer_seen(oa_live_t *live, oa_live_session_t session,
    uint64_t viewer_hash, int64_t now_ms);
uint32_t oa_live_viewers(const oa_live_t *live, oa_live_session_t session,
    int64_t now_ms);


/*
 * --- writing: the session's owner only -------------------------------
 *
 * All return OA_EGONE when the session is no longer stored or not on the air:
 * it was ended, or the caller has released it.
 */

/*
 * Adds a rendition.  OA_EFULL: no slot or memory; OA_EBUSY: the name exists
 * (*rendition is that one; so it is after a resumption); OA_EINVAL: its name or
 * timescale.
 */
OA_MUST_CHECK oa_err_t oa_live_rendition_add(oa_live_t *live,
    oa_live_session_t session, const oa_live_rendition_conf_t *conf,
    oa_live_rendition_t *rendition);

/*
 * Stores an init segment and what it describes; *init_id counts from 0.
 * The same bytes as the newest one's give that one's id back (the format is
 * updated).  When OA_LIVE_INITS are stored, the oldest goes, with the segments
 * that need it.  OA_EFULL: larger than OA_LIVE_INIT_BYTES.
 */
OA_MUST_CHECK oa_err_t oa_live_init_add(oa_live_t *live,
    oa_live_rendition_t rendition, oa_slice_t init,
    const oa_live_format_t *format, uint32_t *init_id);

/*
 * Appends one part to the window and publishes it; the caller then wakes the
 * readers (oa_bus_publish on the rendition's topic).  The bytes are copied.
 * Whole segments that are older than the window and three target durations
 * behind the edge are evicted.  Where room is needed, sessions that have ended
 * give way first, then more of this rendition is evicted.
 *
 * OA_EINVAL: the first part of a rendition or the one behind a closed segment
 * does not start a segment, the part is empty, its init segment is not stored
 * or, within a segment, another than the segment's; with OA_LIVE_PART_AT, its
 * msn is not behind the last one's, or it counts fewer discontinuities; without
 * it, the rendition is asleep or withdrawn.  OA_EFULL: it cannot be stored even
 * after all older segments were evicted.  On error nothing was published.
 */
OA_MUST_CHECK oa_err_t oa_live_part_append(oa_live_t *live,
    oa_live_rendition_t rendition, const oa_live_part_t *part);

/*
 * The rendition sleeps or is withdrawn: all its parts are evicted; then wake
 * the readers.  It is there again with the next part, which has
 * OA_LIVE_PART_AT.  A rendition that has just been added may be put to sleep,
 * too; its init segment and format can be set meanwhile, so that it is listed.
 * What is parked can be parked again, as the other.  While it is, no part or
 * segment of it is found, and none is about to come: OA_ENOTFOUND.
 * OA_EINVAL: presence is neither OA_LIVE_ASLEEP nor OA_LIVE_WITHDRAWN.
 */
OA_MUST_CHECK oa_err_t oa_live_rendition_park(oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_presence_t presence);

/* When it was last wanted, see oa_live_rendition_want(); 0: never.  OA_EGONE */
OA_MUST_CHECK oa_err_t oa_live_rendition_wanted(const oa_live_t *live,
    oa_live_rendition_t rendition, int64_t *wanted_ms);

/* No part will be added to the open segment; then wake the readers. */
void oa_live_segment_close(oa_live_t *live, oa_live_rendition_t rendition);

void oa_live_stats_set(oa_live_t *live, oa_live_rendition_t rendition,
    const oa_live_stats_t *stats);
void oa_live_rung_set(oa_live_t *live, oa_live_rendition_t rendition,
    const oa_live_rung_t *rung);


/* --- reading: any process -------------------------------------------- */

/*
 * Somebody asks for the rendition's playlist or media: one that sleeps wakes by
 * it.  Its owner looks with each frame.  Cheap; any process.
 */
void oa_live_rendition_want(oa_live_t *live, oa_live_rendition_t rendition,
    int64_t now_ms);

/* OA_EGONE. */
OA_MUST_CHECK oa_err_t oa_live_rendition_presence(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_presence_t *presence);

/* By name.  OA_ENOTFOUND, OA_EGONE. */
OA_MUST_CHECK oa_err_t oa_live_rendition_find(const oa_live_t *live,
    oa_live_session_t session, oa_slice_t name,
    oa_live_rendition_t *rendition);

/* All return OA_EGONE when the session is no longer stored. */
OA_MUST_CHECK oa_err_t oa_live_rendition_conf(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_rendition_conf_t *conf);
/* OA_ENOTFOUND: no init segment yet. */
OA_MUST_CHECK oa_err_t oa_live_format_get(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_format_t *format);
OA_MUST_CHECK oa_err_t oa_live_stats_get(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_stats_t *stats);
OA_MUST_CHECK oa_err_t oa_live_rung_get(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_rung_t *rung);
OA_MUST_CHECK oa_err_t oa_live_edge(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_edge_t *edge);

/* OA_EAGAIN: the writer outran the copying, time after time; very unlikely. */
OA_MUST_CHECK oa_err_t oa_live_snapshot(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_snapshot_t *snapshot);

/*
 * The part of a name.  OA_EAGAIN: it is the hinted one, not published yet;
 * OA_ENOTFOUND: no part has, had or is promised that name, or it is evicted,
 * or the session ended before it.
 */
OA_MUST_CHECK oa_err_t oa_live_part_find(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_name_t name,
    oa_live_part_info_t *part);

/*
 * A segment.  OA_EAGAIN: it is the open one or the one after it; *segment is
 * what there is of it, with nparts 0 when it has not begun.  OA_ENOTFOUND:
 * evicted, or further ahead, or the session ended before it.  OA_OK only when
 * it is complete.
 */
OA_MUST_CHECK oa_err_t oa_live_segment_find(const oa_live_t *live,
    oa_live_rendition_t rendition, uint32_t msn,
    oa_live_segment_info_t *segment);

/*
 * Copies size bytes of the rendition's log from offset on, all of them in
 * the part of that number or later.  OA_EGONE: evicted before or meanwhile, or
 * never published; dst is then undefined.
 */
OA_MUST_CHECK oa_err_t oa_live_read(const oa_live_t *live,
    oa_live_rendition_t rendition, uint64_t part_number, uint64_t offset,
    void *dst, size_t size);

/* Copies an init segment into OA_LIVE_INIT_BYTES at dst.  OA_ENOTFOUND. */
OA_MUST_CHECK oa_err_t oa_live_init_read(const oa_live_t *live,
    oa_live_rendition_t rendition, uint32_t init_id, void *dst, size_t *size);


OA_END_DECLS


#endif /* OA_LIVE_H */
