
/* Stream keys: their form, and their digests. */

#include "unit.h"

#include <stdio.h>

#include "auth/oa_key.h"


#define SECRET  "abcdefghijklmnopqrstuvwxyz234567"
#define KEY     "live_1_" SECRET


static oa_slice_t
text(const char *s)
{
    return oa_slice(s, strlen(s));
}


static void
hex(const char *s, uint8_t *bytes, size_t size)
{
    size_t    i;
    unsigned  byte;

    assert_int_equal(strlen(s), size * 2);

    for (i = 0; i < size; i++) {
        assert_int_equal(sscanf(s + i * 2, "%2x", &byte), 1);
        bytes[i] = (uint8_t) byte;
    }
}


static void
test_parse(void **state)
{
    oa_key_t    key;
    oa_slice_t  whole;

    (void) state;

    whole = text(KEY);
    assert_int_equal(oa_key_parse(whole, &key), OA_OK);
    assert_int_equal(key.user_id, 1);
    assert_int_equal(key.secret.size, OA_KEY_SECRET_CHARS);
    assert_ptr_equal(key.secret.data, whole.data + strlen("live_1_"));

    assert_int_equal(oa_key_parse(text("live_9223372036854775807_" SECRET),
                                  &key), OA_OK);
    assert_true(key.user_id == INT64_MAX);
}


static void
test_parse_strictly(void **state)
{
    size_t    i;
    oa_key_t  key;

    static const char  *wrong[] = {
        "", "live", "live_", "live_1", "live_1_", "live_" SECRET,
        "live__" SECRET, "Live_1_" SECRET, " live_1_" SECRET,
        "live_0_" SECRET, "live_01_" SECRET, "live_-1_" SECRET,
        "live_+1_" SECRET, "live_ 1_" SECRET, "live_1a_" SECRET,
        "live_9223372036854775808_" SECRET,
        "live_18446744073709551617_" SECRET,
        "live_99999999999999999999999999_" SECRET,
        "live_1-" SECRET, "live_1_" SECRET "a", "live_1_" SECRET "\n",
        "live_1_" SECRET "?backup=1", "live_1_" SECRET "_",
        "live_1_bcdefghijklmnopqrstuvwxyz234567",
        "live_1_Abcdefghijklmnopqrstuvwxyz234567",
        "live_1_1bcdefghijklmnopqrstuvwxyz234567",
        "live_1_abcdefghijklmnopqrstuvwxyz23456 ",
        "live_1_abcdefghijklmnopqrstuvwxyz234568",
        "live_1_abcdefghijklmnopqrstuvwxyz23456\xc3",
    };

    (void) state;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(oa_key_parse(text(wrong[i]), &key), OA_EINVAL);
    }

    /* a NUL inside, or in place of the last character */
    assert_int_equal(oa_key_parse(oa_slice(KEY, sizeof(KEY)), &key),
                     OA_EINVAL);
    assert_int_equal(oa_key_parse(oa_slice("live_1\0" SECRET,
                                           strlen(KEY)), &key), OA_EINVAL);
    assert_int_equal(oa_key_parse(oa_slice(NULL, 0), &key), OA_EINVAL);
}


/* What is left of a key that was cut anywhere is none. */
static void
test_parse_cut(void **state)
{
    size_t    size;
    uint8_t  *p;
    oa_key_t  key;

    (void) state;

    for (size = 0; size < strlen(KEY); size++) {
        p = malloc(size ? size : 1);
        memcpy(p, KEY, size);
        assert_int_equal(oa_key_parse(oa_slice(p, size), &key), OA_EINVAL);
        free(p);
    }
}


static void
parse(oa_slice_t s)
{
    size_t    i;
    oa_key_t  key;

    if (oa_key_parse(s, &key) != OA_OK) {
        return;
    }

    assert_true(key.user_id > 0);
    assert_int_equal(key.secret.size, OA_KEY_SECRET_CHARS);
    assert_ptr_equal(key.secret.data + key.secret.size, s.data + s.size);

    for (i = 0; i < key.secret.size; i++) {
        assert_non_null(memchr(SECRET, key.secret.data[i], strlen(SECRET)));
    }
}


static void
test_mutations(void **state)
{
    const oa_slice_t  slices[] = {
        text(KEY), text("live_9223372036854775807_" SECRET)
    };

    (void) state;

    unit_mutations(slices, 2, 50000, parse);
}


static void
test_format(void **state)
{
    char     key[OA_KEY_TEXT_BYTES];
    uint8_t  random[OA_KEY_SECRET_BYTES];

    (void) state;

    /* RFC 4648, section 10, and the alphabet in its order */
    memcpy(random, "foobarfoobarfoobarfo", sizeof(random));
    oa_key_format(key, 1, random);
    assert_string_equal(key, "live_1_mzxw6ytbojtg633cmfzgm33pmjqxeztp");

    hex("00443214c74254b635cf84653a56d7c675be77df", random,
        sizeof(random));
    oa_key_format(key, INT64_MAX, random);
    assert_string_equal(key, "live_9223372036854775807_" SECRET);
    assert_int_equal(strlen(key) + 1, OA_KEY_TEXT_BYTES);
}


static void
test_format_and_parse(void **state)
{
    char      key[OA_KEY_TEXT_BYTES];
    size_t    i;
    int64_t   user_id;
    uint8_t   random[OA_KEY_SECRET_BYTES];
    uint64_t  seed;
    oa_key_t  parsed;
    unsigned  n;

    (void) state;

    for (seed = 7, n = 0; n < 1000; n++) {
        for (i = 0; i < sizeof(random); i++) {
            random[i] = (uint8_t) unit_random(&seed);
        }

        user_id = (int64_t) ((uint64_t) unit_random(&seed) << 31
                             | unit_random(&seed)) >> n % 62;
        user_id += user_id == 0;

        oa_key_format(key, user_id, random);
        assert_int_equal(oa_key_parse(text(key), &parsed), OA_OK);
        assert_true(parsed.user_id == user_id);
    }

    /* an id that is none does not become somebody's key */
    oa_key_format(key, 0, random);
    assert_int_equal(oa_key_parse(text(key), &parsed), OA_EINVAL);
    oa_key_format(key, INT64_MIN, random);
    assert_int_equal(oa_key_parse(text(key), &parsed), OA_EINVAL);
}


/* RFC 4231; those test cases whose keys are long enough for a pepper. */
static void
test_digest(void **state)
{
    char     key[131];
    uint8_t  digest[OA_KEY_DIGEST_BYTES], expected[OA_KEY_DIGEST_BYTES];

    (void) state;

    memset(key, 0xaa, sizeof(key));

    hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        expected, sizeof(expected));
    assert_int_equal(oa_key_digest(text("Test Using Larger Than Block-Size "
                                        "Key - Hash Key First"),
                                   oa_slice(key, sizeof(key)), digest),
                     OA_OK);
    assert_memory_equal(digest, expected, sizeof(digest));

    hex("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        expected, sizeof(expected));
    assert_int_equal(oa_key_digest(text("This is a test using a larger than "
                                        "block-size key and a larger than "
                                        "block-size data. The key needs to be"
                                        " hashed before being used by the "
                                        "HMAC algorithm."),
                                   oa_slice(key, sizeof(key)), digest),
                     OA_OK);
    assert_memory_equal(digest, expected, sizeof(digest));
}


static void
test_digest_depends(void **state)
{
    uint8_t  pepper[OA_KEY_PEPPER_MAX + 1];
    uint8_t  a[OA_KEY_DIGEST_BYTES], b[OA_KEY_DIGEST_BYTES];

    (void) state;

    memset(pepper, 1, sizeof(pepper));

    assert_int_equal(oa_key_digest(text(KEY), oa_slice(pepper, 32), a),
                     OA_OK);
    assert_int_equal(oa_key_digest(text(KEY), oa_slice(pepper, 32), b),
                     OA_OK);
    assert_true(oa_key_equal(a, b));

    assert_int_equal(oa_key_digest(text("live_2_" SECRET),
                                   oa_slice(pepper, 32), b), OA_OK);
    assert_false(oa_key_equal(a, b));

    assert_int_equal(oa_key_digest(text(KEY), oa_slice(pepper, 33), b),
                     OA_OK);
    assert_false(oa_key_equal(a, b));

    assert_int_equal(oa_key_digest(text(""), oa_slice(pepper, 256), b),
                     OA_OK);
    assert_int_equal(oa_key_digest(text(KEY), oa_slice(pepper, 31), b),
                     OA_EINVAL);
    assert_int_equal(oa_key_digest(text(KEY), oa_slice(pepper, 257), b),
                     OA_EINVAL);
}


static void
test_pepper_mark(void **state)
{
    char     a[OA_KEY_MARK_BYTES], b[OA_KEY_MARK_BYTES];
    uint8_t  pepper[OA_KEY_PEPPER_MAX + 1];

    (void) state;

    memset(pepper, 1, sizeof(pepper));

    assert_int_equal(oa_key_pepper_mark(oa_slice(pepper, 32), a), OA_OK);
    assert_string_equal(a, "f1a381a97a868b51d543cfa3bace2816");

    assert_int_equal(oa_key_pepper_mark(oa_slice(pepper, 33), b), OA_OK);
    assert_string_not_equal(a, b);

    assert_int_equal(oa_key_pepper_mark(oa_slice(pepper, 31), b), OA_EINVAL);
    assert_int_equal(oa_key_pepper_mark(oa_slice(pepper, 257), b), OA_EINVAL);
}


static void
test_equal(void **state)
{
    size_t    bit;
    uint8_t   a[OA_KEY_DIGEST_BYTES], b[OA_KEY_DIGEST_BYTES];

    (void) state;

    memset(a, 0x5a, sizeof(a));
    memcpy(b, a, sizeof(b));
    assert_true(oa_key_equal(a, b));

    for (bit = 0; bit < sizeof(a) * 8; bit++) {
        b[bit / 8] ^= (uint8_t) (1u << bit % 8);
        assert_false(oa_key_equal(a, b));
        b[bit / 8] ^= (uint8_t) (1u << bit % 8);
    }

    assert_true(oa_key_equal(a, b));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_strictly),
        cmocka_unit_test(test_parse_cut),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_and_parse),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_digest_depends),
        cmocka_unit_test(test_pepper_mark),
        cmocka_unit_test(test_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
