
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"


void
die(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    fputs("bench: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);

    exit(1);
}


void *
allocate(size_t size)
{
    void  *p;

    p = calloc(1, size);
    if (p == NULL) {
        die("out of memory");
    }

    return p;
}


void
sample_add(sample_t *s, uint64_t value)
{
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 1024;
        s->values = realloc(s->values, s->capacity * sizeof(s->values[0]));
        if (s->values == NULL) {
            die("out of memory");
        }
    }

    s->values[s->n++] = value > UINT32_MAX ? UINT32_MAX : (uint32_t) value;
    s->sorted = false;
}


static int
compare_u32(const void *one, const void *two)
{
    uint32_t  a = *(const uint32_t *) one, b = *(const uint32_t *) two;

    return (a > b) - (a < b);
}


double
sample_quantile(sample_t *s, double p)
{
    if (s->n == 0) {
        return 0;
    }

    if (!s->sorted) {
        qsort(s->values, s->n, sizeof(s->values[0]), compare_u32);
        s->sorted = true;
    }

    return s->values[(size_t) (p * (double) (s->n - 1) + 0.5)];
}


void
sample_free(sample_t *s)
{
    free(s->values);
    memset(s, 0, sizeof(*s));
}


void
print_quantiles_ms(const char *prefix, sample_t *us)
{
    printf(",\"%s_min_ms\":%.3f,\"%s_p50_ms\":%.3f,\"%s_p99_ms\":%.3f,"
           "\"%s_max_ms\":%.3f",
           prefix, sample_quantile(us, 0) / 1e3,
           prefix, sample_quantile(us, 0.5) / 1e3,
           prefix, sample_quantile(us, 0.99) / 1e3,
           prefix, sample_quantile(us, 1) / 1e3);
}


/* One thread's; 0: it has ended meanwhile. */
static uint64_t
thread_cpu_ns(pid_t pid, const char *thread)
{
    char                 path[300];
    FILE                *f;
    unsigned long long   ns;

    snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int) pid,
             thread);

    f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }

    if (fscanf(f, "%llu", &ns) != 1) {
        ns = 0;
    }

    fclose(f);

    return ns;
}


uint64_t
cpu_ns(const pid_t *pids, unsigned n)
{
    DIR            *dir;
    char            path[64];
    unsigned        i;
    uint64_t        sum;
    struct dirent  *entry;

    sum = 0;

    for (i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/proc/%d/task", (int) pids[i]);

        dir = opendir(path);
        if (dir == NULL) {
            die("cannot read %s: has a worker died?", path);
        }

        while ((entry = readdir(dir)) != NULL) {
            if (entry->d_name[0] != '.') {
                sum += thread_cpu_ns(pids[i], entry->d_name);
            }
        }

        closedir(dir);
    }

    return sum;
}


uint64_t
private_bytes(const pid_t *pids, unsigned n)
{
    char                 path[64], line[256];
    FILE                *f;
    unsigned             i;
    uint64_t             sum;
    unsigned long long   kb;

    sum = 0;

    for (i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int) pids[i]);

        f = fopen(path, "r");
        if (f == NULL) {
            die("cannot read %s", path);
        }

        while (fgets(line, sizeof(line), f) != NULL) {
            if (sscanf(line, "Private_Clean: %llu kB", &kb) == 1
                || sscanf(line, "Private_Dirty: %llu kB", &kb) == 1)
            {
                sum += kb * 1024;
            }
        }

        fclose(f);
    }

    return sum;
}


uint64_t
own_cpu_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t) ts.tv_sec * NS_PER_S + (uint64_t) ts.tv_nsec;
}


uint64_t
machine_cpu_ns(void)
{
    int                  i;
    FILE                *f;
    unsigned long long   t[8];

    f = fopen("/proc/stat", "r");
    if (f == NULL
        || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0],
                  &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 8)
    {
        die("cannot read /proc/stat");
    }

    fclose(f);

    /* all but idle and waiting for a disk */
    t[3] = t[4] = 0;
    for (i = 1; i < 8; i++) {
        t[0] += t[i];
    }

    return t[0] * (NS_PER_S / (uint64_t) sysconf(_SC_CLK_TCK));
}
