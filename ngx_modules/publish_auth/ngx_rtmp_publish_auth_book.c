
/*
 * The book: a row in "streams" for each live session, from its first part to
 * its end.  A publisher that comes back within the grace goes on in the same
 * session, so a row is closed when the session has ended, not when a publisher
 * has left.
 *
 * What is to be written waits in the roster, and each row is written whole by
 * one statement that may be repeated: when the database is away, or the keeper
 * is killed, the next one goes on.
 */


#include "ngx_rtmp_publish_auth.h"


#define NGX_RTMP_PUBLISH_AUTH_BOOK_LOOK      1000
#define NGX_RTMP_PUBLISH_AUTH_BOOK_INTERVAL  10000
#define NGX_RTMP_PUBLISH_AUTH_BOOK_RETRY     1000
#define NGX_RTMP_PUBLISH_AUTH_BOOK_WRITES    32   /* under way at a time */


typedef enum {
    NGX_RTMP_PUBLISH_AUTH_BOOK_SEEN = 0,       /* it goes on */
    NGX_RTMP_PUBLISH_AUTH_BOOK_LEFT,           /* may come back */
    NGX_RTMP_PUBLISH_AUTH_BOOK_ENDED
} ngx_rtmp_publish_auth_line_t;


/* What this keeper knows of an entry of the roster, by its index. */
typedef struct {
    uint64_t    serial;
    int64_t     due_ms;
    int64_t     retry_ms;
    unsigned    writing:1;
    unsigned    left:1;                        /* written as LEFT */
} ngx_rtmp_publish_auth_record_t;


typedef struct {
    oa_roster_id_t                 id;
    uint64_t                       session_id;
    ngx_rtmp_publish_auth_line_t   line;
    ngx_rtmp_publish_auth_zone_t  *zone;
} ngx_rtmp_publish_auth_write_t;


typedef struct {
    oa_roster_entry_t               *entries;
    ngx_uint_t                       nentries;
    ngx_uint_t                       size;
    ngx_rtmp_publish_auth_record_t  *records;
    ngx_uint_t                       nrecords;
    ngx_uint_t                       nwrites;
    int64_t                          looked_ms;
    int64_t                          pause_ms;
    unsigned                         settling:1;
} ngx_rtmp_publish_auth_books_t;


static void ngx_rtmp_publish_auth_book_settled(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);
static void ngx_rtmp_publish_auth_book_entry(
    ngx_rtmp_publish_auth_zone_t *zone, oa_roster_entry_t *entry,
    int64_t now_ms);
static void ngx_rtmp_publish_auth_book_written(void *data,
    ngx_onair_sql_status_t status, const ngx_onair_sql_result_t *result);


static ngx_rtmp_publish_auth_books_t  ngx_rtmp_publish_auth_books;


/* --- the roster, as it is now ----------------------------------------- */

static bool
ngx_rtmp_publish_auth_book_copy(void *data, const oa_roster_entry_t *entry)
{
    ngx_rtmp_publish_auth_books_t  *books = data;

    if (entry->state == OA_ROSTER_LIVE || entry->state == OA_ROSTER_GONE) {
        if (books->nentries < books->size) {
            books->entries[books->nentries] = *entry;
        }

        books->nentries++;
    }

    return true;
}


static ngx_int_t
ngx_rtmp_publish_auth_book_grow(void **array, ngx_uint_t *n, ngx_uint_t need,
    size_t size)
{
    void        *p;
    ngx_uint_t   more;

    if (need <= *n) {
        return NGX_OK;
    }

    more = need + need / 4 + 16;

    p = realloc(*array, more * size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero((u_char *) p + *n * size, (more - *n) * size);
    *array = p;
    *n = more;

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_publish_auth_book_snapshot(ngx_rtmp_publish_auth_zone_t *zone)
{
    ngx_rtmp_publish_auth_books_t  *books;

    books = &ngx_rtmp_publish_auth_books;

    for ( ;; ) {
        books->nentries = 0;

        ngx_shmtx_lock(zone->mutex);
        oa_roster_walk(zone->roster, ngx_rtmp_publish_auth_book_copy, books);
        ngx_shmtx_unlock(zone->mutex);

        if (books->nentries <= books->size) {
            return NGX_OK;
        }

        if (ngx_rtmp_publish_auth_book_grow((void **) &books->entries,
                                            &books->size, books->nentries,
                                            sizeof(oa_roster_entry_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


/* NULL: no memory */
static ngx_rtmp_publish_auth_record_t *
ngx_rtmp_publish_auth_book_record(oa_roster_id_t id)
{
    ngx_rtmp_publish_auth_books_t   *books;
    ngx_rtmp_publish_auth_record_t  *record;

    books = &ngx_rtmp_publish_auth_books;

    if (ngx_rtmp_publish_auth_book_grow((void **) &books->records,
                                        &books->nrecords, id.index + 1,
                                        sizeof(*record))
        != NGX_OK)
    {
        return NULL;
    }

    record = &books->records[id.index];

    if (record->serial != id.serial) {
        ngx_memzero(record, sizeof(*record));
        record->serial = id.serial;
    }

    return record;
}


void
ngx_rtmp_publish_auth_book(ngx_rtmp_publish_auth_zone_t *zone, int64_t now_ms)
{
    ngx_uint_t                      i;
    ngx_rtmp_publish_auth_books_t  *books;

    books = &ngx_rtmp_publish_auth_books;

    if (now_ms - books->looked_ms < NGX_RTMP_PUBLISH_AUTH_BOOK_LOOK) {
        return;
    }

    books->looked_ms = now_ms;

    if (ngx_onair_sql_configured((ngx_cycle_t *) ngx_cycle)
        && !zone->shared->settled && !books->settling)
    {
        books->settling = ngx_rtmp_publish_auth_row_settle(
                        ngx_rtmp_publish_auth_book_settled, zone) != NULL;
    }

    if (ngx_rtmp_publish_auth_book_snapshot(zone) != NGX_OK) {
        return;
    }

    for (i = 0; i < books->nentries; i++) {
        ngx_rtmp_publish_auth_book_entry(zone, &books->entries[i], now_ms);
    }
}


/* Rows of an nginx of this name that was killed with its machine. */
static void
ngx_rtmp_publish_auth_book_settled(void *data, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    ngx_uint_t                     n;
    ngx_rtmp_publish_auth_zone_t  *zone = data;

    ngx_rtmp_publish_auth_books.settling = 0;

    if (status != NGX_ONAIR_SQL_OK) {
        return;
    }

    zone->shared->settled = 1;
    n = ngx_onair_sql_changed(result);

    if (n) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "publish_auth: %ui streams were live when node \"%V\" "
                      "was lost; their books are closed", n,
                      ngx_onair_node());
    }
}


/* --- an entry and its live session ------------------------------------ */

/* The channel's session that this entry's publisher writes, or wrote. */
static ngx_uint_t
ngx_rtmp_publish_auth_book_find(const oa_roster_entry_t *entry,
    oa_live_session_info_t *info)
{
    oa_live_t          *live;
    oa_slice_t          channel;
    oa_live_session_t   session;

    live = ngx_onair_live();
    channel = oa_slice(entry->grant.channel,
                       ngx_strlen(entry->grant.channel));

    if (live == NULL || oa_live_find(live, channel, &session) != OA_OK
        || oa_live_session_info(live, session, info) != OA_OK
        || info->owner.pid != entry->owner.pid
        || info->owner.start_time != entry->owner.start_time)
    {
        return 0;
    }

    /* one of before it came is not its own */
    return info->state == OA_LIVE_ON_AIR
           ? entry->state == OA_ROSTER_LIVE
           : info->state_ms >= entry->started_ms;
}


static ngx_uint_t
ngx_rtmp_publish_auth_book_has_ended(const oa_roster_entry_t *entry)
{
    oa_live_t               *live;
    oa_slice_t               channel;
    oa_live_session_t        session;
    oa_live_session_info_t   info;

    live = ngx_onair_live();
    channel = oa_slice(entry->grant.channel,
                       ngx_strlen(entry->grant.channel));

    return live == NULL
           || oa_live_find_id(live, channel, entry->session_id, &session)
              != OA_OK
           || oa_live_session_info(live, session, &info) != OA_OK
           || info.state == OA_LIVE_ENDED;
}


/* Into the roster, and back with what it makes of it. */
static void
ngx_rtmp_publish_auth_book_note(ngx_rtmp_publish_auth_zone_t *zone,
    oa_roster_entry_t *entry, const oa_live_session_info_t *info,
    int64_t now_ms)
{
    int64_t   started_unix_ms;
    oa_err_t  err;
    uint32_t  viewers;

    started_unix_ms = ngx_onair_unix_us() / 1000 - (now_ms - info->started_ms);
    viewers = oa_live_viewers(ngx_onair_live(), info->session, now_ms);

    if (entry->session_id == info->session.id) {
        started_unix_ms = entry->started_unix_ms;
    }

    ngx_shmtx_lock(zone->mutex);
    oa_roster_session(zone->roster, entry->id, info->session.id,
                      started_unix_ms, viewers);
    err = oa_roster_get(zone->roster, entry->id, entry);
    ngx_shmtx_unlock(zone->mutex);

    if (err != OA_OK) {
        entry->state = OA_ROSTER_FREE;
    }
}


static void
ngx_rtmp_publish_auth_book_close(ngx_rtmp_publish_auth_zone_t *zone,
    oa_roster_id_t id)
{
    ngx_shmtx_lock(zone->mutex);
    oa_roster_close(zone->roster, id);
    ngx_shmtx_unlock(zone->mutex);
}


/* --- writing ---------------------------------------------------------- */

static void
ngx_rtmp_publish_auth_book_line(ngx_rtmp_publish_auth_zone_t *zone,
    const oa_roster_entry_t *entry, ngx_rtmp_publish_auth_line_t line,
    oa_roster_reason_t reason, int64_t now_ms)
{
    int64_t                          seen_ms;
    ngx_uint_t                       ended;
    ngx_rtmp_publish_auth_books_t   *books;
    ngx_rtmp_publish_auth_write_t   *write;
    ngx_rtmp_publish_auth_record_t  *record;

    books = &ngx_rtmp_publish_auth_books;
    record = ngx_rtmp_publish_auth_book_record(entry->id);

    if (record == NULL || record->writing || now_ms < record->retry_ms
        || now_ms < books->pause_ms
        || !zone->shared->settled
        || books->nwrites >= NGX_RTMP_PUBLISH_AUTH_BOOK_WRITES)
    {
        return;
    }

    write = ngx_alloc(sizeof(*write), ngx_cycle->log);
    if (write == NULL) {
        return;
    }

    write->id = entry->id;
    write->session_id = entry->session_id;
    write->line = line;
    write->zone = zone;

    seen_ms = ngx_onair_unix_us() / 1000;

    if (entry->state == OA_ROSTER_GONE) {
        seen_ms -= now_ms - entry->gone_ms;
    }

    ended = (line == NGX_RTMP_PUBLISH_AUTH_BOOK_ENDED);

    if (ngx_rtmp_publish_auth_row_write(entry, seen_ms,
                                        ended ? oa_roster_reason_text(reason)
                                              : NULL,
                                        ngx_rtmp_publish_auth_book_written,
                                        write)
        == NULL)
    {
        ngx_free(write);
        books->pause_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_BOOK_RETRY;
        return;
    }

    record->writing = 1;
    record->due_ms = now_ms + NGX_RTMP_PUBLISH_AUTH_BOOK_INTERVAL;
    books->nwrites++;
}


static void
ngx_rtmp_publish_auth_book_done(const ngx_rtmp_publish_auth_write_t *write,
    ngx_rtmp_publish_auth_record_t *record)
{
    oa_err_t                       err;
    oa_roster_entry_t              entry;
    oa_live_session_info_t         info;
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = write->zone;

    ngx_shmtx_lock(zone->mutex);
    err = oa_roster_get(zone->roster, write->id, &entry);
    ngx_shmtx_unlock(zone->mutex);

    if (err != OA_OK || entry.session_id != write->session_id) {
        return;
    }

    if (write->line != NGX_RTMP_PUBLISH_AUTH_BOOK_ENDED) {
        ngx_shmtx_lock(zone->mutex);
        oa_roster_written(zone->roster, write->id);
        ngx_shmtx_unlock(zone->mutex);

    } else if (entry.state == OA_ROSTER_GONE) {
        ngx_rtmp_publish_auth_book_close(zone, write->id);

    } else if (ngx_rtmp_publish_auth_book_find(&entry, &info)) {
        /* its publisher goes on in another session */
        ngx_rtmp_publish_auth_book_note(zone, &entry, &info,
                                        ngx_onair_now_ms());
    }

    if (record) {
        record->left = (write->line == NGX_RTMP_PUBLISH_AUTH_BOOK_LEFT);

        if (write->line == NGX_RTMP_PUBLISH_AUTH_BOOK_ENDED) {
            record->due_ms = 0;
        }
    }
}


static void
ngx_rtmp_publish_auth_book_written(void *data, ngx_onair_sql_status_t status,
    const ngx_onair_sql_result_t *result)
{
    ngx_rtmp_publish_auth_books_t   *books;
    ngx_rtmp_publish_auth_write_t   *write = data;
    ngx_rtmp_publish_auth_record_t  *record;

    books = &ngx_rtmp_publish_auth_books;
    books->nwrites--;

    record = &books->records[write->id.index];

    if (record->serial != write->id.serial) {
        record = NULL;

    } else {
        record->writing = 0;
    }

    switch (status) {

    case NGX_ONAIR_SQL_OK:
        ngx_rtmp_publish_auth_book_done(write, record);
        break;

    case NGX_ONAIR_SQL_CONFLICT:
        (void) ngx_atomic_fetch_add(&write->zone->shared->books_lost, 1);
        ngx_rtmp_publish_auth_book_done(write, record);
        break;

    case NGX_ONAIR_SQL_ERROR:

        /* which was logged */
        if (record) {
            record->retry_ms = ngx_onair_now_ms()
                               + NGX_RTMP_PUBLISH_AUTH_BOOK_INTERVAL;
        }

        break;

    default:
        books->pause_ms = ngx_onair_now_ms()
                          + NGX_RTMP_PUBLISH_AUTH_BOOK_RETRY;

        if (record) {
            record->due_ms = 0;
        }
    }

    ngx_free(write);
}


/* --- what is due ------------------------------------------------------ */

static void
ngx_rtmp_publish_auth_book_live(ngx_rtmp_publish_auth_zone_t *zone,
    oa_roster_entry_t *entry, int64_t now_ms)
{
    oa_live_session_info_t           info;
    ngx_rtmp_publish_auth_record_t  *record;

    if (!ngx_rtmp_publish_auth_book_find(entry, &info)
        || info.state != OA_LIVE_ON_AIR)
    {
        return;
    }

    if (entry->session_id != 0 && entry->session_id != info.session.id) {
        ngx_rtmp_publish_auth_book_line(zone, entry,
                                        NGX_RTMP_PUBLISH_AUTH_BOOK_ENDED,
                                        OA_ROSTER_TRACKS_CHANGED, now_ms);
        return;
    }

    ngx_rtmp_publish_auth_book_note(zone, entry, &info, now_ms);
    record = ngx_rtmp_publish_auth_book_record(entry->id);

    if (entry->state == OA_ROSTER_LIVE && record
        && now_ms >= record->due_ms)
    {
        ngx_rtmp_publish_auth_book_line(zone, entry,
                                        NGX_RTMP_PUBLISH_AUTH_BOOK_SEEN,
                                        OA_ROSTER_NONE, now_ms);
    }
}


static void
ngx_rtmp_publish_auth_book_gone(ngx_rtmp_publish_auth_zone_t *zone,
    oa_roster_entry_t *entry, int64_t now_ms)
{
    oa_live_session_info_t           info;
    ngx_rtmp_publish_auth_record_t  *record;

    /* so short that the keeper has not seen it */
    if (entry->session_id == 0
        && ngx_rtmp_publish_auth_book_find(entry, &info))
    {
        ngx_rtmp_publish_auth_book_note(zone, entry, &info, now_ms);
    }

    if (entry->session_id == 0) {
        ngx_rtmp_publish_auth_book_close(zone, entry->id);
        return;
    }

    record = ngx_rtmp_publish_auth_book_record(entry->id);
    if (record == NULL) {
        return;
    }

    if (ngx_rtmp_publish_auth_book_has_ended(entry)) {
        ngx_rtmp_publish_auth_book_line(zone, entry,
                                        NGX_RTMP_PUBLISH_AUTH_BOOK_ENDED,
                                        entry->ended, now_ms);

    } else if (!record->left) {
        ngx_rtmp_publish_auth_book_line(zone, entry,
                                        NGX_RTMP_PUBLISH_AUTH_BOOK_LEFT,
                                        OA_ROSTER_NONE, now_ms);
    }
}


static void
ngx_rtmp_publish_auth_book_entry(ngx_rtmp_publish_auth_zone_t *zone,
    oa_roster_entry_t *entry, int64_t now_ms)
{
    /* a callback knows channels, not accounts */
    if (entry->grant.user_id == 0
        || !ngx_onair_sql_configured((ngx_cycle_t *) ngx_cycle))
    {
        if (entry->state == OA_ROSTER_GONE) {
            ngx_rtmp_publish_auth_book_close(zone, entry->id);
        }

        return;
    }

    if (entry->state == OA_ROSTER_LIVE) {
        ngx_rtmp_publish_auth_book_live(zone, entry, now_ms);

    } else {
        ngx_rtmp_publish_auth_book_gone(zone, entry, now_ms);
    }
}
