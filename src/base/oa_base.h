
/*
 * The ground every unit of the library stands on: error codes, slices,
 * memory callbacks and the visibility of library symbols.
 */


#ifndef OA_BASE_H
#define OA_BASE_H


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/*
 * nginx loads modules with RTLD_GLOBAL.  A library symbol of default
 * visibility would bind every module to the copy in the module loaded first,
 * so every declaration of the library stands between these two.
 */
#define OA_BEGIN_DECLS  _Pragma("GCC visibility push(hidden)")
#define OA_END_DECLS    _Pragma("GCC visibility pop")

#define OA_MUST_CHECK   __attribute__((warn_unused_result))


/* The one table of errors: name, number, text. */
#define OA_ERRORS(X)                                                          \
    X(OA_OK,             0, "success")                                        \
    X(OA_EINVAL,        -1, "invalid input")                                  \
    X(OA_ENOMEM,        -2, "out of memory")                                  \
    X(OA_EAGAIN,        -3, "not yet, or more input is needed")               \
    X(OA_EFULL,         -4, "no room left")                                   \
    X(OA_EBUSY,         -5, "taken by somebody else")                         \
    X(OA_ENOTFOUND,     -6, "no such thing")                                  \
    X(OA_EGONE,         -7, "no longer there")                                \
    X(OA_EUNSUPPORTED,  -8, "not supported")                                  \
    X(OA_EVERSION,      -9, "different layout version")                       \
    X(OA_ELIMIT,       -10, "over a configured limit")                        \
    X(OA_ENDED,        -11, "the stream has ended")


#define OA_ERROR_ENUM(name, number, text)  name = number,

typedef enum {
    OA_ERRORS(OA_ERROR_ENUM)
} oa_err_t;


/* Borrowed bytes: the slice owns nothing. */
typedef struct {
    const uint8_t  *data;
    size_t          size;
} oa_slice_t;


/*
 * The memory of stateful units.  realloc(ctx, NULL, n) allocates n bytes,
 * realloc(ctx, p, n) resizes, realloc(ctx, p, 0) frees and returns NULL.
 * Otherwise NULL means that there is no memory, and p stays as it was.
 */
typedef struct {
    void  *(*realloc)(void *ctx, void *p, size_t size);
    void   *ctx;
} oa_mem_t;


OA_BEGIN_DECLS


/* The text of an error; never NULL, also for numbers not in the table. */
const char *oa_strerror(oa_err_t err);


static inline oa_slice_t
oa_slice(const void *data, size_t size)
{
    return (oa_slice_t) { data, size };
}


static inline uint16_t
oa_get_u16(const uint8_t *p)
{
    return (uint16_t) ((uint32_t) p[0] << 8 | p[1]);
}


static inline uint32_t
oa_get_u24(const uint8_t *p)
{
    return (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
}


static inline uint32_t
oa_get_u32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | oa_get_u24(p + 1);
}


static inline uint64_t
oa_get_u64(const uint8_t *p)
{
    return (uint64_t) oa_get_u32(p) << 32 | oa_get_u32(p + 4);
}


/* The 64-bit FNV-1a hash of a slice; never 0, so that 0 may mean "none". */
uint64_t oa_hash64(oa_slice_t s);

/*
 * value * num / den, rounded to nearest, without overflow of the product.
 * den > 0, num >= 0; the result must fit, as it does for every conversion
 * between clocks of less than 2^32 ticks a second.
 */
int64_t oa_rescale(int64_t value, int64_t num, int64_t den);


OA_END_DECLS


#endif /* OA_BASE_H */
