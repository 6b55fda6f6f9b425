
/*
 * What a player sees and hears of a rendition of the live store: when it
 * flashes or beeps, by the times of what is decoded.
 */


#ifndef SYNC_LINE_H
#define SYNC_LINE_H


#include "packager_fixture.h"

#include <libavcodec/avcodec.h>
#include <math.h>


#define SYNC_EVENTS  1024


typedef struct {
    const char           *name;
    bool                  is_video;
    oa_live_rendition_t   rendition;
    bool                  found;
    uint64_t              next;          /* number of the part */
    uint32_t              nsegments;     /* that there were the last time */
    uint32_t              init_id;
    uint32_t              timescale;
    AVCodecContext       *d;

    uint64_t              frames;        /* decoded */
    double                events[SYNC_EVENTS];   /* seconds of media time */
    unsigned              nevents;
    bool                  lit;
    double                heard;         /* when it was loud the last time */
} sync_line_t;


/* --- what is decoded --------------------------------------------------- */


static UNUSED void
sync_line_event(sync_line_t *line, double at)
{
    assert_true(line->nevents < SYNC_EVENTS);
    line->events[line->nevents++] = at;
}


static UNUSED void
sync_line_picture(sync_line_t *line, const AVFrame *frame)
{
    int   x, y;
    bool  lit;
    long  sum;

    for (y = 0, sum = 0; y < frame->height; y++) {
        for (x = 0; x < frame->width; x++) {
            sum += frame->data[0][y * frame->linesize[0] + x];
        }
    }

    lit = sum > 150l * frame->width * frame->height;

    if (lit && !line->lit) {
        sync_line_event(line, (double) frame->pts / line->timescale);
    }

    line->lit = lit;
}


static UNUSED void
sync_line_sound(sync_line_t *line, const AVFrame *frame)
{
    int           i;
    double        at;
    const float  *v;

    v = (const float *) (const void *) frame->data[0];
    assert_int_equal(frame->sample_rate, line->timescale);

    for (i = 0; i < frame->nb_samples; i++) {
        if (fabsf(v[i]) < 0.3f) {
            continue;
        }

        at = (double) (frame->pts + i) / line->timescale;

        if (line->nevents == 0 || at - line->heard > 0.5) {
            sync_line_event(line, at);
        }

        line->heard = at;
    }
}


static UNUSED void
sync_line_decode(sync_line_t *line, const uint8_t *data, size_t size,
    int64_t time)
{
    AVFrame   *frame;
    AVPacket  *packet;

    frame = av_frame_alloc();
    packet = av_packet_alloc();

    if (size > 0) {
        assert_int_equal(av_new_packet(packet, (int) size), 0);
        memcpy(packet->data, data, size);
        packet->pts = time;
    }

    assert_int_equal(avcodec_send_packet(line->d, size > 0 ? packet : NULL),
                     0);

    while (avcodec_receive_frame(line->d, frame) == 0) {
        assert_int_equal(frame->decode_error_flags, 0);
        line->frames++;

        if (line->is_video) {
            sync_line_picture(line, frame);

        } else {
            sync_line_sound(line, frame);
        }

        av_frame_unref(frame);
    }

    av_packet_free(&packet);
    av_frame_free(&frame);
}


/* --- init segment and parts -------------------------------------------- */


/* Behind the four letters. */
static UNUSED const uint8_t *
sync_box(const uint8_t *p, size_t size, const char *name)
{
    const uint8_t  *box;

    box = memmem(p, size, name, 4);
    assert_non_null(box);

    return box + 4;
}


static UNUSED void
sync_line_open(sync_line_t *line, fixture_t *f, uint32_t init_id)
{
    size_t          size, n;
    uint8_t         init[OA_LIVE_INIT_BYTES];
    const uint8_t  *p;

    assert_int_equal(oa_live_init_read(&f->live, line->rendition, init_id,
                                       init, &size), OA_OK);

    if (line->is_video) {
        p = sync_box(init, size, "avcC");
        n = oa_get_u32(p - 8) - 8;

    } else {
        /* DecoderSpecificInfo, its length in four bytes */
        p = sync_box(init, size, "esds");
        p = sync_box(p, size - (size_t) (p - init), "\x05\x80\x80\x80") + 1;
        n = p[-1];
    }

    line->d = avcodec_alloc_context3(avcodec_find_decoder(
        line->is_video ? AV_CODEC_ID_H264 : AV_CODEC_ID_AAC));
    line->d->extradata = av_mallocz(n + AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(line->d->extradata, p, n);
    line->d->extradata_size = (int) n;
    line->d->thread_count = 1;
    line->d->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
    line->d->err_recognition = AV_EF_EXPLODE;
    assert_int_equal(avcodec_open2(line->d, line->d->codec, NULL), 0);
    line->init_id = init_id;
}


/* One chunk: each sample with the time at which it is shown. */
static UNUSED void
sync_line_chunk(sync_line_t *line, const uint8_t *p, size_t size)
{
    int32_t         composition;
    int64_t         time;
    uint32_t        n, flags, common, duration, bytes;
    const uint8_t  *box, *data, *end;

    end = p + size;
    data = sync_box(p, size, "mdat");
    time = (int64_t) oa_get_u64(sync_box(p, size, "tfdt") + 4);

    box = sync_box(p, size, "tfhd");
    common = oa_get_u32(box) & 0x8 ? oa_get_u32(box + 8) : 0;

    box = sync_box(p, size, "trun");
    flags = oa_get_u32(box) & 0xffffff;
    n = oa_get_u32(box + 4);
    box += 8 + 4 * (!!(flags & 0x1) + !!(flags & 0x4));
    assert_true(flags & 0x200);

    for ( /* void */ ; n > 0; n--) {
        duration = common;

        if (flags & 0x100) {
            duration = oa_get_u32(box);
            box += 4;
        }

        bytes = oa_get_u32(box);
        box += flags & 0x400 ? 8 : 4;
        composition = 0;

        if (flags & 0x800) {
            composition = (int32_t) oa_get_u32(box);
            box += 4;
        }

        assert_true(bytes <= (size_t) (end - data));
        sync_line_decode(line, data, bytes, time + composition);
        data += bytes;
        time += duration;
    }

    assert_ptr_equal(data, end);
}


/* What is new in the store since the last time. */
static UNUSED void
sync_line_read(sync_line_t *line, fixture_t *f)
{
    uint32_t                    i;
    uint8_t                    *bytes;
    const oa_live_part_info_t  *part;
    static oa_live_snapshot_t   s;

    line->found = line->found || rendition(f, line->name, &line->rendition);

    if (!line->found) {
        return;
    }

    assert_int_equal(oa_live_snapshot(&f->live, line->rendition, &s), OA_OK);
    line->timescale = s.conf.timescale;
    line->nsegments = s.nsegments;

    for (i = 0; i < s.nparts; i++) {
        part = &s.parts[i];

        if (part->number < line->next) {
            continue;
        }

        /* nothing was evicted that was not seen */
        assert_true(part->number == line->next);
        line->next = part->number + 1;

        if (line->d == NULL) {
            sync_line_open(line, f, s.segments[part->msn
                                               - s.segments[0].msn].init_id);
        }

        assert_int_equal(s.segments[part->msn - s.segments[0].msn].init_id,
                         line->init_id);
        bytes = malloc(part->size);
        assert_int_equal(oa_live_read(&f->live, line->rendition, part->number,
                                      part->offset, bytes, part->size), OA_OK);
        sync_line_chunk(line, bytes, part->size);
        free(bytes);
    }
}


static UNUSED void
sync_line_close(sync_line_t *line)
{
    avcodec_free_context(&line->d);
}


#endif /* SYNC_LINE_H */
