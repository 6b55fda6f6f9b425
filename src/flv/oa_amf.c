
#include "flv/oa_amf.h"

#include <string.h>


#define OA_AMF_NUMBER            0x00
#define OA_AMF_BOOLEAN           0x01
#define OA_AMF_STRING            0x02
#define OA_AMF_OBJECT            0x03
#define OA_AMF_NULL              0x05
#define OA_AMF_UNDEFINED         0x06
#define OA_AMF_REFERENCE         0x07
#define OA_AMF_ECMA_ARRAY        0x08
#define OA_AMF_OBJECT_END        0x09
#define OA_AMF_STRICT_ARRAY      0x0a
#define OA_AMF_DATE              0x0b
#define OA_AMF_LONG_STRING       0x0c
#define OA_AMF_UNSUPPORTED       0x0d
#define OA_AMF_XML               0x0f
#define OA_AMF_TYPED_OBJECT      0x10

#define OA_AMF_MAX_NUMBER        1e9


/* An object or array that is open. */
typedef struct {
    bool       object;
    uint32_t   left;                 /* of an array: values to come */
} oa_amf_level_t;


typedef struct {
    oa_slice_t      rest;
    unsigned        depth;
    unsigned        max_depth;
    oa_amf_level_t  levels[OA_AMF_MAX_DEPTH];
} oa_amf_walk_t;


typedef enum {
    OA_AMF_FRAME_RATE,
    OA_AMF_WIDTH,
    OA_AMF_HEIGHT,
    OA_AMF_VIDEO_RATE,
    OA_AMF_AUDIO_RATE,
    OA_AMF_VIDEO_CODEC,
    OA_AMF_AUDIO_CODEC,
    OA_AMF_ENCODER
} oa_amf_property_t;


static const struct {
    const char         *name;
    oa_amf_property_t   property;
} oa_amf_properties[] = {
    { "framerate", OA_AMF_FRAME_RATE },
    { "fps", OA_AMF_FRAME_RATE },
    { "width", OA_AMF_WIDTH },
    { "height", OA_AMF_HEIGHT },
    { "videodatarate", OA_AMF_VIDEO_RATE },
    { "audiodatarate", OA_AMF_AUDIO_RATE },
    { "videocodecid", OA_AMF_VIDEO_CODEC },
    { "audiocodecid", OA_AMF_AUDIO_CODEC },
    { "audiosamplerate", OA_AMF_AUDIO_CODEC },
    { "encoder", OA_AMF_ENCODER }
};


/* The numbers that plain tags have for codecs that are played. */
static const struct {
    oa_amf_property_t   property;
    unsigned            number;
    char                fourcc[5];
} oa_amf_codecs[] = {
    { OA_AMF_VIDEO_CODEC, 7, "avc1" },
    { OA_AMF_VIDEO_CODEC, 12, "hvc1" },
    { OA_AMF_AUDIO_CODEC, 10, "mp4a" }
};


static char
oa_amf_printable(uint8_t c)
{
    return c >= 0x20 && c < 0x7f ? (char) c : '?';
}


/* Takes n bytes off the front. */
static oa_err_t
oa_amf_take(oa_slice_t *rest, size_t n, oa_slice_t *taken)
{
    if (n > rest->size) {
        return OA_EINVAL;
    }

    *taken = oa_slice(rest->data, n);
    *rest = oa_slice(rest->data + n, rest->size - n);

    return OA_OK;
}


/* Takes a big-endian length of 2 or 4 bytes, and as many bytes. */
static oa_err_t
oa_amf_take_sized(oa_slice_t *rest, size_t length_size, oa_slice_t *taken)
{
    oa_slice_t  length;

    if (oa_amf_take(rest, length_size, &length) != OA_OK) {
        return OA_EINVAL;
    }

    return oa_amf_take(rest, length_size == 2 ? oa_get_u16(length.data)
                                              : oa_get_u32(length.data),
                       taken);
}


static oa_err_t
oa_amf_walk_enter(oa_amf_walk_t *w, bool object, uint32_t left)
{
    if (w->depth == w->max_depth) {
        return OA_ELIMIT;
    }

    w->levels[w->depth++] = (oa_amf_level_t) { object, left };

    return OA_OK;
}


static oa_err_t
oa_amf_walk_container(oa_amf_walk_t *w, uint8_t marker)
{
    oa_slice_t  s;

    switch (marker) {

    case OA_AMF_OBJECT:
        return oa_amf_walk_enter(w, true, 0);

    case OA_AMF_ECMA_ARRAY:
        if (oa_amf_take(&w->rest, 4, &s) != OA_OK) {
            return OA_EINVAL;
        }

        return oa_amf_walk_enter(w, true, 0);

    case OA_AMF_TYPED_OBJECT:
        if (oa_amf_take_sized(&w->rest, 2, &s) != OA_OK) {
            return OA_EINVAL;
        }

        return oa_amf_walk_enter(w, true, 0);

    case OA_AMF_STRICT_ARRAY:
        if (oa_amf_take(&w->rest, 4, &s) != OA_OK) {
            return OA_EINVAL;
        }

        return oa_amf_walk_enter(w, false, oa_get_u32(s.data));
    }

    return OA_EINVAL;
}


/*
 * Takes one value; of an object or array only its head.  An object's end in a
 * value's place is an empty value, as nginx-rtmp's reader has it.
 */
static oa_err_t
oa_amf_walk_value(oa_amf_walk_t *w)
{
    oa_slice_t  s;

    if (oa_amf_take(&w->rest, 1, &s) != OA_OK) {
        return OA_EINVAL;
    }

    switch (s.data[0]) {

    case OA_AMF_NUMBER:
        return oa_amf_take(&w->rest, 8, &s);

    case OA_AMF_BOOLEAN:
        return oa_amf_take(&w->rest, 1, &s);

    case OA_AMF_STRING:
        return oa_amf_take_sized(&w->rest, 2, &s);

    case OA_AMF_REFERENCE:
        return oa_amf_take(&w->rest, 2, &s);

    case OA_AMF_DATE:
        return oa_amf_take(&w->rest, 10, &s);

    case OA_AMF_LONG_STRING:
    case OA_AMF_XML:
        return oa_amf_take_sized(&w->rest, 4, &s);

    case OA_AMF_NULL:
    case OA_AMF_UNDEFINED:
    case OA_AMF_UNSUPPORTED:
    case OA_AMF_OBJECT_END:
        return OA_OK;
    }

    return oa_amf_walk_container(w, s.data[0]);
}


/*
 * The key of an object's next property.  OA_ENOTFOUND: there is none.  A
 * message that ends here ends the object, too.
 */
static oa_err_t
oa_amf_take_key(oa_slice_t *rest, oa_slice_t *key)
{
    oa_slice_t  s;

    if (rest->size < 2) {
        return OA_ENOTFOUND;
    }

    if (oa_amf_take_sized(rest, 2, key) != OA_OK) {
        return OA_EINVAL;
    }

    if (key->size != 0) {
        return OA_OK;
    }

    return oa_amf_take(rest, 1, &s) == OA_OK
           && s.data[0] == OA_AMF_OBJECT_END ? OA_ENOTFOUND : OA_EINVAL;
}


/* Takes the next value of what is open, or closes it. */
static oa_err_t
oa_amf_walk_step(oa_amf_walk_t *w)
{
    oa_err_t         rc;
    oa_slice_t       key;
    oa_amf_level_t  *level;

    if (w->depth == 0) {
        return oa_amf_walk_value(w);
    }

    level = &w->levels[w->depth - 1];

    if (level->object) {
        rc = oa_amf_take_key(&w->rest, &key);

    } else {
        rc = level->left != 0 ? OA_OK : OA_ENOTFOUND;
        level->left--;
    }

    if (rc == OA_ENOTFOUND) {
        w->depth--;
        return OA_OK;
    }

    return rc == OA_OK ? oa_amf_walk_value(w) : rc;
}


static void
oa_amf_walk_init(oa_amf_walk_t *w, oa_slice_t s, unsigned max_depth)
{
    w->rest = s;
    w->depth = 0;
    w->max_depth = max_depth;
}


oa_err_t
oa_amf_guard(oa_slice_t message, unsigned max_depth)
{
    oa_err_t       rc;
    oa_amf_walk_t  w;

    oa_amf_walk_init(&w, message, max_depth);

    do {
        rc = oa_amf_walk_step(&w);
    } while (rc == OA_OK && (w.depth != 0 || w.rest.size != 0));

    return rc == OA_ELIMIT ? OA_ELIMIT : OA_OK;
}


/* Takes one value with everything in it. */
static oa_err_t
oa_amf_skip_value(oa_slice_t *rest)
{
    oa_err_t       rc;
    oa_amf_walk_t  w;

    oa_amf_walk_init(&w, *rest, OA_AMF_MAX_DEPTH);

    do {
        rc = oa_amf_walk_step(&w);
    } while (rc == OA_OK && w.depth != 0);

    *rest = w.rest;

    return rc;
}


static bool
oa_amf_equal(oa_slice_t s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}


static double
oa_amf_double(const uint8_t *p)
{
    double    v;
    uint64_t  bits;

    bits = oa_get_u64(p);
    memcpy(&v, &bits, sizeof(v));

    return v;
}


/* Enhanced RTMP says the fourCC as a number, and before it was the tag's. */
static void
oa_amf_set_codec(oa_amf_metadata_t *m, oa_amf_property_t property, double v)
{
    char      *codec;
    size_t     i;
    uint32_t   fourcc;

    codec = property == OA_AMF_VIDEO_CODEC ? m->video_codec : m->audio_codec;

    for (i = 0; i < sizeof(oa_amf_codecs) / sizeof(oa_amf_codecs[0]); i++) {
        if (property == oa_amf_codecs[i].property
            && v == (double) oa_amf_codecs[i].number)
        {
            strcpy(codec, oa_amf_codecs[i].fourcc);
            return;
        }
    }

    if (v < 0x20202020 || v > 0x7e7e7e7e) {
        return;
    }

    fourcc = (uint32_t) v;

    for (i = 0; i < 4; i++) {
        codec[i] = oa_amf_printable((uint8_t) (fourcc >> (24 - 8 * i)));
    }
}


static void
oa_amf_set_number(oa_amf_metadata_t *m, oa_amf_property_t property, double v)
{
    /* not a number is not above 0 either */
    if (!(v > 0)) {
        return;
    }

    switch (property) {
    case OA_AMF_WIDTH:
    case OA_AMF_VIDEO_CODEC:
        m->has_video = true;
        break;

    case OA_AMF_AUDIO_CODEC:
        m->has_audio = true;
        break;

    default:
        break;
    }

    if (property == OA_AMF_VIDEO_CODEC || property == OA_AMF_AUDIO_CODEC) {
        oa_amf_set_codec(m, property, v);
        return;
    }

    if (v > OA_AMF_MAX_NUMBER) {
        return;
    }

    switch (property) {
    case OA_AMF_FRAME_RATE:
        m->frame_rate = v;
        break;

    case OA_AMF_WIDTH:
        m->width = v;
        break;

    case OA_AMF_HEIGHT:
        m->height = v;
        break;

    case OA_AMF_VIDEO_RATE:
        m->video_kbps = v;
        break;

    case OA_AMF_AUDIO_RATE:
        m->audio_kbps = v;
        break;

    default:
        break;
    }
}


static void
oa_amf_set_codec_name(char *codec, oa_slice_t s)
{
    size_t  i;

    for (i = 0; i < 4 && s.size == 4; i++) {
        codec[i] = oa_amf_printable(s.data[i]);
    }
}


static void
oa_amf_set_string(oa_amf_metadata_t *m, oa_amf_property_t property,
    oa_slice_t s)
{
    size_t  i;

    if (s.size == 0) {
        return;
    }

    switch (property) {

    case OA_AMF_VIDEO_CODEC:
        m->has_video = true;
        oa_amf_set_codec_name(m->video_codec, s);
        break;

    case OA_AMF_AUDIO_CODEC:
        m->has_audio = true;
        oa_amf_set_codec_name(m->audio_codec, s);
        break;

    case OA_AMF_ENCODER:
        memset(m->encoder, 0, sizeof(m->encoder));

        for (i = 0; i < s.size && i < sizeof(m->encoder) - 1; i++) {
            m->encoder[i] = oa_amf_printable(s.data[i]);
        }

        break;

    default:
        break;
    }
}


/* Reads the value of a property that is known by name. */
static oa_err_t
oa_amf_property_parse(oa_slice_t *rest, oa_amf_property_t property,
    oa_amf_metadata_t *m)
{
    uint8_t     marker;
    oa_slice_t  value, s;

    value = *rest;

    if (oa_amf_skip_value(rest) != OA_OK) {
        return OA_EINVAL;
    }

    marker = value.data[0];
    s = oa_slice(value.data + 1, (size_t) (rest->data - value.data) - 1);

    switch (marker) {

    case OA_AMF_NUMBER:
        oa_amf_set_number(m, property, oa_amf_double(s.data));
        break;

    case OA_AMF_STRING:
        oa_amf_set_string(m, property, oa_slice(s.data + 2, s.size - 2));
        break;
    }

    return OA_OK;
}


static oa_err_t
oa_amf_properties_parse(oa_slice_t rest, oa_amf_metadata_t *m)
{
    size_t      i, n;
    oa_err_t    rc;
    oa_slice_t  key;

    n = sizeof(oa_amf_properties) / sizeof(oa_amf_properties[0]);

    for ( ;; ) {
        rc = oa_amf_take_key(&rest, &key);
        if (rc != OA_OK) {
            return rc == OA_ENOTFOUND ? OA_OK : OA_EINVAL;
        }

        for (i = 0; i < n; i++) {
            if (oa_amf_equal(key, oa_amf_properties[i].name)) {
                break;
            }
        }

        rc = i < n ? oa_amf_property_parse(&rest,
                                           oa_amf_properties[i].property, m)
                   : oa_amf_skip_value(&rest);

        if (rc != OA_OK) {
            return OA_EINVAL;
        }
    }
}


/* Takes a string of the expected text; OA_ENOTFOUND: it is another value. */
static oa_err_t
oa_amf_take_name(oa_slice_t *rest, const char *text)
{
    oa_slice_t  s, name;

    s = *rest;

    if (s.size == 0 || s.data[0] != OA_AMF_STRING) {
        return OA_ENOTFOUND;
    }

    s = oa_slice(s.data + 1, s.size - 1);

    if (oa_amf_take_sized(&s, 2, &name) != OA_OK) {
        return OA_EINVAL;
    }

    if (!oa_amf_equal(name, text)) {
        return OA_ENOTFOUND;
    }

    *rest = s;

    return OA_OK;
}


/* Goes to the properties of a data message. */
static oa_err_t
oa_amf_metadata_open(oa_slice_t *message)
{
    oa_slice_t  head;

    if (oa_amf_take_name(message, "@setDataFrame") == OA_EINVAL
        || oa_amf_take_name(message, "onMetaData") == OA_EINVAL
        || message->size == 0)
    {
        return OA_EINVAL;
    }

    switch (message->data[0]) {
    case OA_AMF_STRING:
        return OA_ENOTFOUND;

    case OA_AMF_OBJECT:
        return oa_amf_take(message, 1, &head);

    case OA_AMF_ECMA_ARRAY:
        return oa_amf_take(message, 5, &head);

    default:
        return OA_EINVAL;
    }
}


oa_err_t
oa_amf_metadata_parse(oa_slice_t message, oa_amf_metadata_t *metadata)
{
    oa_err_t  rc;

    memset(metadata, 0, sizeof(*metadata));

    rc = oa_amf_metadata_open(&message);

    if (rc == OA_OK) {
        rc = oa_amf_properties_parse(message, metadata);
    }

    if (rc != OA_OK) {
        memset(metadata, 0, sizeof(*metadata));
    }

    return rc;
}


/* false: the value is none that a field can be. */
static bool
oa_amf_field(oa_slice_t value, oa_amf_field_t *field)
{
    field->number = 0;
    field->text = oa_slice(value.data, 0);

    switch (value.data[0]) {

    case OA_AMF_NUMBER:
        field->kind = OA_AMF_FIELD_NUMBER;
        field->number = oa_amf_double(value.data + 1);
        return true;

    case OA_AMF_BOOLEAN:
        field->kind = OA_AMF_FIELD_BOOLEAN;
        field->number = value.data[1] != 0;
        return true;

    case OA_AMF_STRING:
        field->kind = OA_AMF_FIELD_TEXT;
        field->text = oa_slice(value.data + 3, value.size - 3);
        return true;

    default:
        return false;
    }
}


oa_err_t
oa_amf_metadata_each(oa_slice_t message, oa_amf_field_pt each, void *ctx)
{
    oa_err_t        rc;
    oa_slice_t      value;
    oa_amf_field_t  field;

    rc = oa_amf_metadata_open(&message);
    if (rc != OA_OK) {
        return rc;
    }

    for ( ;; ) {
        rc = oa_amf_take_key(&message, &field.name);
        if (rc != OA_OK) {
            return rc == OA_ENOTFOUND ? OA_OK : OA_EINVAL;
        }

        value = message;

        if (oa_amf_skip_value(&message) != OA_OK) {
            return OA_EINVAL;
        }

        value.size = (size_t) (message.data - value.data);

        if (oa_amf_field(value, &field)) {
            each(ctx, &field);
        }
    }
}
