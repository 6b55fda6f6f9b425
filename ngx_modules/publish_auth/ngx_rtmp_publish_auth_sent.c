
/*
 * What an encoder sent: from where, which attempts are counted by, and with
 * which key.
 */


#include "ngx_rtmp_publish_auth.h"


static ngx_int_t ngx_rtmp_publish_auth_question_digest(
    ngx_rtmp_publish_auth_ctx_t *ctx);


/* The address as attempts are counted by it; nginx-rtmp has only its text. */
static oa_slice_t
ngx_rtmp_publish_auth_address(ngx_rtmp_session_t *s, u_char buf[16])
{
    in_addr_t   addr;
    ngx_str_t  *text;

    text = &s->connection->addr_text;

    if (ngx_inet6_addr(text->data, text->len, buf) == NGX_OK) {
        return oa_attempts_address(oa_slice(buf, 16));
    }

    addr = ngx_inet_addr(text->data, text->len);

    if (addr == INADDR_NONE) {
        return oa_slice(text->data, text->len);
    }

    ngx_memcpy(buf, &addr, sizeof(addr));

    return oa_attempts_address(oa_slice(buf, sizeof(addr)));
}


void
ngx_rtmp_publish_auth_count(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_uint_t failed)
{
    u_char                         buf[16];
    uint32_t                       pause_ms;
    oa_slice_t                     address;
    ngx_rtmp_publish_auth_zone_t  *zone;

    if (ctx->conf->attempts.limit == 0) {
        return;
    }

    pause_ms = 0;

    zone = ngx_rtmp_publish_auth_zone();
    address = ngx_rtmp_publish_auth_address(ctx->session, buf);

    ngx_shmtx_lock(zone->mutex);

    if (failed) {
        pause_ms = oa_attempts_fail(zone->attempts, &ctx->conf->attempts,
                                    address, ngx_onair_now_ms());
    } else {
        oa_attempts_clear(zone->attempts, address);
    }

    ngx_shmtx_unlock(zone->mutex);

    if (pause_ms) {
        ngx_rtmp_publish_auth_say_locked_out(ctx->session, pause_ms);
    }
}


uint32_t
ngx_rtmp_publish_auth_pause(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    u_char                         buf[16];
    uint32_t                       pause_ms;
    oa_slice_t                     address;
    ngx_rtmp_publish_auth_zone_t  *zone;

    if (ctx->conf->attempts.limit == 0) {
        return 0;
    }

    zone = ngx_rtmp_publish_auth_zone();
    address = ngx_rtmp_publish_auth_address(ctx->session, buf);

    ngx_shmtx_lock(zone->mutex);
    pause_ms = oa_attempts_check(zone->attempts, &ctx->conf->attempts,
                                 address, ngx_onair_now_ms());
    ngx_shmtx_unlock(zone->mutex);

    return pause_ms;
}


/* --- the key ----------------------------------------------------------- */


/* An argument behind the name, as "?key=…&backup=1". */
static oa_slice_t
ngx_rtmp_publish_auth_argument(const u_char *args, const char *name)
{
    size_t         len;
    const u_char  *p, *end;

    len = ngx_strlen(name);

    for (p = args; *p; p = *end ? end + 1 : end) {
        for (end = p; *end && *end != '&'; end++) { /* void */ }

        if ((size_t) (end - p) > len && ngx_memcmp(p, name, len) == 0
            && p[len] == '=')
        {
            return oa_slice(p + len + 1, (size_t) (end - p) - len - 1);
        }
    }

    return oa_slice(NULL, 0);
}


ngx_int_t
ngx_rtmp_publish_auth_key(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    oa_key_t                            key;
    oa_slice_t                          text, backup;
    ngx_rtmp_publish_auth_main_conf_t  *pamcf;

    backup = ngx_rtmp_publish_auth_argument(ctx->asked.args, "backup");
    ctx->backup = (backup.size == 1 && backup.data[0] == '1');

    if (ctx->conf->source == NGX_RTMP_PUBLISH_AUTH_CALLBACK) {
        return ngx_rtmp_publish_auth_question_digest(ctx);
    }

    text = ngx_rtmp_publish_auth_argument(ctx->asked.args, "key");

    if (text.data == NULL) {
        text = oa_slice(ctx->asked.name, ngx_strlen(ctx->asked.name));

    } else {
        ctx->named = 1;
    }

    if (oa_key_parse(text, &key) != OA_OK) {
        return NGX_ERROR;
    }

    ctx->user_id = key.user_id;
    pamcf = ngx_rtmp_get_module_main_conf(ctx->session,
                                          ngx_rtmp_publish_auth_module);

    return oa_key_digest(text, oa_slice(pamcf->pepper.data, pamcf->pepper.len),
                         ctx->digest) == OA_OK ? NGX_OK : NGX_ERROR;
}


/*
 * A callback may decide by all that it is asked.  The lengths keep apart what
 * a client chooses; the URL stands last since it may be long.
 */
static ngx_int_t
ngx_rtmp_publish_auth_question_digest(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    u_char               text[4096], *p;
    ngx_uint_t           i;
    ngx_rtmp_publish_t  *v;
    ngx_rtmp_session_t  *s;

    s = ctx->session;
    v = &ctx->asked;

    if (v->name[0] == '\0') {
        return NGX_ERROR;
    }

    for (i = 0; v->name[i]; i++) {
        if (v->name[i] < 0x20 || v->name[i] == 0x7f) {
            return NGX_ERROR;
        }
    }

    p = ngx_snprintf(text, sizeof(text),
                     "%uz:%s,%uz:%s,%uz:%s,%uz:%V,%uz:%V,%uz:%V,%uz:%V,"
                     "%uz:%V,%V,%V%V",
                     ngx_strlen(v->name), v->name,
                     ngx_strlen(v->args), v->args,
                     ngx_strlen(v->type), v->type,
                     s->app.len, &s->app, s->flashver.len, &s->flashver,
                     s->swf_url.len, &s->swf_url, s->tc_url.len, &s->tc_url,
                     s->page_url.len, &s->page_url, &s->connection->addr_text,
                     &ctx->conf->callback->host, &ctx->conf->callback->uri);

    return oa_key_digest(oa_slice(text, (size_t) (p - text)),
                         ngx_rtmp_publish_auth_salt(), ctx->digest) == OA_OK
           ? NGX_OK : NGX_ERROR;
}
