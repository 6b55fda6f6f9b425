
/*
 * A ladder without codecs, for tests:  test_ladder FILE IDLE;  in http.
 *
 * Each publisher's video and audio are followed by "copy" and "copy_audio",
 * made of the same frames: send it none with B-frames.  Both sleep until they
 * are wanted, and again IDLE ms after the last request; while FILE exists they
 * are withdrawn.  promised: 5000000 and 500000 bits a second.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ngx_onair_core.h"
#include "core/ngx_onair_ladder.h"
#include "packager/oa_follower.h"


typedef struct {
    const char       *name;
    oa_live_kind_t    kind;
    uint64_t          promised_bps;
    oa_follower_t    *follower;
    ngx_uint_t        active;
    ngx_uint_t        withdrawn;
} test_rung_t;


typedef struct {
    ngx_onair_source_t   source;
    oa_live_session_t    session;
    test_rung_t          rungs[2];
} test_ladder_t;


typedef struct {
    ngx_str_t   file;
    ngx_msec_t  idle;
} test_conf_t;


static char *ngx_http_test_ladder(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_test_ladder_init_process(ngx_cycle_t *cycle);


static test_conf_t  test_conf;


static ngx_command_t  ngx_http_test_ladder_commands[] = {

    { ngx_string("test_ladder"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_test_ladder,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_test_ladder_module_ctx = {
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
};


ngx_module_t  ngx_http_test_ladder_module = {
    NGX_MODULE_V1,
    &ngx_http_test_ladder_module_ctx,
    ngx_http_test_ladder_commands,
    NGX_HTTP_MODULE,
    NULL,
    NULL,
    ngx_http_test_ladder_init_process,
    NULL,
    NULL,
    NULL,
    NULL,
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_test_ladder(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;
    test_conf.file = value[1];
    test_conf.idle = (ngx_msec_t) ngx_atoi(value[2].data, value[2].len);

    return NGX_CONF_OK;
}


static void *
test_realloc(void *ctx, void *p, size_t size)
{
    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


static void
test_published(void *ctx, oa_live_rendition_t rendition)
{
    ngx_onair_publish(rendition.index);
}


/* --- the ladder ------------------------------------------------------ */


static void
test_rung_close(test_rung_t *rung)
{
    if (rung->follower != NULL) {
        oa_follower_destroy(rung->follower);
        rung->follower = NULL;
    }

    rung->active = 0;
}


static void
test_rung_open(test_ladder_t *ladder, test_rung_t *rung,
    const oa_packager_tracks_t *tracks)
{
    oa_mem_t             mem = { test_realloc, NULL };
    oa_follower_conf_t   conf;

    if (!(rung->kind == OA_LIVE_VIDEO ? tracks->has_video
                                      : tracks->has_audio))
    {
        return;
    }

    ngx_memzero(&conf, sizeof(conf));
    (void) ngx_cpystrn((u_char *) conf.name, (u_char *) rung->name,
                       sizeof(conf.name));
    conf.kind = rung->kind;
    conf.part_target_ms = ladder->source.part_target_ms;
    conf.max_pending_bytes = ladder->source.max_pending;
    conf.promised_bps = rung->promised_bps;

    if (rung->kind == OA_LIVE_VIDEO) {
        conf.timescale = tracks->video_timescale;
        conf.frame = (uint32_t) oa_rescale(conf.timescale, tracks->rate.den,
                                           tracks->rate.num);

    } else {
        conf.timescale = tracks->audio_timescale;
        conf.frame = tracks->sound.frame_samples;
    }

    if (oa_follower_create(&rung->follower, ngx_onair_live(), ladder->session,
                           &conf, &mem, test_published, NULL)
        != OA_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, ladder->source.log, 0,
                      "test_ladder: no follower");
        rung->follower = NULL;
    }
}


static void *
test_open(const ngx_onair_source_t *source)
{
    test_ladder_t  *ladder;

    ladder = calloc(1, sizeof(test_ladder_t));
    if (ladder == NULL) {
        return NULL;
    }

    ladder->source = *source;
    ladder->rungs[0].name = "copy";
    ladder->rungs[0].kind = OA_LIVE_VIDEO;
    ladder->rungs[0].promised_bps = 5000000;
    ladder->rungs[1].name = "copy_audio";
    ladder->rungs[1].kind = OA_LIVE_AUDIO;
    ladder->rungs[1].promised_bps = 500000;

    return ladder;
}


static unsigned
test_tracks(void *data, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    oa_err_t        err;
    ngx_uint_t      i;
    oa_slice_t      record;
    test_rung_t    *rung;
    test_ladder_t  *ladder = data;

    for (i = 0; i < 2; i++) {
        rung = &ladder->rungs[i];

        if (ladder->session.id != session.id) {
            test_rung_close(rung);
        }
    }

    ladder->session = session;

    for (i = 0; i < 2; i++) {
        rung = &ladder->rungs[i];

        if (rung->follower == NULL) {
            test_rung_open(ladder, rung, tracks);
        }

        if (rung->follower == NULL) {
            continue;
        }

        record = rung->kind == OA_LIVE_VIDEO ? tracks->video_record
                                             : tracks->audio_record;
        err = oa_follower_config(rung->follower, record, &tracks->picture,
                                 &tracks->sound, tracks->rate);
        if (err != OA_OK) {
            ngx_log_error(NGX_LOG_ALERT, ladder->source.log, 0,
                          "test_ladder: config: %s", oa_strerror(err));
        }
    }

    return 1;
}


/* Whether it is to have the frame. */
static ngx_uint_t
test_rung_active(test_rung_t *rung)
{
    int64_t     wanted_ms, now_ms;
    ngx_uint_t  active, withdrawn;

    now_ms = ngx_onair_now_ms();
    withdrawn = access((char *) test_conf.file.data, F_OK) == 0;

    if (oa_live_rendition_wanted(ngx_onair_live(),
                                 oa_follower_rendition(rung->follower),
                                 &wanted_ms)
        != OA_OK)
    {
        return 0;
    }

    active = !withdrawn && wanted_ms != 0
             && now_ms - wanted_ms < (int64_t) test_conf.idle;

    if ((rung->active && !active) || rung->withdrawn != withdrawn) {
        if (oa_follower_park(rung->follower, withdrawn ? OA_LIVE_WITHDRAWN
                                                       : OA_LIVE_ASLEEP)
            != OA_OK)
        {
            return 0;
        }
    }

    rung->active = active;
    rung->withdrawn = withdrawn;

    return active;
}


static void
test_rung_frame(test_ladder_t *ladder, test_rung_t *rung,
    const oa_packager_frame_t *frame)
{
    u_char               *p;
    size_t                size;
    oa_err_t              err;
    unsigned              i;
    oa_follower_frame_t   copy;

    if (frame->begins) {
        err = oa_follower_boundary(rung->follower, &frame->boundary);
        if (err != OA_OK) {
            return;
        }
    }

    if (!test_rung_active(rung)) {
        return;
    }

    for (size = 0, i = 0; i < frame->npieces; i++) {
        size += frame->pieces[i].size;
    }

    p = malloc(size + 1);
    if (p == NULL) {
        return;
    }

    copy.data = oa_slice(p, size);
    copy.time = frame->time;
    copy.sync = frame->sync;

    for (i = 0; i < frame->npieces; i++) {
        p = ngx_cpymem(p, frame->pieces[i].data, frame->pieces[i].size);
    }

    err = oa_follower_frame(rung->follower, &copy);
    free((void *) copy.data.data);

    if (err != OA_OK && err != OA_EGONE) {
        ngx_log_error(NGX_LOG_ALERT, ladder->source.log, 0,
                      "test_ladder: frame: %s", oa_strerror(err));
    }
}


static void
test_frame(void *data, const oa_packager_frame_t *frame)
{
    ngx_uint_t      i;
    test_ladder_t  *ladder = data;

    for (i = 0; i < 2; i++) {
        if (ladder->rungs[i].kind == frame->kind
            && ladder->rungs[i].follower != NULL)
        {
            test_rung_frame(ladder, &ladder->rungs[i], frame);
        }
    }
}


static void
test_close(void *data)
{
    ngx_uint_t      i;
    test_ladder_t  *ladder = data;

    for (i = 0; i < 2; i++) {
        test_rung_close(&ladder->rungs[i]);
    }

    free(ladder);
}


static ngx_uint_t
test_slots(oa_ladder_slots_usage_t *usage)
{
    return 0;
}


static const ngx_onair_ladder_t  test_ladder = {
    .open = test_open,
    .tracks = test_tracks,
    .frame = test_frame,
    .close = test_close,
    .slots = test_slots
};


static ngx_int_t
ngx_http_test_ladder_init_process(ngx_cycle_t *cycle)
{
    if (test_conf.file.len != 0) {
        ngx_onair_ladder_provide(&test_ladder);
    }

    return NGX_OK;
}
