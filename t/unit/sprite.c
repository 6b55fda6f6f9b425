
/* Sheets of tiles. */


#include "thumbnail_source.h"

#include "xcode/oa_sprite.h"


static oa_sprite_t  sprite;


/* A tile of one colour that follows from its number. */
static void
add(unsigned n)
{
    static oa_thumbnail_tile_t  tile;

    memset(tile.y, (int) (60 + 7 * n), sizeof(tile.y));
    memset(tile.u, (int) (200 - 5 * n), sizeof(tile.u));
    memset(tile.v, (int) (70 + 4 * n), sizeof(tile.v));
    oa_sprite_add(&sprite, &tile);
}


/* The sheet's picture has the first n tiles, and black behind them. */
static void
check(unsigned n)
{
    int                   x, y, luma, u;
    AVFrame              *frame;
    unsigned              i;
    oa_thumbnail_jpeg_t   jpeg;

    assert_int_equal(oa_sprite_jpeg(&sprite, &jpeg), OA_OK);
    assert_int_equal(jpeg.width, 800);
    assert_int_equal(jpeg.height, 450);
    frame = source_jpeg(&jpeg);

    for (i = 0; i < OA_SPRITE_TILES; i++) {
        for (y = 8; y < 90; y += 72) {
            for (x = 8; x < 160; x += 140) {
                luma = frame->data[0][((int) i / 5 * 90 + y)
                                      * frame->linesize[0]
                                      + (int) i % 5 * 160 + x];
                u = frame->data[1][((int) i / 5 * 90 + y) / 2
                                   * frame->linesize[1]
                                   + ((int) i % 5 * 160 + x) / 2];

                assert_in_range(luma + 4, i < n ? 60 + 7 * i : 0,
                                (i < n ? 60 + 7 * i : 0) + 8);
                assert_in_range(u + 6, i < n ? 200 - 5 * i : 128,
                                (i < n ? 200 - 5 * i : 128) + 12);
            }
        }
    }

    av_frame_free(&frame);
    free(jpeg.data);
}


static void
test_fills_row_by_row(void **state)
{
    unsigned  i;

    (void) state;
    oa_sprite_clear(&sprite);
    check(0);

    for (i = 0; i < OA_SPRITE_TILES; i++) {
        assert_int_equal(sprite.ntiles, i);
        add(i);

        if (i % 6 == 0) {
            check(i + 1);
        }
    }
}


static void
test_begins_again(void **state)
{
    unsigned  i;

    (void) state;
    oa_sprite_clear(&sprite);

    for (i = 0; i < OA_SPRITE_TILES; i++) {
        add(24 - i);
    }

    add(0);
    add(1);
    assert_int_equal(sprite.ntiles, 2);
    check(2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fills_row_by_row),
        cmocka_unit_test(test_begins_again)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
