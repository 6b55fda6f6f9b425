
/* Headers and bodies. */


#include "llhls/ngx_http_llhls.h"

#include <zlib.h>


static ngx_table_elt_t  ngx_http_llhls_allow_origin =
    { .hash = 1, .key = ngx_string("Access-Control-Allow-Origin"),
      .value = ngx_string("*") };

static ngx_table_elt_t  ngx_http_llhls_expose =
    { .hash = 1, .key = ngx_string("Access-Control-Expose-Headers"),
      .value = ngx_string("Date, Age, Content-Length, Content-Range") };

static ngx_table_elt_t  ngx_http_llhls_vary =
    { .hash = 1, .key = ngx_string("Vary"),
      .value = ngx_string("Accept-Encoding") };

static ngx_table_elt_t  ngx_http_llhls_gzip_encoding =
    { .hash = 1, .key = ngx_string("Content-Encoding"),
      .value = ngx_string("gzip") };

static ngx_table_elt_t  ngx_http_llhls_allow =
    { .hash = 1, .key = ngx_string("Allow"),
      .value = ngx_string("GET, HEAD, OPTIONS") };

static ngx_table_elt_t  ngx_http_llhls_preflight[] = {
    { .hash = 1, .key = ngx_string("Access-Control-Allow-Methods"),
      .value = ngx_string("GET, HEAD, OPTIONS") },
    { .hash = 1, .key = ngx_string("Access-Control-Allow-Headers"),
      .value = ngx_string("Range") },
    { .hash = 1, .key = ngx_string("Access-Control-Max-Age"),
      .value = ngx_string("86400") }
};

static ngx_str_t  ngx_http_llhls_immutable =
    ngx_string("max-age=31536000, immutable");

static ngx_str_t  ngx_http_llhls_playlist_type =
    ngx_string("application/vnd.apple.mpegurl");

ngx_str_t  ngx_http_llhls_no_store = ngx_string("no-store");


static ngx_table_elt_t *
ngx_http_llhls_header_add(ngx_http_request_t *r,
    const ngx_table_elt_t *header)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h != NULL) {
        *h = *header;
    }

    return h;
}


static ngx_int_t
ngx_http_llhls_cache_control(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t  header;

    ngx_memzero(&header, sizeof(header));
    header.hash = 1;
    ngx_str_set(&header.key, "Cache-Control");
    header.value = *value;

    return ngx_http_llhls_header_add(r, &header) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_llhls_headers_common(ngx_http_request_t *r, ngx_str_t *cache_control)
{
    if (ngx_http_llhls_cache_control(r, cache_control) != NGX_OK
        || !ngx_http_llhls_header_add(r, &ngx_http_llhls_allow_origin)
        || !ngx_http_llhls_header_add(r, &ngx_http_llhls_expose))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What a cache keeps for good must not be the answer to somebody's range. */
static void
ngx_http_llhls_cache_not(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("Cache-Control") - 1
                && ngx_strncmp(h[i].key.data, "Cache-Control", h[i].key.len)
                   == 0)
            {
                h[i].value = ngx_http_llhls_no_store;
            }
        }
    }
}


static void
ngx_http_llhls_buf_cleanup(void *data)
{
    ngx_http_llhls_buf_release(data);
}


static ngx_int_t
ngx_http_llhls_send(ngx_http_request_t *r, ngx_http_llhls_buf_t *buf,
    ngx_str_t *type)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_pool_cleanup_t  *cln;

    b = ngx_calloc_buf(r->pool);
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (b == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    buf->refs++;
    cln->handler = ngx_http_llhls_buf_cleanup;
    cln->data = buf;

    if (ngx_exiting) {
        /* the next request finds another worker */
        r->keepalive = 0;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t) buf->size;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_HTTP_RANGE_NOT_SATISFIABLE) {
        ngx_http_llhls_cache_not(r);
    }

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = buf->data;
    b->last = buf->data + buf->size;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_llhls_send_playlist(ngx_http_request_t *r, ngx_http_llhls_buf_t *buf,
    ngx_uint_t gzip, ngx_str_t *cache_control)
{
    if (ngx_http_llhls_headers_common(r, cache_control) != NGX_OK
        || !ngx_http_llhls_header_add(r, &ngx_http_llhls_vary))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (gzip) {
        r->headers_out.content_encoding =
            ngx_http_llhls_header_add(r, &ngx_http_llhls_gzip_encoding);

        if (r->headers_out.content_encoding == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_llhls_send(r, buf, &ngx_http_llhls_playlist_type);
}


ngx_int_t
ngx_http_llhls_send_media(ngx_http_request_t *r, ngx_http_llhls_buf_t *buf,
    ngx_str_t *type)
{
    if (ngx_http_llhls_headers_common(r, &ngx_http_llhls_immutable)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->allow_ranges = 1;

    return ngx_http_llhls_send(r, buf, type);
}


/* It may be half as old again as it is replaced. */
ngx_int_t
ngx_http_llhls_send_picture(ngx_http_request_t *r, ngx_http_llhls_buf_t *buf,
    ngx_str_t *type, ngx_uint_t interval_ms, int64_t made_unix_s)
{
    u_char      age[sizeof("max-age=") + NGX_INT_T_LEN], *p;
    ngx_str_t   value;

    value = ngx_http_llhls_immutable;

    if (interval_ms != 0) {
        p = ngx_sprintf(age, "max-age=%ui", ngx_max(interval_ms / 2000, 1));
        value.len = p - age;
        value.data = ngx_pnalloc(r->pool, value.len);

        if (value.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(value.data, age, value.len);
    }

    /* the tag is made of these two, so it is the same in all workers */
    r->headers_out.last_modified_time = (time_t) made_unix_s;
    r->headers_out.content_length_n = (off_t) buf->size;

    if (ngx_http_llhls_headers_common(r, &value) != NGX_OK
        || ngx_http_set_etag(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_llhls_send(r, buf, type);
}


ngx_int_t
ngx_http_llhls_send_preflight(ngx_http_request_t *r)
{
    ngx_uint_t  i;

    if (!ngx_http_llhls_header_add(r, &ngx_http_llhls_allow_origin)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < sizeof(ngx_http_llhls_preflight)
                    / sizeof(ngx_http_llhls_preflight[0]); i++)
    {
        if (!ngx_http_llhls_header_add(r, &ngx_http_llhls_preflight[i])) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_llhls_error(ngx_http_request_t *r, ngx_int_t status,
    ngx_str_t *cache_control)
{
    if (ngx_http_llhls_headers_common(r, cache_control) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (status == NGX_HTTP_NOT_ALLOWED
        && !ngx_http_llhls_header_add(r, &ngx_http_llhls_allow))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_exiting) {
        r->keepalive = 0;
    }

    return status;
}


ngx_int_t
ngx_http_llhls_status(oa_err_t err)
{
    switch (err) {

    case OA_ENOTFOUND:
    case OA_EGONE:
        return NGX_HTTP_NOT_FOUND;

    case OA_EINVAL:
        return NGX_HTTP_BAD_REQUEST;

    case OA_EAGAIN:
        return NGX_HTTP_SERVICE_UNAVAILABLE;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* --- gzip ------------------------------------------------------------ */


/* Whether what follows a coding's name gives it the weight 0. */
static ngx_uint_t
ngx_http_llhls_weight_is_zero(u_char *p, u_char *last)
{
    while (p < last && *p == ' ') {
        p++;
    }

    if (p == last || *p++ != ';') {
        return 0;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    if (last - p < 3 || (p[0] | 0x20) != 'q' || p[1] != '=') {
        return 0;
    }

    for (p += 2; p < last && (*p == '0' || *p == '.'); p++) { /* void */ }

    return p == last || *p < '1' || *p > '9';
}


ngx_uint_t
ngx_http_llhls_accepts_gzip(ngx_http_request_t *r)
{
    u_char           *p, *last;
    ngx_table_elt_t  *accept;

    accept = r->headers_in.accept_encoding;

    if (accept == NULL) {
        return 0;
    }

    p = accept->value.data;
    last = p + accept->value.len;

    p = ngx_strlcasestrn(p, last, (u_char *) "gzip", 4 - 1);
    if (p == NULL) {
        return 0;
    }

    if (p != accept->value.data && p[-1] != ' ' && p[-1] != ',') {
        return 0;
    }

    return !ngx_http_llhls_weight_is_zero(p + 4, last);
}


/* One stream for all: its windows are large. */
static z_stream *
ngx_http_llhls_deflater(void)
{
    static z_stream    stream;
    static ngx_uint_t  ready;

    if (ready) {
        return deflateReset(&stream) == Z_OK ? &stream : NULL;
    }

    if (deflateInit2(&stream, 5, Z_DEFLATED, MAX_WBITS + 16, 8,
                     Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        return NULL;
    }

    ready = 1;

    return &stream;
}


ngx_http_llhls_buf_t *
ngx_http_llhls_gzip(const ngx_http_llhls_buf_t *buf)
{
    z_stream              *stream;
    ngx_http_llhls_buf_t  *packed;

    stream = ngx_http_llhls_deflater();
    if (stream == NULL) {
        return NULL;
    }

    packed = ngx_http_llhls_buf_create(deflateBound(stream, buf->size));
    if (packed == NULL) {
        return NULL;
    }

    stream->next_in = (u_char *) buf->data;
    stream->avail_in = (uInt) buf->size;
    stream->next_out = packed->data;
    stream->avail_out = (uInt) packed->size;

    if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
        ngx_http_llhls_buf_release(packed);
        return NULL;
    }

    packed->size -= stream->avail_out;

    return packed;
}
