
#include "limit/oa_attempts.h"
#include "base/oa_table.h"

#include <string.h>


#define OA_ATTEMPTS_MAGIC     0x6f616174       /* "oaat" */
#define OA_ATTEMPTS_VERSION   1
#define OA_ATTEMPTS_KEY       16


struct oa_attempts_s {
    oa_table_t   table;
};


/* An address as it is stored: itself, or two hashes of a long one. */
typedef struct {
    uint32_t     size;
    uint8_t      bytes[OA_ATTEMPTS_KEY];
} oa_attempts_key_t;


typedef struct {
    oa_table_entry_t   entry;
    oa_attempts_key_t  key;
    uint32_t           count;        /* failures in the window */
    uint32_t           before;       /* and in the one before */
    uint32_t           pauses;       /* lock-outs that are not forgotten */
    int64_t            window;       /* when it began, ms */
    int64_t            failed;       /* the last time */
    int64_t            until;        /* the end of the last lock-out */
} oa_attempts_entry_t;


static const oa_table_kind_t  oa_attempts_kind = {
    OA_ATTEMPTS_MAGIC, OA_ATTEMPTS_VERSION, sizeof(oa_attempts_t),
    sizeof(oa_attempts_entry_t)
};


oa_err_t
oa_attempts_format(void *mem, size_t size,
    const uint8_t seed[OA_ATTEMPTS_SEED_BYTES])
{
    return oa_table_format(mem, size, &oa_attempts_kind, seed);
}


oa_err_t
oa_attempts_attach(void *mem, size_t size, oa_attempts_t **attempts)
{
    if (oa_table_attach(mem, size, &oa_attempts_kind) != OA_OK) {
        return OA_EVERSION;
    }

    *attempts = mem;

    return OA_OK;
}


oa_slice_t
oa_attempts_address(oa_slice_t address)
{
    static const uint8_t  mapped[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
    };

    if (address.size != 16) {
        return address;
    }

    if (memcmp(address.data, mapped, sizeof(mapped)) == 0) {
        return oa_slice(address.data + sizeof(mapped), 4);
    }

    return oa_slice(address.data, 8);
}


static void
oa_attempts_key(const oa_attempts_t *attempts, oa_slice_t address,
    oa_attempts_key_t *key)
{
    size_t     half;
    uint64_t   hash[2];

    memset(key, 0, sizeof(*key));

    if (address.size <= OA_ATTEMPTS_KEY) {
        key->size = (uint32_t) address.size;

        if (address.size > 0) {
            memcpy(key->bytes, address.data, address.size);
        }

        return;
    }

    half = address.size / 2;
    hash[0] = oa_table_hash(&attempts->table, oa_slice(address.data, half));
    hash[1] = oa_table_hash(&attempts->table,
                            oa_slice(address.data + half,
                                     address.size - half));

    key->size = UINT32_MAX;
    memcpy(key->bytes, hash, sizeof(hash));
}


static oa_attempts_entry_t *
oa_attempts_find(oa_attempts_t *attempts, const oa_attempts_key_t *key,
    oa_table_entry_t *places[OA_TABLE_PLACES])
{
    size_t                i;
    uint64_t              hash;
    oa_attempts_entry_t  *e;

    hash = oa_table_hash(&attempts->table, oa_slice(key, sizeof(*key)));
    oa_table_places(&attempts->table, hash, places);

    for (i = 0; i < OA_TABLE_PLACES; i++) {
        e = (oa_attempts_entry_t *) places[i];

        if (e->entry.used && memcmp(&e->key, key, sizeof(*key)) == 0) {
            return e;
        }
    }

    return NULL;
}


/* Whether the second is the better one to give up. */
static bool
oa_attempts_rather(const oa_attempts_entry_t *a, const oa_attempts_entry_t *b,
    int64_t now_ms)
{
    bool  a_locked, b_locked;

    a_locked = a->until > now_ms;
    b_locked = b->until > now_ms;

    if (a_locked != b_locked) {
        return a_locked;
    }

    return a_locked ? b->until < a->until : b->failed < a->failed;
}


static oa_attempts_entry_t *
oa_attempts_new(oa_attempts_t *attempts, const oa_attempts_key_t *key,
    oa_table_entry_t *places[OA_TABLE_PLACES], int64_t now_ms)
{
    size_t                i;
    oa_attempts_entry_t  *e, *other;

    e = (oa_attempts_entry_t *) oa_table_free(places);

    if (e == NULL) {
        e = (oa_attempts_entry_t *) places[0];

        for (i = 1; i < OA_TABLE_PLACES; i++) {
            other = (oa_attempts_entry_t *) places[i];
            e = oa_attempts_rather(e, other, now_ms) ? other : e;
        }
    }

    oa_table_begin(&e->entry);

    e->key = *key;
    e->count = e->before = e->pauses = 0;
    e->window = e->failed = e->until = now_ms;

    oa_table_commit(&attempts->table, &e->entry);

    return e;
}


static uint32_t
oa_attempts_at_least_1(uint32_t value)
{
    return value > 0 ? value : 1;
}


/* Moves the window on to now, and forgets what is over. */
static void
oa_attempts_roll(oa_attempts_entry_t *e, const oa_attempts_conf_t *conf,
    int64_t now_ms)
{
    int64_t  n, last, window;

    window = oa_attempts_at_least_1(conf->window_ms);
    n = now_ms > e->window ? (now_ms - e->window) / window : 0;

    if (n > 0) {
        e->before = n == 1 ? e->count : 0;
        e->count = 0;
        e->window += n * window;
    }

    last = e->until > e->failed ? e->until : e->failed;

    if (now_ms - last >= oa_attempts_at_least_1(conf->max_pause_ms)) {
        e->pauses = 0;
    }
}


/* The older window counts as far as the last window_ms reach into it. */
static bool
oa_attempts_reached(const oa_attempts_entry_t *e,
    const oa_attempts_conf_t *conf, int64_t now_ms)
{
    uint64_t           window, elapsed;
    unsigned __int128  weighted;

    window = oa_attempts_at_least_1(conf->window_ms);
    elapsed = now_ms > e->window ? (uint64_t) (now_ms - e->window) : 0;

    weighted = (unsigned __int128) e->count * window;
    weighted += (unsigned __int128) e->before * (window - elapsed);

    return weighted
           >= (unsigned __int128) oa_attempts_at_least_1(conf->limit)
              * window;
}


static uint32_t
oa_attempts_pause(const oa_attempts_conf_t *conf, uint32_t pauses)
{
    uint64_t  pause, max;

    max = oa_attempts_at_least_1(conf->max_pause_ms);
    pause = oa_attempts_at_least_1(conf->pause_ms);
    pause <<= pauses < 32 ? pauses : 32;

    return (uint32_t) (pause < max ? pause : max);
}


uint32_t
oa_attempts_check(oa_attempts_t *attempts, const oa_attempts_conf_t *conf,
    oa_slice_t address, int64_t now_ms)
{
    int64_t               left;
    oa_attempts_key_t     key;
    oa_table_entry_t     *places[OA_TABLE_PLACES];
    oa_attempts_entry_t  *e;

    oa_attempts_key(attempts, address, &key);

    e = oa_attempts_find(attempts, &key, places);
    if (e == NULL) {
        return 0;
    }

    if (e->until > now_ms) {
        left = e->until - now_ms;
        return left < UINT32_MAX ? (uint32_t) left : UINT32_MAX;
    }

    oa_attempts_roll(e, conf, now_ms);

    if (e->count == 0 && e->before == 0 && e->pauses == 0) {
        oa_table_begin(&e->entry);
    }

    return 0;
}


uint32_t
oa_attempts_fail(oa_attempts_t *attempts, const oa_attempts_conf_t *conf,
    oa_slice_t address, int64_t now_ms)
{
    uint32_t              pause;
    oa_attempts_key_t     key;
    oa_table_entry_t     *places[OA_TABLE_PLACES];
    oa_attempts_entry_t  *e;

    oa_attempts_key(attempts, address, &key);

    e = oa_attempts_find(attempts, &key, places);
    if (e == NULL) {
        e = oa_attempts_new(attempts, &key, places, now_ms);
    }

    oa_attempts_roll(e, conf, now_ms);

    e->count += e->count < UINT32_MAX;
    e->failed = now_ms > e->failed ? now_ms : e->failed;

    if (e->until > now_ms || !oa_attempts_reached(e, conf, now_ms)) {
        return 0;
    }

    pause = oa_attempts_pause(conf, e->pauses);
    e->pauses += e->pauses < UINT32_MAX;
    e->until = now_ms + pause;

    return pause;
}


void
oa_attempts_clear(oa_attempts_t *attempts, oa_slice_t address)
{
    oa_attempts_key_t     key;
    oa_table_entry_t     *places[OA_TABLE_PLACES];
    oa_attempts_entry_t  *e;

    oa_attempts_key(attempts, address, &key);

    e = oa_attempts_find(attempts, &key, places);
    if (e != NULL) {
        oa_table_begin(&e->entry);
    }
}
