
/*
 * Redis over HTTP, for tests:  test_redis;  in a location.
 *
 *   POST /redis?command&SET&key&value     the reply as text, one line an
 *                                         element; 504: no answer; 503: refused
 *   /redis?cancel&GET&key                 sends it, cancels it
 *   /redis?burst=N                        as many INCR burst as are taken of N
 *   /redis?state                          available, listening, node, …
 *   /redis?subscribe&channel              in this worker
 *   /redis?messages                       what this worker heard so far
 *
 * Words have no "&" in them, and no escapes.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ngx_onair_redis.h"


#define TEST_WORDS     16
#define TEST_MESSAGES  8192


typedef struct {
    ngx_http_request_t         *request;
    ngx_onair_redis_command_t  *command;     /* NULL: it is over */
} test_wait_t;


static u_char  test_messages[TEST_MESSAGES];
static size_t  test_messages_len;
static size_t  test_answers;
static size_t  test_failures;


static char *ngx_http_test_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_command_t  ngx_http_test_redis_commands[] = {

    { ngx_string("test_redis"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_test_redis,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_test_redis_module_ctx = {
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
};


ngx_module_t  ngx_http_test_redis_module = {
    NGX_MODULE_V1,
    &ngx_http_test_redis_module_ctx,
    ngx_http_test_redis_commands,
    NGX_HTTP_MODULE,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
test_respond(ngx_http_request_t *r, ngx_uint_t status, u_char *text,
    size_t len)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    b = ngx_create_temp_buf(r->pool, len + 1);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, text, len);
    *b->last++ = '\n';
    b->last_buf = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) len + 1;

    rc = ngx_http_send_header(r);
    if (rc != NGX_OK) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static u_char *
test_print(u_char *p, u_char *last, const redisReply *reply)
{
    size_t  i;

    switch (reply->type) {

    case REDIS_REPLY_INTEGER:
        return ngx_slprintf(p, last, "%L", (int64_t) reply->integer);

    case REDIS_REPLY_NIL:
        return ngx_slprintf(p, last, "(nil)");

    case REDIS_REPLY_ARRAY:
        for (i = 0; i < reply->elements; i++) {
            p = test_print(p, last, reply->element[i]);
            p = ngx_slprintf(p, last, "\n");
        }

        return p;

    default:
        return ngx_slprintf(p, last, "%*s", reply->len, reply->str);
    }
}


static void
test_answer(void *ctx, const redisReply *reply)
{
    u_char               text[4096], *p;
    ngx_connection_t    *c;
    test_wait_t         *wait;
    ngx_http_request_t  *r;

    wait = ctx;
    wait->command = NULL;
    r = wait->request;
    c = r->connection;

    if (reply == NULL) {
        ngx_http_finalize_request(r, test_respond(r, 504, (u_char *) "lost",
                                                  4));
    } else {
        p = test_print(text, text + sizeof(text), reply);
        ngx_http_finalize_request(r, test_respond(r, 200, text,
                                                  (size_t) (p - text)));
    }

    ngx_http_run_posted_requests(c);
}


static void
test_cleanup(void *data)
{
    test_wait_t  *wait;

    wait = data;

    if (wait->command != NULL) {
        ngx_onair_redis_cancel(wait->command);
    }
}


static ngx_int_t
test_command(ngx_http_request_t *r, ngx_str_t *words, ngx_uint_t nwords)
{
    test_wait_t         *wait;
    ngx_pool_cleanup_t  *cleanup;

    cleanup = ngx_pool_cleanup_add(r->pool, sizeof(test_wait_t));
    if (cleanup == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait = cleanup->data;
    wait->request = r;
    cleanup->handler = test_cleanup;

    wait->command = ngx_onair_redis_command(words, nwords, test_answer, wait);
    if (wait->command == NULL) {
        return test_respond(r, 503, (u_char *) "refused", 7);
    }

    r->main->count++;

    return NGX_DONE;
}


static void
test_count(void *ctx, const redisReply *reply)
{
    (void) ctx;

    if (reply != NULL) {
        test_answers++;
    } else {
        test_failures++;
    }
}


static ngx_int_t
test_burst(ngx_http_request_t *r, ngx_int_t n)
{
    u_char     text[NGX_INT_T_LEN];
    ngx_int_t  taken;
    ngx_str_t  words[] = { ngx_string("INCR"), ngx_string("burst") };

    for (taken = 0; taken < n; taken++) {
        if (ngx_onair_redis_command(words, 2, test_count, NULL) == NULL) {
            break;
        }
    }

    return test_respond(r, 200, text,
                        (size_t) (ngx_sprintf(text, "%i", taken) - text));
}


static void
test_message(void *ctx, const ngx_str_t *channel, const ngx_str_t *message)
{
    (void) ctx;

    test_messages_len = (size_t) (ngx_slprintf(test_messages
                                                   + test_messages_len,
                                               test_messages + TEST_MESSAGES,
                                               "%V=%V\n", channel, message)
                                  - test_messages);
}


static ngx_int_t
test_state(ngx_http_request_t *r)
{
    u_char  text[512], *p;

    p = ngx_slprintf(text, text + sizeof(text),
                     "available=%ui listening=%ui node=%V answers=%uz "
                     "failures=%uz", ngx_onair_redis_available(),
                     ngx_onair_redis_listening(), ngx_onair_node(),
                     test_answers, test_failures);

    return test_respond(r, 200, text, (size_t) (p - text));
}


static ngx_int_t
ngx_http_test_redis_handler(ngx_http_request_t *r)
{
    u_char                     *p, *last, *end;
    ngx_int_t                   rc;
    ngx_str_t                   words[TEST_WORDS];
    ngx_uint_t                  n;
    ngx_onair_redis_command_t  *command;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    last = r->args.data + r->args.len;

    for (n = 0, p = r->args.data; p < last && n < TEST_WORDS; p = end + 1) {
        end = ngx_strlchr(p, last, '&');
        end = end != NULL ? end : last;
        words[n].data = p;
        words[n++].len = (size_t) (end - p);
    }

    if (n == 0) {
        return NGX_HTTP_BAD_REQUEST;
    }

    p = words[0].data;

    if (n > 1 && ngx_strncmp(p, "command&", 8) == 0) {
        return test_command(r, &words[1], n - 1);
    }

    if (n > 1 && ngx_strncmp(p, "cancel&", 7) == 0) {
        command = ngx_onair_redis_command(&words[1], n - 1, test_count, NULL);
        if (command != NULL) {
            ngx_onair_redis_cancel(command);
        }

        return test_respond(r, 200, (u_char *) "", 0);
    }

    if (ngx_strncmp(p, "burst=", 6) == 0) {
        return test_burst(r, ngx_atoi(p + 6, words[0].len - 6));
    }

    if (n == 2 && ngx_strncmp(p, "subscribe&", 10) == 0) {
        rc = ngx_onair_redis_subscribe(&words[1], test_message, NULL);
        return test_respond(r, rc == NGX_OK ? 200 : 503, (u_char *) "", 0);
    }

    if (ngx_strncmp(p, "messages", 8) == 0) {
        return test_respond(r, 200, test_messages, test_messages_len);
    }

    return test_state(r);
}


static char *
ngx_http_test_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    (void) cmd;
    (void) conf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_test_redis_handler;

    return NGX_CONF_OK;
}
