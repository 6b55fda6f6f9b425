
#include "codec/oa_hevc.h"
#include "base/oa_writer.h"
#include "codec/oa_nal.h"

#include <string.h>


/* nal_unit_type, ISO/IEC 23008-2, table 7-1 */
#define OA_HEVC_NAL_RASL_N       8
#define OA_HEVC_NAL_RASL_R       9
#define OA_HEVC_NAL_BLA_FIRST    16
#define OA_HEVC_NAL_BLA_LAST     18
#define OA_HEVC_NAL_CRA          21
#define OA_HEVC_NAL_VCL_LAST     31
#define OA_HEVC_NAL_VPS          32
#define OA_HEVC_NAL_SPS          33
#define OA_HEVC_NAL_PPS          34
#define OA_HEVC_NAL_SEI_PREFIX   39
#define OA_HEVC_NAL_SEI_SUFFIX   40

/* payloadType: registered and unregistered user data */
#define OA_HEVC_SEI_USER_FIRST   4
#define OA_HEVC_SEI_USER_LAST    5

#define OA_HEVC_NAL_HEADER       2

/* The fields of the record before its arrays of NAL units. */
#define OA_HEVC_RECORD_HEADER    23

/*
 * As much of an SPS as is looked at: the fields before the end of the VUI's
 * timing need less than this, scaling lists and all.
 */
#define OA_HEVC_SPS_BYTES        4096

#define OA_HEVC_MAX_SETS         64   /* short-term reference picture sets */
#define OA_HEVC_MAX_PICTURES     16   /* that one of them may hold */

/* Each parameter set in a sample is looked for in the record: not too many. */
#define OA_HEVC_MAX_SAMPLE_SETS  64

/* In a record, comments apart; all of them go into the file. */
#define OA_HEVC_MAX_RECORD_UNITS  64


/* What later fields of an SPS depend on. */
typedef struct {
    unsigned  sub_layers;            /* beside the highest */
    unsigned  log2_max_poc_lsb;
    bool      coded_apart;           /* separate_colour_plane_flag */
} oa_hevc_layout_t;


static unsigned
oa_hevc_nal_type(oa_slice_t nal)
{
    return nal.data[0] >> 1 & 0x3f;
}


static bool
oa_hevc_nal_is_set(oa_slice_t nal)
{
    unsigned  type;

    type = oa_hevc_nal_type(nal);

    return type >= OA_HEVC_NAL_VPS && type <= OA_HEVC_NAL_PPS;
}


/* Of the base layer, which is all that is played. */
static bool
oa_hevc_nal_is_base(oa_slice_t nal)
{
    return (nal.data[0] & 1) == 0 && nal.data[1] >> 3 == 0;
}


/* profile_tier_level(1, sub_layers), 7.3.3; the record has said it all. */
static void
oa_hevc_profile_tier_level(oa_bits_t *b, unsigned sub_layers)
{
    unsigned  i;
    uint32_t  present;

    oa_bits_skip(b, 88 + 8);

    if (sub_layers == 0) {
        return;
    }

    /* two flags for each, and for those up to eight two reserved bits */
    present = oa_bits_get(b, 16);

    for (i = 0; i < sub_layers; i++) {
        oa_bits_skip(b, present >> (15 - 2 * i) & 1 ? 88 : 0);
        oa_bits_skip(b, present >> (14 - 2 * i) & 1 ? 8 : 0);
    }
}


static oa_err_t
oa_hevc_sps_size(oa_bits_t *b, const oa_hevc_layout_t *layout,
    oa_hevc_config_t *config)
{
    oa_err_t  rc;
    uint64_t  width, height, unit_x, unit_y;

    width = oa_bits_ue(b);
    height = oa_bits_ue(b);

    unit_x = !layout->coded_apart && (config->chroma_format == 1
                                      || config->chroma_format == 2)
             ? 2u : 1u;
    unit_y = !layout->coded_apart && config->chroma_format == 1 ? 2u : 1u;

    rc = oa_nal_crop(b, unit_x, unit_y, &width, &height);
    if (rc != OA_OK) {
        return rc;
    }

    config->width = (uint32_t) width;
    config->height = (uint32_t) height;

    return OA_OK;
}


/* Bit depths, buffering and block sizes. */
static void
oa_hevc_sps_coding(oa_bits_t *b, oa_hevc_layout_t *layout,
    oa_hevc_config_t *config)
{
    unsigned  i;

    config->bit_depth_luma = (uint8_t) (8 + oa_nal_ue_max(b, 8));
    config->bit_depth_chroma = (uint8_t) (8 + oa_nal_ue_max(b, 8));
    layout->log2_max_poc_lsb = 4 + oa_nal_ue_max(b, 12);

    /* sps_sub_layer_ordering_info_present_flag */
    i = oa_bits_get(b, 1) ? 0 : layout->sub_layers;

    for ( /* void */ ; i <= layout->sub_layers; i++) {
        (void) oa_bits_ue(b);
        (void) oa_bits_ue(b);
        (void) oa_bits_ue(b);
    }

    for (i = 0; i < 6; i++) {
        (void) oa_bits_ue(b);        /* sizes of blocks and depths of trees */
    }
}


/* scaling_list_data(), 7.3.4; only its length matters here. */
static void
oa_hevc_scaling_lists(oa_bits_t *b)
{
    unsigned  size, matrix, i, n;

    for (size = 0; size < 4; size++) {
        for (matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1) {

            if (oa_bits_get(b, 1) == 0) {
                (void) oa_bits_ue(b);
                continue;
            }

            n = size == 0 ? 16 : 64;
            n += size > 1 ? 1 : 0;           /* scaling_list_dc_coef */

            for (i = 0; i < n; i++) {
                (void) oa_bits_se(b);
            }
        }
    }
}


static void
oa_hevc_sps_tools(oa_bits_t *b)
{
    if (oa_bits_get(b, 1) && oa_bits_get(b, 1)) {
        oa_hevc_scaling_lists(b);
    }

    oa_bits_skip(b, 2);

    if (oa_bits_get(b, 1)) {                 /* PCM */
        oa_bits_skip(b, 4 + 4);
        (void) oa_bits_ue(b);
        (void) oa_bits_ue(b);
        oa_bits_skip(b, 1);
    }
}


/*
 * st_ref_pic_set(), 7.3.7, that is predicted from the one before it, which
 * holds n pictures.  Returns how many this one holds.
 */
static unsigned
oa_hevc_predicted_set(oa_bits_t *b, unsigned n)
{
    unsigned  i, held;

    oa_bits_skip(b, 1);
    (void) oa_bits_ue(b);

    for (held = 0, i = 0; i <= n; i++) {
        if (oa_bits_get(b, 1) || oa_bits_get(b, 1)) {
            held++;
        }
    }

    return held;
}


static unsigned
oa_hevc_explicit_set(oa_bits_t *b)
{
    unsigned  i, held;

    held = oa_nal_ue_max(b, OA_HEVC_MAX_PICTURES);
    held += oa_nal_ue_max(b, OA_HEVC_MAX_PICTURES);

    for (i = 0; i < held && b->error == OA_OK; i++) {
        (void) oa_bits_ue(b);
        oa_bits_skip(b, 1);
    }

    return held;
}


static void
oa_hevc_sps_references(oa_bits_t *b, const oa_hevc_layout_t *layout)
{
    unsigned  i, n, held;

    n = oa_nal_ue_max(b, OA_HEVC_MAX_SETS);

    for (held = 0, i = 0; i < n && b->error == OA_OK; i++) {
        held = i != 0 && oa_bits_get(b, 1) ? oa_hevc_predicted_set(b, held)
                                           : oa_hevc_explicit_set(b);

        if (held > OA_HEVC_MAX_PICTURES) {
            b->error = OA_EINVAL;
        }
    }

    if (oa_bits_get(b, 1)) {                 /* long-term ones */
        n = oa_nal_ue_max(b, 32);
        oa_bits_skip(b, n * (size_t) (layout->log2_max_poc_lsb + 1));
    }

    oa_bits_skip(b, 2);
}


/* vui_parameters(), E.2.1, up to its timing. */
static void
oa_hevc_sps_vui(oa_bits_t *b, oa_hevc_config_t *config)
{
    unsigned  i;
    uint32_t  seconds, frames;

    if (oa_bits_get(b, 1)) {
        oa_nal_vui_sar(b, &config->sar_width, &config->sar_height);
    }

    if (oa_bits_get(b, 1)) {
        oa_bits_skip(b, 1);                  /* overscan */
    }

    oa_nal_vui_colour(b, &config->colour);

    if (oa_bits_get(b, 1)) {                 /* chroma location */
        (void) oa_nal_ue_max(b, 5);
        (void) oa_nal_ue_max(b, 5);
    }

    oa_bits_skip(b, 3);

    if (oa_bits_get(b, 1)) {                 /* default display window */
        for (i = 0; i < 4; i++) {
            (void) oa_bits_ue(b);
        }
    }

    if (oa_bits_get(b, 1)) {
        seconds = oa_bits_get(b, 32);
        frames = oa_bits_get(b, 32);
        (void) oa_nal_rate(frames, seconds, &config->frame_rate_num,
                           &config->frame_rate_den);
    }
}


/* seq_parameter_set_rbsp(), 7.3.2.2.1. */
static oa_err_t
oa_hevc_sps_data(oa_bits_t *b, oa_hevc_config_t *config)
{
    oa_err_t          rc;
    oa_hevc_layout_t  layout;

    oa_bits_skip(b, 4);
    layout.sub_layers = oa_bits_get(b, 3);
    oa_bits_skip(b, 1);
    oa_hevc_profile_tier_level(b, layout.sub_layers);

    (void) oa_nal_ue_max(b, 15);             /* sps_seq_parameter_set_id */
    config->chroma_format = (uint8_t) oa_nal_ue_max(b, 3);
    layout.coded_apart = config->chroma_format == 3 && oa_bits_get(b, 1);

    if (b->error != OA_OK || layout.sub_layers > 6) {
        return OA_EINVAL;
    }

    rc = oa_hevc_sps_size(b, &layout, config);
    if (rc != OA_OK) {
        return rc;
    }

    oa_hevc_sps_coding(b, &layout, config);
    oa_hevc_sps_tools(b);
    oa_hevc_sps_references(b, &layout);

    if (oa_bits_get(b, 1)) {
        oa_hevc_sps_vui(b, config);
    }

    return b->error == OA_OK ? OA_OK : OA_EINVAL;
}


static oa_err_t
oa_hevc_sps_parse(oa_slice_t nal, oa_hevc_config_t *config)
{
    size_t     n;
    uint8_t    sps[OA_HEVC_SPS_BYTES];
    oa_bits_t  b;

    n = oa_nal_payload(nal, OA_HEVC_NAL_HEADER, sps, sizeof(sps));
    oa_bits_init(&b, oa_slice(sps, n));

    return oa_hevc_sps_data(&b, config);
}


/* The NAL units of a record, one after the other. */
typedef struct {
    oa_slice_t  rest;
    unsigned    arrays;              /* to come */
    unsigned    units;               /* to come in the open array */
} oa_hevc_units_t;


/* The record is of OA_HEVC_RECORD_HEADER bytes at least. */
static void
oa_hevc_units_init(oa_hevc_units_t *u, oa_slice_t record)
{
    u->rest = oa_slice(record.data + OA_HEVC_RECORD_HEADER,
                       record.size - OA_HEVC_RECORD_HEADER);
    u->arrays = record.data[OA_HEVC_RECORD_HEADER - 1];
    u->units = 0;
}


/* OA_ENOTFOUND: there are no more.  OA_EINVAL: truncated. */
static oa_err_t
oa_hevc_units_next(oa_hevc_units_t *u, oa_slice_t *nal)
{
    while (u->units == 0) {
        if (u->arrays-- == 0) {
            u->arrays = 0;
            return OA_ENOTFOUND;
        }

        if (u->rest.size < 3) {
            return OA_EINVAL;
        }

        u->units = oa_get_u16(u->rest.data + 1);
        u->rest = oa_slice(u->rest.data + 3, u->rest.size - 3);
    }

    u->units--;

    return oa_nal_next(&u->rest, 2, nal);
}


/*
 * The RFC 6381 string of the record, ISO/IEC 14496-15, Annex E.3: the
 * compatibility flags are written with the first as the lowest bit, and
 * constraint bytes at the end that are 0 are left out.
 */
static void
oa_hevc_codecs(oa_hevc_config_t *config)
{
    unsigned     i, n;
    uint32_t     flags, reversed;
    oa_writer_t  w;

    for (flags = config->compatibility_flags, reversed = 0, i = 0; i < 32;
         i++, flags >>= 1)
    {
        reversed = reversed << 1 | (flags & 1);
    }

    n = sizeof(config->constraints);

    while (n > 0 && config->constraints[n - 1] == 0) {
        n--;
    }

    memset(config->codecs, 0, sizeof(config->codecs));
    oa_writer_init(&w, config->codecs, sizeof(config->codecs) - 1);
    oa_write_str(&w, "hvc1.");

    if (config->profile_space != 0) {
        oa_write_u8(&w, 'A' + config->profile_space - 1u);
    }

    oa_write_dec(&w, config->profile_idc);
    oa_write_str(&w, ".");
    oa_write_hex(&w, reversed);
    oa_write_str(&w, config->high_tier ? ".H" : ".L");
    oa_write_dec(&w, config->level_idc);

    for (i = 0; i < n; i++) {
        oa_write_str(&w, ".");
        oa_write_hex(&w, config->constraints[i]);
    }
}


static void
oa_hevc_record_header(const uint8_t *p, oa_hevc_config_t *config)
{
    memset(config, 0, sizeof(*config));
    config->profile_space = p[1] >> 6;
    config->high_tier = p[1] & 0x20;
    config->profile_idc = p[1] & 0x1f;
    config->compatibility_flags = oa_get_u32(p + 2);
    memcpy(config->constraints, p + 6, sizeof(config->constraints));
    config->level_idc = p[12];
    config->nal_length_size = (p[21] & 0x03) + 1;
    config->sar_width = 1;
    config->sar_height = 1;
    oa_hevc_codecs(config);
}


static bool
oa_hevc_is_comment(oa_slice_t nal)
{
    unsigned  type;

    if (nal.size < OA_HEVC_NAL_HEADER) {
        return true;
    }

    type = oa_hevc_nal_type(nal);

    return (type == OA_HEVC_NAL_SEI_PREFIX || type == OA_HEVC_NAL_SEI_SUFFIX)
           && nal.size > OA_HEVC_NAL_HEADER
           && nal.data[2] >= OA_HEVC_SEI_USER_FIRST
           && nal.data[2] <= OA_HEVC_SEI_USER_LAST;
}


oa_err_t
oa_hevc_config_parse(oa_slice_t record, oa_hevc_config_t *config)
{
    bool             vps, pps;
    oa_err_t         rc;
    unsigned         type, count;
    oa_slice_t       nal, sps;
    oa_hevc_units_t  u;

    /* version 0 is what encoders wrote while the standard was a draft */
    if (record.size < OA_HEVC_RECORD_HEADER || record.data[0] > 1) {
        return OA_EINVAL;
    }

    oa_hevc_record_header(record.data, config);
    oa_hevc_units_init(&u, record);

    vps = false;
    pps = false;
    sps = oa_slice(NULL, 0);
    count = 0;

    while ((rc = oa_hevc_units_next(&u, &nal)) == OA_OK) {
        count += !oa_hevc_is_comment(nal);

        if (nal.size < OA_HEVC_NAL_HEADER || !oa_hevc_nal_is_base(nal)) {
            continue;
        }

        type = oa_hevc_nal_type(nal);
        vps |= type == OA_HEVC_NAL_VPS;
        pps |= type == OA_HEVC_NAL_PPS;

        if (type == OA_HEVC_NAL_SPS && sps.size == 0) {
            sps = nal;
        }
    }

    if (rc != OA_ENOTFOUND || !vps || !pps || sps.size == 0
        || count > OA_HEVC_MAX_RECORD_UNITS)
    {
        return OA_EINVAL;
    }

    return config->nal_length_size == 3 ? OA_EUNSUPPORTED
                                        : oa_hevc_sps_parse(sps, config);
}


/* An array of its own for each unit; the format does not mind. */
void
oa_hevc_record_write(oa_slice_t record, bool complete, oa_writer_t *w)
{
    size_t           count;
    unsigned         n;
    oa_slice_t       nal;
    oa_hevc_units_t  u;

    oa_write_slice(w, oa_slice(record.data, OA_HEVC_RECORD_HEADER - 1));
    count = oa_writer_size(w);
    oa_write_u8(w, 0);

    oa_hevc_units_init(&u, record);

    n = 0;

    while (n < OA_HEVC_MAX_RECORD_UNITS
           && oa_hevc_units_next(&u, &nal) == OA_OK)
    {
        if (oa_hevc_is_comment(nal)) {
            continue;
        }

        oa_write_u8(w, (complete ? 0x80u : 0) | oa_hevc_nal_type(nal));
        oa_write_u16(w, 1);
        oa_write_u16(w, (uint32_t) nal.size);
        oa_write_slice(w, nal);
        n++;
    }

    if (w->error == OA_OK) {
        w->start[count] = (uint8_t) n;
    }
}


/* Whether a parameter set stands in the record. */
static bool
oa_hevc_out_of_band(oa_slice_t record, oa_slice_t set)
{
    oa_slice_t       nal;
    oa_hevc_units_t  u;

    if (record.size < OA_HEVC_RECORD_HEADER) {
        return false;
    }

    oa_hevc_units_init(&u, record);

    while (oa_hevc_units_next(&u, &nal) == OA_OK) {
        if (nal.size == set.size
            && memcmp(nal.data, set.data, set.size) == 0)
        {
            return true;
        }
    }

    return false;
}


static void
oa_hevc_slice_inspect(unsigned type, oa_codec_sample_t *sample)
{
    sample->picture = true;

    if (type >= OA_HEVC_NAL_BLA_FIRST && type <= OA_HEVC_NAL_CRA) {
        sample->sync = true;
        sample->closing |= type <= OA_HEVC_NAL_BLA_LAST;
    }

    sample->leading |= type == OA_HEVC_NAL_RASL_N
                       || type == OA_HEVC_NAL_RASL_R;
}


/* false: the unit is left out. */
static bool
oa_hevc_nal_inspect(const oa_codec_video_t *config, oa_slice_t record,
    oa_slice_t nal, oa_codec_sample_t *sample)
{
    unsigned  type;

    if (nal.size < OA_HEVC_NAL_HEADER) {
        return false;
    }

    type = oa_hevc_nal_type(nal);

    if (type <= OA_HEVC_NAL_VCL_LAST) {
        if (oa_hevc_nal_is_base(nal)) {
            oa_hevc_slice_inspect(type, sample);
        }

    } else if (oa_hevc_nal_is_set(nal) && !config->in_band) {
        if (oa_hevc_out_of_band(record, nal)) {
            return false;
        }

        sample->new_parameters = true;
    }

    return true;
}


oa_err_t
oa_hevc_sample_inspect(const oa_codec_video_t *config, oa_slice_t record,
    oa_slice_t data, oa_codec_sample_t *sample)
{
    bool        found;
    oa_err_t    err;
    unsigned    sets;
    oa_slice_t  rest, nal;

    if (config->nal_length_size < 1 || config->nal_length_size > 4) {
        return OA_EINVAL;
    }

    found = false;
    sets = 0;
    rest = data;

    while (rest.size != 0) {
        err = oa_nal_next(&rest, config->nal_length_size, &nal);
        if (err != OA_OK) {
            return err;
        }

        sets += nal.size != 0 && oa_hevc_nal_is_set(nal);

        if (sets > OA_HEVC_MAX_SAMPLE_SETS) {
            return OA_EINVAL;
        }

        if (oa_hevc_nal_inspect(config, record, nal, sample)) {
            oa_codec_sample_keep(sample,
                                 oa_slice(nal.data - config->nal_length_size,
                                          nal.size + config->nal_length_size));
        }

        found |= nal.size != 0;
    }

    return found ? OA_OK : OA_EINVAL;
}
