
/* How rungs do, who wants them, and whom that is told. */


#include "ngx_rtmp_transcode.h"


/* How often the codecs are asked how they do. */
#define NGX_RTMP_TRANSCODE_MEASURE_MS  100

/* How often all workers are told. */
#define NGX_RTMP_TRANSCODE_REPORT_MS   1000


void
ngx_rtmp_transcode_rung_stats(ngx_rtmp_transcode_rung_t *rung,
    oa_xcode_rung_stats_t *stats)
{
    ngx_uint_t              maker;
    oa_xcode_t             *xcode;
    oa_xcode_rung_stats_t   part;

    ngx_memzero(stats, sizeof(oa_xcode_rung_stats_t));

    for (maker = 0; maker < NGX_RTMP_TRANSCODE_MAKERS; maker++) {
        xcode = rung->ladder->xcode[maker];

        if (xcode == NULL) {
            continue;
        }

        oa_xcode_rung_stats(xcode, (unsigned) rung->index, &part);

        stats->frames += part.frames;
        stats->late += part.late;
        stats->full += part.full;
        stats->busy_us += part.busy_us;

        if (maker == rung->maker) {
            stats->lateness_us = part.lateness_us;
            stats->latency_us = part.latency_us;
        }
    }
}


void
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

        /* of a card that does not answer it is told */
        facts->patient = ladder->rungs[i].maker
                         == NGX_RTMP_TRANSCODE_ON_CARD;
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
    report.cuda = rung->maker == NGX_RTMP_TRANSCODE_ON_CARD;
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


void
ngx_rtmp_transcode_report(ngx_rtmp_transcode_ladder_t *ladder, int64_t now_ms)
{
    ngx_uint_t                  i, maker;
    oa_xcode_stats_t            stats[NGX_RTMP_TRANSCODE_MAKERS];
    ngx_rtmp_transcode_rung_t  *rung;

    ladder->reported_ms = now_ms;
    ngx_memzero(stats, sizeof(stats));

    for (maker = 0; maker < NGX_RTMP_TRANSCODE_MAKERS; maker++) {
        if (ladder->xcode[maker]) {
            oa_xcode_stats(ladder->xcode[maker], &stats[maker]);
        }
    }

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];
        ngx_rtmp_transcode_rung_report(rung, &stats[rung->maker]);
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
