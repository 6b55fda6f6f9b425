
#include "base/oa_base.h"


const char *
oa_strerror(oa_err_t err)
{
#define OA_ERROR_TEXT(name, number, text)  case name: return text;

    switch (err) {
        OA_ERRORS(OA_ERROR_TEXT)
    }

    return "unknown error";
}


uint64_t
oa_hash64(oa_slice_t s)
{
    size_t    i;
    uint64_t  hash;

    hash = 0xcbf29ce484222325ull;

    for (i = 0; i < s.size; i++) {
        hash = (hash ^ s.data[i]) * 0x100000001b3ull;
    }

    return hash ? hash : 1;
}


int64_t
oa_rescale(int64_t value, int64_t num, int64_t den)
{
    __int128  product;

    product = (__int128) value * num;
    product += product < 0 ? -(den / 2) : den / 2;

    return (int64_t) (product / den);
}
