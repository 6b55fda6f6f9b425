
/*
 * Thumbnails and sheets of tiles: copied out of the store once a worker and
 * picture, and what is where on the sheets.
 */


#include "llhls/ngx_http_llhls.h"


#define NGX_HTTP_LLHLS_READS       8     /* of a picture that is replaced */
#define NGX_HTTP_LLHLS_PICTURES    UINT32_MAX      /* no rendition's topic */
#define NGX_HTTP_LLHLS_MAP_BYTES   (256 + 96 * OA_LIVE_PICTURES               \
                                          * OA_LIVE_PICTURE_TILES)


static ngx_str_t  ngx_http_llhls_jpeg_type = ngx_string("image/jpeg");
static ngx_str_t  ngx_http_llhls_vtt_type = ngx_string("text/vtt");

/* There is none yet, or no longer. */
static ngx_str_t  ngx_http_llhls_age_none = ngx_string("max-age=2");


/* What is sent, but for its bytes. */
typedef struct {
    oa_live_session_info_t   session;
    oa_live_picture_found_t  found;
    ngx_uint_t               final;      /* it stays as it is */
} ngx_http_llhls_picture_t;


static ngx_int_t
ngx_http_llhls_picture_error(ngx_http_request_t *r, oa_err_t err)
{
    return ngx_http_llhls_error(r, ngx_http_llhls_status(err),
                                err == OA_EAGAIN ? &ngx_http_llhls_no_store
                                                 : &ngx_http_llhls_age_none);
}


/* --- which ----------------------------------------------------------- */


/* A channel has thumbnails while it is live, also in its grace. */
static oa_err_t
ngx_http_llhls_thumbnail_find(const oa_hls_uri_t *uri,
    ngx_http_llhls_picture_t *picture)
{
    oa_err_t            err;
    oa_live_session_t   session;

    err = oa_live_find(ngx_onair_live(), uri->channel, &session);

    if (err == OA_OK) {
        err = oa_live_session_info(ngx_onair_live(), session,
                                   &picture->session);
    }

    if (err == OA_OK && picture->session.state == OA_LIVE_ENDED) {
        err = OA_ENOTFOUND;
    }

    if (err != OA_OK) {
        return err;
    }

    picture->final = 0;

    return oa_live_picture_find(ngx_onair_live(), session, OA_LIVE_THUMBNAIL,
                                uri->number, &picture->found);
}


static oa_err_t
ngx_http_llhls_sprite_session(const oa_hls_uri_t *uri,
    oa_live_session_info_t *info)
{
    oa_err_t           err;
    oa_live_session_t  session;

    err = oa_live_find_id(ngx_onair_live(), uri->channel, uri->session_id,
                          &session);

    return err == OA_OK ? oa_live_session_info(ngx_onair_live(), session, info)
                        : err;
}


/* A sheet grows until there is the next one. */
static oa_err_t
ngx_http_llhls_sprite_find(const oa_hls_uri_t *uri,
    ngx_http_llhls_picture_t *picture)
{
    oa_err_t                 err;
    oa_live_picture_found_t  next;

    err = ngx_http_llhls_sprite_session(uri, &picture->session);
    if (err != OA_OK) {
        return err;
    }

    /* in this order: what is read then cannot have become final in between */
    picture->final = picture->session.state == OA_LIVE_ENDED
                     || oa_live_picture_find(ngx_onair_live(),
                                             picture->session.session,
                                             OA_LIVE_SPRITE, uri->number + 1,
                                             &next) == OA_OK;

    err = oa_live_picture_find(ngx_onair_live(), picture->session.session,
                               OA_LIVE_SPRITE, uri->number, &picture->found);

    if (err == OA_OK
        && picture->found.about.ntiles >= OA_LIVE_PICTURE_TILES)
    {
        picture->final = 1;
    }

    return err;
}


/* --- its bytes ------------------------------------------------------- */


static oa_err_t
ngx_http_llhls_picture_read(const ngx_http_llhls_picture_t *picture,
    ngx_http_llhls_buf_t **read)
{
    oa_err_t               err;
    ngx_http_llhls_buf_t  *buf;
    ngx_http_llhls_key_t   key;

    ngx_memzero(&key, sizeof(key));
    key.session_id = picture->session.session.id;
    key.topic = NGX_HTTP_LLHLS_PICTURES - picture->found.place;
    key.kind = OA_HLS_SPRITE;
    key.number = (uint32_t) picture->found.version;

    buf = ngx_http_llhls_cache_find(&key);
    if (buf != NULL) {
        *read = buf;
        return OA_OK;
    }

    buf = ngx_http_llhls_buf_create(picture->found.size);
    if (buf == NULL) {
        return OA_ENOMEM;
    }

    err = oa_live_picture_read(ngx_onair_live(), picture->session.session,
                               &picture->found, buf->data);
    if (err != OA_OK) {
        ngx_http_llhls_buf_release(buf);
        return err;
    }

    buf->key = key;
    ngx_http_llhls_cache_insert(buf);
    *read = buf;

    return OA_OK;
}


ngx_int_t
ngx_http_llhls_picture_handler(ngx_http_request_t *r,
    const oa_hls_uri_t *uri)
{
    oa_err_t                   err;
    ngx_uint_t                 reads;
    ngx_http_llhls_buf_t      *buf;
    ngx_http_llhls_picture_t   picture;

    err = OA_EAGAIN;

    for (reads = 0; err == OA_EAGAIN && reads < NGX_HTTP_LLHLS_READS;
         reads++)
    {
        err = uri->kind == OA_HLS_THUMBNAIL
              ? ngx_http_llhls_thumbnail_find(uri, &picture)
              : ngx_http_llhls_sprite_find(uri, &picture);

        if (err == OA_OK) {
            err = ngx_http_llhls_picture_read(&picture, &buf);
        }
    }

    if (err != OA_OK) {
        return ngx_http_llhls_picture_error(r, err);
    }

    return ngx_http_llhls_send_picture(r, buf, &ngx_http_llhls_jpeg_type,
                                       picture.final ? 0
                                           : picture.found.about.interval_ms,
                                       picture.found.about.made_unix_s);
}


/* --- what is where on the sheets -------------------------------------- */


/* All sheets there are, and what of a key changes with them. */
static oa_err_t
ngx_http_llhls_sheets_load(oa_live_session_t session,
    oa_live_picture_t *sheets, ngx_uint_t *n, uint64_t *version)
{
    oa_err_t                 err;
    ngx_uint_t               place;
    oa_live_picture_found_t  found;

    *n = 0;
    *version = 0;

    for (place = 0; place < OA_LIVE_PICTURES; place++) {
        err = oa_live_picture_get(ngx_onair_live(), session, place, &found);

        if (err == OA_ENOTFOUND) {
            continue;
        }

        if (err != OA_OK) {
            return err;
        }

        if (found.about.kind == OA_LIVE_SPRITE) {
            sheets[(*n)++] = found.about;
            *version += found.version;
        }
    }

    return *n > 0 ? OA_OK : OA_ENOTFOUND;
}


static oa_err_t
ngx_http_llhls_map_render(const oa_live_session_info_t *session,
    const oa_live_picture_t *sheets, ngx_uint_t n, uint64_t version,
    ngx_http_llhls_buf_t **rendered)
{
    u_char                 text[NGX_HTTP_LLHLS_MAP_BYTES];
    oa_err_t               err;
    oa_writer_t            writer;
    ngx_http_llhls_buf_t  *buf;
    ngx_http_llhls_key_t   key;

    ngx_memzero(&key, sizeof(key));
    key.session_id = session->session.id;
    key.topic = NGX_HTTP_LLHLS_PICTURES;
    key.kind = OA_HLS_SPRITES;
    key.number = (uint32_t) version;

    buf = ngx_http_llhls_cache_find(&key);

    if (buf == NULL) {
        oa_writer_init(&writer, text, sizeof(text));

        err = oa_hls_sprites_render(session, sheets, n, &writer);
        if (err != OA_OK) {
            return err;
        }

        buf = ngx_http_llhls_buf_create(oa_writer_size(&writer));
        if (buf == NULL) {
            return OA_ENOMEM;
        }

        ngx_memcpy(buf->data, text, buf->size);
        buf->key = key;
        ngx_http_llhls_cache_insert(buf);
    }

    *rendered = buf;

    return OA_OK;
}


ngx_int_t
ngx_http_llhls_sprites_handler(ngx_http_request_t *r,
    const oa_hls_uri_t *uri)
{
    int64_t                  newest;
    oa_err_t                 err;
    uint64_t                 version;
    ngx_uint_t               i, n;
    oa_live_picture_t        sheets[OA_LIVE_PICTURES];
    ngx_http_llhls_buf_t    *buf;
    oa_live_session_info_t   session;

    err = ngx_http_llhls_sprite_session(uri, &session);

    if (err == OA_OK) {
        err = ngx_http_llhls_sheets_load(session.session, sheets, &n,
                                         &version);
    }

    if (err == OA_OK) {
        err = ngx_http_llhls_map_render(&session, sheets, n, version, &buf);
    }

    if (err != OA_OK) {
        return ngx_http_llhls_picture_error(r, err);
    }

    for (i = 0, newest = 0; i < n; i++) {
        newest = ngx_max(newest, sheets[i].made_unix_s);
    }

    return ngx_http_llhls_send_picture(r, buf, &ngx_http_llhls_vtt_type,
                                       sheets[0].interval_ms, newest);
}
