
/* Parts, segments and init segments: copied out of the store once. */


#include "llhls/ngx_http_llhls.h"


/* So many segments ahead, a name may come true while an error is cached. */
#define NGX_HTTP_LLHLS_SOON  64


static void
ngx_http_llhls_key_set(ngx_http_llhls_key_t *key,
    const ngx_http_llhls_rendition_t *rendition,
    const ngx_http_llhls_ask_t *ask)
{
    key->session_id = rendition->id.session_id;
    key->topic = rendition->id.index;
    key->kind = (uint32_t) ask->kind;
    key->number = ask->number;
    key->part = ask->part;
}


static oa_err_t
ngx_http_llhls_log_read(ngx_http_llhls_rendition_t *rendition,
    uint64_t part_number, uint64_t offset, uint64_t size,
    ngx_http_llhls_buf_t **read)
{
    oa_err_t               err;
    ngx_http_llhls_buf_t  *buf;

    buf = ngx_http_llhls_buf_create((size_t) size);
    if (buf == NULL) {
        return OA_ENOMEM;
    }

    err = oa_live_read(ngx_onair_live(), rendition->id, part_number, offset,
                       buf->data, buf->size);
    if (err != OA_OK) {
        ngx_http_llhls_buf_release(buf);
        return err;
    }

    *read = buf;

    return OA_OK;
}


static oa_err_t
ngx_http_llhls_part_read(ngx_http_llhls_rendition_t *rendition,
    const ngx_http_llhls_ask_t *ask, ngx_http_llhls_buf_t **read)
{
    oa_err_t             err;
    oa_live_name_t       name;
    oa_live_part_info_t  part;

    name.msn = ask->number;
    name.part = ask->part;

    err = oa_live_part_find(ngx_onair_live(), rendition->id, name, &part);
    if (err != OA_OK) {
        return err;
    }

    return ngx_http_llhls_log_read(rendition, part.number, part.offset,
                                   part.size, read);
}


static oa_err_t
ngx_http_llhls_segment_read(ngx_http_llhls_rendition_t *rendition,
    const ngx_http_llhls_ask_t *ask, ngx_http_llhls_buf_t **read)
{
    oa_err_t                err;
    oa_live_segment_info_t  segment;

    err = oa_live_segment_find(ngx_onair_live(), rendition->id, ask->number,
                               &segment);
    if (err != OA_OK) {
        return err;
    }

    return ngx_http_llhls_log_read(rendition, segment.first_part,
                                   segment.offset, segment.size, read);
}


static oa_err_t
ngx_http_llhls_init_read(ngx_http_llhls_rendition_t *rendition,
    const ngx_http_llhls_ask_t *ask, ngx_http_llhls_buf_t **read)
{
    size_t                 size;
    u_char                 data[OA_LIVE_INIT_BYTES];
    oa_err_t               err;
    ngx_http_llhls_buf_t  *buf;

    err = oa_live_init_read(ngx_onair_live(), rendition->id, ask->number,
                            data, &size);
    if (err != OA_OK) {
        return err;
    }

    buf = ngx_http_llhls_buf_create(size);
    if (buf == NULL) {
        return OA_ENOMEM;
    }

    ngx_memcpy(buf->data, data, size);
    *read = buf;

    return OA_OK;
}


/* OA_EAGAIN: it is not there yet, but promised. */
static oa_err_t
ngx_http_llhls_media_get(ngx_http_llhls_rendition_t *rendition,
    const ngx_http_llhls_ask_t *ask, ngx_http_llhls_buf_t **media)
{
    oa_err_t               err;
    ngx_http_llhls_buf_t  *buf;
    ngx_http_llhls_key_t   key;

    ngx_http_llhls_key_set(&key, rendition, ask);

    buf = ngx_http_llhls_cache_find(&key);
    if (buf != NULL) {
        *media = buf;
        return OA_OK;
    }

    switch (ask->kind) {

    case OA_HLS_PART:
        err = ngx_http_llhls_part_read(rendition, ask, &buf);
        break;

    case OA_HLS_SEGMENT:
        err = ngx_http_llhls_segment_read(rendition, ask, &buf);
        break;

    default:
        err = ngx_http_llhls_init_read(rendition, ask, &buf);
        break;
    }

    if (err != OA_OK) {
        return err;
    }

    buf->key = key;
    ngx_http_llhls_cache_insert(buf);
    *media = buf;

    return OA_OK;
}


/*
 * Who asks for what comes soon must not make a shared cache say for a while
 * that it does not exist.
 */
static ngx_int_t
ngx_http_llhls_media_error(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask,
    oa_err_t err)
{
    ngx_str_t       *cache_control;
    oa_live_edge_t   edge;

    cache_control = &rendition->age_error;

    if (oa_live_edge(ngx_onair_live(), rendition->id, &edge) == OA_OK
        && edge.state != OA_LIVE_ENDED
        && (ask->kind == OA_HLS_INIT || edge.presence == OA_LIVE_ASLEEP
            || (ask->number >= edge.msn
                && ask->number - edge.msn <= NGX_HTTP_LLHLS_SOON)))
    {
        cache_control = &ngx_http_llhls_no_store;
    }

    return ngx_http_llhls_error(r, ngx_http_llhls_status(err),
                                cache_control);
}


ngx_int_t
ngx_http_llhls_media_answer(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask)
{
    oa_err_t               err;
    ngx_http_llhls_buf_t  *media;

    err = ngx_http_llhls_media_get(rendition, ask, &media);
    if (err != OA_OK) {
        return ngx_http_llhls_media_error(r, rendition, ask, err);
    }

    return ngx_http_llhls_send_media(r, media, &rendition->media_type);
}


ngx_int_t
ngx_http_llhls_media_handler(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const oa_hls_uri_t *uri)
{
    oa_err_t               err;
    oa_hls_position_t      position;
    ngx_http_llhls_ask_t   ask;
    ngx_http_llhls_buf_t  *media;

    ngx_memzero(&ask, sizeof(ask));
    ask.kind = uri->kind;
    ask.number = uri->number;
    ask.part = uri->part;

    err = ngx_http_llhls_media_get(rendition, &ask, &media);

    if (err == OA_OK) {
        return ngx_http_llhls_send_media(r, media, &rendition->media_type);
    }

    if (err != OA_EAGAIN) {
        return ngx_http_llhls_media_error(r, rendition, &ask, err);
    }

    position.msn = ask.number;
    position.part = ask.part;
    position.whole = ask.kind == OA_HLS_SEGMENT;

    return ngx_http_llhls_wait(r, rendition, &ask, &position);
}
