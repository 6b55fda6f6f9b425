
/*
 * A publisher's ladder: from its first tracks to its end.
 */


#include "ngx_rtmp_transcode.h"


static void *ngx_rtmp_transcode_open(const ngx_onair_source_t *source);
static unsigned ngx_rtmp_transcode_tracks(void *data,
    oa_live_session_t session, const oa_packager_tracks_t *tracks);
static void ngx_rtmp_transcode_frame(void *data,
    const oa_packager_frame_t *frame);
static void ngx_rtmp_transcode_close(void *data);


const ngx_onair_ladder_t  ngx_rtmp_transcode_provided = {
    ngx_rtmp_transcode_open,
    ngx_rtmp_transcode_tracks,
    ngx_rtmp_transcode_frame,
    ngx_rtmp_transcode_close,
    ngx_rtmp_transcode_slots_usage,
    &ngx_rtmp_transcode_sound_provided
};


static ngx_queue_t  ngx_rtmp_transcode_ladders;


/* --- a worker's -------------------------------------------------------- */


/* What libav* has to say of sources is for who looks for a fault. */
static void
ngx_rtmp_transcode_libav(void *of, int level, const char *format, va_list args)
{
    int   n;
    char  text[256];

    (void) of;
    (void) level;

    if (ngx_cycle->log->log_level < NGX_LOG_DEBUG) {
        return;
    }

    n = vsnprintf(text, sizeof(text), format, args);
    n = ngx_min(n, (int) sizeof(text) - 1);

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) {
        n--;
    }

    if (n > 0) {
        ngx_log_error(NGX_LOG_DEBUG, ngx_cycle->log, 0, "transcode: %*s",
                      (size_t) n, text);
    }
}


void
ngx_rtmp_transcode_ladders_init(void)
{
    ngx_queue_init(&ngx_rtmp_transcode_ladders);
    ngx_rtmp_transcode_sounds_init();
    oa_xcode_log(ngx_rtmp_transcode_libav);
}


/* Their publishers are closed after this. */
void
ngx_rtmp_transcode_ladders_exit(void)
{
    ngx_queue_t                  *q;
    ngx_rtmp_transcode_ladder_t  *ladder;

    ngx_rtmp_transcode_threads_gone();

    for (q = ngx_queue_head(&ngx_rtmp_transcode_ladders);
         q != ngx_queue_sentinel(&ngx_rtmp_transcode_ladders);
         q = ngx_queue_next(q))
    {
        ladder = ngx_queue_data(q, ngx_rtmp_transcode_ladder_t, queue);
        ngx_rtmp_transcode_codecs_close(ladder);
    }

    ngx_rtmp_transcode_sounds_exit();
    ngx_rtmp_transcode_threads_exit();
    ngx_rtmp_transcode_thumbnails_exit();
}


/* --- one --------------------------------------------------------------- */


/*
 * Also where it is off: a session that is resumed may have rungs of before,
 * which have to be withdrawn.
 */
static void *
ngx_rtmp_transcode_open(const ngx_onair_source_t *source)
{
    ngx_rtmp_session_t             *s;
    ngx_rtmp_transcode_ladder_t    *ladder;
    ngx_rtmp_transcode_app_conf_t  *tacf;

    s = source->rtmp_session;
    tacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_transcode_module);

    if (tacf == NULL) {
        return NULL;
    }

    ladder = calloc(1, sizeof(ngx_rtmp_transcode_ladder_t));

    if (ladder == NULL) {
        ngx_log_error(NGX_LOG_ERR, source->log, 0,
                      "transcode: channel \"%V\": source only, no memory",
                      &source->channel);
        return NULL;
    }

    ladder->conf = tacf;
    ladder->source = *source;
    ladder->work.pool = tacf->pool;
    ladder->work.data = ladder;
    ladder->work.pull = ngx_rtmp_transcode_pull;
    ladder->work.free = free;

    if (tacf->thumbnails) {
        ladder->thumbnail = ngx_rtmp_transcode_thumbnail_create(tacf->pool,
                                tacf->thumbnails, &ladder->source.channel,
                                source->log);
    }

    ngx_queue_insert_tail(&ngx_rtmp_transcode_ladders, &ladder->queue);

    return ladder;
}


static void
ngx_rtmp_transcode_enter(ngx_rtmp_transcode_ladder_t *ladder)
{
    oa_tier_t  tier;

    tier = ladder->conf->tiers ? ngx_onair_tier(&ladder->source.channel)
                               : OA_TIER_PARTNER;

    ladder->entered = ngx_rtmp_transcode_slots_enter(tier, &ladder->slots)
                      == OA_OK;
}


static unsigned
ngx_rtmp_transcode_tracks(void *data, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    ngx_rtmp_transcode_ladder_t  *ladder = data;

    if (ladder->thumbnail != NULL) {
        ngx_rtmp_transcode_thumbnail_tracks(ladder->thumbnail, session,
                                            tracks);
    }

    if (session.id == ladder->live.id) {
        ngx_rtmp_transcode_codecs_change(ladder, tracks);
        return ladder->part_frames;
    }

    ngx_rtmp_transcode_codecs_close(ladder);
    ngx_rtmp_transcode_rungs_close(ladder);

    ladder->live = session;
    oa_hls_session_id_format(session.id, ladder->id);
    ngx_rtmp_transcode_rungs_plan(ladder, tracks);

    if (ladder->nrungs) {
        ngx_rtmp_transcode_enter(ladder);
        ngx_rtmp_transcode_codecs_open(ladder, tracks);
    }

    return ladder->part_frames;
}


static void
ngx_rtmp_transcode_push(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_frame_t *frame, int64_t arrival_us)
{
    ngx_uint_t        maker;
    oa_xcode_input_t  input;

    ngx_memzero(&input, sizeof(input));
    input.audio = frame->kind == OA_LIVE_AUDIO;
    input.pieces = frame->pieces;
    input.npieces = frame->npieces;
    input.decode_time = frame->decode_time;
    input.time = frame->time;
    input.duration = frame->duration;
    input.sync = frame->sync;
    input.arrival_us = arrival_us;
    input.keyframe = frame->begins;
    input.keyframe_time = frame->begins ? frame->boundary.time : 0;

    for (maker = 0; maker < NGX_RTMP_TRANSCODE_MAKERS; maker++) {
        if (ladder->xcode[maker]) {
            oa_xcode_push(ladder->xcode[maker], &input);
        }
    }
}


static void
ngx_rtmp_transcode_frame(void *data, const oa_packager_frame_t *frame)
{
    int64_t                       arrival_us;
    ngx_uint_t                    audio;
    ngx_rtmp_transcode_ladder_t  *ladder = data;

    if (ladder->thumbnail != NULL) {
        ngx_rtmp_transcode_thumbnail_frame(ladder->thumbnail, frame);
    }

    arrival_us = ngx_rtmp_transcode_now_us(NULL);
    audio = frame->kind == OA_LIVE_AUDIO;

    if (frame->begins) {
        ngx_rtmp_transcode_rungs_boundary(ladder, frame);
    }

    ngx_rtmp_transcode_codecs_wait(ladder);

    if (!ngx_rtmp_transcode_codecs_there(ladder)) {
        return;
    }

    /* before the frame, so that a rung that wakes begins with it */
    if (audio != ladder->input.has_video) {
        ngx_rtmp_transcode_rungs_look(ladder);
    }

    ngx_rtmp_transcode_push(ladder, frame, arrival_us);
    ngx_rtmp_transcode_pull(ladder);
}


static void
ngx_rtmp_transcode_close(void *data)
{
    ngx_rtmp_transcode_ladder_t  *ladder = data;

    /* what is made is used */
    ngx_rtmp_transcode_pull(ladder);
    ngx_rtmp_transcode_codecs_close(ladder);
    ngx_rtmp_transcode_rungs_close(ladder);
    ngx_rtmp_transcode_thumbnail_destroy(ladder->thumbnail);

    ngx_queue_remove(&ladder->queue);
    free(ladder->video_record.data);
    free(ladder->audio_record.data);

    ngx_rtmp_transcode_work_close(&ladder->work);
}
