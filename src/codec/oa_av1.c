
#include "codec/oa_av1.h"
#include "base/oa_bits.h"
#include "base/oa_writer.h"
#include "codec/oa_nal.h"

#include <string.h>


/* obu_type, AV1, 6.2.2 */
#define OA_AV1_SEQUENCE_HEADER   1
#define OA_AV1_TEMPORAL_UNIT     2    /* OBU_TEMPORAL_DELIMITER */
#define OA_AV1_FRAME_HEADER      3
#define OA_AV1_FRAME             6
#define OA_AV1_HEADER_AGAIN      7    /* OBU_REDUNDANT_FRAME_HEADER */
#define OA_AV1_TILE_LIST         8
#define OA_AV1_PADDING           15

#define OA_AV1_RECORD_HEADER     4

#define OA_AV1_KEY_FRAME         0

/* code points that make sRGB, which has no choice of range and chroma */
#define OA_AV1_BT709             1
#define OA_AV1_SRGB              13
#define OA_AV1_IDENTITY          0
#define OA_AV1_UNSPECIFIED       2


typedef struct {
    unsigned    type;
    oa_slice_t  whole;
    oa_slice_t  payload;
} oa_av1_obu_t;


/* What operating points depend on. */
typedef struct {
    bool      decoder_model;
    bool      display_delay;
    unsigned  delay_bits;
} oa_av1_timing_t;


/* leb128(), AV1, 4.10.5: at most 8 bytes, and below 2^32. */
static oa_err_t
oa_av1_size(oa_slice_t *rest, size_t *size)
{
    uint64_t  v;
    unsigned  i;

    for (v = 0, i = 0; i < 8; i++) {
        if (i == rest->size) {
            return OA_EINVAL;
        }

        v |= (uint64_t) (rest->data[i] & 0x7f) << (7 * i);

        if ((rest->data[i] & 0x80) == 0) {
            *rest = oa_slice(rest->data + i + 1, rest->size - i - 1);
            *size = (size_t) v;

            return v <= UINT32_MAX ? OA_OK : OA_EINVAL;
        }
    }

    return OA_EINVAL;
}


/*
 * Takes the next OBU off the front, which is not empty.  One that does not
 * tell its size reaches to the end, as the last one may.
 */
static oa_err_t
oa_av1_obu_next(oa_slice_t *rest, oa_av1_obu_t *obu)
{
    size_t          size, header;
    uint8_t         first;
    const uint8_t  *start;

    start = rest->data;
    first = start[0];
    header = first & 0x04 ? 2 : 1;

    if ((first & 0x80) || rest->size < header) {
        return OA_EINVAL;
    }

    *rest = oa_slice(rest->data + header, rest->size - header);
    size = rest->size;

    if ((first & 0x02) && oa_av1_size(rest, &size) != OA_OK) {
        return OA_EINVAL;
    }

    if (size > rest->size) {
        return OA_EINVAL;
    }

    obu->type = first >> 3 & 0x0f;
    obu->payload = oa_slice(rest->data, size);
    obu->whole = oa_slice(start, (size_t) (rest->data - start) + size);
    *rest = oa_slice(rest->data + size, rest->size - size);

    return OA_OK;
}


/* uvlc(), AV1, 4.10.3 */
static uint64_t
oa_av1_uvlc(oa_bits_t *b)
{
    unsigned  zeros;

    for (zeros = 0; oa_bits_get(b, 1) == 0; zeros++) {
        if (b->error != OA_OK || zeros == 32) {
            b->error = OA_EINVAL;
            return 0;
        }
    }

    return zeros == 32 ? UINT32_MAX
                       : ((uint64_t) 1 << zeros) - 1 + oa_bits_get(b, zeros);
}


/* timing_info() and decoder_model_info(), AV1, 5.5.3 and 5.5.4 */
static void
oa_av1_timing(oa_bits_t *b, oa_av1_config_t *config, oa_av1_timing_t *timing)
{
    uint32_t  tick, scale;
    uint64_t  ticks;

    tick = oa_bits_get(b, 32);
    scale = oa_bits_get(b, 32);

    if (oa_bits_get(b, 1)) {                 /* equal_picture_interval */
        ticks = oa_av1_uvlc(b) + 1;
        (void) oa_nal_rate(scale, tick * ticks, &config->frame_rate_num,
                           &config->frame_rate_den);
    }

    timing->decoder_model = oa_bits_get(b, 1);

    if (timing->decoder_model) {
        timing->delay_bits = oa_bits_get(b, 5) + 1;
        oa_bits_skip(b, 32 + 5 + 5);
    }
}


static void
oa_av1_operating_point(oa_bits_t *b, const oa_av1_timing_t *timing,
    unsigned *level_idx, bool *high_tier)
{
    oa_bits_skip(b, 12);
    *level_idx = oa_bits_get(b, 5);
    *high_tier = *level_idx > 7 && oa_bits_get(b, 1);

    if (timing->decoder_model && oa_bits_get(b, 1)) {
        oa_bits_skip(b, 2 * (size_t) timing->delay_bits + 1);
    }

    if (timing->display_delay && oa_bits_get(b, 1)) {
        oa_bits_skip(b, 4);
    }
}


static void
oa_av1_operating_points(oa_bits_t *b, oa_av1_config_t *config)
{
    bool             tier;
    unsigned         i, n, level;
    oa_av1_timing_t  timing;

    memset(&timing, 0, sizeof(timing));

    if (oa_bits_get(b, 1)) {
        oa_av1_timing(b, config, &timing);
    }

    timing.display_delay = oa_bits_get(b, 1);
    n = oa_bits_get(b, 5) + 1;

    for (i = 0; i < n; i++) {
        oa_av1_operating_point(b, &timing, &level, &tier);

        if (i == 0) {
            config->level_idx = (uint8_t) level;
            config->high_tier = tier;
        }
    }
}


/* The tools that need more than one frame. */
static void
oa_av1_inter_tools(oa_bits_t *b)
{
    bool  order_hint, screen_content;

    oa_bits_skip(b, 4);
    order_hint = oa_bits_get(b, 1);
    oa_bits_skip(b, order_hint ? 2 : 0);

    screen_content = oa_bits_get(b, 1) || oa_bits_get(b, 1);

    if (screen_content && oa_bits_get(b, 1) == 0) {
        oa_bits_skip(b, 1);                  /* seq_force_integer_mv */
    }

    oa_bits_skip(b, order_hint ? 3 : 0);
}


static void
oa_av1_frame_size(oa_bits_t *b, oa_av1_config_t *config)
{
    unsigned  width_bits, height_bits;

    width_bits = oa_bits_get(b, 4) + 1;
    height_bits = oa_bits_get(b, 4) + 1;
    config->width = oa_bits_get(b, width_bits) + 1;
    config->height = oa_bits_get(b, height_bits) + 1;
}


static void
oa_av1_bit_depth(oa_bits_t *b, oa_av1_config_t *config)
{
    config->bit_depth = 8;

    if (oa_bits_get(b, 1)) {
        config->bit_depth = config->profile == 2 && oa_bits_get(b, 1) ? 12
                                                                      : 10;
    }
}


/* The range and how chroma is sampled, of what is not monochrome. */
static void
oa_av1_chroma(oa_bits_t *b, oa_av1_config_t *config)
{
    const oa_codec_colour_t  *colour;

    colour = &config->colour;

    if (colour->primaries == OA_AV1_BT709 && colour->transfer == OA_AV1_SRGB
        && colour->matrix == OA_AV1_IDENTITY)
    {
        config->colour.full_range = true;
        oa_bits_skip(b, 1);
        return;
    }

    config->colour.full_range = oa_bits_get(b, 1);

    if (config->profile == 0) {
        config->subsampling_x = true;
        config->subsampling_y = true;

    } else if (config->profile == 2 && config->bit_depth == 12) {
        config->subsampling_x = oa_bits_get(b, 1);
        config->subsampling_y = config->subsampling_x && oa_bits_get(b, 1);

    } else if (config->profile == 2) {
        config->subsampling_x = true;
    }

    if (config->subsampling_x && config->subsampling_y) {
        config->chroma_position = (uint8_t) oa_bits_get(b, 2);
    }

    oa_bits_skip(b, 1);                      /* separate_uv_delta_q */
}


/* color_config(), AV1, 5.5.2 */
static void
oa_av1_colour(oa_bits_t *b, oa_av1_config_t *config)
{
    oa_codec_colour_t  *colour;

    oa_av1_bit_depth(b, config);
    config->monochrome = config->profile != 1 && oa_bits_get(b, 1);

    colour = &config->colour;
    colour->primaries = OA_AV1_UNSPECIFIED;
    colour->transfer = OA_AV1_UNSPECIFIED;
    colour->matrix = OA_AV1_UNSPECIFIED;
    colour->known = oa_bits_get(b, 1);

    if (colour->known) {
        colour->primaries = (uint8_t) oa_bits_get(b, 8);
        colour->transfer = (uint8_t) oa_bits_get(b, 8);
        colour->matrix = (uint8_t) oa_bits_get(b, 8);
    }

    if (config->monochrome) {
        colour->full_range = oa_bits_get(b, 1);
        config->subsampling_x = true;
        config->subsampling_y = true;

    } else {
        oa_av1_chroma(b, config);
    }
}


/* sequence_header_obu(), AV1, 5.5.1 */
static oa_err_t
oa_av1_sequence_header(oa_slice_t payload, oa_av1_config_t *config)
{
    oa_bits_t  b;

    oa_bits_init(&b, payload);
    memset(config, 0, sizeof(*config));

    config->profile = (uint8_t) oa_bits_get(&b, 3);
    oa_bits_skip(&b, 1);
    config->reduced_header = oa_bits_get(&b, 1);

    if (config->reduced_header) {
        config->level_idx = (uint8_t) oa_bits_get(&b, 5);

    } else {
        oa_av1_operating_points(&b, config);
    }

    oa_av1_frame_size(&b, config);

    if (!config->reduced_header && oa_bits_get(&b, 1)) {
        oa_bits_skip(&b, 4 + 3);             /* numbers of frames */
    }

    oa_bits_skip(&b, 3);

    if (!config->reduced_header) {
        oa_av1_inter_tools(&b);
    }

    oa_bits_skip(&b, 3);
    oa_av1_colour(&b, config);
    config->film_grain = oa_bits_get(&b, 1);

    if (b.error != OA_OK || config->profile > 2) {
        return OA_EINVAL;
    }

    return config->width > OA_NAL_MAX_SIDE || config->height > OA_NAL_MAX_SIDE
           ? OA_EUNSUPPORTED : OA_OK;
}


static void
oa_av1_write_two(oa_writer_t *w, unsigned v)
{
    oa_write_str(w, v < 10 ? "0" : "");
    oa_write_dec(w, v);
}


/* Has two digits: those beyond are reserved, and mean nothing. */
static void
oa_av1_write_point(oa_writer_t *w, unsigned v)
{
    oa_write_str(w, ".");
    oa_av1_write_two(w, v < 100 ? v : OA_AV1_UNSPECIFIED);
}


/* Whether the string may end with the bit depth, binding, section 5. */
static bool
oa_av1_is_usual(const oa_av1_config_t *config)
{
    const oa_codec_colour_t  *colour;

    colour = &config->colour;

    return !config->monochrome && config->subsampling_x
           && config->subsampling_y && config->chroma_position == 0
           && !colour->full_range
           && (!colour->known
               || (colour->primaries == OA_AV1_BT709
                   && colour->transfer == OA_AV1_BT709
                   && colour->matrix == OA_AV1_BT709));
}


static void
oa_av1_codecs(oa_av1_config_t *config)
{
    oa_writer_t  w;

    memset(config->codecs, 0, sizeof(config->codecs));
    oa_writer_init(&w, config->codecs, sizeof(config->codecs) - 1);

    oa_write_str(&w, "av01.");
    oa_write_dec(&w, config->profile);
    oa_write_str(&w, ".");
    oa_av1_write_two(&w, config->level_idx);
    oa_write_str(&w, config->high_tier ? "H." : "M.");
    oa_av1_write_two(&w, config->bit_depth);

    if (oa_av1_is_usual(config)) {
        return;
    }

    oa_write_str(&w, config->monochrome ? ".1." : ".0.");
    oa_write_dec(&w, config->subsampling_x);
    oa_write_dec(&w, config->subsampling_y);
    oa_write_dec(&w, config->chroma_position);
    oa_av1_write_point(&w, config->colour.primaries);
    oa_av1_write_point(&w, config->colour.transfer);
    oa_av1_write_point(&w, config->colour.matrix);
    oa_write_str(&w, config->colour.full_range ? ".1" : ".0");
}


/* The sequence header OBU of a record.  OA_ENOTFOUND; OA_EINVAL: malformed. */
static oa_err_t
oa_av1_record_header(oa_slice_t record, oa_av1_obu_t *obu)
{
    oa_slice_t  rest;

    if (record.size < OA_AV1_RECORD_HEADER) {
        return OA_EINVAL;
    }

    rest = oa_slice(record.data + OA_AV1_RECORD_HEADER,
                    record.size - OA_AV1_RECORD_HEADER);

    while (rest.size != 0) {
        if (oa_av1_obu_next(&rest, obu) != OA_OK) {
            return OA_EINVAL;
        }

        if (obu->type == OA_AV1_SEQUENCE_HEADER) {
            return OA_OK;
        }
    }

    return OA_ENOTFOUND;
}


oa_err_t
oa_av1_config_parse(oa_slice_t record, oa_av1_config_t *config)
{
    oa_err_t      err;
    oa_av1_obu_t  obu;

    /* marker and version */
    if (record.size < OA_AV1_RECORD_HEADER || record.data[0] != 0x81) {
        return OA_EINVAL;
    }

    err = oa_av1_record_header(record, &obu);
    if (err != OA_OK) {
        return err == OA_ENOTFOUND ? OA_EUNSUPPORTED : err;
    }

    err = oa_av1_sequence_header(obu.payload, config);
    if (err != OA_OK) {
        return err;
    }

    oa_av1_codecs(config);

    return OA_OK;
}


/* The first frame header of a unit tells whether one can begin there. */
static bool
oa_av1_is_shown_key(oa_slice_t payload)
{
    oa_bits_t  b;

    oa_bits_init(&b, payload);

    return oa_bits_get(&b, 1) == 0           /* show_existing_frame */
           && oa_bits_get(&b, 2) == OA_AV1_KEY_FRAME
           && oa_bits_get(&b, 1);            /* show_frame */
}


/* Puts the record's sequence header in front of all. */
static oa_err_t
oa_av1_add_header(oa_slice_t record, oa_codec_sample_t *sample)
{
    oa_av1_obu_t  obu;

    /* one without a size would swallow what follows it */
    if (oa_av1_record_header(record, &obu) != OA_OK
        || (obu.whole.data[0] & 0x02) == 0
        || sample->npieces == OA_CODEC_PIECES)
    {
        return OA_EINVAL;
    }

    memmove(&sample->pieces[1], &sample->pieces[0],
            sample->npieces * sizeof(sample->pieces[0]));
    sample->pieces[0] = obu.whole;
    sample->npieces++;

    return OA_OK;
}


static void
oa_av1_obu_inspect(const oa_av1_obu_t *obu, oa_codec_sample_t *sample)
{
    switch (obu->type) {

    case OA_AV1_TEMPORAL_UNIT:
    case OA_AV1_HEADER_AGAIN:
    case OA_AV1_TILE_LIST:
    case OA_AV1_PADDING:
        return;

    case OA_AV1_FRAME_HEADER:
    case OA_AV1_FRAME:
        if (!sample->picture) {
            sample->picture = true;
            sample->sync = oa_av1_is_shown_key(obu->payload);
        }

        break;
    }

    oa_codec_sample_keep(sample, obu->whole);
}


oa_err_t
oa_av1_sample_inspect(oa_slice_t record, oa_slice_t data,
    oa_codec_sample_t *sample)
{
    bool          header;
    oa_slice_t    rest;
    oa_av1_obu_t  obu;

    header = false;
    rest = data;

    while (rest.size != 0) {
        if (oa_av1_obu_next(&rest, &obu) != OA_OK
            || (obu.type == OA_AV1_TEMPORAL_UNIT && sample->npieces != 0))
        {
            return OA_EINVAL;
        }

        header |= obu.type == OA_AV1_SEQUENCE_HEADER && !sample->picture;
        oa_av1_obu_inspect(&obu, sample);
    }

    if (sample->npieces == 0) {
        return OA_EINVAL;
    }

    return sample->sync && !header ? oa_av1_add_header(record, sample)
                                   : OA_OK;
}
