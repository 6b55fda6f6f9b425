
/* AV1: see codec.h for the input. */


#include "codec.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_video(OA_CODEC_AV1,
                      "^av01[.][0-2][.][0-9]{2}[MH][.](08|10|12)"
                      "([.][01][.][01]{2}[0-3]([.][0-9]{2}){3}[.][01])?$",
                      oa_slice(data, size));
}
