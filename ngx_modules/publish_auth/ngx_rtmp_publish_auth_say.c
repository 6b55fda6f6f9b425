
/*
 * What encoders and the log are told.
 */


#include "ngx_rtmp_publish_auth.h"


/* Lines a second about what clients do. */
#define NGX_RTMP_PUBLISH_AUTH_LOG_LINES  5

#define NGX_RTMP_PUBLISH_AUTH_TEXT       160


typedef struct {
    ngx_uint_t   level;
    const char  *code;                       /* of the status */
    const char  *text;
} ngx_rtmp_publish_auth_text_t;


typedef struct {
    time_t      second;
    ngx_uint_t  lines;
    ngx_uint_t  kept_back;
} ngx_rtmp_publish_auth_log_t;


static ngx_rtmp_publish_auth_log_t  ngx_rtmp_publish_auth_log;


/* OBS shows the description, and takes BadName for a wrong stream key. */
static const ngx_rtmp_publish_auth_text_t  ngx_rtmp_publish_auth_refusals[] = {

    { NGX_LOG_NOTICE, "NetStream.Publish.BadName",       /* MALFORMED */
      "this is not a stream key" },

    { NGX_LOG_INFO, "NetStream.Publish.BadName",         /* TWICE */
      "this connection publishes or plays already" },

    { NGX_LOG_INFO, "NetStream.Publish.Denied",          /* LOCKED_OUT */
      "too many wrong stream keys from your address" },

    { NGX_LOG_NOTICE, "NetStream.Publish.BadName",       /* UNKNOWN */
      "wrong stream key" },

    { NGX_LOG_NOTICE, "NetStream.Publish.BadName",       /* OTHER_CHANNEL */
      "the stream key is of another channel" },

    { NGX_LOG_NOTICE, "NetStream.Publish.Denied",        /* BANNED */
      "this account is banned" },

    { NGX_LOG_NOTICE, "NetStream.Publish.Denied",        /* NOT_ALLOWED */
      "this account may not stream" },

    { NGX_LOG_WARN, "NetStream.Publish.BadName",         /* BAD_CHANNEL */
      "the channel's name has only letters, digits, \"_\", \".\" and \"-\"" },

    { NGX_LOG_WARN, "NetStream.Publish.Failed",          /* UNAVAILABLE */
      "stream keys cannot be checked now, try again later" },

    { NGX_LOG_NOTICE, "NetStream.Publish.BadName",       /* ALREADY_LIVE */
      "already live" },

    { NGX_LOG_ERR, "NetStream.Publish.Failed",           /* NO_ROOM */
      "no room for another publisher: \"publish_auth_zone\" is too small" }
};


static const char *
ngx_rtmp_publish_auth_ended_text(oa_roster_reason_t reason)
{
    switch (reason) {

    case OA_ROSTER_STALLED:
        return "no media came; the backup is on the air";

    case OA_ROSTER_TAKEN_OVER:
        return "another publisher has taken over";

    case OA_ROSTER_BANNED:
        return "this account is banned";

    case OA_ROSTER_NOT_ALLOWED:
        return "this account may not stream";

    case OA_ROSTER_KEY_REVOKED:
        return "the stream key has been replaced";

    case OA_ROSTER_LEASE_LOST:
        return "the channel is live on another server";

    case OA_ROSTER_SHUTDOWN:
        return "the server shuts down, connect again";

    case OA_ROSTER_REFUSED:
        return "the permission to publish was withdrawn";

    default:
        return "the stream was stopped";
    }
}


void
ngx_rtmp_publish_auth_say_admitted(ngx_rtmp_session_t *s,
    const oa_grant_t *grant)
{
    /* whom a callback lets in has no account */
    if (grant->user_id == 0) {
        ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0,
                      "publish_auth: channel \"%s\" admitted",
                      grant->channel);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0,
                  "publish_auth: channel \"%s\" admitted, user %L, key %L",
                  grant->channel, grant->user_id, grant->key_id);
}


void
ngx_rtmp_publish_auth_say_refused(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_auth_refusal_t refusal, const char *channel,
    uint32_t pause_ms)
{
    u_char                               text[NGX_RTMP_PUBLISH_AUTH_TEXT], *p;
    ngx_uint_t                           level;
    ngx_rtmp_publish_auth_ctx_t         *ctx;
    const ngx_rtmp_publish_auth_text_t  *t;

    t = &ngx_rtmp_publish_auth_refusals[refusal];
    level = pause_ms ? NGX_LOG_INFO : t->level;

    if (refusal == NGX_RTMP_PUBLISH_AUTH_LOCKED_OUT) {
        p = ngx_snprintf(text, sizeof(text) - 1, "%s, wait %uD s", t->text,
                         pause_ms / 1000 + (pause_ms % 1000 != 0));
    } else {
        p = ngx_snprintf(text, sizeof(text) - 1, "%s", t->text);
    }

    *p = '\0';

    ctx = ngx_rtmp_publish_auth_get(s);

    if (!ngx_rtmp_publish_auth_may_log(level, s->connection->log)) {
        /* void */

    } else if (refusal == NGX_RTMP_PUBLISH_AUTH_UNKNOWN && ctx
               && ctx->user_id)
    {
        ngx_log_error(level, s->connection->log, 0,
                      "publish_auth: refused: %s, which names user %L", text,
                      ctx->user_id);

    } else {
        ngx_log_error(level, s->connection->log, 0,
                      "publish_auth: %s%s%srefused: %s",
                      channel[0] ? "channel \"" : "", channel,
                      channel[0] ? "\" " : "", text);
    }

    (void) ngx_rtmp_send_status(s, (char *) t->code, "error", (char *) text);
}


void
ngx_rtmp_publish_auth_say_locked_out(ngx_rtmp_session_t *s, uint32_t pause_ms)
{
    if (ngx_rtmp_publish_auth_may_log(NGX_LOG_NOTICE, s->connection->log)) {
        ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0,
                      "publish_auth: too many wrong stream keys: this address "
                      "is locked out for %uD s",
                      pause_ms / 1000 + (pause_ms % 1000 != 0));
    }
}


void
ngx_rtmp_publish_auth_say_ended(ngx_rtmp_session_t *s, const char *channel,
    oa_roster_reason_t reason)
{
    ngx_log_error(NGX_LOG_NOTICE, s->connection->log, 0,
                  "publish_auth: channel \"%s\" ended: %s", channel,
                  oa_roster_reason_text(reason));

    (void) ngx_rtmp_send_status(s, "NetStream.Publish.Denied", "error",
                      (char *) ngx_rtmp_publish_auth_ended_text(reason));
}


ngx_uint_t
ngx_rtmp_publish_auth_may_log(ngx_uint_t level, ngx_log_t *log)
{
    time_t                        now;
    ngx_rtmp_publish_auth_log_t  *limit;

    if (log->log_level < level) {
        return 0;
    }

    now = ngx_time();
    limit = &ngx_rtmp_publish_auth_log;

    if (limit->second != now) {
        if (limit->kept_back) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "publish_auth: %ui lines like those above kept "
                          "back", limit->kept_back);
        }

        *limit = (ngx_rtmp_publish_auth_log_t) { now, 0, 0 };
    }

    if (limit->lines >= NGX_RTMP_PUBLISH_AUTH_LOG_LINES) {
        limit->kept_back++;
        return 0;
    }

    limit->lines++;

    return 1;
}
