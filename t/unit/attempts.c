
/* Failed attempts: the window, the pauses, and full tables. */

#include "killed.h"

#include "limit/oa_attempts.h"


#define SIZE     (1024 * 1024)
#define SMALL    (64 + 2 * 8 * 72 + 64)        /* sixteen addresses */
#define HISTORY  40000


static const uint8_t  seed_bytes[OA_ATTEMPTS_SEED_BYTES] = { 7, 7, 1 };

static const oa_attempts_conf_t  conf = {
    .limit = 3, .window_ms = 10000, .pause_ms = 2000, .max_pause_ms = 12000
};


static oa_attempts_t *
new_attempts(size_t size)
{
    void           *mem;
    oa_attempts_t  *attempts;

    assert_int_equal(posix_memalign(&mem, 64, size), 0);
    assert_int_equal(oa_attempts_format(mem, size, seed_bytes), OA_OK);
    assert_int_equal(oa_attempts_attach(mem, size, &attempts), OA_OK);

    return attempts;
}


static uint32_t
failed(oa_attempts_t *attempts, uint32_t address, int64_t now_ms)
{
    return oa_attempts_fail(attempts, &conf,
                            oa_slice(&address, sizeof(address)), now_ms);
}


static uint32_t
check(oa_attempts_t *attempts, uint32_t address, int64_t now_ms)
{
    return oa_attempts_check(attempts, &conf,
                             oa_slice(&address, sizeof(address)), now_ms);
}


static void
test_attach(void **state)
{
    void           *mem;
    oa_attempts_t  *attempts, *other;

    (void) state;

    attempts = new_attempts(SIZE);
    failed(attempts, 1, 0);
    failed(attempts, 1, 0);
    assert_int_equal(oa_attempts_attach(attempts, SIZE / 2, &other),
                     OA_EVERSION);
    assert_int_equal(oa_attempts_attach(attempts, SIZE, &other), OA_OK);
    assert_int_equal(failed(other, 1, 0), 2000);
    free(attempts);

    mem = calloc(1, 512);
    assert_int_equal(oa_attempts_format(mem, 512, seed_bytes), OA_EINVAL);
    assert_int_equal(oa_attempts_attach(mem, 512, &other), OA_EVERSION);
    free(mem);
}


static void
test_limit(void **state)
{
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SIZE);

    assert_int_equal(check(attempts, 1, 1000), 0);
    assert_int_equal(failed(attempts, 1, 1000), 0);
    assert_int_equal(failed(attempts, 1, 1001), 0);
    assert_int_equal(check(attempts, 1, 1002), 0);
    assert_int_equal(failed(attempts, 1, 1002), 2000);

    assert_int_equal(check(attempts, 1, 1002), 2000);
    assert_int_equal(check(attempts, 1, 3001), 1);
    assert_int_equal(check(attempts, 1, 3002), 0);

    /* others are not concerned */
    assert_int_equal(check(attempts, 2, 1002), 0);
    assert_int_equal(failed(attempts, 2, 1002), 0);

    free(attempts);
}


static void
test_window_slides(void **state)
{
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SIZE);

    /* two at the end of a window weigh nearly two at the start of the next */
    assert_int_equal(failed(attempts, 1, 0), 0);
    assert_int_equal(failed(attempts, 1, 9999), 0);
    assert_int_equal(failed(attempts, 1, 10000), 2000);

    /* and one, when half of it has passed */
    assert_int_equal(failed(attempts, 2, 0), 0);
    assert_int_equal(failed(attempts, 2, 9999), 0);
    assert_int_equal(failed(attempts, 2, 10001), 0);
    assert_int_equal(failed(attempts, 2, 14999), 2000);

    assert_int_equal(failed(attempts, 3, 0), 0);
    assert_int_equal(failed(attempts, 3, 9999), 0);
    assert_int_equal(failed(attempts, 3, 15001), 0);
    assert_int_equal(failed(attempts, 3, 19999), 0);

    /* two windows later, nothing */
    assert_int_equal(failed(attempts, 4, 0), 0);
    assert_int_equal(failed(attempts, 4, 0), 0);
    assert_int_equal(failed(attempts, 4, 20000), 0);
    assert_int_equal(failed(attempts, 4, 20000), 0);
    assert_int_equal(failed(attempts, 4, 20000), 2000);

    free(attempts);
}


static void
test_pause_grows(void **state)
{
    size_t          i;
    int64_t         now_ms;
    oa_attempts_t  *attempts;

    static const uint32_t  pauses[] = { 2000, 4000, 8000, 12000, 12000 };

    (void) state;

    attempts = new_attempts(SIZE);
    now_ms = 50;

    for (i = 0; i < 5; i++) {
        while (check(attempts, 1, now_ms) == 0) {
            (void) failed(attempts, 1, now_ms);
        }

        assert_int_equal(check(attempts, 1, now_ms), pauses[i]);
        now_ms += pauses[i];
    }

    /* a failure in time keeps the memory up */
    now_ms += 11999;
    assert_int_equal(failed(attempts, 1, now_ms), 0);
    now_ms += 11999;
    assert_int_equal(failed(attempts, 1, now_ms), 0);
    assert_int_equal(failed(attempts, 1, now_ms), 0);
    assert_int_equal(failed(attempts, 1, now_ms), 12000);

    /* as long as the longest pause without one: a new start */
    now_ms += 12000 + 12000 + 10000;
    assert_int_equal(failed(attempts, 1, now_ms), 0);
    assert_int_equal(failed(attempts, 1, now_ms), 0);
    assert_int_equal(failed(attempts, 1, now_ms), 2000);

    free(attempts);
}


/* A hundred that were let in before the first failed: one lock-out. */
static void
test_at_once(void **state)
{
    unsigned        i, lockouts;
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SIZE);

    for (lockouts = 0, i = 0; i < 100; i++) {
        lockouts += failed(attempts, 1, 1000) != 0;
    }

    assert_int_equal(lockouts, 1);
    assert_int_equal(check(attempts, 1, 1000), 2000);

    /* but they were counted */
    assert_int_equal(failed(attempts, 1, 3000), 4000);

    free(attempts);
}


static void
test_clear(void **state)
{
    uint32_t        address;
    oa_slice_t      slice;
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SIZE);
    address = 1;
    slice = oa_slice(&address, sizeof(address));

    oa_attempts_clear(attempts, slice);

    failed(attempts, 1, 0);
    failed(attempts, 1, 0);
    assert_int_equal(failed(attempts, 1, 0), 2000);
    oa_attempts_clear(attempts, slice);
    assert_int_equal(check(attempts, 1, 0), 0);

    assert_int_equal(failed(attempts, 1, 0), 0);
    assert_int_equal(failed(attempts, 1, 0), 0);
    assert_int_equal(failed(attempts, 1, 0), 2000);

    free(attempts);
}


/* One worker's clock lags behind another's. */
static void
test_clock_behind(void **state)
{
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SIZE);

    assert_int_equal(failed(attempts, 1, 1000), 0);
    assert_int_equal(failed(attempts, 1, 900), 0);
    assert_int_equal(failed(attempts, 1, 1000), 2000);
    assert_int_equal(check(attempts, 1, 900), 2100);
    assert_int_equal(failed(attempts, 1, -5000), 0);
    assert_int_equal(check(attempts, 1, 3000), 0);

    free(attempts);
}


static void
test_extreme_conf(void **state)
{
    uint32_t            address;
    unsigned            i;
    oa_slice_t          slice;
    oa_attempts_t      *attempts;
    oa_attempts_conf_t  zero, most;

    (void) state;

    attempts = new_attempts(SIZE);
    address = 1;
    slice = oa_slice(&address, sizeof(address));

    memset(&zero, 0, sizeof(zero));
    assert_int_equal(oa_attempts_fail(attempts, &zero, slice, 5), 1);
    assert_int_equal(oa_attempts_check(attempts, &zero, slice, 5), 1);
    assert_int_equal(oa_attempts_check(attempts, &zero, slice, 6), 0);

    oa_attempts_clear(attempts, slice);
    memset(&most, 0xff, sizeof(most));

    for (i = 0; i < 1000; i++) {
        assert_int_equal(oa_attempts_fail(attempts, &most, slice, i), 0);
    }

    most.limit = 1;

    for (i = 0; i < 70; i++) {
        assert_int_equal(oa_attempts_fail(attempts, &most, slice,
                                          (int64_t) i << 33),
                         UINT32_MAX);
    }

    free(attempts);
}


static void
test_address(void **state)
{
    size_t      i;
    oa_slice_t  key;

    static const struct {
        const char  *bytes;
        size_t       size, from, to;
    } table[] = {
        { "\x7f\0\0\1", 4, 0, 4 },
        { "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16, 12, 16 },
        { "\x20\1\xd\xb8\1\2\3\4\5\6\7\x8\x9\xa\xb\xc", 16, 0, 8 },
        { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, 0, 8 },
        { "unix:", 5, 0, 5 },
        { "", 0, 0, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        key = oa_attempts_address(oa_slice(table[i].bytes, table[i].size));
        assert_ptr_equal(key.data, table[i].bytes + table[i].from);
        assert_int_equal(key.size, table[i].to - table[i].from);
    }
}


/* Addresses of all lengths are told apart. */
static void
test_lengths(void **state)
{
    size_t          size;
    uint8_t         bytes[64];
    oa_slice_t      slice;
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SIZE);
    memset(bytes, 0, sizeof(bytes));

    for (size = 0; size <= sizeof(bytes); size++) {
        slice = oa_slice(bytes, size);
        assert_int_equal(oa_attempts_fail(attempts, &conf, slice, 0), 0);
        assert_int_equal(oa_attempts_fail(attempts, &conf, slice, 0), 0);
        assert_int_equal(oa_attempts_fail(attempts, &conf, slice, 0), 2000);
    }

    bytes[63] = 1;
    assert_int_equal(oa_attempts_check(attempts, &conf,
                                       oa_slice(bytes, 64), 0), 0);
    assert_int_equal(oa_attempts_check(attempts, &conf,
                                       oa_slice(bytes, 63), 0), 2000);
    assert_int_equal(oa_attempts_check(attempts, &conf, oa_slice(NULL, 0),
                                       0), 2000);
    free(attempts);
}


/* The quietest gives way, one that is locked out last, and not for long. */
static void
test_full(void **state)
{
    uint32_t        a;
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SMALL);

    for (a = 0; a < 16; a++) {
        assert_int_equal(failed(attempts, a, a), 0);
        assert_int_equal(failed(attempts, a, a), 0);
    }

    for (a = 0; a < 15; a++) {
        assert_int_equal(failed(attempts, a, 100 + a), 2000);
    }

    /* 15 is the only one that is not locked out: newcomers go through it */
    for (a = 100; a < 1000; a++) {
        assert_int_equal(failed(attempts, a, 200), 0);
        assert_int_equal(failed(attempts, a, 200), 0);
    }

    for (a = 0; a < 15; a++) {
        assert_true(check(attempts, a, 200) > 0);
    }

    assert_int_equal(failed(attempts, 999, 200), 2000);

    /* now all are: the one that ends first */
    assert_int_equal(failed(attempts, 15, 200), 0);
    assert_int_equal(check(attempts, 0, 200), 0);
    assert_true(check(attempts, 1, 200) > 0);

    free(attempts);
}


/* What is over is given up on the way. */
static void
test_over(void **state)
{
    uint32_t        a;
    oa_attempts_t  *attempts;

    (void) state;

    attempts = new_attempts(SMALL);

    for (a = 0; a < 16; a++) {
        failed(attempts, a, 0);
        failed(attempts, a, 0);
    }

    for (a = 0; a < 15; a++) {
        assert_int_equal(check(attempts, a, 20000), 0);
    }

    /* had there been no room, 15 would be gone */
    for (a = 100; a < 115; a++) {
        failed(attempts, a, 9000);
    }

    assert_int_equal(failed(attempts, 15, 9000), 2000);
    free(attempts);
}


/* --- a model that keeps every failure -------------------------------- */

typedef struct {
    int64_t   failures[HISTORY];
    unsigned  n;
    unsigned  forgotten;             /* failures before that do not count */
    int64_t   from;                  /* the first window's begin */
    int64_t   until;
    unsigned  pauses;
} model_t;


static unsigned
model_between(const model_t *m, int64_t from, int64_t to)
{
    unsigned  i, n;

    for (n = 0, i = m->forgotten; i < m->n; i++) {
        n += m->failures[i] >= from && m->failures[i] < to;
    }

    return n;
}


static int64_t
model_window(const model_t *m, const oa_attempts_conf_t *c, int64_t now_ms)
{
    return m->from + (now_ms - m->from) / c->window_ms * c->window_ms;
}


static void
model_forgive(model_t *m, const oa_attempts_conf_t *c, int64_t now_ms)
{
    int64_t  last;

    last = m->n > m->forgotten ? m->failures[m->n - 1] : now_ms;
    last = m->until > last ? m->until : last;

    if (now_ms >= last + c->max_pause_ms) {
        m->pauses = 0;
    }
}


static uint32_t
model_check(model_t *m, const oa_attempts_conf_t *c, int64_t now_ms)
{
    int64_t  window;

    if (m->until > now_ms) {
        return (uint32_t) (m->until - now_ms);
    }

    model_forgive(m, c, now_ms);
    window = model_window(m, c, now_ms);

    if (m->pauses == 0
        && model_between(m, window - c->window_ms, INT64_MAX) == 0)
    {
        m->forgotten = m->n;
    }

    return 0;
}


static uint32_t
model_fail(model_t *m, const oa_attempts_conf_t *c, int64_t now_ms)
{
    int64_t  window, pause;
    double   older, newer;

    if (m->n == m->forgotten) {
        m->from = now_ms;
        m->pauses = 0;
        m->until = now_ms;
    }

    model_forgive(m, c, now_ms);
    assert_true(m->n < HISTORY);
    m->failures[m->n++] = now_ms;

    window = model_window(m, c, now_ms);
    newer = model_between(m, window, INT64_MAX);
    older = model_between(m, window - c->window_ms, window);

    if (m->until > now_ms
        || newer * c->window_ms + older * (window + c->window_ms - now_ms)
           < (double) c->limit * c->window_ms)
    {
        return 0;
    }

    for (pause = c->pause_ms, window = 0; window < m->pauses; window++) {
        pause = pause * 2 < c->max_pause_ms ? pause * 2 : c->max_pause_ms;
    }

    pause = pause < c->max_pause_ms ? pause : c->max_pause_ms;
    m->pauses++;
    m->until = now_ms + pause;

    return (uint32_t) pause;
}


/* Who asks first never fails more than twice the limit in any window. */
static void
model_bound(const model_t *m, const oa_attempts_conf_t *c)
{
    unsigned  i, from;

    for (from = 0, i = 0; i < m->n; i++) {
        while (m->failures[i] - m->failures[from] >= c->window_ms) {
            from++;
        }

        assert_true(i - from + 1 <= 2 * c->limit + 1);
    }
}


static void
trace(const oa_attempts_conf_t *c, unsigned gap_ms, bool polite,
    uint64_t seed)
{
    int64_t         now_ms;
    uint32_t        locked;
    unsigned        step, a;
    oa_slice_t      slice;
    oa_attempts_t  *attempts;

    static model_t  models[8];

    memset(models, 0, sizeof(models));
    attempts = new_attempts(SMALL);
    now_ms = unit_random(&seed);

    for (step = 0; step < 20000; step++) {
        now_ms += unit_random(&seed) % gap_ms;
        now_ms += unit_random(&seed) % 50 == 0 ? unit_random(&seed) % 60000
                                               : 0;
        a = unit_random(&seed) % 8;
        slice = oa_slice(&a, sizeof(a));
        locked = 0;

        if (polite || unit_random(&seed) % 4 == 0) {
            locked = oa_attempts_check(attempts, c, slice, now_ms);
            assert_int_equal(locked, model_check(&models[a], c, now_ms));
        }

        if (unit_random(&seed) % 1000 == 0 && !polite) {
            oa_attempts_clear(attempts, slice);
            models[a].forgotten = models[a].n;
            models[a].until = 0;

        } else if (!polite || locked == 0) {
            assert_int_equal(oa_attempts_fail(attempts, c, slice, now_ms),
                             model_fail(&models[a], c, now_ms));
        }
    }

    for (a = 0; polite && a < 8; a++) {
        model_bound(&models[a], c);
    }

    free(attempts);
}


static void
test_traces(void **state)
{
    unsigned            gap_ms;
    uint64_t            seed;
    oa_attempts_conf_t  c;

    (void) state;

    for (seed = 1; seed < 7; seed++) {
        for (gap_ms = 10; gap_ms < 20000; gap_ms *= 7) {
            trace(&conf, gap_ms, seed % 2, seed);
        }
    }

    c = conf;
    c.limit = 1;
    trace(&c, 1000, true, 11);
    c.limit = 20;
    c.pause_ms = 1;
    trace(&c, 100, true, 12);
    c.window_ms = 1;
    trace(&c, 3, false, 13);
    c.max_pause_ms = 1;
    trace(&c, 3, false, 14);
}


static void
work(void *ctx, uint64_t seed)
{
    int64_t         now_ms;
    uint32_t        a;
    oa_attempts_t  *attempts;

    attempts = ctx;

    for (now_ms = 0; /* void */ ; now_ms += unit_random(&seed) % 200) {
        a = unit_random(&seed) % 40;

        if (unit_random(&seed) % 10 == 0) {
            oa_attempts_clear(attempts, oa_slice(&a, sizeof(a)));
        }

        if (check(attempts, a, now_ms) == 0) {
            (void) failed(attempts, a, now_ms);
        }
    }
}


static void
test_killed(void **state)
{
    uint32_t        a;
    uint64_t        seed;
    unsigned        kills;
    oa_attempts_t  *attempts;

    (void) state;

    attempts = shared_memory(4096);
    assert_int_equal(oa_attempts_format(attempts, 4096, seed_bytes), OA_OK);

    for (seed = 5, kills = 0; kills < 200; kills++) {
        kill_at_work(work, attempts, &seed);
    }

    /* whatever was left, it ends, and then counts as ever */
    for (a = 0; a < 40; a++) {
        oa_attempts_clear(attempts, oa_slice(&a, sizeof(a)));
    }

    for (a = 0; a < 10; a++) {
        assert_int_equal(failed(attempts, a, 0), 0);
        assert_int_equal(failed(attempts, a, 0), 0);
        assert_int_equal(failed(attempts, a, 0), 2000);
        assert_int_equal(check(attempts, a, 0), 2000);
    }

    munmap(attempts, 4096);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_window_slides),
        cmocka_unit_test(test_pause_grows),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_clock_behind),
        cmocka_unit_test(test_extreme_conf),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
