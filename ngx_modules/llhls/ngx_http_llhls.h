
/*
 * Private to ngx_modules/llhls: Low-Latency HLS out of the live store, from
 * any worker.
 *
 * A request names a rendition, which is looked up in a table of this worker;
 * it is then answered from buffers that all requests share, or waits in its
 * rendition's tree until the bus says that there is something new.
 */


#ifndef NGX_HTTP_LLHLS_H
#define NGX_HTTP_LLHLS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ngx_onair_core.h"
#include "hls/oa_hls.h"


/* A rendition is said to be wanted so often, by a worker. */
#define NGX_HTTP_LLHLS_WANT_MS  100


/* --- shared buffers -------------------------------------------------- */

/* What a buffer of the cache holds.  Compared as bytes: no padding. */
typedef struct {
    uint64_t   session_id;
    uint32_t   topic;
    uint32_t   kind;                     /* oa_hls_uri_kind_t */
    uint32_t   number;
    uint32_t   part;
} ngx_http_llhls_key_t;


/*
 * Immutable bytes that live as long as somebody holds a reference: the cache,
 * a rendition, each request that is being answered with them.
 */
typedef struct ngx_http_llhls_buf_s  ngx_http_llhls_buf_t;

struct ngx_http_llhls_buf_s {
    ngx_uint_t             refs;
    size_t                 size;
    ngx_queue_t            recent;       /* in the cache, newest use first */
    ngx_msec_t             used;
    ngx_http_llhls_buf_t  *next;         /* in its bucket */
    ngx_http_llhls_key_t   key;
    u_char                 data[];
};


/* --- renditions and channels, as this worker knows them -------------- */

typedef struct ngx_http_llhls_rendition_s  ngx_http_llhls_rendition_t;

struct ngx_http_llhls_rendition_s {
    uint64_t                     hash;   /* of path */
    ngx_str_t                    path;   /* channel/session/rendition */
    ngx_http_llhls_rendition_t  *next;   /* in its bucket */
    ngx_http_llhls_rendition_t  *topic_next;
    ngx_queue_t                  recent;
    ngx_msec_t                   used;

    oa_live_session_t            session;
    oa_live_rendition_t          id;
    ngx_uint_t                   part_target_ms;
    ngx_msec_t                   timeout;        /* of a wait */

    ngx_str_t                    media_type;
    ngx_str_t                    age_reload;     /* Cache-Control values */
    ngx_str_t                    age_blocking;
    ngx_str_t                    age_error;
    u_char                       ages[3][sizeof("max-age=")
                                         + NGX_INT_T_LEN];

    /* playlists of the version below: [delta][gzip], NULL until needed */
    ngx_http_llhls_buf_t        *playlists[2][2];
    uint64_t                     head;
    unsigned                     complete:1;
    unsigned                     ended:1;

    /* when the store was told last that it is wanted */
    ngx_msec_t                   wanted;

    /* requests that wait */
    unsigned                     watched:1;
    ngx_uint_t                   nwaiting;
    ngx_queue_t                  waiting;        /* by time of arrival */
    ngx_event_t                  timer;          /* of the first of them */
    ngx_rbtree_t                 positions;      /* of playlists, segments */
    ngx_rbtree_node_t            positions_sentinel;
    ngx_rbtree_t                 names;          /* of hinted parts */
    ngx_rbtree_node_t            names_sentinel;
};


/* What a request wants of its rendition. */
typedef struct {
    oa_hls_uri_kind_t  kind;
    uint32_t           number;
    uint32_t           part;
    unsigned           skip:1;
    unsigned           blocking:1;
} ngx_http_llhls_ask_t;


typedef struct {
    size_t  cache_size;
} ngx_http_llhls_main_conf_t;


extern ngx_module_t  ngx_http_llhls_module;


/* --- ngx_http_llhls_cache.c ------------------------------------------ */

/* limit: bytes that unused buffers may take.  Once a worker. */
ngx_int_t ngx_http_llhls_cache_init(ngx_cycle_t *cycle, size_t limit);

/* A buffer with one reference, the caller's; NULL: no memory. */
ngx_http_llhls_buf_t *ngx_http_llhls_buf_create(size_t size);
void ngx_http_llhls_buf_release(ngx_http_llhls_buf_t *buf);

/* NULL: not there.  The reference stays the cache's. */
ngx_http_llhls_buf_t *ngx_http_llhls_cache_find(
    const ngx_http_llhls_key_t *key);

/* The caller's reference becomes the cache's. */
void ngx_http_llhls_cache_insert(ngx_http_llhls_buf_t *buf);

/* Lets go of what was not used for a while. */
void ngx_http_llhls_cache_expire(void);


/* --- ngx_http_llhls_rendition.c -------------------------------------- */

ngx_int_t ngx_http_llhls_renditions_init(ngx_cycle_t *cycle);

/*
 * The rendition of a URI, path being all before its last slash; NULL with
 * OA_ENOTFOUND, OA_EGONE or OA_ENOMEM in *err.  It stays until the next turn
 * of the event loop, and while a request waits on it.
 */
ngx_http_llhls_rendition_t *ngx_http_llhls_rendition_get(
    const oa_hls_uri_t *uri, ngx_str_t *path, oa_err_t *err);

/* The first of a topic's renditions; topic_next leads on. */
ngx_http_llhls_rendition_t *ngx_http_llhls_rendition_of(ngx_uint_t topic);

/* Somebody asks for it: one that sleeps wakes by that. */
void ngx_http_llhls_rendition_want(ngx_http_llhls_rendition_t *rendition);

void ngx_http_llhls_renditions_expire(void);


/* --- ngx_http_llhls_playlist.c --------------------------------------- */

ngx_int_t ngx_http_llhls_playlist_handler(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition);

/* The newest playlist, now. */
ngx_int_t ngx_http_llhls_playlist_answer(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask);

void ngx_http_llhls_playlists_drop(ngx_http_llhls_rendition_t *rendition);


/* --- ngx_http_llhls_multivariant.c ----------------------------------- */

ngx_int_t ngx_http_llhls_multivariant_init(ngx_cycle_t *cycle);
ngx_int_t ngx_http_llhls_multivariant_handler(ngx_http_request_t *r,
    oa_slice_t channel);
void ngx_http_llhls_multivariant_expire(void);


/* --- ngx_http_llhls_media.c ------------------------------------------ */

ngx_int_t ngx_http_llhls_media_handler(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const oa_hls_uri_t *uri);

/* What is there now; who waited in vain gets 404. */
ngx_int_t ngx_http_llhls_media_answer(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask);


/* --- ngx_http_llhls_pictures.c --------------------------------------- */

/* A thumbnail or a sheet; and what is where on all sheets of a session. */
ngx_int_t ngx_http_llhls_picture_handler(ngx_http_request_t *r,
    const oa_hls_uri_t *uri);
ngx_int_t ngx_http_llhls_sprites_handler(ngx_http_request_t *r,
    const oa_hls_uri_t *uri);


/* --- ngx_http_llhls_wait.c ------------------------------------------- */

/*
 * Holds a request until the position is reached, or for OA_HLS_PART until the
 * part named by it is there; then answers it.  Returns what a content handler
 * returns: NGX_DONE, or the answer when it is there already.
 */
ngx_int_t ngx_http_llhls_wait(ngx_http_request_t *r,
    ngx_http_llhls_rendition_t *rendition, const ngx_http_llhls_ask_t *ask,
    const oa_hls_position_t *position);

/* What a handler does before it returns NGX_DONE to answer later. */
void ngx_http_llhls_hold(ngx_http_request_t *r);

/* Once a worker, and once a rendition. */
void ngx_http_llhls_waits_init(ngx_cycle_t *cycle);
void ngx_http_llhls_wait_init(ngx_http_llhls_rendition_t *rendition);

/* Counts requests that wait, of this worker; delta is 1 or -1. */
void ngx_http_llhls_waiting_add(ngx_int_t delta);

/* An ngx_onair_topic_pt. */
void ngx_http_llhls_wake(ngx_uint_t topic);


/* --- ngx_http_llhls_response.c --------------------------------------- */

/* Cache-Control of an answer that may be another one at any moment. */
extern ngx_str_t  ngx_http_llhls_no_store;

/*
 * Sends the header and, unless it is a HEAD request, the buffer, of which the
 * request takes a reference of its own.
 */
ngx_int_t ngx_http_llhls_send_playlist(ngx_http_request_t *r,
    ngx_http_llhls_buf_t *buf, ngx_uint_t gzip, ngx_str_t *cache_control);
ngx_int_t ngx_http_llhls_send_media(ngx_http_request_t *r,
    ngx_http_llhls_buf_t *buf, ngx_str_t *type);

/*
 * With a validator, for who has it already; interval_ms: until there is another
 * one, 0: never.
 */
ngx_int_t ngx_http_llhls_send_picture(ngx_http_request_t *r,
    ngx_http_llhls_buf_t *buf, ngx_str_t *type, ngx_uint_t interval_ms,
    int64_t made_unix_s);

/* The answer to OPTIONS. */
ngx_int_t ngx_http_llhls_send_preflight(ngx_http_request_t *r);

/* status, with the headers an error has; NGX_ERROR. */
ngx_int_t ngx_http_llhls_error(ngx_http_request_t *r, ngx_int_t status,
    ngx_str_t *cache_control);

/* The one mapping of the library's errors to a status. */
ngx_int_t ngx_http_llhls_status(oa_err_t err);

/* Whether the client takes gzip. */
ngx_uint_t ngx_http_llhls_accepts_gzip(ngx_http_request_t *r);

/* A buffer's gzip form, made anew, with one reference; NULL: no memory. */
ngx_http_llhls_buf_t *ngx_http_llhls_gzip(const ngx_http_llhls_buf_t *buf);


#endif /* NGX_HTTP_LLHLS_H */
