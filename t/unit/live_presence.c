
/* Renditions of the live store that sleep, are withdrawn, wake and jump. */

#include "live_store.h"

#include "live/oa_live_layout.h"


#define MAX  4096                    /* bytes of a part */


static oa_live_t            store;
static oa_live_session_t    session;
static oa_live_rendition_t  rung;
static uint64_t             number;  /* of the next part */
static oa_live_snapshot_t   snapshot;
static uint8_t              buf[OA_LIVE_PAGE_BYTES * 4];


static int
setup(void **state)
{
    uint32_t  init_id;

    (void) state;

    store_open(&store, OA_LIVE_MIN_BYTES);
    session = store_session(&store, "news", 42, 1000);
    assert_int_equal(store_rendition(&store, session, "rung", &rung), OA_OK);
    assert_int_equal(store_init(&store, rung, "one", &init_id), OA_OK);
    number = 0;

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    store_close(&store);

    return 0;
}


static oa_err_t
append_bytes(unsigned flags, uint32_t msn, uint32_t discontinuities,
    uint32_t size)
{
    oa_err_t        err;
    oa_slice_t      piece;
    oa_live_part_t  part;

    store_fill(buf, size, store_key(rung, number));
    piece = oa_slice(buf, size);

    memset(&part, 0, sizeof(part));
    part.pieces = &piece;
    part.npieces = 1;
    part.decode_time = number * STORE_PART;
    part.duration = STORE_PART;
    part.flags = flags;
    part.msn = msn;
    part.discontinuities = discontinuities;

    err = oa_live_part_append(&store, rung, &part);
    number += err == OA_OK;

    return err;
}


static oa_err_t
append(unsigned flags)
{
    return append_bytes(flags, 0, 0, 100);
}


static oa_err_t
append_at(uint32_t msn, uint32_t discontinuities)
{
    return append_bytes(OA_LIVE_PART_AT | OA_LIVE_PART_SEGMENT_START, msn,
                        discontinuities, 100);
}


static oa_live_edge_t
edge(void)
{
    oa_live_edge_t  e;

    assert_int_equal(oa_live_edge(&store, rung, &e), OA_OK);

    return e;
}


static oa_err_t
find_part(uint32_t msn, uint32_t part)
{
    oa_live_part_info_t  info;

    return oa_live_part_find(&store, rung, (oa_live_name_t) { msn, part },
                             &info);
}


static oa_err_t
find_segment(uint32_t msn)
{
    oa_live_segment_info_t  info;

    return oa_live_segment_find(&store, rung, msn, &info);
}


static void
park(oa_live_presence_t presence)
{
    assert_int_equal(oa_live_rendition_park(&store, rung, presence), OA_OK);
}


static uint32_t
pages_used(void)
{
    oa_live_usage_t  usage;

    oa_live_usage(&store, &usage);

    return usage.pages_used;
}


static void
assert_parked(oa_live_presence_t presence)
{
    oa_live_edge_t      e;
    oa_live_presence_t  is;

    assert_int_equal(oa_live_rendition_presence(&store, rung, &is), OA_OK);
    assert_int_equal(is, presence);

    e = edge();
    assert_int_equal(e.presence, presence);
    assert_int_equal(e.head, 0);
    assert_int_equal(e.msn, 0);
    assert_int_equal(e.nparts, 0);
    assert_int_equal(e.hint.msn, 0);
    assert_int_equal(e.hint.part, 0);
    assert_false(e.complete);

    assert_int_equal(oa_live_snapshot(&store, rung, &snapshot), OA_OK);
    assert_int_equal(snapshot.nparts, 0);
    assert_int_equal(snapshot.nsegments, 0);
    assert_string_equal(snapshot.conf.name, "rung");
}


static void
assert_awake(uint32_t msn, uint32_t nparts, oa_live_name_t hint)
{
    oa_live_edge_t      e;
    oa_live_presence_t  is;

    assert_int_equal(oa_live_rendition_presence(&store, rung, &is), OA_OK);
    assert_int_equal(is, OA_LIVE_AWAKE);

    e = edge();
    assert_int_equal(e.presence, OA_LIVE_AWAKE);
    assert_int_equal(e.head, number);
    assert_int_equal(e.msn, msn);
    assert_int_equal(e.nparts, nparts);
    assert_int_equal(e.hint.msn, hint.msn);
    assert_int_equal(e.hint.part, hint.part);
}


static oa_live_name_t
name(uint32_t msn, uint32_t part)
{
    return (oa_live_name_t) { msn, part };
}


/* --- asleep ---------------------------------------------------------- */


static void
a_new_rendition_sleeps_with_its_format(void **state)
{
    size_t            size;
    char              init[OA_LIVE_INIT_BYTES];
    uint32_t          init_id;
    oa_live_format_t  format;

    (void) state;

    park(OA_LIVE_ASLEEP);
    assert_parked(OA_LIVE_ASLEEP);
    assert_int_equal(find_part(0, 0), OA_ENOTFOUND);
    assert_int_equal(find_segment(0), OA_ENOTFOUND);

    assert_int_equal(store_init(&store, rung, "two", &init_id), OA_OK);
    assert_int_equal(init_id, 1);
    assert_int_equal(oa_live_format_get(&store, rung, &format), OA_OK);
    assert_string_equal(format.codecs, "two");
    assert_int_equal(oa_live_init_read(&store, rung, 0, init, &size), OA_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(init, "one", 3);
}


static void
what_sleeps_has_no_parts_and_no_pages(void **state)
{
    uint32_t  before;
    unsigned  i;

    (void) state;

    before = pages_used();

    for (i = 0; i < 20; i++) {
        assert_int_equal(append_bytes(store_flags(number, 5), 0, 0, 30000),
                         OA_OK);
    }

    assert_true(pages_used() >= before + 9);
    assert_int_equal(find_part(2, 1), OA_OK);
    assert_int_equal(find_segment(2), OA_OK);
    assert_int_equal(find_part(4, 0), OA_EAGAIN);

    park(OA_LIVE_ASLEEP);
    assert_parked(OA_LIVE_ASLEEP);
    assert_int_equal(pages_used(), before);

    assert_int_equal(find_part(2, 1), OA_ENOTFOUND);
    assert_int_equal(find_part(4, 0), OA_ENOTFOUND);
    assert_int_equal(find_segment(2), OA_ENOTFOUND);
    assert_int_equal(find_segment(4), OA_ENOTFOUND);
    assert_int_equal(find_segment(0), OA_ENOTFOUND);
    assert_int_equal(oa_live_read(&store, rung, 19, 19 * 30000, buf, 1),
                     OA_EGONE);

    /* and can be withdrawn, and sleep again */
    park(OA_LIVE_WITHDRAWN);
    assert_parked(OA_LIVE_WITHDRAWN);
    park(OA_LIVE_ASLEEP);
    assert_parked(OA_LIVE_ASLEEP);
}


static void
parking_is_refused(void **state)
{
    (void) state;

    assert_int_equal(oa_live_rendition_park(&store, rung, OA_LIVE_AWAKE),
                     OA_EINVAL);
    oa_live_release(&store, session, 2000);
    assert_int_equal(oa_live_rendition_park(&store, rung, OA_LIVE_ASLEEP),
                     OA_EGONE);
}


/* --- waking ---------------------------------------------------------- */


static void
the_first_part_may_be_of_any_segment(void **state)
{
    (void) state;

    assert_int_equal(append_at(7, 2), OA_OK);
    assert_awake(7, 1, name(7, 1));
    assert_int_equal(edge().discontinuities, 2);
    assert_int_equal(find_part(7, 0), OA_OK);
    assert_int_equal(find_segment(6), OA_ENOTFOUND);
    assert_int_equal(find_segment(7), OA_EAGAIN);

    assert_int_equal(oa_live_snapshot(&store, rung, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 1);
    assert_int_equal(snapshot.segments[0].msn, 7);
    assert_int_equal(snapshot.segments[0].discontinuities, 2);
    assert_false(snapshot.segments[0].discontinuity);
}


static void
a_part_wakes_it_in_the_segment_that_it_names(void **state)
{
    uint64_t             offset;
    unsigned             i;
    oa_live_part_info_t  part;

    (void) state;

    for (i = 0; i < 7; i++) {
        assert_int_equal(append(store_flags(number, 5)), OA_OK);
    }

    assert_awake(1, 2, name(1, 2));
    park(OA_LIVE_ASLEEP);

    /* it does not wake without */
    assert_int_equal(append(OA_LIVE_PART_SEGMENT_START), OA_EINVAL);
    assert_int_equal(append(0), OA_EINVAL);
    assert_int_equal(append_at(1, 0), OA_EINVAL);
    assert_parked(OA_LIVE_ASLEEP);

    assert_int_equal(append_at(9, 3), OA_OK);
    assert_awake(9, 1, name(9, 1));
    assert_int_equal(append(0), OA_OK);
    assert_int_equal(append(OA_LIVE_PART_HINT_SEGMENT), OA_OK);
    assert_awake(9, 3, name(10, 0));
    assert_int_equal(append(OA_LIVE_PART_SEGMENT_START
                            | OA_LIVE_PART_DISCONTINUITY), OA_OK);

    assert_int_equal(oa_live_snapshot(&store, rung, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 2);
    assert_int_equal(snapshot.nparts, 4);
    assert_int_equal(snapshot.segments[0].msn, 9);
    assert_int_equal(snapshot.segments[0].discontinuities, 3);
    assert_int_equal(snapshot.segments[1].msn, 10);
    assert_int_equal(snapshot.segments[1].discontinuities, 4);
    assert_int_equal(snapshot.parts[0].number, 7);
    assert_int_equal(snapshot.parts[0].index, 0);

    /* the bytes are those of the part, at the log's new place */
    assert_int_equal(oa_live_part_find(&store, rung, name(9, 1), &part),
                     OA_OK);
    offset = part.offset;
    assert_int_equal(oa_live_read(&store, rung, part.number, offset, buf,
                                  part.size), OA_OK);
    assert_true(store_check(buf, part.size, store_key(rung, part.number)));
}


/* A name that was answered with "not found" once never comes true. */
static void
the_name_promised_before_its_sleep_stays_unused(void **state)
{
    (void) state;

    assert_int_equal(append(OA_LIVE_PART_SEGMENT_START
                            | OA_LIVE_PART_HINT_SEGMENT), OA_OK);
    assert_awake(0, 1, name(1, 0));
    park(OA_LIVE_ASLEEP);
    assert_int_equal(find_part(1, 0), OA_ENOTFOUND);

    assert_int_equal(append_at(1, 0), OA_OK);
    assert_awake(1, 1, name(1, 2));
    assert_int_equal(find_part(1, 0), OA_ENOTFOUND);
    assert_int_equal(find_part(1, 1), OA_OK);
}


static void
it_sleeps_again_at_once(void **state)
{
    unsigned  i;
    uint32_t  before;

    (void) state;

    before = pages_used();

    for (i = 1; i < 300; i++) {
        assert_int_equal(append_at(i, i / 2), OA_OK);
        assert_awake(i, 1, name(i, 1));
        park(i % 3 == 0 ? OA_LIVE_WITHDRAWN : OA_LIVE_ASLEEP);
    }

    assert_int_equal(pages_used(), before);
}


/* --- jumping --------------------------------------------------------- */


static void
the_next_segment_continues(void **state)
{
    (void) state;

    assert_int_equal(append_at(4, 1), OA_OK);
    assert_int_equal(append_at(5, 1), OA_OK);
    assert_int_equal(append_bytes(OA_LIVE_PART_AT | OA_LIVE_PART_SEGMENT_START
                                  | OA_LIVE_PART_DISCONTINUITY, 6, 2, 100),
                     OA_OK);

    assert_int_equal(oa_live_snapshot(&store, rung, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 3);
    assert_int_equal(snapshot.segments[0].msn, 4);
    assert_int_equal(snapshot.segments[2].discontinuities, 2);
}


/* Who fetches the promised part of a rendition that is awake gets one. */
static void
a_jump_keeps_nothing_of_before_but_the_promise(void **state)
{
    (void) state;

    assert_int_equal(append(OA_LIVE_PART_SEGMENT_START), OA_OK);
    assert_int_equal(append(0), OA_OK);
    assert_awake(0, 2, name(0, 2));

    assert_int_equal(append_at(5, 0), OA_OK);
    assert_awake(5, 1, name(5, 0));
    assert_int_equal(find_part(0, 1), OA_ENOTFOUND);
    assert_int_equal(find_part(0, 2), OA_OK);
    assert_int_equal(find_segment(0), OA_ENOTFOUND);
    assert_int_equal(find_segment(4), OA_ENOTFOUND);

    assert_int_equal(append(0), OA_OK);
    assert_awake(5, 2, name(5, 1));
    assert_int_equal(find_part(5, 0), OA_OK);

    assert_int_equal(oa_live_snapshot(&store, rung, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 1);
    assert_int_equal(snapshot.nparts, 2);
}


/* The record of a segment lies where one of 128 before lay. */
static void
a_jump_by_the_size_of_the_ring(void **state)
{
    (void) state;

    assert_int_equal(append_at(3, 0), OA_OK);
    assert_int_equal(append_at(3 + OA_LIVE_SEGMENTS, 0), OA_OK);
    assert_int_equal(append_at(4 + OA_LIVE_SEGMENTS, 0), OA_OK);

    assert_int_equal(oa_live_snapshot(&store, rung, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 2);
    assert_int_equal(snapshot.segments[0].msn, 3 + OA_LIVE_SEGMENTS);
    assert_int_equal(find_segment(3), OA_ENOTFOUND);
    assert_int_equal(find_segment(3 + OA_LIVE_SEGMENTS), OA_OK);
}


/* DISCONTINUITY-SEQUENCE would be wrong for what is in the window. */
static void
discontinuities_that_were_missed_are_a_jump(void **state)
{
    (void) state;

    assert_int_equal(append_at(3, 1), OA_OK);
    assert_int_equal(append_at(4, 2), OA_OK);

    assert_int_equal(oa_live_snapshot(&store, rung, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 1);
    assert_int_equal(snapshot.segments[0].msn, 4);
}


static void
a_segment_that_cannot_be_is_refused(void **state)
{
    (void) state;

    assert_int_equal(append_bytes(OA_LIVE_PART_AT, 3, 0, 100), OA_EINVAL);
    assert_int_equal(append_at(UINT32_MAX, 0), OA_EINVAL);
    assert_int_equal(append_bytes(OA_LIVE_PART_AT | OA_LIVE_PART_SEGMENT_START
                                  | OA_LIVE_PART_DISCONTINUITY, 3, 0, 100),
                     OA_EINVAL);

    assert_int_equal(append_at(3, 1), OA_OK);
    assert_int_equal(append_at(3, 1), OA_EINVAL);
    assert_int_equal(append_at(2, 1), OA_EINVAL);
    assert_int_equal(append_at(4, 0), OA_EINVAL);
    assert_awake(3, 1, name(3, 1));
}


/* --- who wants it ---------------------------------------------------- */


static void
says_when_it_was_wanted(void **state)
{
    int64_t              wanted_ms;
    oa_live_rendition_t  gone;

    (void) state;

    park(OA_LIVE_ASLEEP);
    assert_int_equal(oa_live_rendition_wanted(&store, rung, &wanted_ms),
                     OA_OK);
    assert_int_equal(wanted_ms, 0);

    oa_live_rendition_want(&store, rung, 5000);
    assert_int_equal(oa_live_rendition_wanted(&store, rung, &wanted_ms),
                     OA_OK);
    assert_int_equal(wanted_ms, 5000);

    gone = rung;
    gone.session_id++;
    oa_live_rendition_want(&store, gone, 6000);
    assert_int_equal(oa_live_rendition_wanted(&store, gone, &wanted_ms),
                     OA_EGONE);
    assert_int_equal(oa_live_rendition_wanted(&store, rung, &wanted_ms),
                     OA_OK);
    assert_int_equal(wanted_ms, 5000);
}


/* --- sessions -------------------------------------------------------- */


static void
a_session_with_sleepers_is_resumed(void **state)
{
    bool  resumed;

    (void) state;

    assert_int_equal(append_at(3, 1), OA_OK);
    park(OA_LIVE_ASLEEP);
    oa_live_release(&store, session, 2000);
    assert_parked(OA_LIVE_ASLEEP);

    assert_int_equal(store_claim(&store, "news", 43, 3000, &session,
                                 &resumed), OA_OK);
    assert_true(resumed);
    assert_parked(OA_LIVE_ASLEEP);
    assert_int_equal(append_at(3, 1), OA_EINVAL);
    assert_int_equal(append_at(8, 4), OA_OK);
    assert_awake(8, 1, name(8, 1));
}


/* Its owner was killed when it had said so, and no more. */
static void
half_a_parking_is_done_by_who_resumes(void **state)
{
    bool            resumed;
    uint32_t        before;
    unsigned        i;
    oa_live_view_t  view;

    (void) state;

    before = pages_used();

    for (i = 0; i < 20; i++) {
        assert_int_equal(append_bytes(store_flags(number, 5), 0, 0, 30000),
                         OA_OK);
    }

    assert_true(oa_live_view(&store, rung, &view));
    atomic_store(&view.entry->parked, oa_live_parked_at(20, OA_LIVE_ASLEEP));
    assert_parked(OA_LIVE_ASLEEP);
    assert_true(pages_used() > before);

    oa_live_release(&store, session, 2000);
    assert_int_equal(store_claim(&store, "news", 43, 3000, &session,
                                 &resumed), OA_OK);
    assert_true(resumed);
    assert_parked(OA_LIVE_ASLEEP);
    assert_int_equal(pages_used(), before);

    assert_int_equal(append_at(8, 0), OA_OK);
    assert_awake(8, 1, name(8, 1));
}


static void
an_ended_session_has_its_sleepers_asleep(void **state)
{
    uint32_t             init_id;
    oa_live_usage_t      usage;
    oa_live_rendition_t  source;

    (void) state;

    assert_int_equal(store_rendition(&store, session, "video", &source),
                     OA_OK);
    assert_int_equal(store_init(&store, source, "one", &init_id), OA_OK);
    assert_int_equal(store_append_flags(&store, source, 0, MAX,
                                        OA_LIVE_PART_SEGMENT_START, 0, buf),
                     OA_OK);
    assert_int_equal(append_at(0, 0), OA_OK);
    park(OA_LIVE_WITHDRAWN);

    oa_live_end(&store, session, 2000, NULL, NULL);
    assert_parked(OA_LIVE_WITHDRAWN);
    assert_int_equal(edge().state, OA_LIVE_ENDED);
    assert_int_equal(append_at(1, 0), OA_EGONE);
    assert_int_equal(find_part(0, 1), OA_ENOTFOUND);

    oa_live_sweep(&store, 2000000, store_alive, NULL, NULL);
    oa_live_usage(&store, &usage);
    assert_int_equal(usage.sessions, 0);
    assert_int_equal(usage.pages_used, 0);
}


/* What had the place in the table before leaves nothing. */
static void
a_new_session_does_not_inherit_sleep(void **state)
{
    int64_t              wanted_ms;
    uint32_t             init_id;
    oa_live_rendition_t  before;

    (void) state;

    assert_int_equal(append_at(5, 0), OA_OK);
    park(OA_LIVE_WITHDRAWN);
    oa_live_rendition_want(&store, rung, 1500);
    oa_live_end(&store, session, 2000, NULL, NULL);
    oa_live_sweep(&store, 2000000, store_alive, NULL, NULL);

    before = rung;
    session = store_session(&store, "news", 44, 2000000);
    assert_int_equal(store_rendition(&store, session, "rung", &rung), OA_OK);
    assert_int_equal(rung.index, before.index);
    assert_int_equal(store_init(&store, rung, "one", &init_id), OA_OK);
    assert_int_equal(oa_live_rendition_wanted(&store, rung, &wanted_ms),
                     OA_OK);
    assert_int_equal(wanted_ms, 0);

    number = 0;
    assert_int_equal(append(OA_LIVE_PART_SEGMENT_START), OA_OK);
    assert_awake(0, 1, name(0, 1));
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(a_new_rendition_sleeps_with_its_format),
        TEST(what_sleeps_has_no_parts_and_no_pages),
        TEST(parking_is_refused),
        TEST(the_first_part_may_be_of_any_segment),
        TEST(a_part_wakes_it_in_the_segment_that_it_names),
        TEST(the_name_promised_before_its_sleep_stays_unused),
        TEST(it_sleeps_again_at_once),
        TEST(the_next_segment_continues),
        TEST(a_jump_keeps_nothing_of_before_but_the_promise),
        TEST(a_jump_by_the_size_of_the_ring),
        TEST(discontinuities_that_were_missed_are_a_jump),
        TEST(a_segment_that_cannot_be_is_refused),
        TEST(says_when_it_was_wanted),
        TEST(a_session_with_sleepers_is_resumed),
        TEST(half_a_parking_is_done_by_who_resumes),
        TEST(an_ended_session_has_its_sleepers_asleep),
        TEST(a_new_session_does_not_inherit_sleep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
