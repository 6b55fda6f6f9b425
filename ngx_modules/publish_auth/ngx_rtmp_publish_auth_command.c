
/*
 * Commands and media of clients, before nginx-rtmp's own handlers: it writes
 * the names of streams to its log before any hook is called, and a stream's
 * name is the key.
 */


#include "ngx_rtmp_publish_auth.h"
#include <ngx_rtmp_live_module.h>


typedef struct {
    ngx_uint_t   prefix;                      /* of "live_", at any place */
    ngx_uint_t   begun;                       /* it was there */
    ngx_uint_t   digits;
    ngx_uint_t   chars;                       /* of the secret */
    u_char      *secret[OA_KEY_SECRET_CHARS];
} ngx_rtmp_publish_auth_mask_t;


static ngx_int_t ngx_rtmp_publish_auth_command_publish(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_int_t ngx_rtmp_publish_auth_command_mask(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_int_t ngx_rtmp_publish_auth_command_data(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_int_t ngx_rtmp_publish_auth_command_media(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_int_t ngx_rtmp_publish_auth_first(ngx_array_t *array, size_t size,
    const void *element);
static void ngx_rtmp_publish_auth_mask_byte(
    ngx_rtmp_publish_auth_mask_t *mask, u_char *p);


static const ngx_rtmp_amf_handler_t  ngx_rtmp_publish_auth_amf[] = {
    { ngx_string("publish"), ngx_rtmp_publish_auth_command_publish },
    { ngx_string("connect"), ngx_rtmp_publish_auth_command_mask },
    { ngx_string("play"), ngx_rtmp_publish_auth_command_mask },
    { ngx_string("play2"), ngx_rtmp_publish_auth_command_mask },
    { ngx_string("@setDataFrame"), ngx_rtmp_publish_auth_command_data },
    { ngx_string("onMetaData"), ngx_rtmp_publish_auth_command_data }
};


static const ngx_uint_t  ngx_rtmp_publish_auth_media_types[] = {
    NGX_RTMP_MSG_AUDIO,
    NGX_RTMP_MSG_VIDEO,
    NGX_RTMP_MSG_AMF_META,
    NGX_RTMP_MSG_AMF3_META
};


ngx_int_t
ngx_rtmp_publish_auth_command_init(ngx_rtmp_core_main_conf_t *cmcf)
{
    ngx_int_t            rc;
    ngx_uint_t           i, n;
    ngx_rtmp_handler_pt  handler;

    n = sizeof(ngx_rtmp_publish_auth_amf)
        / sizeof(ngx_rtmp_publish_auth_amf[0]);

    for (i = 0; i < n; i++) {
        rc = ngx_rtmp_publish_auth_first(&cmcf->amf,
                                         sizeof(ngx_rtmp_amf_handler_t),
                                         &ngx_rtmp_publish_auth_amf[i]);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    n = sizeof(ngx_rtmp_publish_auth_media_types)
        / sizeof(ngx_rtmp_publish_auth_media_types[0]);
    handler = ngx_rtmp_publish_auth_command_media;

    for (i = 0; i < n; i++) {
        rc = ngx_rtmp_publish_auth_first(
                   &cmcf->events[ngx_rtmp_publish_auth_media_types[i]],
                   sizeof(ngx_rtmp_handler_pt), &handler);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* Before the handlers that are there already. */
static ngx_int_t
ngx_rtmp_publish_auth_first(ngx_array_t *array, size_t size,
    const void *element)
{
    u_char  *first;

    if (ngx_array_push(array) == NULL) {
        return NGX_ERROR;
    }

    first = array->elts;
    ngx_memmove(first + size, first, (array->nelts - 1) * size);
    ngx_memcpy(first, element, size);

    return NGX_OK;
}


/* --- publish ---------------------------------------------------------- */


/* In the place of nginx-rtmp's handler, which logs the name first of all. */
static ngx_int_t
ngx_rtmp_publish_auth_command_publish(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in)
{
    ngx_int_t                          rc;
    ngx_rtmp_publish_t                 v;
    ngx_rtmp_publish_auth_app_conf_t  *pacf;

    ngx_rtmp_amf_elt_t  arguments[] = {
        { NGX_RTMP_AMF_NUMBER, ngx_null_string, NULL, 0 },
        { NGX_RTMP_AMF_NULL, ngx_null_string, NULL, 0 },
        { NGX_RTMP_AMF_STRING, ngx_null_string, v.name, sizeof(v.name) },
        { NGX_RTMP_AMF_OPTIONAL|NGX_RTMP_AMF_STRING, ngx_null_string,
          v.type, sizeof(v.type) }
    };

    pacf = ngx_rtmp_publish_auth_guards(s);

    if (pacf == NULL) {
        return NGX_OK;
    }

    if (s->connection->destroyed) {
        return NGX_ERROR;
    }

    ngx_memzero(&v, sizeof(v));

    if (ngx_rtmp_receive_amf(s, in, arguments,
                             sizeof(arguments) / sizeof(arguments[0]))
        != NGX_OK)
    {
        ngx_explicit_memzero(&v, sizeof(v));
        return NGX_ERROR;
    }

    ngx_rtmp_cmd_fill_args(v.name, v.args);

    rc = ngx_rtmp_publish_auth_begin(s, pacf, &v);

    ngx_explicit_memzero(&v, sizeof(v));

    return rc;
}


/* --- keys in the wrong place ------------------------------------------ */


/*
 * Who enters the key as a part of the server's address sends it with
 * "connect"; who tries to watch it, with "play".  Both are logged.
 */
static ngx_int_t
ngx_rtmp_publish_auth_command_mask(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in)
{
    u_char                        *p;
    ngx_rtmp_publish_auth_mask_t   mask;

    ngx_memzero(&mask, sizeof(mask));

    for ( /* void */ ; in; in = in->next) {
        for (p = in->buf->pos; p < in->buf->last; p++) {
            ngx_rtmp_publish_auth_mask_byte(&mask, p);
        }
    }

    return NGX_OK;
}


static void
ngx_rtmp_publish_auth_mask_byte(ngx_rtmp_publish_auth_mask_t *mask, u_char *p)
{
    ngx_uint_t           i;
    static const u_char  prefix[] = "live_";

    /* also within what could be a secret, which has no "_" */
    mask->prefix = *p == prefix[mask->prefix] ? mask->prefix + 1
                                              : (ngx_uint_t) (*p == prefix[0]);

    if (mask->prefix == sizeof(prefix) - 1) {
        mask->prefix = 0;
        mask->begun = 1;
        mask->digits = 0;
        mask->chars = 0;
        return;
    }

    if (!mask->begun) {
        return;
    }

    if (mask->chars == 0 && *p >= '0' && *p <= '9' && mask->digits < 20) {
        mask->digits++;
        return;
    }

    if (mask->chars == 0 && mask->digits > 0 && mask->digits < 20
        && *p == '_')
    {
        mask->digits = 20;
        return;
    }

    if (mask->digits == 20
        && ((*p >= 'a' && *p <= 'z') || (*p >= '2' && *p <= '7')))
    {
        mask->secret[mask->chars++] = p;

        if (mask->chars < OA_KEY_SECRET_CHARS) {
            return;
        }

        for (i = 0; i < OA_KEY_SECRET_CHARS; i++) {
            *mask->secret[i] = 'x';
        }
    }

    mask->begun = 0;
    mask->digits = 0;
    mask->chars = 0;
}


/* --- media and data --------------------------------------------------- */


static ngx_int_t
ngx_rtmp_publish_auth_command_data(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in)
{
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    if (ngx_rtmp_publish_auth_guards(s) == NULL) {
        return NGX_OK;
    }

    ctx = ngx_rtmp_publish_auth_get(s);

    return ctx && ctx->live ? NGX_OK : NGX_DONE;
}


/* NGX_DONE: no module of nginx-rtmp hears of it. */
static ngx_int_t
ngx_rtmp_publish_auth_command_media(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in)
{
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    if (ngx_rtmp_publish_auth_guards(s) == NULL) {
        return NGX_OK;
    }

    ctx = ngx_rtmp_publish_auth_get(s);

    if (ctx == NULL || ctx->over) {
        return NGX_DONE;
    }

    if (ctx->live) {
        if (h->type == NGX_RTMP_MSG_AUDIO || h->type == NGX_RTMP_MSG_VIDEO) {
            ngx_rtmp_publish_auth_turn_media(ctx, h->mlen);
        }

        return ctx->live ? NGX_OK : NGX_DONE;
    }

    if (ctx->checking || ctx->standby) {
        ngx_rtmp_publish_auth_headers_keep(ctx, h, in);
    }

    return NGX_DONE;
}
