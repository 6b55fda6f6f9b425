
/*
 * Rows of the table "streams", as the book writes them.
 */


#include "ngx_rtmp_publish_auth.h"

#include "hls/oa_hls.h"


static const ngx_onair_sql_statement_t  ngx_rtmp_publish_auth_row_settles = {
    "publish_auth_row_settles",
    "UPDATE streams SET ended_ms = seen_ms, end_reason = $1"
    " WHERE node = $2 AND ended_ms IS NULL"
};

/* A late repetition must not open again what is closed. */
static const ngx_onair_sql_statement_t  ngx_rtmp_publish_auth_row_writes = {
    "publish_auth_row_writes",
    "INSERT INTO streams (user_id, id, channel_id, node, address, started_ms,"
    " seen_ms, ended_ms, end_reason, peak_viewers, bytes)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    " ON CONFLICT (user_id, id) DO UPDATE SET seen_ms = excluded.seen_ms,"
    " ended_ms = excluded.ended_ms, end_reason = excluded.end_reason,"
    " peak_viewers = excluded.peak_viewers, bytes = excluded.bytes"
    " WHERE streams.ended_ms IS NULL OR excluded.ended_ms IS NOT NULL"
};


static void
ngx_rtmp_publish_auth_row_integer(ngx_onair_sql_value_t *value,
    int64_t integer)
{
    value->type = NGX_ONAIR_SQL_INTEGER;
    value->integer = integer;
}


static void
ngx_rtmp_publish_auth_row_text(ngx_onair_sql_value_t *value,
    const char *text)
{
    value->type = NGX_ONAIR_SQL_TEXT;
    value->bytes.data = (u_char *) text;
    value->bytes.len = ngx_strlen(text);
}


ngx_onair_sql_query_t *
ngx_rtmp_publish_auth_row_settle(ngx_onair_sql_pt handler, void *ctx)
{
    ngx_onair_sql_value_t  values[2];

    ngx_memzero(values, sizeof(values));
    ngx_rtmp_publish_auth_row_text(&values[0],
                                   oa_roster_reason_text(OA_ROSTER_NODE_LOST));
    values[1].type = NGX_ONAIR_SQL_TEXT;
    values[1].bytes = *ngx_onair_node();

    return ngx_onair_sql_query(&ngx_rtmp_publish_auth_row_settles, values, 2,
                               handler, ctx);
}


ngx_onair_sql_query_t *
ngx_rtmp_publish_auth_row_write(const oa_roster_entry_t *entry,
    int64_t seen_ms, const char *reason, ngx_onair_sql_pt handler, void *ctx)
{
    char                   id[OA_HLS_SESSION_ID_BYTES + 1];
    ngx_onair_sql_value_t  values[11];

    oa_hls_session_id_format(entry->session_id, id);

    ngx_memzero(values, sizeof(values));
    ngx_rtmp_publish_auth_row_integer(&values[0], entry->grant.user_id);
    ngx_rtmp_publish_auth_row_text(&values[1], id);
    ngx_rtmp_publish_auth_row_integer(&values[2], entry->grant.channel_id);
    values[3].type = NGX_ONAIR_SQL_TEXT;
    values[3].bytes = *ngx_onair_node();
    ngx_rtmp_publish_auth_row_text(&values[4], entry->address);
    ngx_rtmp_publish_auth_row_integer(&values[5], entry->started_unix_ms);
    ngx_rtmp_publish_auth_row_integer(&values[6],
                                  ngx_max(seen_ms, entry->started_unix_ms));

    if (reason) {
        values[7] = values[6];
        ngx_rtmp_publish_auth_row_text(&values[8], reason);
    }

    ngx_rtmp_publish_auth_row_integer(&values[9], entry->peak_viewers);
    ngx_rtmp_publish_auth_row_integer(&values[10], entry->bytes);

    return ngx_onair_sql_query(&ngx_rtmp_publish_auth_row_writes, values, 11,
                               handler, ctx);
}
