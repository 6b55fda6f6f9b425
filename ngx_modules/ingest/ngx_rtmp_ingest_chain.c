
/* A message as nginx-rtmp has it, in a chain, and as one slice. */


#include "ngx_rtmp_ingest.h"


size_t
ngx_rtmp_ingest_chain_size(ngx_chain_t *in)
{
    size_t  size;

    for (size = 0; in; in = in->next) {
        size += in->buf->last - in->buf->pos;
    }

    return size;
}


ngx_int_t
ngx_rtmp_ingest_flatten(ngx_chain_t *in, u_char *buf, size_t size,
    oa_slice_t *slice)
{
    u_char  *p;

    if (in == NULL) {
        *slice = oa_slice("", 0);
        return NGX_OK;
    }

    if (in->next == NULL) {
        *slice = oa_slice(in->buf->pos, in->buf->last - in->buf->pos);
        return NGX_OK;
    }

    if (ngx_rtmp_ingest_chain_size(in) > size) {
        return NGX_ERROR;
    }

    for (p = buf; in; in = in->next) {
        p = ngx_cpymem(p, in->buf->pos, in->buf->last - in->buf->pos);
    }

    *slice = oa_slice(buf, p - buf);

    return NGX_OK;
}
