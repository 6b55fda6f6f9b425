
/*
 * Source timestamps to media time: unwrapping, the frame rate behind rounded
 * milliseconds, and the clock that gives each frame its decode time.
 */


#ifndef OA_TIMELINE_H
#define OA_TIMELINE_H


#include "base/oa_base.h"


/* --- unwrapping ------------------------------------------------------ */

/*
 * RTMP timestamps are 32 bits of milliseconds, and some encoders wrap at
 * 2^31.  Both wraps are followed as long as two neighbours are less than
 * 2^30 ms apart.
 */
typedef struct {
    int64_t    value_ms;
    uint32_t   raw;
} oa_timeline_unwrap_t;


/* --- frame rate ------------------------------------------------------ */

/* Frames a second: num / den; 0 / 0 is unknown. */
typedef struct {
    uint32_t   num;
    uint32_t   den;
} oa_timeline_rate_t;


#define OA_TIMELINE_CADENCE  128

/* The last decode timestamps of a video track. */
typedef struct {
    int64_t    ms[OA_TIMELINE_CADENCE];
    unsigned   count;
    unsigned   next;
} oa_timeline_cadence_t;


/* --- decode clock ---------------------------------------------------- */

/*
 * The decode times of a track run on without a gap, whatever the source does:
 * a frame gets its duration when it arrives, before the next one is known.
 * Where the source then turns out to be ahead (a dropped frame, a slower
 * rate), the frames that follow last longer until the clock has caught up,
 * and composition offsets keep the presentation times true meanwhile.
 */
typedef struct {
    int64_t    next;             /* decode time of the next frame, ticks */
    uint32_t   frame;            /* nominal duration, ticks; at least 4 */
    uint32_t   band;             /* a lag below is jitter, ticks */
    uint32_t   drift;            /* a mean lag above is corrected, ticks */
    bool       constant;         /* times snap to multiples of frame */
    int64_t    mean_lag;         /* smoothed, in 1/64 ticks */
} oa_timeline_clock_t;


typedef struct {
    int64_t    decode_time;      /* ticks */
    uint32_t   duration;         /* ticks, at least 1 */
    int64_t    shift;            /* source time - decode_time, snapped when
                                    constant: to add to the composition */
    bool       full;             /* the part is full with this frame */
} oa_timeline_place_t;


OA_BEGIN_DECLS


/* raw becomes time 0. */
void oa_timeline_unwrap_init(oa_timeline_unwrap_t *u, uint32_t raw);

/* Milliseconds since the first; goes back when the source does. */
int64_t oa_timeline_unwrap(oa_timeline_unwrap_t *u, uint32_t raw);


/*
 * The standard rate (24000/1001 … 240) next to frames / seconds; one that is
 * not within 0.05% of a standard rate is kept, in thousandths.  false, and
 * *rate unset: below 1 or above 300.
 */
bool oa_timeline_rate_snap(double frames, double seconds,
    oa_timeline_rate_t *rate);

void oa_timeline_cadence_add(oa_timeline_cadence_t *c, int64_t ms);

/*
 * The rate behind the timestamps so far.  expected (may be unknown) wins over
 * others that the timestamps cannot tell from it, or not yet.
 * *constant: every timestamp lies within 2 ms of that rate's grid, though
 * frames may be missing.
 * false, and nothing set: fewer than 3 timestamps, or no time between them.
 */
bool oa_timeline_cadence_rate(const oa_timeline_cadence_t *c,
    oa_timeline_rate_t expected, oa_timeline_rate_t *rate, bool *constant);

/* The measured rate in thousandths of frames a second; 0 while unknown. */
uint64_t oa_timeline_cadence_milli(const oa_timeline_cadence_t *c);


/*
 * Places one frame.  time: the source's, in ticks on the clock's line.
 * filled and target: ticks in the open part so far, and at most.  The frame's
 * duration never overfills the part: behind a source whose frames are longer
 * than that the clock falls back, more with each, until the caller sets it.
 */
oa_timeline_place_t oa_timeline_place(oa_timeline_clock_t *clock,
    int64_t time, uint32_t filled, uint32_t target);


OA_END_DECLS


#endif /* OA_TIMELINE_H */
