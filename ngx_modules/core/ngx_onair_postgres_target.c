
/*
 * The conninfo, and the addresses of the hosts that it names.
 *
 * libpq would resolve a name with a blocking call.  So each name is looked up
 * before, in the thread pool, and its addresses are passed beside it: the
 * list "a,b" becomes host=a,a,b hostaddr=1.2.3.4,::1,5.6.7.8.
 */


#include "core/ngx_onair_postgres.h"


#define NGX_ONAIR_POSTGRES_HOSTS    16
#define NGX_ONAIR_POSTGRES_TARGETS  64       /* addresses of all hosts */
#define NGX_ONAIR_POSTGRES_OPTIONS  64
#define NGX_ONAIR_POSTGRES_EXTRA    8        /* options that are added */


typedef struct {
    char                 *name;
    char                 *port;              /* "": the default */
    unsigned              lookup:1;          /* else a path or an address */
} ngx_onair_postgres_host_t;


/* conf->data */
typedef struct {
    ngx_uint_t                  noptions;
    char                       *keywords[NGX_ONAIR_POSTGRES_OPTIONS];
    char                       *values[NGX_ONAIR_POSTGRES_OPTIONS];
    ngx_uint_t                  nhosts;      /* 0: as in the options */
    ngx_onair_postgres_host_t   hosts[NGX_ONAIR_POSTGRES_HOSTS];
} ngx_onair_postgres_conf_t;


typedef struct {
    ngx_onair_postgres_host_t  *host;
    char                        address[INET6_ADDRSTRLEN + 16];  /* or "" */
} ngx_onair_postgres_target_t;


typedef struct {
    ngx_onair_postgres_found_pt   handler;   /* NULL: none is under way */
    ngx_onair_resolve_t          *lookups[NGX_ONAIR_POSTGRES_HOSTS];
    ngx_uint_t                    waiting;
    ngx_event_t                   timer;
    ngx_connection_t              dummy;
    ngx_uint_t                    ntargets;
    ngx_uint_t                    first;
    ngx_onair_postgres_target_t   targets[NGX_ONAIR_POSTGRES_TARGETS];
    ngx_onair_sql_conf_t         *conf;
    char                          error[NGX_ONAIR_RESOLVE_NAME + 128];
} ngx_onair_postgres_search_t;


static ngx_onair_postgres_search_t  ngx_onair_postgres_search;


/* --- configuration --------------------------------------------------- */


static char *
ngx_onair_postgres_copy(ngx_conf_t *cf, const char *text, size_t len)
{
    char  *copy;

    copy = ngx_pnalloc(cf->pool, len + 1);
    if (copy != NULL) {
        ngx_memcpy(copy, text, len);
        copy[len] = '\0';
    }

    return copy;
}


static ngx_int_t
ngx_onair_postgres_option(ngx_conf_t *cf, ngx_onair_postgres_conf_t *pcf,
    const char *keyword, const char *value)
{
    ngx_uint_t  i;

    if (pcf->noptions == NGX_ONAIR_POSTGRES_OPTIONS
                         - NGX_ONAIR_POSTGRES_EXTRA)
    {
        return NGX_ERROR;
    }

    i = pcf->noptions++;
    pcf->keywords[i] = ngx_onair_postgres_copy(cf, keyword,
                                               ngx_strlen(keyword));
    pcf->values[i] = ngx_onair_postgres_copy(cf, value, ngx_strlen(value));

    return pcf->keywords[i] && pcf->values[i] ? NGX_OK : NGX_ERROR;
}


/* The element of a list "a,b,c"; of a list of one, that one.  NULL: no more. */
static char *
ngx_onair_postgres_element(ngx_conf_t *cf, const char *list, ngx_uint_t n,
    ngx_uint_t one)
{
    size_t  len;

    one = one && strchr(list, ',') == NULL;

    for ( ;; ) {
        len = strcspn(list, ",");

        if (n == 0 || one) {
            return ngx_onair_postgres_copy(cf, list, len);
        }

        if (list[len] == '\0') {
            return NULL;
        }

        list += len + 1;
        n--;
    }
}


static ngx_int_t
ngx_onair_postgres_hosts(ngx_conf_t *cf, ngx_onair_postgres_conf_t *pcf,
    const char *hosts, const char *ports)
{
    char                       *name;
    ngx_onair_postgres_host_t  *host;

    while ((name = ngx_onair_postgres_element(cf, hosts, pcf->nhosts, 0))
           != NULL)
    {
        if (pcf->nhosts == NGX_ONAIR_POSTGRES_HOSTS
            || ngx_strlen(name) > NGX_ONAIR_RESOLVE_NAME)
        {
            return NGX_ERROR;
        }

        host = &pcf->hosts[pcf->nhosts];
        host->name = name;
        host->lookup = name[0] != '\0' && name[0] != '/' && name[0] != '@'
                       && !ngx_onair_is_address(name);
        host->port = ngx_onair_postgres_element(cf, ports, pcf->nhosts, 1);

        if (host->port == NULL) {
            return NGX_ERROR;
        }

        pcf->nhosts++;
    }

    /* a port too many */
    if (strchr(ports, ',') != NULL
        && ngx_onair_postgres_element(cf, ports, pcf->nhosts, 0) != NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static const char *
ngx_onair_postgres_value(PQconninfoOption *options, const char *keyword)
{
    for ( /* void */ ; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0) {
            return options->val;
        }
    }

    return NULL;
}


/* NULL: it is right.  libpq's own words would show parts of a password. */
static const char *
ngx_onair_postgres_read(ngx_conf_t *cf, ngx_onair_postgres_conf_t *pcf,
    PQconninfoOption *options)
{
    const char        *hosts, *ports;
    PQconninfoOption  *option;

    if (ngx_onair_postgres_value(options, "service") != NULL) {
        return "\"service\" is not supported: name the host";
    }

    hosts = ngx_onair_postgres_value(options, "host");
    ports = ngx_onair_postgres_value(options, "port");

    if (ngx_onair_postgres_value(options, "hostaddr") != NULL) {
        hosts = NULL;
    }

    for (option = options; option->keyword; option++) {
        if (option->val == NULL
            || (hosts != NULL && (strcmp(option->keyword, "host") == 0
                                  || strcmp(option->keyword, "port") == 0)))
        {
            continue;
        }

        if (ngx_onair_postgres_option(cf, pcf, option->keyword, option->val)
            != NGX_OK)
        {
            return "too many options";
        }
    }

    if (hosts != NULL
        && ngx_onair_postgres_hosts(cf, pcf, hosts, ports ? ports : "")
           != NGX_OK)
    {
        return "too many hosts, or not as many ports as hosts";
    }

    /* a ticket of Kerberos is asked for with calls that block */
    if (ngx_onair_postgres_value(options, "gssencmode") == NULL
        && ngx_onair_postgres_option(cf, pcf, "gssencmode", "disable")
           != NGX_OK)
    {
        return "too many options";
    }

    return NULL;
}


ngx_int_t
ngx_onair_postgres_configure(ngx_conf_t *cf, ngx_onair_sql_conf_t *conf)
{
    const char                 *fault;
    PQconninfoOption           *options;
    ngx_onair_postgres_conf_t  *pcf;

    pcf = ngx_pcalloc(cf->pool, sizeof(ngx_onair_postgres_conf_t));
    if (pcf == NULL) {
        return NGX_ERROR;
    }

    conf->data = pcf;

    options = PQconninfoParse((char *) conf->target.data, NULL);
    if (options == NULL) {
        fault = "neither sqlite:PATH nor a right URL (postgresql://...) or "
                "conninfo (host=... dbname=...) of PostgreSQL";
    } else {
        fault = ngx_onair_postgres_read(cf, pcf, options);
        PQconninfoFree(options);
    }

    if (fault != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"onair_database\": %s",
                           fault);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* --- addresses ------------------------------------------------------- */


static void
ngx_onair_postgres_add(ngx_onair_postgres_host_t *host, const char *address)
{
    ngx_onair_postgres_target_t  *target;

    if (ngx_onair_postgres_search.ntargets == NGX_ONAIR_POSTGRES_TARGETS) {
        return;
    }

    target = &ngx_onair_postgres_search
                  .targets[ngx_onair_postgres_search.ntargets++];
    target->host = host;
    (void) ngx_cpystrn((u_char *) target->address, (u_char *) address,
                       sizeof(target->address));
}


static ngx_int_t
ngx_onair_postgres_order(const void *one, const void *two)
{
    const ngx_onair_postgres_target_t  *first, *second;

    first = one;
    second = two;

    return (first->host > second->host) - (first->host < second->host);
}


static void
ngx_onair_postgres_found(void)
{
    ngx_onair_postgres_found_pt   handler;
    ngx_onair_postgres_search_t  *search;

    search = &ngx_onair_postgres_search;

    if (search->timer.timer_set) {
        ngx_del_timer(&search->timer);
    }

    handler = search->handler;
    search->handler = NULL;

    /* the hosts' order means something; answers came in any */
    ngx_sort(search->targets, search->ntargets,
             sizeof(ngx_onair_postgres_target_t), ngx_onair_postgres_order);

    if (search->ntargets == 0) {
        handler(search->error);
        return;
    }

    handler(NULL);
}


static void
ngx_onair_postgres_resolved(void *ctx, const ngx_str_t *addrs,
    ngx_uint_t naddrs, const char *error)
{
    ngx_uint_t                    i, n;
    ngx_onair_postgres_host_t    *host;
    ngx_onair_postgres_conf_t    *pcf;
    ngx_onair_postgres_search_t  *search;

    host = ctx;
    search = &ngx_onair_postgres_search;
    pcf = search->conf->data;
    n = (ngx_uint_t) (host - pcf->hosts);

    search->lookups[n] = NULL;
    search->waiting--;

    for (i = 0; i < naddrs; i++) {
        ngx_onair_postgres_add(host, (char *) addrs[i].data);
    }

    if (naddrs == 0) {
        (void) ngx_snprintf((u_char *) search->error,
                            sizeof(search->error) - 1,
                            "host \"%s\" was not found (%s)%Z", host->name,
                            error);
    }

    if (search->waiting == 0) {
        ngx_onair_postgres_found();
    }
}


static void
ngx_onair_postgres_search_expired(ngx_event_t *ev)
{
    ngx_uint_t                    i;
    ngx_onair_postgres_search_t  *search;

    (void) ev;

    search = &ngx_onair_postgres_search;

    for (i = 0; i < NGX_ONAIR_POSTGRES_HOSTS; i++) {
        if (search->lookups[i] != NULL) {
            ngx_onair_resolve_cancel(search->lookups[i]);
            search->lookups[i] = NULL;
        }
    }

    search->waiting = 0;
    (void) ngx_cpystrn((u_char *) search->error,
                       (u_char *) "no name server answers for its host",
                       sizeof(search->error));
    ngx_onair_postgres_found();
}


static void
ngx_onair_postgres_lookup(ngx_onair_postgres_host_t *host, ngx_uint_t n)
{
    ngx_onair_postgres_search_t  *search;

    search = &ngx_onair_postgres_search;

    if (!host->lookup) {
        ngx_onair_postgres_add(host, host->name[0] == '/'
                                     || host->name[0] == '@'
                                     ? "" : host->name);
        return;
    }

    search->lookups[n] = ngx_onair_resolve(search->conf->threads, host->name,
                                           ngx_onair_postgres_resolved, host);
    if (search->lookups[n] != NULL) {
        search->waiting++;
    }
}


void
ngx_onair_postgres_find(ngx_onair_sql_conf_t *conf,
    ngx_onair_postgres_found_pt handler)
{
    ngx_uint_t                    i;
    ngx_onair_postgres_conf_t    *pcf;
    ngx_onair_postgres_search_t  *search;

    search = &ngx_onair_postgres_search;
    pcf = conf->data;

    if (search->handler != NULL) {
        return;
    }

    if (pcf->nhosts == 0) {
        handler(NULL);
        return;
    }

    search->handler = handler;
    search->conf = conf;
    search->ntargets = 0;
    (void) ngx_cpystrn((u_char *) search->error,
                       (u_char *) "its host cannot be looked up now",
                       sizeof(search->error));

    for (i = 0; i < pcf->nhosts; i++) {
        ngx_onair_postgres_lookup(&pcf->hosts[i], i);
    }

    if (search->waiting == 0) {
        ngx_onair_postgres_found();
        return;
    }

    search->dummy.fd = (ngx_socket_t) -1;
    search->timer.handler = ngx_onair_postgres_search_expired;
    search->timer.data = &search->dummy;
    search->timer.log = ngx_cycle->log;
    search->timer.cancelable = 1;
    ngx_add_timer(&search->timer, conf->connect_timeout);
}


void
ngx_onair_postgres_rotate(void)
{
    ngx_onair_postgres_search.first++;
}


/* --- dialling -------------------------------------------------------- */


typedef struct {
    char        host[NGX_ONAIR_POSTGRES_TARGETS
                     * (NGX_ONAIR_RESOLVE_NAME + 1)];
    char        hostaddr[NGX_ONAIR_POSTGRES_TARGETS * (INET6_ADDRSTRLEN + 17)];
    char        port[NGX_ONAIR_POSTGRES_TARGETS * 64];
} ngx_onair_postgres_lists_t;


static void
ngx_onair_postgres_lists(ngx_onair_postgres_lists_t *lists)
{
    u_char                       *host, *hostaddr, *port;
    ngx_uint_t                    i;
    const char                   *comma;
    ngx_onair_postgres_search_t  *search;
    ngx_onair_postgres_target_t  *target;

    search = &ngx_onair_postgres_search;
    host = (u_char *) lists->host;
    hostaddr = (u_char *) lists->hostaddr;
    port = (u_char *) lists->port;
    comma = "";

    for (i = 0; i < search->ntargets; i++) {
        target = &search->targets[(search->first + i) % search->ntargets];

        host = ngx_slprintf(host, (u_char *) lists->host
                                  + sizeof(lists->host) - 1,
                            "%s%s", comma, target->host->name);
        hostaddr = ngx_slprintf(hostaddr, (u_char *) lists->hostaddr
                                          + sizeof(lists->hostaddr) - 1,
                                "%s%s", comma, target->address);
        port = ngx_slprintf(port, (u_char *) lists->port
                                  + sizeof(lists->port) - 1,
                            "%s%s", comma, target->host->port);
        comma = ",";
    }

    *host = *hostaddr = *port = '\0';
}


PGconn *
ngx_onair_postgres_dial(ngx_onair_sql_conf_t *conf)
{
    PGconn                     *pg;
    ngx_uint_t                  n;
    const char                 *keywords[NGX_ONAIR_POSTGRES_OPTIONS];
    const char                 *values[NGX_ONAIR_POSTGRES_OPTIONS];
    ngx_onair_postgres_conf_t  *pcf;
    ngx_onair_postgres_lists_t *lists;

    lists = ngx_calloc(sizeof(ngx_onair_postgres_lists_t), ngx_cycle->log);
    if (lists == NULL) {
        return NULL;
    }

    pcf = conf->data;

    for (n = 0; n < pcf->noptions; n++) {
        keywords[n] = pcf->keywords[n];
        values[n] = pcf->values[n];
    }

    if (pcf->nhosts) {
        ngx_onair_postgres_lists(lists);

        keywords[n] = "host";
        values[n++] = lists->host;
        keywords[n] = "hostaddr";
        values[n++] = lists->hostaddr;
        keywords[n] = "port";
        values[n++] = lists->port;
    }

    keywords[n] = "fallback_application_name";
    values[n++] = "onair";
    keywords[n] = "client_encoding";
    values[n++] = "UTF8";
    keywords[n] = NULL;
    values[n] = NULL;

    pg = PQconnectStartParams(keywords, values, 0);
    ngx_free(lists);

    return pg;
}
