
/*
 * ngx_rtmp_ingest_module: what its files share.
 *
 *   ngx_rtmp_ingest_module.c     directives, hooks into nginx-rtmp
 *   ngx_rtmp_ingest_client.c     a connection and its limits
 *   ngx_rtmp_ingest_held.c       what it sent too early
 *   ngx_rtmp_ingest_drain.c      publishers leave a worker that shuts down
 *   ngx_rtmp_ingest_publisher.c  a publisher: from its admission to its end
 *   ngx_rtmp_ingest_media.c      its messages
 *   ngx_rtmp_ingest_sound.c      audio that has to be made AAC first
 *   ngx_rtmp_ingest_guard.c      messages that nginx-rtmp must never see
 *   ngx_rtmp_ingest_log.c        which lines go to the log
 *   ngx_rtmp_ingest_chain.c      a message in one piece
 */


#ifndef NGX_RTMP_INGEST_H
#define NGX_RTMP_INGEST_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_rtmp.h>
#include <ngx_rtmp_cmd_module.h>

#include "core/ngx_onair_core.h"
#include "core/ngx_onair_ladder.h"
#include "hls/oa_hls.h"
#include "packager/oa_packager.h"


typedef struct {
    ngx_flag_t   enable;
    ngx_msec_t   grace;
    ngx_msec_t   part_target;
    ngx_msec_t   segment_target;
    ngx_msec_t   window;
    size_t       max_pending;
    ngx_msec_t   drain;
} ngx_rtmp_ingest_app_conf_t;


typedef struct {
    ngx_msec_t   setup_timeout;
    ngx_int_t    connections;
} ngx_rtmp_ingest_srv_conf_t;


extern ngx_module_t  ngx_rtmp_ingest_module;


/* --- a connection ------------------------------------------------------ */

typedef struct ngx_rtmp_ingest_publisher_s  ngx_rtmp_ingest_publisher_t;


/* Messages that are held for a publisher: metadata, video's and audio's. */
#define NGX_RTMP_INGEST_HELD        3

/* Longest of them.  AMF cannot be longer, decoder configurations are 3 KB. */
#define NGX_RTMP_INGEST_HELD_BYTES  16384


typedef struct {
    u_char                       *data;        /* NULL: there is none */
    size_t                        size;
    ngx_uint_t                    type;
    uint32_t                      timestamp;
} ngx_rtmp_ingest_held_t;


/* The module's context of a session. */
typedef struct {
    ngx_queue_t                   queue;       /* of the worker's */
    ngx_queue_t                   neighbours;  /* of about this address */
    u_char                        address[16];
    size_t                        address_size;
    ngx_rtmp_session_t           *session;
    ngx_rtmp_ingest_publisher_t  *publisher;   /* NULL before the first one */
    ngx_rtmp_ingest_held_t        held[NGX_RTMP_INGEST_HELD];
    ngx_event_t                   setup;
    ngx_event_t                   drain;
    time_t                        commands_since;
    ngx_uint_t                    commands;    /* since then */
    unsigned                      expected:1;  /* said publish; not admitted */
    unsigned                      plays:1;     /* said play */
    unsigned                      draining:1;
    unsigned                      asked:1;     /* to reconnect */
} ngx_rtmp_ingest_client_t;


ngx_int_t ngx_rtmp_ingest_client_init(ngx_conf_t *cf);

/* Once in a process, before the first connection. */
void ngx_rtmp_ingest_clients_init(void);

/* A command's message, without AMF3's first byte; NGX_ERROR: no memory. */
ngx_int_t ngx_rtmp_ingest_client_command(ngx_rtmp_session_t *s,
    oa_slice_t message);

/* All of this process, as a queue of ngx_rtmp_ingest_client_t's. */
ngx_queue_t *ngx_rtmp_ingest_clients(void);

/* The session's own, made when there is none; NULL: no memory. */
ngx_rtmp_ingest_client_t *ngx_rtmp_ingest_client(ngx_rtmp_session_t *s);

/* The publication is over, admitted or not.  May be called at any time. */
void ngx_rtmp_ingest_unpublish(ngx_rtmp_session_t *s);

/*
 * A message of a publisher that is not admitted yet: an asynchronous check
 * may run, or it stands by as a backup.  The last sequence headers and the
 * last onMetaData are kept, since an encoder sends them once; the rest is
 * not.  Of sessions that did not say "publish" to an application with
 * "ingest on" nothing is kept.
 */
void ngx_rtmp_ingest_hold(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in);

/* What is held is freed, and nothing more is. */
void ngx_rtmp_ingest_forget(ngx_rtmp_ingest_client_t *client);

/*
 * Watches, while there are connections, whether this worker shuts down; its
 * publishers are then asked to reconnect, one by one.
 */
void ngx_rtmp_ingest_drain_watch(void);
void ngx_rtmp_ingest_drain_handler(ngx_event_t *ev);


/* --- a publisher ------------------------------------------------------ */

struct ngx_rtmp_ingest_publisher_s {
    ngx_queue_t                  queue;
    ngx_rtmp_session_t          *session;
    ngx_rtmp_ingest_app_conf_t  *conf;
    ngx_str_t                    channel;
    oa_packager_t               *packager;
    oa_live_session_t            live;
    const ngx_onair_ladder_t    *further;  /* renditions; NULL: none */
    void                        *ladder;
    void                        *sound;    /* of MP3; NULL: there is none */
    ngx_uint_t                   sounds;   /* that it began with */
    uint8_t                      sound_track;
    char                         id[OA_HLS_SESSION_ID_BYTES + 1];

    u_char                      *buf;      /* a message in one piece */
    size_t                       size;

    ngx_msec_t                   since;
    uint64_t                     bytes;
    char                         reason[128];   /* it was refused for */

    ngx_uint_t                   malformed;
    time_t                       malformed_logged;

    ngx_uint_t                   restarts;
    time_t                       restarts_since;

    unsigned                     open:1;
    unsigned                     keep:1;   /* has something to come back to */
    u_char                       name[OA_LIVE_CHANNEL_BYTES + 1];
};


/* Once in a process; its list of publishers starts empty. */
void ngx_rtmp_ingest_publishers_init(void);

/*
 * Takes the channel of that name for a session and makes its packager.
 * NGX_DECLINED: refused; the client has been told and the session finalized.
 */
ngx_int_t ngx_rtmp_ingest_publisher_open(ngx_rtmp_session_t *s,
    ngx_rtmp_ingest_app_conf_t *iacf, u_char *name);

/* It is gone; the grace begins.  May be called at any time. */
void ngx_rtmp_ingest_publisher_stop(ngx_rtmp_ingest_publisher_t *pub);

/* The same for every publisher of this process. */
void ngx_rtmp_ingest_publishers_close(void);

/*
 * Whether it may begin a session, or sound, anew: each costs something.  It is
 * limited; see README.md.
 */
ngx_uint_t ngx_rtmp_ingest_publisher_may_restart(
    ngx_rtmp_ingest_publisher_t *pub);

/* Whether other modules have agreed, and it was not stopped. */
ngx_uint_t ngx_rtmp_ingest_publisher_admitted(
    ngx_rtmp_ingest_publisher_t *pub);

/*
 * Handlers of messages; they use nothing of sessions that are not admitted,
 * and begin with what was held for one that now is.
 */
ngx_int_t ngx_rtmp_ingest_media(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in);
ngx_int_t ngx_rtmp_ingest_metadata(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);

/* A message to the packager.  NGX_ERROR: the session is to be finalized. */
ngx_int_t ngx_rtmp_ingest_pass(ngx_rtmp_ingest_publisher_t *pub,
    ngx_uint_t type, oa_slice_t body, uint32_t timestamp);

/*
 * What becomes of a message that was refused, or dropped.  NGX_ERROR: the
 * publisher was told and stopped, and the session is to be finalized.
 */
ngx_int_t ngx_rtmp_ingest_media_error(ngx_rtmp_ingest_publisher_t *pub,
    oa_err_t err, const oa_flv_refusal_t *refusal);

/*
 * An audio message, before the packager sees it: where it is MP3, and there is
 * somebody to make AAC of it, it comes to the packager later, as that.
 * NGX_DECLINED: it is the packager's; NGX_OK: it is not; NGX_ERROR: as above.
 */
ngx_int_t ngx_rtmp_ingest_sound(ngx_rtmp_ingest_publisher_t *pub,
    oa_slice_t body, uint32_t timestamp);

/* What is on its way is dropped.  May be called at any time. */
void ngx_rtmp_ingest_sound_close(ngx_rtmp_ingest_publisher_t *pub);


/* --- the guard -------------------------------------------------------- */

/* Longest AMF message; commands and metadata of encoders stay below 4 KB. */
#define NGX_RTMP_INGEST_AMF_BYTES       16384

/*
 * Commands in so many seconds: nginx-rtmp logs and answers each.  An encoder
 * has five until it publishes.
 */
#define NGX_RTMP_INGEST_COMMANDS          200
#define NGX_RTMP_INGEST_COMMANDS_SECONDS  10

/* The protocol's initial chunk size; no encoder chooses a smaller one. */
#define NGX_RTMP_INGEST_MIN_CHUNK_SIZE  128

/*
 * Pushes the guard's handlers.  Called from postconfiguration: nginx-rtmp
 * appends its own AMF and protocol handlers after that.
 */
ngx_int_t ngx_rtmp_ingest_guard_init(ngx_rtmp_core_main_conf_t *cmcf);


/* --- both ------------------------------------------------------------- */

/*
 * The bytes of a message as one slice: of the chain itself when it has one
 * buffer, else copied to buf.  A chain may be NULL or hold empty buffers.
 * NGX_ERROR: more than size bytes.
 */
ngx_int_t ngx_rtmp_ingest_flatten(ngx_chain_t *in, u_char *buf, size_t size,
    oa_slice_t *slice);

size_t ngx_rtmp_ingest_chain_size(ngx_chain_t *in);

/*
 * Whether one more line about what clients do may go to the log now; tells
 * how many were kept back when that is over.
 */
ngx_uint_t ngx_rtmp_ingest_may_log(ngx_log_t *log);

/* The same for lines about the begin and the end of a channel's publishers. */
ngx_uint_t ngx_rtmp_ingest_may_tell(ngx_str_t *channel, ngx_log_t *log);


#endif /* NGX_RTMP_INGEST_H */
