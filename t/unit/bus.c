
/* The worker bus: slots, interest, coalescing, processes that die. */

#include "processes.h"
#include "unit.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bus/oa_bus.h"


#define LONG_MS  60000               /* for what should take no time */


typedef struct {
    unsigned  n;
    unsigned  seen[OA_BUS_TOPICS];
} seen_t;


static void *
shared(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
             -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);

    return p;
}


static oa_bus_t *
new_bus(void)
{
    return oa_bus_format(shared(oa_bus_size()));
}


static void
drop_bus(oa_bus_t *bus)
{
    munmap(bus, oa_bus_size());
}


static bool
all_alive(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;
    (void) process;

    return true;
}


static bool
nobody_alive(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;
    (void) process;

    return false;
}


/* ctx: the one process that is dead. */
static bool
alive_but(void *ctx, const oa_bus_process_t *process)
{
    const oa_bus_process_t  *dead;

    dead = ctx;

    return process->pid != dead->pid
           || process->start_time != dead->start_time;
}


static bool
really_alive(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;

    return kill(process->pid, 0) == 0;
}


static unsigned
claim(oa_bus_t *bus, int32_t pid)
{
    unsigned          slot;
    oa_bus_process_t  self;

    self.pid = pid;
    self.start_time = 1000;
    assert_int_equal(oa_bus_claim(bus, &self, all_alive, NULL, &slot), OA_OK);

    return slot;
}


static void
count_wake(void *ctx, unsigned slot)
{
    unsigned  *wakes;

    wakes = ctx;
    wakes[slot]++;
}


static void
note_topic(void *ctx, unsigned topic)
{
    seen_t  *seen;

    seen = ctx;
    seen->seen[seen->n++] = topic;
}


static void
test_attach(void **state)
{
    void      *mem;
    oa_bus_t  *bus, *other;

    (void) state;

    mem = shared(oa_bus_size());
    assert_int_equal(oa_bus_attach(mem, &bus), OA_EVERSION);

    bus = oa_bus_format(mem);
    assert_int_equal(oa_bus_attach(mem, &other), OA_OK);
    assert_ptr_equal(bus, other);

    drop_bus(bus);
}


static void
test_slots(void **state)
{
    unsigned          i, slot, taken[OA_BUS_SLOTS];
    oa_bus_t         *bus;
    oa_bus_process_t  process;

    (void) state;

    bus = new_bus();
    memset(taken, 0, sizeof(taken));

    for (i = 0; i < OA_BUS_SLOTS; i++) {
        slot = claim(bus, (int32_t) (100 + i));
        assert_in_range(slot, 0, OA_BUS_SLOTS - 1);
        assert_int_equal(taken[slot]++, 0);

        assert_true(oa_bus_holder(bus, slot, &process));
        assert_int_equal(process.pid, 100 + i);
        assert_int_equal(process.start_time, 1000);
    }

    process.pid = 9;
    process.start_time = UINT64_MAX;
    assert_int_equal(oa_bus_claim(bus, &process, all_alive, NULL, &slot),
                     OA_EFULL);

    oa_bus_release(bus, 77);
    assert_false(oa_bus_holder(bus, 77, &process));

    process.pid = 9;
    process.start_time = UINT64_MAX;
    assert_int_equal(oa_bus_claim(bus, &process, all_alive, NULL, &slot),
                     OA_OK);
    assert_int_equal(slot, 77);
    assert_true(oa_bus_holder(bus, 77, &process));
    assert_true(process.start_time == UINT64_MAX);

    drop_bus(bus);
}


static void
test_dead_slot_is_cleaned(void **state)
{
    seen_t            seen;
    unsigned          slot, again, other, wakes[OA_BUS_SLOTS];
    oa_bus_t         *bus;
    oa_bus_process_t  dead, next;

    (void) state;

    bus = new_bus();
    memset(wakes, 0, sizeof(wakes));
    memset(&seen, 0, sizeof(seen));

    other = claim(bus, 1);
    slot = claim(bus, 2);

    oa_bus_watch(bus, slot, 0);
    oa_bus_watch(bus, slot, 4095);
    oa_bus_watch(bus, other, 4095);
    oa_bus_counter_set(bus, slot, 3, 40);
    oa_bus_counter_set(bus, other, 3, 2);
    assert_int_equal(oa_bus_publish(bus, 4095, count_wake, wakes), 2);
    assert_int_equal(oa_bus_counter_sum(bus, 3), 42);

    /* the same pid, started at another time */
    dead.pid = 2;
    dead.start_time = 1000;
    next.pid = 2;
    next.start_time = 2000;
    assert_int_equal(oa_bus_claim(bus, &next, alive_but, &dead, &again),
                     OA_OK);
    assert_int_equal(again, slot);
    assert_int_equal(oa_bus_counter_sum(bus, 3), 2);

    oa_bus_drain(bus, slot, note_topic, &seen);
    assert_int_equal(seen.n, 0);

    assert_int_equal(oa_bus_publish(bus, 0, count_wake, wakes), 0);
    assert_int_equal(oa_bus_publish(bus, 4095, count_wake, wakes), 0);

    /* what woke the dead one does not keep its successor from waking */
    oa_bus_watch(bus, slot, 5);
    assert_int_equal(oa_bus_publish(bus, 5, count_wake, wakes), 1);

    drop_bus(bus);
}


static void
test_release_cleans(void **state)
{
    unsigned   slot, wakes[OA_BUS_SLOTS];
    oa_bus_t  *bus;

    (void) state;

    bus = new_bus();
    slot = claim(bus, 1);
    oa_bus_watch(bus, slot, 17);
    oa_bus_counter_set(bus, slot, 0, 5);
    assert_int_equal(oa_bus_counter_sum(bus, 0), 5);

    oa_bus_release(bus, slot);
    assert_int_equal(oa_bus_counter_sum(bus, 0), 0);
    assert_int_equal(oa_bus_publish(bus, 17, count_wake, wakes), 0);

    drop_bus(bus);
}


static void
test_coalescing(void **state)
{
    seen_t     seen;
    unsigned   a, b, wakes[OA_BUS_SLOTS];
    oa_bus_t  *bus;

    (void) state;

    bus = new_bus();
    memset(wakes, 0, sizeof(wakes));
    memset(&seen, 0, sizeof(seen));

    a = claim(bus, 1);
    b = claim(bus, 2);

    oa_bus_watch(bus, a, 3);
    oa_bus_watch(bus, a, 64);
    oa_bus_watch(bus, a, 4000);
    oa_bus_watch(bus, b, 64);

    assert_int_equal(oa_bus_publish(bus, 4000, count_wake, wakes), 1);
    assert_int_equal(oa_bus_publish(bus, 3, count_wake, wakes), 0);
    assert_int_equal(oa_bus_publish(bus, 64, count_wake, wakes), 1);
    assert_int_equal(oa_bus_publish(bus, 64, count_wake, wakes), 0);
    assert_int_equal(oa_bus_publish(bus, 65, count_wake, wakes), 0);
    assert_int_equal(wakes[a], 1);
    assert_int_equal(wakes[b], 1);

    oa_bus_drain(bus, a, note_topic, &seen);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.seen[0], 3);
    assert_int_equal(seen.seen[1], 64);
    assert_int_equal(seen.seen[2], 4000);

    oa_bus_drain(bus, a, note_topic, &seen);
    assert_int_equal(seen.n, 3);

    oa_bus_unwatch(bus, a, 64);
    assert_int_equal(oa_bus_publish(bus, 64, count_wake, wakes), 0);
    assert_int_equal(oa_bus_publish(bus, 3, count_wake, wakes), 1);
    assert_int_equal(wakes[a], 2);

    drop_bus(bus);
}


typedef struct {
    oa_bus_t  *bus;
    unsigned   wakes[OA_BUS_SLOTS];
    unsigned   seen;
} republish_t;


static void
republish(void *ctx, unsigned topic)
{
    republish_t  *r;

    r = ctx;

    if (r->seen++ == 0) {
        assert_int_equal(oa_bus_publish(r->bus, topic, count_wake, r->wakes),
                         1);
    }
}


static void
test_publish_while_draining_wakes_anew(void **state)
{
    unsigned     slot;
    republish_t  r;

    (void) state;

    memset(&r, 0, sizeof(r));
    r.bus = new_bus();
    slot = claim(r.bus, 1);

    oa_bus_watch(r.bus, slot, 9);
    oa_bus_publish(r.bus, 9, count_wake, r.wakes);

    oa_bus_drain(r.bus, slot, republish, &r);
    assert_int_equal(r.seen, 1);
    assert_int_equal(r.wakes[slot], 2);

    oa_bus_drain(r.bus, slot, republish, &r);
    assert_int_equal(r.seen, 2);

    drop_bus(r.bus);
}


static void
wake_and_die(void *ctx, unsigned slot)
{
    (void) ctx;
    (void) slot;

    kill(getpid(), SIGKILL);
}


static void
test_publisher_killed_before_its_wake_up(void **state)
{
    int        status;
    pid_t      pid;
    unsigned   slot, wakes[OA_BUS_SLOTS];
    oa_bus_t  *bus;

    (void) state;

    bus = new_bus();
    memset(wakes, 0, sizeof(wakes));
    slot = claim(bus, 1);
    oa_bus_watch(bus, slot, 1);

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        oa_bus_publish(bus, 1, wake_and_die, NULL);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    assert_int_equal(oa_bus_publish(bus, 1, count_wake, wakes), 1);
    assert_int_equal(wakes[slot], 1);
    assert_int_equal(oa_bus_publish(bus, 1, count_wake, wakes), 0);

    drop_bus(bus);
}


typedef struct {
    oa_bus_t         *bus;
    atomic_uint       ready;
    atomic_uint       taken[OA_BUS_SLOTS];
} race_t;


static void
race(void *ctx, unsigned i)
{
    race_t            *r;
    unsigned           n, slot;
    oa_bus_process_t   self;

    r = ctx;
    self.pid = getpid();
    self.start_time = i;

    atomic_fetch_add(&r->ready, 1);
    while (atomic_load(&r->ready) < 4) {
        sched_yield();
    }

    for (n = 0; n < OA_BUS_SLOTS / 4; n++) {
        if (oa_bus_claim(r->bus, &self, really_alive, NULL, &slot) != OA_OK) {
            _exit(1);
        }

        atomic_fetch_add(&r->taken[slot], 1);
    }

    /* the others must find it alive to the end */
    atomic_fetch_add(&r->ready, 1);
    while (atomic_load(&r->ready) < 8) {
        sched_yield();
    }
}


static void
test_dead_slots_are_reclaimed_once(void **state)
{
    race_t           *r;
    unsigned          i, round, slot;
    oa_bus_process_t  dead;

    (void) state;

    r = shared(sizeof(*r));
    r->bus = new_bus();
    dead.pid = INT32_MAX;

    for (round = 0; round < 10; round++) {
        for (i = 0; i < OA_BUS_SLOTS; i++) {
            dead.start_time = i;
            assert_int_equal(oa_bus_claim(r->bus, &dead, all_alive, NULL,
                                          &slot),
                             OA_OK);
            atomic_store(&r->taken[i], 0);
        }

        atomic_store(&r->ready, 0);
        in_processes(4, race, r);

        for (i = 0; i < OA_BUS_SLOTS; i++) {
            assert_int_equal(atomic_load(&r->taken[i]), 1);
            oa_bus_release(r->bus, i);
        }
    }

    drop_bus(r->bus);
    munmap(r, sizeof(*r));
}


/* Claims a few slots and gives them back, for ever. */
static void
claim_and_release(oa_bus_t *bus)
{
    unsigned          i, slots[4];
    oa_bus_process_t  self;

    self.pid = getpid();

    for (self.start_time = 1; ; self.start_time++) {
        for (i = 0; i < 4; i++) {
            if (oa_bus_claim(bus, &self, really_alive, NULL, &slots[i])
                != OA_OK)
            {
                _exit(1);
            }
        }

        for (i = 0; i < 4; i++) {
            oa_bus_release(bus, slots[i]);
        }
    }
}


static void
test_claimers_killed_half_way(void **state)
{
    int               status;
    pid_t             pids[2];
    unsigned          i, n, slot;
    oa_bus_t         *bus;
    struct timespec   pause;
    oa_bus_process_t  self;

    (void) state;

    bus = new_bus();
    pause.tv_sec = 0;

    for (i = 0; i < 200; i++) {
        for (n = 0; n < 2; n++) {
            pids[n] = fork();
            assert_true(pids[n] >= 0);

            if (pids[n] == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                claim_and_release(bus);
            }
        }

        for (n = 0; n < 2; n++) {
            pause.tv_nsec = (long) ((i * 2 + n) * 7919 % 900) * 1000;
            nanosleep(&pause, NULL);
            kill(pids[n], SIGKILL);
            assert_int_equal(waitpid(pids[n], &status, 0), pids[n]);
            assert_true(WIFSIGNALED(status));
        }
    }

    /* all of them can be had */
    self.pid = getpid();
    self.start_time = 1;

    for (i = 0; i < OA_BUS_SLOTS; i++) {
        assert_int_equal(oa_bus_claim(bus, &self, really_alive, NULL, &slot),
                         OA_OK);
    }

    assert_int_equal(oa_bus_claim(bus, &self, nobody_alive, NULL, &slot),
                     OA_OK);

    drop_bus(bus);
}


/* --- no wake-up is lost ---------------------------------------------- */


#define PUBLISHERS  3
#define WAITERS     2
#define TOPICS      8                /* of a publisher */
#define ROUNDS      1500


typedef struct {
    oa_bus_t      *bus;
    int            fds[OA_BUS_SLOTS];
    atomic_uint    started;
    atomic_uint    done;
    atomic_uint    value[PUBLISHERS * TOPICS];
    atomic_uint    seen[WAITERS][PUBLISHERS * TOPICS];
    atomic_uint    wakes;
    atomic_uint    publications;
} stress_t;


static void
stress_wake(void *ctx, unsigned slot)
{
    uint64_t   one;
    stress_t  *s;

    s = ctx;
    one = 1;
    atomic_fetch_add(&s->wakes, 1);

    if (write(s->fds[slot], &one, sizeof(one)) != sizeof(one)) {
        _exit(2);
    }
}


static int64_t
now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
stress_await(stress_t *s, unsigned topic, unsigned value)
{
    int64_t   deadline;
    unsigned  w;

    deadline = now_ms() + LONG_MS;

    for (w = 0; w < WAITERS; w++) {
        while (atomic_load(&s->seen[w][topic]) < value) {
            if (now_ms() > deadline) {
                _exit(3);
            }

            sched_yield();
        }
    }
}


static void
stress_publish(stress_t *s, unsigned publisher)
{
    unsigned  round, i, n, topic, seed;

    seed = publisher + 1;

    for (round = 1; round <= ROUNDS; round++) {
        n = 1 + (unsigned) rand_r(&seed) % TOPICS;

        for (i = 0; i < n; i++) {
            topic = publisher * TOPICS + i;
            atomic_store_explicit(&s->value[topic], round,
                                  memory_order_release);
            oa_bus_publish(s->bus, topic, stress_wake, s);
            atomic_fetch_add(&s->publications, 1);
        }

        for (i = 0; i < n; i++) {
            stress_await(s, publisher * TOPICS + i, round);
        }
    }

    atomic_fetch_add(&s->done, 1);
}


typedef struct {
    stress_t  *s;
    unsigned   waiter;
    unsigned   slot;
} waiter_t;


/* Watches again, then looks, as the contract says. */
static void
stress_look(void *ctx, unsigned topic)
{
    unsigned   value;
    waiter_t  *w;

    w = ctx;

    oa_bus_watch(w->s->bus, w->slot, topic);
    value = atomic_load_explicit(&w->s->value[topic], memory_order_acquire);

    if (value != atomic_load(&w->s->seen[w->waiter][topic])) {
        /* nothing to wait for here, for a moment */
        if (value % 3 == 0) {
            oa_bus_unwatch(w->s->bus, w->slot, topic);
        }

        atomic_store(&w->s->seen[w->waiter][topic], value);

        if (value % 3 == 0) {
            stress_look(ctx, topic);
        }
    }
}


static void
stress_wait(stress_t *s, unsigned waiter)
{
    uint64_t          n;
    waiter_t          w;
    unsigned          i;
    struct pollfd     p;
    oa_bus_process_t  self;

    w.s = s;
    w.waiter = waiter;
    self.pid = getpid();
    self.start_time = 1;

    if (oa_bus_claim(s->bus, &self, all_alive, NULL, &w.slot) != OA_OK) {
        _exit(4);
    }

    for (i = 0; i < PUBLISHERS * TOPICS; i++) {
        stress_look(&w, i);
    }

    atomic_fetch_add(&s->started, 1);
    p.fd = s->fds[w.slot];
    p.events = POLLIN;

    while (atomic_load(&s->done) < PUBLISHERS) {
        /* the last publisher to finish has no more to say */
        if (poll(&p, 1, 100) == 0) {
            continue;
        }

        if (read(p.fd, &n, sizeof(n)) != sizeof(n)) {
            _exit(5);
        }

        oa_bus_drain(s->bus, w.slot, stress_look, &w);
    }
}


static void
stress(void *ctx, unsigned i)
{
    stress_t  *s;

    s = ctx;

    if (i < WAITERS) {
        stress_wait(s, i);
        return;
    }

    while (atomic_load(&s->started) < WAITERS) {
        sched_yield();
    }

    stress_publish(s, i - WAITERS);
}


static void
test_no_wake_up_is_lost(void **state)
{
    unsigned   i;
    stress_t  *s;

    (void) state;

    s = shared(sizeof(*s));
    s->bus = new_bus();

    for (i = 0; i < WAITERS; i++) {
        s->fds[i] = eventfd(0, EFD_NONBLOCK);
        assert_true(s->fds[i] >= 0);
    }

    in_processes(WAITERS + PUBLISHERS, stress, s);

    for (i = 0; i < PUBLISHERS; i++) {
        assert_int_equal(atomic_load(&s->value[i * TOPICS]), ROUNDS);
    }

    /* several topics share a wake-up */
    assert_true(atomic_load(&s->wakes)
                < atomic_load(&s->publications) * WAITERS);

    for (i = 0; i < WAITERS; i++) {
        close(s->fds[i]);
    }

    drop_bus(s->bus);
    munmap(s, sizeof(*s));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_dead_slot_is_cleaned),
        cmocka_unit_test(test_release_cleans),
        cmocka_unit_test(test_coalescing),
        cmocka_unit_test(test_publish_while_draining_wakes_anew),
        cmocka_unit_test(test_publisher_killed_before_its_wake_up),
        cmocka_unit_test(test_dead_slots_are_reclaimed_once),
        cmocka_unit_test(test_claimers_killed_half_way),
        cmocka_unit_test(test_no_wake_up_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
