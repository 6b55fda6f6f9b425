
/*
 * Directives, and what has to fit together.
 */


#include "ngx_rtmp_publish_auth.h"


#define NGX_RTMP_PUBLISH_AUTH_PEPPER_MAX  256


typedef struct {
    ngx_conf_post_handler_pt  post_handler;
    ngx_msec_t                low;
    ngx_msec_t                high;
    const char               *text;
} ngx_rtmp_publish_auth_bounds_t;


static char *ngx_rtmp_publish_auth_bounds(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_rtmp_publish_auth_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rtmp_publish_auth_pepper(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rtmp_publish_auth_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_rtmp_publish_auth_attempts(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_rtmp_publish_auth_check(ngx_conf_t *cf,
    ngx_rtmp_publish_auth_app_conf_t *conf);


static ngx_rtmp_publish_auth_bounds_t  ngx_rtmp_publish_auth_timeout_bounds = {
    ngx_rtmp_publish_auth_bounds, 100, 30000, "100ms and 30s"
};

static ngx_rtmp_publish_auth_bounds_t  ngx_rtmp_publish_auth_stall_bounds = {
    ngx_rtmp_publish_auth_bounds, 500, 60000, "500ms and 1m"
};


static ngx_conf_enum_t  ngx_rtmp_publish_auth_already_live[] = {
    { ngx_string("refuse"), 0 },
    { ngx_string("takeover"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_rtmp_publish_auth_callback_down[] = {
    { ngx_string("refuse"), 0 },
    { ngx_string("allow"), 1 },
    { ngx_null_string, 0 }
};


ngx_command_t  ngx_rtmp_publish_auth_commands[] = {

    { ngx_string("publish_auth"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_rtmp_publish_auth_source,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("publish_auth_pepper"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_rtmp_publish_auth_pepper,
      NGX_RTMP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("publish_auth_zone"),
      NGX_RTMP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_RTMP_MAIN_CONF_OFFSET,
      offsetof(ngx_rtmp_publish_auth_main_conf_t, zone_size),
      NULL },

    { ngx_string("publish_auth_timeout"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_publish_auth_app_conf_t, timeout),
      &ngx_rtmp_publish_auth_timeout_bounds },

    { ngx_string("publish_auth_cache"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE12,
      ngx_rtmp_publish_auth_cache,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("publish_auth_attempts"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_1MORE,
      ngx_rtmp_publish_auth_attempts,
      NGX_RTMP_APP_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("publish_auth_already_live"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_publish_auth_app_conf_t, takeover),
      ngx_rtmp_publish_auth_already_live },

    { ngx_string("publish_auth_stall"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_publish_auth_app_conf_t, stall),
      &ngx_rtmp_publish_auth_stall_bounds },

    { ngx_string("publish_auth_callback_down"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_publish_auth_app_conf_t, when_down),
      ngx_rtmp_publish_auth_callback_down },

    { ngx_string("publish_auth_recheck"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_publish_auth_app_conf_t, recheck),
      NULL },

      ngx_null_command
};


void *
ngx_rtmp_publish_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_rtmp_publish_auth_main_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(*conf));

    if (conf) {
        conf->zone_size = NGX_CONF_UNSET_SIZE;
    }

    return conf;
}


void *
ngx_rtmp_publish_auth_create_app_conf(ngx_conf_t *cf)
{
    ngx_rtmp_publish_auth_app_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(*conf));
    if (conf == NULL) {
        return NULL;
    }

    conf->source = NGX_CONF_UNSET_UINT;
    conf->callback = NGX_CONF_UNSET_PTR;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->when_down = NGX_CONF_UNSET_UINT;
    conf->recheck = NGX_CONF_UNSET_MSEC;
    conf->cache = NGX_CONF_UNSET_MSEC;
    conf->stale = NGX_CONF_UNSET_MSEC;
    conf->attempts.limit = NGX_RTMP_PUBLISH_AUTH_UNSET;
    conf->takeover = NGX_CONF_UNSET_UINT;
    conf->stall = NGX_CONF_UNSET_MSEC;

    return conf;
}


char *
ngx_rtmp_publish_auth_merge_app_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_rtmp_publish_auth_app_conf_t  *prev = parent;
    ngx_rtmp_publish_auth_app_conf_t  *conf = child;

    static const oa_attempts_conf_t  attempts = { 10, 60000, 10000, 3600000 };

    ngx_conf_merge_uint_value(conf->source, prev->source,
                              NGX_RTMP_PUBLISH_AUTH_OFF);
    ngx_conf_merge_ptr_value(conf->callback, prev->callback, NULL);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 2000);
    ngx_conf_merge_uint_value(conf->when_down, prev->when_down, 0);
    ngx_conf_merge_msec_value(conf->recheck, prev->recheck, 0);
    ngx_conf_merge_msec_value(conf->cache, prev->cache, 30000);
    ngx_conf_merge_msec_value(conf->stale, prev->stale, 3600000);
    ngx_conf_merge_uint_value(conf->takeover, prev->takeover, 0);
    ngx_conf_merge_msec_value(conf->stall, prev->stall, 2000);

    if (conf->attempts.limit == NGX_RTMP_PUBLISH_AUTH_UNSET) {
        conf->attempts = prev->attempts.limit == NGX_RTMP_PUBLISH_AUTH_UNSET
                         ? attempts : prev->attempts;
    }

    return ngx_rtmp_publish_auth_check(cf, conf);
}


/* Only an application can publish; a server's own settings are inherited. */
static char *
ngx_rtmp_publish_auth_check(ngx_conf_t *cf,
    ngx_rtmp_publish_auth_app_conf_t *conf)
{
    const char                         *missing;
    ngx_rtmp_core_app_conf_t           *cacf;
    ngx_rtmp_publish_auth_main_conf_t  *pamcf;

    cacf = ngx_rtmp_conf_get_module_app_conf(cf, ngx_rtmp_core_module);

    if (conf->source == NGX_RTMP_PUBLISH_AUTH_OFF || cacf->name.len == 0) {
        return NGX_CONF_OK;
    }

    pamcf = ngx_rtmp_conf_get_module_main_conf(cf,
                                               ngx_rtmp_publish_auth_module);
    pamcf->used = 1;
    missing = NULL;

    if (!ngx_onair_configured(cf)) {
        missing = "\"onair_zone\", above the \"rtmp\" block";

    } else if (conf->source == NGX_RTMP_PUBLISH_AUTH_DATABASE) {

        if (!ngx_onair_sql_configured(cf->cycle)) {
            missing = "\"onair_database\", above the \"rtmp\" block";

        } else if (pamcf->pepper.len == 0) {
            missing = "\"publish_auth_pepper\"";
        }
    }

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"publish_auth\" in application \"%V\" needs %s",
                           &cacf->name, missing);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_rtmp_publish_auth_bounds(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t                      *value = data;
    ngx_rtmp_publish_auth_bounds_t  *bounds = post;

    if (*value >= bounds->low && *value <= bounds->high) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the time must be between %s", bounds->text);

    return NGX_CONF_ERROR;
}


static char *
ngx_rtmp_publish_auth_source(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                         *value;
    ngx_url_t                         *u;
    ngx_rtmp_publish_auth_app_conf_t  *pacf = conf;

    if (pacf->source != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        pacf->source = NGX_RTMP_PUBLISH_AUTH_OFF;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "database") == 0) {
        pacf->source = NGX_RTMP_PUBLISH_AUTH_DATABASE;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[1].data, "http://", 7) != 0) {
        return "is \"off\", \"database\" or a URL that begins with "
               "\"http://\"";
    }

    u = ngx_pcalloc(cf->pool, sizeof(ngx_url_t));
    if (u == NULL) {
        return NGX_CONF_ERROR;
    }

    u->url.len = value[1].len - 7;
    u->url.data = value[1].data + 7;
    u->default_port = 80;
    u->uri_part = 1;

    if (ngx_parse_url(cf->pool, u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"publish_auth %V\"",
                           u->err ? u->err : "invalid URL", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (u->uri.len == 0) {
        ngx_str_set(&u->uri, "/");
    }

    /* as a Host field has it */
    if (u->port_text.len) {
        u->host.len = (size_t) (u->port_text.data + u->port_text.len
                                - u->host.data);
    }

    pacf->source = NGX_RTMP_PUBLISH_AUTH_CALLBACK;
    pacf->callback = u;

    return NGX_CONF_OK;
}


/* --- the pepper ------------------------------------------------------- */


static ngx_int_t
ngx_rtmp_publish_auth_read(ngx_conf_t *cf, ngx_str_t *name, u_char *buf,
    size_t size, size_t *len)
{
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_err_t  err;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"publish_auth_pepper\": " ngx_open_file_n
                           " \"%V\" failed", name);
        return NGX_ERROR;
    }

    n = read(fd, buf, size);
    err = ngx_errno;
    (void) ngx_close_file(fd);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"publish_auth_pepper\": reading \"%V\" failed",
                           name);
        return NGX_ERROR;
    }

    *len = (size_t) n;

    return NGX_OK;
}


static ngx_uint_t
ngx_rtmp_publish_auth_space(u_char c)
{
    return c == ' ' || c == '\t' || c == CR || c == LF;
}


static char *
ngx_rtmp_publish_auth_pepper(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t                              len;
    u_char                              buf[4096], *p;
    ngx_str_t                          *value;
    ngx_rtmp_publish_auth_main_conf_t  *pamcf = conf;

    if (pamcf->pepper.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK
        || ngx_rtmp_publish_auth_read(cf, &value[1], buf, sizeof(buf), &len)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = buf;

    while (len && ngx_rtmp_publish_auth_space(p[0])) {
        p++;
        len--;
    }

    while (len && ngx_rtmp_publish_auth_space(p[len - 1])) {
        len--;
    }

    if (len < OA_KEY_PEPPER_BYTES || len > NGX_RTMP_PUBLISH_AUTH_PEPPER_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"publish_auth_pepper\": \"%V\" has %uz bytes, "
                           "%d to %d are needed; make one with "
                           "\"openssl rand -hex 32\"", &value[1], len,
                           OA_KEY_PEPPER_BYTES,
                           NGX_RTMP_PUBLISH_AUTH_PEPPER_MAX);
        ngx_explicit_memzero(buf, sizeof(buf));
        return NGX_CONF_ERROR;
    }

    pamcf->pepper.len = len;
    pamcf->pepper.data = ngx_pnalloc(cf->pool, len);

    if (pamcf->pepper.data) {
        ngx_memcpy(pamcf->pepper.data, p, len);
    }

    ngx_explicit_memzero(buf, sizeof(buf));

    return pamcf->pepper.data ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* --- values with names ------------------------------------------------ */


/* name=time, in ms: NGX_DECLINED, it is another name. */
static ngx_int_t
ngx_rtmp_publish_auth_named(ngx_str_t *value, const char *name, uint32_t *ms)
{
    size_t     len;
    ngx_int_t  n;
    ngx_str_t  text;

    len = ngx_strlen(name);

    if (value->len <= len || ngx_strncmp(value->data, name, len) != 0) {
        return NGX_DECLINED;
    }

    text.data = value->data + len;
    text.len = value->len - len;

    n = ngx_parse_time(&text, 0);
    if (n == NGX_ERROR || n > 0x7fffffff) {
        return NGX_ERROR;
    }

    *ms = (uint32_t) n;

    return NGX_OK;
}


static char *
ngx_rtmp_publish_auth_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    uint32_t                           stale;
    ngx_int_t                          n;
    ngx_str_t                         *value;
    ngx_rtmp_publish_auth_app_conf_t  *pacf = conf;

    if (pacf->cache != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;
    stale = 3600000;

    n = ngx_parse_time(&value[1], 0);
    if (n == NGX_ERROR) {
        return "has an invalid time";
    }

    if (cf->args->nelts == 3
        && ngx_rtmp_publish_auth_named(&value[2], "stale=", &stale) != NGX_OK)
    {
        return "has an invalid parameter, \"stale=time\" is meant";
    }

    pacf->cache = (ngx_msec_t) n;
    pacf->stale = ngx_max((ngx_msec_t) n, (ngx_msec_t) stale);

    return NGX_CONF_OK;
}


static char *
ngx_rtmp_publish_auth_attempts(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                          n, rc;
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    oa_attempts_conf_t                *attempts;
    ngx_rtmp_publish_auth_app_conf_t  *pacf = conf;

    attempts = &pacf->attempts;

    if (attempts->limit != NGX_RTMP_PUBLISH_AUTH_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;
    *attempts = (oa_attempts_conf_t) { 0, 60000, 10000, 3600000 };

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    n = ngx_atoi(value[1].data, value[1].len);
    if (n < 1 || n > 100000) {
        return "needs a number from 1 to 100000, or \"off\"";
    }

    attempts->limit = (uint32_t) n;

    for (i = 2; i < cf->args->nelts; i++) {
        rc = ngx_rtmp_publish_auth_named(&value[i], "window=",
                                         &attempts->window_ms);
        if (rc == NGX_DECLINED) {
            rc = ngx_rtmp_publish_auth_named(&value[i], "max_pause=",
                                             &attempts->max_pause_ms);
        }

        if (rc == NGX_DECLINED) {
            rc = ngx_rtmp_publish_auth_named(&value[i], "pause=",
                                             &attempts->pause_ms);
        }

        if (rc != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (attempts->window_ms == 0 || attempts->pause_ms == 0) {
        return "needs times longer than 0";
    }

    attempts->max_pause_ms = ngx_max(attempts->max_pause_ms,
                                     attempts->pause_ms);

    return NGX_CONF_OK;
}
