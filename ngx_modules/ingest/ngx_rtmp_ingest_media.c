
/*
 * What a publisher sends: media and metadata, to its packager once it is
 * admitted, and until then what its decoders need into the held messages.
 */


#include "ngx_rtmp_ingest.h"
#include <ngx_rtmp_live_module.h>


#define NGX_RTMP_INGEST_BUFFER_STEP   65536

/* Seconds between the lines about the malformed messages of one publisher. */
#define NGX_RTMP_INGEST_LOG_INTERVAL  10


static ngx_rtmp_ingest_publisher_t *ngx_rtmp_ingest_admitted(
    ngx_rtmp_session_t *s);
static ngx_int_t ngx_rtmp_ingest_take_held(ngx_rtmp_ingest_publisher_t *pub);
static ngx_int_t ngx_rtmp_ingest_message(ngx_rtmp_ingest_publisher_t *pub,
    ngx_chain_t *in, oa_slice_t *body);
static void ngx_rtmp_ingest_malformed(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_refusal_t *refusal);


/*
 * Other modules may still be asking whether it may publish, as on_publish
 * does; the live module is the last one, and joins when all have agreed.
 */
ngx_uint_t
ngx_rtmp_ingest_publisher_admitted(ngx_rtmp_ingest_publisher_t *pub)
{
    ngx_rtmp_live_ctx_t  *lctx;

    lctx = ngx_rtmp_get_module_ctx(pub->session, ngx_rtmp_live_module);

    return pub->open && lctx && lctx->stream && lctx->publishing;
}


static ngx_rtmp_ingest_publisher_t *
ngx_rtmp_ingest_admitted(ngx_rtmp_session_t *s)
{
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (client == NULL || client->publisher == NULL
        || !ngx_rtmp_ingest_publisher_admitted(client->publisher))
    {
        return NULL;
    }

    return client->publisher;
}


ngx_int_t
ngx_rtmp_ingest_media(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    ngx_int_t                     rc;
    oa_slice_t                    body;
    ngx_rtmp_ingest_publisher_t  *pub;

    pub = ngx_rtmp_ingest_admitted(s);

    if (pub == NULL) {
        ngx_rtmp_ingest_hold(s, h, in);
        return NGX_OK;
    }

    if (ngx_rtmp_ingest_take_held(pub) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_rtmp_ingest_message(pub, in, &body) != NGX_OK) {
        return ngx_rtmp_ingest_media_error(pub, OA_ENOMEM, NULL);
    }

    pub->bytes += body.size;

    if (h->type == NGX_RTMP_MSG_AUDIO) {
        rc = ngx_rtmp_ingest_sound(pub, body, h->timestamp);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_rtmp_ingest_pass(pub, h->type, body, h->timestamp);
}


ngx_int_t
ngx_rtmp_ingest_metadata(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    oa_slice_t                    body;
    ngx_rtmp_ingest_publisher_t  *pub;

    pub = ngx_rtmp_ingest_admitted(s);

    if (pub == NULL) {
        ngx_rtmp_ingest_hold(s, h, in);
        return NGX_OK;
    }

    if (ngx_rtmp_ingest_take_held(pub) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_rtmp_ingest_message(pub, in, &body) != NGX_OK) {
        return NGX_OK;
    }

    return ngx_rtmp_ingest_pass(pub, h->type, body, h->timestamp);
}


/* What was held comes before the first message after the admission. */
static ngx_int_t
ngx_rtmp_ingest_take_held(ngx_rtmp_ingest_publisher_t *pub)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_rtmp_ingest_held_t     held[NGX_RTMP_INGEST_HELD];
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(pub->session, ngx_rtmp_ingest_module);

    if (!client->expected) {
        return NGX_OK;
    }

    client->expected = 0;
    ngx_memcpy(held, client->held, sizeof(held));
    ngx_memzero(client->held, sizeof(held));

    rc = NGX_OK;

    for (i = 0; i < NGX_RTMP_INGEST_HELD; i++) {
        if (held[i].data && rc == NGX_OK) {
            rc = ngx_rtmp_ingest_pass(pub, held[i].type,
                                      oa_slice(held[i].data, held[i].size),
                                      held[i].timestamp);
        }

        if (held[i].data) {
            ngx_free(held[i].data);
        }
    }

    return rc;
}


ngx_int_t
ngx_rtmp_ingest_pass(ngx_rtmp_ingest_publisher_t *pub, ngx_uint_t type,
    oa_slice_t body, uint32_t timestamp)
{
    oa_err_t           err;
    oa_flv_refusal_t   refusal;
    oa_amf_metadata_t  metadata;

    ngx_memzero(&refusal, sizeof(refusal));
    oa_packager_clock(pub->packager, ngx_onair_now_ms());

    switch (type) {

    case NGX_RTMP_MSG_VIDEO:
        err = oa_packager_video(pub->packager, body, timestamp,
                                ngx_onair_unix_us(), &refusal);
        break;

    case NGX_RTMP_MSG_AUDIO:
        err = oa_packager_audio(pub->packager, body, timestamp,
                                ngx_onair_unix_us(), &refusal);
        break;

    default:
        /* AMF0 values behind a byte that says so */
        if (type == NGX_RTMP_MSG_AMF3_META && body.size > 0) {
            body = oa_slice(body.data + 1, body.size - 1);
        }

        if (oa_amf_metadata_parse(body, &metadata) == OA_OK) {
            oa_packager_metadata(pub->packager, &metadata);
            oa_packager_describe(pub->packager, body);
        }

        return NGX_OK;
    }

    return err == OA_OK ? NGX_OK
                        : ngx_rtmp_ingest_media_error(pub, err, &refusal);
}


/* The chain is nginx-rtmp's and in pieces; the packager wants one slice. */
static ngx_int_t
ngx_rtmp_ingest_message(ngx_rtmp_ingest_publisher_t *pub, ngx_chain_t *in,
    oa_slice_t *body)
{
    size_t   size;
    u_char  *buf;

    size = ngx_rtmp_ingest_chain_size(in);

    if (size > pub->size && in->next) {
        size = ngx_align(size, NGX_RTMP_INGEST_BUFFER_STEP);

        buf = ngx_alloc(size, pub->session->connection->log);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        if (pub->buf) {
            ngx_free(pub->buf);
        }

        pub->buf = buf;
        pub->size = size;
    }

    return ngx_rtmp_ingest_flatten(in, pub->buf, pub->size, body);
}


/* NGX_ERROR makes nginx-rtmp finalize the session when it is safe to. */
ngx_int_t
ngx_rtmp_ingest_media_error(ngx_rtmp_ingest_publisher_t *pub, oa_err_t err,
    const oa_flv_refusal_t *refusal)
{
    ngx_log_t   *log;
    ngx_uint_t   severity;
    const char  *reason;

    if (err == OA_EINVAL) {
        ngx_rtmp_ingest_malformed(pub, refusal);
        return NGX_OK;
    }

    log = pub->session->connection->log;
    reason = oa_strerror(err);
    severity = (err == OA_EUNSUPPORTED || err == OA_ELIMIT) ? NGX_LOG_INFO
                                                            : NGX_LOG_ERR;

    if (err == OA_ELIMIT) {
        reason = "the tracks change too often";

    } else if (err == OA_EFULL) {
        reason = "no room left: \"onair_zone\" or \"ingest_max_pending\" is "
                 "too small";
    }

    if (refusal && refusal->reason) {
        reason = refusal->reason;
    }

    (void) ngx_snprintf((u_char *) pub->reason, sizeof(pub->reason),
                        "%s%s%s%Z", reason,
                        refusal && refusal->fourcc[0] ? ": " : "",
                        refusal ? refusal->fourcc : "");
    pub->reason[sizeof(pub->reason) - 1] = '\0';

    if (ngx_rtmp_ingest_may_log(log)) {
        ngx_log_error(severity, log, 0,
                      "ingest: channel \"%V\" session %s refused: %s",
                      &pub->channel, pub->id, pub->reason);
    }

    (void) ngx_rtmp_send_status(pub->session, "NetStream.Publish.Failed",
                                "error", pub->reason);
    ngx_rtmp_ingest_publisher_stop(pub);

    return NGX_ERROR;
}


static void
ngx_rtmp_ingest_malformed(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_refusal_t *refusal)
{
    time_t      now;
    ngx_log_t  *log;

    now = ngx_time();
    log = pub->session->connection->log;

    if (pub->malformed++ > 0
        && now - pub->malformed_logged < NGX_RTMP_INGEST_LOG_INTERVAL)
    {
        return;
    }

    pub->malformed_logged = now;

    if (ngx_rtmp_ingest_may_log(log)) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "ingest: channel \"%V\" session %s: "
                      "%ui malformed messages so far, the last: %s",
                      &pub->channel, pub->id, pub->malformed,
                      refusal->reason ? refusal->reason
                                      : oa_strerror(OA_EINVAL));
    }
}
