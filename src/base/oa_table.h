
/*
 * A bounded table of fixed-size entries in one flat region of memory that
 * processes share and a reload leaves as it is.
 *
 * A key's hash names two buckets of eight places; its entry is in one of the
 * sixteen.  There is nothing to link, so whatever a process that is killed
 * inside of a call leaves is a table: an entry is free until all of it was
 * written.  With two buckets to choose from, the first entry has to give way
 * when about three places in four are taken.
 *
 * Header and entries are the caller's structures: the header begins with an
 * oa_table_t, an entry with an oa_table_entry_t.  The caller holds a lock over
 * every call.
 */


#ifndef OA_TABLE_H
#define OA_TABLE_H


#include "base/oa_base.h"


#define OA_TABLE_BUCKET      8
#define OA_TABLE_PLACES      (2 * OA_TABLE_BUCKET)     /* of a key */
#define OA_TABLE_SEED_BYTES  16


typedef struct {
    uint32_t   magic;
    uint32_t   version;              /* of the caller's layout */
    uint32_t   header_bytes;         /* of the caller's structures */
    uint32_t   entry_bytes;
} oa_table_kind_t;


typedef struct {
    oa_table_kind_t  kind;
    uint64_t         size;
    uint64_t         seed[2];
    uint64_t         clock;          /* see oa_table_touch() */
    uint32_t         nbuckets;
} oa_table_t;


typedef struct {
    uint32_t   used;
    uint64_t   touched;
} oa_table_entry_t;


OA_BEGIN_DECLS


/*
 * Makes an empty table of as many entries as fit in size bytes at mem, with a
 * header of zeros.  seed: random where others choose the keys, so that they
 * cannot choose such as meet in one bucket.  OA_EINVAL: mem is not aligned to
 * 64 bytes, or has no room for two buckets.
 */
OA_MUST_CHECK oa_err_t oa_table_format(void *mem, size_t size,
    const oa_table_kind_t *kind, const uint8_t seed[OA_TABLE_SEED_BYTES]);

/* OA_EVERSION: there is no table of that kind and size. */
OA_MUST_CHECK oa_err_t oa_table_attach(const void *mem, size_t size,
    const oa_table_kind_t *kind);

/* SipHash-2-4, keyed with the table's seed. */
uint64_t oa_table_hash(const oa_table_t *table, oa_slice_t key);

/* The places where the entry of a key with this hash may be. */
void oa_table_places(oa_table_t *table, uint64_t hash,
    oa_table_entry_t *places[OA_TABLE_PLACES]);

/* A free one of them, in the emptier bucket, or NULL. */
oa_table_entry_t *oa_table_free(oa_table_entry_t *places[OA_TABLE_PLACES]);

/* All places, by number: for a walk. */
size_t oa_table_capacity(const oa_table_t *table);
oa_table_entry_t *oa_table_entry(oa_table_t *table, size_t index);

/* An entry is written between these two, and free meanwhile. */
void oa_table_begin(oa_table_entry_t *entry);
void oa_table_commit(oa_table_t *table, oa_table_entry_t *entry);

/* Notes its use; the least `touched` was used longest ago. */
void oa_table_touch(oa_table_t *table, oa_table_entry_t *entry);


OA_END_DECLS


#endif /* OA_TABLE_H */
