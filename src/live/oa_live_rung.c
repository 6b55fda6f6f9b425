
/* How a rendition is made that is made of another one. */


#include "live/oa_live_layout.h"

#include <string.h>


void
oa_live_rung_set(oa_live_t *live, oa_live_rendition_t rendition,
    const oa_live_rung_t *rung)
{
    uint64_t        values[OA_LIVE_RUNG];
    unsigned        i;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return;
    }

    memcpy(values, rung, sizeof(values));

    for (i = 0; i < OA_LIVE_RUNG; i++) {
        atomic_store_explicit(&view.entry->rung[i], values[i],
                              memory_order_relaxed);
    }
}


oa_err_t
oa_live_rung_get(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_live_rung_t *rung)
{
    uint64_t        values[OA_LIVE_RUNG];
    unsigned        i;
    oa_live_view_t  view;

    if (!oa_live_view(live, rendition, &view)) {
        return OA_EGONE;
    }

    for (i = 0; i < OA_LIVE_RUNG; i++) {
        values[i] = atomic_load_explicit(&view.entry->rung[i],
                                         memory_order_relaxed);
    }

    memcpy(rung, values, sizeof(values));

    return oa_live_view_valid(&view) ? OA_OK : OA_EGONE;
}
