
/*
 * The rungs of a ladder: what is planned, what each is made into, and when it
 * is on.
 */


#include "ngx_rtmp_transcode.h"


/* How often the codecs are asked how they do. */
#define NGX_RTMP_TRANSCODE_MEASURE_MS  100

/* How often all workers are told. */
#define NGX_RTMP_TRANSCODE_REPORT_MS   1000

/* A latency counts by one in so many of its average. */
#define NGX_RTMP_TRANSCODE_SMOOTH      16


static void ngx_rtmp_transcode_published(void *ctx,
    oa_live_rendition_t rendition);


static const char *
ngx_rtmp_transcode_rung_name(ngx_rtmp_transcode_rung_t *rung)
{
    return rung->conf->plan.name;
}


/* --- the plan ---------------------------------------------------------- */


static void
ngx_rtmp_transcode_rung_init(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_ladder_rung_t *plan)
{
    ngx_rtmp_transcode_rung_t       *rung;
    ngx_rtmp_transcode_rendition_t  *confs;

    confs = ladder->conf->renditions->elts;
    rung = &ladder->rungs[ladder->nrungs];

    ngx_memzero(rung, sizeof(ngx_rtmp_transcode_rung_t));
    rung->ladder = ladder;
    rung->index = ladder->nrungs++;
    rung->conf = &confs[plan->conf];
    rung->plan = *plan;
    rung->audio = rung->conf->plan.height == 0;

    oa_ladder_watch_add(&ladder->watch, rung->conf->plan.mode, plan->slots);
}


/* What the publisher says of its bit rate, in thousandths of kbit/s. */
static uint32_t
ngx_rtmp_transcode_bitrate(oa_live_session_t session)
{
    uint32_t                         i;
    oa_live_metadata_t               metadata;
    const oa_live_metadata_field_t  *field;

    if (oa_live_metadata_get(ngx_onair_live(), session, &metadata) != OA_OK) {
        return 0;
    }

    for (i = 0; i < metadata.nfields; i++) {
        field = &metadata.fields[i];

        if (field->kind == OA_LIVE_METADATA_NUMBER
            && field->name_size == sizeof("videodatarate") - 1
            && ngx_memcmp(field->name, "videodatarate", field->name_size) == 0
            && field->thousandths > 0 && field->thousandths <= UINT32_MAX)
        {
            return (uint32_t) field->thousandths;
        }
    }

    return 0;
}


static void
ngx_rtmp_transcode_source(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks, oa_ladder_source_t *source)
{
    ngx_memzero(source, sizeof(oa_ladder_source_t));
    source->has_video = tracks->has_video;
    source->has_audio = tracks->has_audio;
    source->codec = tracks->picture.codec;
    source->width = tracks->picture.width;
    source->height = tracks->picture.height;
    source->sar_width = tracks->picture.sar_width;
    source->sar_height = tracks->picture.sar_height;
    source->rate = tracks->rate;
    source->bitrate = ngx_rtmp_transcode_bitrate(ladder->live);
}


/* One line: what there is to be, and what not and why. */
static void
ngx_rtmp_transcode_tell_plan(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_ladder_plan_t *plan)
{
    u_char                          *p, *last, text[NGX_MAX_ERROR_STR / 2];
    ngx_uint_t                       i;
    ngx_rtmp_transcode_rung_t       *rung;
    ngx_rtmp_transcode_rendition_t  *confs;

    confs = ladder->conf->renditions->elts;
    p = text;
    last = text + sizeof(text);

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];
        p = ngx_slprintf(p, last, " %s", ngx_rtmp_transcode_rung_name(rung));

        if (!rung->audio) {
            p = ngx_slprintf(p, last, " %uDx%uD", rung->plan.width,
                             rung->plan.height);
        }

        p = ngx_slprintf(p, last, ",");
    }

    for (i = 0; i < ladder->conf->renditions->nelts; i++) {
        if (plan->left_out[i] && confs[i].plan.mode != OA_LADDER_NEVER) {
            p = ngx_slprintf(p, last, " not %s: %s,", confs[i].plan.name,
                             plan->left_out[i]);
        }
    }

    if (p > text && ngx_rtmp_transcode_may_log(ladder)) {
        ngx_log_error(NGX_LOG_NOTICE, ladder->source.log, 0,
                      "transcode: channel \"%V\" session %s:%*s",
                      &ladder->source.channel, ladder->id,
                      (size_t) (p - text - 1), text);
    }
}


static ngx_uint_t
ngx_rtmp_transcode_is_planned(ngx_rtmp_transcode_ladder_t *ladder,
    const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < ladder->nrungs; i++) {
        if (ngx_strcmp(ngx_rtmp_transcode_rung_name(&ladder->rungs[i]), name)
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * What a resumed session has from another configuration or source, and nobody
 * makes any more.
 */
static void
ngx_rtmp_transcode_withdraw_others(ngx_rtmp_transcode_ladder_t *ladder)
{
    uint32_t                   i;
    oa_live_t                 *live;
    oa_live_session_info_t     info;
    oa_live_rendition_conf_t   conf;

    live = ngx_onair_live();

    if (oa_live_session_info(live, ladder->live, &info) != OA_OK) {
        return;
    }

    for (i = 0; i < info.nrenditions; i++) {
        if (oa_live_rendition_conf(live, info.renditions[i], &conf) != OA_OK
            || ngx_strcmp(conf.name, "video") == 0
            || ngx_strcmp(conf.name, "audio") == 0
            || ngx_rtmp_transcode_is_planned(ladder, conf.name))
        {
            continue;
        }

        if (oa_live_rendition_park(live, info.renditions[i],
                                   OA_LIVE_WITHDRAWN) == OA_OK)
        {
            ngx_onair_publish(info.renditions[i].index);
        }
    }
}


void
ngx_rtmp_transcode_rungs_plan(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks)
{
    ngx_uint_t                       i, n;
    oa_ladder_conf_t                 confs[OA_LADDER_RUNGS];
    oa_ladder_plan_t                 plan;
    oa_ladder_source_t               source;
    ngx_rtmp_transcode_rendition_t  *renditions;

    oa_ladder_watch_init(&ladder->watch, (int64_t) ladder->conf->idle);
    ngx_memzero(ladder->facts, sizeof(ladder->facts));
    ladder->nrungs = 0;
    ladder->part_frames = 1;
    n = 0;

    if (ladder->conf->enable) {
        renditions = ladder->conf->renditions->elts;

        for (n = 0; n < ladder->conf->renditions->nelts; n++) {
            confs[n] = renditions[n].plan;
        }
    }

    ngx_rtmp_transcode_source(ladder, tracks, &source);
    oa_ladder_plan(&source, confs, (unsigned) n, &plan);

    for (i = 0; i < plan.nrungs; i++) {
        ngx_rtmp_transcode_rung_init(ladder, &plan.rungs[i]);
    }

    ladder->part_frames = plan.part_frames;
    ngx_rtmp_transcode_withdraw_others(ladder);

    if (n) {
        ngx_rtmp_transcode_tell_plan(ladder, &plan);
    }
}


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
    const oa_xcode_output_t *output)
{
    oa_xcode_source_t  *input;

    input = &rung->ladder->input;

    if (rung->audio) {
        return (uint32_t) oa_rescale(output->sound.frame_samples,
                                     input->audio_timescale,
                                     output->sound.clock_rate);
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
    const oa_xcode_output_t *output)
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
    conf.frame = ngx_rtmp_transcode_frame_ticks(rung, output);
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
ngx_rtmp_transcode_rung_config(ngx_rtmp_transcode_rung_t *rung,
    const oa_xcode_output_t *output)
{
    oa_err_t    err;
    ngx_uint_t  fresh;

    err = OA_OK;
    fresh = rung->follower == NULL;

    if (fresh) {
        err = ngx_rtmp_transcode_follow(rung, output);
    }

    if (err == OA_OK) {
        err = oa_follower_config(rung->follower, output->data,
                                 rung->audio ? NULL : &output->picture,
                                 rung->audio ? &output->sound : NULL,
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


void
ngx_rtmp_transcode_rung_stats(ngx_rtmp_transcode_rung_t *rung,
    oa_xcode_rung_stats_t *stats)
{
    if (rung->ladder->xcode == NULL) {
        *stats = rung->before;
        return;
    }

    oa_xcode_rung_stats(rung->ladder->xcode, (unsigned) rung->index, stats);

    stats->frames += rung->before.frames;
    stats->late += rung->before.late;
    stats->full += rung->before.full;
    stats->busy_us += rung->before.busy_us;
}


static void
ngx_rtmp_transcode_measure(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t              i;
    oa_ladder_facts_t      *facts;
    oa_xcode_rung_stats_t   stats;

    for (i = 0; i < ladder->nrungs; i++) {
        ngx_rtmp_transcode_rung_stats(&ladder->rungs[i], &stats);

        facts = &ladder->facts[i];
        facts->frames = stats.frames;
        facts->dropped = stats.late + stats.full;
        facts->lateness_us = stats.lateness_us;
    }
}


static uint64_t
ngx_rtmp_transcode_average(uint64_t sum, uint64_t n)
{
    return n ? sum / n : 0;
}


/* For whoever asks how it does, in any worker. */
static void
ngx_rtmp_transcode_rung_report(ngx_rtmp_transcode_rung_t *rung,
    const oa_xcode_stats_t *source)
{
    oa_live_rung_t              report;
    oa_xcode_rung_stats_t       stats;
    const oa_ladder_watched_t  *watched;

    if (rung->follower == NULL) {
        return;
    }

    watched = &rung->ladder->watch.rungs[rung->index];
    ngx_rtmp_transcode_rung_stats(rung, &stats);

    ngx_memzero(&report, sizeof(report));
    report.made = 1;
    report.state = rung->state;
    report.reason = rung->reason;
    report.cuda = source->device == OA_XCODE_CUDA;
    report.slots = rung->plan.slots;
    report.frames = stats.frames;
    report.late = stats.late;
    report.full = stats.full;
    report.unstored = rung->unstored;
    report.sheds = watched->sheds;
    report.latency_us = (uint64_t) ngx_max(rung->latency_us, 0);
    report.encode_us = ngx_rtmp_transcode_average(stats.busy_us,
                                                  stats.frames);
    report.decode_us = ngx_rtmp_transcode_average(source->decode_us,
                                                  source->decoded);
    report.scale_us = ngx_rtmp_transcode_average(source->scale_us,
                                                 source->decoded);

    oa_live_rung_set(ngx_onair_live(), rung->rendition, &report);
}


static void
ngx_rtmp_transcode_report(ngx_rtmp_transcode_ladder_t *ladder, int64_t now_ms)
{
    ngx_uint_t        i;
    oa_xcode_stats_t  stats;

    ladder->reported_ms = now_ms;

    if (ladder->xcode == NULL) {
        ngx_memzero(&stats, sizeof(stats));

    } else {
        oa_xcode_stats(ladder->xcode, &stats);
    }

    for (i = 0; i < ladder->nrungs; i++) {
        ngx_rtmp_transcode_rung_report(&ladder->rungs[i], &stats);
    }
}


static void
ngx_rtmp_transcode_wanted(ngx_rtmp_transcode_ladder_t *ladder)
{
    int64_t                     wanted_ms;
    ngx_uint_t                  i;
    ngx_rtmp_transcode_rung_t  *rung;

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];

        if (rung->follower
            && oa_live_rendition_wanted(ngx_onair_live(), rung->rendition,
                                        &wanted_ms) == OA_OK)
        {
            ladder->facts[i].wanted_ms = wanted_ms;
        }
    }
}


static oa_err_t
ngx_rtmp_transcode_hold(void *ctx, uint32_t slots)
{
    ngx_rtmp_transcode_ladder_t  *ladder = ctx;

    return ladder->entered ? ngx_rtmp_transcode_slots_hold(ladder->slots,
                                                           slots)
                           : OA_EFULL;
}


static oa_err_t
ngx_rtmp_transcode_room(void *ctx, uint32_t slots)
{
    ngx_rtmp_transcode_ladder_t  *ladder = ctx;

    return ladder->entered ? ngx_rtmp_transcode_slots_room(ladder->slots,
                                                           slots)
                           : OA_EFULL;
}


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

    if (ladder->xcode) {
        oa_xcode_rung_set(ladder->xcode, (unsigned) rung->index,
                          rung->state == OA_LADDER_ON);
    }

    if (rung->state == OA_LADDER_ON) {
        ngx_rtmp_transcode_rung_list(rung);

    } else {
        ngx_rtmp_transcode_rung_park(rung);
    }
}


static void
ngx_rtmp_transcode_rungs_apply(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t  i;

    for (i = 0; i < ladder->nrungs; i++) {
        ngx_rtmp_transcode_rung_apply(&ladder->rungs[i], NULL);
    }
}


void
ngx_rtmp_transcode_rungs_look(ngx_rtmp_transcode_ladder_t *ladder)
{
    int64_t             now_ms;
    ngx_uint_t          evicted, measured;
    oa_ladder_events_t  events;

    now_ms = ngx_onair_now_ms();
    evicted = ladder->entered
              && ngx_rtmp_transcode_slots_evicted(ladder->slots);
    measured = now_ms - ladder->measured_ms >= NGX_RTMP_TRANSCODE_MEASURE_MS;

    if (measured) {
        ladder->measured_ms = now_ms;
        ngx_rtmp_transcode_measure(ladder);
    }

    ngx_rtmp_transcode_wanted(ladder);

    events.hold = ngx_rtmp_transcode_hold;
    events.room = ngx_rtmp_transcode_room;
    events.ctx = ladder;

    if (oa_ladder_watch_look(&ladder->watch, ladder->facts, evicted, now_ms,
                             &events))
    {
        ngx_rtmp_transcode_rungs_apply(ladder);
        ladder->reported_ms = 0;
    }

    if (now_ms - ladder->reported_ms >= NGX_RTMP_TRANSCODE_REPORT_MS) {
        ngx_rtmp_transcode_report(ladder, now_ms);
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
    ngx_uint_t                  i;
    ngx_rtmp_transcode_rung_t  *rung;

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];

        if (rung->follower) {
            rung->arrival_us = 0;
            oa_follower_destroy(rung->follower);
            rung->follower = NULL;
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
