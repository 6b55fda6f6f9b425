
#include "timeline/oa_relay.h"

#include <string.h>


/* Off by less, a frame came early or late: the times move by a part of it. */
#define OA_RELAY_JITTER_US  100000
#define OA_RELAY_SMOOTHING  16

/* Frames were left out for so long at most. */
#define OA_RELAY_GAP_US     10000000


void
oa_relay_init(oa_relay_t *relay)
{
    memset(relay, 0, sizeof(*relay));
}


static void
oa_relay_start(oa_relay_t *relay, uint32_t timestamp_ms)
{
    relay->started = true;
    relay->first_ms = timestamp_ms;
    relay->nplaces = 1;
    oa_timeline_unwrap_init(&relay->unwrap, timestamp_ms);
}


/*
 * The source's time source_ms is that of the next frame, from here on.  What
 * is on its way behind the last place is dated with it where there are many.
 */
static void
oa_relay_set(oa_relay_t *relay, int64_t source_ms)
{
    oa_relay_place_t  *place;

    if (relay->nplaces < OA_RELAY_PLACES) {
        relay->places[relay->nplaces++].from_us = relay->next_us;
    }

    place = &relay->places[relay->nplaces - 1];
    place->ahead_ms = source_ms - oa_rescale(relay->next_us, 1, 1000);
}


int64_t
oa_relay_in(oa_relay_t *relay, uint32_t timestamp_ms, int64_t duration_us)
{
    int64_t  source_ms, ahead_us, time_us;

    if (!relay->started) {
        oa_relay_start(relay, timestamp_ms);
    }

    source_ms = oa_timeline_unwrap(&relay->unwrap, timestamp_ms);
    ahead_us = (source_ms - relay->places[relay->nplaces - 1].ahead_ms) * 1000
               - relay->next_us;

    if (ahead_us > OA_RELAY_JITTER_US && ahead_us <= OA_RELAY_GAP_US) {
        relay->next_us += ahead_us;
        ahead_us = 0;

    } else if (ahead_us > OA_RELAY_JITTER_US
               || ahead_us < -OA_RELAY_JITTER_US)
    {
        oa_relay_set(relay, source_ms);
        ahead_us = 0;
    }

    time_us = relay->next_us;
    relay->next_us += duration_us + ahead_us / OA_RELAY_SMOOTHING;

    return time_us;
}


uint32_t
oa_relay_out(oa_relay_t *relay, int64_t time_us)
{
    int64_t  ms;

    while (relay->nplaces > 1 && relay->places[1].from_us <= time_us) {
        relay->nplaces--;
        memmove(&relay->places[0], &relay->places[1],
                relay->nplaces * sizeof(relay->places[0]));
    }

    ms = oa_rescale(time_us, 1, 1000) + relay->places[0].ahead_ms;

    return relay->first_ms + (uint32_t) ms;
}
