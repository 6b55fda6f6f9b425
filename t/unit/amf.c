
#include "unit.h"
#include "flv/oa_amf.h"


/* onMetaData as ffmpeg 5.1 sends it, behind @setDataFrame */
static const char  ffmpeg_metadata[] =
    "\x02\x00\x0d" "@setDataFrame" "\x02\x00\x0a" "onMetaData"
    "\x08\x00\x00\x00\x0d"
    "\x00\x08" "duration" "\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x05" "width" "\x00\x40\x73\xe0\x00\x00\x00\x00\x00"
    "\x00\x06" "height" "\x00\x40\x66\x40\x00\x00\x00\x00\x00"
    "\x00\x0d" "videodatarate" "\x00\x40\x8f\x40\x00\x00\x00\x00\x00"
    "\x00\x09" "framerate" "\x00\x40\x3d\xf8\x53\xe2\x55\x6b\x28"
    "\x00\x0c" "videocodecid" "\x00\x40\x1c\x00\x00\x00\x00\x00\x00"
    "\x00\x0d" "audiodatarate" "\x00\x40\x5f\x40\x00\x00\x00\x00\x00"
    "\x00\x0f" "audiosamplerate" "\x00\x40\xe5\x88\x80\x00\x00\x00\x00"
    "\x00\x0f" "audiosamplesize" "\x00\x40\x30\x00\x00\x00\x00\x00\x00"
    "\x00\x06" "stereo" "\x01\x01"
    "\x00\x0c" "audiocodecid" "\x00\x40\x24\x00\x00\x00\x00\x00\x00"
    "\x00\x07" "encoder" "\x02\x00\x0d" "Lavf59.27.100"
    "\x00\x08" "filesize" "\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x09";


#define SEVEN  "\x00\x40\x1c\x00\x00\x00\x00\x00\x00"


static oa_amf_metadata_t
parse(oa_slice_t message)
{
    oa_amf_metadata_t  m;

    assert_int_equal(oa_amf_metadata_parse(message, &m), OA_OK);

    return m;
}


static void
assert_error(oa_slice_t message, oa_err_t err)
{
    oa_amf_metadata_t        m;
    const oa_amf_metadata_t  none = { 0 };

    memset(&m, 0xff, sizeof(m));
    assert_int_equal(oa_amf_metadata_parse(message, &m), err);
    assert_false(m.has_video || m.has_audio);
    assert_true(m.width == none.width && m.frame_rate == none.frame_rate);
    assert_string_equal(m.encoder, "");
}


static void
assert_near(double value, double expected)
{
    assert_true(value > expected - 1e-6 && value < expected + 1e-6);
}


static void
test_ffmpeg_metadata(void **state)
{
    oa_amf_metadata_t  m;

    (void) state;

    m = parse(unit_bytes(ffmpeg_metadata));
    assert_true(m.has_video);
    assert_true(m.has_audio);
    assert_near(m.width, 318);
    assert_near(m.height, 178);
    assert_near(m.frame_rate, 30000.0 / 1001);
    assert_near(m.video_kbps, 1000);
    assert_near(m.audio_kbps, 125);
    assert_string_equal(m.encoder, "Lavf59.27.100");
    assert_string_equal(m.video_codec, "avc1");
    assert_string_equal(m.audio_codec, "mp4a");

    /* without one name, and without both */
    m = parse(oa_slice(ffmpeg_metadata + 16, sizeof(ffmpeg_metadata) - 17));
    assert_near(m.width, 318);
    m = parse(oa_slice(ffmpeg_metadata + 29, sizeof(ffmpeg_metadata) - 30));
    assert_near(m.width, 318);
}


static void
test_tracks(void **state)
{
    oa_amf_metadata_t  m;

    (void) state;

    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "videocodecid\x02\x00\x04" "avc1"
                         "\x00\x00\x09"));
    assert_true(m.has_video);
    assert_false(m.has_audio);

    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "audiocodecid\x02\x00\x04" "mp4a"
                         "\x00\x0c" "videocodecid\x02\x00\x00"
                         "\x00\x05" "width\x00" "\0\0\0\0\0\0\0\0"
                         "\x00\x00\x09"));
    assert_false(m.has_video);
    assert_true(m.has_audio);

    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "audiocodecid\x05"
                         "\x00\x0c" "videocodecid\x06"
                         "\x00\x00\x09"));
    assert_false(m.has_video);
    assert_false(m.has_audio);

    /* a fourCC as a number is above every size */
    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "videocodecid"
                         "\x00\x41\xda\x1d\x9d\x8c\x40\x00\x00"
                         "\x00\x00\x09"));
    assert_true(m.has_video);
}


/* As enhanced RTMP says them; others are unsaid. */
static void
test_codecs(void **state)
{
    oa_amf_metadata_t  m;

    (void) state;

    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "videocodecid"
                         "\x00\x41\xd8\x5d\x8c\x0c\x40\x00\x00"
                         "\x00\x0c" "audiocodecid"
                         "\x00\x41\xd3\xdc\x1d\x5c\xc0\x00\x00"
                         "\x00\x00\x09"));
    assert_true(m.has_video && m.has_audio);
    assert_string_equal(m.video_codec, "av01");
    assert_string_equal(m.audio_codec, "Opus");

    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "videocodecid\x02\x00\x04" "hv\n1"
                         "\x00\x0c" "audiocodecid\x02\x00\x05" "Opus?"
                         "\x00\x00\x09"));
    assert_string_equal(m.video_codec, "hv?1");
    assert_string_equal(m.audio_codec, "");

    /* the plain tag's HEVC, and a sampling rate, which names no codec */
    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "videocodecid"
                         "\x00\x40\x28\x00\x00\x00\x00\x00\x00"
                         "\x00\x0f" "audiosamplerate"
                         "\x00\x40\xe5\x88\x80\x00\x00\x00\x00"
                         "\x00\x00\x09"));
    assert_string_equal(m.video_codec, "hvc1");
    assert_true(m.has_audio);
    assert_string_equal(m.audio_codec, "");

    /* infinite */
    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x0c" "videocodecid"
                         "\x00\x7f\xf0\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x09"));
    assert_true(m.has_video);
    assert_string_equal(m.video_codec, "");
}


static void
test_numbers_that_mean_nothing(void **state)
{
    oa_amf_metadata_t  m;

    (void) state;

    m = parse(unit_bytes("\x03"
                         "\x00\x05" "width\x00\x7f\xf8\0\0\0\0\0\0"
                         "\x00\x06" "height\x00\xc0\x66\x40\0\0\0\0\0"
                         "\x00\x03" "fps\x00\x7f\xf0\0\0\0\0\0\0"
                         "\x00\x0d" "videodatarate\x01\x01"
                         "\x00\x00\x09"));
    assert_true(m.width == 0 && m.height == 0 && m.frame_rate == 0);
    assert_true(m.video_kbps == 0);
    assert_false(m.has_video);
}


static void
test_other_values_are_skipped(void **state)
{
    oa_amf_metadata_t  m;

    (void) state;

    m = parse(unit_bytes("\x02\x00\x0a" "onMetaData\x03"
                         "\x00\x01" "a\x03\x00\x05" "width" SEVEN
                         "\x00\x00\x09"
                         "\x00\x01" "b\x0a\x00\x00\x00\x02\x05\x01\x00"
                         "\x00\x01" "c\x0b\0\0\0\0\0\0\0\0\0\0"
                         "\x00\x01" "d\x0c\x00\x00\x00\x02hi"
                         "\x00\x01" "e\x07\x00\x01"
                         "\x00\x01" "f\x10\x00\x01T\x00\x01x\x06\x00\x00\x09"
                         "\x00\x01" "g\x08\x00\x00\x00\x00\x00\x00\x09"
                         "\x00\x01" "h\x0d"
                         "\x00\x06" "height" SEVEN
                         "\x00\x00\x09"));
    assert_true(m.width == 0);
    assert_near(m.height, 7);
}


static void
test_encoder_is_printable_and_bounded(void **state)
{
    char               message[128];
    oa_amf_metadata_t  m;

    (void) state;

    m = parse(unit_bytes("\x03\x00\x07" "encoder\x02\x00\x06" "a\n\x00\x7f\xffz"
                         "\x00\x00\x09"));
    assert_string_equal(m.encoder, "a????z");

    memset(message, 'x', sizeof(message));
    memcpy(message, "\x03\x00\x07" "encoder\x02\x00\x50", 13);
    memcpy(&message[13 + 80], "\x00\x00\x09", 3);
    m = parse(oa_slice(message, 13 + 80 + 3));
    assert_int_equal(strlen(m.encoder), sizeof(m.encoder) - 1);
}


static void
test_unfinished_object(void **state)
{
    (void) state;

    assert_near(parse(unit_bytes("\x03\x00\x05" "width" SEVEN)).width, 7);
    assert_near(parse(unit_bytes("\x08\0\0\0\x01\x00\x05" "width" SEVEN
                                 "\x00")).width, 7);
}


static void
test_other_messages(void **state)
{
    (void) state;

    assert_error(unit_bytes("\x02\x00\x06" "onText\x03\x00\x00\x09"),
                 OA_ENOTFOUND);
    assert_error(unit_bytes("\x02\x00\x0d" "@setDataFrame\x02\x00\x06"
                            "onText\x03\x00\x00\x09"), OA_ENOTFOUND);
}


static void
test_malformed_metadata(void **state)
{
    size_t  i, depth, n;
    char    deep[64 * 5 + 1];

    static const oa_slice_t  t[] = {
        { (const uint8_t *) "", 0 },
        { (const uint8_t *) "\x00", 1 },
        { (const uint8_t *) "\x02\x00\x0aonMeta", 9 },
        { (const uint8_t *) "\x02\x00\x0aonMetaData", 13 },
        { (const uint8_t *) "\x02\x00\x0aonMetaData\x05", 14 },
        { (const uint8_t *) "\x08\x00\x00", 3 },
        { (const uint8_t *) "\x03\x00\x05width\x00\x40", 10 },
        { (const uint8_t *) "\x03\x00\x05wid", 6 },
        { (const uint8_t *) "\x03\x00\x05width\x11", 9 },
        { (const uint8_t *) "\x03\x00\x05width", 8 },
        { (const uint8_t *) "\x03\x00\x01x\x0c\xff\xff\xff\xff", 9 },
        { (const uint8_t *) "\x03\x00\x00\x05", 4 }
    };

    (void) state;

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_error(t[i], OA_EINVAL);
    }

    for (depth = 31; depth < 64; depth++) {
        for (n = 0, i = 0; i < depth; i++) {
            memcpy(&deep[n], i ? "\x03\x00\x01x" : "\x03\x00\x01y", 4);
            n += 4;
        }

        deep[n++] = 5;

        if (depth <= 33) {
            (void) parse(oa_slice(deep, n));

        } else {
            assert_error(oa_slice(deep, n), OA_EINVAL);
        }
    }
}


static void
test_guard_counts_nesting(void **state)
{
    size_t    n;
    unsigned  kind, depth, i, max;

    static const oa_slice_t  heads[] = {
        { (const uint8_t *) "\x03\x00\x01x", 4 },
        { (const uint8_t *) "\x08\x00\x00\x00\x01\x00\x01x", 8 },
        { (const uint8_t *) "\x0a\x00\x00\x00\x01", 5 },
        { (const uint8_t *) "\x10\x00\x01T\x00\x01x", 7 }
    };

    uint8_t  message[64 * 8 + 16];

    (void) state;

    for (kind = 0; kind < 4; kind++) {
        for (depth = 0; depth < 64; depth++) {
            memcpy(message, "\x02\x00\x07" "connect\x00\0\0\0\0\0\0\0\0", 19);

            for (n = 19, i = 0; i < depth; i++) {
                if (n + 8 > sizeof(message)) {
                    break;
                }

                memcpy(&message[n], heads[kind].data, heads[kind].size);
                n += heads[kind].size;
            }

            for (max = 1; max <= OA_AMF_MAX_DEPTH && i == depth; max++) {
                assert_int_equal(oa_amf_guard(oa_slice(message, n), max),
                                 depth > max ? OA_ELIMIT : OA_OK);
            }
        }
    }
}


static void
test_guard_closes_what_ends(void **state)
{
    (void) state;

    /* one behind the other is not one in the other */
    assert_int_equal(oa_amf_guard(unit_bytes("\x03\x00\x00\x09"
                                             "\x03\x00\x00\x09"), 1), OA_OK);
    assert_int_equal(oa_amf_guard(unit_bytes("\x0a\x00\x00\x00\x00"
                                             "\x0a\x00\x00\x00\x01\x05"
                                             "\x0a\x00\x00\x00\x00"), 1),
                     OA_OK);
    assert_int_equal(oa_amf_guard(unit_bytes("\x0a\x00\x00\x00\x02"
                                             "\x0a\x00\x00\x00\x00"
                                             "\x0a\x00\x00\x00\x00"), 2),
                     OA_OK);
    assert_int_equal(oa_amf_guard(unit_bytes("\x0a\x00\x00\x00\x02"
                                             "\x0a\x00\x00\x00\x00"
                                             "\x0a\x00\x00\x00\x00"), 1),
                     OA_ELIMIT);
}


/* Where a stricter reader would stop, nginx-rtmp's goes on. */
static void
test_guard_reads_on_where_the_reader_does(void **state)
{
    (void) state;

    /* an object's end as a value */
    assert_int_equal(oa_amf_guard(unit_bytes("\x03\x00\x01" "a\x09"
                                             "\x00\x01" "b\x03"
                                             "\x00\x01" "c\x03"), 2),
                     OA_ELIMIT);
    assert_int_equal(oa_amf_guard(unit_bytes("\x0a\x00\x00\x00\x02\x09"
                                             "\x03\x00\x01" "c\x03"), 2),
                     OA_ELIMIT);
    assert_int_equal(oa_amf_guard(unit_bytes("\x09\x03\x00\x01" "c\x03"), 1),
                     OA_ELIMIT);

    /* an array's count that the message cannot hold */
    assert_int_equal(oa_amf_guard(unit_bytes("\x0a\xff\xff\xff\xff"
                                             "\x03\x00\x01" "c\x03"), 2),
                     OA_ELIMIT);
}


static void
test_guard_ends_where_the_reader_does(void **state)
{
    (void) state;

    assert_int_equal(oa_amf_guard(unit_bytes(""), 1), OA_OK);
    assert_int_equal(oa_amf_guard(unit_bytes("\x11\x03\x00\x01" "c\x03"), 1),
                     OA_OK);
    assert_int_equal(oa_amf_guard(unit_bytes("\x04\x03\x00\x01" "c\x03"), 1),
                     OA_OK);
    assert_int_equal(oa_amf_guard(unit_bytes("\x03\x00\x00\x05"
                                             "\x03\x00\x01" "c\x03"), 1),
                     OA_OK);
    assert_int_equal(oa_amf_guard(unit_bytes("\x02\xff\xff"
                                             "\x03\x00\x01" "c\x03"), 1),
                     OA_OK);
}


/* Would not end in a lifetime if its time were not linear. */
static void
test_guard_is_linear(void **state)
{
    size_t    i;
    uint8_t  *p;

    enum { size = 4 * 1024 * 1024 };

    (void) state;

    p = malloc(size);
    assert_non_null(p);

    memset(p, 5, size);

    for (i = 0; i < 31; i++) {
        memcpy(&p[i * 5], "\x0a\xff\xff\xff\xff", 5);
    }

    assert_int_equal(oa_amf_guard(oa_slice(p, size), 32), OA_OK);

    for (i = 5; i + 5 <= size; i += 5) {
        memcpy(&p[i], "\x0a\x00\x00\x00\x00", 5);
    }

    assert_int_equal(oa_amf_guard(oa_slice(p, size), 2), OA_OK);

    free(p);
}


/*
 * A model of the recursive reader: what it takes and where it gives up, with
 * the deepest nesting it came to.
 */
typedef struct {
    oa_slice_t  rest;
    unsigned    deepest;
} model_t;


static bool
model_get(model_t *r, size_t n)
{
    if (n > r->rest.size) {
        return false;
    }

    r->rest = oa_slice(r->rest.data + n, r->rest.size - n);

    return true;
}


static bool model_read(model_t *r, unsigned depth);


static bool
model_object(model_t *r, unsigned depth)
{
    size_t  n;

    while (r->rest.size >= 2) {
        n = oa_get_u16(r->rest.data);
        (void) model_get(r, 2);

        if (n == 0) {
            n = r->rest.size != 0 ? r->rest.data[0] : 0;
            return model_get(r, 1) && n == 9;
        }

        if (!model_get(r, n) || !model_read(r, depth)) {
            return false;
        }
    }

    return true;
}


static bool
model_array(model_t *r, unsigned depth)
{
    uint32_t  n;

    if (r->rest.size < 4) {
        return false;
    }

    n = oa_get_u32(r->rest.data);
    (void) model_get(r, 4);

    for ( /* void */ ; n > 0; n--) {
        if (!model_read(r, depth)) {
            return false;
        }
    }

    return true;
}


static bool
model_read(model_t *r, unsigned depth)
{
    uint8_t  marker;

    if (r->rest.size == 0) {
        return false;
    }

    marker = r->rest.data[0];
    (void) model_get(r, 1);

    if (marker == 3 || ((marker == 8 || marker == 10) && r->rest.size >= 4)) {
        depth++;
        r->deepest = depth > r->deepest ? depth : r->deepest;
    }

    switch (marker) {
    case 0:
        return model_get(r, 8);
    case 1:
        return model_get(r, 1);
    case 2:
        return r->rest.size >= 2
               && model_get(r, 2 + (size_t) oa_get_u16(r->rest.data));
    case 3:
        return model_object(r, depth);
    case 5:
    case 6:
    case 9:
        return true;
    case 8:
        return model_get(r, 4) && model_object(r, depth);
    case 10:
        return model_array(r, depth);
    }

    return false;
}


/* Bytes that mostly mean something, so that the walk goes far. */
static size_t
random_message(uint8_t *p, size_t size, uint64_t *seed)
{
    size_t    n;
    uint32_t  kind;

    static const oa_slice_t  words[] = {
        { (const uint8_t *) "\x03", 1 },
        { (const uint8_t *) "\x03\x00\x01x", 4 },
        { (const uint8_t *) "\x00\x01x", 3 },
        { (const uint8_t *) "\x00\x00\x09", 3 },
        { (const uint8_t *) "\x0a\x00\x00\x00\x03", 5 },
        { (const uint8_t *) "\x0a\xff\xff\xff\xff", 5 },
        { (const uint8_t *) "\x0a\x00\x00\x00\x00", 5 },
        { (const uint8_t *) "\x08\x00\x00\x00\x00", 5 },
        { (const uint8_t *) "\x02\x00\x02\x03\x0a", 5 },
        { (const uint8_t *) "\x00\x03\x03\x03\x03\x03\x03\x03\x03", 9 },
        { (const uint8_t *) "\x01\x0a", 2 },
        { (const uint8_t *) "\x05", 1 },
        { (const uint8_t *) "\x09", 1 },
        { (const uint8_t *) "\x10\x00\x00", 3 },
        { (const uint8_t *) "\x0b\0\0\0\0\0\0\0\0\0\0", 11 }
    };

    for (n = 0; n + 11 <= size && unit_random(seed) % 40 != 0; ) {
        kind = unit_random(seed) % 160;

        if (kind == 0) {
            p[n++] = (uint8_t) unit_random(seed);

        } else {
            kind = kind > 153 ? 13 + kind % 2 : kind % 13;
            memcpy(&p[n], words[kind].data, words[kind].size);
            n += words[kind].size;
        }
    }

    return n;
}


static void
test_guard_sees_what_the_reader_sees(void **state)
{
    size_t    n;
    model_t   r;
    uint8_t   buf[400], *p;
    uint64_t  seed;
    unsigned  i, max, deep;

    (void) state;

    seed = 1935;
    deep = 0;

    for (i = 0; i < 200000; i++) {
        n = random_message(buf, sizeof(buf), &seed);
        p = malloc(n ? n : 1);
        memcpy(p, buf, n);

        r.rest = oa_slice(p, n);
        r.deepest = 0;
        while (model_read(&r, 0)) { /* void */ }

        max = 1 + unit_random(&seed) % OA_AMF_MAX_DEPTH;

        if (oa_amf_guard(oa_slice(p, n), max) == OA_OK) {
            assert_true(r.deepest <= max);
        }

        deep += r.deepest > 4;
        free(p);
    }

    /* the messages are worth it */
    assert_true(deep > 2000);
}


/* Reads all of a field, for the sanitizers to see. */
static void
read_field(void *ctx, const oa_amf_field_t *field)
{
    uint64_t  *sum = ctx;

    *sum += oa_hash64(field->name) + oa_hash64(field->text)
            + (field->number > 0);
}


static void
parse_any(oa_slice_t s)
{
    uint64_t           sum = 0;
    oa_amf_metadata_t  m;

    (void) !oa_amf_metadata_each(s, read_field, &sum);

    if (oa_amf_metadata_parse(s, &m) == OA_OK) {
        assert_true(m.width >= 0 && m.width <= 1e9);
        assert_true(m.frame_rate >= 0 && m.frame_rate <= 1e9);
        assert_true(strlen(m.encoder) < sizeof(m.encoder));
    }

    (void) !oa_amf_guard(s, 8);
}


static void
test_mutations(void **state)
{
    const oa_slice_t  seeds[] = {
        unit_bytes(ffmpeg_metadata),
        unit_bytes("\x03\x00\x01" "b\x0a\x00\x00\x00\x02\x05\x01\x00"
                   "\x00\x05" "width" SEVEN "\x00\x00\x09"),
        unit_bytes("\x03\x00\x01" "f\x10\x00\x01T\x00\x01x\x06\x00\x00\x09")
    };

    (void) state;

    unit_mutations(seeds, 3, 200000, parse_any);
}


static void
count_field(void *ctx, const oa_amf_field_t *field)
{
    unsigned  *n = ctx;

    assert_true(field->name.size > 0);
    n[field->kind]++;
}


static void
test_each_field(void **state)
{
    unsigned    n[3] = { 0 };
    oa_slice_t  m = unit_bytes(ffmpeg_metadata);

    (void) state;
    assert_int_equal(oa_amf_metadata_each(m, count_field, n), OA_OK);
    assert_int_equal(n[OA_AMF_FIELD_NUMBER], 11);
    assert_int_equal(n[OA_AMF_FIELD_BOOLEAN], 1);
    assert_int_equal(n[OA_AMF_FIELD_TEXT], 1);

    m.size = 100;
    assert_int_equal(oa_amf_metadata_each(m, count_field, n), OA_EINVAL);
    m.size = 0;
    assert_int_equal(oa_amf_metadata_each(m, count_field, n), OA_EINVAL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ffmpeg_metadata),
        cmocka_unit_test(test_tracks),
        cmocka_unit_test(test_codecs),
        cmocka_unit_test(test_numbers_that_mean_nothing),
        cmocka_unit_test(test_other_values_are_skipped),
        cmocka_unit_test(test_encoder_is_printable_and_bounded),
        cmocka_unit_test(test_unfinished_object),
        cmocka_unit_test(test_other_messages),
        cmocka_unit_test(test_malformed_metadata),
        cmocka_unit_test(test_guard_counts_nesting),
        cmocka_unit_test(test_guard_closes_what_ends),
        cmocka_unit_test(test_guard_reads_on_where_the_reader_does),
        cmocka_unit_test(test_guard_ends_where_the_reader_does),
        cmocka_unit_test(test_guard_is_linear),
        cmocka_unit_test(test_guard_sees_what_the_reader_sees),
        cmocka_unit_test(test_each_field),
        cmocka_unit_test(test_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
