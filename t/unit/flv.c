
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
    assert_refused(true, unit_bytes("\x1c\x00"), OA_EUNSUPPORTED, "HEVC", "");
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
test_enhanced_rtmp_is_refused(void **state)
{
    (void) state;

    assert_refused(true, unit_bytes("\x90hvc1..."), OA_EUNSUPPORTED,
                   "HEVC video", "hvc1");
    assert_refused(true, unit_bytes("\x91" "av01"), OA_EUNSUPPORTED,
                   "AV1 video", "av01");
    assert_refused(true, unit_bytes("\x96\x01hvc1"), OA_EUNSUPPORTED,
                   "HEVC video", "hvc1");
    assert_refused(true, unit_bytes("\x90\x01\xff\nx"), OA_EUNSUPPORTED,
                   "enhanced RTMP", "???x");
    assert_refused(true, unit_bytes("\x97\x00\x00\x00\x00"), OA_EUNSUPPORTED,
                   "enhanced RTMP", "");
    assert_refused(false, unit_bytes("\x90Opus"), OA_EUNSUPPORTED,
                   "Opus audio", "Opus");
    assert_refused(false, unit_bytes("\x95\x01" "ac-3"), OA_EUNSUPPORTED,
                   "AC-3 audio", "ac-3");
    assert_refused(true, unit_bytes("\x90hvc"), OA_EINVAL, "truncated", "");
    assert_refused(true, unit_bytes("\x96\x01hvc"), OA_EINVAL, "truncated",
                   "");
    assert_refused(false, unit_bytes("\x90"), OA_EINVAL, "truncated", "");
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
}


static void
test_mutations(void **state)
{
    const oa_slice_t  seeds[] = {
        unit_bytes("\x17\x00\x00\x00\x00\x01\x64"),
        unit_bytes("\x27\x01\x00\x00\x42pic"),
        unit_bytes("\xaf\x01sound"),
        unit_bytes("\x96\x01hvc1"),
        unit_bytes("\x17")
    };

    (void) state;

    unit_mutations(seeds, 5, 200000, parse_both);
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
        cmocka_unit_test(test_enhanced_rtmp_is_refused),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_mutations)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
