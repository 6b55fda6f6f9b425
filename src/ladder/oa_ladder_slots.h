
/*
 * The machine's capacity for encoding, and which publisher holds how much of
 * it: one entry a publisher in shared memory.  Slots are counted in thousandths
 * (OA_LADDER_SLOT).
 *
 * Partners get what is there.  Affiliates get some while more than a fifth of
 * the capacity would be left, and give all that they have to a partner who
 * would find no room, the newest of them first.  Viewers get none.
 *
 * A machine encodes what its own publishers need, so whatever is given must fit
 * into its own capacity, and only its own affiliates give way.  But the fifth
 * is one of all machines' capacity, for as long as the others' is known
 * (oa_ladder_slots_elsewhere); without it, of this machine's.  So affiliates
 * may fill a machine while others are free, and get none on a free one when
 * partners have filled the others.  What they have they keep: the fifth counts
 * only when they want more.  Others' sums are some seconds old, so several
 * machines may each give the last that affiliates can have.
 *
 * The region is flat; the caller holds one lock over every call but
 * oa_ladder_slots_evicted(), so what is called back must be quick.  Whatever a
 * caller leaves that is killed inside of a call is good: an entry counts by its
 * state, which is written last, and sums are not stored.
 */


#ifndef OA_LADDER_SLOTS_H
#define OA_LADDER_SLOTS_H


#include "auth/oa_grant.h"
#include "base/oa_base.h"
#include "bus/oa_bus.h"
#include "ladder/oa_ladder_share.h"


/* An entry, named; stale names hold nothing. */
typedef struct {
    uint32_t   index;
    uint64_t   serial;               /* 0: no entry */
} oa_ladder_slots_id_t;


typedef struct {
    uint32_t           capacity;
    uint32_t           held;
    uint32_t           partners;     /* of held: by them, */
    uint32_t           affiliates;   /* and by them */
    uint32_t           entries;      /* of those who hold some */
    bool               shared;       /* elsewhere is known */
    oa_ladder_share_t  elsewhere;    /* the other machines; 0: not known */
} oa_ladder_slots_usage_t;


typedef struct oa_ladder_slots_s  oa_ladder_slots_t;


OA_BEGIN_DECLS


/*
 * Makes an empty table of as many entries as fit in size bytes at mem, aligned
 * to 64 bytes; an entry takes 40.  OA_EINVAL: misaligned, or too small for one.
 */
OA_MUST_CHECK oa_err_t oa_ladder_slots_format(void *mem, size_t size);

/* OA_EVERSION: made with another layout or size. */
OA_MUST_CHECK oa_err_t oa_ladder_slots_attach(void *mem, size_t size,
    oa_ladder_slots_t **slots);

/* Nobody loses what he holds above it. */
void oa_ladder_slots_capacity(oa_ladder_slots_t *slots, uint32_t capacity);

/*
 * The sums of all other machines, which count until until_ms; numbers above
 * OA_LADDER_SHARE_MAX count as that.  Times are monotonic milliseconds, the
 * same in all processes.
 */
void oa_ladder_slots_elsewhere(oa_ladder_slots_t *slots,
    const oa_ladder_share_t *others, int64_t until_ms);

/*
 * A new entry, which holds nothing.  OA_EFULL: there is no place for one, also
 * after those of dead owners were taken away.
 */
OA_MUST_CHECK oa_err_t oa_ladder_slots_enter(oa_ladder_slots_t *slots,
    const oa_bus_process_t *owner, oa_tier_t tier, oa_bus_alive_pt alive,
    void *ctx, oa_ladder_slots_id_t *id);

/*
 * The entry holds so much from now on; less is always had.  For more, entries
 * of dead owners are taken away first where there is no room.  OA_EFULL: there
 * is none; OA_ELIMIT: not for this tier; OA_EGONE: no such entry.  On error it
 * holds what it held; of an evicted one that is nothing.
 */
OA_MUST_CHECK oa_err_t oa_ladder_slots_hold(oa_ladder_slots_t *slots,
    oa_ladder_slots_id_t id, uint32_t held, int64_t now_ms,
    oa_bus_alive_pt alive, void *ctx);

/* Whether oa_ladder_slots_hold() would give it; nothing changes. */
OA_MUST_CHECK oa_err_t oa_ladder_slots_room(const oa_ladder_slots_t *slots,
    oa_ladder_slots_id_t id, uint32_t held, int64_t now_ms);

/*
 * Whether its slots were taken away since it last got some.  Cheap; needs no
 * lock.
 */
bool oa_ladder_slots_evicted(const oa_ladder_slots_t *slots,
    oa_ladder_slots_id_t id);

void oa_ladder_slots_leave(oa_ladder_slots_t *slots, oa_ladder_slots_id_t id);

/* Entries of dead owners go.  alive is called once for each owner in a row. */
void oa_ladder_slots_sweep(oa_ladder_slots_t *slots, oa_bus_alive_pt alive,
    void *ctx);

void oa_ladder_slots_usage(const oa_ladder_slots_t *slots, int64_t now_ms,
    oa_ladder_slots_usage_t *usage);

/* As oa_bus_keep() and oa_bus_resign(): who asks for the others' sums. */
bool oa_ladder_slots_keep(oa_ladder_slots_t *slots,
    const oa_bus_process_t *self, oa_bus_alive_pt alive, void *ctx);
void oa_ladder_slots_resign(oa_ladder_slots_t *slots,
    const oa_bus_process_t *self);


OA_END_DECLS


#endif /* OA_LADDER_SLOTS_H */
