
/*
 * A long stream with everything that can happen to one, rendered after each
 * part; what a player can see of it must keep the rules of section 6.2 at
 * every step.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hls/oa_hls.h"


#define PARTS_TOTAL    6000
#define STORED_MARGIN  12                /* segments kept beyond the window */
#define MAX_SEGMENTS   128


typedef struct {
    oa_live_session_info_t  session;
    oa_live_snapshot_t      snapshot;
    oa_hls_media_t          media;
    uint64_t                random;
    uint32_t                part;        /* ticks of a common part */
    uint32_t                open_parts;  /* the open segment's, to be */
    char                    text[256 * 1024];
} stream_t;


/* A playlist, read loosely. */
typedef struct {
    unsigned   version;
    unsigned   target_duration;
    unsigned   msn;
    unsigned   discontinuity_sequence;
    unsigned   skipped;
    unsigned   ndiscontinuities;
    unsigned   nsegments;
    unsigned   nparts;
    bool       ended;
    double     part_target;
    double     listed;                   /* seconds of its EXTINF */
    double     open;                     /* seconds of parts behind them */
    char       hint[64];
    char       last_part[64];
    char       uris[MAX_SEGMENTS][64];   /* and what applies to each */
    char       maps[MAX_SEGMENTS][32];
    double     durations[MAX_SEGMENTS];
    unsigned   numbers[MAX_SEGMENTS];    /* discontinuity sequence numbers */
} playlist_t;


static uint32_t
draw(stream_t *s, uint32_t n)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;

    return (uint32_t) (s->random >> 33) % n;
}


static void
parse_line(playlist_t *p, const char *line, char *map, double *parts)
{
    double  seconds;

    if (sscanf(line, "#EXT-X-PART:DURATION=%lf,URI=\"%63[^\"]", &seconds,
               p->last_part) == 2)
    {
        assert_true(seconds <= p->part_target);
        p->nparts++;
        *parts += seconds;
        return;
    }

    if (strcmp(line, "#EXT-X-DISCONTINUITY") == 0) {
        p->ndiscontinuities++;
        return;
    }

    if (sscanf(line, "#EXTINF:%lf,", &p->durations[p->nsegments]) == 1) {
        p->listed += p->durations[p->nsegments];
        return;
    }

    if (line[0] != '#') {
        if (*parts > 0) {
            assert_true(*parts - p->durations[p->nsegments] < 0.001
                        && p->durations[p->nsegments] - *parts < 0.001);
        }

        snprintf(p->uris[p->nsegments], 64, "%s", line);
        snprintf(p->maps[p->nsegments], 32, "%s", map);
        p->numbers[p->nsegments] = p->discontinuity_sequence
                                   + p->ndiscontinuities;
        p->nsegments++;
        *parts = 0;
        return;
    }

    p->ended |= strcmp(line, "#EXT-X-ENDLIST") == 0;

    (void) sscanf(line, "#EXT-X-VERSION:%u", &p->version);
    (void) sscanf(line, "#EXT-X-TARGETDURATION:%u", &p->target_duration);
    (void) sscanf(line, "#EXT-X-MEDIA-SEQUENCE:%u", &p->msn);
    (void) sscanf(line, "#EXT-X-DISCONTINUITY-SEQUENCE:%u",
                  &p->discontinuity_sequence);
    (void) sscanf(line, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%u", &p->skipped);
    (void) sscanf(line, "#EXT-X-PART-INF:PART-TARGET=%lf", &p->part_target);
    (void) sscanf(line, "#EXT-X-MAP:URI=\"%31[^\"]", map);
    (void) sscanf(line, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%63[^\"]",
                  p->hint);
}


static void
parse(char *text, playlist_t *p)
{
    char    *line, *next, map[32];
    double   parts;

    memset(p, 0, sizeof(*p));
    map[0] = '\0';
    parts = 0;

    for (line = strtok_r(text, "\n", &next); line != NULL;
         line = strtok_r(NULL, "\n", &next))
    {
        parse_line(p, line, map, &parts);
    }

    p->open = parts;
}


static void
render(stream_t *s, bool skip, playlist_t *p)
{
    oa_writer_t  w;

    s->media.skip = skip;
    oa_writer_init(&w, s->text, sizeof(s->text) - 1);
    assert_int_equal(oa_hls_media_render(&s->media, &w), OA_OK);
    *w.pos = '\0';

    parse(s->text, p);
}


/* Drops what the store would: the oldest segments and their parts. */
static void
evict(stream_t *s, uint32_t keep)
{
    uint32_t             n, parts;
    oa_live_snapshot_t  *v;

    v = &s->snapshot;

    if (v->nsegments <= keep) {
        return;
    }

    n = v->nsegments - keep;
    memmove(v->segments, v->segments + n, keep * sizeof(v->segments[0]));
    v->nsegments = keep;

    for (parts = 0; parts < v->nparts; parts++) {
        if (v->parts[parts].number >= v->segments[0].first_part) {
            break;
        }
    }

    memmove(v->parts, v->parts + parts,
            (v->nparts - parts) * sizeof(v->parts[0]));
    v->nparts -= parts;
}


static void
segment_begin(stream_t *s)
{
    oa_live_segment_info_t  *segment, *before;

    segment = &s->snapshot.segments[s->snapshot.nsegments];
    memset(segment, 0, sizeof(*segment));
    segment->independent = draw(s, 10) != 0;

    if (s->snapshot.nsegments++ > 0) {
        before = segment - 1;
        before->complete = true;
        segment->msn = before->msn + 1;
        segment->first_part = before->first_part + before->nparts;
        segment->decode_time = before->decode_time + before->duration;
        segment->discontinuity = draw(s, 15) == 0;
        segment->discontinuities = before->discontinuities
                                   + segment->discontinuity;
        segment->init_id = before->init_id
                           + (segment->discontinuity && draw(s, 2) == 0);
    }

    s->open_parts = 1 + draw(s, 10);
}


static void
part_append(stream_t *s)
{
    oa_live_name_t           name;
    oa_live_snapshot_t      *v;
    oa_live_part_info_t     *part;
    oa_live_segment_info_t  *segment;

    v = &s->snapshot;
    name = v->hint;

    if (v->nsegments == 0
        || v->segments[v->nsegments - 1].nparts >= s->open_parts)
    {
        segment_begin(s);
        evict(s, 30 + STORED_MARGIN + draw(s, 4));
    }

    segment = &v->segments[v->nsegments - 1];
    part = &v->parts[v->nparts++];
    memset(part, 0, sizeof(*part));

    part->number = segment->first_part + segment->nparts;
    part->duration = segment->nparts + 1 < s->open_parts
                     ? s->part : s->part - draw(s, s->part / 2);
    part->msn = segment->msn;
    part->index = segment->nparts;
    part->name = name;
    segment->nparts++;
    segment->duration += part->duration;
    segment->complete = segment->nparts == s->open_parts && draw(s, 2) == 0;

    /* the next segment comes announced, or its first part had another name */
    v->hint = (oa_live_name_t) { segment->msn, part->index + 1 };

    if (segment->complete) {
        v->hint = (oa_live_name_t) { segment->msn + 1, 0 };
    }
}


static void
assert_follows(const playlist_t *p, const playlist_t *before)
{
    unsigned  i, left;

    assert_true(p->msn >= before->msn);
    assert_true(p->discontinuity_sequence >= before->discontinuity_sequence);
    assert_true(p->target_duration == before->target_duration);
    assert_true(p->part_target == before->part_target);

    /* what was listed stays as it was, or leaves at the front */
    left = p->msn - before->msn;

    for (i = left; i < before->nsegments; i++) {
        assert_string_equal(p->uris[i - left], before->uris[i]);
        assert_string_equal(p->maps[i - left], before->maps[i]);
        assert_true(p->durations[i - left] == before->durations[i]);
        assert_int_equal(p->numbers[i - left], before->numbers[i]);
    }

    /* and the hint has come true: behind it there is exactly one part */
    assert_string_equal(p->last_part, before->hint);
}


static void
assert_window(const playlist_t *p, bool old_enough)
{
    unsigned  i;
    double    least;

    least = 6.0 * p->target_duration;

    for (i = 0; i < p->nsegments; i++) {
        assert_true((unsigned) (p->durations[i] + 0.5) <= p->target_duration);
    }

    if (old_enough) {
        assert_true(p->listed >= 30.0 && p->listed >= least);
        assert_true(p->listed - p->durations[0] < 30.0);
    }
}


static void
assert_delta(const playlist_t *delta, const playlist_t *full)
{
    unsigned  i;
    double    left;

    assert_int_equal(delta->msn, full->msn);
    assert_int_equal(delta->discontinuity_sequence,
                     full->discontinuity_sequence);
    assert_int_equal(delta->version, delta->skipped > 0 ? 9 : 6);
    assert_int_equal(delta->skipped + delta->nsegments, full->nsegments);
    assert_string_equal(delta->hint, full->hint);
    assert_int_equal(delta->nparts, full->nparts);

    for (left = 0, i = 0; i < delta->nsegments; i++) {
        assert_string_equal(delta->uris[i], full->uris[delta->skipped + i]);
        assert_string_equal(delta->maps[i], full->maps[delta->skipped + i]);
        left += delta->durations[i];
    }

    if (delta->skipped > 0) {
        assert_true(left >= 6.0 * delta->target_duration);
        assert_true(left - delta->durations[0] < 6.0 * delta->target_duration);
    }
}


static void
follow(uint64_t seed, uint32_t timescale, uint32_t part)
{
    double       seconds;
    uint32_t     i;
    stream_t    *s;
    playlist_t  *p, *before, *delta, *swap;

    s = calloc(1, sizeof(*s));
    p = calloc(1, sizeof(*p));
    before = calloc(1, sizeof(*before));
    delta = calloc(1, sizeof(*delta));

    s->random = seed;
    s->part = part;
    s->session.conf.target_duration_s = 2;
    s->session.conf.part_target_ms = 200;
    s->session.conf.window_ms = 30000;
    s->session.conf.epoch_unix_us = 1792564800000000;
    s->snapshot.state = OA_LIVE_ON_AIR;
    s->snapshot.conf.timescale = timescale;
    s->snapshot.conf.part_target = part;
    s->media.session = &s->session;
    s->media.snapshot = &s->snapshot;
    seconds = 0;

    for (i = 0; i < PARTS_TOTAL; i++) {
        part_append(s);
        seconds += (double) s->snapshot.parts[s->snapshot.nparts - 1].duration
                   / timescale;

        render(s, false, p);
        assert_int_equal(p->version, 6);
        assert_false(p->ended);
        assert_window(p, seconds > 40);

        if (i > 0) {
            assert_follows(p, before);
        }

        render(s, true, delta);
        assert_delta(delta, p);

        swap = p;
        p = before;
        before = swap;
    }

    assert_true(before->msn > 100);
    assert_true(before->discontinuity_sequence > 5);

    s->snapshot.state = OA_LIVE_ENDED;
    s->snapshot.segments[s->snapshot.nsegments - 1].complete = true;
    render(s, true, p);
    assert_true(p->ended);
    assert_int_equal(p->skipped, 0);
    assert_string_equal(p->hint, "");
    assert_true(p->open == 0);

    free(s);
    free(p);
    free(before);
    free(delta);
}


static void
video_at_30_frames_a_second(void **state)
{
    (void) state;
    follow(1, 90000, 18000);
}


static void
video_at_the_ntsc_rate(void **state)
{
    (void) state;
    follow(2, 30000, 6 * 1001);
}


static void
audio_at_44100_hertz(void **state)
{
    (void) state;
    follow(3, 44100, 9 * 1024);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(video_at_30_frames_a_second),
        cmocka_unit_test(video_at_the_ntsc_rate),
        cmocka_unit_test(audio_at_44100_hertz)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
