
/*
 * Requests in bursts, as the parts of a live stream make them: every interval
 * all connections at once, each the given requests one after the other.
 */


#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H


#include "http.h"


#define LOAD_STEPS  2


typedef struct {
    const char   *text[LOAD_STEPS];
    size_t        size[LOAD_STEPS];
    unsigned      nsteps;
} load_steps_t;


typedef struct load_s  load_t;

struct load_s {
    http_t         *http;
    http_conn_t    *conns;           /* open; idle */
    uint32_t        n;               /* in each kind */
    bool            has[KINDS];
    load_steps_t    steps[KINDS];
    uint64_t        interval_ns;
    double          seconds;
    const pid_t    *pids;
    unsigned        npids;

    /* called before each burst, to set steps; may be NULL */
    void          (*before)(load_t *load);
    void           *data;

    /* results */
    uint64_t        requests;
    uint64_t        errors;
    uint64_t        bytes;
    uint64_t        overruns;        /* not idle when its turn came */
    uint64_t        cpu_ns;          /* of the server */
    uint64_t        own_cpu_ns;
    double          elapsed_s;
    sample_t        latency_us;      /* from request to whole answer */

    uint8_t        *step;            /* of each connection */
};


void load_run(load_t *load);


#endif /* BENCH_LOAD_H */
