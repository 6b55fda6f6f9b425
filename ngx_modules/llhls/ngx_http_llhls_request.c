
/* What a request asks for. */


#include "llhls/ngx_http_llhls.h"


ngx_int_t ngx_http_llhls_handler(ngx_http_request_t *r);


/* For errors about what has no target duration: the shortest usual one. */
static ngx_str_t  ngx_http_llhls_age_unknown = ngx_string("max-age=2");


static ngx_int_t
ngx_http_llhls_not_found(ngx_http_request_t *r)
{
    return ngx_http_llhls_error(r, NGX_HTTP_NOT_FOUND,
                                &ngx_http_llhls_age_unknown);
}


/* The URI behind the location's name. */
static void
ngx_http_llhls_path(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    *path = r->uri;

    if (path->len >= clcf->name.len) {
        path->data += clcf->name.len;
        path->len -= clcf->name.len;
    }

    if (path->len && path->data[0] == '/') {
        path->data++;
        path->len--;
    }
}


static ngx_int_t
ngx_http_llhls_rendition_handler(ngx_http_request_t *r,
    const oa_hls_uri_t *uri, ngx_str_t *path)
{
    oa_err_t                     err;
    oa_live_presence_t           presence;
    ngx_http_llhls_rendition_t  *rendition;

    /* the library accepted it: it has a slash */
    while (path->data[path->len - 1] != '/') {
        path->len--;
    }

    path->len--;

    rendition = ngx_http_llhls_rendition_get(uri, path, &err);
    if (rendition == NULL) {
        return ngx_http_llhls_error(r, ngx_http_llhls_status(err),
                                    &ngx_http_llhls_age_unknown);
    }

    if (oa_live_rendition_presence(ngx_onair_live(), rendition->id, &presence)
        == OA_OK && presence == OA_LIVE_WITHDRAWN)
    {
        return ngx_http_llhls_error(r, NGX_HTTP_NOT_FOUND,
                                    &rendition->age_error);
    }

    /* players fetch it of what they do not play */
    if (uri->kind != OA_HLS_INIT) {
        ngx_http_llhls_rendition_want(rendition);
    }

    if (uri->kind == OA_HLS_MEDIA) {
        return ngx_http_llhls_playlist_handler(r, rendition);
    }

    return ngx_http_llhls_media_handler(r, rendition, uri);
}


ngx_int_t
ngx_http_llhls_handler(ngx_http_request_t *r)
{
    ngx_int_t     rc;
    ngx_str_t     path;
    oa_hls_uri_t  uri;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))) {
        return ngx_http_llhls_error(r, NGX_HTTP_NOT_ALLOWED,
                                    &ngx_http_llhls_no_store);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_llhls_send_preflight(r);
    }

    ngx_http_llhls_path(r, &path);

    if (oa_hls_uri_parse(oa_slice(path.data, path.len), &uri) != OA_OK) {
        return ngx_http_llhls_not_found(r);
    }

    switch (uri.kind) {

    case OA_HLS_MULTIVARIANT:
        return ngx_http_llhls_multivariant_handler(r, uri.channel);

    case OA_HLS_THUMBNAIL:
    case OA_HLS_SPRITE:
        return ngx_http_llhls_picture_handler(r, &uri);

    case OA_HLS_SPRITES:
        return ngx_http_llhls_sprites_handler(r, &uri);

    default:
        return ngx_http_llhls_rendition_handler(r, &uri, &path);
    }
}
