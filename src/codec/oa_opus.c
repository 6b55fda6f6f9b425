
#include "codec/oa_opus.h"

#include <string.h>


#define OA_OPUS_HEAD          19     /* bytes, without a mapping table */
#define OA_OPUS_SILENT        255    /* in place of a decoded channel */
#define OA_OPUS_MAX_CHANNELS  8      /* of family 1 */


static uint16_t
oa_opus_u16(const uint8_t *p)
{
    return (uint16_t) (p[0] | (uint32_t) p[1] << 8);
}


/* Channel mapping table, RFC 7845, 5.1.1. */
static oa_err_t
oa_opus_mapping(oa_slice_t rest, oa_opus_config_t *config)
{
    unsigned  i, streams, pairs;

    if (rest.size < 2 + (size_t) config->channels) {
        return OA_EINVAL;
    }

    streams = rest.data[0];
    pairs = rest.data[1];

    if (streams == 0 || pairs > streams || streams + pairs > 255) {
        return OA_EINVAL;
    }

    for (i = 0; i < config->channels; i++) {
        if (rest.data[2 + i] >= streams + pairs
            && rest.data[2 + i] != OA_OPUS_SILENT)
        {
            return OA_EINVAL;
        }
    }

    config->mapping = oa_slice(rest.data, 2 + (size_t) config->channels);

    return OA_OK;
}


oa_err_t
oa_opus_config_parse(oa_slice_t head, oa_opus_config_t *config)
{
    const uint8_t  *p;

    p = head.data;

    if (head.size < OA_OPUS_HEAD || memcmp(p, "OpusHead", 8) != 0) {
        return OA_EINVAL;
    }

    /* the upper half of the version tells of incompatible ones */
    if (p[8] > 15) {
        return OA_EUNSUPPORTED;
    }

    memset(config, 0, sizeof(*config));
    config->channels = p[9];
    config->pre_skip = oa_opus_u16(p + 10);
    config->input_rate = oa_opus_u16(p + 12)
                         | (uint32_t) oa_opus_u16(p + 14) << 16;
    config->gain = (int16_t) oa_opus_u16(p + 16);
    config->family = p[18];

    if (config->family > 1) {
        return OA_EUNSUPPORTED;
    }

    if (config->channels == 0
        || config->channels > (config->family ? OA_OPUS_MAX_CHANNELS : 2))
    {
        return OA_EINVAL;
    }

    return config->family == 0
           ? OA_OK : oa_opus_mapping(oa_slice(p + OA_OPUS_HEAD,
                                              head.size - OA_OPUS_HEAD),
                                     config);
}


void
oa_opus_write_dops(const oa_opus_config_t *config, oa_writer_t *w)
{
    oa_write_u8(w, 0);                       /* version */
    oa_write_u8(w, config->channels);
    oa_write_u16(w, config->pre_skip);
    oa_write_u32(w, config->input_rate);
    oa_write_u16(w, (uint16_t) config->gain);
    oa_write_u8(w, config->family);
    oa_write_slice(w, config->mapping);
}


/* Of one frame, by the configuration number in the first byte. */
static uint32_t
oa_opus_frame_samples(unsigned number)
{
    static const uint16_t  silk[4] = { 480, 960, 1920, 2880 };

    if (number < 12) {
        return silk[number & 3];
    }

    if (number < 16) {
        return silk[number & 1];             /* hybrid */
    }

    return 120u << (number & 3);             /* CELT */
}


oa_err_t
oa_opus_duration(oa_slice_t packet, uint32_t *samples)
{
    uint32_t  n, frames;

    if (packet.size == 0) {
        return OA_EINVAL;
    }

    switch (packet.data[0] & 3) {

    case 0:
        frames = 1;
        break;

    case 3:
        if (packet.size < 2) {
            return OA_EINVAL;
        }

        frames = packet.data[1] & 0x3f;
        break;

    default:
        frames = 2;
    }

    n = frames * oa_opus_frame_samples(packet.data[0] >> 3);

    if (n == 0 || n > OA_OPUS_MAX_SAMPLES) {
        return OA_EINVAL;
    }

    *samples = n;

    return OA_OK;
}
