
/*
 * Private to ngx_onair_postgres*.c: where the server is, apart from what is
 * said to it.
 */


#ifndef NGX_ONAIR_POSTGRES_H
#define NGX_ONAIR_POSTGRES_H


#include <libpq-fe.h>

#include "core/ngx_onair_sql_impl.h"


/* error: NULL, or why no host has an address. */
typedef void (*ngx_onair_postgres_found_pt)(const char *error);


/* Of ngx_onair_sql_backend_t. */
ngx_int_t ngx_onair_postgres_configure(ngx_conf_t *cf,
    ngx_onair_sql_conf_t *conf);

/*
 * Looks all names of hosts up; nothing when that is under way.  The handler
 * may be called from inside when there is none to look up.
 */
void ngx_onair_postgres_find(ngx_onair_sql_conf_t *conf,
    ngx_onair_postgres_found_pt handler);

/*
 * Starts a connection to what was found.  NULL: no memory.  It may be one
 * that has failed.
 */
PGconn *ngx_onair_postgres_dial(ngx_onair_sql_conf_t *conf);

/* The address that was tried first did not answer: the next one leads. */
void ngx_onair_postgres_rotate(void);


#endif /* NGX_ONAIR_POSTGRES_H */
