
#include "codec/oa_codec.h"
#include "codec/oa_aac.h"
#include "codec/oa_av1.h"
#include "codec/oa_avc.h"
#include "codec/oa_hevc.h"
#include "codec/oa_opus.h"

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
    config->colour = avc.colour;
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
oa_codec_hevc_config(oa_slice_t record, oa_codec_video_t *config)
{
    oa_err_t          err;
    oa_hevc_config_t  hevc;

    err = oa_hevc_config_parse(record, &hevc);
    if (err != OA_OK) {
        return err;
    }

    config->width = hevc.width;
    config->height = hevc.height;
    config->sar_width = hevc.sar_width;
    config->sar_height = hevc.sar_height;
    config->frame_rate_num = hevc.frame_rate_num;
    config->frame_rate_den = hevc.frame_rate_den;
    config->nal_length_size = hevc.nal_length_size;
    config->colour = hevc.colour;
    memcpy(config->string, hevc.codecs, sizeof(hevc.codecs));

    return OA_OK;
}


static void
oa_codec_hevc_shorten(oa_slice_t record, oa_writer_t *w)
{
    oa_hevc_record_write(record, true, w);
}


static oa_err_t
oa_codec_hevc_sample(const oa_codec_video_t *config, oa_slice_t record,
    oa_slice_t data, bool key, oa_codec_sample_t *sample)
{
    (void) key;

    return oa_hevc_sample_inspect(config, record, data, sample);
}


static oa_err_t
oa_codec_av1_config(oa_slice_t record, oa_codec_video_t *config)
{
    oa_err_t         err;
    oa_av1_config_t  av1;

    err = oa_av1_config_parse(record, &av1);
    if (err != OA_OK) {
        return err;
    }

    config->width = av1.width;
    config->height = av1.height;
    config->sar_width = 1;
    config->sar_height = 1;
    config->frame_rate_num = av1.frame_rate_num;
    config->frame_rate_den = av1.frame_rate_den;
    config->colour = av1.colour;
    memcpy(config->string, av1.codecs, sizeof(av1.codecs));

    return OA_OK;
}


static oa_err_t
oa_codec_av1_sample(const oa_codec_video_t *config, oa_slice_t record,
    oa_slice_t data, bool key, oa_codec_sample_t *sample)
{
    (void) config;
    (void) key;

    return oa_av1_sample_inspect(record, data, sample);
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


static oa_err_t
oa_codec_opus_config(oa_slice_t record, oa_codec_audio_t *config)
{
    oa_err_t          err;
    oa_opus_config_t  opus;

    err = oa_opus_config_parse(record, &opus);
    if (err != OA_OK) {
        return err;
    }

    config->clock_rate = OA_OPUS_RATE;
    config->output_rate = OA_OPUS_RATE;
    config->frame_samples = OA_OPUS_RATE / 50;
    config->varies = true;
    config->pre_skip = opus.pre_skip;
    config->preroll = true;
    config->channels = opus.channels;
    memcpy(config->string, "opus", sizeof("opus"));

    return OA_OK;
}


static const oa_codec_video_functions_t  oa_codec_avc = {
    "H.264", "the H.264 configuration cannot be used",
    oa_codec_avc_config, NULL, oa_codec_avc_sample
};


static const oa_codec_video_functions_t  oa_codec_hevc = {
    "HEVC", "the HEVC configuration cannot be used",
    oa_codec_hevc_config, oa_codec_hevc_shorten, oa_codec_hevc_sample
};


static const oa_codec_video_functions_t  oa_codec_av1 = {
    "AV1", "the AV1 configuration cannot be used",
    oa_codec_av1_config, NULL, oa_codec_av1_sample
};


static const oa_codec_audio_functions_t  oa_codec_aac = {
    "AAC", "the AAC configuration cannot be used",
    oa_codec_aac_config, NULL
};


static const oa_codec_audio_functions_t  oa_codec_opus = {
    "Opus", "the Opus configuration cannot be used",
    oa_codec_opus_config, oa_opus_duration
};


const oa_codec_video_functions_t *
oa_codec_video(oa_codec_id_t codec)
{
    switch (codec) {
    case OA_CODEC_AVC:
        return &oa_codec_avc;

    case OA_CODEC_HEVC:
        return &oa_codec_hevc;

    case OA_CODEC_AV1:
        return &oa_codec_av1;

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

    case OA_CODEC_OPUS:
        return &oa_codec_opus;

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
oa_codec_audio_duration(const oa_codec_audio_t *config, oa_slice_t packet,
    uint32_t *samples)
{
    const oa_codec_audio_functions_t  *functions;

    functions = oa_codec_audio(config->codec);

    if (functions != NULL && functions->duration != NULL) {
        return functions->duration(packet, samples);
    }

    *samples = config->frame_samples;

    return *samples != 0 ? OA_OK : OA_EINVAL;
}


oa_err_t
oa_codec_video_sample(const oa_codec_video_t *config, oa_slice_t record,
    oa_slice_t data, bool key, oa_codec_sample_t *sample)
{
    oa_err_t                           err;
    const oa_codec_video_functions_t  *functions;

    functions = oa_codec_video(config->codec);
    if (functions == NULL) {
        return OA_EUNSUPPORTED;
    }

    memset(sample, 0, sizeof(*sample));

    err = functions->sample(config, record, data, key, sample);

    return err == OA_OK && sample->overflow ? OA_EINVAL : err;
}


oa_err_t
oa_codec_video_record(oa_codec_id_t codec, oa_slice_t *record, void *buf,
    size_t capacity)
{
    oa_writer_t                        w;
    const oa_codec_video_functions_t  *functions;

    functions = oa_codec_video(codec);

    if (functions == NULL || functions->shorten == NULL) {
        return OA_OK;
    }

    oa_writer_init(&w, buf, capacity);
    functions->shorten(*record, &w);

    if (w.error != OA_OK) {
        return w.error;
    }

    *record = oa_writer_slice(&w);

    return OA_OK;
}


void
oa_codec_sample_keep(oa_codec_sample_t *sample, oa_slice_t part)
{
    oa_slice_t  *last;

    if (sample->npieces != 0) {
        last = &sample->pieces[sample->npieces - 1];

        if (last->data + last->size == part.data) {
            last->size += part.size;
            return;
        }
    }

    if (sample->npieces == OA_CODEC_PIECES) {
        sample->overflow = true;
        return;
    }

    sample->pieces[sample->npieces++] = part;
}


void
oa_codec_video_in_band(oa_codec_video_t *config)
{
    config->in_band = true;

    if (config->codec == OA_CODEC_HEVC) {
        memcpy(config->string, "hev1", 4);
    }
}
