
/* AAC: see codec.h for the input. */


#include "codec.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_audio(OA_CODEC_AAC, "^mp4a[.]40[.][1-9][0-9]?$",
                      oa_slice(data, size));
}
