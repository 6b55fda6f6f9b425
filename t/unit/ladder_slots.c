
/*
 * Who holds slots: tiers, who gives way, the dead, other machines, and what
 * kills leave.
 */

#include "killed.h"

#include "ladder/oa_ladder_slots.h"


#define NOW   1000000
#define MOST  UINT64_MAX
#define SIZE  (128 + 40 * 64)


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

    return oa_ladder_slots_hold(slots, id, held, NOW, alive, &world);
}


static uint32_t
held(oa_ladder_slots_t *slots)
{
    oa_ladder_slots_usage_t  usage;

    oa_ladder_slots_usage(slots, NOW, &usage);

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
    assert_int_equal(oa_ladder_slots_room(slots, b, 1001, NOW), OA_EFULL);
    assert_int_equal(hold(slots, b, 1001), OA_EFULL);
    assert_int_equal(held(slots), 3000);
    assert_int_equal(oa_ladder_slots_room(slots, b, 1000, NOW), OA_OK);
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
    assert_int_equal(oa_ladder_slots_room(slots, a, 1, NOW), OA_EGONE);
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
    assert_int_equal(oa_ladder_slots_room(slots, b, 3000, NOW), OA_EFULL);
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
    assert_int_equal(oa_ladder_slots_room(slots, id, 1, NOW), OA_ELIMIT);
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
    assert_int_equal(oa_ladder_slots_room(slots, partner, 10000, NOW), OA_OK);
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

    assert_int_equal(oa_ladder_slots_hold(slots, dead, 6000, NOW, alive,
                                          &world), OA_OK);
    assert_int_equal(oa_ladder_slots_hold(slots, affiliate, 1500, NOW, alive,
                                          &world), OA_OK);

    /* nobody is asked while there is room */
    assert_int_equal(oa_ladder_slots_hold(slots, living, 2500, NOW, alive,
                                          &world), OA_OK);
    assert_int_equal(world.asked, 0);

    /* and before an affiliate has to give way */
    assert_int_equal(oa_ladder_slots_hold(slots, living, 3000, NOW, alive,
                                          &world), OA_OK);
    assert_int_equal(world.asked, 3);
    assert_false(oa_ladder_slots_evicted(slots, affiliate));
    assert_int_equal(held(slots), 4500);
    assert_int_equal(oa_ladder_slots_hold(slots, dead, 1, NOW, alive, &world),
                     OA_EGONE);

    /* the place is another's now, the old name is not */
    assert_int_equal(oa_ladder_slots_enter(slots, &two, OA_TIER_PARTNER,
                                           alive, &world, &dead), OA_OK);
    assert_int_equal(dead.index, 1);
    oa_ladder_slots_sweep(slots, alive, &world);
    assert_int_equal(oa_ladder_slots_room(slots, dead, 0, NOW), OA_EGONE);
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
    assert_int_equal(oa_ladder_slots_room(slots, last, 0, NOW), OA_EGONE);

    free(slots);
}


/* --- other machines ----------------------------------------------------- */


static const struct {
    const char         *what;
    uint32_t            capacity;
    uint32_t            partner;           /* holds here */
    oa_ladder_share_t   elsewhere;
    int64_t             left_ms;           /* of what is known of it */
    uint32_t            wanted;
    oa_err_t            affiliate_gets;
    oa_err_t            partner_gets;      /* on top, if it has none */
} machines[] = {
    { "nothing is known", 1000, 0, { 0, 0, 0, 0 }, 0, 799, OA_OK, OA_OK },
    { "nothing, and too much", 1000, 0, { 0, 0, 0, 0 }, 0, 800, OA_EFULL,
      OA_OK },
    { "all is free", 1000, 0, { 1, 1000, 0, 0 }, 1, 1000, OA_OK, OA_OK },
    { "but this is one machine", 1000, 0, { 1, 9000, 0, 0 }, 1, 1001,
      OA_EFULL, OA_EFULL },
    { "that partners have", 1000, 600, { 1, 9000, 0, 0 }, 1, 401,
      OA_EFULL, OA_OK },
    { "in part", 1000, 600, { 1, 9000, 0, 0 }, 1, 400, OA_OK, OA_OK },
    { "partners elsewhere", 1000, 0, { 1, 1000, 800, 0 }, 1, 799, OA_OK,
      OA_OK },
    { "just too many", 1000, 0, { 1, 1000, 801, 0 }, 1, 799, OA_EFULL,
      OA_OK },
    { "affiliates elsewhere", 1000, 0, { 1, 1000, 0, 900 }, 1, 699, OA_OK,
      OA_OK },
    { "just too many of them", 1000, 0, { 1, 1000, 0, 900 }, 1, 700,
      OA_EFULL, OA_OK },
    { "both", 1000, 0, { 1, 1000, 400, 500 }, 1, 700, OA_EFULL, OA_OK },
    { "full elsewhere", 1000, 0, { 1, 4000, 4000, 0 }, 1, 1, OA_EFULL,
      OA_OK },
    { "too full elsewhere", 1000, 0, { 1, 1000, 9000, 9000 }, 1, 1,
      OA_EFULL, OA_OK },
    { "its time is over", 1000, 0, { 1, 4000, 4000, 0 }, 0, 799, OA_OK,
      OA_OK },
    { "long ago", 1000, 0, { 1, 9000, 0, 0 }, -NOW, 800, OA_EFULL,
      OA_OK },
    { "a capacity beyond any", 1000, 0, { MOST, MOST, 0, 0 }, 1, 1000,
      OA_OK, OA_OK },
    { "numbers beyond any", 1000, 0, { MOST, MOST, MOST, MOST }, 1, 1,
      OA_EFULL, OA_OK },
    { "the largest of all", UINT32_MAX, 0, { 1, MOST, 0, 0 }, 1,
      UINT32_MAX, OA_OK, OA_OK },
    { "no machine but this", 0, 0, { 0, 0, 0, 0 }, 1, 1, OA_EFULL,
      OA_EFULL },
    { "none of its own", 0, 0, { 9, 9000, 0, 0 }, 1, 1, OA_EFULL,
      OA_EFULL }
};


/* Whether one who holds nothing here yet gets so much. */
static void
a_fifth_of_all(void **state)
{
    unsigned               i;
    oa_err_t               err;
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   partner, affiliate;

    (void) state;

    for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        slots = new_slots(machines[i].capacity);
        partner = enter(slots, OA_TIER_PARTNER);
        affiliate = enter(slots, OA_TIER_AFFILIATE);

        assert_int_equal(hold(slots, partner, machines[i].partner), OA_OK);
        oa_ladder_slots_elsewhere(slots, &machines[i].elsewhere,
                                  NOW + machines[i].left_ms);

        err = oa_ladder_slots_room(slots, affiliate, machines[i].wanted, NOW);

        if (err != machines[i].affiliate_gets
            || hold(slots, affiliate, machines[i].wanted) != err)
        {
            fail_msg("%s: an affiliate: %s", machines[i].what,
                     oa_strerror(err));
        }

        /* whatever is elsewhere */
        err = hold(slots, partner, machines[i].wanted);

        if (err != machines[i].partner_gets) {
            fail_msg("%s: a partner: %s", machines[i].what,
                     oa_strerror(err));
        }

        free(slots);
    }
}


static void
affiliates_keep_what_they_have(void **state)
{
    oa_ladder_share_t         others = { 1, 1000, 0, 0 };
    oa_ladder_slots_t        *slots;
    oa_ladder_slots_id_t      older, newer, partner;
    oa_ladder_slots_usage_t   usage;

    (void) state;

    slots = new_slots(1000);
    older = enter(slots, OA_TIER_AFFILIATE);
    newer = enter(slots, OA_TIER_AFFILIATE);
    partner = enter(slots, OA_TIER_PARTNER);

    oa_ladder_slots_elsewhere(slots, &others, NOW + 1);
    assert_int_equal(hold(slots, older, 500), OA_OK);
    assert_int_equal(hold(slots, newer, 500), OA_OK);

    /* partners come elsewhere */
    others.partners = 1000;
    oa_ladder_slots_elsewhere(slots, &others, NOW + 1);
    assert_false(oa_ladder_slots_evicted(slots, newer));
    assert_int_equal(hold(slots, newer, 500), OA_OK);
    assert_int_equal(hold(slots, newer, 400), OA_OK);
    assert_int_equal(hold(slots, newer, 401), OA_EFULL);

    oa_ladder_slots_usage(slots, NOW, &usage);
    assert_int_equal(usage.capacity, 1000);
    assert_int_equal(usage.held, 900);
    assert_int_equal(usage.affiliates, 900);
    assert_int_equal(usage.partners, 0);
    assert_true(usage.shared);
    assert_int_equal(usage.elsewhere.machines, 1);
    assert_int_equal(usage.elsewhere.capacity, 1000);
    assert_int_equal(usage.elsewhere.partners, 1000);
    assert_int_equal(usage.elsewhere.affiliates, 0);

    /* and then here */
    assert_int_equal(hold(slots, partner, 500), OA_OK);
    assert_true(oa_ladder_slots_evicted(slots, newer));
    assert_false(oa_ladder_slots_evicted(slots, older));

    oa_ladder_slots_usage(slots, NOW + 1, &usage);
    assert_int_equal(usage.held, 1000);
    assert_int_equal(usage.affiliates, 500);
    assert_int_equal(usage.partners, 500);
    assert_int_equal(usage.entries, 2);
    assert_false(usage.shared);
    assert_int_equal(usage.elsewhere.machines, 0);
    assert_int_equal(usage.elsewhere.partners, 0);

    free(slots);
}


static void
one_asks_for_them(void **state)
{
    world_t             world = { 0, 0 };
    oa_bus_process_t    reborn;
    oa_ladder_slots_t  *slots;

    (void) state;

    slots = new_slots(1000);

    assert_true(oa_ladder_slots_keep(slots, &one, alive, &world));
    assert_true(oa_ladder_slots_keep(slots, &one, alive, &world));
    assert_false(oa_ladder_slots_keep(slots, &two, alive, &world));

    reborn = one;
    reborn.start_time++;
    assert_false(oa_ladder_slots_keep(slots, &reborn, alive, &world));

    oa_ladder_slots_resign(slots, &two);
    assert_false(oa_ladder_slots_keep(slots, &two, alive, &world));
    oa_ladder_slots_resign(slots, &one);
    assert_true(oa_ladder_slots_keep(slots, &two, alive, &world));

    world.dead = two.pid;
    assert_true(oa_ladder_slots_keep(slots, &reborn, alive, &world));

    free(slots);
}


/* --- what kills leave -------------------------------------------------- */


static void
work(void *ctx, uint64_t seed)
{
    unsigned               i, n;
    world_t                world = { 0, 0 };
    oa_bus_process_t       self;
    oa_ladder_share_t      others;
    oa_ladder_slots_t     *slots;
    oa_ladder_slots_id_t   ids[16];

    slots = ctx;
    n = 0;
    self.pid = two.pid;
    self.start_time = seed;

    for ( ;; ) {
        i = unit_random(&seed) % 16;

        /* all alike, so that a half is seen */
        others.machines = unit_random(&seed) % 1000;
        others.capacity = others.machines;
        others.partners = others.machines;
        others.affiliates = others.machines;
        oa_ladder_slots_elsewhere(slots, &others, NOW + 1);

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
                                         unit_random(&seed) % 2000, NOW, alive,
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

        oa_ladder_slots_usage(slots, NOW, &usage);
        assert_in_range(usage.held, 0, 10000);
        assert_int_equal(usage.held, usage.partners + usage.affiliates);
        assert_int_equal(usage.elsewhere.machines,
                         usage.elsewhere.affiliates);
        assert_int_equal(usage.elsewhere.capacity, usage.elsewhere.partners);
        assert_int_equal(usage.elsewhere.machines, usage.elsewhere.capacity);

        /* all that it held is there for others */
        assert_int_equal(oa_ladder_slots_enter(slots, &one, OA_TIER_PARTNER,
                                               alive, &world, &id), OA_OK);
        assert_int_equal(oa_ladder_slots_hold(slots, id, 10000, NOW, alive,
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
        cmocka_unit_test(a_fifth_of_all),
        cmocka_unit_test(affiliates_keep_what_they_have),
        cmocka_unit_test(one_asks_for_them),
        cmocka_unit_test(killed_at_work)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
