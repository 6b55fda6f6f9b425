
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hls/oa_hls.h"


#define SESSION  "aaaaaaaaaaaab"


static oa_err_t
parse(const char *path, oa_hls_uri_t *uri)
{
    size_t    size;
    char     *exact;
    oa_err_t  err;

    /* a block of exactly that size, so that a read past it is noticed */
    size = strlen(path);
    exact = malloc(size + (size == 0));
    memcpy(exact, path, size);

    err = oa_hls_uri_parse(oa_slice(exact, size), uri);

    free(exact);

    return err;
}


static void
reads_every_form(void **state)
{
    oa_hls_uri_t  uri;

    (void) state;

    assert_int_equal(parse("news/index.m3u8", &uri), OA_OK);
    assert_int_equal(uri.kind, OA_HLS_MULTIVARIANT);
    assert_int_equal(uri.channel.size, 4);

    assert_int_equal(parse("news/" SESSION "/video/index.m3u8", &uri), OA_OK);
    assert_int_equal(uri.kind, OA_HLS_MEDIA);
    assert_int_equal(uri.session_id, 1);
    assert_int_equal(uri.rendition.size, 5);

    assert_int_equal(parse("news/" SESSION "/audio_2/init-0.mp4", &uri),
                     OA_OK);
    assert_int_equal(uri.kind, OA_HLS_INIT);
    assert_int_equal(uri.number, 0);

    assert_int_equal(parse("n/" SESSION "/v/seg-4294967295.m4s", &uri), OA_OK);
    assert_int_equal(uri.kind, OA_HLS_SEGMENT);
    assert_int_equal(uri.number, UINT32_MAX);

    assert_int_equal(parse("n/" SESSION "/v/part-17.4.m4s", &uri), OA_OK);
    assert_int_equal(uri.kind, OA_HLS_PART);
    assert_int_equal(uri.number, 17);
    assert_int_equal(uri.part, 4);

    assert_int_equal(parse("n/thumbnail-180.jpg", &uri), OA_OK);
    assert_int_equal(uri.kind, OA_HLS_THUMBNAIL);
    assert_int_equal(uri.number, 180);
    assert_int_equal(uri.session_id, 0);
    assert_int_equal(uri.channel.size, 1);

    assert_int_equal(parse("n/" SESSION "/sprite-0.jpg", &uri), OA_OK);
    assert_int_equal(uri.kind, OA_HLS_SPRITE);
    assert_int_equal(uri.number, 0);
    assert_int_equal(uri.session_id, 1);

    assert_int_equal(parse("n/" SESSION "/sprite.vtt", &uri), OA_OK);
    assert_int_equal(uri.kind, OA_HLS_SPRITES);
    assert_int_equal(uri.session_id, 1);
}


static void
refuses_all_else(void **state)
{
    size_t        i;
    oa_hls_uri_t  uri;

    static const char *const  paths[] = {
        "", "/", "//", "index.m3u8", "/index.m3u8", "news", "news/",
        "news/index.m3u", "news/index.m3u8/", "news/index.m3u8x",
        "news//index.m3u8", "./index.m3u8", "../index.m3u8",
        ".hidden/index.m3u8", "a\nb/index.m3u8", "a\x7f/index.m3u8",
        "news/" SESSION, "news/" SESSION "/", "news/" SESSION "/index.m3u8",
        "news/" SESSION "/video", "news/" SESSION "/video/",
        "news/" SESSION "//index.m3u8", "news/" SESSION "/Video/index.m3u8",
        "news/" SESSION "/a-b/index.m3u8", "news/" SESSION "/../index.m3u8",
        "news/" SESSION "/sixteen_letters_/index.m3u8",
        "news/aaaaaaaaaaaaa/video/index.m3u8",
        "news/aaaaaaaaaaaa/video/index.m3u8",
        "news/aaaaaaaaaaaabb/video/index.m3u8",
        "news/AAAAAAAAAAAAB/video/index.m3u8",
        "news/1aaaaaaaaaaab/video/index.m3u8",
        "news/qaaaaaaaaaaab/video/index.m3u8",
        "news/" SESSION "/v/init-.mp4", "news/" SESSION "/v/init-1.m4s",
        "news/" SESSION "/v/init-01.mp4", "news/" SESSION "/v/init--1.mp4",
        "news/" SESSION "/v/init-+1.mp4", "news/" SESSION "/v/init- 1.mp4",
        "news/" SESSION "/v/seg-4294967296.m4s",
        "news/" SESSION "/v/seg-99999999999999999999999.m4s",
        "news/" SESSION "/v/seg-1.m4", "news/" SESSION "/v/seg-1.m4ss",
        "news/" SESSION "/v/seg-1.2.m4s", "news/" SESSION "/v/seg-0x1.m4s",
        "news/" SESSION "/v/part-1.m4s", "news/" SESSION "/v/part-1.2.3.m4s",
        "news/" SESSION "/v/part-1..m4s", "news/" SESSION "/v/part-.1.m4s",
        "news/" SESSION "/v/part-1.00.m4s", "news/" SESSION "/v/part-1.2",
        "news/" SESSION "/v/part-1.4294967296.m4s",
        "thumbnail-90.jpg", "news/thumbnail.jpg", "news/thumbnail-.jpg",
        "news/thumbnail-090.jpg", "news/thumbnail-90.jpeg",
        "news/thumbnail-90.jpg/", "news/" SESSION "/thumbnail-90.jpg",
        "news/sprite-1.jpg", "news/sprite.vtt", "news/" SESSION "/sprite.jpg",
        "news/" SESSION "/sprite-4294967296.jpg",
        "news/" SESSION "/sprite-1.jpg/", "news/" SESSION "/sprite.vtt/",
        "news/" SESSION "/v/sprite-1.jpg", "news/" SESSION "/v/sprite.vtt",
        "news/" SESSION "/v/seg-1.m4s/", "news/" SESSION "/v/x/seg-1.m4s"
    };

    (void) state;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (parse(paths[i], &uri) != OA_ENOTFOUND) {
            fail_msg("read \"%s\"", paths[i]);
        }
    }
}


static void
bounds_the_channel(void **state)
{
    char          path[OA_LIVE_CHANNEL_BYTES + 32];
    oa_hls_uri_t  uri;

    (void) state;

    memset(path, 'c', OA_LIVE_CHANNEL_BYTES);
    strcpy(path + OA_LIVE_CHANNEL_BYTES, "/index.m3u8");
    assert_int_equal(parse(path, &uri), OA_OK);

    memset(path, 'c', OA_LIVE_CHANNEL_BYTES + 1);
    strcpy(path + OA_LIVE_CHANNEL_BYTES + 1, "/index.m3u8");
    assert_int_equal(parse(path, &uri), OA_ENOTFOUND);
}


/* A NUL is no end: it must not hide what follows. */
static void
a_nul_is_a_byte(void **state)
{
    oa_hls_uri_t       uri;
    static const char  path[] = "a\0b/index.m3u8";
    static const char  file[] = "a/" SESSION "/v/seg-1.m4s\0";

    (void) state;

    assert_int_equal(oa_hls_uri_parse(oa_slice(path, sizeof(path) - 1), &uri),
                     OA_ENOTFOUND);
    assert_int_equal(oa_hls_uri_parse(oa_slice(file, sizeof(file) - 1), &uri),
                     OA_ENOTFOUND);
}


static void
the_failed_leaves_its_output(void **state)
{
    oa_hls_uri_t  uri, before;

    (void) state;

    memset(&uri, 0x55, sizeof(uri));
    before = uri;

    assert_int_equal(parse("n/" SESSION "/v/seg-x.m4s", &uri), OA_ENOTFOUND);
    assert_memory_equal(&uri, &before, sizeof(uri));
}


static void
session_ids_come_back(void **state)
{
    size_t    i;
    char      text[OA_HLS_SESSION_ID_BYTES + 1];
    uint64_t  id;

    static const uint64_t  ids[] = {
        1, 2, 31, 32, 0x8000000000000000, UINT64_MAX, 0x0123456789abcdef
    };

    (void) state;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        oa_hls_session_id_format(ids[i], text);
        assert_int_equal(strlen(text), OA_HLS_SESSION_ID_BYTES);
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz234567"),
                         OA_HLS_SESSION_ID_BYTES);
        assert_int_equal(oa_hls_session_id_parse(oa_slice(text, strlen(text)),
                                                 &id), OA_OK);
        assert_true(id == ids[i]);
    }

    oa_hls_session_id_format(UINT64_MAX, text);
    assert_string_equal(text, "p777777777777");
}


/* A path that was read is the only one that reads so. */
static void
assert_spelling(const oa_hls_uri_t *uri, const uint8_t *path, size_t size)
{
    int   n;
    char  text[512], session[OA_HLS_SESSION_ID_BYTES + 1], file[64];

    oa_hls_session_id_format(uri->session_id, session);

    switch (uri->kind) {

    case OA_HLS_INIT:
        snprintf(file, sizeof(file), "init-%u.mp4", uri->number);
        break;

    case OA_HLS_SEGMENT:
        snprintf(file, sizeof(file), "seg-%u.m4s", uri->number);
        break;

    case OA_HLS_PART:
        snprintf(file, sizeof(file), "part-%u.%u.m4s", uri->number, uri->part);
        break;

    case OA_HLS_THUMBNAIL:
        snprintf(file, sizeof(file), "thumbnail-%u.jpg", uri->number);
        break;

    case OA_HLS_SPRITE:
        snprintf(file, sizeof(file), "%s/sprite-%u.jpg", session,
                 uri->number);
        break;

    case OA_HLS_SPRITES:
        snprintf(file, sizeof(file), "%s/sprite.vtt", session);
        break;

    default:
        snprintf(file, sizeof(file), "index.m3u8");
        break;
    }

    n = uri->rendition.size == 0
        ? snprintf(text, sizeof(text), "%.*s/%s", (int) uri->channel.size,
                   (const char *) uri->channel.data, file)
        : snprintf(text, sizeof(text), "%.*s/%s/%.*s/%s",
                   (int) uri->channel.size, (const char *) uri->channel.data,
                   session, (int) uri->rendition.size,
                   (const char *) uri->rendition.data, file);

    assert_int_equal(n, size);
    assert_memory_equal(text, path, size);
}


static void
what_is_read_has_one_spelling(void **state)
{
    unsigned      i, k, n, nread;
    size_t        size;
    uint8_t      *path;
    uint32_t      random;
    oa_hls_uri_t  uri;

    static const char *const  seeds[] = {
        "news/index.m3u8", "news/" SESSION "/video/index.m3u8",
        "news/" SESSION "/audio/init-12.mp4",
        "news/" SESSION "/video/seg-4294967290.m4s",
        "news/" SESSION "/v720/part-1090.15.m4s",
        "news/thumbnail-360.jpg", "news/" SESSION "/sprite-17.jpg",
        "news/" SESSION "/sprite.vtt"
    };
    static const char  bytes[] = "/.-0179az_\0%\xff~";

    (void) state;

    random = 1;
    nread = 0;

    for (i = 0; i < 400000; i++) {
        size = strlen(seeds[i % 8]);
        path = malloc(size);
        memcpy(path, seeds[i % 8], size);

        random = random * 1664525 + 1013904223;
        n = random >> 30;

        for (k = 0; k < n; k++) {
            random = random * 1664525 + 1013904223;
            path[(random >> 8) % size] = (uint8_t) bytes[(random >> 20)
                                               % (sizeof(bytes) - 1)];
        }

        if (oa_hls_uri_parse(oa_slice(path, size), &uri) == OA_OK) {
            assert_spelling(&uri, path, size);
            nread++;
        }

        free(path);
    }

    assert_in_range(nread, 100000, 399999);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_all_else),
        cmocka_unit_test(bounds_the_channel),
        cmocka_unit_test(a_nul_is_a_byte),
        cmocka_unit_test(the_failed_leaves_its_output),
        cmocka_unit_test(session_ids_come_back),
        cmocka_unit_test(what_is_read_has_one_spelling)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
