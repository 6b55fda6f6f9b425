
/*
 * ngx_rtmp_publish_auth_module: who may publish.
 */


#include "ngx_rtmp_publish_auth.h"

#include "core/ngx_onair_ladder.h"


#define NGX_RTMP_PUBLISH_AUTH_ZONE_SIZE  (8 * 1024 * 1024)


extern ngx_module_t  ngx_rtmp_module;


static ngx_int_t ngx_rtmp_publish_auth_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_rtmp_publish_auth_order(ngx_conf_t *cf);
static ngx_int_t ngx_rtmp_publish_auth_publish(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_t *v);
static ngx_int_t ngx_rtmp_publish_auth_play(ngx_rtmp_session_t *s,
    ngx_rtmp_play_t *v);
static ngx_int_t ngx_rtmp_publish_auth_close_stream(ngx_rtmp_session_t *s,
    ngx_rtmp_close_stream_t *v);
static ngx_int_t ngx_rtmp_publish_auth_init_process(ngx_cycle_t *cycle);


static ngx_rtmp_publish_pt       next_publish;
static ngx_rtmp_play_pt          next_play;
static ngx_rtmp_close_stream_pt  next_close_stream;


static ngx_rtmp_module_t  ngx_rtmp_publish_auth_module_ctx = {
    NULL,                                     /* preconfiguration */
    ngx_rtmp_publish_auth_postconfiguration,  /* postconfiguration */
    ngx_rtmp_publish_auth_create_main_conf,   /* create main configuration */
    NULL,                                     /* init main configuration */
    NULL,                                     /* create server configuration */
    NULL,                                     /* merge server configuration */
    ngx_rtmp_publish_auth_create_app_conf,    /* create app configuration */
    ngx_rtmp_publish_auth_merge_app_conf      /* merge app configuration */
};


ngx_module_t  ngx_rtmp_publish_auth_module = {
    NGX_MODULE_V1,
    &ngx_rtmp_publish_auth_module_ctx,        /* module context */
    ngx_rtmp_publish_auth_commands,           /* module directives */
    NGX_RTMP_MODULE,                          /* module type */
    NULL,                                     /* init master */
    NULL,                                     /* init module */
    ngx_rtmp_publish_auth_init_process,       /* init process */
    NULL,                                     /* init thread */
    NULL,                                     /* exit thread */
    NULL,                                     /* exit process */
    NULL,                                     /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_rtmp_publish_auth_postconfiguration(ngx_conf_t *cf)
{
    ngx_rtmp_core_main_conf_t          *cmcf;
    ngx_rtmp_publish_auth_main_conf_t  *pamcf;

    pamcf = ngx_rtmp_conf_get_module_main_conf(cf,
                                               ngx_rtmp_publish_auth_module);
    ngx_conf_init_size_value(pamcf->zone_size,
                             NGX_RTMP_PUBLISH_AUTH_ZONE_SIZE);

    if (!pamcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);

    if (ngx_rtmp_publish_auth_order(cf) != NGX_OK
        || ngx_rtmp_publish_auth_zone_add(cf, pamcf) != NGX_OK
        || ngx_rtmp_publish_auth_command_init(cmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    next_publish = ngx_rtmp_publish;
    ngx_rtmp_publish = ngx_rtmp_publish_auth_publish;

    next_play = ngx_rtmp_play;
    ngx_rtmp_play = ngx_rtmp_publish_auth_play;

    next_close_stream = ngx_rtmp_close_stream;
    ngx_rtmp_close_stream = ngx_rtmp_publish_auth_close_stream;

    return NGX_OK;
}


/*
 * The hook that is registered last is called first; by name, since no module
 * knows another one.
 */
static ngx_int_t
ngx_rtmp_publish_auth_order(ngx_conf_t *cf)
{
    ngx_uint_t     i, guarded;
    ngx_module_t  *module;

    guarded = 0;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        if (module == &ngx_rtmp_publish_auth_module) {
            guarded = 1;

        } else if (guarded
                   && ngx_strcmp(module->name, "ngx_rtmp_ingest_module") == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "ngx_rtmp_publish_auth_module must be loaded "
                               "after ngx_rtmp_ingest_module: exchange their "
                               "\"load_module\" lines");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_rtmp_publish_auth_app_conf_t *
ngx_rtmp_publish_auth_guards(ngx_rtmp_session_t *s)
{
    ngx_rtmp_publish_auth_app_conf_t  *pacf;

    /* a relay is a connection that this nginx has opened itself */
    if (s->relay || s->app_conf == NULL) {
        return NULL;
    }

    pacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_publish_auth_module);

    return pacf && pacf->source != NGX_RTMP_PUBLISH_AUTH_OFF ? pacf : NULL;
}


ngx_rtmp_publish_auth_ctx_t *
ngx_rtmp_publish_auth_get(ngx_rtmp_session_t *s)
{
    return ngx_rtmp_get_module_ctx(s, ngx_rtmp_publish_auth_module);
}


/*
 * Only check.c lets through; who gets here in another way, such as by
 * nginx-rtmp's control module, was asked for no key of that name.
 */
static ngx_int_t
ngx_rtmp_publish_auth_publish(ngx_rtmp_session_t *s, ngx_rtmp_publish_t *v)
{
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    if (ngx_rtmp_publish_auth_guards(s)) {
        ctx = ngx_rtmp_publish_auth_get(s);

        if (ctx == NULL || !ctx->live
            || ngx_strcmp(v->name, ctx->publish.name) != 0)
        {
            ngx_log_error(NGX_LOG_WARN, s->connection->log, 0,
                          "publish_auth: a publish without a key, as by "
                          "\"rtmp_control\", is refused");
            return NGX_ERROR;
        }
    }

    return next_publish(s, v);
}


/* nginx-rtmp has one stream a connection: it is a publisher's or a player's. */
static ngx_int_t
ngx_rtmp_publish_auth_play(ngx_rtmp_session_t *s, ngx_rtmp_play_t *v)
{
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    ctx = ngx_rtmp_publish_auth_get(s);

    if (ctx && (ctx->checking || ctx->standby || ctx->live)) {
        (void) ngx_rtmp_send_status(s, "NetStream.Play.Failed", "error",
                                    "this connection publishes");
        return NGX_ERROR;
    }

    return next_play(s, v);
}


/* Also of sessions that never were admitted, and twice of others. */
static ngx_int_t
ngx_rtmp_publish_auth_close_stream(ngx_rtmp_session_t *s,
    ngx_rtmp_close_stream_t *v)
{
    ngx_int_t                     rc;
    ngx_rtmp_publish_auth_ctx_t  *ctx;

    ctx = ngx_rtmp_publish_auth_get(s);

    if (ctx) {
        ngx_rtmp_publish_auth_cancel(ctx);
    }

    rc = next_close_stream(s, v);

    if (ctx) {
        ngx_rtmp_publish_auth_leave(ctx);
    }

    return rc;
}


static ngx_int_t
ngx_rtmp_publish_auth_init_process(ngx_cycle_t *cycle)
{
    ngx_rtmp_conf_ctx_t                *ctx;
    ngx_rtmp_publish_auth_main_conf_t  *pamcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ctx = (ngx_rtmp_conf_ctx_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_rtmp_module);
    if (ctx == NULL) {
        return NGX_OK;
    }

    pamcf = ctx->main_conf[ngx_rtmp_publish_auth_module.ctx_index];
    if (pamcf->zone == NULL) {
        return NGX_OK;
    }

    if (ngx_rtmp_publish_auth_zone_attach(pamcf->zone, cycle->log) != NGX_OK
        || ngx_rtmp_publish_auth_turn_init(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_onair_tier_provide(ngx_rtmp_publish_auth_channel_tier);

    return ngx_rtmp_publish_auth_keeper_init(cycle, pamcf);
}
