
/*
 * A publisher: the channel is taken, a packager made, its events heard, and
 * the channel given back.
 */


#include "ngx_rtmp_ingest.h"


/* Sessions that one publisher may begin by changing its tracks, a minute. */
#define NGX_RTMP_INGEST_RESTARTS  8


static ngx_rtmp_ingest_publisher_t *ngx_rtmp_ingest_publisher_get(
    ngx_rtmp_session_t *s);
static void ngx_rtmp_ingest_publisher_cleanup(void *data);
static const char *ngx_rtmp_ingest_check_name(u_char *name);
static oa_err_t ngx_rtmp_ingest_claim(ngx_rtmp_ingest_publisher_t *pub,
    bool *resumed);
static oa_err_t ngx_rtmp_ingest_start(ngx_rtmp_ingest_publisher_t *pub);
static ngx_int_t ngx_rtmp_ingest_refuse(ngx_rtmp_session_t *s, u_char *name,
    oa_err_t err, const char *reason);
static const char *ngx_rtmp_ingest_claim_error(oa_err_t err);
static void ngx_rtmp_ingest_published(void *ctx,
    oa_live_rendition_t rendition);
static void ngx_rtmp_ingest_notice(void *ctx, oa_packager_level_t level,
    const char *text);
static oa_err_t ngx_rtmp_ingest_restart(void *ctx, oa_live_session_t *session);
static void ngx_rtmp_ingest_ladder_open(ngx_rtmp_ingest_publisher_t *pub,
    oa_packager_events_t *events);
static void ngx_rtmp_ingest_ladder_close(ngx_rtmp_ingest_publisher_t *pub);
static unsigned ngx_rtmp_ingest_tracks(void *ctx, oa_live_session_t session,
    const oa_packager_tracks_t *tracks);
static void ngx_rtmp_ingest_frame(void *ctx, const oa_packager_frame_t *frame);
static void ngx_rtmp_ingest_changed(void *ctx, unsigned topic);
static void *ngx_rtmp_ingest_realloc(void *ctx, void *p, size_t size);


static ngx_queue_t  ngx_rtmp_ingest_publishers;


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
    ngx_rtmp_ingest_client_t     *client;
    ngx_rtmp_ingest_publisher_t  *pub;

    client = ngx_rtmp_ingest_client(s);

    if (client == NULL || client->publisher) {
        return client ? client->publisher : NULL;
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
    client->publisher = pub;

    return pub;
}


static void
ngx_rtmp_ingest_publisher_cleanup(void *data)
{
    ngx_rtmp_ingest_publisher_t  *pub = data;

    ngx_rtmp_ingest_publisher_stop(pub);

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
    ngx_log_t            *log;
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

    ngx_memzero(&events, sizeof(events));
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
    pub->sounds = 0;
    ngx_queue_insert_tail(&ngx_rtmp_ingest_publishers, &pub->queue);

    ngx_rtmp_ingest_ladder_open(pub, &events);

    err = oa_packager_create(&pub->packager, ngx_onair_live(), pub->live,
                             resumed, &conf, &mem, &events);
    if (err != OA_OK) {
        pub->packager = NULL;
        ngx_rtmp_ingest_publisher_stop(pub);
        return err;
    }

    log = pub->session->connection->log;

    if (ngx_rtmp_ingest_may_tell(&pub->channel, log)) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "ingest: channel \"%V\" session %s %s", &pub->channel,
                      pub->id, resumed ? "resumed" : "started");
    }

    return OA_OK;
}


void
ngx_rtmp_ingest_publisher_stop(ngx_rtmp_ingest_publisher_t *pub)
{
    ngx_log_t  *log;

    if (!pub->open) {
        return;
    }

    log = pub->session->connection->log;

    pub->open = 0;
    ngx_queue_remove(&pub->queue);

    ngx_rtmp_ingest_sound_close(pub);

    if (pub->packager) {
        oa_packager_destroy(pub->packager);
        pub->packager = NULL;
    }

    ngx_rtmp_ingest_ladder_close(pub);

    /* what never had a part leaves nothing to come back to */
    if (pub->keep) {
        oa_live_release(ngx_onair_live(), pub->live, ngx_onair_now_ms());

    } else {
        oa_live_end(ngx_onair_live(), pub->live, ngx_onair_now_ms(),
                    ngx_rtmp_ingest_changed, NULL);
    }

    if (!ngx_rtmp_ingest_may_tell(&pub->channel, log)) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "ingest: channel \"%V\" session %s: publisher gone after "
                  "%M ms, %uL bytes%s%s", &pub->channel, pub->id,
                  (ngx_msec_t) (ngx_current_msec - pub->since), pub->bytes,
                  pub->reason[0] ? ", refused: " : "", pub->reason);
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
        ngx_rtmp_ingest_publisher_stop(pub);
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
ngx_uint_t
ngx_rtmp_ingest_publisher_may_restart(ngx_rtmp_ingest_publisher_t *pub)
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

    if (!ngx_rtmp_ingest_publisher_may_restart(pub)) {
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


/* --- further renditions ------------------------------------------------ */

static void
ngx_rtmp_ingest_ladder_open(ngx_rtmp_ingest_publisher_t *pub,
    oa_packager_events_t *events)
{
    ngx_onair_source_t  source;

    pub->further = ngx_onair_ladder();
    if (pub->further == NULL) {
        return;
    }

    source.rtmp_session = pub->session;
    source.channel = pub->channel;
    source.part_target_ms = pub->conf->part_target;
    source.max_pending = pub->conf->max_pending;
    source.log = pub->session->connection->log;

    pub->ladder = pub->further->open(&source);

    if (pub->ladder == NULL) {
        pub->further = NULL;
        return;
    }

    events->tracks = ngx_rtmp_ingest_tracks;
    events->frame = ngx_rtmp_ingest_frame;
}


static void
ngx_rtmp_ingest_ladder_close(ngx_rtmp_ingest_publisher_t *pub)
{
    if (pub->further != NULL) {
        pub->further->close(pub->ladder);
        pub->further = NULL;
        pub->ladder = NULL;
    }
}


static unsigned
ngx_rtmp_ingest_tracks(void *ctx, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    ngx_rtmp_ingest_publisher_t  *pub = ctx;

    return pub->further->tracks(pub->ladder, session, tracks);
}


static void
ngx_rtmp_ingest_frame(void *ctx, const oa_packager_frame_t *frame)
{
    ngx_rtmp_ingest_publisher_t  *pub = ctx;

    pub->further->frame(pub->ladder, frame);
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
