
/* Private to src/xcode: the steps from a keyframe to its thumbnails. */


#ifndef OA_THUMBNAIL_IMPL_H
#define OA_THUMBNAIL_IMPL_H


#include "base/oa_writer.h"
#include "xcode/oa_thumbnail.h"


/*
 * What a codec says counts as less than all levels of libav's log, which uses
 * the lower eight bits: hostile input must not fill it.
 */
#define OA_THUMBNAIL_SILENT  128


/* Planes of 4:2:0, full range. */
typedef struct {
    const uint8_t  *planes[3];
    int             strides[3];
    uint32_t        width;
    uint32_t        height;
} oa_thumbnail_planes_t;


#define OA_THUMBNAIL_TONE_STEPS  4096

typedef struct {
    bool       hlg;
    float      linear[OA_THUMBNAIL_TONE_STEPS];  /* light of a code, in diffuse
                                                    whites */
    uint8_t    coded[OA_THUMBNAIL_TONE_STEPS];   /* of light from 0 to 1 */
} oa_thumbnail_tone_t;


OA_BEGIN_DECLS


/*
 * Writes what of an access unit its first picture is made of.
 * OA_ELIMIT: see oa_thumbnail_make(); OA_EINVAL: malformed, or no picture;
 * OA_EFULL: more than there is room for, which source->data.size bytes are.
 */
OA_MUST_CHECK oa_err_t oa_thumbnail_first(
    const oa_thumbnail_source_t *source, oa_writer_t *w);

/*
 * The size of a picture in a box of 16:9, width by height as it is shown: even
 * and at least 2.
 */
void oa_thumbnail_fit(uint32_t width, uint32_t height, uint32_t sar_width,
    uint32_t sar_height, uint32_t box_height, uint32_t *to_width,
    uint32_t *to_height);

/* For a transfer function of ISO/IEC 23091-2: 16 is PQ, else HLG. */
void oa_thumbnail_tone_init(oa_thumbnail_tone_t *tone, unsigned transfer);

/* n pixels of 16-bit RGB by BT.2020 to 8 bit, sRGB. */
void oa_thumbnail_tone(const oa_thumbnail_tone_t *tone, const uint16_t *rgb,
    size_t n, uint8_t *to);

/*
 * Codes a picture, as well as it fits OA_THUMBNAIL_BYTES; jpeg->data is to be
 * freed by free().  OA_ENOMEM.  On error there is nothing to free.
 */
OA_MUST_CHECK oa_err_t oa_thumbnail_jpeg(const oa_thumbnail_planes_t *planes,
    oa_thumbnail_jpeg_t *jpeg);


OA_END_DECLS


#endif /* OA_THUMBNAIL_IMPL_H */
