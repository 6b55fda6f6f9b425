
/*
 * A rung's pictures next to those that the ffmpeg command makes of the same
 * source with the same settings; both are held to the source, scaled with more
 * care.
 */


#include "xcode_ladder.h"

#include <unistd.h>


#define FRAMES   60
#define COMMAND  1024


static const source_conf_t  source_quality = {
    .encoder = "libx264", .options = "preset=veryfast,sc_threshold=0,crf=16",
    .width = 640, .height = 360, .format = AV_PIX_FMT_YUV420P,
    .rate = { 25, 1 }, .gop = 25, .frames = FRAMES, .bframes = 0
};


typedef struct {
    AVFrame  *frames[FRAMES];
    int       n;
} pictures_t;


static void
keep(void *ctx, const AVFrame *frame)
{
    pictures_t  *p = ctx;

    assert_true(p->n < FRAMES);
    p->frames[p->n++] = av_frame_clone(frame);
}


static void
drop(pictures_t *p)
{
    while (p->n > 0) {
        av_frame_free(&p->frames[--p->n]);
    }
}


/* The luma, of two pictures of one size. */
static double
squares(const AVFrame *a, const AVFrame *b)
{
    int     x, y, d;
    double  sum;

    for (sum = 0, y = 0; y < a->height; y++) {
        for (x = 0; x < a->width; x++) {
            d = a->data[0][y * a->linesize[0] + x]
                - b->data[0][y * b->linesize[0] + x];
            sum += d * d;
        }
    }

    return sum / a->width / a->height;
}


/* Of one block of 8 by 8. */
static double
block_ssim(const uint8_t *a, int la, const uint8_t *b, int lb)
{
    int     x, y, p, q;
    double  n, sa, sb, saa, sbb, sab, c1, c2;

    sa = sb = saa = sbb = sab = 0;
    n = 64;
    c1 = 0.01 * 255 * 0.01 * 255;
    c2 = 0.03 * 255 * 0.03 * 255;

    for (y = 0; y < 8; y++) {
        for (x = 0; x < 8; x++) {
            p = a[y * la + x];
            q = b[y * lb + x];
            sa += p;
            sb += q;
            saa += p * p;
            sbb += q * q;
            sab += p * q;
        }
    }

    return (2 * sa / n * sb / n + c1) * (2 * (sab / n - sa / n * sb / n) + c2)
           / (sa / n * sa / n + sb / n * sb / n + c1)
           / (saa / n - sa / n * sa / n + sbb / n - sb / n * sb / n + c2);
}


static double
ssim(const AVFrame *a, const AVFrame *b)
{
    int     x, y, n;
    double  sum;

    for (sum = 0, n = 0, y = 0; y + 8 <= a->height; y += 4) {
        for (x = 0; x + 8 <= a->width; x += 4, n++) {
            sum += block_ssim(a->data[0] + y * a->linesize[0] + x,
                              a->linesize[0],
                              b->data[0] + y * b->linesize[0] + x,
                              b->linesize[0]);
        }
    }

    return sum / n;
}


static void
measure(const pictures_t *p, const pictures_t *reference, double *psnr,
    double *similar)
{
    int     i;
    double  error;

    assert_int_equal(p->n, reference->n);

    for (error = 0, *similar = 0, i = 0; i < p->n; i++) {
        error += squares(p->frames[i], reference->frames[i]);
        *similar += ssim(p->frames[i], reference->frames[i]) / p->n;
    }

    *psnr = 10 * log10(255.0 * 255.0 / (error / p->n));
}


/* --- the ffmpeg command ----------------------------------------------- */


static void
write_stream(const source_t *s, const char *name)
{
    int             i;
    FILE           *file;
    oa_slice_t      rest, nal, r = source_record(s);
    const uint8_t  *sps, *pps;

    file = fopen(name, "wb");
    assert_non_null(file);

    sps = r.data + 6;
    pps = sps + 2 + oa_get_u16(sps) + 1;
    fwrite("\0\0\0\1", 1, 4, file);
    fwrite(sps + 2, 1, oa_get_u16(sps), file);
    fwrite("\0\0\0\1", 1, 4, file);
    fwrite(pps + 2, 1, oa_get_u16(pps), file);

    for (i = 0; i < s->n; i++) {
        rest = oa_slice(s->frames[i].packet->data,
                        (size_t) s->frames[i].packet->size);

        while (rest.size > 0) {
            nal = oa_slice(rest.data + 4, oa_get_u32(rest.data));
            fwrite("\0\0\0\1", 1, 4, file);
            fwrite(nal.data, 1, nal.size, file);
            rest = oa_slice(nal.data + nal.size, rest.size - 4 - nal.size);
        }
    }

    assert_int_equal(fclose(file), 0);
}


static void
run_ffmpeg(const char *dir, const char *format, int width, int height)
{
    char  tail[COMMAND], command[COMMAND + 256];

    (void) snprintf(tail, sizeof(tail), format, width, height);
    (void) snprintf(command, sizeof(command),
                    "cd %s && ffmpeg -v error -nostdin -y -r 25 -threads 1"
                    " -i source.h264 %s < /dev/null", dir, tail);
    assert_int_equal(system(command), 0);
}


static void
read_raw(pictures_t *p, const char *name, int width, int height)
{
    int       y, plane;
    FILE     *file;
    size_t    n;
    AVFrame  *frame;

    file = fopen(name, "rb");
    assert_non_null(file);

    for (p->n = 0; p->n < FRAMES; p->n++) {
        frame = av_frame_alloc();
        frame->width = width;
        frame->height = height;
        frame->format = AV_PIX_FMT_YUV420P;
        assert_int_equal(av_frame_get_buffer(frame, 0), 0);

        for (plane = 0; plane < 3; plane++) {
            for (y = 0; y < height >> (plane > 0); y++) {
                n = (size_t) width >> (plane > 0);
                assert_int_equal(fread(frame->data[plane]
                                       + y * frame->linesize[plane], 1, n,
                                       file), n);
            }
        }

        p->frames[p->n] = frame;
    }

    fclose(file);
}


/* What the command makes, and the reference. */
static void
make_others(const char *dir, const oa_xcode_rung_t *rung, pictures_t *theirs,
    pictures_t *reference)
{
    char  name[256];

    run_ffmpeg(dir, "-vf scale=%d:%d:flags=lanczos+accurate_rnd+full_chroma_int"
                    " -f rawvideo -pix_fmt yuv420p reference.yuv",
               (int) rung->width, (int) rung->height);
    run_ffmpeg(dir, "-vf scale=%d:%d -c:v libx264 -preset veryfast"
                    " -tune zerolatency -profile:v main -b:v 200k"
                    " -maxrate 200k -bufsize 200k -g 1000000 -bf 0"
                    " -x264-params scenecut=0 -force_key_frames source"
                    " -forced-idr 1 -threads 1 coded.mp4 && ffmpeg -v error"
                    " -nostdin -y -i coded.mp4 -f rawvideo coded.yuv",
               (int) rung->width, (int) rung->height);

    (void) snprintf(name, sizeof(name), "%s/reference.yuv", dir);
    read_raw(reference, name, (int) rung->width, (int) rung->height);
    (void) snprintf(name, sizeof(name), "%s/coded.yuv", dir);
    read_raw(theirs, name, (int) rung->width, (int) rung->height);
}


static size_t
bytes_of(ladder_t *l, unsigned rung)
{
    int     i;
    size_t  bytes;

    for (bytes = 0, i = 0; i < l->n; i++) {
        if (l->outputs[i].o.rung == rung
            && l->outputs[i].o.kind == OA_XCODE_FRAME)
        {
            bytes += l->outputs[i].o.data.size;
        }
    }

    return bytes;
}


static void
check_quality(ladder_t *l, unsigned i, const oa_xcode_rung_t *rung,
    const char *dir)
{
    double       psnr[2], similar[2];
    size_t       bytes;
    pictures_t   ours, theirs, reference;

    memset(&ours, 0, sizeof(ours));
    ladder_decode(l, i, keep, &ours);
    make_others(dir, rung, &theirs, &reference);

    measure(&ours, &reference, &psnr[0], &similar[0]);
    measure(&theirs, &reference, &psnr[1], &similar[1]);
    printf("# %ux%u: %.2f dB %.4f, ffmpeg %.2f dB %.4f\n", rung->width,
           rung->height, psnr[0], similar[0], psnr[1], similar[1]);

    assert_true(psnr[1] > 25);
    assert_true(psnr[0] > 0.98 * psnr[1]);
    assert_true(similar[0] > 0.98 * similar[1]);

    /* and not for more bits than were asked for, the first second's apart */
    bytes = bytes_of(l, i);
    assert_in_range(bytes, 0, rung->bitrate / 8 * FRAMES / 25 * 5 / 4);

    drop(&ours);
    drop(&theirs);
    drop(&reference);
}


static void
test_quality(void **state)
{
    char                    dir[] = "/tmp/onair-xcode-XXXXXX", name[256];
    unsigned                i;
    source_t               *s;
    ladder_t               *l;
    const oa_xcode_rung_t   rungs[] = {
        { .codec = OA_CODEC_AVC, .width = 480, .height = 270,
          .rate = { 25, 1 }, .bitrate = 200000 },
        { .codec = OA_CODEC_AVC, .width = 320, .height = 180,
          .rate = { 25, 1 }, .bitrate = 200000 },
    };

    (void) state;

    assert_non_null(mkdtemp(dir));
    s = source_new(&source_quality);
    (void) snprintf(name, sizeof(name), "%s/source.h264", dir);
    write_stream(s, name);

    l = ladder_new(s, NULL, rungs, 2, 0);
    ladder_play(l, s);

    /* the first scaled from the source, the second from the first */
    for (i = 0; i < 2; i++) {
        check_quality(l, i, &rungs[i], dir);
    }

    ladder_free(l);
    source_free(s);

    (void) snprintf(name, sizeof(name), "rm -rf %s", dir);
    assert_int_equal(system(name), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_quality),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
