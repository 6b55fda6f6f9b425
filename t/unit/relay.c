
#include "unit.h"
#include "timeline/oa_relay.h"


#define FRAME_US  26122              /* 1152 samples at 44100 Hz */


/* Frame n of a source at 44100 Hz, in whole milliseconds. */
static uint32_t
stamp(uint32_t first_ms, unsigned n)
{
    return first_ms + (uint32_t) oa_rescale(n, 1152000, 44100);
}


static int64_t
distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}


static void
rounded_timestamps_are_smoothed(void **state)
{
    unsigned    n;
    int64_t     time_us, before_us;
    oa_relay_t  r;

    (void) state;

    oa_relay_init(&r);
    before_us = -FRAME_US;

    for (n = 0; n < 20000; n++) {
        time_us = oa_relay_in(&r, stamp(0xffffff00, n), FRAME_US);
        assert_true(distance(time_us - before_us, FRAME_US) <= 100);
        assert_true(distance(time_us, oa_rescale(n, 1152000000, 44100))
                    < 1000);
        assert_true((uint32_t) (oa_relay_out(&r, time_us)
                                - stamp(0xffffff00, n) + 1) <= 2);
        before_us = time_us;
    }
}


static void
frames_in_bunches_stay_in_order(void **state)
{
    unsigned    n;
    int64_t     time_us, before_us;
    oa_relay_t  r;

    (void) state;

    oa_relay_init(&r);
    before_us = -1;

    /* each four have the timestamp of the last one */
    for (n = 0; n < 4000; n++) {
        time_us = oa_relay_in(&r, stamp(0, n | 3), FRAME_US);
        assert_true(time_us > before_us);
        assert_true(n < 200 || distance(time_us + 3 * FRAME_US,
                                        n * FRAME_US + 3 * FRAME_US / 2)
                               < 10000);
        before_us = time_us;
    }
}


static void
a_slow_clock_is_followed(void **state)
{
    unsigned    n;
    int64_t     time_us;
    oa_relay_t  r;

    (void) state;

    oa_relay_init(&r);

    /* 0.1% more than the samples say */
    for (n = 0; n < 20000; n++) {
        time_us = oa_relay_in(&r, (uint32_t) oa_rescale(n, 26148, 1000),
                              FRAME_US);
        assert_true(distance(time_us, (int64_t) n * 26148) < 2000);
    }
}


static void
what_is_left_out_is_missing(void **state)
{
    unsigned    n;
    int64_t     before_us;
    oa_relay_t  r;

    (void) state;

    oa_relay_init(&r);

    for (n = 0; n < 100; n++) {
        before_us = oa_relay_in(&r, stamp(0, n), FRAME_US);
    }

    assert_true(distance(oa_relay_in(&r, stamp(0, 150), FRAME_US) - before_us,
                         51 * FRAME_US) < 1000);
}


/* Behind the place as the new clock says, before it as the old one. */
static void
a_clock_set_anew(void **state)
{
    unsigned    n, i;
    int64_t     times[4][100];
    uint32_t    firsts[] = { 50000, 10, 0x30000000, 0xfffffff0 };
    oa_relay_t  r;

    (void) state;

    oa_relay_init(&r);

    for (i = 0; i < 4; i++) {
        for (n = 0; n < 100; n++) {
            times[i][n] = oa_relay_in(&r, stamp(firsts[i], n), FRAME_US);
            assert_true(distance(times[i][n],
                                 ((int64_t) i * 100 + n) * FRAME_US) < 2000);
        }
    }

    for (i = 0; i < 4; i++) {
        for (n = 0; n < 100; n++) {
            assert_true((uint32_t) (oa_relay_out(&r, times[i][n])
                                    - stamp(firsts[i], n) + 1) <= 2);
        }
    }
}


static void
any_number_of_clocks(void **state)
{
    uint64_t    seed;
    int64_t     time_us, before_us;
    unsigned    n;
    uint32_t    last_ms;
    oa_relay_t  r;

    (void) state;

    oa_relay_init(&r);
    seed = 20261128;
    before_us = -1;
    last_ms = 0;

    for (n = 0; n < 100000; n++) {
        last_ms = unit_random(&seed);
        time_us = oa_relay_in(&r, last_ms, FRAME_US);
        assert_true(time_us > before_us);
        assert_true(r.nplaces <= OA_RELAY_PLACES);
        before_us = time_us;
    }

    /* the newest one is known, and goes on; some encoders wrap at 2^31 */
    for (n = 0; n < 3; n++) {
        time_us = oa_relay_in(&r, stamp(last_ms, n + 1), FRAME_US);
        assert_true(((oa_relay_out(&r, time_us) - stamp(last_ms, n + 1) + 1)
                     & 0x7fffffff) <= 2);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(rounded_timestamps_are_smoothed),
        cmocka_unit_test(frames_in_bunches_stay_in_order),
        cmocka_unit_test(a_slow_clock_is_followed),
        cmocka_unit_test(what_is_left_out_is_missing),
        cmocka_unit_test(a_clock_set_anew),
        cmocka_unit_test(any_number_of_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
