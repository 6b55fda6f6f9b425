
/*
 * What one worker of the machine does for all: it reads on in the table of
 * changes and stops who may no longer publish, it keeps the book, and it looks
 * whether the keys were made with the pepper that is configured.  Each worker
 * asks whether it is the keeper; when that one dies or shuts down,
 * another is.  What it has to know is in the zone.
 */


#include "ngx_rtmp_publish_auth.h"


/* A ban ends a stream within a second: this, a query, a tick of the turn. */
#define NGX_RTMP_PUBLISH_AUTH_KEEPER_TICK   250

/* Dead owners are looked for in /proc, so not at each tick. */
#define NGX_RTMP_PUBLISH_AUTH_KEEPER_SWEEP  1000

/* Whether the database was set back: its ids then are lower than known. */
#define NGX_RTMP_PUBLISH_AUTH_KEEPER_CHECK  60000

/*
 * A first keeper begins that much before now: a key may have been checked and
 * been revoked before it came to read.
 */
#define NGX_RTMP_PUBLISH_AUTH_KEEPER_PAST   5000

#define NGX_RTMP_PUBLISH_AUTH_KEEPER_ROWS   256

/* After a look at the pepper's mark that had no answer. */
#define NGX_RTMP_PUBLISH_AUTH_KEEPER_RETRY  1000


typedef struct {
    ngx_event_t             timer;
    ngx_onair_sql_query_t  *query;
    int64_t                 swept_ms;
    int64_t                 checked_ms;
    ngx_onair_sql_query_t  *pepper_query;
    int64_t                 pepper_ms;         /* of the next look */
    char                    mark[OA_KEY_MARK_BYTES];
    ngx_uint_t              database;
    unsigned                resigned:1;
    unsigned                pepper:1;          /* not known as right yet */
    unsigned                told:1;            /* that it is wrong */
} ngx_rtmp_publish_auth_keeper_t;


static void ngx_rtmp_publish_auth_keeper_tick(ngx_event_t *ev);
static void ngx_rtmp_publish_auth_keeper_ask(
    ngx_rtmp_publish_auth_zone_t *zone, int64_t now_ms);
static void ngx_rtmp_publish_auth_keeper_begin(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);
static void ngx_rtmp_publish_auth_keeper_read(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);
static void ngx_rtmp_publish_auth_keeper_check(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);
static void ngx_rtmp_publish_auth_keeper_pepper(
    ngx_rtmp_publish_auth_zone_t *zone, int64_t now_ms);
static void ngx_rtmp_publish_auth_keeper_mark(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);


static ngx_rtmp_publish_auth_keeper_t  ngx_rtmp_publish_auth_keeper;


static const ngx_onair_sql_statement_t  ngx_rtmp_publish_auth_changes_begin = {
    "publish_auth_changes_begin",
    "SELECT COALESCE(MAX(id), 0) FROM changes WHERE created_ms < $1"
};

/* The schema makes ids visible in their order. */
static const ngx_onair_sql_statement_t  ngx_rtmp_publish_auth_changes_read = {
    "publish_auth_changes_read",
    "SELECT id, user_id, channel_id, key_id, kind FROM changes"
    " WHERE id > $1 ORDER BY id LIMIT 256"
};

static const ngx_onair_sql_statement_t  ngx_rtmp_publish_auth_changes_last = {
    "publish_auth_changes_last",
    "SELECT COALESCE(MAX(id), 0) FROM changes"
};

/* onairctl writes it before the first key. */
static const ngx_onair_sql_statement_t  ngx_rtmp_publish_auth_pepper_mark = {
    "publish_auth_pepper_mark",
    "SELECT value FROM settings WHERE name = 'pepper'"
};


ngx_int_t
ngx_rtmp_publish_auth_keeper_init(ngx_cycle_t *cycle,
    const ngx_rtmp_publish_auth_main_conf_t *pamcf)
{
    ngx_rtmp_publish_auth_keeper_t  *keeper;

    if (ngx_rtmp_publish_auth_zone() == NULL) {
        return NGX_OK;
    }

    keeper = &ngx_rtmp_publish_auth_keeper;
    keeper->database = ngx_onair_sql_configured(cycle);
    keeper->timer.handler = ngx_rtmp_publish_auth_keeper_tick;
    keeper->timer.log = cycle->log;
    keeper->timer.cancelable = 1;

    if (keeper->database && pamcf->pepper.len) {
        keeper->pepper = oa_key_pepper_mark(oa_slice(pamcf->pepper.data,
                                                     pamcf->pepper.len),
                                            keeper->mark) == OA_OK;
    }

    ngx_add_timer(&keeper->timer, 1);

    return NGX_OK;
}


/*
 * A worker that shuts down leaves it to a newer one, which asks more often;
 * where the zone has no newer one it goes on itself.
 */
static ngx_uint_t
ngx_rtmp_publish_auth_keeper_elected(ngx_rtmp_publish_auth_zone_t *zone)
{
    bool                             elected;
    ngx_rtmp_publish_auth_keeper_t  *keeper;

    keeper = &ngx_rtmp_publish_auth_keeper;
    elected = false;

    ngx_shmtx_lock(zone->mutex);

    if ((ngx_exiting || ngx_quit) && !keeper->resigned) {
        keeper->resigned = 1;
        oa_roster_resign(zone->roster, ngx_onair_process());

    } else {
        elected = oa_roster_keeper(zone->roster, ngx_onair_process(),
                                   ngx_onair_alive, NULL);
    }

    ngx_shmtx_unlock(zone->mutex);

    return elected;
}


static void
ngx_rtmp_publish_auth_keeper_tick(ngx_event_t *ev)
{
    int64_t                          now_ms;
    ngx_rtmp_publish_auth_zone_t    *zone;
    ngx_rtmp_publish_auth_keeper_t  *keeper;

    zone = ngx_rtmp_publish_auth_zone();
    keeper = &ngx_rtmp_publish_auth_keeper;

    ngx_add_timer(ev, keeper->resigned ? 4 * NGX_RTMP_PUBLISH_AUTH_KEEPER_TICK
                                       : NGX_RTMP_PUBLISH_AUTH_KEEPER_TICK);

    if (!ngx_rtmp_publish_auth_keeper_elected(zone)) {
        return;
    }

    now_ms = ngx_onair_now_ms();

    if (now_ms - keeper->swept_ms >= NGX_RTMP_PUBLISH_AUTH_KEEPER_SWEEP) {
        keeper->swept_ms = now_ms;
        ngx_shmtx_lock(zone->mutex);
        oa_roster_sweep(zone->roster, now_ms, ngx_onair_alive, NULL);
        ngx_shmtx_unlock(zone->mutex);
    }

    if (keeper->database) {
        ngx_rtmp_publish_auth_keeper_ask(zone, now_ms);
    }

    if (keeper->pepper) {
        ngx_rtmp_publish_auth_keeper_pepper(zone, now_ms);
    }

    ngx_rtmp_publish_auth_book(zone, now_ms);
}


/* --- changes ---------------------------------------------------------- */

static void
ngx_rtmp_publish_auth_keeper_ask(ngx_rtmp_publish_auth_zone_t *zone,
    int64_t now_ms)
{
    ngx_onair_sql_value_t            value;
    ngx_rtmp_publish_auth_keeper_t  *keeper;

    keeper = &ngx_rtmp_publish_auth_keeper;

    if (keeper->query) {
        return;
    }

    ngx_memzero(&value, sizeof(value));
    value.type = NGX_ONAIR_SQL_INTEGER;

    if (!zone->shared->changes) {
        value.integer = ngx_onair_unix_us() / 1000
                        - NGX_RTMP_PUBLISH_AUTH_KEEPER_PAST;
        keeper->query = ngx_onair_sql_query(
            &ngx_rtmp_publish_auth_changes_begin, &value, 1,
            ngx_rtmp_publish_auth_keeper_begin, zone);
        return;
    }

    if (now_ms - keeper->checked_ms >= NGX_RTMP_PUBLISH_AUTH_KEEPER_CHECK) {
        keeper->checked_ms = now_ms;
        keeper->query = ngx_onair_sql_query(
            &ngx_rtmp_publish_auth_changes_last, NULL, 0,
            ngx_rtmp_publish_auth_keeper_check, zone);
        return;
    }

    value.integer = zone->shared->change_id;
    keeper->query = ngx_onair_sql_query(
        &ngx_rtmp_publish_auth_changes_read, &value, 1,
        ngx_rtmp_publish_auth_keeper_read, zone);
}


static void
ngx_rtmp_publish_auth_keeper_begin(void *data, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    ngx_rtmp_publish_auth_zone_t  *zone = data;

    ngx_rtmp_publish_auth_keeper.query = NULL;

    if (status != NGX_ONAIR_SQL_OK || ngx_onair_sql_rows(result) != 1) {
        return;
    }

    zone->shared->change_id = ngx_onair_sql_integer(result, 0, 0);
    ngx_memory_barrier();
    zone->shared->changes = 1;
}


/* A table that was emptied of old rows goes on with its numbers all the same */
static void
ngx_rtmp_publish_auth_keeper_check(void *data, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    int64_t                        last;
    ngx_rtmp_publish_auth_zone_t  *zone = data;

    ngx_rtmp_publish_auth_keeper.query = NULL;

    if (status != NGX_ONAIR_SQL_OK || ngx_onair_sql_rows(result) != 1) {
        return;
    }

    last = ngx_onair_sql_integer(result, 0, 0);

    if (last < (int64_t) zone->shared->change_id) {
        zone->shared->change_id = last;
    }
}


/* NONE: nobody is stopped. */
static oa_roster_reason_t
ngx_rtmp_publish_auth_keeper_reason(const ngx_str_t *kind)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t           kind;
        oa_roster_reason_t  reason;
    } kinds[] = {
        { ngx_string("ban"), OA_ROSTER_BANNED },
        { ngx_string("not_allowed"), OA_ROSTER_NOT_ALLOWED },
        { ngx_string("key_revoked"), OA_ROSTER_KEY_REVOKED },
        { ngx_string("stop"), OA_ROSTER_STOPPED }
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kind->len == kinds[i].kind.len
            && ngx_memcmp(kind->data, kinds[i].kind.data, kind->len) == 0)
        {
            return kinds[i].reason;
        }
    }

    return OA_ROSTER_NONE;
}


static void
ngx_rtmp_publish_auth_keeper_apply(ngx_rtmp_publish_auth_zone_t *zone,
    const ngx_onair_sql_result_t *result, ngx_uint_t row)
{
    int64_t             user_id;
    unsigned            n;
    ngx_str_t           kind;
    oa_roster_reason_t  reason;

    user_id = ngx_onair_sql_integer(result, row, 1);
    kind = ngx_onair_sql_text(result, row, 4);
    reason = ngx_rtmp_publish_auth_keeper_reason(&kind);
    n = 0;

    if (user_id <= 0) {
        return;
    }

    ngx_shmtx_lock(zone->mutex);

    oa_grants_forget(zone->grants, user_id);

    if (reason != OA_ROSTER_NONE) {
        n = oa_roster_stop_all(zone->roster, user_id,
                               ngx_onair_sql_integer(result, row, 2),
                               ngx_onair_sql_integer(result, row, 3), reason);
    }

    ngx_shmtx_unlock(zone->mutex);

    if (n) {
        ngx_rtmp_publish_auth_turn_wake();
    }
}


static void
ngx_rtmp_publish_auth_keeper_read(void *data, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    ngx_uint_t                     n, i;
    ngx_rtmp_publish_auth_zone_t  *zone = data;

    ngx_rtmp_publish_auth_keeper.query = NULL;

    if (status != NGX_ONAIR_SQL_OK) {
        return;
    }

    n = ngx_onair_sql_rows(result);

    for (i = 0; i < n; i++) {
        ngx_rtmp_publish_auth_keeper_apply(zone, result, i);
        zone->shared->change_id = ngx_onair_sql_integer(result, i, 0);
    }

    if (n == NGX_RTMP_PUBLISH_AUTH_KEEPER_ROWS) {
        ngx_rtmp_publish_auth_keeper_ask(zone, ngx_onair_now_ms());
    }
}


/* --- the pepper ------------------------------------------------------- */

static void
ngx_rtmp_publish_auth_keeper_pepper(ngx_rtmp_publish_auth_zone_t *zone,
    int64_t now_ms)
{
    ngx_rtmp_publish_auth_keeper_t  *keeper;

    keeper = &ngx_rtmp_publish_auth_keeper;

    if (keeper->pepper_query || now_ms < keeper->pepper_ms
        || keeper->resigned)
    {
        return;
    }

    keeper->pepper_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_KEEPER_RETRY;
    keeper->pepper_query = ngx_onair_sql_query(
        &ngx_rtmp_publish_auth_pepper_mark, NULL, 0,
        ngx_rtmp_publish_auth_keeper_mark, zone);
}


/*
 * With another pepper every key looks like one that nobody has.  A reload with
 * the right one, or the database it belongs to, mends it; before the first key
 * there is no mark.
 */
static void
ngx_rtmp_publish_auth_keeper_mark(void *data, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    ngx_str_t                        mark;
    ngx_rtmp_publish_auth_zone_t    *zone = data;
    ngx_rtmp_publish_auth_keeper_t  *keeper;

    keeper = &ngx_rtmp_publish_auth_keeper;
    keeper->pepper_query = NULL;

    if (status == NGX_ONAIR_SQL_UNAVAILABLE
        || status == NGX_ONAIR_SQL_TIMEOUT)
    {
        return;
    }

    keeper->pepper_ms = ngx_onair_now_ms() + NGX_RTMP_PUBLISH_AUTH_KEEPER_CHECK;

    if (status != NGX_ONAIR_SQL_OK) {
        return;
    }

    if (ngx_onair_sql_rows(result) == 0) {
        zone->shared->wrong_pepper = 0;
        return;
    }

    mark = ngx_onair_sql_text(result, 0, 0);

    if (mark.len == sizeof(keeper->mark) - 1
        && ngx_memcmp(mark.data, keeper->mark, mark.len) == 0)
    {
        zone->shared->wrong_pepper = 0;
        keeper->pepper = 0;

        if (keeper->told) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "publish_auth: the pepper fits the database now");
        }

        return;
    }

    zone->shared->wrong_pepper = 1;

    if (!keeper->told) {
        keeper->told = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "publish_auth: the file of \"publish_auth_pepper\" is "
                      "not the pepper that the stream keys in the database "
                      "were made with, so no key works: bring the right file "
                      "back and reload, or see whether \"onair_database\" "
                      "names the right database");
    }
}
