
/*
 * The publisher: a process of its own, so that its pace does not depend on
 * how busy the viewers' process is.  It notes every frame that it sends.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "encoder.h"
#include "rtmp.h"
#include "tags.h"


static uint32_t
get_u24(const uint8_t *p)
{
    return (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
}


static void
sleep_until(uint64_t ns)
{
    struct timespec  ts;

    ts.tv_sec = (time_t) (ns / NS_PER_S);
    ts.tv_nsec = (long) (ns % NS_PER_S);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)
           == EINTR)
    {
        /* again */
    }
}


/* The frame is in the log before the server can have it. */
static void
send_frame(rtmp_t *r, shared_t *shared, const tag_t *tag,
    uint32_t timestamp_ms, uint64_t made_ns, uint64_t encoded_ns)
{
    frame_t      *frame;
    uint64_t      n;
    uint32_t      offset;
    frame_log_t  *log;

    offset = tag_frame_offset(tag);

    if (offset != 0) {
        log = &shared->logs[tag->type == RTMP_VIDEO ? VIDEO : AUDIO];
        n = atomic_load_explicit(&log->nframes, memory_order_relaxed);

        frame = &log->frames[n % BENCH_LOG_FRAMES];
        frame->made_ns = made_ns;
        frame->encoded_ns = encoded_ns;
        frame->size = tag->size - offset;
        frame->sent_ns = now_ns();
        atomic_store_explicit(&log->nframes, n + 1, memory_order_release);
    }

    rtmp_send(r, tag->type, timestamp_ms, tag->body, tag->size);
}


static void
send_metadata(rtmp_t *r, const tag_t *tag)
{
    uint8_t              *body;
    static const uint8_t  set[] = "\x02\x00\x0d@setDataFrame";

    body = allocate(tag->size + sizeof(set) - 1);
    memcpy(body, set, sizeof(set) - 1);
    memcpy(body + sizeof(set) - 1, tag->body, tag->size);
    rtmp_send(r, RTMP_DATA, 0, body, tag->size + sizeof(set) - 1);
    free(body);
}


static void
send_header(rtmp_t *r, const tag_t *tag)
{
    if (tag->type == RTMP_DATA) {
        send_metadata(r, tag);

    } else if (tag->size > 2 && tag->body[1] == 0) {
        rtmp_send(r, tag->type, 0, tag->body, tag->size);
    }
}


static void
play_file(const options_t *o, rtmp_t *r, shared_t *shared)
{
    tag_t     *tag;
    tags_t     tags;
    size_t     i;
    uint32_t   base_ms, loop_ms;
    uint64_t   start_ns;

    memset(&tags, 0, sizeof(tags));
    tags_load(o->flv, &tags);
    loop_ms = (uint32_t) (o->loop_s * 1000);

    for (i = 0; i < tags.ntags; i++) {
        send_header(r, &tags.tags[i]);
    }

    start_ns = now_ns();

    for (base_ms = 0; ; base_ms += loop_ms) {
        for (i = 0; i < tags.ntags; i++) {
            tag = &tags.tags[i];

            if (tag->timestamp_ms >= loop_ms
                || tag_frame_offset(tag) == 0)
            {
                continue;
            }

            sleep_until(start_ns + NS_PER_MS
                                   * (base_ms + tag->timestamp_ms));
            send_frame(r, shared, tag, base_ms + tag->timestamp_ms, 0, 0);
            rtmp_read(r);
        }
    }
}


/* Every picture comes out as one frame, in order: zerolatency. */
static void
play_encoder(const options_t *o, rtmp_t *r, shared_t *shared)
{
    int         fd;
    tag_t       tag;
    uint8_t     head[13], *body;
    uint64_t    nframes, made_ns, encoded_ns;

    fd = encoder_start(o, shared);
    if (!encoder_read(fd, head, 13)) {
        die("the encoder did not start");
    }

    body = allocate(1 << 24);
    nframes = 0;

    while (encoder_read(fd, head, 11)) {
        tag.type = head[0] & 0x1f;
        tag.size = get_u24(head + 1);
        tag.timestamp_ms = get_u24(head + 4) | (uint32_t) head[7] << 24;
        tag.body = body;

        if (!encoder_read(fd, body, tag.size + 4)) {
            break;
        }

        encoded_ns = now_ns();

        if (tag_frame_offset(&tag) == 0) {
            send_header(r, &tag);

        } else {
            made_ns = shared->made_ns[nframes++ % BENCH_LOG_FRAMES];
            send_frame(r, shared, &tag, tag.timestamp_ms, made_ns,
                       encoded_ns);
        }

        rtmp_read(r);
    }

    die("the encoder ended");
}


pid_t
publish_start(const options_t *o, shared_t *shared, bool live_encoder)
{
    pid_t    pid;
    rtmp_t  *r;

    pid = fork();
    if (pid < 0) {
        die("fork: %s", strerror(errno));
    }

    if (pid != 0) {
        return pid;
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    atomic_store(&shared->failed, 1);        /* until it is not */
    r = rtmp_publish(o->host, o->rtmp_port, "live", o->channel);
    atomic_store(&shared->failed, 0);
    atomic_store(&shared->publishing, 1);

    if (live_encoder) {
        play_encoder(o, r, shared);

    } else {
        play_file(o, r, shared);
    }

    _exit(1);
}


bool
publish_wait(shared_t *shared)
{
    uint64_t  until;

    until = now_ns() + 10 * NS_PER_S;

    while (!atomic_load(&shared->publishing)) {
        if (now_ns() > until) {
            return false;
        }

        usleep(10000);
    }

    return true;
}
