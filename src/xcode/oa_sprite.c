
#include "xcode/oa_sprite.h"
#include "xcode/oa_thumbnail_impl.h"

#include <string.h>


void
oa_sprite_clear(oa_sprite_t *sprite)
{
    sprite->ntiles = 0;
    memset(sprite->y, 0, sizeof(sprite->y));
    memset(sprite->u, 128, sizeof(sprite->u));
    memset(sprite->v, 128, sizeof(sprite->v));
}


/* A plane of a tile, of that width and height, to its place in the sheet. */
static void
oa_sprite_copy(uint8_t *to, const uint8_t *from, unsigned tile,
    unsigned width, unsigned height)
{
    size_t    stride;
    unsigned  y;

    stride = (size_t) width * OA_SPRITE_COLUMNS;
    to += tile / OA_SPRITE_COLUMNS * height * stride
          + (size_t) (tile % OA_SPRITE_COLUMNS) * width;

    for (y = 0; y < height; y++) {
        memcpy(to + y * stride, from + (size_t) y * width, width);
    }
}


void
oa_sprite_add(oa_sprite_t *sprite, const oa_thumbnail_tile_t *tile)
{
    unsigned  n;

    if (sprite->ntiles >= OA_SPRITE_TILES) {
        oa_sprite_clear(sprite);
    }

    n = sprite->ntiles++;

    oa_sprite_copy(sprite->y, tile->y, n, OA_THUMBNAIL_TILE_WIDTH,
                   OA_THUMBNAIL_TILE_HEIGHT);
    oa_sprite_copy(sprite->u, tile->u, n, OA_THUMBNAIL_TILE_WIDTH / 2,
                   OA_THUMBNAIL_TILE_HEIGHT / 2);
    oa_sprite_copy(sprite->v, tile->v, n, OA_THUMBNAIL_TILE_WIDTH / 2,
                   OA_THUMBNAIL_TILE_HEIGHT / 2);
}


oa_err_t
oa_sprite_jpeg(const oa_sprite_t *sprite, oa_thumbnail_jpeg_t *jpeg)
{
    oa_thumbnail_planes_t  planes;

    planes.planes[0] = sprite->y;
    planes.planes[1] = sprite->u;
    planes.planes[2] = sprite->v;
    planes.strides[0] = OA_SPRITE_WIDTH;
    planes.strides[1] = planes.strides[2] = OA_SPRITE_WIDTH / 2;
    planes.width = OA_SPRITE_WIDTH;
    planes.height = OA_SPRITE_HEIGHT;

    return oa_thumbnail_jpeg(&planes, jpeg);
}
