
/* The record of seconds and the description of a stream, in the live store. */


#include "live_store.h"

#include "live/oa_live_health.h"


#define BYTES  (16 * 1024 * 1024)


static oa_live_t          store;
static oa_live_session_t  session;
static oa_live_health_t   records[OA_LIVE_HEALTH_SECONDS];


static int
setup(void **state)
{
    bool  resumed;

    (void) state;
    store_open(&store, BYTES);

    return store_claim(&store, "chan", 1, 0, &session, &resumed) == OA_OK
           ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;
    store_close(&store);

    return 0;
}


/* Every value of a record follows from its second. */
static void
record(uint64_t second)
{
    uint32_t          v = (uint32_t) second;
    oa_live_health_t  health = { second, v, v + 1, v + 2, v + 3, v + 4, v + 5,
                                 v + 6, v + 7 };

    oa_live_health_set(&store, session, &health);
}


static bool
whole(const oa_live_health_t *r)
{
    uint32_t  v = (uint32_t) r->second;

    return r->video_bytes == v && r->audio_bytes == v + 1
           && r->video_frames == v + 2 && r->audio_frames == v + 3
           && r->keyframe_interval_ms == v + 4 && r->timestamp_jumps == v + 5
           && r->dropped_frames == v + 6 && r->late_frames == v + 7;
}


static unsigned
get(int64_t now_ms, unsigned seconds)
{
    unsigned  n;

    assert_int_equal(oa_live_health_get(&store, session, now_ms, seconds,
                                        records, &n), OA_OK);

    return n;
}


static void
test_nothing_yet(void **state)
{
    (void) state;
    assert_int_equal(get(0, 600), 0);
    assert_int_equal(get(5000000, 600), 0);
    assert_int_equal(get(-1, 600), 0);
}


static void
test_seconds_in_order(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 100; i < 110; i++) {
        record(i);
    }

    assert_int_equal(get(110000, 600), 10);

    for (i = 0; i < 10; i++) {
        assert_int_equal(records[i].second, 100 + i);
        assert_true(whole(&records[i]));
    }

    assert_int_equal(get(110000, 3), 3);
    assert_int_equal(records[0].second, 107);
    assert_int_equal(get(105999, 600), 5);
}


static void
test_a_gap_is_zero(void **state)
{
    (void) state;
    record(100);
    record(104);
    assert_int_equal(get(106000, 600), 6);
    assert_true(whole(&records[0]));
    assert_int_equal(records[1].second, 101);
    assert_int_equal(records[1].video_bytes, 0);
    assert_true(whole(&records[4]));
    assert_int_equal(records[5].late_frames, 0);
}


static void
test_ten_minutes(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 1; i < 2000; i++) {
        record(i);
    }

    assert_int_equal(get(2000000, 600), 600);
    assert_int_equal(get(2000000, 100000), 600);

    for (i = 0; i < 600; i++) {
        assert_int_equal(records[i].second, 1400 + i);
        assert_true(whole(&records[i]));
    }

    assert_int_equal(get(2600000, 600), 0);
}


static void
test_the_session_ends(void **state)
{
    unsigned            n;
    oa_live_metadata_t  m;

    (void) state;
    record(1);
    oa_live_end(&store, session, 5000, NULL, NULL);
    record(2);
    assert_int_equal(get(3000, 600), 2);
    assert_int_equal(records[1].video_bytes, 0);

    oa_live_sweep(&store, 500000, store_alive, NULL, NULL);
    oa_live_sweep(&store, 900000, store_alive, NULL, NULL);
    assert_int_equal(oa_live_health_get(&store, session, 3000, 600, records,
                                        &n), OA_EGONE);
    assert_int_equal(oa_live_metadata_get(&store, session, &m), OA_EGONE);
    record(3);
    oa_live_metadata_set(&store, session, &m);
}


static void
fill(oa_live_metadata_t *m, unsigned n)
{
    unsigned  i;

    memset(m, 0, sizeof(*m));
    m->nfields = OA_LIVE_METADATA_FIELDS;

    for (i = 0; i < m->nfields; i++) {
        m->fields[i].kind = OA_LIVE_METADATA_TEXT;
        m->fields[i].thousandths = n;
        m->fields[i].text_size = OA_LIVE_METADATA_TEXT_BYTES;
        memset(m->fields[i].text, (int) (n & 0xff),
               OA_LIVE_METADATA_TEXT_BYTES);
    }
}


static void
test_metadata(void **state)
{
    unsigned            i;
    oa_live_metadata_t  m, got;

    (void) state;
    assert_int_equal(oa_live_metadata_get(&store, session, &got),
                     OA_ENOTFOUND);

    for (i = 0; i < 5; i++) {
        fill(&m, i);
        oa_live_metadata_set(&store, session, &m);
        assert_int_equal(oa_live_metadata_get(&store, session, &got), OA_OK);
        assert_memory_equal(&got, &m, sizeof(m));
    }
}


static bool
metadata_whole(const oa_live_metadata_t *m)
{
    unsigned  i, k;

    for (i = 0; i < m->nfields; i++) {
        if (m->fields[i].thousandths != m->fields[0].thousandths) {
            return false;
        }

        for (k = 0; k < OA_LIVE_METADATA_TEXT_BYTES; k++) {
            if (m->fields[i].text[k] != (m->fields[0].thousandths & 0xff)) {
                return false;
            }
        }
    }

    return true;
}


/* Another process reads while this one writes: nothing is ever torn. */
static void
test_readers_elsewhere(void **state)
{
    int                 status;
    pid_t               child;
    unsigned            i, n, k;
    oa_live_metadata_t  m;

    (void) state;
    child = fork();
    assert_true(child >= 0);

    if (child == 0) {
        for (i = 0; i < 3000; i++) {
            if (oa_live_health_get(&store, session, 600000, 600, records, &n)
                != OA_OK)
            {
                _exit(1);
            }

            for (k = 0; k < n; k++) {
                if (records[k].video_bytes != 0 && !whole(&records[k])) {
                    _exit(2);
                }
            }

            if (oa_live_metadata_get(&store, session, &m) == OA_OK
                && !metadata_whole(&m))
            {
                _exit(3);
            }
        }

        _exit(0);
    }

    for (i = 1; waitpid(child, &status, WNOHANG) == 0; i++) {
        record(590 + i % 10);
        fill(&m, i);
        oa_live_metadata_set(&store, session, &m);
    }

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing_yet),
        TEST(test_seconds_in_order),
        TEST(test_a_gap_is_zero),
        TEST(test_ten_minutes),
        TEST(test_the_session_ends),
        TEST(test_metadata),
        TEST(test_readers_elsewhere)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
