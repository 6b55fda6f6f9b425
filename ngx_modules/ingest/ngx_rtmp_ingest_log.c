
/* Which lines about clients go to the log: what they can cause is limited. */


#include "ngx_rtmp_ingest.h"


/* Lines a second about what clients do. */
#define NGX_RTMP_INGEST_LOG_LINES     5

/*
 * Room for some hundred channels a minute; two that share a place share its
 * lines.
 */
#define NGX_RTMP_INGEST_PLACES        1024
#define NGX_RTMP_INGEST_TELL_LINES    10
#define NGX_RTMP_INGEST_TELL_SECONDS  60

/* Lines a second of all channels together. */
#define NGX_RTMP_INGEST_TELL_ALL      200


/* Lines of one kind since a second. */
typedef struct {
    time_t      since;
    ngx_uint_t  lines;
    ngx_uint_t  kept_back;
} ngx_rtmp_ingest_log_t;


static ngx_uint_t ngx_rtmp_ingest_log_room(ngx_rtmp_ingest_log_t *limit,
    ngx_uint_t lines, time_t seconds, ngx_log_t *log);


static ngx_rtmp_ingest_log_t  ngx_rtmp_ingest_log;
static ngx_rtmp_ingest_log_t  ngx_rtmp_ingest_log_channels;
static ngx_rtmp_ingest_log_t  ngx_rtmp_ingest_places[NGX_RTMP_INGEST_PLACES];


ngx_uint_t
ngx_rtmp_ingest_may_log(ngx_log_t *log)
{
    return ngx_rtmp_ingest_log_room(&ngx_rtmp_ingest_log,
                                    NGX_RTMP_INGEST_LOG_LINES, 1, log);
}


ngx_uint_t
ngx_rtmp_ingest_may_tell(ngx_str_t *channel, ngx_log_t *log)
{
    uint32_t                hash;
    ngx_rtmp_ingest_log_t  *limit;

    hash = ngx_murmur_hash2(channel->data, channel->len);
    limit = &ngx_rtmp_ingest_places[hash % NGX_RTMP_INGEST_PLACES];

    return ngx_rtmp_ingest_log_room(limit, NGX_RTMP_INGEST_TELL_LINES,
                                    NGX_RTMP_INGEST_TELL_SECONDS, log)
           && ngx_rtmp_ingest_log_room(&ngx_rtmp_ingest_log_channels,
                                       NGX_RTMP_INGEST_TELL_ALL, 1, log);
}


static ngx_uint_t
ngx_rtmp_ingest_log_room(ngx_rtmp_ingest_log_t *limit, ngx_uint_t lines,
    time_t seconds, ngx_log_t *log)
{
    time_t  now;

    now = ngx_time();

    if (now - limit->since >= seconds || now < limit->since) {
        if (limit->kept_back) {
            ngx_log_error(NGX_LOG_INFO, log, 0,
                          "ingest: %ui lines like those above kept back",
                          limit->kept_back);
        }

        limit->since = now;
        limit->lines = 0;
        limit->kept_back = 0;
    }

    if (limit->lines >= lines) {
        limit->kept_back++;
        return 0;
    }

    limit->lines++;

    return 1;
}
