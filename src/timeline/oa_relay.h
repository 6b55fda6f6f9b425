
/*
 * Timestamps that take the way round through a decoder and an encoder, whose
 * frames are not those of the source.
 *
 * Codecs get times that run on, counted in samples: milliseconds that were
 * rounded, and frames that came in bunches, are smoothed.  Where the source
 * leaves frames out the times do, too; where its clock is set anew they do not,
 * and what comes out behind that place is dated as the source dates it.
 */


#ifndef OA_RELAY_H
#define OA_RELAY_H


#include "base/oa_base.h"
#include "timeline/oa_timeline.h"


/* Places where the clock was set anew, on their way at once. */
#define OA_RELAY_PLACES  8


typedef struct {
    int64_t               from_us;   /* of the codecs' time */
    int64_t               ahead_ms;  /* the source's time, of that */
} oa_relay_place_t;


typedef struct {
    bool                  started;
    uint32_t              first_ms;  /* timestamp of the first frame */
    oa_timeline_unwrap_t  unwrap;
    int64_t               next_us;   /* when the next frame is expected */
    oa_relay_place_t      places[OA_RELAY_PLACES];
    unsigned              nplaces;
} oa_relay_t;


OA_BEGIN_DECLS


void oa_relay_init(oa_relay_t *relay);

/*
 * The time of a frame of the source of this timestamp; duration_us is at least
 * 10000.  It is later than that of the frame before; the first one has 0.
 */
int64_t oa_relay_in(oa_relay_t *relay, uint32_t timestamp_ms,
    int64_t duration_us);

/* The timestamp of what came out; time_us does not go back. */
uint32_t oa_relay_out(oa_relay_t *relay, int64_t time_us);


OA_END_DECLS


#endif /* OA_RELAY_H */
