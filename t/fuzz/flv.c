
/* Bodies of RTMP messages.  Input: a byte (0 audio, 1 video) and the body. */


#include "fuzz.h"
#include "flv/oa_flv.h"


typedef oa_err_t (*parse_pt)(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal);


static void
fuzz_flv_message(const oa_flv_message_t *m, bool video, oa_slice_t body)
{
    FUZZ_CHECK(m->kind == OA_FLV_IGNORE || m->kind == OA_FLV_CONFIG
               || m->kind == OA_FLV_FRAMES || m->kind == OA_FLV_END);

    if (m->kind == OA_FLV_CONFIG || m->kind == OA_FLV_FRAMES) {
        FUZZ_CHECK(fuzz_within(m->data, body));
        FUZZ_CHECK(video ? oa_codec_video(m->codec) != NULL
                         : oa_codec_audio(m->codec) != NULL);
    }

    FUZZ_CHECK(m->kind != OA_FLV_FRAMES || m->data.size > 0);

    if (video && m->kind == OA_FLV_FRAMES) {
        FUZZ_CHECK(m->composition_ms >= -0x800000
                   && m->composition_ms <= 0x7fffff);
    }
}


/* MP3 is taken by this, or by none. */
static void
fuzz_flv_mp3(oa_slice_t body, bool taken)
{
    oa_err_t           err;
    oa_flv_message_t   m;
    oa_flv_refusal_t   refusal;

    memset(&refusal, 0xa5, sizeof(refusal));
    err = oa_flv_mp3_parse(body, &m, &refusal);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_ENOTFOUND);
    FUZZ_CHECK(err == OA_ENOTFOUND || !taken);

    if (err == OA_EINVAL) {
        FUZZ_CHECK(fuzz_text_printable(refusal.reason, 200));
    }

    if (err == OA_OK) {
        FUZZ_CHECK(m.codec == OA_CODEC_MP3);
        FUZZ_CHECK(m.kind != OA_FLV_CONFIG);
        FUZZ_CHECK((m.kind == OA_FLV_FRAMES) == (m.data.size > 0));
        FUZZ_CHECK(m.data.size == 0 || fuzz_within(m.data, body));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool               video;
    oa_err_t           err;
    oa_slice_t         input, body;
    parse_pt           parse;
    oa_flv_message_t   m;
    oa_flv_refusal_t   refusal;

    input = oa_slice(data, size);
    video = fuzz_take(&input, 1) & 1;
    body = fuzz_take_block(&input, input.size);
    parse = video ? oa_flv_video_parse : oa_flv_audio_parse;

    memset(&m, 0xa5, sizeof(m));
    memset(&refusal, 0xa5, sizeof(refusal));
    err = parse(body, &m, &refusal);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_EUNSUPPORTED);

    if (!video) {
        fuzz_flv_mp3(body, err == OA_OK);
    }

    if (err == OA_OK) {
        FUZZ_SPOILED(m.data.size, body.size + 1);
        fuzz_flv_message(&m, video, body);
        FUZZ_CHECK(parse(body, &m, NULL) == OA_OK);

    } else {
        FUZZ_CHECK(fuzz_text_printable(refusal.reason, 200));
        FUZZ_CHECK(strlen(refusal.reason) > 0);
        FUZZ_CHECK(fuzz_text_printable(refusal.fourcc, 5));
        FUZZ_CHECK(parse(body, &m, NULL) == err);
    }

    fuzz_free(body);

    return 0;
}
