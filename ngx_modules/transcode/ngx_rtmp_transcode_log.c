
/* Which lines about ladders go to the log: rungs may come and go for long. */


#include "ngx_rtmp_transcode.h"


/* Of one ladder, and of all of this worker. */
#define NGX_RTMP_TRANSCODE_LOG_LINES        30
#define NGX_RTMP_TRANSCODE_LOG_SECONDS      60
#define NGX_RTMP_TRANSCODE_LOG_ALL          200


static ngx_rtmp_transcode_log_t  ngx_rtmp_transcode_log_all;


static ngx_uint_t
ngx_rtmp_transcode_log_room(ngx_rtmp_transcode_log_t *limit, ngx_uint_t lines,
    time_t seconds, ngx_log_t *log)
{
    time_t  now;

    now = ngx_time();

    if (now - limit->since >= seconds || now < limit->since) {
        if (limit->kept_back) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "transcode: %ui lines like those above kept back",
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


ngx_uint_t
ngx_rtmp_transcode_may_log(ngx_rtmp_transcode_ladder_t *ladder)
{
    return ngx_rtmp_transcode_may_tell(&ladder->log, ladder->source.log);
}


ngx_uint_t
ngx_rtmp_transcode_may_tell(ngx_rtmp_transcode_log_t *limit, ngx_log_t *log)
{
    return ngx_rtmp_transcode_log_room(limit, NGX_RTMP_TRANSCODE_LOG_LINES,
                                       NGX_RTMP_TRANSCODE_LOG_SECONDS, log)
           && ngx_rtmp_transcode_log_room(&ngx_rtmp_transcode_log_all,
                                          NGX_RTMP_TRANSCODE_LOG_ALL, 1, log);
}
