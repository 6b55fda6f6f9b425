
/*
 * What machines tell each other of their slots, by a store that they share:
 *
 *     machines capacity partners affiliates
 *
 * Four decimal numbers with a blank between, of one machine or the sums of
 * several.  Each has one text only: no signs, no leading zeros.
 */


#ifndef OA_LADDER_SHARE_H
#define OA_LADDER_SHARE_H


#include "base/oa_base.h"
#include "base/oa_writer.h"


/* No number is larger: 10^9 slots. */
#define OA_LADDER_SHARE_MAX    1000000000000

/* No text is longer. */
#define OA_LADDER_SHARE_BYTES  (4 * 13 + 3)


typedef struct {
    uint64_t   machines;
    uint64_t   capacity;             /* in thousandths of a slot, as */
    uint64_t   partners;             /* what they hold, */
    uint64_t   affiliates;           /* and they */
} oa_ladder_share_t;


OA_BEGIN_DECLS


/* Numbers above the largest are written as that. */
void oa_ladder_share_print(oa_writer_t *w, const oa_ladder_share_t *share);

/* The whole text.  OA_EINVAL: it is of another form; share is unset. */
OA_MUST_CHECK oa_err_t oa_ladder_share_parse(oa_slice_t text,
    oa_ladder_share_t *share);


OA_END_DECLS


#endif /* OA_LADDER_SHARE_H */
