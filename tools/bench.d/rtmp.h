
/* A minimal RTMP publisher on a blocking socket, and what it is made of. */


#ifndef BENCH_RTMP_H
#define BENCH_RTMP_H


#include "bench.h"


#define RTMP_AUDIO  8
#define RTMP_VIDEO  9
#define RTMP_DATA   18

#define RTMP_HANDSHAKE  1536             /* bytes of C1 and C2 */
#define RTMP_COMMANDS   4096             /* room for rtmp_commands() */


typedef struct {
    int        fd;
    uint32_t   chunk_size;       /* of what the server sends */
    uint8_t    in[1 << 17];
    size_t     in_size;
    uint8_t   *out;
    size_t     out_capacity;
    bool       publishing;
} rtmp_t;


/* Connects and publishes; returns when the server has accepted. */
rtmp_t *rtmp_publish(const char *host, int port, const char *app,
    const char *name);

/* Sends one message in chunks, in one write. */
void rtmp_send(rtmp_t *r, int type, uint32_t timestamp_ms,
    const uint8_t *body, size_t size);

/* Answers pings; call it now and then. */
void rtmp_read(rtmp_t *r);


/*
 * Each writes at p and returns where it ended: a message in chunks of a size
 * that rtmp_commands() announces, one of audio, video or data, and all that a
 * publisher says after the handshake: app, URL and name are short.
 */
size_t rtmp_message_max(size_t size);
uint8_t *rtmp_message(uint8_t *p, int csid, int type, uint32_t stream,
    uint32_t timestamp_ms, const uint8_t *body, size_t size);
uint8_t *rtmp_media(uint8_t *p, int type, uint32_t timestamp_ms,
    const uint8_t *body, size_t size);
uint8_t *rtmp_commands(uint8_t *p, const char *app, const char *url,
    const char *name);


#endif /* BENCH_RTMP_H */
