
/* The live store in one process: what every function does, every error. */

#include "live_store.h"

#include "live/oa_live_layout.h"


#define MAX  4096                    /* bytes of a part */


typedef struct {
    unsigned  n;
    unsigned  topics[64];
} changed_t;


static oa_live_t           store;
static oa_live_snapshot_t  snapshot;
static uint8_t             buf[4 * 1024 * 1024];
static uint8_t             dst[4 * 1024 * 1024];


static int
setup(void **state)
{
    (void) state;

    store_open(&store, OA_LIVE_MIN_BYTES);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    store_close(&store);

    return 0;
}


static void
note_changed(void *ctx, unsigned topic)
{
    changed_t  *changed;

    changed = ctx;

    if (changed != NULL) {
        changed->topics[changed->n++] = topic;
    }
}


/* A session with one rendition and its init segment. */
static oa_live_rendition_t
new_rendition(const char *channel, uint64_t id, int64_t now_ms)
{
    uint32_t             init_id;
    oa_live_session_t    session;
    oa_live_rendition_t  rendition;

    session = store_session(&store, channel, id, now_ms);
    assert_int_equal(store_rendition(&store, session, "video", &rendition),
                     OA_OK);
    assert_int_equal(store_init(&store, rendition, "one", &init_id), OA_OK);
    assert_int_equal(init_id, 0);

    return rendition;
}


static oa_live_session_t
session_of(oa_live_rendition_t rendition)
{
    uint32_t           cursor;
    oa_live_session_t  session;

    for (cursor = 0; oa_live_next(&store, &cursor, &session); ) {
        if (session.id == rendition.session_id) {
            return session;
        }
    }

    fail();

    return session;
}


static oa_err_t
append(oa_live_rendition_t rendition, uint64_t number, unsigned flags)
{
    return store_append_flags(&store, rendition, number, MAX, flags, 0, buf);
}


static void
append_all(oa_live_rendition_t rendition, uint64_t from, uint64_t to,
    unsigned segment)
{
    for ( /* void */ ; from < to; from++) {
        assert_int_equal(append(rendition, from, store_flags(from, segment)),
                         OA_OK);
    }
}


static oa_live_name_t
name(uint32_t msn, uint32_t part)
{
    return (oa_live_name_t) { msn, part };
}


#define assert_name(actual, m, p)                                             \
    do {                                                                      \
        assert_int_equal((actual).msn, m);                                    \
        assert_int_equal((actual).part, p);                                   \
    } while (0)


/* --- the region ------------------------------------------------------ */


static void
test_region(void **state)
{
    uint8_t         *mem;
    size_t           size;
    oa_live_t        live;
    oa_live_lock_t   lock;
    oa_live_usage_t  usage;

    (void) state;

    size = OA_LIVE_MIN_BYTES;
    mem = store_shared(size + 4096);
    lock = store.lock;

    assert_int_equal(oa_live_attach(&live, mem, size, &lock), OA_EVERSION);
    assert_int_equal(oa_live_format(mem, size - 1), OA_EINVAL);
    assert_int_equal(oa_live_format(mem + 8, size), OA_EINVAL);
    assert_int_equal(oa_live_format(mem, size), OA_OK);
    assert_int_equal(oa_live_attach(&live, mem, size, &lock), OA_OK);
    assert_int_equal(oa_live_attach(&live, mem, size + 4096, &lock),
                     OA_EVERSION);
    assert_int_equal(oa_live_attach(&live, mem, 64, &lock), OA_EVERSION);

    oa_live_usage(&live, &usage);
    assert_int_equal(usage.region_bytes, size);
    assert_int_equal(usage.pages_used, 0);
    assert_int_equal(usage.sessions, 0);
    assert_int_equal(usage.renditions, 0);
    assert_in_range(usage.pages, 64, size / OA_LIVE_PAGE_BYTES);

    mem[8] ^= 0x40;                  /* the layout version */
    assert_int_equal(oa_live_attach(&live, mem, size, &lock), OA_EVERSION);

    munmap(mem, size + 4096);
}


/* --- sessions -------------------------------------------------------- */


static void
test_claim_refusals(void **state)
{
    bool               resumed;
    char               longest[OA_LIVE_CHANNEL_BYTES + 2];
    oa_live_session_t  session;

    (void) state;

    memset(longest, 'x', sizeof(longest));
    longest[OA_LIVE_CHANNEL_BYTES + 1] = '\0';

    assert_int_equal(store_claim(&store, "", 1, 0, &session, &resumed),
                     OA_EINVAL);
    assert_int_equal(store_claim(&store, longest, 1, 0, &session, &resumed),
                     OA_EINVAL);
    assert_int_equal(store_claim(&store, "a", 0, 0, &session, &resumed),
                     OA_EINVAL);

    longest[OA_LIVE_CHANNEL_BYTES] = '\0';
    assert_int_equal(store_claim(&store, longest, 1, 0, &session, &resumed),
                     OA_OK);
    assert_int_equal(store_claim(&store, longest, 2, 0, &session, &resumed),
                     OA_EBUSY);
}


static void
test_session_info(void **state)
{
    oa_live_session_t       session, gone;
    oa_live_rendition_t     rendition;
    oa_live_session_info_t  info;

    (void) state;

    session = store_session(&store, "news", 42, 1000);
    assert_int_equal(store_rendition(&store, session, "audio", &rendition),
                     OA_OK);
    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);

    assert_string_equal(info.channel, "news");
    assert_int_equal(info.session.id, 42);
    assert_int_equal(info.state, OA_LIVE_ON_AIR);
    assert_int_equal(info.owner.pid, getpid());
    assert_int_equal(info.started_ms, 1000);
    assert_int_equal(info.state_ms, 1000);
    assert_int_equal(info.publishers, 1);
    assert_int_equal(info.conf.window_ms, 20000);
    assert_int_equal(info.conf.epoch_unix_us, 1700000000000000);
    assert_int_equal(info.nrenditions, 1);
    assert_int_equal(info.renditions[0].index, rendition.index);
    assert_int_equal(info.renditions[0].session_id, 42);

    gone = session;
    gone.id++;
    assert_int_equal(oa_live_session_info(&store, gone, &info), OA_EGONE);
    gone = session;
    gone.index = UINT32_MAX;
    assert_int_equal(oa_live_session_info(&store, gone, &info), OA_EGONE);
}


static void
test_resume_in_grace(void **state)
{
    bool                    resumed;
    oa_live_session_t       session, again;
    oa_live_session_info_t  info;

    (void) state;

    session = store_session(&store, "news", 42, 1000);
    oa_live_release(&store, session, 2000);
    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);
    assert_int_equal(info.state, OA_LIVE_GRACE);
    assert_int_equal(info.state_ms, 2000);

    assert_int_equal(store_claim(&store, "news", 43, 6999, &again, &resumed),
                     OA_OK);
    assert_true(resumed);
    assert_int_equal(again.id, 42);
    assert_int_equal(again.index, session.index);

    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);
    assert_int_equal(info.state, OA_LIVE_ON_AIR);
    assert_int_equal(info.publishers, 2);
    assert_int_equal(info.started_ms, 1000);
}


static void
test_claim_after_the_grace(void **state)
{
    bool                    resumed;
    changed_t               changed;
    oa_live_session_t       session, next, found;
    oa_live_rendition_t     rendition;
    oa_live_session_info_t  info;

    (void) state;

    rendition = new_rendition("news", 42, 1000);
    session = session_of(rendition);
    append_all(rendition, 0, 3, 10);
    oa_live_release(&store, session, 2000);

    assert_int_equal(store_claim(&store, "news", 43, 7000, &next, &resumed),
                     OA_OK);
    assert_false(resumed);
    assert_int_equal(next.id, 43);

    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);
    assert_int_equal(info.state, OA_LIVE_ENDED);
    assert_int_equal(oa_live_find_id(&store, unit_bytes("news"), 42, &found),
                     OA_OK);
    assert_int_equal(found.index, session.index);
    assert_int_equal(oa_live_find(&store, unit_bytes("news"), &found), OA_OK);
    assert_int_equal(found.id, 43);

    /* its readers were not told yet; they are, once */
    memset(&changed, 0, sizeof(changed));
    oa_live_sweep(&store, 7001, store_alive, note_changed, &changed);
    assert_int_equal(changed.n, 1);
    assert_int_equal(changed.topics[0], rendition.index);
    oa_live_sweep(&store, 7002, store_alive, note_changed, &changed);
    assert_int_equal(changed.n, 1);
}


static void
test_dead_owner_is_resumed(void **state)
{
    bool               resumed;
    oa_live_claim_t    claim;
    oa_live_session_t  session, again;

    (void) state;

    session = store_session(&store, "news", 42, 1000);

    memset(&claim, 0, sizeof(claim));
    claim.channel = unit_bytes("news");
    claim.id = 43;
    claim.now_ms = 100000;
    assert_int_equal(oa_live_claim(&store, &claim, store_dead, NULL, &again,
                                   &resumed),
                     OA_OK);
    assert_true(resumed);
    assert_int_equal(again.id, session.id);
}


static void
test_find(void **state)
{
    uint32_t           cursor;
    unsigned           n;
    oa_live_session_t  session, found;

    (void) state;

    assert_int_equal(oa_live_find(&store, unit_bytes("news"), &found),
                     OA_ENOTFOUND);

    /* two ended ones: the newest; then the one on the air */
    session = store_session(&store, "news", 3, 0);
    oa_live_end(&store, session, 0, NULL, NULL);
    session = store_session(&store, "news", 2, 0);
    oa_live_end(&store, session, 0, NULL, NULL);
    assert_int_equal(oa_live_find(&store, unit_bytes("news"), &found), OA_OK);
    assert_int_equal(found.id, 2);

    session = store_session(&store, "news", 1, 0);
    store_session(&store, "other", 9, 0);
    assert_int_equal(oa_live_find(&store, unit_bytes("news"), &found), OA_OK);
    assert_int_equal(found.id, 1);
    oa_live_release(&store, session, 0);
    assert_int_equal(oa_live_find(&store, unit_bytes("news"), &found), OA_OK);
    assert_int_equal(found.id, 1);

    assert_int_equal(oa_live_find_id(&store, unit_bytes("news"), 3, &found),
                     OA_OK);
    assert_int_equal(found.id, 3);
    assert_int_equal(oa_live_find_id(&store, unit_bytes("news"), 9, &found),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_find(&store, oa_slice("", 0), &found),
                     OA_ENOTFOUND);

    for (n = 0, cursor = 0; oa_live_next(&store, &cursor, &found); n++) {
        assert_int_not_equal(found.id, 0);
    }

    assert_int_equal(n, 4);
}


static void
test_sweep(void **state)
{
    changed_t               changed;
    oa_live_session_t       session;
    oa_live_usage_t         usage;
    oa_live_rendition_t     rendition;
    oa_live_session_info_t  info;

    (void) state;

    memset(&changed, 0, sizeof(changed));
    rendition = new_rendition("news", 42, 0);
    session = session_of(rendition);
    append_all(rendition, 0, 5, 10);

    oa_live_sweep(&store, 100000, store_alive, note_changed, &changed);
    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);
    assert_int_equal(info.state, OA_LIVE_ON_AIR);
    assert_int_equal(changed.n, 0);

    oa_live_sweep(&store, 100000, store_dead, note_changed, &changed);
    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);
    assert_int_equal(info.state, OA_LIVE_GRACE);
    assert_int_equal(info.state_ms, 100000);

    changed.n = 0;
    oa_live_sweep(&store, 104999, store_dead, note_changed, &changed);
    assert_int_equal(changed.n, 0);
    oa_live_sweep(&store, 105000, store_dead, note_changed, &changed);
    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);
    assert_int_equal(info.state, OA_LIVE_ENDED);
    assert_int_equal(changed.n, 1);
    assert_int_equal(changed.topics[0], rendition.index);

    /* a window of 20 s and three target durations of 2 s */
    oa_live_sweep(&store, 131000, store_dead, note_changed, &changed);
    assert_int_equal(oa_live_session_info(&store, session, &info), OA_OK);
    oa_live_sweep(&store, 131001, store_dead, note_changed, &changed);
    assert_int_equal(oa_live_session_info(&store, session, &info), OA_EGONE);
    assert_int_equal(changed.n, 1);

    oa_live_usage(&store, &usage);
    assert_int_equal(usage.pages_used, 0);
    assert_int_equal(usage.sessions, 0);
    assert_int_equal(usage.renditions, 0);
}


/* Every function's answer for a session that is no longer there. */
static void
assert_gone(oa_live_session_t session, oa_live_rendition_t rendition)
{
    size_t                    size;
    uint32_t                  id;
    oa_live_edge_t            edge;
    oa_live_stats_t           stats;
    oa_live_format_t          format;
    oa_live_part_info_t       part;
    oa_live_rendition_t       other;
    oa_live_session_info_t    info;
    oa_live_segment_info_t    segment;
    oa_live_rendition_conf_t  conf;

    memset(&stats, 0, sizeof(stats));

    assert_int_equal(oa_live_session_info(&store, session, &info), OA_EGONE);
    assert_int_equal(store_rendition(&store, session, "x", &other), OA_EGONE);
    assert_int_equal(oa_live_rendition_find(&store, session,
                                            unit_bytes("video"), &other),
                     OA_EGONE);
    assert_int_equal(oa_live_rendition_conf(&store, rendition, &conf),
                     OA_EGONE);
    assert_int_equal(oa_live_format_get(&store, rendition, &format),
                     OA_EGONE);
    assert_int_equal(oa_live_stats_get(&store, rendition, &stats), OA_EGONE);
    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_EGONE);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot),
                     OA_EGONE);
    assert_int_equal(oa_live_part_find(&store, rendition, name(0, 0), &part),
                     OA_EGONE);
    assert_int_equal(oa_live_segment_find(&store, rendition, 0, &segment),
                     OA_EGONE);
    assert_int_equal(oa_live_read(&store, rendition, 0, 0, dst, 1), OA_EGONE);
    assert_int_equal(oa_live_init_read(&store, rendition, 0, dst, &size),
                     OA_EGONE);
    assert_int_equal(store_init(&store, rendition, "x", &id), OA_EGONE);
    assert_int_equal(append(rendition, 0, OA_LIVE_PART_SEGMENT_START),
                     OA_EGONE);
    assert_int_equal(oa_live_viewers(&store, session, 0), 0);

    oa_live_viewer_seen(&store, session, 1, 0);
    oa_live_stats_set(&store, rendition, &stats);
    oa_live_segment_close(&store, rendition);
    oa_live_release(&store, session, 0);
    oa_live_end(&store, session, 0, NULL, NULL);
}


static void
test_gone(void **state)
{
    oa_live_edge_t       edge;
    oa_live_session_t    session;
    oa_live_rendition_t  rendition, next;

    (void) state;

    rendition = new_rendition("news", 42, 0);
    session = session_of(rendition);
    append_all(rendition, 0, 5, 10);
    oa_live_end(&store, session, 0, NULL, NULL);
    oa_live_sweep(&store, 30000, store_alive, note_changed, NULL);
    assert_gone(session, rendition);

    /* the same places of the tables, another session */
    next = new_rendition("other", 43, 0);
    assert_int_equal(next.index, rendition.index);
    append_all(next, 0, 5, 10);
    assert_gone(session, rendition);

    assert_int_equal(oa_live_edge(&store, next, &edge), OA_OK);
    assert_int_equal(edge.head, 5);
    assert_int_equal(edge.complete, false);
    assert_int_equal(edge.state, OA_LIVE_ON_AIR);
}


static void
test_all_sessions_taken(void **state)
{
    bool               resumed;
    char               channel[16];
    unsigned           i;
    oa_live_t          live;
    oa_live_usage_t    usage;
    oa_live_session_t  session;

    (void) state;

    store_open(&live, (size_t) 276 * 1024 * 1024);

    for (i = 0; i < OA_LIVE_SESSIONS; i++) {
        snprintf(channel, sizeof(channel), "c%u", i);
        session = store_session(&live, channel, i + 1, 0);
    }

    assert_int_equal(store_claim(&live, "more", 9999, 0, &session, &resumed),
                     OA_EFULL);

    oa_live_sweep(&live, 10, store_dead, note_changed, NULL);
    oa_live_sweep(&live, 6000, store_dead, note_changed, NULL);
    oa_live_sweep(&live, 60000, store_dead, note_changed, NULL);
    oa_live_usage(&live, &usage);
    assert_int_equal(usage.sessions, 0);
    assert_int_equal(usage.pages_used, 0);

    store_session(&live, "more", 9999, 0);
    store_close(&live);
}


/* Channels that begin and end by the thousand keep nobody else out. */
static void
test_ended_sessions_give_way(void **state)
{
    bool                   resumed;
    char                   channel[16];
    unsigned               i;
    oa_live_t              live;
    oa_live_session_t      session, kept, last;

    (void) state;

    store_open(&live, (size_t) 276 * 1024 * 1024);
    kept = store_session(&live, "kept", 5000, 0);

    for (i = 1; i < OA_LIVE_SESSIONS; i++) {
        snprintf(channel, sizeof(channel), "c%u", i);
        last = store_session(&live, channel, i, 1000);
        oa_live_end(&live, last, 1000 + i, NULL, NULL);
    }

    /* their readers have not been told yet */
    assert_int_equal(store_claim(&live, "more", 9999, 3500, &session,
                                 &resumed),
                     OA_EFULL);

    /* from the one that ended first on */
    session = store_session(&live, "more", 9999, 4500);
    assert_int_equal(oa_live_find(&live, unit_bytes("c1"), &last),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_find(&live, unit_bytes("c2"), &last), OA_OK);
    assert_int_equal(oa_live_find(&live, unit_bytes("kept"), &last), OA_OK);
    assert_int_equal(last.id, kept.id);

    store_close(&live);
}


/* --- renditions ------------------------------------------------------ */


static void
test_renditions(void **state)
{
    char                      text[16];
    unsigned                  i;
    oa_live_session_t         session;
    oa_live_rendition_t       rendition, other;
    oa_live_rendition_conf_t  conf;

    (void) state;

    session = store_session(&store, "news", 42, 0);

    assert_int_equal(store_rendition(&store, session, "", &other), OA_EINVAL);
    assert_int_equal(store_rendition(&store, session, "Up", &other),
                     OA_EINVAL);
    assert_int_equal(store_rendition(&store, session, "a/b", &other),
                     OA_EINVAL);
    memset(&conf, 0, sizeof(conf));
    memset(conf.name, 'a', sizeof(conf.name));
    conf.timescale = 1;
    assert_int_equal(oa_live_rendition_add(&store, session, &conf, &other),
                     OA_EINVAL);
    strcpy(conf.name, "a");
    conf.timescale = 0;
    assert_int_equal(oa_live_rendition_add(&store, session, &conf, &other),
                     OA_EINVAL);

    for (i = 0; i < OA_LIVE_SESSION_RENDITIONS; i++) {
        snprintf(text, sizeof(text), "rung_%u", i);
        assert_int_equal(store_rendition(&store, session, text, &rendition),
                         OA_OK);
        assert_int_equal(store_rendition(&store, session, text, &other),
                         OA_EBUSY);
        assert_int_equal(other.index, rendition.index);
    }

    assert_int_equal(store_rendition(&store, session, "more", &other),
                     OA_EFULL);

    assert_int_equal(oa_live_rendition_find(&store, session,
                                            unit_bytes("rung_15"), &other),
                     OA_OK);
    assert_int_equal(other.index, rendition.index);
    assert_int_equal(oa_live_rendition_find(&store, session,
                                            unit_bytes("rung_1x"), &other),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_rendition_find(&store, session,
                                            unit_bytes("rung_"), &other),
                     OA_ENOTFOUND);

    assert_int_equal(oa_live_rendition_conf(&store, rendition, &conf), OA_OK);
    assert_string_equal(conf.name, "rung_15");
    assert_int_equal(conf.timescale, STORE_TIMESCALE);
    assert_int_equal(conf.part_target, STORE_PART);
}


static void
test_stats(void **state)
{
    oa_live_stats_t      stats, got;
    oa_live_rendition_t  rendition;

    (void) state;

    rendition = new_rendition("news", 42, 0);
    assert_int_equal(oa_live_stats_get(&store, rendition, &got), OA_OK);
    assert_int_equal(got.frames, 0);

    memset(&stats, 0, sizeof(stats));
    stats.bandwidth_bps = 1;
    stats.frames = UINT64_MAX;
    stats.keyframe_interval_ms = 2000;
    oa_live_stats_set(&store, rendition, &stats);
    assert_int_equal(oa_live_stats_get(&store, rendition, &got), OA_OK);
    assert_memory_equal(&stats, &got, sizeof(stats));
}


static void
test_rung(void **state)
{
    oa_live_rung_t       rung, got;
    oa_live_rendition_t  rendition;

    (void) state;

    rendition = new_rendition("news", 42, 0);
    assert_int_equal(oa_live_rung_get(&store, rendition, &got), OA_OK);
    assert_int_equal(got.made, 0);

    memset(&rung, 0, sizeof(rung));
    rung.made = 1;
    rung.frames = UINT64_MAX;
    rung.scale_us = 77;
    oa_live_rung_set(&store, rendition, &rung);
    assert_int_equal(oa_live_rung_get(&store, rendition, &got), OA_OK);
    assert_memory_equal(&rung, &got, sizeof(rung));

    /* of another session */
    rendition.session_id++;
    oa_live_rung_set(&store, rendition, &rung);
    assert_int_equal(oa_live_rung_get(&store, rendition, &got), OA_EGONE);
}


static void
test_init_segments(void **state)
{
    char                    text[8];
    size_t                  size;
    uint32_t                id, i;
    oa_live_format_t        format;
    oa_live_session_t       session;
    oa_live_rendition_t     rendition;
    oa_live_segment_info_t  segment;

    (void) state;

    session = store_session(&store, "news", 42, 0);
    assert_int_equal(store_rendition(&store, session, "v", &rendition), OA_OK);
    assert_int_equal(oa_live_format_get(&store, rendition, &format),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_init_read(&store, rendition, 0, dst, &size),
                     OA_ENOTFOUND);

    memset(&format, 0, sizeof(format));
    memset(buf, 7, OA_LIVE_INIT_BYTES + 1);
    assert_int_equal(oa_live_init_add(&store, rendition,
                                      oa_slice(buf, OA_LIVE_INIT_BYTES + 1),
                                      &format, &id),
                     OA_EFULL);
    assert_int_equal(oa_live_init_add(&store, rendition,
                                      oa_slice(buf, OA_LIVE_INIT_BYTES),
                                      &format, &id),
                     OA_OK);
    assert_int_equal(id, 0);

    /* the same again, described otherwise */
    format.width = 1280;
    assert_int_equal(oa_live_init_add(&store, rendition,
                                      oa_slice(buf, OA_LIVE_INIT_BYTES),
                                      &format, &id),
                     OA_OK);
    assert_int_equal(id, 0);
    memset(&format, 0, sizeof(format));
    assert_int_equal(oa_live_format_get(&store, rendition, &format), OA_OK);
    assert_int_equal(format.width, 1280);
    assert_int_equal(oa_live_init_read(&store, rendition, 0, dst, &size),
                     OA_OK);
    assert_int_equal(size, OA_LIVE_INIT_BYTES);
    assert_memory_equal(dst, "\7\7\7\7", 4);

    assert_int_equal(store_append_flags(&store, rendition, 0, MAX,
                                        OA_LIVE_PART_SEGMENT_START, 0, buf),
                     OA_OK);

    for (i = 1; i < OA_LIVE_INITS; i++) {
        snprintf(text, sizeof(text), "i%u", i);
        assert_int_equal(store_init(&store, rendition, text, &id), OA_OK);
        assert_int_equal(id, i);
        assert_int_equal(store_append_flags(&store, rendition, i, MAX,
                                            OA_LIVE_PART_SEGMENT_START, i,
                                            buf),
                         OA_OK);
    }

    assert_int_equal(oa_live_segment_find(&store, rendition, 0, &segment),
                     OA_OK);

    /* one more: the oldest goes, and the segment that needs it */
    assert_int_equal(store_init(&store, rendition, "more", &id), OA_OK);
    assert_int_equal(id, OA_LIVE_INITS);
    assert_int_equal(oa_live_init_read(&store, rendition, 0, dst, &size),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_segment_find(&store, rendition, 0, &segment),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_segment_find(&store, rendition, 1, &segment),
                     OA_OK);
    assert_int_equal(segment.init_id, 1);
    assert_int_equal(oa_live_init_read(&store, rendition, 1, dst, &size),
                     OA_OK);
    assert_int_equal(size, 2);
    assert_memory_equal(dst, "i1", 2);

    /* a part cannot name one that is gone, nor one to come */
    assert_int_equal(store_append_flags(&store, rendition, 9, MAX,
                                        OA_LIVE_PART_SEGMENT_START, 0, buf),
                     OA_EINVAL);
    assert_int_equal(store_append_flags(&store, rendition, 9, MAX,
                                        OA_LIVE_PART_SEGMENT_START, 9, buf),
                     OA_EINVAL);

    /* so many that the open segment loses its own */
    for (i = 0; i < OA_LIVE_INITS; i++) {
        snprintf(text, sizeof(text), "j%u", i);
        assert_int_equal(store_init(&store, rendition, text, &id), OA_OK);
    }

    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 0);
    assert_int_equal(store_append_flags(&store, rendition, 9, MAX, 0, 7, buf),
                     OA_EINVAL);
    assert_int_equal(store_append_flags(&store, rendition, 9, MAX,
                                        OA_LIVE_PART_SEGMENT_START, id, buf),
                     OA_OK);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 1);
    assert_int_equal(snapshot.segments[0].msn, OA_LIVE_INITS);
}


/* --- parts and segments ---------------------------------------------- */


static void
test_append_refusals(void **state)
{
    uint32_t             id;
    oa_slice_t           none;
    oa_live_part_t       part;
    oa_live_edge_t       edge;
    oa_live_rendition_t  rendition;

    (void) state;

    rendition = new_rendition("news", 42, 0);

    assert_int_equal(append(rendition, 0, OA_LIVE_PART_INDEPENDENT),
                     OA_EINVAL);

    memset(&part, 0, sizeof(part));
    none = oa_slice(NULL, 0);
    part.pieces = &none;
    part.npieces = 1;
    part.flags = OA_LIVE_PART_SEGMENT_START;
    assert_int_equal(oa_live_part_append(&store, rendition, &part),
                     OA_EINVAL);
    part.npieces = 0;
    assert_int_equal(oa_live_part_append(&store, rendition, &part),
                     OA_EINVAL);

    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
    assert_int_equal(edge.head, 0);

    assert_int_equal(append(rendition, 0, OA_LIVE_PART_SEGMENT_START), OA_OK);
    assert_int_equal(append(rendition, 1, OA_LIVE_PART_DISCONTINUITY),
                     OA_EINVAL);
    assert_int_equal(store_init(&store, rendition, "two", &id), OA_OK);
    assert_int_equal(store_append_flags(&store, rendition, 1, MAX, 0, id,
                                        buf),
                     OA_EINVAL);
    assert_int_equal(append(rendition, 1, 0), OA_OK);

    oa_live_segment_close(&store, rendition);
    assert_int_equal(append(rendition, 2, 0), OA_EINVAL);
    assert_int_equal(append(rendition, 2, OA_LIVE_PART_SEGMENT_START), OA_OK);

    oa_live_release(&store, session_of(rendition), 0);
    assert_int_equal(append(rendition, 3, 0), OA_EGONE);

    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
    assert_int_equal(edge.head, 3);
}


static void
test_names(void **state)
{
    unsigned             i;
    oa_live_edge_t       edge;
    oa_live_part_info_t  part;
    oa_live_rendition_t  rendition;

    static const struct {
        unsigned        flags;
        uint32_t        msn;
        uint32_t        index;
        oa_live_name_t  name;
    } parts[] = {
        { OA_LIVE_PART_SEGMENT_START, 0, 0, { 0, 0 } },
        { OA_LIVE_PART_HINT_SEGMENT, 0, 1, { 0, 1 } },
        /* foreseen, and it came */
        { OA_LIVE_PART_SEGMENT_START, 1, 0, { 1, 0 } },
        { 0, 1, 1, { 1, 1 } },
        /* unforeseen: the promised name, in a new segment */
        { OA_LIVE_PART_SEGMENT_START, 2, 0, { 1, 2 } },
        { OA_LIVE_PART_HINT_SEGMENT, 2, 1, { 2, 0 } },
        /* foreseen, and it did not come */
        { 0, 2, 2, { 3, 0 } },
        { OA_LIVE_PART_HINT_SEGMENT, 2, 3, { 3, 1 } },
        { OA_LIVE_PART_SEGMENT_START | OA_LIVE_PART_HINT_SEGMENT,
          3, 0, { 3, 2 } },
        { OA_LIVE_PART_SEGMENT_START, 4, 0, { 4, 0 } },
        { OA_LIVE_PART_SEGMENT_START, 5, 0, { 4, 1 } },
        { OA_LIVE_PART_SEGMENT_START, 6, 0, { 5, 0 } },
    };

    (void) state;

    rendition = new_rendition("news", 42, 0);
    assert_int_equal(oa_live_part_find(&store, rendition, name(0, 0), &part),
                     OA_EAGAIN);
    assert_int_equal(oa_live_part_find(&store, rendition, name(0, 1), &part),
                     OA_ENOTFOUND);

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
        assert_name(edge.hint, parts[i].name.msn, parts[i].name.part);
        assert_int_equal(oa_live_part_find(&store, rendition, parts[i].name,
                                           &part),
                         OA_EAGAIN);

        assert_int_equal(append(rendition, i, parts[i].flags), OA_OK);

        assert_int_equal(oa_live_part_find(&store, rendition, parts[i].name,
                                           &part),
                         OA_OK);
        assert_int_equal(part.number, i);
        assert_int_equal(part.msn, parts[i].msn);
        assert_int_equal(part.index, parts[i].index);
        assert_int_equal(part.flags, parts[i].flags);
        assert_name(part.name, parts[i].name.msn, parts[i].name.part);
        assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
        assert_name(part.hint, edge.hint.msn, edge.hint.part);
        assert_int_equal(edge.msn, parts[i].msn);
        assert_int_equal(edge.nparts, parts[i].index + 1);
    }

    assert_int_equal(oa_live_part_find(&store, rendition, name(1, 3), &part),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_part_find(&store, rendition, name(9, 0), &part),
                     OA_ENOTFOUND);

    /* what was promised does not come any more */
    oa_live_end(&store, session_of(rendition), 0, NULL, NULL);
    assert_int_equal(oa_live_part_find(&store, rendition, edge.hint, &part),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_part_find(&store, rendition, name(5, 0), &part),
                     OA_OK);
}


static void
test_edge(void **state)
{
    changed_t            changed;
    oa_live_edge_t       edge;
    oa_live_rendition_t  rendition;

    (void) state;

    rendition = new_rendition("news", 42, 0);
    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
    assert_int_equal(edge.state, OA_LIVE_ON_AIR);
    assert_int_equal(edge.head, 0);
    assert_int_equal(edge.msn, 0);
    assert_int_equal(edge.nparts, 0);
    assert_false(edge.complete);
    assert_name(edge.hint, 0, 0);

    append_all(rendition, 0, 12, 5);
    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
    assert_int_equal(edge.head, 12);
    assert_int_equal(edge.msn, 2);
    assert_int_equal(edge.nparts, 2);
    assert_false(edge.complete);

    oa_live_segment_close(&store, rendition);
    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
    assert_true(edge.complete);
    assert_int_equal(edge.msn, 2);

    assert_int_equal(append(rendition, 12, OA_LIVE_PART_SEGMENT_START),
                     OA_OK);
    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
    assert_false(edge.complete);
    assert_int_equal(edge.msn, 3);

    memset(&changed, 0, sizeof(changed));
    oa_live_end(&store, session_of(rendition), 5, note_changed, &changed);
    assert_int_equal(changed.n, 1);
    assert_int_equal(changed.topics[0], rendition.index);
    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_OK);
    assert_true(edge.complete);
    assert_int_equal(edge.state, OA_LIVE_ENDED);
}


static void
test_end_without_a_part(void **state)
{
    unsigned             i;
    changed_t            changed;
    oa_live_edge_t       edge;
    oa_live_session_t    session;
    oa_live_rendition_t  rendition;

    (void) state;

    /* readers are told, and then there is nothing left of it */
    session = store_session(&store, "news", 1, 0);
    assert_int_equal(store_rendition(&store, session, "video", &rendition),
                     OA_OK);
    memset(&changed, 0, sizeof(changed));
    oa_live_end(&store, session_of(rendition), 5, note_changed, &changed);
    assert_int_equal(changed.n, 1);
    assert_int_equal(oa_live_edge(&store, rendition, &edge), OA_EGONE);

    /* more of them than there are slots, in no time */
    for (i = 0; i < OA_LIVE_SESSIONS + 1; i++) {
        session = store_session(&store, "news", i + 2, 5);
        oa_live_end(&store, session, 5, note_changed, NULL);
    }
}


static void
test_segments(void **state)
{
    uint32_t                i;
    uint64_t                size, offset;
    oa_live_rendition_t     rendition;
    oa_live_segment_info_t  segment;

    (void) state;

    rendition = new_rendition("news", 42, 0);
    assert_int_equal(oa_live_segment_find(&store, rendition, 0, &segment),
                     OA_EAGAIN);
    assert_int_equal(segment.nparts, 0);
    assert_int_equal(oa_live_segment_find(&store, rendition, 1, &segment),
                     OA_ENOTFOUND);

    append_all(rendition, 0, 5, 5);
    assert_int_equal(append(rendition, 5, OA_LIVE_PART_SEGMENT_START
                                          | OA_LIVE_PART_DISCONTINUITY),
                     OA_OK);
    append_all(rendition, 6, 12, 5);

    for (i = 0, offset = 0, size = 0; i < 5; i++) {
        size += store_size(store_key(rendition, i), MAX);
    }

    assert_int_equal(oa_live_segment_find(&store, rendition, 0, &segment),
                     OA_OK);
    assert_int_equal(segment.msn, 0);
    assert_int_equal(segment.first_part, 0);
    assert_int_equal(segment.nparts, 5);
    assert_int_equal(segment.offset, 0);
    assert_int_equal(segment.size, size);
    assert_int_equal(segment.duration, 5 * STORE_PART);
    assert_int_equal(segment.discontinuities, 0);
    assert_false(segment.discontinuity);
    assert_true(segment.independent);
    assert_true(segment.complete);

    assert_int_equal(oa_live_segment_find(&store, rendition, 1, &segment),
                     OA_OK);
    assert_int_equal(segment.first_part, 5);
    assert_int_equal(segment.offset, size);
    assert_int_equal(segment.decode_time, 5 * STORE_PART);
    assert_int_equal(segment.discontinuities, 1);
    assert_true(segment.discontinuity);
    assert_false(segment.independent);

    assert_int_equal(oa_live_segment_find(&store, rendition, 2, &segment),
                     OA_EAGAIN);
    assert_int_equal(segment.nparts, 2);
    assert_int_equal(segment.duration, 2 * STORE_PART);
    assert_int_equal(segment.discontinuities, 1);
    assert_false(segment.discontinuity);
    assert_false(segment.complete);
    assert_int_equal(oa_live_segment_find(&store, rendition, 3, &segment),
                     OA_EAGAIN);
    assert_int_equal(segment.nparts, 0);
    assert_int_equal(oa_live_segment_find(&store, rendition, 4, &segment),
                     OA_ENOTFOUND);

    oa_live_segment_close(&store, rendition);
    assert_int_equal(oa_live_segment_find(&store, rendition, 2, &segment),
                     OA_OK);
    assert_true(segment.complete);

    /* the bytes of a segment are those of its parts */
    assert_int_equal(oa_live_segment_find(&store, rendition, 1, &segment),
                     OA_OK);
    assert_int_equal(oa_live_read(&store, rendition, segment.first_part,
                                  segment.offset, dst, segment.size),
                     OA_OK);

    for (i = 5; i < 10; i++) {
        assert_true(store_check(dst + offset,
                                store_size(store_key(rendition, i), MAX),
                                store_key(rendition, i)));
        offset += store_size(store_key(rendition, i), MAX);
    }

    assert_int_equal(offset, segment.size);

    oa_live_end(&store, session_of(rendition), 0, NULL, NULL);
    assert_int_equal(oa_live_segment_find(&store, rendition, 3, &segment),
                     OA_ENOTFOUND);
}


static void
test_snapshot(void **state)
{
    uint32_t                 i;
    oa_live_part_info_t      part;
    oa_live_rendition_t      rendition;
    oa_live_segment_info_t   segment;
    oa_live_segment_info_t  *s;

    (void) state;

    rendition = new_rendition("news", 42, 0);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.nparts, 0);
    assert_int_equal(snapshot.nsegments, 0);
    assert_name(snapshot.hint, 0, 0);
    assert_string_equal(snapshot.conf.name, "video");

    append_all(rendition, 0, 23, 5);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.state, OA_LIVE_ON_AIR);
    assert_int_equal(snapshot.nparts, 23);
    assert_int_equal(snapshot.nsegments, 5);
    assert_name(snapshot.hint, 4, 3);

    for (i = 0; i < snapshot.nparts; i++) {
        assert_int_equal(oa_live_part_find(&store, rendition,
                                           name(i / 5, i % 5), &part),
                         OA_OK);
        assert_memory_equal(&part, &snapshot.parts[i],
                            offsetof(oa_live_part_info_t, flags)
                            + sizeof(part.flags));
        assert_int_equal(oa_live_read(&store, rendition, part.number,
                                      part.offset, dst, part.size),
                         OA_OK);
        assert_true(store_check(dst, part.size, store_key(rendition, i)));
    }

    for (i = 0; i < snapshot.nsegments; i++) {
        s = &snapshot.segments[i];
        assert_int_equal(oa_live_segment_find(&store, rendition, i, &segment),
                         i == 4 ? OA_EAGAIN : OA_OK);
        assert_memory_equal(&segment, s, sizeof(segment));
    }

    /* what was never published cannot be read */
    assert_int_equal(oa_live_read(&store, rendition, 22, part.offset, dst,
                                  part.size + 1),
                     OA_EGONE);
    assert_int_equal(oa_live_read(&store, rendition, 23, part.offset, dst, 1),
                     OA_EGONE);
    assert_int_equal(oa_live_read(&store, rendition, 22, part.offset - 1, dst,
                                  1),
                     OA_EGONE);
    assert_int_equal(oa_live_read(&store, rendition, 22, UINT64_MAX, dst,
                                  SIZE_MAX),
                     OA_EGONE);
}


/* --- eviction -------------------------------------------------------- */


static void
test_window_eviction(void **state)
{
    uint32_t             i;
    uint64_t             last;
    oa_live_part_info_t  part;
    oa_live_rendition_t  rendition;

    (void) state;

    /* 20 s and three target durations of 2 s are 26 segments of 1 s */
    rendition = new_rendition("news", 42, 0);
    append_all(rendition, 0, 27 * 5, 5);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 27);
    assert_int_equal(snapshot.segments[0].msn, 0);

    /* the first ends 26 s and a part behind the edge */
    append_all(rendition, 27 * 5, 27 * 5 + 1, 5);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.segments[0].msn, 1);
    assert_int_equal(snapshot.parts[0].number, 5);
    assert_int_equal(oa_live_part_find(&store, rendition, name(0, 4), &part),
                     OA_ENOTFOUND);
    assert_int_equal(oa_live_part_find(&store, rendition, name(1, 0), &part),
                     OA_OK);
    assert_int_equal(oa_live_read(&store, rendition, 4, part.offset, dst, 1),
                     OA_EGONE);

    /* and so on, however long */
    append_all(rendition, 27 * 5 + 1, 20000, 5);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_in_range(snapshot.nsegments, 26, 28);
    last = snapshot.parts[snapshot.nparts - 1].number;
    assert_int_equal(last, 19999);

    for (i = 0; i < snapshot.nparts; i++) {
        part = snapshot.parts[i];
        assert_int_equal(part.number, last + 1 - snapshot.nparts + i);
        assert_int_equal(oa_live_read(&store, rendition, part.number,
                                      part.offset, dst, part.size),
                         OA_OK);
        assert_true(store_check(dst, part.size,
                                store_key(rendition, part.number)));
    }
}


/* Appends parts of no duration, so that no window evicts them. */
static void
append_instant(oa_live_rendition_t rendition, uint64_t n, unsigned segment)
{
    uint64_t        i;
    oa_slice_t      piece;
    oa_live_part_t  part;

    for (i = 0; i < n; i++) {
        piece = unit_bytes("x");
        memset(&part, 0, sizeof(part));
        part.pieces = &piece;
        part.npieces = 1;
        part.flags = store_flags(i, segment);
        assert_int_equal(oa_live_part_append(&store, rendition, &part),
                         OA_OK);
    }
}


static void
test_rings_overflow(void **state)
{
    uint8_t              byte;
    oa_slice_t           piece;
    oa_live_part_t       part;
    oa_live_rendition_t  rendition;

    (void) state;

    rendition = new_rendition("parts", 1, 0);
    append_instant(rendition, 3000, 100);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_in_range(snapshot.nparts, OA_LIVE_PARTS - 100, OA_LIVE_PARTS);
    assert_int_equal(snapshot.parts[snapshot.nparts - 1].number, 2999);
    assert_int_equal(snapshot.parts[0].index, 0);

    rendition = new_rendition("segments", 2, 0);
    append_instant(rendition, 1000, 2);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, OA_LIVE_SEGMENTS);
    assert_int_equal(snapshot.segments[OA_LIVE_SEGMENTS - 1].msn, 499);
    assert_int_equal(snapshot.nparts, 2 * OA_LIVE_SEGMENTS);

    /* an open segment is not evicted for a part of its own */
    rendition = new_rendition("open", 3, 0);
    append_instant(rendition, OA_LIVE_PARTS, 5000);
    piece = unit_bytes("x");
    memset(&part, 0, sizeof(part));
    part.pieces = &piece;
    part.npieces = 1;
    assert_int_equal(oa_live_part_append(&store, rendition, &part), OA_EFULL);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.nparts, OA_LIVE_PARTS);
    assert_int_equal(oa_live_read(&store, rendition, 0, 0, &byte, 1), OA_OK);
    part.flags = OA_LIVE_PART_SEGMENT_START;
    assert_int_equal(oa_live_part_append(&store, rendition, &part), OA_OK);
    assert_int_equal(oa_live_snapshot(&store, rendition, &snapshot), OA_OK);
    assert_int_equal(snapshot.nparts, 1);
}


static oa_err_t
append_large(oa_live_rendition_t rendition, uint64_t number, uint32_t size,
    unsigned flags)
{
    oa_slice_t      piece;
    oa_live_part_t  part;

    memset(buf, (int) number, size);
    piece = oa_slice(buf, size);
    memset(&part, 0, sizeof(part));
    part.pieces = &piece;
    part.npieces = 1;
    part.duration = STORE_PART;
    part.flags = flags;

    return oa_live_part_append(&store, rendition, &part);
}


static void
test_ended_sessions_give_their_pages(void **state)
{
    bool                 resumed;
    char                 channel[16];
    uint32_t             i;
    oa_live_usage_t      usage;
    oa_live_session_t    session;
    oa_live_rendition_t  rendition;

    (void) state;

    for (i = 0; i < OA_LIVE_SESSIONS; i++) {
        snprintf(channel, sizeof(channel), "c%u", i);

        if (store_claim(&store, channel, 100 + i, 0, &session, &resumed)
            != OA_OK)
        {
            break;
        }

        oa_live_end(&store, session, 0, NULL, NULL);
    }

    oa_live_sweep(&store, 4000, store_alive, NULL, NULL);
    oa_live_usage(&store, &usage);
    assert_true(usage.pages - usage.pages_used < 16);

    /* more than a new session must find free */
    rendition = new_rendition("live", 1, 4000);

    for (i = 0; i < 30; i++) {
        assert_int_equal(append_large(rendition, i, 100000,
                                      i == 0 ? OA_LIVE_PART_SEGMENT_START : 0),
                         OA_OK);
    }
}


static void
test_full_zone(void **state)
{
    bool                 resumed;
    uint32_t             i;
    uint64_t             head;
    oa_live_edge_t       edge;
    oa_live_usage_t      usage;
    oa_live_session_t    session;
    oa_live_part_info_t  part;
    oa_live_rendition_t  small, large;

    (void) state;

    small = new_rendition("small", 1, 0);
    append_all(small, 0, 20, 5);
    large = new_rendition("large", 2, 0);

    /* far more than there is room for: its oldest go */
    for (i = 0; i < 400; i++) {
        assert_int_equal(append_large(large, i, 100000, store_flags(i, 5)),
                         OA_OK);
    }

    oa_live_usage(&store, &usage);
    assert_true(usage.pages - usage.pages_used < 16);
    assert_int_equal(oa_live_snapshot(&store, large, &snapshot), OA_OK);
    assert_true(snapshot.segments[0].msn > 0);
    assert_in_range(snapshot.nsegments, 2, 20);
    assert_int_equal(snapshot.parts[snapshot.nparts - 1].number, 399);

    /* a channel more is refused and leaves no trace */
    assert_int_equal(store_claim(&store, "more", 3, 0, &session, &resumed),
                     OA_EFULL);
    assert_int_equal(oa_live_find(&store, unit_bytes("more"), &session),
                     OA_ENOTFOUND);

    /* the other lost nothing, and goes on */
    append_all(small, 20, 30, 5);
    assert_int_equal(oa_live_snapshot(&store, small, &snapshot), OA_OK);
    assert_int_equal(snapshot.nparts, 30);

    for (i = 0; i < 30; i++) {
        part = snapshot.parts[i];
        assert_int_equal(oa_live_read(&store, small, i, part.offset, dst,
                                      part.size),
                         OA_OK);
        assert_true(store_check(dst, part.size, store_key(small, i)));
    }

    /* an open segment that alone fills the zone */
    assert_int_equal(oa_live_edge(&store, large, &edge), OA_OK);
    head = edge.head;

    for (i = 0; append_large(large, i, 100000,
                             i == 0 ? OA_LIVE_PART_SEGMENT_START : 0)
                == OA_OK;
         i++)
    {
        assert_true(i < 100);
    }

    assert_int_equal(oa_live_edge(&store, large, &edge), OA_OK);
    assert_int_equal(edge.head, head + i);
    assert_int_equal(edge.nparts, i);
    assert_int_equal(oa_live_snapshot(&store, large, &snapshot), OA_OK);
    assert_int_equal(snapshot.nsegments, 1);
    assert_int_equal(snapshot.nparts, i);

    assert_int_equal(append_large(large, 0, 100000,
                                  OA_LIVE_PART_SEGMENT_START),
                     OA_OK);

    /* when one leaves, another may come */
    oa_live_end(&store, session_of(large), 0, NULL, NULL);
    oa_live_sweep(&store, 30000, store_alive, note_changed, NULL);
    new_rendition("more", 3, 0);
}


static void
test_parts_over_many_pages(void **state)
{
    uint32_t             i, n;
    oa_live_part_info_t  part;
    oa_live_rendition_t  rendition;

    (void) state;

    rendition = new_rendition("news", 1, 0);

    for (i = 0; i < 40; i++) {
        assert_int_equal(append_large(rendition, i, 1000000,
                                      store_flags(i, 2)),
                         OA_OK);
        assert_int_equal(oa_live_part_find(&store, rendition,
                                           name(i / 2, i % 2), &part),
                         OA_OK);
        memset(dst, 0, 1000000);
        assert_int_equal(oa_live_read(&store, rendition, i, part.offset, dst,
                                      1000000),
                         OA_OK);

        for (n = 0; n < 1000000; n += 999) {
            assert_int_equal(dst[n], (uint8_t) i);
        }
    }
}


/* Pages taken by a process that was killed before it could record them. */
static void
test_lost_pages_are_recovered(void **state)
{
    bool                 resumed;
    uint32_t             session, rendition;
    oa_live_usage_t      before, after;
    oa_live_session_t    again;
    oa_live_rendition_t  handle, other;

    (void) state;

    handle = new_rendition("news", 1, 0);
    other = new_rendition("other", 2, 0);
    append_all(handle, 0, 100, 5);
    append_all(other, 0, 100, 5);
    oa_live_usage(&store, &before);

    session = session_of(handle).index;
    rendition = handle.index;
    assert_int_not_equal(oa_live_page_alloc(&store,
                             oa_live_page_tag(session, rendition, 1000)),
                         OA_LIVE_NO_PAGE);
    assert_int_not_equal(oa_live_page_alloc(&store,
                             oa_live_page_tag(session, rendition, 0)),
                         OA_LIVE_NO_PAGE);
    assert_int_not_equal(oa_live_page_alloc(&store,
                             oa_live_page_tag(session, rendition,
                                              OA_LIVE_MAP_PAGE)),
                         OA_LIVE_NO_PAGE);
    assert_int_not_equal(oa_live_page_alloc(&store,
                             oa_live_page_tag(session, 77,
                                              OA_LIVE_INDEX_PAGE)),
                         OA_LIVE_NO_PAGE);
    assert_int_not_equal(oa_live_page_alloc(&store,
                             oa_live_page_tag(session, OA_LIVE_NO_RENDITION,
                                              0)),
                         OA_LIVE_NO_PAGE);

    oa_live_usage(&store, &after);
    assert_int_equal(after.pages_used, before.pages_used + 5);

    oa_live_release(&store, session_of(handle), 0);
    assert_int_equal(store_claim(&store, "news", 3, 0, &again, &resumed),
                     OA_OK);
    assert_true(resumed);

    oa_live_usage(&store, &after);
    assert_int_equal(after.pages_used, before.pages_used);

    append_all(handle, 100, 200, 5);
    append_all(other, 100, 200, 5);
    assert_int_equal(oa_live_snapshot(&store, handle, &snapshot), OA_OK);
    assert_int_equal(snapshot.parts[snapshot.nparts - 1].number, 199);
}


/* --- viewers --------------------------------------------------------- */


static void
test_viewers(void **state)
{
    uint32_t           i, n;
    oa_live_session_t  session;

    (void) state;

    session = store_session(&store, "news", 42, 0);
    assert_int_equal(oa_live_viewers(&store, session, 0), 0);

    /* three, each of them often */
    for (i = 0; i < 3000; i++) {
        oa_live_viewer_seen(&store, session, i % 3, 100000 + i);
    }

    assert_int_equal(oa_live_viewers(&store, session, 103000), 3);
    assert_int_equal(oa_live_viewers(&store, session, 108000), 3);
    assert_int_equal(oa_live_viewers(&store, session, 113000), 0);

    /* a clock of seconds that come round in the same buckets */
    oa_live_viewer_seen(&store, session, 77, 120000);
    assert_int_equal(oa_live_viewers(&store, session, 120000), 1);

    for (i = 0; i < 50000; i++) {
        oa_live_viewer_seen(&store, session, store_hash(i, 1),
                            200000 + i % 5000);
    }

    n = oa_live_viewers(&store, session, 205000);
    assert_in_range(n, 47500, 52500);
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_region),
        TEST(test_claim_refusals),
        TEST(test_session_info),
        TEST(test_resume_in_grace),
        TEST(test_claim_after_the_grace),
        TEST(test_dead_owner_is_resumed),
        TEST(test_find),
        TEST(test_sweep),
        TEST(test_gone),
        TEST(test_all_sessions_taken),
        TEST(test_ended_sessions_give_way),
        TEST(test_renditions),
        TEST(test_stats),
        TEST(test_rung),
        TEST(test_init_segments),
        TEST(test_append_refusals),
        TEST(test_names),
        TEST(test_edge),
        TEST(test_end_without_a_part),
        TEST(test_segments),
        TEST(test_snapshot),
        TEST(test_window_eviction),
        TEST(test_rings_overflow),
        TEST(test_ended_sessions_give_their_pages),
        TEST(test_full_zone),
        TEST(test_parts_over_many_pages),
        TEST(test_lost_pages_are_recovered),
        TEST(test_viewers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
