
/* Many viewers of one channel, and stock nginx with the same bytes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "follow.h"
#include "load.h"


typedef struct {
    uint64_t          from_ns;
    uint64_t          to_ns;
    uint64_t          cpu_ns;
    uint64_t          own_cpu_ns;
    uint64_t          machine_cpu_ns;
    uint64_t          requests;
    uint64_t          errors;
    uint64_t          bytes;
    uint64_t          private_before;
    uint64_t          private_after;
    double            ingest_us_per_s;   /* CPU without any viewer */
    follow_counts_t   counts[KINDS];

    uint64_t          parts;             /* that count, of all renditions */
    uint64_t          parts_unmatched;
    uint64_t          never;             /* part and viewer: it never came */
    uint64_t          late;
    sample_t          latency_us[KINDS];
    sample_t          spread_us[KINDS];
} live_t;


/* CPU time per request by what was asked for, in microseconds. */
typedef struct {
    double            mixed;
    double            playlists;
    double            parts;
} cost_t;


static const char *const kind_names[KINDS] = { "video", "audio" };


static void
measure_idle(live_t *live, const options_t *o)
{
    uint64_t          cpu, from;
    struct timespec   pause = { 3, 0 };

    from = now_ns();
    cpu = cpu_ns(o->pids, o->npids);
    nanosleep(&pause, NULL);

    live->ingest_us_per_s = (double) (cpu_ns(o->pids, o->npids) - cpu) / 1e3
                            / ((double) (now_ns() - from) / NS_PER_S);
    live->private_before = private_bytes(o->pids, o->npids);
}


static void
measure_live(live_t *live, follow_t *f)
{
    int               kind;
    http_t           *h;
    const options_t  *o;

    h = f->http;
    o = f->options;

    memcpy(live->counts, f->counts, sizeof(live->counts));
    live->requests = h->requests;
    live->errors = h->errors;
    live->bytes = h->bytes;
    live->cpu_ns = cpu_ns(o->pids, o->npids);
    live->own_cpu_ns = own_cpu_ns();
    live->machine_cpu_ns = machine_cpu_ns();
    live->from_ns = now_ns();

    follow_run(f, live->from_ns + (uint64_t) (o->seconds * NS_PER_S));

    live->to_ns = now_ns();
    live->cpu_ns = cpu_ns(o->pids, o->npids) - live->cpu_ns;
    live->own_cpu_ns = own_cpu_ns() - live->own_cpu_ns;
    live->machine_cpu_ns = machine_cpu_ns() - live->machine_cpu_ns;
    live->requests = h->requests - live->requests;
    live->errors = h->errors - live->errors;
    live->bytes = h->bytes - live->bytes;
    live->private_after = private_bytes(o->pids, o->npids);

    for (kind = 0; kind < KINDS; kind++) {
        live->counts[kind].playlists = f->counts[kind].playlists
                                       - live->counts[kind].playlists;
        live->counts[kind].parts = f->counts[kind].parts
                                   - live->counts[kind].parts;
        live->counts[kind].playlist_bytes = f->counts[kind].playlist_bytes
                                         - live->counts[kind].playlist_bytes;
        live->counts[kind].part_bytes = f->counts[kind].part_bytes
                                        - live->counts[kind].part_bytes;
    }
}


/*
 * A part is missed by a viewer who never had it, or had it so late that a
 * player at PART-HOLD-BACK behind the live edge would have run dry.
 */
static void
judge_part(live_t *live, const follow_t *f, int kind, uint32_t number)
{
    double          budget_s;
    uint32_t        i, *row, first, last;
    uint64_t        published_us, latency_us;
    const part_t   *part;

    part = &f->rend[kind].parts[number];
    row = f->arrived_us[kind][number];
    budget_s = f->rend[kind].hold_back_s - part->duration_s;

    published_us = ((part->last_frame_ns ? part->last_frame_ns
                     : part->first_ns) - f->start_ns) / 1000;
    first = UINT32_MAX;
    last = 0;

    for (i = 0; i < f->n; i++) {
        if (row[i] == 0) {
            live->never++;
            continue;
        }

        latency_us = row[i] > published_us ? row[i] - published_us : 0;
        live->late += (double) latency_us > budget_s * 1e6;
        first = row[i] < first ? row[i] : first;
        last = row[i] > last ? row[i] : last;

        if (part->last_frame_ns) {
            sample_add(&live->latency_us[kind], latency_us);
        }
    }

    sample_add(&live->spread_us[kind], last - first);
    live->parts++;
    live->parts_unmatched += part->last_frame_ns == 0;
}


static void
judge(live_t *live, const follow_t *f)
{
    int                   kind;
    uint32_t              number, nparts;
    const rendition_t    *rend;
    const part_t         *part;

    for (kind = 0; kind < KINDS; kind++) {
        rend = &f->rend[kind];
        nparts = f->has[kind] ? rend->nparts : 0;

        for (number = 0; number < nparts; number++) {
            part = &rend->parts[number];

            if (f->arrived_us[kind][number] == NULL) {
                /* nobody had it, though between others: all missed it */
                if (number > 0 && number + 1 < nparts
                    && rend->parts[number - 1].first_ns >= live->from_ns
                    && rend->parts[number + 1].first_ns != 0
                    && rend->parts[number + 1].first_ns < live->to_ns)
                {
                    live->never += f->n;
                }
                continue;
            }

            if (part->first_ns >= live->from_ns
                && part->first_ns < live->to_ns)
            {
                judge_part(live, f, kind, number);
            }
        }
    }
}


static void
print_head(const char *result, const options_t *o)
{
    printf("{\"bench\":\"llhls\",\"result\":\"%s\",\"viewers\":%u,"
           "\"part_target_ms\":%u,\"workers\":%u",
           result, o->viewers, o->part_ms, o->npids);
}


static void
print_live_kind(live_t *live, int kind)
{
    char              name[32];
    follow_counts_t  *counts;

    counts = &live->counts[kind];

    printf(",\"%s_playlist_bytes\":%.0f,\"%s_part_bytes\":%.0f",
           kind_names[kind], (double) counts->playlist_bytes
                             / (double) (counts->playlists + 1e-9),
           kind_names[kind], (double) counts->part_bytes
                             / (double) (counts->parts + 1e-9));

    snprintf(name, sizeof(name), "%s_latency", kind_names[kind]);
    print_quantiles_ms(name, &live->latency_us[kind]);
    snprintf(name, sizeof(name), "%s_spread", kind_names[kind]);
    print_quantiles_ms(name, &live->spread_us[kind]);
}


static void
print_live(live_t *live, const follow_t *f)
{
    int      kind;
    double   seconds, requests;

    seconds = (double) (live->to_ns - live->from_ns) / NS_PER_S;
    requests = (double) live->requests + 1e-9;

    print_head("live", f->options);
    printf(",\"seconds\":%.1f,\"requests_per_s\":%.0f,"
           "\"bytes_per_s\":%.0f,\"errors\":%llu,"
           "\"server_cpu_us_per_request\":%.2f,\"server_cpu_share\":%.3f,"
           "\"ingest_cpu_us_per_s\":%.0f,"
           "\"client_cpu_us_per_request\":%.2f,"
           "\"client_cpu_share\":%.3f,\"other_cpu_share\":%.3f,"
           "\"memory_bytes_per_viewer\":%.0f,"
           "\"parts\":%llu,\"parts_of_unknown_frames\":%llu,"
           "\"missed_parts\":%llu,\"missed_never_came\":%llu,"
           "\"missed_too_late\":%llu,\"unchanged_playlists\":%llu,"
           "\"parts_of_wrong_size\":%llu",
           seconds, requests / seconds, (double) live->bytes / seconds,
           (unsigned long long) live->errors,
           (double) live->cpu_ns / 1e3 / requests,
           (double) live->cpu_ns / 1e9 / seconds, live->ingest_us_per_s,
           (double) live->own_cpu_ns / 1e3 / requests,
           (double) live->own_cpu_ns / 1e9 / seconds,
           ((double) live->machine_cpu_ns - (double) live->own_cpu_ns
            - (double) live->cpu_ns) / 1e9 / seconds,
           ((double) live->private_after - (double) live->private_before)
           / f->n,
           (unsigned long long) live->parts,
           (unsigned long long) live->parts_unmatched,
           (unsigned long long) (live->never + live->late),
           (unsigned long long) live->never,
           (unsigned long long) live->late,
           (unsigned long long) (f->counts[VIDEO].unchanged
                                 + f->counts[AUDIO].unchanged),
           (unsigned long long) (f->counts[VIDEO].wrong_size
                                 + f->counts[AUDIO].wrong_size));

    for (kind = 0; kind < KINDS; kind++) {
        if (f->has[kind]) {
            print_live_kind(live, kind);
        }
    }

    printf("}\n");
    fflush(stdout);
}


/* idle_us_per_s: what the server needs anyway, to be taken off. */
static double
print_load(const char *result, load_t *load, const options_t *o,
    double idle_us_per_s)
{
    double  cost;

    cost = ((double) load->cpu_ns / 1e3 - idle_us_per_s * load->elapsed_s)
           / ((double) load->requests + 1e-9);

    print_head(result, o);
    printf(",\"seconds\":%.1f,\"requests_per_s\":%.0f,\"bytes_per_s\":%.0f,"
           "\"errors\":%llu,\"overruns\":%llu,"
           "\"server_cpu_us_per_request\":%.2f,"
           "\"client_cpu_us_per_request\":%.2f",
           load->elapsed_s, (double) load->requests / load->elapsed_s,
           (double) load->bytes / load->elapsed_s,
           (unsigned long long) load->errors,
           (unsigned long long) load->overruns, cost,
           (double) load->own_cpu_ns / 1e3 / ((double) load->requests + 1e-9));
    print_quantiles_ms("latency", &load->latency_us);
    printf("}\n");
    fflush(stdout);

    sample_free(&load->latency_us);
    return cost;
}


static void
load_init(load_t *load, follow_t *f, http_t *h, http_conn_t *conns)
{
    const options_t  *o;

    o = f->options;

    memset(load, 0, sizeof(*load));
    load->http = h;
    load->conns = conns;
    load->n = f->n;
    load->interval_ns = o->part_ms * NS_PER_MS;
    load->seconds = o->seconds;
    memcpy(load->has, f->has, sizeof(load->has));
    load->data = f;
}


static void
newest_parts(load_t *load)
{
    int            kind;
    const part_t  *part;

    for (kind = 0; kind < KINDS; kind++) {
        if (load->has[kind]) {
            part = follow_newest(load->data, kind);
            load->steps[kind].text[0] = part->request;
            load->steps[kind].size[0] = part->request_size;
            load->steps[kind].nsteps = 1;
        }
    }
}


/* Ours once more, playlists and parts apart, and without any blocking. */
static void
measure_ours(follow_t *f, const live_t *live, cost_t *cost)
{
    int               kind;
    load_t            load;
    const options_t  *o;

    o = f->options;

    load_init(&load, f, f->http, f->conns);
    load.pids = o->pids;
    load.npids = o->npids;

    for (kind = 0; kind < KINDS; kind++) {
        load.steps[kind].text[0] = f->rend[kind].request;
        load.steps[kind].size[0] = f->rend[kind].request_size;
        load.steps[kind].nsteps = 1;
    }

    load_run(&load);
    cost->playlists = print_load("ours_playlists", &load, o,
                                 live->ingest_us_per_s);

    load.before = newest_parts;
    load_run(&load);
    cost->parts = print_load("ours_parts", &load, o,
                             live->ingest_us_per_s);
}


static void
write_file(const options_t *o, const char *name, uint64_t size)
{
    char      path[PATH_BYTES];
    FILE     *f;
    uint64_t  i;
    uint32_t  noise;

    snprintf(path, sizeof(path), "%s/%s", o->scratch, name);

    f = fopen(path, "wb");
    if (f == NULL) {
        die("cannot write %s", path);
    }

    noise = 1;
    for (i = 0; i < size; i++) {
        noise = noise * 1664525 + 1013904223;
        fputc((int) (noise >> 24), f);
    }

    if (fclose(f) != 0) {
        die("cannot write %s", path);
    }
}


typedef struct {
    char     text[KINDS][LOAD_STEPS][REQUEST_BYTES];
    size_t   size[KINDS][LOAD_STEPS];
} stock_requests_t;


/* Files of the sizes that the viewers were sent on average. */
static void
make_stock_files(const live_t *live, const follow_t *f,
    stock_requests_t *requests)
{
    int                     kind, step;
    char                    name[64], path[80];
    uint64_t                size;
    const follow_counts_t  *counts;

    for (kind = 0; kind < KINDS; kind++) {
        counts = &live->counts[kind];

        for (step = 0; f->has[kind] && step < LOAD_STEPS; step++) {
            snprintf(name, sizeof(name), "%s-%s", kind_names[kind],
                     step ? "part.m4s" : "index.m3u8");
            size = step ? counts->part_bytes / (counts->parts + !counts->parts)
                   : counts->playlist_bytes
                     / (counts->playlists + !counts->playlists);
            write_file(f->options, name, size);

            snprintf(path, sizeof(path), "/%s", name);
            requests->size[kind][step] = http_request(
                requests->text[kind][step], REQUEST_BYTES, path,
                f->options->gzip);
        }
    }
}


static double
run_stock(load_t *load, const stock_requests_t *requests, const char *result,
    unsigned first, unsigned nsteps, const options_t *o)
{
    int       kind;
    unsigned  i;

    for (kind = 0; kind < KINDS; kind++) {
        for (i = 0; i < nsteps; i++) {
            load->steps[kind].text[i] = requests->text[kind][first + i];
            load->steps[kind].size[i] = requests->size[kind][first + i];
        }

        load->steps[kind].nsteps = nsteps;
    }

    load_run(load);
    return print_load(result, load, o, 0);
}


static void
measure_stock(const live_t *live, follow_t *f, cost_t *cost)
{
    http_t             *h;
    load_t              load;
    uint32_t            id;
    http_conn_t        *conns;
    const options_t    *o;
    stock_requests_t    requests;

    o = f->options;
    make_stock_files(live, f, &requests);

    h = http_create(o->host, o->stock_port);
    conns = allocate((size_t) KINDS * f->n * sizeof(conns[0]));

    for (id = 0; id < KINDS * f->n; id++) {
        if (f->has[id / f->n]) {
            http_open(h, &conns[id], NULL, id);
        }
    }

    load_init(&load, f, h, conns);
    load.pids = o->stock_pids;
    load.npids = o->nstock_pids;

    cost->mixed = run_stock(&load, &requests, "stock_mixed", 0, 2, o);
    cost->playlists = run_stock(&load, &requests, "stock_playlists", 0, 1, o);
    cost->parts = run_stock(&load, &requests, "stock_parts", 1, 1, o);
}


/*
 * What a blocking playlist request costs is what is left of the live phase
 * when its parts are taken off at their own price.
 */
static void
print_ratio(const live_t *live, const cost_t *ours, const cost_t *stock,
    const options_t *o)
{
    double  playlists, parts, blocking;

    playlists = (double) (live->counts[VIDEO].playlists
                          + live->counts[AUDIO].playlists) + 1e-9;
    parts = (double) (live->counts[VIDEO].parts + live->counts[AUDIO].parts);
    blocking = ((double) live->cpu_ns / 1e3 - parts * ours->parts)
               / playlists;

    print_head("ratio", o);
    printf(",\"ours_cpu_us_per_request\":%.2f,"
           "\"stock_cpu_us_per_request\":%.2f,\"ratio_mixed\":%.2f,"
           "\"ratio_parts\":%.2f,\"ratio_playlists\":%.2f,"
           "\"blocking_playlist_cpu_us\":%.2f,"
           "\"ratio_blocking_playlists\":%.2f}\n",
           ours->mixed, stock->mixed, ours->mixed / stock->mixed,
           ours->parts / stock->parts, ours->playlists / stock->playlists,
           blocking, blocking / stock->playlists);
    fflush(stdout);
}


int
bench_llhls(const options_t *o, shared_t *shared)
{
    cost_t             ours, stock;
    static live_t      live;
    static follow_t    f;

    (void) publish_start(o, shared, false);
    if (!publish_wait(shared)) {
        die("the server accepts no publisher");
    }

    follow_init(&f, o, shared);
    measure_idle(&live, o);
    follow_start(&f);
    follow_run(&f, now_ns() + (uint64_t) (o->warmup_s * NS_PER_S));
    measure_live(&live, &f);

    /* who is behind gets the time that a player would have */
    follow_run(&f, live.to_ns
                   + (uint64_t) (f.rend[VIDEO].hold_back_s * NS_PER_S));
    judge(&live, &f);

    if (live.requests == 0 || live.parts == 0) {
        die("no part came: nothing was measured");
    }

    print_live(&live, &f);

    if (o->stock_port == 0) {
        return 0;
    }

    follow_stop(&f);
    ours.mixed = (double) live.cpu_ns / 1e3 / (double) live.requests;
    measure_ours(&f, &live, &ours);
    measure_stock(&live, &f, &stock);
    print_ratio(&live, &ours, &stock, o);

    return 0;
}
