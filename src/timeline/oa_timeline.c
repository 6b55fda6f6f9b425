
#include "timeline/oa_timeline.h"


#define OA_TIMELINE_FAR_MS  (1 << 30)


void
oa_timeline_unwrap_init(oa_timeline_unwrap_t *u, uint32_t raw)
{
    u->value_ms = 0;
    u->raw = raw;
}


int64_t
oa_timeline_unwrap(oa_timeline_unwrap_t *u, uint32_t raw)
{
    int64_t   step, step31;
    uint32_t  delta;

    delta = raw - u->raw;
    step = (int32_t) delta;

    if (step >= OA_TIMELINE_FAR_MS || step <= -OA_TIMELINE_FAR_MS) {
        /* 31 bits of the difference, sign-extended */
        step31 = (int64_t) (delta & 0x7fffffff);
        if (step31 >= OA_TIMELINE_FAR_MS) {
            step31 -= (int64_t) 1 << 31;
        }

        if (step31 < OA_TIMELINE_FAR_MS / 1024
            && step31 > -OA_TIMELINE_FAR_MS / 1024)
        {
            step = step31;
        }
    }

    u->raw = raw;
    u->value_ms += step;

    return u->value_ms;
}


/* How long the clock wants the frame to last, were there no parts. */
static int64_t
oa_timeline_want(oa_timeline_clock_t *clock, int64_t lag)
{
    int64_t  want;

    if (lag >= clock->band) {
        want = clock->constant ? (lag + clock->frame / 2) / clock->frame
                                 * clock->frame
                               : lag;
        return clock->frame + want;
    }

    if (lag <= -(int64_t) clock->band) {
        want = clock->frame + lag;
        return want < clock->frame / 4 ? clock->frame / 4 : want;
    }

    clock->mean_lag += lag - clock->mean_lag / 64;

    if (clock->mean_lag / 64 > clock->drift) {
        return clock->frame + clock->frame / 64 + 1;
    }

    if (clock->mean_lag / 64 < -(int64_t) clock->drift) {
        return clock->frame - clock->frame / 64 - 1;
    }

    return clock->frame;
}


static int64_t
oa_timeline_shift(const oa_timeline_clock_t *clock, int64_t lag)
{
    int64_t  half;

    if (!clock->constant) {
        return lag;
    }

    half = clock->frame / 2;

    return (lag + (lag < 0 ? -half : half)) / clock->frame * clock->frame;
}


oa_timeline_place_t
oa_timeline_place(oa_timeline_clock_t *clock, int64_t time, uint32_t filled,
    uint32_t target)
{
    int64_t              lag, want, room;
    oa_timeline_place_t  place;

    lag = time - clock->next;
    room = filled < target ? target - filled : 1;
    want = oa_timeline_want(clock, lag);

    if (want > room) {
        want = room;
    }

    place.full = (room - want < clock->frame / 2);

    /* a part is at least 85% of its target: the last frame makes up for it */
    if (place.full && want < room
        && (filled + want) * 100 < (int64_t) target * 86)
    {
        want = room;
    }

    place.decode_time = clock->next;
    place.duration = (uint32_t) want;
    place.shift = oa_timeline_shift(clock, lag);

    clock->next += want;

    return place;
}
