
/*
 * What is said first on a connection to Redis, all at once: to a sentinel who
 * the master is; to a server who we are, and whether it takes commands.
 */


#include "core/ngx_onair_redis_impl.h"

#include <hiredis/sds.h>


/* NULL, or why the connection is of no use. */
typedef const char *(*ngx_onair_redis_check_pt)(ngx_onair_redis_link_t *link,
    const redisReply *reply);

/* One command of a greeting. */
typedef struct {
    ngx_onair_redis_check_pt  check;
} ngx_onair_redis_step_t;


/* "…: what Redis said", fit for a log, into link->reason. */
static const char *
ngx_onair_redis_refusal(ngx_onair_redis_link_t *link, const char *intro,
    const char *text, size_t len)
{
    u_char  *p, *last;

    last = (u_char *) link->reason + NGX_ONAIR_REDIS_MAX_REASON;
    p = ngx_slprintf((u_char *) link->reason, last, "%s: ", intro);

    for (; len > 0 && p < last; len--, text++) {
        *p++ = *text >= ' ' && *text < 0x7f ? (u_char) *text : '?';
    }

    *p = '\0';

    return link->reason;
}


static const char *
ngx_onair_redis_ignore(ngx_onair_redis_link_t *link, const redisReply *reply)
{
    (void) link;
    (void) reply;

    return NULL;
}


/* The rest of the error may repeat the password. */
static const char *
ngx_onair_redis_check_auth(ngx_onair_redis_link_t *link,
    const redisReply *reply)
{
    size_t  len;

    if (reply->type != REDIS_REPLY_ERROR) {
        return NULL;
    }

    len = strcspn(reply->str, " ");

    return ngx_onair_redis_refusal(link, "user or password refused",
                                   reply->str, ngx_min(len, reply->len));
}


static const char *
ngx_onair_redis_check_select(ngx_onair_redis_link_t *link,
    const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR) {
        return NULL;
    }

    return ngx_onair_redis_refusal(link, "SELECT refused", reply->str,
                                   reply->len);
}


/*
 * A user who may not ask is believed that it is the master, unless a sentinel
 * had to be asked: that may be behind the times.
 */
static const char *
ngx_onair_redis_check_role(ngx_onair_redis_link_t *link,
    const redisReply *reply)
{
    const redisReply  *role;

    if (reply->type == REDIS_REPLY_ERROR && link->conf->sentinel.len == 0) {
        return NULL;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_onair_redis_refusal(link, "ROLE refused", reply->str,
                                       reply->len);
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return "ROLE was not understood";
    }

    role = reply->element[0];

    if (role->len != 6 || ngx_strncmp(role->str, "master", 6) != 0) {
        return "it is not a master";
    }

    return NULL;
}


/* Refused for want of a password, or while it loads its data. */
static const char *
ngx_onair_redis_check_ping(ngx_onair_redis_link_t *link,
    const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_onair_redis_refusal(link, "refused", reply->str,
                                       reply->len);
    }

    ngx_onair_redis_link_ready(link);

    return NULL;
}


static const char *
ngx_onair_redis_check_master(ngx_onair_redis_link_t *link,
    const redisReply *reply)
{
    ngx_int_t          port;
    const redisReply  *host, *number;

    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_onair_redis_refusal(link, "the sentinel refused",
                                       reply->str, reply->len);
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return "the sentinel knows no such master";
    }

    host = reply->element[0];
    number = reply->element[1];

    if (host->type != REDIS_REPLY_STRING || host->len == 0
        || host->len > NGX_ONAIR_REDIS_MAX_HOST
        || number->type != REDIS_REPLY_STRING)
    {
        return "the sentinel was not understood";
    }

    port = ngx_atoi((u_char *) number->str, number->len);
    if (port < 1 || port > 65535) {
        return "the sentinel was not understood";
    }

    (void) ngx_cpystrn((u_char *) link->host, (u_char *) host->str,
                       host->len + 1);
    link->port = (in_port_t) port;
    ngx_onair_redis_link_follow(link);

    return NULL;
}


static const ngx_onair_redis_step_t  ngx_onair_redis_step_ignored = {
    ngx_onair_redis_ignore
};

static const ngx_onair_redis_step_t  ngx_onair_redis_step_auth = {
    ngx_onair_redis_check_auth
};

static const ngx_onair_redis_step_t  ngx_onair_redis_step_select = {
    ngx_onair_redis_check_select
};

static const ngx_onair_redis_step_t  ngx_onair_redis_step_role = {
    ngx_onair_redis_check_role
};

static const ngx_onair_redis_step_t  ngx_onair_redis_step_ping = {
    ngx_onair_redis_check_ping
};

static const ngx_onair_redis_step_t  ngx_onair_redis_step_master = {
    ngx_onair_redis_check_master
};


static void
ngx_onair_redis_greeted(redisAsyncContext *redis, void *reply, void *data)
{
    const char                    *reason;
    ngx_onair_redis_link_t        *link;
    const ngx_onair_redis_step_t  *step;

    link = redis->data;
    step = data;

    /* given up by us, or about to be reported as lost */
    if (link == NULL || reply == NULL) {
        return;
    }

    reason = step->check(link, reply);

    if (reason != NULL) {
        ngx_onair_redis_link_fail(link, reason);
    }
}


static int
ngx_onair_redis_say(ngx_onair_redis_link_t *link,
    const ngx_onair_redis_step_t *step, int argc, const ngx_str_t *args)
{
    int          i;
    size_t       lens[3];
    const char  *argv[3];

    for (i = 0; i < argc; i++) {
        argv[i] = (const char *) args[i].data;
        lens[i] = args[i].len;
    }

    return redisAsyncCommandArgv(link->redis, ngx_onair_redis_greeted,
                                 (void *) (uintptr_t) step, argc, argv, lens);
}


static int
ngx_onair_redis_say_auth(ngx_onair_redis_link_t *link,
    const ngx_onair_redis_step_t *step)
{
    ngx_str_t   args[3] = { ngx_string("AUTH"), ngx_null_string,
                            ngx_null_string };
    ngx_uint_t  n;

    n = 1;

    if (link->conf->password.len == 0) {
        return REDIS_OK;
    }

    if (link->conf->user.len > 0) {
        args[n++] = link->conf->user;
    }

    args[n++] = link->conf->password;

    return ngx_onair_redis_say(link, step, (int) n, args);
}


/* Sentinels with a password have the servers'; the others only complain. */
static ngx_int_t
ngx_onair_redis_greet_sentinel(ngx_onair_redis_link_t *link)
{
    ngx_str_t  args[3] = { ngx_string("SENTINEL"),
                           ngx_string("get-master-addr-by-name"),
                           ngx_null_string };

    args[2] = link->conf->sentinel;

    if (ngx_onair_redis_say_auth(link, &ngx_onair_redis_step_ignored)
            != REDIS_OK
        || ngx_onair_redis_say(link, &ngx_onair_redis_step_master, 3, args)
               != REDIS_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* So that CLIENT LIST tells who it is. */
static int
ngx_onair_redis_say_name(ngx_onair_redis_link_t *link)
{
    u_char     name[128];
    ngx_str_t  args[3] = { ngx_string("CLIENT"), ngx_string("SETNAME"),
                           ngx_null_string };

    args[2].data = name;
    args[2].len = (size_t) (ngx_snprintf(name, sizeof(name), "onair:%V:%P:%s",
                                         ngx_onair_node(), ngx_pid,
                                         link->what)
                            - name);

    return ngx_onair_redis_say(link, &ngx_onair_redis_step_ignored, 3, args);
}


static ngx_int_t
ngx_onair_redis_greet_server(ngx_onair_redis_link_t *link)
{
    u_char     db[NGX_INT_T_LEN];
    ngx_str_t  role = ngx_string("ROLE");
    ngx_str_t  ping = ngx_string("PING");
    ngx_str_t  args[2] = { ngx_string("SELECT"), ngx_null_string };

    args[1].data = db;
    args[1].len = (size_t) (ngx_sprintf(db, "%ui", link->conf->db) - db);

    if (ngx_onair_redis_say_auth(link, &ngx_onair_redis_step_auth) != REDIS_OK
        || (link->conf->db != 0
            && ngx_onair_redis_say(link, &ngx_onair_redis_step_select, 2, args)
                   != REDIS_OK)
        || ngx_onair_redis_say_name(link) != REDIS_OK
        || ngx_onair_redis_say(link, &ngx_onair_redis_step_role, 1, &role)
               != REDIS_OK
        || ngx_onair_redis_say(link, &ngx_onair_redis_step_ping, 1, &ping)
               != REDIS_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_onair_redis_greet(ngx_onair_redis_link_t *link)
{
    if (link->state == NGX_ONAIR_REDIS_SENTINEL) {
        return ngx_onair_redis_greet_sentinel(link);
    }

    return ngx_onair_redis_greet_server(link);
}


/*
 * While subscribed hiredis keeps what awaits the answer to another command
 * until the connection ends; written below it, PING leaves nothing behind,
 * and its answer is read and thrown away.
 */
void
ngx_onair_redis_ping(ngx_onair_redis_link_t *link)
{
    redisAsyncContext  *redis;

    redis = link->redis;

    if (!(redis->c.flags & REDIS_SUBSCRIBED)) {
        (void) redisAsyncCommand(redis, NULL, NULL, "PING");
        return;
    }

    if (redisAppendCommand(&redis->c, "PING") == REDIS_OK) {
        redis->ev.addWrite(redis->ev.data);
    }
}
