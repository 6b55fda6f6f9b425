
/*
 * A publisher: the channel is taken, its messages go to a packager, the
 * channel is given back.
 */


#include "ngx_rtmp_ingest.h"
#include <ngx_rtmp_live_module.h>


#define NGX_RTMP_INGEST_BUFFER_STEP    65536

/* Lines a second about what clients do, and between those of one publisher. */
#define NGX_RTMP_INGEST_LOG_LINES      5
#define NGX_RTMP_INGEST_LOG_INTERVAL   10

/* Sessions that one publisher may begin by changing its tracks, a minute. */
#define NGX_RTMP_INGEST_RESTARTS       8


typedef struct {
    ngx_queue_t                  queue;
    ngx_rtmp_session_t          *session;
    ngx_rtmp_ingest_app_conf_t  *conf;
    ngx_str_t                    channel;
    oa_packager_t               *packager;
    oa_live_session_t            live;
    char                         id[OA_HLS_SESSION_ID_BYTES + 1];

    u_char                      *buf;      /* a message in one piece */
    size_t                       size;

    ngx_msec_t                   since;
    uint64_t                     bytes;
    char                         reason[128];   /* it was refused for */

    ngx_uint_t                   malformed;
    time_t                       malformed_logged;

    ngx_uint_t                   restarts;
    time_t                       restarts_since;

    unsigned                     open:1;
    unsigned                     keep:1;   /* has something to come back to */
    u_char                       name[OA_LIVE_CHANNEL_BYTES + 1];
} ngx_rtmp_ingest_publisher_t;


typedef struct {
    time_t      second;
    ngx_uint_t  lines;
    ngx_uint_t  kept_back;
} ngx_rtmp_ingest_log_t;


static ngx_rtmp_ingest_publisher_t *ngx_rtmp_ingest_publisher_get(
    ngx_rtmp_session_t *s);
static ngx_rtmp_ingest_publisher_t *ngx_rtmp_ingest_publisher_admitted(
    ngx_rtmp_session_t *s);
static void ngx_rtmp_ingest_publisher_cleanup(void *data);
static const char *ngx_rtmp_ingest_check_name(u_char *name);
static oa_err_t ngx_rtmp_ingest_claim(ngx_rtmp_ingest_publisher_t *pub,
    bool *resumed);
static oa_err_t ngx_rtmp_ingest_start(ngx_rtmp_ingest_publisher_t *pub);
static void ngx_rtmp_ingest_stop(ngx_rtmp_ingest_publisher_t *pub);
static ngx_int_t ngx_rtmp_ingest_refuse(ngx_rtmp_session_t *s, u_char *name,
    oa_err_t err, const char *reason);
static const char *ngx_rtmp_ingest_claim_error(oa_err_t err);
static ngx_int_t ngx_rtmp_ingest_message(ngx_rtmp_ingest_publisher_t *pub,
    ngx_chain_t *in, oa_slice_t *body);
static ngx_int_t ngx_rtmp_ingest_media_error(ngx_rtmp_ingest_publisher_t *pub,
    oa_err_t err, const oa_flv_refusal_t *refusal);
static void ngx_rtmp_ingest_malformed(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_refusal_t *refusal);
static void ngx_rtmp_ingest_published(void *ctx,
    oa_live_rendition_t rendition);
static void ngx_rtmp_ingest_notice(void *ctx, oa_packager_level_t level,
    const char *text);
static oa_err_t ngx_rtmp_ingest_restart(void *ctx, oa_live_session_t *session);
static void ngx_rtmp_ingest_changed(void *ctx, unsigned topic);
static void *ngx_rtmp_ingest_realloc(void *ctx, void *p, size_t size);


static ngx_queue_t            ngx_rtmp_ingest_publishers;
static ngx_rtmp_ingest_log_t  ngx_rtmp_ingest_log;


void
ngx_rtmp_ingest_publishers_init(void)
{
    ngx_queue_init(&ngx_rtmp_ingest_publishers);
}


/* --- admission and end ------------------------------------------------- */

ngx_int_t
ngx_rtmp_ingest_publisher_open(ngx_rtmp_session_t *s,
    ngx_rtmp_ingest_app_conf_t *iacf, u_char *name)
{
    oa_err_t                      err;
    const char                   *reason;
    ngx_rtmp_ingest_publisher_t  *pub;

    reason = ngx_rtmp_ingest_check_name(name);
    if (reason) {
        return ngx_rtmp_ingest_refuse(s, name, OA_EINVAL, reason);
    }

    pub = ngx_rtmp_ingest_publisher_get(s);
    if (pub == NULL) {
        return ngx_rtmp_ingest_refuse(s, name, OA_ENOMEM,
                                      oa_strerror(OA_ENOMEM));
    }

    if (pub->open) {
        return ngx_rtmp_ingest_refuse(s, name, OA_EBUSY,
                                      "this connection publishes already");
    }

    pub->conf = iacf;
    pub->channel.len = ngx_strlen(name);
    pub->channel.data = pub->name;
    ngx_memcpy(pub->name, name, pub->channel.len + 1);

    err = ngx_rtmp_ingest_start(pub);
    if (err != OA_OK) {
        return ngx_rtmp_ingest_refuse(s, name, err,
                                      ngx_rtmp_ingest_claim_error(err));
    }

    return NGX_OK;
}


static ngx_rtmp_ingest_publisher_t *
ngx_rtmp_ingest_publisher_get(ngx_rtmp_session_t *s)
{
    ngx_pool_cleanup_t           *cln;
    ngx_rtmp_ingest_publisher_t  *pub;

    pub = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);
    if (pub) {
        return pub;
    }

    pub = ngx_pcalloc(s->connection->pool, sizeof(*pub));
    if (pub == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(s->connection->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_rtmp_ingest_publisher_cleanup;
    cln->data = pub;

    pub->session = s;
    ngx_rtmp_set_ctx(s, pub, ngx_rtmp_ingest_module);

    return pub;
}


static void
ngx_rtmp_ingest_publisher_cleanup(void *data)
{
    ngx_rtmp_ingest_publisher_t  *pub = data;

    ngx_rtmp_ingest_stop(pub);

    if (pub->buf) {
        ngx_free(pub->buf);
    }
}


/* The name becomes a component of URLs and of log lines. */
static const char *
ngx_rtmp_ingest_check_name(u_char *name)
{
    u_char  *p, c;

    if (name[0] == '\0') {
        return "the stream has no name";
    }

    if (name[0] == '.') {
        return "a stream name must not start with a dot";
    }

    for (p = name; *p; p++) {
        c = (u_char) (*p | 0x20);

        if ((c >= 'a' && c <= 'z') || (*p >= '0' && *p <= '9')
            || *p == '_' || *p == '.' || *p == '-')
        {
            continue;
        }

        return "a stream name has only letters, digits, \"_\", \".\" and "
               "\"-\"";
    }

    if (p - name > OA_LIVE_CHANNEL_BYTES) {
        return "the stream name is longer than 128 bytes";
    }

    return NULL;
}


static oa_err_t
ngx_rtmp_ingest_claim(ngx_rtmp_ingest_publisher_t *pub, bool *resumed)
{
    oa_err_t                     err;
    oa_live_claim_t              claim;
    ngx_rtmp_ingest_app_conf_t  *iacf;

    iacf = pub->conf;

    ngx_memzero(&claim, sizeof(claim));
    claim.channel = oa_slice(pub->channel.data, pub->channel.len);
    claim.owner = *ngx_onair_process();
    claim.id = ngx_onair_random64();
    claim.now_ms = ngx_onair_now_ms();
    claim.conf.target_duration_s = (iacf->segment_target + 999) / 1000;
    claim.conf.part_target_ms = iacf->part_target;
    claim.conf.window_ms = iacf->window;
    claim.conf.grace_ms = iacf->grace;
    claim.conf.epoch_unix_us = ngx_onair_unix_us();

    err = oa_live_claim(ngx_onair_live(), &claim, ngx_onair_alive, NULL,
                        &pub->live, resumed);
    if (err == OA_OK) {
        oa_hls_session_id_format(pub->live.id, pub->id);
    }

    return err;
}


static oa_err_t
ngx_rtmp_ingest_start(ngx_rtmp_ingest_publisher_t *pub)
{
    bool                  resumed;
    oa_err_t              err;
    oa_mem_t              mem = { ngx_rtmp_ingest_realloc, NULL };
    oa_packager_conf_t    conf;
    oa_packager_events_t  events;

    err = ngx_rtmp_ingest_claim(pub, &resumed);
    if (err != OA_OK) {
        return err;
    }

    conf.part_target_ms = pub->conf->part_target;
    conf.segment_target_ms = pub->conf->segment_target;
    conf.max_pending_bytes = pub->conf->max_pending;

    events.published = ngx_rtmp_ingest_published;
    events.notice = ngx_rtmp_ingest_notice;
    events.restart = ngx_rtmp_ingest_restart;
    events.ctx = pub;

    pub->open = 1;
    pub->keep = resumed;
    pub->since = ngx_current_msec;
    pub->bytes = 0;
    pub->reason[0] = '\0';
    pub->malformed = 0;
    ngx_queue_insert_tail(&ngx_rtmp_ingest_publishers, &pub->queue);

    err = oa_packager_create(&pub->packager, ngx_onair_live(), pub->live,
                             resumed, &conf, &mem, &events);
    if (err != OA_OK) {
        pub->packager = NULL;
        ngx_rtmp_ingest_stop(pub);
        return err;
    }

    ngx_log_error(NGX_LOG_NOTICE, pub->session->connection->log, 0,
                  "ingest: channel \"%V\" session %s %s", &pub->channel,
                  pub->id, resumed ? "resumed" : "started");

    return OA_OK;
}


static void
ngx_rtmp_ingest_stop(ngx_rtmp_ingest_publisher_t *pub)
{
    if (!pub->open) {
        return;
    }

    pub->open = 0;
    ngx_queue_remove(&pub->queue);

    if (pub->packager) {
        oa_packager_destroy(pub->packager);
        pub->packager = NULL;
    }

    /* what never had a part leaves nothing to come back to */
    if (pub->keep) {
        oa_live_release(ngx_onair_live(), pub->live, ngx_onair_now_ms());

    } else {
        oa_live_end(ngx_onair_live(), pub->live, ngx_onair_now_ms(),
                    ngx_rtmp_ingest_changed, NULL);
    }

    ngx_log_error(NGX_LOG_NOTICE, pub->session->connection->log, 0,
                  "ingest: channel \"%V\" session %s: publisher gone after "
                  "%M ms, %uL bytes%s%s", &pub->channel, pub->id,
                  (ngx_msec_t) (ngx_current_msec - pub->since), pub->bytes,
                  pub->reason[0] ? ", refused: " : "", pub->reason);
}


void
ngx_rtmp_ingest_publisher_close(ngx_rtmp_session_t *s)
{
    ngx_rtmp_ingest_publisher_t  *pub;

    pub = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (pub) {
        ngx_rtmp_ingest_stop(pub);
    }
}


void
ngx_rtmp_ingest_publishers_close(void)
{
    ngx_queue_t                  *q;
    ngx_rtmp_ingest_publisher_t  *pub;

    /* a process that never was a worker has no list */
    if (ngx_rtmp_ingest_publishers.next == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_rtmp_ingest_publishers)) {
        q = ngx_queue_head(&ngx_rtmp_ingest_publishers);
        pub = ngx_queue_data(q, ngx_rtmp_ingest_publisher_t, queue);
        ngx_rtmp_ingest_stop(pub);
    }
}


static const char *
ngx_rtmp_ingest_claim_error(oa_err_t err)
{
    switch (err) {

    case OA_EBUSY:
        return "already live";

    case OA_EFULL:
        return "no room for another stream: \"onair_zone\" is too small";

    default:
        return oa_strerror(err);
    }
}


/* Tells the client and the log, then ends the session from the event loop. */
static ngx_int_t
ngx_rtmp_ingest_refuse(ngx_rtmp_session_t *s, u_char *name, oa_err_t err,
    const char *reason)
{
    ngx_log_t   *log;
    ngx_uint_t   severity;

    log = s->connection->log;
    severity = (err == OA_EFULL || err == OA_ENOMEM) ? NGX_LOG_ERR
                                                     : NGX_LOG_INFO;

    /* an invalid name may hold anything, a line break too */
    if (ngx_rtmp_ingest_check_name(name) != NULL) {
        name = (u_char *) "";
    }

    if (ngx_rtmp_ingest_may_log(log)) {
        ngx_log_error(severity, log, 0,
                      "ingest: channel \"%s\" refused: %s", name, reason);
    }

    (void) ngx_rtmp_send_status(s, "NetStream.Publish.BadName", "error",
                                (char *) reason);
    ngx_rtmp_finalize_session(s);

    return NGX_DECLINED;
}


/* --- messages ---------------------------------------------------------- */

/*
 * Other modules may still be asking whether it may publish, as on_publish
 * does; the live module is the last one, and joins when all have agreed.
 */
static ngx_rtmp_ingest_publisher_t *
ngx_rtmp_ingest_publisher_admitted(ngx_rtmp_session_t *s)
{
    ngx_rtmp_live_ctx_t          *lctx;
    ngx_rtmp_ingest_publisher_t  *pub;

    pub = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (pub == NULL || !pub->open) {
        return NULL;
    }

    lctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_live_module);

    if (lctx == NULL || lctx->stream == NULL || !lctx->publishing) {
        return NULL;
    }

    return pub;
}


ngx_int_t
ngx_rtmp_ingest_media(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    int64_t                       now_us;
    oa_err_t                      err;
    oa_slice_t                    body;
    oa_flv_refusal_t              refusal;
    ngx_rtmp_ingest_publisher_t  *pub;

    pub = ngx_rtmp_ingest_publisher_admitted(s);

    if (pub == NULL) {
        return NGX_OK;
    }

    if (ngx_rtmp_ingest_message(pub, in, &body) != NGX_OK) {
        return ngx_rtmp_ingest_media_error(pub, OA_ENOMEM, NULL);
    }

    pub->bytes += body.size;

    ngx_memzero(&refusal, sizeof(refusal));
    now_us = ngx_onair_unix_us();

    if (h->type == NGX_RTMP_MSG_VIDEO) {
        err = oa_packager_video(pub->packager, body, h->timestamp, now_us,
                                &refusal);
    } else {
        err = oa_packager_audio(pub->packager, body, h->timestamp, now_us,
                                &refusal);
    }

    if (err == OA_OK) {
        return NGX_OK;
    }

    return ngx_rtmp_ingest_media_error(pub, err, &refusal);
}


ngx_int_t
ngx_rtmp_ingest_metadata(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    oa_slice_t                    body;
    oa_amf_metadata_t             metadata;
    ngx_rtmp_ingest_publisher_t  *pub;

    pub = ngx_rtmp_ingest_publisher_admitted(s);

    if (pub == NULL || ngx_rtmp_ingest_message(pub, in, &body) != NGX_OK) {
        return NGX_OK;
    }

    /* AMF0 values behind a byte that says so */
    if (h->type == NGX_RTMP_MSG_AMF3_META && body.size > 0) {
        body = oa_slice(body.data + 1, body.size - 1);
    }

    if (oa_amf_metadata_parse(body, &metadata) == OA_OK) {
        oa_packager_metadata(pub->packager, &metadata);
    }

    return NGX_OK;
}


/* The chain is nginx-rtmp's and in pieces; the packager wants one slice. */
static ngx_int_t
ngx_rtmp_ingest_message(ngx_rtmp_ingest_publisher_t *pub, ngx_chain_t *in,
    oa_slice_t *body)
{
    size_t   size;
    u_char  *buf;

    size = ngx_rtmp_ingest_chain_size(in);

    if (size > pub->size && in->next) {
        size = ngx_align(size, NGX_RTMP_INGEST_BUFFER_STEP);

        buf = ngx_alloc(size, pub->session->connection->log);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        if (pub->buf) {
            ngx_free(pub->buf);
        }

        pub->buf = buf;
        pub->size = size;
    }

    return ngx_rtmp_ingest_flatten(in, pub->buf, pub->size, body);
}


/* NGX_ERROR makes nginx-rtmp finalize the session when it is safe to. */
static ngx_int_t
ngx_rtmp_ingest_media_error(ngx_rtmp_ingest_publisher_t *pub, oa_err_t err,
    const oa_flv_refusal_t *refusal)
{
    ngx_log_t   *log;
    ngx_uint_t   severity;
    const char  *reason;

    if (err == OA_EINVAL) {
        ngx_rtmp_ingest_malformed(pub, refusal);
        return NGX_OK;
    }

    log = pub->session->connection->log;
    reason = oa_strerror(err);
    severity = (err == OA_EUNSUPPORTED || err == OA_ELIMIT) ? NGX_LOG_INFO
                                                            : NGX_LOG_ERR;

    if (err == OA_ELIMIT) {
        reason = "the tracks change too often";

    } else if (err == OA_EFULL) {
        reason = "no room left: \"onair_zone\" or \"ingest_max_pending\" is "
                 "too small";
    }

    if (refusal && refusal->reason) {
        reason = refusal->reason;
    }

    (void) ngx_snprintf((u_char *) pub->reason, sizeof(pub->reason),
                        "%s%s%s%Z", reason,
                        refusal && refusal->fourcc[0] ? ": " : "",
                        refusal ? refusal->fourcc : "");
    pub->reason[sizeof(pub->reason) - 1] = '\0';

    if (ngx_rtmp_ingest_may_log(log)) {
        ngx_log_error(severity, log, 0,
                      "ingest: channel \"%V\" session %s refused: %s",
                      &pub->channel, pub->id, pub->reason);
    }

    (void) ngx_rtmp_send_status(pub->session, "NetStream.Publish.Failed",
                                "error", pub->reason);
    ngx_rtmp_ingest_stop(pub);

    return NGX_ERROR;
}


static void
ngx_rtmp_ingest_malformed(ngx_rtmp_ingest_publisher_t *pub,
    const oa_flv_refusal_t *refusal)
{
    time_t      now;
    ngx_log_t  *log;

    now = ngx_time();
    log = pub->session->connection->log;

    if (pub->malformed++ > 0
        && now - pub->malformed_logged < NGX_RTMP_INGEST_LOG_INTERVAL)
    {
        return;
    }

    pub->malformed_logged = now;

    if (ngx_rtmp_ingest_may_log(log)) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "ingest: channel \"%V\" session %s: "
                      "%ui malformed messages so far, the last: %s",
                      &pub->channel, pub->id, pub->malformed,
                      refusal->reason ? refusal->reason
                                      : oa_strerror(OA_EINVAL));
    }
}


/* --- the packager's events --------------------------------------------- */

static void
ngx_rtmp_ingest_published(void *ctx, oa_live_rendition_t rendition)
{
    ngx_rtmp_ingest_publisher_t  *pub = ctx;

    pub->keep = 1;
    ngx_onair_publish(rendition.index);
}


static void
ngx_rtmp_ingest_notice(void *ctx, oa_packager_level_t level, const char *text)
{
    ngx_log_t                    *log;
    ngx_uint_t                    severity;
    ngx_rtmp_ingest_publisher_t  *pub = ctx;

    log = pub->session->connection->log;
    severity = (level == OA_PACKAGER_WARN) ? NGX_LOG_WARN : NGX_LOG_INFO;

    if (ngx_rtmp_ingest_may_log(log)) {
        ngx_log_error(severity, log, 0,
                      "ingest: channel \"%V\" session %s: %s",
                      &pub->channel, pub->id, text);
    }
}


/* Each leaves an ended session behind, which keeps its memory for a while. */
static ngx_uint_t
ngx_rtmp_ingest_may_restart(ngx_rtmp_ingest_publisher_t *pub)
{
    if (ngx_time() - pub->restarts_since >= 60) {
        pub->restarts_since = ngx_time();
        pub->restarts = 0;
    }

    return pub->restarts++ < NGX_RTMP_INGEST_RESTARTS;
}


static oa_err_t
ngx_rtmp_ingest_restart(void *ctx, oa_live_session_t *session)
{
    bool                          resumed;
    char                          old[OA_HLS_SESSION_ID_BYTES + 1];
    oa_err_t                      err;
    ngx_rtmp_ingest_publisher_t  *pub = ctx;

    if (!ngx_rtmp_ingest_may_restart(pub)) {
        return OA_ELIMIT;
    }

    ngx_memcpy(old, pub->id, sizeof(old));
    oa_live_end(ngx_onair_live(), pub->live, ngx_onair_now_ms(),
                ngx_rtmp_ingest_changed, NULL);

    err = ngx_rtmp_ingest_claim(pub, &resumed);
    if (err != OA_OK) {
        return err;
    }

    *session = pub->live;
    pub->keep = 0;

    ngx_log_error(NGX_LOG_NOTICE, pub->session->connection->log, 0,
                  "ingest: channel \"%V\" session %s started, %s ended: "
                  "other tracks", &pub->channel, pub->id, old);

    return OA_OK;
}


static void
ngx_rtmp_ingest_changed(void *ctx, unsigned topic)
{
    ngx_onair_publish(topic);
}


static void *
ngx_rtmp_ingest_realloc(void *ctx, void *p, size_t size)
{
    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


/* --- both ------------------------------------------------------------- */

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


ngx_uint_t
ngx_rtmp_ingest_may_log(ngx_log_t *log)
{
    time_t                  now;
    ngx_rtmp_ingest_log_t  *limit;

    now = ngx_time();
    limit = &ngx_rtmp_ingest_log;

    if (limit->second != now) {
        if (limit->kept_back) {
            ngx_log_error(NGX_LOG_INFO, log, 0,
                          "ingest: %ui lines like those above kept back",
                          limit->kept_back);
        }

        limit->second = now;
        limit->lines = 0;
        limit->kept_back = 0;
    }

    if (limit->lines >= NGX_RTMP_INGEST_LOG_LINES) {
        limit->kept_back++;
        return 0;
    }

    limit->lines++;

    return 1;
}
