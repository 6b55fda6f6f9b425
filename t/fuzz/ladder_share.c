
/* What machines tell each other of their slots.  Input: the text. */


#include "fuzz.h"
#include "ladder/oa_ladder_share.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char               text[OA_LADDER_SHARE_BYTES];
    oa_err_t           err;
    oa_slice_t         input, copy;
    oa_writer_t        w;
    oa_ladder_share_t  share;

    input = oa_slice(data, size);
    copy = fuzz_take_block(&input, size);
    err = oa_ladder_share_parse(copy, &share);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL);

    if (err == OA_OK) {
        FUZZ_SPOILED(share.partners, share.partners + 1);
        FUZZ_CHECK(share.machines <= OA_LADDER_SHARE_MAX);
        FUZZ_CHECK(share.capacity <= OA_LADDER_SHARE_MAX);
        FUZZ_CHECK(share.partners <= OA_LADDER_SHARE_MAX);
        FUZZ_CHECK(share.affiliates <= OA_LADDER_SHARE_MAX);

        /* there is one text of it */
        oa_writer_init(&w, text, sizeof(text));
        oa_ladder_share_print(&w, &share);
        FUZZ_CHECK(w.error == OA_OK);
        FUZZ_CHECK(oa_writer_size(&w) == copy.size);
        FUZZ_CHECK(memcmp(text, copy.data, copy.size) == 0);
    }

    fuzz_free(copy);

    return 0;
}
