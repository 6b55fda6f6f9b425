
/* Directives, and what a worker does when it starts. */


#include "llhls/ngx_http_llhls.h"


#define NGX_HTTP_LLHLS_CACHE_SIZE  (64 * 1024 * 1024)
#define NGX_HTTP_LLHLS_EXPIRE_MS   5000


static void *ngx_http_llhls_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_llhls_init_main_conf(ngx_conf_t *cf, void *conf);
static char *ngx_http_llhls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_llhls_init_process(ngx_cycle_t *cycle);

/* ngx_http_llhls_request.c */
ngx_int_t ngx_http_llhls_handler(ngx_http_request_t *r);


static ngx_command_t  ngx_http_llhls_commands[] = {

    { ngx_string("llhls"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_llhls,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("llhls_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_llhls_main_conf_t, cache_size),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_llhls_module_ctx = {
    NULL,                              /* preconfiguration */
    NULL,                              /* postconfiguration */

    ngx_http_llhls_create_main_conf,   /* create main configuration */
    ngx_http_llhls_init_main_conf,     /* init main configuration */

    NULL,                              /* create server configuration */
    NULL,                              /* merge server configuration */

    NULL,                              /* create location configuration */
    NULL                               /* merge location configuration */
};


ngx_module_t  ngx_http_llhls_module = {
    NGX_MODULE_V1,
    &ngx_http_llhls_module_ctx,        /* module context */
    ngx_http_llhls_commands,           /* module directives */
    NGX_HTTP_MODULE,                   /* module type */
    NULL,                              /* init master */
    NULL,                              /* init module */
    ngx_http_llhls_init_process,       /* init process */
    NULL,                              /* init thread */
    NULL,                              /* exit thread */
    NULL,                              /* exit process */
    NULL,                              /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_llhls_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_llhls_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_llhls_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    lmcf->cache_size = NGX_CONF_UNSET_SIZE;

    return lmcf;
}


static char *
ngx_http_llhls_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_llhls_main_conf_t  *lmcf = conf;

    ngx_conf_init_size_value(lmcf->cache_size, NGX_HTTP_LLHLS_CACHE_SIZE);

    return NGX_CONF_OK;
}


static char *
ngx_http_llhls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_llhls_handler) {
        return "is duplicate";
    }

    if (!ngx_onair_configured(cf)) {
        return "needs \"onair_zone\" before the \"http\" block";
    }

    /* the part of a URI behind the location's name is what is asked for */
    if (clcf->named || clcf->exact_match || clcf->noname
#if (NGX_PCRE)
        || clcf->regex
#endif
       )
    {
        return "needs a location that is a plain prefix";
    }

    clcf->handler = ngx_http_llhls_handler;

    return NGX_CONF_OK;
}


static void
ngx_http_llhls_expire(ngx_event_t *ev)
{
    ngx_http_llhls_cache_expire();
    ngx_http_llhls_renditions_expire();
    ngx_http_llhls_multivariant_expire();

    ngx_add_timer(ev, NGX_HTTP_LLHLS_EXPIRE_MS);
}


static void
ngx_http_llhls_expire_start(ngx_cycle_t *cycle)
{
    static ngx_event_t       timer;
    static ngx_connection_t  dummy;

    dummy.fd = (ngx_socket_t) -1;

    timer.handler = ngx_http_llhls_expire;
    timer.data = &dummy;
    timer.log = cycle->log;
    timer.cancelable = 1;

    ngx_add_timer(&timer, NGX_HTTP_LLHLS_EXPIRE_MS);
}


static ngx_int_t
ngx_http_llhls_init_process(ngx_cycle_t *cycle)
{
    ngx_http_llhls_main_conf_t  *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_llhls_module);

    if (lmcf == NULL || ngx_onair_live() == NULL) {
        return NGX_OK;
    }

    if (ngx_http_llhls_cache_init(cycle, lmcf->cache_size) != NGX_OK
        || ngx_http_llhls_renditions_init(cycle) != NGX_OK
        || ngx_http_llhls_multivariant_init(cycle) != NGX_OK
        || ngx_onair_on_topic(ngx_http_llhls_wake) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_llhls_waits_init(cycle);
    ngx_http_llhls_expire_start(cycle);

    return NGX_OK;
}
