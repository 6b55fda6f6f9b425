
/* The directive "onair_database", whatever database it names. */


#include "core/ngx_onair_core_impl.h"
#include "core/ngx_onair_sql_impl.h"


#define NGX_ONAIR_SQL_POOL             2
#define NGX_ONAIR_SQL_QUEUE            512
#define NGX_ONAIR_SQL_TIMEOUT_MS       2000
#define NGX_ONAIR_SQL_CONNECT_MS       3000
#define NGX_ONAIR_SQL_TIMEOUT_MAX_MS   (600 * 1000)


static ngx_int_t
ngx_onair_sql_number(ngx_str_t *value, size_t prefix, ngx_uint_t max,
    ngx_uint_t *number)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data + prefix, value->len - prefix);
    if (n <= 0 || (ngx_uint_t) n > max) {
        return NGX_ERROR;
    }

    *number = (ngx_uint_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_onair_sql_time(ngx_str_t *value, size_t prefix, ngx_msec_t *ms)
{
    ngx_int_t  n;
    ngx_str_t  text;

    text.data = value->data + prefix;
    text.len = value->len - prefix;

    n = ngx_parse_time(&text, 0);
    if (n <= 0 || n > NGX_ONAIR_SQL_TIMEOUT_MAX_MS) {
        return NGX_ERROR;
    }

    *ms = (ngx_msec_t) n;

    return NGX_OK;
}


/* NGX_DECLINED: not known; NGX_ERROR: a bad value. */
static ngx_int_t
ngx_onair_sql_option(ngx_onair_sql_conf_t *conf, ngx_str_t *value)
{
    if (ngx_strncmp(value->data, "pool=", 5) == 0) {
        return ngx_onair_sql_number(value, 5, NGX_ONAIR_SQL_POOL_MAX,
                                    &conf->pool);
    }

    if (ngx_strncmp(value->data, "queue=", 6) == 0) {
        return ngx_onair_sql_number(value, 6, NGX_ONAIR_SQL_QUEUE_MAX,
                                    &conf->queue);
    }

    if (ngx_strncmp(value->data, "timeout=", 8) == 0) {
        return ngx_onair_sql_time(value, 8, &conf->timeout);
    }

    if (ngx_strncmp(value->data, "connect_timeout=", 16) == 0) {
        return ngx_onair_sql_time(value, 16, &conf->connect_timeout);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_onair_sql_options(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf)
{
    ngx_str_t   *value;
    ngx_int_t    rc;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {
        rc = ngx_onair_sql_option(conf, &value[i]);
        if (rc == NGX_OK) {
            continue;
        }

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"onair_database\": invalid value in \"%V\"",
                               &value[i]);
            return NGX_ERROR;
        }

        /* not shown: it may be a part of a conninfo that lacks quotes */
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"onair_database\": argument %ui is none of "
                           "pool=, queue=, timeout=, connect_timeout= "
                           "(a conninfo with blanks needs quotes)", i);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_onair_sql_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t             *value;
    ngx_onair_conf_t      *ocf;
    ngx_onair_sql_conf_t  *scf;

    (void) cmd;

    ocf = conf;
    if (ocf->sql != NULL) {
        return "is duplicate";
    }

    scf = ngx_pcalloc(cf->pool, sizeof(ngx_onair_sql_conf_t));
    if (scf == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    scf->target = value[1];
    scf->pool = NGX_ONAIR_SQL_POOL;
    scf->queue = NGX_ONAIR_SQL_QUEUE;
    scf->timeout = NGX_ONAIR_SQL_TIMEOUT_MS;
    scf->connect_timeout = NGX_ONAIR_SQL_CONNECT_MS;
    scf->backend = &ngx_onair_postgres;

    if (ngx_strncmp(value[1].data, "sqlite:", 7) == 0) {
        scf->target.data += 7;
        scf->target.len -= 7;
        scf->backend = &ngx_onair_sqlite;
    }

    scf->threads = ngx_onair_threads(cf);

    if (scf->threads == NULL
        || ngx_onair_sql_options(cf, scf) != NGX_OK
        || scf->backend->configure(cf, scf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ocf->sql = scf;

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_onair_sql_configured(ngx_cycle_t *cycle)
{
    ngx_onair_conf_t  *ocf;

    if (cycle->conf_ctx == NULL) {
        return 0;
    }

    ocf = (ngx_onair_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                            ngx_onair_core_module);

    return ocf != NULL && ocf->sql != NULL;
}
