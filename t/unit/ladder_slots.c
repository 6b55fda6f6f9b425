
/* Who holds slots: tiers, who gives way, the dead, and what kills leave. */

#include "killed.h"

#include "ladder/oa_ladder_slots.h"


#define SIZE  (64 + 40 * 64)


typedef struct {
    int32_t   dead;                  /* a pid; the others live */
    unsigned  asked;
} world_t;


static const oa_bus_process_t  one = { 101, 1000 };
static const oa_bus_process_t  two = { 102, 1000 };


static bool
alive(void *ctx, const oa_bus_process_t *process)
{
    world_t  *world;

    world = ctx;
    world->asked++;

    return world->dead != process->pid;
}


static oa_ladder_slots_t *
new_slots(uint32_t capacity)
{
    void               *mem;
    oa_ladder_slots_t  *slots;

    assert_int_equal(posix_memalign(&mem, 64, SIZE), 0);
    assert_int_equal(oa_ladder_slots_format(mem, SIZE), OA_OK);
    assert_int_equal(oa_ladder_slots_attach(mem, SIZE, &slots), OA_OK);
    oa_ladder_slots_capacity(slots, capacity);

    return slots;
}


static oa_ladder_slots_id_t
enter(oa_ladder_slots_t *slots, oa_tier_t tier)
{
    world_t               world = { 0, 0 };
    oa_ladder_slots_id_t  id;

    assert_int_equal(oa_ladder_slots_enter(slots, &one, tier, alive, &world,
                                           &id), OA_OK);

    return id;
}


static oa_err_t
hold(oa_ladder_slots_t *slots, oa_ladder_slots_id_t id, uint32_t held)
{
    world_t  world = { 0, 0 };

    return oa_ladder_slots_hold(slots, id, held, alive, &world);
}


static uint32_t
held(oa_ladder_slots_t *slots)
{
    oa_ladder_slots_usage_t  usage;

    oa_ladder_slots_usage(slots, &usage);

    return usage.held;
}


static void
format_and_attach(void **state)
{
    void               *mem;
    uint8_t            *bytes;
    oa_ladder_slots_t  *slots;

    (void) state;

    assert_int_equal(posix_memalign(&mem, 64, 2 * SIZE), 0);
    bytes = mem;
    memset(mem, 0, 2 * SIZE);

    assert_int_equal(oa_ladder_slots_attach(mem, SIZE, &slots), OA_EVERSION);
    assert_int_equal(oa_ladder_slots_format(bytes + 8, SIZE), OA_EINVAL);
    assert_int_equal(oa_ladder_slots_format(mem, 64), OA_EINVAL);
    assert_int_equal(oa_ladder_slots_format(mem, SIZE), OA_OK);
    assert_int_equal(oa_ladder_slots_attach(mem, SIZE, &slots), OA_OK);
    assert_int_equal(oa_ladder_slots_attach(mem, SIZE + 40, &slots),
                     OA_EVERSION);
    assert_int_equal(oa_ladder_slots_attach(bytes + 8, SIZE, &slots),
                     OA_EVERSION);

    bytes[4]++;
    assert_int_equal(oa_ladder_slots_attach(mem, SIZE, &slots), OA_EVERSION);

    free(mem);
}


static void
partners_up_to_the_capacity(void **state)
{
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   a, b;

    (void) state;

    slots = new_slots(4000);
    a = enter(slots, OA_TIER_PARTNER);
    b = enter(slots, OA_TIER_PARTNER);

    assert_int_equal(hold(slots, a, 3000), OA_OK);
    assert_int_equal(oa_ladder_slots_room(slots, b, 1001), OA_EFULL);
    assert_int_equal(hold(slots, b, 1001), OA_EFULL);
    assert_int_equal(held(slots), 3000);
    assert_int_equal(oa_ladder_slots_room(slots, b, 1000), OA_OK);
    assert_int_equal(hold(slots, b, 1000), OA_OK);
    assert_int_equal(held(slots), 4000);

    /* what grows keeps what it has where there is no room */
    assert_int_equal(hold(slots, a, 3001), OA_EFULL);
    assert_int_equal(held(slots), 4000);

    assert_int_equal(hold(slots, b, 0), OA_OK);
    assert_int_equal(hold(slots, a, 4000), OA_OK);
    assert_false(oa_ladder_slots_evicted(slots, b));

    oa_ladder_slots_leave(slots, a);
    assert_int_equal(held(slots), 0);
    assert_int_equal(hold(slots, a, 1), OA_EGONE);
    assert_int_equal(oa_ladder_slots_room(slots, a, 1), OA_EGONE);
    assert_false(oa_ladder_slots_evicted(slots, a));
    oa_ladder_slots_leave(slots, a);

    free(slots);
}


static void
affiliates_leave_a_fifth(void **state)
{
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   a, b;

    (void) state;

    slots = new_slots(10000);
    a = enter(slots, OA_TIER_AFFILIATE);
    b = enter(slots, OA_TIER_AFFILIATE);

    assert_int_equal(hold(slots, a, 5000), OA_OK);
    assert_int_equal(hold(slots, b, 3000), OA_EFULL);
    assert_int_equal(oa_ladder_slots_room(slots, b, 3000), OA_EFULL);
    assert_int_equal(hold(slots, b, 2999), OA_OK);
    assert_int_equal(hold(slots, b, 3000), OA_EFULL);
    assert_int_equal(held(slots), 7999);

    /* less is always had */
    oa_ladder_slots_capacity(slots, 100);
    assert_int_equal(hold(slots, a, 4000), OA_OK);
    assert_int_equal(hold(slots, b, 3000), OA_EFULL);
    assert_int_equal(held(slots), 6999);

    free(slots);
}


static void
viewers_get_none(void **state)
{
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   id;

    (void) state;

    slots = new_slots(10000);
    id = enter(slots, OA_TIER_VIEWER);

    assert_int_equal(hold(slots, id, 1), OA_ELIMIT);
    assert_int_equal(oa_ladder_slots_room(slots, id, 1), OA_ELIMIT);
    assert_int_equal(hold(slots, id, 0), OA_OK);
    assert_int_equal(held(slots), 0);

    free(slots);
}


static void
a_partner_takes_from_the_newest_affiliates(void **state)
{
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   oldest, middle, newest, idle, partner, other;

    (void) state;

    slots = new_slots(10000);
    oldest = enter(slots, OA_TIER_AFFILIATE);
    middle = enter(slots, OA_TIER_AFFILIATE);
    newest = enter(slots, OA_TIER_AFFILIATE);
    idle = enter(slots, OA_TIER_AFFILIATE);
    partner = enter(slots, OA_TIER_PARTNER);
    other = enter(slots, OA_TIER_PARTNER);

    assert_int_equal(hold(slots, newest, 2000), OA_OK);
    assert_int_equal(hold(slots, oldest, 3000), OA_OK);
    assert_int_equal(hold(slots, middle, 2500), OA_OK);

    /* looking takes nothing */
    assert_int_equal(oa_ladder_slots_room(slots, partner, 10000), OA_OK);
    assert_int_equal(held(slots), 7500);

    /* there is room */
    assert_int_equal(hold(slots, partner, 2500), OA_OK);
    assert_int_equal(held(slots), 10000);

    /* one gives way, all that it has, though less is needed */
    assert_int_equal(hold(slots, partner, 3000), OA_OK);
    assert_true(oa_ladder_slots_evicted(slots, newest));
    assert_false(oa_ladder_slots_evicted(slots, middle));
    assert_false(oa_ladder_slots_evicted(slots, idle));
    assert_int_equal(held(slots), 8500);
    assert_int_equal(hold(slots, newest, 2000), OA_EFULL);
    assert_true(oa_ladder_slots_evicted(slots, newest));

    /* two, and not of the partners */
    assert_int_equal(hold(slots, other, 7001), OA_EFULL);
    assert_false(oa_ladder_slots_evicted(slots, middle));
    assert_int_equal(hold(slots, other, 7000), OA_OK);
    assert_true(oa_ladder_slots_evicted(slots, middle));
    assert_true(oa_ladder_slots_evicted(slots, oldest));
    assert_false(oa_ladder_slots_evicted(slots, idle));
    assert_false(oa_ladder_slots_evicted(slots, partner));
    assert_int_equal(held(slots), 10000);

    /* who comes back is evicted no more */
    oa_ladder_slots_leave(slots, other);
    assert_int_equal(hold(slots, newest, 0), OA_OK);
    assert_true(oa_ladder_slots_evicted(slots, newest));
    assert_int_equal(hold(slots, newest, 2000), OA_OK);
    assert_false(oa_ladder_slots_evicted(slots, newest));

    free(slots);
}


static void
the_dead_hold_nothing(void **state)
{
    world_t                world = { 102, 0 };
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   living, dead, affiliate;

    (void) state;

    slots = new_slots(10000);
    living = enter(slots, OA_TIER_PARTNER);
    assert_int_equal(oa_ladder_slots_enter(slots, &two, OA_TIER_PARTNER,
                                           alive, &world, &dead), OA_OK);
    affiliate = enter(slots, OA_TIER_AFFILIATE);

    assert_int_equal(oa_ladder_slots_hold(slots, dead, 6000, alive, &world),
                     OA_OK);
    assert_int_equal(oa_ladder_slots_hold(slots, affiliate, 1500, alive,
                                          &world), OA_OK);

    /* nobody is asked while there is room */
    assert_int_equal(oa_ladder_slots_hold(slots, living, 2500, alive, &world),
                     OA_OK);
    assert_int_equal(world.asked, 0);

    /* and before an affiliate has to give way */
    assert_int_equal(oa_ladder_slots_hold(slots, living, 3000, alive, &world),
                     OA_OK);
    assert_int_equal(world.asked, 3);
    assert_false(oa_ladder_slots_evicted(slots, affiliate));
    assert_int_equal(held(slots), 4500);
    assert_int_equal(oa_ladder_slots_hold(slots, dead, 1, alive, &world),
                     OA_EGONE);

    /* the place is another's now, the old name is not */
    assert_int_equal(oa_ladder_slots_enter(slots, &two, OA_TIER_PARTNER,
                                           alive, &world, &dead), OA_OK);
    assert_int_equal(dead.index, 1);
    oa_ladder_slots_sweep(slots, alive, &world);
    assert_int_equal(oa_ladder_slots_room(slots, dead, 0), OA_EGONE);
    assert_int_equal(held(slots), 4500);

    free(slots);
}


static void
no_place_left(void **state)
{
    unsigned               i;
    world_t                world = { 0, 0 };
    oa_err_t               err;
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   id, last;

    (void) state;

    slots = new_slots(10000);
    memset(&last, 0, sizeof(last));

    for (i = 0; i < 1000; i++) {
        err = oa_ladder_slots_enter(slots, i % 2 ? &one : &two,
                                    OA_TIER_PARTNER, alive, &world, &id);
        if (err != OA_OK) {
            break;
        }

        last = id;
    }

    assert_int_equal(err, OA_EFULL);
    assert_in_range(i, 60, 64);

    world.dead = two.pid;
    assert_int_equal(oa_ladder_slots_enter(slots, &one, OA_TIER_PARTNER,
                                           alive, &world, &id), OA_OK);
    assert_int_equal(id.index, 0);

    last.index = UINT32_MAX;
    assert_int_equal(oa_ladder_slots_room(slots, last, 0), OA_EGONE);

    free(slots);
}


/* --- what kills leave -------------------------------------------------- */


static void
work(void *ctx, uint64_t seed)
{
    unsigned               i, n;
    world_t                world = { 0, 0 };
    oa_bus_process_t       self;
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   ids[16];

    slots = ctx;
    n = 0;
    self.pid = two.pid;
    self.start_time = seed;

    for ( ;; ) {
        i = unit_random(&seed) % 16;

        if (n < 16) {
            if (oa_ladder_slots_enter(slots, &self,
                                      (oa_tier_t) (unit_random(&seed) % 3),
                                      alive, &world, &ids[n]) == OA_OK)
            {
                n++;
            }

        } else if (unit_random(&seed) % 8 == 0) {
            oa_ladder_slots_leave(slots, ids[i]);
            ids[i] = ids[--n];

        } else {
            (void) !oa_ladder_slots_hold(slots, ids[i],
                                         unit_random(&seed) % 2000, alive,
                                         &world);
        }
    }
}


static void
killed_at_work(void **state)
{
    void                     *mem;
    unsigned                  i;
    world_t                   world = { 102, 0 };
    uint64_t                  seed;
    oa_ladder_slots_t        *slots;
    oa_ladder_slots_id_t      id;
    oa_ladder_slots_usage_t   usage;

    (void) state;

    mem = shared_memory(SIZE);
    assert_int_equal(oa_ladder_slots_format(mem, SIZE), OA_OK);
    assert_int_equal(oa_ladder_slots_attach(mem, SIZE, &slots), OA_OK);
    oa_ladder_slots_capacity(slots, 10000);
    seed = 20261128;

    for (i = 0; i < 200; i++) {
        kill_at_work(work, slots, &seed);

        oa_ladder_slots_usage(slots, &usage);
        assert_in_range(usage.held, 0, 10000);

        /* all that it held is there for others */
        assert_int_equal(oa_ladder_slots_enter(slots, &one, OA_TIER_PARTNER,
                                               alive, &world, &id), OA_OK);
        assert_int_equal(oa_ladder_slots_hold(slots, id, 10000, alive,
                                              &world), OA_OK);
        oa_ladder_slots_leave(slots, id);
        oa_ladder_slots_sweep(slots, alive, &world);
        assert_int_equal(held(slots), 0);
    }

    munmap(mem, SIZE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(format_and_attach),
        cmocka_unit_test(partners_up_to_the_capacity),
        cmocka_unit_test(affiliates_leave_a_fifth),
        cmocka_unit_test(viewers_get_none),
        cmocka_unit_test(a_partner_takes_from_the_newest_affiliates),
        cmocka_unit_test(the_dead_hold_nothing),
        cmocka_unit_test(no_place_left),
        cmocka_unit_test(killed_at_work)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
