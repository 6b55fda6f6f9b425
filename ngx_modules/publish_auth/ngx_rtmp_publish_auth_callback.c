
/*
 * What a name grants, from an HTTP server: asked as nginx-rtmp's on_publish
 * asks, with the name in the body of a POST.  2xx: the name is the channel;
 * 3xx: Location is; 4xx: refused; anything else, or nothing: it is down.
 */


#include "ngx_rtmp_publish_auth.h"
#include <ngx_rtmp_netcall_module.h>


/* Of an answer's head; its body is not read. */
#define NGX_RTMP_PUBLISH_AUTH_ANSWER  8192


typedef struct {
    ngx_rtmp_publish_auth_ctx_t  *ctx;
    ngx_pool_t                   *pool;
    ngx_peer_connection_t         peer;
    ngx_uint_t                    address;    /* the next one to try */
    ngx_chain_t                  *request;
    ngx_chain_t                  *out;
    size_t                        len;
    u_char                        answer[NGX_RTMP_PUBLISH_AUTH_ANSWER + 1];
} ngx_rtmp_publish_auth_question_t;


static ngx_chain_t *ngx_rtmp_publish_auth_callback_request(
    ngx_rtmp_publish_auth_ctx_t *ctx, ngx_pool_t *pool);
static u_char *ngx_rtmp_publish_auth_callback_args(u_char *p,
    const u_char *args);
static ngx_int_t ngx_rtmp_publish_auth_callback_connect(
    ngx_rtmp_publish_auth_question_t *q);
static void ngx_rtmp_publish_auth_callback_close(
    ngx_rtmp_publish_auth_question_t *q);
static void ngx_rtmp_publish_auth_callback_write(ngx_event_t *wev);
static void ngx_rtmp_publish_auth_callback_read(ngx_event_t *rev);
static void ngx_rtmp_publish_auth_callback_complain(
    ngx_rtmp_publish_auth_app_conf_t *conf, const char *what);
static void ngx_rtmp_publish_auth_callback_failed(
    ngx_rtmp_publish_auth_question_t *q, const char *what);
static void ngx_rtmp_publish_auth_callback_answered(
    ngx_rtmp_publish_auth_question_t *q, ngx_uint_t whole);
static void ngx_rtmp_publish_auth_callback_name(
    ngx_rtmp_publish_auth_question_t *q, ngx_uint_t status, oa_grant_t *grant);
static oa_slice_t ngx_rtmp_publish_auth_callback_location(const u_char *p);


/* --- the question ----------------------------------------------------- */


ngx_int_t
ngx_rtmp_publish_auth_callback_ask(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_pool_t                        *pool;
    ngx_rtmp_publish_auth_question_t  *q;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    q = ngx_pcalloc(pool, sizeof(*q));

    if (q) {
        q->ctx = ctx;
        q->pool = pool;
        q->request = ngx_rtmp_publish_auth_callback_request(ctx, pool);
    }

    if (q == NULL || q->request == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    if (ngx_rtmp_publish_auth_callback_connect(q) != NGX_OK) {
        ngx_rtmp_publish_auth_callback_complain(ctx->conf,
                                                "cannot be reached");
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    ctx->question = q;

    return NGX_OK;
}


void
ngx_rtmp_publish_auth_callback_cancel(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    if (ctx->question) {
        ngx_rtmp_publish_auth_callback_close(ctx->question);
    }
}


static ngx_chain_t *
ngx_rtmp_publish_auth_callback_request(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_pool_t *pool)
{
    u_char              *p;
    ngx_buf_t           *b;
    ngx_chain_t         *session, *more;
    ngx_rtmp_session_t  *s;
    static ngx_str_t     type =
                           ngx_string("application/x-www-form-urlencoded");

    s = ctx->session;
    session = ngx_rtmp_netcall_http_format_session(s, pool);
    more = ngx_alloc_chain_link(pool);
    b = ngx_create_temp_buf(pool, 256 + 3 * (sizeof(ctx->asked.name)
                                             + sizeof(ctx->asked.type)
                                             + sizeof(ctx->asked.args)));

    if (session == NULL || more == NULL || b == NULL) {
        return NULL;
    }

    if (ctx->live) {
        p = ngx_sprintf(b->last, "&call=update_publish&time=%M&timestamp=%D",
                        (ngx_msec_t) (ngx_current_msec - s->epoch) / 1000,
                        s->current_time);
    } else {
        p = ngx_sprintf(b->last, "&call=publish");
    }

    p = ngx_sprintf(p, "&name=");
    p = (u_char *) ngx_escape_uri(p, ctx->asked.name,
                                  ngx_strlen(ctx->asked.name),
                                  NGX_ESCAPE_ARGS);
    p = ngx_sprintf(p, "&type=");
    p = (u_char *) ngx_escape_uri(p, ctx->asked.type,
                                  ngx_strlen(ctx->asked.type),
                                  NGX_ESCAPE_ARGS);
    b->last = ngx_rtmp_publish_auth_callback_args(p, ctx->asked.args);

    more->buf = b;
    more->next = NULL;
    session->next = more;

    return ngx_rtmp_netcall_http_format_request(NGX_RTMP_NETCALL_HTTP_POST,
                                                &ctx->conf->callback->host,
                                                &ctx->conf->callback->uri,
                                                NULL, session, pool, &type);
}


/*
 * Whether it is the name of an argument that a client may choose: no field
 * that nginx vouches for, such as the address, nor what a server could read as
 * one.  PHP alone drops blanks before a name, "+" among them, and reads
 * "addr[x]" as "addr".
 */
static ngx_uint_t
ngx_rtmp_publish_auth_callback_own(const u_char *name, size_t len)
{
    size_t             i;
    u_char             c;
    static ngx_str_t   fields[] = {
        ngx_string("app"), ngx_string("flashver"), ngx_string("swfurl"),
        ngx_string("tcurl"), ngx_string("pageurl"), ngx_string("addr"),
        ngx_string("clientid"), ngx_string("call"), ngx_string("name"),
        ngx_string("type"), ngx_string("time"), ngx_string("timestamp")
    };

    for (i = 0; i < len; i++) {
        c = (u_char) (name[i] | 0x20);

        if (!((c >= 'a' && c <= 'z') || (name[i] >= '0' && name[i] <= '9')
              || name[i] == '_' || name[i] == '-' || name[i] == '.'))
        {
            return 0;
        }
    }

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (len == fields[i].len
            && ngx_strncasecmp((u_char *) name, fields[i].data, len) == 0)
        {
            return 0;
        }
    }

    return len != 0;
}


/* The encoder's own arguments; some servers take ";" for "&". */
static u_char *
ngx_rtmp_publish_auth_callback_args(u_char *p, const u_char *args)
{
    const u_char  *end, *name;

    for ( /* void */ ; *args; args = *end ? end + 1 : end) {
        end = args + strcspn((const char *) args, "&");
        name = args + strcspn((const char *) args, "=&");

        if (!ngx_rtmp_publish_auth_callback_own(args,
                                                (size_t) (name - args)))
        {
            continue;
        }

        *p++ = '&';

        for ( /* void */ ; args < end; args++) {
            if (*args == ';') {
                p = ngx_cpymem(p, "%3B", 3);

            } else if (*args > ' ' && *args != 0x7f) {
                *p++ = *args;
            }
        }
    }

    return p;
}


/* --- the connection --------------------------------------------------- */


/* The next address that takes a connection; all failed: NGX_ERROR. */
static ngx_int_t
ngx_rtmp_publish_auth_callback_connect(ngx_rtmp_publish_auth_question_t *q)
{
    ngx_int_t          rc;
    ngx_url_t         *u;
    ngx_addr_t        *addr;
    ngx_connection_t  *c;

    u = q->ctx->conf->callback;

    while (q->address < u->naddrs) {
        addr = &u->addrs[q->address++];

        ngx_memzero(&q->peer, sizeof(q->peer));
        q->peer.sockaddr = addr->sockaddr;
        q->peer.socklen = addr->socklen;
        q->peer.name = &addr->name;
        q->peer.get = ngx_event_get_peer;
        q->peer.log = ngx_cycle->log;
        q->peer.log_error = NGX_ERROR_INFO;

        rc = ngx_event_connect_peer(&q->peer);
        c = q->peer.connection;

        if (rc != NGX_OK && rc != NGX_AGAIN) {
            if (c) {
                ngx_close_connection(c);
                q->peer.connection = NULL;
            }

            continue;
        }

        c->data = q;
        c->pool = q->pool;
        c->read->handler = ngx_rtmp_publish_auth_callback_read;
        c->write->handler = ngx_rtmp_publish_auth_callback_write;
        q->out = q->request;

        /* before the check's own time is over, so that it is known why */
        ngx_add_timer(c->read, q->ctx->conf->timeout
                               - q->ctx->conf->timeout / 16);

        if (rc == NGX_OK) {
            ngx_post_event(c->write, &ngx_posted_events);
        }

        return NGX_OK;
    }

    return NGX_ERROR;
}


static void
ngx_rtmp_publish_auth_callback_close(ngx_rtmp_publish_auth_question_t *q)
{
    q->ctx->question = NULL;

    if (q->peer.connection) {
        ngx_close_connection(q->peer.connection);
    }

    ngx_destroy_pool(q->pool);
}


static void
ngx_rtmp_publish_auth_callback_write(ngx_event_t *wev)
{
    ngx_connection_t                  *c;
    ngx_rtmp_publish_auth_question_t  *q;

    c = wev->data;
    q = c->data;

    if (q->out == NULL) {
        return;
    }

    q->out = c->send_chain(c, q->out, 0);

    if (q->out == NGX_CHAIN_ERROR) {

        /* refused, unless it has part of the question: then the next one */
        if (c->sent == 0) {
            ngx_close_connection(c);
            q->peer.connection = NULL;

            if (ngx_rtmp_publish_auth_callback_connect(q) == NGX_OK) {
                return;
            }
        }

        ngx_rtmp_publish_auth_callback_failed(q, "cannot be reached");
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_rtmp_publish_auth_callback_failed(q, "has hung up");
    }
}


static void
ngx_rtmp_publish_auth_callback_read(ngx_event_t *rev)
{
    ssize_t                            n;
    ngx_uint_t                         whole;
    ngx_connection_t                  *c;
    ngx_rtmp_publish_auth_question_t  *q;

    c = rev->data;
    q = c->data;

    if (rev->timedout) {
        ngx_rtmp_publish_auth_callback_failed(q, "does not answer");
        return;
    }

    /* a connection that failed is told of here too; write deals with it */
    if (c->sent == 0) {
        return;
    }

    for ( ;; ) {
        n = c->recv(c, q->answer + q->len,
                    NGX_RTMP_PUBLISH_AUTH_ANSWER - q->len);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_rtmp_publish_auth_callback_failed(q, "has hung up");
            }

            return;
        }

        if (n == NGX_ERROR) {
            ngx_rtmp_publish_auth_callback_failed(q, "has hung up");
            return;
        }

        q->len += (size_t) n;
        q->answer[q->len] = '\0';

        whole = ngx_strstr(q->answer, "\r\n\r\n") != NULL
                || ngx_strstr(q->answer, "\n\n") != NULL;

        if (whole || n == 0 || q->len == NGX_RTMP_PUBLISH_AUTH_ANSWER) {
            ngx_rtmp_publish_auth_callback_answered(q, whole);
            return;
        }
    }
}


/* Once for each reason, however often it is asked; then that it is over. */
static void
ngx_rtmp_publish_auth_callback_complain(ngx_rtmp_publish_auth_app_conf_t *conf,
    const char *what)
{
    ngx_uint_t  level;

    level = what[0] ? NGX_LOG_ERR : NGX_LOG_NOTICE;

    if (ngx_strcmp(conf->failure, what) == 0
        || !ngx_rtmp_publish_auth_may_log(level, ngx_cycle->log))
    {
        return;
    }

    ngx_cpystrn(conf->failure, (u_char *) what, sizeof(conf->failure));

    ngx_log_error(level, ngx_cycle->log, 0, "publish_auth: callback %V %s",
                  &conf->callback->host,
                  what[0] ? what : "answers again");
}


static void
ngx_rtmp_publish_auth_callback_failed(ngx_rtmp_publish_auth_question_t *q,
    const char *what)
{
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    ctx = q->ctx;

    ngx_rtmp_publish_auth_callback_complain(ctx->conf, what);
    ngx_rtmp_publish_auth_callback_close(q);
    ngx_rtmp_publish_auth_granted(ctx, NULL);
}


/* --- the answer ------------------------------------------------------- */


/* The three digits behind "HTTP/1.x "; 0: it is no HTTP. */
static ngx_uint_t
ngx_rtmp_publish_auth_callback_status(const u_char *p, size_t len)
{
    ngx_int_t  n;

    if (len < 12 || ngx_strncmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ') {
        return 0;
    }

    n = ngx_atoi((u_char *) p + 9, 3);

    return n == NGX_ERROR ? 0 : (ngx_uint_t) n;
}


static void
ngx_rtmp_publish_auth_callback_answered(ngx_rtmp_publish_auth_question_t *q,
    ngx_uint_t whole)
{
    u_char                        text[32];
    oa_grant_t                    grant;
    ngx_uint_t                    status;
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    ctx = q->ctx;
    status = ngx_rtmp_publish_auth_callback_status(q->answer, q->len);

    if (status < 200 || status > 499) {
        ngx_sprintf(text, "answers with status %ui%Z", status);
        ngx_rtmp_publish_auth_callback_failed(q, status ? (char *) text
                                                 : "answers, but not in HTTP");
        return;
    }

    /* Location may be cut, too */
    if (status >= 300 && status < 400 && !whole) {
        ngx_rtmp_publish_auth_callback_failed(q, "breaks its answer off");
        return;
    }

    ngx_rtmp_publish_auth_callback_complain(ctx->conf, "");

    ngx_memzero(&grant, sizeof(grant));

    if (status >= 400) {
        grant.flags = OA_GRANT_UNKNOWN;

    } else {
        ngx_rtmp_publish_auth_callback_name(q, status, &grant);
    }

    ngx_rtmp_publish_auth_callback_close(q);
    ngx_rtmp_publish_auth_granted(ctx, &grant);
}


/* What is too long or no channel's name stays "", which is refused. */
static void
ngx_rtmp_publish_auth_callback_name(ngx_rtmp_publish_auth_question_t *q,
    ngx_uint_t status, oa_grant_t *grant)
{
    oa_slice_t  name;

    name = oa_slice(NULL, 0);

    if (status >= 300) {
        name = ngx_rtmp_publish_auth_callback_location(q->answer);
    }

    if (name.data == NULL) {
        name = oa_slice(q->ctx->asked.name, ngx_strlen(q->ctx->asked.name));
    }

    if (name.size < sizeof(grant->channel)) {
        ngx_memcpy(grant->channel, name.data, name.size);
    }
}


/* The value of the header's line, without blanks around it. */
static oa_slice_t
ngx_rtmp_publish_auth_callback_location(const u_char *p)
{
    const u_char         *end;
    static const u_char   header[] = "location:";

    while (*p && *p != '\r' && *p != '\n') {
        end = p + strcspn((const char *) p, "\n");

        if (ngx_strncasecmp((u_char *) p, (u_char *) header,
                            sizeof(header) - 1) == 0)
        {
            p += sizeof(header) - 1;

            while (p < end && (*p == ' ' || *p == '\t')) {
                p++;
            }

            while (end > p && (end[-1] == '\r' || end[-1] == ' '
                               || end[-1] == '\t'))
            {
                end--;
            }

            return oa_slice(p, (size_t) (end - p));
        }

        p = *end ? end + 1 : end;
    }

    return oa_slice(NULL, 0);
}
