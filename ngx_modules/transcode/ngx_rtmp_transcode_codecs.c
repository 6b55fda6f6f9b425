
/*
 * The codecs of a ladder: on which device, what becomes of it when that fails,
 * and what they have made.
 */


#include "ngx_rtmp_transcode.h"


/* Seconds for which "auto" does not look for a card again. */
#define NGX_RTMP_TRANSCODE_NO_CARD  60


static void ngx_rtmp_transcode_fall_back(ngx_rtmp_transcode_ladder_t *ladder,
    const char *text);


static time_t  ngx_rtmp_transcode_no_card_since;


/* --- opening ----------------------------------------------------------- */


static ngx_int_t
ngx_rtmp_transcode_record(ngx_rtmp_transcode_record_t *record, oa_slice_t from)
{
    u_char  *p;

    p = malloc(from.size ? from.size : 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* a source without sound, or without a picture */
    if (from.size) {
        ngx_memcpy(p, from.data, from.size);
    }

    free(record->data);
    record->data = p;
    record->size = from.size;

    return NGX_OK;
}


/* Decoder configurations are kept, for codecs that are made anew. */
static ngx_int_t
ngx_rtmp_transcode_input(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks)
{
    oa_xcode_source_t  *input;

    if (ngx_rtmp_transcode_record(&ladder->video_record, tracks->video_record)
        != NGX_OK
        || ngx_rtmp_transcode_record(&ladder->audio_record,
                                     tracks->audio_record) != NGX_OK)
    {
        return NGX_ERROR;
    }

    input = &ladder->input;
    input->has_video = tracks->has_video;
    input->has_audio = tracks->has_audio;
    input->picture = tracks->picture;
    input->sound = tracks->sound;
    input->rate = tracks->rate;
    input->video_timescale = tracks->video_timescale;
    input->audio_timescale = tracks->audio_timescale;
    input->video_record = oa_slice(ladder->video_record.data,
                                   ladder->video_record.size);
    input->audio_record = oa_slice(ladder->audio_record.data,
                                   ladder->audio_record.size);

    return NGX_OK;
}


static void
ngx_rtmp_transcode_rung_describe(ngx_rtmp_transcode_rung_t *rung,
    oa_xcode_rung_t *to)
{
    ngx_rtmp_transcode_rendition_t  *conf;

    conf = rung->conf;
    ngx_memzero(to, sizeof(oa_xcode_rung_t));

    to->codec = conf->plan.codec;
    to->width = rung->plan.width;
    to->height = rung->plan.height;
    to->rate = rung->plan.rate;
    to->bitrate = conf->plan.bitrate;
    to->max_bitrate = conf->max_bitrate;
    to->buffer_bits = conf->buffer_bits;
    to->threads = (unsigned) conf->threads;
    ngx_memcpy(to->profile, conf->profile, sizeof(to->profile));
    ngx_memcpy(to->preset, conf->preset, sizeof(to->preset));
}


static oa_err_t
ngx_rtmp_transcode_codecs_make(ngx_rtmp_transcode_ladder_t *ladder,
    char text[OA_XCODE_TEXT_BYTES])
{
    oa_err_t            err;
    ngx_uint_t          i;
    oa_xcode_rung_t     rungs[OA_LADDER_RUNGS];
    oa_xcode_events_t   events;

    for (i = 0; i < ladder->nrungs; i++) {
        ngx_rtmp_transcode_rung_describe(&ladder->rungs[i], &rungs[i]);
    }

    events = ngx_rtmp_transcode_events(&ladder->work);
    text[0] = '\0';

    err = oa_xcode_create(&ladder->xcode, &ladder->input, rungs,
                          (unsigned) ladder->nrungs, ladder->device, &events,
                          text);
    if (err != OA_OK) {
        ladder->xcode = NULL;

        if (text[0] == '\0') {
            (void) ngx_snprintf((u_char *) text, OA_XCODE_TEXT_BYTES, "%s%Z",
                                oa_strerror(err));
        }
    }

    return err;
}


/* What was on goes on; a drill is a drill on each device. */
static void
ngx_rtmp_transcode_codecs_resume(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t                  i;
    ngx_rtmp_transcode_rung_t  *rung;

    for (i = 0; i < ladder->nrungs; i++) {
        rung = &ladder->rungs[i];

        if (ladder->conf->drill.len
            && ladder->conf->drill.len == ngx_strlen(rung->conf->plan.name)
            && ngx_strncmp(ladder->conf->drill.data, rung->conf->plan.name,
                           ladder->conf->drill.len) == 0)
        {
            oa_xcode_rung_slow(ladder->xcode, (unsigned) i,
                               (uint32_t) ladder->conf->drill_time * 1000);
        }

        if (rung->state == OA_LADDER_ON) {
            oa_xcode_rung_set(ladder->xcode, (unsigned) i, true);
        }
    }
}


/* The device that was asked for, or why there is another. */
static void
ngx_rtmp_transcode_codecs_begin(ngx_rtmp_transcode_ladder_t *ladder)
{
    char              text[OA_XCODE_TEXT_BYTES];
    oa_xcode_stats_t  stats;

    if (ngx_rtmp_transcode_codecs_make(ladder, text) != OA_OK) {
        ngx_rtmp_transcode_fall_back(ladder, text);
        return;
    }

    oa_xcode_stats(ladder->xcode, &stats);

    if (stats.device != ladder->device) {
        ngx_rtmp_transcode_codecs_close(ladder);
        ngx_rtmp_transcode_fall_back(ladder, stats.text);
        return;
    }

    ngx_rtmp_transcode_codecs_resume(ladder);
}


static void
ngx_rtmp_transcode_fall_back(ngx_rtmp_transcode_ladder_t *ladder,
    const char *text)
{
    ngx_uint_t  card, automatic, source_only, level;

    card = ladder->device != OA_XCODE_CPU;
    automatic = ladder->conf->device == NGX_RTMP_TRANSCODE_AUTO;
    source_only = !card || (!automatic && ladder->conf->source_only);

    /* "auto" says that a card may be missing */
    level = card && automatic && !ladder->begun ? NGX_LOG_INFO : NGX_LOG_WARN;

    if (ngx_rtmp_transcode_may_log(ladder)) {
        ngx_log_error(level, ladder->source.log, 0,
                      "transcode: channel \"%V\" session %s: %s failed, %s: "
                      "%s", &ladder->source.channel, ladder->id,
                      card ? "the card" : "the codecs",
                      source_only ? "source only" : "the CPU takes over",
                      text);
    }

    if (card && !ladder->begun) {
        ngx_rtmp_transcode_no_card_since = ngx_time();
    }

    ngx_rtmp_transcode_codecs_close(ladder);

    if (source_only) {
        ngx_rtmp_transcode_rungs_withdraw(ladder);
        return;
    }

    ladder->device = OA_XCODE_CPU;
    ngx_rtmp_transcode_codecs_begin(ladder);
}


static oa_xcode_device_t
ngx_rtmp_transcode_choose(ngx_rtmp_transcode_app_conf_t *tacf)
{
    switch (tacf->device) {

    case NGX_RTMP_TRANSCODE_CPU:
        return OA_XCODE_CPU;

    case NGX_RTMP_TRANSCODE_CUDA:
        return OA_XCODE_CUDA + (oa_xcode_device_t) tacf->card;

    default:
        return ngx_time() - ngx_rtmp_transcode_no_card_since
               < NGX_RTMP_TRANSCODE_NO_CARD ? OA_XCODE_CPU : OA_XCODE_CUDA;
    }
}


void
ngx_rtmp_transcode_codecs_open(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks)
{
    ladder->device = ngx_rtmp_transcode_choose(ladder->conf);
    ladder->begun = 0;

    if (ngx_rtmp_transcode_input(ladder, tracks) != NGX_OK) {
        ngx_rtmp_transcode_rungs_withdraw(ladder);
        return;
    }

    ngx_rtmp_transcode_codecs_begin(ladder);
}


/* What was counted is not lost with them. */
void
ngx_rtmp_transcode_codecs_close(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t  i;

    if (ladder->xcode == NULL) {
        return;
    }

    for (i = 0; i < ladder->nrungs; i++) {
        ngx_rtmp_transcode_rung_stats(&ladder->rungs[i],
                                      &ladder->rungs[i].before);
    }

    (void) oa_xcode_destroy(ladder->xcode);
    ladder->xcode = NULL;
    ladder->work.ready = 0;
}


void
ngx_rtmp_transcode_codecs_change(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks)
{
    char      text[OA_XCODE_TEXT_BYTES];
    oa_err_t  err;

    if (ladder->xcode == NULL) {
        return;
    }

    text[0] = '\0';
    err = OA_ENOMEM;

    if (ngx_rtmp_transcode_input(ladder, tracks) == NGX_OK) {
        err = oa_xcode_source(ladder->xcode, &ladder->input, text);
    }

    if (err == OA_OK) {
        return;
    }

    if (ngx_rtmp_transcode_may_log(ladder)) {
        ngx_log_error(NGX_LOG_WARN, ladder->source.log, 0,
                      "transcode: channel \"%V\" session %s: source only, the "
                      "ladder cannot follow a change of the source: %s",
                      &ladder->source.channel, ladder->id,
                      text[0] ? text : oa_strerror(err));
    }

    ngx_rtmp_transcode_codecs_close(ladder);
    ngx_rtmp_transcode_rungs_withdraw(ladder);
}


/* --- what they have made ----------------------------------------------- */


static void
ngx_rtmp_transcode_output(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_xcode_output_t *output)
{
    ngx_rtmp_transcode_rung_t  *rung;

    rung = &ladder->rungs[output->rung];

    switch (output->kind) {

    case OA_XCODE_CONFIG:
        ngx_rtmp_transcode_rung_config(rung, output);
        break;

    case OA_XCODE_FRAME:
        ladder->begun = 1;
        ngx_rtmp_transcode_rung_frame(rung, output);
        break;

    default:
        if (ladder->device != OA_XCODE_CPU) {
            ngx_rtmp_transcode_fall_back(ladder, output->text);

        } else {
            ngx_rtmp_transcode_rung_failed(rung, output->text);
        }
    }
}


void
ngx_rtmp_transcode_pull(void *data)
{
    oa_xcode_output_t             output;
    ngx_rtmp_transcode_ladder_t  *ladder = data;

    if (!ngx_rtmp_transcode_ready(&ladder->work)) {
        return;
    }

    /* it may be replaced on the way, and then begins anew */
    while (ladder->xcode && oa_xcode_pull(ladder->xcode, &output) == OA_OK) {
        ngx_rtmp_transcode_output(ladder, &output);
    }
}
