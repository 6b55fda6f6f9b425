
/*
 * Failed attempts by address: a sliding window (two windows, the older one
 * weighted), and a pause that doubles with each time the limit is passed.
 *
 * A flat region of fixed-size entries; a full table gives up the address that
 * was quiet longest, one that is locked out last of all.  The caller holds one
 * lock over every call.
 */


#ifndef OA_ATTEMPTS_H
#define OA_ATTEMPTS_H


#include "base/oa_base.h"


typedef struct {
    uint32_t   limit;                /* failures a window, at least 1 */
    uint32_t   window_ms;
    uint32_t   pause_ms;             /* the first lock-out */
    uint32_t   max_pause_ms;         /* each next one is twice as long, up to
                                        this; forgotten after as long again
                                        without a failure */
} oa_attempts_conf_t;


typedef struct oa_attempts_s  oa_attempts_t;


OA_BEGIN_DECLS


OA_MUST_CHECK oa_err_t oa_attempts_format(void *mem, size_t size);
OA_MUST_CHECK oa_err_t oa_attempts_attach(void *mem, size_t size,
    oa_attempts_t **attempts);

/*
 * How long an address (of any bytes, hashed) is locked out for still, in ms;
 * 0: it may try.  Changes nothing but what is over.
 */
uint32_t oa_attempts_check(oa_attempts_t *attempts,
    const oa_attempts_conf_t *conf, oa_slice_t address, int64_t now_ms);

/* Counts a failure; the lock-out that begins with it, or 0. */
uint32_t oa_attempts_fail(oa_attempts_t *attempts,
    const oa_attempts_conf_t *conf, oa_slice_t address, int64_t now_ms);

/* A success: what was counted is forgotten. */
void oa_attempts_clear(oa_attempts_t *attempts, oa_slice_t address);


OA_END_DECLS


#endif /* OA_ATTEMPTS_H */
