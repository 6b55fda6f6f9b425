
/*
 * A lean HTTP/1.1 client on epoll: keep-alive, one request at a time a
 * connection, answers with a Content-Length only.  No memory is taken for a
 * request; a body that does not come in one piece is copied together only
 * when it was asked for whole.
 */


#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H


#include <netinet/in.h>

#include "bench.h"


typedef struct http_conn_s  http_conn_t;
typedef struct http_s       http_t;


typedef struct {
    int          status;     /* 0: the connection failed; c is closed */
    const char  *body;       /* NULL unless asked for; valid in the call */
    size_t       size;       /* of the body */
    uint64_t     now_ns;     /* when its last byte was read */
} http_response_t;


typedef void (*http_done_pt)(http_t *h, http_conn_t *c,
    const http_response_t *r);


struct http_conn_s {
    int            fd;           /* -1: closed */
    bool           busy;         /* a request is under way */
    bool           keep;         /* its body is wanted */
    bool           in_body;
    uint16_t       status;
    uint32_t       body_size;
    uint32_t       body_left;
    char          *held;         /* the part of an answer that is there */
    uint32_t       held_size;
    uint64_t       sent_ns;
    http_done_pt   done;
    uint32_t       id;           /* the caller's */
};


struct http_s {
    int                  epoll;
    struct sockaddr_in   addr;
    char                *scratch;
    void                *data;   /* the caller's */

    uint64_t             requests;
    uint64_t             bytes;
    uint64_t             errors; /* connection lost, or not 200 */
};


http_t *http_create(const char *host, int port);

/* Connects; the process ends when that fails. */
void http_open(http_t *h, http_conn_t *c, http_done_pt done, uint32_t id);
void http_close(http_t *h, http_conn_t *c);

/* Sends a whole request, headers and all; c must not be busy. */
void http_send(http_t *h, http_conn_t *c, const char *request, size_t size,
    bool keep);

/* Handles events once, waiting timeout_ms at most (0: what is there). */
void http_poll(http_t *h, int timeout_ms);

/* Handles events until that moment. */
void http_run(http_t *h, uint64_t until_ns);

/* "GET path HTTP/1.1" and the headers of every request; returns the size. */
size_t http_request(char *buf, size_t size, const char *path, bool gzip);

/* One request on a connection of its own, waited for; body is malloc'ed. */
int http_get(const char *host, int port, const char *path, char **body,
    size_t *size);


#endif /* BENCH_HTTP_H */
