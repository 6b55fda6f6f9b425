
/* Private to ngx_modules/publish_auth. */


#ifndef NGX_RTMP_PUBLISH_AUTH_H
#define NGX_RTMP_PUBLISH_AUTH_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_rtmp.h>
#include <ngx_rtmp_cmd_module.h>

#include "auth/oa_grant.h"
#include "auth/oa_key.h"
#include "core/ngx_onair_core.h"
#include "core/ngx_onair_redis.h"
#include "core/ngx_onair_sql.h"
#include "limit/oa_attempts.h"
#include "roster/oa_roster.h"


/*
 * Who does what:
 *
 *   module.c    hooks into nginx-rtmp, a worker's life
 *   conf.c      directives
 *   zone.c      the memory that workers share
 *   command.c   commands of clients, before nginx-rtmp sees and logs them
 *   check.c     the order of the checks, the answer to the encoder
 *   sent.c      what came with the publish: its address and its key
 *   say.c       what encoder and log are told
 *   headers.c   what a standby sent that decoders need once it is live
 *   database.c  what a key grants, from SQL
 *   callback.c  what a key grants, from an HTTP server, as on_publish asks
 *   turn.c      whose turn it is: from its entry in the roster to its end
 *   wait.c      before it is live: refused, takeover, standby
 *   lease.c     the same among machines: a lease in Redis
 *   keeper.c    one worker's: changes in the database, whether its keys were
 *               made with our pepper
 *   book.c      and the book of streams: what is due
 *   row.c       and how it is written
 *   tier.c      which tier the publisher of a channel has
 */


#define NGX_RTMP_PUBLISH_AUTH_OFF       0
#define NGX_RTMP_PUBLISH_AUTH_DATABASE  1
#define NGX_RTMP_PUBLISH_AUTH_CALLBACK  2

/* Of a number in a configuration that is not there. */
#define NGX_RTMP_PUBLISH_AUTH_UNSET     UINT32_MAX


typedef struct {
    ngx_shm_zone_t            *zone;
    size_t                     zone_size;
    ngx_str_t                  pepper;         /* contents of the file */
    ngx_uint_t                 used;           /* by an application */
} ngx_rtmp_publish_auth_main_conf_t;


typedef struct {
    ngx_uint_t                 source;         /* NGX_RTMP_PUBLISH_AUTH_… */
    ngx_url_t                 *callback;
    ngx_msec_t                 timeout;        /* of a whole check */
    ngx_uint_t                 when_down;      /* callback: 1 lets in */
    ngx_msec_t                 recheck;        /* callback, live; 0: never */
    u_char                     failure[64];    /* of the callback, as this
                                                  worker told; "": it answers */
    ngx_msec_t                 cache;          /* an answer is fresh for */
    ngx_msec_t                 stale;          /* and good while the source
                                                  is down for */
    oa_attempts_conf_t         attempts;       /* limit 0: off */
    ngx_uint_t                 takeover;       /* else refuse the second */
    ngx_msec_t                 stall;          /* no media: backup's turn */
} ngx_rtmp_publish_auth_app_conf_t;


typedef enum {
    NGX_RTMP_PUBLISH_AUTH_OUT = 0,   /* not in the roster */
    NGX_RTMP_PUBLISH_AUTH_WAITING,   /* for the channel; not for long */
    NGX_RTMP_PUBLISH_AUTH_STANDBY,   /* until the one on the air fails */
    NGX_RTMP_PUBLISH_AUTH_LIVE,
    NGX_RTMP_PUBLISH_AUTH_OVER       /* was told so; leaves soon */
} ngx_rtmp_publish_auth_state_t;


/* What Redis said last. */
typedef enum {
    NGX_RTMP_PUBLISH_AUTH_LEASE_NONE = 0,      /* not asked */
    NGX_RTMP_PUBLISH_AUTH_LEASE_ASKED,
    NGX_RTMP_PUBLISH_AUTH_LEASE_HELD,
    NGX_RTMP_PUBLISH_AUTH_LEASE_TAKEN,         /* somebody else has it */
    NGX_RTMP_PUBLISH_AUTH_LEASE_AWAY           /* no answer */
} ngx_rtmp_publish_auth_answer_t;


#define NGX_RTMP_PUBLISH_AUTH_LEASE_BYTES  160


/* A lease in Redis, of one publication; lease.c's own. */
typedef struct {
    u_char                          value[NGX_RTMP_PUBLISH_AUTH_LEASE_BYTES];
    size_t                          len;
    u_char                          other[NGX_RTMP_PUBLISH_AUTH_LEASE_BYTES];
    size_t                          other_len;      /* who holds it */
    int64_t                         other_ttl_ms;
    ngx_rtmp_publish_auth_answer_t  answer;
    void                           *command;        /* under way */
    int64_t                         asked_ms;
    int64_t                         next_ms;
    int64_t                         lost_ms;        /* 0, or since when */
    int64_t                         wanted_ms;      /* a standby elsewhere
                                                       waits for it until */
    int64_t                         hold_ms;        /* a standby leaves it to
                                                       its holder until */
    unsigned                        other_none:1;
    unsigned                        free:1;         /* a standby may take */
    unsigned                        other_backup:1;
    unsigned                        other_node:1;   /* another machine */
    unsigned                        other_dead:1;   /* a process of ours */
    unsigned                        foreign:1;      /* was on another node */
    unsigned                        takeover:1;     /* asked for by other */
} ngx_rtmp_publish_auth_lease_t;


/* The place of a publication among those who want the channel. */
typedef struct {
    ngx_queue_t                    queue;      /* of this worker */
    oa_roster_id_t                 entry;
    ngx_rtmp_publish_auth_state_t  state;
    oa_roster_reason_t             stop;
    int64_t                        since_ms;
    uint64_t                       bytes;
    int64_t                        media_ms;
    ngx_rtmp_publish_auth_lease_t  lease;
    unsigned                       failed:1;   /* no room in the roster */
    unsigned                       crowded:1;  /* none in the channel */
    unsigned                       asked:1;    /* the holder was, to stop */
    unsigned                       wants:1;    /* and one elsewhere is to be */
} ngx_rtmp_publish_auth_place_t;


/* One publish of one connection, from the command until it leaves. */
typedef struct ngx_rtmp_publish_auth_ctx_s  ngx_rtmp_publish_auth_ctx_t;

struct ngx_rtmp_publish_auth_ctx_s {
    ngx_rtmp_session_t                *session;
    ngx_rtmp_publish_auth_app_conf_t  *conf;
    ngx_rtmp_publish_t                 asked;      /* as it was sent; name and
                                                      args are secret */
    ngx_rtmp_publish_t                 publish;    /* name: the channel, once
                                                      it is known */
    int64_t                            user_id;    /* that the key tells */
    uint8_t                            digest[OA_KEY_DIGEST_BYTES];
    oa_grant_t                         grant;
    uint64_t                           epoch;      /* oa_grants_epoch() when
                                                      it was asked for */
    void                              *question;   /* to the source, its own */
    ngx_uint_t                         questions;  /* so far */
    ngx_event_t                        timer;      /* of the check; of the
                                                      next one, while live */
    void                              *headers;    /* headers.c's */
    oa_roster_reason_t                 reason;     /* it leaves for */
    unsigned                           backup:1;
    unsigned                           named:1;    /* CHANNEL?key=KEY */
    unsigned                           checking:1;
    unsigned                           placed:1;   /* turn_take was called */
    unsigned                           standby:1;
    unsigned                           live:1;     /* next publish was called */
    unsigned                           over:1;     /* refused or ended */

    ngx_rtmp_publish_auth_place_t      place;      /* turn.c's own */
};


extern ngx_module_t  ngx_rtmp_publish_auth_module;


/* What the machine's workers keep together beside the tables; zeroed first. */
typedef struct {
    ngx_atomic_t               changes;        /* 1: change_id is known */
    ngx_atomic_t               change_id;      /* applied last */
    ngx_atomic_t               wrong_pepper;   /* 1: keys were made with
                                                  another one */
    ngx_atomic_t               settled;        /* 1: the books of an nginx
                                                  that died are closed */
    ngx_atomic_t               takeovers;
    ngx_atomic_t               failovers;      /* a standby went live */
    ngx_atomic_t               leases_lost;
    ngx_atomic_t               books_lost;
} ngx_rtmp_publish_auth_shared_t;


/* The three tables in the zone, the rest, and their lock. */
typedef struct {
    ngx_rtmp_publish_auth_shared_t  *shared;
    oa_grants_t                     *grants;
    oa_attempts_t                   *attempts;
    oa_roster_t                     *roster;
    ngx_shmtx_t                     *mutex;
} ngx_rtmp_publish_auth_zone_t;


/* zone.c: NULL in a process that has none. */
ngx_rtmp_publish_auth_zone_t *ngx_rtmp_publish_auth_zone(void);

/* What answers of callbacks are remembered under is hashed with this. */
oa_slice_t ngx_rtmp_publish_auth_salt(void);

/* At configuration time; then in a worker. */
ngx_int_t ngx_rtmp_publish_auth_zone_add(ngx_conf_t *cf,
    ngx_rtmp_publish_auth_main_conf_t *pamcf);
ngx_int_t ngx_rtmp_publish_auth_zone_attach(ngx_shm_zone_t *zone,
    ngx_log_t *log);


/* conf.c */
extern ngx_command_t  ngx_rtmp_publish_auth_commands[];

void *ngx_rtmp_publish_auth_create_main_conf(ngx_conf_t *cf);
void *ngx_rtmp_publish_auth_create_app_conf(ngx_conf_t *cf);
char *ngx_rtmp_publish_auth_merge_app_conf(ngx_conf_t *cf, void *parent,
    void *child);


/* command.c: puts its handlers before nginx-rtmp's. */
ngx_int_t ngx_rtmp_publish_auth_command_init(
    ngx_rtmp_core_main_conf_t *cmcf);


/* NULL: nobody asks here, the application is not guarded or the relay ours. */
ngx_rtmp_publish_auth_app_conf_t *ngx_rtmp_publish_auth_guards(
    ngx_rtmp_session_t *s);

/* NULL unless there was a publish. */
ngx_rtmp_publish_auth_ctx_t *ngx_rtmp_publish_auth_get(
    ngx_rtmp_session_t *s);


/*
 * check.c.  begin: a client wants to publish; NGX_DONE, it is being asked;
 * NGX_ERROR, it was refused and is to be finalized.  leave: it has closed its
 * stream or gone; before and after nginx-rtmp was told so.
 */
ngx_int_t ngx_rtmp_publish_auth_begin(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_auth_app_conf_t *conf, const ngx_rtmp_publish_t *asked);
void ngx_rtmp_publish_auth_cancel(ngx_rtmp_publish_auth_ctx_t *ctx);
void ngx_rtmp_publish_auth_leave(ngx_rtmp_publish_auth_ctx_t *ctx);

/*
 * check.c, called by the others, from the event loop.
 *
 * granted: the source has answered; grant is copied, NULL when there was no
 * answer.  turn: NGX_OK, go on the air; NGX_AGAIN, stand by (NGX_OK follows
 * when its turn comes); NGX_BUSY, somebody else is live; NGX_ERROR, no slot.
 * end: a publication that is live or stands by is over; ctx may be gone after.
 */
void ngx_rtmp_publish_auth_granted(ngx_rtmp_publish_auth_ctx_t *ctx,
    const oa_grant_t *grant);
void ngx_rtmp_publish_auth_turn(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_int_t rc);
void ngx_rtmp_publish_auth_end(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_roster_reason_t reason);

/*
 * sent.c.  key: takes apart what was sent; the digest is all that is looked
 * up.  NGX_ERROR: it is not well-formed.  count: a failed attempt of the
 * address, or with 0 a success.  pause: how long it is locked out, in ms.
 */
ngx_int_t ngx_rtmp_publish_auth_key(ngx_rtmp_publish_auth_ctx_t *ctx);
void ngx_rtmp_publish_auth_count(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_uint_t failed);
uint32_t ngx_rtmp_publish_auth_pause(ngx_rtmp_publish_auth_ctx_t *ctx);

/*
 * say.c.  Why a publish is refused; what the encoder and the log are told of
 * that, and of the end of one that was admitted.
 */
typedef enum {
    NGX_RTMP_PUBLISH_AUTH_MALFORMED = 0,
    NGX_RTMP_PUBLISH_AUTH_TWICE,
    NGX_RTMP_PUBLISH_AUTH_LOCKED_OUT,
    NGX_RTMP_PUBLISH_AUTH_UNKNOWN,
    NGX_RTMP_PUBLISH_AUTH_OTHER_CHANNEL,
    NGX_RTMP_PUBLISH_AUTH_BANNED,
    NGX_RTMP_PUBLISH_AUTH_NOT_ALLOWED,
    NGX_RTMP_PUBLISH_AUTH_BAD_CHANNEL,
    NGX_RTMP_PUBLISH_AUTH_UNAVAILABLE,
    NGX_RTMP_PUBLISH_AUTH_ALREADY_LIVE,
    NGX_RTMP_PUBLISH_AUTH_NO_ROOM
} ngx_rtmp_publish_auth_refusal_t;

void ngx_rtmp_publish_auth_say_admitted(ngx_rtmp_session_t *s,
    const oa_grant_t *grant);

/*
 * channel may be ""; pause_ms: how long its address is locked out, 0 if it is
 * not.  While it is, its refusals are no news.
 */
void ngx_rtmp_publish_auth_say_refused(ngx_rtmp_session_t *s,
    ngx_rtmp_publish_auth_refusal_t refusal, const char *channel,
    uint32_t pause_ms);
/* The beginning of a pause. */
void ngx_rtmp_publish_auth_say_locked_out(ngx_rtmp_session_t *s,
    uint32_t pause_ms);
void ngx_rtmp_publish_auth_say_ended(ngx_rtmp_session_t *s,
    const char *channel, oa_roster_reason_t reason);

/*
 * Up to five lines a second a worker, as the ingest module's; what the log's
 * level leaves out does not count.
 */
ngx_uint_t ngx_rtmp_publish_auth_may_log(ngx_uint_t level, ngx_log_t *log);


/*
 * headers.c.  keep: a message of a standby; what decoders need is copied.
 * replay: now that it is live, to nginx-rtmp.  All of it is bounded.
 */
void ngx_rtmp_publish_auth_headers_keep(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
ngx_int_t ngx_rtmp_publish_auth_headers_replay(
    ngx_rtmp_publish_auth_ctx_t *ctx);
void ngx_rtmp_publish_auth_headers_free(ngx_rtmp_publish_auth_ctx_t *ctx);


/*
 * database.c and callback.c: ask; ngx_rtmp_publish_auth_granted() answers.
 * NGX_ERROR: cannot ask now.  cancel: it will not be called (any more).
 */
ngx_int_t ngx_rtmp_publish_auth_database_ask(
    ngx_rtmp_publish_auth_ctx_t *ctx);
void ngx_rtmp_publish_auth_database_cancel(ngx_rtmp_publish_auth_ctx_t *ctx);
ngx_int_t ngx_rtmp_publish_auth_callback_ask(
    ngx_rtmp_publish_auth_ctx_t *ctx);
void ngx_rtmp_publish_auth_callback_cancel(ngx_rtmp_publish_auth_ctx_t *ctx);


/*
 * turn.c.  take: ngx_rtmp_publish_auth_turn() answers, never from inside.
 * media: every audio and video message of a publication that is live.
 * leave: idempotent, for every ctx at its end; after the next close_stream
 * was called, so that who follows finds the channel free in the live store.
 */
void ngx_rtmp_publish_auth_turn_take(ngx_rtmp_publish_auth_ctx_t *ctx);
void ngx_rtmp_publish_auth_turn_media(ngx_rtmp_publish_auth_ctx_t *ctx,
    size_t bytes);
void ngx_rtmp_publish_auth_turn_leave(ngx_rtmp_publish_auth_ctx_t *ctx,
    oa_roster_reason_t reason);
ngx_int_t ngx_rtmp_publish_auth_turn_init(ngx_cycle_t *cycle);


#define NGX_RTMP_PUBLISH_AUTH_TICK  100        /* ms */

/* wait.c: one that waits or stands by, at a tick. */
void ngx_rtmp_publish_auth_wait(ngx_rtmp_publish_auth_ctx_t *ctx,
    int64_t now_ms);

/* From any callback: looks at all places soon, from the event loop. */
void ngx_rtmp_publish_auth_turn_wake(void);

/* Walks this worker's places: NULL begins; NULL: no more. */
ngx_rtmp_publish_auth_ctx_t *ngx_rtmp_publish_auth_turn_next(
    ngx_rtmp_publish_auth_ctx_t *ctx);


/*
 * lease.c.  A lease is in force for …_TTL ms from the last question that was
 * answered with HELD; the same question takes and keeps it.
 */
#define NGX_RTMP_PUBLISH_AUTH_LEASE_TTL        2000
#define NGX_RTMP_PUBLISH_AUTH_LEASE_HEARTBEAT  500
#define NGX_RTMP_PUBLISH_AUTH_LEASE_RETRY      250
#define NGX_RTMP_PUBLISH_AUTH_LEASE_WAIT       1000

typedef enum {
    NGX_RTMP_PUBLISH_AUTH_WANT_NOTHING = 0,
    NGX_RTMP_PUBLISH_AUTH_WANT_TAKEOVER,       /* the holder is to stop */
    NGX_RTMP_PUBLISH_AUTH_WANT_STANDBY         /* when it stalls */
} ngx_rtmp_publish_auth_want_t;

ngx_int_t ngx_rtmp_publish_auth_lease_init(ngx_cycle_t *cycle);

/* Whether there are leases at all. */
ngx_uint_t ngx_rtmp_publish_auth_leases(void);

/* A name of its own for a publication that has none yet. */
void ngx_rtmp_publish_auth_lease_name(ngx_rtmp_publish_auth_ctx_t *ctx);

/*
 * Asks, unless a question is under way; ctx->place.lease.answer says what has
 * become of it: ASKED, AWAY at once, or what wakes the turn later.
 */
void ngx_rtmp_publish_auth_lease_ask(ngx_rtmp_publish_auth_ctx_t *ctx,
    ngx_rtmp_publish_auth_want_t want, int64_t now_ms);

/* Gives a question up that takes too long; AWAY. */
void ngx_rtmp_publish_auth_lease_give_up(ngx_rtmp_publish_auth_ctx_t *ctx);

/* Gives the lease back, and the question up; idempotent. */
void ngx_rtmp_publish_auth_lease_release(ngx_rtmp_publish_auth_ctx_t *ctx);


/* tier.c: an ngx_onair_tier_pt. */
oa_err_t ngx_rtmp_publish_auth_channel_tier(ngx_str_t *channel,
    oa_tier_t *tier);


/* keeper.c: its timers, in each worker; one of them does the work. */
ngx_int_t ngx_rtmp_publish_auth_keeper_init(ngx_cycle_t *cycle,
    const ngx_rtmp_publish_auth_main_conf_t *pamcf);


/*
 * row.c: rows of "streams".  settle: all that are open of this node have ended
 * as lost, when they were seen last.  write: the whole row of an entry's
 * session; reason is NULL while it has not ended.
 */
ngx_onair_sql_query_t *ngx_rtmp_publish_auth_row_settle(
    ngx_onair_sql_pt handler, void *ctx);
ngx_onair_sql_query_t *ngx_rtmp_publish_auth_row_write(
    const oa_roster_entry_t *entry, int64_t seen_ms, const char *reason,
    ngx_onair_sql_pt handler, void *ctx);


/* book.c: writes what is due; of the keeper, every some 100 ms. */
void ngx_rtmp_publish_auth_book(ngx_rtmp_publish_auth_zone_t *zone,
    int64_t now_ms);


#endif /* NGX_RTMP_PUBLISH_AUTH_H */
