
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hls/oa_hls.h"


static oa_hls_rendition_t
video(const char *name, uint32_t width, uint32_t height, uint64_t peak)
{
    oa_hls_rendition_t  r;

    memset(&r, 0, sizeof(r));
    strcpy(r.conf.name, name);
    r.conf.kind = OA_LIVE_VIDEO;
    strcpy(r.format.codecs, "avc1.64001f");
    r.format.width = width;
    r.format.height = height;
    r.format.frame_rate_num = 30000;
    r.format.frame_rate_den = 1001;
    r.stats.bandwidth_bps = peak;
    r.stats.average_bps = peak / 2;

    return r;
}


static oa_hls_rendition_t
audio(const char *name, uint64_t peak)
{
    oa_hls_rendition_t  r;

    memset(&r, 0, sizeof(r));
    strcpy(r.conf.name, name);
    r.conf.kind = OA_LIVE_AUDIO;
    strcpy(r.format.codecs, "mp4a.40.2");
    r.format.channels = 2;
    r.stats.bandwidth_bps = peak;
    r.stats.average_bps = peak;

    return r;
}


static oa_err_t
render(const oa_hls_rendition_t *renditions, unsigned n, char *text,
    size_t size)
{
    oa_err_t               err;
    oa_writer_t            w;
    oa_hls_multivariant_t  m;

    m = (oa_hls_multivariant_t) { 1, renditions, n };
    oa_writer_init(&w, text, size - 1);
    err = oa_hls_multivariant_render(&m, &w);
    *w.pos = '\0';

    return err;
}


static void
only_a_wide_range_is_told(void **state)
{
    char                text[1024];
    oa_hls_rendition_t  r;

    (void) state;

    r = video("video", 1280, 720, 3000000);
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_null(strstr(text, "VIDEO-RANGE"));

    r.format.range = OA_LIVE_HLG;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ",VIDEO-RANGE=HLG\n"));

    r.format.range = OA_LIVE_PQ;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ",VIDEO-RANGE=PQ\n"));
}


static void
video_goes_with_an_audio_group(void **state)
{
    char  text[2048];

    const oa_hls_rendition_t  renditions[] = {
        audio("audio", 130000), video("video", 1280, 720, 3000000)
    };

    (void) state;

    assert_int_equal(render(renditions, 2, text, sizeof(text)), OA_OK);
    assert_string_equal(text,
        "#EXTM3U\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\","
        "DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\","
        "URI=\"aaaaaaaaaaaab/audio/index.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3130000,AVERAGE-BANDWIDTH=1630000,"
        "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,"
        "FRAME-RATE=29.970,AUDIO=\"audio\"\n"
        "aaaaaaaaaaaab/video/index.m3u8\n");
}


static void
video_alone_has_no_group(void **state)
{
    char  text[2048];

    const oa_hls_rendition_t  renditions[] = {
        video("video", 640, 360, 800000)
    };

    (void) state;

    assert_int_equal(render(renditions, 1, text, sizeof(text)), OA_OK);
    assert_string_equal(text,
        "#EXTM3U\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=800000,AVERAGE-BANDWIDTH=400000,"
        "CODECS=\"avc1.64001f\",RESOLUTION=640x360,FRAME-RATE=29.970\n"
        "aaaaaaaaaaaab/video/index.m3u8\n");
}


static void
audio_alone_is_a_variant(void **state)
{
    char  text[2048];

    const oa_hls_rendition_t  renditions[] = { audio("audio", 130000) };

    (void) state;

    assert_int_equal(render(renditions, 1, text, sizeof(text)), OA_OK);
    assert_string_equal(text,
        "#EXTM3U\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=130000,AVERAGE-BANDWIDTH=130000,"
        "CODECS=\"mp4a.40.2\"\n"
        "aaaaaaaaaaaab/audio/index.m3u8\n");
}


static void
the_heaviest_comes_first(void **state)
{
    char  text[4096], *a, *b, *c;

    const oa_hls_rendition_t  renditions[] = {
        video("v360", 640, 360, 800000), video("v1080", 1920, 1080, 6000000),
        video("v720", 1280, 720, 3000000)
    };

    (void) state;

    assert_int_equal(render(renditions, 3, text, sizeof(text)), OA_OK);

    a = strstr(text, "v1080/");
    b = strstr(text, "v720/");
    c = strstr(text, "v360/");
    assert_true(a != NULL && a < b && b < c);
}


/* A ladder: each picture with the source's sound, and sound alone. */
static void
audio_of_another_name_is_a_variant_of_its_own(void **state)
{
    char                text[4096];
    oa_hls_rendition_t  renditions[4];

    (void) state;

    renditions[0] = audio("audio_64k", 70000);
    renditions[1] = video("360p", 640, 360, 900000);
    renditions[2] = audio("audio", 130000);
    renditions[3] = video("video", 1280, 720, 3000000);
    strcpy(renditions[0].format.codecs, "mp4a.40.5");

    assert_int_equal(render(renditions, 4, text, sizeof(text)), OA_OK);
    assert_string_equal(text,
        "#EXTM3U\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\","
        "DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\","
        "URI=\"aaaaaaaaaaaab/audio/index.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3130000,AVERAGE-BANDWIDTH=1630000,"
        "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,"
        "FRAME-RATE=29.970,AUDIO=\"audio\"\n"
        "aaaaaaaaaaaab/video/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1030000,AVERAGE-BANDWIDTH=580000,"
        "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,"
        "FRAME-RATE=29.970,AUDIO=\"audio\"\n"
        "aaaaaaaaaaaab/360p/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=70000,AVERAGE-BANDWIDTH=70000,"
        "CODECS=\"mp4a.40.5\"\n"
        "aaaaaaaaaaaab/audio_64k/index.m3u8\n");

    /* without a picture there is no group */
    renditions[1] = renditions[0];
    assert_int_equal(render(renditions + 1, 2, text, sizeof(text)), OA_OK);
    assert_null(strstr(text, "EXT-X-MEDIA"));
    assert_non_null(strstr(text, "/audio/"));
    assert_non_null(strstr(text, "/audio_64k/"));
}


static void
sleeping_ones_are_listed_and_withdrawn_ones_are_not(void **state)
{
    char                text[4096];
    oa_hls_rendition_t  renditions[3];

    (void) state;

    renditions[0] = video("video", 1280, 720, 3000000);
    renditions[1] = video("480p", 854, 480, 0);
    renditions[1].format.promised_bps = 1500000;
    renditions[1].presence = OA_LIVE_ASLEEP;
    renditions[2] = video("360p", 640, 360, 900000);
    renditions[2].presence = OA_LIVE_WITHDRAWN;

    assert_int_equal(render(renditions, 3, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ":BANDWIDTH=1500000,"
                                 "AVERAGE-BANDWIDTH=1500000,"));
    assert_non_null(strstr(text, "/480p/"));
    assert_null(strstr(text, "/360p/"));

    assert_int_equal(render(renditions + 2, 1, text, sizeof(text)),
                     OA_EAGAIN);
}


static void
less_than_promised_is_not_listed(void **state)
{
    char                text[2048];
    oa_hls_rendition_t  r;

    (void) state;

    r = video("480p", 854, 480, 700000);
    r.format.promised_bps = 1500000;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ":BANDWIDTH=1500000,"
                                 "AVERAGE-BANDWIDTH=350000,"));

    r.stats.bandwidth_bps = 1600000;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ":BANDWIDTH=1600000,"));
}


static void
the_unmeasured_has_a_bandwidth(void **state)
{
    char                text[2048];
    oa_hls_rendition_t  r;

    (void) state;

    r = video("video", 1280, 720, 0);
    r.stats.current_bps = 1500000;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ":BANDWIDTH=1500000,"
                                 "AVERAGE-BANDWIDTH=1500000,"));

    r.stats.current_bps = 0;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ":BANDWIDTH=2672640,"));

    memset(&r.format, 0, sizeof(r.format));
    strcpy(r.format.codecs, "avc1.42c00d");
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ":BANDWIDTH=2000000,"));
    assert_null(strstr(text, "RESOLUTION"));
    assert_null(strstr(text, "FRAME-RATE"));

    r = audio("audio", 0);
    r.stats.average_bps = 0;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, ":BANDWIDTH=128000,"));
}


static void
the_average_is_not_above_the_peak(void **state)
{
    char                text[2048];
    oa_hls_rendition_t  r;

    (void) state;

    r = video("video", 1280, 720, 1000000);
    r.stats.average_bps = 1000001;
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    assert_non_null(strstr(text, "AVERAGE-BANDWIDTH=1000000,"));
}


static void
a_rendition_without_format_is_left_out(void **state)
{
    char                text[2048];
    oa_hls_rendition_t  renditions[2];

    (void) state;

    renditions[0] = video("video", 1280, 720, 1000000);
    renditions[1] = audio("audio", 0);
    renditions[1].format.codecs[0] = '\0';

    assert_int_equal(render(renditions, 2, text, sizeof(text)), OA_OK);
    assert_null(strstr(text, "audio"));

    assert_int_equal(render(renditions + 1, 1, text, sizeof(text)), OA_EAGAIN);
    assert_int_equal(render(NULL, 0, text, sizeof(text)), OA_EAGAIN);
}


static void
what_does_not_fit_is_an_error(void **state)
{
    char                text[2048], part[2048];
    size_t              size, whole;
    oa_hls_rendition_t  r;

    (void) state;

    r = video("video", 1280, 720, 1000000);
    assert_int_equal(render(&r, 1, text, sizeof(text)), OA_OK);
    whole = strlen(text);

    for (size = 1; size <= whole; size++) {
        assert_int_equal(render(&r, 1, part, size), OA_EFULL);
    }

    assert_int_equal(render(&r, 1, part, whole + 1), OA_OK);
}


static void
the_promised_size_suffices(void **state)
{
    char                text[OA_LIVE_SESSION_RENDITIONS * 1024 + 1];
    unsigned            i, naudio;
    oa_hls_rendition_t  renditions[OA_LIVE_SESSION_RENDITIONS];

    (void) state;

    for (naudio = 0; naudio <= OA_LIVE_SESSION_RENDITIONS; naudio++) {
        for (i = 0; i < OA_LIVE_SESSION_RENDITIONS; i++) {
            renditions[i] = i < naudio
                            ? audio("fifteen_letters", UINT64_MAX / 64)
                            : video("fifteen_letters", UINT32_MAX, UINT32_MAX,
                                    UINT64_MAX / 64);
            memset(renditions[i].format.codecs, 'a' + (int) i, 31);
        }

        assert_int_equal(render(renditions, OA_LIVE_SESSION_RENDITIONS, text,
                                sizeof(text)), OA_OK);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(video_goes_with_an_audio_group),
        cmocka_unit_test(only_a_wide_range_is_told),
        cmocka_unit_test(video_alone_has_no_group),
        cmocka_unit_test(audio_alone_is_a_variant),
        cmocka_unit_test(the_heaviest_comes_first),
        cmocka_unit_test(audio_of_another_name_is_a_variant_of_its_own),
        cmocka_unit_test(sleeping_ones_are_listed_and_withdrawn_ones_are_not),
        cmocka_unit_test(less_than_promised_is_not_listed),
        cmocka_unit_test(the_unmeasured_has_a_bandwidth),
        cmocka_unit_test(the_average_is_not_above_the_peak),
        cmocka_unit_test(a_rendition_without_format_is_left_out),
        cmocka_unit_test(what_does_not_fit_is_an_error),
        cmocka_unit_test(the_promised_size_suffices)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
