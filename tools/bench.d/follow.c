
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"


static void viewer_go_on(follow_t *f, http_conn_t *c);


/* The channel's URIs out of its multivariant playlist. */
static bool
read_multivariant(follow_t *f, const char *path, char *text, shared_t *shared)
{
    char   *line, *next, *uri, resolved[PATH_BYTES];
    bool    stream;

    stream = false;

    for (line = text; *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next) {
            *next++ = '\0';
        }

        uri = NULL;
        if (strncmp(line, "#EXT-X-MEDIA:", 13) == 0
            && strstr(line, "TYPE=AUDIO") != NULL)
        {
            uri = strstr(line, "URI=\"");
            uri = uri ? uri + 5 : NULL;
        }

        if (uri != NULL && !f->has[AUDIO]) {
            path_resolve(resolved, path, uri, sizeof(resolved));
            rendition_init(&f->rend[AUDIO], AUDIO, resolved, f->options,
                           &shared->logs[AUDIO]);
            f->has[AUDIO] = true;
        }

        if (stream && line[0] != '#' && line[0] != '\0' && !f->has[VIDEO]) {
            path_resolve(resolved, path, line, sizeof(resolved));
            rendition_init(&f->rend[VIDEO], VIDEO, resolved, f->options,
                           &shared->logs[VIDEO]);
            f->has[VIDEO] = true;
        }

        stream = strncmp(line, "#EXT-X-STREAM-INF:", 18) == 0;
    }

    return f->has[VIDEO];
}


static void
wait_for_channel(follow_t *f, shared_t *shared)
{
    int        status;
    char       path[PATH_BYTES], *body;
    bool       found;
    size_t     size;
    uint64_t   until;

    snprintf(path, sizeof(path), "/live/%s/index.m3u8", f->options->channel);
    until = now_ns() + 15 * NS_PER_S;

    for ( ;; ) {
        status = http_get(f->options->host, f->options->http_port, path,
                          &body, &size);
        found = status == 200 && read_multivariant(f, path, body, shared);
        free(body);

        if (found) {
            return;
        }

        if (now_ns() > until) {
            die("%s: no multivariant playlist (status %d)", path, status);
        }

        usleep(100000);
    }
}


void
follow_init(follow_t *f, const options_t *o, shared_t *shared)
{
    int     kind;
    size_t  nconns;

    memset(f, 0, sizeof(*f));
    f->options = o;
    f->n = o->viewers;
    f->http = http_create(o->host, o->http_port);
    f->http->data = f;
    f->start_ns = now_ns();

    nconns = (size_t) KINDS * f->n;
    f->conns = allocate(nconns * sizeof(f->conns[0]));
    f->viewers = allocate(nconns * sizeof(f->viewers[0]));
    f->failed = allocate(nconns * sizeof(f->failed[0]));

    wait_for_channel(f, shared);

    for (kind = 0; kind < KINDS; kind++) {
        if (f->has[kind]) {
            f->arrived_us[kind] = allocate(f->rend[kind].max_parts
                                           * sizeof(uint32_t *));
        }
    }
}


static void
note_arrival(follow_t *f, uint32_t id, uint32_t number,
    const http_response_t *r)
{
    int         kind;
    part_t     *part;
    uint32_t  **row;

    kind = (int) (id / f->n);
    part = &f->rend[kind].parts[number];
    row = &f->arrived_us[kind][number];

    if (*row == NULL) {
        *row = allocate(f->n * sizeof(uint32_t));
        part->first_ns = r->now_ns;
        part->size = (uint32_t) r->size;
    }

    (*row)[id % f->n] = (uint32_t) ((r->now_ns - f->start_ns) / 1000);
    f->counts[kind].wrong_size += part->size != r->size;

    if (r->body != NULL) {
        (void) rendition_match(&f->rend[kind], part, r->body, r->size);
    }
}


static void
on_part(follow_t *f, http_conn_t *c, const http_response_t *r)
{
    viewer_t         *viewer;
    follow_counts_t  *counts;

    viewer = &f->viewers[c->id];
    counts = &f->counts[c->id / f->n];
    counts->parts++;
    counts->part_bytes += r->size;

    if (r->status == 200) {
        note_arrival(f, c->id, viewer->next, r);
    }

    viewer->next++;
    viewer_go_on(f, c);
}


static void
on_playlist(follow_t *f, http_conn_t *c, const http_response_t *r)
{
    viewer_t         *viewer;
    const view_t     *view;
    follow_counts_t  *counts;

    viewer = &f->viewers[c->id];
    counts = &f->counts[c->id / f->n];
    counts->playlists++;
    counts->playlist_bytes += r->size;

    view = r->status == 200
           ? rendition_view(&f->rend[c->id / f->n], r->body, r->size) : NULL;

    if (view == NULL) {
        viewer->view = NULL;
        f->failed[f->nfailed++] = c->id;
        return;
    }

    if (viewer->view == NULL && viewer->next == 0) {
        viewer->next = view->end;            /* joins at the live edge */

    } else if (viewer->next >= view->end) {
        counts->unchanged++;
    }

    viewer->view = view;
    viewer_go_on(f, c);
}


static void
viewer_go_on(follow_t *f, http_conn_t *c)
{
    viewer_t  *viewer;
    part_t    *part;

    viewer = &f->viewers[c->id];

    if (f->stopping) {
        return;
    }

    if (viewer->next < viewer->view->first) {
        viewer->next = viewer->view->first;  /* what was between is missed */
    }

    viewer->in_part = viewer->next < viewer->view->end;

    if (viewer->in_part) {
        part = &f->rend[c->id / f->n].parts[viewer->next];
        http_send(f->http, c, part->request, part->request_size,
                  c->id % f->n == 0);
        return;
    }

    http_send(f->http, c, viewer->view->next, viewer->view->next_size, true);
}


static void
on_done(http_t *h, http_conn_t *c, const http_response_t *r)
{
    follow_t  *f;

    f = h->data;

    if (r->status == 0) {
        f->viewers[c->id].in_part = false;
        f->failed[f->nfailed++] = c->id;
        return;
    }

    if (f->viewers[c->id].in_part) {
        on_part(f, c, r);

    } else {
        on_playlist(f, c, r);
    }
}


static void
viewer_begin(follow_t *f, uint32_t id)
{
    rendition_t  *rend;
    http_conn_t  *c;

    c = &f->conns[id];
    rend = &f->rend[id / f->n];

    if (c->fd <= 0) {
        http_open(f->http, c, on_done, id);
    }

    f->viewers[id].in_part = false;
    http_send(f->http, c, rend->request, rend->request_size, true);
}


void
follow_start(follow_t *f)
{
    uint32_t  id;

    for (id = 0; id < KINDS * f->n; id++) {
        if (!f->has[id / f->n]) {
            continue;
        }

        viewer_begin(f, id);

        if (id % 16 == 0) {
            http_poll(f->http, 0);
        }
    }
}


/* Failed ones try again now and then, so that no loop spins. */
static void
restart_failed(follow_t *f)
{
    uint32_t  i, n, *ids;

    n = f->nfailed;
    if (n == 0) {
        return;
    }

    ids = allocate(n * sizeof(ids[0]));
    memcpy(ids, f->failed, n * sizeof(ids[0]));
    f->nfailed = 0;

    for (i = 0; i < n && !f->stopping; i++) {
        viewer_begin(f, ids[i]);
    }

    free(ids);
}


void
follow_run(follow_t *f, uint64_t until_ns)
{
    uint64_t  slice_ns;

    while (now_ns() < until_ns) {
        slice_ns = now_ns() + 100 * NS_PER_MS;
        http_run(f->http, slice_ns < until_ns ? slice_ns : until_ns);
        restart_failed(f);
    }
}


static bool
any_busy(const follow_t *f)
{
    uint32_t  id;

    for (id = 0; id < KINDS * f->n; id++) {
        if (f->conns[id].busy) {
            return true;
        }
    }

    return false;
}


void
follow_stop(follow_t *f)
{
    uint64_t  until;

    f->stopping = true;
    until = now_ns() + 10 * NS_PER_S;

    while (any_busy(f) && now_ns() < until) {
        http_run(f->http, now_ns() + 50 * NS_PER_MS);
    }

    if (any_busy(f)) {
        die("requests are still waiting after 10 s");
    }
}


const part_t *
follow_newest(follow_t *f, int kind)
{
    char          *body;
    size_t         size;
    rendition_t   *rend;
    const view_t  *view;

    rend = &f->rend[kind];
    view = NULL;

    if (http_get(f->options->host, f->options->http_port, rend->path, &body,
                 &size) == 200)
    {
        view = rendition_view(rend, body, size);
    }

    free(body);

    if (view == NULL || view->end == 0) {
        die("%s: no playlist any more", rend->path);
    }

    return &rend->parts[view->end - 1];
}
