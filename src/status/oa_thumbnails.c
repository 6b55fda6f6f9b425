
/* Which thumbnails a channel has, for pages that would show them. */


#include "live/oa_live_pictures.h"
#include "status/oa_status_impl.h"


void
oa_status_thumbnails(oa_status_t *st)
{
    int64_t                   made_s;
    unsigned                  place;
    oa_json_t                *json;
    oa_live_picture_found_t   found;

    json = &st->json;
    made_s = 0;

    oa_json_key(json, "thumbnails");
    oa_json_array_begin(json);

    for (place = 0; place < OA_LIVE_PICTURES; place++) {
        /* none is served of what is over */
        if (st->info.state == OA_LIVE_ENDED
            || oa_live_picture_get(st->source->live, st->info.session, place,
                                   &found) != OA_OK
            || found.about.kind != OA_LIVE_THUMBNAIL)
        {
            continue;
        }

        oa_json_uint(json, found.about.number);
        made_s = found.about.made_unix_s;
    }

    oa_json_array_end(json);
    oa_json_key(json, "thumbnails_made");

    if (made_s > 0) {
        oa_json_rfc3339(json, made_s * 1000000);

    } else {
        oa_json_null(json);
    }
}
