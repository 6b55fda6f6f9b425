
/*
 * JSON text (RFC 8259), written forward into a bounded writer.  Commas and
 * colons are the writer's business, the order of calls is the caller's: a key
 * before each value of an object, and an end for each begin.
 *
 * The struct may be copied to return to an earlier point: restore it together
 * with the oa_writer_t below it.
 */


#ifndef OA_JSON_H
#define OA_JSON_H


#include "base/oa_base.h"
#include "base/oa_writer.h"


#define OA_JSON_DEPTH  32


/* The error is w->error: OA_EFULL, or OA_ELIMIT when nested too deep. */
typedef struct {
    oa_writer_t  *w;
    uint64_t      begun;       /* a bit per depth: it has a value already */
    unsigned      depth;
    bool          after_key;
} oa_json_t;


OA_BEGIN_DECLS


void oa_json_init(oa_json_t *json, oa_writer_t *w);

void oa_json_object_begin(oa_json_t *json);
void oa_json_object_end(oa_json_t *json);
void oa_json_array_begin(oa_json_t *json);
void oa_json_array_end(oa_json_t *json);

void oa_json_key(oa_json_t *json, const char *name);
void oa_json_key_slice(oa_json_t *json, oa_slice_t name);

/*
 * A string of UTF-8.  Quotes, backslashes and control characters are
 * escaped; each byte that is not UTF-8 becomes U+FFFD.
 */
void oa_json_slice(oa_json_t *json, oa_slice_t s);
void oa_json_str(oa_json_t *json, const char *s);

void oa_json_uint(oa_json_t *json, uint64_t v);

void oa_json_bool(oa_json_t *json, bool v);

/* thousandths / 1000, without a fraction where there is none. */
void oa_json_thousandths(oa_json_t *json, int64_t thousandths);

/* ticks / timescale with `digits` (1 to 6) places; timescale > 0. */
void oa_json_ratio(oa_json_t *json, uint64_t ticks, uint32_t timescale,
    unsigned digits);

/* A string: microseconds since 1970 as RFC 3339 UTC. */
void oa_json_rfc3339(oa_json_t *json, int64_t unix_us);

void oa_json_null(oa_json_t *json);


OA_END_DECLS


#endif /* OA_JSON_H */
