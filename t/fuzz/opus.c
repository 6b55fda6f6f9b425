
/* Opus: see codec.h for the input. */


#include "codec.h"
#include "codec/oa_opus.h"


static void
fuzz_opus_config(oa_slice_t head)
{
    uint8_t           buf[64];
    oa_writer_t       w;
    oa_opus_config_t  config;

    if (oa_opus_config_parse(head, &config) != OA_OK) {
        return;
    }

    FUZZ_CHECK(config.channels >= 1 && config.channels <= 8);
    FUZZ_CHECK(config.family <= 1);
    FUZZ_CHECK(config.mapping.size == 0 || fuzz_within(config.mapping, head));
    FUZZ_CHECK(config.family == 0
               || config.mapping.size == 2u + config.channels);

    oa_writer_init(&w, buf, sizeof(buf));
    oa_opus_write_dops(&config, &w);
    FUZZ_CHECK(oa_writer_size(&w) <= 21);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    oa_slice_t  input, head;

    input = oa_slice(data, size);
    head = fuzz_take_block(&input, fuzz_take(&input, 2));
    fuzz_opus_config(head);
    fuzz_free(head);

    return fuzz_audio(OA_CODEC_OPUS, "^[oO]pus$", oa_slice(data, size));
}
