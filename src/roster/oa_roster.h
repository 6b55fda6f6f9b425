
/*
 * Who is on the air on this machine, or would be: one entry a publication in
 * shared memory.  It says who holds a channel, who stands by for it, who is
 * to stop and why, and keeps the book of a stream until it is in the database,
 * also when the worker that had the publisher is killed.
 *
 * The region is flat; the caller holds one lock over every call, so what is
 * called back must be quick.  Whatever a caller leaves that is killed inside of
 * a call is a roster: an entry counts by its state, which is written last.
 */


#ifndef OA_ROSTER_H
#define OA_ROSTER_H


#include "auth/oa_grant.h"
#include "base/oa_base.h"
#include "bus/oa_bus.h"
#include "live/oa_live.h"


/* Entries of one channel that have a publisher. */
#define OA_ROSTER_CHANNEL_MAX  16


/* Why a publication stops, and, of the last one, why a stream has ended. */
#define OA_ROSTER_REASONS(X)                                                  \
    X(OA_ROSTER_NONE,          "")                                            \
    X(OA_ROSTER_DISCONNECTED,  "disconnected")                                \
    X(OA_ROSTER_STALLED,       "stalled")                                     \
    X(OA_ROSTER_TAKEN_OVER,    "taken_over")                                  \
    X(OA_ROSTER_BANNED,        "banned")                                      \
    X(OA_ROSTER_NOT_ALLOWED,   "not_allowed")                                 \
    X(OA_ROSTER_KEY_REVOKED,   "key_revoked")                                 \
    X(OA_ROSTER_STOPPED,       "stopped")                                     \
    X(OA_ROSTER_LEASE_LOST,    "lease_lost")                                  \
    X(OA_ROSTER_WORKER_LOST,   "worker_lost")                                 \
    X(OA_ROSTER_NODE_LOST,     "node_lost")                                   \
    X(OA_ROSTER_SHUTDOWN,      "shutdown")                                    \
    X(OA_ROSTER_REFUSED,       "refused")                                     \
    X(OA_ROSTER_TRACKS_CHANGED, "tracks_changed")

#define OA_ROSTER_REASON_ENUM(name, text)  name,

typedef enum {
    OA_ROSTER_REASONS(OA_ROSTER_REASON_ENUM)
    OA_ROSTER_NREASONS
} oa_roster_reason_t;


typedef enum {
    OA_ROSTER_FREE = 0,
    OA_ROSTER_WAITING,               /* for the lease, or for its turn */
    OA_ROSTER_STANDBY,               /* a backup beside a live primary */
    OA_ROSTER_LIVE,                  /* holds the channel on this machine */
    OA_ROSTER_GONE                   /* no publisher; its book is not closed */
} oa_roster_state_t;


/* An entry, named; stale names are answered with OA_EGONE. */
typedef struct {
    uint32_t   index;
    uint64_t   serial;
} oa_roster_id_t;


typedef struct {
    oa_roster_id_t      id;
    oa_roster_state_t   state;
    oa_grant_t          grant;
    oa_bus_process_t    owner;
    bool                backup;      /* came with ?backup=1 */
    oa_roster_reason_t  stop;        /* somebody wants it to stop */
    oa_roster_reason_t  ended;       /* why it is GONE */
    int64_t             started_ms;  /* monotonic; since it is LIVE */
    int64_t             media_ms;    /* monotonic; the last media message */
    int64_t             gone_ms;
    int64_t             started_unix_ms;       /* of its session, once known */
    uint64_t            bytes;                 /* of its session */
    uint32_t            peak_viewers;
    uint64_t            session_id;  /* the live session's; 0: none yet */
    bool                written;     /* the database has its start */
    char                address[64]; /* of the publisher */
} oa_roster_entry_t;


typedef struct oa_roster_s  oa_roster_t;

/* Called for each entry; false ends the walk. */
typedef bool (*oa_roster_pt)(void *ctx, const oa_roster_entry_t *entry);


OA_BEGIN_DECLS


/*
 * Makes an empty roster in size bytes at mem, aligned to 64 bytes; an entry
 * takes about 400.  OA_EINVAL: misaligned, or too small for one.
 */
OA_MUST_CHECK oa_err_t oa_roster_format(void *mem, size_t size);

/* OA_EVERSION: made with another layout or size. */
OA_MUST_CHECK oa_err_t oa_roster_attach(void *mem, size_t size,
    oa_roster_t **roster);

/* "" for what is none. */
const char *oa_roster_reason_text(oa_roster_reason_t reason);

/*
 * A new entry, WAITING.  OA_EBUSY: OA_ROSTER_CHANNEL_MAX others of the channel
 * have a publisher, so that nobody fills the roster with one key.  OA_EFULL: no
 * slot (the oldest GONE entry whose book could not be written gives way before
 * that, and is counted as lost; such as never had a session first).  An address
 * is cut where it is too long.
 */
OA_MUST_CHECK oa_err_t oa_roster_enter(oa_roster_t *roster,
    const oa_grant_t *grant, const oa_bus_process_t *owner, bool backup,
    oa_slice_t address, int64_t now_ms, oa_roster_id_t *id);

/*
 * WAITING or STANDBY becomes LIVE; one that is LIVE stays so.  A channel is
 * told by its name.  OA_EBUSY: another entry of the channel is LIVE with a
 * living owner; *holder (may be NULL) is that one.  (With a dead one it becomes
 * GONE.)  OA_ENDED: somebody has asked it to stop.  OA_EGONE.
 */
OA_MUST_CHECK oa_err_t oa_roster_go_live(oa_roster_t *roster,
    oa_roster_id_t id, int64_t now_ms, int64_t unix_ms,
    oa_bus_alive_pt alive, void *ctx, oa_roster_entry_t *holder);

/*
 * Who keeps it from going live now, as oa_roster_go_live() would tell, which
 * it changes nothing of.  OA_ENOTFOUND: nobody.  OA_EGONE.
 */
OA_MUST_CHECK oa_err_t oa_roster_holder(oa_roster_t *roster,
    oa_roster_id_t id, int64_t now_ms, oa_bus_alive_pt alive, void *ctx,
    oa_roster_entry_t *holder);

/* OA_EINVAL: it is LIVE.  OA_EGONE. */
OA_MUST_CHECK oa_err_t oa_roster_stand_by(oa_roster_t *roster,
    oa_roster_id_t id);

/* The publisher has left.  One that never was LIVE leaves nothing behind. */
void oa_roster_leave(oa_roster_t *roster, oa_roster_id_t id,
    oa_roster_reason_t reason, int64_t now_ms);

/*
 * Asks the owner to stop it; a reason that is there already stays.  OA_EGONE:
 * it has left.
 */
OA_MUST_CHECK oa_err_t oa_roster_stop(oa_roster_t *roster,
    oa_roster_id_t id, oa_roster_reason_t reason);

/*
 * Asks so for all entries of a user, channel and key; 0 matches all.  Returns
 * how many were not asked before.
 */
unsigned oa_roster_stop_all(oa_roster_t *roster, int64_t user_id,
    int64_t channel_id, int64_t key_id, oa_roster_reason_t reason);

/* What the owner reports: bytes since it went LIVE, the time of media. */
void oa_roster_media(oa_roster_t *roster, oa_roster_id_t id, uint64_t bytes,
    int64_t media_ms);

/*
 * The keeper's: which live session a LIVE or GONE entry has, since when, and
 * how many watch it (the peak is kept); what is written.
 *
 * Where it had another session before, its book begins anew: bytes and the
 * peak at 0, not written.  Where a GONE entry has the same session, the
 * publisher came back: that one's bytes are added, the larger peak and written
 * are taken over, and it is closed.
 */
void oa_roster_session(oa_roster_t *roster, oa_roster_id_t id,
    uint64_t session_id, int64_t started_unix_ms, uint32_t viewers);
void oa_roster_written(oa_roster_t *roster, oa_roster_id_t id);

/* The book of a GONE entry is in the database: the entry goes. */
void oa_roster_close(oa_roster_t *roster, oa_roster_id_t id);

OA_MUST_CHECK oa_err_t oa_roster_get(const oa_roster_t *roster,
    oa_roster_id_t id, oa_roster_entry_t *entry);

/* seen may call any function here; *entry is then what has become of it. */
void oa_roster_walk(const oa_roster_t *roster, oa_roster_pt seen, void *ctx);

/*
 * Entries of dead owners become GONE (WORKER_LOST), or vanish.  alive is
 * called once for each owner.
 */
void oa_roster_sweep(oa_roster_t *roster, int64_t now_ms,
    oa_bus_alive_pt alive, void *ctx);

/*
 * Whether this process keeps the books of the machine: the first that asks,
 * until it no longer lives or resigns.
 */
bool oa_roster_keeper(oa_roster_t *roster, const oa_bus_process_t *self,
    oa_bus_alive_pt alive, void *ctx);
void oa_roster_resign(oa_roster_t *roster, const oa_bus_process_t *self);

/* Rises with every change that an owner has to look at: stops, turns. */
uint64_t oa_roster_version(const oa_roster_t *roster);

/* Books that gave way before they were written. */
uint64_t oa_roster_lost(const oa_roster_t *roster);


OA_END_DECLS


#endif /* OA_ROSTER_H */
