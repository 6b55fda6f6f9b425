
/* MP3: a message's bytes, frame after frame. */


#include "fuzz.h"
#include "codec/oa_mp3.h"


static void
fuzz_mp3_frame(const oa_mp3_frame_t *f, oa_slice_t data)
{
    FUZZ_CHECK(f->size >= 24 && f->size <= 1441);
    FUZZ_CHECK(f->size <= data.size);
    FUZZ_CHECK(f->rate >= 8000 && f->rate <= 48000);
    FUZZ_CHECK(f->samples == (f->rate < 32000 ? 576 : 1152));
    FUZZ_CHECK(f->channels == 1 || f->channels == 2);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    oa_err_t        err;
    oa_slice_t      input, block, rest;
    oa_mp3_frame_t  f;

    input = oa_slice(data, size);
    block = fuzz_take_block(&input, input.size);
    rest = block;

    for ( ;; ) {
        memset(&f, 0xa5, sizeof(f));
        err = oa_mp3_frame_parse(rest, &f);
        FUZZ_CHECK(err == OA_OK || err == OA_EAGAIN || err == OA_EINVAL
                   || err == OA_EUNSUPPORTED);

        if (err != OA_OK) {
            break;
        }

        FUZZ_SPOILED(f.size, 23);
        fuzz_mp3_frame(&f, rest);
        rest = oa_slice(rest.data + f.size, rest.size - f.size);
    }

    FUZZ_CHECK(err != OA_EAGAIN || rest.size < 1441);
    fuzz_free(block);

    return 0;
}
