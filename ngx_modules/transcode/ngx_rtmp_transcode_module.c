
/*
 * ngx_rtmp_transcode_module: the quality ladder, made in the worker.
 */


#include "ngx_rtmp_transcode.h"


/* Of each core; a slot takes less than half of one, see README.md. */
#define NGX_RTMP_TRANSCODE_CORE_SLOTS  (OA_LADDER_SLOT * 3 / 2)
#define NGX_RTMP_TRANSCODE_MAX_SLOTS   10000
#define NGX_RTMP_TRANSCODE_THUMBNAILS  10000     /* ms from one to the next */


typedef struct {
    ngx_conf_post_handler_pt  post_handler;
    ngx_msec_t                low;
    ngx_msec_t                high;
    const char               *text;
} ngx_rtmp_transcode_bounds_t;


extern ngx_module_t  ngx_rtmp_module;


static char *ngx_rtmp_transcode_bounds(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_rtmp_transcode_device(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rtmp_transcode_slots(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rtmp_transcode_thumbnails(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rtmp_transcode_drill(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_rtmp_transcode_create_main_conf(ngx_conf_t *cf);
static void *ngx_rtmp_transcode_create_app_conf(ngx_conf_t *cf);
static char *ngx_rtmp_transcode_merge_app_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_rtmp_transcode_postconfiguration(ngx_conf_t *cf);
static ngx_rtmp_transcode_main_conf_t *ngx_rtmp_transcode_main(
    ngx_cycle_t *cycle);
static ngx_int_t ngx_rtmp_transcode_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_rtmp_transcode_init_process(ngx_cycle_t *cycle);


static ngx_rtmp_transcode_bounds_t  ngx_rtmp_transcode_idle_bounds = {
    ngx_rtmp_transcode_bounds, 1000, 3600000, "1s and 1h"
};


static ngx_conf_enum_t  ngx_rtmp_transcode_fallback[] = {
    { ngx_string("cpu"), 0 },
    { ngx_string("source"), 1 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_rtmp_transcode_commands[] = {

    { ngx_string("transcode"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_transcode_app_conf_t, enable),
      NULL },

    { ngx_string("transcode_rendition"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_1MORE,
      ngx_rtmp_transcode_rendition,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("transcode_device"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_rtmp_transcode_device,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("transcode_fallback"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_transcode_app_conf_t, source_only),
      ngx_rtmp_transcode_fallback },

    { ngx_string("transcode_pool"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_transcode_app_conf_t, pool_name),
      NULL },

    { ngx_string("transcode_slots"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_rtmp_transcode_slots,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("transcode_tiers"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_transcode_app_conf_t, tiers),
      NULL },

    { ngx_string("transcode_idle"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_transcode_app_conf_t, idle),
      &ngx_rtmp_transcode_idle_bounds },

    { ngx_string("transcode_thumbnails"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_rtmp_transcode_thumbnails,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("transcode_shed"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_transcode_app_conf_t, shed),
      NULL },

    { ngx_string("transcode_drill"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE2,
      ngx_rtmp_transcode_drill,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_rtmp_module_t  ngx_rtmp_transcode_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_rtmp_transcode_postconfiguration,  /* postconfiguration */
    ngx_rtmp_transcode_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */
    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */
    ngx_rtmp_transcode_create_app_conf,    /* create app configuration */
    ngx_rtmp_transcode_merge_app_conf      /* merge app configuration */
};


ngx_module_t  ngx_rtmp_transcode_module = {
    NGX_MODULE_V1,
    &ngx_rtmp_transcode_module_ctx,        /* module context */
    ngx_rtmp_transcode_commands,           /* module directives */
    NGX_RTMP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_rtmp_transcode_init_module,        /* init module */
    ngx_rtmp_transcode_init_process,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* --- directives -------------------------------------------------------- */


static char *
ngx_rtmp_transcode_bounds(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t                   *value = data;
    ngx_rtmp_transcode_bounds_t  *bounds = post;

    if (*value < bounds->low || *value > bounds->high) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value must be between %s", bounds->text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* auto, cpu, cuda, cuda:N */
static char *
ngx_rtmp_transcode_device(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                       card;
    ngx_str_t                      *value;
    ngx_rtmp_transcode_app_conf_t  *tacf = conf;

    (void) cmd;

    if (tacf->device != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    value++;
    tacf->card = 0;

    if (ngx_strcmp(value->data, "auto") == 0) {
        tacf->device = NGX_RTMP_TRANSCODE_AUTO;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "cpu") == 0) {
        tacf->device = NGX_RTMP_TRANSCODE_CPU;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "cuda", 4) != 0) {
        return "is \"auto\", \"cuda\", \"cuda:N\" or \"cpu\"";
    }

    tacf->device = NGX_RTMP_TRANSCODE_CUDA;

    if (value->len == 4) {
        return NGX_CONF_OK;
    }

    card = value->data[4] == ':' ? ngx_atoi(value->data + 5, value->len - 5)
                                 : NGX_ERROR;

    if (card == NGX_ERROR || card > 255) {
        return "names a card from \"cuda:0\" to \"cuda:255\"";
    }

    tacf->card = (ngx_uint_t) card;

    return NGX_CONF_OK;
}


static char *
ngx_rtmp_transcode_slots(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                       *value;
    ngx_rtmp_transcode_main_conf_t  *tmcf = conf;

    (void) cmd;

    if (tmcf->slots != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "auto") == 0) {
        tmcf->slots = ngx_ncpu * NGX_RTMP_TRANSCODE_CORE_SLOTS;
        return NGX_CONF_OK;
    }

    tmcf->slots = ngx_atofp(value[1].data, value[1].len, 3);

    if (tmcf->slots == NGX_ERROR
        || tmcf->slots > NGX_RTMP_TRANSCODE_MAX_SLOTS * OA_LADDER_SLOT)
    {
        return "is \"auto\" or a number up to 10000, such as 2.5";
    }

    return NGX_CONF_OK;
}


static char *
ngx_rtmp_transcode_thumbnails(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value;
    ngx_int_t                       interval;
    ngx_rtmp_transcode_app_conf_t  *tacf = conf;

    (void) cmd;

    if (tacf->thumbnails != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        tacf->thumbnails = 0;
        return NGX_CONF_OK;
    }

    interval = ngx_parse_time(&value[1], 0);

    if (interval == NGX_ERROR || interval < 1000 || interval > 3600000) {
        return "is \"off\" or a time between 1s and 1h";
    }

    tacf->thumbnails = (ngx_msec_t) interval;

    return NGX_CONF_OK;
}


static char *
ngx_rtmp_transcode_drill(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value;
    ngx_int_t                       time;
    ngx_rtmp_transcode_app_conf_t  *tacf = conf;

    (void) cmd;

    if (tacf->drill.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    time = ngx_parse_time(&value[2], 0);

    if (time == NGX_ERROR || time > 10000) {
        return "has a time of up to 10s";
    }

    tacf->drill = value[1];
    tacf->drill_time = (ngx_msec_t) time;

    return NGX_CONF_OK;
}


/* --- configuration ----------------------------------------------------- */


static void *
ngx_rtmp_transcode_create_main_conf(ngx_conf_t *cf)
{
    ngx_rtmp_transcode_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_rtmp_transcode_main_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->slots = NGX_CONF_UNSET;

    return conf;
}


static void *
ngx_rtmp_transcode_create_app_conf(ngx_conf_t *cf)
{
    ngx_rtmp_transcode_app_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_rtmp_transcode_app_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;
    conf->device = NGX_CONF_UNSET_UINT;
    conf->source_only = NGX_CONF_UNSET_UINT;
    conf->idle = NGX_CONF_UNSET_MSEC;
    conf->tiers = NGX_CONF_UNSET;
    conf->thumbnails = NGX_CONF_UNSET_MSEC;
    conf->shed = NGX_CONF_UNSET;

    return conf;
}


static void
ngx_rtmp_transcode_merge(ngx_rtmp_transcode_app_conf_t *prev,
    ngx_rtmp_transcode_app_conf_t *conf)
{
    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_uint_value(conf->source_only, prev->source_only, 0);
    ngx_conf_merge_str_value(conf->pool_name, prev->pool_name, "default");
    ngx_conf_merge_msec_value(conf->idle, prev->idle, 30000);
    ngx_conf_merge_value(conf->tiers, prev->tiers, 0);
    ngx_conf_merge_value(conf->shed, prev->shed, 1);

    if (conf->device == NGX_CONF_UNSET_UINT) {
        conf->card = prev->card;
    }

    ngx_conf_merge_uint_value(conf->device, prev->device,
                              NGX_RTMP_TRANSCODE_AUTO);

    if (conf->renditions == NULL) {
        conf->renditions = prev->renditions;
    }

    if (conf->thumbnails == NGX_CONF_UNSET_MSEC) {
        conf->thumbnails = prev->thumbnails;
    }

    if (conf->drill.data == NULL) {
        conf->drill = prev->drill;
        conf->drill_time = prev->drill_time;
    }
}


static char *
ngx_rtmp_transcode_merge_app_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_rtmp_core_app_conf_t        *cacf;
    ngx_rtmp_transcode_app_conf_t   *conf = child;
    ngx_rtmp_transcode_main_conf_t  *tmcf;

    ngx_rtmp_transcode_merge(parent, conf);

    /* only an application has publishers; settings above are inherited */
    cacf = ngx_rtmp_conf_get_module_app_conf(cf, ngx_rtmp_core_module);

    if (cacf->name.len == 0) {
        return NGX_CONF_OK;
    }

    if (conf->thumbnails == NGX_CONF_UNSET_MSEC) {
        conf->thumbnails = conf->enable ? NGX_RTMP_TRANSCODE_THUMBNAILS : 0;
    }

    if (!conf->enable && !conf->thumbnails) {
        return NGX_CONF_OK;
    }

    if (!ngx_onair_configured(cf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"transcode%s\" in application \"%V\" needs "
                           "\"onair_zone\", above the \"rtmp\" block",
                           conf->enable ? "" : "_thumbnails", &cacf->name);
        return NGX_CONF_ERROR;
    }

    conf->pool = ngx_thread_pool_add(cf, &conf->pool_name);
    if (conf->pool == NULL) {
        return NGX_CONF_ERROR;
    }

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    if (conf->renditions == NULL) {
        conf->renditions = ngx_rtmp_transcode_shipped(cf);
        if (conf->renditions == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    tmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_transcode_module);
    tmcf->used = 1;

    if (conf->device == NGX_RTMP_TRANSCODE_AUTO) {
        tmcf->auto_pool = conf->pool;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_rtmp_transcode_postconfiguration(ngx_conf_t *cf)
{
    ngx_rtmp_transcode_main_conf_t  *tmcf;

    tmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_transcode_module);

    ngx_conf_init_value(tmcf->slots,
                        ngx_ncpu * NGX_RTMP_TRANSCODE_CORE_SLOTS);

    return tmcf->used ? ngx_rtmp_transcode_slots_add(cf, tmcf) : NGX_OK;
}


/* --- a life ------------------------------------------------------------ */


/* NULL: no application has a ladder. */
static ngx_rtmp_transcode_main_conf_t *
ngx_rtmp_transcode_main(ngx_cycle_t *cycle)
{
    ngx_rtmp_conf_ctx_t             *ctx;
    ngx_rtmp_transcode_main_conf_t  *tmcf;

    ctx = (ngx_rtmp_conf_ctx_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_rtmp_module);
    if (ctx == NULL) {
        return NULL;
    }

    tmcf = ctx->main_conf[ngx_rtmp_transcode_module.ctx_index];

    return tmcf->used ? tmcf : NULL;
}


static ngx_int_t
ngx_rtmp_transcode_init_module(ngx_cycle_t *cycle)
{
    ngx_rtmp_transcode_main_conf_t  *tmcf;

    tmcf = ngx_rtmp_transcode_main(cycle);

    if (tmcf && !ngx_test_config) {
        ngx_rtmp_transcode_slots_set(tmcf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_transcode_init_process(ngx_cycle_t *cycle)
{
    ngx_rtmp_transcode_main_conf_t  *tmcf;

    if ((ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
        || ngx_onair_live() == NULL)
    {
        return NGX_OK;
    }

    tmcf = ngx_rtmp_transcode_main(cycle);

    if (tmcf) {
        if (ngx_rtmp_transcode_slots_attach(tmcf->zone, cycle->log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_rtmp_transcode_cluster_init(cycle);
    }

    ngx_rtmp_transcode_ladders_init();
    ngx_onair_ladder_provide(&ngx_rtmp_transcode_provided);

    if (tmcf && tmcf->auto_pool) {
        (void) ngx_rtmp_transcode_card(tmcf->auto_pool);
    }

    return ngx_onair_on_exit(ngx_rtmp_transcode_ladders_exit);
}
