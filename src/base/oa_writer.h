
/*
 * A bounded writer of bytes and text.  It never writes past its end and
 * keeps the first error, so a caller checks once, after the last call.
 */


#ifndef OA_WRITER_H
#define OA_WRITER_H


#include "base/oa_base.h"


typedef struct {
    uint8_t   *start;
    uint8_t   *pos;      /* next byte to write; start <= pos <= end */
    uint8_t   *end;
    oa_err_t   error;    /* OA_OK, or OA_EFULL since something did not fit */
} oa_writer_t;


OA_BEGIN_DECLS


void oa_writer_init(oa_writer_t *w, void *buf, size_t size);

/* Big-endian integers. */
void oa_write_u8(oa_writer_t *w, uint32_t v);
void oa_write_u16(oa_writer_t *w, uint32_t v);
void oa_write_u24(oa_writer_t *w, uint32_t v);
void oa_write_u32(oa_writer_t *w, uint32_t v);
void oa_write_u64(oa_writer_t *w, uint64_t v);

void oa_write_bytes(oa_writer_t *w, const void *data, size_t size);
void oa_write_zeros(oa_writer_t *w, size_t size);

/* Text, without the terminating zero. */
void oa_write_str(oa_writer_t *w, const char *s);
void oa_write_slice(oa_writer_t *w, oa_slice_t s);
void oa_write_dec(oa_writer_t *w, uint64_t v);

/* Upper case, without leading zeros. */
void oa_write_hex(oa_writer_t *w, uint32_t v);

/*
 * ticks / timescale seconds as a decimal with exactly `digits` (1 to 6)
 * places, rounded to nearest: (1001, 30000, 5) is "0.03337".
 */
void oa_write_seconds(oa_writer_t *w, uint64_t ticks, uint32_t timescale,
    unsigned digits);

/* Microseconds since 1970 as RFC 3339 UTC: 2026-11-21T06:24:00.123Z. */
void oa_write_rfc3339(oa_writer_t *w, int64_t unix_us);

/* Overwrites the 32 bits at an offset from start that was written before. */
void oa_writer_patch_u32(oa_writer_t *w, size_t offset, uint32_t v);


static inline size_t
oa_writer_size(const oa_writer_t *w)
{
    return (size_t) (w->pos - w->start);
}


static inline oa_slice_t
oa_writer_slice(const oa_writer_t *w)
{
    return oa_slice(w->start, oa_writer_size(w));
}


OA_END_DECLS


#endif /* OA_WRITER_H */
