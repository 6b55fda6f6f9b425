
/*
 * What a decoder is given of an access unit.  A decoder does what it is told:
 * megabytes of slices that take two bytes and cover the whole picture each
 * would keep it for hours.
 */


#include "codec/oa_nal.h"
#include "xcode/oa_thumbnail_impl.h"


/* Samples that all slices of a picture may cover together. */
#define OA_THUMBNAIL_SAMPLES    (32ull * 8192 * 4320)
#define OA_THUMBNAIL_OTHERS     64       /* units beside the picture's own */


enum {
    OA_AVC_SLICE = 1,
    OA_AVC_SLICE_IDR = 5,
    OA_AVC_SEI = 6,
    OA_AVC_PPS = 8,

    OA_HEVC_SLICE_LAST = 31,
    OA_HEVC_VPS = 32,
    OA_HEVC_PPS = 34,
    OA_HEVC_SEI = 39,

    OA_AV1_SEQUENCE_HEADER = 1,
    OA_AV1_FRAME_HEADER = 3,
    OA_AV1_TILE_GROUP = 4,
    OA_AV1_METADATA = 5,
    OA_AV1_FRAME = 6
};


typedef enum {
    OA_THUMBNAIL_DROP,
    OA_THUMBNAIL_KEEP,               /* what the picture needs beside */
    OA_THUMBNAIL_BEGIN,              /* of a picture */
    OA_THUMBNAIL_GO_ON
} oa_thumbnail_unit_t;


typedef struct {
    unsigned   begun;                /* pictures */
    unsigned   others;
    uint64_t   slices;
    uint64_t   max_slices;
} oa_thumbnail_count_t;


static oa_thumbnail_unit_t
oa_thumbnail_avc(oa_slice_t nal)
{
    unsigned  type;

    type = nal.data[0] & 0x1f;

    if (type == OA_AVC_SLICE || type == OA_AVC_SLICE_IDR) {
        /* first_mb_in_slice is 0, which is one bit */
        return nal.size > 1 && nal.data[1] & 0x80 ? OA_THUMBNAIL_BEGIN
                                                  : OA_THUMBNAIL_GO_ON;
    }

    return type >= OA_AVC_SEI && type <= OA_AVC_PPS ? OA_THUMBNAIL_KEEP
                                                    : OA_THUMBNAIL_DROP;
}


static oa_thumbnail_unit_t
oa_thumbnail_hevc(oa_slice_t nal)
{
    unsigned  type;

    type = nal.data[0] >> 1 & 0x3f;

    /* nuh_layer_id */
    if (nal.size < 3 || nal.data[0] & 1 || nal.data[1] & 0xf8) {
        return OA_THUMBNAIL_DROP;
    }

    if (type <= OA_HEVC_SLICE_LAST) {
        return nal.data[2] & 0x80 ? OA_THUMBNAIL_BEGIN : OA_THUMBNAIL_GO_ON;
    }

    return (type >= OA_HEVC_VPS && type <= OA_HEVC_PPS)
           || type == OA_HEVC_SEI ? OA_THUMBNAIL_KEEP : OA_THUMBNAIL_DROP;
}


static oa_thumbnail_unit_t
oa_thumbnail_av1(unsigned type)
{
    switch (type) {

    case OA_AV1_FRAME_HEADER:
    case OA_AV1_FRAME:
        return OA_THUMBNAIL_BEGIN;

    case OA_AV1_TILE_GROUP:
        return OA_THUMBNAIL_GO_ON;

    case OA_AV1_SEQUENCE_HEADER:
    case OA_AV1_METADATA:
        return OA_THUMBNAIL_KEEP;

    default:
        return OA_THUMBNAIL_DROP;
    }
}


/*
 * Whether a unit goes to the decoder.  OA_ENDED: the next picture begins with
 * it; OA_EAGAIN: not, but what follows may.
 */
static oa_err_t
oa_thumbnail_count(oa_thumbnail_count_t *count, oa_thumbnail_unit_t unit,
    unsigned fields)
{
    switch (unit) {

    case OA_THUMBNAIL_DROP:
        return OA_EAGAIN;

    case OA_THUMBNAIL_KEEP:
        return ++count->others > OA_THUMBNAIL_OTHERS ? OA_ELIMIT : OA_OK;

    case OA_THUMBNAIL_BEGIN:
        if (count->begun == fields) {
            return OA_ENDED;
        }

        count->begun++;
        break;

    case OA_THUMBNAIL_GO_ON:
        /* without its beginning */
        if (count->begun == 0) {
            return OA_EAGAIN;
        }

        break;
    }

    return ++count->slices > count->max_slices ? OA_ELIMIT : OA_OK;
}


static oa_err_t
oa_thumbnail_first_nals(const oa_thumbnail_source_t *source,
    oa_thumbnail_count_t *count, oa_writer_t *w)
{
    bool                 avc;
    oa_err_t             err;
    unsigned             length_size;
    oa_slice_t           rest, nal, whole;
    oa_thumbnail_unit_t  unit;

    avc = source->picture->codec == OA_CODEC_AVC;
    length_size = source->picture->nal_length_size;

    if (length_size < 1 || length_size > 4) {
        return OA_EINVAL;
    }

    for (rest = source->data; rest.size > 0; ) {
        err = oa_nal_next(&rest, length_size, &nal);
        if (err != OA_OK) {
            return err;
        }

        if (nal.size == 0) {
            continue;
        }

        unit = avc ? oa_thumbnail_avc(nal) : oa_thumbnail_hevc(nal);
        err = oa_thumbnail_count(count, unit, avc ? 2 : 1);

        if (err == OA_ENDED) {
            break;
        }

        if (err == OA_OK) {
            whole = oa_slice(nal.data - length_size, nal.size + length_size);
            oa_write_slice(w, whole);

        } else if (err != OA_EAGAIN) {
            return err;
        }
    }

    return OA_OK;
}


/* Takes the next OBU off the front.  OA_EINVAL: it runs past the end. */
static oa_err_t
oa_thumbnail_obu_next(oa_slice_t *rest, oa_slice_t *obu)
{
    size_t    header, size;
    uint64_t  value;
    unsigned  i;

    header = 1 + (rest->data[0] >> 2 & 1);

    /* obu_has_size_field; else it is the last one */
    if (!(rest->data[0] & 0x02)) {
        *obu = *rest;
        rest->size = 0;
        return OA_OK;
    }

    value = 0;

    for (i = 0; ; i++, header++) {
        if (i == 8 || header >= rest->size) {
            return OA_EINVAL;
        }

        value |= (uint64_t) (rest->data[header] & 0x7f) << (7 * i);

        if (!(rest->data[header] & 0x80)) {
            header++;
            break;
        }
    }

    if (value > rest->size - header) {
        return OA_EINVAL;
    }

    size = header + (size_t) value;
    *obu = oa_slice(rest->data, size);
    rest->data += size;
    rest->size -= size;

    return OA_OK;
}


static oa_err_t
oa_thumbnail_first_obus(const oa_thumbnail_source_t *source,
    oa_thumbnail_count_t *count, oa_writer_t *w)
{
    oa_err_t    err;
    oa_slice_t  rest, obu;

    for (rest = source->data; rest.size > 0; ) {
        err = oa_thumbnail_obu_next(&rest, &obu);
        if (err != OA_OK) {
            return err;
        }

        err = oa_thumbnail_count(count,
                                 oa_thumbnail_av1(obu.data[0] >> 3 & 0x0f),
                                 1);
        if (err == OA_ENDED) {
            break;
        }

        if (err == OA_OK) {
            oa_write_slice(w, obu);

        } else if (err != OA_EAGAIN) {
            return err;
        }
    }

    return OA_OK;
}


oa_err_t
oa_thumbnail_first(const oa_thumbnail_source_t *source, oa_writer_t *w)
{
    oa_err_t              err;
    oa_thumbnail_count_t  count = { 0 };

    if (source->picture->width == 0 || source->picture->height == 0) {
        return OA_EINVAL;
    }

    count.max_slices = OA_THUMBNAIL_SAMPLES
                       / ((uint64_t) source->picture->width
                          * source->picture->height);

    err = source->picture->codec == OA_CODEC_AV1
          ? oa_thumbnail_first_obus(source, &count, w)
          : oa_thumbnail_first_nals(source, &count, w);

    if (err != OA_OK) {
        return err;
    }

    return count.begun != 0 ? w->error : OA_EINVAL;
}
