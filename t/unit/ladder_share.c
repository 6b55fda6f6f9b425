
/* What machines tell each other of their slots: its text, and no other. */

#include "unit.h"

#include "ladder/oa_ladder_share.h"


static const char *
print(const oa_ladder_share_t *share)
{
    oa_writer_t  w;
    static char  text[OA_LADDER_SHARE_BYTES + 1];

    oa_writer_init(&w, text, OA_LADDER_SHARE_BYTES);
    oa_ladder_share_print(&w, share);
    assert_int_equal(w.error, OA_OK);
    text[oa_writer_size(&w)] = '\0';

    return text;
}


/* From memory of just its size, for the sanitizer. */
static oa_err_t
parse(const char *text, size_t size, oa_ladder_share_t *share)
{
    void      *copy;
    oa_err_t   err;

    copy = malloc(size);
    assert_true(copy != NULL || size == 0);

    if (size > 0) {
        memcpy(copy, text, size);
    }

    err = oa_ladder_share_parse(oa_slice(copy, size), share);
    free(copy);

    return err;
}


static void
printed_and_parsed(void **state)
{
    unsigned            i;
    const char         *text;
    oa_ladder_share_t   share;

    static const struct {
        oa_ladder_share_t   share;
        const char         *text;
    } cases[] = {
        { { 0, 0, 0, 0 }, "0 0 0 0" },
        { { 1, 4000, 1500, 20 }, "1 4000 1500 20" },
        { { 2, 10, 100, 1000 }, "2 10 100 1000" },
        { { 1000000000000, 1000000000000, 1000000000000, 1000000000000 },
          "1000000000000 1000000000000 1000000000000 1000000000000" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = print(&cases[i].share);
        assert_string_equal(text, cases[i].text);

        memset(&share, 0xff, sizeof(share));
        assert_int_equal(parse(text, strlen(text), &share), OA_OK);
        assert_memory_equal(&share, &cases[i].share, sizeof(share));
    }

    /* the longest is as long as is said */
    assert_int_equal(strlen(text), OA_LADDER_SHARE_BYTES);
}


static void
no_number_above_the_largest(void **state)
{
    oa_ladder_share_t  share = { UINT64_MAX, OA_LADDER_SHARE_MAX + 1,
                                 OA_LADDER_SHARE_MAX, 0 };

    (void) state;

    assert_string_equal(print(&share),
                        "1000000000000 1000000000000 1000000000000 0");
}


static void
refused(void **state)
{
    size_t              size;
    unsigned            i;
    oa_ladder_share_t   share;

    static const char *const  texts[] = {
        "",
        " ",
        "1",
        "1 2",
        "1 2 3",
        "1 2 3 ",
        "1 2 3 4 ",
        "1 2 3 4 5",
        "1 2 3 4\n",
        " 1 2 3 4",
        "1  2 3 4",
        "1\t2 3 4",
        "1,2,3,4",
        "-1 2 3 4",
        "1 +2 3 4",
        "1 2 3.5 4",
        "1 2 0x3 4",
        "1 2 3e3 4",
        "01 2 3 4",
        "1 00 3 4",
        "1 2 3 nan",
        "a b c d",
        "1 2 3 1000000000001",
        "1 2 3 9999999999999",
        "18446744073709551616 2 3 4",
        "1 18446744073709551617 3 4",
        "1 2 99999999999999999999999999999999999999999999999999999999 4"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (parse(texts[i], strlen(texts[i]), &share) != OA_EINVAL) {
            fail_msg("accepted: \"%s\"", texts[i]);
        }
    }

    assert_int_equal(parse("1 2 3 4\0", 8, &share), OA_EINVAL);
    assert_int_equal(parse("1 2\0 3 4", 8, &share), OA_EINVAL);

    /* and whatever is cut off */
    for (size = 0; size < sizeof("1 2 3 4") - 1; size++) {
        assert_int_equal(parse("1 2 3 4", size, &share), OA_EINVAL);
    }
}


static void
no_room_for_it(void **state)
{
    char               text[6];
    oa_writer_t        w;
    oa_ladder_share_t  share = { 1, 2, 3, 4 };

    (void) state;

    oa_writer_init(&w, text, sizeof(text));
    oa_ladder_share_print(&w, &share);
    assert_int_equal(w.error, OA_EFULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(printed_and_parsed),
        cmocka_unit_test(no_number_above_the_largest),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_room_for_it)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
