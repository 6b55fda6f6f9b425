
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "publishers.h"
#include "rtmp.h"


#define PUBLISHERS_ANSWER   8192     /* bytes up to the server's yes or no */
#define PUBLISHERS_FIRST_MS 500      /* what one sends that leaves then */
#define PUBLISHERS_LATE_NS  (100 * NS_PER_MS)
#define PUBLISHERS_PATIENCE_NS  (10 * NS_PER_S)


typedef enum { IDLE, HANDSHAKE, ASKED, ON_AIR, LEAVING } conn_state_t;


typedef struct {
    int            fd;
    conn_state_t   state;
    char          *name;
    uint64_t       connected_ns;     /* when it began to */
    uint8_t        in[PUBLISHERS_ANSWER];
    size_t         in_size;
    uint8_t       *out;
    size_t         out_pos;
    size_t         out_size;
    size_t         out_capacity;

    /* of one that stays */
    size_t         tag;              /* the next one */
    uint32_t       base_ms;
    uint64_t       start_ns;         /* of its timestamp 0 */
} conn_t;


typedef struct {
    publishers_t        *p;
    int                  epoll;
    conn_t              *conns;
    struct sockaddr_in   addr;
    char                 url[128];
    char               **names;      /* a ring of those that are free */
    unsigned             taken;      /* counts */
    unsigned             returned;
    unsigned             on_air;
    bool                 stay;
    bool                 ending;     /* no new connections */
    bool                 once;
} crowd_t;


static uint8_t *
out_room(conn_t *c, size_t size)
{
    if (c->out_pos == c->out_size) {
        c->out_pos = c->out_size = 0;
    }

    if (c->out_size + size > c->out_capacity) {
        c->out_capacity = 2 * (c->out_size + size);
        c->out = realloc(c->out, c->out_capacity);
        if (c->out == NULL) {
            die("out of memory");
        }
    }

    return c->out + c->out_size;
}


static void
out_add_tag(conn_t *c, const tag_t *tag, uint32_t timestamp_ms)
{
    uint8_t  *p;

    p = out_room(c, rtmp_message_max(tag->size));
    p = rtmp_media(p, tag->type, timestamp_ms, tag->body, tag->size);
    c->out_size = (size_t) (p - c->out);
}


/* What the socket takes now; errors show up when it is read. */
static void
out_flush(conn_t *c)
{
    ssize_t  n;

    while (c->out_pos < c->out_size) {
        n = send(c->fd, c->out + c->out_pos, c->out_size - c->out_pos,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            return;
        }

        c->out_pos += (size_t) n;
    }

    if (c->state == LEAVING) {
        shutdown(c->fd, SHUT_WR);
    }
}


static void
conn_connect(crowd_t *crowd, conn_t *c)
{
    int                  one;
    uint8_t             *p;
    struct epoll_event   event;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0) {
        die("socket: %s", strerror(errno));
    }

    one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    c->state = HANDSHAKE;
    c->name = crowd->names[crowd->taken++ % crowd->p->nnames];
    c->in_size = 0;
    c->connected_ns = now_ns();

    if (connect(c->fd, (struct sockaddr *) &crowd->addr, sizeof(crowd->addr))
        != 0 && errno != EINPROGRESS)
    {
        die("cannot connect to port %d: %s", crowd->p->port, strerror(errno));
    }

    c->out_pos = c->out_size = 0;
    p = out_room(c, 1 + RTMP_HANDSHAKE);
    memset(p, 0, 1 + RTMP_HANDSHAKE);
    p[0] = 3;
    c->out_size = 1 + RTMP_HANDSHAKE;

    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = c;
    if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        die("epoll_ctl: %s", strerror(errno));
    }
}


static void
conn_next(crowd_t *crowd, conn_t *c)
{
    bool  more;

    more = !crowd->once || crowd->taken < crowd->p->nnames;
    c->state = IDLE;

    /* the server has closed, so it knows that the publisher has left */
    crowd->names[crowd->returned++ % crowd->p->nnames] = c->name;

    if (!crowd->ending && !crowd->stay && more) {
        conn_connect(crowd, c);
    }
}


static void
conn_closed(crowd_t *crowd, conn_t *c)
{
    /* in the end they all go at once, also such as wait for an answer */
    if (c->state != LEAVING && !crowd->ending) {
        crowd->p->failed++;
    }

    crowd->on_air -= c->state == ON_AIR;
    close(c->fd);
    conn_next(crowd, c);
}


/* The headers, and of one that leaves then enough for a part or two. */
static void
conn_send_first(crowd_t *crowd, conn_t *c)
{
    size_t         i;
    const tag_t   *tag;
    const tags_t  *tags;

    tags = crowd->p->tags;

    for (i = 0; i < tags->ntags; i++) {
        tag = &tags->tags[i];

        if (tag->type != RTMP_DATA && tag->size > 2 && tag->body[1] == 0) {
            out_add_tag(c, tag, 0);

        } else if (!crowd->stay && tag->timestamp_ms < PUBLISHERS_FIRST_MS
                   && tag_frame_offset(tag) != 0)
        {
            out_add_tag(c, tag, tag->timestamp_ms);
        }
    }
}


static void
conn_answered(crowd_t *crowd, conn_t *c, bool yes)
{
    if (!yes) {
        crowd->p->refused++;
        c->state = LEAVING;
        out_flush(c);
        return;
    }

    crowd->p->starts++;
    sample_add(&crowd->p->start_us, (now_ns() - c->connected_ns) / 1000);
    conn_send_first(crowd, c);

    c->state = crowd->stay ? ON_AIR : LEAVING;
    crowd->on_air += crowd->stay;
    c->tag = 0;
    c->base_ms = 0;
    out_flush(c);
}


static void
conn_ask(crowd_t *crowd, conn_t *c)
{
    uint8_t  *p;

    p = out_room(c, RTMP_HANDSHAKE + RTMP_COMMANDS);
    memcpy(p, c->in + 1, RTMP_HANDSHAKE);
    p = rtmp_commands(p + RTMP_HANDSHAKE, crowd->p->app, crowd->url, c->name);

    c->out_size = (size_t) (p - c->out);
    c->in_size = 0;
    c->state = ASKED;
    out_flush(c);
}


static void
conn_input(crowd_t *crowd, conn_t *c)
{
    static const char  status[] = "NetStream.Publish.";
    static const char  start[] = "NetStream.Publish.Start";

    if (c->state == HANDSHAKE && c->in_size >= 1 + 2 * RTMP_HANDSHAKE) {
        conn_ask(crowd, c);

    } else if (c->state == ASKED) {

        if (memmem(c->in, c->in_size, start, sizeof(start) - 1) != NULL) {
            conn_answered(crowd, c, true);

        } else if (memmem(c->in, c->in_size, status, sizeof(status) - 1)
                   != NULL
                   || c->in_size == sizeof(c->in))
        {
            conn_answered(crowd, c, false);
        }
    }

    if (c->state == ON_AIR || c->state == LEAVING) {
        c->in_size = 0;
    }
}


static void
conn_read(crowd_t *crowd, conn_t *c)
{
    int      one;
    ssize_t  n;

    /*
     * nginx-rtmp answers in pieces, the next one when the last one is
     * acknowledged, which the kernel likes to delay by 40 ms.
     */
    one = 1;

    for ( ;; ) {
        setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));

        n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size,
                 MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }

        if (n <= 0) {
            conn_closed(crowd, c);
            return;
        }

        c->in_size += (size_t) n;
        conn_input(crowd, c);
    }
}


static void
crowd_poll(crowd_t *crowd, int timeout_ms)
{
    int                  i, n;
    conn_t              *c;
    struct epoll_event   events[256];

    n = epoll_wait(crowd->epoll, events, 256, timeout_ms);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (events[i].events & EPOLLOUT) {
            out_flush(c);
        }

        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            conn_read(crowd, c);
        }
    }
}


static void
crowd_open(crowd_t *crowd, publishers_t *p, bool stay)
{
    unsigned  i;

    memset(crowd, 0, sizeof(*crowd));
    crowd->p = p;
    crowd->stay = stay;
    crowd->conns = allocate(p->n * sizeof(conn_t));
    crowd->names = allocate(p->nnames * sizeof(char *));
    memcpy(crowd->names, p->names, p->nnames * sizeof(char *));
    crowd->epoll = epoll_create1(EPOLL_CLOEXEC);

    crowd->addr.sin_family = AF_INET;
    crowd->addr.sin_port = htons((uint16_t) p->port);
    inet_pton(AF_INET, p->host, &crowd->addr.sin_addr);
    snprintf(crowd->url, sizeof(crowd->url), "rtmp://%s:%d/%s", p->host,
             p->port, p->app);

    for (i = 0; i < p->n; i++) {
        conn_connect(crowd, &crowd->conns[i]);
    }
}


static bool
crowd_busy(const crowd_t *crowd)
{
    unsigned  i;

    for (i = 0; i < crowd->p->n; i++) {
        if (crowd->conns[i].state != IDLE) {
            return true;
        }
    }

    return false;
}


/* Lets all leave, so that their names are free when the next ones come. */
static void
crowd_close(crowd_t *crowd)
{
    conn_t    *c;
    unsigned   i;
    uint64_t   until_ns;

    crowd->ending = true;
    until_ns = now_ns() + PUBLISHERS_PATIENCE_NS;

    for (i = 0; i < crowd->p->n; i++) {
        c = &crowd->conns[i];

        if (c->state == ON_AIR) {
            c->state = LEAVING;
            out_flush(c);
        }
    }

    while (crowd_busy(crowd) && now_ns() < until_ns) {
        crowd_poll(crowd, 10);
    }

    for (i = 0; i < crowd->p->n; i++) {
        if (crowd->conns[i].state != IDLE) {
            crowd->p->failed++;
            close(crowd->conns[i].fd);
        }

        free(crowd->conns[i].out);
    }

    close(crowd->epoll);
    free(crowd->names);
    free(crowd->conns);
}


void
publishers_start(publishers_t *p, double seconds, bool once)
{
    crowd_t   crowd;
    uint64_t  until_ns;

    crowd_open(&crowd, p, false);
    crowd.once = once;
    until_ns = now_ns() + (uint64_t) (seconds * NS_PER_S);

    while (now_ns() < until_ns && crowd_busy(&crowd)) {
        crowd_poll(&crowd, 10);
    }

    crowd_close(&crowd);
}


/* --- such as stay ---------------------------------------------------- */

/* What is due of one publisher. */
static void
conn_feed(crowd_t *crowd, conn_t *c, uint64_t now)
{
    uint64_t      due_ns;
    const tag_t  *tag;

    for ( ;; ) {
        tag = &crowd->p->tags->tags[c->tag];
        due_ns = c->start_ns
                 + NS_PER_MS * ((uint64_t) c->base_ms + tag->timestamp_ms);

        if (due_ns > now) {
            break;
        }

        if (tag->timestamp_ms < crowd->p->loop_ms
            && tag_frame_offset(tag) != 0)
        {
            out_add_tag(c, tag, c->base_ms + tag->timestamp_ms);
            crowd->p->bytes += tag->size;
            crowd->p->late_frames += now - due_ns > PUBLISHERS_LATE_NS;
        }

        if (++c->tag == crowd->p->tags->ntags) {
            c->tag = 0;
            c->base_ms += crowd->p->loop_ms;
        }
    }

    if (c->out_pos < c->out_size) {
        out_flush(c);
    }
}


static void
crowd_feed(crowd_t *crowd, uint64_t until_ns)
{
    unsigned   i;
    uint64_t   now;

    for (now = now_ns(); now < until_ns; now = now_ns()) {
        for (i = 0; i < crowd->p->n; i++) {
            if (crowd->conns[i].state == ON_AIR) {
                conn_feed(crowd, &crowd->conns[i], now);
            }
        }

        crowd_poll(crowd, 2);
    }
}


/* One after the other, so that their keyframes do not meet. */
static void
crowd_set_times(crowd_t *crowd)
{
    unsigned  i;
    uint64_t  now;

    now = now_ns();

    for (i = 0; i < crowd->p->n; i++) {
        crowd->conns[i].start_ns = now + i * 2 * NS_PER_S / crowd->p->n;
    }
}


void
publishers_feed(publishers_t *p, double warmup_s, double seconds,
    void (*measure)(void *ctx), void *ctx)
{
    crowd_t   crowd;
    uint64_t  until_ns;

    crowd_open(&crowd, p, true);
    until_ns = now_ns() + PUBLISHERS_PATIENCE_NS;

    while (crowd.on_air < p->n && p->refused + p->failed == 0
           && now_ns() < until_ns)
    {
        crowd_poll(&crowd, 10);
    }

    crowd_set_times(&crowd);
    crowd_feed(&crowd, now_ns() + (uint64_t) (warmup_s * NS_PER_S));

    p->bytes = 0;
    p->late_frames = 0;
    measure(ctx);
    crowd_feed(&crowd, now_ns() + (uint64_t) (seconds * NS_PER_S));
    measure(ctx);

    crowd_close(&crowd);
}
