
/* Thumbnails of a publisher: see the header. */


#include "ngx_rtmp_transcode_thumbnail.h"

#include "core/ngx_onair_core.h"
#include "live/oa_live_pictures.h"
#include "xcode/oa_sprite.h"
#include "xcode/oa_thumbnail.h"


#define NGX_RTMP_TRANSCODE_SHEETS     (OA_LIVE_PICTURES                       \
                                       - NGX_RTMP_TRANSCODE_SHEET_PLACE)
#define NGX_RTMP_TRANSCODE_KEYFRAME   (32 * 1024 * 1024)     /* the largest */


struct ngx_rtmp_transcode_thumbnail_s {
    ngx_thread_pool_t   *pool;
    ngx_msec_t           interval;
    ngx_str_t            channel;
    ngx_log_t           *log;

    oa_live_session_t    session;
    oa_codec_video_t     picture;
    uint32_t             timescale;      /* 0: there is no video */
    u_char              *record;
    size_t               record_size;
    int64_t              time;           /* of the last one, in ticks */

    /* the sheet; all three are a thread's while there is a job */
    oa_sprite_t          sprite;
    uint32_t             sheet;          /* its number */
    int64_t              times_ms[OA_SPRITE_TILES];

    oa_err_t             said;           /* in the log, last */
    unsigned             begun:1;        /* time is set */
    unsigned             stale:1;        /* the sheet is another session's */
    unsigned             busy:1;
    unsigned             closed:1;
};


typedef struct {
    ngx_thread_task_t                task;
    ngx_queue_t                      queue;
    ngx_rtmp_transcode_thumbnail_t  *of;
    oa_live_session_t                session;
    int64_t                          time_ms;

    oa_codec_video_t                 picture;
    oa_thumbnail_source_t            source;

    ngx_uint_t                       ran;
    oa_err_t                         err;
    oa_thumbnail_t                   made;
    oa_thumbnail_jpeg_t              sheet;

    u_char                           bytes[];        /* of the source */
} ngx_rtmp_transcode_job_t;


static void ngx_rtmp_transcode_job_run(void *data, ngx_log_t *log);
static void ngx_rtmp_transcode_job_done(ngx_event_t *ev);


/* Of this worker, in threads or on the way back from there. */
static ngx_queue_t  ngx_rtmp_transcode_jobs;


ngx_rtmp_transcode_thumbnail_t *
ngx_rtmp_transcode_thumbnail_create(ngx_thread_pool_t *pool,
    ngx_msec_t interval, const ngx_str_t *channel, ngx_log_t *log)
{
    ngx_rtmp_transcode_thumbnail_t  *thumbnail;

    if (ngx_rtmp_transcode_jobs.next == NULL) {
        ngx_queue_init(&ngx_rtmp_transcode_jobs);
    }

    thumbnail = ngx_calloc(sizeof(ngx_rtmp_transcode_thumbnail_t), log);

    if (thumbnail != NULL) {
        thumbnail->pool = pool;
        thumbnail->interval = interval;
        thumbnail->channel = *channel;
        thumbnail->log = log;
    }

    return thumbnail;
}


static void
ngx_rtmp_transcode_thumbnail_free(ngx_rtmp_transcode_thumbnail_t *thumbnail)
{
    if (thumbnail->record != NULL) {
        ngx_free(thumbnail->record);
    }

    ngx_free(thumbnail);
}


void
ngx_rtmp_transcode_thumbnail_destroy(
    ngx_rtmp_transcode_thumbnail_t *thumbnail)
{
    if (thumbnail == NULL) {
        return;
    }

    thumbnail->closed = 1;

    if (!thumbnail->busy) {
        ngx_rtmp_transcode_thumbnail_free(thumbnail);
    }
}


/* One line until it is of another kind: each keyframe may be like this one. */
static void
ngx_rtmp_transcode_thumbnail_say(ngx_rtmp_transcode_thumbnail_t *thumbnail,
    oa_err_t err, ngx_uint_t level, const char *what)
{
    if (err == thumbnail->said) {
        return;
    }

    thumbnail->said = err;

    if (err != OA_OK) {
        ngx_log_error(level, thumbnail->log, 0,
                      "transcode: channel \"%V\": %s: %s",
                      &thumbnail->channel, what, oa_strerror(err));
    }
}


/* --- what comes in ----------------------------------------------------- */


/* Sheets of a publisher before this one keep their numbers. */
static void
ngx_rtmp_transcode_sheet_begin(ngx_rtmp_transcode_thumbnail_t *thumbnail)
{
    unsigned                 place;
    oa_live_picture_found_t  found;

    oa_sprite_clear(&thumbnail->sprite);
    thumbnail->sheet = 0;
    thumbnail->stale = 0;

    for (place = 0; place < OA_LIVE_PICTURES; place++) {
        if (oa_live_picture_get(ngx_onair_live(), thumbnail->session, place,
                                &found) == OA_OK
            && found.about.kind == OA_LIVE_SPRITE
            && found.about.number >= thumbnail->sheet)
        {
            thumbnail->sheet = found.about.number + 1;
        }
    }
}


void
ngx_rtmp_transcode_thumbnail_tracks(
    ngx_rtmp_transcode_thumbnail_t *thumbnail, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    u_char  *record;

    if (session.id != thumbnail->session.id) {
        thumbnail->session = session;
        thumbnail->begun = 0;
        thumbnail->stale = 1;
    }

    thumbnail->timescale = 0;

    if (!tracks->has_video || tracks->video_record.size == 0) {
        return;
    }

    record = ngx_alloc(tracks->video_record.size, thumbnail->log);
    if (record == NULL) {
        return;
    }

    if (thumbnail->record != NULL) {
        ngx_free(thumbnail->record);
    }

    ngx_memcpy(record, tracks->video_record.data, tracks->video_record.size);
    thumbnail->record = record;
    thumbnail->record_size = tracks->video_record.size;
    thumbnail->picture = tracks->picture;
    thumbnail->timescale = tracks->video_timescale;
}


/* Keyframes come about as often as they should: a twentieth early will do. */
static ngx_uint_t
ngx_rtmp_transcode_thumbnail_due(ngx_rtmp_transcode_thumbnail_t *thumbnail,
    const oa_packager_frame_t *frame)
{
    int64_t  ms;

    if (frame->kind != OA_LIVE_VIDEO || !frame->sync || thumbnail->busy
        || thumbnail->timescale == 0)
    {
        return 0;
    }

    if (!thumbnail->begun || frame->time < thumbnail->time) {
        return 1;
    }

    ms = oa_rescale(frame->time - thumbnail->time, 1000,
                    thumbnail->timescale);

    return ms >= (int64_t) (thumbnail->interval - thumbnail->interval / 20);
}


/* NULL: no memory, or a keyframe that is too large. */
static ngx_rtmp_transcode_job_t *
ngx_rtmp_transcode_job_create(ngx_rtmp_transcode_thumbnail_t *thumbnail,
    const oa_packager_frame_t *frame)
{
    size_t                     size;
    u_char                    *p;
    unsigned                   i;
    ngx_rtmp_transcode_job_t  *job;

    for (i = 0, size = 0; i < frame->npieces; i++) {
        size += frame->pieces[i].size;
    }

    if (size > NGX_RTMP_TRANSCODE_KEYFRAME) {
        return NULL;
    }

    job = ngx_alloc(sizeof(ngx_rtmp_transcode_job_t) + thumbnail->record_size
                    + size, thumbnail->log);
    if (job == NULL) {
        return NULL;
    }

    ngx_memzero(job, sizeof(ngx_rtmp_transcode_job_t));
    job->picture = thumbnail->picture;
    job->source.picture = &job->picture;
    job->source.record = oa_slice(job->bytes, thumbnail->record_size);

    p = ngx_cpymem(job->bytes, thumbnail->record, thumbnail->record_size);
    job->source.data = oa_slice(p, size);

    for (i = 0; i < frame->npieces; i++) {
        p = ngx_cpymem(p, frame->pieces[i].data, frame->pieces[i].size);
    }

    return job;
}


void
ngx_rtmp_transcode_thumbnail_frame(
    ngx_rtmp_transcode_thumbnail_t *thumbnail,
    const oa_packager_frame_t *frame)
{
    int64_t                    ms;
    ngx_rtmp_transcode_job_t  *job;

    if (!ngx_rtmp_transcode_thumbnail_due(thumbnail, frame)) {
        return;
    }

    if (thumbnail->stale) {
        ngx_rtmp_transcode_sheet_begin(thumbnail);
    }

    /* also when it fails: the next one's turn is then */
    thumbnail->begun = 1;
    thumbnail->time = frame->time;

    job = ngx_rtmp_transcode_job_create(thumbnail, frame);
    if (job == NULL) {
        return;
    }

    ms = frame->time > 0 ? oa_rescale(frame->time, 1000,
                                      thumbnail->timescale)
                         : 0;
    job->of = thumbnail;
    job->session = thumbnail->session;
    job->time_ms = ms;

    job->task.ctx = job;
    job->task.handler = ngx_rtmp_transcode_job_run;
    job->task.event.handler = ngx_rtmp_transcode_job_done;
    job->task.event.data = job;

    if (ngx_thread_task_post(thumbnail->pool, &job->task) != NGX_OK) {
        ngx_free(job);
        return;
    }

    ngx_queue_insert_tail(&ngx_rtmp_transcode_jobs, &job->queue);
    thumbnail->busy = 1;
}


/* --- the job ----------------------------------------------------------- */


/* A full sheet is followed by the next one. */
static void
ngx_rtmp_transcode_sheet_add(ngx_rtmp_transcode_thumbnail_t *thumbnail,
    const oa_thumbnail_tile_t *tile, int64_t time_ms)
{
    if (thumbnail->sprite.ntiles == OA_SPRITE_TILES) {
        thumbnail->sheet++;
    }

    oa_sprite_add(&thumbnail->sprite, tile);
    thumbnail->times_ms[thumbnail->sprite.ntiles - 1] = time_ms;
}


/* In a thread. */
static void
ngx_rtmp_transcode_job_run(void *data, ngx_log_t *log)
{
    ngx_rtmp_transcode_job_t  *job = data;

    (void) log;

    /* the worker ends at once, and waits for its threads */
    if (ngx_terminate) {
        return;
    }

    job->ran = 1;
    job->err = oa_thumbnail_make(&job->source, &job->made);

    if (job->err != OA_OK) {
        return;
    }

    ngx_rtmp_transcode_sheet_add(job->of, &job->made.tile, job->time_ms);
    job->err = oa_sprite_jpeg(&job->of->sprite, &job->sheet);

    if (job->err != OA_OK) {
        oa_thumbnail_free(&job->made);
    }
}


static oa_err_t
ngx_rtmp_transcode_store_sizes(const ngx_rtmp_transcode_job_t *job)
{
    oa_err_t                    err;
    unsigned                    i;
    oa_live_picture_t           about;
    const oa_thumbnail_jpeg_t  *jpeg;

    ngx_memzero(&about, sizeof(about));
    about.kind = OA_LIVE_THUMBNAIL;
    about.made_unix_s = ngx_time();
    about.interval_ms = job->of->interval;

    for (i = 0; i < OA_THUMBNAIL_SIZES; i++) {
        jpeg = &job->made.jpegs[i];
        about.number = oa_thumbnail_height(i);

        err = oa_live_picture_set(ngx_onair_live(), job->session, i, &about,
                                  oa_slice(jpeg->data, jpeg->size));
        if (err != OA_OK) {
            return err;
        }
    }

    return OA_OK;
}


static oa_err_t
ngx_rtmp_transcode_store_sheet(const ngx_rtmp_transcode_job_t *job)
{
    oa_live_picture_t                      about;
    const ngx_rtmp_transcode_thumbnail_t  *thumbnail;

    thumbnail = job->of;

    ngx_memzero(&about, sizeof(about));
    about.kind = OA_LIVE_SPRITE;
    about.number = thumbnail->sheet;
    about.made_unix_s = ngx_time();
    about.interval_ms = thumbnail->interval;
    about.ntiles = thumbnail->sprite.ntiles;
    about.columns = OA_SPRITE_COLUMNS;
    about.tile_width = OA_THUMBNAIL_TILE_WIDTH;
    about.tile_height = OA_THUMBNAIL_TILE_HEIGHT;
    about.end_ms = job->time_ms + (int64_t) thumbnail->interval;
    ngx_memcpy(about.times_ms, thumbnail->times_ms, sizeof(about.times_ms));

    return oa_live_picture_set(ngx_onair_live(), job->session,
                               NGX_RTMP_TRANSCODE_SHEET_PLACE
                               + about.number % NGX_RTMP_TRANSCODE_SHEETS,
                               &about,
                               oa_slice(job->sheet.data, job->sheet.size));
}


/* What was made goes into the store. */
static void
ngx_rtmp_transcode_job_store(ngx_rtmp_transcode_job_t *job)
{
    oa_err_t                         err, sheet;

    err = ngx_rtmp_transcode_store_sizes(job);
    sheet = ngx_rtmp_transcode_store_sheet(job);

    ngx_rtmp_transcode_thumbnail_say(job->of, err != OA_OK ? err : sheet,
                                     NGX_LOG_WARN, "no room for thumbnails");
}


static void
ngx_rtmp_transcode_job_free(ngx_rtmp_transcode_job_t *job)
{
    if (job->ran && job->err == OA_OK) {
        oa_thumbnail_free(&job->made);
        free(job->sheet.data);
    }

    job->of->busy = 0;

    if (job->of->closed) {
        ngx_rtmp_transcode_thumbnail_free(job->of);
    }

    ngx_queue_remove(&job->queue);
    ngx_free(job);
}


/* On the event loop. */
static void
ngx_rtmp_transcode_job_done(ngx_event_t *ev)
{
    ngx_rtmp_transcode_job_t        *job = ev->data;
    ngx_rtmp_transcode_thumbnail_t  *thumbnail;

    thumbnail = job->of;

    if (job->ran && !thumbnail->closed && !thumbnail->stale) {
        if (job->err == OA_OK) {
            ngx_rtmp_transcode_job_store(job);

        } else {
            ngx_rtmp_transcode_thumbnail_say(thumbnail, job->err,
                                             NGX_LOG_INFO,
                                             "no thumbnail of a keyframe");
        }
    }

    ngx_rtmp_transcode_job_free(job);
}


void
ngx_rtmp_transcode_thumbnails_exit(void)
{
    ngx_queue_t  *q;

    if (ngx_rtmp_transcode_jobs.next == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_rtmp_transcode_jobs)) {
        q = ngx_queue_head(&ngx_rtmp_transcode_jobs);
        ngx_rtmp_transcode_job_free(ngx_queue_data(q,
                                                   ngx_rtmp_transcode_job_t,
                                                   queue));
    }
}
