
/* The tier of a channel's publisher, for who gives the machine's time away. */


#include "ngx_rtmp_publish_auth.h"


typedef struct {
    ngx_str_t  *channel;
    oa_tier_t   tier;
    ngx_uint_t  found;
} ngx_rtmp_publish_auth_tier_t;


/* An oa_roster_pt. */
static bool
ngx_rtmp_publish_auth_tier_seen(void *data, const oa_roster_entry_t *entry)
{
    ngx_rtmp_publish_auth_tier_t  *tier = data;

    if (entry->state != OA_ROSTER_LIVE
        || ngx_strlen(entry->grant.channel) != tier->channel->len
        || ngx_memcmp(entry->grant.channel, tier->channel->data,
                      tier->channel->len)
           != 0)
    {
        return true;
    }

    tier->tier = entry->grant.tier;
    tier->found = 1;

    return false;
}


oa_err_t
ngx_rtmp_publish_auth_channel_tier(ngx_str_t *channel, oa_tier_t *tier)
{
    ngx_rtmp_publish_auth_tier_t   seen;
    ngx_rtmp_publish_auth_zone_t  *zone;

    zone = ngx_rtmp_publish_auth_zone();
    if (zone == NULL) {
        return OA_ENOTFOUND;
    }

    seen.channel = channel;
    seen.found = 0;

    ngx_shmtx_lock(zone->mutex);
    oa_roster_walk(zone->roster, ngx_rtmp_publish_auth_tier_seen, &seen);
    ngx_shmtx_unlock(zone->mutex);

    if (!seen.found) {
        return OA_ENOTFOUND;
    }

    *tier = seen.tier;

    return OA_OK;
}
