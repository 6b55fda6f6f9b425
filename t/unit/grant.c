
/* Answers remembered: what is found, what gives way, what is forgotten. */

#include "killed.h"

#include <stdio.h>

#include "auth/oa_grant.h"


#define SMALL  (128 + 16 * 256)      /* sixteen answers or a few more */
#define LARGE  (1024 * 1024)


static oa_grants_t *
new_grants(size_t size)
{
    void         *mem;
    oa_grants_t  *grants;

    assert_int_equal(posix_memalign(&mem, 64, size), 0);
    assert_int_equal(oa_grants_format(mem, size), OA_OK);
    assert_int_equal(oa_grants_attach(mem, size, &grants), OA_OK);

    return grants;
}


static void
digest_of(unsigned n, uint8_t digest[OA_KEY_DIGEST_BYTES])
{
    memset(digest, 0xd1, OA_KEY_DIGEST_BYTES);
    memcpy(digest + 7, &n, sizeof(n));
}


static oa_grant_t
grant_of(unsigned n, int64_t user_id, unsigned flags)
{
    oa_grant_t  grant;

    memset(&grant, 0, sizeof(grant));
    grant.user_id = user_id;
    grant.channel_id = n + 1000;
    grant.key_id = n;
    grant.flags = flags;
    snprintf(grant.channel, sizeof(grant.channel), "channel%u", n);

    return grant;
}


static void
put(oa_grants_t *grants, unsigned n, int64_t user_id, unsigned flags)
{
    uint8_t     digest[OA_KEY_DIGEST_BYTES];
    oa_grant_t  grant;

    digest_of(n, digest);
    grant = grant_of(n, user_id, flags);
    oa_grants_put(grants, digest, &grant, 0, oa_grants_epoch(grants));
}


static bool
has(oa_grants_t *grants, unsigned n)
{
    int64_t     age_ms;
    uint8_t     digest[OA_KEY_DIGEST_BYTES];
    oa_err_t    err;
    oa_grant_t  grant;

    digest_of(n, digest);
    err = oa_grants_get(grants, digest, 0, &grant, &age_ms);

    assert_true(err == OA_OK || err == OA_ENOTFOUND);
    assert_true(err != OA_OK || (grant.key_id == n
                                 && grant.channel_id == n + 1000));

    return err == OA_OK;
}


static void
test_attach(void **state)
{
    void         *mem;
    oa_grants_t  *grants, *other;

    (void) state;

    grants = new_grants(LARGE);
    assert_int_equal(oa_grants_attach(grants, LARGE / 2, &other),
                     OA_EVERSION);
    put(grants, 1, 1, 0);
    assert_int_equal(oa_grants_attach(grants, LARGE, &other), OA_OK);
    assert_true(has(other, 1));
    free(grants);

    mem = calloc(1, 256);
    assert_int_equal(oa_grants_format(mem, 256), OA_EINVAL);
    assert_int_equal(oa_grants_attach(mem, 256, &other), OA_EVERSION);
    free(mem);
}


static void
test_put_and_get(void **state)
{
    int64_t       age_ms;
    uint8_t       digest[OA_KEY_DIGEST_BYTES];
    oa_grant_t    grant, found;
    oa_grants_t  *grants;

    (void) state;

    grants = new_grants(LARGE);
    digest_of(7, digest);
    assert_int_equal(oa_grants_get(grants, digest, 0, &found, &age_ms),
                     OA_ENOTFOUND);

    grant = grant_of(7, 42, OA_GRANT_NO_STREAM);
    grant.tier = OA_TIER_PARTNER;
    memset(grant.channel, 'c', OA_LIVE_CHANNEL_BYTES);
    oa_grants_put(grants, digest, &grant, 1000, 0);

    assert_int_equal(oa_grants_get(grants, digest, 1250, &found, &age_ms),
                     OA_OK);
    assert_memory_equal(&found, &grant, sizeof(grant));
    assert_int_equal(age_ms, 250);

    /* clocks of workers differ a little */
    assert_int_equal(oa_grants_get(grants, digest, 990, &found, &age_ms),
                     OA_OK);
    assert_int_equal(age_ms, 0);

    grant.flags = OA_GRANT_BANNED;
    oa_grants_put(grants, digest, &grant, 2000, 0);
    assert_int_equal(oa_grants_get(grants, digest, 2001, &found, &age_ms),
                     OA_OK);
    assert_int_equal(found.flags, OA_GRANT_BANNED);
    assert_int_equal(age_ms, 1);

    /* every byte of the digest counts */
    digest[OA_KEY_DIGEST_BYTES - 1] ^= 1;
    assert_int_equal(oa_grants_get(grants, digest, 0, &found, &age_ms),
                     OA_ENOTFOUND);

    free(grants);
}


static void
test_epoch(void **state)
{
    uint8_t       digest[OA_KEY_DIGEST_BYTES];
    uint64_t      epoch;
    oa_grant_t    grant;
    oa_grants_t  *grants;

    (void) state;

    grants = new_grants(LARGE);
    epoch = oa_grants_epoch(grants);
    put(grants, 1, 1, 0);

    /* the answer to a question from before a ban, of whomever */
    oa_grants_forget(grants, 2);
    assert_true(has(grants, 1));
    assert_true(oa_grants_epoch(grants) > epoch);

    digest_of(2, digest);
    grant = grant_of(2, 2, 0);
    oa_grants_put(grants, digest, &grant, 0, epoch);
    assert_false(has(grants, 2));

    /* nor does it replace what is there */
    digest_of(1, digest);
    grant = grant_of(1, 1, OA_GRANT_BANNED);
    oa_grants_put(grants, digest, &grant, 0, epoch);
    assert_true(has(grants, 1));

    put(grants, 2, 2, 0);
    assert_true(has(grants, 2));

    free(grants);
}


static void
test_forget(void **state)
{
    unsigned      n;
    oa_grants_t  *grants;

    (void) state;

    grants = new_grants(LARGE);

    for (n = 0; n < 1000; n++) {
        put(grants, n, 1 + n % 10, 0);
    }

    oa_grants_forget(grants, 3);

    for (n = 0; n < 1000; n++) {
        assert_int_equal(has(grants, n), n % 10 != 2);
    }

    oa_grants_forget(grants, 0);

    for (n = 0; n < 1000; n++) {
        assert_false(has(grants, n));
    }

    put(grants, 1, 1, 0);
    assert_true(has(grants, 1));
    free(grants);
}


/* How many a table holds before it has to give one up. */
static unsigned
capacity(oa_grants_t *grants)
{
    unsigned  n, i, there;

    for (n = 0; n < 10000; n++) {
        put(grants, n, 1, 0);

        for (i = 0, there = 0; i <= n; i++) {
            there += has(grants, i);
        }

        if (there <= n) {
            break;
        }
    }

    oa_grants_forget(grants, 0);

    return n;
}


/* With two buckets every place is everybody's: exactly the oldest goes. */
static void
test_least_recently_used(void **state)
{
    unsigned      n, cap;
    oa_grants_t  *grants;

    (void) state;

    grants = new_grants(SMALL);
    cap = capacity(grants);
    assert_int_equal(cap, 16);

    for (n = 0; n < cap; n++) {
        put(grants, n, 1, 0);
    }

    /* use all but 5 and 9, then replace 5 by itself */
    for (n = 0; n < cap; n++) {
        assert_true(n == 5 || n == 9 || has(grants, n));
    }

    put(grants, 5, 1, 0);

    put(grants, 100, 1, 0);
    assert_false(has(grants, 9));
    assert_true(has(grants, 5));

    put(grants, 101, 1, 0);
    assert_false(has(grants, 0));
    assert_true(has(grants, 100));
    assert_true(has(grants, 101));

    free(grants);
}


static void
test_unknown_gives_way(void **state)
{
    unsigned      n, there;
    oa_grants_t  *grants;

    (void) state;

    grants = new_grants(SMALL);

    for (n = 0; n < 14; n++) {
        put(grants, n, 1, 0);
    }

    for (n = 100; n < 10000; n++) {
        put(grants, n, 0, OA_GRANT_UNKNOWN);
        assert_true(has(grants, n));
    }

    for (n = 0; n < 14; n++) {
        assert_true(has(grants, n));
    }

    /* known ones take the places of the unknown, though these are newer */
    put(grants, 14, 1, 0);
    put(grants, 15, 1, 0);

    for (there = 0, n = 0; n < 10000; n++) {
        there += has(grants, n);
    }

    assert_int_equal(there, 16);
    assert_true(has(grants, 0) && has(grants, 14) && has(grants, 15));

    put(grants, 100, 0, OA_GRANT_UNKNOWN);
    assert_false(has(grants, 100));

    free(grants);
}


typedef struct {
    bool      there;
    int64_t   user_id;
    unsigned  flags;
    int64_t   put_ms;
} model_t;


static void
model_forget(model_t *model, unsigned nkeys, int64_t user_id)
{
    unsigned  n;

    for (n = 0; n < nkeys; n++) {
        model[n].there &= model[n].user_id != user_id;
    }
}


static void
model_put(model_t *m, unsigned n, oa_grants_t *grants, int64_t now_ms,
    uint64_t *seed)
{
    uint8_t     digest[OA_KEY_DIGEST_BYTES];
    oa_grant_t  grant;

    m->there = true;
    m->user_id = 1 + unit_random(seed) % 20;
    m->flags = unit_random(seed) % 4;
    m->put_ms = now_ms;

    digest_of(n, digest);
    grant = grant_of(n, m->user_id, m->flags);
    oa_grants_put(grants, digest, &grant, now_ms, oa_grants_epoch(grants));
    assert_true(has(grants, n));
}


static void
model_get(const model_t *m, unsigned n, oa_grants_t *grants, int64_t now_ms,
    bool room)
{
    int64_t     age_ms;
    uint8_t     digest[OA_KEY_DIGEST_BYTES];
    oa_err_t    err;
    oa_grant_t  grant, expected;

    digest_of(n, digest);
    err = oa_grants_get(grants, digest, now_ms, &grant, &age_ms);
    assert_true(err == OA_OK || !room || !m->there);

    if (err == OA_OK) {
        assert_true(m->there);
        expected = grant_of(n, m->user_id, m->flags);
        assert_memory_equal(&grant, &expected, sizeof(grant));
        assert_true(age_ms == now_ms - m->put_ms);
    }
}


/*
 * Against a list that holds everything: what is found is what was put last,
 * and nothing that has room is missing.
 */
static void
trace(size_t size, unsigned nkeys, bool room, uint64_t seed)
{
    int64_t       now_ms, user_id;
    model_t      *model;
    unsigned      n, step;
    oa_grants_t  *grants;

    grants = new_grants(size);
    model = calloc(nkeys, sizeof(*model));
    now_ms = 1000000;

    for (step = 0; step < 20000; step++) {
        now_ms += unit_random(&seed) % 100;
        n = unit_random(&seed) % nkeys;

        if (unit_random(&seed) % 500 == 0) {
            user_id = 1 + unit_random(&seed) % 20;
            oa_grants_forget(grants, user_id);
            model_forget(model, nkeys, user_id);

        } else if (unit_random(&seed) % 3 == 0) {
            model_put(&model[n], n, grants, now_ms, &seed);

        } else {
            model_get(&model[n], n, grants, now_ms, room);
        }
    }

    free(model);
    free(grants);
}


static void
test_traces(void **state)
{
    uint64_t  seed;

    (void) state;

    for (seed = 1; seed < 6; seed++) {
        trace(SMALL, 10, true, seed);
        trace(SMALL, 40, false, seed);
        trace(LARGE, 2000, true, seed);
    }
}


/* Does whatever it likes until it is killed. */
static void
work(void *ctx, uint64_t seed)
{
    unsigned      n;
    oa_grants_t  *grants;

    grants = ctx;

    for ( ;; ) {
        n = unit_random(&seed) % 60;

        if (unit_random(&seed) % 20 == 0) {
            oa_grants_forget(grants, unit_random(&seed) % 4);

        } else if (unit_random(&seed) % 2 == 0) {
            put(grants, n, 1 + n % 3, unit_random(&seed) % 8);

        } else {
            (void) has(grants, n);
        }
    }
}


static void
test_killed(void **state)
{
    size_t        size;
    unsigned      n, kills;
    uint64_t      seed;
    oa_grants_t  *grants;

    (void) state;

    size = 8192;
    grants = shared_memory(size);
    assert_int_equal(oa_grants_format(grants, size), OA_OK);

    for (seed = 3, kills = 0; kills < 200; kills++) {
        kill_at_work(work, grants, &seed);

        /* has() looks at what it finds */
        for (n = 0; n < 60; n++) {
            (void) has(grants, n);
        }
    }

    put(grants, 1, 7, 0);
    assert_true(has(grants, 1));
    oa_grants_forget(grants, 0);

    for (n = 0; n < 60; n++) {
        assert_false(has(grants, n));
    }

    munmap(grants, size);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_epoch),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_least_recently_used),
        cmocka_unit_test(test_unknown_gives_way),
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
