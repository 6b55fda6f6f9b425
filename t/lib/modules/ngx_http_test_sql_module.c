
/*
 * The database over HTTP, for tests:  test_sql;  in a location.
 *
 *   /sql?NAME&i:5&t:text&b:00ff&n:   a statement below with its values: an
 *                                    integer, text, bytes, NULL, and "c:",
 *                                    the number of the query among many.
 *                                    Answers "STATUS rows=N changed=N" and a
 *                                    line for each row, tabs between fields,
 *                                    NULL as \N, bytes of NAME_bytes in hex
 *   …&times=N&at_once=M              N queries, M of them at a time; answers
 *                                    how many came back with which status
 *   …&cancel                         asks, cancels it and answers at once
 *   /sql?state                       available=N configured=N pid=N
 *
 * A client that goes away cancels its queries.  No escapes.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ngx_onair_sql.h"


#define TEST_VALUES     8
#define TEST_AT_ONCE    4096
#define TEST_ROWS       (1024 * 1024)

#define TEST_REFUSED    (NGX_ONAIR_SQL_ERROR + 1)
#define TEST_NSTATUS    (TEST_REFUSED + 1)


typedef struct test_request_s  test_request_t;


typedef struct {
    test_request_t         *test;
    ngx_onair_sql_query_t  *query;           /* NULL: none is under way */
} test_slot_t;


struct test_request_s {
    ngx_http_request_t               *request;
    const ngx_onair_sql_statement_t  *statement;
    ngx_onair_sql_value_t             values[TEST_VALUES];
    ngx_uint_t                        nvalues;
    ngx_uint_t                        counter;      /* its value + 1; or 0 */
    ngx_uint_t                        times;
    ngx_uint_t                        asked;
    ngx_uint_t                        answered;
    ngx_uint_t                        at_once;
    ngx_uint_t                        tally[TEST_NSTATUS];
    test_slot_t                      *slots;
    ngx_uint_t                        cancel;
    ngx_uint_t                        done;
};


static char *ngx_http_test_sql(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


static const char  *test_status[TEST_NSTATUS] = {
    "ok", "unavailable", "timeout", "conflict", "error", "refused"
};


static const ngx_onair_sql_statement_t  test_statements[] = {
    { "one", "SELECT 1" },
    { "echo", "SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT)" },
    { "add_user", "INSERT INTO users (name, ban_reason, created_ms, updated_ms)"
                  " VALUES ($1, $2, $3, $3) RETURNING id" },
    { "user", "SELECT id, name, ban_reason, created_ms FROM users"
              " WHERE name = $1" },
    { "users", "SELECT count(*) FROM users" },
    { "ban", "UPDATE users SET ban_reason = $1 WHERE name = $2" },
    { "touch", "UPDATE users SET updated_ms = $1 WHERE name = $2" },
    { "count", "UPDATE users SET updated_ms = updated_ms + 1"
               " WHERE name = $1" },
    { "add_channel", "INSERT INTO channels (user_id, id, name, created_ms,"
                     " updated_ms) VALUES ($1, $2, $3, 0, 0)" },
    { "add_key", "INSERT INTO stream_keys (user_id, id, channel_id, digest,"
                 " created_ms) VALUES ($1, $2, $3, $4, 0)" },
    { "key_bytes", "SELECT digest FROM stream_keys WHERE digest = $1" },
    { "rows", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
              " WHERE i < $1) SELECT i, CAST($2 AS TEXT) FROM n" },
    { "slow", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
              " WHERE i < $1) SELECT count(*) FROM n" },
    { "wrong", "SELECT nothing FROM no_such_table" },
    { "sleep", "SELECT 1 FROM pg_sleep(CAST($1 AS DOUBLE PRECISION) / 1000)" },
    { "server", "SELECT pg_backend_pid()" },
    { "setting", "SELECT current_setting($1)" }
};


static ngx_command_t  ngx_http_test_sql_commands[] = {

    { ngx_string("test_sql"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_test_sql,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_test_sql_module_ctx = {
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
};


ngx_module_t  ngx_http_test_sql_module = {
    NGX_MODULE_V1,
    &ngx_http_test_sql_module_ctx,
    ngx_http_test_sql_commands,
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
test_respond(ngx_http_request_t *r, ngx_buf_t *b)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    b->last_buf = 1;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);
    if (rc != NGX_OK) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
test_print_field(ngx_buf_t *b, const test_request_t *test,
    const ngx_onair_sql_result_t *result, ngx_uint_t row, ngx_uint_t column)
{
    size_t     len;
    u_char     bytes[256];
    ngx_str_t  text;

    if (ngx_onair_sql_is_null(result, row, column)) {
        b->last = ngx_slprintf(b->last, b->end, "\\N");
        return;
    }

    if (ngx_strstr(test->statement->name, "_bytes") != NULL) {
        if (ngx_onair_sql_bytes(result, row, column, bytes, sizeof(bytes) / 2,
                                &len)
            != NGX_OK)
        {
            b->last = ngx_slprintf(b->last, b->end, "too long");

        } else if ((size_t) (b->end - b->last) > 2 * len) {
            b->last = ngx_hex_dump(b->last, bytes, len);
        }

        return;
    }

    text = ngx_onair_sql_text(result, row, column);
    b->last = ngx_slprintf(b->last, b->end, "%V", &text);
}


/* The columns that a row has, told by what is not there: none is left out. */
static void
test_print(ngx_buf_t *b, const test_request_t *test,
    const ngx_onair_sql_result_t *result)
{
    ngx_uint_t  row, column, columns;

    b->last = ngx_slprintf(b->last, b->end, " rows=%ui changed=%ui\n",
                           ngx_onair_sql_rows(result),
                           ngx_onair_sql_changed(result));

    columns = ngx_strcmp(test->statement->name, "user") == 0 ? 4
              : ngx_strcmp(test->statement->name, "echo") == 0 ? 2 : 1;

    for (row = 0; row < ngx_onair_sql_rows(result); row++) {
        for (column = 0; column < columns; column++) {
            test_print_field(b, test, result, row, column);
            b->last = ngx_slprintf(b->last, b->end, "%s",
                                   column + 1 < columns ? "\t" : "\n");
        }
    }

    b->last = ngx_slprintf(b->last, b->end, "integer=%L\n",
                           ngx_onair_sql_integer(result, 0, 0));
}


static void
test_finish(test_request_t *test, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    ngx_buf_t           *b;
    ngx_uint_t           i;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = test->request;
    c = r->connection;
    test->done = 1;

    b = ngx_create_temp_buf(r->pool, TEST_ROWS);
    if (b == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (test->times > 1) {
        for (i = 0; i < TEST_NSTATUS; i++) {
            b->last = ngx_slprintf(b->last, b->end, "%s=%ui\n",
                                   test_status[i], test->tally[i]);
        }

    } else {
        b->last = ngx_slprintf(b->last, b->end, "%s",
                               test_status[test->cancel ? 0 : status]);
    }

    if (result != NULL && test->times == 1) {
        test_print(b, test, result);
    }

    ngx_http_finalize_request(r, test_respond(r, b));
    ngx_http_run_posted_requests(c);
}


static void test_ask(test_request_t *test);


static void
test_answer(void *ctx, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    test_slot_t     *slot;
    test_request_t  *test;

    slot = ctx;
    test = slot->test;

    slot->query = NULL;
    test->tally[status]++;
    test->answered++;

    if (test->answered == test->times) {
        test_finish(test, status, result);
        return;
    }

    test_ask(test);
}


static void
test_ask_one(test_request_t *test, test_slot_t *slot)
{
    if (test->counter) {
        test->values[test->counter - 1].integer = (int64_t) test->asked;
    }

    test->asked++;
    slot->query = ngx_onair_sql_query(test->statement, test->values,
                                      test->nvalues, test_answer, slot);

    if (slot->query == NULL) {
        test->tally[TEST_REFUSED]++;
        test->answered++;

    } else if (test->cancel) {
        ngx_onair_sql_cancel(slot->query);
        slot->query = NULL;
        test->answered++;
    }
}


static void
test_ask(test_request_t *test)
{
    ngx_uint_t  i;

    for (i = 0; i < test->at_once && test->asked < test->times; i++) {
        while (test->slots[i].query == NULL && test->asked < test->times) {
            test_ask_one(test, &test->slots[i]);
        }
    }

    if (!test->done && test->answered == test->times) {
        test_finish(test, (ngx_onair_sql_status_t) TEST_REFUSED, NULL);
    }
}


static void
test_cleanup(void *data)
{
    ngx_uint_t       i;
    test_request_t  *test;

    test = data;

    for (i = 0; i < test->at_once; i++) {
        if (test->slots[i].query != NULL) {
            ngx_onair_sql_cancel(test->slots[i].query);
            test->slots[i].query = NULL;
        }
    }
}


static ngx_int_t
test_value(test_request_t *test, ngx_str_t *word)
{
    size_t                  i;
    u_char                 *data;
    ngx_str_t               text;
    ngx_onair_sql_value_t  *value;

    if (test->nvalues == TEST_VALUES) {
        return NGX_ERROR;
    }

    value = &test->values[test->nvalues++];
    text.data = word->data + 2;
    text.len = word->len - 2;

    switch (word->data[0]) {
    case 'c':
        test->counter = test->nvalues;
        value->type = NGX_ONAIR_SQL_INTEGER;
        return NGX_OK;
    case 'i':
        value->type = NGX_ONAIR_SQL_INTEGER;
        value->integer = strtoll((char *) text.data, NULL, 10);
        return NGX_OK;
    case 't':
        value->type = NGX_ONAIR_SQL_TEXT;
        value->bytes = text;
        return NGX_OK;
    case 'b':
        data = ngx_pnalloc(test->request->pool, text.len / 2 + 1);
        if (data == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < text.len / 2; i++) {
            data[i] = (u_char) ngx_hextoi(text.data + 2 * i, 2);
        }

        value->type = NGX_ONAIR_SQL_BYTES;
        value->bytes.data = data;
        value->bytes.len = text.len / 2;
        return NGX_OK;
    default:
        value->type = NGX_ONAIR_SQL_NULL;
        return NGX_OK;
    }
}


static ngx_int_t
test_word(test_request_t *test, ngx_str_t *word)
{
    ngx_uint_t  i;

    if (word->len >= 2 && word->data[1] == ':') {
        return test_value(test, word);
    }

    if (ngx_strncmp(word->data, "times=", 6) == 0) {
        test->times = (ngx_uint_t) ngx_atoi(word->data + 6, word->len - 6);
        return NGX_OK;
    }

    if (ngx_strncmp(word->data, "at_once=", 8) == 0) {
        test->at_once = (ngx_uint_t) ngx_atoi(word->data + 8, word->len - 8);
        return test->at_once <= TEST_AT_ONCE ? NGX_OK : NGX_ERROR;
    }

    if (word->len == 6 && ngx_strncmp(word->data, "cancel", 6) == 0) {
        test->cancel = 1;
        return NGX_OK;
    }

    for (i = 0; i < sizeof(test_statements) / sizeof(test_statements[0]); i++) {
        if (word->len == ngx_strlen(test_statements[i].name)
            && ngx_strncmp(word->data, test_statements[i].name, word->len)
               == 0)
        {
            test->statement = &test_statements[i];
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
test_read(test_request_t *test, ngx_http_request_t *r)
{
    u_char     *p, *last, *end;
    ngx_str_t   word;

    p = r->args.data;
    last = p + r->args.len;

    while (p < last) {
        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        word.data = p;
        word.len = (size_t) (end - p);

        if (test_word(test, &word) != NGX_OK) {
            return NGX_ERROR;
        }

        p = end + 1;
    }

    return test->statement ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
test_state(ngx_http_request_t *r)
{
    ngx_buf_t  *b;

    b = ngx_create_temp_buf(r->pool, 256);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_slprintf(b->last, b->end,
                           "available=%ui configured=%ui pid=%P\n",
                           ngx_onair_sql_available(),
                           ngx_onair_sql_configured((ngx_cycle_t *) ngx_cycle),
                           ngx_pid);

    return test_respond(r, b);
}


static ngx_int_t
test_handler(ngx_http_request_t *r)
{
    ngx_uint_t           i;
    test_request_t      *test;
    ngx_pool_cleanup_t  *cleanup;

    (void) ngx_http_discard_request_body(r);

    if (r->args.len == 5 && ngx_strncmp(r->args.data, "state", 5) == 0) {
        return test_state(r);
    }

    test = ngx_pcalloc(r->pool, sizeof(test_request_t));
    cleanup = ngx_pool_cleanup_add(r->pool, 0);
    if (test == NULL || cleanup == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    test->request = r;
    test->times = 1;
    test->at_once = 1;

    if (test_read(test, r) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    test->slots = ngx_pcalloc(r->pool, test->at_once * sizeof(test_slot_t));
    if (test->slots == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < test->at_once; i++) {
        test->slots[i].test = test;
    }

    cleanup->handler = test_cleanup;
    cleanup->data = test;

    r->read_event_handler = ngx_http_test_reading;
    r->main->count++;
    test_ask(test);

    return NGX_DONE;
}


static char *
ngx_http_test_sql(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    (void) cmd;
    (void) conf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = test_handler;

    return NGX_CONF_OK;
}
