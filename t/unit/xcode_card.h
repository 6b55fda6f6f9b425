
/* Tests with the stand-in for NVIDIA's driver, and what goes wrong with it. */


#ifndef XCODE_CARD_H
#define XCODE_CARD_H


#include "xcode_ladder.h"

#include <unistd.h>


static char  card_file[] = "/tmp/onair-card-XXXXXX";


/* "name value" in each line: t/lib/nvenc/README.md. */
static UNUSED void
card_faults(const char *faults)
{
    char   name[64];
    FILE  *file;

    (void) snprintf(name, sizeof(name), "%s.new", card_file);
    file = fopen(name, "w");
    assert_non_null(file);
    fputs(faults, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(name, card_file), 0);
}


static UNUSED int
card_begin(void **state)
{
    int  fd;

    (void) state;

    fd = mkstemp(card_file);

    return fd == -1 || close(fd) != 0
           || setenv("ONAIR_NVENC_FAULTS", card_file, 1) != 0;
}


static UNUSED int
card_end(void **state)
{
    (void) state;

    return unlink(card_file);
}


static UNUSED int
card_mended(void **state)
{
    (void) state;

    card_faults("");

    return 0;
}


/* A ladder on the card. */
static UNUSED ladder_t *
card_ladder(const source_t *video, const source_t *audio,
    const oa_xcode_rung_t *rungs, unsigned nrungs)
{
    ladder_t  *l;

    l = ladder_new_on(OA_XCODE_CUDA, video, audio, rungs, nrungs, 0);
    ladder_settle(l);

    return l;
}


/* Of the rung's end, or NULL. */
static UNUSED const char *
card_text(ladder_t *l, unsigned rung)
{
    ladder_output_t  *out;

    out = ladder_output(l, rung, OA_XCODE_FAILED, 0);

    return out != NULL ? out->o.text : NULL;
}


static UNUSED void
assert_going(ladder_t *l, unsigned rung)
{
    const char  *text = card_text(l, rung);

    if (text != NULL) {
        fail_msg("rung %u: %s", rung, text);
    }
}


static UNUSED void
assert_failed(ladder_t *l, unsigned rung, const char *part)
{
    const char  *text = card_text(l, rung);

    assert_int_equal(ladder_count(l, rung, OA_XCODE_FAILED), 1);
    assert_non_null(text);

    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}


#endif /* XCODE_CARD_H */
