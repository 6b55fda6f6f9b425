
/*
 * When each rung of a publisher's ladder works: wanted or not, in time or too
 * slow, with slots or without.
 *
 * A rung that is always on, or that somebody wants, goes on where it gets its
 * slots; of several, such as are always on first, and then those that take the
 * fewest.  One without slots is withdrawn and tries again every few seconds.
 *
 * A rung is too slow when for a whole second no picture's turn came sooner than
 * OA_LADDER_LATE_US behind its arrival, or when for three seconds in a row it
 * coded none of the source's frames or dropped more than it coded.  Of such
 * rungs the one that takes the most slots is shed: withdrawn for a minute, the
 * next time for two, and so on up to ten.  The others then get three seconds
 * to recover.
 */


#ifndef OA_LADDER_WATCH_H
#define OA_LADDER_WATCH_H


#include "base/oa_base.h"
#include "ladder/oa_ladder_plan.h"


#define OA_LADDER_LATE_US        500000
#define OA_LADDER_RETRY_MS       5000          /* without slots */
#define OA_LADDER_PAUSE_MS       60000         /* shed; doubles */
#define OA_LADDER_PAUSE_MAX_MS   600000


typedef enum {
    OA_LADDER_WITHDRAWN = 0,         /* neither listed nor to be had */
    OA_LADDER_ASLEEP,                /* listed; goes on when it is wanted */
    OA_LADDER_ON
} oa_ladder_state_t;


/* Why a rung is in its state. */
#define OA_LADDER_REASONS(X)                                                  \
    X(OA_LADDER_NONE,        "")                                              \
    X(OA_LADDER_STEADY,      "always on")                                     \
    X(OA_LADDER_WANTED,      "wanted")                                        \
    X(OA_LADDER_IDLE,        "nobody wants it")                               \
    X(OA_LADDER_OVERLOADED,  "too slow")                                      \
    X(OA_LADDER_FAILED,      "failed")                                        \
    X(OA_LADDER_NO_SLOTS,    "no slots are free")                             \
    X(OA_LADDER_NO_TIER,     "the tier has no slots")                         \
    X(OA_LADDER_EVICTED,     "a partner took the slots")

#define OA_LADDER_REASON_ENUM(name, text)  name,

typedef enum {
    OA_LADDER_REASONS(OA_LADDER_REASON_ENUM)
    OA_LADDER_NREASONS
} oa_ladder_reason_t;


/* What is known of a rung when it is looked at. */
typedef struct {
    int64_t    wanted_ms;            /* when it was last wanted; 0: never */
    uint64_t   frames;               /* coded so far */
    uint64_t   dropped;              /* instead of coded, so far */
    int64_t    lateness_us;          /* of the newest picture */
    bool       patient;              /* that it codes nothing does not count:
                                        its codecs say when they are stuck */
} oa_ladder_facts_t;


/* Of the publisher as a whole, as oa_ladder_slots_hold() and _room() say. */
typedef struct {
    oa_err_t  (*hold)(void *ctx, uint32_t slots);
    oa_err_t  (*room)(void *ctx, uint32_t slots);
    void       *ctx;
} oa_ladder_events_t;


/* One rung; all but state, reason and sheds is private. */
typedef struct {
    oa_ladder_mode_t    mode;
    uint32_t            slots;
    oa_ladder_state_t   state;
    oa_ladder_reason_t  reason;
    unsigned            sheds;       /* times it was too slow or failed */
    int64_t             heard_ms;    /* wants up to then are over */
    int64_t             on_ms;       /* since when it is on */
    int64_t             until_ms;    /* withdrawn at least so long */
    int64_t             pause_ms;    /* the last one; 0: none yet */

    /* of the second that is being measured */
    int64_t             since_ms;
    uint64_t            frames;
    uint64_t            dropped;
    int64_t             lateness_us; /* the least */
    unsigned            bad;         /* seconds in a row */
    bool                began;       /* it has coded since it is on */
} oa_ladder_watched_t;


/* The caller owns it. */
typedef struct {
    unsigned             nrungs;
    oa_ladder_watched_t  rungs[OA_LADDER_RUNGS];
    int64_t              idle_ms;
    bool                 shed;
    int64_t              looked_ms;
    int64_t              settled_ms; /* nothing is shed before */
    uint32_t             held;
} oa_ladder_watch_t;


OA_BEGIN_DECLS


/*
 * Every rung is withdrawn until it is looked at.  idle_ms: a rung that is on
 * demand sleeps again so long after it was last wanted.  shed: whether rungs
 * that are too slow are.
 */
void oa_ladder_watch_init(oa_ladder_watch_t *watch, int64_t idle_ms,
    bool shed);

/* Adds a rung; its number is that of those before it. */
void oa_ladder_watch_add(oa_ladder_watch_t *watch, oa_ladder_mode_t mode,
    uint32_t slots);

/*
 * Called while frames of the source come: with each, since wants are heard only
 * here.  facts: one of each rung; those of one that is not on count only by
 * wanted_ms.  evicted: the slots were taken away, all rungs are withdrawn.
 * Returns whether a state or reason has changed.
 */
bool oa_ladder_watch_look(oa_ladder_watch_t *watch,
    const oa_ladder_facts_t *facts, bool evicted, int64_t now_ms,
    const oa_ladder_events_t *events);

/* The rung has stopped by itself: it is withdrawn for as long as if shed. */
void oa_ladder_watch_failed(oa_ladder_watch_t *watch, unsigned rung,
    int64_t now_ms);

/*
 * The rung goes on with other codecs: it has to begin once more, and what was
 * measured before does not count.  facts: its own.
 */
void oa_ladder_watch_begins(oa_ladder_watch_t *watch, unsigned rung,
    const oa_ladder_facts_t *facts, int64_t now_ms);

/* "" for what is none. */
const char *oa_ladder_reason_text(oa_ladder_reason_t reason);


OA_END_DECLS


#endif /* OA_LADDER_WATCH_H */
