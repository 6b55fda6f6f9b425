
/*
 * Stream keys: live_<user id>_<secret>.  The secret is shown once; what is
 * stored and looked up is its digest, HMAC-SHA-256 keyed with a pepper that
 * is in no database (RFC 2104, FIPS 180-4).  The user id tells the shard.
 */


#ifndef OA_KEY_H
#define OA_KEY_H


#include "base/oa_base.h"


#define OA_KEY_SECRET_BYTES   20               /* 160 bits of randomness */
#define OA_KEY_SECRET_CHARS   32               /* in RFC 4648 base32, lower */
#define OA_KEY_DIGEST_BYTES   32
#define OA_KEY_PEPPER_BYTES   32               /* at least */
#define OA_KEY_PEPPER_MAX     256              /* at most */

/* "live_", 19 digits, "_", the secret, NUL */
#define OA_KEY_TEXT_BYTES     (5 + 19 + 1 + OA_KEY_SECRET_CHARS + 1)

#define OA_KEY_MARK_BYTES     (32 + 1)


typedef struct {
    int64_t     user_id;                       /* 1 … 2^63 - 1 */
    oa_slice_t  secret;                        /* borrowed */
} oa_key_t;


OA_BEGIN_DECLS


/*
 * Takes a key apart, strictly: no leading zeros, no capitals, nothing behind
 * it.  OA_EINVAL: it is not well-formed.
 */
OA_MUST_CHECK oa_err_t oa_key_parse(oa_slice_t text, oa_key_t *key);

/*
 * Writes a key with the random bytes given, NUL-terminated.  A user id below 1
 * gives a text that oa_key_parse() refuses.
 */
void oa_key_format(char text[OA_KEY_TEXT_BYTES], int64_t user_id,
    const uint8_t random[OA_KEY_SECRET_BYTES]);

/*
 * The digest of a whole key, as text; any text has one, also one that is not
 * well-formed.  OA_EINVAL: a pepper too short or too long; OA_ENOMEM.
 */
OA_MUST_CHECK oa_err_t oa_key_digest(oa_slice_t text, oa_slice_t pepper,
    uint8_t digest[OA_KEY_DIGEST_BYTES]);

/*
 * What tells one pepper from another, and nothing else about it, as text.  It
 * is kept in the database, so that a wrong pepper is noticed.  Errors are
 * those of oa_key_digest().
 */
OA_MUST_CHECK oa_err_t oa_key_pepper_mark(oa_slice_t pepper,
    char mark[OA_KEY_MARK_BYTES]);

/* Whether two digests are equal, in time that does not tell where not. */
bool oa_key_equal(const uint8_t a[OA_KEY_DIGEST_BYTES],
    const uint8_t b[OA_KEY_DIGEST_BYTES]);


OA_END_DECLS


#endif /* OA_KEY_H */
