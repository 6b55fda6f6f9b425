
#include "unit.h"
#include "flv/oa_flv.h"


static oa_flv_message_t
video(oa_slice_t body)
{
    oa_flv_message_t  m;

    assert_int_equal(oa_flv_video_parse(body, &m, NULL), OA_OK);

    return m;
}


static oa_flv_message_t
audio(oa_slice_t body)
{
    oa_flv_message_t  m;

    assert_int_equal(oa_flv_audio_parse(body, &m, NULL), OA_OK);

    return m;
}


static void
assert_refused(bool is_video, oa_slice_t body, oa_err_t err,
    const char *reason, const char *fourcc)
{
    oa_err_t          rc;
    oa_flv_message_t  m;
    oa_flv_refusal_t  refusal = { "", "????" };

    rc = is_video ? oa_flv_video_parse(body, &m, &refusal)
                  : oa_flv_audio_parse(body, &m, &refusal);

    assert_int_equal(rc, err);
    assert_string_equal(refusal.fourcc, fourcc);
    assert_non_null(strstr(refusal.reason, reason));

    rc = is_video ? oa_flv_video_parse(body, &m, NULL)
                  : oa_flv_audio_parse(body, &m, NULL);

    assert_int_equal(rc, err);
}


static void
test_video_config(void **state)
{
    oa_flv_message_t  m;

    (void) state;

    m = video(unit_bytes("\x17\x00\x00\x00\x00\x01\x64"));
    assert_int_equal(m.kind, OA_FLV_CONFIG);
    assert_int_equal(m.data.size, 2);
    assert_memory_equal(m.data.data, "\x01\x64", 2);
}


static void
test_video_frames(void **state)
{
    oa_flv_message_t  m;

    (void) state;

    m = video(unit_bytes("\x17\x01\x00\x00\x42pic"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_true(m.keyframe);
    assert_int_equal(m.composition_ms, 66);
    assert_int_equal(m.data.size, 3);
    assert_memory_equal(m.data.data, "pic", 3);

    assert_false(video(unit_bytes("\x27\x01\x00\x00\x00p")).keyframe);
    assert_false(video(unit_bytes("\x37\x01\x00\x00\x00p")).keyframe);
    assert_true(video(unit_bytes("\x47\x01\x00\x00\x00p")).keyframe);
}


static void
test_composition_time_is_signed(void **state)
{
    (void) state;

    assert_int_equal(video(unit_bytes("\x27\x01\xff\xff\xdfp"))
                     .composition_ms, -33);
    assert_int_equal(video(unit_bytes("\x27\x01\x7f\xff\xffp"))
                     .composition_ms, 8388607);
    assert_int_equal(video(unit_bytes("\x27\x01\x80\x00\x00p"))
                     .composition_ms, -8388608);
}


static void
test_video_ends(void **state)
{
    (void) state;

    assert_int_equal(video(unit_bytes("\x17\x02\x00\x00\x00")).kind,
                     OA_FLV_END);
    assert_int_equal(video(unit_bytes("\x17\x02")).kind, OA_FLV_END);
}


static void
test_nothing_to_do(void **state)
{
    (void) state;

    assert_int_equal(video(unit_bytes("")).kind, OA_FLV_IGNORE);
    assert_int_equal(audio(unit_bytes("")).kind, OA_FLV_IGNORE);
    assert_int_equal(video(unit_bytes("\x57\x00")).kind, OA_FLV_IGNORE);
    assert_int_equal(video(unit_bytes("\x52\x01")).kind, OA_FLV_IGNORE);
    assert_int_equal(video(unit_bytes("\xd1\x00")).kind, OA_FLV_IGNORE);
    assert_int_equal(video(unit_bytes("\x27\x01\x00\x00\x00")).kind,
                     OA_FLV_IGNORE);
    assert_int_equal(audio(unit_bytes("\xaf\x01")).kind, OA_FLV_IGNORE);
}


static void
test_audio(void **state)
{
    oa_flv_message_t  m;

    (void) state;

    m = audio(unit_bytes("\xaf\x00\x12\x10"));
    assert_int_equal(m.kind, OA_FLV_CONFIG);
    assert_int_equal(m.data.size, 2);
    assert_memory_equal(m.data.data, "\x12\x10", 2);

    m = audio(unit_bytes("\xaf\x01sound"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.data.size, 5);
    assert_memory_equal(m.data.data, "sound", 5);
    assert_int_equal(m.composition_ms, 0);
}


static void
test_other_codecs_are_refused(void **state)
{
    (void) state;

    assert_refused(true, unit_bytes("\x12\x00"), OA_EUNSUPPORTED,
                   "Sorenson", "");
    assert_refused(true, unit_bytes("\x1d\x00"), OA_EUNSUPPORTED, "AV1", "");
    assert_refused(true, unit_bytes("\x1f\x00"), OA_EUNSUPPORTED,
                   "this video codec", "");
    assert_refused(false, unit_bytes("\x2f\x00"), OA_EUNSUPPORTED,
                   "MP3 audio is not supported; set the encoder to AAC", "");
    assert_refused(false, unit_bytes("\x7f\x00"), OA_EUNSUPPORTED,
                   "G.711", "");
    assert_refused(false, unit_bytes("\xcf\x00"), OA_EUNSUPPORTED,
                   "this audio codec", "");
}


static void
test_hevc_in_a_plain_tag(void **state)
{
    oa_flv_message_t  m;

    (void) state;

    m = video(unit_bytes("\x1c\x01\x00\x00\x21pic"));
    assert_int_equal(m.codec, OA_CODEC_HEVC);
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.composition_ms, 33);
    assert_true(m.keyframe);
}


static void
test_enhanced_video(void **state)
{
    oa_flv_message_t  m;

    (void) state;

    m = video(unit_bytes("\x90hvc1\x01\x02"));
    assert_int_equal(m.codec, OA_CODEC_HEVC);
    assert_int_equal(m.kind, OA_FLV_CONFIG);
    assert_int_equal(m.data.size, 2);

    m = video(unit_bytes("\xa1hvc1\xff\xff\xdfpic"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.composition_ms, -33);
    assert_false(m.keyframe);
    assert_memory_equal(m.data.data, "pic", 3);
    assert_int_equal(m.data.size, 3);

    m = video(unit_bytes("\x93hvc1pic"));
    assert_int_equal(m.composition_ms, 0);
    assert_true(m.keyframe);
    assert_int_equal(m.data.size, 3);

    m = video(unit_bytes("\x91" "avc1\x00\x00\x01p"));
    assert_int_equal(m.codec, OA_CODEC_AVC);
    assert_int_equal(m.composition_ms, 1);

    assert_int_equal(video(unit_bytes("\x92hvc1")).kind, OA_FLV_END);
    assert_int_equal(video(unit_bytes("\x94hvc1\x02\x00\x09" "colorInfo"))
                     .kind, OA_FLV_IGNORE);
    assert_int_equal(video(unit_bytes("\x93hvc1")).kind, OA_FLV_IGNORE);
    assert_int_equal(video(unit_bytes("\xd1\x00")).kind, OA_FLV_IGNORE);
}


static void
test_enhanced_audio(void **state)
{
    oa_flv_message_t  m;

    (void) state;

    m = audio(unit_bytes("\x90mp4a\x12\x10"));
    assert_int_equal(m.codec, OA_CODEC_AAC);
    assert_int_equal(m.kind, OA_FLV_CONFIG);
    assert_int_equal(m.data.size, 2);

    m = audio(unit_bytes("\x91mp4asound"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.data.size, 5);

    assert_int_equal(audio(unit_bytes("\x92mp4a")).kind, OA_FLV_END);
    assert_int_equal(audio(unit_bytes("\x94mp4a\x01\x02")).kind,
                     OA_FLV_IGNORE);
}


/* One track is as good as none said. */
static void
test_multitrack(void **state)
{
    oa_flv_message_t  m;

    (void) state;

    m = video(unit_bytes("\xa6\x01hvc1\x05\x00\x00\x02pic"));
    assert_int_equal(m.codec, OA_CODEC_HEVC);
    assert_int_equal(m.track, 5);
    assert_int_equal(m.composition_ms, 2);
    assert_int_equal(m.data.size, 3);

    m = video(unit_bytes("\x96\x10hvc1\x00\x00\x00\x02" "ab"));
    assert_int_equal(m.kind, OA_FLV_CONFIG);
    assert_int_equal(m.data.size, 2);

    m = video(unit_bytes("\x96\x23hvc1\x07\x00\x00\x03" "abc"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.track, 7);
    assert_int_equal(m.data.size, 3);

    m = audio(unit_bytes("\x95\x11mp4a\x01\x00\x00\x02" "ab"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.track, 1);

    assert_refused(true, unit_bytes("\x96\x13hvc1\x00\x00\x00\x01" "a"
                                    "\x01\x00\x00\x01" "b"),
                   OA_EUNSUPPORTED, "several video tracks", "");
    assert_refused(false, unit_bytes("\x95\x21mp4a\x00\x00\x00\x01" "a"
                                     "mp4a\x01\x00\x00\x01" "b"),
                   OA_EUNSUPPORTED, "several audio tracks", "");
    assert_refused(true, unit_bytes("\x96\x13hvc1\x00\x00\x00\x02" "a"),
                   OA_EINVAL, "truncated", "");
    assert_refused(true, unit_bytes("\x96\x13hvc1\x00\x00"),
                   OA_EINVAL, "truncated", "");
    assert_refused(true, unit_bytes("\x96\x33hvc1\x00"),
                   OA_EINVAL, "multitrack", "");
    assert_refused(true, unit_bytes("\x96\x06hvc1\x00"),
                   OA_EINVAL, "multitrack", "");
    assert_refused(true, unit_bytes("\x96"), OA_EINVAL, "truncated", "");
    assert_refused(true, unit_bytes("\x96\x01hvc"), OA_EINVAL, "truncated",
                   "");
}


static void
test_modifiers(void **state)
{
    oa_flv_message_t  m;
    uint8_t           body[300] = { 0xa7, 0xff, 0x00, 0xff };

    (void) state;

    m = video(unit_bytes("\xa7\x02\x00\x01\x02\x03hvc1pic"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.data.size, 3);

    /* two of them, and then a track */
    m = video(unit_bytes("\xa7\x00z\x07\x00z\x06\x03hvc1\x04pic"));
    assert_int_equal(m.track, 4);
    assert_int_equal(m.data.size, 3);

    /* a long one has a length of two bytes */
    memcpy(body + 4 + 256, "\x03hvc1pic", 8);
    m = video(oa_slice(body, 4 + 256 + 8));
    assert_int_equal(m.data.size, 3);

    m = audio(unit_bytes("\x97\x02\x00\x01\x02\x01mp4asnd"));
    assert_int_equal(m.kind, OA_FLV_FRAMES);
    assert_int_equal(m.data.size, 3);

    assert_refused(true, unit_bytes("\xa7"), OA_EINVAL, "modifier", "");
    assert_refused(true, unit_bytes("\xa7\xff\x00"), OA_EINVAL, "modifier",
                   "");
    assert_refused(true, unit_bytes("\xa7\x02\x00\x01"), OA_EINVAL,
                   "modifier", "");
    assert_refused(true, unit_bytes("\xa7\x00z"), OA_EINVAL, "modifier", "");
    assert_refused(true, unit_bytes("\xa7\x00z\x03hvc"), OA_EINVAL,
                   "truncated", "");
    assert_refused(true, unit_bytes("\xa7\x00z\x07\x00z\x07\x00z\x07"
                                    "\x00z\x07"
                                    "\x00z\x07\x00z\x07\x00z\x07\x00z\x07"
                                    "\x00z\x03hvc1p"),
                   OA_EINVAL, "modifier", "");
}


static void
test_enhanced_codecs_that_are_refused(void **state)
{
    (void) state;

    assert_refused(true, unit_bytes("\x90vp09..."), OA_EUNSUPPORTED,
                   "VP9 video", "vp09");
    assert_refused(true, unit_bytes("\x91vvc1"), OA_EUNSUPPORTED,
                   "VVC video", "vvc1");
    assert_refused(true, unit_bytes("\x96\x01vp08\x00"), OA_EUNSUPPORTED,
                   "VP8 video", "vp08");
    assert_refused(true, unit_bytes("\x90\x01\xff\nx"), OA_EUNSUPPORTED,
                   "this video codec", "???x");
    assert_refused(true, unit_bytes("\x95hvc1abc"), OA_EUNSUPPORTED,
                   "MPEG-2 TS", "hvc1");
    assert_refused(false, unit_bytes("\x95\x01" "ac-3\x00"), OA_EUNSUPPORTED,
                   "AC-3 audio", "ac-3");
    assert_refused(false, unit_bytes("\x90" "ec-3"), OA_EUNSUPPORTED,
                   "E-AC-3 audio", "ec-3");
    assert_refused(false, unit_bytes("\x90" ".mp3"), OA_EUNSUPPORTED,
                   "MP3 audio", ".mp3");
    assert_refused(false, unit_bytes("\x90" "fLaC"), OA_EUNSUPPORTED,
                   "FLAC audio", "fLaC");
    assert_refused(true, unit_bytes("\x98hvc1"), OA_EINVAL, "unknown type",
                   "");
    assert_refused(false, unit_bytes("\x93mp4a"), OA_EINVAL, "unknown type",
                   "");
    assert_refused(true, unit_bytes("\x90hvc"), OA_EINVAL, "truncated", "");
    assert_refused(true, unit_bytes("\x90hvc1"), OA_EINVAL,
                   "empty decoder configuration", "");
    assert_refused(true, unit_bytes("\x91hvc1\x00\x00"), OA_EINVAL,
                   "truncated", "");
    assert_refused(false, unit_bytes("\x90"), OA_EINVAL, "truncated", "");
}


static oa_err_t
mp3(oa_slice_t body, oa_flv_message_t *m)
{
    oa_flv_refusal_t  refusal;

    return oa_flv_mp3_parse(body, m, &refusal);
}


static void
test_mp3(void **state)
{
    unsigned          i;
    oa_flv_message_t  m;
    oa_slice_t        frames[] = {
        unit_bytes("\x2fmp3"), unit_bytes("\xe6mp3"),
        unit_bytes("\x91.mp3mp3"), unit_bytes("\x95\x01.mp3\x02mp3"),
        unit_bytes("\x97\x02\x00\x01\x02\x01.mp3mp3")
    };
    oa_slice_t        nothing[] = {
        unit_bytes("\x2f"), unit_bytes("\xef"), unit_bytes("\x90.mp3"),
        unit_bytes("\x90.mp3some"), unit_bytes("\x91.mp3"),
        unit_bytes("\x94.mp3some")
    };
    oa_slice_t        others[] = {
        unit_bytes(""), unit_bytes("\xaf\x01x"), unit_bytes("\x1fx"),
        unit_bytes("\x91Opusx"), unit_bytes("\x91.mp"), unit_bytes("\x90"),
        unit_bytes("\x95\x11.mp3\x00\x00\x00\x01x\x01\x00\x00\x01x")
    };

    (void) state;

    for (i = 0; i < 5; i++) {
        assert_int_equal(mp3(frames[i], &m), OA_OK);
        assert_int_equal(m.kind, OA_FLV_FRAMES);
        assert_int_equal(m.codec, OA_CODEC_MP3);
        assert_int_equal(m.data.size, 3);
        assert_memory_equal(m.data.data, "mp3", 3);
        assert_int_equal(m.track, i == 3 ? 2 : 0);
    }

    for (i = 0; i < 6; i++) {
        assert_int_equal(mp3(nothing[i], &m), OA_OK);
        assert_int_equal(m.kind, OA_FLV_IGNORE);
    }

    for (i = 0; i < 7; i++) {
        assert_int_equal(mp3(others[i], &m), OA_ENOTFOUND);
    }

    assert_int_equal(mp3(unit_bytes("\x92.mp3"), &m), OA_OK);
    assert_int_equal(m.kind, OA_FLV_END);
    assert_int_equal(mp3(unit_bytes("\x93.mp3x"), &m), OA_EINVAL);
}


static void
test_malformed(void **state)
{
    (void) state;

    assert_refused(true, unit_bytes("\x17"), OA_EINVAL, "truncated", "");
    assert_refused(true, unit_bytes("\x17\x01\x00\x00"), OA_EINVAL,
                   "truncated", "");
    assert_refused(true, unit_bytes("\x17\x00\x00\x00\x00"), OA_EINVAL,
                   "empty decoder configuration", "");
    assert_refused(true, unit_bytes("\x17\x03\x00\x00\x00p"), OA_EINVAL,
                   "packet", "");
    assert_refused(true, unit_bytes("\x07\x01\x00\x00\x00p"), OA_EINVAL,
                   "frame type", "");
    assert_refused(true, unit_bytes("\x67\x01\x00\x00\x00p"), OA_EINVAL,
                   "frame type", "");
    assert_refused(false, unit_bytes("\xaf"), OA_EINVAL, "truncated", "");
    assert_refused(false, unit_bytes("\xaf\x02p"), OA_EINVAL, "packet", "");
    assert_refused(false, unit_bytes("\xaf\x00"), OA_EINVAL,
                   "empty decoder configuration", "");
}


static void
assert_inside(oa_slice_t body, const oa_flv_message_t *m)
{
    if (m->data.size != 0) {
        assert_true(m->data.data >= body.data);
        assert_true(m->data.data + m->data.size == body.data + body.size);
    }

    assert_true(m->data.size != 0
                || m->kind == OA_FLV_IGNORE || m->kind == OA_FLV_END);
}


static void
parse_both(oa_slice_t s)
{
    oa_flv_message_t  m;
    oa_flv_refusal_t  refusal;

    if (oa_flv_video_parse(s, &m, &refusal) == OA_OK) {
        assert_inside(s, &m);

    } else {
        assert_true(strlen(refusal.fourcc) <= 4 && refusal.reason[0] != 0);
    }

    if (oa_flv_audio_parse(s, &m, &refusal) == OA_OK) {
        assert_inside(s, &m);

    } else {
        assert_true(strlen(refusal.fourcc) <= 4 && refusal.reason[0] != 0);
    }

    if (oa_flv_mp3_parse(s, &m, &refusal) == OA_OK) {
        assert_int_equal(m.codec, OA_CODEC_MP3);
        assert_inside(s, &m);
    }
}


static void
test_mutations(void **state)
{
    const oa_slice_t  seeds[] = {
        unit_bytes("\x17\x00\x00\x00\x00\x01\x64"),
        unit_bytes("\x27\x01\x00\x00\x42pic"),
        unit_bytes("\xaf\x01sound"),
        unit_bytes("\x96\x13hvc1\x05\x00\x00\x06\x00\x00\x02pic"),
        unit_bytes("\xa7\x00z\x07\x00z\x06\x03hvc1\x04pic"),
        unit_bytes("\x95\x11mp4a\x01\x00\x00\x02" "ab"),
        unit_bytes("\x17")
    };

    (void) state;

    unit_mutations(seeds, 7, 200000, parse_both);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_video_config),
        cmocka_unit_test(test_video_frames),
        cmocka_unit_test(test_composition_time_is_signed),
        cmocka_unit_test(test_video_ends),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_audio),
        cmocka_unit_test(test_other_codecs_are_refused),
        cmocka_unit_test(test_hevc_in_a_plain_tag),
        cmocka_unit_test(test_enhanced_video),
        cmocka_unit_test(test_enhanced_audio),
        cmocka_unit_test(test_multitrack),
        cmocka_unit_test(test_modifiers),
        cmocka_unit_test(test_enhanced_codecs_that_are_refused),
        cmocka_unit_test(test_mp3),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
