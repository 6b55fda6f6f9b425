
#include <stdlib.h>
#include <string.h>

#include "coder.h"


#define CODER_BITRATE  2000


bool
coder_append(coder_output_t *output, const void *data, size_t size)
{
    size_t    capacity;
    uint8_t  *larger;

    if (output->size + size > output->capacity) {
        capacity = 2 * (output->size + size);
        larger = realloc(output->data, capacity);

        if (larger == NULL) {
            return false;
        }

        output->data = larger;
        output->capacity = capacity;
    }

    memcpy(output->data + output->size, data, size);
    output->size += size;

    return true;
}


coder_rate_t
coder_rate(const NV_ENC_CONFIG *config)
{
    coder_rate_t             rate;
    const NV_ENC_RC_PARAMS  *asked;

    asked = &config->rcParams;

    rate.constant = asked->rateControlMode == NV_ENC_PARAMS_RC_CONSTQP;
    rate.quantizer = asked->constQP.qpInterP;
    rate.bitrate = asked->averageBitRate / 1000;
    rate.max_bitrate = asked->maxBitRate / 1000;
    rate.buffer = asked->vbvBufferSize / 1000;

    if (rate.bitrate == 0) {
        rate.bitrate = CODER_BITRATE;
    }

    if (asked->rateControlMode == NV_ENC_PARAMS_RC_CBR
        || rate.max_bitrate < rate.bitrate)
    {
        rate.max_bitrate = rate.bitrate;
    }

    if (rate.buffer == 0) {
        rate.buffer = rate.max_bitrate;
    }

    return rate;
}
