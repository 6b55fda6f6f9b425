
/*
 * A ladder in a test: strands run one after the other, or by threads; what
 * comes out is kept, and can be decoded again.
 */


#ifndef XCODE_LADDER_H
#define XCODE_LADDER_H


#include "xcode_source.h"

#include <pthread.h>


#define LADDER_OUTPUTS   4096
#define LADDER_STRANDS   64


/* A rung of H.264. */
#define LADDER_AVC(w, h, fps_num, fps_den, bits)                              \
    {                                                                         \
        .codec = OA_CODEC_AVC, .width = w, .height = h,                       \
        .rate = { fps_num, fps_den }, .bitrate = bits, .preset = "ultrafast"  \
    }


typedef struct {
    oa_xcode_output_t    o;
    uint8_t             *data;       /* o.data and o.text are here */
} ladder_output_t;


typedef struct {
    oa_xcode_t          *xcode;
    oa_xcode_source_t    source;
    char                 text[OA_XCODE_TEXT_BYTES];

    pthread_mutex_t      lock;
    pthread_cond_t       changed;
    oa_xcode_strand_t   *strands[LADDER_STRANDS];
    unsigned             count;
    unsigned             running;
    bool                 ready;
    bool                 refuse;     /* run() says false */
    bool                 stop;
    bool                 destroyed;  /* no event may come any more */
    pthread_t            threads[8];
    unsigned             nthreads;

    int64_t              now_us;     /* of the clock, which stands still so
                                        that nothing is late; 0: the real one */
    ladder_output_t      outputs[LADDER_OUTPUTS];
    int                  n;
} ladder_t;


static UNUSED int64_t
ladder_clock_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* In any thread, where an assertion of cmocka is of no use. */
static UNUSED void
ladder_check(bool holds)
{
    if (!holds) {
        abort();
    }
}


/* --- events ----------------------------------------------------------- */


static UNUSED bool
ladder_run(void *ctx, oa_xcode_strand_t *strand)
{
    bool       taken;
    unsigned   i;
    ladder_t  *l = ctx;

    pthread_mutex_lock(&l->lock);
    ladder_check(!l->destroyed);

    taken = !l->refuse;

    if (taken) {
        for (i = 0; i < l->count; i++) {
            ladder_check(l->strands[i] != strand);
        }

        ladder_check(l->count < LADDER_STRANDS);
        l->strands[l->count++] = strand;
        pthread_cond_broadcast(&l->changed);
    }

    pthread_mutex_unlock(&l->lock);

    return taken;
}


static UNUSED void
ladder_ready(void *ctx)
{
    ladder_t  *l = ctx;

    pthread_mutex_lock(&l->lock);
    ladder_check(!l->ready && !l->destroyed);
    l->ready = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}


static UNUSED int64_t
ladder_now_us(void *ctx)
{
    int64_t    now_us;
    ladder_t  *l = ctx;

    pthread_mutex_lock(&l->lock);
    ladder_check(!l->destroyed);
    now_us = l->now_us != 0 ? l->now_us : ladder_clock_us();
    pthread_mutex_unlock(&l->lock);

    return now_us;
}


static UNUSED oa_xcode_strand_t *
ladder_next(ladder_t *l)
{
    oa_xcode_strand_t  *strand;

    strand = l->strands[0];
    memmove(l->strands, l->strands + 1, --l->count * sizeof(l->strands[0]));

    return strand;
}


static UNUSED void *
ladder_thread(void *ctx)
{
    ladder_t           *l = ctx;
    oa_xcode_strand_t  *strand;

    pthread_mutex_lock(&l->lock);

    for ( ;; ) {
        while (l->count == 0 && !l->stop) {
            pthread_cond_wait(&l->changed, &l->lock);
        }

        if (l->count == 0) {
            break;
        }

        strand = ladder_next(l);
        l->running++;
        pthread_mutex_unlock(&l->lock);

        oa_xcode_strand_run(strand);

        pthread_mutex_lock(&l->lock);
        l->running--;
        pthread_cond_broadcast(&l->changed);
    }

    pthread_mutex_unlock(&l->lock);

    return NULL;
}


/* --- the owner -------------------------------------------------------- */


static UNUSED void
ladder_pull(ladder_t *l)
{
    ladder_output_t    *kept;
    oa_xcode_output_t   o;

    pthread_mutex_lock(&l->lock);
    l->ready = false;
    pthread_mutex_unlock(&l->lock);

    while (oa_xcode_pull(l->xcode, &o) == OA_OK) {
        assert_true(l->n < LADDER_OUTPUTS);
        kept = &l->outputs[l->n++];
        kept->o = o;

        if (o.kind == OA_XCODE_FAILED) {
            kept->o.text = strdup(o.text);
            kept->data = (uint8_t *) (uintptr_t) kept->o.text;
            continue;
        }

        kept->data = malloc(o.data.size);
        assert_non_null(kept->data);
        memcpy(kept->data, o.data.data, o.data.size);
        kept->o.data.data = kept->data;
    }
}


/* Runs until nothing is left to do. */
static UNUSED void
ladder_settle(ladder_t *l)
{
    bool                ready;
    oa_xcode_strand_t  *strand;

    for ( ;; ) {
        strand = NULL;
        pthread_mutex_lock(&l->lock);

        while (l->nthreads > 0 && !l->ready && (l->count || l->running)) {
            pthread_cond_wait(&l->changed, &l->lock);
        }

        ready = l->ready;

        if (!ready && l->nthreads == 0 && l->count > 0) {
            strand = ladder_next(l);
        }

        pthread_mutex_unlock(&l->lock);

        if (ready) {
            ladder_pull(l);

        } else if (strand != NULL) {
            oa_xcode_strand_run(strand);

        } else {
            return;
        }
    }
}


static UNUSED oa_xcode_events_t
ladder_events(ladder_t *l)
{
    return (oa_xcode_events_t) { ladder_run, ladder_ready, ladder_now_us, l };
}


static UNUSED ladder_t *
ladder_alloc(void)
{
    ladder_t  *l;

    l = calloc(1, sizeof(*l));
    assert_non_null(l);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    av_log_set_level(AV_LOG_QUIET);

    return l;
}


static UNUSED void
ladder_describe(oa_xcode_source_t *d, const source_t *video,
    const source_t *audio)
{
    memset(d, 0, sizeof(*d));

    if (video != NULL) {
        d->has_video = true;
        d->picture = video->picture;
        d->video_record = source_record(video);
        d->rate = video->rate;
        d->video_timescale = video->timescale;
    }

    if (audio != NULL) {
        d->has_audio = true;
        d->sound = audio->sound;
        d->audio_record = source_record(audio);
        d->audio_timescale = audio->timescale;
    }
}


static UNUSED ladder_t *
ladder_new_on(oa_xcode_device_t device, const source_t *video,
    const source_t *audio, const oa_xcode_rung_t *rungs, unsigned nrungs,
    unsigned nthreads)
{
    unsigned            i;
    ladder_t           *l;
    oa_xcode_events_t   events;

    l = ladder_alloc();
    l->nthreads = nthreads;
    l->now_us = 1;
    ladder_describe(&l->source, video, audio);
    events = ladder_events(l);

    assert_int_equal(oa_xcode_create(&l->xcode, &l->source, rungs, nrungs,
                                     device, &events, l->text), OA_OK);

    for (i = 0; i < nthreads; i++) {
        assert_int_equal(pthread_create(&l->threads[i], NULL, ladder_thread,
                                        l), 0);
    }

    for (i = 0; i < nrungs; i++) {
        oa_xcode_rung_set(l->xcode, i, true);
    }

    return l;
}


static UNUSED ladder_t *
ladder_new(const source_t *video, const source_t *audio,
    const oa_xcode_rung_t *rungs, unsigned nrungs, unsigned nthreads)
{
    return ladder_new_on(OA_XCODE_CPU, video, audio, rungs, nrungs, nthreads);
}


/* What came out so far. */
static UNUSED void
ladder_forget(ladder_t *l)
{
    while (l->n > 0) {
        free(l->outputs[--l->n].data);
    }
}


/* What is left when the ladder was destroyed; freed is what that returned. */
static UNUSED void
ladder_end(ladder_t *l, bool freed)
{
    unsigned  t;

    pthread_mutex_lock(&l->lock);
    assert_true(!freed || l->count + l->running == 0);
    l->destroyed = true;
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);

    for (t = 0; t < l->nthreads; t++) {
        pthread_join(l->threads[t], NULL);
    }

    /* those that were asked for must come */
    while (l->count > 0) {
        oa_xcode_strand_run(ladder_next(l));
    }

    ladder_forget(l);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}


static UNUSED void
ladder_free(ladder_t *l)
{
    ladder_end(l, oa_xcode_destroy(l->xcode));
}


/* One frame, which arrives now, in pieces. */
static UNUSED void
ladder_push_keyed(ladder_t *l, const source_t *s, int i, bool keyframe,
    int64_t keyframe_time)
{
    size_t                 half;
    oa_slice_t             pieces[2];
    oa_xcode_input_t       input;
    const source_frame_t  *f = &s->frames[i];

    half = (size_t) f->packet->size / 2;
    pieces[0] = oa_slice(f->packet->data, half);
    pieces[1] = oa_slice(f->packet->data + half,
                         (size_t) f->packet->size - half);

    memset(&input, 0, sizeof(input));
    input.audio = s->sound.codec != OA_CODEC_NONE;
    input.pieces = pieces;
    input.npieces = 2;
    input.decode_time = f->decode_time;
    input.time = f->time;
    input.duration = f->duration;
    input.sync = f->sync;
    input.arrival_us = ladder_now_us(l);
    input.keyframe = keyframe;
    input.keyframe_time = keyframe_time;

    oa_xcode_push(l->xcode, &input);
}


static UNUSED void
ladder_push(ladder_t *l, const source_t *s, int i)
{
    ladder_push_keyed(l, s, i, false, 0);
}


/* All of it, one after the other. */
static UNUSED void
ladder_play(ladder_t *l, const source_t *s)
{
    int  i;

    for (i = 0; i < s->n; i++) {
        ladder_push(l, s, i);
        ladder_settle(l);
    }
}


/* --- what came out ---------------------------------------------------- */


static UNUSED ladder_output_t *
ladder_output(ladder_t *l, unsigned rung, oa_xcode_output_kind_t kind, int i)
{
    int  n;

    for (n = 0; n < l->n; n++) {
        if (l->outputs[n].o.rung == rung && l->outputs[n].o.kind == kind
            && i-- == 0)
        {
            return &l->outputs[n];
        }
    }

    return NULL;
}


static UNUSED int
ladder_count(ladder_t *l, unsigned rung, oa_xcode_output_kind_t kind)
{
    int  n;

    for (n = 0; ladder_output(l, rung, kind, n) != NULL; n++) { /* void */ }

    return n;
}


static UNUSED int64_t
ladder_time(ladder_t *l, unsigned rung, int i)
{
    return ladder_output(l, rung, OA_XCODE_FRAME, i)->o.time;
}


/* Calls check for each picture or block of sound that the rung decodes to. */
static UNUSED int
ladder_decode(ladder_t *l, unsigned rung,
    void (*check)(void *ctx, const AVFrame *frame), void *ctx)
{
    int               i, n, count;
    AVFrame          *frame;
    AVPacket         *packet;
    AVCodecContext   *d;
    ladder_output_t  *out;

    d = NULL;
    frame = av_frame_alloc();
    packet = av_packet_alloc();
    count = 0;

    for (i = 0; i < l->n; i++) {
        out = &l->outputs[i];

        if (out->o.rung != rung || out->o.kind == OA_XCODE_FAILED) {
            continue;
        }

        n = (int) out->o.data.size;

        if (out->o.kind == OA_XCODE_CONFIG) {
            avcodec_free_context(&d);
            d = avcodec_alloc_context3(avcodec_find_decoder(
                out->o.picture.codec == OA_CODEC_AVC    ? AV_CODEC_ID_H264
                : out->o.picture.codec == OA_CODEC_HEVC ? AV_CODEC_ID_HEVC
                                                        : AV_CODEC_ID_AAC));
            d->extradata = av_mallocz((size_t) n
                                      + AV_INPUT_BUFFER_PADDING_SIZE);
            memcpy(d->extradata, out->o.data.data, (size_t) n);
            d->extradata_size = n;
            d->thread_count = 1;
            d->err_recognition = AV_EF_EXPLODE;
            d->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
            assert_int_equal(avcodec_open2(d, d->codec, NULL), 0);
            continue;
        }

        assert_non_null(d);
        assert_int_equal(av_new_packet(packet, n), 0);
        memcpy(packet->data, out->o.data.data, (size_t) n);
        packet->pts = out->o.time;
        assert_int_equal(avcodec_send_packet(d, packet), 0);
        av_packet_unref(packet);

        while (avcodec_receive_frame(d, frame) == 0) {
            assert_int_equal(frame->decode_error_flags, 0);
            assert_int_equal(frame->pts, out->o.time);

            if (check != NULL) {
                check(ctx, frame);
            }

            av_frame_unref(frame);
            count++;
        }
    }

    avcodec_free_context(&d);
    av_frame_free(&frame);
    av_packet_free(&packet);

    return count;
}


#endif /* XCODE_LADDER_H */
