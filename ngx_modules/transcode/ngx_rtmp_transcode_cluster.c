
/*
 * What machines tell each other of their slots, by Redis.
 *
 * One worker of the machine, and another when that one dies or leaves, says
 * what the machine has and holds, soon after it changes and every two seconds,
 * and hears in return the sums of all others.  A machine that has said nothing
 * for ten seconds does not count any more; what was heard counts as long.
 */


#include "ngx_rtmp_transcode.h"


#define NGX_RTMP_TRANSCODE_CLUSTER_TICK        250
#define NGX_RTMP_TRANSCODE_CLUSTER_BEAT        2000
#define NGX_RTMP_TRANSCODE_CLUSTER_TTL         10000
#define NGX_RTMP_TRANSCODE_CLUSTER_COMPLAINTS  60    /* seconds between two */


#define ngx_rtmp_transcode_text(s)  { sizeof(s) - 1, (u_char *) s }


typedef struct {
    ngx_event_t                 timer;
    ngx_onair_redis_command_t  *command;
    oa_ladder_share_t           said;
    int64_t                     asked_ms;
    int64_t                     heard_ms;      /* 0: not the keeper yet */
    time_t                      complained;
    unsigned                    unsent:1;
    unsigned                    resigned:1;
    unsigned                    alone:1;       /* and it was told */
} ngx_rtmp_transcode_cluster_t;


static void ngx_rtmp_transcode_cluster_tick(ngx_event_t *ev);
static void ngx_rtmp_transcode_cluster_heard(void *data,
    const redisReply *reply);


static ngx_rtmp_transcode_cluster_t  ngx_rtmp_transcode_cluster;


/*
 * KEYS: a hash with a field for each machine, "deadline machines capacity
 * partners affiliates", in Redis's own time, and one of no machine's name with
 * the sums.  ARGV: my name, what I have, ms until it no longer counts.
 *
 * The sums are made anew each second, by who comes first; in between each
 * takes its old numbers out and puts its new ones in.  So it costs the same
 * however many machines there are, and whatever somebody wrote into the key, or
 * took out, is mended within that second.
 */
static ngx_str_t  ngx_rtmp_transcode_cluster_script = ngx_rtmp_transcode_text(
    "local key, name = KEYS[1], ARGV[1]\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "local function read(text, most)\n"
    "  local s = {string.match(text or '',"
    " '^(%d+) (%d+) (%d+) (%d+) (%d+)$')}\n"
    "  for i = 1, 5 do\n"
    "    s[i] = tonumber(s[i])\n"
    "    if not s[i] or i > 1 and s[i] > most then return nil end\n"
    "  end\n"
    "  return s\n"
    "end\n"
    "local function write(s)\n"
    "  return string.format('%.0f %.0f %.0f %.0f %.0f', unpack(s))\n"
    "end\n"
    "local function add(sum, s, sign)\n"
    "  for i = 2, 5 do sum[i] = sum[i] + sign * s[i] end\n"
    "end\n"
    "local function counts(s, ttl)\n"
    "  return s and s[1] > now and s[1] <= now + ttl\n"
    "end\n"
    "local sum = read(redis.call('HGET', key, '*'), 1e12)\n"
    "if counts(sum, 1000) then\n"
    "  local before = read(redis.call('HGET', key, name), 1e8)\n"
    "  if before then add(sum, before, -1) end\n"
    "else\n"
    "  sum = {now + 1000, 0, 0, 0, 0}\n"
    "  local all = redis.call('HGETALL', key)\n"
    "  for i = 1, #all, 2 do\n"
    "    if all[i] ~= '*' and all[i] ~= name then\n"
    "      local s = read(all[i + 1], 1e8)\n"
    "      if counts(s, 60000) then\n"
    "        add(sum, s, 1)\n"
    "      else\n"
    "        redis.call('HDEL', key, all[i])\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local others = string.format('%.0f %.0f %.0f %.0f', unpack(sum, 2))\n"
    "local mine = read(string.format('%.0f ', now + ARGV[3]) .. ARGV[2], 1e8)\n"
    "add(sum, mine, 1)\n"
    "redis.call('HSET', key, name, write(mine), '*', write(sum))\n"
    "redis.call('PEXPIRE', key, 60000)\n"
    "return others\n");

static ngx_str_t  ngx_rtmp_transcode_cluster_eval =
    ngx_rtmp_transcode_text("EVAL");
static ngx_str_t  ngx_rtmp_transcode_cluster_one =
    ngx_rtmp_transcode_text("1");
static ngx_str_t  ngx_rtmp_transcode_cluster_key =
    ngx_rtmp_transcode_text("onair:slots");


void
ngx_rtmp_transcode_cluster_init(ngx_cycle_t *cycle)
{
    ngx_event_t  *timer;

    if (!ngx_onair_redis_configured(cycle)) {
        return;
    }

    timer = &ngx_rtmp_transcode_cluster.timer;
    timer->handler = ngx_rtmp_transcode_cluster_tick;
    timer->log = cycle->log;
    timer->cancelable = 1;

    ngx_add_timer(timer, 1);
}


/*
 * A worker that shuts down leaves it to a newer one, which asks more often;
 * where nobody else does it goes on itself, for its publishers hold slots.
 */
static ngx_uint_t
ngx_rtmp_transcode_cluster_is_keeper(int64_t now_ms)
{
    ngx_rtmp_transcode_cluster_t  *cluster;

    cluster = &ngx_rtmp_transcode_cluster;

    if ((ngx_exiting || ngx_quit) && !cluster->resigned) {
        cluster->resigned = 1;
        cluster->heard_ms = 0;
        ngx_rtmp_transcode_slots_resign();
        return 0;
    }

    if (!ngx_rtmp_transcode_slots_keep()) {
        return 0;
    }

    if (cluster->heard_ms == 0) {
        cluster->heard_ms = now_ms;
    }

    return 1;
}


/* Once for each time: Redis is away, hangs or refuses. */
static void
ngx_rtmp_transcode_cluster_look(int64_t now_ms)
{
    ngx_rtmp_transcode_cluster_t  *cluster;

    cluster = &ngx_rtmp_transcode_cluster;

    if (cluster->alone
        || now_ms - cluster->heard_ms < NGX_RTMP_TRANSCODE_CLUSTER_TTL)
    {
        return;
    }

    cluster->alone = 1;
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "transcode: other machines' slots are not known: what "
                  "affiliates get is decided on this machine alone");
}


static void
ngx_rtmp_transcode_cluster_share(oa_ladder_share_t *share)
{
    oa_ladder_slots_usage_t  usage;

    ngx_rtmp_transcode_slots_usage(&usage);

    share->machines = 1;
    share->capacity = usage.capacity;
    share->partners = usage.partners;
    share->affiliates = usage.affiliates;
}


static void
ngx_rtmp_transcode_cluster_ask(const oa_ladder_share_t *share, int64_t now_ms)
{
    u_char                         ttl[NGX_INT_T_LEN];
    u_char                         text[OA_LADDER_SHARE_BYTES];
    ngx_str_t                      args[7];
    oa_writer_t                    w;
    ngx_rtmp_transcode_cluster_t  *cluster;

    cluster = &ngx_rtmp_transcode_cluster;

    oa_writer_init(&w, text, sizeof(text));
    oa_ladder_share_print(&w, share);

    args[0] = ngx_rtmp_transcode_cluster_eval;
    args[1] = ngx_rtmp_transcode_cluster_script;
    args[2] = ngx_rtmp_transcode_cluster_one;
    args[3] = ngx_rtmp_transcode_cluster_key;
    args[4] = *ngx_onair_node();
    args[5].data = text;
    args[5].len = oa_writer_size(&w);
    args[6].data = ttl;
    args[6].len = ngx_sprintf(ttl, "%d", NGX_RTMP_TRANSCODE_CLUSTER_TTL) - ttl;

    cluster->said = *share;
    cluster->asked_ms = now_ms;
    cluster->command = ngx_onair_redis_command(args, 7,
                                     ngx_rtmp_transcode_cluster_heard, NULL);
    cluster->unsent = cluster->command == NULL;
}


static void
ngx_rtmp_transcode_cluster_tick(ngx_event_t *ev)
{
    int64_t                        now_ms;
    ngx_uint_t                     beat;
    oa_ladder_share_t              share;
    ngx_rtmp_transcode_cluster_t  *cluster;

    cluster = &ngx_rtmp_transcode_cluster;
    now_ms = ngx_onair_now_ms();

    ngx_add_timer(ev, cluster->resigned ? 4 * NGX_RTMP_TRANSCODE_CLUSTER_TICK
                                        : NGX_RTMP_TRANSCODE_CLUSTER_TICK);

    if (!ngx_rtmp_transcode_cluster_is_keeper(now_ms)) {
        return;
    }

    ngx_rtmp_transcode_cluster_look(now_ms);

    if (cluster->command) {
        return;
    }

    beat = now_ms - cluster->asked_ms >= NGX_RTMP_TRANSCODE_CLUSTER_BEAT;

    /* what the dead held is free */
    if (beat) {
        ngx_rtmp_transcode_slots_sweep();
    }

    ngx_rtmp_transcode_cluster_share(&share);

    if (beat || cluster->unsent
        || ngx_memcmp(&share, &cluster->said, sizeof(share)) != 0)
    {
        ngx_rtmp_transcode_cluster_ask(&share, now_ms);
    }
}


static void
ngx_rtmp_transcode_cluster_complain(const char *text)
{
    ngx_rtmp_transcode_cluster_t  *cluster;

    cluster = &ngx_rtmp_transcode_cluster;

    if (cluster->complained != 0
        && ngx_time() - cluster->complained
           < NGX_RTMP_TRANSCODE_CLUSTER_COMPLAINTS)
    {
        return;
    }

    cluster->complained = ngx_time();
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "transcode: Redis does not tell other machines' slots: %s",
                  text);
}


static ngx_int_t
ngx_rtmp_transcode_cluster_read(const redisReply *reply,
    oa_ladder_share_t *others)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_rtmp_transcode_cluster_complain(reply->str);
        return NGX_ERROR;
    }

    if (reply->type != REDIS_REPLY_STRING
        || oa_ladder_share_parse(oa_slice(reply->str, reply->len), others)
           != OA_OK)
    {
        ngx_rtmp_transcode_cluster_complain("an answer of another form");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_rtmp_transcode_cluster_heard(void *data, const redisReply *reply)
{
    oa_ladder_share_t              others;
    ngx_rtmp_transcode_cluster_t  *cluster;

    (void) data;

    cluster = &ngx_rtmp_transcode_cluster;
    cluster->command = NULL;

    if (reply == NULL
        || ngx_rtmp_transcode_cluster_read(reply, &others) != NGX_OK)
    {
        return;
    }

    /* as old as the question, at most */
    cluster->heard_ms = cluster->asked_ms;
    ngx_rtmp_transcode_slots_elsewhere(&others,
                                       cluster->asked_ms
                                       + NGX_RTMP_TRANSCODE_CLUSTER_TTL);

    if (cluster->alone) {
        cluster->alone = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "transcode: the slots of %uL other machines are known "
                      "again", others.machines);
    }
}
