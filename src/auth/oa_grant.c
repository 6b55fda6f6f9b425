
#include "auth/oa_grant.h"
#include "base/oa_table.h"

#include <stdatomic.h>
#include <string.h>


#define OA_GRANTS_MAGIC    0x6f616772          /* "oagr" */
#define OA_GRANTS_VERSION  1


struct oa_grants_s {
    oa_table_t   table;
    uint64_t     epoch;
    int64_t      forgetting_user;
    uint32_t     forgetting;         /* it was begun and is not done */
};


typedef struct {
    oa_table_entry_t  entry;
    int64_t           put_ms;
    uint8_t           digest[OA_KEY_DIGEST_BYTES];
    oa_grant_t        grant;
} oa_grants_entry_t;


static const oa_table_kind_t  oa_grants_kind = {
    OA_GRANTS_MAGIC, OA_GRANTS_VERSION, sizeof(oa_grants_t),
    sizeof(oa_grants_entry_t)
};


oa_err_t
oa_grants_format(void *mem, size_t size)
{
    /* nobody can choose digests: they are keyed with the pepper */
    static const uint8_t  seed[OA_TABLE_SEED_BYTES];

    return oa_table_format(mem, size, &oa_grants_kind, seed);
}


oa_err_t
oa_grants_attach(void *mem, size_t size, oa_grants_t **grants)
{
    if (oa_table_attach(mem, size, &oa_grants_kind) != OA_OK) {
        return OA_EVERSION;
    }

    *grants = mem;

    return OA_OK;
}


static void
oa_grants_drop(oa_grants_t *grants, int64_t user_id)
{
    size_t              i, n;
    oa_grants_entry_t  *e;

    n = oa_table_capacity(&grants->table);

    for (i = 0; i < n; i++) {
        e = (oa_grants_entry_t *) oa_table_entry(&grants->table, i);

        if (user_id == 0 || e->grant.user_id == user_id) {
            oa_table_begin(&e->entry);
        }
    }
}


/*
 * Who was killed while it forgot must not leave the answer of a user who is
 * banned: the next call completes that.
 */
static void
oa_grants_recover(oa_grants_t *grants)
{
    if (!grants->forgetting) {
        return;
    }

    oa_grants_drop(grants, grants->forgetting_user);

    atomic_thread_fence(memory_order_release);
    grants->forgetting = 0;
}


/* The entry of a digest; the time tells nothing about which it resembles. */
static oa_grants_entry_t *
oa_grants_find(oa_table_entry_t *places[OA_TABLE_PLACES],
    const uint8_t digest[OA_KEY_DIGEST_BYTES])
{
    size_t              i;
    oa_grants_entry_t  *e, *found;

    found = NULL;

    for (i = 0; i < OA_TABLE_PLACES; i++) {
        e = (oa_grants_entry_t *) places[i];

        if (oa_key_equal(e->digest, digest) && e->entry.used) {
            found = e;
        }
    }

    return found;
}


/*
 * Whose place a new answer takes.  Who tries keys at random must not drive
 * out those that are known, so those that are not go first, and make no other
 * room for themselves.
 */
static oa_grants_entry_t *
oa_grants_victim(oa_table_entry_t *places[OA_TABLE_PLACES],
    const oa_grant_t *grant)
{
    bool                unknown, best_unknown;
    size_t              i;
    oa_grants_entry_t  *e, *best;

    best = NULL;
    best_unknown = false;

    for (i = 0; i < OA_TABLE_PLACES; i++) {
        e = (oa_grants_entry_t *) places[i];
        unknown = (e->grant.flags & OA_GRANT_UNKNOWN) != 0;

        if (best == NULL || unknown > best_unknown
            || (unknown == best_unknown
                && e->entry.touched < best->entry.touched))
        {
            best = e;
            best_unknown = unknown;
        }
    }

    return best_unknown || !(grant->flags & OA_GRANT_UNKNOWN) ? best : NULL;
}


static void
oa_grants_places(oa_grants_t *grants,
    const uint8_t digest[OA_KEY_DIGEST_BYTES],
    oa_table_entry_t *places[OA_TABLE_PLACES])
{
    uint64_t  hash;

    hash = oa_table_hash(&grants->table,
                         oa_slice(digest, OA_KEY_DIGEST_BYTES));
    oa_table_places(&grants->table, hash, places);
}


void
oa_grants_put(oa_grants_t *grants,
    const uint8_t digest[OA_KEY_DIGEST_BYTES], const oa_grant_t *grant,
    int64_t now_ms, uint64_t epoch)
{
    oa_table_entry_t   *places[OA_TABLE_PLACES];
    oa_grants_entry_t  *e;

    oa_grants_recover(grants);

    if (epoch != grants->epoch) {
        return;
    }

    oa_grants_places(grants, digest, places);
    e = oa_grants_find(places, digest);

    if (e == NULL) {
        e = (oa_grants_entry_t *) oa_table_free(places);
    }

    if (e == NULL) {
        e = oa_grants_victim(places, grant);
    }

    if (e == NULL) {
        return;
    }

    oa_table_begin(&e->entry);

    e->put_ms = now_ms;
    memcpy(e->digest, digest, OA_KEY_DIGEST_BYTES);
    e->grant = *grant;
    e->grant.channel[OA_LIVE_CHANNEL_BYTES] = '\0';

    oa_table_commit(&grants->table, &e->entry);
}


oa_err_t
oa_grants_get(oa_grants_t *grants, const uint8_t digest[OA_KEY_DIGEST_BYTES],
    int64_t now_ms, oa_grant_t *grant, int64_t *age_ms)
{
    oa_table_entry_t   *places[OA_TABLE_PLACES];
    oa_grants_entry_t  *e;

    oa_grants_recover(grants);
    oa_grants_places(grants, digest, places);

    e = oa_grants_find(places, digest);
    if (e == NULL) {
        return OA_ENOTFOUND;
    }

    oa_table_touch(&grants->table, &e->entry);

    *grant = e->grant;
    *age_ms = now_ms > e->put_ms ? now_ms - e->put_ms : 0;

    return OA_OK;
}


void
oa_grants_forget(oa_grants_t *grants, int64_t user_id)
{
    oa_grants_recover(grants);

    /* who asks from here on has asked after the change */
    grants->epoch++;

    grants->forgetting_user = user_id;
    atomic_thread_fence(memory_order_release);
    grants->forgetting = 1;

    oa_grants_recover(grants);
}


uint64_t
oa_grants_epoch(const oa_grants_t *grants)
{
    return grants->epoch;
}
