
/* What the rungs of a ladder are to be. */


#include "ngx_rtmp_transcode.h"


/* Transfer characteristics of ISO/IEC 23091-2. */
#define NGX_RTMP_TRANSCODE_PQ   16
#define NGX_RTMP_TRANSCODE_HLG  18


const char *
ngx_rtmp_transcode_rung_name(ngx_rtmp_transcode_rung_t *rung)
{
    return rung->conf->plan.name;
}


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
    source->hdr = tracks->picture.colour.known
                  && (tracks->picture.colour.transfer
                      == NGX_RTMP_TRANSCODE_PQ
                      || tracks->picture.colour.transfer
                         == NGX_RTMP_TRANSCODE_HLG);
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


void
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

    oa_ladder_watch_init(&ladder->watch, (int64_t) ladder->conf->idle,
                         ladder->conf->shed != 0);
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
