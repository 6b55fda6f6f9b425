
/*
 * Timestamps of any kind.  Input: a byte of flags, two of the frame's duration
 * in ticks of 90 kHz, four of the first timestamp; then for each frame a byte:
 * below 0xf0 a step of so many milliseconds, else a new timestamp of four
 * bytes.
 */


#include "fuzz.h"
#include "timeline/oa_timeline.h"


#define PART_FRAMES  6


static void
fuzz_timeline_unwrap(oa_timeline_unwrap_t *u, uint32_t raw, int64_t *ms)
{
    int32_t  delta;
    int64_t  before;

    before = *ms;
    delta = (int32_t) (raw - u->raw);
    *ms = oa_timeline_unwrap(u, raw);
    FUZZ_SPOILED(*ms, *ms + 1);

    /* the same, modulo the shorter of the two wraps */
    FUZZ_CHECK((((uint64_t) *ms - (uint64_t) before - (uint64_t) delta)
                & 0x7fffffff) == 0);

    if (delta < 1 << 30 && delta > -(1 << 30)) {
        FUZZ_CHECK(*ms == before + delta);
    }
}


static void
fuzz_timeline_place(oa_timeline_clock_t *clock, int64_t time,
    uint32_t *filled, uint32_t target)
{
    int64_t              before;
    oa_timeline_place_t  p;

    before = clock->next;
    p = oa_timeline_place(clock, time, *filled, target);

    FUZZ_CHECK(p.decode_time == before);
    FUZZ_CHECK(p.duration >= 1);
    FUZZ_CHECK(clock->next == before + p.duration);
    FUZZ_CHECK(*filled + p.duration <= target);
    FUZZ_CHECK(!clock->constant || p.shift % clock->frame == 0);

    /* a full part has 85% of its target, and one that is not has room */
    FUZZ_CHECK(!p.full || (uint64_t) (*filled + p.duration) * 100
                          >= (uint64_t) target * 85);
    FUZZ_CHECK(p.full || *filled + p.duration < target);

    *filled = p.full ? 0 : *filled + p.duration;
}


static void
fuzz_timeline_rate(const oa_timeline_cadence_t *cadence,
    oa_timeline_rate_t expected)
{
    bool                constant;
    oa_timeline_rate_t  rate;

    if (oa_timeline_cadence_rate(cadence, expected, &rate, &constant)) {
        FUZZ_CHECK(rate.num > 0 && rate.den > 0);
        FUZZ_CHECK(rate.num >= rate.den);
        FUZZ_CHECK(rate.num <= 300ull * rate.den);
    }

    (void) oa_timeline_cadence_milli(cadence);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t                ms;
    uint32_t               flags, raw, step, filled, target;
    oa_slice_t             input;
    oa_timeline_rate_t     expected = { 0, 0 };
    oa_timeline_clock_t    clock = { 0 };
    oa_timeline_unwrap_t   unwrap;
    oa_timeline_cadence_t  cadence = { 0 };

    input = oa_slice(data, size);
    flags = fuzz_take(&input, 1);
    clock.frame = 4 + fuzz_take(&input, 2);
    clock.band = flags & 4 ? clock.frame / 2 : clock.frame * 3 / 2;
    clock.drift = clock.frame / 4;
    clock.constant = flags & 1;
    target = clock.frame * PART_FRAMES;

    if (flags & 2) {
        expected = (oa_timeline_rate_t) { 30000, 1001 };
    }

    raw = fuzz_take(&input, 4);
    oa_timeline_unwrap_init(&unwrap, raw);
    ms = 0;
    filled = 0;

    while (input.size > 0) {
        step = fuzz_take(&input, 1);
        raw = step < 0xf0 ? raw + step : fuzz_take(&input, 4);

        fuzz_timeline_unwrap(&unwrap, raw, &ms);
        oa_timeline_cadence_add(&cadence, ms);
        fuzz_timeline_place(&clock, ms * 90, &filled, target);
    }

    fuzz_timeline_rate(&cadence, expected);

    return 0;
}
