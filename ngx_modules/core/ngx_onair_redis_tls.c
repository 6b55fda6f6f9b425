
/*
 * TLS to Redis, where hiredis was built with it.  Certificates are checked,
 * the name too, which hiredis leaves to its callers.
 */


#include "core/ngx_onair_redis_impl.h"


#if (NGX_ONAIR_REDIS_TLS)

#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>


static void
ngx_onair_redis_tls_cleanup(void *data)
{
    SSL_CTX_free(data);
}


static ngx_int_t
ngx_onair_redis_tls_trust(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf)
{
    if (conf->tls_ca.len == 0) {
        return SSL_CTX_set_default_verify_paths(conf->tls_context) == 1
               ? NGX_OK : NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &conf->tls_ca, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    return SSL_CTX_load_verify_locations(conf->tls_context,
                                         (char *) conf->tls_ca.data, NULL)
           == 1 ? NGX_OK : NGX_ERROR;
}


char *
ngx_onair_redis_tls_configure(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf)
{
    ngx_pool_cleanup_t  *cleanup;

    cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->tls_context = SSL_CTX_new(TLS_client_method());
    if (conf->tls_context == NULL) {
        return NGX_CONF_ERROR;
    }

    cleanup->handler = ngx_onair_redis_tls_cleanup;
    cleanup->data = conf->tls_context;

    (void) SSL_CTX_set_min_proto_version(conf->tls_context, TLS1_2_VERSION);
    SSL_CTX_set_verify(conf->tls_context, SSL_VERIFY_PEER, NULL);

    if (ngx_onair_redis_tls_trust(cf, conf) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"onair_redis\": no certificates in \"%V\"",
                           &conf->tls_ca);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The certificate must be for what the configuration or a sentinel said. */
static ngx_int_t
ngx_onair_redis_tls_expect(SSL *ssl, const char *host)
{
    if (ngx_onair_is_address(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
               ? NGX_OK : NGX_ERROR;
    }

    return SSL_set1_host(ssl, host) == 1
           && SSL_set_tlsext_host_name(ssl, (char *) (uintptr_t) host) == 1
           ? NGX_OK : NGX_ERROR;
}


const char *
ngx_onair_redis_tls_reason(const ngx_onair_redis_link_t *link)
{
    long  result;

    result = link->ssl ? SSL_get_verify_result(link->ssl) : X509_V_OK;

    return result == X509_V_OK ? NULL : X509_verify_cert_error_string(result);
}


const char *
ngx_onair_redis_tls_start(ngx_onair_redis_link_t *link)
{
    SSL         *ssl;
    const char  *reason;

    ssl = SSL_new(link->conf->tls_context);
    if (ssl == NULL) {
        return "no memory";
    }

    link->ssl = ssl;

    if (ngx_onair_redis_tls_expect(ssl, link->host) == NGX_OK
        && redisInitiateSSL(&link->redis->c, ssl) == REDIS_OK)
    {
        return NULL;
    }

    reason = ngx_onair_redis_tls_reason(link);
    link->ssl = NULL;
    SSL_free(ssl);

    return reason != NULL ? reason : "TLS cannot be started";
}


#else


char *
ngx_onair_redis_tls_configure(ngx_conf_t *cf, ngx_onair_redis_conf_t *conf)
{
    (void) conf;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "this hiredis has no TLS: let stunnel or nginx's "
                       "stream module (\"proxy_ssl on\") speak it, and name "
                       "its local address in \"onair_redis\"");

    return NGX_CONF_ERROR;
}


const char *
ngx_onair_redis_tls_start(ngx_onair_redis_link_t *link)
{
    (void) link;

    return "no TLS";
}


const char *
ngx_onair_redis_tls_reason(const ngx_onair_redis_link_t *link)
{
    (void) link;

    return NULL;
}


#endif
