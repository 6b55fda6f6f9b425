
/*
 * Failed attempts by address: a sliding window (two windows, the older one
 * weighted), and a pause that doubles with each time the limit is reached.
 *
 * A flat region of fixed-size entries.  An address has sixteen places in it;
 * where these are taken, the one that was quiet longest gives way, one that is
 * locked out last of all.  The caller holds one lock over every call; a caller
 * killed inside leaves a table.
 *
 * now_ms is monotonic; that of one process may lag behind another's.
 */


#ifndef OA_ATTEMPTS_H
#define OA_ATTEMPTS_H


#include "base/oa_base.h"


#define OA_ATTEMPTS_SEED_BYTES  16


/*
 * At most limit failures pass in a window; the last of them begins a lock-out.
 * The first takes pause_ms, each next one twice as long as the one before, up
 * to max_pause_ms.  After max_pause_ms without a lock-out or a failure the
 * next one is a first one again.  Values of 0 count as 1.
 */
typedef struct {
    uint32_t   limit;                /* failures a window */
    uint32_t   window_ms;
    uint32_t   pause_ms;
    uint32_t   max_pause_ms;
} oa_attempts_conf_t;


typedef struct oa_attempts_s  oa_attempts_t;


OA_BEGIN_DECLS


/*
 * Makes an empty table in size bytes at mem, aligned to 64 bytes; an address
 * takes 72.  seed: random bytes, so that nobody can choose addresses that
 * drive each other out.  OA_EINVAL: misaligned, or too small.
 */
OA_MUST_CHECK oa_err_t oa_attempts_format(void *mem, size_t size,
    const uint8_t seed[OA_ATTEMPTS_SEED_BYTES]);

/* OA_EVERSION: made with another layout or size. */
OA_MUST_CHECK oa_err_t oa_attempts_attach(void *mem, size_t size,
    oa_attempts_t **attempts);

/*
 * What an address counts as, from its bytes (in_addr, in6_addr): IPv4 as it
 * is, also where it is mapped into IPv6; of IPv6 the /64, since who has one has
 * all of it.  Anything else stays as it is.  It is a part of the slice given.
 */
oa_slice_t oa_attempts_address(oa_slice_t address);

/*
 * How long an address (oa_attempts_address()'s, or any other bytes) is locked
 * out for still, in ms; 0: it may try.  Changes nothing but what is over.
 */
uint32_t oa_attempts_check(oa_attempts_t *attempts,
    const oa_attempts_conf_t *conf, oa_slice_t address, int64_t now_ms);

/*
 * Counts a failure; the lock-out that begins with it, in ms, or 0.  One that
 * was under way already is not prolonged, though the failure counts.
 */
uint32_t oa_attempts_fail(oa_attempts_t *attempts,
    const oa_attempts_conf_t *conf, oa_slice_t address, int64_t now_ms);

/* A success: what was counted is forgotten, with the pauses. */
void oa_attempts_clear(oa_attempts_t *attempts, oa_slice_t address);


OA_END_DECLS


#endif /* OA_ATTEMPTS_H */
