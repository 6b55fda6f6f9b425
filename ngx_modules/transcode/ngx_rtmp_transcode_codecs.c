
/*
 * The codecs of a ladder: on which device, what becomes of it when that fails,
 * and what they have made.
 */


#include "ngx_rtmp_transcode.h"


/* How long a ladder waits to know whether there is a card. */
#define NGX_RTMP_TRANSCODE_WAIT_MS  5000


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


/* A drill is a drill on each device. */
static void
ngx_rtmp_transcode_codecs_drill(ngx_rtmp_transcode_ladder_t *ladder,
    oa_xcode_t *xcode)
{
    ngx_str_t   *drill;
    ngx_uint_t   i;
    const char  *name;

    drill = &ladder->conf->drill;

    for (i = 0; drill->len && i < ladder->nrungs; i++) {
        name = ngx_rtmp_transcode_rung_name(&ladder->rungs[i]);

        if (drill->len == ngx_strlen(name)
            && ngx_strncmp(drill->data, name, drill->len) == 0)
        {
            oa_xcode_rung_slow(xcode, (unsigned) i,
                               (uint32_t) ladder->conf->drill_time * 1000);
        }
    }
}


oa_err_t
ngx_rtmp_transcode_codecs_make(ngx_rtmp_transcode_ladder_t *ladder,
    ngx_rtmp_transcode_maker_t maker, char text[OA_XCODE_TEXT_BYTES])
{
    oa_err_t            err;
    ngx_uint_t          i;
    oa_xcode_t         *xcode;
    oa_xcode_rung_t     rungs[OA_LADDER_RUNGS];
    oa_xcode_device_t   device;
    oa_xcode_events_t   events;

    if (ladder->xcode[maker]) {
        return OA_OK;
    }

    for (i = 0; i < ladder->nrungs; i++) {
        ngx_rtmp_transcode_rung_describe(&ladder->rungs[i], &rungs[i]);
    }

    device = maker == NGX_RTMP_TRANSCODE_ON_CPU
             ? OA_XCODE_CPU
             : OA_XCODE_CUDA + (oa_xcode_device_t) ladder->conf->card;

    events = ngx_rtmp_transcode_events(&ladder->work);
    text[0] = '\0';

    err = oa_xcode_create(&xcode, &ladder->input, rungs,
                          (unsigned) ladder->nrungs, device, &events, text);

    if (err == OA_OK) {
        ladder->xcode[maker] = xcode;
        ngx_rtmp_transcode_codecs_drill(ladder, xcode);

    } else if (text[0] == '\0') {
        (void) ngx_snprintf((u_char *) text, OA_XCODE_TEXT_BYTES, "%s%Z",
                            oa_strerror(err));
    }

    return err;
}


static void
ngx_rtmp_transcode_source_only(ngx_rtmp_transcode_ladder_t *ladder,
    const char *text)
{
    if (ngx_rtmp_transcode_may_log(ladder)) {
        ngx_log_error(NGX_LOG_WARN, ladder->source.log, 0,
                      "transcode: channel \"%V\" session %s: source only: %s",
                      &ladder->source.channel, ladder->id, text);
    }

    ngx_rtmp_transcode_rungs_withdraw(ladder);
    ngx_rtmp_transcode_codecs_close(ladder);
}


/* It makes all rungs, for a beginning. */
static void
ngx_rtmp_transcode_codecs_begin(ngx_rtmp_transcode_ladder_t *ladder,
    ngx_rtmp_transcode_maker_t maker)
{
    char        text[OA_XCODE_TEXT_BYTES];
    ngx_uint_t  i;

    ladder->waits_ms = 0;

    for (i = 0; i < ladder->nrungs; i++) {
        ladder->rungs[i].maker = maker;
    }

    /* what has to do with a card comes later: this is the source, or memory */
    if (ngx_rtmp_transcode_codecs_make(ladder, maker, text) != OA_OK) {
        ngx_rtmp_transcode_source_only(ladder, text);
    }
}


void
ngx_rtmp_transcode_codecs_open(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks)
{
    if (ngx_rtmp_transcode_input(ladder, tracks) != NGX_OK) {
        ngx_rtmp_transcode_source_only(ladder, oa_strerror(OA_ENOMEM));
        return;
    }

    switch (ladder->conf->device) {

    case NGX_RTMP_TRANSCODE_CPU:
        ngx_rtmp_transcode_codecs_begin(ladder, NGX_RTMP_TRANSCODE_ON_CPU);
        break;

    case NGX_RTMP_TRANSCODE_CUDA:
        ngx_rtmp_transcode_codecs_begin(ladder, NGX_RTMP_TRANSCODE_ON_CARD);
        break;

    default:
        ladder->waits_ms = ngx_onair_now_ms();
        ngx_rtmp_transcode_codecs_wait(ladder);
    }
}


void
ngx_rtmp_transcode_codecs_wait(ngx_rtmp_transcode_ladder_t *ladder)
{
    if (ladder->waits_ms == 0) {
        return;
    }

    switch (ngx_rtmp_transcode_card(ladder->conf->pool)) {

    case NGX_RTMP_TRANSCODE_CARD_THERE:
        ngx_rtmp_transcode_codecs_begin(ladder, NGX_RTMP_TRANSCODE_ON_CARD);
        break;

    case NGX_RTMP_TRANSCODE_CARD_NONE:
        ngx_rtmp_transcode_codecs_begin(ladder, NGX_RTMP_TRANSCODE_ON_CPU);
        break;

    default:
        if (ngx_onair_now_ms() - ladder->waits_ms
            >= NGX_RTMP_TRANSCODE_WAIT_MS)
        {
            ngx_rtmp_transcode_codecs_begin(ladder, NGX_RTMP_TRANSCODE_ON_CPU);
        }
    }
}


ngx_uint_t
ngx_rtmp_transcode_codecs_there(ngx_rtmp_transcode_ladder_t *ladder)
{
    return ladder->xcode[NGX_RTMP_TRANSCODE_ON_CPU] != NULL
           || ladder->xcode[NGX_RTMP_TRANSCODE_ON_CARD] != NULL;
}


void
ngx_rtmp_transcode_codecs_close(ngx_rtmp_transcode_ladder_t *ladder)
{
    ngx_uint_t  maker;

    for (maker = 0; maker < NGX_RTMP_TRANSCODE_MAKERS; maker++) {
        if (ladder->xcode[maker]) {
            (void) oa_xcode_destroy(ladder->xcode[maker]);
            ladder->xcode[maker] = NULL;
        }
    }

    ladder->waits_ms = 0;
    ladder->work.ready = 0;
}


void
ngx_rtmp_transcode_codecs_change(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks)
{
    char        text[OA_XCODE_TEXT_BYTES];
    oa_err_t    err;
    ngx_uint_t  maker;

    if (!ngx_rtmp_transcode_codecs_there(ladder) && ladder->waits_ms == 0) {
        return;
    }

    text[0] = '\0';
    err = ngx_rtmp_transcode_input(ladder, tracks) == NGX_OK ? OA_OK
                                                             : OA_ENOMEM;

    for (maker = 0; maker < NGX_RTMP_TRANSCODE_MAKERS; maker++) {
        if (err == OA_OK && ladder->xcode[maker]) {
            err = oa_xcode_source(ladder->xcode[maker], &ladder->input, text);
        }
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

    ngx_rtmp_transcode_rungs_withdraw(ladder);
    ngx_rtmp_transcode_codecs_close(ladder);
}


/* A rung that is on begins with the next keyframe. */
void
ngx_rtmp_transcode_rung_move(ngx_rtmp_transcode_rung_t *rung,
    ngx_rtmp_transcode_maker_t maker)
{
    rung->maker = maker;
    rung->ladder->reported_ms = 0;

    if (rung->configs[maker].record.data) {
        ngx_rtmp_transcode_rung_config(rung);
    }
}


/* --- what they have made ----------------------------------------------- */


static ngx_int_t
ngx_rtmp_transcode_config(ngx_rtmp_transcode_config_t *config,
    const oa_xcode_output_t *output)
{
    config->picture = output->picture;
    config->sound = output->sound;

    return ngx_rtmp_transcode_record(&config->record, output->data);
}


static void
ngx_rtmp_transcode_failed(ngx_rtmp_transcode_rung_t *rung, const char *text)
{
    if (rung->maker == NGX_RTMP_TRANSCODE_ON_CARD) {
        ngx_rtmp_transcode_card_failed(rung, text);

    } else {
        ngx_rtmp_transcode_rung_failed(rung, text);
    }
}


static void
ngx_rtmp_transcode_output(ngx_rtmp_transcode_ladder_t *ladder,
    ngx_rtmp_transcode_maker_t maker, const oa_xcode_output_t *output)
{
    ngx_uint_t                  kept;
    ngx_rtmp_transcode_rung_t  *rung;

    rung = &ladder->rungs[output->rung];
    kept = output->kind != OA_XCODE_CONFIG
           || ngx_rtmp_transcode_config(&rung->configs[maker], output)
              == NGX_OK;

    /* of one that makes other rungs */
    if (maker != rung->maker) {
        return;
    }

    if (!kept) {
        ngx_rtmp_transcode_rung_failed(rung, oa_strerror(OA_ENOMEM));
        return;
    }

    switch (output->kind) {

    case OA_XCODE_CONFIG:
        ngx_rtmp_transcode_rung_config(rung);
        break;

    case OA_XCODE_FRAME:
        ngx_rtmp_transcode_rung_frame(rung, output);
        break;

    default:
        ngx_rtmp_transcode_failed(rung, output->text);
    }
}


void
ngx_rtmp_transcode_pull(void *data)
{
    ngx_uint_t                    maker;
    oa_xcode_output_t             output;
    ngx_rtmp_transcode_ladder_t  *ladder = data;

    if (!ngx_rtmp_transcode_ready(&ladder->work)) {
        return;
    }

    for (maker = 0; maker < NGX_RTMP_TRANSCODE_MAKERS; maker++) {
        while (ladder->xcode[maker]
               && oa_xcode_pull(ladder->xcode[maker], &output) == OA_OK)
        {
            ngx_rtmp_transcode_output(ladder, maker, &output);
        }
    }
}
