
#include "xcode/oa_xcode_impl.h"

#include <time.h>


/* Of this thread, in microseconds. */
static uint64_t
oa_xcode_cpu_us(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) != 0) {
        return 0;
    }

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


void
oa_xcode_strand_init(oa_xcode_strand_t *strand, oa_xcode_t *xcode,
    bool (*has_work)(oa_xcode_strand_t *), bool (*work)(oa_xcode_strand_t *),
    void *of, uint64_t *cpu_us)
{
    strand->xcode = xcode;
    strand->state = OA_XCODE_IDLE;
    strand->has_work = has_work;
    strand->work = work;
    strand->of = of;
    strand->cpu_us = cpu_us;
}


bool
oa_xcode_strand_ask(oa_xcode_strand_t *strand)
{
    oa_xcode_t  *xcode = strand->xcode;

    strand->state = OA_XCODE_ASKED;
    xcode->pending++;

    if (xcode->events.run(xcode->events.ctx, strand)) {
        return true;
    }

    strand->state = OA_XCODE_IDLE;
    xcode->pending--;

    return false;
}


void
oa_xcode_strand_wake(oa_xcode_strand_t *strand)
{
    /* a strand that runs looks for work before it goes */
    if (!strand->xcode->dead && strand->state == OA_XCODE_IDLE
        && strand->has_work(strand))
    {
        (void) oa_xcode_strand_ask(strand);
    }
}


void
oa_xcode_wake_all(oa_xcode_t *xcode)
{
    unsigned  i;

    oa_xcode_strand_wake(&xcode->video.strand);
    oa_xcode_strand_wake(&xcode->audio.strand);
    oa_xcode_strand_wake(&xcode->scaling);

    for (i = 0; i < xcode->nrungs; i++) {
        oa_xcode_strand_wake(&xcode->rungs[i].strand);
    }
}


bool
oa_xcode_now(oa_xcode_t *xcode, int64_t *now_us)
{
    bool  alive;

    pthread_mutex_lock(&xcode->lock);
    alive = !xcode->dead;

    if (alive) {
        *now_us = xcode->events.now_us(xcode->events.ctx);
    }

    pthread_mutex_unlock(&xcode->lock);

    return alive;
}


/* Returns whether the strand may begin. */
static bool
oa_xcode_strand_begin(oa_xcode_strand_t *strand)
{
    bool  alive;

    pthread_mutex_lock(&strand->xcode->lock);
    alive = !strand->xcode->dead;

    if (alive) {
        strand->state = OA_XCODE_RUNNING;
        strand->begun_us = strand->xcode->events.now_us(
            strand->xcode->events.ctx);
    }

    pthread_mutex_unlock(&strand->xcode->lock);

    return alive;
}


static void
oa_xcode_strand_end(oa_xcode_strand_t *strand, uint64_t cpu_us)
{
    bool         last;
    oa_xcode_t  *xcode = strand->xcode;

    pthread_mutex_lock(&xcode->lock);

    *strand->cpu_us += cpu_us;
    strand->state = OA_XCODE_IDLE;
    xcode->pending--;
    oa_xcode_strand_wake(strand);

    last = xcode->dead && xcode->pending == 0;

    pthread_mutex_unlock(&xcode->lock);

    if (last) {
        oa_xcode_free(xcode);
    }
}


void
oa_xcode_strand_run(oa_xcode_strand_t *strand)
{
    uint64_t  begun_us;
    unsigned  i;

    begun_us = oa_xcode_cpu_us();

    if (oa_xcode_strand_begin(strand)) {
        for (i = 0; i < OA_XCODE_BATCH && strand->work(strand); i++) {
            /* void */
        }
    }

    oa_xcode_strand_end(strand, oa_xcode_cpu_us() - begun_us);
}


/* --- a card that does not answer --------------------------------------- */


/* Locked. */
static bool
oa_xcode_strand_is_stuck(const oa_xcode_strand_t *strand, int64_t now_us)
{
    return strand->state == OA_XCODE_RUNNING
           && now_us - strand->begun_us > OA_XCODE_STUCK_US;
}


void
oa_xcode_watch(oa_xcode_t *xcode)
{
    bool                    all, stuck;
    int64_t                 now_us;
    unsigned                i;
    oa_xcode_rung_state_t  *rung;

    for (i = 0; i < xcode->nvideo; i++) {
        rung = &xcode->rungs[xcode->order[i]];

        pthread_mutex_lock(&xcode->lock);

        now_us = xcode->events.now_us(xcode->events.ctx);
        all = oa_xcode_strand_is_stuck(&xcode->video.strand, now_us)
              || oa_xcode_strand_is_stuck(&xcode->scaling, now_us);
        stuck = rung->on
                && (all || oa_xcode_strand_is_stuck(&rung->strand, now_us));

        pthread_mutex_unlock(&xcode->lock);

        if (stuck) {
            oa_xcode_rung_fail(rung, "the card does not answer");
        }
    }
}
