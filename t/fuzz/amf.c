
/*
 * AMF0: the guard is held to how deep nginx-rtmp's reader would go, and what
 * is read of metadata to its ranges.  Input: the depth, and the message.
 */


#include <stddef.h>

#include "fuzz.h"
#include "flv/oa_amf.h"


#define MODEL_DEEPEST  64


static bool model_value(oa_slice_t *rest, unsigned depth, unsigned *deepest);


static bool
model_skip(oa_slice_t *rest, size_t n)
{
    if (rest->size < n) {
        return false;
    }

    rest->data += n;
    rest->size -= n;

    return true;
}


/* Ends well where the message does, before a key. */
static bool
model_object(oa_slice_t *rest, unsigned depth, unsigned *deepest)
{
    uint32_t  length;

    for ( ;; ) {
        if (rest->size < 2) {
            return true;
        }

        length = fuzz_take(rest, 2);
        if (length == 0) {
            return rest->size > 0 && fuzz_take(rest, 1) == 9;
        }

        if (!model_skip(rest, length)
            || !model_value(rest, depth, deepest))
        {
            return false;
        }
    }
}


static bool
model_array(oa_slice_t *rest, uint32_t n, unsigned depth, unsigned *deepest)
{
    for ( ; n > 0; n--) {
        if (!model_value(rest, depth, deepest)) {
            return false;
        }
    }

    return true;
}


static bool
model_container(oa_slice_t *rest, uint32_t marker, unsigned depth,
    unsigned *deepest)
{
    uint32_t  n;

    n = 0;

    if (marker != 3) {
        if (rest->size < 4) {
            return false;
        }

        n = fuzz_take(rest, 4);
    }

    *deepest = depth > *deepest ? depth : *deepest;

    if (depth == MODEL_DEEPEST) {
        return false;
    }

    return marker == 10 ? model_array(rest, n, depth, deepest)
                        : model_object(rest, depth, deepest);
}


/* nginx-rtmp 1.2.2 reads a value so; true: it would read on behind it. */
static bool
model_value(oa_slice_t *rest, unsigned depth, unsigned *deepest)
{
    uint32_t  marker;

    if (rest->size == 0) {
        return false;
    }

    marker = fuzz_take(rest, 1);

    switch (marker) {
    case 0:
        return model_skip(rest, 8);

    case 1:
        return model_skip(rest, 1);

    case 2:
        return rest->size >= 2 && model_skip(rest, fuzz_take(rest, 2));

    case 3:
    case 8:
    case 10:
        return model_container(rest, marker, depth + 1, deepest);

    case 5:
    case 6:
    case 9:
        return true;
    }

    return false;
}


static void
fuzz_amf_guard(oa_slice_t message, unsigned max_depth)
{
    oa_err_t    err;
    unsigned    deepest;
    oa_slice_t  rest;

    rest = message;
    deepest = 0;

    while (model_value(&rest, 0, &deepest)) { /* void */ }

    err = oa_amf_guard(message, max_depth);
    FUZZ_CHECK(err == OA_OK || err == OA_ELIMIT);
    FUZZ_CHECK(err == OA_ELIMIT || deepest <= max_depth);
}


static bool
fuzz_amf_number(double v)
{
    return v >= 0 && v <= 1e9;
}


static void
fuzz_amf_metadata(oa_slice_t message)
{
    oa_err_t                 err;
    oa_amf_metadata_t        m;
    const oa_amf_metadata_t  none = { 0 };

    memset(&m, 0xa5, sizeof(m));
    err = oa_amf_metadata_parse(message, &m);

    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_ENOTFOUND);
    FUZZ_CHECK(err == OA_OK || memcmp(&m, &none, sizeof(m)) == 0);

    if (err == OA_OK) {
        FUZZ_SPOILED(m.width, -1);
    }

    FUZZ_CHECK(fuzz_amf_number(m.frame_rate) && fuzz_amf_number(m.width)
               && fuzz_amf_number(m.height) && fuzz_amf_number(m.video_kbps)
               && fuzz_amf_number(m.audio_kbps));
    FUZZ_CHECK(fuzz_text_printable(m.encoder, sizeof(m.encoder)));
}


static void
fuzz_amf_inside(oa_slice_t part, oa_slice_t message)
{
    FUZZ_CHECK(part.size <= message.size);
    FUZZ_CHECK(part.size == 0
               || (part.data >= message.data
                   && part.data - message.data
                      <= (ptrdiff_t) (message.size - part.size)));
}


static void
fuzz_amf_field(void *ctx, const oa_amf_field_t *field)
{
    const oa_slice_t  *message = ctx;

    fuzz_amf_inside(field->name, *message);

    if (field->kind == OA_AMF_FIELD_TEXT) {
        fuzz_amf_inside(field->text, *message);
    }

    FUZZ_CHECK(field->kind != OA_AMF_FIELD_BOOLEAN || field->number == 0
               || field->number == 1);
}


/* The same message is metadata to both, or to neither. */
static void
fuzz_amf_fields(oa_slice_t message)
{
    oa_err_t           err;
    oa_amf_metadata_t  m;

    err = oa_amf_metadata_each(message, fuzz_amf_field, &message);
    FUZZ_CHECK(err == oa_amf_metadata_parse(message, &m));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned    max_depth;
    oa_slice_t  input, message;

    input = oa_slice(data, size);
    max_depth = 1 + fuzz_take(&input, 1) % OA_AMF_MAX_DEPTH;
    message = fuzz_take_block(&input, input.size);

    fuzz_amf_guard(message, max_depth);
    fuzz_amf_metadata(message);
    fuzz_amf_fields(message);
    fuzz_free(message);

    return 0;
}
