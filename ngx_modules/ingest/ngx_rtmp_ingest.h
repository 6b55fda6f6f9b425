
/*
 * ngx_rtmp_ingest_module: what its files share.
 *
 *   ngx_rtmp_ingest_module.c     directives, hooks into nginx-rtmp
 *   ngx_rtmp_ingest_publisher.c  a publisher: from its admission to its end
 *   ngx_rtmp_ingest_guard.c      messages that nginx-rtmp must never see
 */


#ifndef NGX_RTMP_INGEST_H
#define NGX_RTMP_INGEST_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_rtmp.h>
#include <ngx_rtmp_cmd_module.h>

#include "core/ngx_onair_core.h"
#include "hls/oa_hls.h"
#include "packager/oa_packager.h"


typedef struct {
    ngx_flag_t   enable;
    ngx_msec_t   grace;
    ngx_msec_t   part_target;
    ngx_msec_t   segment_target;
    ngx_msec_t   window;
    size_t       max_pending;
} ngx_rtmp_ingest_app_conf_t;


extern ngx_module_t  ngx_rtmp_ingest_module;


/* --- a publisher ------------------------------------------------------ */

/* Once in a process; its list of publishers starts empty. */
void ngx_rtmp_ingest_publishers_init(void);

/*
 * Takes the channel of that name for a session and makes its packager.
 * NGX_DECLINED: refused; the client has been told and the session finalized.
 */
ngx_int_t ngx_rtmp_ingest_publisher_open(ngx_rtmp_session_t *s,
    ngx_rtmp_ingest_app_conf_t *iacf, u_char *name);

/* The publisher is gone; the grace begins.  May be called at any time. */
void ngx_rtmp_ingest_publisher_close(ngx_rtmp_session_t *s);

/* The same for every publisher of this process. */
void ngx_rtmp_ingest_publishers_close(void);

/* Handlers of messages; they ignore sessions that are not admitted. */
ngx_int_t ngx_rtmp_ingest_media(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in);
ngx_int_t ngx_rtmp_ingest_metadata(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);


/* --- the guard -------------------------------------------------------- */

/* Longest AMF message; commands and metadata of encoders stay below 4 KB. */
#define NGX_RTMP_INGEST_AMF_BYTES       16384

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


#endif /* NGX_RTMP_INGEST_H */
