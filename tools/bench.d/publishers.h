
/*
 * Many RTMP publishers in one process, over epoll: such as start one after the
 * other, and such as stay and send what an encoder sends.
 */


#ifndef BENCH_PUBLISHERS_H
#define BENCH_PUBLISHERS_H


#include "tags.h"


typedef struct {
    const char    *host;
    int            port;
    const char    *app;
    char         **names;            /* stream keys, or names of channels */
    unsigned       nnames;
    unsigned       n;                /* at a time; at most nnames */
    const tags_t  *tags;
    uint32_t       loop_ms;          /* of the tags that are sent */

    /* results */
    uint64_t       starts;
    uint64_t       refused;          /* the server said no */
    uint64_t       failed;           /* it closed the connection, or so */
    uint64_t       bytes;            /* of FLV tags' bodies */
    uint64_t       late_frames;      /* not yet taken 100 ms after their time */
    sample_t       start_us;         /* from connect() to the server's yes */
} publishers_t;


/*
 * n at a time connect, publish, send half a second of media at once and leave;
 * each takes a name that is free.  Ends after the time, or with once, when each
 * name had its turn.
 */
void publishers_start(publishers_t *p, double seconds, bool once);

/*
 * n connect and publish at the pace of the tags' timestamps.  measure is
 * called when the warm-up is over and again at the end; bytes and late_frames
 * are of the time between.
 */
void publishers_feed(publishers_t *p, double warmup_s, double seconds,
    void (*measure)(void *ctx), void *ctx);


#endif /* BENCH_PUBLISHERS_H */
