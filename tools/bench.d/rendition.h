
/*
 * What is known of one rendition: its parts in their order, from the
 * playlists that came, and which frames of the publisher each part holds.
 */


#ifndef BENCH_RENDITION_H
#define BENCH_RENDITION_H


#include "bench.h"


#define PATH_BYTES     512
#define REQUEST_BYTES  1024
#define VIEWS          64


typedef struct {
    uint32_t   msn;
    uint32_t   index;            /* in its segment */
    double     duration_s;
    char       path[PATH_BYTES];
    char       request[REQUEST_BYTES];
    size_t     request_size;

    uint32_t   size;             /* of its body; 0: not fetched yet */
    uint64_t   first_ns;         /* when the first viewer had it; 0: none */
    uint32_t   nframes;
    uint64_t   first_frame;      /* in the publisher's log */
    uint64_t   last_frame_ns;    /* when its last frame was sent; 0: unknown */
} part_t;


/* A playlist that came, understood once for all viewers who got the same. */
typedef struct {
    uint64_t   hash;             /* 0: free */
    uint32_t   first;            /* parts listed: first <= number < end */
    uint32_t   end;
    bool       ended;
    char       next[REQUEST_BYTES];      /* the blocking request after it */
    size_t     next_size;
    char       hint[REQUEST_BYTES];      /* the request for the hinted part */
    size_t     hint_size;
} view_t;


typedef struct {
    int              kind;
    bool             skip;
    bool             gzip;
    char             path[PATH_BYTES];   /* of its playlist */
    char             init_path[PATH_BYTES];
    char             request[REQUEST_BYTES];     /* non-blocking */
    size_t           request_size;

    double           part_target_s;
    double           hold_back_s;

    part_t          *parts;
    uint32_t         nparts;
    uint32_t         max_parts;

    view_t           views[VIEWS];
    unsigned         next_view;
    uint64_t         parsed;             /* playlists read in full */
    uint64_t         playlist_bytes;     /* their sum, as they came */

    frame_log_t     *log;
    uint64_t         next_frame;         /* expected first of the next part */
    bool             matched;            /* next_frame is known */
    uint64_t         unmatched;          /* parts whose frames are unknown */
} rendition_t;


void rendition_init(rendition_t *rend, int kind, const char *path,
    const options_t *o, frame_log_t *log);

/* The view of a playlist's body (gzip or plain); NULL when it is not one. */
const view_t *rendition_view(rendition_t *rend, const char *body,
    size_t size);

/*
 * Finds the publisher's frames of a part by the sizes of its samples.
 * Returns false when there are none such.
 */
bool rendition_match(rendition_t *rend, part_t *part, const char *body,
    size_t size);

/* Absolute path of a URI reference in a document at base. */
void path_resolve(char *dst, const char *base, const char *uri, size_t size);


#endif /* BENCH_RENDITION_H */
