
#include "codec/oa_codec.h"
#include "codec/oa_aac.h"
#include "codec/oa_avc.h"

#include <string.h>


static oa_err_t
oa_codec_avc_config(oa_slice_t record, oa_codec_video_t *config)
{
    oa_err_t         err;
    oa_avc_config_t  avc;

    err = oa_avc_config_parse(record, &avc);
    if (err != OA_OK) {
        return err;
    }

    config->width = avc.width;
    config->height = avc.height;
    config->sar_width = avc.sar_width;
    config->sar_height = avc.sar_height;
    config->frame_rate_num = avc.frame_rate_num;
    config->frame_rate_den = avc.frame_rate_den;
    config->nal_length_size = avc.nal_length_size;
    memcpy(config->string, avc.codecs, sizeof(avc.codecs));

    return OA_OK;
}


static oa_err_t
oa_codec_avc_sample(const oa_codec_video_t *config, oa_slice_t record,
    oa_slice_t data, bool key, oa_codec_sample_t *sample)
{
    oa_err_t         err;
    oa_avc_sample_t  avc;

    (void) record;

    err = oa_avc_sample_inspect(data, config->nal_length_size, &avc);
    if (err != OA_OK) {
        return err;
    }

    sample->pieces[0] = data;
    sample->npieces = 1;
    sample->picture = avc.slices;
    sample->sync = avc.idr || (key && avc.recovery_point);

    return OA_OK;
}


static oa_err_t
oa_codec_aac_config(oa_slice_t record, oa_codec_audio_t *config)
{
    oa_err_t         err;
    oa_aac_config_t  aac;

    err = oa_aac_config_parse(record, &aac);
    if (err != OA_OK) {
        return err;
    }

    config->clock_rate = aac.core_rate;
    config->output_rate = aac.output_rate;
    config->frame_samples = aac.frame_samples;
    config->channels = aac.channels;
    memcpy(config->string, aac.codecs, sizeof(aac.codecs));

    return OA_OK;
}


static const oa_codec_video_functions_t  oa_codec_avc = {
    "H.264", "the H.264 configuration cannot be used",
    oa_codec_avc_config, oa_codec_avc_sample
};


static const oa_codec_audio_functions_t  oa_codec_aac = {
    "AAC", "the AAC configuration cannot be used",
    oa_codec_aac_config, NULL
};


const oa_codec_video_functions_t *
oa_codec_video(oa_codec_id_t codec)
{
    switch (codec) {
    case OA_CODEC_AVC:
        return &oa_codec_avc;

    default:
        return NULL;
    }
}


const oa_codec_audio_functions_t *
oa_codec_audio(oa_codec_id_t codec)
{
    switch (codec) {
    case OA_CODEC_AAC:
        return &oa_codec_aac;

    default:
        return NULL;
    }
}


oa_err_t
oa_codec_video_config(oa_codec_id_t codec, oa_slice_t record,
    oa_codec_video_t *config)
{
    const oa_codec_video_functions_t  *functions;

    functions = oa_codec_video(codec);
    if (functions == NULL) {
        return OA_EUNSUPPORTED;
    }

    memset(config, 0, sizeof(*config));
    config->codec = codec;

    return functions->config(record, config);
}


oa_err_t
oa_codec_audio_config(oa_codec_id_t codec, oa_slice_t record,
    oa_codec_audio_t *config)
{
    const oa_codec_audio_functions_t  *functions;

    functions = oa_codec_audio(codec);
    if (functions == NULL) {
        return OA_EUNSUPPORTED;
    }

    memset(config, 0, sizeof(*config));
    config->codec = codec;

    return functions->config(record, config);
}


oa_err_t
oa_codec_video_sample(const oa_codec_video_t *config, oa_slice_t record,
    oa_slice_t data, bool key, oa_codec_sample_t *sample)
{
    const oa_codec_video_functions_t  *functions;

    functions = oa_codec_video(config->codec);
    if (functions == NULL) {
        return OA_EUNSUPPORTED;
    }

    memset(sample, 0, sizeof(*sample));

    return functions->sample(config, record, data, key, sample);
}
