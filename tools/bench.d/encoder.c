
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "encoder.h"


/* 32 bits of time, then their complement, in 4 rows of 16 squares. */
#define CELL          40
#define CELLS_IN_ROW  (ENCODER_WIDTH / CELL)
#define CELLS         64


static void
draw_clock(uint8_t *luma, uint32_t us)
{
    int        cell, row, x, y;
    uint64_t   bits;

    bits = (uint64_t) us << 32 | (uint32_t) ~us;

    for (cell = 0; cell < CELLS; cell++) {
        x = cell % CELLS_IN_ROW * CELL;
        y = cell / CELLS_IN_ROW * CELL;

        for (row = 0; row < CELL; row++) {
            memset(luma + (y + row) * ENCODER_WIDTH + x,
                   bits >> (CELLS - 1 - cell) & 1 ? 235 : 16, CELL);
        }
    }
}


/* Something that moves below the clock. */
static void
draw_texture(uint8_t *luma, uint64_t n)
{
    int  x, y;

    for (y = CELLS / CELLS_IN_ROW * CELL; y < ENCODER_HEIGHT; y++) {
        for (x = 0; x < ENCODER_WIDTH; x++) {
            luma[y * ENCODER_WIDTH + x] = (uint8_t)
                (64 + ((x + 3 * n) ^ (y + n)) % 128);
        }
    }
}


bool
encoder_clock(const uint8_t *grey, uint32_t *us)
{
    int        cell, x, y;
    uint64_t   bits;

    bits = 0;

    for (cell = 0; cell < CELLS; cell++) {
        x = cell % CELLS_IN_ROW * CELL + CELL / 2;
        y = cell / CELLS_IN_ROW * CELL + CELL / 2;
        bits = bits << 1 | (grey[y * ENCODER_WIDTH + x] > 125);
    }

    *us = (uint32_t) (bits >> 32);
    return (uint32_t) bits == (uint32_t) ~*us;
}


bool
encoder_read(int fd, uint8_t *buf, size_t size)
{
    ssize_t  n;

    while (size) {
        n = read(fd, buf, size);
        if (n <= 0) {
            return false;
        }

        buf += n;
        size -= (size_t) n;
    }

    return true;
}


static void
wait_for(uint64_t ns)
{
    struct timespec  ts;

    ts.tv_sec = (time_t) (ns / NS_PER_S);
    ts.tv_nsec = (long) (ns % NS_PER_S);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}


static void
draw(int fd, const options_t *o, shared_t *shared)
{
    size_t     size, done;
    ssize_t    w;
    uint8_t   *picture;
    uint64_t   n, start_ns, made_ns;

    size = ENCODER_WIDTH * ENCODER_HEIGHT * 3 / 2;
    picture = allocate(size);
    memset(picture, 128, size);
    start_ns = now_ns();

    for (n = 0; ; n++) {
        wait_for(start_ns + n * NS_PER_S / o->fps);
        draw_texture(picture, n);

        made_ns = now_ns();
        draw_clock(picture, (uint32_t) (made_ns / 1000));
        shared->made_ns[n % BENCH_LOG_FRAMES] = made_ns;
        atomic_store(&shared->nmade, n + 1);

        for (done = 0; done < size; done += (size_t) w) {
            w = write(fd, picture + done, size - done);
            if (w <= 0) {
                _exit(0);
            }
        }
    }
}


static void
run_ffmpeg(int in, int out, const options_t *o)
{
    char  rate[16], keyint[16];

    snprintf(rate, sizeof(rate), "%u", o->fps);
    snprintf(keyint, sizeof(keyint), "%u", 2 * o->fps);

    dup2(in, 0);
    dup2(out, 1);
    execlp("ffmpeg", "ffmpeg", "-loglevel", "error", "-nostdin",
           "-probesize", "32", "-analyzeduration", "0", "-fflags", "nobuffer",
           "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", "640x360",
           "-framerate", rate, "-i", "pipe:0", "-c:v", "libx264",
           "-preset", "veryfast", "-tune", "zerolatency", "-g", keyint,
           "-keyint_min", keyint, "-sc_threshold", "0", "-b:v", "800k",
           "-maxrate", "800k", "-bufsize", "400k", "-vsync", "passthrough",
           "-flush_packets", "1", "-flvflags", "no_duration_filesize",
           "-f", "flv", "pipe:1", (char *) NULL);
    die("ffmpeg: %s", strerror(errno));
}


static pid_t
fork_child(void)
{
    pid_t  pid;

    pid = fork();
    if (pid < 0) {
        die("fork: %s", strerror(errno));
    }

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }

    return pid;
}


int
encoder_start(const options_t *o, shared_t *shared)
{
    int  raw[2], flv[2];

    if (pipe2(raw, O_CLOEXEC) != 0 || pipe2(flv, O_CLOEXEC) != 0) {
        die("pipe: %s", strerror(errno));
    }

    /* a whole picture at once */
    fcntl(raw[1], F_SETPIPE_SZ, 1 << 20);

    if (fork_child() == 0) {
        run_ffmpeg(raw[0], flv[1], o);
    }

    if (fork_child() == 0) {
        close(raw[0]);
        close(flv[0]);
        draw(raw[1], o, shared);
    }

    close(raw[0]);
    close(raw[1]);
    close(flv[1]);

    return flv[0];
}
