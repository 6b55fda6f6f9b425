
/*
 * Names of hosts to addresses without waiting: getaddrinfo() in nginx's
 * thread pool, so that /etc/hosts and what else the system is set to apply.
 */


#ifndef NGX_ONAIR_RESOLVE_H
#define NGX_ONAIR_RESOLVE_H


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ONAIR_RESOLVE_ADDRS  8
#define NGX_ONAIR_RESOLVE_NAME   255         /* bytes of a name at most */


struct ngx_thread_pool_s;

typedef struct ngx_onair_resolve_s  ngx_onair_resolve_t;


/*
 * addrs: naddrs numeric addresses (1 to NGX_ONAIR_RESOLVE_ADDRS) in the
 * system's order, each ended by a NUL behind its length; gone after the call.
 * naddrs is 0 when there are none; error then says why, else it is NULL.
 */
typedef void (*ngx_onair_resolve_pt)(void *ctx, const ngx_str_t *addrs,
    ngx_uint_t naddrs, const char *error);


/*
 * The thread pool "default", made when it is missing; at configuration time,
 * from a directive.  NULL: this nginx has no threads, which was logged.
 */
struct ngx_thread_pool_s *ngx_onair_threads(ngx_conf_t *cf);

/* Whether the host is a numeric IPv4 or IPv6 address (without brackets). */
ngx_uint_t ngx_onair_is_address(const char *host);

/*
 * Looks a name up, in a worker process.  The handler is called once, from
 * the event loop.  There is no time limit here: whoever asks has his own and
 * cancels; asking for the same name again joins the lookup under way, so a
 * name server that does not answer ties up one thread a name.  A worker that
 * ends waits for it: three seconds for each name server that is asked.
 * NULL: no memory, the name is too long, or the pool's queue is full.
 */
ngx_onair_resolve_t *ngx_onair_resolve(struct ngx_thread_pool_s *threads,
    const char *host, ngx_onair_resolve_pt handler, void *ctx);

/* The handler will not be called. */
void ngx_onair_resolve_cancel(ngx_onair_resolve_t *resolve);


#endif /* NGX_ONAIR_RESOLVE_H */
