
/* Who is on the air: states, turns, stops, books, and what kills leave. */

#include "killed.h"

#include <stdio.h>

#include "roster/oa_roster.h"


#define SIZE  (256 * 1024)


typedef struct {
    int32_t   dead[8];               /* pids; the others live */
    unsigned  asked;
} world_t;


typedef struct {
    unsigned           n;
    oa_roster_entry_t  entries[4096];
} seen_t;


static const oa_bus_process_t  one = { 101, 1000 };
static const oa_bus_process_t  two = { 102, 1000 };


static oa_roster_t *
new_roster(size_t size)
{
    void         *mem;
    oa_roster_t  *roster;

    assert_int_equal(posix_memalign(&mem, 64, size), 0);
    assert_int_equal(oa_roster_format(mem, size), OA_OK);
    assert_int_equal(oa_roster_attach(mem, size, &roster), OA_OK);

    return roster;
}


static bool
alive(void *ctx, const oa_bus_process_t *process)
{
    size_t    i;
    world_t  *world;

    world = ctx;
    world->asked++;

    for (i = 0; i < 8; i++) {
        if (world->dead[i] == process->pid) {
            return false;
        }
    }

    return true;
}


static oa_grant_t
grant_of(unsigned n)
{
    oa_grant_t  grant;

    memset(&grant, 0, sizeof(grant));
    grant.user_id = n + 1;
    grant.channel_id = n + 1001;
    grant.key_id = n + 2001;
    snprintf(grant.channel, sizeof(grant.channel), "channel%u", n);

    return grant;
}


static oa_roster_id_t
enter(oa_roster_t *roster, unsigned n, const oa_bus_process_t *owner)
{
    oa_grant_t      grant;
    oa_roster_id_t  id;

    grant = grant_of(n);
    assert_int_equal(oa_roster_enter(roster, &grant, owner, false,
                                     unit_bytes("192.0.2.1"), 0, &id),
                     OA_OK);

    return id;
}


static oa_err_t
go_live(oa_roster_t *roster, oa_roster_id_t id, world_t *world)
{
    return oa_roster_go_live(roster, id, 100, 1700000000000, alive, world,
                             NULL);
}


static oa_roster_id_t
enter_live(oa_roster_t *roster, unsigned n, const oa_bus_process_t *owner)
{
    world_t         world;
    oa_roster_id_t  id;

    memset(&world, 0, sizeof(world));
    id = enter(roster, n, owner);
    assert_int_equal(go_live(roster, id, &world), OA_OK);

    return id;
}


static oa_roster_entry_t
get(oa_roster_t *roster, oa_roster_id_t id)
{
    oa_roster_entry_t  entry;

    assert_int_equal(oa_roster_get(roster, id, &entry), OA_OK);

    return entry;
}


/* OA_ROSTER_FREE for a stale name. */
static oa_roster_state_t
state_of(oa_roster_t *roster, oa_roster_id_t id)
{
    oa_err_t           err;
    oa_roster_entry_t  entry;

    err = oa_roster_get(roster, id, &entry);
    assert_true(err == OA_OK || err == OA_EGONE);

    return err == OA_OK ? entry.state : OA_ROSTER_FREE;
}


static bool
see(void *ctx, const oa_roster_entry_t *entry)
{
    seen_t  *seen;

    seen = ctx;
    seen->entries[seen->n++] = *entry;

    return true;
}


static seen_t *
look(const oa_roster_t *roster)
{
    static seen_t  seen;

    seen.n = 0;
    oa_roster_walk(roster, see, &seen);

    return &seen;
}


static void
test_attach(void **state)
{
    void            *mem;
    oa_roster_t     *roster, *other;
    oa_roster_id_t   id;

    (void) state;

    roster = new_roster(SIZE);
    id = enter(roster, 1, &one);
    assert_int_equal(oa_roster_attach(roster, SIZE / 2, &other),
                     OA_EVERSION);
    assert_int_equal(oa_roster_attach(roster, SIZE, &other), OA_OK);
    assert_int_equal(state_of(other, id), OA_ROSTER_WAITING);
    free(roster);

    mem = calloc(1, 256);
    assert_int_equal(oa_roster_format(mem, 256), OA_EINVAL);
    assert_int_equal(oa_roster_attach(mem, 256, &other), OA_EVERSION);
    free(mem);
}


static void
test_reasons(void **state)
{
    (void) state;

    assert_string_equal(oa_roster_reason_text(OA_ROSTER_NONE), "");
    assert_string_equal(oa_roster_reason_text(OA_ROSTER_BANNED), "banned");
    assert_string_equal(oa_roster_reason_text(OA_ROSTER_REFUSED), "refused");
    assert_string_equal(oa_roster_reason_text(OA_ROSTER_NREASONS), "");
    assert_string_equal(oa_roster_reason_text((oa_roster_reason_t) 99), "");
}


static void
test_enter(void **state)
{
    char               address[100];
    oa_grant_t         grant;
    oa_roster_t       *roster;
    oa_roster_id_t     id, other;
    oa_roster_entry_t  e;

    (void) state;

    roster = new_roster(SIZE);
    grant = grant_of(7);
    memset(grant.channel, 'c', sizeof(grant.channel));
    memset(address, 'a', sizeof(address));

    assert_int_equal(oa_roster_enter(roster, &grant, &one, true,
                                     oa_slice(address, sizeof(address)), 50,
                                     &id), OA_OK);
    e = get(roster, id);
    assert_int_equal(e.state, OA_ROSTER_WAITING);
    assert_int_equal(e.id.index, id.index);
    assert_true(e.id.serial == id.serial);
    assert_int_equal(e.grant.user_id, 8);
    assert_int_equal(strlen(e.grant.channel), OA_LIVE_CHANNEL_BYTES);
    assert_int_equal(e.owner.pid, one.pid);
    assert_true(e.owner.start_time == one.start_time);
    assert_true(e.backup);
    assert_int_equal(e.media_ms, 50);
    assert_int_equal(e.bytes, 0);
    assert_int_equal(strlen(e.address), sizeof(e.address) - 1);

    assert_int_equal(oa_roster_enter(roster, &grant, &one, false,
                                     oa_slice(NULL, 0), 50, &other), OA_OK);
    e = get(roster, other);
    assert_false(e.backup);
    assert_string_equal(e.address, "");
    assert_true(other.serial != id.serial);
    assert_int_equal(look(roster)->n, 2);

    free(roster);
}


static void
test_refuse(void **state)
{
    world_t            world;
    oa_roster_t       *roster;
    oa_roster_id_t     first, second, third;
    oa_roster_entry_t  holder;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    first = enter(roster, 1, &one);
    second = enter(roster, 1, &two);
    third = enter(roster, 2, &two);

    assert_int_equal(go_live(roster, first, &world), OA_OK);
    assert_int_equal(oa_roster_go_live(roster, second, 100, 0, alive, &world,
                                       &holder), OA_EBUSY);
    assert_true(holder.id.serial == first.serial);
    assert_int_equal(holder.state, OA_ROSTER_LIVE);
    assert_int_equal(state_of(roster, second), OA_ROSTER_WAITING);
    assert_int_equal(go_live(roster, second, &world), OA_EBUSY);

    /* again, and another channel's */
    assert_int_equal(go_live(roster, first, &world), OA_OK);
    assert_int_equal(go_live(roster, third, &world), OA_OK);

    /* the refused one leaves nothing behind */
    oa_roster_leave(roster, second, OA_ROSTER_REFUSED, 200);
    assert_int_equal(state_of(roster, second), OA_ROSTER_FREE);
    assert_int_equal(state_of(roster, first), OA_ROSTER_LIVE);
    assert_int_equal(look(roster)->n, 2);

    free(roster);
}


static void
test_holder(void **state)
{
    world_t            world;
    oa_roster_t       *roster;
    oa_roster_id_t     first, second;
    oa_roster_entry_t  holder;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);
    first = enter(roster, 1, &one);
    second = enter(roster, 1, &two);

    assert_int_equal(oa_roster_holder(roster, second, 100, alive, &world,
                                      &holder), OA_ENOTFOUND);
    assert_int_equal(get(roster, second).state, OA_ROSTER_WAITING);

    assert_int_equal(go_live(roster, first, &world), OA_OK);
    assert_int_equal(oa_roster_holder(roster, second, 100, alive, &world,
                                      &holder), OA_OK);
    assert_int_equal(holder.id.serial, first.serial);
    assert_int_equal(oa_roster_holder(roster, first, 100, alive, &world,
                                      &holder), OA_ENOTFOUND);

    world.dead[0] = one.pid;
    assert_int_equal(oa_roster_holder(roster, second, 100, alive, &world,
                                      &holder), OA_ENOTFOUND);
    assert_int_equal(get(roster, first).state, OA_ROSTER_GONE);

    oa_roster_leave(roster, second, OA_ROSTER_REFUSED, 100);
    assert_int_equal(oa_roster_holder(roster, second, 100, alive, &world,
                                      &holder), OA_EGONE);
    free(roster);
}


static void
test_take_over(void **state)
{
    world_t            world;
    uint64_t           version;
    oa_roster_t       *roster;
    oa_roster_id_t     old, new;
    oa_roster_entry_t  e;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    old = enter_live(roster, 1, &one);
    new = enter(roster, 1, &two);
    assert_int_equal(go_live(roster, new, &world), OA_EBUSY);

    version = oa_roster_version(roster);
    assert_int_equal(oa_roster_stop(roster, old, OA_ROSTER_TAKEN_OVER),
                     OA_OK);
    assert_true(oa_roster_version(roster) > version);
    assert_int_equal(get(roster, old).stop, OA_ROSTER_TAKEN_OVER);

    /* asked to is not gone */
    assert_int_equal(go_live(roster, new, &world), OA_EBUSY);

    version = oa_roster_version(roster);
    oa_roster_leave(roster, old, OA_ROSTER_TAKEN_OVER, 500);
    assert_true(oa_roster_version(roster) > version);
    assert_int_equal(go_live(roster, new, &world), OA_OK);

    e = get(roster, old);
    assert_int_equal(e.state, OA_ROSTER_GONE);
    assert_int_equal(e.ended, OA_ROSTER_TAKEN_OVER);
    assert_int_equal(e.gone_ms, 500);
    assert_int_equal(e.started_ms, 100);
    assert_true(e.started_unix_ms == 1700000000000);

    free(roster);
}


static void
test_standby(void **state)
{
    world_t         world;
    oa_roster_t    *roster;
    oa_roster_id_t  primary, backup;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    primary = enter_live(roster, 1, &one);
    backup = enter(roster, 1, &two);

    assert_int_equal(oa_roster_stand_by(roster, backup), OA_OK);
    assert_int_equal(oa_roster_stand_by(roster, backup), OA_OK);
    assert_int_equal(state_of(roster, backup), OA_ROSTER_STANDBY);
    assert_int_equal(oa_roster_stand_by(roster, primary), OA_EINVAL);
    assert_int_equal(state_of(roster, primary), OA_ROSTER_LIVE);

    oa_roster_media(roster, backup, 900, 700);
    assert_int_equal(get(roster, backup).media_ms, 700);

    assert_int_equal(go_live(roster, backup, &world), OA_EBUSY);
    oa_roster_leave(roster, primary, OA_ROSTER_STALLED, 800);
    assert_int_equal(oa_roster_stand_by(roster, primary), OA_EGONE);

    assert_int_equal(oa_roster_go_live(roster, backup, 900, 5, alive, &world,
                                       NULL), OA_OK);
    assert_int_equal(get(roster, backup).media_ms, 900);
    assert_int_equal(get(roster, backup).bytes, 0);

    /* one that waits leaves nothing */
    primary = enter(roster, 1, &one);
    assert_int_equal(oa_roster_stand_by(roster, primary), OA_OK);
    oa_roster_leave(roster, primary, OA_ROSTER_DISCONNECTED, 900);
    assert_int_equal(state_of(roster, primary), OA_ROSTER_FREE);

    free(roster);
}


static void
test_stop(void **state)
{
    world_t         world;
    uint64_t        version;
    oa_roster_t    *roster;
    oa_roster_id_t  id;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    /* a ban that comes while it waits: it never goes live */
    id = enter(roster, 1, &one);
    assert_int_equal(oa_roster_stop(roster, id, OA_ROSTER_BANNED), OA_OK);
    assert_int_equal(go_live(roster, id, &world), OA_ENDED);
    assert_int_equal(state_of(roster, id), OA_ROSTER_WAITING);

    /* the first reason stays, and nobody is told again */
    version = oa_roster_version(roster);
    assert_int_equal(oa_roster_stop(roster, id, OA_ROSTER_STOPPED), OA_OK);
    assert_int_equal(get(roster, id).stop, OA_ROSTER_BANNED);
    assert_true(oa_roster_version(roster) == version);

    oa_roster_leave(roster, id, OA_ROSTER_BANNED, 0);
    assert_int_equal(oa_roster_stop(roster, id, OA_ROSTER_BANNED), OA_EGONE);

    id = enter_live(roster, 1, &one);
    assert_int_equal(oa_roster_stop(roster, id, OA_ROSTER_NONE), OA_OK);
    assert_int_equal(get(roster, id).stop, OA_ROSTER_NONE);
    oa_roster_leave(roster, id, OA_ROSTER_DISCONNECTED, 0);
    assert_int_equal(oa_roster_stop(roster, id, OA_ROSTER_BANNED), OA_EGONE);
    assert_int_equal(get(roster, id).stop, OA_ROSTER_NONE);

    free(roster);
}


static void
test_stop_all(void **state)
{
    unsigned        i;
    oa_roster_t    *roster;
    oa_roster_id_t  ids[20];

    (void) state;

    roster = new_roster(SIZE);

    for (i = 0; i < 20; i++) {
        ids[i] = i < 10 ? enter_live(roster, i, &one)
                        : enter(roster, i - 10, &two);
    }

    oa_roster_leave(roster, ids[3], OA_ROSTER_DISCONNECTED, 0);

    assert_int_equal(oa_roster_stop_all(roster, 5, 0, 0, OA_ROSTER_BANNED),
                     2);
    assert_int_equal(get(roster, ids[4]).stop, OA_ROSTER_BANNED);
    assert_int_equal(get(roster, ids[14]).stop, OA_ROSTER_BANNED);
    assert_int_equal(get(roster, ids[5]).stop, OA_ROSTER_NONE);

    assert_int_equal(oa_roster_stop_all(roster, 0, 1006, 0,
                                        OA_ROSTER_STOPPED), 2);
    assert_int_equal(oa_roster_stop_all(roster, 0, 0, 2007,
                                        OA_ROSTER_KEY_REVOKED), 2);
    assert_int_equal(oa_roster_stop_all(roster, 8, 1001, 0,
                                        OA_ROSTER_STOPPED), 0);
    assert_int_equal(oa_roster_stop_all(roster, 8, 1008, 2008,
                                        OA_ROSTER_STOPPED), 2);
    assert_int_equal(oa_roster_stop_all(roster, 777, 0, 0,
                                        OA_ROSTER_STOPPED), 0);

    /* all that is left: not the one that is gone */
    assert_int_equal(oa_roster_stop_all(roster, 0, 0, 0, OA_ROSTER_SHUTDOWN),
                     11);
    assert_int_equal(oa_roster_stop_all(roster, 0, 0, 0, OA_ROSTER_SHUTDOWN),
                     0);
    assert_int_equal(get(roster, ids[3]).stop, OA_ROSTER_NONE);
    assert_int_equal(get(roster, ids[4]).stop, OA_ROSTER_BANNED);

    free(roster);
}


static void
test_dead_holder(void **state)
{
    world_t            world;
    uint64_t           version;
    oa_roster_t       *roster;
    oa_roster_id_t     first, second, third;
    oa_roster_entry_t  e;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    first = enter_live(roster, 1, &one);
    oa_roster_media(roster, first, 4711, 90);
    second = enter(roster, 1, &two);
    third = enter(roster, 1, &two);

    world.dead[0] = one.pid;
    version = oa_roster_version(roster);
    assert_int_equal(oa_roster_go_live(roster, second, 5000, 0, alive, &world,
                                       NULL), OA_OK);
    assert_true(oa_roster_version(roster) > version);

    e = get(roster, first);
    assert_int_equal(e.state, OA_ROSTER_GONE);
    assert_int_equal(e.ended, OA_ROSTER_WORKER_LOST);
    assert_int_equal(e.gone_ms, 5000);
    assert_int_equal(e.bytes, 4711);

    /* within one process nobody has to be asked */
    world.asked = 0;
    assert_int_equal(go_live(roster, third, &world), OA_EBUSY);
    assert_int_equal(world.asked, 0);

    free(roster);
}


static void
test_sweep(void **state)
{
    unsigned        i;
    world_t         world;
    uint64_t        version;
    oa_roster_t    *roster;
    oa_roster_id_t  ids[100], waiting, standby, gone;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    for (i = 0; i < 100; i++) {
        ids[i] = enter_live(roster, i, i % 2 ? &one : &two);
    }

    waiting = enter(roster, 0, &one);
    standby = enter(roster, 2, &one);
    assert_int_equal(oa_roster_stand_by(roster, standby), OA_OK);
    gone = ids[99];
    oa_roster_leave(roster, gone, OA_ROSTER_SHUTDOWN, 50);

    version = oa_roster_version(roster);
    oa_roster_sweep(roster, 60, alive, &world);
    assert_int_equal(world.asked, 2);
    assert_true(oa_roster_version(roster) == version);

    world.dead[0] = one.pid;
    oa_roster_sweep(roster, 70, alive, &world);
    assert_true(oa_roster_version(roster) > version);

    for (i = 0; i < 99; i++) {
        assert_int_equal(state_of(roster, ids[i]),
                         i % 2 ? OA_ROSTER_GONE : OA_ROSTER_LIVE);
        assert_int_equal(get(roster, ids[i]).ended,
                         i % 2 ? OA_ROSTER_WORKER_LOST : OA_ROSTER_NONE);
    }

    assert_int_equal(state_of(roster, waiting), OA_ROSTER_FREE);
    assert_int_equal(state_of(roster, standby), OA_ROSTER_FREE);

    /* what was gone stays as it was */
    assert_int_equal(get(roster, gone).ended, OA_ROSTER_SHUTDOWN);
    assert_int_equal(get(roster, gone).gone_ms, 50);

    free(roster);
}


static void
test_book(void **state)
{
    oa_roster_t       *roster;
    oa_roster_id_t     id;
    oa_roster_entry_t  e;

    (void) state;

    roster = new_roster(SIZE);
    id = enter(roster, 1, &one);

    /* one that waits has none */
    oa_roster_session(roster, id, 55, 123456, 3);
    assert_int_equal(get(roster, id).session_id, 0);

    oa_roster_leave(roster, id, OA_ROSTER_REFUSED, 0);
    id = enter_live(roster, 1, &one);

    oa_roster_media(roster, id, 1000, 200);
    oa_roster_session(roster, id, 0, 1, 9);
    assert_int_equal(get(roster, id).peak_viewers, 0);

    oa_roster_session(roster, id, 55, 123456, 3);
    oa_roster_session(roster, id, 55, 123456, 8);
    oa_roster_session(roster, id, 55, 123456, 5);
    oa_roster_written(roster, id);
    oa_roster_media(roster, id, 3000, 300);

    e = get(roster, id);
    assert_int_equal(e.bytes, 3000);
    assert_int_equal(e.media_ms, 300);
    assert_int_equal(e.session_id, 55);
    assert_int_equal(e.started_unix_ms, 123456);
    assert_int_equal(e.peak_viewers, 8);
    assert_true(e.written);

    /* the live session ended and another began, under the same publisher */
    oa_roster_session(roster, id, 56, 200000, 2);
    oa_roster_media(roster, id, 3500, 400);
    e = get(roster, id);
    assert_int_equal(e.bytes, 500);
    assert_int_equal(e.peak_viewers, 2);
    assert_int_equal(e.started_unix_ms, 200000);
    assert_false(e.written);

    /* the book is kept until it is closed, and only then */
    oa_roster_close(roster, id);
    assert_int_equal(state_of(roster, id), OA_ROSTER_LIVE);
    oa_roster_leave(roster, id, OA_ROSTER_DISCONNECTED, 500);
    oa_roster_leave(roster, id, OA_ROSTER_STALLED, 600);
    oa_roster_media(roster, id, 9999, 600);
    oa_roster_session(roster, id, 56, 200000, 4);
    oa_roster_written(roster, id);

    e = get(roster, id);
    assert_int_equal(e.state, OA_ROSTER_GONE);
    assert_int_equal(e.ended, OA_ROSTER_DISCONNECTED);
    assert_int_equal(e.gone_ms, 500);
    assert_int_equal(e.bytes, 500);
    assert_int_equal(e.peak_viewers, 4);
    assert_true(e.written);

    oa_roster_close(roster, id);
    assert_int_equal(state_of(roster, id), OA_ROSTER_FREE);
    assert_int_equal(look(roster)->n, 0);
    assert_int_equal(oa_roster_lost(roster), 0);

    free(roster);
}


/* A publisher comes back, twice, within the grace: one session, one book. */
static void
test_book_joined(void **state)
{
    unsigned           i;
    oa_roster_t       *roster;
    oa_roster_id_t     id, before, stranger;
    oa_roster_entry_t  e;

    (void) state;

    roster = new_roster(SIZE);

    /* an older session's book, and one of another channel */
    before = enter_live(roster, 1, &one);
    oa_roster_session(roster, before, 54, 50, 1);
    oa_roster_leave(roster, before, OA_ROSTER_STOPPED, 60);
    stranger = enter_live(roster, 2, &one);
    oa_roster_session(roster, stranger, 55, 50, 1);
    oa_roster_leave(roster, stranger, OA_ROSTER_STOPPED, 60);

    for (i = 0; i < 3; i++) {
        id = enter_live(roster, 1, i == 1 ? &two : &one);
        oa_roster_media(roster, id, 1000, 200);
        oa_roster_session(roster, id, 55, 100, 10 - i);
        oa_roster_media(roster, id, 2000 + i, 300);

        if (i == 0) {
            oa_roster_written(roster, id);
        }

        if (i < 2) {
            oa_roster_leave(roster, id, OA_ROSTER_DISCONNECTED, 400);
        }
    }

    e = get(roster, id);
    assert_int_equal(e.bytes, 2000 + 2001 + 2002);
    assert_int_equal(e.peak_viewers, 10);
    assert_true(e.written);
    assert_int_equal(look(roster)->n, 3);
    assert_int_equal(state_of(roster, before), OA_ROSTER_GONE);
    assert_int_equal(state_of(roster, stranger), OA_ROSTER_GONE);

    /* and then a new one */
    oa_roster_session(roster, id, 56, 500, 0);
    oa_roster_media(roster, id, 2502, 600);
    assert_int_equal(get(roster, id).bytes, 500);
    assert_false(get(roster, id).written);

    free(roster);
}


static void
test_stale(void **state)
{
    world_t            world;
    oa_roster_t       *roster;
    oa_roster_id_t     id, newer;
    oa_roster_entry_t  e;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    id = enter(roster, 1, &one);
    oa_roster_leave(roster, id, OA_ROSTER_REFUSED, 0);
    newer = enter(roster, 2, &one);
    assert_int_equal(newer.index, id.index);

    for ( ;; ) {
        assert_int_equal(oa_roster_get(roster, id, &e), OA_EGONE);
        assert_int_equal(go_live(roster, id, &world), OA_EGONE);
        assert_int_equal(oa_roster_stand_by(roster, id), OA_EGONE);
        assert_int_equal(oa_roster_stop(roster, id, OA_ROSTER_BANNED),
                         OA_EGONE);
        oa_roster_leave(roster, id, OA_ROSTER_BANNED, 0);
        oa_roster_media(roster, id, 1, 1);
        oa_roster_session(roster, id, 1, 1, 1);
        oa_roster_written(roster, id);
        oa_roster_close(roster, id);

        if (id.index != newer.index) {
            break;
        }

        /* nor one that never was */
        id.index = UINT32_MAX;
    }

    e = get(roster, newer);
    assert_int_equal(e.state, OA_ROSTER_WAITING);
    assert_int_equal(e.bytes, 0);
    assert_int_equal(e.stop, OA_ROSTER_NONE);

    free(roster);
}


/* Who has one key fills no roster, and drives out nobody's book. */
static void
test_one_channel(void **state)
{
    int              i;
    oa_grant_t       grant;
    oa_roster_t     *roster;
    oa_roster_id_t   id, book, ids[OA_ROSTER_CHANNEL_MAX];

    (void) state;

    roster = new_roster(SIZE);
    grant = grant_of(1);

    for (i = 0; i < OA_ROSTER_CHANNEL_MAX; i++) {
        ids[i] = enter(roster, 1, &one);
    }

    assert_int_equal(oa_roster_enter(roster, &grant, &two, true,
                                     oa_slice("", 0), 0, &id), OA_EBUSY);
    enter(roster, 2, &one);

    oa_roster_leave(roster, ids[3], OA_ROSTER_DISCONNECTED, 0);
    enter(roster, 1, &two);
    assert_int_equal(oa_roster_enter(roster, &grant, &two, true,
                                     oa_slice("", 0), 0, &id), OA_EBUSY);

    free(roster);

    /* comes and goes, later than another whose book is not written yet */
    roster = new_roster(8192);
    book = enter_live(roster, 2, &one);
    oa_roster_session(roster, book, 77, 0, 0);
    oa_roster_leave(roster, book, OA_ROSTER_DISCONNECTED, 10);

    for (i = 0; i < 100; i++) {
        id = enter_live(roster, 1, &one);
        oa_roster_leave(roster, id, OA_ROSTER_DISCONNECTED, 20 + i);
    }

    assert_true(oa_roster_lost(roster) > 0);
    assert_int_equal(state_of(roster, book), OA_ROSTER_GONE);

    free(roster);
}


static void
test_full(void **state)
{
    unsigned         i, n;
    oa_err_t         err;
    oa_grant_t       grant;
    oa_roster_t     *roster;
    oa_roster_id_t   id, ids[1000];

    (void) state;

    roster = new_roster(8192);

    for (n = 0; n < 1000; n++) {
        grant = grant_of(n);
        err = oa_roster_enter(roster, &grant, &one, false, oa_slice("", 0), 0,
                              &id);
        if (err != OA_OK) {
            break;
        }

        ids[n] = id;
    }

    assert_int_equal(err, OA_EFULL);
    assert_in_range(n, 12, 30);
    assert_int_equal(oa_roster_lost(roster), 0);

    /* what leaves makes room */
    oa_roster_leave(roster, ids[5], OA_ROSTER_REFUSED, 0);
    ids[5] = enter_live(roster, 5, &one);

    /* the oldest book gives way to the living, which never do */
    for (i = 1; i < 4; i++) {
        oa_roster_leave(roster, ids[i], OA_ROSTER_REFUSED, 0);
        ids[i] = enter_live(roster, i, &one);
    }

    oa_roster_leave(roster, ids[1], OA_ROSTER_DISCONNECTED, 30);
    oa_roster_leave(roster, ids[2], OA_ROSTER_DISCONNECTED, 10);
    oa_roster_leave(roster, ids[3], OA_ROSTER_DISCONNECTED, 20);

    id = enter(roster, 100, &one);
    assert_int_equal(oa_roster_lost(roster), 1);
    assert_int_equal(state_of(roster, ids[2]), OA_ROSTER_FREE);
    assert_int_equal(state_of(roster, ids[1]), OA_ROSTER_GONE);
    assert_int_equal(state_of(roster, ids[3]), OA_ROSTER_GONE);

    enter(roster, 101, &one);
    enter(roster, 102, &one);
    assert_int_equal(oa_roster_lost(roster), 3);
    assert_int_equal(oa_roster_enter(roster, &grant, &one, false,
                                     oa_slice("", 0), 0, &id), OA_EFULL);
    assert_int_equal(look(roster)->n, n);

    free(roster);
}


static bool
close_it(void *ctx, const oa_roster_entry_t *entry)
{
    oa_roster_close(ctx, entry->id);

    return true;
}


static bool
only_two(void *ctx, const oa_roster_entry_t *entry)
{
    unsigned  *n;

    (void) entry;
    n = ctx;

    return ++*n < 2;
}


static void
test_walk(void **state)
{
    unsigned        i, n;
    oa_roster_t    *roster;
    oa_roster_id_t  ids[10];

    (void) state;

    roster = new_roster(SIZE);

    for (i = 0; i < 10; i++) {
        ids[i] = enter_live(roster, i, &one);
    }

    for (i = 0; i < 10; i += 2) {
        oa_roster_leave(roster, ids[i], OA_ROSTER_STOPPED, 0);
    }

    n = 0;
    oa_roster_walk(roster, only_two, &n);
    assert_int_equal(n, 2);

    oa_roster_walk(roster, close_it, roster);
    assert_int_equal(look(roster)->n, 5);

    for (i = 0; i < 5; i++) {
        assert_int_equal(look(roster)->entries[i].state, OA_ROSTER_LIVE);
    }

    free(roster);
}


static void
test_keeper(void **state)
{
    world_t           world;
    oa_roster_t      *roster;
    oa_bus_process_t  reborn;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = new_roster(SIZE);

    assert_true(oa_roster_keeper(roster, &one, alive, &world));
    assert_true(oa_roster_keeper(roster, &one, alive, &world));
    assert_false(oa_roster_keeper(roster, &two, alive, &world));

    /* the same pid, another process */
    reborn = one;
    reborn.start_time++;
    assert_false(oa_roster_keeper(roster, &reborn, alive, &world));

    /* only who is it can give it up */
    oa_roster_resign(roster, &two);
    assert_false(oa_roster_keeper(roster, &two, alive, &world));
    oa_roster_resign(roster, &one);
    assert_true(oa_roster_keeper(roster, &two, alive, &world));
    assert_false(oa_roster_keeper(roster, &one, alive, &world));

    world.dead[0] = two.pid;
    assert_true(oa_roster_keeper(roster, &one, alive, &world));

    free(roster);
}


/* --- random traces --------------------------------------------------- */

typedef struct {
    oa_roster_id_t     id;
    oa_roster_state_t  state;
    unsigned           channel;
    int32_t            pid;
} model_t;


/* What must always be so; returns how many entries there are. */
static unsigned
check_all(oa_roster_t *roster)
{
    seen_t    *seen;
    unsigned   i, j;

    seen = look(roster);

    for (i = 0; i < seen->n; i++) {
        assert_in_range(seen->entries[i].state, OA_ROSTER_WAITING,
                        OA_ROSTER_GONE);
        assert_int_equal(strncmp(seen->entries[i].grant.channel, "channel",
                                 7), 0);

        for (j = 0; j < i; j++) {
            assert_true(seen->entries[i].id.serial
                        != seen->entries[j].id.serial);
            assert_false(seen->entries[i].state == OA_ROSTER_LIVE
                         && seen->entries[j].state == OA_ROSTER_LIVE
                         && strcmp(seen->entries[i].grant.channel,
                                   seen->entries[j].grant.channel) == 0);
        }
    }

    return seen->n;
}


static const model_t *
model_live(const model_t *model, unsigned n, unsigned channel)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (model[i].state == OA_ROSTER_LIVE && model[i].channel == channel) {
            return &model[i];
        }
    }

    return NULL;
}


static void
model_leave(model_t *m)
{
    m->state = m->state == OA_ROSTER_LIVE
               || m->state == OA_ROSTER_GONE ? OA_ROSTER_GONE
                                             : OA_ROSTER_FREE;
}


static void
trace_go_live(oa_roster_t *roster, model_t *model, unsigned n, model_t *m)
{
    oa_err_t        err;
    world_t         world;
    const model_t  *live;

    memset(&world, 0, sizeof(world));
    live = model_live(model, n, m->channel);
    err = go_live(roster, m->id, &world);

    if (m->state == OA_ROSTER_FREE || m->state == OA_ROSTER_GONE) {
        assert_int_equal(err, OA_EGONE);

    } else if (live != NULL && live != m) {
        assert_int_equal(err, OA_EBUSY);

    } else {
        assert_int_equal(err, OA_OK);
        m->state = OA_ROSTER_LIVE;
    }
}


static void
trace_sweep(oa_roster_t *roster, model_t *model, unsigned n, int32_t pid)
{
    world_t   world;
    unsigned  i;

    memset(&world, 0, sizeof(world));
    world.dead[0] = pid;
    oa_roster_sweep(roster, 0, alive, &world);

    for (i = 0; i < n; i++) {
        if (model[i].pid == pid) {
            model_leave(&model[i]);
        }
    }
}


static void
trace_step(oa_roster_t *roster, model_t *model, unsigned n, uint64_t *seed)
{
    model_t           *m;
    oa_bus_process_t   owner;

    m = &model[unit_random(seed) % n];
    owner.start_time = 1;

    switch (unit_random(seed) % 5) {

    case 0:
        oa_roster_leave(roster, m->id, OA_ROSTER_DISCONNECTED, 0);
        model_leave(m);
        break;

    case 1:
        oa_roster_close(roster, m->id);
        m->state = m->state == OA_ROSTER_GONE ? OA_ROSTER_FREE : m->state;
        break;

    case 2:
        if (unit_random(seed) % 100 == 0) {
            trace_sweep(roster, model, n, unit_random(seed) % 3 + 1);
        }

        break;

    case 3:
        trace_go_live(roster, model, n, m);
        break;

    default:
        if (m->state == OA_ROSTER_FREE) {
            m->pid = owner.pid = unit_random(seed) % 3 + 1;
            m->channel = unit_random(seed) % 12;
            m->id = enter(roster, m->channel, &owner);
            m->state = OA_ROSTER_WAITING;
        }
    }
}


static void
test_traces(void **state)
{
    model_t       model[60];
    uint64_t      seed, start;
    unsigned      i, step, there;
    oa_roster_t  *roster;

    (void) state;

    for (start = 1; start < 6; start++) {
        seed = start;
        roster = new_roster(SIZE);
        memset(model, 0, sizeof(model));

        for (step = 0; step < 20000; step++) {
            trace_step(roster, model, 60, &seed);

            i = unit_random(&seed) % 60;
            assert_int_equal(state_of(roster, model[i].id), model[i].state);
        }

        for (there = 0, i = 0; i < 60; i++) {
            there += model[i].state != OA_ROSTER_FREE;
        }

        assert_int_equal(check_all(roster), there);
        free(roster);
    }
}


/* Everything there is, until it is killed. */
static void
work(void *ctx, uint64_t seed)
{
    unsigned        n;
    world_t         world;
    oa_grant_t      grant;
    oa_roster_t    *roster;
    oa_roster_id_t  id;

    roster = ctx;
    memset(&world, 0, sizeof(world));

    for ( ;; ) {
        n = unit_random(&seed) % 8;
        grant = grant_of(n);

        if (oa_roster_enter(roster, &grant, n % 2 ? &one : &two, false,
                            oa_slice("x", 1), 0, &id)
            != OA_OK)
        {
            world.dead[0] = n % 2 ? one.pid : two.pid;
            oa_roster_sweep(roster, 0, alive, &world);
            continue;
        }

        world.dead[0] = unit_random(&seed) % 4 ? 0 : one.pid;

        if (go_live(roster, id, &world) == OA_OK) {
            oa_roster_media(roster, id, 1000, 0);
            oa_roster_session(roster, id, 1 + n, 0, 1);
        }

        if (unit_random(&seed) % 3) {
            oa_roster_leave(roster, id, OA_ROSTER_STOPPED, 0);
        }

        if (unit_random(&seed) % 2) {
            oa_roster_close(roster, id);
        }
    }
}


static unsigned
fill(oa_roster_t *roster)
{
    unsigned        n;
    oa_grant_t      grant;
    oa_roster_id_t  id;

    for (n = 0; n < 1000; n++) {
        grant = grant_of(n);

        if (oa_roster_enter(roster, &grant, &one, false, oa_slice("", 0), 0,
                            &id)
            != OA_OK)
        {
            break;
        }
    }

    return n;
}


static void
test_killed(void **state)
{
    world_t        world;
    unsigned       kills;
    uint64_t       seed;
    oa_roster_t   *roster, *fresh;

    (void) state;

    memset(&world, 0, sizeof(world));
    roster = shared_memory(16384);
    assert_int_equal(oa_roster_format(roster, 16384), OA_OK);

    for (seed = 9, kills = 0; kills < 200; kills++) {
        kill_at_work(work, roster, &seed);
        check_all(roster);
    }

    /* no slot is lost: empty, it takes as many as a new one */
    world.dead[0] = one.pid;
    world.dead[1] = two.pid;
    oa_roster_sweep(roster, 0, alive, &world);
    oa_roster_walk(roster, close_it, roster);
    assert_int_equal(check_all(roster), 0);

    fresh = new_roster(16384);
    assert_int_equal(fill(roster), fill(fresh));
    check_all(roster);

    free(fresh);
    munmap(roster, 16384);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_enter),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_holder),
        cmocka_unit_test(test_take_over),
        cmocka_unit_test(test_standby),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_all),
        cmocka_unit_test(test_dead_holder),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_book),
        cmocka_unit_test(test_book_joined),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_one_channel),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_keeper),
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
