
#include "hls/oa_hls.h"

#include <string.h>


#define OA_HLS_PLAYLIST    "index.m3u8"
#define OA_HLS_SPRITE_MAP  "sprite.vtt"

static const char  oa_hls_base32[] = "abcdefghijklmnopqrstuvwxyz234567";


static bool
oa_hls_equals(oa_slice_t s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}


/* Takes a prefix off s; false, and s as it was, when s has another. */
static bool
oa_hls_take(oa_slice_t *s, const char *prefix)
{
    size_t  n;

    n = strlen(prefix);

    if (s->size < n || memcmp(s->data, prefix, n) != 0) {
        return false;
    }

    s->data += n;
    s->size -= n;

    return true;
}


/* Takes a number without leading zeros off s. */
static bool
oa_hls_take_number(oa_slice_t *s, uint32_t *number)
{
    size_t    n;
    uint64_t  value;

    value = 0;

    for (n = 0; n < s->size; n++) {
        if (s->data[n] < '0' || s->data[n] > '9') {
            break;
        }

        value = value * 10 + (uint64_t) (s->data[n] - '0');

        if (value > UINT32_MAX) {
            return false;
        }
    }

    if (n == 0 || (n > 1 && s->data[0] == '0')) {
        return false;
    }

    s->data += n;
    s->size -= n;
    *number = (uint32_t) value;

    return true;
}


/* Takes what stands before the next slash off s, and the slash. */
static bool
oa_hls_take_component(oa_slice_t *s, oa_slice_t *component)
{
    const uint8_t  *slash;

    if (s->size == 0) {
        return false;
    }

    slash = memchr(s->data, '/', s->size);
    if (slash == NULL) {
        return false;
    }

    *component = oa_slice(s->data, (size_t) (slash - s->data));
    s->data = slash + 1;
    s->size -= component->size + 1;

    return true;
}


static bool
oa_hls_channel_valid(oa_slice_t s)
{
    size_t  i;

    if (s.size == 0 || s.size > OA_LIVE_CHANNEL_BYTES || s.data[0] == '.') {
        return false;
    }

    for (i = 0; i < s.size; i++) {
        if (s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return false;
        }
    }

    return true;
}


static bool
oa_hls_rendition_valid(oa_slice_t s)
{
    size_t   i;
    uint8_t  c;

    if (s.size == 0 || s.size >= OA_LIVE_NAME_BYTES) {
        return false;
    }

    for (i = 0; i < s.size; i++) {
        c = s.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }

    return true;
}


/* The last component: which resource of the rendition. */
static bool
oa_hls_file_parse(oa_slice_t file, oa_hls_uri_t *uri)
{
    if (oa_hls_equals(file, OA_HLS_PLAYLIST)) {
        uri->kind = OA_HLS_MEDIA;
        return true;
    }

    if (oa_hls_take(&file, "init-")) {
        uri->kind = OA_HLS_INIT;
        return oa_hls_take_number(&file, &uri->number)
               && oa_hls_equals(file, ".mp4");
    }

    if (oa_hls_take(&file, "seg-")) {
        uri->kind = OA_HLS_SEGMENT;
        return oa_hls_take_number(&file, &uri->number)
               && oa_hls_equals(file, ".m4s");
    }

    if (oa_hls_take(&file, "part-")) {
        uri->kind = OA_HLS_PART;
        return oa_hls_take_number(&file, &uri->number)
               && oa_hls_take(&file, ".")
               && oa_hls_take_number(&file, &uri->part)
               && oa_hls_equals(file, ".m4s");
    }

    return false;
}


/* A last component that is beside the renditions. */
static bool
oa_hls_picture_parse(oa_slice_t file, oa_hls_uri_t *uri)
{
    if (uri->session_id == 0) {
        uri->kind = OA_HLS_THUMBNAIL;
        return oa_hls_take(&file, "thumbnail-")
               && oa_hls_take_number(&file, &uri->number)
               && oa_hls_equals(file, ".jpg");
    }

    if (oa_hls_equals(file, OA_HLS_SPRITE_MAP)) {
        uri->kind = OA_HLS_SPRITES;
        return true;
    }

    uri->kind = OA_HLS_SPRITE;

    return oa_hls_take(&file, "sprite-")
           && oa_hls_take_number(&file, &uri->number)
           && oa_hls_equals(file, ".jpg");
}


oa_err_t
oa_hls_uri_parse(oa_slice_t path, oa_hls_uri_t *uri)
{
    oa_slice_t    session;
    oa_hls_uri_t  u;

    memset(&u, 0, sizeof(u));

    if (!oa_hls_take_component(&path, &u.channel)
        || !oa_hls_channel_valid(u.channel))
    {
        return OA_ENOTFOUND;
    }

    if (oa_hls_equals(path, OA_HLS_PLAYLIST)) {
        u.kind = OA_HLS_MULTIVARIANT;
        *uri = u;
        return OA_OK;
    }

    if (oa_hls_picture_parse(path, &u)) {
        *uri = u;
        return OA_OK;
    }

    if (!oa_hls_take_component(&path, &session)
        || oa_hls_session_id_parse(session, &u.session_id) != OA_OK)
    {
        return OA_ENOTFOUND;
    }

    if (oa_hls_picture_parse(path, &u)) {
        *uri = u;
        return OA_OK;
    }

    u.number = 0;

    if (!oa_hls_take_component(&path, &u.rendition)
        || !oa_hls_rendition_valid(u.rendition)
        || !oa_hls_file_parse(path, &u))
    {
        return OA_ENOTFOUND;
    }

    *uri = u;

    return OA_OK;
}


void
oa_hls_session_id_format(uint64_t id, char text[OA_HLS_SESSION_ID_BYTES + 1])
{
    size_t  i;

    text[OA_HLS_SESSION_ID_BYTES] = '\0';

    for (i = OA_HLS_SESSION_ID_BYTES; i > 0; i--) {
        text[i - 1] = oa_hls_base32[id & 31];
        id >>= 5;
    }
}


oa_err_t
oa_hls_session_id_parse(oa_slice_t text, uint64_t *id)
{
    size_t       i;
    uint64_t     value;
    const char  *digit;

    if (text.size != OA_HLS_SESSION_ID_BYTES) {
        return OA_EINVAL;
    }

    value = 0;

    for (i = 0; i < text.size; i++) {
        digit = memchr(oa_hls_base32, text.data[i], 32);
        if (digit == NULL) {
            return OA_EINVAL;
        }

        /* 13 digits have 65 bits: the first digit brings only 4 */
        if (i == 0 && digit - oa_hls_base32 > 15) {
            return OA_EINVAL;
        }

        value = value << 5 | (uint64_t) (digit - oa_hls_base32);
    }

    if (value == 0) {
        return OA_EINVAL;
    }

    *id = value;

    return OA_OK;
}
