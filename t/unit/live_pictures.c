
/* Pictures of a session in the live store. */


#include "live_store.h"
#include "killed.h"

#include "live/oa_live_pictures.h"


#define BYTES  (16 * 1024 * 1024)


static oa_live_t          store;
static oa_live_session_t  session;
static uint8_t            bytes[OA_LIVE_PICTURE_BYTES + 1];
static uint8_t            got[OA_LIVE_PICTURE_BYTES];


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


/* All of a picture follows from its number, but for its size. */
static oa_live_picture_t
describe(uint32_t number)
{
    unsigned           i;
    oa_live_picture_t  about;

    memset(&about, 0, sizeof(about));
    about.kind = OA_LIVE_SPRITE;
    about.number = number;
    about.made_unix_s = number;
    about.ntiles = OA_LIVE_PICTURE_TILES;

    for (i = 0; i < OA_LIVE_PICTURE_TILES; i++) {
        about.times_ms[i] = number + i;
    }

    return about;
}


static oa_err_t
put(unsigned place, uint32_t number, size_t size)
{
    oa_live_picture_t  about;

    about = describe(number);
    store_fill(bytes, (uint32_t) size, number);

    return oa_live_picture_set(&store, session, place, &about,
                               oa_slice(bytes, size));
}


static bool
whole(const oa_live_picture_found_t *found)
{
    oa_live_picture_t  about;

    about = describe(found->about.number);

    return memcmp(&about, &found->about, sizeof(about)) == 0
           && store_check(got, (uint32_t) found->size, found->about.number);
}


static void
expect(unsigned place, uint32_t number, size_t size)
{
    oa_live_picture_found_t  found;

    assert_int_equal(oa_live_picture_find(&store, session, OA_LIVE_SPRITE,
                                          number, &found), OA_OK);
    assert_int_equal(found.place, place);
    assert_int_equal(found.size, size);
    assert_int_equal(oa_live_picture_read(&store, session, &found, got),
                     OA_OK);
    assert_int_equal(found.about.number, number);
    assert_true(whole(&found));
}


static uint32_t
used(void)
{
    oa_live_usage_t  usage;

    oa_live_usage(&store, &usage);

    return usage.pages_used;
}


static void
test_nothing_yet(void **state)
{
    oa_live_session_t        none = { 99, 0 };
    oa_live_picture_found_t  found;

    (void) state;
    assert_int_equal(oa_live_picture_get(&store, session, 0, &found),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_picture_get(&store, session, OA_LIVE_PICTURES,
                                         &found), OA_ENOTFOUND);
    assert_int_equal(oa_live_picture_find(&store, session, OA_LIVE_THUMBNAIL,
                                          0, &found), OA_ENOTFOUND);
    assert_int_equal(oa_live_picture_get(&store, none, 0, &found), OA_EGONE);

    memset(&found, 0, sizeof(found));
    assert_int_equal(oa_live_picture_read(&store, session, &found, got),
                     OA_EAGAIN);
}


static void
test_every_place_and_size(void **state)
{
    size_t    size;
    uint32_t  before;
    unsigned  place;

    (void) state;
    before = used();

    for (place = 0; place < OA_LIVE_PICTURES; place++) {
        size = 1 + place * OA_LIVE_PICTURE_BYTES / 8;
        assert_int_equal(put(place, 100 + place, size), OA_OK);
    }

    for (place = 0; place < OA_LIVE_PICTURES; place++) {
        size = 1 + place * OA_LIVE_PICTURE_BYTES / 8;
        expect(place, 100 + place, size);
    }

    assert_int_equal(put(7, 9, OA_LIVE_PICTURE_BYTES), OA_OK);
    expect(7, 9, OA_LIVE_PICTURE_BYTES);
    assert_int_equal(used() - before, 1 + 1 + 1 + 2 + 2 + 2 + 3 + 3);
}


static void
test_replaced(void **state)
{
    uint32_t                 i, before;
    oa_live_picture_found_t  old, found;

    (void) state;
    assert_int_equal(put(2, 1, 70000), OA_OK);
    assert_int_equal(oa_live_picture_get(&store, session, 2, &old), OA_OK);
    before = used();

    for (i = 2; i < 100; i++) {
        assert_int_equal(put(2, i, 65537 + i), OA_OK);
        expect(2, i, 65537 + i);
    }

    assert_int_equal(used(), before);
    assert_int_equal(oa_live_picture_get(&store, session, 2, &found), OA_OK);
    assert_int_equal(found.version, old.version + 98);
    assert_int_equal(oa_live_picture_read(&store, session, &old, got),
                     OA_EAGAIN);
    assert_int_equal(oa_live_picture_find(&store, session, OA_LIVE_SPRITE, 1,
                                          &found), OA_ENOTFOUND);
}


static void
test_what_is_refused(void **state)
{
    oa_live_picture_t  about;

    (void) state;
    about = describe(1);
    assert_int_equal(put(0, 5, 100), OA_OK);
    assert_int_equal(put(0, 6, 0), OA_EINVAL);
    assert_int_equal(put(OA_LIVE_PICTURES, 6, 1), OA_EINVAL);
    assert_int_equal(put(0, 6, OA_LIVE_PICTURE_BYTES + 1), OA_EFULL);

    about.ntiles = OA_LIVE_PICTURE_TILES + 1;
    assert_int_equal(oa_live_picture_set(&store, session, 0, &about,
                                         oa_slice(bytes, 1)), OA_EINVAL);
    expect(0, 5, 100);
}


static void
test_the_session_ends(void **state)
{
    uint32_t                 before;
    oa_live_picture_found_t  found;

    (void) state;
    before = used();
    assert_int_equal(put(0, 5, 100000), OA_OK);

    oa_live_release(&store, session, 1000);
    expect(0, 5, 100000);
    assert_int_equal(put(0, 6, 1), OA_EGONE);

    oa_live_end(&store, session, 5000, NULL, NULL);
    expect(0, 5, 100000);
    assert_int_equal(oa_live_picture_get(&store, session, 0, &found), OA_OK);

    oa_live_sweep(&store, 500000, store_alive, NULL, NULL);
    oa_live_sweep(&store, 900000, store_alive, NULL, NULL);
    assert_int_equal(oa_live_picture_read(&store, session, &found, got),
                     OA_EGONE);
    assert_int_equal(oa_live_picture_get(&store, session, 0, &found),
                     OA_EGONE);
    assert_int_equal(put(0, 6, 1), OA_EGONE);
    assert_true(used() < before);
}


/* A session of other channels, until there is no room for one more. */
static unsigned
claim_all(uint64_t id)
{
    bool               resumed;
    char               channel[16];
    unsigned           n;
    oa_live_session_t  other;

    for (n = 0; ; n++) {
        snprintf(channel, sizeof(channel), "other%u", n);

        if (store_claim(&store, channel, id + n, 0, &other, &resumed)
            != OA_OK)
        {
            return n;
        }
    }
}


/* Pictures leave room for broadcasts, however many there are. */
static void
test_media_comes_first(void **state)
{
    bool               resumed;
    uint32_t           n;
    oa_live_usage_t    usage;
    oa_live_session_t  other;

    (void) state;
    oa_live_usage(&store, &usage);

    for (n = 0; put(0, n, OA_LIVE_PICTURE_BYTES) == OA_OK; n++) {
        /* each session fills its places */
        put(1, n, OA_LIVE_PICTURE_BYTES);
        put(2, n, OA_LIVE_PICTURE_BYTES);
        assert_true(usage.pages - used() >= usage.pages / 16 + 16);

        assert_int_equal(store_claim(&store, (char[]) { (char) ('a' + n), 0 },
                                     2 + n, 0, &other, &resumed), OA_OK);
        session = other;
    }

    assert_true(n > 3);
    assert_true(claim_all(1000) > 0);
}


/* One that is there is replaced in what little room there is, if it fits. */
static void
test_replaced_when_nearly_full(void **state)
{
    uint32_t         before;
    oa_live_usage_t  usage;

    (void) state;
    assert_int_equal(put(0, 1, 70000), OA_OK);
    claim_all(1000);

    oa_live_usage(&store, &usage);
    before = usage.pages_used;
    assert_true(usage.pages - before < 16);

    assert_int_equal(put(0, 2, OA_LIVE_PAGE_BYTES * 2), OA_OK);
    expect(0, 2, OA_LIVE_PAGE_BYTES * 2);
    assert_int_equal(put(0, 3, OA_LIVE_PAGE_BYTES * 2 + 1), OA_EFULL);
    assert_int_equal(put(1, 3, 1), OA_EFULL);
    expect(0, 2, OA_LIVE_PAGE_BYTES * 2);
    assert_int_equal(used(), before);

    assert_int_equal(put(0, 4, 1), OA_OK);
    assert_int_equal(used(), before - 1);
}


/* Media that fills the arena leaves no page: the old picture stays. */
static void
test_full_of_media(void **state)
{
    uint32_t             i, init_id;
    unsigned             flags;
    oa_live_usage_t      usage;
    oa_live_rendition_t  rendition;

    (void) state;
    assert_int_equal(put(0, 1, 70000), OA_OK);
    assert_int_equal(store_rendition(&store, session, "video", &rendition),
                     OA_OK);
    assert_int_equal(store_init(&store, rendition, "i", &init_id), OA_OK);

    for (i = 0; ; i++) {
        flags = i == 0 ? OA_LIVE_PART_SEGMENT_START : 0;

        if (store_append_flags(&store, rendition, i, 150000, flags, init_id,
                               bytes) != OA_OK)
        {
            break;
        }
    }

    oa_live_usage(&store, &usage);
    assert_int_equal(usage.pages_used, usage.pages);
    assert_int_equal(put(0, 2, 1), OA_EFULL);
    expect(0, 1, 70000);
}


/* --- several processes ----------------------------------------------- */


/* What is read is whole, and never older than what was read before. */
static int
read_places(unsigned rounds)
{
    oa_err_t                 err;
    uint64_t                 versions[OA_LIVE_PICTURES] = { 0 };
    unsigned                 i, place;
    oa_live_picture_found_t  found;

    for (i = 0; i < rounds; i++) {
        place = i % OA_LIVE_PICTURES;
        err = oa_live_picture_get(&store, session, place, &found);

        if (err == OA_ENOTFOUND || err == OA_EAGAIN) {
            continue;
        }

        if (err != OA_OK || found.version < versions[place]) {
            return 1;
        }

        versions[place] = found.version;
        err = oa_live_picture_read(&store, session, &found, got);

        if (err == OA_OK && !whole(&found)) {
            return 2;
        }

        if (err != OA_OK && err != OA_EAGAIN) {
            return 3;
        }
    }

    return 0;
}


/* The pages change hands all the time: between places, and with media. */
static void
test_readers_elsewhere(void **state)
{
    int                  status;
    pid_t                child;
    uint32_t             i, init_id;
    uint64_t             seed = 7;
    oa_live_rendition_t  rendition;
    static uint8_t       part[100000];

    (void) state;
    assert_int_equal(store_rendition(&store, session, "video", &rendition),
                     OA_OK);
    assert_int_equal(store_init(&store, rendition, "i", &init_id), OA_OK);

    child = fork();
    assert_true(child >= 0);

    if (child == 0) {
        _exit(read_places(4000));
    }

    for (i = 0; waitpid(child, &status, WNOHANG) == 0; i++) {
        assert_int_equal(put(unit_random(&seed) % OA_LIVE_PICTURES, i,
                             1 + unit_random(&seed)
                                 % OA_LIVE_PICTURE_BYTES), OA_OK);
        assert_int_equal(store_append_flags(&store, rendition, i, 100000,
                                            store_flags(i, 4), init_id,
                                            part), OA_OK);
    }

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}


static void
write_on(void *ctx, uint64_t seed)
{
    bool      resumed;
    uint32_t  i;

    (void) ctx;

    if (store_claim(&store, "killed", 5, 0, &session, &resumed) != OA_OK) {
        _exit(1);
    }

    for (i = unit_random(&seed); ; i++) {
        if (put(i % OA_LIVE_PICTURES, i, 1 + unit_random(&seed)
                                             % OA_LIVE_PICTURE_BYTES)
            != OA_OK)
        {
            _exit(1);
        }
    }
}


/* Whoever is next finds whole pictures, and no page is lost. */
static void
test_writer_killed(void **state)
{
    bool                     resumed;
    uint32_t                 before, held;
    uint64_t                 seed = 11;
    unsigned                 i, place;
    oa_live_picture_found_t  found;

    (void) state;
    before = used();

    for (i = 0; i < 60; i++) {
        kill_at_work(write_on, NULL, &seed);
        unit_random(&seed);

        assert_int_equal(store_claim(&store, "killed", 5, 0, &session,
                                     &resumed), OA_OK);
        assert_true(resumed || i == 0);

        /* the session's own two, and what its places have */
        held = 2;

        for (place = 0; place < OA_LIVE_PICTURES; place++) {
            if (oa_live_picture_get(&store, session, place, &found)
                != OA_OK)
            {
                continue;
            }

            held += (uint32_t) ((found.size + OA_LIVE_PAGE_BYTES - 1)
                                / OA_LIVE_PAGE_BYTES);
            assert_int_equal(oa_live_picture_read(&store, session, &found,
                                                  got), OA_OK);
            assert_true(whole(&found));
        }

        assert_int_equal(used() - before, held);
        oa_live_release(&store, session, 0);
    }
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing_yet),
        TEST(test_every_place_and_size),
        TEST(test_replaced),
        TEST(test_what_is_refused),
        TEST(test_the_session_ends),
        TEST(test_media_comes_first),
        TEST(test_replaced_when_nearly_full),
        TEST(test_full_of_media),
        TEST(test_readers_elsewhere),
        TEST(test_writer_killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
