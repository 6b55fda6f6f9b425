
/* PostgreSQL. */


#include "core/ngx_onair_sql_impl.h"


static ngx_int_t
ngx_onair_postgres_configure(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf)
{
    (void) conf;
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"onair_database\": not yet");

    return NGX_ERROR;
}


const ngx_onair_sql_backend_t  ngx_onair_postgres = {
    ngx_onair_postgres_configure,
    NULL,
    NULL,
    NULL,
    NULL
};
