
#include <stdlib.h>
#include <string.h>

#include "load.h"


static void
load_send(load_t *load, http_conn_t *c)
{
    unsigned       i;
    load_steps_t  *steps;

    steps = &load->steps[c->id / load->n];
    i = load->step[c->id];
    http_send(load->http, c, steps->text[i], steps->size[i], false);
}


static void
load_done(http_t *h, http_conn_t *c, const http_response_t *r)
{
    load_t  *load;

    load = h->data;

    if (r->status == 0) {
        die("a connection was closed under load");
    }

    sample_add(&load->latency_us, (r->now_ns - c->sent_ns) / 1000);

    if (++load->step[c->id] < load->steps[c->id / load->n].nsteps) {
        load_send(load, c);
    }
}


static void
load_burst(load_t *load)
{
    uint32_t      id;
    http_conn_t  *c;

    for (id = 0; id < KINDS * load->n; id++) {
        c = &load->conns[id];

        if (!load->has[id / load->n]) {
            continue;
        }

        if (c->busy) {
            load->overruns++;
            continue;
        }

        load->step[id] = 0;
        load_send(load, c);

        if (id % 16 == 0) {
            http_poll(load->http, 0);
        }
    }
}


static bool
load_busy(const load_t *load)
{
    uint32_t  id;

    for (id = 0; id < KINDS * load->n; id++) {
        if (load->has[id / load->n] && load->conns[id].busy) {
            return true;
        }
    }

    return false;
}


static void
load_prepare(load_t *load)
{
    uint32_t  id;

    load->http->data = load;
    load->step = allocate(KINDS * load->n);

    for (id = 0; id < KINDS * load->n; id++) {
        load->conns[id].done = load_done;
    }

    /* nothing is left to grow while it is measured */
    sample_add(&load->latency_us, 0);
    load->latency_us.n = 0;
}


void
load_run(load_t *load)
{
    uint64_t  start_ns, end_ns, tick_ns, cpu, own_cpu, requests, bytes, errors;

    load_prepare(load);

    requests = load->http->requests;
    bytes = load->http->bytes;
    errors = load->http->errors;
    cpu = cpu_ns(load->pids, load->npids);
    own_cpu = own_cpu_ns();

    start_ns = now_ns();
    end_ns = start_ns + (uint64_t) (load->seconds * NS_PER_S);

    for (tick_ns = start_ns; tick_ns < end_ns; tick_ns += load->interval_ns) {
        if (load->before != NULL) {
            load->before(load);
        }

        load_burst(load);
        http_run(load->http, tick_ns + load->interval_ns);
    }

    while (load_busy(load)) {
        http_run(load->http, now_ns() + 20 * NS_PER_MS);
    }

    load->cpu_ns = cpu_ns(load->pids, load->npids) - cpu;
    load->own_cpu_ns = own_cpu_ns() - own_cpu;
    load->elapsed_s = (double) (now_ns() - start_ns) / NS_PER_S;
    load->requests = load->http->requests - requests;
    load->bytes = load->http->bytes - bytes;
    load->errors = load->http->errors - errors;

    free(load->step);
    load->step = NULL;
}
