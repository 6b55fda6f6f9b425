
#include "ladder/oa_ladder_watch.h"

#include <string.h>


#define OA_LADDER_SECOND_MS   1000
#define OA_LADDER_BAD         3
#define OA_LADDER_SETTLE_MS   3000

/* For the first keyframe of a rung that goes on. */
#define OA_LADDER_BEGIN_MS    15000

/* Nothing is measured over a pause of the source. */
#define OA_LADDER_GAP_MS      2000


static void
oa_ladder_measure(oa_ladder_watched_t *rung, const oa_ladder_facts_t *facts,
    int64_t now_ms)
{
    rung->since_ms = now_ms;
    rung->frames = facts->frames;
    rung->dropped = facts->dropped;
    rung->lateness_us = facts->lateness_us;
}


/* Whether it is too slow, as of the second that ends now. */
static bool
oa_ladder_second(oa_ladder_watched_t *rung, const oa_ladder_facts_t *facts,
    int64_t now_ms)
{
    bool      late, bad;
    uint64_t  coded, dropped;

    coded = facts->frames - rung->frames;
    dropped = facts->dropped - rung->dropped;
    late = rung->lateness_us > OA_LADDER_LATE_US;

    bad = coded == 0 ? !facts->patient : dropped > coded;

    rung->bad = bad ? rung->bad + 1 : 0;
    oa_ladder_measure(rung, facts, now_ms);

    return late || rung->bad >= OA_LADDER_BAD;
}


static bool
oa_ladder_too_slow(oa_ladder_watched_t *rung, const oa_ladder_facts_t *facts,
    int64_t now_ms)
{
    if (!rung->began) {
        if (facts->frames == rung->frames) {
            return now_ms - rung->on_ms >= OA_LADDER_BEGIN_MS;
        }

        rung->began = true;
        oa_ladder_measure(rung, facts, now_ms);
        return false;
    }

    if (facts->lateness_us < rung->lateness_us) {
        rung->lateness_us = facts->lateness_us;
    }

    return now_ms - rung->since_ms >= OA_LADDER_SECOND_MS
           && oa_ladder_second(rung, facts, now_ms);
}


static void
oa_ladder_restart(oa_ladder_watch_t *watch, const oa_ladder_facts_t *facts,
    int64_t now_ms)
{
    unsigned              i;
    oa_ladder_watched_t  *rung;

    for (i = 0; i < watch->nrungs; i++) {
        rung = &watch->rungs[i];

        rung->bad = 0;

        if (rung->began) {
            oa_ladder_measure(rung, &facts[i], now_ms);

        } else {
            rung->on_ms = now_ms;
        }
    }
}


static void
oa_ladder_withdraw(oa_ladder_watched_t *rung, oa_ladder_reason_t reason,
    int64_t now_ms, int64_t pause_ms)
{
    rung->state = OA_LADDER_WITHDRAWN;
    rung->reason = reason;
    rung->heard_ms = now_ms;
    rung->until_ms = now_ms + pause_ms;
}


/* One that went well for as long as the longest pause begins anew. */
static void
oa_ladder_shed(oa_ladder_watched_t *rung, oa_ladder_reason_t reason,
    int64_t now_ms)
{
    if (rung->pause_ms == 0
        || now_ms - rung->on_ms >= OA_LADDER_PAUSE_MAX_MS)
    {
        rung->pause_ms = OA_LADDER_PAUSE_MS;

    } else {
        rung->pause_ms *= 2;
    }

    if (rung->pause_ms > OA_LADDER_PAUSE_MAX_MS) {
        rung->pause_ms = OA_LADDER_PAUSE_MAX_MS;
    }

    rung->sheds++;
    oa_ladder_withdraw(rung, reason, now_ms, rung->pause_ms);
}


static bool
oa_ladder_overload(oa_ladder_watch_t *watch, const oa_ladder_facts_t *facts,
    int64_t now_ms)
{
    unsigned              i;
    oa_ladder_watched_t  *rung, *top;

    top = NULL;

    for (i = 0; i < watch->nrungs; i++) {
        rung = &watch->rungs[i];

        if (rung->state == OA_LADDER_ON
            && oa_ladder_too_slow(rung, &facts[i], now_ms)
            && (top == NULL || rung->slots > top->slots))
        {
            top = rung;
        }
    }

    if (top == NULL || now_ms < watch->settled_ms) {
        return false;
    }

    oa_ladder_shed(top, OA_LADDER_OVERLOADED, now_ms);
    oa_ladder_restart(watch, facts, now_ms);
    watch->settled_ms = now_ms + OA_LADDER_SETTLE_MS;

    return true;
}


static bool
oa_ladder_evict(oa_ladder_watch_t *watch, int64_t now_ms)
{
    bool                  changed;
    unsigned              i;
    oa_ladder_watched_t  *rung;

    changed = false;

    for (i = 0; i < watch->nrungs; i++) {
        rung = &watch->rungs[i];

        if (rung->state != OA_LADDER_WITHDRAWN) {
            oa_ladder_withdraw(rung, OA_LADDER_EVICTED, now_ms,
                               OA_LADDER_RETRY_MS);
            changed = true;
        }
    }

    return changed;
}


static bool
oa_ladder_rest(oa_ladder_watch_t *watch, const oa_ladder_facts_t *facts,
    int64_t now_ms)
{
    bool                  changed;
    int64_t               last_ms;
    unsigned              i;
    oa_ladder_watched_t  *rung;

    changed = false;

    for (i = 0; i < watch->nrungs; i++) {
        rung = &watch->rungs[i];

        if (rung->state != OA_LADDER_ON || rung->mode == OA_LADDER_ALWAYS) {
            continue;
        }

        last_ms = facts[i].wanted_ms;
        if (last_ms < rung->on_ms) {
            last_ms = rung->on_ms;
        }

        if (now_ms - last_ms >= watch->idle_ms) {
            rung->state = OA_LADDER_ASLEEP;
            rung->reason = OA_LADDER_IDLE;
            rung->heard_ms = now_ms;
            changed = true;
        }
    }

    return changed;
}


/* What those that are on take is held; the rest is given back. */
static void
oa_ladder_give_back(oa_ladder_watch_t *watch, const oa_ladder_events_t *events)
{
    unsigned  i;
    uint32_t  sum;

    sum = 0;

    for (i = 0; i < watch->nrungs; i++) {
        if (watch->rungs[i].state == OA_LADDER_ON) {
            sum += watch->rungs[i].slots;
        }
    }

    if (sum < watch->held && events->hold(events->ctx, sum) == OA_OK) {
        watch->held = sum;
    }
}


static bool
oa_ladder_refused(oa_ladder_watched_t *rung, oa_err_t err, int64_t now_ms)
{
    bool                changed;
    oa_ladder_reason_t  reason;

    reason = err == OA_ELIMIT ? OA_LADDER_NO_TIER : OA_LADDER_NO_SLOTS;

    /* who was evicted is still so while there is no room */
    if (rung->reason == OA_LADDER_EVICTED
        && rung->state == OA_LADDER_WITHDRAWN)
    {
        reason = OA_LADDER_EVICTED;
    }

    changed = rung->state != OA_LADDER_WITHDRAWN || rung->reason != reason;
    oa_ladder_withdraw(rung, reason, now_ms, OA_LADDER_RETRY_MS);

    return changed;
}


static void
oa_ladder_begin(oa_ladder_watched_t *rung, const oa_ladder_facts_t *facts,
    int64_t now_ms)
{
    rung->on_ms = now_ms;
    rung->began = false;
    rung->bad = 0;
    oa_ladder_measure(rung, facts, now_ms);
}


static bool
oa_ladder_try_on(oa_ladder_watch_t *watch, oa_ladder_watched_t *rung,
    const oa_ladder_facts_t *facts, int64_t now_ms,
    const oa_ladder_events_t *events)
{
    oa_err_t  err;

    err = events->hold(events->ctx, watch->held + rung->slots);
    if (err != OA_OK) {
        return oa_ladder_refused(rung, err, now_ms);
    }

    watch->held += rung->slots;
    rung->state = OA_LADDER_ON;
    rung->reason = rung->mode == OA_LADDER_ALWAYS ? OA_LADDER_STEADY
                                                  : OA_LADDER_WANTED;
    oa_ladder_begin(rung, facts, now_ms);

    return true;
}


/* A rung that is not on: shall it be? */
static bool
oa_ladder_rise(oa_ladder_watch_t *watch, oa_ladder_watched_t *rung,
    const oa_ladder_facts_t *facts, int64_t now_ms,
    const oa_ladder_events_t *events)
{
    oa_err_t  err;

    if (rung->state == OA_LADDER_WITHDRAWN && now_ms < rung->until_ms) {
        return false;
    }

    if (rung->mode == OA_LADDER_ALWAYS
        || (facts->wanted_ms > rung->heard_ms
            && now_ms - facts->wanted_ms < watch->idle_ms))
    {
        return oa_ladder_try_on(watch, rung, facts, now_ms, events);
    }

    if (rung->state == OA_LADDER_ASLEEP) {
        return false;
    }

    err = events->room(events->ctx, watch->held + rung->slots);
    if (err != OA_OK) {
        return oa_ladder_refused(rung, err, now_ms);
    }

    rung->state = OA_LADDER_ASLEEP;
    rung->reason = OA_LADDER_IDLE;

    return true;
}


/*
 * Of those that are not on and were not looked at yet the next one: such as are
 * always on first, and then the lightest.  NULL: all were.
 */
static oa_ladder_watched_t *
oa_ladder_next(oa_ladder_watch_t *watch, const bool *done)
{
    bool                  first;
    unsigned              i;
    oa_ladder_watched_t  *rung, *next;

    next = NULL;

    for (i = 0; i < watch->nrungs; i++) {
        rung = &watch->rungs[i];

        if (done[i] || rung->state == OA_LADDER_ON) {
            continue;
        }

        first = next == NULL
                || (rung->mode == next->mode
                    ? rung->slots < next->slots
                    : rung->mode == OA_LADDER_ALWAYS);

        if (first) {
            next = rung;
        }
    }

    return next;
}


bool
oa_ladder_watch_look(oa_ladder_watch_t *watch, const oa_ladder_facts_t *facts,
    bool evicted, int64_t now_ms, const oa_ladder_events_t *events)
{
    bool                  changed, done[OA_LADDER_RUNGS];
    unsigned              i;
    oa_ladder_watched_t  *rung;

    if (now_ms - watch->looked_ms >= OA_LADDER_GAP_MS) {
        oa_ladder_restart(watch, facts, now_ms);
    }

    watch->looked_ms = now_ms;

    /* who holds nothing has lost nothing, or knows */
    changed = evicted && watch->held > 0 && oa_ladder_evict(watch, now_ms);
    changed |= watch->shed && oa_ladder_overload(watch, facts, now_ms);
    changed |= oa_ladder_rest(watch, facts, now_ms);
    oa_ladder_give_back(watch, events);

    memset(done, 0, sizeof(done));

    while ((rung = oa_ladder_next(watch, done)) != NULL) {
        i = (unsigned) (rung - watch->rungs);
        done[i] = true;
        changed |= oa_ladder_rise(watch, rung, &facts[i], now_ms, events);
    }

    return changed;
}


void
oa_ladder_watch_init(oa_ladder_watch_t *watch, int64_t idle_ms, bool shed)
{
    memset(watch, 0, sizeof(oa_ladder_watch_t));
    watch->idle_ms = idle_ms;
    watch->shed = shed;
}


void
oa_ladder_watch_add(oa_ladder_watch_t *watch, oa_ladder_mode_t mode,
    uint32_t slots)
{
    oa_ladder_watched_t  *rung;

    if (watch->nrungs == OA_LADDER_RUNGS) {
        return;
    }

    rung = &watch->rungs[watch->nrungs++];
    rung->mode = mode;
    rung->slots = slots;
}


void
oa_ladder_watch_failed(oa_ladder_watch_t *watch, unsigned rung,
    int64_t now_ms)
{
    if (rung < watch->nrungs) {
        oa_ladder_shed(&watch->rungs[rung], OA_LADDER_FAILED, now_ms);
    }
}


void
oa_ladder_watch_begins(oa_ladder_watch_t *watch, unsigned rung,
    const oa_ladder_facts_t *facts, int64_t now_ms)
{
    if (rung < watch->nrungs) {
        oa_ladder_begin(&watch->rungs[rung], facts, now_ms);
    }
}


#define OA_LADDER_REASON_TEXT(name, text)  text,

const char *
oa_ladder_reason_text(oa_ladder_reason_t reason)
{
    static const char *const  texts[] = {
        OA_LADDER_REASONS(OA_LADDER_REASON_TEXT)
    };

    return (unsigned) reason < OA_LADDER_NREASONS ? texts[reason] : "";
}
