
/*
 * Viewers that follow a live channel as a player does: two connections each,
 * video and audio; on each of them a blocking playlist request, then the
 * parts that its answer has added, then the next blocking request.
 */


#ifndef BENCH_FOLLOW_H
#define BENCH_FOLLOW_H


#include "http.h"
#include "rendition.h"


typedef struct {
    const view_t   *view;        /* newest playlist; NULL: none yet */
    uint32_t        next;        /* number of the part to fetch next */
    bool            in_part;     /* what its connection is busy with */
} viewer_t;


typedef struct {
    uint64_t        playlists;
    uint64_t        playlist_bytes;      /* bodies, as they came */
    uint64_t        parts;
    uint64_t        part_bytes;
    uint64_t        unchanged;           /* playlists without a new part */
    uint64_t        wrong_size;          /* parts unlike the first viewer's */
} follow_counts_t;


typedef struct {
    const options_t   *options;
    http_t            *http;
    rendition_t        rend[KINDS];
    bool               has[KINDS];
    uint32_t           n;                /* viewers */
    http_conn_t       *conns;            /* kind * n + viewer */
    viewer_t          *viewers;          /* same */
    follow_counts_t    counts[KINDS];
    uint32_t         **arrived_us[KINDS];    /* [part][viewer], 0: never */
    uint64_t           start_ns;         /* of arrived_us */
    uint32_t          *failed;           /* connections to be started anew */
    uint32_t           nfailed;
    bool               stopping;
} follow_t;


/*
 * Waits until the channel is on the air with all its renditions (15 s at
 * most, then the process ends) and reads where they are.
 */
void follow_init(follow_t *f, const options_t *o, shared_t *shared);

/* Connects all viewers and lets them begin. */
void follow_start(follow_t *f);

void follow_run(follow_t *f, uint64_t until_ns);

/* Lets every request come to its end and starts no other. */
void follow_stop(follow_t *f);

/* The number of a rendition's newest part; sees to it by a playlist. */
const part_t *follow_newest(follow_t *f, int kind);


#endif /* BENCH_FOLLOW_H */
