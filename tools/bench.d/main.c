
/*
 * The measuring program behind tools/bench, which starts the servers and
 * passes their ports and workers.
 */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"


enum {
    OPT_HTTP = 1, OPT_RTMP, OPT_STOCK, OPT_FLV, OPT_SCRATCH, OPT_VIEWERS,
    OPT_PART_MS, OPT_SECONDS, OPT_WARMUP, OPT_LOOP, OPT_FPS, OPT_PIDS,
    OPT_STOCK_PIDS, OPT_NO_SKIP, OPT_NO_GZIP, OPT_PUBLISHERS, OPT_KEYS
};


static const struct option  long_options[] = {
    { "http",       required_argument, NULL, OPT_HTTP },
    { "rtmp",       required_argument, NULL, OPT_RTMP },
    { "stock",      required_argument, NULL, OPT_STOCK },
    { "flv",        required_argument, NULL, OPT_FLV },
    { "scratch",    required_argument, NULL, OPT_SCRATCH },
    { "viewers",    required_argument, NULL, OPT_VIEWERS },
    { "publishers", required_argument, NULL, OPT_PUBLISHERS },
    { "keys",       required_argument, NULL, OPT_KEYS },
    { "part-ms",    required_argument, NULL, OPT_PART_MS },
    { "seconds",    required_argument, NULL, OPT_SECONDS },
    { "warmup",     required_argument, NULL, OPT_WARMUP },
    { "loop",       required_argument, NULL, OPT_LOOP },
    { "fps",        required_argument, NULL, OPT_FPS },
    { "pids",       required_argument, NULL, OPT_PIDS },
    { "stock-pids", required_argument, NULL, OPT_STOCK_PIDS },
    { "no-skip",    no_argument,       NULL, OPT_NO_SKIP },
    { "no-gzip",    no_argument,       NULL, OPT_NO_GZIP },
    { NULL, 0, NULL, 0 }
};


static unsigned
read_pids(const char *list, pid_t *pids)
{
    char      *end;
    unsigned   n;

    for (n = 0; n < BENCH_MAX_PIDS && *list; n++) {
        pids[n] = (pid_t) strtol(list, &end, 10);
        if (end == list) {
            die("not a list of pids: %s", list);
        }

        list = *end ? end + 1 : end;
    }

    return n;
}


/* Options that set a number or a string. */
static bool
set_plain_option(options_t *o, int option, const char *value)
{
    struct {
        int           option;
        int          *number;
        uint32_t     *unsigned_number;
        double       *real;
        const char  **text;
    } plain[] = {
        { OPT_HTTP, &o->http_port, NULL, NULL, NULL },
        { OPT_RTMP, &o->rtmp_port, NULL, NULL, NULL },
        { OPT_STOCK, &o->stock_port, NULL, NULL, NULL },
        { OPT_VIEWERS, NULL, &o->viewers, NULL, NULL },
        { OPT_PUBLISHERS, NULL, &o->publishers, NULL, NULL },
        { OPT_PART_MS, NULL, &o->part_ms, NULL, NULL },
        { OPT_FPS, NULL, &o->fps, NULL, NULL },
        { OPT_SECONDS, NULL, NULL, &o->seconds, NULL },
        { OPT_WARMUP, NULL, NULL, &o->warmup_s, NULL },
        { OPT_LOOP, NULL, NULL, &o->loop_s, NULL },
        { OPT_FLV, NULL, NULL, NULL, &o->flv },
        { OPT_KEYS, NULL, NULL, NULL, &o->keys },
        { OPT_SCRATCH, NULL, NULL, NULL, &o->scratch },
    };
    size_t  i;

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (plain[i].option != option) {
            continue;
        }

        if (plain[i].number != NULL) {
            *plain[i].number = atoi(value);
        } else if (plain[i].unsigned_number != NULL) {
            *plain[i].unsigned_number = (uint32_t) strtoul(value, NULL, 10);
        } else if (plain[i].real != NULL) {
            *plain[i].real = atof(value);
        } else {
            *plain[i].text = value;
        }

        return true;
    }

    return false;
}


static void
set_option(options_t *o, int option, const char *value)
{
    if (set_plain_option(o, option, value)) {
        return;
    }

    switch (option) {

    case OPT_PIDS:
        o->npids = read_pids(value, o->pids);
        break;

    case OPT_STOCK_PIDS:
        o->nstock_pids = read_pids(value, o->stock_pids);
        break;

    case OPT_NO_SKIP:
        o->skip = false;
        break;

    case OPT_NO_GZIP:
        o->gzip = false;
        break;

    default:
        exit(2);
    }
}


static void
read_options(options_t *o, int argc, char **argv)
{
    int  option;

    memset(o, 0, sizeof(*o));
    o->host = "127.0.0.1";
    o->channel = "bench";
    o->scratch = ".";
    o->viewers = 1;
    o->publishers = 1;
    o->part_ms = 200;
    o->seconds = 10;
    o->warmup_s = 5;
    o->loop_s = 16;
    o->fps = 30;
    o->skip = true;
    o->gzip = true;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        set_option(o, option, optarg);
    }

    if (o->rtmp_port == 0 || o->npids == 0 || o->viewers == 0
        || o->publishers == 0 || o->part_ms == 0 || o->fps == 0
        || o->seconds <= 0)
    {
        die("--rtmp and --pids are needed, and positive numbers");
    }
}


int
main(int argc, char **argv)
{
    const char  *name;
    options_t    o;
    shared_t    *shared;

    if (argc < 2) {
        die("which bench?");
    }

    name = argv[1];
    read_options(&o, argc - 1, argv + 1);
    signal(SIGPIPE, SIG_IGN);

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        die("no shared memory");
    }

    if (strcmp(name, "publish") == 0) {
        if (o.keys == NULL || o.nstock_pids == 0) {
            die("--keys and --stock-pids are needed");
        }

        return bench_publish(&o);
    }

    if (o.http_port == 0) {
        die("--http is needed");
    }

    if (strcmp(name, "llhls") == 0) {
        return bench_llhls(&o, shared);
    }

    if (strcmp(name, "latency") == 0) {
        return bench_latency(&o, shared);
    }

    if (strcmp(name, "glass") == 0) {
        return bench_glass(&o, shared);
    }

    die("no such bench: %s", name);
}
