
#include "base/oa_writer.h"

#include <string.h>


/* Room for size bytes, which the caller fills; NULL when there is none. */
static uint8_t *
oa_writer_reserve(oa_writer_t *w, size_t size)
{
    uint8_t  *p;

    if (w->error != OA_OK || size > (size_t) (w->end - w->pos)) {
        w->error = OA_EFULL;
        return NULL;
    }

    p = w->pos;
    w->pos += size;

    return p;
}


static void
oa_write_be(oa_writer_t *w, uint64_t v, unsigned size)
{
    uint8_t  *p;

    p = oa_writer_reserve(w, size);
    if (p == NULL) {
        return;
    }

    while (size > 0) {
        p[--size] = (uint8_t) v;
        v >>= 8;
    }
}


void
oa_writer_init(oa_writer_t *w, void *buf, size_t size)
{
    w->start = buf;
    w->pos = buf;
    w->end = w->start + size;
    w->error = OA_OK;
}


void
oa_write_u8(oa_writer_t *w, uint32_t v)
{
    oa_write_be(w, v, 1);
}


void
oa_write_u16(oa_writer_t *w, uint32_t v)
{
    oa_write_be(w, v, 2);
}


void
oa_write_u24(oa_writer_t *w, uint32_t v)
{
    oa_write_be(w, v, 3);
}


void
oa_write_u32(oa_writer_t *w, uint32_t v)
{
    oa_write_be(w, v, 4);
}


void
oa_write_u64(oa_writer_t *w, uint64_t v)
{
    oa_write_be(w, v, 8);
}


void
oa_write_bytes(oa_writer_t *w, const void *data, size_t size)
{
    uint8_t  *p;

    p = oa_writer_reserve(w, size);
    if (p != NULL && size != 0) {
        memcpy(p, data, size);
    }
}


void
oa_write_zeros(oa_writer_t *w, size_t size)
{
    uint8_t  *p;

    p = oa_writer_reserve(w, size);
    if (p != NULL && size != 0) {
        memset(p, 0, size);
    }
}


void
oa_write_str(oa_writer_t *w, const char *s)
{
    oa_write_bytes(w, s, strlen(s));
}


void
oa_write_slice(oa_writer_t *w, oa_slice_t s)
{
    oa_write_bytes(w, s.data, s.size);
}


/* At least `width` digits, zeros in front. */
static void
oa_write_dec_padded(oa_writer_t *w, uint64_t v, unsigned width)
{
    char      digits[20];
    unsigned  n;

    n = sizeof(digits);

    do {
        digits[--n] = (char) ('0' + v % 10);
        v /= 10;
    } while (v != 0 || sizeof(digits) - n < width);

    oa_write_bytes(w, &digits[n], sizeof(digits) - n);
}


void
oa_write_dec(oa_writer_t *w, uint64_t v)
{
    oa_write_dec_padded(w, v, 1);
}


void
oa_write_hex(oa_writer_t *w, uint32_t v)
{
    char      digits[8];
    unsigned  n;

    n = sizeof(digits);

    do {
        digits[--n] = "0123456789ABCDEF"[v & 15];
        v >>= 4;
    } while (v != 0);

    oa_write_bytes(w, &digits[n], sizeof(digits) - n);
}


void
oa_write_seconds(oa_writer_t *w, uint64_t ticks, uint32_t timescale,
    unsigned digits)
{
    unsigned  i;
    uint64_t  scaled, unit;

    for (unit = 1, i = 0; i < digits; i++) {
        unit *= 10;
    }

    scaled = (uint64_t) oa_rescale((int64_t) ticks, (int64_t) unit, timescale);

    oa_write_dec(w, scaled / unit);
    oa_write_str(w, ".");
    oa_write_dec_padded(w, scaled % unit, digits);
}


/* The civil date of a day count since 1970 (proleptic Gregorian). */
static void
oa_write_date(oa_writer_t *w, int64_t days)
{
    int64_t  era, day_of_era, year, day_of_year, month;

    /* years begin in March here, so that a leap day ends one */
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    day_of_era = days - era * 146097;
    year = (day_of_era - day_of_era / 1460 + day_of_era / 36524
            - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    month = (5 * day_of_year + 2) / 153;
    year += era * 400 + (month >= 10);

    oa_write_dec_padded(w, (uint64_t) (year < 0 ? 0 : year), 4);
    oa_write_str(w, "-");
    oa_write_dec_padded(w, (uint64_t) (month < 10 ? month + 3 : month - 9), 2);
    oa_write_str(w, "-");
    oa_write_dec_padded(w, (uint64_t) (day_of_year - (153 * month + 2) / 5
                                       + 1), 2);
}


void
oa_write_rfc3339(oa_writer_t *w, int64_t unix_us)
{
    int64_t   ms, days;
    uint64_t  in_day;

    ms = unix_us / 1000 - (unix_us % 1000 < 0);
    days = ms / 86400000 - (ms % 86400000 < 0);
    in_day = (uint64_t) (ms - days * 86400000);

    oa_write_date(w, days);
    oa_write_str(w, "T");
    oa_write_dec_padded(w, in_day / 3600000, 2);
    oa_write_str(w, ":");
    oa_write_dec_padded(w, in_day / 60000 % 60, 2);
    oa_write_str(w, ":");
    oa_write_dec_padded(w, in_day / 1000 % 60, 2);
    oa_write_str(w, ".");
    oa_write_dec_padded(w, in_day % 1000, 3);
    oa_write_str(w, "Z");
}


void
oa_writer_patch_u32(oa_writer_t *w, size_t offset, uint32_t v)
{
    oa_writer_t  at;

    if (offset > oa_writer_size(w)) {
        w->error = OA_EFULL;
        return;
    }

    oa_writer_init(&at, w->start + offset, oa_writer_size(w) - offset);
    oa_write_u32(&at, v);

    if (at.error != OA_OK && w->error == OA_OK) {
        w->error = at.error;
    }
}
