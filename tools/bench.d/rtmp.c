
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtmp.h"


#define RTMP_CHUNK       4096        /* as OBS sends them */


static void
put_u24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) (v >> 16);
    p[1] = (uint8_t) (v >> 8);
    p[2] = (uint8_t) v;
}


static void
put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) (v >> 24);
    put_u24(p + 1, v);
}


static uint32_t
get_u24(const uint8_t *p)
{
    return (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
}


static void
write_all(int fd, const uint8_t *p, size_t size)
{
    ssize_t  n;

    while (size) {
        n = send(fd, p, size, MSG_NOSIGNAL);
        if (n <= 0) {
            die("the server closed the RTMP connection");
        }

        p += n;
        size -= (size_t) n;
    }
}


static void
read_all(int fd, uint8_t *p, size_t size)
{
    if (recv(fd, p, size, MSG_WAITALL) != (ssize_t) size) {
        die("the RTMP handshake failed");
    }
}


size_t
rtmp_message_max(size_t size)
{
    return 16 + size + 5 * (size / RTMP_CHUNK + 1);
}


uint8_t *
rtmp_message(uint8_t *p, int csid, int type, uint32_t stream,
    uint32_t timestamp_ms, const uint8_t *body, size_t size)
{
    size_t  n;

    p[0] = (uint8_t) csid;
    put_u24(p + 1, timestamp_ms < 0xffffff ? timestamp_ms : 0xffffff);
    put_u24(p + 4, (uint32_t) size);
    p[7] = (uint8_t) type;
    p[8] = (uint8_t) stream;                 /* little-endian */
    p[9] = p[10] = p[11] = 0;
    p += 12;

    for ( ;; ) {
        if (timestamp_ms >= 0xffffff) {
            put_u32(p, timestamp_ms);
            p += 4;
        }

        n = size < RTMP_CHUNK ? size : RTMP_CHUNK;
        memcpy(p, body, n);
        p += n;
        body += n;
        size -= n;

        if (size == 0) {
            return p;
        }

        *p++ = (uint8_t) (0xc0 | csid);
    }
}


uint8_t *
rtmp_media(uint8_t *p, int type, uint32_t timestamp_ms, const uint8_t *body,
    size_t size)
{
    return rtmp_message(p, type == RTMP_AUDIO ? 4 : type == RTMP_VIDEO ? 6 : 5,
                        type, 1, timestamp_ms, body, size);
}


static void
send_message(rtmp_t *r, int csid, int type, const uint8_t *body, size_t size)
{
    uint8_t  out[64];

    write_all(r->fd, out,
              (size_t) (rtmp_message(out, csid, type, 0, 0, body, size)
                        - out));
}


void
rtmp_send(rtmp_t *r, int type, uint32_t timestamp_ms, const uint8_t *body,
    size_t size)
{
    if (rtmp_message_max(size) > r->out_capacity) {
        r->out_capacity = 2 * rtmp_message_max(size);
        r->out = realloc(r->out, r->out_capacity);
        if (r->out == NULL) {
            die("out of memory");
        }
    }

    write_all(r->fd, r->out,
              (size_t) (rtmp_media(r->out, type, timestamp_ms, body, size)
                        - r->out));
}


static uint8_t *
amf_string(uint8_t *p, const char *s)
{
    size_t  n;

    n = strlen(s);
    *p++ = 2;
    *p++ = (uint8_t) (n >> 8);
    *p++ = (uint8_t) n;
    memcpy(p, s, n);

    return p + n;
}


static uint8_t *
amf_number(uint8_t *p, uint8_t small)
{
    static const uint8_t  numbers[][2] = {
        { 0, 0 }, { 0x3f, 0xf0 }, { 0x40, 0x00 }, { 0x40, 0x08 }
    };

    memset(p, 0, 9);
    p[1] = numbers[small][0];
    p[2] = numbers[small][1];

    return p + 9;
}


static uint8_t *
amf_field(uint8_t *p, const char *name, const char *value)
{
    size_t  n;

    n = strlen(name);
    *p++ = (uint8_t) (n >> 8);
    *p++ = (uint8_t) n;
    memcpy(p, name, n);

    return amf_string(p + n, value);
}


uint8_t *
rtmp_commands(uint8_t *out, const char *app, const char *url,
    const char *name)
{
    uint8_t   buf[2048], *p;

    put_u32(buf, RTMP_CHUNK);
    out = rtmp_message(out, 2, 1, 0, 0, buf, 4);

    p = amf_string(buf, "connect");
    p = amf_number(p, 1);
    *p++ = 3;
    p = amf_field(p, "app", app);
    p = amf_field(p, "type", "nonprivate");
    p = amf_field(p, "flashVer", "FMLE/3.0 (compatible; onair-bench)");
    p = amf_field(p, "tcUrl", url);
    put_u24(p, 9);
    p += 3;
    out = rtmp_message(out, 3, 20, 0, 0, buf, (size_t) (p - buf));

    p = amf_string(buf, "createStream");
    p = amf_number(p, 2);
    *p++ = 5;
    out = rtmp_message(out, 3, 20, 0, 0, buf, (size_t) (p - buf));

    p = amf_string(buf, "publish");
    p = amf_number(p, 3);
    *p++ = 5;
    p = amf_string(p, name);
    p = amf_string(p, "live");

    return rtmp_message(out, 4, 20, 1, 0, buf, (size_t) (p - buf));
}


static void
handshake(rtmp_t *r)
{
    uint8_t  c[1 + RTMP_HANDSHAKE], s[1 + 2 * RTMP_HANDSHAKE];

    memset(c, 0, sizeof(c));
    c[0] = 3;

    write_all(r->fd, c, sizeof(c));
    read_all(r->fd, s, sizeof(s));
    write_all(r->fd, s + 1, RTMP_HANDSHAKE);
}


static void
on_message(rtmp_t *r, int type, const uint8_t *body, size_t size)
{
    uint8_t  pong[6];

    if (type == 1 && size >= 4) {
        r->chunk_size = (uint32_t) body[0] << 24 | get_u24(body + 1);

    } else if (type == 4 && size >= 6 && body[0] == 0 && body[1] == 6) {
        memcpy(pong, body, 6);
        pong[1] = 7;
        send_message(r, 2, 4, pong, 6);

    } else if (type == 20
               && memmem(body, size, "NetStream.Publish.", 18) != NULL)
    {
        if (memmem(body, size, "NetStream.Publish.Start", 23) == NULL) {
            die("the server refused the publisher");
        }

        r->publishing = true;
    }
}


/*
 * One message at the buffer's start; 0: more bytes are needed.  The server's
 * messages are small, so one larger than a chunk is not expected.
 */
static size_t
take_message(rtmp_t *r)
{
    int                     format;
    size_t                  head, size;
    static int              type[64];
    static size_t           length[64];
    static const uint8_t    head_size[] = { 12, 8, 4, 1 };

    if (r->in_size < 1) {
        return 0;
    }

    format = r->in[0] >> 6;
    head = head_size[format];
    if (r->in_size < head) {
        return 0;
    }

    if (format < 2) {
        length[r->in[0] & 63] = get_u24(r->in + 4);
        type[r->in[0] & 63] = r->in[7];
    }

    size = length[r->in[0] & 63];
    if (size > r->chunk_size || head + size > sizeof(r->in)) {
        die("the server sent an RTMP message of %zu bytes", size);
    }

    if (r->in_size < head + size) {
        return 0;
    }

    on_message(r, type[r->in[0] & 63], r->in + head, size);
    return head + size;
}


void
rtmp_read(rtmp_t *r)
{
    size_t   used;
    ssize_t  n;

    n = recv(r->fd, r->in + r->in_size, sizeof(r->in) - r->in_size,
             MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        die("the server closed the RTMP connection");
    }

    r->in_size += n > 0 ? (size_t) n : 0;

    while ((used = take_message(r)) != 0) {
        r->in_size -= used;
        memmove(r->in, r->in + used, r->in_size);
    }
}


rtmp_t *
rtmp_publish(const char *host, int port, const char *app, const char *name)
{
    int                   one;
    char                  url[128];
    rtmp_t               *r;
    uint8_t               commands[RTMP_COMMANDS];
    uint64_t              until;
    struct pollfd         pfd;
    struct sockaddr_in    addr;

    r = allocate(sizeof(*r));
    r->chunk_size = 128;
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) port);
    inet_pton(AF_INET, host, &addr.sin_addr);

    if (connect(r->fd, (struct sockaddr *) &addr, sizeof(addr)) != 0) {
        die("cannot connect to the RTMP port %d: %s", port, strerror(errno));
    }

    one = 1;
    setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    handshake(r);
    snprintf(url, sizeof(url), "rtmp://%s:%d/%s", host, port, app);
    write_all(r->fd, commands,
              (size_t) (rtmp_commands(commands, app, url, name)
                        - commands));

    until = now_ns() + 5 * NS_PER_S;
    pfd.fd = r->fd;
    pfd.events = POLLIN;

    while (!r->publishing) {
        if (now_ns() > until) {
            die("the server does not answer the publisher");
        }

        poll(&pfd, 1, 100);
        rtmp_read(r);
    }

    return r;
}
