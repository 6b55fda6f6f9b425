
#include "json/oa_json.h"

#include <string.h>


/* The comma that separates this value or key from the one before it. */
static void
oa_json_separate(oa_json_t *json)
{
    uint64_t  bit;

    if (json->after_key) {
        json->after_key = false;
        return;
    }

    bit = (uint64_t) 1 << json->depth;

    if (json->begun & bit) {
        oa_write_str(json->w, ",");
    }

    json->begun |= bit;
}


static void
oa_json_begin(oa_json_t *json, const char *bracket)
{
    oa_json_separate(json);

    if (json->depth == OA_JSON_DEPTH) {
        json->w->error = OA_ELIMIT;
        return;
    }

    oa_write_str(json->w, bracket);

    json->depth++;
    json->begun &= ~((uint64_t) 1 << json->depth);
}


static void
oa_json_end(oa_json_t *json, const char *bracket)
{
    if (json->depth > 0) {
        json->depth--;
    }

    oa_write_str(json->w, bracket);
}


/* The length of the UTF-8 character at p, or 0 (RFC 3629, section 4). */
static size_t
oa_json_utf8(const uint8_t *p, size_t left)
{
    size_t   n, i;
    uint8_t  low, high;

    low = 0x80;
    high = 0xbf;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;

    } else {
        return 0;
    }

    if (n > left || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


static void
oa_json_escape(oa_json_t *json, uint8_t c)
{
    static const char  hex[] = "0123456789abcdef";

    char  text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    if (c == '"' || c == '\\') {
        text[1] = (char) c;
        oa_write_bytes(json->w, text, 2);
        return;
    }

    oa_write_bytes(json->w, text, sizeof(text));
}


/* Writes the character at p; returns its length. */
static size_t
oa_json_char(oa_json_t *json, const uint8_t *p, size_t left)
{
    size_t  n;

    if (p[0] < 0x20 || p[0] == '"' || p[0] == '\\' || p[0] == 0x7f) {
        oa_json_escape(json, p[0]);
        return 1;
    }

    n = p[0] < 0x80 ? 1 : oa_json_utf8(p, left);

    if (n == 0) {
        oa_write_str(json->w, "\\ufffd");
        return 1;
    }

    oa_write_bytes(json->w, p, n);

    return n;
}


void
oa_json_init(oa_json_t *json, oa_writer_t *w)
{
    json->w = w;
    json->begun = 0;
    json->depth = 0;
    json->after_key = false;
}


void
oa_json_object_begin(oa_json_t *json)
{
    oa_json_begin(json, "{");
}


void
oa_json_object_end(oa_json_t *json)
{
    oa_json_end(json, "}");
}


void
oa_json_array_begin(oa_json_t *json)
{
    oa_json_begin(json, "[");
}


void
oa_json_array_end(oa_json_t *json)
{
    oa_json_end(json, "]");
}


void
oa_json_key(oa_json_t *json, const char *name)
{
    oa_json_key_slice(json, oa_slice(name, strlen(name)));
}


void
oa_json_key_slice(oa_json_t *json, oa_slice_t name)
{
    oa_json_slice(json, name);
    oa_write_str(json->w, ":");

    json->after_key = true;
}


void
oa_json_slice(oa_json_t *json, oa_slice_t s)
{
    size_t  i;

    oa_json_separate(json);
    oa_write_str(json->w, "\"");

    for (i = 0; i < s.size && json->w->error == OA_OK; /* void */) {
        i += oa_json_char(json, s.data + i, s.size - i);
    }

    oa_write_str(json->w, "\"");
}


void
oa_json_str(oa_json_t *json, const char *s)
{
    oa_json_slice(json, oa_slice(s, strlen(s)));
}


void
oa_json_uint(oa_json_t *json, uint64_t v)
{
    oa_json_separate(json);
    oa_write_dec(json->w, v);
}


void
oa_json_bool(oa_json_t *json, bool v)
{
    oa_json_separate(json);
    oa_write_str(json->w, v ? "true" : "false");
}


void
oa_json_thousandths(oa_json_t *json, int64_t thousandths)
{
    uint64_t  v;

    oa_json_separate(json);
    v = (uint64_t) thousandths;

    if (thousandths < 0) {
        oa_write_str(json->w, "-");
        v = 0 - v;
    }

    if (v % 1000 == 0) {
        oa_write_dec(json->w, v / 1000);

    } else {
        oa_write_seconds(json->w, v, 1000, 3);
    }
}


void
oa_json_ratio(oa_json_t *json, uint64_t ticks, uint32_t timescale,
    unsigned digits)
{
    oa_json_separate(json);
    oa_write_seconds(json->w, ticks, timescale, digits);
}


void
oa_json_rfc3339(oa_json_t *json, int64_t unix_us)
{
    oa_json_separate(json);
    oa_write_str(json->w, "\"");
    oa_write_rfc3339(json->w, unix_us);
    oa_write_str(json->w, "\"");
}


void
oa_json_null(oa_json_t *json)
{
    oa_json_separate(json);
    oa_write_str(json->w, "null");
}
