
/* Who makes further renditions in this process, and who knows the tiers. */


#include "core/ngx_onair_ladder.h"


static const ngx_onair_ladder_t  *ngx_onair_ladder_provided;
static ngx_onair_tier_pt          ngx_onair_tier_provided;


void
ngx_onair_ladder_provide(const ngx_onair_ladder_t *ladder)
{
    ngx_onair_ladder_provided = ladder;
}


const ngx_onair_ladder_t *
ngx_onair_ladder(void)
{
    return ngx_onair_ladder_provided;
}


void
ngx_onair_tier_provide(ngx_onair_tier_pt tier)
{
    ngx_onair_tier_provided = tier;
}


oa_tier_t
ngx_onair_tier(ngx_str_t *channel)
{
    oa_tier_t  tier;

    if (ngx_onair_tier_provided != NULL
        && ngx_onair_tier_provided(channel, &tier) == OA_OK)
    {
        return tier;
    }

    return OA_TIER_PARTNER;
}
