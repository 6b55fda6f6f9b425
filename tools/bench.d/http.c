
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"


#define HTTP_SCRATCH   (1 << 20)
#define HTTP_EVENTS    256


http_t *
http_create(const char *host, int port)
{
    http_t  *h;

    h = allocate(sizeof(*h));
    h->scratch = allocate(HTTP_SCRATCH + 1);
    h->addr.sin_family = AF_INET;
    h->addr.sin_port = htons((uint16_t) port);

    if (inet_pton(AF_INET, host, &h->addr.sin_addr) != 1) {
        die("not an IPv4 address: %s", host);
    }

    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (h->epoll < 0) {
        die("epoll_create1: %s", strerror(errno));
    }

    return h;
}


void
http_open(http_t *h, http_conn_t *c, http_done_pt done, uint32_t id)
{
    struct epoll_event  ev;

    memset(c, 0, sizeof(*c));
    c->done = done;
    c->id = id;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        die("socket: %s", strerror(errno));
    }

    if (connect(c->fd, (struct sockaddr *) &h->addr, sizeof(h->addr)) != 0) {
        die("connect to port %d: %s", ntohs(h->addr.sin_port),
            strerror(errno));
    }

    ev.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    ev.data.ptr = c;

    if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        die("epoll_ctl: %s", strerror(errno));
    }
}


void
http_close(http_t *h, http_conn_t *c)
{
    (void) h;

    if (c->fd >= 0) {
        close(c->fd);
    }

    free(c->held);
    c->held = NULL;
    c->held_size = 0;
    c->fd = -1;
    c->busy = false;
}


static void
http_fail(http_t *h, http_conn_t *c)
{
    http_response_t  r;
    bool             was_busy;

    was_busy = c->busy;
    http_close(h, c);

    if (!was_busy) {
        return;
    }

    h->errors++;
    memset(&r, 0, sizeof(r));
    r.now_ns = now_ns();
    c->done(h, c, &r);
}


void
http_send(http_t *h, http_conn_t *c, const char *request, size_t size,
    bool keep)
{
    ssize_t  n;

    c->busy = true;
    c->keep = keep;
    c->in_body = false;
    c->sent_ns = now_ns();

    /* requests are far smaller than any socket buffer */
    n = send(c->fd, request, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n != (ssize_t) size) {
        http_fail(h, c);
    }
}


static void
http_hold(http_conn_t *c, const char *data, size_t size)
{
    c->held = realloc(c->held, c->held_size + size);
    if (c->held == NULL) {
        die("out of memory");
    }

    memcpy(c->held + c->held_size, data, size);
    c->held_size += (uint32_t) size;
}


/* nginx's own spelling is tried first: this runs for every answer. */
static const char *
http_header(const char *head, const char *name)
{
    const char  *p;

    p = strstr(head, name);
    return p != NULL ? p : strcasestr(head, name);
}


/* Reads status and length; 0 while the header has not ended. */
static size_t
http_parse_head(http_conn_t *c, char *data, size_t size)
{
    char        *end;
    const char  *length;

    end = memmem(data, size, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }

    end[2] = '\0';
    length = http_header(data, "\nContent-Length: ");
    if (length == NULL || strncmp(data, "HTTP/1.1 ", 9) != 0) {
        die("an answer without Content-Length:\n%s", data);
    }

    c->status = (uint16_t) atoi(data + 9);
    c->body_size = (uint32_t) strtoul(length + 17, NULL, 10);
    c->body_left = c->body_size;
    c->in_body = true;
    end[2] = '\r';

    return (size_t) (end + 4 - data);
}


static void
http_complete(http_t *h, http_conn_t *c, const char *body)
{
    http_response_t   r;
    char             *held;

    r.status = c->status;
    r.body = c->keep ? body : NULL;
    r.size = c->body_size;
    r.now_ns = now_ns();

    held = c->held;
    c->held = NULL;
    c->held_size = 0;
    c->busy = false;
    c->in_body = false;

    h->requests++;
    h->errors += r.status != 200;

    c->done(h, c, &r);
    free(held);
}


static void
http_body(http_t *h, http_conn_t *c, const char *data, size_t size)
{
    if (size > c->body_left) {
        die("more bytes than Content-Length says");
    }

    if (size == c->body_left && c->held_size == 0) {
        http_complete(h, c, data);
        return;
    }

    c->body_left -= (uint32_t) size;
    if (c->keep && size != 0) {
        http_hold(c, data, size);
    }

    if (c->body_left == 0) {
        http_complete(h, c, c->held);
    }
}


static void
http_input(http_t *h, http_conn_t *c, size_t size)
{
    char    *data;
    size_t   head;

    data = h->scratch;

    if (!c->in_body) {
        if (c->held_size != 0) {
            /* the header came in two pieces: rare */
            memmove(data + c->held_size, data, size);
            memcpy(data, c->held, c->held_size);
            size += c->held_size;
            c->held_size = 0;
        }

        head = http_parse_head(c, data, size);
        if (head == 0) {
            http_hold(c, data, size);
            return;
        }

        data += head;
        size -= head;
    }

    http_body(h, c, data, size);
}


static void
http_event(http_t *h, http_conn_t *c)
{
    ssize_t  n;

    for ( ;; ) {
        n = recv(c->fd, h->scratch, HTTP_SCRATCH - 65536, MSG_DONTWAIT);

        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                http_fail(h, c);
            }
            return;
        }

        h->bytes += (uint64_t) n;

        if (!c->busy) {
            die("an answer to no request");
        }

        http_input(h, c, (size_t) n);

        /* the rest, or the next answer, raises an event of its own */
        return;
    }
}


void
http_poll(http_t *h, int timeout_ms)
{
    int                  i, n;
    http_conn_t         *c;
    struct epoll_event   events[HTTP_EVENTS];

    n = epoll_wait(h->epoll, events, HTTP_EVENTS, timeout_ms);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (c->fd < 0) {
            continue;
        }

        if (events[i].events & EPOLLIN) {
            http_event(h, c);

        } else {
            http_fail(h, c);
        }
    }
}


void
http_run(http_t *h, uint64_t until_ns)
{
    uint64_t  now;

    while ((now = now_ns()) < until_ns) {
        http_poll(h, (int) ((until_ns - now) / NS_PER_MS));
    }
}


size_t
http_request(char *buf, size_t size, const char *path, bool gzip)
{
    int  n;

    n = snprintf(buf, size,
                 "GET %s HTTP/1.1\r\n"
                 "Host: 127.0.0.1\r\n"
                 "User-Agent: onair-bench\r\n"
                 "Accept: */*\r\n"
                 "%s"
                 "Origin: http://127.0.0.1\r\n\r\n",
                 path, gzip ? "Accept-Encoding: gzip\r\n" : "");

    if (n < 0 || (size_t) n >= size) {
        die("the path is too long: %s", path);
    }

    return (size_t) n;
}


typedef struct {
    int      status;
    bool     done;
    char    *body;
    size_t   size;
} http_get_t;


static void
http_get_done(http_t *h, http_conn_t *c, const http_response_t *r)
{
    http_get_t  *get;

    (void) c;

    get = h->data;
    get->status = r->status;
    get->done = true;
    get->size = r->status ? r->size : 0;
    get->body = allocate(get->size + 1);

    if (get->size) {
        memcpy(get->body, r->body, get->size);
    }
}


int
http_get(const char *host, int port, const char *path, char **body,
    size_t *size)
{
    char          request[2048];
    http_t       *h;
    uint64_t      until;
    http_get_t    get;
    http_conn_t   c;

    memset(&get, 0, sizeof(get));
    h = http_create(host, port);
    h->data = &get;

    http_open(h, &c, http_get_done, 0);
    http_send(h, &c, request,
              http_request(request, sizeof(request), path, false), true);

    until = now_ns() + 10 * NS_PER_S;
    while (!get.done && now_ns() < until) {
        http_poll(h, 100);
    }

    http_close(h, &c);
    close(h->epoll);
    free(h->scratch);
    free(h);

    *body = get.body ? get.body : allocate(1);
    *size = get.size;

    return get.status;
}
