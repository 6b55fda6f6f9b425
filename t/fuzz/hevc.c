
/* HEVC: see codec.h for the input. */


#include "codec.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_video(OA_CODEC_HEVC,
                      "^(hvc1|hev1)[.][ABC]?[0-9]+[.][0-9A-F]+[.][LH][0-9]+"
                      "([.][0-9A-F]+){0,6}$",
                      oa_slice(data, size));
}
