
#include "live/oa_live_layout.h"

#include <string.h>


/*
 * A HyperLogLog for each of the last seconds (Flajolet et al. 2007); counting
 * merges them.  4096 registers give a standard error of 1.6%.
 */
#define OA_LIVE_REGISTERS       4096
#define OA_LIVE_REGISTER_BITS   12
#define OA_LIVE_CLEARING        (1ull << 63)


static oa_live_viewers_page_t *
oa_live_viewers_page(const oa_live_t *live,
    const oa_live_session_entry_t *entry)
{
    uint32_t  page;

    page = atomic_load(&entry->viewers_page);

    return page < oa_live_header(live)->npages
           ? (oa_live_viewers_page_t *) (void *) oa_live_page(live, page)
           : NULL;
}


/* Finalizer of MurmurHash3: callers' hashes may be weak in their low bits. */
static uint64_t
oa_live_viewer_mix(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ull;

    return hash ^ hash >> 33;
}


/* Makes a bucket that of a second; false when it is that of a later one. */
static bool
oa_live_viewers_turn(oa_live_viewers_page_t *page, unsigned bucket,
    uint64_t second)
{
    uint64_t  seen;
    unsigned  i;

    seen = atomic_load(&page->seconds[bucket]);

    if ((seen & ~OA_LIVE_CLEARING) == second) {
        return true;
    }

    if ((seen & ~OA_LIVE_CLEARING) > second) {
        return false;
    }

    /* who clears it while another does loses nothing but a glimpse */
    if (!atomic_compare_exchange_strong(&page->seconds[bucket], &seen,
                                        second | OA_LIVE_CLEARING))
    {
        return (seen & ~OA_LIVE_CLEARING) == second;
    }

    for (i = 0; i < OA_LIVE_REGISTERS; i++) {
        atomic_store_explicit(&page->registers[bucket][i], 0,
                              memory_order_relaxed);
    }

    atomic_store(&page->seconds[bucket], second);

    return true;
}


void
oa_live_viewer_seen(oa_live_t *live, oa_live_session_t session,
    uint64_t viewer_hash, int64_t now_ms)
{
    uint8_t                   rank, old;
    uint64_t                  hash, second;
    unsigned                  bucket;
    _Atomic uint8_t          *reg;
    oa_live_viewers_page_t   *page;
    oa_live_session_entry_t  *entry;

    entry = oa_live_session_entry(live, session);

    /* an ended session may lose its page at any moment */
    if (entry == NULL || atomic_load(&entry->state) == OA_LIVE_ENDED) {
        return;
    }

    page = oa_live_viewers_page(live, entry);
    second = (uint64_t) now_ms / 1000 + 1;
    bucket = second % OA_LIVE_VIEWER_SECONDS;

    if (page == NULL || !oa_live_viewers_turn(page, bucket, second)) {
        return;
    }

    hash = oa_live_viewer_mix(viewer_hash);
    reg = &page->registers[bucket][hash % OA_LIVE_REGISTERS];
    rank = (uint8_t) (__builtin_ctzll(hash >> OA_LIVE_REGISTER_BITS
                                      | 1ull << 52) + 1);

    old = atomic_load_explicit(reg, memory_order_relaxed);

    while (old < rank && !atomic_compare_exchange_weak(reg, &old, rank)) {
        /* void */
    }
}


/* The largest of each register over the buckets that are recent. */
static void
oa_live_viewers_merge(const oa_live_viewers_page_t *page, uint64_t second,
    uint8_t *merged)
{
    uint8_t   value;
    uint64_t  seen;
    unsigned  i, bucket;

    memset(merged, 0, OA_LIVE_REGISTERS);

    for (bucket = 0; bucket < OA_LIVE_VIEWER_SECONDS; bucket++) {
        seen = atomic_load(&page->seconds[bucket]);

        if (seen == 0 || (seen & OA_LIVE_CLEARING)
            || seen + OA_LIVE_VIEWER_SECONDS <= second)
        {
            continue;
        }

        for (i = 0; i < OA_LIVE_REGISTERS; i++) {
            value = atomic_load_explicit(&page->registers[bucket][i],
                                         memory_order_relaxed);
            merged[i] = value > merged[i] ? value : merged[i];
        }
    }
}


/* The natural logarithm of x >= 1; modules do not link libm for one call. */
static double
oa_live_ln(double x)
{
    double    y, power, sum;
    unsigned  halvings, i;

    for (halvings = 0; x > 1.5; halvings++) {
        x /= 2;
    }

    /* 2 artanh(y), |y| <= 1/3 */
    y = (x - 1) / (x + 1);

    for (power = y, sum = 0, i = 1; i < 32; i += 2) {
        sum += power / i;
        power *= y * y;
    }

    return 2 * sum + halvings * 0.69314718055994531;
}


static uint32_t
oa_live_viewers_estimate(const uint8_t *merged)
{
    double    m, sum, estimate;
    unsigned  i, zeros;

    m = OA_LIVE_REGISTERS;

    for (sum = 0, zeros = 0, i = 0; i < OA_LIVE_REGISTERS; i++) {
        sum += 1.0 / (double) (1ull << (merged[i] & 63));
        zeros += merged[i] == 0;
    }

    estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;

    if (estimate <= 2.5 * m && zeros != 0) {
        estimate = m * oa_live_ln(m / zeros);
    }

    return (uint32_t) (estimate + 0.5);
}


uint32_t
oa_live_viewers(const oa_live_t *live, oa_live_session_t session,
    int64_t now_ms)
{
    uint8_t                        merged[OA_LIVE_REGISTERS];
    const oa_live_viewers_page_t  *page;
    oa_live_session_entry_t       *entry;

    entry = oa_live_session_entry(live, session);
    if (entry == NULL) {
        return 0;
    }

    page = oa_live_viewers_page(live, entry);
    if (page == NULL) {
        return 0;
    }

    oa_live_viewers_merge(page, (uint64_t) now_ms / 1000 + 1, merged);

    if (oa_live_session_entry(live, session) == NULL) {
        return 0;
    }

    return oa_live_viewers_estimate(merged);
}
