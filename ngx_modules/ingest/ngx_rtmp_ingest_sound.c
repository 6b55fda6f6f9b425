
/*
 * Audio of a codec that packagers do not take, MP3: it goes to whoever makes
 * AAC of it, and comes back on the event loop.
 */


#include "ngx_rtmp_ingest.h"


static ngx_int_t ngx_rtmp_ingest_sound_frames(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_message_t *message, uint32_t timestamp);
static ngx_int_t ngx_rtmp_ingest_sound_nothing(
    ngx_rtmp_ingest_publisher_t *pub);
static ngx_int_t ngx_rtmp_ingest_sound_other(ngx_rtmp_ingest_publisher_t *pub,
    oa_slice_t body);
static ngx_int_t ngx_rtmp_ingest_sound_begin(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_message_t *message);
static ngx_int_t ngx_rtmp_ingest_sound_open(ngx_rtmp_ingest_publisher_t *pub);
static ngx_int_t ngx_rtmp_ingest_sound_drop(ngx_rtmp_ingest_publisher_t *pub,
    const char *reason);
static void ngx_rtmp_ingest_sound_deliver(void *ctx, oa_slice_t body,
    uint32_t timestamp_ms);
static void ngx_rtmp_ingest_sound_failed(void *ctx, const char *text);


ngx_int_t
ngx_rtmp_ingest_sound(ngx_rtmp_ingest_publisher_t *pub, oa_slice_t body,
    uint32_t timestamp)
{
    oa_err_t          err;
    ngx_int_t         rc;
    oa_flv_message_t  message;
    oa_flv_refusal_t  refusal;

    ngx_memzero(&refusal, sizeof(refusal));
    err = oa_flv_mp3_parse(body, &message, &refusal);

    if (err == OA_ENOTFOUND) {
        return ngx_rtmp_ingest_sound_other(pub, body);
    }

    if (err == OA_OK && message.kind == OA_FLV_FRAMES) {
        return ngx_rtmp_ingest_sound_frames(pub, &message, timestamp);
    }

    rc = ngx_rtmp_ingest_sound_nothing(pub);

    return rc == NGX_OK && err != OA_OK
           ? ngx_rtmp_ingest_media_error(pub, err, &refusal) : rc;
}


static ngx_int_t
ngx_rtmp_ingest_sound_frames(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_message_t *message, uint32_t timestamp)
{
    oa_err_t   err;
    ngx_int_t  rc;

    rc = ngx_rtmp_ingest_sound_begin(pub, message);
    if (rc != NGX_OK) {
        return rc;
    }

    err = ngx_onair_ladder()->sound->push(pub->sound, message->data,
                                          timestamp);
    switch (err) {

    case OA_OK:
        return NGX_OK;

    case OA_EINVAL:
        return ngx_rtmp_ingest_sound_drop(pub, "no frame of MP3 in it");

    case OA_EUNSUPPORTED:
        /* who cannot decode it is as good as nobody */
        ngx_rtmp_ingest_sound_close(pub);
        return NGX_DECLINED;

    default:
        return ngx_rtmp_ingest_media_error(pub, err, NULL);
    }
}


/* MP3 without a frame is refused, too, where nobody would decode it. */
static ngx_int_t
ngx_rtmp_ingest_sound_nothing(ngx_rtmp_ingest_publisher_t *pub)
{
    if (pub->sound == NULL) {
        if (ngx_rtmp_ingest_sound_open(pub) != NGX_OK) {
            return NGX_DECLINED;
        }

        ngx_rtmp_ingest_sound_close(pub);
    }

    return NGX_OK;
}


/* A message of another codec: with its sequence header that one takes over. */
static ngx_int_t
ngx_rtmp_ingest_sound_other(ngx_rtmp_ingest_publisher_t *pub, oa_slice_t body)
{
    oa_flv_message_t  message;

    if (pub->sound == NULL
        || oa_flv_audio_parse(body, &message, NULL) != OA_OK)
    {
        return NGX_DECLINED;
    }

    if (message.kind == OA_FLV_CONFIG) {
        ngx_rtmp_ingest_sound_close(pub);
    }

    if (message.kind != OA_FLV_FRAMES) {
        return NGX_DECLINED;
    }

    return ngx_rtmp_ingest_sound_drop(pub, "audio of another codec without "
                                      "its sequence header");
}


/* NGX_DECLINED: nobody decodes it, and the packager refuses it. */
static ngx_int_t
ngx_rtmp_ingest_sound_begin(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_message_t *message)
{
    oa_flv_refusal_t  refusal;

    if (pub->sound == NULL) {
        if (pub->sounds > 0 && !ngx_rtmp_ingest_publisher_may_restart(pub)) {
            return ngx_rtmp_ingest_media_error(pub, OA_ELIMIT, NULL);
        }

        pub->sounds++;
        pub->sound_track = message->track;

        return ngx_rtmp_ingest_sound_open(pub);
    }

    if (message->track == pub->sound_track) {
        return NGX_OK;
    }

    ngx_memzero(&refusal, sizeof(refusal));
    refusal.reason = "several audio tracks are not supported; send one";

    return ngx_rtmp_ingest_media_error(pub, OA_EUNSUPPORTED, &refusal);
}


static ngx_int_t
ngx_rtmp_ingest_sound_open(ngx_rtmp_ingest_publisher_t *pub)
{
    ngx_onair_sound_source_t   source;
    const ngx_onair_ladder_t  *provider;

    provider = ngx_onair_ladder();

    if (provider == NULL || provider->sound == NULL) {
        return NGX_DECLINED;
    }

    source.rtmp_session = pub->session;
    source.channel = pub->channel;
    source.log = pub->session->connection->log;
    source.deliver = ngx_rtmp_ingest_sound_deliver;
    source.failed = ngx_rtmp_ingest_sound_failed;
    source.ctx = pub;

    pub->sound = provider->sound->open(&source);

    return pub->sound ? NGX_OK : NGX_DECLINED;
}


/* As other malformed messages. */
static ngx_int_t
ngx_rtmp_ingest_sound_drop(ngx_rtmp_ingest_publisher_t *pub,
    const char *reason)
{
    oa_flv_refusal_t  refusal;

    ngx_memzero(&refusal, sizeof(refusal));
    refusal.reason = reason;

    return ngx_rtmp_ingest_media_error(pub, OA_EINVAL, &refusal);
}


void
ngx_rtmp_ingest_sound_close(ngx_rtmp_ingest_publisher_t *pub)
{
    if (pub->sound) {
        ngx_onair_ladder()->sound->close(pub->sound);
        pub->sound = NULL;
    }
}


/* --- what comes back --------------------------------------------------- */


static void
ngx_rtmp_ingest_sound_deliver(void *ctx, oa_slice_t body,
    uint32_t timestamp_ms)
{
    ngx_rtmp_ingest_publisher_t  *pub = ctx;

    if (ngx_rtmp_ingest_pass(pub, NGX_RTMP_MSG_AUDIO, body, timestamp_ms)
        != NGX_OK)
    {
        ngx_rtmp_finalize_session(pub->session);
    }
}


static void
ngx_rtmp_ingest_sound_failed(void *ctx, const char *text)
{
    oa_flv_refusal_t              refusal;
    ngx_rtmp_ingest_publisher_t  *pub = ctx;

    ngx_memzero(&refusal, sizeof(refusal));
    refusal.reason = text;

    if (ngx_rtmp_ingest_media_error(pub, OA_EUNSUPPORTED, &refusal) != NGX_OK) {
        ngx_rtmp_finalize_session(pub->session);
    }
}
