
#include "xcode/oa_xcode_impl.h"


bool
oa_xcode_scale_has_work(oa_xcode_strand_t *strand)
{
    oa_xcode_t  *xcode = strand->of;

    return xcode->tidy || xcode->decoded.count > 0;
}


/* --- which pictures a rung takes -------------------------------------- */


/* Whether the rung's rate is below the source's by more than 1%. */
static bool
oa_xcode_rate_is_lower(oa_timeline_rate_t rung, oa_timeline_rate_t source)
{
    return rung.num != 0 && rung.den != 0 && source.num != 0
           && source.den != 0
           && (uint64_t) rung.num * source.den * 100
              < (uint64_t) source.num * rung.den * 99;
}


/*
 * Half a frame of the source early is in time.  The grid begins anew at each
 * boundary, so that its picture is in every rung.
 */
static bool
oa_xcode_scaler_is_due(oa_xcode_scaler_t *s, oa_timeline_rate_t rate,
    const oa_xcode_source_t *source, int64_t time, bool boundary)
{
    int64_t  step, until;

    if (!oa_xcode_rate_is_lower(rate, source->rate)) {
        return true;
    }

    step = (int64_t) source->video_timescale * rate.den;
    until = time + oa_rescale(source->video_timescale, source->rate.den,
                              2 * (int64_t) source->rate.num);

    if (boundary || !s->started
        || until - s->base > oa_rescale(s->n + 16, step, rate.num))
    {
        s->started = true;
        s->base = time;
        s->n = 1;
        return true;
    }

    if (until < s->base + oa_rescale(s->n, step, rate.num)) {
        return false;
    }

    do {
        s->n++;
    } while (until >= s->base + oa_rescale(s->n, step, rate.num));

    return true;
}


/*
 * Locked.  What is too late for every encoder is not scaled any more; then the
 * next picture is where this one was, at a boundary, too.
 */
static bool
oa_xcode_scaler_wants(oa_xcode_rung_state_t *rung, int64_t time,
    int64_t lateness_us)
{
    bool                boundary, wanted;
    oa_xcode_t         *xcode = rung->xcode;
    oa_xcode_scaler_t  *s = &rung->scaler;

    boundary = oa_xcode_keys_between(&xcode->keys, s->seen, time,
                                     rung->waiting ? rung->since : 0);
    wanted = rung->on && (boundary || !rung->waiting)
             && oa_xcode_scaler_is_due(s, rung->conf.rate, &xcode->source,
                                       time, boundary);

    if (wanted && oa_xcode_is_late(lateness_us, boundary)) {
        rung->stats.lateness_us = lateness_us;
        rung->stats.late++;
        return false;
    }

    s->seen = time;

    if (wanted && rung->in.count == rung->in.capacity) {
        rung->stats.full++;
        return false;
    }

    if (wanted) {
        rung->waiting = false;
        s->run = rung->run;
    }

    return wanted;
}


/* --- the cascade ------------------------------------------------------ */


int
oa_xcode_depth(enum AVPixelFormat format)
{
    return av_pix_fmt_desc_get(format)->comp[0].depth;
}


/*
 * Whether a rung has each picture that the other one has, so that what it is
 * scaled from does not change from picture to picture: filters are made anew
 * with each change.
 */
static bool
oa_xcode_scale_keeps_pace(const oa_xcode_rung_state_t *rung,
    const oa_xcode_rung_state_t *other)
{
    uint64_t                   own, others;
    const oa_timeline_rate_t  *a = &rung->conf.rate, *b = &other->conf.rate;

    own = (uint64_t) a->num * b->den;
    others = (uint64_t) b->num * a->den;

    /* 0: every picture of the source */
    return a->num == 0 || (b->num != 0 && own % others == 0);
}


/*
 * The nearest larger picture of this round, which is as deep and as frequent,
 * or the source's.  The order is that of size.
 */
static const AVFrame *
oa_xcode_scale_parent(oa_xcode_t *xcode, unsigned place)
{
    unsigned                      i;
    const oa_xcode_rung_state_t  *rung, *other;

    rung = &xcode->rungs[xcode->order[place]];

    for (i = place; i > 0; i--) {
        other = &xcode->rungs[xcode->order[i - 1]];

        if (other->scaler.made->buf[0] != NULL
            && other->conf.width >= rung->conf.width
            && other->conf.height >= rung->conf.height
            && oa_xcode_depth(other->format) >= oa_xcode_depth(rung->format)
            && oa_xcode_scale_keeps_pace(other, rung))
        {
            return other->scaler.made;
        }
    }

    return xcode->picture.frame;
}


static void
oa_xcode_scale_hand(oa_xcode_rung_state_t *rung)
{
    oa_xcode_t          *xcode = rung->xcode;
    oa_xcode_picture_t  *handed = &xcode->handed;

    if (av_frame_ref(handed->frame, rung->scaler.made) < 0) {
        return;
    }

    handed->time = xcode->picture.time;
    handed->arrival_us = xcode->picture.arrival_us;
    handed->due_us = xcode->picture.due_us;
    handed->run = rung->scaler.run;

    pthread_mutex_lock(&xcode->lock);

    if (rung->on && rung->run == handed->run) {
        oa_xcode_ring_push(&rung->in, handed);
        oa_xcode_strand_wake(&rung->strand);
    }

    pthread_mutex_unlock(&xcode->lock);

    av_frame_unref(handed->frame);
}


static void
oa_xcode_scale_to(oa_xcode_t *xcode, unsigned place)
{
    char                    text[OA_XCODE_TEXT_BYTES];
    const AVFrame          *parent;
    oa_xcode_rung_state_t  *rung;

    rung = &xcode->rungs[xcode->order[place]];
    parent = oa_xcode_scale_parent(xcode, place);

    if (!xcode->functions->scale(rung, parent, rung->scaler.made, text)) {
        av_frame_unref(rung->scaler.made);
        oa_xcode_rung_fail(rung, text);
        return;
    }

    oa_xcode_scale_hand(rung);
}


static void
oa_xcode_scale_picture(oa_xcode_t *xcode)
{
    unsigned  i;

    for (i = 0; i < xcode->nvideo; i++) {
        if (xcode->rungs[xcode->order[i]].scaler.wanted) {
            oa_xcode_scale_to(xcode, i);
        }
    }

    for (i = 0; i < xcode->nvideo; i++) {
        av_frame_unref(xcode->rungs[xcode->order[i]].scaler.made);
    }

    av_frame_unref(xcode->picture.frame);
}


/* --- the strand ------------------------------------------------------- */


/* Locked. */
static bool
oa_xcode_scale_take(oa_xcode_t *xcode)
{
    int64_t                 lateness_us;
    unsigned                i;
    oa_xcode_rung_state_t  *rung;

    if (xcode->dead || !oa_xcode_ring_pop(&xcode->decoded, &xcode->picture)) {
        return false;
    }

    oa_xcode_strand_wake(&xcode->video.strand);
    lateness_us = xcode->events.now_us(xcode->events.ctx)
                  - xcode->picture.due_us;

    for (i = 0; i < xcode->nvideo; i++) {
        rung = &xcode->rungs[xcode->order[i]];
        rung->scaler.wanted = oa_xcode_scaler_wants(rung, xcode->picture.time,
                                                    lateness_us);
    }

    return true;
}


/* What rungs that are off need no more. */
static void
oa_xcode_scale_tidy(oa_xcode_t *xcode)
{
    bool                    off;
    unsigned                i;
    oa_xcode_rung_state_t  *rung;

    for (i = 0; i < xcode->nvideo; i++) {
        rung = &xcode->rungs[xcode->order[i]];

        pthread_mutex_lock(&xcode->lock);
        off = !rung->on;
        pthread_mutex_unlock(&xcode->lock);

        if (off) {
            xcode->functions->scaler_close(rung);
        }
    }
}


bool
oa_xcode_scale_work(oa_xcode_strand_t *strand)
{
    bool         found, tidy;
    oa_xcode_t  *xcode = strand->of;

    pthread_mutex_lock(&xcode->lock);

    tidy = xcode->tidy;
    xcode->tidy = false;
    found = oa_xcode_scale_take(xcode);

    pthread_mutex_unlock(&xcode->lock);

    if (tidy) {
        oa_xcode_scale_tidy(xcode);
    }

    if (found) {
        oa_xcode_scale_picture(xcode);
    }

    return found;
}
