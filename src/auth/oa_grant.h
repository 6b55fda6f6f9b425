
/*
 * What a stream key grants, and the answers remembered in shared memory, so
 * that a known key gets on while the database is away.  Keyed by the digest
 * of the key or of the whole of what a callback was asked.
 *
 * The region is flat; the caller holds one lock over every call.
 */


#ifndef OA_GRANT_H
#define OA_GRANT_H


#include "auth/oa_key.h"
#include "live/oa_live.h"


#define OA_GRANT_BANNED      0x01
#define OA_GRANT_NO_STREAM   0x02              /* can_stream is off */
#define OA_GRANT_UNKNOWN     0x04              /* no such key */


typedef enum {
    OA_TIER_VIEWER = 0,
    OA_TIER_AFFILIATE,
    OA_TIER_PARTNER
} oa_tier_t;


typedef struct {
    int64_t    user_id;                        /* 0: a callback's */
    int64_t    channel_id;
    int64_t    key_id;
    oa_tier_t  tier;
    unsigned   flags;                          /* OA_GRANT_… */
    char       channel[OA_LIVE_CHANNEL_BYTES + 1];
} oa_grant_t;


typedef struct oa_grants_s  oa_grants_t;


OA_BEGIN_DECLS


/*
 * Makes an empty table in size bytes at mem, aligned to 64 bytes; an answer
 * takes about 240.  OA_EINVAL: misaligned, or too small for a few of them.
 */
OA_MUST_CHECK oa_err_t oa_grants_format(void *mem, size_t size);

/* OA_EVERSION: made with another layout or size. */
OA_MUST_CHECK oa_err_t oa_grants_attach(void *mem, size_t size,
    oa_grants_t **grants);

/*
 * Remembers an answer, in place of an older one of the same digest.  Where the
 * table is full, the one that was used longest ago gives way, such as are
 * OA_GRANT_UNKNOWN first; for one that is itself OA_GRANT_UNKNOWN only these
 * do, so that nobody drives out known keys by trying others.  epoch: as
 * oa_grants_epoch() told before the question was asked; an answer that was
 * overtaken by oa_grants_forget() is not stored.
 */
void oa_grants_put(oa_grants_t *grants,
    const uint8_t digest[OA_KEY_DIGEST_BYTES], const oa_grant_t *grant,
    int64_t now_ms, uint64_t epoch);

/*
 * OA_ENOTFOUND, or the answer and its age.  Whether one that old still counts
 * is the caller's to say.  Digests are compared in constant time.
 */
OA_MUST_CHECK oa_err_t oa_grants_get(oa_grants_t *grants,
    const uint8_t digest[OA_KEY_DIGEST_BYTES], int64_t now_ms,
    oa_grant_t *grant, int64_t *age_ms);

/*
 * Drops every answer of a user; 0: of everybody.  A new epoch begins.  It
 * walks the whole table; when the process is killed meanwhile, the next call
 * of any process completes it.
 */
void oa_grants_forget(oa_grants_t *grants, int64_t user_id);

uint64_t oa_grants_epoch(const oa_grants_t *grants);


OA_END_DECLS


#endif /* OA_GRANT_H */
