
/*
 * A card: whether there is one, which a thread finds out, since a driver may
 * take seconds to say so; and what becomes of rungs when it fails.
 */


#include "ngx_rtmp_transcode.h"


/* When one that was not there, or failed, is looked for again. */
#define NGX_RTMP_TRANSCODE_LOOK_MS   60000

/* When a rung that the CPU took over is tried on the card again. */
#define NGX_RTMP_TRANSCODE_AGAIN_MS  600000


typedef struct {
    ngx_thread_task_t           task;
    ngx_uint_t                  asked;       /* a thread is about it */
    int64_t                     looked_ms;
    ngx_rtmp_transcode_card_t   card;

    /* the thread's, while asked */
    ngx_uint_t                  ran;
    oa_err_t                    err;
    char                        text[OA_XCODE_TEXT_BYTES];
} ngx_rtmp_transcode_look_t;


static void ngx_rtmp_transcode_look_handler(void *data, ngx_log_t *log);
static void ngx_rtmp_transcode_look_done(ngx_event_t *ev);


/* Of this worker. */
static ngx_rtmp_transcode_look_t  ngx_rtmp_transcode_looked;


/* --- is there one? ----------------------------------------------------- */


static void
ngx_rtmp_transcode_look(ngx_thread_pool_t *pool)
{
    ngx_rtmp_transcode_look_t  *look;

    look = &ngx_rtmp_transcode_looked;

    if (look->asked
        || (look->card != NGX_RTMP_TRANSCODE_CARD_UNKNOWN
            && ngx_onair_now_ms() - look->looked_ms
               < NGX_RTMP_TRANSCODE_LOOK_MS))
    {
        return;
    }

    ngx_memzero(&look->task, sizeof(look->task));
    look->task.ctx = look;
    look->task.handler = ngx_rtmp_transcode_look_handler;
    look->task.event.handler = ngx_rtmp_transcode_look_done;
    look->task.event.data = look;
    look->ran = 0;
    look->text[0] = '\0';

    look->asked = ngx_thread_task_post(pool, &look->task) == NGX_OK;
}


/* In a thread. */
static void
ngx_rtmp_transcode_look_handler(void *data, ngx_log_t *log)
{
    ngx_rtmp_transcode_look_t  *look = data;

    (void) log;

    /* nobody waits for it any more */
    if (ngx_terminate) {
        return;
    }

    look->err = oa_xcode_device_probe(OA_XCODE_CUDA, look->text);
    look->ran = 1;
}


/* On the event loop. */
static void
ngx_rtmp_transcode_look_done(ngx_event_t *ev)
{
    ngx_rtmp_transcode_card_t   card;
    ngx_rtmp_transcode_look_t  *look = ev->data;

    look->asked = 0;

    if (!look->ran) {
        return;
    }

    card = look->err == OA_OK ? NGX_RTMP_TRANSCODE_CARD_THERE
                              : NGX_RTMP_TRANSCODE_CARD_NONE;
    look->looked_ms = ngx_onair_now_ms();

    if (card == look->card) {
        return;
    }

    look->card = card;

    if (card == NGX_RTMP_TRANSCODE_CARD_THERE) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "transcode: \"auto\" is the card");

    } else {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "transcode: \"auto\" is the CPU: %s", look->text);
    }
}


ngx_rtmp_transcode_card_t
ngx_rtmp_transcode_card(ngx_thread_pool_t *pool)
{
    if (ngx_rtmp_transcode_looked.card != NGX_RTMP_TRANSCODE_CARD_THERE) {
        ngx_rtmp_transcode_look(pool);
    }

    return ngx_rtmp_transcode_looked.card;
}


/* --- when it fails ----------------------------------------------------- */


static void
ngx_rtmp_transcode_take_over(ngx_rtmp_transcode_rung_t *rung,
    const char *text)
{
    ngx_rtmp_transcode_ladder_t  *ladder;

    ladder = rung->ladder;

    if (ngx_rtmp_transcode_may_log(ladder)) {
        ngx_log_error(NGX_LOG_WARN, ladder->source.log, 0,
                      "transcode: channel \"%V\" session %s: rung %s: the "
                      "card failed, the CPU takes over: %s",
                      &ladder->source.channel, ladder->id,
                      ngx_rtmp_transcode_rung_name(rung), text);
    }

    rung->card_failed_ms = ngx_onair_now_ms();
    ngx_rtmp_transcode_rung_move(rung, NGX_RTMP_TRANSCODE_ON_CPU);

    if (rung->state != OA_LADDER_ON) {
        return;
    }

    oa_xcode_rung_set(ladder->xcode[NGX_RTMP_TRANSCODE_ON_CPU],
                      (unsigned) rung->index, true);
    ngx_rtmp_transcode_measure(ladder);
    oa_ladder_watch_begins(&ladder->watch, (unsigned) rung->index,
                           &ladder->facts[rung->index], rung->card_failed_ms);
}


void
ngx_rtmp_transcode_card_failed(ngx_rtmp_transcode_rung_t *rung,
    const char *text)
{
    char                            why[OA_XCODE_TEXT_BYTES];
    ngx_rtmp_transcode_app_conf_t  *tacf;

    tacf = rung->ladder->conf;

    if (tacf->device == NGX_RTMP_TRANSCODE_AUTO) {

        /* who comes next is to know */
        ngx_rtmp_transcode_look(tacf->pool);

    } else if (tacf->source_only) {
        ngx_rtmp_transcode_rung_failed(rung, text);
        return;
    }

    if (ngx_rtmp_transcode_codecs_make(rung->ladder,
                                       NGX_RTMP_TRANSCODE_ON_CPU, why)
        != OA_OK)
    {
        ngx_rtmp_transcode_rung_failed(rung, why);
        return;
    }

    ngx_rtmp_transcode_take_over(rung, text);
}


void
ngx_rtmp_transcode_card_again(ngx_rtmp_transcode_rung_t *rung)
{
    if (rung->maker == NGX_RTMP_TRANSCODE_ON_CPU && rung->card_failed_ms
        && ngx_onair_now_ms() - rung->card_failed_ms
           >= NGX_RTMP_TRANSCODE_AGAIN_MS)
    {
        ngx_rtmp_transcode_rung_move(rung, NGX_RTMP_TRANSCODE_ON_CARD);
    }
}
