
/*
 * A connection: what it said, and what of that has to wait until it is
 * admitted as a publisher.
 */


#include "ngx_rtmp_ingest.h"


static ngx_int_t ngx_rtmp_ingest_client_command(ngx_conf_t *cf,
    const char *name, ngx_rtmp_handler_pt handler);
static ngx_int_t ngx_rtmp_ingest_client_publish(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static void ngx_rtmp_ingest_client_cleanup(void *data);
static void ngx_rtmp_ingest_client_forget(ngx_rtmp_ingest_client_t *client);
static ngx_rtmp_ingest_held_t *ngx_rtmp_ingest_held_slot(
    ngx_rtmp_ingest_client_t *client, ngx_uint_t type, oa_slice_t body);


ngx_int_t
ngx_rtmp_ingest_client_init(ngx_conf_t *cf)
{
    return ngx_rtmp_ingest_client_command(cf, "publish",
                                          ngx_rtmp_ingest_client_publish);
}


/* Before nginx-rtmp's own handler, which may admit the publisher at once. */
static ngx_int_t
ngx_rtmp_ingest_client_command(ngx_conf_t *cf, const char *name,
    ngx_rtmp_handler_pt handler)
{
    ngx_rtmp_amf_handler_t     *h;
    ngx_rtmp_core_main_conf_t  *cmcf;

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);

    if (ngx_array_push(&cmcf->amf) == NULL) {
        return NGX_ERROR;
    }

    h = cmcf->amf.elts;
    ngx_memmove(h + 1, h, (cmcf->amf.nelts - 1) * sizeof(*h));
    h[0].name.data = (u_char *) name;
    h[0].name.len = ngx_strlen(name);
    h[0].handler = handler;

    return NGX_OK;
}


ngx_rtmp_ingest_client_t *
ngx_rtmp_ingest_client(ngx_rtmp_session_t *s)
{
    ngx_pool_cleanup_t        *cln;
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);
    if (client) {
        return client;
    }

    client = ngx_pcalloc(s->connection->pool, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(s->connection->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_rtmp_ingest_client_cleanup;
    cln->data = client;

    client->session = s;
    ngx_rtmp_set_ctx(s, client, ngx_rtmp_ingest_module);

    return client;
}


static void
ngx_rtmp_ingest_client_cleanup(void *data)
{
    ngx_rtmp_ingest_client_t  *client = data;

    ngx_rtmp_ingest_client_forget(client);
}


static ngx_int_t
ngx_rtmp_ingest_client_publish(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    ngx_rtmp_ingest_client_t    *client;
    ngx_rtmp_ingest_app_conf_t  *iacf;

    if (s->auto_pushed || s->relay || s->app_conf == NULL) {
        return NGX_OK;
    }

    iacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_ingest_module);

    if (!iacf->enable) {
        return NGX_OK;
    }

    client = ngx_rtmp_ingest_client(s);
    if (client == NULL) {
        return NGX_ERROR;
    }

    client->expected = 1;

    return NGX_OK;
}


void
ngx_rtmp_ingest_unpublish(ngx_rtmp_session_t *s)
{
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (client == NULL) {
        return;
    }

    ngx_rtmp_ingest_client_forget(client);

    if (client->publisher) {
        ngx_rtmp_ingest_publisher_stop(client->publisher);
    }
}


/* --- held messages ----------------------------------------------------- */

static void
ngx_rtmp_ingest_client_forget(ngx_rtmp_ingest_client_t *client)
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
