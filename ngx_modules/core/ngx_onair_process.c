
/* Who runs, what time it is, and dice. */


#include "core/ngx_onair_core_impl.h"

#include <sys/random.h>


/*
 * State and start time (fields 3 and 22) of /proc/PID/stat.  The name of the
 * program, field 2, may hold blanks and parentheses.
 */
static ngx_int_t
ngx_onair_stat_read(ngx_pid_t pid, u_char *state, uint64_t *start_time)
{
    int         fd;
    char        path[sizeof("/proc//stat") + NGX_INT64_LEN], buf[1024], *p;
    ssize_t     n;
    ngx_uint_t  field;

    (void) ngx_sprintf((u_char *) path, "/proc/%P/stat%Z", pid);

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return NGX_ERROR;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    (void) close(fd);

    if (n <= 0) {
        return NGX_ERROR;
    }

    buf[n] = '\0';

    p = strrchr(buf, ')');
    if (p == NULL || p[1] == '\0') {
        return NGX_ERROR;
    }

    *state = (u_char) p[2];

    for (field = 2; field < 22; field++) {
        p = strchr(p + 1, ' ');
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    *start_time = strtoull(p + 1, NULL, 10);

    return NGX_OK;
}


ngx_int_t
ngx_onair_process_self(oa_bus_process_t *process)
{
    u_char  state;

    process->pid = (int32_t) ngx_pid;

    return ngx_onair_stat_read(ngx_pid, &state, &process->start_time);
}


bool
ngx_onair_alive(void *ctx, const oa_bus_process_t *process)
{
    u_char    state;
    uint64_t  start_time;

    (void) ctx;

    if (process->pid <= 0
        || (kill(process->pid, 0) == -1 && ngx_errno == NGX_ESRCH))
    {
        return false;
    }

    if (ngx_onair_stat_read(process->pid, &state, &start_time) != NGX_OK) {
        /* it went meanwhile, or /proc is hidden from us */
        return kill(process->pid, 0) == 0 || ngx_errno != NGX_ESRCH;
    }

    /* a zombie does nothing any more */
    return state != 'Z' && state != 'X' && start_time == process->start_time;
}


int64_t
ngx_onair_now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int64_t
ngx_onair_unix_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


uint64_t
ngx_onair_random64(void)
{
    uint64_t  value;

    do {
        if (getrandom(&value, sizeof(value), 0) != (ssize_t) sizeof(value)) {
            value = 0;
        }
    } while (value == 0);

    return value;
}
