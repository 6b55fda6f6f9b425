
/* What unit tests of parsers share: cmocka, and deterministic mutations. */


#ifndef UNIT_H
#define UNIT_H


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/oa_base.h"


#define unit_bytes(literal)  oa_slice(literal, sizeof(literal) - 1)


/* xorshift64*; a seed of 0 is none. */
static inline uint32_t
unit_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;

    return (uint32_t) (*seed * 0x2545f4914f6cdd1dull >> 32);
}


/*
 * A copy of the slice in a block of exactly its size, so that the address
 * sanitizer sees a read behind it: cut short now and then, some bytes
 * changed.  The caller frees it.
 */
static inline uint8_t *
unit_mutate(oa_slice_t s, uint64_t *seed, size_t *size)
{
    uint8_t   *p;
    uint32_t   n, at;

    *size = unit_random(seed) % 4 ? s.size : unit_random(seed) % (s.size + 1);

    p = malloc(*size ? *size : 1);
    if (p == NULL) {
        abort();
    }

    if (*size == 0) {
        return p;
    }

    memcpy(p, s.data, *size);

    for (n = unit_random(seed) % 6; n > 0; n--) {
        at = unit_random(seed) % (uint32_t) *size;

        if (unit_random(seed) & 1) {
            p[at] ^= (uint8_t) (1u << unit_random(seed) % 8);

        } else {
            p[at] = (uint8_t) unit_random(seed);
        }
    }

    return p;
}


/*
 * Hands count mutations of the n slices to `parse`, all in blocks of exactly
 * their size.
 */
static inline void
unit_mutations(const oa_slice_t *slices, size_t n, unsigned count,
    void (*parse)(oa_slice_t s))
{
    size_t     size;
    uint8_t   *p;
    uint64_t   seed;

    for (seed = 20261121; count > 0; count--) {
        p = unit_mutate(slices[unit_random(&seed) % n], &seed, &size);
        parse(oa_slice(p, size));
        free(p);
    }
}


#endif /* UNIT_H */
