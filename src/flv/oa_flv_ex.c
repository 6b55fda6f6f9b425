
/* Enhanced RTMP, version 2: ExVideoTagHeader and ExAudioTagHeader. */


#include "flv/oa_flv_impl.h"

#include <string.h>


/* VideoPacketType and AudioPacketType; 4 to 6 differ between the two. */
#define OA_FLV_EX_START          0
#define OA_FLV_EX_FRAMES         1
#define OA_FLV_EX_END            2
#define OA_FLV_EX_FRAMES_X       3    /* video: no composition time */
#define OA_FLV_EX_INFO           4    /* colour, or the order of channels */
#define OA_FLV_EX_TS_START       5    /* video: a descriptor of MPEG-2 TS */
#define OA_FLV_EX_MODIFIED       7

#define OA_FLV_EX_VIDEO_TRACKS   6
#define OA_FLV_EX_AUDIO_TRACKS   5

/* AvMultitrackType */
#define OA_FLV_EX_ONE_TRACK      0
#define OA_FLV_EX_MANY_CODECS    2

/* More modifiers than this of one message are nobody's. */
#define OA_FLV_EX_MODIFIERS      8


/* What is read of a message, from its second byte on. */
typedef struct {
    oa_slice_t  rest;
    unsigned    type;                /* of the packet */
    unsigned    tracks_type;         /* OA_FLV_EX_VIDEO_TRACKS, … */
    bool        video;
    uint8_t     fourcc[4];
} oa_flv_ex_t;


typedef struct {
    char           fourcc[5];
    oa_codec_id_t  codec;
    bool           composition;      /* CodedFrames tells composition time */
    const char    *reason;           /* when it is not supported */
} oa_flv_ex_codec_t;


static const oa_flv_ex_codec_t  oa_flv_ex_video_codecs[] = {
    { "avc1", OA_CODEC_AVC, true, NULL },
    { "hvc1", OA_CODEC_HEVC, true, NULL },
    { "av01", OA_CODEC_AV1, false, NULL },
    { "vp08", OA_CODEC_NONE, false,
      "VP8 video is not supported; set the encoder to H.264" },
    { "vp09", OA_CODEC_NONE, false,
      "VP9 video is not supported; set the encoder to H.264" },
    { "vvc1", OA_CODEC_NONE, false,
      "VVC video is not supported; set the encoder to H.264" },
    { "", OA_CODEC_NONE, false,
      "this video codec is not supported; set the encoder to H.264" }
};


static const oa_flv_ex_codec_t  oa_flv_ex_audio_codecs[] = {
    { "mp4a", OA_CODEC_AAC, false, NULL },
    { "Opus", OA_CODEC_OPUS, false, NULL },
    { "fLaC", OA_CODEC_NONE, false,
      "FLAC audio is not supported; set the encoder to AAC" },
    { "ac-3", OA_CODEC_NONE, false,
      "AC-3 audio is not supported; set the encoder to AAC" },
    { "ec-3", OA_CODEC_NONE, false,
      "E-AC-3 audio is not supported; set the encoder to AAC" },
    { ".mp3", OA_CODEC_NONE, false,
      "MP3 audio is not supported; set the encoder to AAC" },
    { "", OA_CODEC_NONE, false,
      "this audio codec is not supported; set the encoder to AAC" }
};


/* Takes n bytes off the front. */
static oa_err_t
oa_flv_ex_take(oa_flv_ex_t *ex, size_t n, oa_slice_t *taken)
{
    if (n > ex->rest.size) {
        return OA_EINVAL;
    }

    *taken = oa_slice(ex->rest.data, n);
    ex->rest = oa_slice(ex->rest.data + n, ex->rest.size - n);

    return OA_OK;
}


/*
 * One modifier, such as nanoseconds beyond the timestamp, which nothing here
 * is that fine for; and the type of the packet behind it.
 */
static oa_err_t
oa_flv_ex_modifier(oa_flv_ex_t *ex)
{
    size_t      size;
    oa_slice_t  s;

    if (oa_flv_ex_take(ex, 1, &s) != OA_OK) {
        return OA_EINVAL;
    }

    size = (size_t) s.data[0] + 1;

    if (size == 256) {
        if (oa_flv_ex_take(ex, 2, &s) != OA_OK) {
            return OA_EINVAL;
        }

        size = (size_t) oa_get_u16(s.data) + 1;
    }

    if (oa_flv_ex_take(ex, size, &s) != OA_OK
        || oa_flv_ex_take(ex, 1, &s) != OA_OK)
    {
        return OA_EINVAL;
    }

    ex->type = s.data[0] & 0x0f;

    return OA_OK;
}


static oa_err_t
oa_flv_ex_modifiers(oa_flv_ex_t *ex, oa_flv_refusal_t *refusal)
{
    unsigned  n;

    for (n = 0; ex->type == OA_FLV_EX_MODIFIED; n++) {
        if (n == OA_FLV_EX_MODIFIERS || oa_flv_ex_modifier(ex) != OA_OK) {
            return oa_flv_refuse(refusal, OA_EINVAL, "malformed modifier of an"
                                 " enhanced RTMP message");
        }
    }

    return OA_OK;
}


static oa_err_t
oa_flv_ex_truncated(oa_flv_refusal_t *refusal)
{
    return oa_flv_refuse(refusal, OA_EINVAL,
                         "truncated enhanced RTMP message");
}


static oa_err_t
oa_flv_ex_fourcc(oa_flv_ex_t *ex, oa_flv_refusal_t *refusal)
{
    oa_slice_t  s;

    if (oa_flv_ex_take(ex, 4, &s) != OA_OK) {
        return oa_flv_ex_truncated(refusal);
    }

    memcpy(ex->fourcc, s.data, 4);

    return OA_OK;
}


static oa_err_t
oa_flv_ex_several(const oa_flv_ex_t *ex, oa_flv_refusal_t *refusal)
{
    return oa_flv_refuse(refusal, OA_EUNSUPPORTED, ex->video
                         ? "several video tracks are not supported; switch"
                           " multitrack video off"
                         : "several audio tracks are not supported; send"
                           " one");
}


/* The number of a track and, where there may be several, its size. */
static oa_err_t
oa_flv_ex_track(oa_flv_ex_t *ex, bool sized, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    size_t      size;
    oa_slice_t  s;

    if (oa_flv_ex_take(ex, sized ? 4 : 1, &s) != OA_OK) {
        return oa_flv_ex_truncated(refusal);
    }

    message->track = s.data[0];

    if (!sized) {
        return OA_OK;
    }

    size = oa_get_u24(s.data + 1);

    if (size > ex->rest.size) {
        return oa_flv_ex_truncated(refusal);
    }

    if (size < ex->rest.size) {
        return oa_flv_ex_several(ex, refusal);
    }

    return OA_OK;
}


/* What a message that may hold several tracks says of the one it must hold. */
static oa_err_t
oa_flv_ex_tracks(oa_flv_ex_t *ex, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    oa_err_t    err;
    unsigned    kind;
    oa_slice_t  s;

    if (oa_flv_ex_take(ex, 1, &s) != OA_OK) {
        return oa_flv_ex_truncated(refusal);
    }

    kind = s.data[0] >> 4;
    ex->type = s.data[0] & 0x0f;

    if (kind > OA_FLV_EX_MANY_CODECS || ex->type == ex->tracks_type
        || ex->type == OA_FLV_EX_MODIFIED)
    {
        return oa_flv_refuse(refusal, OA_EINVAL,
                             "malformed multitrack message");
    }

    /* with one track it is all the same whether its codec stands before it */
    err = oa_flv_ex_fourcc(ex, refusal);
    if (err != OA_OK) {
        return err;
    }

    return oa_flv_ex_track(ex, kind != OA_FLV_EX_ONE_TRACK, message, refusal);
}


static oa_err_t
oa_flv_ex_header(oa_flv_ex_t *ex, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    oa_err_t  err;

    err = oa_flv_ex_modifiers(ex, refusal);
    if (err != OA_OK) {
        return err;
    }

    return ex->type == ex->tracks_type
           ? oa_flv_ex_tracks(ex, message, refusal)
           : oa_flv_ex_fourcc(ex, refusal);
}


/* The entry of a message's fourCC; the last one is for all others. */
static const oa_flv_ex_codec_t *
oa_flv_ex_codec(const oa_flv_ex_t *ex)
{
    const oa_flv_ex_codec_t  *codec;

    codec = ex->video ? oa_flv_ex_video_codecs : oa_flv_ex_audio_codecs;

    while (codec->fourcc[0] != '\0'
           && memcmp(codec->fourcc, ex->fourcc, 4) != 0)
    {
        codec++;
    }

    return codec;
}


static oa_err_t
oa_flv_ex_refuse(const oa_flv_ex_t *ex, oa_flv_refusal_t *refusal,
    const char *reason)
{
    size_t   i;
    uint8_t  c;

    (void) oa_flv_refuse(refusal, OA_EUNSUPPORTED, reason);

    for (i = 0; i < 4 && refusal != NULL; i++) {
        c = ex->fourcc[i];
        refusal->fourcc[i] = c > 0x20 && c < 0x7f ? (char) c : '?';
    }

    return OA_EUNSUPPORTED;
}


static oa_err_t
oa_flv_ex_body(oa_flv_ex_t *ex, const oa_flv_ex_codec_t *codec,
    oa_flv_message_t *message, oa_flv_refusal_t *refusal)
{
    oa_slice_t  s;

    switch (ex->type) {

    case OA_FLV_EX_END:
        message->kind = OA_FLV_END;
        return OA_OK;

    case OA_FLV_EX_FRAMES:
        if (codec->composition) {
            if (oa_flv_ex_take(ex, 3, &s) != OA_OK) {
                return oa_flv_ex_truncated(refusal);
            }

            message->composition_ms = oa_flv_s24(s.data);
        }

        break;

    case OA_FLV_EX_START:
    case OA_FLV_EX_FRAMES_X:
        break;

    default:
        return oa_flv_ex_refuse(ex, refusal, "MPEG-2 TS sequence headers are"
                                " not supported");
    }

    return oa_flv_payload(message, ex->type == OA_FLV_EX_START, ex->rest,
                          refusal);
}


static oa_err_t
oa_flv_ex_parse(oa_flv_ex_t *ex, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    oa_err_t                  err;
    const oa_flv_ex_codec_t  *codec;

    err = oa_flv_ex_header(ex, message, refusal);
    if (err != OA_OK) {
        return err;
    }

    codec = oa_flv_ex_codec(ex);

    if (codec->codec == OA_CODEC_NONE) {
        return oa_flv_ex_refuse(ex, refusal, codec->reason);
    }

    /* the streams themselves tell colours and channels */
    if (ex->type == OA_FLV_EX_INFO) {
        return OA_OK;
    }

    if (ex->type > OA_FLV_EX_TS_START
        || (!ex->video && ex->type > OA_FLV_EX_END))
    {
        return oa_flv_refuse(refusal, OA_EINVAL,
                             "unknown type of enhanced RTMP packet");
    }

    message->codec = codec->codec;

    return oa_flv_ex_body(ex, codec, message, refusal);
}


oa_err_t
oa_flv_ex_video_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    unsigned     frame_type;
    oa_flv_ex_t  ex = { oa_slice(body.data + 1, body.size - 1),
                        body.data[0] & 0x0f, OA_FLV_EX_VIDEO_TRACKS, true,
                        { 0 } };

    frame_type = body.data[0] >> 4 & 0x07;
    message->keyframe = frame_type == OA_FLV_FRAME_KEY
                        || frame_type == OA_FLV_FRAME_GENERATED;

    return oa_flv_ex_parse(&ex, message, refusal);
}


oa_err_t
oa_flv_ex_audio_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    oa_flv_ex_t  ex = { oa_slice(body.data + 1, body.size - 1),
                        body.data[0] & 0x0f, OA_FLV_EX_AUDIO_TRACKS, false,
                        { 0 } };

    return oa_flv_ex_parse(&ex, message, refusal);
}


oa_err_t
oa_flv_ex_mp3_parse(oa_slice_t body, oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    oa_flv_ex_t  ex = { oa_slice(body.data + 1, body.size - 1),
                        body.data[0] & 0x0f, OA_FLV_EX_AUDIO_TRACKS, false,
                        { 0 } };

    if (oa_flv_ex_header(&ex, message, NULL) != OA_OK
        || memcmp(ex.fourcc, ".mp3", 4) != 0)
    {
        return OA_ENOTFOUND;
    }

    message->codec = OA_CODEC_MP3;

    switch (ex.type) {

    case OA_FLV_EX_FRAMES:
        return oa_flv_payload(message, false, ex.rest, refusal);

    case OA_FLV_EX_END:
        message->kind = OA_FLV_END;
        return OA_OK;

    case OA_FLV_EX_START:
    case OA_FLV_EX_INFO:
        return OA_OK;

    default:
        return oa_flv_refuse(refusal, OA_EINVAL,
                             "unknown type of enhanced RTMP packet");
    }
}
