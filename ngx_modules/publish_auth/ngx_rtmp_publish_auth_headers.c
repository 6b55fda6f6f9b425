
/*
 * Headers of decoders: an encoder sends them once, when it begins.  Those of a
 * publisher that waits are kept, so that it can go on the air at any time.
 */


#include "ngx_rtmp_publish_auth.h"


/* Parameter sets of encoders take some hundred bytes, metadata one or two KB */
#define NGX_RTMP_PUBLISH_AUTH_HEADER_BYTES  16384


/* In the order in which they are told. */
typedef enum {
    NGX_RTMP_PUBLISH_AUTH_METADATA = 0,
    NGX_RTMP_PUBLISH_AUTH_AUDIO,
    NGX_RTMP_PUBLISH_AUTH_VIDEO,
    NGX_RTMP_PUBLISH_AUTH_NHEADERS
} ngx_rtmp_publish_auth_header_kind_t;


typedef struct {
    u_char             *data;
    size_t              size;
    ngx_rtmp_header_t   header;
} ngx_rtmp_publish_auth_header_t;


typedef struct {
    uint32_t                        timestamp;   /* of the last message */
    ngx_rtmp_publish_auth_header_t  kept[NGX_RTMP_PUBLISH_AUTH_NHEADERS];
} ngx_rtmp_publish_auth_headers_t;


/* The first bytes of a message, which may be in pieces; how many there are. */
static size_t
ngx_rtmp_publish_auth_peek(ngx_chain_t *in, u_char *buf, size_t size)
{
    size_t  n, total;

    for (total = 0; in && total < size; in = in->next) {
        n = ngx_min((size_t) (in->buf->last - in->buf->pos), size - total);
        ngx_memcpy(buf + total, in->buf->pos, n);
        total += n;
    }

    return total;
}


/*
 * nginx-rtmp takes the name in a data message for a command, whatever it is:
 * "closeStream" must not wait there to be told.
 */
static ngx_uint_t
ngx_rtmp_publish_auth_is_metadata(ngx_rtmp_header_t *h, ngx_chain_t *in)
{
    size_t      i, n, skip;
    u_char      b[1 + 3 + sizeof("@setDataFrame")];

    static const ngx_str_t  names[] = {
        ngx_string("\x02\0\x0d" "@setDataFrame"),
        ngx_string("\x02\0\x0a" "onMetaData")
    };

    skip = (h->type == NGX_RTMP_MSG_AMF3_META);
    n = ngx_rtmp_publish_auth_peek(in, b, sizeof(b));

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (n >= skip + names[i].len
            && ngx_memcmp(b + skip, names[i].data, names[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Adobe's FLV, E.4.2.1 and E.4.3.1: AAC and AVC with packet type 0; enhanced
 * RTMP: a packet type of 0, SequenceStart, in the low bits of the first byte.
 */
static ngx_int_t
ngx_rtmp_publish_auth_header_kind(ngx_rtmp_header_t *h, ngx_chain_t *in)
{
    size_t  n;
    u_char  b[2];

    if (h->type != NGX_RTMP_MSG_AUDIO && h->type != NGX_RTMP_MSG_VIDEO) {
        return ngx_rtmp_publish_auth_is_metadata(h, in)
               ? NGX_RTMP_PUBLISH_AUTH_METADATA : NGX_DECLINED;
    }

    n = ngx_rtmp_publish_auth_peek(in, b, sizeof(b));
    if (n < sizeof(b)) {
        return NGX_DECLINED;
    }

    if (h->type == NGX_RTMP_MSG_AUDIO) {
        return (b[0] >> 4 == 10 && b[1] == 0) || b[0] == 0x90
               ? NGX_RTMP_PUBLISH_AUTH_AUDIO : NGX_DECLINED;
    }

    if (b[0] & 0x80) {
        return (b[0] & 0x0f) == 0 ? NGX_RTMP_PUBLISH_AUTH_VIDEO
                                  : NGX_DECLINED;
    }

    return ((b[0] & 0x0f) == 7 || (b[0] & 0x0f) == 12) && b[1] == 0
           ? NGX_RTMP_PUBLISH_AUTH_VIDEO : NGX_DECLINED;
}


void
ngx_rtmp_publish_auth_headers_keep(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_rtmp_header_t *h, ngx_chain_t *in)
{
    u_char                           *data;
    ngx_int_t                         kind;
    ngx_rtmp_publish_auth_header_t   *kept;
    ngx_rtmp_publish_auth_headers_t  *headers;

    headers = ctx->headers;

    if (headers) {
        headers->timestamp = h->timestamp;
    }

    kind = ngx_rtmp_publish_auth_header_kind(h, in);

    if (kind < 0 || h->mlen == 0
        || h->mlen > NGX_RTMP_PUBLISH_AUTH_HEADER_BYTES)
    {
        return;
    }

    if (headers == NULL) {
        headers = ngx_calloc(sizeof(*headers), ctx->session->connection->log);
        if (headers == NULL) {
            return;
        }

        headers->timestamp = h->timestamp;
        ctx->headers = headers;
    }

    data = ngx_alloc(h->mlen, ctx->session->connection->log);
    if (data == NULL) {
        return;
    }

    kept = &headers->kept[kind];

    if (kept->data) {
        ngx_free(kept->data);
    }

    kept->data = data;
    kept->size = ngx_rtmp_publish_auth_peek(in, data, h->mlen);
    kept->header = *h;
}


static void
ngx_rtmp_publish_auth_headers_drop(ngx_rtmp_publish_auth_headers_t *headers)
{
    ngx_uint_t  i;

    if (headers == NULL) {
        return;
    }

    for (i = 0; i < NGX_RTMP_PUBLISH_AUTH_NHEADERS; i++) {
        if (headers->kept[i].data) {
            ngx_free(headers->kept[i].data);
        }
    }

    ngx_free(headers);
}


ngx_int_t
ngx_rtmp_publish_auth_headers_replay(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_buf_t                         buf;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_chain_t                       link;
    ngx_rtmp_header_t                 h;
    ngx_rtmp_publish_auth_header_t   *kept;
    ngx_rtmp_publish_auth_headers_t  *headers;

    /* taken from the session, which a message may end */
    headers = ctx->headers;
    ctx->headers = NULL;
    rc = NGX_OK;

    for (i = 0; headers && i < NGX_RTMP_PUBLISH_AUTH_NHEADERS; i++) {
        kept = &headers->kept[i];

        if (kept->size == 0 || rc != NGX_OK || !ctx->live) {
            continue;
        }

        ngx_memzero(&buf, sizeof(buf));
        buf.start = buf.pos = kept->data;
        buf.end = buf.last = kept->data + kept->size;
        buf.memory = 1;

        link.buf = &buf;
        link.next = NULL;

        h = kept->header;
        h.timestamp = headers->timestamp;
        h.mlen = (uint32_t) kept->size;

        rc = ngx_rtmp_receive_message(ctx->session, &h, &link);
    }

    ngx_rtmp_publish_auth_headers_drop(headers);

    return rc;
}


void
ngx_rtmp_publish_auth_headers_free(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_rtmp_publish_auth_headers_drop(ctx->headers);
    ctx->headers = NULL;
}
