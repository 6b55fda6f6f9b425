
/* The live store when its memory is full, with writers of unlike size. */


#include "live_store.h"


#define WRITERS   5
#define PARTS     2000
#define SEGMENT   10


static const uint32_t  part_max[WRITERS] = {
    200000, 200000, 200000, 5000, 500
};


typedef struct {
    oa_live_rendition_t  rendition;
    uint32_t             init_id;
} writer_t;


static uint8_t  bytes[200000];


static void
writer_open(oa_live_t *live, writer_t *writer, unsigned i)
{
    char               channel[2] = { (char) ('a' + i), '\0' };
    oa_live_session_t  session;

    session = store_session(live, channel, i + 1, 0);

    assert_int_equal(store_rendition(live, session, "video",
                                     &writer->rendition),
                     OA_OK);
    assert_int_equal(store_init(live, writer->rendition, "init",
                                &writer->init_id),
                     OA_OK);
}


static oa_err_t
writer_append(oa_live_t *live, const writer_t *writer, uint64_t number,
    uint32_t max)
{
    return store_append_flags(live, writer->rendition, number, max,
                              store_flags(number, SEGMENT), writer->init_id,
                              bytes);
}


/* The newest part can be read, and is what was written. */
static void
writer_check(const oa_live_t *live, const writer_t *writer)
{
    static oa_live_snapshot_t   snapshot;
    const oa_live_part_info_t  *part;

    assert_int_equal(oa_live_snapshot(live, writer->rendition, &snapshot),
                     OA_OK);
    assert_true(snapshot.nparts > 0);

    part = &snapshot.parts[snapshot.nparts - 1];
    assert_int_equal(part->number, PARTS - 1);
    assert_int_equal(oa_live_read(live, writer->rendition, part->number,
                                  part->offset, bytes, part->size),
                     OA_OK);
    assert_true(store_check(bytes, part->size,
                            store_key(writer->rendition, part->number)));
}


/* The greedy live off their own; nobody is left without room. */
static void
test_full_fairly(void **state)
{
    uint64_t         number;
    unsigned         i;
    oa_live_t        live;
    writer_t         writers[WRITERS];
    oa_live_usage_t  usage;

    (void) state;

    store_open(&live, 16 * 1024 * 1024);

    for (i = 0; i < WRITERS; i++) {
        writer_open(&live, &writers[i], i);
    }

    for (number = 0; number < PARTS; number++) {
        for (i = 0; i < WRITERS; i++) {
            assert_int_equal(writer_append(&live, &writers[i], number,
                                           part_max[i]),
                             OA_OK);
        }
    }

    for (i = 0; i < WRITERS; i++) {
        writer_check(&live, &writers[i]);
    }

    oa_live_usage(&live, &usage);
    assert_true(usage.pages_used > usage.pages / 2);

    store_close(&live);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_full_fairly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
