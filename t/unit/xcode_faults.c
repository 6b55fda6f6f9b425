
/*
 * What goes wrong with a card ends its rungs, soon and with a reason; the CPU's
 * do not notice.
 */


#include "xcode_card.h"

#include <sys/wait.h>


#define RUNGS(rungs)  rungs, sizeof(rungs) / sizeof(rungs[0])

#define NO_DRIVER     "--no-driver"
#define SKIPPED       77


static const source_conf_t  source_30 = {
    .encoder = "libx264", .options = "preset=ultrafast,sc_threshold=0",
    .width = 320, .height = 180, .format = AV_PIX_FMT_YUV420P,
    .rate = { 30, 1 }, .gop = 15, .frames = 40
};

static const oa_xcode_rung_t  three[] = {
    LADDER_AVC(256, 144, 30, 1, 500000),
    LADDER_AVC(160, 90, 30, 1, 300000),
    LADDER_AVC(148, 84, 15, 1, 100000)
};


/* Frames i to end of the source. */
static void
play(ladder_t *l, const source_t *s, int i, int end)
{
    for ( /* void */ ; i < end; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }
}


static void
assert_frames(ladder_t *l, unsigned rung, int n)
{
    assert_int_equal(ladder_count(l, rung, OA_XCODE_FRAME), n);
    assert_int_equal(ladder_decode(l, rung, NULL, NULL), n);
}


/* --- from the beginning ----------------------------------------------- */


/* The first rung fails, and says why; so does a trial. */
static void
check_refusal(const char *faults, const char *part)
{
    char      text[OA_XCODE_TEXT_BYTES];
    source_t  *s;
    ladder_t  *l;

    s = source_new(&source_30);
    card_faults(faults);

    assert_int_equal(oa_xcode_device_probe(OA_XCODE_CUDA, text),
                     OA_EUNSUPPORTED);
    assert_non_null(strstr(text, part));

    l = card_ladder(s, NULL, three, 1);
    assert_failed(l, 0, part);
    play(l, s, 0, 5);
    assert_failed(l, 0, part);
    assert_frames(l, 0, 0);

    /* tried again, with a card that works */
    card_faults("");
    oa_xcode_rung_set(l->xcode, 0, true);
    play(l, s, 5, s->n);
    assert_failed(l, 0, part);
    assert_frames(l, 0, s->n - 15);

    ladder_free(l);
    source_free(s);
}


static void
test_no_card(void **state)
{
    (void) state;

    check_refusal("devices 0\n", "no card");
}


static void
test_old_driver(void **state)
{
    (void) state;

    check_refusal("driver 10.0\n", "newer driver");
}


static void
test_dead_card(void **state)
{
    (void) state;

    check_refusal("dead 1\n", "no card");
}


static void
test_no_session(void **state)
{
    (void) state;

    check_refusal("sessions 0\n", "no session left");
}


static void
test_no_memory(void **state)
{
    (void) state;

    check_refusal("memory_bytes 1\n", "no memory");
}


static void
test_which_card(void **state)
{
    char        text[OA_XCODE_TEXT_BYTES];
    source_t   *s;
    ladder_t   *l;

    (void) state;

    s = source_new(&source_30);
    l = ladder_new_on(OA_XCODE_CUDA + 3, s, NULL, three, 1, 0);
    ladder_settle(l);
    assert_failed(l, 0, "no card 3");
    ladder_free(l);

    card_faults("devices 4\n");
    assert_int_equal(oa_xcode_device_probe(OA_XCODE_CUDA + 3, text), OA_OK);
    assert_int_equal(oa_xcode_device_probe(OA_XCODE_CUDA + 4, text),
                     OA_EUNSUPPORTED);
    assert_non_null(strstr(text, "no card 4"));

    source_free(s);
}


static void
test_probe(void **state)
{
    char  text[OA_XCODE_TEXT_BYTES];

    (void) state;

    card_faults("sessions 1\n");
    assert_int_equal(oa_xcode_device_probe(OA_XCODE_CUDA, text), OA_OK);
    assert_int_equal(oa_xcode_device_probe(OA_XCODE_CUDA, text), OA_OK);
    assert_int_equal(oa_xcode_device_probe(OA_XCODE_CPU, text), OA_OK);
}


/* In a program that finds no driver. */
static void
test_no_driver(void **state)
{
    int    status;
    pid_t  pid;

    (void) state;

    pid = fork();

    if (pid == 0) {
        unsetenv("LD_LIBRARY_PATH");
        execl("/proc/self/exe", "xcode_faults", NO_DRIVER, (char *) NULL);
        _exit(1);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));

    if (WEXITSTATUS(status) == SKIPPED) {
        skip();
    }

    assert_int_equal(WEXITSTATUS(status), 0);
}


static int
no_driver(void)
{
    char  text[OA_XCODE_TEXT_BYTES];

    av_log_set_level(AV_LOG_QUIET);

    if (oa_xcode_device_probe(OA_XCODE_CUDA, text) == OA_OK) {
        return SKIPPED;                  /* this machine has one */
    }

    return strstr(text, "no driver") == NULL;
}


/* --- some of them ----------------------------------------------------- */


static void
test_session_limit(void **state)
{
    source_t  *s;
    ladder_t  *l;

    (void) state;

    card_faults("sessions 2\n");
    s = source_new(&source_30);
    l = card_ladder(s, NULL, three, 3);
    play(l, s, 0, s->n);

    assert_going(l, 0);
    assert_going(l, 1);
    assert_failed(l, 2, "no session left");
    assert_frames(l, 0, s->n);
    assert_frames(l, 1, s->n);

    /* a session that is given back is there for another rung */
    oa_xcode_rung_set(l->xcode, 0, false);
    ladder_settle(l);
    oa_xcode_rung_set(l->xcode, 2, true);
    s->frames[0].time = s->frames[0].decode_time = 3000 * s->n;
    play(l, s, 0, 1);
    assert_int_equal(ladder_count(l, 2, OA_XCODE_FRAME), 1);

    ladder_free(l);
    source_free(s);
}


static void
test_no_hevc(void **state)
{
    source_t               *s;
    ladder_t               *l;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(256, 144, 30, 1, 500000),
        { .codec = OA_CODEC_HEVC, .width = 160, .height = 90,
          .rate = { 30, 1 }, .bitrate = 500000 }
    };

    (void) state;

    card_faults("h264_only 1\n");
    s = source_new(&source_30);
    l = card_ladder(s, NULL, RUNGS(rungs));
    play(l, s, 0, s->n);

    assert_frames(l, 0, s->n);
    assert_failed(l, 1, "hevc_nvenc: not by this card");

    ladder_free(l);
    source_free(s);
}


/* An encoder on a card has a least size, which an upright source goes below. */
static void
test_too_small(void **state)
{
    source_t               *s;
    ladder_t               *l;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(256, 144, 30, 1, 500000),
        LADDER_AVC(90, 160, 30, 1, 100000)
    };

    (void) state;

    s = source_new(&source_30);
    l = card_ladder(s, NULL, RUNGS(rungs));
    play(l, s, 0, s->n);
    assert_frames(l, 0, s->n);
    assert_failed(l, 1, "h264_nvenc of 90x160 cannot be opened");

    ladder_free(l);
    source_free(s);
}


/* HDR takes 10 bits, which not every card codes. */
static void
test_no_ten_bits(void **state)
{
    source_t               *s;
    ladder_t               *l;
    source_conf_t           conf = source_30;
    const oa_xcode_rung_t   rungs[] = {
        { .codec = OA_CODEC_HEVC, .width = 160, .height = 90,
          .rate = { 30, 1 }, .bitrate = 500000 }
    };

    (void) state;

    conf.format = AV_PIX_FMT_YUV420P10;
    conf.colour = (oa_codec_colour_t) {
        .known = true, .primaries = 9, .transfer = 16, .matrix = 9
    };
    s = source_new(&conf);
    l = card_ladder(s, NULL, RUNGS(rungs));
    play(l, s, 0, s->n);
    assert_failed(l, 0, "hevc_nvenc: not by this card");

    ladder_free(l);
    source_free(s);
}


/* --- in mid-stream ---------------------------------------------------- */


static void
test_encoder_fails(void **state)
{
    source_t  *s;
    ladder_t  *l;

    (void) state;

    card_faults("fail_after 10\n");
    s = source_new(&source_30);
    l = card_ladder(s, NULL, three, 3);
    play(l, s, 0, s->n);

    assert_failed(l, 0, "h264_nvenc failed");
    assert_failed(l, 1, "h264_nvenc failed");
    assert_failed(l, 2, "h264_nvenc failed");

    /* the outputs end with the failure: frames before it may be dropped */
    assert_true(ladder_count(l, 0, OA_XCODE_FRAME) <= 10);

    ladder_free(l);
    source_free(s);
}


/* Sound, and a ladder on the CPU, play on; the card comes back. */
static void
test_card_dies(void **state)
{
    source_t               *s, *sound;
    ladder_t               *l, *cpu;
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(256, 144, 30, 1, 500000),
        LADDER_AVC(160, 90, 30, 1, 300000),
        { .codec = OA_CODEC_AAC, .bitrate = 64000 }
    };

    (void) state;

    s = source_new(&source_30);
    sound = source_sound("aac", 48000, 2, 40, 4800);
    l = card_ladder(s, sound, RUNGS(rungs));
    cpu = ladder_new(s, NULL, rungs, 2, 0);

    play(l, s, 0, 20);
    play(l, sound, 0, 20);
    play(cpu, s, 0, 20);
    assert_int_equal(ladder_count(l, 1, OA_XCODE_FRAME), 20);

    card_faults("dead 1\n");

    /* the next picture is enough */
    play(l, s, 20, 21);
    play(l, sound, 20, sound->n);
    play(cpu, s, 20, s->n);
    assert_failed(l, 0, "failed");
    assert_failed(l, 1, "failed");
    assert_going(l, 2);
    assert_frames(cpu, 0, s->n);
    assert_frames(cpu, 1, s->n);
    assert_true(ladder_count(l, 2, OA_XCODE_FRAME) > sound->n - 5);

    card_faults("");
    oa_xcode_rung_set(l->xcode, 0, true);
    oa_xcode_rung_set(l->xcode, 1, true);
    play(l, s, 21, s->n);
    assert_failed(l, 0, "failed");
    assert_failed(l, 1, "failed");
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), 20 + s->n - 30);

    ladder_free(l);
    ladder_free(cpu);
    source_free(sound);
    source_free(s);
}


static void
test_card_dies_often(void **state)
{
    int        i, n;
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_new(&source_30);
    l = card_ladder(s, NULL, three, 2);

    for (i = 0; i < 50; i++) {
        s->frames[0].time = s->frames[0].decode_time = 6000 * i;
        n = ladder_count(l, 0, OA_XCODE_FRAME);
        play(l, s, 0, 1);
        assert_int_equal(ladder_count(l, 0, OA_XCODE_FRAME), n + 1);

        card_faults("dead 1\n");
        s->frames[0].time = s->frames[0].decode_time = 6000 * i + 3000;
        play(l, s, 0, 1);
        assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), i + 1);
        assert_int_equal(ladder_count(l, 1, OA_XCODE_FAILED), i + 1);

        card_faults("");
        oa_xcode_rung_set(l->xcode, 0, true);
        oa_xcode_rung_set(l->xcode, 1, true);
    }

    ladder_free(l);
    source_free(s);
}


/* Two streams share the card's context: both end, and both begin anew. */
static void
test_two_streams(void **state)
{
    source_t  *s;
    ladder_t  *a, *b;

    (void) state;

    s = source_new(&source_30);
    a = card_ladder(s, NULL, three, 1);
    b = card_ladder(s, NULL, three, 2);

    play(a, s, 0, 10);
    play(b, s, 0, 10);
    card_faults("dead 1\n");
    play(a, s, 10, 11);
    play(b, s, 10, 11);
    assert_failed(a, 0, "failed");
    assert_failed(b, 0, "failed");
    assert_failed(b, 1, "failed");

    card_faults("");
    oa_xcode_rung_set(a->xcode, 0, true);
    oa_xcode_rung_set(b->xcode, 0, true);
    play(a, s, 11, s->n);
    play(b, s, 11, s->n);
    assert_int_equal(ladder_count(a, 0, OA_XCODE_FRAME), 10 + s->n - 15);
    assert_int_equal(ladder_count(b, 0, OA_XCODE_FRAME), 10 + s->n - 15);

    ladder_free(a);
    ladder_free(b);
    source_free(s);
}


/* A card that is too slow loses pictures, not the stream. */
static void
test_slow_card(void **state)
{
    int                     i;
    source_t               *s;
    ladder_t               *l;
    oa_xcode_rung_stats_t   stats;

    (void) state;

    card_faults("stall_ms 40\n");
    s = source_new(&source_30);
    l = ladder_new_on(OA_XCODE_CUDA, s, NULL, three, 1, 2);
    ladder_settle(l);
    l->now_us = 0;

    for (i = 0; i < s->n; i++) {
        ladder_push(l, s, i);
    }

    ladder_settle(l);
    oa_xcode_rung_stats(l->xcode, 0, &stats);
    assert_going(l, 0);
    assert_true(stats.late > 0);
    assert_int_equal(stats.frames, ladder_count(l, 0, OA_XCODE_FRAME));
    assert_true(stats.frames + stats.late + stats.full
                <= (uint64_t) s->n);

    ladder_free(l);
    source_free(s);
}


/* One strand runs, in the encoder, and none is asked for. */
static bool
hangs(ladder_t *l)
{
    bool              stuck;
    oa_xcode_stats_t  stats;

    oa_xcode_stats(l->xcode, &stats);

    pthread_mutex_lock(&l->lock);
    stuck = stats.decoded == 8 && l->running == 1 && l->count == 0;
    pthread_mutex_unlock(&l->lock);

    return stuck;
}


static void
test_card_hangs(void **state)
{
    int                i;
    source_t          *s;
    ladder_t          *l, *cpu;
    struct timespec    moment = { 0, 5000000 };

    (void) state;

    s = source_new(&source_30);
    l = ladder_new_on(OA_XCODE_CUDA, s, NULL, three, 1, 3);
    ladder_settle(l);
    card_faults("hang 1\n");

    for (i = 0; i < 8; i++) {
        ladder_push(l, s, i);
    }

    while (!hangs(l)) {
        nanosleep(&moment, NULL);
    }

    /* neither another ladder nor the owner waits for it */
    cpu = ladder_new(s, NULL, three, 2, 0);
    play(cpu, s, 0, s->n);
    assert_frames(cpu, 0, s->n);
    ladder_free(cpu);

    l->now_us += 5000000;
    ladder_push(l, s, 8);
    ladder_pull(l);
    assert_going(l, 0);

    l->now_us++;
    ladder_push(l, s, 9);
    ladder_pull(l);
    assert_failed(l, 0, "does not answer");

    oa_xcode_rung_set(l->xcode, 0, true);
    ladder_push(l, s, 10);
    ladder_pull(l);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), 2);

    assert_false(oa_xcode_destroy(l->xcode));

    /* it frees itself */
    card_faults("");
    ladder_end(l, false);
    source_free(s);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_no_card, card_mended),
        cmocka_unit_test_teardown(test_old_driver, card_mended),
        cmocka_unit_test_teardown(test_dead_card, card_mended),
        cmocka_unit_test_teardown(test_no_session, card_mended),
        cmocka_unit_test_teardown(test_no_memory, card_mended),
        cmocka_unit_test_teardown(test_which_card, card_mended),
        cmocka_unit_test_teardown(test_probe, card_mended),
        cmocka_unit_test_teardown(test_no_driver, card_mended),
        cmocka_unit_test_teardown(test_session_limit, card_mended),
        cmocka_unit_test_teardown(test_no_hevc, card_mended),
        cmocka_unit_test_teardown(test_too_small, card_mended),
        cmocka_unit_test_teardown(test_no_ten_bits, card_mended),
        cmocka_unit_test_teardown(test_encoder_fails, card_mended),
        cmocka_unit_test_teardown(test_card_dies, card_mended),
        cmocka_unit_test_teardown(test_card_dies_often, card_mended),
        cmocka_unit_test_teardown(test_two_streams, card_mended),
        cmocka_unit_test_teardown(test_slow_card, card_mended),
        cmocka_unit_test_teardown(test_card_hangs, card_mended),
    };

    if (argc == 2 && strcmp(argv[1], NO_DRIVER) == 0) {
        return no_driver();
    }

    return cmocka_run_group_tests(tests, card_begin, card_end);
}
