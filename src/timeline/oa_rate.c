
#include "timeline/oa_timeline.h"


#define OA_TIMELINE_GRID_MS  2


static const oa_timeline_rate_t  oa_timeline_standard[] = {
    { 5, 1 }, { 10, 1 }, { 12, 1 }, { 25, 2 }, { 15, 1 }, { 15000, 1001 },
    { 20, 1 }, { 24, 1 }, { 24000, 1001 }, { 25, 1 }, { 30, 1 },
    { 30000, 1001 }, { 48, 1 }, { 50, 1 }, { 60, 1 }, { 60000, 1001 },
    { 72, 1 }, { 75, 1 }, { 90, 1 }, { 100, 1 }, { 120, 1 },
    { 120000, 1001 }, { 144, 1 }, { 240, 1 }
};

#define OA_TIMELINE_NSTANDARD                                                 \
    (sizeof(oa_timeline_standard) / sizeof(oa_timeline_standard[0]))


static double
oa_timeline_fps(oa_timeline_rate_t rate)
{
    return rate.den ? (double) rate.num / rate.den : 0;
}


static double
oa_timeline_distance(double a, double b)
{
    return a > b ? a - b : b - a;
}


/* The standard rate next to fps, within a relative tolerance; or NULL. */
static const oa_timeline_rate_t *
oa_timeline_nearest(double fps, double tolerance)
{
    size_t                     i;
    double                     distance, best;
    const oa_timeline_rate_t  *rate;

    best = fps * tolerance;
    rate = NULL;

    for (i = 0; i < OA_TIMELINE_NSTANDARD; i++) {
        distance = oa_timeline_distance(
                                oa_timeline_fps(oa_timeline_standard[i]), fps);
        if (distance <= best) {
            best = distance;
            rate = &oa_timeline_standard[i];
        }
    }

    return rate;
}


bool
oa_timeline_rate_snap(double frames, double seconds, oa_timeline_rate_t *rate)
{
    double                     fps;
    const oa_timeline_rate_t  *standard;

    fps = seconds > 0 ? frames / seconds : 0;

    /* also refuses what is not a number */
    if (!(fps >= 1 && fps <= 300)) {
        return false;
    }

    standard = oa_timeline_nearest(fps, 0.0005);

    if (standard != NULL) {
        *rate = *standard;

    } else {
        rate->num = (uint32_t) (fps * 1000 + 0.5);
        rate->den = 1000;
    }

    return true;
}


void
oa_timeline_cadence_add(oa_timeline_cadence_t *c, int64_t ms)
{
    c->ms[c->next] = ms;
    c->next = (c->next + 1) % OA_TIMELINE_CADENCE;

    if (c->count < OA_TIMELINE_CADENCE) {
        c->count++;
    }
}


/* The i-th timestamp still kept, the oldest being 0. */
static int64_t
oa_timeline_cadence_at(const oa_timeline_cadence_t *c, unsigned i)
{
    return c->ms[(c->next + OA_TIMELINE_CADENCE - c->count + i)
                 % OA_TIMELINE_CADENCE];
}


static int64_t
oa_timeline_cadence_span(const oa_timeline_cadence_t *c)
{
    if (c->count < 3) {
        return 0;
    }

    return oa_timeline_cadence_at(c, c->count - 1)
           - oa_timeline_cadence_at(c, 0);
}


uint64_t
oa_timeline_cadence_milli(const oa_timeline_cadence_t *c)
{
    int64_t  span;

    span = oa_timeline_cadence_span(c);
    if (span <= 0) {
        return 0;
    }

    return (uint64_t) oa_rescale(c->count - 1, 1000000, span);
}


/*
 * Whether every timestamp is where this rate would have put it, rounded; one
 * frame in eight may be missing.
 */
static bool
oa_timeline_cadence_fits(const oa_timeline_cadence_t *c,
    oa_timeline_rate_t rate)
{
    double    frame, elapsed, error, low, high;
    int64_t   step;
    unsigned  i;

    frame = 1000.0 * rate.den / rate.num;
    low = 0;
    high = 0;
    step = 0;

    for (i = 1; i < c->count; i++) {
        elapsed = (double) (oa_timeline_cadence_at(c, i)
                            - oa_timeline_cadence_at(c, 0));
        if (elapsed < 0) {
            return false;
        }

        step = (int64_t) (elapsed / frame + 0.5);
        error = elapsed - (double) step * frame;
        low = error < low ? error : low;
        high = error > high ? error : high;
    }

    return high - low <= OA_TIMELINE_GRID_MS
           && step >= (int64_t) c->count - 1
           && step < (int64_t) (c->count + c->count / 8);
}


/*
 * The standard rate that the timestamps show.  Where a whole rate and one over
 * 1001 both still fit, it is the whole one, which the table has first.
 */
static bool
oa_timeline_cadence_standard(const oa_timeline_cadence_t *c, double fps,
    oa_timeline_rate_t *rate)
{
    size_t  i;
    double  tolerance;

    /* each end of the span is rounded to a millisecond */
    tolerance = fps * (1.2 / (double) oa_timeline_cadence_span(c) + 0.00002);

    for (i = 0; i < OA_TIMELINE_NSTANDARD; i++) {
        *rate = oa_timeline_standard[i];

        if (oa_timeline_distance(oa_timeline_fps(*rate), fps) <= tolerance
            && oa_timeline_cadence_fits(c, *rate))
        {
            return true;
        }
    }

    return false;
}


bool
oa_timeline_cadence_rate(const oa_timeline_cadence_t *c,
    oa_timeline_rate_t expected, oa_timeline_rate_t *rate, bool *constant)
{
    double   fps;
    int64_t  span;

    span = oa_timeline_cadence_span(c);
    if (span <= 0) {
        return false;
    }

    if (expected.den != 0 && oa_timeline_cadence_fits(c, expected)) {
        *rate = expected;
        *constant = true;
        return true;
    }

    fps = (c->count - 1) * 1000.0 / (double) span;

    if (oa_timeline_cadence_standard(c, fps, rate)) {
        *constant = true;
        return true;
    }

    if (!oa_timeline_rate_snap(fps, 1, rate)) {
        rate->num = (uint32_t) (fps < 1 ? 1 : 300);
        rate->den = 1;
    }

    *constant = oa_timeline_cadence_fits(c, *rate);

    return true;
}
