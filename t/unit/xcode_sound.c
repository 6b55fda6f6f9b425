
/* The ladder's sound: where each sample goes, and in which frames. */


#include "xcode_ladder.h"


#define LENGTH  (48000 * 8)


static const oa_xcode_rung_t  rung_64k = {
    .codec = OA_CODEC_AAC, .bitrate = 96000
};


/* Decoded sound by its time, of one channel. */
typedef struct {
    float  v[LENGTH];
    int    channels;
    int    rate;
} line_t;


static void
line_put(void *ctx, const AVFrame *frame)
{
    int       i;
    float     v;
    line_t   *line = ctx;
    int64_t   at;

    line->channels = frame->ch_layout.nb_channels;
    line->rate = frame->sample_rate;

    for (i = 0; i < frame->nb_samples; i++) {
        at = frame->pts + i;
        v = av_sample_fmt_is_planar(frame->format)
            ? ((const float *) (const void *) frame->data[0])[i]
            : ((const float *) (const void *)
                   frame->data[0])[i * frame->ch_layout.nb_channels];

        if (at >= 0 && at < LENGTH) {
            line->v[at] = v;
        }
    }
}


/* What a player makes of the source; frames that are NULL are missing. */
static line_t *
line_of_source(const source_t *s)
{
    int              i;
    line_t          *line;
    AVFrame         *frame;
    AVPacket        *packet;
    AVCodecContext  *d;

    line = calloc(1, sizeof(*line));
    assert_non_null(line);
    frame = av_frame_alloc();
    d = avcodec_alloc_context3(avcodec_find_decoder(
        s->codec == OA_CODEC_AAC ? AV_CODEC_ID_AAC : AV_CODEC_ID_OPUS));
    d->extradata = av_mallocz(s->record_size + AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(d->extradata, s->record, s->record_size);
    d->extradata_size = (int) s->record_size;
    d->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
    assert_int_equal(avcodec_open2(d, d->codec, NULL), 0);

    for (i = 0; i < s->n; i++) {
        packet = av_packet_clone(s->frames[i].packet);
        packet->pts = s->frames[i].time;
        (void) avcodec_send_packet(d, packet);
        av_packet_free(&packet);

        while (avcodec_receive_frame(d, frame) == 0) {
            line_put(line, frame);
            av_frame_unref(frame);
        }
    }

    avcodec_free_context(&d);
    av_frame_free(&frame);

    return line;
}


/* The loudest sample of those from at on. */
static int
line_peak(const line_t *line, int at, int n)
{
    int  i, peak;

    for (i = at, peak = at; i < at + n && i < LENGTH; i++) {
        if (fabsf(line->v[i]) > fabsf(line->v[peak])) {
            peak = i;
        }
    }

    return peak;
}


/* Each click of the source is in the rung, within a millisecond. */
static int
check_clicks(const line_t *source, const line_t *rung, int rate)
{
    int  at, peak, other, n;

    for (n = 0, at = 0; at < LENGTH; at = peak + rate / 20) {
        while (at < LENGTH && fabsf(source->v[at]) < 0.3f) {
            at++;
        }

        if (at + rate / 20 >= LENGTH) {
            break;
        }

        peak = line_peak(source, at, rate / 100);
        other = line_peak(rung, at > rate / 20 ? at - rate / 20 : 0,
                          rate / 10);
        assert_true(fabsf(rung->v[other]) > 0.15f);
        assert_in_range(other + rate, peak + rate - rate / 1000,
                        peak + rate + rate / 1000);
        n++;
    }

    return n;
}


/* Plays it; the clicks are where they were.  The caller frees both. */
static ladder_t *
play(source_t *s, int clicks, int channels)
{
    line_t    *before, *after;
    ladder_t  *l;

    l = ladder_new(NULL, s, &rung_64k, 1, 0);
    ladder_play(l, s);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), 0);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_CONFIG), 1);

    before = line_of_source(s);
    after = calloc(1, sizeof(*after));
    assert_non_null(after);
    assert_int_equal(ladder_decode(l, 0, line_put, after),
                     ladder_count(l, 0, OA_XCODE_FRAME));
    assert_int_equal(after->channels, channels);
    assert_int_equal(after->rate, s->timescale);
    assert_int_equal(check_clicks(before, after, (int) s->timescale), clicks);

    free(before);
    free(after);

    return l;
}


static void
check_sound(const char *encoder, int rate, int channels, int heard)
{
    int        i, n;
    source_t  *s;
    ladder_t  *l;

    s = source_sound(encoder, rate, channels, 5 * rate / 1000, rate / 2);
    l = play(s, s->sound.frame_samples == 1024 ? 10 : 9, heard);

    assert_int_equal(ladder_output(l, 0, OA_XCODE_CONFIG, 0)
                         ->o.sound.clock_rate, rate);

    /* the grid is the source's, from its first sample on */
    n = ladder_count(l, 0, OA_XCODE_FRAME);
    assert_true(n >= s->n * (int) s->sound.frame_samples / 1024 - 3);

    for (i = 0; i < n; i++) {
        assert_int_equal(ladder_time(l, 0, i), i * 1024);
        assert_true(ladder_output(l, 0, OA_XCODE_FRAME, i)->o.sync);
    }

    ladder_free(l);
    source_free(s);
}


static void
test_aac(void **state)
{
    (void) state;

    check_sound("aac", 48000, 2, 2);
    check_sound("aac", 44100, 1, 1);
}


static void
test_channels(void **state)
{
    (void) state;

    check_sound("aac", 48000, 6, 2);
}


static void
test_opus(void **state)
{
    (void) state;

    check_sound("libopus", 48000, 2, 2);
}


/* Samples of encoder and decoder before the first one of LAME's input. */
#define MP3_PADDING  (576 + 529)


/*
 * Where an encoder has put a click, its delay counted, there it is heard; also
 * where the rung has another rate.
 */
static void
check_mp3(int rate, int channels, int rung_rate)
{
    int        i, at, wanted;
    line_t    *line;
    source_t  *s;
    ladder_t  *l;

    s = source_sound("libmp3lame", rate, channels, 5 * rate / 1000, rate / 2);
    s->sound.clock_rate = (uint32_t) rung_rate;
    s->timescale = (uint32_t) rung_rate;

    for (i = 0; i < s->n; i++) {
        s->frames[i].time = oa_rescale(s->frames[i].time, rung_rate, rate);
    }

    l = ladder_new(NULL, s, &rung_64k, 1, 0);
    ladder_play(l, s);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_FAILED), 0);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_CONFIG), 1);

    line = calloc(1, sizeof(*line));
    assert_non_null(line);
    assert_int_equal(ladder_decode(l, 0, line_put, line),
                     ladder_count(l, 0, OA_XCODE_FRAME));
    assert_int_equal(line->channels, channels);
    assert_int_equal(line->rate, rung_rate);

    for (i = 1; i < 4; i++) {
        wanted = i * rung_rate / 2
                 + (int) oa_rescale(MP3_PADDING, rung_rate, rate);
        at = line_peak(line, wanted - rung_rate / 8, rung_rate / 4);
        assert_true(fabsf(line->v[at]) > 0.15f);
        assert_in_range(at, wanted - rung_rate / 1000,
                        wanted + rung_rate / 1000);
    }

    free(line);
    ladder_free(l);
    source_free(s);
}


static void
test_mp3(void **state)
{
    (void) state;

    check_mp3(44100, 2, 44100);
    check_mp3(48000, 1, 48000);
    check_mp3(32000, 2, 48000);
    check_mp3(22050, 1, 44100);
    check_mp3(24000, 2, 48000);
    check_mp3(8000, 1, 48000);
}


/* --- what a source loses ---------------------------------------------- */


static void
drop_frames(source_t *s, int first, int n)
{
    int  i;

    for (i = first; i < first + n; i++) {
        av_packet_free(&s->frames[i].packet);
    }

    memmove(s->frames + first, s->frames + first + n,
            (size_t) (s->n - first - n) * sizeof(s->frames[0]));
    s->n -= n;
}


static void
move_frames(source_t *s, int first, int64_t ticks)
{
    for ( /* void */ ; first < s->n; first++) {
        s->frames[first].time += ticks;
        s->frames[first].decode_time += ticks;
    }
}


static void
check_rising(ladder_t *l)
{
    int  i;

    for (i = 1; i < ladder_count(l, 0, OA_XCODE_FRAME); i++) {
        assert_true(ladder_time(l, 0, i) > ladder_time(l, 0, i - 1));
    }
}


/* A short gap is silence: no frame is missing. */
static void
test_a_short_gap(void **state)
{
    int        i;
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_sound("aac", 48000, 2, 240, 24000);
    drop_frames(s, 30, 3);
    l = play(s, 10, 2);

    for (i = 0; i < ladder_count(l, 0, OA_XCODE_FRAME); i++) {
        assert_int_equal(ladder_time(l, 0, i), i * 1024);
    }

    assert_true(i >= 236);

    ladder_free(l);
    source_free(s);
}


/* A long one is one in the rung, too. */
static void
test_a_long_gap(void **state)
{
    int        i;
    int64_t    gap;
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_sound("aac", 48000, 2, 240, 24000);
    drop_frames(s, 30, 60);
    l = play(s, 8, 2);
    check_rising(l);

    for (i = 1, gap = 0; i < ladder_count(l, 0, OA_XCODE_FRAME); i++) {
        gap = FFMAX(gap, ladder_time(l, 0, i) - ladder_time(l, 0, i - 1));
    }

    assert_true(gap > 30 * 1024);
    assert_int_equal(ladder_time(l, 0, i - 1) % 1024, 0);

    ladder_free(l);
    source_free(s);
}


/* The source's clock moves: its times do, and so do the rung's. */
static void
test_the_clock_moves(void **state)
{
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_sound("aac", 48000, 2, 240, 24000);
    move_frames(s, 60, 200);
    move_frames(s, 120, -300);
    l = play(s, 10, 2);
    check_rising(l);
    assert_int_equal(ladder_time(l, 0, 110) % 1024, 200);
    assert_int_equal(ladder_time(l, 0, 200) % 1024, 1024 - 100);

    ladder_free(l);
    source_free(s);
}


/* What comes twice is there once. */
static void
test_the_clock_goes_back(void **state)
{
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_sound("aac", 48000, 2, 240, 24000);
    move_frames(s, 60, -1000);
    move_frames(s, 80, -900);
    move_frames(s, 81, -900);
    move_frames(s, 82, -900);
    l = play(s, 10, 2);
    check_rising(l);
    assert_int_equal(ladder_time(l, 0, 200) % 1024, 0);

    ladder_free(l);
    source_free(s);
}


/* A decoder that gives twice the rate of the source's clock, as of HE-AAC. */
static void
test_twice_the_rate(void **state)
{
    int        i, at, peak, n;
    line_t    *before, *after;
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_sound("aac", 48000, 2, 240, 24000);
    before = line_of_source(s);
    s->timescale = 24000;
    s->sound.clock_rate = 24000;

    for (i = 0; i < s->n; i++) {
        s->frames[i].time /= 2;
    }

    drop_frames(s, 100, 40);
    l = ladder_new(NULL, s, &rung_64k, 1, 0);
    ladder_play(l, s);
    after = calloc(1, sizeof(*after));
    ladder_decode(l, 0, line_put, after);
    assert_int_equal(after->rate, 24000);

    for (n = 0, at = 24000; at < 230 * 1024; at += 24000) {
        peak = line_peak(before, at, 2400);

        if (fabsf(before->v[peak]) < 0.3f
            || (at > 98 * 1024 && at < 141 * 1024))
        {
            continue;
        }

        assert_in_range(line_peak(after, at / 2, 1200), peak / 2 - 24,
                        peak / 2 + 24);
        n++;
    }

    assert_true(n >= 7);

    free(before);
    free(after);
    ladder_free(l);
    source_free(s);
}


static void
test_damage(void **state)
{
    source_t          *s;
    ladder_t          *l;
    oa_xcode_stats_t   stats;

    (void) state;

    s = source_sound("aac", 48000, 2, 240, 24000);
    memset(s->frames[30].packet->data, 0xff,
           (size_t) s->frames[30].packet->size);
    memset(s->frames[80].packet->data, 0xff,
           (size_t) s->frames[80].packet->size);
    l = play(s, 10, 2);
    check_rising(l);
    assert_int_equal(ladder_time(l, 0, 200), 200 * 1024);
    oa_xcode_stats(l->xcode, &stats);
    assert_true(stats.damaged >= 2);

    ladder_free(l);
    source_free(s);
}


/* Asleep and awake again, in place. */
static void
test_sleep(void **state)
{
    int        i;
    line_t    *before, *after;
    source_t  *s;
    ladder_t  *l;

    (void) state;

    s = source_sound("aac", 48000, 2, 240, 24000);
    l = ladder_new(NULL, s, &rung_64k, 1, 0);
    oa_xcode_rung_set(l->xcode, 0, false);

    for (i = 0; i < s->n; i++) {
        if (i == 100) {
            oa_xcode_rung_set(l->xcode, 0, true);
        }

        ladder_push(l, s, i);
        ladder_settle(l);
    }

    assert_int_equal(ladder_time(l, 0, 0), 100 * 1024);
    assert_int_equal(ladder_count(l, 0, OA_XCODE_CONFIG), 1);

    before = line_of_source(s);
    after = calloc(1, sizeof(*after));
    memset(before->v, 0, 101 * 1024 * sizeof(before->v[0]));
    ladder_decode(l, 0, line_put, after);
    assert_int_equal(check_clicks(before, after, 48000), 6);

    free(before);
    free(after);
    ladder_free(l);
    source_free(s);
}


/* Pictures and sound at once, by threads. */
static void
test_beside_pictures(void **state)
{
    int                     i, j;
    source_t               *video, *audio;
    ladder_t               *l;
    const source_conf_t     conf = {
        .encoder = "libx264", .options = "preset=ultrafast", .width = 160,
        .height = 90, .format = AV_PIX_FMT_YUV420P, .rate = { 25, 1 },
        .gop = 25, .frames = 50
    };
    const oa_xcode_rung_t   rungs[] = {
        LADDER_AVC(96, 54, 25, 1, 60000),
        { .codec = OA_CODEC_AAC, .bitrate = 64000 },
        { .codec = OA_CODEC_AAC, .bitrate = 32000 },
    };

    (void) state;

    video = source_new(&conf);
    audio = source_sound("aac", 48000, 2, 96, 24000);
    l = ladder_new(video, audio, rungs, 3, 2);

    for (i = 0, j = 0; i < video->n; i++) {
        ladder_push(l, video, i);

        while (j < audio->n && j * 1024 * 25 < i * 48000) {
            ladder_push(l, audio, j++);
        }

        if (i % 5 == 4) {
            ladder_settle(l);
        }
    }

    ladder_settle(l);
    assert_int_equal(ladder_decode(l, 0, NULL, NULL), video->n);
    assert_true(ladder_decode(l, 1, NULL, NULL) >= j - 3);
    assert_int_equal(ladder_decode(l, 1, NULL, NULL),
                     ladder_decode(l, 2, NULL, NULL));

    ladder_free(l);
    source_free(video);
    source_free(audio);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_aac),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_opus),
        cmocka_unit_test(test_mp3),
        cmocka_unit_test(test_a_short_gap),
        cmocka_unit_test(test_a_long_gap),
        cmocka_unit_test(test_the_clock_moves),
        cmocka_unit_test(test_the_clock_goes_back),
        cmocka_unit_test(test_twice_the_rate),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_beside_pictures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
