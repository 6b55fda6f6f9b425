
/*
 * What the fuzzers share.  Each is one file: LLVMFuzzerTestOneInput() takes
 * the input apart with fuzz_take…(), calls one parser, and holds what it
 * answers to the parser's contract with FUZZ_CHECK.
 *
 * With FUZZ_SPOIL defined FUZZ_SPOILED(x, value) changes an answer before it
 * is checked: so a test sees that the checks are reached, and fail.
 */


#ifndef FUZZ_H
#define FUZZ_H


#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/oa_base.h"


#define UNUSED  __attribute__((unused))

#define FUZZ_CHECK(holds)                                                     \
    do {                                                                      \
        if (!(holds)) {                                                       \
            fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__,      \
                    __LINE__, #holds);                                        \
            abort();                                                          \
        }                                                                     \
    } while (0)

#ifdef FUZZ_SPOIL
#define FUZZ_SPOILED(lvalue, value)  ((lvalue) = (value))
#else
#define FUZZ_SPOILED(lvalue, value)  ((void) 0)
#endif


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* --- taking the input apart ------------------------------------------ */

/* Big-endian; what is not there is 0. */
static UNUSED uint32_t
fuzz_take(oa_slice_t *input, unsigned bytes)
{
    uint32_t  v;

    for (v = 0; bytes > 0; bytes--) {
        v = v << 8;

        if (input->size > 0) {
            v |= *input->data++;
            input->size--;
        }
    }

    return v;
}


/*
 * Up to size bytes in a block of exactly their number, so that the address
 * sanitizer sees who reads beyond them.  The caller frees slice.data.
 */
static UNUSED oa_slice_t
fuzz_take_block(oa_slice_t *input, size_t size)
{
    uint8_t  *block;

    if (size > input->size) {
        size = input->size;
    }

    block = malloc(size);
    if (block == NULL && size > 0) {
        abort();
    }

    if (size > 0) {
        memcpy(block, input->data, size);
        input->data += size;
        input->size -= size;
    }

    return oa_slice(block, size);
}


static UNUSED void
fuzz_free(oa_slice_t block)
{
    free((void *) (uintptr_t) block.data);
}


/* --- what answers must be -------------------------------------------- */

/* The inner one lies in the outer one. */
static UNUSED bool
fuzz_within(oa_slice_t inner, oa_slice_t outer)
{
    uintptr_t  in, out;

    in = (uintptr_t) inner.data;
    out = (uintptr_t) outer.data;

    return in >= out && inner.size <= outer.size
           && in - out <= outer.size - inner.size;
}


/* Ends within its field, and matches the (extended, anchored) pattern. */
static UNUSED bool
fuzz_text_matches(const char *text, size_t capacity, const char *pattern)
{
    static regex_t      compiled;
    static const char  *known;

    if (known != pattern) {
        FUZZ_CHECK(known == NULL);
        FUZZ_CHECK(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0);
        known = pattern;
    }

    return memchr(text, '\0', capacity) != NULL
           && regexec(&compiled, text, 0, NULL, 0) == 0;
}


static UNUSED bool
fuzz_text_printable(const char *text, size_t capacity)
{
    size_t  i;

    for (i = 0; i < capacity && text[i] != '\0'; i++) {
        if (text[i] < 0x20 || text[i] >= 0x7f) {
            return false;
        }
    }

    return i < capacity;
}


#endif /* FUZZ_H */
