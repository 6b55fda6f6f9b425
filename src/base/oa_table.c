
#include "base/oa_table.h"

#include <stdatomic.h>
#include <string.h>


#define OA_TABLE_ALIGN  64


static size_t
oa_table_header_bytes(const oa_table_kind_t *kind)
{
    return (kind->header_bytes + OA_TABLE_ALIGN - 1)
           & ~(size_t) (OA_TABLE_ALIGN - 1);
}


static uint32_t
oa_table_nbuckets(size_t size, const oa_table_kind_t *kind)
{
    size_t  n, header;

    header = oa_table_header_bytes(kind);
    if (size < header) {
        return 0;
    }

    n = (size - header) / (OA_TABLE_BUCKET * (size_t) kind->entry_bytes);

    return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}


oa_err_t
oa_table_format(void *mem, size_t size, const oa_table_kind_t *kind,
    const uint8_t seed[OA_TABLE_SEED_BYTES])
{
    uint32_t     nbuckets;
    oa_table_t  *table;

    nbuckets = oa_table_nbuckets(size, kind);

    if ((uintptr_t) mem % OA_TABLE_ALIGN != 0 || nbuckets < 2) {
        return OA_EINVAL;
    }

    memset(mem, 0, size);

    table = mem;
    table->size = size;
    table->nbuckets = nbuckets;
    memcpy(table->seed, seed, sizeof(table->seed));

    /* last, as it makes it a table */
    atomic_thread_fence(memory_order_release);
    table->kind = *kind;

    return OA_OK;
}


oa_err_t
oa_table_attach(const void *mem, size_t size, const oa_table_kind_t *kind)
{
    const oa_table_t  *table;

    table = mem;

    if ((uintptr_t) mem % OA_TABLE_ALIGN != 0
        || oa_table_nbuckets(size, kind) < 2
        || table->kind.magic != kind->magic
        || table->kind.version != kind->version
        || table->kind.header_bytes != kind->header_bytes
        || table->kind.entry_bytes != kind->entry_bytes
        || table->size != size
        || table->nbuckets != oa_table_nbuckets(size, kind))
    {
        return OA_EVERSION;
    }

    return OA_OK;
}


static inline uint64_t
oa_table_rotate(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}


static void
oa_table_sip_rounds(uint64_t v[4], unsigned n)
{
    for ( /* void */ ; n > 0; n--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = oa_table_rotate(v[1], 13) ^ v[0];
        v[3] = oa_table_rotate(v[3], 16) ^ v[2];
        v[0] = oa_table_rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = oa_table_rotate(v[1], 17) ^ v[2];
        v[3] = oa_table_rotate(v[3], 21) ^ v[0];
        v[2] = oa_table_rotate(v[2], 32);
    }
}


/* Up to eight bytes, little-endian. */
static uint64_t
oa_table_sip_word(const uint8_t *p, size_t size)
{
    size_t    i;
    uint64_t  word;

    for (word = 0, i = 0; i < size; i++) {
        word |= (uint64_t) p[i] << 8 * i;
    }

    return word;
}


uint64_t
oa_table_hash(const oa_table_t *table, oa_slice_t key)
{
    size_t          rest;
    uint64_t        v[4], word;
    const uint8_t  *p;

    v[0] = table->seed[0] ^ 0x736f6d6570736575ull;
    v[1] = table->seed[1] ^ 0x646f72616e646f6dull;
    v[2] = table->seed[0] ^ 0x6c7967656e657261ull;
    v[3] = table->seed[1] ^ 0x7465646279746573ull;

    for (p = key.data, rest = key.size; rest >= 8; p += 8, rest -= 8) {
        word = oa_table_sip_word(p, 8);
        v[3] ^= word;
        oa_table_sip_rounds(v, 2);
        v[0] ^= word;
    }

    word = oa_table_sip_word(p, rest) | (uint64_t) key.size << 56;
    v[3] ^= word;
    oa_table_sip_rounds(v, 2);
    v[0] ^= word;

    v[2] ^= 0xff;
    oa_table_sip_rounds(v, 4);

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


oa_table_entry_t *
oa_table_entry(oa_table_t *table, size_t index)
{
    uint8_t  *p;

    p = (uint8_t *) table + oa_table_header_bytes(&table->kind)
        + index * table->kind.entry_bytes;

    return (oa_table_entry_t *) (void *) p;
}


size_t
oa_table_capacity(const oa_table_t *table)
{
    return (size_t) table->nbuckets * OA_TABLE_BUCKET;
}


void
oa_table_places(oa_table_t *table, uint64_t hash,
    oa_table_entry_t *places[OA_TABLE_PLACES])
{
    size_t    i;
    uint64_t  n, first, second;

    n = table->nbuckets;
    first = (hash >> 32) * n >> 32;
    second = first + 1 + ((hash & 0xffffffff) * (n - 1) >> 32);
    second -= second >= n ? n : 0;

    for (i = 0; i < OA_TABLE_BUCKET; i++) {
        places[i] = oa_table_entry(table, first * OA_TABLE_BUCKET + i);
        places[OA_TABLE_BUCKET + i] =
            oa_table_entry(table, second * OA_TABLE_BUCKET + i);
    }
}


oa_table_entry_t *
oa_table_free(oa_table_entry_t *places[OA_TABLE_PLACES])
{
    size_t             i;
    unsigned           count[2], emptier;
    oa_table_entry_t  *found[2];

    count[0] = count[1] = 0;
    found[0] = found[1] = NULL;

    for (i = 0; i < OA_TABLE_PLACES; i++) {
        if (!places[i]->used) {
            count[i / OA_TABLE_BUCKET]++;
            found[i / OA_TABLE_BUCKET] = places[i];
        }
    }

    emptier = count[1] > count[0];

    return found[emptier];
}


void
oa_table_begin(oa_table_entry_t *entry)
{
    entry->used = 0;
    atomic_thread_fence(memory_order_release);
}


void
oa_table_commit(oa_table_t *table, oa_table_entry_t *entry)
{
    oa_table_touch(table, entry);
    atomic_thread_fence(memory_order_release);
    entry->used = 1;
}


void
oa_table_touch(oa_table_t *table, oa_table_entry_t *entry)
{
    entry->touched = ++table->clock;
}
