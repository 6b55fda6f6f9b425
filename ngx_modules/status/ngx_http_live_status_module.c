
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ngx_onair_core.h"
#include "core/ngx_onair_ladder.h"
#include "status/oa_status.h"


#define NGX_HTTP_LIVE_STATUS_BUFFER  (4 * OA_STATUS_PIECE_BYTES)


typedef struct {
    ngx_uint_t      used;
} ngx_http_live_status_main_conf_t;


/* The answer while it grows: a chain of buffers from the request's pool. */
typedef struct {
    ngx_pool_t     *pool;
    ngx_chain_t    *first;
    ngx_chain_t   **next;
    ngx_buf_t      *last;
    off_t           size;
} ngx_http_live_status_text_t;


static ngx_int_t ngx_http_live_status_handler(ngx_http_request_t *r);
static void *ngx_http_live_status_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_live_status_postconfiguration(ngx_conf_t *cf);
static char *ngx_http_live_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_command_t  ngx_http_live_status_commands[] = {

    { ngx_string("live_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_live_status,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_live_status_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_live_status_postconfiguration,  /* postconfiguration */

    ngx_http_live_status_create_main_conf,   /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    NULL,                                    /* create location conf. */
    NULL                                     /* merge location conf. */
};


ngx_module_t  ngx_http_live_status_module = {
    NGX_MODULE_V1,
    &ngx_http_live_status_module_ctx,        /* module context */
    ngx_http_live_status_commands,           /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    NULL,                                    /* init module */
    NULL,                                    /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    NULL,                                    /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


/* What is written belongs to the newest buffer. */
static void
ngx_http_live_status_take(ngx_http_live_status_text_t *text, oa_writer_t *w)
{
    if (text->last != NULL) {
        text->last->last = w->pos;
        text->size += w->pos - text->last->pos;
    }
}


/* An oa_status_room_pt. */
static oa_err_t
ngx_http_live_status_room(void *ctx, oa_writer_t *w)
{
    ngx_buf_t                    *b;
    ngx_chain_t                  *cl;
    ngx_http_live_status_text_t  *text;

    text = ctx;

    ngx_http_live_status_take(text, w);

    cl = ngx_alloc_chain_link(text->pool);
    b = ngx_create_temp_buf(text->pool, NGX_HTTP_LIVE_STATUS_BUFFER);

    if (cl == NULL || b == NULL) {
        return OA_ENOMEM;
    }

    cl->buf = b;
    cl->next = NULL;

    *text->next = cl;
    text->next = &cl->next;
    text->last = b;

    oa_writer_init(w, b->pos, NGX_HTTP_LIVE_STATUS_BUFFER);

    return OA_OK;
}


/* NULL: this process makes no renditions, or none that take slots. */
static const oa_ladder_slots_usage_t *
ngx_http_live_status_slots(oa_ladder_slots_usage_t *usage)
{
    const ngx_onair_ladder_t  *ladder;

    ladder = ngx_onair_ladder();

    return ladder != NULL && ladder->slots(usage) ? usage : NULL;
}


static oa_err_t
ngx_http_live_status_render(ngx_http_request_t *r,
    ngx_http_live_status_text_t *text)
{
    oa_err_t                  err;
    ngx_str_t                 channel, health;
    oa_writer_t               w;
    oa_status_source_t        source;
    oa_ladder_slots_usage_t   usage;

    ngx_memzero(text, sizeof(ngx_http_live_status_text_t));

    text->pool = r->pool;
    text->next = &text->first;

    source.live = ngx_onair_live();
    source.now_ms = ngx_onair_now_ms();
    source.unix_us = ngx_onair_unix_us();
    source.waiting = ngx_onair_waiting();
    source.slots = ngx_http_live_status_slots(&usage);

    err = ngx_http_live_status_room(text, &w);
    if (err != OA_OK) {
        return err;
    }

    /* a channel's name has no character that would be escaped */
    if (ngx_http_arg(r, (u_char *) "channel", 7, &channel) == NGX_OK
        && ngx_http_arg(r, (u_char *) "health", 6, &health) == NGX_OK)
    {
        err = oa_status_render_health(&source,
                                      oa_slice(channel.data, channel.len), &w,
                                      ngx_http_live_status_room, text);

    } else {
        err = oa_status_render(&source, &w, ngx_http_live_status_room, text);
    }

    if (err != OA_OK) {
        return err;
    }

    ngx_http_live_status_take(text, &w);

    text->last->last_buf = (r == r->main) ? 1 : 0;
    text->last->last_in_chain = 1;

    return OA_OK;
}


static ngx_int_t
ngx_http_live_status_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}


static ngx_int_t
ngx_http_live_status_headers(ngx_http_request_t *r)
{
    if (ngx_http_live_status_header(r, "Cache-Control", "no-store") != NGX_OK
        || ngx_http_live_status_header(r, "Access-Control-Allow-Origin", "*")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.status = NGX_HTTP_OK;

    return NGX_OK;
}


static ngx_int_t
ngx_http_live_status_not_allowed(ngx_http_request_t *r)
{
    if (ngx_http_live_status_header(r, "Allow", "GET, HEAD") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_NOT_ALLOWED;
}


static ngx_int_t
ngx_http_live_status_handler(ngx_http_request_t *r)
{
    oa_err_t                      err;
    ngx_int_t                     rc;
    ngx_http_live_status_text_t   text;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_live_status_not_allowed(r);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_onair_live() == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    err = ngx_http_live_status_render(r, &text);

    if (err == OA_ENOTFOUND) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (err != OA_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "live_status: the answer could not be made: %s",
                      oa_strerror(err));
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_live_status_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.content_length_n = text.size;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, text.first);
}


static void *
ngx_http_live_status_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_live_status_main_conf_t));
}


static ngx_int_t
ngx_http_live_status_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_live_status_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_live_status_module);

    if (mcf->used && !ngx_onair_configured(cf)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"live_status\" needs \"onair_zone\" above the "
                      "\"http\" block");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_http_live_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_live_status_main_conf_t  *mcf;

    mcf = conf;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_live_status_handler) {
        return "is duplicate";
    }

    clcf->handler = ngx_http_live_status_handler;
    mcf->used = 1;

    return NGX_CONF_OK;
}
