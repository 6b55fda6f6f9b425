
/*
 * A reader of bit fields.  Past the end it returns zeros and keeps an error,
 * so that a parser checks once, after its last field.
 */


#ifndef OA_BITS_H
#define OA_BITS_H


#include "base/oa_base.h"


typedef struct {
    const uint8_t  *data;
    size_t          size_bits;
    size_t          pos_bits;
    oa_err_t        error;     /* OA_OK, or OA_EINVAL since the first misread */
} oa_bits_t;


OA_BEGIN_DECLS


void oa_bits_init(oa_bits_t *b, oa_slice_t s);

/* The next n bits, 0 <= n <= 32, most significant first. */
uint32_t oa_bits_get(oa_bits_t *b, unsigned n);

void oa_bits_skip(oa_bits_t *b, size_t n);

/* Exp-Golomb codes, ITU-T H.264 9.1; more than 32 bits is an error. */
uint32_t oa_bits_ue(oa_bits_t *b);
int32_t oa_bits_se(oa_bits_t *b);


static inline size_t
oa_bits_left(const oa_bits_t *b)
{
    return b->size_bits - b->pos_bits;
}


OA_END_DECLS


#endif /* OA_BITS_H */
