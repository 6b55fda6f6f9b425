
/*
 * The live store between processes: readers that overlap with eviction, with
 * rings that wrap and with pages that go from session to session.
 */

#include "live_reader.h"
#include "processes.h"


#define READERS       3
#define WRITERS       2
#define LONG_PARTS    18000          /* more bytes than a page map covers */
#define CHURN_PARTS   6000
#define READER_PARTS  4000
#define SMALL_PARTS   150000
#define RUNG_PARTS    60000


typedef struct {
    oa_live_t      live;
    uint32_t       max;              /* bytes of a part */
    reader_t      *readers[READERS];
    atomic_llong   now_ms;
    atomic_uint    writing;
    atomic_uint    waiting;
    atomic_uint    winners;
    atomic_uint    resumed;
    atomic_uint    refused;
    atomic_uint    msn;
} shared_t;


static shared_t *
shared_new(uint32_t max)
{
    unsigned   i;
    shared_t  *s;

    s = store_shared(sizeof(*s));
    store_open(&s->live, OA_LIVE_MIN_BYTES);
    s->max = max;

    for (i = 0; i < READERS; i++) {
        s->readers[i] = reader_new(i + 1, max);
    }

    atomic_store(&s->writing, WRITERS);

    return s;
}


static void
shared_drop(shared_t *s)
{
    unsigned  i;

    for (i = 0; i < READERS; i++) {
        munmap(s->readers[i], sizeof(reader_t));
    }

    store_close(&s->live);
    munmap(s, sizeof(*s));
}


static bool
readers_satisfied(const shared_t *s)
{
    unsigned  i;

    for (i = 0; i < READERS; i++) {
        if (atomic_load(&s->readers[i]->parts) < READER_PARTS) {
            return false;
        }
    }

    return true;
}


/* --- readers against writers ----------------------------------------- */


/*
 * Lets others go on, and does what a timer does beside writers: what one that
 * has ended leaves behind goes, be it all there is.
 */
static void
wait_for_room(shared_t *s)
{
    int64_t  now_ms;

    now_ms = atomic_fetch_add(&s->now_ms, 1000000) + 1000000;

    oa_live_sweep(&s->live, now_ms, store_alive, NULL, NULL);
    sched_yield();
}


/* Appends, waiting for room where the other writer has it all. */
static void
write_parts(shared_t *s, oa_live_rendition_t rendition, uint64_t n,
    uint64_t *seed)
{
    bool             fresh;
    uint64_t         number;
    oa_err_t         err;
    static uint8_t   buf[READER_MAX];

    for (fresh = false, number = 0; number < n; ) {
        err = reader_feed(&s->live, rendition, number, fresh, s->max, seed,
                          buf);
        reader_expect(err == OA_OK || err == OA_EFULL);

        fresh = err == OA_EFULL;
        number += err == OA_OK;

        if (fresh) {
            wait_for_room(s);

        } else if (number % 256 == 0) {
            sched_yield();
        }
    }
}


static oa_live_session_t
write_session(shared_t *s, const char *channel, uint64_t id, uint64_t n,
    uint64_t *seed)
{
    bool                 resumed;
    uint32_t             init_id;
    oa_live_session_t    session;
    oa_live_rendition_t  rendition;

    while (store_claim(&s->live, channel, id, 0, &session, &resumed)
           == OA_EFULL)
    {
        wait_for_room(s);
    }

    reader_expect(!resumed && session.id == id);

    while (store_rendition(&s->live, session, "video", &rendition) != OA_OK) {
        wait_for_room(s);
    }

    reader_expect(store_init(&s->live, rendition, "i", &init_id) == OA_OK);
    write_parts(s, rendition, n, seed);

    return session;
}


static void
write_long(shared_t *s)
{
    uint64_t  seed;

    seed = 11;
    write_session(s, "long", 1, LONG_PARTS, &seed);
    atomic_fetch_sub(&s->writing, 1);
}


/* Sessions that come and go, and their pages with them. */
static void
write_churn(shared_t *s)
{
    uint64_t           seed, id, n, parts;
    oa_live_session_t  session;

    seed = 12;
    parts = 0;

    for (id = 1000;
         parts < CHURN_PARTS || !readers_satisfied(s)
         || atomic_load(&s->writing) == WRITERS;
         id++)
    {
        n = 1 + unit_random(&seed) % 300;
        session = write_session(s, "churn", id, n, &seed);
        parts += n;

        oa_live_end(&s->live, session, 0, NULL, NULL);
        oa_live_sweep(&s->live, 1000000, store_alive, NULL, NULL);
    }

    atomic_fetch_sub(&s->writing, 1);
}


static void
run(void *ctx, unsigned i)
{
    shared_t  *s = ctx;

    if (i == 0) {
        write_long(s);
        return;
    }

    if (i == 1) {
        write_churn(s);
        return;
    }

    while (atomic_load(&s->writing) > 0) {
        reader_look(s->readers[i - WRITERS], &s->live);
    }
}


static void
test_readers_overlap_with_eviction(void **state)
{
    unsigned            i;
    shared_t           *s;
    unsigned long long  gone;

    (void) state;

    s = shared_new(READER_MAX);
    in_processes(WRITERS + READERS, run, s);

    for (gone = 0, i = 0; i < READERS; i++) {
        assert_true(atomic_load(&s->readers[i]->parts) >= READER_PARTS);
        gone += atomic_load(&s->readers[i]->gone);
    }

    /* it did happen that a part went between the look and the reading */
    assert_true(gone > 0);

    shared_drop(s);
}


/*
 * Parts of a few bytes, so many that the records of a snapshot are overwritten
 * while it is taken.
 */
static void
run_small(void *ctx, unsigned i)
{
    shared_t  *s = ctx;
    uint64_t   seed;

    if (i == 0) {
        seed = 13;
        write_session(s, "small", 1, SMALL_PARTS, &seed);
        atomic_store(&s->writing, 0);
        return;
    }

    while (atomic_load(&s->writing) > 0) {
        reader_look(s->readers[i - 1], &s->live);
    }
}


static void
test_snapshots_overlap_with_eviction(void **state)
{
    unsigned   i;
    shared_t  *s;

    (void) state;

    s = shared_new(48);
    in_processes(1 + READERS, run_small, s);

    for (i = 0; i < READERS; i++) {
        assert_true(atomic_load(&s->readers[i]->snapshots) > 0);
    }

    shared_drop(s);
}


/* A rendition that is emptied, and whose segments jump, all the time. */
static void
run_rung(void *ctx, unsigned i)
{
    bool                  resumed;
    shared_t             *s = ctx;
    uint32_t              init_id, n;
    uint64_t              seed;
    oa_live_session_t     session;
    oa_live_rendition_t   rendition;
    static uint8_t        buf[READER_MAX];

    if (i > 0) {
        while (atomic_load(&s->writing) > 0) {
            reader_look(s->readers[i - 1], &s->live);
        }

        return;
    }

    seed = 14;
    reader_expect(store_claim(&s->live, "rung", 1, 0, &session, &resumed)
                  == OA_OK);
    reader_expect(store_rendition(&s->live, session, "rung", &rendition)
                  == OA_OK);
    reader_expect(store_init(&s->live, rendition, "i", &init_id) == OA_OK);

    for (n = 0; n < RUNG_PARTS || !readers_satisfied(s); n++) {
        reader_expect(reader_feed_rung(&s->live, rendition, &s->msn, false,
                                       s->max, &seed, buf)
                      == OA_OK);
    }

    atomic_store(&s->writing, 0);
}


static void
test_readers_overlap_with_sleep_and_jumps(void **state)
{
    unsigned   i;
    shared_t  *s;

    (void) state;

    s = shared_new(2000);
    in_processes(1 + READERS, run_rung, s);

    for (i = 0; i < READERS; i++) {
        assert_true(atomic_load(&s->readers[i]->parts) >= READER_PARTS);
    }

    shared_drop(s);
}


/* --- claims against claims ------------------------------------------- */


#define CLAIMERS  4
#define CLAIMS    200


static void
barrier(shared_t *s, unsigned n)
{
    atomic_fetch_add(&s->waiting, 1);

    while (atomic_load(&s->waiting) < n * CLAIMERS) {
        sched_yield();
    }
}


static void
claim_channels(void *ctx, unsigned i)
{
    shared_t          *s = ctx;
    bool               resumed;
    char               channel[16];
    unsigned           round, turn;
    oa_err_t           err;
    oa_live_session_t  session;

    for (round = 0, turn = 1; round < CLAIMS; round++) {
        snprintf(channel, sizeof(channel), "c%u", round / 2);
        barrier(s, turn++);

        err = store_claim(&s->live, channel, 1 + round * CLAIMERS + i, 0,
                          &session, &resumed);
        reader_expect(err == OA_OK || err == OA_EBUSY);

        atomic_fetch_add(err == OA_OK ? &s->winners : &s->refused, 1);

        barrier(s, turn++);

        if (err == OA_OK) {
            /* every second claim finds a session in grace */
            reader_expect(resumed == (round % 2 == 1));

            if (round % 2 == 0) {
                oa_live_release(&s->live, session, 0);

            } else {
                oa_live_end(&s->live, session, 0, NULL, NULL);
                oa_live_sweep(&s->live, 1000000, store_alive, NULL, NULL);
            }
        }
    }
}


static void
test_one_claimer_wins(void **state)
{
    shared_t         *s;
    oa_live_usage_t   usage;

    (void) state;

    s = shared_new(READER_MAX);
    in_processes(CLAIMERS, claim_channels, s);

    assert_int_equal(atomic_load(&s->winners), CLAIMS);
    assert_int_equal(atomic_load(&s->refused), CLAIMS * (CLAIMERS - 1));

    oa_live_usage(&s->live, &usage);
    assert_int_equal(usage.sessions, 0);
    assert_int_equal(usage.pages_used, 0);

    shared_drop(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_readers_overlap_with_eviction),
        cmocka_unit_test(test_snapshots_overlap_with_eviction),
        cmocka_unit_test(test_readers_overlap_with_sleep_and_jumps),
        cmocka_unit_test(test_one_claimer_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
