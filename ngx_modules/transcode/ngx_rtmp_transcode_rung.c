
/*
 * The rungs of a ladder: what each is made into, and how it goes on, sleeps
 * and is withdrawn.
 */


#include "ngx_rtmp_transcode.h"


/* A latency counts by one in so many of its average. */
#define NGX_RTMP_TRANSCODE_SMOOTH      16


static void ngx_rtmp_transcode_published(void *ctx,
    oa_live_rendition_t rendition);


/* --- followers --------------------------------------------------------- */


static void *
ngx_rtmp_transcode_realloc(void *ctx, void *p, size_t size)
{
    (void) ctx;

    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


static void
ngx_rtmp_transcode_published(void *ctx, oa_live_rendition_t rendition)
{
    int64_t                     latency_us;
    ngx_rtmp_transcode_rung_t  *rung = ctx;

    ngx_onair_publish(rendition.index);

    if (rung->arrival_us == 0) {
        return;
    }

    latency_us = ngx_rtmp_transcode_now_us(NULL) - rung->arrival_us;
    rung->latency_us += rung->latency_us
                        ? (latency_us - rung->latency_us)
                          / NGX_RTMP_TRANSCODE_SMOOTH
                        : latency_us;
}


/* Ticks of one frame. */
static uint32_t
ngx_rtmp_transcode_frame_ticks(ngx_rtmp_transcode_rung_t *rung,
    const oa_codec_audio_t *sound)
{
    oa_xcode_source_t  *input;

    input = &rung->ladder->input;

    if (rung->audio) {
        return (uint32_t) oa_rescale(sound->frame_samples,
                                     input->audio_timescale,
                                     sound->clock_rate);
    }

    return (uint32_t) oa_rescale(input->video_timescale, rung->plan.rate.den,
                                 rung->plan.rate.num);
}


static void
ngx_rtmp_transcode_rung_park(ngx_rtmp_transcode_rung_t *rung)
{
    oa_live_presence_t  presence;

    if (rung->follower == NULL || rung->state == OA_LADDER_ON) {
        return;
    }

    presence = rung->state == OA_LADDER_ASLEEP ? OA_LIVE_ASLEEP
                                               : OA_LIVE_WITHDRAWN;

    if (oa_follower_park(rung->follower, presence) == OA_OK) {
        ngx_onair_publish(rung->rendition.index);
    }
}


/* What a rung that goes on is until its first part: listed. */
static void
ngx_rtmp_transcode_rung_list(ngx_rtmp_transcode_rung_t *rung)
{
    oa_live_presence_t  presence;

    if (rung->follower == NULL
        || oa_live_rendition_presence(ngx_onair_live(), rung->rendition,
                                      &presence) != OA_OK
        || presence != OA_LIVE_WITHDRAWN)
    {
        return;
    }

    if (oa_follower_park(rung->follower, OA_LIVE_ASLEEP) == OA_OK) {
        ngx_onair_publish(rung->rendition.index);
    }
}


static oa_err_t
ngx_rtmp_transcode_follow(ngx_rtmp_transcode_rung_t *rung,
    const ngx_rtmp_transcode_config_t *config)
{
    oa_mem_t                          mem = { ngx_rtmp_transcode_realloc,
                                              NULL };
    oa_err_t                          err;
    ngx_uint_t                        i;
    oa_follower_conf_t                conf;
    ngx_rtmp_transcode_ladder_t      *ladder;
    ngx_rtmp_transcode_boundaries_t  *boundaries;

    ladder = rung->ladder;

    ngx_memzero(&conf, sizeof(conf));
    (void) ngx_cpystrn((u_char *) conf.name,
                       (u_char *) ngx_rtmp_transcode_rung_name(rung),
                       sizeof(conf.name));
    conf.kind = rung->audio ? OA_LIVE_AUDIO : OA_LIVE_VIDEO;
    conf.timescale = rung->audio ? ladder->input.audio_timescale
                                 : ladder->input.video_timescale;
    conf.frame = ngx_rtmp_transcode_frame_ticks(rung, &config->sound);
    conf.part_target_ms = ladder->source.part_target_ms;
    conf.max_pending_bytes = ladder->source.max_pending;

    err = oa_follower_create(&rung->follower, ngx_onair_live(), ladder->live,
                             &conf, &mem, ngx_rtmp_transcode_published, rung);
    if (err != OA_OK) {
        rung->follower = NULL;
        return err;
    }

    rung->rendition = oa_follower_rendition(rung->follower);

    boundaries = rung->audio ? &ladder->audio : &ladder->video;

    for (i = 0; i < boundaries->n && err == OA_OK; i++) {
        err = oa_follower_boundary(rung->follower, &boundaries->list[i]);
    }

    return err;
}


void
ngx_rtmp_transcode_rung_config(ngx_rtmp_transcode_rung_t *rung)
{
    oa_err_t                      err;
    ngx_uint_t                    fresh;
    ngx_rtmp_transcode_config_t  *config;

    config = &rung->configs[rung->maker];
    err = OA_OK;
    fresh = rung->follower == NULL;

    if (fresh) {
        err = ngx_rtmp_transcode_follow(rung, config);
    }

    if (err == OA_OK) {
        err = oa_follower_config(rung->follower,
                                 oa_slice(config->record.data,
                                          config->record.size),
                                 rung->audio ? NULL : &config->picture,
                                 rung->audio ? &config->sound : NULL,
                                 rung->plan.rate);
    }

    if (err != OA_OK) {
        ngx_rtmp_transcode_rung_failed(rung, oa_strerror(err));

    } else if (fresh) {
        ngx_rtmp_transcode_rung_park(rung);
        rung->ladder->reported_ms = 0;
    }
}


void
ngx_rtmp_transcode_rung_frame(ngx_rtmp_transcode_rung_t *rung,
    const oa_xcode_output_t *output)
{
    oa_err_t             err;
    oa_follower_frame_t  frame;

    if (rung->follower == NULL || rung->state != OA_LADDER_ON) {
        return;
    }

    frame.data = output->data;
    frame.time = output->time;
    frame.sync = output->sync;
    rung->arrival_us = output->arrival_us;

    err = oa_follower_frame(rung->follower, &frame);

    /* the session is gone, which its publisher is about to learn */
    if (err == OA_OK || err == OA_EGONE) {
        return;
    }

    if (rung->unstored++ == 0 && ngx_rtmp_transcode_may_log(rung->ladder)) {
        ngx_log_error(NGX_LOG_ERR, rung->ladder->source.log, 0,
                      "transcode: channel \"%V\" session %s: frames of rung "
                      "%s are lost: %s", &rung->ladder->source.channel,
                      rung->ladder->id, ngx_rtmp_transcode_rung_name(rung),
                      oa_strerror(err));
    }
}


static void
ngx_rtmp_transcode_boundary_keep(ngx_rtmp_transcode_boundaries_t *boundaries,
    const oa_packager_boundary_t *boundary)
{
    if (boundaries->n == OA_FOLLOWER_BOUNDARIES) {
        boundaries->n--;
        ngx_memmove(&boundaries->list[0], &boundaries->list[1],
                    boundaries->n * sizeof(oa_packager_boundary_t));
    }

    boundaries->list[boundaries->n++] = *boundary;
}


void
ngx_rtmp_transcode_rungs_boundary(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_frame_t *frame)
{
    ngx_uint_t                  i, audio;
    ngx_rtmp_transcode_rung_t  *rung;

    audio = frame->kind == OA_LIVE_AUDIO;

    ngx_rtmp_transcode_boundary_keep(audio ? &ladder->audio : &ladder->video,
                                     &frame->boundary);

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];

        if (rung->audio == audio && rung->follower
            && oa_follower_boundary(rung->follower, &frame->boundary)
               == OA_ENOMEM)
        {
            ngx_rtmp_transcode_rung_failed(rung, oa_strerror(OA_ENOMEM));
        }
    }
}


/* --- on, asleep, withdrawn --------------------------------------------- */


static void
ngx_rtmp_transcode_tell(ngx_rtmp_transcode_rung_t *rung, const char *text)
{
    ngx_uint_t                    level;
    ngx_rtmp_transcode_ladder_t  *ladder;

    static const char *const  states[] = { "withdrawn", "asleep", "on" };

    ladder = rung->ladder;
    level = rung->reason == OA_LADDER_OVERLOADED
            || rung->reason == OA_LADDER_FAILED ? NGX_LOG_WARN
                                                : NGX_LOG_NOTICE;

    if (ngx_rtmp_transcode_may_log(ladder)) {
        ngx_log_error(level, ladder->source.log, 0,
                      "transcode: channel \"%V\" session %s: rung %s %s: %s"
                      "%s%s", &ladder->source.channel, ladder->id,
                      ngx_rtmp_transcode_rung_name(rung), states[rung->state],
                      oa_ladder_reason_text(rung->reason), text ? ": " : "",
                      text ? text : "");
    }
}


/* Puts into effect what was decided. */
static void
ngx_rtmp_transcode_rung_apply(ngx_rtmp_transcode_rung_t *rung,
    const char *text)
{
    ngx_uint_t                    quiet;
    oa_ladder_state_t             before;
    ngx_rtmp_transcode_ladder_t  *ladder;
    const oa_ladder_watched_t    *watched;

    ladder = rung->ladder;
    watched = &ladder->watch.rungs[rung->index];

    if (watched->state == rung->state && watched->reason == rung->reason) {
        return;
    }

    /* a ladder that begins as planned was told of */
    quiet = rung->reason == OA_LADDER_NONE
            && watched->state != OA_LADDER_WITHDRAWN;
    before = rung->state;
    rung->state = watched->state;
    rung->reason = watched->reason;

    if (!quiet) {
        ngx_rtmp_transcode_tell(rung, text);
    }

    if (before == rung->state) {
        return;
    }

    if (rung->state == OA_LADDER_ON) {
        ngx_rtmp_transcode_card_again(rung);
    }

    if (ladder->xcode[rung->maker]) {
        oa_xcode_rung_set(ladder->xcode[rung->maker], (unsigned) rung->index,
                          rung->state == OA_LADDER_ON);
    }

    if (rung->state == OA_LADDER_ON) {
        ngx_rtmp_transcode_rung_list(rung);

    } else {
        ngx_rtmp_transcode_rung_park(rung);
    }
}


void
ngx_rtmp_transcode_rungs_apply(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t  i;

    for (i = 0; i < ladder->nrungs; i++) {
        ngx_rtmp_transcode_rung_apply(&ladder->rungs[i], NULL);
    }
}


void
ngx_rtmp_transcode_rung_failed(ngx_rtmp_transcode_rung_t *rung,
    const char *text)
{
    oa_ladder_watch_failed(&rung->ladder->watch, (unsigned) rung->index,
                           ngx_onair_now_ms());
    ngx_rtmp_transcode_rung_apply(rung, text);
    rung->ladder->reported_ms = 0;
}


void
ngx_rtmp_transcode_rungs_close(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t                  i, maker;
    ngx_rtmp_transcode_rung_t  *rung;

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];

        if (rung->follower) {
            rung->arrival_us = 0;
            oa_follower_destroy(rung->follower);
            rung->follower = NULL;
        }

        for (maker = 0; maker < NGX_RTMP_TRANSCODE_MAKERS; maker++) {
            free(rung->configs[maker].record.data);
            rung->configs[maker].record.data = NULL;
        }
    }

    ladder->nrungs = 0;
    ladder->video.n = 0;
    ladder->audio.n = 0;

    if (ladder->entered) {
        ngx_rtmp_transcode_slots_leave(ladder->slots);
        ladder->entered = 0;
    }
}


void
ngx_rtmp_transcode_rungs_withdraw(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t  i;

    for (i = 0; i < ladder->nrungs; i++) {
        ladder->rungs[i].state = OA_LADDER_WITHDRAWN;
        ladder->rungs[i].reason = OA_LADDER_FAILED;
    }

    ngx_rtmp_transcode_report(ladder, ngx_onair_now_ms());
    ngx_rtmp_transcode_rungs_close(ladder);
    ngx_rtmp_transcode_withdraw_others(ladder);
}
