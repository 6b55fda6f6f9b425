
/* Sample entries: what a codec's decoder is told. */


#include "cmaf/oa_cmaf_impl.h"
#include "codec/oa_hevc.h"
#include "codec/oa_opus.h"


/* ISO/IEC 14496-1: descriptor tags and what an AAC stream says in them */
#define OA_CMAF_ES_TAG               3
#define OA_CMAF_CONFIG_TAG           4
#define OA_CMAF_SPECIFIC_TAG         5
#define OA_CMAF_SL_TAG               6
#define OA_CMAF_OBJECT_AAC           0x40
#define OA_CMAF_AUDIO_STREAM         0x15
#define OA_CMAF_SL_MP4               2

/* tag, and a length in four bytes of seven bits */
#define OA_CMAF_DESCRIPTOR_HEADER    5


static void
oa_cmaf_pasp(oa_writer_t *w, const oa_codec_video_t *video)
{
    size_t  box;

    if (video->sar_width == video->sar_height) {
        return;
    }

    box = oa_cmaf_box_begin(w, "pasp");
    oa_write_u32(w, video->sar_width);
    oa_write_u32(w, video->sar_height);
    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_colr(oa_writer_t *w, const oa_codec_colour_t *colour)
{
    size_t  box;

    if (!colour->known) {
        return;
    }

    box = oa_cmaf_box_begin(w, "colr");
    oa_write_str(w, "nclx");
    oa_write_u16(w, colour->primaries);
    oa_write_u16(w, colour->transfer);
    oa_write_u16(w, colour->matrix);
    oa_write_u8(w, colour->full_range ? 0x80 : 0);
    oa_cmaf_box_end(w, box);
}


/* Which boxes a codec's sample entry and its configuration are. */
static const struct {
    char  entry[5];
    char  config[5];
} oa_cmaf_entries[] = {
    [OA_CODEC_AVC] = { "avc1", "avcC" },
    [OA_CODEC_HEVC] = { "hvc1", "hvcC" },
    [OA_CODEC_AV1] = { "av01", "av1C" },
    [OA_CODEC_AAC] = { "mp4a", "esds" },
    [OA_CODEC_OPUS] = { "Opus", "dOps" }
};


static const char *
oa_cmaf_visual_entry(const oa_codec_video_t *video)
{
    if (video->codec == OA_CODEC_HEVC && video->in_band) {
        return "hev1";
    }

    return oa_cmaf_entries[video->codec].entry;
}


static void
oa_cmaf_visual_config(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_box_begin(w, oa_cmaf_entries[track->video->codec].config);

    if (track->video->codec == OA_CODEC_HEVC) {
        oa_hevc_record_write(track->decoder_config, !track->video->in_band, w);

    } else {
        oa_write_slice(w, track->decoder_config);
    }

    oa_cmaf_box_end(w, box);
}


/* VisualSampleEntry, ISO/IEC 14496-12, 12.1.3. */
static void
oa_cmaf_visual(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_box_begin(w, oa_cmaf_visual_entry(track->video));
    oa_write_zeros(w, 6);
    oa_write_u16(w, 1);                  /* data_reference_index */
    oa_write_zeros(w, 16);
    oa_write_u16(w, track->video->width);
    oa_write_u16(w, track->video->height);
    oa_write_u32(w, 0x00480000);         /* 72 dots an inch */
    oa_write_u32(w, 0x00480000);
    oa_write_u32(w, 0);
    oa_write_u16(w, 1);                  /* frames a sample */
    oa_write_zeros(w, 32);               /* compressorname */
    oa_write_u16(w, 0x0018);             /* depth */
    oa_write_u16(w, 0xffff);
    oa_cmaf_visual_config(w, track);
    oa_cmaf_pasp(w, track->video);
    oa_cmaf_colr(w, &track->video->colour);
    oa_cmaf_box_end(w, box);
}


/* A length of up to 2^28, in the four-byte form that all readers take. */
static void
oa_cmaf_descriptor(oa_writer_t *w, unsigned tag, size_t size)
{
    oa_write_u8(w, tag);
    oa_write_u8(w, 0x80 | (size >> 21 & 0x7f));
    oa_write_u8(w, 0x80 | (size >> 14 & 0x7f));
    oa_write_u8(w, 0x80 | (size >> 7 & 0x7f));
    oa_write_u8(w, size & 0x7f);
}


static void
oa_cmaf_esds(oa_writer_t *w, oa_slice_t asc)
{
    size_t  box, config;

    box = oa_cmaf_full_box_begin(w, "esds", 0, 0);

    config = 13 + OA_CMAF_DESCRIPTOR_HEADER + asc.size;

    oa_cmaf_descriptor(w, OA_CMAF_ES_TAG,
                       3 + OA_CMAF_DESCRIPTOR_HEADER + config
                       + OA_CMAF_DESCRIPTOR_HEADER + 1);
    oa_write_zeros(w, 3);                /* ES_ID and flags */

    oa_cmaf_descriptor(w, OA_CMAF_CONFIG_TAG, config);
    oa_write_u8(w, OA_CMAF_OBJECT_AAC);
    oa_write_u8(w, OA_CMAF_AUDIO_STREAM);
    oa_write_zeros(w, 3 + 4 + 4);        /* buffer and bitrates: not known */

    oa_cmaf_descriptor(w, OA_CMAF_SPECIFIC_TAG, asc.size);
    oa_write_slice(w, asc);

    oa_cmaf_descriptor(w, OA_CMAF_SL_TAG, 1);
    oa_write_u8(w, OA_CMAF_SL_MP4);

    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_dops(oa_writer_t *w, oa_slice_t head)
{
    size_t            box;
    oa_opus_config_t  config;

    if (oa_opus_config_parse(head, &config) != OA_OK) {
        w->error = OA_EINVAL;
        return;
    }

    box = oa_cmaf_box_begin(w, "dOps");
    oa_opus_write_dops(&config, w);
    oa_cmaf_box_end(w, box);
}


/* AudioSampleEntry, ISO/IEC 14496-12, 12.2.3. */
static void
oa_cmaf_sound(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t    box;
    uint32_t  rate;

    /* 16.16 has no room for a higher rate; esds tells it in any case */
    rate = track->audio->clock_rate;
    rate = rate > UINT16_MAX ? 0 : rate;

    box = oa_cmaf_box_begin(w, oa_cmaf_entries[track->audio->codec].entry);
    oa_write_zeros(w, 6);
    oa_write_u16(w, 1);                  /* data_reference_index */
    oa_write_zeros(w, 8);
    oa_write_u16(w, track->audio->channels);
    oa_write_u16(w, 16);                 /* samplesize */
    oa_write_u32(w, 0);
    oa_write_u32(w, rate << 16);

    if (track->audio->codec == OA_CODEC_OPUS) {
        oa_cmaf_dops(w, track->decoder_config);

    } else {
        oa_cmaf_esds(w, track->decoder_config);
    }

    oa_cmaf_box_end(w, box);
}


void
oa_cmaf_stsd(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "stsd", 0, 0);
    oa_write_u32(w, 1);

    if (track->video != NULL) {
        oa_cmaf_visual(w, track);

    } else {
        oa_cmaf_sound(w, track);
    }

    oa_cmaf_box_end(w, box);
}
