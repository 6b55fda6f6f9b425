
/* Media playlists: rendered once a version, then shared. */


#include "llhls/ngx_http_llhls.h"


#define NGX_HTTP_LLHLS_PLAYLIST_SIZE                                          \
    (256 * OA_LIVE_SEGMENTS + 128 * OA_LIVE_PARTS + 8192)


/* Space to render in; one playlist at a time. */
typedef struct {
    oa_live_session_info_t  session;
    oa_live_snapshot_t      snapshot;
    oa_hls_report_t         reports[OA_HLS_MAX_REPORTS];
    char                    names[OA_HLS_MAX_REPORTS][OA_LIVE_NAME_BYTES];
    unsigned                nreports;
    u_char                  text[NGX_HTTP_LLHLS_PLAYLIST_SIZE];
} ngx_http_llhls_scratch_t;


static ngx_http_llhls_scratch_t  ngx_http_llhls_scratch;


void
ngx_http_llhls_playlists_drop(ngx_http_llhls_rendition_t *rendition)
{
    ngx_uint_t  i, j;

    for (i = 0; i < 2; i++) {
        for (j = 0; j < 2; j++) {
            ngx_http_llhls_buf_release(rendition->playlists[i][j]);
            rendition->playlists[i][j] = NULL;
        }
    }
}


/* Lets go of playlists that are not of this edge. */
static void
ngx_http_llhls_playlists_check(ngx_http_llhls_rendition_t *rendition,
    const oa_live_edge_t *edge)
{
    unsigned  complete, ended;

    complete = edge->complete ? 1 : 0;
    ended = edge->state == OA_LIVE_ENDED ? 1 : 0;

    if (rendition->head == edge->head && rendition->complete == complete
        && rendition->ended == ended)
    {
        return;
    }

    ngx_http_llhls_playlists_drop(rendition);

    rendition->head = edge->head;
    rendition->complete = complete;
    rendition->ended = ended;
}


static void
ngx_http_llhls_report_add(ngx_http_llhls_scratch_t *scratch,
    oa_live_rendition_t id)
{
    uint32_t                  before;
    oa_live_t                *live;
    oa_live_edge_t            edge;
    oa_live_segment_info_t    segment;
    oa_live_rendition_conf_t  conf;

    live = ngx_onair_live();

    if (oa_live_edge(live, id, &edge) != OA_OK || edge.head == 0
        || oa_live_rendition_conf(live, id, &conf) != OA_OK)
    {
        return;
    }

    before = 0;

    if (edge.nparts == 1 && edge.msn > 0
        && oa_live_segment_find(live, id, edge.msn - 1, &segment) == OA_OK)
    {
        before = segment.nparts;
    }

    ngx_memcpy(scratch->names[scratch->nreports], conf.name,
               OA_LIVE_NAME_BYTES);
    oa_hls_report_set(&scratch->reports[scratch->nreports],
                      scratch->names[scratch->nreports], &edge, before);
    scratch->nreports++;
}


static oa_err_t
ngx_http_llhls_scratch_fill(ngx_http_llhls_scratch_t *scratch,
    ngx_http_llhls_rendition_t *rendition)
{
    oa_err_t    err;
    uint32_t    i;
    oa_live_t  *live;

    live = ngx_onair_live();

    err = oa_live_session_info(live, rendition->session, &scratch->session);
    if (err != OA_OK) {
        return err;
    }

    scratch->nreports = 0;

    for (i = 0; i < scratch->session.nrenditions; i++) {
        if (scratch->session.renditions[i].index != rendition->id.index) {
            ngx_http_llhls_report_add(scratch,
                                      scratch->session.renditions[i]);
        }
    }

    return oa_live_snapshot(live, rendition->id, &scratch->snapshot);
}


static oa_err_t
ngx_http_llhls_playlist_render(ngx_http_llhls_rendition_t *rendition,
    ngx_uint_t skip, ngx_http_llhls_buf_t **rendered)
{
    oa_err_t                   err;
    oa_writer_t                writer;
    oa_hls_media_t             media;
    ngx_http_llhls_buf_t      *buf;
    ngx_http_llhls_scratch_t  *scratch;

    scratch = &ngx_http_llhls_scratch;

    err = ngx_http_llhls_scratch_fill(scratch, rendition);
    if (err != OA_OK) {
        return err;
    }

    media.session = &scratch->session;
    media.snapshot = &scratch->snapshot;
    media.reports = scratch->reports;
    media.nreports = scratch->nreports;
    media.skip = skip;

    oa_writer_init(&writer, scratch->text, sizeof(scratch->text));

    err = oa_hls_media_render(&media, &writer);
    if (err != OA_OK) {
        return err;
    }

    buf = ngx_http_llhls_buf_create(oa_writer_size(&writer));
    if (buf == NULL) {
        return OA_ENOMEM;
    }

    ngx_memcpy(buf->data, scratch->text, buf->size);
    *rendered = buf;

    return OA_OK;
}


static oa_err_t
ngx_http_llhls_playlist_get(ngx_http_llhls_rendition_t *rendition,
    ngx_uint_t skip, ngx_uint_t gzip, ngx_http_llhls_buf_t **playlist)
{
    oa_err_t                err;
    oa_live_edge_t          edge;
    ngx_http_llhls_buf_t  **forms;

    err = oa_live_edge(ngx_onair_live(), rendition->id, &edge);
    if (err != OA_OK) {
        return err;
    }

    if (edge.presence == OA_LIVE_WITHDRAWN
        || (edge.head == 0 && edge.state == OA_LIVE_ENDED))
    {
        /* there is none, or never will be */
        return OA_ENOTFOUND;
    }

    ngx_http_llhls_playlists_check(rendition, &edge);
    forms = rendition->playlists[skip];

    if (forms[0] == NULL) {
        err = ngx_http_llhls_playlist_render(rendition, skip, &forms[0]);
        if (err != OA_OK) {
            return err;
        }
    }

    if (gzip && forms[1] == NULL) {
        forms[1] = ngx_http_llhls_gzip(forms[0]);
        if (forms[1] == NULL) {
            return OA_ENOMEM;
        }
    }

    *playlist = forms[gzip];

    return OA_OK;
}


ngx_int_t
ngx_http_llhls_playlist_answer(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask)
{
    oa_err_t               err;
    ngx_uint_t             gzip;
    ngx_http_llhls_buf_t  *playlist;

    gzip = ngx_http_llhls_accepts_gzip(r);

    err = ngx_http_llhls_playlist_get(rendition, ask->skip, gzip, &playlist);
    if (err != OA_OK) {
        return ngx_http_llhls_error(r, ngx_http_llhls_status(err),
                                    &ngx_http_llhls_no_store);
    }

    return ngx_http_llhls_send_playlist(r, playlist, gzip,
                                        ask->blocking
                                        ? &rendition->age_blocking
                                        : &rendition->age_reload);
}


/* --- requests -------------------------------------------------------- */


static void
ngx_http_llhls_viewer_seen(ngx_http_request_t *r, oa_live_session_t session)
{
    uint64_t    hash;
    ngx_str_t  *agent, *addr;

    addr = &r->connection->addr_text;
    hash = oa_hash64(oa_slice(addr->data, addr->len));

    if (r->headers_in.user_agent != NULL) {
        agent = &r->headers_in.user_agent->value;
        hash = hash * 0x9e3779b97f4a7c15ull
               ^ oa_hash64(oa_slice(agent->data, agent->len));
    }

    oa_live_viewer_seen(ngx_onair_live(), session, hash, ngx_onair_now_ms());
}


/* A rendition without a part has no playlist yet: wait for the first. */
static ngx_int_t
ngx_http_llhls_playlist_wait_first(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask)
{
    oa_hls_position_t  position;

    position.msn = 0;
    position.part = 0;
    position.whole = false;

    return ngx_http_llhls_wait(r, rendition, ask, &position);
}


ngx_int_t
ngx_http_llhls_playlist_handler(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition)
{
    oa_err_t              err;
    oa_hls_query_t        query;
    oa_live_edge_t        edge;
    oa_hls_position_t     position;
    ngx_http_llhls_ask_t  ask;

    if (oa_hls_query_parse(oa_slice(r->args.data, r->args.len), &query)
        != OA_OK)
    {
        return ngx_http_llhls_error(r, NGX_HTTP_BAD_REQUEST,
                                    &rendition->age_error);
    }

    err = oa_live_edge(ngx_onair_live(), rendition->id, &edge);
    if (err != OA_OK) {
        return ngx_http_llhls_error(r, ngx_http_llhls_status(err),
                                    &rendition->age_error);
    }

    ngx_http_llhls_viewer_seen(r, rendition->session);

    ngx_memzero(&ask, sizeof(ask));
    ask.kind = OA_HLS_MEDIA;
    ask.skip = query.skip;
    ask.blocking = query.has_msn;

    switch (oa_hls_reload(&edge, &query, rendition->part_target_ms,
                          &position))
    {
    case OA_HLS_BAD_REQUEST:
        /* it may be a good one in a moment */
        return ngx_http_llhls_error(r, NGX_HTTP_BAD_REQUEST,
                                    &ngx_http_llhls_no_store);

    case OA_HLS_WAIT:
        return ngx_http_llhls_wait(r, rendition, &ask, &position);

    default:
        break;
    }

    if (edge.head == 0 && edge.state != OA_LIVE_ENDED) {
        return ngx_http_llhls_playlist_wait_first(r, rendition, &ask);
    }

    return ngx_http_llhls_playlist_answer(r, rendition, &ask);
}
