
#include "auth/oa_key.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <string.h>


#define OA_KEY_PREFIX  "live_"


static const char  oa_key_base32[] = "abcdefghijklmnopqrstuvwxyz234567";


/* The number at *p, into user_id; p moves behind it. */
static bool
oa_key_parse_user(const uint8_t **p, const uint8_t *end, int64_t *user_id)
{
    int64_t         id;
    const uint8_t  *s;

    id = 0;

    for (s = *p; s < end && *s >= '0' && *s <= '9'; s++) {
        if (__builtin_mul_overflow(id, 10, &id)
            || __builtin_add_overflow(id, *s - '0', &id)
            || id == 0)
        {
            return false;
        }
    }

    *p = s;
    *user_id = id;

    return id != 0;
}


oa_err_t
oa_key_parse(oa_slice_t text, oa_key_t *key)
{
    size_t          i;
    int64_t         user_id;
    const uint8_t  *p, *end;

    if (text.size < sizeof(OA_KEY_PREFIX) - 1
        || memcmp(text.data, OA_KEY_PREFIX, sizeof(OA_KEY_PREFIX) - 1) != 0)
    {
        return OA_EINVAL;
    }

    p = text.data + sizeof(OA_KEY_PREFIX) - 1;
    end = text.data + text.size;

    if (!oa_key_parse_user(&p, end, &user_id)
        || end - p != 1 + OA_KEY_SECRET_CHARS
        || *p++ != '_')
    {
        return OA_EINVAL;
    }

    for (i = 0; i < OA_KEY_SECRET_CHARS; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '2' && p[i] <= '7'))) {
            return OA_EINVAL;
        }
    }

    key->user_id = user_id;
    key->secret = oa_slice(p, OA_KEY_SECRET_CHARS);

    return OA_OK;
}


static char *
oa_key_write_user(char *p, int64_t user_id)
{
    char      digits[20];
    size_t    n;
    uint64_t  rest;

    n = sizeof(digits);
    rest = (uint64_t) user_id;

    do {
        digits[--n] = (char) ('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);

    memcpy(p, digits + n, sizeof(digits) - n);

    return p + sizeof(digits) - n;
}


void
oa_key_format(char text[OA_KEY_TEXT_BYTES], int64_t user_id,
    const uint8_t random[OA_KEY_SECRET_BYTES])
{
    char      *p;
    size_t     i;
    unsigned   nbits;
    uint32_t   bits;

    memcpy(text, OA_KEY_PREFIX, sizeof(OA_KEY_PREFIX) - 1);

    /* a negative one has 20 digits, for which there is no room */
    p = oa_key_write_user(text + sizeof(OA_KEY_PREFIX) - 1,
                          user_id > 0 ? user_id : 0);
    *p++ = '_';

    bits = 0;
    nbits = 0;

    for (i = 0; i < OA_KEY_SECRET_BYTES; i++) {
        bits = bits << 8 | random[i];

        for (nbits += 8; nbits >= 5; nbits -= 5) {
            *p++ = oa_key_base32[bits >> (nbits - 5) & 31];
        }
    }

    *p = '\0';
}


oa_err_t
oa_key_digest(oa_slice_t text, oa_slice_t pepper,
    uint8_t digest[OA_KEY_DIGEST_BYTES])
{
    if (pepper.size < OA_KEY_PEPPER_BYTES
        || pepper.size > OA_KEY_PEPPER_MAX)
    {
        return OA_EINVAL;
    }

    if (HMAC(EVP_sha256(), pepper.data, (int) pepper.size, text.data,
             text.size, digest, NULL)
        == NULL)
    {
        return OA_ENOMEM;
    }

    return OA_OK;
}


oa_err_t
oa_key_pepper_mark(oa_slice_t pepper, char mark[OA_KEY_MARK_BYTES])
{
    size_t    i;
    uint8_t   digest[OA_KEY_DIGEST_BYTES];
    oa_err_t  err;

    static const char  what[] = "onair pepper";
    static const char  hex[] = "0123456789abcdef";

    err = oa_key_digest(oa_slice(what, sizeof(what) - 1), pepper, digest);
    if (err != OA_OK) {
        return err;
    }

    for (i = 0; i < OA_KEY_MARK_BYTES / 2; i++) {
        mark[2 * i] = hex[digest[i] >> 4];
        mark[2 * i + 1] = hex[digest[i] & 15];
    }

    mark[OA_KEY_MARK_BYTES - 1] = '\0';

    return OA_OK;
}


bool
oa_key_equal(const uint8_t a[OA_KEY_DIGEST_BYTES],
    const uint8_t b[OA_KEY_DIGEST_BYTES])
{
    return CRYPTO_memcmp(a, b, OA_KEY_DIGEST_BYTES) == 0;
}
