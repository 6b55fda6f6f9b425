
/*
 * The guard: nginx-rtmp reads what a client sends before anybody has asked
 * who that is, and some of it ends the worker.  It reads AMF by recursion, so
 * nesting overflows its stack; a chunk size of 0 makes it take 120 bytes of
 * memory for each received one; a message whose length shrinks half way
 * grows until 4 GB are there; a count in an SPS keeps it in a loop for hours;
 * metadata without an application makes it read through a NULL pointer.
 * A session that sends such things is closed before nginx-rtmp looks at them.
 */


#include "ngx_rtmp_ingest.h"
#include <ngx_rtmp_bitop.h>


/* What one session may have read before others get their turn. */
#define NGX_RTMP_INGEST_TURN_BYTES  131072

/*
 * What is read at once.  nginx-rtmp reads into a buffer of a chunk's length,
 * which the client chooses, and behind each message moves all that is left in
 * it: a square of this when the messages have a byte.
 */
#define NGX_RTMP_INGEST_READ_BYTES  4096

/* Largest num_ref_frames_in_pic_order_cnt_cycle, ITU-T H.264 7.4.2.1.1. */
#define NGX_RTMP_INGEST_MAX_CYCLE  255


static ngx_int_t ngx_rtmp_ingest_guard_connect(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ssize_t ngx_rtmp_ingest_guard_recv(ngx_connection_t *c, u_char *buf,
    size_t size);
static ngx_int_t ngx_rtmp_ingest_guard_turn(ngx_connection_t *c);
static ngx_int_t ngx_rtmp_ingest_guard_amf(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_uint_t ngx_rtmp_ingest_guard_busy(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, oa_slice_t message);
static ngx_uint_t ngx_rtmp_ingest_guard_commands(ngx_rtmp_header_t *h,
    oa_slice_t message);
static size_t ngx_rtmp_ingest_guard_skip(ngx_rtmp_header_t *h,
    oa_slice_t message);
static ngx_uint_t ngx_rtmp_ingest_guard_early(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, oa_slice_t message);
static ngx_int_t ngx_rtmp_ingest_guard_aggregate(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_int_t ngx_rtmp_ingest_guard_chunk_size(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static ngx_int_t ngx_rtmp_ingest_guard_video(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
static uint64_t ngx_rtmp_ingest_sps_cycle(ngx_rtmp_bit_reader_t *br);
static void ngx_rtmp_ingest_sps_high(ngx_rtmp_bit_reader_t *br);
static ngx_int_t ngx_rtmp_ingest_guard_refuse(ngx_rtmp_session_t *s,
    const char *reason);


/* The connection whose turn it is; its next one begins with a new event. */
typedef struct {
    ngx_atomic_uint_t  connection;
    size_t             bytes;
} ngx_rtmp_ingest_turn_t;


static ngx_rtmp_ingest_turn_t  ngx_rtmp_ingest_turn;


static const ngx_uint_t  ngx_rtmp_ingest_amf_types[] = {
    NGX_RTMP_MSG_AMF_CMD,
    NGX_RTMP_MSG_AMF_META,
    NGX_RTMP_MSG_AMF_SHARED,
    NGX_RTMP_MSG_AMF3_CMD,
    NGX_RTMP_MSG_AMF3_META,
    NGX_RTMP_MSG_AMF3_SHARED
};


/* Before the handlers that are there already, of nginx-rtmp's own modules. */
static ngx_int_t
ngx_rtmp_ingest_guard_push(ngx_rtmp_core_main_conf_t *cmcf, ngx_uint_t type,
    ngx_rtmp_handler_pt handler)
{
    ngx_rtmp_handler_pt  *h;

    if (ngx_array_push(&cmcf->events[type]) == NULL) {
        return NGX_ERROR;
    }

    h = cmcf->events[type].elts;
    ngx_memmove(h + 1, h, (cmcf->events[type].nelts - 1) * sizeof(*h));
    h[0] = handler;

    return NGX_OK;
}


ngx_int_t
ngx_rtmp_ingest_guard_init(ngx_rtmp_core_main_conf_t *cmcf)
{
    ngx_int_t   rc;
    ngx_uint_t  i, n;

    n = sizeof(ngx_rtmp_ingest_amf_types)
        / sizeof(ngx_rtmp_ingest_amf_types[0]);

    for (i = 0; i < n; i++) {
        rc = ngx_rtmp_ingest_guard_push(cmcf, ngx_rtmp_ingest_amf_types[i],
                                        ngx_rtmp_ingest_guard_amf);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (ngx_rtmp_ingest_guard_push(cmcf, NGX_RTMP_MSG_AGGREGATE,
                                   ngx_rtmp_ingest_guard_aggregate) != NGX_OK
        || ngx_rtmp_ingest_guard_push(cmcf, NGX_RTMP_MSG_CHUNK_SIZE,
                                   ngx_rtmp_ingest_guard_chunk_size) != NGX_OK
        || ngx_rtmp_ingest_guard_push(cmcf, NGX_RTMP_MSG_VIDEO,
                                      ngx_rtmp_ingest_guard_video) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_rtmp_ingest_guard_push(cmcf, NGX_RTMP_CONNECT,
                                      ngx_rtmp_ingest_guard_connect);
}


/* No message is dispatched while one is incomplete, so look when it reads. */
static ngx_int_t
ngx_rtmp_ingest_guard_connect(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    if (s->connection->recv == ngx_recv) {
        s->connection->recv = ngx_rtmp_ingest_guard_recv;
    }

    return NGX_OK;
}


static ssize_t
ngx_rtmp_ingest_guard_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    size_t                     pending;
    ssize_t                    n;
    ngx_int_t                  i;
    ngx_rtmp_stream_t         *st;
    ngx_rtmp_session_t        *s;
    ngx_rtmp_core_srv_conf_t  *cscf;

    s = c->data;
    cscf = ngx_rtmp_get_module_srv_conf(s, ngx_rtmp_core_module);
    pending = 0;

    for (i = 1; i < cscf->max_streams; i++) {
        st = &s->in_streams[i];
        pending += st->len;

        if (st->len > st->hdr.mlen) {
            return ngx_rtmp_ingest_guard_refuse(s,
                                          "message length changed half way");
        }
    }

    if (pending > 2 * cscf->max_message) {
        return ngx_rtmp_ingest_guard_refuse(s, "too many unfinished messages");
    }

    if (ngx_rtmp_ingest_guard_turn(c) != NGX_OK) {
        return NGX_AGAIN;
    }

    n = ngx_recv(c, buf, ngx_min(size, NGX_RTMP_INGEST_READ_BYTES));

    if (n > 0) {
        ngx_rtmp_ingest_turn.bytes += n;

    } else {
        ngx_rtmp_ingest_turn.bytes = 0;
    }

    return n;
}


/*
 * nginx-rtmp reads until there is nothing left, so a client that sends faster
 * than that keeps the worker for itself.  After its share it goes on in the
 * event loop's next round.
 */
static ngx_int_t
ngx_rtmp_ingest_guard_turn(ngx_connection_t *c)
{
    ngx_rtmp_ingest_turn_t  *turn;

    turn = &ngx_rtmp_ingest_turn;

    if (turn->connection != c->number) {
        turn->connection = c->number;
        turn->bytes = 0;
    }

    if (turn->bytes < NGX_RTMP_INGEST_TURN_BYTES) {
        return NGX_OK;
    }

    turn->bytes = 0;
    ngx_post_event(c->read, &ngx_posted_next_events);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_rtmp_ingest_guard_amf(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    size_t      skip;
    u_char      buf[NGX_RTMP_INGEST_AMF_BYTES];
    oa_err_t    err;
    oa_slice_t  message;

    if (ngx_rtmp_ingest_flatten(in, buf, sizeof(buf), &message) != NGX_OK
        || message.size > sizeof(buf))
    {
        return ngx_rtmp_ingest_guard_refuse(s, "AMF message too long");
    }

    skip = ngx_rtmp_ingest_guard_skip(h, message);
    message = oa_slice(message.data + skip, message.size - skip);

    if (ngx_rtmp_ingest_guard_busy(s, h, message)) {
        return ngx_rtmp_ingest_guard_refuse(s, "too many commands");
    }

    if (ngx_rtmp_ingest_guard_early(s, h, message)) {
        return ngx_rtmp_ingest_guard_refuse(s, "message before connect");
    }

    err = oa_amf_guard(message, OA_AMF_MAX_DEPTH);
    if (err != OA_OK) {
        return ngx_rtmp_ingest_guard_refuse(s, "AMF nested too deep");
    }

    if (h->type == NGX_RTMP_MSG_AMF_CMD || h->type == NGX_RTMP_MSG_AMF3_CMD) {
        return ngx_rtmp_ingest_client_command(s, message);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_rtmp_ingest_guard_busy(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    oa_slice_t message)
{
    time_t                     now;
    ngx_rtmp_ingest_client_t  *client;

    client = ngx_rtmp_get_module_ctx(s, ngx_rtmp_ingest_module);

    if (client == NULL || s->auto_pushed || s->relay
        || !ngx_rtmp_ingest_guard_commands(h, message))
    {
        return 0;
    }

    now = ngx_time();

    if (now - client->commands_since >= NGX_RTMP_INGEST_COMMANDS_SECONDS) {
        client->commands_since = now;
        client->commands = 0;
    }

    return client->commands++ >= NGX_RTMP_INGEST_COMMANDS;
}


/*
 * nginx-rtmp carries out a command in whatever AMF message its name is.  What
 * encoders send as data is "@setDataFrame", "onMetaData", "onTextData".
 */
static ngx_uint_t
ngx_rtmp_ingest_guard_commands(ngx_rtmp_header_t *h, oa_slice_t message)
{
    if (h->type != NGX_RTMP_MSG_AMF_META
        && h->type != NGX_RTMP_MSG_AMF3_META)
    {
        return 1;
    }

    return message.size < 5
           || (message.data[3] != '@'
               && ngx_memcmp(message.data + 3, "on", 2) != 0);
}


/*
 * Whether a message comes before there is an application.  nginx-rtmp's codec
 * module relies on its configuration for metadata, and nothing but "connect"
 * has a sense there.
 */
static ngx_uint_t
ngx_rtmp_ingest_guard_early(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    oa_slice_t message)
{
    static const u_char  connect[] = "\x02\0\x07" "connect";

    if (s->app_conf != NULL || s->relay) {
        return 0;
    }

    return (h->type != NGX_RTMP_MSG_AMF_CMD && h->type != NGX_RTMP_MSG_AMF3_CMD)
           || message.size < sizeof(connect) - 1
           || ngx_memcmp(message.data, connect, sizeof(connect) - 1) != 0;
}


/* What nginx-rtmp skips: AMF3's first byte, a shared object's bare name. */
static size_t
ngx_rtmp_ingest_guard_skip(ngx_rtmp_header_t *h, oa_slice_t message)
{
    size_t  skip;

    skip = 0;

    if ((h->type == NGX_RTMP_MSG_AMF3_CMD
         || h->type == NGX_RTMP_MSG_AMF3_META
         || h->type == NGX_RTMP_MSG_AMF3_SHARED)
        && message.size > 0)
    {
        skip = 1;
    }

    if ((h->type == NGX_RTMP_MSG_AMF_SHARED
         || h->type == NGX_RTMP_MSG_AMF3_SHARED)
        && message.size >= skip + 2)
    {
        skip += 2 + oa_get_u16(message.data + skip);
    }

    return ngx_min(skip, message.size);
}


static ngx_int_t
ngx_rtmp_ingest_guard_aggregate(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    return ngx_rtmp_ingest_guard_refuse(s, "aggregate message");
}


static ngx_int_t
ngx_rtmp_ingest_guard_chunk_size(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    uint32_t    size;
    ngx_buf_t  *b;

    if (in == NULL || in->buf->last - in->buf->pos < 4) {
        return NGX_DONE;
    }

    b = in->buf;
    size = oa_get_u32(b->pos);

    if (size < NGX_RTMP_INGEST_MIN_CHUNK_SIZE
        || size > NGX_RTMP_MAX_CHUNK_SIZE)
    {
        return ngx_rtmp_ingest_guard_refuse(s, "chunk size out of range");
    }

    return NGX_OK;
}


/*
 * nginx-rtmp's codec module reads any session's AVC sequence header, from its
 * first buffer and without removing emulation prevention bytes.  The same
 * reader on the same bytes finds the count that it is going to trust.
 */
static ngx_int_t
ngx_rtmp_ingest_guard_video(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    u_char                 *p;
    ngx_rtmp_bit_reader_t   br;

    if (in == NULL || in->buf->last - in->buf->pos < 14) {
        return NGX_OK;
    }

    p = in->buf->pos;

    if ((p[0] & 0x0f) != 7 || p[1] != 0) {
        return NGX_OK;
    }

    /* 5 bytes of FLV, 6 of avcC, 2 of the SPS's length, its NAL header */
    ngx_rtmp_bit_init_reader(&br, p + 14, in->buf->last);

    if (ngx_rtmp_ingest_sps_cycle(&br) > NGX_RTMP_INGEST_MAX_CYCLE) {
        return ngx_rtmp_ingest_guard_refuse(s, "absurd sequence header");
    }

    return NGX_OK;
}


/* num_ref_frames_in_pic_order_cnt_cycle, or 0 where there is none. */
static uint64_t
ngx_rtmp_ingest_sps_cycle(ngx_rtmp_bit_reader_t *br)
{
    ngx_uint_t  profile_idc;

    profile_idc = (ngx_uint_t) ngx_rtmp_bit_read(br, 8);
    (void) ngx_rtmp_bit_read(br, 16);
    (void) ngx_rtmp_bit_read_golomb(br);

    switch (profile_idc) {
    case 100:
    case 110:
    case 122:
    case 244:
    case 44:
    case 83:
    case 86:
    case 118:
        ngx_rtmp_ingest_sps_high(br);
    }

    (void) ngx_rtmp_bit_read_golomb(br);

    if (ngx_rtmp_bit_read_golomb(br) != 1) {
        return 0;
    }

    (void) ngx_rtmp_bit_read(br, 1);
    (void) ngx_rtmp_bit_read_golomb(br);
    (void) ngx_rtmp_bit_read_golomb(br);

    return ngx_rtmp_bit_read_golomb(br);
}


static void
ngx_rtmp_ingest_sps_high(ngx_rtmp_bit_reader_t *br)
{
    uint64_t  chroma_format_idc;

    chroma_format_idc = ngx_rtmp_bit_read_golomb(br);

    if (chroma_format_idc == 3) {
        (void) ngx_rtmp_bit_read(br, 1);
    }

    (void) ngx_rtmp_bit_read_golomb(br);
    (void) ngx_rtmp_bit_read_golomb(br);
    (void) ngx_rtmp_bit_read(br, 1);

    if (ngx_rtmp_bit_read(br, 1)) {
        (void) ngx_rtmp_bit_read(br, chroma_format_idc != 3 ? 8 : 12);
    }
}


/* The caller's NGX_ERROR makes nginx-rtmp finalize the session. */
static ngx_int_t
ngx_rtmp_ingest_guard_refuse(ngx_rtmp_session_t *s, const char *reason)
{
    ngx_log_t  *log;

    log = s->connection->log;

    if (ngx_rtmp_ingest_may_log(log)) {
        ngx_log_error(NGX_LOG_INFO, log, 0, "ingest: session closed: %s",
                      reason);
    }

    return NGX_ERROR;
}
