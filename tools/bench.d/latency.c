
/*
 * One viewer without load: how long after its last frame a part is there, for
 * a request that waits for the hinted part and for one that waits for the
 * playlist first.  And from picture to part, by a clock in the picture.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder.h"
#include "follow.h"


#define MAX_CAUGHT  8192


/* A part that came by its hint. */
typedef struct {
    char      *body;
    size_t     size;
    uint64_t   arrived_ns;
    bool       matched;          /* part tells its frames */
    part_t     part;
} caught_t;


/* Asks for each hinted part of one rendition ahead of time. */
typedef struct {
    http_t        *http;
    rendition_t   *rend;
    http_conn_t    playlist;
    http_conn_t    part;
    char           wanted[REQUEST_BYTES];    /* the last hint asked for */
    char           hinted[REQUEST_BYTES];    /* the last hint seen */
    size_t         hinted_size;
    caught_t       caught[MAX_CAUGHT];
    uint32_t       ncaught;
    uint64_t       failures;
} hunter_t;


static void
ask_for_hint(hunter_t *hunter)
{
    if (hunter->part.busy || hunter->hinted_size == 0
        || strcmp(hunter->wanted, hunter->hinted) == 0)
    {
        return;
    }

    strcpy(hunter->wanted, hunter->hinted);
    http_send(hunter->http, &hunter->part, hunter->hinted,
              hunter->hinted_size, true);
}


static void
on_hunted_playlist(http_t *h, http_conn_t *c, const http_response_t *r)
{
    hunter_t      *hunter;
    const view_t  *view;

    hunter = h->data;
    view = r->status == 200
           ? rendition_view(hunter->rend, r->body, r->size) : NULL;

    if (view == NULL) {
        die("a playlist request failed (status %d)", r->status);
    }

    memcpy(hunter->hinted, view->hint, sizeof(view->hint));
    hunter->hinted_size = view->hint_size;
    ask_for_hint(hunter);
    http_send(h, c, view->next, view->next_size, true);
}


static void
on_hunted_part(http_t *h, http_conn_t *c, const http_response_t *r)
{
    caught_t  *caught;
    hunter_t  *hunter;

    (void) c;

    hunter = h->data;

    if (r->status != 200) {
        hunter->failures++;

    } else if (hunter->ncaught < MAX_CAUGHT) {
        caught = &hunter->caught[hunter->ncaught++];
        caught->body = allocate(r->size);
        memcpy(caught->body, r->body, r->size);
        caught->size = r->size;
        caught->arrived_ns = r->now_ns;
        caught->matched = rendition_match(hunter->rend, &caught->part,
                                          r->body, r->size);
    }

    ask_for_hint(hunter);
}


static void
hunter_start(hunter_t *hunter, const options_t *o, rendition_t *rend)
{
    hunter->rend = rend;
    hunter->http = http_create(o->host, o->http_port);
    hunter->http->data = hunter;

    http_open(hunter->http, &hunter->playlist, on_hunted_playlist, 0);
    http_open(hunter->http, &hunter->part, on_hunted_part, 1);
    http_send(hunter->http, &hunter->playlist, rend->request,
              rend->request_size, true);
}


/* Event loops side by side: each has an epoll set, and 1 ms is too coarse. */
static void
run_both(hunter_t **hunters, unsigned n, follow_t *f, double seconds)
{
    unsigned   i;
    uint64_t   until;

    until = now_ns() + (uint64_t) (seconds * NS_PER_S);

    while (now_ns() < until) {
        for (i = 0; i < n; i++) {
            http_poll(hunters[i]->http, 0);
        }

        if (f != NULL) {
            http_poll(f->http, 0);
        }

        nanosleep(&(struct timespec) { 0, 50000 }, NULL);
    }
}


static void
hinted_latency(hunter_t *hunter, sample_t *us)
{
    uint32_t   i;
    caught_t  *caught;

    /* the first ones are the server's warm-up */
    for (i = 0; i < hunter->ncaught; i++) {
        caught = &hunter->caught[i];

        if (caught->matched && i >= 3) {
            sample_add(us, (caught->arrived_ns - caught->part.last_frame_ns)
                           / 1000);
        }
    }
}


static void
playlist_latency(follow_t *f, int kind, sample_t *us)
{
    uint32_t      i, seen;
    uint64_t      arrived_ns;
    rendition_t  *rend;

    rend = &f->rend[kind];
    seen = 0;

    for (i = 0; i < rend->nparts; i++) {
        if (f->arrived_us[kind][i] == NULL || rend->parts[i].nframes == 0
            || seen++ < 3)
        {
            continue;
        }

        arrived_ns = f->start_ns + f->arrived_us[kind][i][0] * 1000ULL;
        sample_add(us, (arrived_ns - rend->parts[i].last_frame_ns) / 1000);
    }
}


static void
print_latency(const options_t *o, const char *way, int kind, sample_t *us)
{
    printf("{\"bench\":\"latency\",\"result\":\"%s\",\"rendition\":\"%s\","
           "\"part_target_ms\":%u,\"frames_per_s\":%u,\"parts\":%zu",
           way, kind == VIDEO ? "video" : "audio", o->part_ms, o->fps, us->n);
    print_quantiles_ms("last_frame_to_part", us);
    printf("}\n");
    fflush(stdout);
}


int
bench_latency(const options_t *o, shared_t *shared)
{
    int               kind;
    size_t            measured;
    unsigned          n;
    sample_t          us;
    hunter_t         *hunters[KINDS];
    static follow_t   f;

    (void) publish_start(o, shared, false);
    if (!publish_wait(shared)) {
        die("the server accepts no publisher");
    }

    follow_init(&f, o, shared);
    n = 0;

    for (kind = 0; kind < KINDS; kind++) {
        if (f.has[kind]) {
            hunters[n] = allocate(sizeof(hunter_t));
            hunter_start(hunters[n++], o, &f.rend[kind]);
        }
    }

    follow_start(&f);
    run_both(hunters, n, &f, o->seconds);
    measured = 0;

    for (kind = 0; kind < (int) n; kind++) {
        memset(&us, 0, sizeof(us));
        playlist_latency(&f, kind, &us);
        print_latency(o, "playlist_then_part", kind, &us);
        measured += us.n;
        sample_free(&us);

        hinted_latency(hunters[kind], &us);
        print_latency(o, "hinted_part", kind, &us);
        measured += us.n;
        sample_free(&us);
    }

    return measured ? 0 : 1;
}


/* The init segment and all parts, one after the other. */
static void
write_stream(const options_t *o, hunter_t *hunter, const char *path)
{
    FILE      *file;
    char      *body;
    size_t     size;
    uint32_t   i;

    file = fopen(path, "wb");
    if (file == NULL) {
        die("cannot write %s", path);
    }

    if (http_get(o->host, o->http_port, hunter->rend->init_path, &body, &size)
        != 200)
    {
        die("%s: no init segment", hunter->rend->init_path);
    }

    fwrite(body, 1, size, file);
    free(body);

    for (i = 0; i < hunter->ncaught; i++) {
        fwrite(hunter->caught[i].body, 1, hunter->caught[i].size, file);
    }

    fclose(file);
}


/*
 * Decodes and reads each picture's clock.  What comes before the first
 * keyframe cannot be decoded, so a picture is looked up by its time among
 * those that were made.
 */
static size_t
read_clocks(const char *path, uint32_t *clocks, size_t room)
{
    char       command[PATH_BYTES + 128];
    FILE      *pipe;
    size_t     n, size;
    uint8_t   *grey;

    snprintf(command, sizeof(command),
             "ffmpeg -loglevel error -nostdin -i '%s' -vsync passthrough "
             "-f rawvideo -pix_fmt gray pipe:1", path);

    pipe = popen(command, "r");
    if (pipe == NULL) {
        die("cannot run ffmpeg");
    }

    size = ENCODER_WIDTH * ENCODER_HEIGHT;
    grey = allocate(size);

    for (n = 0; n < room && fread(grey, 1, size, pipe) == size; /* void */) {
        n += encoder_clock(grey, &clocks[n]);
    }

    pclose(pipe);
    free(grey);

    return n;
}


static bool
clock_was_read(const uint32_t *clocks, size_t n, uint32_t us)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (clocks[i] == us) {
            return true;
        }
    }

    return false;
}


typedef struct {
    sample_t   part_us;          /* age of the newest picture with its part */
    sample_t   encoder_us;       /* age of the same as it left the encoder */
    sample_t   above_us;
} ages_t;


static void
measure_ages(hunter_t *hunter, const uint32_t *clocks, size_t nclocks,
    ages_t *ages)
{
    uint32_t         i;
    caught_t        *caught;
    const frame_t   *frame;

    for (i = 0; i < hunter->ncaught; i++) {
        caught = &hunter->caught[i];

        if (!caught->matched || i < 3) {
            continue;
        }

        frame = &hunter->rend->log->frames[(caught->part.first_frame
                                            + caught->part.nframes - 1)
                                           % BENCH_LOG_FRAMES];

        if (!clock_was_read(clocks, nclocks,
                            (uint32_t) (frame->made_ns / 1000)))
        {
            continue;
        }

        sample_add(&ages->part_us,
                   (caught->arrived_ns - frame->made_ns) / 1000);
        sample_add(&ages->encoder_us,
                   (frame->encoded_ns - frame->made_ns) / 1000);
        sample_add(&ages->above_us,
                   (caught->arrived_ns - frame->encoded_ns) / 1000);
    }
}


int
bench_glass(const options_t *o, shared_t *shared)
{
    char              path[PATH_BYTES];
    ages_t            ages;
    size_t            nclocks;
    hunter_t         *hunter;
    uint32_t         *clocks;
    static follow_t   f;

    (void) publish_start(o, shared, true);
    if (!publish_wait(shared)) {
        die("the server accepts no publisher");
    }

    follow_init(&f, o, shared);
    hunter = allocate(sizeof(*hunter));
    hunter_start(hunter, o, &f.rend[VIDEO]);
    run_both(&hunter, 1, NULL, o->seconds);

    snprintf(path, sizeof(path), "%s/glass.mp4", o->scratch);
    write_stream(o, hunter, path);
    clocks = allocate(BENCH_LOG_FRAMES * sizeof(clocks[0]));
    nclocks = read_clocks(path, clocks, BENCH_LOG_FRAMES);

    memset(&ages, 0, sizeof(ages));
    measure_ages(hunter, clocks, nclocks, &ages);

    printf("{\"bench\":\"latency\",\"result\":\"glass_to_part\","
           "\"part_target_ms\":%u,\"frames_per_s\":%u,\"parts\":%zu,"
           "\"clocks_read\":%zu",
           o->part_ms, o->fps, ages.part_us.n, nclocks);
    print_quantiles_ms("newest_picture_age", &ages.part_us);
    print_quantiles_ms("encoder_age", &ages.encoder_us);
    print_quantiles_ms("above_encoder", &ages.above_us);
    printf("}\n");

    return ages.part_us.n ? 0 : 1;
}
