
/* The directives "onair_redis" and "onair_node". */


#include "core/ngx_onair_core_impl.h"
#include "core/ngx_onair_redis_impl.h"


#define NGX_ONAIR_REDIS_PORT          6379
#define NGX_ONAIR_REDIS_SENTINEL_PORT 26379
#define NGX_ONAIR_REDIS_MAX_SECRET    1024
#define NGX_ONAIR_MAX_NODE            64


/* Where the value of a parameter goes. */
typedef struct {
    ngx_str_t    name;                       /* with the "=" */
    ngx_int_t  (*set)(ngx_conf_t *cf, void *field, ngx_str_t *value);
    size_t       offset;                     /* of the field */
} ngx_onair_redis_parameter_t;


static ngx_onair_conf_t *
ngx_onair_redis_core_conf(const ngx_cycle_t *cycle)
{
    if (cycle == NULL || cycle->conf_ctx == NULL) {
        return NULL;
    }

    return (ngx_onair_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                             ngx_onair_core_module);
}


const ngx_onair_redis_conf_t *
ngx_onair_redis_conf(const ngx_cycle_t *cycle)
{
    ngx_onair_conf_t  *conf;

    conf = ngx_onair_redis_core_conf(cycle);

    return conf != NULL ? conf->redis : NULL;
}


ngx_uint_t
ngx_onair_redis_configured(ngx_cycle_t *cycle)
{
    return ngx_onair_redis_conf(cycle) != NULL;
}


static ngx_uint_t
ngx_onair_is_plain(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}


/* --- addresses ------------------------------------------------------- */


static ngx_uint_t
ngx_onair_redis_is_host(const char *host)
{
    if (ngx_onair_is_address(host)) {
        return 1;
    }

    while (ngx_onair_is_plain((u_char) *host)) {
        host++;
    }

    return *host == '\0';
}


static ngx_int_t
ngx_onair_redis_copy_host(ngx_conf_t *cf, ngx_onair_redis_address_t *address,
    u_char *start, size_t len)
{
    if (len == 0 || len > NGX_ONAIR_REDIS_MAX_HOST) {
        return NGX_ERROR;
    }

    address->host = ngx_pnalloc(cf->pool, len + 1);
    if (address->host == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn((u_char *) address->host, start, len + 1);

    return NGX_OK;
}


/* host, host:port, [v6]:port, unix:/path; without a port it is port. */
static ngx_int_t
ngx_onair_redis_address_parse(ngx_conf_t *cf, ngx_str_t *text, in_port_t port,
    ngx_onair_redis_address_t *address)
{
    u_char     *host, *end, *last;
    ngx_int_t   n;

    host = text->data;
    last = text->data + text->len;
    address->port = port;

    if (text->len > 5 && ngx_strncmp(host, "unix:", 5) == 0) {
        address->port = 0;

        /* a longer path would be cut by the system's structure */
        return text->len - 5 < sizeof(((struct sockaddr_un *) 0)->sun_path)
               ? ngx_onair_redis_copy_host(cf, address, host + 5,
                                           text->len - 5)
               : NGX_ERROR;
    }

    if (*host == '[') {
        host++;
        end = ngx_strlchr(host, last, ']');
        text = NULL;
    } else {
        end = ngx_strlchr(host, last, ':');
        end = end != NULL ? end : last;
    }

    if (end == NULL
        || ngx_onair_redis_copy_host(cf, address, host, (size_t) (end - host))
               != NGX_OK
        || !ngx_onair_redis_is_host(address->host))
    {
        return NGX_ERROR;
    }

    end += text == NULL;

    if (end == last) {
        return NGX_OK;
    }

    n = *end == ':' ? ngx_atoi(end + 1, (size_t) (last - end - 1)) : NGX_ERROR;
    if (n < 1 || n > 65535) {
        return NGX_ERROR;
    }

    address->port = (in_port_t) n;

    return NGX_OK;
}


/* For names; also for those that a sentinel may answer with. */
static char *
ngx_onair_redis_need_threads(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf)
{
    if (conf->threads == NULL) {
        conf->threads = ngx_onair_threads(cf);
    }

    return conf->threads != NULL ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* What may hold a password is not told, as "password=..." or "...@host". */
static char *
ngx_onair_redis_no_address(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char  *end;

    end = text->data + text->len;

    if (ngx_strlchr(text->data, end, '=') || ngx_strlchr(text->data, end, '@'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"onair_redis\": neither an address (host:port or "
                           "unix:/path) nor a parameter that there is; a "
                           "password comes with \"password_file=\"");
    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"onair_redis\": \"%V\" is no address "
                           "(host:port or unix:/path)", text);
    }

    return NGX_CONF_ERROR;
}


static char *
ngx_onair_redis_add_address(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf,
    ngx_str_t *text)
{
    in_port_t                   port;
    ngx_onair_redis_address_t  *address;

    if (conf->addresses.nelts == NGX_ONAIR_REDIS_MAX_ADDRESSES) {
        return "has too many addresses";
    }

    address = ngx_array_push(&conf->addresses);
    if (address == NULL) {
        return NGX_CONF_ERROR;
    }

    port = conf->sentinel.len ? NGX_ONAIR_REDIS_SENTINEL_PORT
                              : NGX_ONAIR_REDIS_PORT;

    if (ngx_onair_redis_address_parse(cf, text, port, address) != NGX_OK) {
        return ngx_onair_redis_no_address(cf, text);
    }

    if (address->port == 0 && conf->tls) {
        return "cannot have \"tls\" with a unix socket";
    }

    if (address->port == 0 || ngx_onair_is_address(address->host)) {
        return NGX_CONF_OK;
    }

    return ngx_onair_redis_need_threads(cf, conf);
}


/* --- parameters ------------------------------------------------------ */


static ngx_int_t
ngx_onair_redis_read_secret(ngx_conf_t *cf, ngx_str_t *name, ngx_fd_t fd,
    ngx_str_t *secret)
{
    ssize_t          n;
    ngx_file_info_t  info;

    secret->data = ngx_pnalloc(cf->pool, NGX_ONAIR_REDIS_MAX_SECRET);
    if (secret->data == NULL) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, secret->data, NGX_ONAIR_REDIS_MAX_SECRET);

    while (n > 0 && (secret->data[n - 1] == LF || secret->data[n - 1] == CR)) {
        n--;
    }

    if (n <= 0 || n == NGX_ONAIR_REDIS_MAX_SECRET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n < 0 ? ngx_errno : 0,
                           "there is no password in \"%V\"", name);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &info) == 0 && (info.st_mode & S_IROTH)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "every user of this machine may read the password "
                           "in \"%V\"", name);
    }

    secret->len = (size_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_onair_redis_set_password_file(ngx_conf_t *cf, void *field,
    ngx_str_t *value)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;
    ngx_str_t  name;

    name = *value;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_ERROR;
    }

    rc = ngx_onair_redis_read_secret(cf, &name, fd, field);
    (void) ngx_close_file(fd);

    return rc;
}


static ngx_int_t
ngx_onair_redis_set_text(ngx_conf_t *cf, void *field, ngx_str_t *value)
{
    ngx_str_t  *text;

    (void) cf;

    text = field;
    *text = *value;

    return value->len ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_onair_redis_set_db(ngx_conf_t *cf, void *field, ngx_str_t *value)
{
    ngx_int_t    n;
    ngx_uint_t  *db;

    (void) cf;

    n = ngx_atoi(value->data, value->len);
    db = field;
    *db = (ngx_uint_t) n;

    return n >= 0 && n <= 65535 ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_onair_redis_set_max_pending(ngx_conf_t *cf, void *field,
    ngx_str_t *value)
{
    ngx_int_t    n;
    ngx_uint_t  *max;

    (void) cf;

    n = ngx_atoi(value->data, value->len);
    max = field;
    *max = (ngx_uint_t) n;

    return n >= 1 && n <= 1000000 ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_onair_redis_set_time(ngx_conf_t *cf, void *field, ngx_str_t *value)
{
    ngx_int_t    n;
    ngx_msec_t  *msec;

    (void) cf;

    n = ngx_parse_time(value, 0);
    msec = field;
    *msec = (ngx_msec_t) n;

    return n >= 10 && n <= 60000 ? NGX_OK : NGX_ERROR;
}


static const ngx_onair_redis_parameter_t  ngx_onair_redis_parameters[] = {
    { ngx_string("password_file="), ngx_onair_redis_set_password_file,
      offsetof(ngx_onair_redis_conf_t, password) },
    { ngx_string("user="), ngx_onair_redis_set_text,
      offsetof(ngx_onair_redis_conf_t, user) },
    { ngx_string("db="), ngx_onair_redis_set_db,
      offsetof(ngx_onair_redis_conf_t, db) },
    { ngx_string("sentinel="), ngx_onair_redis_set_text,
      offsetof(ngx_onair_redis_conf_t, sentinel) },
    { ngx_string("timeout="), ngx_onair_redis_set_time,
      offsetof(ngx_onair_redis_conf_t, timeout) },
    { ngx_string("connect_timeout="), ngx_onair_redis_set_time,
      offsetof(ngx_onair_redis_conf_t, connect_timeout) },
    { ngx_string("max_pending="), ngx_onair_redis_set_max_pending,
      offsetof(ngx_onair_redis_conf_t, max_pending) },
    { ngx_string("tls_ca="), ngx_onair_redis_set_text,
      offsetof(ngx_onair_redis_conf_t, tls_ca) },
    { ngx_null_string, NULL, 0 }
};


static const ngx_onair_redis_parameter_t *
ngx_onair_redis_parameter(const ngx_str_t *word)
{
    const ngx_onair_redis_parameter_t  *parameter;

    for (parameter = ngx_onair_redis_parameters; parameter->set; parameter++) {
        if (word->len >= parameter->name.len
            && ngx_strncmp(word->data, parameter->name.data,
                           parameter->name.len)
                   == 0)
        {
            return parameter;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_onair_redis_is_tls(const ngx_str_t *word)
{
    return word->len == 3 && ngx_strncmp(word->data, "tls", 3) == 0;
}


static char *
ngx_onair_redis_set_parameter(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf,
    const ngx_onair_redis_parameter_t *parameter, const ngx_str_t *word)
{
    ngx_str_t  value;

    value.data = word->data + parameter->name.len;
    value.len = word->len - parameter->name.len;

    if (parameter->set(cf, (u_char *) conf + parameter->offset, &value)
        == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"onair_redis\": invalid value in \"%V\"", word);

    return NGX_CONF_ERROR;
}


/* The parameters first: which port is the default hangs on one of them. */
static char *
ngx_onair_redis_set_parameters(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf)
{
    ngx_str_t                          *words;
    ngx_uint_t                          i;
    const ngx_onair_redis_parameter_t  *parameter;

    words = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_onair_redis_is_tls(&words[i])) {
            conf->tls = 1;
            continue;
        }

        parameter = ngx_onair_redis_parameter(&words[i]);

        if (parameter != NULL
            && ngx_onair_redis_set_parameter(cf, conf, parameter, &words[i])
                   != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_onair_redis_set_addresses(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf)
{
    char        *rv;
    ngx_str_t   *words;
    ngx_uint_t   i;

    words = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_onair_redis_parameter(&words[i]) != NULL
            || ngx_onair_redis_is_tls(&words[i]))
        {
            continue;
        }

        rv = ngx_onair_redis_add_address(cf, conf, &words[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return conf->addresses.nelts ? NGX_CONF_OK : "has no address";
}


static char *
ngx_onair_redis_contradiction(const ngx_onair_redis_conf_t *conf)
{
    if (conf->user.len && !conf->password.len) {
        return "has a user but no password_file";
    }

    if (conf->tls_ca.len && !conf->tls) {
        return "has a tls_ca but no tls";
    }

    return NGX_CONF_OK;
}


char *
ngx_onair_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    char                    *rv;
    ngx_onair_conf_t        *core;
    ngx_onair_redis_conf_t  *conf;

    (void) cmd;
    (void) data;

    core = ngx_onair_redis_core_conf(cf->cycle);

    if (core->redis != NULL) {
        return "is duplicate";
    }

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_onair_redis_conf_t));
    if (conf == NULL
        || ngx_array_init(&conf->addresses, cf->pool, 4,
                          sizeof(ngx_onair_redis_address_t))
               != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    conf->timeout = 1000;
    conf->connect_timeout = 2000;
    conf->max_pending = 4096;

    rv = ngx_onair_redis_set_parameters(cf, conf);
    if (rv == NGX_CONF_OK) {
        rv = ngx_onair_redis_set_addresses(cf, conf);
    }

    if (rv == NGX_CONF_OK && conf->sentinel.len) {
        rv = ngx_onair_redis_need_threads(cf, conf);
    }

    if (rv == NGX_CONF_OK && conf->tls) {
        rv = ngx_onair_redis_tls_configure(cf, conf);
    }

    core->redis = conf;

    return rv == NGX_CONF_OK ? ngx_onair_redis_contradiction(conf) : rv;
}


/* --- onair_node ------------------------------------------------------ */


char *
ngx_onair_node_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    size_t             i;
    ngx_str_t         *value;
    ngx_onair_conf_t  *core;

    (void) cmd;
    (void) data;

    core = ngx_onair_redis_core_conf(cf->cycle);

    if (core->node.len != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > NGX_ONAIR_MAX_NODE) {
        return "needs a name of 1 to 64 characters";
    }

    for (i = 0; i < value[1].len; i++) {
        if (!ngx_onair_is_plain(value[1].data[i])) {
            return "may have letters, digits, \"-\", \"_\" and \".\" only";
        }
    }

    core->node = value[1];

    return NGX_CONF_OK;
}


ngx_int_t
ngx_onair_node_default(ngx_cycle_t *cycle, ngx_str_t *node)
{
    size_t  i;

    if (node->len != 0) {
        return NGX_OK;
    }

    node->len = ngx_min(cycle->hostname.len, NGX_ONAIR_MAX_NODE);
    node->data = ngx_pstrdup(cycle->pool, &cycle->hostname);

    if (node->data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < node->len; i++) {
        if (!ngx_onair_is_plain(node->data[i])) {
            node->data[i] = '-';
        }
    }

    return NGX_OK;
}


const ngx_str_t *
ngx_onair_node(void)
{
    ngx_onair_conf_t        *core;
    static const ngx_str_t   none = ngx_string("onair");

    core = ngx_onair_redis_core_conf((ngx_cycle_t *) ngx_cycle);

    return core != NULL && core->node.len ? &core->node : &none;
}
