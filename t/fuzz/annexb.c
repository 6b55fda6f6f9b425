
/*
 * H.264 and HEVC with start codes.  Input: a byte (0 H.264, 1 HEVC) and a
 * stream.
 */


#include "fuzz.h"
#include "base/oa_writer.h"
#include "codec/oa_annexb.h"


/* As many lengths as units, and nothing behind them. */
static void
fuzz_annexb_unit(oa_slice_t unit)
{
    uint32_t  size;

    FUZZ_CHECK(unit.size > 4);

    while (unit.size > 0) {
        FUZZ_CHECK(unit.size > 4);
        size = oa_get_u32(unit.data);
        FUZZ_CHECK(size > 0 && size <= unit.size - 4);
        unit = oa_slice(unit.data + 4 + size, unit.size - 4 - size);
    }
}


static void
fuzz_annexb_record(oa_codec_id_t codec, oa_slice_t record)
{
    oa_codec_video_t  config;

    FUZZ_SPOILED(record.size, 1);
    FUZZ_CHECK(oa_codec_video_config(codec, record, &config) == OA_OK);
    FUZZ_CHECK(config.nal_length_size == 4);
}


static void
fuzz_annexb_walk(oa_slice_t stream)
{
    oa_slice_t  rest, nal, before;

    rest = stream;

    for (before = rest; oa_annexb_next(&rest, &nal) == OA_OK; before = rest) {
        FUZZ_CHECK(nal.size > 0);
        FUZZ_CHECK(fuzz_within(nal, before) && fuzz_within(rest, before));
        FUZZ_CHECK(rest.size < before.size);
    }

    FUZZ_CHECK(rest.size == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          room;
    uint8_t        *buf;
    oa_err_t        err;
    oa_slice_t      input, stream;
    oa_writer_t     w;
    oa_codec_id_t   codec;

    input = oa_slice(data, size);
    codec = fuzz_take(&input, 1) & 1 ? OA_CODEC_HEVC : OA_CODEC_AVC;
    stream = fuzz_take_block(&input, input.size);

    fuzz_annexb_walk(stream);

    room = OA_ANNEXB_ROOM(stream.size);
    buf = malloc(room);
    FUZZ_CHECK(buf != NULL);

    oa_writer_init(&w, buf, room);
    err = oa_annexb_unit_write(codec, stream, &w);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL);

    if (err == OA_OK) {
        fuzz_annexb_unit(oa_writer_slice(&w));
    }

    oa_writer_init(&w, buf, room);
    err = oa_annexb_record_write(codec, stream, &w);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_EUNSUPPORTED
               || err == OA_EFULL);

    if (err == OA_OK) {
        fuzz_annexb_record(codec, oa_writer_slice(&w));
    }

    free(buf);
    fuzz_free(stream);

    return 0;
}
