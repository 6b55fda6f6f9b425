
/* What the parts of the bench share: clock, numbers, frame log, processes. */


#ifndef BENCH_H
#define BENCH_H


#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>


#define BENCH_LOG_FRAMES   (1 << 18)
#define BENCH_MAX_PIDS     64

#define NS_PER_S           1000000000ULL
#define NS_PER_MS          1000000ULL


enum { VIDEO, AUDIO, KINDS };


/* One coded frame that the publisher sent.  All times are CLOCK_MONOTONIC. */
typedef struct {
    uint64_t   made_ns;      /* its picture was drawn; live encoding only */
    uint64_t   encoded_ns;   /* it came out of the encoder; same */
    uint64_t   sent_ns;      /* just before it was written to the socket */
    uint32_t   size;         /* bytes, without the FLV tag's own */
} frame_t;


/* Written by the publisher's process, read by the viewers'. */
typedef struct {
    _Atomic uint64_t  nframes;
    frame_t           frames[BENCH_LOG_FRAMES];
} frame_log_t;


typedef struct {
    frame_log_t       logs[KINDS];
    _Atomic uint64_t  nmade;             /* pictures drawn */
    uint64_t          made_ns[BENCH_LOG_FRAMES];
    _Atomic int       publishing;        /* the server said so */
    _Atomic int       failed;
} shared_t;


typedef struct {
    const char  *host;                   /* IPv4 */
    int          http_port;
    int          rtmp_port;
    int          stock_port;             /* 0: no comparison */
    const char  *channel;
    const char  *flv;                    /* what is published, in a loop */
    const char  *keys;                   /* a file of stream keys */
    const char  *scratch;                /* a directory for files */
    uint32_t     viewers;
    uint32_t     publishers;
    uint32_t     part_ms;
    double       seconds;                /* of each measurement */
    double       warmup_s;
    double       loop_s;                 /* length of the FLV file */
    uint32_t     fps;
    bool         skip;                   /* ask for delta updates */
    bool         gzip;
    pid_t        pids[BENCH_MAX_PIDS];   /* workers of the server */
    unsigned     npids;
    pid_t        stock_pids[BENCH_MAX_PIDS];
    unsigned     nstock_pids;
} options_t;


/* A growing array of numbers, for percentiles. */
typedef struct {
    uint32_t  *values;
    size_t     n;
    size_t     capacity;
    bool       sorted;
} sample_t;


static inline uint64_t
now_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * NS_PER_S + (uint64_t) ts.tv_nsec;
}


void die(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t size);

void sample_add(sample_t *s, uint64_t value);
/* The value below which a share p (0 to 1) of all lies; 0 when empty. */
double sample_quantile(sample_t *s, double p);
void sample_free(sample_t *s);

/*
 * Prints "prefix_p50_ms": … from a sample in microseconds, preceded by a
 * comma: min, p50, p99, max.
 */
void print_quantiles_ms(const char *prefix, sample_t *us);

/* Nanoseconds on a CPU of all threads of these processes so far. */
uint64_t cpu_ns(const pid_t *pids, unsigned n);
/* Bytes of memory that only they use. */
uint64_t private_bytes(const pid_t *pids, unsigned n);
uint64_t own_cpu_ns(void);
/* Nanoseconds that all CPUs of the machine were busy or stolen so far. */
uint64_t machine_cpu_ns(void);

/* Starts the publisher in a process of its own; it lives until killed. */
pid_t publish_start(const options_t *o, shared_t *shared, bool live_encoder);

/* Waits until it publishes; false when it failed or took over 10 s. */
bool publish_wait(shared_t *shared);

int bench_llhls(const options_t *o, shared_t *shared);
int bench_latency(const options_t *o, shared_t *shared);
int bench_glass(const options_t *o, shared_t *shared);
int bench_publish(const options_t *o);


#endif /* BENCH_H */
