
#include "codec/oa_annexb.h"
#include "codec/oa_hevc.h"
#include "codec/oa_nal.h"


/* nal_unit_type, H.264, table 7-1 */
#define OA_ANNEXB_AVC_SEI        6
#define OA_ANNEXB_AVC_SPS        7
#define OA_ANNEXB_AVC_PPS        8
#define OA_ANNEXB_AVC_SPS_EXT    13

/* HEVC, table 7-1 */
#define OA_ANNEXB_HEVC_VPS       32
#define OA_ANNEXB_HEVC_SPS       33
#define OA_ANNEXB_HEVC_PPS       34
#define OA_ANNEXB_HEVC_FD        38
#define OA_ANNEXB_HEVC_SEI       39
#define OA_ANNEXB_HEVC_SEI_END   40

/* payloadType: registered and unregistered user data */
#define OA_ANNEXB_USER_FIRST     4
#define OA_ANNEXB_USER_LAST      5

/* As much of an SPS as is looked at. */
#define OA_ANNEXB_SPS_BYTES      64

/* The general profile, tier and level. */
#define OA_ANNEXB_PTL_BYTES      12


/* The first start code at p or later, or end. */
static const uint8_t *
oa_annexb_start(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 3) {
        if (p[2] > 1) {
            p += 3;

        } else if (p[2] == 1 && p[1] == 0 && p[0] == 0) {
            return p;

        } else {
            p++;
        }
    }

    return end;
}


oa_err_t
oa_annexb_next(oa_slice_t *rest, oa_slice_t *nal)
{
    const uint8_t  *p, *next, *last, *end;

    end = rest->data + rest->size;
    p = oa_annexb_start(rest->data, end);

    while (p < end) {
        p += 3;
        next = oa_annexb_start(p, end);

        /* a unit never ends with a zero; the next start code may begin so */
        for (last = next; last > p && last[-1] == 0; last--) { /* void */ }

        if (last > p) {
            *nal = oa_slice(p, (size_t) (last - p));
            *rest = oa_slice(next, (size_t) (end - next));
            return OA_OK;
        }

        p = next;
    }

    *rest = oa_slice(end, 0);

    return OA_ENOTFOUND;
}


static unsigned
oa_annexb_type(oa_codec_id_t codec, oa_slice_t nal)
{
    return codec == OA_CODEC_AVC ? nal.data[0] & 0x1fu
                                 : nal.data[0] >> 1 & 0x3fu;
}


static bool
oa_annexb_is_comment(oa_slice_t nal, size_t header)
{
    return nal.size <= header
           || (nal.data[header] >= OA_ANNEXB_USER_FIRST
               && nal.data[header] <= OA_ANNEXB_USER_LAST);
}


static bool
oa_annexb_is_left_out(oa_codec_id_t codec, oa_slice_t nal)
{
    unsigned  type;

    type = oa_annexb_type(codec, nal);

    if (codec == OA_CODEC_AVC) {
        return type == OA_ANNEXB_AVC_SEI
               ? oa_annexb_is_comment(nal, 1)
               : type >= OA_ANNEXB_AVC_SPS && type <= OA_ANNEXB_AVC_SPS_EXT;
    }

    return type == OA_ANNEXB_HEVC_SEI || type == OA_ANNEXB_HEVC_SEI_END
           ? oa_annexb_is_comment(nal, 2)
           : type >= OA_ANNEXB_HEVC_VPS && type <= OA_ANNEXB_HEVC_FD;
}


oa_err_t
oa_annexb_unit_write(oa_codec_id_t codec, oa_slice_t stream, oa_writer_t *w)
{
    bool        found;
    oa_slice_t  nal;

    if (codec != OA_CODEC_AVC && codec != OA_CODEC_HEVC) {
        return OA_EUNSUPPORTED;
    }

    found = false;

    while (oa_annexb_next(&stream, &nal) == OA_OK) {
        if (oa_annexb_is_left_out(codec, nal)) {
            continue;
        }

        oa_write_u32(w, (uint32_t) nal.size);
        oa_write_slice(w, nal);
        found = true;
    }

    return found ? w->error : OA_EINVAL;
}


/* The parameter sets of one type, each with 16 bits of length in front. */
static void
oa_annexb_sets_write(oa_codec_id_t codec, oa_slice_t stream, unsigned type,
    oa_writer_t *w)
{
    oa_slice_t  nal;

    while (oa_annexb_next(&stream, &nal) == OA_OK) {
        if (oa_annexb_type(codec, nal) == type) {
            oa_write_u16(w, (uint32_t) nal.size);
            oa_write_slice(w, nal);
        }
    }
}


/* 0, too, when one is too long or there are too many. */
static unsigned
oa_annexb_sets_count(oa_codec_id_t codec, oa_slice_t stream, unsigned type,
    oa_slice_t *first)
{
    unsigned    n;
    oa_slice_t  nal;

    n = 0;

    while (oa_annexb_next(&stream, &nal) == OA_OK) {
        if (oa_annexb_type(codec, nal) != type) {
            continue;
        }

        if (nal.size > UINT16_MAX || n == OA_ANNEXB_MAX_SETS) {
            return 0;
        }

        if (n++ == 0) {
            *first = nal;
        }
    }

    return n;
}


static void
oa_annexb_sps_bits(oa_slice_t sps, size_t header,
    uint8_t buf[OA_ANNEXB_SPS_BYTES], oa_bits_t *b)
{
    size_t  n;

    n = oa_nal_payload(sps, header, buf, OA_ANNEXB_SPS_BYTES);
    oa_bits_init(b, oa_slice(buf, n));
}


static bool
oa_annexb_avc_is_high(unsigned profile_idc)
{
    return profile_idc == 100 || profile_idc == 110 || profile_idc == 122
           || profile_idc == 144 || profile_idc == 244 || profile_idc == 44;
}


/* What an avcC of the high profiles has at its end, 5.3.3.1.2. */
static oa_err_t
oa_annexb_avc_high(oa_slice_t sps, oa_writer_t *w)
{
    uint8_t    buf[OA_ANNEXB_SPS_BYTES];
    uint32_t   chroma_format, luma, chroma;
    oa_bits_t  b;

    oa_annexb_sps_bits(sps, 1, buf, &b);
    oa_bits_skip(&b, 24);
    (void) oa_nal_ue_max(&b, 31);
    chroma_format = oa_nal_ue_max(&b, 3);

    if (chroma_format == 3) {
        oa_bits_skip(&b, 1);
    }

    luma = oa_nal_ue_max(&b, 6);
    chroma = oa_nal_ue_max(&b, 6);

    if (b.error != OA_OK) {
        return OA_EINVAL;
    }

    oa_write_u8(w, 0xfc | chroma_format);
    oa_write_u8(w, 0xf8 | luma);
    oa_write_u8(w, 0xf8 | chroma);
    oa_write_u8(w, 0);               /* SPS extensions */

    return OA_OK;
}


static oa_err_t
oa_annexb_avc_record(oa_slice_t stream, oa_writer_t *w)
{
    unsigned    nsps, npps;
    oa_slice_t  sps, pps;

    nsps = oa_annexb_sets_count(OA_CODEC_AVC, stream, OA_ANNEXB_AVC_SPS,
                                &sps);
    npps = oa_annexb_sets_count(OA_CODEC_AVC, stream, OA_ANNEXB_AVC_PPS,
                                &pps);

    if (nsps == 0 || npps == 0 || sps.size < 4) {
        return OA_EINVAL;
    }

    oa_write_u8(w, 1);
    oa_write_slice(w, oa_slice(sps.data + 1, 3));
    oa_write_u8(w, 0xff);            /* lengths of 4 bytes */
    oa_write_u8(w, 0xe0 | nsps);
    oa_annexb_sets_write(OA_CODEC_AVC, stream, OA_ANNEXB_AVC_SPS, w);
    oa_write_u8(w, npps);
    oa_annexb_sets_write(OA_CODEC_AVC, stream, OA_ANNEXB_AVC_PPS, w);

    return oa_annexb_avc_is_high(sps.data[1]) ? oa_annexb_avc_high(sps, w)
                                              : OA_OK;
}


/* The fields of an hvcC before its arrays, 8.3.3.1.2. */
static oa_err_t
oa_annexb_hevc_header(oa_slice_t sps, oa_writer_t *w)
{
    uint8_t    buf[OA_ANNEXB_SPS_BYTES];
    unsigned   i, layers, nested;
    oa_bits_t  b;

    oa_annexb_sps_bits(sps, 2, buf, &b);
    oa_bits_skip(&b, 4);
    layers = 1 + oa_bits_get(&b, 3);
    nested = oa_bits_get(&b, 1);

    oa_write_u8(w, 1);

    for (i = 0; i < OA_ANNEXB_PTL_BYTES; i++) {
        oa_write_u8(w, oa_bits_get(&b, 8));
    }

    oa_write_u16(w, 0xf000);         /* segments of pictures: unsaid */
    oa_write_u8(w, 0xfc);            /* parallelism: unsaid */
    oa_write_u8(w, 0xfc);            /* chroma format and depths: see below */
    oa_write_u8(w, 0xf8);
    oa_write_u8(w, 0xf8);
    oa_write_u16(w, 0);              /* frame rate: unsaid */
    oa_write_u8(w, layers << 3 | nested << 2 | 3);

    return b.error;
}


/* Chroma format and depths stand behind fields that the parser knows. */
static oa_err_t
oa_annexb_hevc_depths(oa_writer_t *w, size_t at)
{
    oa_err_t          err;
    uint8_t          *p;
    oa_hevc_config_t  config;

    if (w->error != OA_OK) {
        return w->error;
    }

    p = w->start + at;

    err = oa_hevc_config_parse(oa_slice(p, oa_writer_size(w) - at), &config);
    if (err != OA_OK) {
        return err;
    }

    p[16] = (uint8_t) (0xfc | config.chroma_format);
    p[17] = (uint8_t) (0xf8 | (config.bit_depth_luma - 8));
    p[18] = (uint8_t) (0xf8 | (config.bit_depth_chroma - 8));

    return OA_OK;
}


static oa_err_t
oa_annexb_hevc_record(oa_slice_t stream, oa_writer_t *w)
{
    size_t      at;
    oa_err_t    err;
    unsigned    i, counts[3];
    oa_slice_t  firsts[3];

    for (i = 0; i < 3; i++) {
        counts[i] = oa_annexb_sets_count(OA_CODEC_HEVC, stream,
                                         OA_ANNEXB_HEVC_VPS + i, &firsts[i]);
        if (counts[i] == 0) {
            return OA_EINVAL;
        }
    }

    at = oa_writer_size(w);

    err = oa_annexb_hevc_header(firsts[1], w);
    if (err != OA_OK) {
        return err;
    }

    oa_write_u8(w, 3);

    for (i = 0; i < 3; i++) {
        oa_write_u8(w, 0x80 | (OA_ANNEXB_HEVC_VPS + i));
        oa_write_u16(w, counts[i]);
        oa_annexb_sets_write(OA_CODEC_HEVC, stream, OA_ANNEXB_HEVC_VPS + i,
                             w);
    }

    return oa_annexb_hevc_depths(w, at);
}


oa_err_t
oa_annexb_record_write(oa_codec_id_t codec, oa_slice_t stream, oa_writer_t *w)
{
    oa_err_t          err;
    size_t            at;
    oa_codec_video_t  config;

    at = oa_writer_size(w);

    err = codec == OA_CODEC_AVC    ? oa_annexb_avc_record(stream, w)
          : codec == OA_CODEC_HEVC ? oa_annexb_hevc_record(stream, w)
                                   : OA_EUNSUPPORTED;

    if (err == OA_OK) {
        err = w->error;
    }

    if (err != OA_OK) {
        return err;
    }

    return oa_codec_video_config(codec, oa_slice(w->start + at,
                                                 oa_writer_size(w) - at),
                                 &config);
}
