
/*
 * Thumbnails.  Input: a byte (0: H.264, 1: HEVC, 2: AV1), and what that codec's
 * fuzzer has: see codec.h.
 */


#include "fuzz.h"
#include "codec/oa_codec.h"
#include "xcode/oa_thumbnail_impl.h"


static const oa_codec_id_t  codecs[] = {
    OA_CODEC_AVC, OA_CODEC_HEVC, OA_CODEC_AV1
};


/* Only what was there, and no more of it. */
static void
check_first(const oa_thumbnail_source_t *source)
{
    oa_err_t     err;
    oa_slice_t   room;
    oa_writer_t  w;

    room = source->data;
    room.data = malloc(room.size + 1);
    FUZZ_CHECK(room.data != NULL);
    oa_writer_init(&w, (void *) (uintptr_t) room.data, room.size);

    err = oa_thumbnail_first(source, &w);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_ELIMIT);
    FUZZ_CHECK(err != OA_OK || (oa_writer_size(&w) > 0
                                && oa_writer_size(&w) <= source->data.size));
    fuzz_free(room);
}


static void
check_made(const oa_thumbnail_t *made)
{
    unsigned                    i;
    const oa_thumbnail_jpeg_t  *jpeg;

    for (i = 0; i < OA_THUMBNAIL_SIZES; i++) {
        jpeg = &made->jpegs[i];

        FUZZ_CHECK(jpeg->size > 100 && jpeg->size <= OA_THUMBNAIL_BYTES);
        FUZZ_CHECK(jpeg->data[0] == 0xff && jpeg->data[1] == 0xd8);
        FUZZ_CHECK(jpeg->height >= 2
                   && jpeg->height <= oa_thumbnail_height(i));
        FUZZ_CHECK(jpeg->width >= 2
                   && jpeg->width <= oa_thumbnail_height(i) * 16 / 9);
        FUZZ_CHECK(jpeg->width % 2 == 0 && jpeg->height % 2 == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    oa_err_t               err;
    oa_slice_t             input, record, sample;
    oa_codec_id_t          codec;
    oa_codec_video_t       picture;
    oa_thumbnail_source_t  source;
    static oa_thumbnail_t  made;

    input = oa_slice(data, size);
    codec = codecs[fuzz_take(&input, 1) % 3];
    record = fuzz_take_block(&input, fuzz_take(&input, 2));
    (void) fuzz_take(&input, 1);
    sample = fuzz_take_block(&input, input.size);

    source.picture = &picture;
    source.record = record;
    source.data = sample;

    /* large ones are slow, and nothing else */
    if (oa_codec_video_config(codec, record, &picture) == OA_OK
        && (uint64_t) picture.width * picture.height <= 1920 * 1088)
    {
        check_first(&source);

        err = oa_thumbnail_make(&source, &made);
        FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_ELIMIT
                   || err == OA_EUNSUPPORTED);

        if (err == OA_OK) {
            FUZZ_SPOILED(made.jpegs[0].width, 1);
            check_made(&made);
            oa_thumbnail_free(&made);
        }
    }

    fuzz_free(record);
    fuzz_free(sample);

    return 0;
}
