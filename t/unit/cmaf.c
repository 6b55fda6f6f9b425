
#include "unit.h"
#include "cmaf/oa_cmaf.h"


/* An AVCDecoderConfigurationRecord by x264: 318x178, 4:3 samples */
#define AVCC                                                                  \
    "\x01\x64\x00\x0d\xff\xe1\x00\x19\x67\x64\x00\x0d\xac\xd9\x41\x41"        \
    "\x9e\xa2\x30\xe1\x00\x00\x03\x03\xe9\x00\x00\xea\x60\x0f\x14\x29"        \
    "\x96\x01\x00\x06\x68\xea\xe3\xcb\x22\xc0\xfd\xf8\xf8\x00"

#define MATRIX                                                                \
    "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"                        \
    "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"                        \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x40\x00\x00\x00"

#define ZEROS8    "\x00\x00\x00\x00\x00\x00\x00\x00"
#define ZEROS16   ZEROS8 ZEROS8

#define DINF                                                                  \
    "\x00\x00\x00\x24" "dinf"                                                 \
    "\x00\x00\x00\x1c" "dref" "\x00\x00\x00\x00" "\x00\x00\x00\x01"           \
    "\x00\x00\x00\x0c" "url " "\x00\x00\x00\x01"

#define EMPTY_TABLES                                                          \
    "\x00\x00\x00\x10" "stts" ZEROS8                                          \
    "\x00\x00\x00\x10" "stsc" ZEROS8                                          \
    "\x00\x00\x00\x14" "stsz" ZEROS8 "\x00\x00\x00\x00"                       \
    "\x00\x00\x00\x10" "stco" ZEROS8

#define FTYP                                                                  \
    "\x00\x00\x00\x1c" "ftyp" "iso6" "\x00\x00\x00\x00" "iso6" "cmfc" "mp41"

#define MVHD(timescale)                                                       \
    "\x00\x00\x00\x6c" "mvhd"                                                 \
    "\x00\x00\x00\x00" ZEROS8 timescale "\x00\x00\x00\x00"                    \
    "\x00\x01\x00\x00" "\x01\x00" "\x00\x00" ZEROS8                           \
    MATRIX ZEROS16 ZEROS8 "\x00\x00\x00\x02"

#define TKHD(volume, size)                                                    \
    "\x00\x00\x00\x5c" "tkhd"                                                 \
    "\x00\x00\x00\x07" ZEROS8 "\x00\x00\x00\x01" "\x00\x00\x00\x00"           \
    "\x00\x00\x00\x00" ZEROS8 "\x00\x00" "\x00\x00" volume "\x00\x00"         \
    MATRIX size

#define MDHD(timescale)                                                       \
    "\x00\x00\x00\x20" "mdhd"                                                 \
    "\x00\x00\x00\x00" ZEROS8 timescale "\x00\x00\x00\x00"                    \
    "\x55\xc4" "\x00\x00"

#define HDLR(handler, name)                                                   \
    "\x00\x00\x00\x26" "hdlr"                                                 \
    "\x00\x00\x00\x00" "\x00\x00\x00\x00" handler ZEROS8                      \
    "\x00\x00\x00\x00" name "\x00"

#define MVEX                                                                  \
    "\x00\x00\x00\x28" "mvex"                                                 \
    "\x00\x00\x00\x20" "trex" "\x00\x00\x00\x00" "\x00\x00\x00\x01"           \
    "\x00\x00\x00\x01" "\x00\x00\x00\x00" ZEROS8


static const char  video_init[] =
    FTYP
    "\x00\x00\x02\x86" "moov"
    MVHD("\x00\x01\x5f\x90")
    "\x00\x00\x01\xea" "trak"
    TKHD("\x00\x00", "\x01\xa8\x00\x00" "\x00\xb2\x00\x00")  /* 424x178 */
    "\x00\x00\x01\x86" "mdia"
    MDHD("\x00\x01\x5f\x90")
    HDLR("vide", "video")
    "\x00\x00\x01\x38" "minf"
    "\x00\x00\x00\x14" "vmhd" "\x00\x00\x00\x01" ZEROS8
    DINF
    "\x00\x00\x00\xf8" "stbl"
    "\x00\x00\x00\xac" "stsd" "\x00\x00\x00\x00" "\x00\x00\x00\x01"
    "\x00\x00\x00\x9c" "avc1"
    "\x00\x00\x00\x00\x00\x00" "\x00\x01" ZEROS16
    "\x01\x3e" "\x00\xb2" "\x00\x48\x00\x00" "\x00\x48\x00\x00"
    "\x00\x00\x00\x00" "\x00\x01" ZEROS16 ZEROS16 "\x00\x18" "\xff\xff"
    "\x00\x00\x00\x36" "avcC" AVCC
    "\x00\x00\x00\x10" "pasp" "\x00\x00\x00\x04" "\x00\x00\x00\x03"
    EMPTY_TABLES
    MVEX;


static const char  audio_init[] =
    FTYP
    "\x00\x00\x02\x3d" "moov"
    MVHD("\x00\x00\xac\x44")
    "\x00\x00\x01\xa1" "trak"
    TKHD("\x01\x00", ZEROS8)
    "\x00\x00\x01\x3d" "mdia"
    MDHD("\x00\x00\xac\x44")
    HDLR("soun", "audio")
    "\x00\x00\x00\xef" "minf"
    "\x00\x00\x00\x10" "smhd" ZEROS8
    DINF
    "\x00\x00\x00\xb3" "stbl"
    "\x00\x00\x00\x67" "stsd" "\x00\x00\x00\x00" "\x00\x00\x00\x01"
    "\x00\x00\x00\x57" "mp4a"
    "\x00\x00\x00\x00\x00\x00" "\x00\x01" ZEROS8
    "\x00\x02" "\x00\x10" "\x00\x00\x00\x00" "\xac\x44\x00\x00"
    "\x00\x00\x00\x33" "esds" "\x00\x00\x00\x00"
    "\x03\x80\x80\x80\x22" "\x00\x00" "\x00"
    "\x04\x80\x80\x80\x14" "\x40" "\x15" "\x00\x00\x00" ZEROS8
    "\x05\x80\x80\x80\x02" "\x12\x10"
    "\x06\x80\x80\x80\x01" "\x02"
    EMPTY_TABLES
    MVEX;


static oa_codec_video_t
avc_config(void)
{
    oa_codec_video_t  config;

    assert_int_equal(oa_codec_video_config(OA_CODEC_AVC,
                                           unit_bytes(AVCC), &config), OA_OK);

    return config;
}


static oa_codec_audio_t
aac_config(oa_slice_t asc)
{
    oa_codec_audio_t  config;

    assert_int_equal(oa_codec_audio_config(OA_CODEC_AAC, asc, &config), OA_OK);

    return config;
}


/* The first occurrence of a box of that type, its header included. */
static oa_slice_t
find_box(oa_slice_t s, const char *type)
{
    size_t  i;

    for (i = 4; i + 4 <= s.size; i++) {
        if (memcmp(&s.data[i], type, 4) == 0) {
            return oa_slice(&s.data[i - 4], oa_get_u32(&s.data[i - 4]));
        }
    }

    return oa_slice(NULL, 0);
}


static void
test_video_init(void **state)
{
    size_t           size;
    uint8_t          buf[OA_CMAF_INIT_OVERHEAD + sizeof(AVCC) - 1];
    oa_codec_video_t  config;

    (void) state;

    config = avc_config();
    assert_int_equal(oa_cmaf_video_init(&config, unit_bytes(AVCC), 90000, buf,
                                        sizeof(buf), &size), OA_OK);
    assert_int_equal(size, sizeof(video_init) - 1);
    assert_memory_equal(buf, video_init, size);
}


static void
test_audio_init(void **state)
{
    size_t           size;
    uint8_t          buf[OA_CMAF_INIT_OVERHEAD + 2];
    oa_codec_audio_t  config;

    (void) state;

    config = aac_config(unit_bytes("\x12\x10"));
    assert_int_equal(oa_cmaf_audio_init(&config, unit_bytes("\x12\x10"), 44100,
                                        buf, sizeof(buf), &size), OA_OK);
    assert_int_equal(size, sizeof(audio_init) - 1);
    assert_memory_equal(buf, audio_init, size);
}


static void
test_square_samples_have_no_pasp(void **state)
{
    size_t           size;
    uint8_t          buf[2048];
    oa_slice_t       init, tkhd;
    oa_codec_video_t  config;

    (void) state;

    config = avc_config();
    config.sar_width = 9;
    config.sar_height = 9;
    assert_int_equal(oa_cmaf_video_init(&config, unit_bytes(AVCC), 90000, buf,
                                        sizeof(buf), &size), OA_OK);

    init = oa_slice(buf, size);
    assert_int_equal(find_box(init, "pasp").size, 0);
    tkhd = find_box(init, "tkhd");
    assert_int_equal(oa_get_u32(&tkhd.data[84]), 318 << 16);
}


static void
test_display_width_has_a_limit(void **state)
{
    size_t           size;
    uint8_t          buf[2048];
    oa_slice_t       tkhd;
    oa_codec_video_t  config;

    (void) state;

    config = avc_config();
    config.width = 16384;
    config.sar_width = 65535;
    config.sar_height = 1;
    assert_int_equal(oa_cmaf_video_init(&config, unit_bytes(AVCC), 90000, buf,
                                        sizeof(buf), &size), OA_OK);

    tkhd = find_box(oa_slice(buf, size), "tkhd");
    assert_int_equal(oa_get_u32(&tkhd.data[84]), UINT32_MAX);
}


static void
test_high_rates_and_long_configurations(void **state)
{
    size_t           size;
    uint8_t          asc[300] = "\x10\x10", buf[OA_CMAF_INIT_OVERHEAD + 300];
    oa_slice_t       mp4a, esds;
    oa_codec_audio_t  config;

    (void) state;

    config = aac_config(oa_slice(asc, sizeof(asc)));
    assert_int_equal(config.clock_rate, 96000);
    assert_int_equal(oa_cmaf_audio_init(&config, oa_slice(asc, sizeof(asc)),
                                        96000, buf, sizeof(buf), &size),
                     OA_OK);

    mp4a = find_box(oa_slice(buf, size), "mp4a");
    assert_int_equal(oa_get_u32(&mp4a.data[32]), 0);

    esds = find_box(oa_slice(buf, size), "esds");
    assert_memory_equal(&esds.data[12], "\x03\x80\x80\x82\x4c", 5);
    assert_memory_equal(&esds.data[20], "\x04\x80\x80\x82\x3e", 5);
    assert_memory_equal(&esds.data[38], "\x05\x80\x80\x82\x2c\x10\x10", 7);
}


static void
test_init_needs_room(void **state)
{
    size_t           n, size;
    uint8_t         *buf;
    oa_codec_audio_t  aac;
    oa_codec_video_t  avc;

    (void) state;

    avc = avc_config();
    aac = aac_config(unit_bytes("\x12\x10"));

    for (n = 0; n < sizeof(video_init) - 1; n++) {
        buf = malloc(n);
        assert_int_equal(oa_cmaf_video_init(&avc, unit_bytes(AVCC), 90000,
                                            buf, n, &size), OA_EFULL);

        if (n < sizeof(audio_init) - 1) {
            assert_int_equal(oa_cmaf_audio_init(&aac, unit_bytes("\x12\x10"),
                                                44100, buf, n, &size),
                             OA_EFULL);
        }

        free(buf);
    }
}


static size_t
chunk_header(const oa_cmaf_chunk_t *chunk, uint8_t *buf, size_t capacity)
{
    size_t  size;

    assert_int_equal(oa_cmaf_chunk_header(chunk, buf, capacity, &size),
                     OA_OK);

    return size;
}


static void
test_video_chunk(void **state)
{
    static const oa_cmaf_sample_t  samples[] = {
        { 3003, 0x1234, 6006, true },
        { 3003, 0x56, -3003, false },
        { 3003, 0x78, 0, false }
    };

    static const char  expected[] =
        "\x00\x00\x00\x7c" "moof"
        "\x00\x00\x00\x10" "mfhd" "\x00\x00\x00\x00" "\x00\x00\x00\x07"
        "\x00\x00\x00\x64" "traf"
        "\x00\x00\x00\x18" "tfhd" "\x00\x02\x00\x28" "\x00\x00\x00\x01"
        "\x00\x00\x0b\xbb" "\x01\x01\x00\x00"
        "\x00\x00\x00\x14" "tfdt" "\x01\x00\x00\x00"
        "\x00\x00\x00\x01\x00\x00\x00\x02"
        "\x00\x00\x00\x30" "trun" "\x01\x00\x0a\x05" "\x00\x00\x00\x03"
        "\x00\x00\x00\x84" "\x02\x00\x00\x00"
        "\x00\x00\x12\x34" "\x00\x00\x17\x76"
        "\x00\x00\x00\x56" "\xff\xff\xf4\x45"
        "\x00\x00\x00\x78" "\x00\x00\x00\x00"
        "\x00\x00\x13\x0a" "mdat";

    size_t           n, size;
    uint8_t         *small, buf[OA_CMAF_MOOF_SIZE(3)];
    oa_cmaf_chunk_t  chunk = { 7, 0x100000002, samples, 3, false, false };

    (void) state;

    size = chunk_header(&chunk, buf, sizeof(buf));
    assert_int_equal(size, sizeof(expected) - 1);
    assert_memory_equal(buf, expected, size);

    for (n = 0; n < size; n++) {
        small = malloc(n);
        assert_int_equal(oa_cmaf_chunk_header(&chunk, small, n, &size),
                         OA_EFULL);
        free(small);
    }
}


static void
test_audio_chunk(void **state)
{
    static const oa_cmaf_sample_t  samples[] = {
        { 1024, 371, 0, false },
        { 1024, 372, 0, false }
    };

    static const char  expected[] =
        "\x00\x00\x00\x68" "moof"
        "\x00\x00\x00\x10" "mfhd" "\x00\x00\x00\x00" "\x00\x00\x00\x01"
        "\x00\x00\x00\x50" "traf"
        "\x00\x00\x00\x18" "tfhd" "\x00\x02\x00\x28" "\x00\x00\x00\x01"
        "\x00\x00\x04\x00" "\x02\x00\x00\x00"
        "\x00\x00\x00\x14" "tfdt" "\x01\x00\x00\x00" ZEROS8
        "\x00\x00\x00\x1c" "trun" "\x01\x00\x02\x01" "\x00\x00\x00\x02"
        "\x00\x00\x00\x70"
        "\x00\x00\x01\x73" "\x00\x00\x01\x74"
        "\x00\x00\x02\xef" "mdat";

    size_t           size;
    uint8_t          buf[OA_CMAF_MOOF_SIZE(2)];
    oa_cmaf_chunk_t  chunk = { 1, 0, samples, 2, true, false };

    (void) state;

    size = chunk_header(&chunk, buf, sizeof(buf));
    assert_int_equal(size, sizeof(expected) - 1);
    assert_memory_equal(buf, expected, size);
}


static void
test_chunks_that_cannot_be(void **state)
{
    size_t            size;
    uint8_t           buf[256];
    oa_cmaf_sample_t  samples[] = {
        { 1, UINT32_MAX - 8, 0, true },
        { 1, 1, 0, true }
    };
    oa_cmaf_chunk_t   chunk = { 1, 0, samples, 0, false, false };

    (void) state;

    assert_int_equal(oa_cmaf_chunk_header(&chunk, buf, sizeof(buf), &size),
                     OA_EINVAL);

    chunk.nsamples = 2;
    assert_int_equal(oa_cmaf_chunk_header(&chunk, buf, sizeof(buf), &size),
                     OA_EINVAL);

    chunk.nsamples = 1;
    size = chunk_header(&chunk, buf, sizeof(buf));
    assert_int_equal(oa_get_u32(&buf[size - 8]), UINT32_MAX);
}


/* Reads a trun back: every sample must come out as it went in. */
static void
assert_chunk(const oa_cmaf_chunk_t *chunk, oa_slice_t header)
{
    uint32_t        i, flags, duration, sample_flags, v;
    oa_slice_t      tfhd, trun;
    const uint8_t  *p;

    tfhd = find_box(header, "tfhd");
    trun = find_box(header, "trun");

    p = &tfhd.data[16];
    duration = 0;

    if (oa_get_u24(&tfhd.data[9]) & 0x8) {
        duration = oa_get_u32(p);
        p += 4;
    }

    sample_flags = oa_get_u32(p);
    assert_ptr_equal(p + 4, tfhd.data + tfhd.size);

    flags = oa_get_u24(&trun.data[9]);
    assert_int_equal(oa_get_u32(&trun.data[12]), chunk->nsamples);
    assert_int_equal(oa_get_u32(&trun.data[16]), header.size);
    p = &trun.data[20] + (flags & 0x4 ? 4 : 0);

    for (i = 0; i < chunk->nsamples; i++) {
        v = duration;

        if (flags & 0x100) {
            v = oa_get_u32(p);
            p += 4;
        }

        assert_int_equal(v, chunk->samples[i].duration);

        assert_int_equal(oa_get_u32(p), chunk->samples[i].size);
        p += 4;

        v = i == 0 && flags & 0x4 ? oa_get_u32(&trun.data[20]) : sample_flags;

        if (flags & 0x400) {
            v = oa_get_u32(p);
            p += 4;
        }

        assert_int_equal(v, chunk->samples[i].sync ? 0x02000000 : 0x01010000);

        v = 0;

        if (flags & 0x800) {
            v = oa_get_u32(p);
            p += 4;
        }

        assert_int_equal((int32_t) v, chunk->samples[i].composition);
    }

    assert_ptr_equal(p, trun.data + trun.size);
}


static void
test_any_samples_fit_and_come_back(void **state)
{
    size_t            size;
    uint8_t          *buf;
    uint32_t          round, i, varied;
    uint64_t          seed;
    oa_cmaf_chunk_t   chunk = { 1, 0, NULL, 0, false, false };
    oa_cmaf_sample_t  samples[12];

    (void) state;

    seed = 7;
    chunk.samples = samples;

    for (round = 0; round < 20000; round++) {
        chunk.nsamples = 1 + unit_random(&seed) % 12;
        varied = unit_random(&seed) % 16;

        for (i = 0; i < chunk.nsamples; i++) {
            samples[i].size = unit_random(&seed) % 100000;
            samples[i].duration = varied & 1 ? unit_random(&seed) : 3000;
            samples[i].composition = varied & 2
                                     ? (int32_t) unit_random(&seed) : 0;
            samples[i].sync = varied & 4 ? unit_random(&seed) & 1
                                         : varied & 8 && i == 0;
        }

        size = OA_CMAF_MOOF_SIZE(chunk.nsamples);
        buf = malloc(size);
        size = chunk_header(&chunk, buf, size);
        assert_chunk(&chunk, oa_slice(buf, size));
        free(buf);
    }
}


/* --- the other codecs ------------------------------------------------ */

/* By x265, 320x180; with a comment, which is left out. */
#define HVCC_HEAD                                                             \
    "\x01\x01\x60\x00\x00\x00\x90\x00\x00\x00\x00\x00\x3c\xf0\x00\xfc\xfd"    \
    "\xf8\xf8\x00\x00\x0f"
#define VPS                                                                   \
    "\x00\x01\x00\x18\x40\x01\x0c\x01\xff\xff\x01\x60\x00\x00\x03\x00\x90"    \
    "\x00\x00\x03\x00\x00\x03\x00\x3c\x95\x94\x09"
#define SPS                                                                   \
    "\x00\x01\x00\x2b\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03"    \
    "\x00\x00\x03\x00\x3c\xa0\x0a\x08\x0c\x1f\x3e\x59\x59\x52\x93\x0b\xc0"    \
    "\x5a\x02\x00\x00\x03\x00\x02\x00\x00\x03\x00\x3c\x10"
#define PPS        "\x00\x01\x00\x06\x44\x01\xc0\x73\xc1\x89"
#define COMMENT    "\x27\x00\x01\x00\x06\x4e\x01\x05\x01\xab\x80"

#define HVCC       HVCC_HEAD "\x04\x20" VPS "\x21" SPS "\x22" PPS COMMENT
#define HVCC_FILE  HVCC_HEAD "\x03\xa0" VPS "\xa1" SPS "\xa2" PPS
#define HVCC_OPEN  HVCC_HEAD "\x03\x20" VPS "\x21" SPS "\x22" PPS

/* By libaom: 1920x1080, PQ. */
#define AV1C                                                                  \
    "\x81\x09\x4c\x00\x0a\x0e\x00\x00\x00\x4a\xab\xbf\xc3\x77\x6b\xe5\x42"    \
    "\x44\x02\x41"

#define OPUS_HEAD  "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"


static void
assert_box(oa_slice_t init, const char *type, oa_slice_t content)
{
    oa_slice_t  box;

    box = find_box(init, type);
    assert_non_null(box.data);
    assert_int_equal(box.size, content.size + 8);
    assert_memory_equal(box.data + 8, content.data, content.size);
}


static oa_slice_t
other_video(oa_codec_id_t codec, oa_slice_t record, bool in_band,
    uint8_t *buf, size_t capacity)
{
    size_t            size;
    oa_codec_video_t  config;

    assert_int_equal(oa_codec_video_config(codec, record, &config), OA_OK);

    if (in_band) {
        oa_codec_video_in_band(&config);
    }

    assert_int_equal(oa_cmaf_video_init(&config, record, 360000, buf, capacity,
                                        &size), OA_OK);

    return oa_slice(buf, size);
}


static void
test_hevc_init(void **state)
{
    uint8_t     buf[2048];
    oa_slice_t  init;

    (void) state;

    init = other_video(OA_CODEC_HEVC, unit_bytes(HVCC), false, buf,
                       sizeof(buf));
    assert_non_null(find_box(init, "hvc1").data);
    assert_box(init, "hvcC", unit_bytes(HVCC_FILE));
    assert_null(find_box(init, "colr").data);
    assert_null(find_box(init, "av01").data);

    /* the samples may have others: nothing is complete here */
    init = other_video(OA_CODEC_HEVC, unit_bytes(HVCC), true, buf,
                       sizeof(buf));
    assert_non_null(find_box(init, "hev1").data);
    assert_null(find_box(init, "hvc1").data);
    assert_box(init, "hvcC", unit_bytes(HVCC_OPEN));
}


static void
test_av1_init(void **state)
{
    uint8_t     buf[2048];
    oa_slice_t  init, ftyp;

    (void) state;

    init = other_video(OA_CODEC_AV1, unit_bytes(AV1C), false, buf,
                       sizeof(buf));
    ftyp = find_box(init, "ftyp");
    assert_int_equal(ftyp.size, 32);
    assert_memory_equal(ftyp.data + 28, "av01", 4);
    assert_box(init, "av1C", unit_bytes(AV1C));
    assert_box(init, "colr", unit_bytes("nclx\x00\x09\x00\x10\x00\x09\x00"));
}


static void
test_opus_init(void **state)
{
    size_t            size;
    uint8_t           buf[2048];
    oa_slice_t        init;
    oa_codec_audio_t  config;

    (void) state;

    assert_int_equal(oa_codec_audio_config(OA_CODEC_OPUS,
                                           unit_bytes(OPUS_HEAD), &config),
                     OA_OK);
    assert_int_equal(oa_cmaf_audio_init(&config, unit_bytes(OPUS_HEAD), 48000,
                                        buf, sizeof(buf), &size), OA_OK);
    init = oa_slice(buf, size);

    assert_non_null(find_box(init, "Opus").data);
    assert_box(init, "dOps",
               unit_bytes("\x00\x02\x01\x38\x00\x00\xbb\x80\x00\x00\x00"));
    assert_box(init, "elst",
               unit_bytes("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"
                          "\x00\x00\x01\x38\x00\x01\x00\x00"));
    assert_box(init, "sgpd",
               unit_bytes("\x01\x00\x00\x00" "roll\x00\x00\x00\x02"
                          "\x00\x00\x00\x01\xff\xfc"));

    /* nothing to throw away, and packets of 2.5 ms */
    config.pre_skip = 0;
    config.frame_samples = 120;
    assert_int_equal(oa_cmaf_audio_init(&config, unit_bytes(OPUS_HEAD), 48000,
                                        buf, sizeof(buf), &size), OA_OK);
    init = oa_slice(buf, size);
    assert_null(find_box(init, "elst").data);
    assert_memory_equal(find_box(init, "sgpd").data + 24, "\xff\xe0", 2);
}


static void
test_opus_chunk(void **state)
{
    size_t            size;
    uint8_t           buf[OA_CMAF_MOOF_SIZE(2)];
    oa_slice_t        sbgp;
    oa_cmaf_sample_t  samples[] = { { 960, 5, 0, true }, { 960, 6, 0, true } };
    oa_cmaf_chunk_t   chunk = { 1, 0, samples, 2, true, true };

    (void) state;

    assert_int_equal(oa_cmaf_chunk_header(&chunk, buf, sizeof(buf), &size),
                     OA_OK);

    sbgp = find_box(oa_slice(buf, size), "sbgp");
    assert_int_equal(sbgp.size, 28);
    assert_memory_equal(sbgp.data + 8, "\x00\x00\x00\x00" "roll"
                        "\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01",
                        20);
}


static void
test_codecs_of_another_kind(void **state)
{
    size_t            size;
    uint8_t           buf[2048];
    oa_codec_audio_t  sound;
    oa_codec_video_t  picture;

    (void) state;

    memset(&picture, 0, sizeof(picture));
    memset(&sound, 0, sizeof(sound));
    picture.codec = OA_CODEC_AAC;
    sound.codec = OA_CODEC_AV1;

    assert_int_equal(oa_cmaf_video_init(&picture, unit_bytes("x"), 1, buf,
                                        sizeof(buf), &size), OA_EUNSUPPORTED);
    assert_int_equal(oa_cmaf_audio_init(&sound, unit_bytes("x"), 1, buf,
                                        sizeof(buf), &size), OA_EUNSUPPORTED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_video_init),
        cmocka_unit_test(test_audio_init),
        cmocka_unit_test(test_square_samples_have_no_pasp),
        cmocka_unit_test(test_display_width_has_a_limit),
        cmocka_unit_test(test_high_rates_and_long_configurations),
        cmocka_unit_test(test_init_needs_room),
        cmocka_unit_test(test_video_chunk),
        cmocka_unit_test(test_audio_chunk),
        cmocka_unit_test(test_chunks_that_cannot_be),
        cmocka_unit_test(test_any_samples_fit_and_come_back),
        cmocka_unit_test(test_hevc_init),
        cmocka_unit_test(test_av1_init),
        cmocka_unit_test(test_opus_init),
        cmocka_unit_test(test_opus_chunk),
        cmocka_unit_test(test_codecs_of_another_kind)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
