
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json/oa_json.h"


typedef struct {
    uint8_t      buf[1024];
    oa_writer_t  w;
    oa_json_t    json;
} fixture_t;


static int
setup(void **state)
{
    static fixture_t  f;

    oa_writer_init(&f.w, f.buf, sizeof(f.buf));
    oa_json_init(&f.json, &f.w);
    *state = &f;

    return 0;
}


static void
assert_text(fixture_t *f, const char *expected)
{
    char  text[sizeof(f->buf) + 1];

    assert_int_equal(f->w.error, OA_OK);

    memcpy(text, f->buf, oa_writer_size(&f->w));
    text[oa_writer_size(&f->w)] = '\0';

    assert_string_equal(text, expected);
}


static void
commas_and_colons_stand_where_they_must(void **state)
{
    fixture_t  *f = *state;
    oa_json_t  *j = &f->json;

    oa_json_object_begin(j);
    oa_json_key(j, "empty");
    oa_json_array_begin(j);
    oa_json_array_end(j);
    oa_json_key(j, "list");
    oa_json_array_begin(j);
    oa_json_uint(j, 1);
    oa_json_object_begin(j);
    oa_json_key(j, "a");
    oa_json_null(j);
    oa_json_key(j, "b");
    oa_json_object_begin(j);
    oa_json_object_end(j);
    oa_json_object_end(j);
    oa_json_str(j, "x");
    oa_json_array_end(j);
    oa_json_key(j, "last");
    oa_json_uint(j, UINT64_MAX);
    oa_json_object_end(j);

    assert_text(f, "{\"empty\":[],\"list\":[1,{\"a\":null,\"b\":{}},\"x\"],"
                   "\"last\":18446744073709551615}");
}


static void
numbers_and_times_are_plain(void **state)
{
    fixture_t  *f = *state;
    oa_json_t  *j = &f->json;

    oa_json_array_begin(j);
    oa_json_ratio(j, 30000, 1001, 3);
    oa_json_ratio(j, 200, 1000, 3);
    oa_json_rfc3339(j, 1500000);
    oa_json_array_end(j);

    assert_text(f, "[29.970,0.200,\"1970-01-01T00:00:01.500Z\"]");
}


static void
strings_are_escaped(void **state)
{
    fixture_t  *f = *state;

    oa_json_slice(&f->json, oa_slice("a\"b\\c/\n\x00\x1f\x7f<", 11));

    assert_text(f, "\"a\\\"b\\\\c/\\u000a\\u0000\\u001f\\u007f<\"");
}


static void
utf8_passes_and_other_bytes_do_not(void **state)
{
    fixture_t  *f = *state;
    oa_json_t  *j = &f->json;

    oa_json_array_begin(j);
    oa_json_str(j, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xa5");
    oa_json_str(j, "\xc3");                 /* cut off */
    oa_json_str(j, "\xc0\xaf");             /* overlong */
    oa_json_str(j, "\xed\xa0\x80");         /* a surrogate */
    oa_json_str(j, "\xf4\x90\x80\x80");     /* past U+10FFFF */
    oa_json_str(j, "\xe2\x82" "a");
    oa_json_array_end(j);

    assert_text(f, "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xa5\","
                   "\"\\ufffd\",\"\\ufffd\\ufffd\","
                   "\"\\ufffd\\ufffd\\ufffd\","
                   "\"\\ufffd\\ufffd\\ufffd\\ufffd\","
                   "\"\\ufffd\\ufffda\"]");
}


static void
too_little_room_is_an_error_and_can_be_undone(void **state)
{
    fixture_t    *f = *state;
    oa_json_t    *j = &f->json, saved_json;
    oa_writer_t   saved;

    oa_writer_init(&f->w, f->buf, 8);

    oa_json_array_begin(j);
    oa_json_uint(j, 1);

    saved = f->w;
    saved_json = *j;

    oa_json_str(j, "too long");
    assert_int_equal(f->w.error, OA_EFULL);

    f->w = saved;
    *j = saved_json;

    oa_json_uint(j, 2);
    oa_json_array_end(j);

    assert_text(f, "[1,2]");
}


static void
nesting_is_bounded(void **state)
{
    int         i;
    fixture_t  *f = *state;

    for (i = 0; i < OA_JSON_DEPTH; i++) {
        oa_json_array_begin(&f->json);
    }

    assert_int_equal(f->w.error, OA_OK);

    oa_json_array_begin(&f->json);
    assert_int_equal(f->w.error, OA_ELIMIT);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(commas_and_colons_stand_where_they_must, setup),
        cmocka_unit_test_setup(numbers_and_times_are_plain, setup),
        cmocka_unit_test_setup(strings_are_escaped, setup),
        cmocka_unit_test_setup(utf8_passes_and_other_bytes_do_not, setup),
        cmocka_unit_test_setup(too_little_room_is_an_error_and_can_be_undone,
                               setup),
        cmocka_unit_test_setup(nesting_is_bounded, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
