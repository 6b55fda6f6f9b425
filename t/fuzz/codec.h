
/*
 * The fuzzers of codecs.  Input: 16 bits of length, a decoder configuration
 * of so many bytes, and of video a byte (1: the container says keyframe) and a
 * sample.
 */


#ifndef FUZZ_CODEC_H
#define FUZZ_CODEC_H


#include "fuzz.h"
#include "codec/oa_codec.h"


static UNUSED void
fuzz_video_config(const oa_codec_video_t *c, oa_codec_id_t codec,
    const char *pattern)
{
    FUZZ_CHECK(c->codec == codec);
    FUZZ_CHECK(c->width >= 1 && c->width <= 16384);
    FUZZ_CHECK(c->height >= 1 && c->height <= 16384);
    FUZZ_CHECK(c->sar_width >= 1 && c->sar_width <= 65535);
    FUZZ_CHECK(c->sar_height >= 1 && c->sar_height <= 65535);
    FUZZ_CHECK((c->frame_rate_num == 0) == (c->frame_rate_den == 0));
    FUZZ_CHECK(c->nal_length_size <= 4 && c->nal_length_size != 3);
    FUZZ_CHECK(fuzz_text_matches(c->string, sizeof(c->string), pattern));
}


/* In order and none twice; what is missing may come from the record. */
static UNUSED void
fuzz_video_sample(const oa_codec_sample_t *s, oa_slice_t data,
    oa_slice_t record)
{
    unsigned        i;
    oa_slice_t      piece;
    const uint8_t  *behind;

    FUZZ_CHECK(s->npieces <= OA_CODEC_PIECES);
    FUZZ_CHECK(!s->picture || s->npieces > 0);

    behind = data.data;

    for (i = 0; i < s->npieces; i++) {
        piece = s->pieces[i];
        FUZZ_CHECK(piece.size > 0);

        if (!fuzz_within(piece, record)) {
            FUZZ_CHECK(fuzz_within(piece, data));
            FUZZ_CHECK(piece.data >= behind);
            behind = piece.data + piece.size;
        }
    }
}


/* What goes into a file says the same, and nothing that matters is missing. */
static UNUSED void
fuzz_video_record(const oa_codec_video_t *config, oa_slice_t record)
{
    static uint8_t    buf[65536 + 1024];
    oa_slice_t        shorter;
    oa_codec_video_t  again;

    shorter = record;
    FUZZ_CHECK(oa_codec_video_record(config->codec, &shorter, buf, sizeof(buf))
               == OA_OK);
    FUZZ_CHECK(shorter.data == record.data
               || fuzz_within(shorter, oa_slice(buf, sizeof(buf))));

    FUZZ_CHECK(oa_codec_video_config(config->codec, shorter, &again) == OA_OK);
    FUZZ_CHECK(strcmp(config->string, again.string) == 0);
    FUZZ_CHECK(config->width == again.width && config->height == again.height);
}


static UNUSED void
fuzz_video_samples(oa_codec_video_t *config, const char *pattern,
    oa_slice_t record, oa_slice_t data, bool key)
{
    unsigned           in_band;
    oa_err_t           err;
    oa_codec_sample_t  sample;

    for (in_band = 0; in_band < 2; in_band++) {
        err = oa_codec_video_sample(config, record, data, key, &sample);
        FUZZ_CHECK(err == OA_OK || err == OA_EINVAL);

        if (err == OA_OK) {
            fuzz_video_sample(&sample, data, record);
        }

        oa_codec_video_in_band(config);
        FUZZ_CHECK(fuzz_text_matches(config->string, sizeof(config->string),
                                     pattern));
    }
}


static UNUSED int
fuzz_video(oa_codec_id_t codec, const char *pattern, oa_slice_t input)
{
    bool              key;
    oa_err_t          err;
    oa_slice_t        record, data;
    oa_codec_video_t  config;

    record = fuzz_take_block(&input, fuzz_take(&input, 2));
    key = fuzz_take(&input, 1) & 1;
    data = fuzz_take_block(&input, input.size);

    err = oa_codec_video_config(codec, record, &config);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_EUNSUPPORTED);

    if (err == OA_OK) {
        FUZZ_SPOILED(config.width, 0);
        fuzz_video_config(&config, codec, pattern);
        fuzz_video_record(&config, record);
        fuzz_video_samples(&config, pattern, record, data, key);
    }

    fuzz_free(record);
    fuzz_free(data);

    return 0;
}


static UNUSED void
fuzz_audio_config(const oa_codec_audio_t *c, oa_codec_id_t codec,
    const char *pattern)
{
    FUZZ_CHECK(c->codec == codec);
    FUZZ_CHECK(c->clock_rate >= 7350 && c->clock_rate <= 96000);
    FUZZ_CHECK(c->output_rate == c->clock_rate
               || c->output_rate == 2 * c->clock_rate);
    FUZZ_CHECK(c->frame_samples >= 1 && c->frame_samples <= 5760);
    FUZZ_CHECK(c->channels >= 1 && c->channels <= 255);
    FUZZ_CHECK(fuzz_text_matches(c->string, sizeof(c->string), pattern));
}


static UNUSED int
fuzz_audio(oa_codec_id_t codec, const char *pattern, oa_slice_t input)
{
    oa_err_t          err;
    uint32_t          samples;
    oa_slice_t        record, packet;
    oa_codec_audio_t  config;

    record = fuzz_take_block(&input, fuzz_take(&input, 2));
    packet = fuzz_take_block(&input, input.size);

    err = oa_codec_audio_config(codec, record, &config);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_EUNSUPPORTED);

    if (err == OA_OK) {
        FUZZ_SPOILED(config.string[0], '?');
        fuzz_audio_config(&config, codec, pattern);
    }

    if (oa_codec_audio(codec)->duration != NULL) {
        err = oa_codec_audio(codec)->duration(packet, &samples);
        FUZZ_CHECK(err == OA_OK || err == OA_EINVAL);
        FUZZ_CHECK(err != OA_OK || (samples >= 1 && samples <= 5760));
    }

    fuzz_free(record);
    fuzz_free(packet);

    return 0;
}


#endif /* FUZZ_CODEC_H */
