
/*
 * What a key grants, from the database: one statement, whatever the key, so
 * that neither the answer nor its time tells whether there is such a user.
 */


#include "ngx_rtmp_publish_auth.h"


static void ngx_rtmp_publish_auth_database_answer(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);
static oa_tier_t ngx_rtmp_publish_auth_tier(ngx_str_t name);


static const ngx_onair_sql_statement_t  ngx_rtmp_publish_auth_statement = {
    "publish_auth_key",
    "SELECT k.id, k.channel_id, c.name, u.tier, u.banned, u.can_stream "
    "FROM stream_keys k "
    "JOIN users u ON u.id = k.user_id "
    "JOIN channels c ON c.user_id = k.user_id AND c.id = k.channel_id "
    "WHERE k.user_id = $1 AND k.digest = $2 AND k.revoked_ms IS NULL"
};


ngx_int_t
ngx_rtmp_publish_auth_database_ask(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_onair_sql_value_t  values[2];

    ngx_memzero(values, sizeof(values));

    values[0].type = NGX_ONAIR_SQL_INTEGER;
    values[0].integer = ctx->user_id;
    values[1].type = NGX_ONAIR_SQL_BYTES;
    values[1].bytes.data = ctx->digest;
    values[1].bytes.len = sizeof(ctx->digest);

    ctx->question = ngx_onair_sql_query(&ngx_rtmp_publish_auth_statement,
                                        values, 2,
                                        ngx_rtmp_publish_auth_database_answer,
                                        ctx);

    return ctx->question ? NGX_OK : NGX_ERROR;
}


void
ngx_rtmp_publish_auth_database_cancel(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    if (ctx->question) {
        ngx_onair_sql_cancel(ctx->question);
        ctx->question = NULL;
    }
}


static void
ngx_rtmp_publish_auth_database_answer(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result)
{
    ngx_str_t                     name;
    oa_grant_t                    grant;
    ngx_rtmp_publish_auth_ctx_t  *ctx = data;

    ctx->question = NULL;

    if (status != NGX_ONAIR_SQL_OK) {
        ngx_rtmp_publish_auth_granted(ctx, NULL);
        return;
    }

    ngx_memzero(&grant, sizeof(grant));
    grant.user_id = ctx->user_id;

    if (ngx_onair_sql_rows(result) == 0) {

        /* no key is known then, and its publisher is not to blame */
        if (ngx_rtmp_publish_auth_zone()->shared->wrong_pepper) {
            ngx_rtmp_publish_auth_granted(ctx, NULL);
            return;
        }

        grant.flags = OA_GRANT_UNKNOWN;
        ngx_rtmp_publish_auth_granted(ctx, &grant);
        return;
    }

    grant.key_id = ngx_onair_sql_integer(result, 0, 0);
    grant.channel_id = ngx_onair_sql_integer(result, 0, 1);
    name = ngx_onair_sql_text(result, 0, 2);

    /* what is too long is no channel; the check says so */
    if (name.len < sizeof(grant.channel)) {
        ngx_memcpy(grant.channel, name.data, name.len);
    }

    grant.tier = ngx_rtmp_publish_auth_tier(ngx_onair_sql_text(result, 0, 3));
    grant.flags = (ngx_onair_sql_integer(result, 0, 4) ? OA_GRANT_BANNED : 0)
                  | (ngx_onair_sql_integer(result, 0, 5) ? 0
                                                       : OA_GRANT_NO_STREAM);

    ngx_rtmp_publish_auth_granted(ctx, &grant);
}


static oa_tier_t
ngx_rtmp_publish_auth_tier(ngx_str_t name)
{
    if (name.len == 7 && ngx_memcmp(name.data, "partner", 7) == 0) {
        return OA_TIER_PARTNER;
    }

    if (name.len == 9 && ngx_memcmp(name.data, "affiliate", 9) == 0) {
        return OA_TIER_AFFILIATE;
    }

    return OA_TIER_VIEWER;
}
