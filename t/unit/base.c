
#include "unit.h"
#include "base/oa_bits.h"
#include "base/oa_writer.h"


#define ERROR_NUMBER(name, number, text)  number,
#define ERROR_TEXT(name, number, text)    text,


static void
test_errors(void **state)
{
    size_t  i, k;

    static const int          numbers[] = { OA_ERRORS(ERROR_NUMBER) };
    static const char *const  texts[] = { OA_ERRORS(ERROR_TEXT) };

    (void) state;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_string_equal(oa_strerror((oa_err_t) numbers[i]), texts[i]);

        for (k = 0; k < i; k++) {
            assert_int_not_equal(numbers[i], numbers[k]);
        }
    }

    assert_string_equal(oa_strerror((oa_err_t) -1000), "unknown error");
    assert_string_equal(oa_strerror((oa_err_t) 1), "unknown error");
}


static void
test_big_endian_reads(void **state)
{
    const uint8_t  p[] = { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };

    (void) state;

    assert_int_equal(oa_get_u16(p), 0xfedc);
    assert_int_equal(oa_get_u24(p), 0xfedcba);
    assert_true(oa_get_u32(p) == 0xfedcba98);
    assert_true(oa_get_u64(p) == 0xfedcba9876543210ull);
}


static void
test_hash(void **state)
{
    (void) state;

    /* the vectors of FNV-1a's authors */
    assert_true(oa_hash64(unit_bytes("")) == 0xcbf29ce484222325ull);
    assert_true(oa_hash64(unit_bytes("a")) == 0xaf63dc4c8601ec8cull);
    assert_true(oa_hash64(unit_bytes("foobar")) == 0x85944171f73967e8ull);

    /* one of the texts whose hash would be 0 */
    assert_true(oa_hash64(unit_bytes("\xd5\x6b\xb9\x53\x42\x87\x08\x36"))
                == 1);
}


static void
test_rescale(void **state)
{
    (void) state;

    assert_int_equal(oa_rescale(0, 90000, 1000), 0);
    assert_int_equal(oa_rescale(33, 90000, 1000), 2970);
    assert_int_equal(oa_rescale(3003, 1000, 90000), 33);
    assert_int_equal(oa_rescale(3044, 1000, 90000), 34);
    assert_int_equal(oa_rescale(1, 1, 2), 1);
    assert_int_equal(oa_rescale(-1, 1, 2), -1);
    assert_int_equal(oa_rescale(-1, 1, 3), 0);
    assert_int_equal(oa_rescale(-3003, 1000, 90000), -33);
    assert_int_equal(oa_rescale(5, 0, 7), 0);

    /* a product of more than 64 bits */
    assert_true(oa_rescale(INT64_MAX, UINT32_MAX, UINT32_MAX) == INT64_MAX);
    assert_true(oa_rescale(INT64_MIN, UINT32_MAX, UINT32_MAX) == INT64_MIN);
}


static void
test_bits(void **state)
{
    oa_bits_t  b;

    (void) state;

    oa_bits_init(&b, unit_bytes("\xa5\x0f\xff\xff\xff\xfe"));
    assert_int_equal(oa_bits_get(&b, 0), 0);
    assert_int_equal(oa_bits_get(&b, 1), 1);
    assert_int_equal(oa_bits_get(&b, 3), 2);
    oa_bits_skip(&b, 3);
    assert_int_equal(oa_bits_get(&b, 9), 0x10f);
    assert_true(oa_bits_get(&b, 32) == 0xfffffffe);
    assert_int_equal(oa_bits_left(&b), 0);
    assert_int_equal(b.error, OA_OK);
    assert_int_equal(oa_bits_get(&b, 0), 0);
    assert_int_equal(b.error, OA_OK);
}


static void
test_bits_past_the_end(void **state)
{
    oa_bits_t  b;

    (void) state;

    oa_bits_init(&b, unit_bytes("\xff"));
    assert_int_equal(oa_bits_get(&b, 9), 0);
    assert_int_equal(b.error, OA_EINVAL);
    assert_int_equal(oa_bits_get(&b, 1), 0);
    assert_int_equal(b.error, OA_EINVAL);

    oa_bits_init(&b, unit_bytes("\xff"));
    oa_bits_skip(&b, 8);
    assert_int_equal(b.error, OA_OK);
    oa_bits_skip(&b, 1);
    assert_int_equal(b.error, OA_EINVAL);

    oa_bits_init(&b, unit_bytes(""));
    oa_bits_skip(&b, SIZE_MAX);
    assert_int_equal(b.error, OA_EINVAL);
}


static void
test_exp_golomb(void **state)
{
    oa_bits_t  b;
    uint32_t   i;

    static const int32_t  signs[] = { 0, 1, -1, 2, -2, 3, -3 };

    (void) state;

    /* 1 010 011 00100 00101 00110 00111, twice */
    oa_bits_init(&b, unit_bytes("\xa6\x42\x98\xf4\xc8\x53\x1c"));

    for (i = 0; i < 7; i++) {
        assert_int_equal(oa_bits_ue(&b), i);
    }

    for (i = 0; i < 7; i++) {
        assert_int_equal(oa_bits_se(&b), signs[i]);
    }

    assert_int_equal(b.error, OA_OK);
}


static void
test_longest_exp_golomb(void **state)
{
    oa_bits_t   b;
    oa_slice_t  s;

    (void) state;

    s = unit_bytes("\x00\x00\x00\x01\xff\xff\xff\xfe");

    oa_bits_init(&b, s);
    assert_true(oa_bits_ue(&b) == 0xfffffffe);
    assert_int_equal(b.error, OA_OK);

    oa_bits_init(&b, s);
    assert_true(oa_bits_se(&b) == -INT32_MAX);

    oa_bits_init(&b, unit_bytes("\x00\x00\x00\x01\xff\xff\xff\xfc"));
    assert_true(oa_bits_se(&b) == INT32_MAX);
    assert_int_equal(b.error, OA_OK);

    /* 32 zeros */
    oa_bits_init(&b, unit_bytes("\x00\x00\x00\x00\xff\xff\xff\xff\xff"));
    assert_int_equal(oa_bits_ue(&b), 0);
    assert_int_equal(b.error, OA_EINVAL);

    /* cut short among its zeros, and behind them */
    oa_bits_init(&b, unit_bytes("\x00\x00"));
    assert_int_equal(oa_bits_ue(&b), 0);
    assert_int_equal(b.error, OA_EINVAL);

    oa_bits_init(&b, unit_bytes("\x01\x80"));
    assert_int_equal(oa_bits_ue(&b), 0x7f + 0x40);
    assert_int_equal(b.error, OA_OK);
    oa_bits_init(&b, unit_bytes("\x01"));
    assert_int_equal(oa_bits_ue(&b), 0);
    assert_int_equal(b.error, OA_EINVAL);
}


static void
test_writer_integers(void **state)
{
    uint8_t      buf[21];
    oa_writer_t  w;

    (void) state;

    oa_writer_init(&w, buf, sizeof(buf));
    oa_write_u8(&w, 0x101);
    oa_write_u16(&w, 0x0203);
    oa_write_u24(&w, 0x040506);
    oa_write_u32(&w, 0x0708090a);
    oa_write_u64(&w, 0x0b0c0d0e0f101112ull);
    oa_write_zeros(&w, 2);
    oa_write_bytes(&w, "!", 1);

    assert_int_equal(w.error, OA_OK);
    assert_int_equal(oa_writer_slice(&w).size, 21);
    assert_ptr_equal(oa_writer_slice(&w).data, buf);
    assert_memory_equal(buf, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
                             "\x0c\x0d\x0e\x0f\x10\x11\x12\x00\x00!", 21);
}


static void
test_writer_is_bounded(void **state)
{
    uint8_t      buf[5] = "....#";
    oa_writer_t  w;

    (void) state;

    oa_writer_init(&w, buf, 4);
    oa_write_u24(&w, 1);
    oa_write_u16(&w, 2);
    assert_int_equal(w.error, OA_EFULL);

    /* what would fit is left out, too: no hole in the output */
    oa_write_u8(&w, 3);
    oa_write_bytes(&w, "", 0);
    assert_int_equal(w.error, OA_EFULL);
    assert_int_equal(oa_writer_size(&w), 3);
    assert_memory_equal(buf, "\0\0\x01.#", 5);

    oa_writer_init(&w, buf, 4);
    oa_write_bytes(&w, "abcd", 4);
    assert_int_equal(w.error, OA_OK);
    oa_write_zeros(&w, SIZE_MAX);
    assert_int_equal(w.error, OA_EFULL);
    assert_memory_equal(buf, "abcd#", 5);

    oa_writer_init(&w, NULL, 0);
    oa_write_str(&w, "");
    oa_write_slice(&w, oa_slice(NULL, 0));
    assert_int_equal(w.error, OA_OK);
    assert_int_equal(oa_writer_size(&w), 0);
    oa_write_str(&w, "a");
    assert_int_equal(w.error, OA_EFULL);
}


static void
test_writer_patches(void **state)
{
    uint8_t      buf[8] = "";
    oa_writer_t  w;

    (void) state;

    oa_writer_init(&w, buf, sizeof(buf));
    oa_write_bytes(&w, "abcdef", 6);
    oa_writer_patch_u32(&w, 1, 0x31323334);
    oa_writer_patch_u32(&w, 2, 0x35363738);
    assert_int_equal(w.error, OA_OK);
    assert_memory_equal(buf, "a15678\0", 8);

    /* not over what was not written */
    oa_writer_patch_u32(&w, 3, 0);
    assert_int_equal(w.error, OA_EFULL);

    oa_writer_init(&w, buf, sizeof(buf));
    oa_writer_patch_u32(&w, SIZE_MAX, 0);
    assert_int_equal(w.error, OA_EFULL);
    assert_memory_equal(buf, "a15678\0", 8);
}


static void
assert_text(const oa_writer_t *w, const char *text)
{
    assert_int_equal(w->error, OA_OK);
    assert_int_equal(oa_writer_size(w), strlen(text));
    assert_memory_equal(w->start, text, strlen(text));
}


static void
assert_dec(uint64_t v, const char *text)
{
    char         buf[32];
    oa_writer_t  w;

    oa_writer_init(&w, buf, sizeof(buf));
    oa_write_dec(&w, v);
    assert_text(&w, text);
}


static void
test_decimals(void **state)
{
    (void) state;

    assert_dec(0, "0");
    assert_dec(9, "9");
    assert_dec(10, "10");
    assert_dec(UINT64_MAX, "18446744073709551615");
}


static void
assert_seconds(uint64_t ticks, uint32_t timescale, unsigned digits,
    const char *text)
{
    char         buf[40];
    oa_writer_t  w;

    oa_writer_init(&w, buf, sizeof(buf));
    oa_write_seconds(&w, ticks, timescale, digits);
    assert_text(&w, text);
}


static void
test_seconds(void **state)
{
    (void) state;

    assert_seconds(1001, 30000, 5, "0.03337");
    assert_seconds(18018, 90000, 6, "0.200200");
    assert_seconds(0, 90000, 3, "0.000");
    assert_seconds(180000, 90000, 1, "2.0");
    assert_seconds(9216, 44100, 5, "0.20898");
    assert_seconds(1999999, 1000000, 3, "2.000");
    assert_seconds(1, 2, 1, "0.5");
    assert_seconds(UINT32_MAX * 90000ull, 90000, 6, "4294967295.000000");
}


static void
assert_date(int64_t unix_us, const char *text)
{
    char         buf[40];
    oa_writer_t  w;

    oa_writer_init(&w, buf, sizeof(buf));
    oa_write_rfc3339(&w, unix_us);
    assert_text(&w, text);
}


static void
test_dates(void **state)
{
    (void) state;

    assert_date(0, "1970-01-01T00:00:00.000Z");
    assert_date(999, "1970-01-01T00:00:00.000Z");
    assert_date(-1, "1969-12-31T23:59:59.999Z");
    assert_date(-86400000000, "1969-12-31T00:00:00.000Z");
    assert_date(951782399999999, "2000-02-28T23:59:59.999Z");
    assert_date(951782400000000, "2000-02-29T00:00:00.000Z");
    assert_date(951868800000000, "2000-03-01T00:00:00.000Z");
    assert_date(1709164800123456, "2024-02-29T00:00:00.123Z");
    assert_date(1763706240123000, "2025-11-21T06:24:00.123Z");
    assert_date(1767225599999000, "2025-12-31T23:59:59.999Z");
    assert_date(1767225600000000, "2026-01-01T00:00:00.000Z");
    assert_date(4107542400000000, "2100-03-01T00:00:00.000Z");
    assert_date(4107456000000000, "2100-02-28T00:00:00.000Z");
    assert_date(253402300799999000, "9999-12-31T23:59:59.999Z");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_big_endian_reads),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_rescale),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_bits_past_the_end),
        cmocka_unit_test(test_exp_golomb),
        cmocka_unit_test(test_longest_exp_golomb),
        cmocka_unit_test(test_writer_integers),
        cmocka_unit_test(test_writer_is_bounded),
        cmocka_unit_test(test_writer_patches),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_dates)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
