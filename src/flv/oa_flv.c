
#include "flv/oa_flv.h"

#include <string.h>


#define OA_FLV_EX_HEADER         0x80

#define OA_FLV_FRAME_KEY         1
#define OA_FLV_FRAME_GENERATED   4    /* a keyframe made by a server */
#define OA_FLV_FRAME_COMMAND     5

#define OA_FLV_VIDEO_AVC         7
#define OA_FLV_AUDIO_EX_HEADER   9
#define OA_FLV_AUDIO_AAC         10

#define OA_FLV_EX_VIDEO_TRACKS   6
#define OA_FLV_EX_AUDIO_TRACKS   5
#define OA_FLV_EX_MODIFIED       7


/* Why a codec of the 4-bit field of a legacy tag is refused. */
static const char *const  oa_flv_video_reasons[16] = {
    [1] = "JPEG video is not supported; set the encoder to H.264",
    [2] = "Sorenson H.263 video is not supported; set the encoder to H.264",
    [3] = "Screen video is not supported; set the encoder to H.264",
    [4] = "VP6 video is not supported; set the encoder to H.264",
    [5] = "VP6 video is not supported; set the encoder to H.264",
    [6] = "Screen video is not supported; set the encoder to H.264",
    [12] = "HEVC video is not supported; set the encoder to H.264",
    [13] = "AV1 video is not supported; set the encoder to H.264"
};


static const char *const  oa_flv_audio_reasons[16] = {
    [0] = "PCM audio is not supported; set the encoder to AAC",
    [1] = "ADPCM audio is not supported; set the encoder to AAC",
    [2] = "MP3 audio is not supported; set the encoder to AAC",
    [3] = "PCM audio is not supported; set the encoder to AAC",
    [4] = "Nellymoser audio is not supported; set the encoder to AAC",
    [5] = "Nellymoser audio is not supported; set the encoder to AAC",
    [6] = "Nellymoser audio is not supported; set the encoder to AAC",
    [7] = "G.711 audio is not supported; set the encoder to AAC",
    [8] = "G.711 audio is not supported; set the encoder to AAC",
    [11] = "Speex audio is not supported; set the encoder to AAC",
    [13] = "Opus audio is not supported; set the encoder to AAC",
    [14] = "MP3 audio is not supported; set the encoder to AAC"
};


typedef struct {
    char         fourcc[5];
    const char  *reason;
} oa_flv_ex_codec_t;


static const oa_flv_ex_codec_t  oa_flv_ex_codecs[] = {
    { "avc1", "H.264 in enhanced RTMP is not supported; set the encoder to"
              " plain RTMP" },
    { "hvc1", "HEVC video is not supported; set the encoder to H.264" },
    { "av01", "AV1 video is not supported; set the encoder to H.264" },
    { "vp08", "VP8 video is not supported; set the encoder to H.264" },
    { "vp09", "VP9 video is not supported; set the encoder to H.264" },
    { "vvc1", "VVC video is not supported; set the encoder to H.264" },
    { "mp4a", "AAC in enhanced RTMP is not supported; set the encoder to"
              " plain RTMP" },
    { "Opus", "Opus audio is not supported; set the encoder to AAC" },
    { "fLaC", "FLAC audio is not supported; set the encoder to AAC" },
    { "ac-3", "AC-3 audio is not supported; set the encoder to AAC" },
    { "ec-3", "E-AC-3 audio is not supported; set the encoder to AAC" },
    { ".mp3", "MP3 audio is not supported; set the encoder to AAC" }
};


static oa_err_t
oa_flv_refuse(oa_flv_refusal_t *refusal, oa_err_t err, const char *reason)
{
    if (refusal != NULL) {
        refusal->reason = reason;
        memset(refusal->fourcc, 0, sizeof(refusal->fourcc));
    }

    return err;
}


static oa_err_t
oa_flv_refuse_codec(oa_flv_refusal_t *refusal, const char *reason,
    const char *unknown)
{
    return oa_flv_refuse(refusal, OA_EUNSUPPORTED,
                         reason != NULL ? reason : unknown);
}


/*
 * Refuses an enhanced RTMP message.  Its fourCC stands behind the first byte,
 * or one byte later when the message holds several tracks.
 */
static oa_err_t
oa_flv_refuse_ex(oa_slice_t body, unsigned tracks_type,
    oa_flv_refusal_t *refusal)
{
    size_t    offset, i;
    uint8_t   c;
    unsigned  type;

    type = body.data[0] & 0x0f;
    offset = type == tracks_type ? 2 : 1;

    if (body.size < offset + 4) {
        return oa_flv_refuse(refusal, OA_EINVAL,
                             "truncated enhanced RTMP message");
    }

    (void) oa_flv_refuse(refusal, OA_EUNSUPPORTED,
                         "enhanced RTMP is not supported; set the encoder to"
                         " H.264 and AAC");

    if (refusal == NULL || type == OA_FLV_EX_MODIFIED) {
        return OA_EUNSUPPORTED;
    }

    for (i = 0; i < 4; i++) {
        c = body.data[offset + i];
        refusal->fourcc[i] = c > 0x20 && c < 0x7f ? (char) c : '?';
    }

    for (i = 0; i < sizeof(oa_flv_ex_codecs) / sizeof(oa_flv_ex_codecs[0]);
         i++)
    {
        if (memcmp(refusal->fourcc, oa_flv_ex_codecs[i].fourcc, 4) == 0) {
            refusal->reason = oa_flv_ex_codecs[i].reason;
        }
    }

    return OA_EUNSUPPORTED;
}


static int32_t
oa_flv_s24(const uint8_t *p)
{
    int32_t  v;

    v = (int32_t) oa_get_u24(p);

    return v >= 0x800000 ? v - 0x1000000 : v;
}


/* A configuration must not be empty; a frame may be, and then says nothing. */
static oa_err_t
oa_flv_payload(oa_flv_message_t *message, bool config, oa_slice_t data,
    oa_flv_refusal_t *refusal)
{
    if (config && data.size == 0) {
        return oa_flv_refuse(refusal, OA_EINVAL,
                             "empty decoder configuration");
    }

    message->data = data;
    message->kind = config ? OA_FLV_CONFIG
                           : data.size ? OA_FLV_FRAMES : OA_FLV_IGNORE;

    return OA_OK;
}


/* AVCVIDEOPACKET, with the tag's first byte in front. */
static oa_err_t
oa_flv_avc_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    message->codec = OA_CODEC_AVC;

    if (body.size >= 2 && body.data[1] == 2) {
        message->kind = OA_FLV_END;
        return OA_OK;
    }

    if (body.size < 5) {
        return oa_flv_refuse(refusal, OA_EINVAL, "truncated video message");
    }

    if (body.data[1] > 1) {
        return oa_flv_refuse(refusal, OA_EINVAL,
                             "unknown type of H.264 packet");
    }

    message->composition_ms = oa_flv_s24(&body.data[2]);

    return oa_flv_payload(message, body.data[1] == 0,
                          oa_slice(&body.data[5], body.size - 5), refusal);
}


oa_err_t
oa_flv_video_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    unsigned  frame_type, codec;

    memset(message, 0, sizeof(*message));

    if (body.size == 0) {
        return OA_OK;
    }

    frame_type = body.data[0] >> 4 & 0x07;
    codec = body.data[0] & 0x0f;

    if (frame_type == OA_FLV_FRAME_COMMAND) {
        return OA_OK;
    }

    if (body.data[0] & OA_FLV_EX_HEADER) {
        return oa_flv_refuse_ex(body, OA_FLV_EX_VIDEO_TRACKS, refusal);
    }

    if (codec != OA_FLV_VIDEO_AVC) {
        return oa_flv_refuse_codec(refusal, oa_flv_video_reasons[codec],
                                   "this video codec is not supported; set"
                                   " the encoder to H.264");
    }

    if (frame_type == 0 || frame_type > OA_FLV_FRAME_COMMAND) {
        return oa_flv_refuse(refusal, OA_EINVAL, "unknown video frame type");
    }

    message->keyframe = frame_type == OA_FLV_FRAME_KEY
                        || frame_type == OA_FLV_FRAME_GENERATED;

    return oa_flv_avc_parse(body, message, refusal);
}


oa_err_t
oa_flv_audio_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    unsigned  format;

    memset(message, 0, sizeof(*message));

    if (body.size == 0) {
        return OA_OK;
    }

    format = body.data[0] >> 4;

    if (format == OA_FLV_AUDIO_EX_HEADER) {
        return oa_flv_refuse_ex(body, OA_FLV_EX_AUDIO_TRACKS, refusal);
    }

    if (format != OA_FLV_AUDIO_AAC) {
        return oa_flv_refuse_codec(refusal, oa_flv_audio_reasons[format],
                                   "this audio codec is not supported; set"
                                   " the encoder to AAC");
    }

    message->codec = OA_CODEC_AAC;

    if (body.size < 2) {
        return oa_flv_refuse(refusal, OA_EINVAL, "truncated audio message");
    }

    if (body.data[1] > 1) {
        return oa_flv_refuse(refusal, OA_EINVAL, "unknown type of AAC packet");
    }

    return oa_flv_payload(message, body.data[1] == 0,
                          oa_slice(&body.data[2], body.size - 2), refusal);
}
