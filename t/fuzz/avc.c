
/* H.264: see codec.h for the input. */


#include "codec.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_video(OA_CODEC_AVC, "^avc[13][.][0-9a-f]{6}$",
                      oa_slice(data, size));
}
