
/* The flat table under grants and attempts. */

#include "unit.h"

#include "base/oa_table.h"


#define SIZE  65536


typedef struct {
    oa_table_t  table;
    uint64_t    other;
} header_t;


typedef struct {
    oa_table_entry_t  entry;
    uint64_t          key;
} entry_t;


static const oa_table_kind_t  kind = {
    0x74657374, 1, sizeof(header_t), sizeof(entry_t)
};

static const uint8_t  seed[OA_TABLE_SEED_BYTES] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};


static oa_table_t *
new_table(size_t size)
{
    oa_table_t  *table;

    /* exactly as large as it says, so that the sanitizer sees its end */
    assert_int_equal(posix_memalign((void **) &table, 64, size), 0);
    assert_int_equal(oa_table_format(table, size, &kind, seed), OA_OK);

    return table;
}


static void
places_of(oa_table_t *table, uint64_t key,
    oa_table_entry_t *places[OA_TABLE_PLACES])
{
    uint64_t  hash;

    hash = oa_table_hash(table, oa_slice(&key, sizeof(key)));
    oa_table_places(table, hash, places);
}


static bool
put(oa_table_t *table, uint64_t key)
{
    entry_t           *e;
    oa_table_entry_t  *places[OA_TABLE_PLACES];

    places_of(table, key, places);

    e = (entry_t *) oa_table_free(places);
    if (e == NULL) {
        return false;
    }

    oa_table_begin(&e->entry);
    e->key = key;
    oa_table_commit(table, &e->entry);

    return true;
}


static bool
has(oa_table_t *table, uint64_t key)
{
    size_t             i;
    oa_table_entry_t  *places[OA_TABLE_PLACES];

    places_of(table, key, places);

    for (i = 0; i < OA_TABLE_PLACES; i++) {
        if (places[i]->used && ((entry_t *) places[i])->key == key) {
            return true;
        }
    }

    return false;
}


static void
test_attach(void **state)
{
    oa_table_t       *table;
    oa_table_kind_t   other;

    (void) state;

    table = new_table(SIZE);
    assert_int_equal(oa_table_attach(table, SIZE, &kind), OA_OK);
    assert_int_equal(oa_table_attach(table, SIZE - 64, &kind), OA_EVERSION);
    assert_int_equal(oa_table_attach(table, SIZE + 64, &kind), OA_EVERSION);
    assert_int_equal(oa_table_attach(table, 0, &kind), OA_EVERSION);

    other = kind;
    other.magic++;
    assert_int_equal(oa_table_attach(table, SIZE, &other), OA_EVERSION);

    other = kind;
    other.version++;
    assert_int_equal(oa_table_attach(table, SIZE, &other), OA_EVERSION);

    other = kind;
    other.entry_bytes += 8;
    assert_int_equal(oa_table_attach(table, SIZE, &other), OA_EVERSION);

    other = kind;
    other.header_bytes += 8;
    assert_int_equal(oa_table_attach(table, SIZE, &other), OA_EVERSION);

    memset(table, 0, sizeof(*table));
    assert_int_equal(oa_table_attach(table, SIZE, &kind), OA_EVERSION);

    free(table);
}


static void
test_format_sizes(void **state)
{
    size_t       size, least;
    uint8_t     *mem;
    oa_table_t  *table;

    (void) state;

    least = (sizeof(header_t) + 63) / 64 * 64 + 16 * sizeof(entry_t);

    for (size = 0; size < least; size++) {
        assert_int_equal(posix_memalign((void **) &mem, 64, least), 0);
        assert_int_equal(oa_table_format(mem, size, &kind, seed), OA_EINVAL);
        free(mem);
    }

    table = new_table(least);
    assert_int_equal(oa_table_capacity(table), 16);
    free(table);

    assert_int_equal(posix_memalign((void **) &mem, 64, SIZE), 0);
    assert_int_equal(oa_table_format(mem + 8, SIZE - 64, &kind, seed),
                     OA_EINVAL);
    free(mem);
}


/* The vectors of the paper, by Aumasson and Bernstein, and of its program. */
static void
test_hash(void **state)
{
    uint8_t      bytes[16];
    unsigned     i;
    oa_table_t  *table;

    (void) state;

    table = new_table(SIZE);

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t) i;
    }

    assert_true(oa_table_hash(table, oa_slice(bytes, 15))
                == 0xa129ca6149be45e5ull);
    assert_true(oa_table_hash(table, oa_slice(NULL, 0))
                == 0x726fdb47dd0e0e31ull);
    assert_true(oa_table_hash(table, oa_slice(bytes, 1))
                == 0x74f839c593dc67fdull);
    assert_true(oa_table_hash(table, oa_slice(bytes, 8))
                == 0x93f5f5799a932462ull);

    free(table);
}


/* All sixteen places differ, in any table, and all of a table are used. */
static void
test_places(void **state)
{
    size_t             size, i, j;
    uint64_t           key;
    oa_table_t        *table;
    oa_table_entry_t  *places[OA_TABLE_PLACES];

    (void) state;

    for (size = 64 * 1024; size >= 640; size /= 2) {
        table = new_table(size);

        for (key = 0; key < 3000; key++) {
            places_of(table, key, places);

            for (i = 0; i < OA_TABLE_PLACES; i++) {
                ((entry_t *) places[i])->key = 1;

                for (j = 0; j < i; j++) {
                    assert_ptr_not_equal(places[i], places[j]);
                }
            }
        }

        for (i = 0; i < oa_table_capacity(table); i++) {
            assert_int_equal(((entry_t *) oa_table_entry(table, i))->key, 1);
        }

        free(table);
    }
}


static void
test_fills_up(void **state)
{
    uint64_t     key, other;
    oa_table_t  *table;

    (void) state;

    table = new_table(4 * 1024 * 1024);

    for (key = 0; put(table, key); key++) {
        /* void */
    }

    assert_true(key > oa_table_capacity(table) / 100 * 65);

    for (other = 0; other < key; other++) {
        assert_true(has(table, other));
    }

    assert_false(has(table, key));
    free(table);
}


/* What was not committed is not there. */
static void
test_unfinished(void **state)
{
    oa_table_t        *table;
    oa_table_entry_t  *places[OA_TABLE_PLACES];

    (void) state;

    table = new_table(SIZE);
    assert_true(put(table, 7));

    places_of(table, 8, places);
    ((entry_t *) oa_table_free(places))->key = 8;
    assert_false(has(table, 8));

    places_of(table, 7, places);
    oa_table_begin(places[0]->used ? places[0] : places[OA_TABLE_BUCKET]);
    oa_table_begin(places[OA_TABLE_BUCKET - 1]);
    oa_table_begin(places[OA_TABLE_PLACES - 1]);
    assert_false(has(table, 7));

    free(table);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_format_sizes),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_fills_up),
        cmocka_unit_test(test_unfinished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
