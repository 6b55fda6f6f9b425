
/*
 * A writer killed at any instruction: what it published stays whole, another
 * process goes on with it, and nothing of the zone is lost.
 */

#include "live_reader.h"


#define KILLS      250
#define KILLS_MAX  (40 * KILLS)       /* on a machine that hardly gets to it */

/* two that play on, and one that sleeps now and then */
#define RENDITIONS  3
#define RUNG        2


typedef struct {
    oa_live_t      live;
    reader_t      *reader;
    atomic_uint    done;
    atomic_ullong  appended;
    atomic_uint    msn;              /* of the rung's next segment */
} shared_t;


/* Resumes the channel or begins it; renditions are found or added. */
static oa_live_session_t
take(shared_t *s, oa_live_rendition_t *renditions, bool *resumed)
{
    oa_err_t           err;
    unsigned           i;
    oa_live_session_t  session;

    static const char  *names[RENDITIONS] = { "video", "audio", "rung" };

    reader_expect(store_claim(&s->live, "main", 42, 0, &session, resumed)
                  == OA_OK);
    reader_expect(session.id == 42);

    for (i = 0; i < RENDITIONS; i++) {
        err = store_rendition(&s->live, session, names[i], &renditions[i]);
        reader_expect(err == OA_OK || err == OA_EBUSY);
    }

    return session;
}


/* A session beside that comes and goes, for the kills to hit the lock. */
static void
churn(shared_t *s, uint64_t *seed, uint8_t *buf)
{
    bool                 resumed;
    uint32_t             init_id;
    oa_err_t             err;
    oa_live_session_t    session;
    oa_live_rendition_t  rendition;

    err = store_claim(&s->live, "beside", 1000 + unit_random(seed), 0,
                      &session, &resumed);
    if (err != OA_OK) {
        reader_expect(err == OA_EFULL);
        return;
    }

    err = store_rendition(&s->live, session, "video", &rendition);

    if (err == OA_OK
        && store_init(&s->live, rendition, "i", &init_id) == OA_OK)
    {
        err = reader_feed(&s->live, rendition, 0, false, READER_MAX, seed,
                          buf);
    }

    reader_expect(err == OA_OK || err == OA_EBUSY || err == OA_EFULL);

    oa_live_end(&s->live, session, 0, NULL, NULL);
    oa_live_sweep(&s->live, 1000000, store_alive, NULL, NULL);
}


/* Writes until it is killed. */
static void
write_on(shared_t *s, uint64_t seed)
{
    bool                 resumed, fresh[RENDITIONS];
    uint32_t             init_id;
    unsigned             i;
    oa_live_edge_t       edge;
    oa_live_rendition_t  renditions[RENDITIONS];
    static uint8_t       buf[READER_MAX];

    take(s, renditions, &resumed);

    for (i = 0; i < RENDITIONS; i++) {
        fresh[i] = true;
        reader_expect(store_init(&s->live, renditions[i], "i", &init_id)
                      == OA_OK);
        reader_expect(init_id == 0);
    }

    for ( ;; ) {
        i = unit_random(&seed) % RENDITIONS;

        if (i == RUNG) {
            reader_expect(reader_feed_rung(&s->live, renditions[i], &s->msn,
                                           fresh[i], READER_MAX, &seed, buf)
                          == OA_OK);

        } else {
            reader_expect(oa_live_edge(&s->live, renditions[i], &edge)
                          == OA_OK);
            reader_expect(reader_feed(&s->live, renditions[i], edge.head,
                                      fresh[i], READER_MAX, &seed, buf)
                          == OA_OK);
        }

        fresh[i] = false;
        atomic_fetch_add(&s->appended, 1);

        if (unit_random(&seed) % 8 == 0) {
            churn(s, &seed, buf);
        }
    }
}


static void
read_on(shared_t *s, reader_t *reader)
{
    while (!atomic_load(&s->done)) {
        reader_look(reader, &s->live);
    }
}


static pid_t
in_process(shared_t *s, void (*fn)(shared_t *s, uint64_t seed), uint64_t seed)
{
    pid_t  pid;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fn(s, seed);
        _exit(0);
    }

    return pid;
}


static void
read_apart(shared_t *s, uint64_t seed)
{
    (void) seed;

    read_on(s, s->reader);
}


static void
kill_after(pid_t pid, uint64_t *seed)
{
    int              status;
    struct timespec  pause;

    pause.tv_sec = 0;
    pause.tv_nsec = (long) (unit_random(seed) % 4000) * 1000;
    nanosleep(&pause, NULL);

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}


/* Bytes of the window, in pages, and one more at each end. */
static uint32_t
pages_of(reader_t *reader, oa_live_t *live, oa_live_rendition_t rendition)
{
    uint64_t             bytes;
    oa_live_snapshot_t  *s;

    s = &reader->snapshot;
    assert_int_equal(oa_live_snapshot(live, rendition, s), OA_OK);

    if (s->nparts == 0) {
        return 2;
    }

    bytes = s->parts[s->nparts - 1].offset + s->parts[s->nparts - 1].size
            - s->parts[0].offset;

    return (uint32_t) (bytes / OA_LIVE_PAGE_BYTES) + 2;
}


/*
 * Takes the session itself, as the next publisher does, looks for pages that
 * nobody knows of, and leaves it in grace.
 */
static void
inspect(shared_t *s, reader_t *reader, uint64_t *heads)
{
    bool                 resumed;
    uint32_t             pages;
    unsigned             i;
    oa_live_view_t       view;
    oa_live_usage_t      usage;
    oa_live_session_t    session;
    oa_live_rendition_t  renditions[RENDITIONS];

    oa_live_sweep(&s->live, 0, store_alive, NULL, NULL);
    oa_live_sweep(&s->live, 4999, store_alive, NULL, NULL);
    session = take(s, renditions, &resumed);

    /*
     * The session's own two, for viewers and health, two of each rendition,
     * and one for a part in the making.
     */
    for (pages = 2, i = 0; i < RENDITIONS; i++) {
        pages += 2 + 1 + pages_of(reader, &s->live, renditions[i]);

        /* what sleeps has a head, too, though it says 0 */
        assert_true(oa_live_view(&s->live, renditions[i], &view));
        assert_true(atomic_load(&view.entry->head) >= heads[i]);
        heads[i] = atomic_load(&view.entry->head);
    }

    reader_look(reader, &s->live);

    /* what was beside goes: its owner is dead */
    for (i = 0; i < 3; i++) {
        oa_live_sweep(&s->live, 1000000 * (i + 1), store_alive, NULL, NULL);
    }

    oa_live_usage(&s->live, &usage);
    assert_int_equal(usage.sessions, 1);
    assert_int_equal(usage.renditions, RENDITIONS);
    assert_in_range(usage.pages_used, 1 + 2 * RENDITIONS, pages);

    oa_live_release(&s->live, session, 0);
}


static void
test_writer_killed(void **state)
{
    int                 status;
    pid_t               reader_pid;
    unsigned            i;
    reader_t           *mine;
    shared_t           *s;
    uint64_t            seed, heads[RENDITIONS];
    oa_live_usage_t     usage;
    oa_live_session_t   session;

    (void) state;

    s = store_shared(sizeof(*s));
    store_open(&s->live, 3 * OA_LIVE_MIN_BYTES);
    s->reader = reader_new(5, READER_MAX);
    mine = reader_new(6, READER_MAX);
    memset(heads, 0, sizeof(heads));

    reader_pid = in_process(s, read_apart, 0);

    for (seed = 7, i = 0;
         i < KILLS
         || (i < KILLS_MAX && atomic_load(&s->appended) <= KILLS);
         i++)
    {
        kill_after(in_process(s, write_on, 100 + i), &seed);
        inspect(s, mine, heads);
    }

    atomic_store(&s->done, 1);
    assert_int_equal(waitpid(reader_pid, &status, 0), reader_pid);
    assert_int_equal(status, 0);

    /* it was the same session all the time, and it was written */
    assert_true(atomic_load(&s->appended) > KILLS);
    assert_true(heads[0] + heads[1] + heads[RUNG]
                >= atomic_load(&s->appended));
    assert_int_equal(oa_live_find(&s->live, unit_bytes("main"), &session),
                     OA_OK);
    assert_int_equal(session.id, 42);

    oa_live_end(&s->live, session, 0, NULL, NULL);
    oa_live_sweep(&s->live, 1000000, store_alive, NULL, NULL);
    oa_live_usage(&s->live, &usage);
    assert_int_equal(usage.sessions, 0);
    assert_int_equal(usage.renditions, 0);
    assert_int_equal(usage.pages_used, 0);

    munmap(mine, sizeof(*mine));
    munmap(s->reader, sizeof(*s->reader));
    store_close(&s->live);
    munmap(s, sizeof(*s));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_writer_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
