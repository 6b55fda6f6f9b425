
/* Renditions that are not there all the time. */


#include "live/oa_live_layout.h"


oa_err_t
oa_live_rendition_park(oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_presence_t presence)
{
    oa_live_view_t  view;

    if (presence != OA_LIVE_ASLEEP && presence != OA_LIVE_WITHDRAWN) {
        return OA_EINVAL;
    }

    if (!oa_live_view(live, rendition, &view)
        || atomic_load(&view.session->state) != OA_LIVE_ON_AIR)
    {
        return OA_EGONE;
    }

    /* it is parked with this; the rest is done again by who resumes */
    atomic_store(&view.entry->parked,
                 oa_live_parked_at(atomic_load(&view.entry->head), presence));

    oa_live_view_empty(&view);

    return OA_OK;
}


oa_err_t
oa_live_rendition_presence(const oa_live_t *live,
    oa_live_rendition_t rendition, oa_live_presence_t *presence)
{
    uint64_t        parked;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    parked = atomic_load(&view.entry->parked);
    *presence = oa_live_presence_of(parked, atomic_load(&view.entry->head));

    return oa_live_view_valid(&view) ? OA_OK : OA_EGONE;
}


void
oa_live_rendition_want(oa_live_t *live, oa_live_rendition_t rendition,
    int64_t now_ms)
{
    oa_live_view_t  view;

    if (oa_live_view(live, rendition, &view)) {
        atomic_store_explicit(&view.entry->wanted_ms, now_ms,
                              memory_order_relaxed);
    }
}


oa_err_t
oa_live_rendition_wanted(const oa_live_t *live, oa_live_rendition_t rendition,
    int64_t *wanted_ms)
{
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    *wanted_ms = atomic_load_explicit(&view.entry->wanted_ms,
                                      memory_order_relaxed);

    return oa_live_view_valid(&view) ? OA_OK : OA_EGONE;
}
