
/* When rungs work: wanted, without slots, too slow, shed and back. */

#include "unit.h"

#include "ladder/oa_ladder_watch.h"


#define FRAME_MS  33


/* A publisher with rungs, and the machine it has slots of. */
typedef struct {
    oa_ladder_watch_t   watch;
    oa_ladder_facts_t   facts[OA_LADDER_RUNGS];
    oa_ladder_events_t  events;
    int64_t             now_ms;
    uint32_t            room;
    uint32_t            held;
    oa_err_t            refusal;
    unsigned            asked;
    bool                evicted;
    bool                drops[OA_LADDER_RUNGS];      /* more than it codes */
    bool                stuck[OA_LADDER_RUNGS];
    char                text[256];
} world_t;


static oa_err_t
hold(void *ctx, uint32_t slots)
{
    world_t  *world;

    world = ctx;
    world->asked++;

    if (slots > world->held && slots > world->room) {
        return world->refusal;
    }

    if (slots > world->held) {
        world->evicted = false;
    }

    world->held = slots;

    return OA_OK;
}


static oa_err_t
room(void *ctx, uint32_t slots)
{
    world_t  *world;

    world = ctx;
    world->asked++;

    return slots > world->room ? world->refusal : OA_OK;
}


/* modes: 'A' always, 'd' on demand; of 1000, 500, 250 … slots */
static world_t
new_world(const char *modes)
{
    world_t   world;
    uint32_t  slots;

    memset(&world, 0, sizeof(world));
    world.now_ms = 1000000;
    world.room = 10000;
    world.refusal = OA_EFULL;
    oa_ladder_watch_init(&world.watch, 30000, true);

    for (slots = 1000; *modes; modes++, slots /= 2) {
        oa_ladder_watch_add(&world.watch, *modes == 'A' ? OA_LADDER_ALWAYS
                                                        : OA_LADDER_ONDEMAND,
                            slots);
    }

    return world;
}


static bool
look(world_t *world)
{
    world->events.hold = hold;
    world->events.room = room;
    world->events.ctx = world;

    return oa_ladder_watch_look(&world->watch, world->facts, world->evicted,
                                world->now_ms, &world->events);
}


/* Lets frames come for so long; rungs that are on code them. */
static void
run(world_t *world, int64_t ms)
{
    unsigned  i;
    int64_t   end;

    for (end = world->now_ms + ms; world->now_ms < end; /* void */) {
        world->now_ms += FRAME_MS;

        for (i = 0; i < world->watch.nrungs; i++) {
            if (world->watch.rungs[i].state != OA_LADDER_ON
                || world->stuck[i])
            {
                continue;
            }

            if (!world->drops[i] || world->now_ms / FRAME_MS % 4 == 0) {
                world->facts[i].frames++;

            } else {
                world->facts[i].dropped++;
            }
        }

        (void) look(world);
    }
}


static void
want(world_t *world, unsigned rung)
{
    world->facts[rung].wanted_ms = world->now_ms;
}


/* "1" on, "z" asleep, "-" withdrawn, of each rung. */
static const char *
states(world_t *world)
{
    unsigned  i;

    for (i = 0; i < world->watch.nrungs; i++) {
        world->text[i] = "-z1"[world->watch.rungs[i].state];
    }

    world->text[i] = '\0';

    return world->text;
}


#define reason(world, i)                                                      \
    oa_ladder_reason_text((world)->watch.rungs[i].reason)


static void
always_and_on_demand(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("dAd");
    assert_string_equal(states(&world), "---");
    assert_true(look(&world));
    assert_string_equal(states(&world), "z1z");
    assert_string_equal(reason(&world, 1), "always on");
    assert_string_equal(reason(&world, 0), "nobody wants it");
    assert_int_equal(world.held, 500);
    assert_false(look(&world));

    run(&world, 100000);
    assert_string_equal(states(&world), "z1z");

    want(&world, 2);
    assert_true(look(&world));
    assert_string_equal(states(&world), "z11");
    assert_string_equal(reason(&world, 2), "wanted");
    assert_int_equal(world.held, 750);

    /* 30 seconds after the last want */
    run(&world, 20000);
    want(&world, 2);
    run(&world, 29900);
    assert_string_equal(states(&world), "z11");
    run(&world, 200);
    assert_string_equal(states(&world), "z1z");
    assert_string_equal(reason(&world, 2), "nobody wants it");
    assert_int_equal(world.held, 500);

    /* the old want does not wake it again */
    run(&world, 1000);
    assert_string_equal(states(&world), "z1z");
}


/* As after a publisher's return: the wants of before count while fresh. */
static void
wanted_before_it_is_looked_at(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("dd");
    world.facts[0].wanted_ms = world.now_ms - 29000;
    world.facts[1].wanted_ms = world.now_ms - 31000;
    look(&world);
    assert_string_equal(states(&world), "1z");

    /* it gets its time, though the want is old */
    run(&world, 5000);
    assert_string_equal(states(&world), "1z");
}


static void
slots_for_the_lightest_first(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AAdd");
    world.room = 1000;
    look(&world);
    assert_string_equal(states(&world), "-1zz");
    assert_string_equal(reason(&world, 0), "no slots are free");

    want(&world, 2);
    run(&world, 100);
    assert_string_equal(states(&world), "-11z");

    /* one that is listed cannot come, so it is withdrawn, and tries again */
    world.room = 800;
    want(&world, 3);
    run(&world, 100);
    assert_string_equal(states(&world), "-11-");
    assert_int_equal(world.held, 750);

    world.room = 10000;
    run(&world, 4700);
    assert_string_equal(states(&world), "-11-");
    run(&world, 5500);
    assert_string_equal(states(&world), "111z");
    assert_int_equal(world.held, 1750);
}


/* Not with every frame. */
static void
no_slots_are_asked_for_now_and_then(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("Ad");
    world.room = 0;
    world.refusal = OA_ELIMIT;
    look(&world);
    assert_string_equal(states(&world), "--");
    assert_string_equal(reason(&world, 0), "the tier has no slots");
    assert_string_equal(reason(&world, 1), "the tier has no slots");

    world.asked = 0;
    run(&world, 60000);
    assert_string_equal(states(&world), "--");
    assert_in_range(world.asked, 20, 24);
}


static void
evicted(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AdA");
    look(&world);
    assert_string_equal(states(&world), "1z1");

    world.evicted = true;
    world.held = 0;
    world.room = 0;
    assert_true(look(&world));
    assert_string_equal(states(&world), "---");
    assert_string_equal(reason(&world, 0), "a partner took the slots");
    assert_string_equal(reason(&world, 1), "a partner took the slots");
    assert_false(look(&world));

    run(&world, 20000);
    assert_string_equal(states(&world), "---");
    assert_string_equal(reason(&world, 0), "a partner took the slots");

    /* what is evicted is so until it holds some again */
    world.room = 300;
    run(&world, 5200);
    assert_string_equal(states(&world), "--1");
    world.room = 10000;
    run(&world, 5200);
    assert_string_equal(states(&world), "1z1");
    assert_int_equal(world.held, 1250);
}


static void
late_for_a_second(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AAA");
    look(&world);
    run(&world, 3000);

    /* now and then is nothing */
    world.facts[1].lateness_us = 900000;
    run(&world, 700);
    world.facts[1].lateness_us = 400000;
    run(&world, 700);
    world.facts[1].lateness_us = 900000;
    run(&world, 700);
    assert_string_equal(states(&world), "111");
    world.facts[1].lateness_us = 0;
    run(&world, 2000);
    assert_string_equal(states(&world), "111");

    world.facts[1].lateness_us = 500001;
    run(&world, 2200);
    assert_string_equal(states(&world), "1-1");
    assert_string_equal(reason(&world, 1), "too slow");
    assert_int_equal(world.held, 1250);
}


/* The heaviest of those that are late, then time to recover. */
static void
one_after_the_other(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AdAA");
    want(&world, 1);
    look(&world);
    run(&world, 3000);
    assert_string_equal(states(&world), "1111");

    world.facts[1].lateness_us = 600000;
    world.facts[2].lateness_us = 600000;
    world.facts[3].lateness_us = 600000;
    run(&world, 2200);
    assert_string_equal(states(&world), "1-11");
    run(&world, 700);
    assert_string_equal(states(&world), "1-11");
    run(&world, 2500);
    assert_string_equal(states(&world), "1--1");
    world.facts[3].lateness_us = 0;
    run(&world, 10000);
    assert_string_equal(states(&world), "1--1");
}


static void
back_after_the_pause(void **state)
{
    unsigned  i;
    world_t   world;

    static const int64_t  pauses[] = { 60000, 120000, 240000, 480000, 600000,
                                       600000 };

    (void) state;

    world = new_world("AdA");
    want(&world, 1);
    look(&world);
    run(&world, 1000);

    for (i = 0; i < 6; i++) {
        world.facts[0].lateness_us = 600000;
        run(&world, 3500);
        assert_int_equal(world.watch.rungs[0].state, OA_LADDER_WITHDRAWN);

        world.facts[0].lateness_us = 0;
        run(&world, pauses[i] - 3500);
        assert_int_equal(world.watch.rungs[0].state, OA_LADDER_WITHDRAWN);
        run(&world, 4000);
        assert_int_equal(world.watch.rungs[0].state, OA_LADDER_ON);
    }

    assert_int_equal(world.watch.rungs[0].sheds, 6);
    assert_int_equal(world.watch.rungs[2].sheds, 0);

    /* it went well for ten minutes */
    run(&world, 600000);
    world.facts[0].lateness_us = 600000;
    run(&world, 3500);
    assert_string_equal(states(&world), "-z1");
    world.facts[0].lateness_us = 0;
    run(&world, 60000);
    assert_string_equal(states(&world), "1z1");
}


/* On demand it comes back to sleep; who wanted it meanwhile has left. */
static void
shed_on_demand(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("d");
    want(&world, 0);
    look(&world);
    run(&world, 1000);
    world.facts[0].lateness_us = 600000;
    run(&world, 2500);
    assert_string_equal(states(&world), "-");

    run(&world, 30000);
    want(&world, 0);
    run(&world, 29500);
    assert_string_equal(states(&world), "1");
}


static void
drops_more_than_it_codes(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AA");
    look(&world);
    run(&world, 3000);

    world.drops[0] = true;
    run(&world, 1900);
    world.drops[0] = false;
    run(&world, 3000);
    assert_string_equal(states(&world), "11");

    world.drops[0] = true;
    run(&world, 4200);
    assert_string_equal(states(&world), "-1");
}


static void
codes_nothing(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AA");
    look(&world);
    run(&world, 3000);

    world.stuck[1] = true;
    run(&world, 4200);
    assert_string_equal(states(&world), "1-");
}


static void
nothing_is_shed(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AAA");
    world.watch.shed = false;
    look(&world);
    run(&world, 3000);

    world.stuck[0] = true;
    world.drops[1] = true;
    world.facts[2].lateness_us = 900000;
    run(&world, 30000);
    assert_string_equal(states(&world), "111");

    /* who has stopped by himself is withdrawn all the same */
    oa_ladder_watch_failed(&world.watch, 0, world.now_ms);
    run(&world, 1000);
    assert_string_equal(states(&world), "-11");
}


/* Unless that is seen to elsewhere; to drop more than it codes still counts. */
static void
codes_nothing_patiently(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AA");
    world.facts[0].patient = world.facts[1].patient = true;
    look(&world);
    run(&world, 3000);

    world.stuck[0] = true;
    world.drops[1] = true;
    run(&world, 9000);
    assert_string_equal(states(&world), "1-");

    world.stuck[0] = false;
    run(&world, 5000);
    assert_string_equal(states(&world), "1-");
    assert_int_equal(world.watch.rungs[0].sheds, 0);
}


/* Other codecs get their time, too. */
static void
begins_again(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AA");
    look(&world);
    run(&world, 3000);

    world.stuck[0] = true;
    run(&world, 2000);
    oa_ladder_watch_begins(&world.watch, 0, &world.facts[0], world.now_ms);
    oa_ladder_watch_begins(&world.watch, 2, &world.facts[0], world.now_ms);
    run(&world, 14000);
    assert_string_equal(states(&world), "11");
    run(&world, 1500);
    assert_string_equal(states(&world), "-1");
}


/* The first keyframe may be far away. */
static void
not_begun_yet(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("AA");
    world.stuck[0] = true;
    look(&world);
    run(&world, 14000);
    assert_string_equal(states(&world), "11");
    run(&world, 1500);
    assert_string_equal(states(&world), "-1");
}


/* A source that pauses makes nobody late. */
static void
the_source_pauses(void **state)
{
    unsigned  i;
    world_t   world;

    (void) state;

    world = new_world("AA");
    world.stuck[1] = true;
    look(&world);
    run(&world, 3000);

    for (i = 0; i < 20; i++) {
        world.now_ms += 5000;
        look(&world);
    }

    assert_string_equal(states(&world), "11");
    world.stuck[1] = false;
    run(&world, 5000);
    assert_string_equal(states(&world), "11");
}


static void
failed(void **state)
{
    world_t  world;

    (void) state;

    world = new_world("Ad");
    look(&world);
    run(&world, 1000);

    oa_ladder_watch_failed(&world.watch, 0, world.now_ms);
    oa_ladder_watch_failed(&world.watch, 7, world.now_ms);
    assert_string_equal(states(&world), "-z");
    assert_string_equal(reason(&world, 0), "failed");
    run(&world, 100);
    assert_int_equal(world.held, 0);

    run(&world, 59000);
    assert_string_equal(states(&world), "-z");
    run(&world, 2000);
    assert_string_equal(states(&world), "1z");

    oa_ladder_watch_failed(&world.watch, 0, world.now_ms);
    run(&world, 119000);
    assert_string_equal(states(&world), "-z");
    run(&world, 2000);
    assert_string_equal(states(&world), "1z");
}


static void
no_more_rungs_than_fit(void **state)
{
    unsigned           i;
    oa_ladder_watch_t  watch;

    (void) state;

    oa_ladder_watch_init(&watch, 1000, true);

    for (i = 0; i < OA_LADDER_RUNGS + 3; i++) {
        oa_ladder_watch_add(&watch, OA_LADDER_ALWAYS, 1);
    }

    assert_int_equal(watch.nrungs, OA_LADDER_RUNGS);
    assert_string_equal(oa_ladder_reason_text(OA_LADDER_NREASONS), "");
    assert_string_equal(oa_ladder_reason_text(OA_LADDER_NONE), "");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(always_and_on_demand),
        cmocka_unit_test(wanted_before_it_is_looked_at),
        cmocka_unit_test(slots_for_the_lightest_first),
        cmocka_unit_test(no_slots_are_asked_for_now_and_then),
        cmocka_unit_test(evicted),
        cmocka_unit_test(late_for_a_second),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(back_after_the_pause),
        cmocka_unit_test(shed_on_demand),
        cmocka_unit_test(drops_more_than_it_codes),
        cmocka_unit_test(codes_nothing),
        cmocka_unit_test(codes_nothing_patiently),
        cmocka_unit_test(begins_again),
        cmocka_unit_test(nothing_is_shed),
        cmocka_unit_test(not_begun_yet),
        cmocka_unit_test(the_source_pauses),
        cmocka_unit_test(failed),
        cmocka_unit_test(no_more_rungs_than_fit)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
