
/*
 * Thumbnails of a publisher: a keyframe every few seconds, copied, made smaller
 * in a thread, and put into the live store with the sheet of tiles that it
 * belongs to.  They know nothing of the ladder and need nothing of it.
 *
 * All functions are for the event loop.  One job is in a thread at a time for a
 * publisher; a keyframe that comes meanwhile is passed over.
 */


#ifndef NGX_RTMP_TRANSCODE_THUMBNAIL_H
#define NGX_RTMP_TRANSCODE_THUMBNAIL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_thread_pool.h>

#include "live/oa_live.h"
#include "packager/oa_packager.h"


/* What oa_live_picture_set() has them under. */
#define NGX_RTMP_TRANSCODE_SHEET_PLACE  3        /* the first of the sheets' */


typedef struct ngx_rtmp_transcode_thumbnail_s  ngx_rtmp_transcode_thumbnail_t;


/*
 * channel and log are borrowed until destroy().  NULL: no memory, which is half
 * a megabyte.
 */
ngx_rtmp_transcode_thumbnail_t *ngx_rtmp_transcode_thumbnail_create(
    ngx_thread_pool_t *pool, ngx_msec_t interval, const ngx_str_t *channel,
    ngx_log_t *log);

/* As ngx_onair_ladder_t has them. */
void ngx_rtmp_transcode_thumbnail_tracks(
    ngx_rtmp_transcode_thumbnail_t *thumbnail, oa_live_session_t session,
    const oa_packager_tracks_t *tracks);
void ngx_rtmp_transcode_thumbnail_frame(
    ngx_rtmp_transcode_thumbnail_t *thumbnail,
    const oa_packager_frame_t *frame);

/* What a thread is at work on now is thrown away.  NULL is allowed. */
void ngx_rtmp_transcode_thumbnail_destroy(
    ngx_rtmp_transcode_thumbnail_t *thumbnail);

/* At a worker's end, its threads being gone. */
void ngx_rtmp_transcode_thumbnails_exit(void);


#endif /* NGX_RTMP_TRANSCODE_THUMBNAIL_H */
