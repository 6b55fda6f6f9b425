
/* A minimal RTMP publisher on a blocking socket. */


#ifndef BENCH_RTMP_H
#define BENCH_RTMP_H


#include "bench.h"


#define RTMP_AUDIO  8
#define RTMP_VIDEO  9
#define RTMP_DATA   18


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


#endif /* BENCH_RTMP_H */
