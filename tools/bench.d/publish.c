
/*
 * Publishers that come and go, and such as stay: at the origin with its
 * checks, with and without the packaging, and at stock nginx-rtmp.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publishers.h"


#define PUBLISH_COLD_S  120          /* at most, for each key's first time */


typedef struct {
    const char        *result;
    const char        *app;
    int                port;
    const pid_t       *pids;
    unsigned           npids;
    char             **names;
    unsigned           nnames;
} target_t;


typedef struct {
    const target_t    *target;
    unsigned           marks;
    uint64_t           at_ns[2];
    uint64_t           cpu[2];
    uint64_t           own[2];
    uint64_t           machine[2];
} meter_t;


typedef struct {
    double             per_s;
    double             cpu_us;       /* each; of the server */
} figures_t;


typedef struct {
    const options_t   *options;
    tags_t             tags;
    char             **keys;
    unsigned           nkeys;
    bool               faulty;
} publish_t;


static void
meter_mark(void *ctx)
{
    unsigned   i;
    meter_t   *meter;

    meter = ctx;
    i = meter->marks++;

    meter->cpu[i] = cpu_ns(meter->target->pids, meter->target->npids);
    meter->own[i] = own_cpu_ns();
    meter->machine[i] = machine_cpu_ns();
    meter->at_ns[i] = now_ns();
}


static double
meter_seconds(const meter_t *meter)
{
    return (double) (meter->at_ns[1] - meter->at_ns[0]) / NS_PER_S;
}


static double
meter_cpu_us(const meter_t *meter)
{
    return (double) (meter->cpu[1] - meter->cpu[0]) / 1e3;
}


static void
publish_print_head(const publish_t *b, const publishers_t *p,
    const meter_t *meter)
{
    double  ns, cpu, own, machine;

    ns = (double) (meter->at_ns[1] - meter->at_ns[0]);
    cpu = (double) (meter->cpu[1] - meter->cpu[0]);
    own = (double) (meter->own[1] - meter->own[0]);
    machine = (double) (meter->machine[1] - meter->machine[0]);

    printf("{\"bench\":\"publish\",\"result\":\"%s\",\"publishers\":%u,"
           "\"workers\":%u,\"seconds\":%.1f,\"server_cpu_share\":%.3f,"
           "\"client_cpu_share\":%.3f,\"other_cpu_share\":%.3f,"
           "\"refused\":%llu,\"failed\":%llu",
           meter->target->result, p->n, b->options->npids, ns / 1e9,
           cpu / ns, own / ns, (machine - cpu - own) / ns,
           (unsigned long long) p->refused, (unsigned long long) p->failed);
}


static void
publish_prepare(const publish_t *b, const target_t *target, publishers_t *p)
{
    memset(p, 0, sizeof(*p));
    p->host = b->options->host;
    p->port = target->port;
    p->app = target->app;
    p->names = target->names;
    p->nnames = target->nnames;
    p->n = b->options->publishers;
    p->tags = &b->tags;
    p->loop_ms = (uint32_t) (b->options->loop_s * 1000);
}


static figures_t
publish_starts(publish_t *b, const target_t *target, bool once)
{
    meter_t       meter;
    figures_t     figures;
    publishers_t  p;

    memset(&meter, 0, sizeof(meter));
    meter.target = target;
    publish_prepare(b, target, &p);

    meter_mark(&meter);
    publishers_start(&p, once ? PUBLISH_COLD_S : b->options->seconds, once);
    meter_mark(&meter);

    figures.per_s = (double) p.starts / meter_seconds(&meter);
    figures.cpu_us = meter_cpu_us(&meter) / ((double) p.starts + 1e-9);
    b->faulty |= p.starts == 0 || p.refused + p.failed > 0;

    publish_print_head(b, &p, &meter);
    printf(",\"starts\":%llu,\"starts_per_s\":%.0f,"
           "\"server_cpu_us_per_start\":%.1f",
           (unsigned long long) p.starts, figures.per_s, figures.cpu_us);
    print_quantiles_ms("start", &p.start_us);
    printf("}\n");
    fflush(stdout);

    sample_free(&p.start_us);

    return figures;
}


static figures_t
publish_feed(publish_t *b, const target_t *target)
{
    double        mbit;
    meter_t       meter;
    figures_t     figures;
    publishers_t  p;

    memset(&meter, 0, sizeof(meter));
    meter.target = target;
    publish_prepare(b, target, &p);

    publishers_feed(&p, b->options->warmup_s, b->options->seconds, meter_mark,
                    &meter);

    mbit = (double) p.bytes * 8 / 1e6;
    figures.per_s = mbit / meter_seconds(&meter);
    figures.cpu_us = meter_cpu_us(&meter) / (mbit + 1e-9);
    b->faulty |= p.bytes == 0 || p.refused + p.failed > 0;

    publish_print_head(b, &p, &meter);
    printf(",\"mbit_per_s\":%.2f,\"server_cpu_us_per_mbit\":%.1f,"
           "\"late_frames\":%llu}\n",
           figures.per_s, figures.cpu_us, (unsigned long long) p.late_frames);
    fflush(stdout);

    sample_free(&p.start_us);

    return figures;
}


/* --- names ----------------------------------------------------------- */

static void
publish_load_keys(publish_t *b)
{
    char     line[256];
    FILE    *f;
    size_t   capacity;

    f = fopen(b->options->keys, "r");
    if (f == NULL) {
        die("%s: %s", b->options->keys, strerror(errno));
    }

    for (capacity = 0; fgets(line, sizeof(line), f) != NULL; b->nkeys++) {
        if (b->nkeys == capacity) {
            capacity = 2 * capacity + 64;
            b->keys = realloc(b->keys, capacity * sizeof(char *));
            if (b->keys == NULL) {
                die("out of memory");
            }
        }

        line[strcspn(line, "\r\n")] = '\0';
        b->keys[b->nkeys] = strdup(line);
    }

    fclose(f);

    if (b->nkeys < b->options->publishers) {
        die("%u publishers need as many keys", b->options->publishers);
    }
}


/* As long as a key is, for the same work. */
static char **
publish_stock_names(unsigned n)
{
    char       name[64];
    char     **names;
    unsigned   i;

    names = allocate(n * sizeof(char *));

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "channel_%032u", i);
        names[i] = strdup(name);
    }

    return names;
}


static target_t
publish_target(const publish_t *b, const char *result, const char *app)
{
    target_t  target;

    target.result = result;
    target.app = app;
    target.port = b->options->rtmp_port;
    target.pids = b->options->pids;
    target.npids = b->options->npids;
    target.names = b->keys;
    target.nnames = b->nkeys;

    return target;
}


static target_t
publish_stock(const publish_t *b, const char *result)
{
    target_t  target;

    target.result = result;
    target.app = "live";
    target.port = b->options->stock_port;
    target.pids = b->options->stock_pids;
    target.npids = b->options->nstock_pids;
    target.names = publish_stock_names(b->nkeys);
    target.nnames = b->nkeys;

    return target;
}


static void
publish_print_ratio(figures_t start, figures_t live_start,
    figures_t stock_start, figures_t feed, figures_t live_feed,
    figures_t stock_feed)
{
    printf("{\"bench\":\"publish\",\"result\":\"ratio\","
           "\"ratio_starts_per_s\":%.2f,\"ratio_cpu_per_start\":%.2f,"
           "\"ratio_live_starts_per_s\":%.2f,"
           "\"ratio_live_cpu_per_start\":%.2f,\"ratio_cpu_per_mbit\":%.2f,"
           "\"ratio_live_cpu_per_mbit\":%.2f}\n",
           start.per_s / stock_start.per_s,
           start.cpu_us / stock_start.cpu_us,
           live_start.per_s / stock_start.per_s,
           live_start.cpu_us / stock_start.cpu_us,
           feed.cpu_us / stock_feed.cpu_us,
           live_feed.cpu_us / stock_feed.cpu_us);
}


int
bench_publish(const options_t *o)
{
    target_t    target;
    figures_t   start, live_start, stock_start, feed, live_feed, stock_feed;
    publish_t   b;

    memset(&b, 0, sizeof(b));
    b.options = o;
    tags_load(o->flv, &b.tags);
    publish_load_keys(&b);

    target = publish_target(&b, "cold_start", "check");
    (void) publish_starts(&b, &target, true);

    target = publish_target(&b, "start", "check");
    start = publish_starts(&b, &target, false);
    target = publish_stock(&b, "stock_start");
    stock_start = publish_starts(&b, &target, false);
    target = publish_target(&b, "live_start", "live");
    live_start = publish_starts(&b, &target, false);

    target = publish_target(&b, "feed", "check");
    feed = publish_feed(&b, &target);
    target = publish_stock(&b, "stock_feed");
    stock_feed = publish_feed(&b, &target);
    target = publish_target(&b, "live_feed", "live");
    live_feed = publish_feed(&b, &target);

    publish_print_ratio(start, live_start, stock_start, feed, live_feed,
                        stock_feed);

    return b.faulty ? 1 : 0;
}
