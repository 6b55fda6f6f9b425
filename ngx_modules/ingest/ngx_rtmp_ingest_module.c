
/*
 * ngx_rtmp_ingest_module: publishers of nginx-rtmp into the live store.
 */


#include "ngx_rtmp_ingest.h"
#include <ngx_rtmp_live_module.h>


/* Parts and segments that a rendition can hold beside its window. */
#define NGX_RTMP_INGEST_SPARE_PARTS     24
#define NGX_RTMP_INGEST_SPARE_SEGMENTS  8

/* A playlist must show six target durations (rfc8216bis, 6.2.2). */
#define NGX_RTMP_INGEST_MIN_SEGMENTS    6


typedef struct {
    ngx_conf_post_handler_pt  post_handler;
    ngx_msec_t                low;
    ngx_msec_t                high;
    const char               *text;
} ngx_rtmp_ingest_msec_bounds_t;


typedef struct {
    ngx_conf_post_handler_pt  post_handler;
    size_t                    low;
    size_t                    high;
    const char               *text;
} ngx_rtmp_ingest_size_bounds_t;


static char *ngx_rtmp_ingest_msec_check(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_rtmp_ingest_size_check(ngx_conf_t *cf, void *post,
    void *data);
static void *ngx_rtmp_ingest_create_srv_conf(ngx_conf_t *cf);
static char *ngx_rtmp_ingest_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_rtmp_ingest_create_app_conf(ngx_conf_t *cf);
static char *ngx_rtmp_ingest_merge_app_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_rtmp_ingest_check_targets(ngx_conf_t *cf,
    ngx_rtmp_ingest_app_conf_t *conf);
static char *ngx_rtmp_ingest_check_application(ngx_conf_t *cf);
static ngx_int_t ngx_rtmp_ingest_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_rtmp_ingest_push(ngx_rtmp_core_main_conf_t *cmcf,
    ngx_uint_t type, ngx_rtmp_handler_pt handler);
static ngx_int_t ngx_rtmp_ingest_publish(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_t *v);
static ngx_int_t ngx_rtmp_ingest_close_stream(ngx_rtmp_session_t *s,
    ngx_rtmp_close_stream_t *v);
static ngx_int_t ngx_rtmp_ingest_init_process(ngx_cycle_t *cycle);
static void ngx_rtmp_ingest_exit_process(ngx_cycle_t *cycle);


static ngx_rtmp_publish_pt       next_publish;
static ngx_rtmp_close_stream_pt  next_close_stream;


static ngx_rtmp_ingest_msec_bounds_t  ngx_rtmp_ingest_grace_bounds = {
    ngx_rtmp_ingest_msec_check, 0, 3600000, "0 and 1h"
};

static ngx_rtmp_ingest_msec_bounds_t  ngx_rtmp_ingest_part_bounds = {
    ngx_rtmp_ingest_msec_check, 50, 2000, "50ms and 2s"
};

static ngx_rtmp_ingest_msec_bounds_t  ngx_rtmp_ingest_segment_bounds = {
    ngx_rtmp_ingest_msec_check, 500, 10000, "500ms and 10s"
};

static ngx_rtmp_ingest_msec_bounds_t  ngx_rtmp_ingest_window_bounds = {
    ngx_rtmp_ingest_msec_check, 3000, 600000, "3s and 10m"
};

static ngx_rtmp_ingest_size_bounds_t  ngx_rtmp_ingest_pending_bounds = {
    ngx_rtmp_ingest_size_check, 65536, 268435456, "64k and 256m"
};


static ngx_conf_num_bounds_t  ngx_rtmp_ingest_connections_bounds = {
    ngx_conf_check_num_bounds, 0, 1000000
};


static ngx_command_t  ngx_rtmp_ingest_commands[] = {

    { ngx_string("ingest"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_app_conf_t, enable),
      NULL },

    { ngx_string("ingest_grace"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_app_conf_t, grace),
      &ngx_rtmp_ingest_grace_bounds },

    { ngx_string("ingest_part_target"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_app_conf_t, part_target),
      &ngx_rtmp_ingest_part_bounds },

    { ngx_string("ingest_segment_target"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_app_conf_t, segment_target),
      &ngx_rtmp_ingest_segment_bounds },

    { ngx_string("ingest_window"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_app_conf_t, window),
      &ngx_rtmp_ingest_window_bounds },

    { ngx_string("ingest_drain"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_app_conf_t, drain),
      &ngx_rtmp_ingest_grace_bounds },

    { ngx_string("ingest_setup_timeout"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_SRV_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_srv_conf_t, setup_timeout),
      &ngx_rtmp_ingest_grace_bounds },

    { ngx_string("ingest_connections"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_RTMP_SRV_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_srv_conf_t, connections),
      &ngx_rtmp_ingest_connections_bounds },

    { ngx_string("ingest_max_pending"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_ingest_app_conf_t, max_pending),
      &ngx_rtmp_ingest_pending_bounds },

      ngx_null_command
};


static ngx_rtmp_module_t  ngx_rtmp_ingest_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_rtmp_ingest_postconfiguration,     /* postconfiguration */
    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */
    ngx_rtmp_ingest_create_srv_conf,       /* create server configuration */
    ngx_rtmp_ingest_merge_srv_conf,        /* merge server configuration */
    ngx_rtmp_ingest_create_app_conf,       /* create app configuration */
    ngx_rtmp_ingest_merge_app_conf         /* merge app configuration */
};


ngx_module_t  ngx_rtmp_ingest_module = {
    NGX_MODULE_V1,
    &ngx_rtmp_ingest_module_ctx,           /* module context */
    ngx_rtmp_ingest_commands,              /* module directives */
    NGX_RTMP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_rtmp_ingest_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_rtmp_ingest_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_rtmp_ingest_msec_check(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t                     *value = data;
    ngx_rtmp_ingest_msec_bounds_t  *bounds = post;

    if (*value < bounds->low || *value > bounds->high) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value must be between %s", bounds->text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_rtmp_ingest_size_check(ngx_conf_t *cf, void *post, void *data)
{
    size_t                         *value = data;
    ngx_rtmp_ingest_size_bounds_t  *bounds = post;

    if (*value < bounds->low || *value > bounds->high) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value must be between %s", bounds->text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_rtmp_ingest_create_srv_conf(ngx_conf_t *cf)
{
    ngx_rtmp_ingest_srv_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_rtmp_ingest_srv_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->setup_timeout = NGX_CONF_UNSET_MSEC;
    conf->connections = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_rtmp_ingest_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_rtmp_ingest_srv_conf_t  *prev = parent;
    ngx_rtmp_ingest_srv_conf_t  *conf = child;

    ngx_conf_merge_msec_value(conf->setup_timeout, prev->setup_timeout,
                              10000);
    ngx_conf_merge_value(conf->connections, prev->connections, 0);

    return NGX_CONF_OK;
}


static void *
ngx_rtmp_ingest_create_app_conf(ngx_conf_t *cf)
{
    ngx_rtmp_ingest_app_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_rtmp_ingest_app_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;
    conf->grace = NGX_CONF_UNSET_MSEC;
    conf->part_target = NGX_CONF_UNSET_MSEC;
    conf->segment_target = NGX_CONF_UNSET_MSEC;
    conf->window = NGX_CONF_UNSET_MSEC;
    conf->max_pending = NGX_CONF_UNSET_SIZE;
    conf->drain = NGX_CONF_UNSET_MSEC;

    return conf;
}


static char *
ngx_rtmp_ingest_merge_app_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_rtmp_ingest_app_conf_t  *prev = parent;
    ngx_rtmp_ingest_app_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_msec_value(conf->grace, prev->grace, 30000);
    ngx_conf_merge_msec_value(conf->part_target, prev->part_target, 200);
    ngx_conf_merge_msec_value(conf->segment_target, prev->segment_target,
                              2000);
    ngx_conf_merge_msec_value(conf->window, prev->window, 60000);
    ngx_conf_merge_size_value(conf->max_pending, prev->max_pending,
                              16 * 1024 * 1024);
    ngx_conf_merge_msec_value(conf->drain, prev->drain, 30000);

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    if (ngx_rtmp_ingest_check_application(cf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_rtmp_ingest_check_targets(cf, conf);
}


static char *
ngx_rtmp_ingest_check_targets(ngx_conf_t *cf, ngx_rtmp_ingest_app_conf_t *conf)
{
    ngx_msec_t   target;
    const char  *reason;

    /* EXT-X-TARGETDURATION, which segments and the window are kept by */
    target = (conf->segment_target + 999) / 1000 * 1000;

    if (conf->segment_target < 2 * conf->part_target) {
        reason = "\"ingest_segment_target\" must be at least twice "
                 "\"ingest_part_target\"";

    } else if (conf->window < NGX_RTMP_INGEST_MIN_SEGMENTS * target) {
        reason = "\"ingest_window\" must be at least six times "
                 "\"ingest_segment_target\", in whole seconds";

    } else if (conf->window / conf->segment_target
               > OA_LIVE_SEGMENTS - NGX_RTMP_INGEST_SPARE_SEGMENTS)
    {
        reason = "\"ingest_window\" holds more than 120 segments";

    } else if ((conf->window + 3 * target) / conf->part_target
               > OA_LIVE_PARTS - NGX_RTMP_INGEST_SPARE_PARTS)
    {
        reason = "\"ingest_window\" holds more than 1000 parts";

    } else {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, reason);

    return NGX_CONF_ERROR;
}


/* Only an application can publish; a server's own settings are inherited. */
static char *
ngx_rtmp_ingest_check_application(ngx_conf_t *cf)
{
    ngx_rtmp_core_app_conf_t  *cacf;
    ngx_rtmp_live_app_conf_t  *lacf;

    cacf = ngx_rtmp_conf_get_module_app_conf(cf, ngx_rtmp_core_module);

    if (cacf->name.len == 0) {
        return NGX_CONF_OK;
    }

    lacf = ngx_rtmp_conf_get_module_app_conf(cf, ngx_rtmp_live_module);

    if (!lacf->live) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ingest\" needs \"live on\" in "
                           "application \"%V\"", &cacf->name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_onair_configured(cf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ingest\" in application \"%V\" needs "
                           "\"onair_zone\", above the \"rtmp\" block",
                           &cacf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_rtmp_ingest_postconfiguration(ngx_conf_t *cf)
{
    ngx_rtmp_core_main_conf_t  *cmcf;

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);

    if (ngx_rtmp_ingest_guard_init(cmcf) != NGX_OK
        || ngx_rtmp_ingest_client_init(cf) != NGX_OK
        || ngx_rtmp_ingest_push(cmcf, NGX_RTMP_MSG_AUDIO,
                                ngx_rtmp_ingest_media) != NGX_OK
        || ngx_rtmp_ingest_push(cmcf, NGX_RTMP_MSG_VIDEO,
                                ngx_rtmp_ingest_media) != NGX_OK
        || ngx_rtmp_ingest_push(cmcf, NGX_RTMP_MSG_AMF_META,
                                ngx_rtmp_ingest_metadata) != NGX_OK
        || ngx_rtmp_ingest_push(cmcf, NGX_RTMP_MSG_AMF3_META,
                                ngx_rtmp_ingest_metadata) != NGX_OK)
    {
        return NGX_ERROR;
    }

    next_publish = ngx_rtmp_publish;
    ngx_rtmp_publish = ngx_rtmp_ingest_publish;

    next_close_stream = ngx_rtmp_close_stream;
    ngx_rtmp_close_stream = ngx_rtmp_ingest_close_stream;

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_ingest_push(ngx_rtmp_core_main_conf_t *cmcf, ngx_uint_t type,
    ngx_rtmp_handler_pt handler)
{
    ngx_rtmp_handler_pt  *h;

    h = ngx_array_push(&cmcf->events[type]);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_ingest_publish(ngx_rtmp_session_t *s, ngx_rtmp_publish_t *v)
{
    ngx_rtmp_ingest_app_conf_t  *iacf;

    /* copies that nginx-rtmp makes between workers and servers are no source */
    if (s->auto_pushed || s->relay) {
        return next_publish(s, v);
    }

    iacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_ingest_module);

    if (iacf == NULL || !iacf->enable) {
        return next_publish(s, v);
    }

    if (ngx_rtmp_ingest_publisher_open(s, iacf, v->name) != NGX_OK) {
        return NGX_ERROR;
    }

    return next_publish(s, v);
}


static ngx_int_t
ngx_rtmp_ingest_close_stream(ngx_rtmp_session_t *s, ngx_rtmp_close_stream_t *v)
{
    ngx_rtmp_ingest_unpublish(s);

    return next_close_stream(s, v);
}


static ngx_int_t
ngx_rtmp_ingest_init_process(ngx_cycle_t *cycle)
{
    ngx_rtmp_ingest_clients_init();
    ngx_rtmp_ingest_publishers_init();

    return NGX_OK;
}


static void
ngx_rtmp_ingest_exit_process(ngx_cycle_t *cycle)
{
    ngx_rtmp_ingest_publishers_close();
}
