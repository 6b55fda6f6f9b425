
#include "codec/oa_aac.h"
#include "base/oa_bits.h"
#include "base/oa_writer.h"

#include <string.h>


#define OA_AAC_LTP               4
#define OA_AAC_SBR               5
#define OA_AAC_PS                29
#define OA_AAC_ESCAPE            31

#define OA_AAC_RATE_ESCAPE       15
#define OA_AAC_RATE_MIN          7350
#define OA_AAC_RATE_MAX          96000

#define OA_AAC_MAX_CHANNELS      8

#define OA_AAC_SYNC_SBR          0x2b7
#define OA_AAC_SYNC_PS           0x548


static const uint32_t  oa_aac_rates[OA_AAC_RATE_ESCAPE] = {
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000,
    11025, 8000, 7350, 0, 0
};


/* By channelConfiguration; 13 is 22.2. */
static const uint8_t  oa_aac_channels[16] = {
    0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0
};


static unsigned
oa_aac_object_type(oa_bits_t *b)
{
    unsigned  type;

    type = oa_bits_get(b, 5);

    return type == OA_AAC_ESCAPE ? 32 + oa_bits_get(b, 6) : type;
}


/* The rate in Hz; 0 when it is reserved or out of what AAC knows. */
static uint32_t
oa_aac_rate(oa_bits_t *b)
{
    uint32_t  index, rate;

    index = oa_bits_get(b, 4);

    if (index != OA_AAC_RATE_ESCAPE) {
        return oa_aac_rates[index];
    }

    rate = oa_bits_get(b, 24);

    return rate >= OA_AAC_RATE_MIN && rate <= OA_AAC_RATE_MAX ? rate : 0;
}


/* The channels of n elements, each single or a pair. */
static unsigned
oa_aac_elements(oa_bits_t *b, unsigned n)
{
    unsigned  channels;

    for (channels = 0; n > 0; n--) {
        channels += 1 + oa_bits_get(b, 1);
        oa_bits_skip(b, 4);
    }

    return channels;
}


/* program_config_element(), 4.4.1.1: the number of channels, 0 if malformed. */
static unsigned
oa_aac_program_config(oa_bits_t *b)
{
    unsigned  pairable, lfe, data, coupling, channels;

    oa_bits_skip(b, 4 + 2 + 4);

    pairable = oa_bits_get(b, 4);
    pairable += oa_bits_get(b, 4);
    pairable += oa_bits_get(b, 4);
    lfe = oa_bits_get(b, 2);
    data = oa_bits_get(b, 3);
    coupling = oa_bits_get(b, 4);

    oa_bits_skip(b, oa_bits_get(b, 1) ? 4 : 0);
    oa_bits_skip(b, oa_bits_get(b, 1) ? 4 : 0);
    oa_bits_skip(b, oa_bits_get(b, 1) ? 3 : 0);

    channels = oa_aac_elements(b, pairable) + lfe;

    oa_bits_skip(b, 4 * (lfe + data) + 5 * coupling);
    oa_bits_skip(b, -b->pos_bits % 8);
    oa_bits_skip(b, 8 * (size_t) oa_bits_get(b, 8));

    return b->error == OA_OK ? channels : 0;
}


/* GASpecificConfig(), 4.4.1. */
static oa_err_t
oa_aac_general(oa_bits_t *b, unsigned channel_config, oa_aac_config_t *config)
{
    unsigned  channels;

    config->frame_samples = oa_bits_get(b, 1) ? 960 : 1024;

    oa_bits_skip(b, oa_bits_get(b, 1) ? 14 : 0);
    oa_bits_skip(b, 1);

    if (b->error != OA_OK) {
        return OA_EINVAL;
    }

    channels = channel_config ? oa_aac_channels[channel_config]
                              : oa_aac_program_config(b);

    if (channels == 0) {
        return channel_config ? OA_EINVAL : OA_EUNSUPPORTED;
    }

    if (channels > OA_AAC_MAX_CHANNELS) {
        return OA_EUNSUPPORTED;
    }

    config->channels = (uint8_t) channels;

    return OA_OK;
}


/*
 * The extension behind the configuration that old decoders do not look at:
 * it may turn the core into HE-AAC.
 */
static oa_err_t
oa_aac_sync_extension(oa_bits_t *b, oa_aac_config_t *config)
{
    uint32_t  rate;

    /* past the end there are zeros, which are no sync word */

    if (oa_bits_get(b, 11) != OA_AAC_SYNC_SBR
        || oa_aac_object_type(b) != OA_AAC_SBR || oa_bits_get(b, 1) == 0)
    {
        return OA_OK;
    }

    rate = oa_aac_rate(b);
    if (b->error != OA_OK || rate == 0) {
        return OA_EINVAL;
    }

    config->object_type = OA_AAC_SBR;
    config->output_rate = rate;

    if (oa_bits_get(b, 11) == OA_AAC_SYNC_PS && oa_bits_get(b, 1)) {
        config->object_type = OA_AAC_PS;
    }

    return OA_OK;
}


/* SBR doubles the core's rate, or keeps it, decoded at half its own. */
static bool
oa_aac_rates_agree(const oa_aac_config_t *config)
{
    return config->output_rate == config->core_rate
           || config->output_rate == 2 * config->core_rate;
}


static void
oa_aac_codecs(oa_aac_config_t *config)
{
    oa_writer_t  w;

    memset(config->codecs, 0, sizeof(config->codecs));

    oa_writer_init(&w, config->codecs, sizeof(config->codecs) - 1);
    oa_write_str(&w, "mp4a.40.");
    oa_write_dec(&w, config->object_type);
}


/* AudioSpecificConfig() up to GASpecificConfig(). */
static oa_err_t
oa_aac_header(oa_bits_t *b, unsigned *channel_config, oa_aac_config_t *config)
{
    unsigned  type;

    type = oa_aac_object_type(b);
    config->core_rate = oa_aac_rate(b);
    config->output_rate = config->core_rate;
    *channel_config = oa_bits_get(b, 4);

    config->object_type = (uint8_t) type;

    if (type == OA_AAC_SBR || type == OA_AAC_PS) {
        config->output_rate = oa_aac_rate(b);
        type = oa_aac_object_type(b);
    }

    if (b->error != OA_OK) {
        return OA_EINVAL;
    }

    if (type == 0 || type > OA_AAC_LTP) {
        return OA_EUNSUPPORTED;
    }

    return config->core_rate && config->output_rate ? OA_OK : OA_EINVAL;
}


oa_err_t
oa_aac_config_parse(oa_slice_t asc, oa_aac_config_t *config)
{
    oa_err_t   rc;
    unsigned   channel_config;
    oa_bits_t  b;

    oa_bits_init(&b, asc);

    rc = oa_aac_header(&b, &channel_config, config);
    if (rc != OA_OK) {
        return rc;
    }

    rc = oa_aac_general(&b, channel_config, config);
    if (rc != OA_OK) {
        return rc;
    }

    if (config->object_type <= OA_AAC_LTP) {
        rc = oa_aac_sync_extension(&b, config);
        if (rc != OA_OK) {
            return rc;
        }
    }

    if (config->object_type == OA_AAC_PS && config->channels == 1) {
        config->channels = 2;
    }

    oa_aac_codecs(config);

    return oa_aac_rates_agree(config) ? OA_OK : OA_EINVAL;
}
