
#include "hls/oa_hls.h"

#include <string.h>


static bool
oa_hls_name_is(oa_slice_t s, const char *name)
{
    return s.size == strlen(name) && memcmp(s.data, name, s.size) == 0;
}


/* The next parameter of a query string; false at its end. */
static bool
oa_hls_query_next(oa_slice_t *args, oa_slice_t *name, oa_slice_t *value)
{
    size_t          n;
    oa_slice_t      pair;
    const uint8_t  *end;

    if (args->size == 0) {
        return false;
    }

    end = memchr(args->data, '&', args->size);
    n = end != NULL ? (size_t) (end - args->data) : args->size;
    pair = oa_slice(args->data, n);

    n += end != NULL;
    args->data += n;
    args->size -= n;

    *name = pair;
    *value = oa_slice(pair.data + pair.size, 0);

    if (pair.size == 0) {
        return true;
    }

    end = memchr(pair.data, '=', pair.size);
    if (end != NULL) {
        name->size = (size_t) (end - pair.data);
        *value = oa_slice(end + 1, pair.size - name->size - 1);
    }

    return true;
}


/* A decimal-integer of 4.2: 0 to 2^64 - 1, at most 20 digits. */
static oa_err_t
oa_hls_decimal_parse(oa_slice_t s, uint64_t *number)
{
    size_t    i;
    uint64_t  value, digit;

    if (s.size == 0 || s.size > 20) {
        return OA_EINVAL;
    }

    value = 0;

    for (i = 0; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return OA_EINVAL;
        }

        digit = (uint64_t) (s.data[i] - '0');

        if (value > (UINT64_MAX - digit) / 10) {
            return OA_EINVAL;
        }

        value = value * 10 + digit;
    }

    *number = value;

    return OA_OK;
}


static oa_err_t
oa_hls_directive_number(oa_slice_t value, bool *given, uint64_t *number)
{
    if (*given) {
        return OA_EINVAL;
    }

    *given = true;

    return oa_hls_decimal_parse(value, number);
}


oa_err_t
oa_hls_query_parse(oa_slice_t args, oa_hls_query_t *query)
{
    bool            has_skip;
    oa_err_t        err;
    oa_slice_t      name, value;
    oa_hls_query_t  q;

    memset(&q, 0, sizeof(q));
    has_skip = false;
    err = OA_OK;

    while (err == OA_OK && oa_hls_query_next(&args, &name, &value)) {

        if (oa_hls_name_is(name, "_HLS_msn")) {
            err = oa_hls_directive_number(value, &q.has_msn, &q.msn);

        } else if (oa_hls_name_is(name, "_HLS_part")) {
            err = oa_hls_directive_number(value, &q.has_part, &q.part);

        } else if (oa_hls_name_is(name, "_HLS_skip")) {
            err = has_skip ? OA_EINVAL : OA_OK;
            has_skip = true;
            q.skip = oa_hls_name_is(value, "YES")
                     || oa_hls_name_is(value, "v2");
        }
    }

    if (err != OA_OK || (q.has_part && !q.has_msn)) {
        return OA_EINVAL;
    }

    *query = q;

    return OA_OK;
}


/* The Advance Part Limit of 6.2.5.2. */
static uint64_t
oa_hls_advance_limit(uint32_t part_target_ms)
{
    if (part_target_ms == 0 || part_target_ms >= 1000) {
        return 3;
    }

    return (3000 + part_target_ms - 1) / part_target_ms;
}


/* Whether a request reaches further ahead than 6.2.5.2 has servers allow. */
static bool
oa_hls_too_far(const oa_live_edge_t *edge, const oa_hls_query_t *query,
    uint32_t part_target_ms)
{
    uint64_t  next, nparts;

    /* the segment behind the last whole one, which the playlist shows last */
    next = (uint64_t) edge->msn + (edge->complete ? 1 : 0);

    if (query->msn > next + 1) {
        return true;
    }

    if (!query->has_part || query->msn < edge->msn) {
        return false;
    }

    nparts = query->msn == edge->msn ? edge->nparts : 0;

    return query->part >= nparts + oa_hls_advance_limit(part_target_ms);
}


oa_hls_verdict_t
oa_hls_reload(const oa_live_edge_t *edge, const oa_hls_query_t *query,
    uint32_t part_target_ms, oa_hls_position_t *position)
{
    oa_hls_position_t  p;

    if (query->has_part && !query->has_msn) {
        return OA_HLS_BAD_REQUEST;
    }

    if (!query->has_msn
        || (edge->state != OA_LIVE_ON_AIR && edge->state != OA_LIVE_GRACE))
    {
        return OA_HLS_ANSWER;
    }

    if (edge->presence == OA_LIVE_ASLEEP) {
        *position = (oa_hls_position_t) { 0, 0, false };
        return OA_HLS_WAIT;
    }

    if (oa_hls_too_far(edge, query, part_target_ms)
        || query->msn >= UINT32_MAX)
    {
        return OA_HLS_BAD_REQUEST;
    }

    p.msn = (uint32_t) query->msn;
    p.part = query->has_part && query->msn >= edge->msn
             ? (uint32_t) query->part : 0;
    p.whole = !query->has_part;

    if (query->has_part && edge->complete && p.msn == edge->msn
        && p.part >= edge->nparts)
    {
        p.msn++;
        p.part = 0;
    }

    if (oa_hls_position_reached(edge, &p)) {
        return OA_HLS_ANSWER;
    }

    *position = p;

    return OA_HLS_WAIT;
}


bool
oa_hls_position_reached(const oa_live_edge_t *edge,
    const oa_hls_position_t *position)
{
    /*
     * A segment has begun with its first part.  So a later one answers also
     * who asked for a part that this one turned out not to have.
     */
    if (edge->msn != position->msn) {
        return edge->msn > position->msn;
    }

    return position->whole ? edge->complete : edge->nparts > position->part;
}


int
oa_hls_position_compare(const oa_hls_position_t *a,
    const oa_hls_position_t *b)
{
    if (a->msn != b->msn) {
        return a->msn < b->msn ? -1 : 1;
    }

    if (a->whole != b->whole) {
        return a->whole ? 1 : -1;
    }

    if (a->whole || a->part == b->part) {
        return 0;
    }

    return a->part < b->part ? -1 : 1;
}


void
oa_hls_report_set(oa_hls_report_t *report, const char *name,
    const oa_live_edge_t *edge, uint32_t nparts_before)
{
    report->name = name;
    report->last_msn = edge->msn;
    report->last_part = edge->nparts > 0 ? edge->nparts - 1 : 0;

    if (report->last_part == 0 && edge->msn > 0 && nparts_before > 1) {
        report->last_msn = edge->msn - 1;
        report->last_part = nparts_before - 1;
    }
}
