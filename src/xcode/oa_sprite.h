
/*
 * Sheets of tiles: the stream at a glance, for who seeks.  A sheet has 5 by 5
 * tiles, which fill it row by row from the upper left.
 */


#ifndef OA_SPRITE_H
#define OA_SPRITE_H


#include "base/oa_base.h"
#include "xcode/oa_thumbnail.h"


#define OA_SPRITE_COLUMNS  5
#define OA_SPRITE_TILES    (OA_SPRITE_COLUMNS * OA_SPRITE_COLUMNS)
#define OA_SPRITE_WIDTH    (OA_SPRITE_COLUMNS * OA_THUMBNAIL_TILE_WIDTH)
#define OA_SPRITE_HEIGHT   (OA_SPRITE_COLUMNS * OA_THUMBNAIL_TILE_HEIGHT)


/* 4:2:0, full range; half a megabyte. */
typedef struct {
    unsigned   ntiles;
    uint8_t    y[OA_SPRITE_WIDTH * OA_SPRITE_HEIGHT];
    uint8_t    u[OA_SPRITE_WIDTH * OA_SPRITE_HEIGHT / 4];
    uint8_t    v[OA_SPRITE_WIDTH * OA_SPRITE_HEIGHT / 4];
} oa_sprite_t;


OA_BEGIN_DECLS


/* Empty, and black. */
void oa_sprite_clear(oa_sprite_t *sprite);

/* Adds a tile; to a full one it is the first one again. */
void oa_sprite_add(oa_sprite_t *sprite, const oa_thumbnail_tile_t *tile);

/*
 * Codes the sheet as it is; jpeg->data is to be freed by free().  OA_ENOMEM.
 * On error there is nothing to free.
 */
OA_MUST_CHECK oa_err_t oa_sprite_jpeg(const oa_sprite_t *sprite,
    oa_thumbnail_jpeg_t *jpeg);


OA_END_DECLS


#endif /* OA_SPRITE_H */
