
/*
 * One publisher a channel over all machines: a lease in Redis.
 *
 * Its value names the publication: a random token, whether it is a backup, its
 * process and its node.  One script takes, keeps and asks for it, so that a
 * heartbeat also takes back what an emptied Redis has lost.  A holder is never
 * overwritten: who takes over leaves a mark and waits until it has let go, or
 * has died, so that no two are on the air.
 */


#include "ngx_rtmp_publish_auth.h"

#include <inttypes.h>


/* Marks outlive some questions of those who leave them, and of holders. */
#define NGX_RTMP_PUBLISH_AUTH_TAKEOVER_TTL  "1500"
#define NGX_RTMP_PUBLISH_AUTH_STANDBY_TTL   1000

#define NGX_RTMP_PUBLISH_AUTH_TOKEN_CHARS   32
#define NGX_RTMP_PUBLISH_AUTH_KEY_BYTES     (OA_LIVE_CHANNEL_BYTES + 40)

#define NGX_RTMP_PUBLISH_AUTH_COMPLAINTS    60    /* seconds between two */


#define ngx_rtmp_publish_auth_text(s)                                         \
    { sizeof(s) - 1, (u_char *) s }


typedef struct {
    ngx_str_t   node;                /* the channel it listens to */
    u_char      node_data[128];
    ngx_uint_t  configured;
    time_t      complained;
} ngx_rtmp_publish_auth_leases_t;


static void ngx_rtmp_publish_auth_lease_answered(void *data,
    const redisReply *reply);
static void ngx_rtmp_publish_auth_lease_message(void *data,
    const ngx_str_t *channel, const ngx_str_t *message);


static ngx_rtmp_publish_auth_leases_t  ngx_rtmp_publish_auth_leased;


/*
 * KEYS: the lease, the mark of a takeover, that of a standby.
 * ARGV: my value, its ms, what I want, the value of a holder that is dead.
 *
 * A standby only looks, and takes it with another question when it is free: one
 * that Redis answers late, after it hung, must not take what a holder could
 * not renew meanwhile.
 */
static ngx_str_t  ngx_rtmp_publish_auth_take_script =
    ngx_rtmp_publish_auth_text(
    "local v = redis.call('GET', KEYS[1])\n"
    "if not v and ARGV[3] == 'standby' then\n"
    "  return {0, '', 0}\n"
    "end\n"
    "if not v or v == ARGV[1] or v == ARGV[4] then\n"
    "  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
    "  if v ~= ARGV[1] then\n"
    "    redis.call('DEL', KEYS[2], KEYS[3])\n"
    "  end\n"
    "  return {1, redis.call('EXISTS', KEYS[2]),"
    " redis.call('EXISTS', KEYS[3])}\n"
    "end\n"
    "if ARGV[3] == 'takeover' then\n"
    "  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[5])\n"
    "  redis.call('PUBLISH', 'onair:node:' .. string.match(v, '%S*$'), v)\n"
    "elseif ARGV[3] == 'standby' then\n"
    "  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[6])\n"
    "end\n"
    "return {0, v, redis.call('PTTL', KEYS[1])}\n");

static ngx_str_t  ngx_rtmp_publish_auth_release_script =
    ngx_rtmp_publish_auth_text(
    "if redis.call('GET', KEYS[1]) == ARGV[1] then\n"
    "  return redis.call('DEL', KEYS[1])\n"
    "end\n"
    "return 0\n");

static ngx_str_t  ngx_rtmp_publish_auth_eval =
    ngx_rtmp_publish_auth_text("EVAL");
static ngx_str_t  ngx_rtmp_publish_auth_one = ngx_rtmp_publish_auth_text("1");
static ngx_str_t  ngx_rtmp_publish_auth_three =
    ngx_rtmp_publish_auth_text("3");
static ngx_str_t  ngx_rtmp_publish_auth_takeover_ttl =
    ngx_rtmp_publish_auth_text(NGX_RTMP_PUBLISH_AUTH_TAKEOVER_TTL);

static ngx_str_t  ngx_rtmp_publish_auth_wants[] = {
    ngx_null_string,
    ngx_rtmp_publish_auth_text("takeover"),
    ngx_rtmp_publish_auth_text("standby")
};


ngx_int_t
ngx_rtmp_publish_auth_lease_init(ngx_cycle_t *cycle)
{
    ngx_rtmp_publish_auth_leases_t  *leases;

    leases = &ngx_rtmp_publish_auth_leased;
    leases->configured = ngx_onair_redis_configured(cycle);

    if (!leases->configured) {
        return NGX_OK;
    }

    leases->node.data = leases->node_data;
    leases->node.len = ngx_snprintf(leases->node_data,
                                    sizeof(leases->node_data),
                                    "onair:node:%V", ngx_onair_node())
                       - leases->node_data;

    return ngx_onair_redis_subscribe(&leases->node,
                                     ngx_rtmp_publish_auth_lease_message,
                                     NULL);
}


ngx_uint_t
ngx_rtmp_publish_auth_leases(void)
{
    return ngx_rtmp_publish_auth_leased.configured;
}


void
ngx_rtmp_publish_auth_lease_name(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    u_char                         *last;
    const oa_bus_process_t         *self;
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;
    self = ngx_onair_process();

    last = ngx_snprintf(lease->value, sizeof(lease->value),
                        "%016xL%016xL %c %D:%uL %V",
                        ngx_onair_random64(), ngx_onair_random64(),
                        ctx->backup ? 'b' : 'p', self->pid,
                        self->start_time, ngx_onair_node());
    lease->len = last - lease->value;
}


/* The keys hold the channel in braces, so that a cluster has them together. */
static void
ngx_rtmp_publish_auth_lease_key(ngx_rtmp_publish_auth_ctx_t *ctx,
    const char *suffix, u_char *buf, ngx_str_t *key)
{
    key->data = buf;
    key->len = ngx_snprintf(buf, NGX_RTMP_PUBLISH_AUTH_KEY_BYTES,
                            "onair:lease:{%s}%s", ctx->grant.channel, suffix)
               - buf;
}


void
ngx_rtmp_publish_auth_lease_ask(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_rtmp_publish_auth_want_t want, int64_t now_ms)
{
    u_char                          keys[3][NGX_RTMP_PUBLISH_AUTH_KEY_BYTES];
    u_char                          ttl[16], standby[16];
    ngx_str_t                       args[12];
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;

    if (lease->command) {
        return;
    }

    ngx_memzero(args, sizeof(args));
    args[0] = ngx_rtmp_publish_auth_eval;
    args[1] = ngx_rtmp_publish_auth_take_script;
    args[2] = ngx_rtmp_publish_auth_three;
    ngx_rtmp_publish_auth_lease_key(ctx, "", keys[0], &args[3]);
    ngx_rtmp_publish_auth_lease_key(ctx, ":takeover", keys[1], &args[4]);
    ngx_rtmp_publish_auth_lease_key(ctx, ":standby", keys[2], &args[5]);
    args[6].data = lease->value;
    args[6].len = lease->len;
    args[7].data = ttl;
    args[7].len = ngx_sprintf(ttl, "%d", NGX_RTMP_PUBLISH_AUTH_LEASE_TTL)
                  - ttl;
    args[8] = ngx_rtmp_publish_auth_wants[want];

    if (lease->other_dead) {
        args[9].data = lease->other;
        args[9].len = lease->other_len;
    }

    args[10] = ngx_rtmp_publish_auth_takeover_ttl;
    args[11].data = standby;
    args[11].len = ngx_sprintf(standby, "%d",
                               NGX_RTMP_PUBLISH_AUTH_STANDBY_TTL) - standby;

    lease->command = ngx_onair_redis_command(args, 12,
                                 ngx_rtmp_publish_auth_lease_answered, ctx);
    lease->asked_ms = now_ms;
    lease->answer = lease->command ? NGX_RTMP_PUBLISH_AUTH_LEASE_ASKED
                                   : NGX_RTMP_PUBLISH_AUTH_LEASE_AWAY;
}


/* "<token> <p|b> <pid>:<start time> <node>"; others may have written it. */
static void
ngx_rtmp_publish_auth_lease_other(ngx_rtmp_publish_auth_lease_t *lease,
    const char *value, size_t len)
{
    char              node[NGX_RTMP_PUBLISH_AUTH_LEASE_BYTES];
    char              kind;
    char              text[NGX_RTMP_PUBLISH_AUTH_LEASE_BYTES];
    ngx_str_t         mine;
    oa_bus_process_t  process;

    lease->other_backup = 0;
    lease->other_node = 1;
    lease->other_dead = 0;
    lease->other_none = (len == 0);
    lease->other_len = ngx_min(len, sizeof(lease->other) - 1);
    ngx_memcpy(lease->other, value, lease->other_len);

    ngx_memcpy(text, lease->other, lease->other_len);
    text[lease->other_len] = '\0';

    if (sscanf(text, "%*32s %c %" SCNd32 ":%" SCNu64 " %127s", &kind,
               &process.pid, &process.start_time, node) != 4)
    {
        return;
    }

    mine = *ngx_onair_node();
    lease->other_backup = (kind == 'b');
    lease->other_node = (ngx_strlen(node) != mine.len
                         || ngx_memcmp(node, mine.data, mine.len) != 0);
    lease->other_dead = (!lease->other_node && process.pid > 0
                         && !ngx_onair_alive(NULL, &process));
}


static void
ngx_rtmp_publish_auth_lease_complain(const char *text)
{
    ngx_rtmp_publish_auth_leases_t  *leases;

    leases = &ngx_rtmp_publish_auth_leased;

    if (ngx_time() - leases->complained < NGX_RTMP_PUBLISH_AUTH_COMPLAINTS
        && leases->complained != 0)
    {
        return;
    }

    leases->complained = ngx_time();
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "publish_auth: Redis gives no lease: %s", text);
}


static ngx_uint_t
ngx_rtmp_publish_auth_lease_is_sound(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_rtmp_publish_auth_lease_complain(reply->str);
        return 0;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3
        || reply->element[0]->type != REDIS_REPLY_INTEGER
        || reply->element[2]->type != REDIS_REPLY_INTEGER
        || reply->element[1]->type != (reply->element[0]->integer
                                       ? REDIS_REPLY_INTEGER
                                       : REDIS_REPLY_STRING))
    {
        ngx_rtmp_publish_auth_lease_complain("an answer of another form");
        return 0;
    }

    return 1;
}


static void
ngx_rtmp_publish_auth_lease_answered(void *data, const redisReply *reply)
{
    ngx_rtmp_publish_auth_ctx_t    *ctx = data;
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;
    lease->command = NULL;

    if (reply == NULL || !ngx_rtmp_publish_auth_lease_is_sound(reply)) {
        lease->answer = NGX_RTMP_PUBLISH_AUTH_LEASE_AWAY;

    } else if (reply->element[0]->integer) {
        lease->answer = NGX_RTMP_PUBLISH_AUTH_LEASE_HELD;
        lease->other_dead = 0;
        lease->takeover = (reply->element[1]->integer != 0);
        lease->wanted_ms = reply->element[2]->integer
                           ? ngx_onair_now_ms()
                             + NGX_RTMP_PUBLISH_AUTH_STANDBY_TTL
                           : 0;

    } else {
        lease->answer = NGX_RTMP_PUBLISH_AUTH_LEASE_TAKEN;
        lease->other_ttl_ms = reply->element[2]->integer;
        ngx_rtmp_publish_auth_lease_other(lease, reply->element[1]->str,
                                          reply->element[1]->len);
    }

    /* most are of heartbeats, which change nothing */
    if (ctx->place.state != NGX_RTMP_PUBLISH_AUTH_LIVE || lease->takeover
        || lease->answer == NGX_RTMP_PUBLISH_AUTH_LEASE_TAKEN)
    {
        ngx_rtmp_publish_auth_turn_wake();
    }
}


void
ngx_rtmp_publish_auth_lease_give_up(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;

    if (lease->command) {
        ngx_onair_redis_cancel(lease->command);
        lease->command = NULL;
    }

    lease->answer = NGX_RTMP_PUBLISH_AUTH_LEASE_AWAY;
}


/* Also what was asked and not answered may have been granted. */
void
ngx_rtmp_publish_auth_lease_release(ngx_rtmp_publish_auth_ctx_t *ctx)
{
    u_char                          key[NGX_RTMP_PUBLISH_AUTH_KEY_BYTES];
    ngx_str_t                       args[5];
    ngx_rtmp_publish_auth_lease_t  *lease;

    lease = &ctx->place.lease;

    if (lease->asked_ms == 0) {
        return;
    }

    ngx_rtmp_publish_auth_lease_give_up(ctx);
    lease->asked_ms = 0;

    args[0] = ngx_rtmp_publish_auth_eval;
    args[1] = ngx_rtmp_publish_auth_release_script;
    args[2] = ngx_rtmp_publish_auth_one;
    ngx_rtmp_publish_auth_lease_key(ctx, "", key, &args[3]);
    args[4].data = lease->value;
    args[4].len = lease->len;

    /* if it cannot be sent, the lease runs out by itself */
    (void) ngx_onair_redis_command(args, 5, NULL, NULL);
}


/* Somebody elsewhere takes over from the publication of that value. */
static void
ngx_rtmp_publish_auth_lease_message(void *data, const ngx_str_t *channel,
    const ngx_str_t *message)
{
    ngx_rtmp_publish_auth_ctx_t    *ctx;
    ngx_rtmp_publish_auth_lease_t  *lease;

    for (ctx = ngx_rtmp_publish_auth_turn_next(NULL);
         ctx;
         ctx = ngx_rtmp_publish_auth_turn_next(ctx))
    {
        lease = &ctx->place.lease;

        if (message->len == lease->len
            && ngx_memcmp(message->data, lease->value, lease->len) == 0)
        {
            lease->takeover = 1;
            ngx_rtmp_publish_auth_turn_wake();
        }
    }
}
