
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hls/oa_hls.h"


#define PART_MS  200                     /* an Advance Part Limit of 15 */


static oa_err_t
parse(const char *args, oa_hls_query_t *query)
{
    size_t    size;
    char     *exact;
    oa_err_t  err;

    size = strlen(args);
    exact = malloc(size + (size == 0));
    memcpy(exact, args, size);

    err = oa_hls_query_parse(oa_slice(exact, size), query);

    free(exact);

    return err;
}


static oa_live_edge_t
edge_at(uint32_t msn, uint32_t nparts, bool complete)
{
    return (oa_live_edge_t) {
        .state = OA_LIVE_ON_AIR, .head = 1000, .msn = msn, .nparts = nparts,
        .complete = complete
    };
}


static oa_hls_verdict_t
ask(oa_live_edge_t edge, const char *args, oa_hls_position_t *position)
{
    oa_hls_query_t  query;

    assert_int_equal(parse(args, &query), OA_OK);

    return oa_hls_reload(&edge, &query, PART_MS, position);
}


static void
assert_waits(oa_live_edge_t edge, const char *args, uint32_t msn,
    uint32_t part, bool whole)
{
    oa_hls_position_t  p;

    assert_int_equal(ask(edge, args, &p), OA_HLS_WAIT);
    assert_int_equal(p.msn, msn);
    assert_int_equal(p.part, part);
    assert_int_equal(p.whole, whole);
    assert_false(oa_hls_position_reached(&edge, &p));
}


static void
assert_verdict(oa_live_edge_t edge, const char *args, oa_hls_verdict_t verdict)
{
    oa_hls_position_t  p, before;

    memset(&p, 0, sizeof(p));
    before = p;

    if (ask(edge, args, &p) != verdict) {
        fail_msg("%s is not answered with %d", args, (int) verdict);
    }

    assert_memory_equal(&p, &before, sizeof(p));
}


static void
reads_directives(void **state)
{
    oa_hls_query_t  q;

    (void) state;

    assert_int_equal(parse("", &q), OA_OK);
    assert_false(q.has_msn || q.has_part || q.skip);

    assert_int_equal(parse("token=x&_HLS_msn=7&&_HLS_part=0&=&a&_HLS_skip=YES",
                           &q), OA_OK);
    assert_true(q.has_msn && q.has_part && q.skip);
    assert_int_equal(q.msn, 7);
    assert_int_equal(q.part, 0);

    assert_int_equal(parse("_HLS_msn=18446744073709551615", &q), OA_OK);
    assert_true(q.msn == UINT64_MAX);

    assert_int_equal(parse("_HLS_skip=v2", &q), OA_OK);
    assert_true(q.skip);

    assert_int_equal(parse("_HLS_skip=yes", &q), OA_OK);
    assert_false(q.skip);

    assert_int_equal(parse("_hls_msn=1&X_HLS_msn=1&_HLS_msnx=1", &q), OA_OK);
    assert_false(q.has_msn);
}


static void
refuses_malformed_directives(void **state)
{
    size_t          i;
    oa_hls_query_t  q;

    static const char *const  args[] = {
        "_HLS_part=1", "_HLS_msn", "_HLS_msn=", "_HLS_msn=-1", "_HLS_msn=+1",
        "_HLS_msn=1.0", "_HLS_msn=0x10", "_HLS_msn= 1", "_HLS_msn=1 ",
        "_HLS_msn=1%30", "_HLS_msn=18446744073709551616",
        "_HLS_msn=99999999999999999999", "_HLS_msn=000000000000000000001",
        "_HLS_msn=1&_HLS_msn=1", "_HLS_msn=1&_HLS_part=",
        "_HLS_msn=1&_HLS_part=1&_HLS_part=1", "_HLS_msn=1&_HLS_part=a",
        "_HLS_skip=YES&_HLS_skip=YES", "_HLS_skip=x&_HLS_skip=x"
    };

    (void) state;

    for (i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
        if (parse(args[i], &q) != OA_EINVAL) {
            fail_msg("read \"%s\"", args[i]);
        }
    }
}


static void
without_msn_answers_at_once(void **state)
{
    (void) state;

    assert_verdict(edge_at(5, 2, false), "", OA_HLS_ANSWER);
    assert_verdict(edge_at(5, 2, false), "_HLS_skip=YES", OA_HLS_ANSWER);
}


static void
msn_alone_waits_for_the_whole_segment(void **state)
{
    oa_live_edge_t     edge;
    oa_hls_position_t  p;

    (void) state;

    assert_waits(edge_at(5, 2, false), "_HLS_msn=5", 5, 0, true);
    assert_waits(edge_at(5, 2, false), "_HLS_msn=6", 6, 0, true);
    assert_verdict(edge_at(5, 2, true), "_HLS_msn=5", OA_HLS_ANSWER);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=4", OA_HLS_ANSWER);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=0", OA_HLS_ANSWER);

    p = (oa_hls_position_t) { 6, 0, true };
    edge = edge_at(6, 9, false);
    assert_false(oa_hls_position_reached(&edge, &p));
    edge = edge_at(6, 9, true);
    assert_true(oa_hls_position_reached(&edge, &p));
    edge = edge_at(7, 1, false);
    assert_true(oa_hls_position_reached(&edge, &p));
}


static void
msn_and_part_wait_for_that_or_a_later_part(void **state)
{
    (void) state;

    assert_waits(edge_at(5, 2, false), "_HLS_msn=5&_HLS_part=2", 5, 2, false);
    assert_waits(edge_at(5, 2, false), "_HLS_msn=6&_HLS_part=0", 6, 0, false);
    assert_verdict(edge_at(5, 3, false), "_HLS_msn=5&_HLS_part=2",
                   OA_HLS_ANSWER);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=4&_HLS_part=0",
                   OA_HLS_ANSWER);
}


static void
a_part_past_the_last_means_the_next_segments_first(void **state)
{
    oa_live_edge_t     edge;
    oa_hls_position_t  p;

    (void) state;

    assert_waits(edge_at(5, 10, true), "_HLS_msn=5&_HLS_part=10", 6, 0, false);
    assert_waits(edge_at(5, 10, true), "_HLS_msn=5&_HLS_part=12", 6, 0, false);
    assert_verdict(edge_at(5, 10, true), "_HLS_msn=5&_HLS_part=9",
                   OA_HLS_ANSWER);
    assert_verdict(edge_at(6, 1, false), "_HLS_msn=5&_HLS_part=10",
                   OA_HLS_ANSWER);

    /* also when the segment turned out short while the request waited */
    p = (oa_hls_position_t) { 5, 9, false };
    edge = edge_at(5, 7, true);
    assert_false(oa_hls_position_reached(&edge, &p));
    edge = edge_at(6, 1, false);
    assert_true(oa_hls_position_reached(&edge, &p));
}


static void
too_far_ahead_is_refused(void **state)
{
    (void) state;

    /* the last whole one is 4: 6 is two ahead */
    assert_waits(edge_at(5, 2, false), "_HLS_msn=6", 6, 0, true);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=7", OA_HLS_BAD_REQUEST);
    assert_waits(edge_at(5, 2, true), "_HLS_msn=7", 7, 0, true);
    assert_verdict(edge_at(5, 2, true), "_HLS_msn=8", OA_HLS_BAD_REQUEST);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=4294967295",
                   OA_HLS_BAD_REQUEST);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=4294967301",
                   OA_HLS_BAD_REQUEST);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=18446744073709551615",
                   OA_HLS_BAD_REQUEST);

    assert_waits(edge_at(5, 2, false), "_HLS_msn=5&_HLS_part=16", 5, 16,
                 false);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=5&_HLS_part=17",
                   OA_HLS_BAD_REQUEST);
    assert_waits(edge_at(5, 2, false), "_HLS_msn=6&_HLS_part=14", 6, 14,
                 false);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=6&_HLS_part=15",
                   OA_HLS_BAD_REQUEST);
    assert_verdict(edge_at(5, 2, false), "_HLS_msn=5&_HLS_part=4294967298",
                   OA_HLS_BAD_REQUEST);
    assert_verdict(edge_at(5, 2, false),
                   "_HLS_msn=5&_HLS_part=18446744073709551615",
                   OA_HLS_BAD_REQUEST);

    /* nothing can be too far in a segment that is long past */
    assert_verdict(edge_at(5, 2, false),
                   "_HLS_msn=3&_HLS_part=18446744073709551615", OA_HLS_ANSWER);
}


static void
the_advance_limit_follows_the_part_target(void **state)
{
    oa_live_edge_t     edge;
    oa_hls_query_t     q;
    oa_hls_position_t  p;

    (void) state;

    edge = edge_at(5, 2, false);

    assert_int_equal(parse("_HLS_msn=5&_HLS_part=4", &q), OA_OK);
    assert_int_equal(oa_hls_reload(&edge, &q, 1000, &p), OA_HLS_WAIT);
    assert_int_equal(oa_hls_reload(&edge, &q, 0, &p), OA_HLS_WAIT);

    assert_int_equal(parse("_HLS_msn=5&_HLS_part=5", &q), OA_OK);
    assert_int_equal(oa_hls_reload(&edge, &q, 1000, &p), OA_HLS_BAD_REQUEST);
    assert_int_equal(oa_hls_reload(&edge, &q, 2000, &p), OA_HLS_BAD_REQUEST);
    assert_int_equal(oa_hls_reload(&edge, &q, 500, &p), OA_HLS_WAIT);
}


static void
a_session_without_parts_waits_for_its_first(void **state)
{
    oa_live_edge_t  edge;

    (void) state;

    edge = edge_at(0, 0, false);
    edge.head = 0;

    assert_waits(edge, "_HLS_msn=0", 0, 0, true);
    assert_waits(edge, "_HLS_msn=0&_HLS_part=0", 0, 0, false);
    assert_verdict(edge, "_HLS_msn=2", OA_HLS_BAD_REQUEST);
}


static void
the_end_releases_everybody(void **state)
{
    oa_live_edge_t  edge;

    (void) state;

    edge = edge_at(5, 2, true);

    edge.state = OA_LIVE_GRACE;
    assert_waits(edge, "_HLS_msn=6", 6, 0, true);

    edge.state = OA_LIVE_ENDED;
    assert_verdict(edge, "_HLS_msn=6", OA_HLS_ANSWER);
    assert_verdict(edge, "_HLS_msn=600", OA_HLS_ANSWER);
    assert_verdict(edge, "_HLS_msn=6&_HLS_part=900", OA_HLS_ANSWER);

    edge.state = OA_LIVE_FREE;
    assert_verdict(edge, "_HLS_msn=6", OA_HLS_ANSWER);
}


/* A player comes with the numbers of the rendition that it leaves. */
static void
what_sleeps_is_waited_for(void **state)
{
    oa_live_edge_t     edge;
    oa_hls_position_t  position;

    (void) state;

    edge = edge_at(0, 0, false);
    edge.head = 0;
    edge.presence = OA_LIVE_ASLEEP;

    assert_waits(edge, "_HLS_msn=57&_HLS_part=3", 0, 0, false);
    assert_waits(edge, "_HLS_msn=57", 0, 0, false);
    assert_waits(edge, "_HLS_msn=0&_HLS_part=0", 0, 0, false);
    assert_int_equal(ask(edge, "", &position), OA_HLS_ANSWER);

    position = (oa_hls_position_t) { 0, 0, false };
    assert_false(oa_hls_position_reached(&edge, &position));
    edge = edge_at(58, 1, false);
    assert_true(oa_hls_position_reached(&edge, &position));

    edge = edge_at(0, 0, false);
    edge.presence = OA_LIVE_ASLEEP;
    edge.state = OA_LIVE_ENDED;
    assert_int_equal(ask(edge, "_HLS_msn=57", &position), OA_HLS_ANSWER);
}


static void
positions_have_an_order(void **state)
{
    size_t  i, k, n;
    int     order;

    static const oa_hls_position_t  sorted[] = {
        { 4, 0, false }, { 4, 9, false }, { 4, 0, true }, { 5, 0, false },
        { 5, 1, false }, { 5, UINT32_MAX, false }, { 5, 7, true },
        { UINT32_MAX, 0, true }
    };

    (void) state;

    n = sizeof(sorted) / sizeof(sorted[0]);

    for (i = 0; i < n; i++) {
        for (k = 0; k < n; k++) {
            order = oa_hls_position_compare(&sorted[i], &sorted[k]);
            assert_true((order > 0) == (i > k) && (order < 0) == (i < k));
        }
    }
}


/* But for the one case that the contract names. */
static void
reached_positions_come_first(void **state)
{
    bool               all;
    uint32_t           i, n;
    oa_live_edge_t     edge;
    oa_hls_position_t  p;

    (void) state;

    for (n = 1; n < 6; n++) {
        edge = edge_at(1, n, n == 5);
        all = true;

        for (i = 0; i < 24; i++) {
            p = (oa_hls_position_t) { i / 8, i % 8, i % 8 == 7 };

            if (!oa_hls_position_reached(&edge, &p)) {
                all = false;
                continue;
            }

            assert_true(all || (edge.complete && p.whole && p.msn == 1));
        }

        assert_false(all);
    }
}


static void
a_report_is_never_of_part_zero_when_it_need_not(void **state)
{
    oa_live_edge_t   edge;
    oa_hls_report_t  report;

    (void) state;

    edge = edge_at(5, 3, false);
    oa_hls_report_set(&report, "audio", &edge, 10);
    assert_string_equal(report.name, "audio");
    assert_int_equal(report.last_msn, 5);
    assert_int_equal(report.last_part, 2);

    edge = edge_at(5, 1, false);
    oa_hls_report_set(&report, "audio", &edge, 10);
    assert_int_equal(report.last_msn, 4);
    assert_int_equal(report.last_part, 9);

    oa_hls_report_set(&report, "audio", &edge, 0);
    assert_int_equal(report.last_msn, 5);
    assert_int_equal(report.last_part, 0);

    edge = edge_at(0, 1, false);
    oa_hls_report_set(&report, "audio", &edge, 10);
    assert_int_equal(report.last_msn, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(reads_directives),
        cmocka_unit_test(refuses_malformed_directives),
        cmocka_unit_test(without_msn_answers_at_once),
        cmocka_unit_test(msn_alone_waits_for_the_whole_segment),
        cmocka_unit_test(msn_and_part_wait_for_that_or_a_later_part),
        cmocka_unit_test(a_part_past_the_last_means_the_next_segments_first),
        cmocka_unit_test(too_far_ahead_is_refused),
        cmocka_unit_test(the_advance_limit_follows_the_part_target),
        cmocka_unit_test(a_session_without_parts_waits_for_its_first),
        cmocka_unit_test(the_end_releases_everybody),
        cmocka_unit_test(what_sleeps_is_waited_for),
        cmocka_unit_test(positions_have_an_order),
        cmocka_unit_test(reached_positions_come_first),
        cmocka_unit_test(a_report_is_never_of_part_zero_when_it_need_not)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
