
#include "flv/oa_flv_impl.h"

#include <string.h>


#define OA_FLV_EX_HEADER         0x80

#define OA_FLV_VIDEO_AVC         7
#define OA_FLV_VIDEO_HEVC        12   /* no standard: Chinese encoders */
#define OA_FLV_AUDIO_MP3         2
#define OA_FLV_AUDIO_EX_HEADER   9
#define OA_FLV_AUDIO_AAC         10
#define OA_FLV_AUDIO_MP3_8K      14

/* Why a codec of the 4-bit field of a legacy tag is refused. */
static const char *const  oa_flv_video_reasons[16] = {
    [1] = "JPEG video is not supported; set the encoder to H.264",
    [2] = "Sorenson H.263 video is not supported; set the encoder to H.264",
    [3] = "Screen video is not supported; set the encoder to H.264",
    [4] = "VP6 video is not supported; set the encoder to H.264",
    [5] = "VP6 video is not supported; set the encoder to H.264",
    [6] = "Screen video is not supported; set the encoder to H.264",
    [13] = "AV1 video is not supported in plain RTMP; set the encoder to"
           " enhanced RTMP"
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
    [13] = "Opus audio is not supported in plain RTMP; set the encoder to"
           " enhanced RTMP",
    [14] = "MP3 audio is not supported; set the encoder to AAC"
};


oa_err_t
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


int32_t
oa_flv_s24(const uint8_t *p)
{
    int32_t  v;

    v = (int32_t) oa_get_u24(p);

    return v >= 0x800000 ? v - 0x1000000 : v;
}


oa_err_t
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


/* AVCVIDEOPACKET, with the tag's first byte in front; HEVC took it over. */
static oa_err_t
oa_flv_nal_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    if (body.size >= 2 && body.data[1] == 2) {
        message->kind = OA_FLV_END;
        return OA_OK;
    }

    if (body.size < 5) {
        return oa_flv_refuse(refusal, OA_EINVAL, "truncated video message");
    }

    if (body.data[1] > 1) {
        return oa_flv_refuse(refusal, OA_EINVAL,
                             "unknown type of video packet");
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
        return oa_flv_ex_video_parse(body, message, refusal);
    }

    if (codec != OA_FLV_VIDEO_AVC && codec != OA_FLV_VIDEO_HEVC) {
        return oa_flv_refuse_codec(refusal, oa_flv_video_reasons[codec],
                                   "this video codec is not supported; set"
                                   " the encoder to H.264");
    }

    if (frame_type == 0 || frame_type > OA_FLV_FRAME_COMMAND) {
        return oa_flv_refuse(refusal, OA_EINVAL, "unknown video frame type");
    }

    message->keyframe = frame_type == OA_FLV_FRAME_KEY
                        || frame_type == OA_FLV_FRAME_GENERATED;

    message->codec = codec == OA_FLV_VIDEO_AVC ? OA_CODEC_AVC : OA_CODEC_HEVC;

    return oa_flv_nal_parse(body, message, refusal);
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
        return oa_flv_ex_audio_parse(body, message, refusal);
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


oa_err_t
oa_flv_mp3_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    unsigned  format;

    memset(message, 0, sizeof(*message));

    if (body.size == 0) {
        return OA_ENOTFOUND;
    }

    format = body.data[0] >> 4;

    if (format == OA_FLV_AUDIO_EX_HEADER) {
        return oa_flv_ex_mp3_parse(body, message, refusal);
    }

    if (format != OA_FLV_AUDIO_MP3 && format != OA_FLV_AUDIO_MP3_8K) {
        return OA_ENOTFOUND;
    }

    message->codec = OA_CODEC_MP3;

    return oa_flv_payload(message, false,
                          oa_slice(&body.data[1], body.size - 1), refusal);
}
