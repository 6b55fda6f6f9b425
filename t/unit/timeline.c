
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "timeline/oa_timeline.h"


#define SCALE   360000
#define TARGET  72000                /* 200 ms */


static void
unwraps_at_32_bits(void **state)
{
    oa_timeline_unwrap_t  u;

    (void) state;

    oa_timeline_unwrap_init(&u, 0xfffffff0u);

    assert_int_equal(oa_timeline_unwrap(&u, 0xfffffff0u), 0);
    assert_int_equal(oa_timeline_unwrap(&u, 0x00000011u), 33);
    assert_int_equal(oa_timeline_unwrap(&u, 0xfffffff0u), 0);
}


static void
unwraps_at_31_bits(void **state)
{
    oa_timeline_unwrap_t  u;

    (void) state;

    oa_timeline_unwrap_init(&u, 0x7ffffff0u);

    assert_int_equal(oa_timeline_unwrap(&u, 0x7ffffff0u), 0);
    assert_int_equal(oa_timeline_unwrap(&u, 0x00000011u), 33);
    assert_int_equal(oa_timeline_unwrap(&u, 0x00000032u), 66);
}


static void
passes_31_bits_when_the_source_does(void **state)
{
    oa_timeline_unwrap_t  u;

    (void) state;

    oa_timeline_unwrap_init(&u, 0x7ffffff0u);

    assert_int_equal(oa_timeline_unwrap(&u, 0x80000011u), 33);
}


static void
keeps_a_step_back(void **state)
{
    oa_timeline_unwrap_t  u;

    (void) state;

    oa_timeline_unwrap_init(&u, 100);

    assert_int_equal(oa_timeline_unwrap(&u, 40), -60);
    assert_int_equal(oa_timeline_unwrap(&u, 3600040), 3599940);
    assert_int_equal(oa_timeline_unwrap(&u, 140), 40);
}


static void
snaps_declared_rates(void **state)
{
    oa_timeline_rate_t  rate;

    (void) state;

    assert_true(oa_timeline_rate_snap(29.97, 1, &rate));
    assert_int_equal(rate.num, 30000);
    assert_int_equal(rate.den, 1001);

    assert_true(oa_timeline_rate_snap(59.94006, 1, &rate));
    assert_int_equal(rate.num, 60000);

    assert_true(oa_timeline_rate_snap(25, 1, &rate));
    assert_int_equal(rate.num, 25);
    assert_int_equal(rate.den, 1);

    assert_true(oa_timeline_rate_snap(17.5, 1, &rate));
    assert_int_equal(rate.num, 17500);
    assert_int_equal(rate.den, 1000);

    assert_false(oa_timeline_rate_snap(0, 1, &rate));
    assert_false(oa_timeline_rate_snap(1000, 1, &rate));
    assert_false(oa_timeline_rate_snap(30, 0, &rate));
}


static void
cadence_fill(oa_timeline_cadence_t *c, uint32_t num, uint32_t den,
    unsigned frames, unsigned missing)
{
    unsigned  i;

    memset(c, 0, sizeof(*c));

    for (i = 0; i < frames; i++) {
        if (missing == 0 || i % missing != missing - 1) {
            oa_timeline_cadence_add(c, (int64_t) i * 1000 * den / num);
        }
    }
}


static void
finds_the_rate_behind_rounded_milliseconds(void **state)
{
    static const oa_timeline_rate_t  rates[] = {
        { 15, 1 }, { 24, 1 }, { 24000, 1001 }, { 25, 1 }, { 30, 1 },
        { 30000, 1001 }, { 50, 1 }, { 60, 1 }, { 120, 1 }
    };

    bool                   constant;
    size_t                 i;
    oa_timeline_rate_t     rate, unknown = { 0, 0 };
    oa_timeline_cadence_t  c;

    (void) state;

    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        cadence_fill(&c, rates[i].num, rates[i].den, 400, 0);

        assert_true(oa_timeline_cadence_rate(&c, unknown, &rate, &constant));
        assert_true(constant);
        assert_int_equal(rate.num, rates[i].num);
        assert_int_equal(rate.den, rates[i].den);
    }
}


static void
believes_an_expected_rate_that_fits(void **state)
{
    bool                   constant;
    oa_timeline_rate_t     rate, ntsc = { 30000, 1001 }, pal = { 25, 1 };
    oa_timeline_cadence_t  c;

    (void) state;

    cadence_fill(&c, 30000, 1001, 10, 0);
    assert_true(oa_timeline_cadence_rate(&c, ntsc, &rate, &constant));
    assert_int_equal(rate.num, 30000);
    assert_true(constant);

    assert_true(oa_timeline_cadence_rate(&c, pal, &rate, &constant));
    assert_int_not_equal(rate.num, 25);
}


static void
keeps_the_rate_when_frames_are_missing(void **state)
{
    bool                   constant;
    oa_timeline_rate_t     rate, expected = { 30, 1 };
    oa_timeline_cadence_t  c;

    (void) state;

    cadence_fill(&c, 30, 1, 140, 20);

    assert_true(oa_timeline_cadence_rate(&c, expected, &rate, &constant));
    assert_true(constant);
    assert_int_equal(rate.num, 30);
    assert_int_equal(rate.den, 1);
}


static void
sees_a_variable_rate(void **state)
{
    bool                   constant;
    int64_t                ms;
    unsigned               i;
    oa_timeline_rate_t     rate, expected = { 30, 1 };
    oa_timeline_cadence_t  c;

    (void) state;

    memset(&c, 0, sizeof(c));

    for (ms = 0, i = 0; i < 100; i++) {
        oa_timeline_cadence_add(&c, ms);
        ms += 20 + (int64_t) (i * 7 % 31);
    }

    assert_true(oa_timeline_cadence_rate(&c, expected, &rate, &constant));
    assert_false(constant);

    memset(&c, 0, sizeof(c));
    assert_false(oa_timeline_cadence_rate(&c, expected, &rate, &constant));
    assert_int_equal(oa_timeline_cadence_milli(&c), 0);
}


/* --- the clock ------------------------------------------------------- */

static oa_timeline_clock_t
clock_at(uint32_t frame, bool constant)
{
    oa_timeline_clock_t  clock;

    memset(&clock, 0, sizeof(clock));
    clock.frame = frame;
    clock.band = frame / 2;
    clock.drift = SCALE / 250;
    clock.constant = constant;

    return clock;
}


typedef struct {
    uint32_t  filled;
    int64_t   end;
    unsigned  parts;
    int64_t   worst;           /* largest |presentation - source| */
} run_t;


/* Places one frame and checks what holds for every source. */
static void
run_frame(run_t *run, oa_timeline_clock_t *clock, int64_t time)
{
    int64_t              off;
    oa_timeline_place_t  place;

    place = oa_timeline_place(clock, time, run->filled, TARGET);

    assert_int_equal(place.decode_time, run->end);
    assert_true(place.duration > 0);

    run->end += place.duration;
    run->filled += place.duration;

    off = place.decode_time + place.shift - time;
    off = off < 0 ? -off : off;
    run->worst = off > run->worst ? off : run->worst;

    if (place.full) {
        assert_true(run->filled <= TARGET);
        assert_true(run->filled * 100 >= TARGET * 85);
        run->filled = 0;
        run->parts++;
    }
}


static void
constant_rate_fills_parts_by_count(void **state)
{
    int                  i;
    run_t                run = { 0 };
    oa_timeline_clock_t  clock;

    (void) state;

    clock = clock_at(12000, true);

    for (i = 0; i < 6000; i++) {
        run_frame(&run, &clock, (int64_t) (i * 1000 / 30) * 360);
        assert_int_equal(run.parts, (unsigned) (i + 1) / 6);
    }

    assert_int_equal(run.end, 6000 * 12000);
    assert_true(run.worst <= 360);
}


static void
dropped_frames_are_made_up_for(void **state)
{
    int                  i;
    run_t                run = { 0 };
    int64_t              last;
    oa_timeline_clock_t  clock;

    (void) state;

    clock = clock_at(12000, true);
    last = 0;

    for (i = 0; i < 3000; i++) {
        if (i % 50 == 7 || (i > 1000 && i < 1040)) {
            continue;
        }

        last = (int64_t) (i * 1000 / 30) * 360;
        run_frame(&run, &clock, last);
    }

    /* the decode clock has caught up, presentation was true all the time */
    assert_true(run.end >= last && run.end <= last + 2 * 12000);
    assert_true(run.worst <= 360);
}


static void
a_wrong_rate_still_keeps_parts_whole(void **state)
{
    int                  i;
    run_t                run = { 0 };
    int64_t              time;
    oa_timeline_clock_t  clock;

    (void) state;

    /* a part target made for 30 frames a second, and 29.97 arrive */
    clock = clock_at(12012, true);
    for (i = 0; i < 20000; i++) {
        run_frame(&run, &clock, (int64_t) i * 12012);
    }

    assert_true(run.end > 19998ll * 12012 && run.end < 20002ll * 12012);

    memset(&run, 0, sizeof(run));
    clock = clock_at(12000, false);
    time = 0;

    for (i = 0; i < 5000; i++) {
        time = (int64_t) i * 14400;
        run_frame(&run, &clock, time);
        assert_true(run.worst == 0);
    }

    assert_true(run.end > time - 2 * 14400 && run.end < time + 2 * 14400);
}


static void
variable_rate_keeps_presentation_true(void **state)
{
    int                  i;
    run_t                run = { 0 };
    int64_t              time;
    oa_timeline_clock_t  clock;

    (void) state;

    clock = clock_at(14400, false);
    srandom(7);

    for (time = 0, i = 0; i < 20000; i++) {
        run_frame(&run, &clock, time);
        time += (10 + random() % 60) * 360;
    }

    assert_int_equal(run.worst, 0);
    assert_true(run.end > time - SCALE / 4 && run.end < time + SCALE / 4);
}


static void
a_pause_is_caught_up_part_by_part(void **state)
{
    int                  i;
    run_t                run = { 0 };
    oa_timeline_clock_t  clock;

    (void) state;

    clock = clock_at(12000, true);

    for (i = 0; i < 60; i++) {
        run_frame(&run, &clock, (int64_t) i * 12000);
    }

    /* 1.5 s without a frame: full parts of one frame each, until level */
    for (i = 105; i < 165; i++) {
        run_frame(&run, &clock, (int64_t) i * 12000);
    }

    assert_int_equal(run.end, 165 * 12000);
    assert_int_equal(run.worst, 0);
}


static void
a_source_slower_than_the_part_target_overfills_no_part(void **state)
{
    int                  i;
    run_t                run = { 0 };
    oa_timeline_clock_t  clock;

    (void) state;

    clock = clock_at(12000, false);

    for (i = 0; i < 200; i++) {
        run_frame(&run, &clock, (int64_t) i * SCALE);
    }

    assert_int_equal(run.parts, 199);
    assert_int_equal(run.worst, 0);
}


static void
slow_drift_is_corrected(void **state)
{
    int                  i;
    run_t                run = { 0 };
    int64_t              time;
    oa_timeline_clock_t  clock;

    (void) state;

    clock = clock_at(12000, true);
    time = 0;

    /* 200 ppm fast, for ten minutes: 120 ms */
    for (i = 0; i < 18000; i++) {
        time = (int64_t) i * 12000 - (int64_t) i * 12000 / 5000;
        run_frame(&run, &clock, time);
    }

    assert_true(run.end - time < 3 * 12000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(unwraps_at_32_bits),
        cmocka_unit_test(unwraps_at_31_bits),
        cmocka_unit_test(passes_31_bits_when_the_source_does),
        cmocka_unit_test(keeps_a_step_back),
        cmocka_unit_test(snaps_declared_rates),
        cmocka_unit_test(finds_the_rate_behind_rounded_milliseconds),
        cmocka_unit_test(believes_an_expected_rate_that_fits),
        cmocka_unit_test(keeps_the_rate_when_frames_are_missing),
        cmocka_unit_test(sees_a_variable_rate),
        cmocka_unit_test(constant_rate_fills_parts_by_count),
        cmocka_unit_test(dropped_frames_are_made_up_for),
        cmocka_unit_test(a_wrong_rate_still_keeps_parts_whole),
        cmocka_unit_test(variable_rate_keeps_presentation_true),
        cmocka_unit_test(a_pause_is_caught_up_part_by_part),
        cmocka_unit_test(
            a_source_slower_than_the_part_target_overfills_no_part),
        cmocka_unit_test(slow_drift_is_corrected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
