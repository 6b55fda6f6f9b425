
/* What a publisher sent before it was admitted, and its decoders need. */


#include "ngx_rtmp_ingest.h"


static ngx_rtmp_ingest_held_t *ngx_rtmp_ingest_held_slot(
    ngx_rtmp_ingest_client_t *client, ngx_uint_t type, oa_slice_t body);


void
ngx_rtmp_ingest_forget(ngx_rtmp_ingest_client_t *client)
{
    ngx_uint_t  i;

    client->expected = 0;

    for (i = 0; i < NGX_RTMP_INGEST_HELD; i++) {
        if (client->held[i].data) {
            ngx_free(client->held[i].data);
        }
    }

    ngx_memzero(client->held, sizeof(client->held));
}


void
ngx_rtmp_ingest_hold(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    u_char                    *data, buf[NGX_RTMP_INGEST_HELD_BYTES];
    oa_slice_t                 body;
    ngx_rtmp_ingest_held_t    *held;
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (client == NULL || !client->expected
        || ngx_rtmp_ingest_chain_size(in) > sizeof(buf)
        || ngx_rtmp_ingest_flatten(in, buf, sizeof(buf), &body) != NGX_OK)
    {
        return;
    }

    held = ngx_rtmp_ingest_held_slot(client, h->type, body);
    if (held == NULL) {
        return;
    }

    data = ngx_alloc(body.size, s->connection->log);
    if (data == NULL) {
        return;
    }

    if (held->data) {
        ngx_free(held->data);
    }

    ngx_memcpy(data, body.data, body.size);
    held->data = data;
    held->size = body.size;
    held->type = h->type;
    held->timestamp = h->timestamp;
}


/* Where a message is held, or NULL when it is none that decoders need. */
static ngx_rtmp_ingest_held_t *
ngx_rtmp_ingest_held_slot(ngx_rtmp_ingest_client_t *client, ngx_uint_t type,
    oa_slice_t body)
{
    oa_flv_message_t   message;
    oa_amf_metadata_t  metadata;

    switch (type) {

    case NGX_RTMP_MSG_VIDEO:
        return oa_flv_video_parse(body, &message, NULL) == OA_OK
               && message.kind == OA_FLV_CONFIG ? &client->held[1] : NULL;

    case NGX_RTMP_MSG_AUDIO:
        return oa_flv_audio_parse(body, &message, NULL) == OA_OK
               && message.kind == OA_FLV_CONFIG ? &client->held[2] : NULL;

    default:
        if (type == NGX_RTMP_MSG_AMF3_META && body.size > 0) {
            body = oa_slice(body.data + 1, body.size - 1);
        }

        return oa_amf_metadata_parse(body, &metadata) == OA_OK
               ? &client->held[0] : NULL;
    }
}
