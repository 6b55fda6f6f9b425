
/*
 * Thumbnails: one keyframe as small JPEGs, and as a tile for a sheet of many
 * (oa_sprite.h).  Each call stands for itself and keeps nothing, so any number
 * of threads may make them, none of which must be in a hurry: a keyframe of
 * 1080p takes some 20 ms, one of 8K up to a second.
 *
 * Aspect ratio and even sides are kept, nothing is enlarged.  Whatever the
 * source's depth, subsampling, range and matrix are, a JPEG is 8 bit, 4:2:0,
 * of full range and of BT.601, as JFIF wants it; PQ and HLG are brought down
 * to what such a picture can show.
 *
 * The source may be hostile.  It is looked at no further than its first
 * picture, whose slices together may cover so many samples only; a decoder
 * holds a single picture of the size that the configuration states.
 */


#ifndef OA_THUMBNAIL_H
#define OA_THUMBNAIL_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"


#define OA_THUMBNAIL_SIZES        3
#define OA_THUMBNAIL_BYTES        (192 * 1024)       /* the longest JPEG */

#define OA_THUMBNAIL_TILE_WIDTH   160
#define OA_THUMBNAIL_TILE_HEIGHT  90

/* The longer and the shorter side of what is taken. */
#define OA_THUMBNAIL_MAX_LONG     8192
#define OA_THUMBNAIL_MAX_SHORT    4320


typedef struct {
    const oa_codec_video_t  *picture;    /* of the record */
    oa_slice_t               record;     /* decoder configuration */
    oa_slice_t               data;       /* one access unit that a decoder can
                                            start with, as the container has it:
                                            picture->nal_length_size bytes of
                                            length before each NAL unit */
} oa_thumbnail_source_t;


typedef struct {
    uint8_t   *data;
    size_t     size;
    uint32_t   width;
    uint32_t   height;
} oa_thumbnail_jpeg_t;


/* 4:2:0, full range; in the middle of black where it is smaller. */
typedef struct {
    uint8_t    y[OA_THUMBNAIL_TILE_WIDTH * OA_THUMBNAIL_TILE_HEIGHT];
    uint8_t    u[OA_THUMBNAIL_TILE_WIDTH * OA_THUMBNAIL_TILE_HEIGHT / 4];
    uint8_t    v[OA_THUMBNAIL_TILE_WIDTH * OA_THUMBNAIL_TILE_HEIGHT / 4];
} oa_thumbnail_tile_t;


typedef struct {
    oa_thumbnail_jpeg_t  jpegs[OA_THUMBNAIL_SIZES];  /* the smallest first */
    oa_thumbnail_tile_t  tile;
} oa_thumbnail_t;


OA_BEGIN_DECLS


/*
 * The height of the box of 16:9 that a size fits into: 90, 180, 360.  That is
 * what a size is called by, whatever the picture's own height becomes.
 */
uint32_t oa_thumbnail_height(unsigned size);

/*
 * Makes all of a source.  To be freed by oa_thumbnail_free() when OA_OK.
 * OA_EUNSUPPORTED: the codec, or the format of its pictures; OA_ELIMIT: too
 * large, or of more slices than it may be; OA_EINVAL: no picture comes out of
 * it; OA_ENOMEM.  On error there is nothing to free.
 */
OA_MUST_CHECK oa_err_t oa_thumbnail_make(const oa_thumbnail_source_t *source,
    oa_thumbnail_t *thumbnail);

void oa_thumbnail_free(oa_thumbnail_t *thumbnail);


OA_END_DECLS


#endif /* OA_THUMBNAIL_H */
