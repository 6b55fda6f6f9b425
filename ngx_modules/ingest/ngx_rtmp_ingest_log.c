
/* Which lines about clients go to the log: what they can cause is limited. */


#include "ngx_rtmp_ingest.h"


/* Lines a second about what clients do. */
#define NGX_RTMP_INGEST_LOG_LINES  5


typedef struct {
    time_t      second;
    ngx_uint_t  lines;
    ngx_uint_t  kept_back;
} ngx_rtmp_ingest_log_t;


static ngx_rtmp_ingest_log_t  ngx_rtmp_ingest_log;


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
