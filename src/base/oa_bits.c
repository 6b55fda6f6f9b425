
#include "base/oa_bits.h"


void
oa_bits_init(oa_bits_t *b, oa_slice_t s)
{
    b->data = s.data;
    b->size_bits = s.size > SIZE_MAX / 8 ? SIZE_MAX : s.size * 8;
    b->pos_bits = 0;
    b->error = OA_OK;
}


uint32_t
oa_bits_get(oa_bits_t *b, unsigned n)
{
    uint32_t  v;
    unsigned  bit;

    if (n > oa_bits_left(b)) {
        b->pos_bits = b->size_bits;
        b->error = OA_EINVAL;
        return 0;
    }

    for (v = 0; n > 0; n--) {
        bit = b->data[b->pos_bits / 8] >> (7 - b->pos_bits % 8) & 1;
        v = v << 1 | bit;
        b->pos_bits++;
    }

    return v;
}


void
oa_bits_skip(oa_bits_t *b, size_t n)
{
    if (n > oa_bits_left(b)) {
        b->pos_bits = b->size_bits;
        b->error = OA_EINVAL;
        return;
    }

    b->pos_bits += n;
}


uint32_t
oa_bits_ue(oa_bits_t *b)
{
    uint32_t  rest;
    unsigned  zeros;

    for (zeros = 0; oa_bits_get(b, 1) == 0; zeros++) {
        if (b->error != OA_OK || zeros == 31) {
            b->error = OA_EINVAL;
            return 0;
        }
    }

    rest = oa_bits_get(b, zeros);

    return b->error == OA_OK ? (uint32_t) ((1ull << zeros) - 1) + rest : 0;
}


int32_t
oa_bits_se(oa_bits_t *b)
{
    uint32_t  code;

    code = oa_bits_ue(b);

    return code & 1 ? (int32_t) (code / 2 + 1) : -(int32_t) (code / 2);
}
