
#include "ladder/oa_ladder_plan.h"

#include <string.h>


#define OA_LADDER_MIN_SIDE     16
#define OA_LADDER_MAX_SIDE     8192

/* What is above a maximum by less counts as not above it, per mille. */
#define OA_LADDER_RATE_SLACK   5

/* Of a source that does not tell its rate. */
#define OA_LADDER_RATE_NUM     30

/* More frames than this no part has room for. */
#define OA_LADDER_MAX_FRAMES   600


/* The picture as it is seen, with square pixels. */
typedef struct {
    uint64_t   width;
    uint64_t   height;
} oa_ladder_picture_t;


static const char  oa_ladder_like_another[] = "another one comes out alike";


static oa_ladder_picture_t
oa_ladder_seen(const oa_ladder_source_t *source)
{
    oa_ladder_picture_t  seen;

    seen.width = source->width;
    seen.height = source->height;

    if (source->sar_width != 0 && source->sar_height != 0) {
        seen.width = (uint64_t) oa_rescale(source->width, source->sar_width,
                                           source->sar_height);
    }

    return seen;
}


static uint64_t
oa_ladder_shorter(const oa_ladder_picture_t *seen)
{
    return seen->width < seen->height ? seen->width : seen->height;
}


/* To the nearest even number. */
static uint64_t
oa_ladder_even(uint64_t side, uint64_t num, uint64_t den)
{
    return 2 * (uint64_t) oa_rescale((int64_t) side, (int64_t) num,
                                     2 * (int64_t) den);
}


/* The picture, times num / den. */
static oa_ladder_picture_t
oa_ladder_scaled(const oa_ladder_picture_t *seen, uint64_t num, uint64_t den)
{
    oa_ladder_picture_t  size;

    size.width = oa_ladder_even(seen->width, num, den);
    size.height = oa_ladder_even(seen->height, num, den);

    return size;
}


static oa_ladder_picture_t
oa_ladder_size(const oa_ladder_picture_t *seen, const oa_ladder_conf_t *conf)
{
    uint64_t  width, height;

    if (conf->width == 0) {
        return oa_ladder_scaled(seen, conf->height, oa_ladder_shorter(seen));
    }

    width = conf->width;
    height = conf->height;

    if ((seen->width < seen->height) != (width < height)) {
        width = conf->height;
        height = conf->width;
    }

    return seen->width * height >= seen->height * width
           ? oa_ladder_scaled(seen, width, seen->width)
           : oa_ladder_scaled(seen, height, seen->height);
}


/* A side that is odd, or a line less, does not make it larger. */
static bool
oa_ladder_larger(const oa_ladder_picture_t *size,
    const oa_ladder_picture_t *seen)
{
    return size->width > seen->width + 1 || size->height > seen->height + 1;
}


static bool
oa_ladder_as_large(const oa_ladder_picture_t *size,
    const oa_ladder_picture_t *seen)
{
    return size->width + 1 >= seen->width && size->height + 1 >= seen->height;
}


static uint32_t
oa_ladder_divisor(oa_timeline_rate_t rate, uint32_t max_rate_milli)
{
    uint64_t  num, den;

    if (max_rate_milli == 0) {
        return 1;
    }

    /* the smallest n with  rate / n <= max * 1.005 */
    num = (uint64_t) rate.num * 1000 * 1000;
    den = (uint64_t) rate.den * max_rate_milli
          * (1000 + OA_LADDER_RATE_SLACK);

    return num <= den ? 1 : (uint32_t) ((num + den - 1) / den);
}


static uint32_t
oa_ladder_work(const oa_ladder_rung_t *rung)
{
    uint64_t  pixels, slots;

    pixels = (uint64_t) rung->width * rung->height;
    slots = (uint64_t) oa_rescale((int64_t) pixels * OA_LADDER_SLOT,
                                  rung->rate.num,
                                  (int64_t) rung->rate.den
                                  * OA_LADDER_SLOT_PIXELS);

    return slots ? (uint32_t) slots : 1;
}


static const char *
oa_ladder_video(const oa_ladder_source_t *source, oa_timeline_rate_t rate,
    const oa_ladder_conf_t *conf, oa_ladder_rung_t *rung)
{
    oa_ladder_picture_t  seen, size;

    seen = oa_ladder_seen(source);
    if (!source->has_video || seen.width == 0 || seen.height == 0) {
        return "the source has no picture";
    }

    if (source->hdr && conf->codec == OA_CODEC_AVC) {
        return "H.264 cannot show a source that is HDR";
    }

    size = oa_ladder_size(&seen, conf);

    if (oa_ladder_larger(&size, &seen)) {
        return "it is larger than the source";
    }

    if (size.width < OA_LADDER_MIN_SIDE || size.height < OA_LADDER_MIN_SIDE
        || size.width > OA_LADDER_MAX_SIDE
        || size.height > OA_LADDER_MAX_SIDE)
    {
        return "a side would be too short or too long";
    }

    rung->width = (uint32_t) size.width;
    rung->height = (uint32_t) size.height;
    rung->divisor = oa_ladder_divisor(rate, conf->max_rate_milli);
    rung->rate.num = rate.num;
    rung->rate.den = rate.den * rung->divisor;
    rung->slots = oa_ladder_work(rung);

    if (rung->divisor == 1 && conf->codec == source->codec
        && oa_ladder_as_large(&size, &seen)
        && (source->bitrate == 0
            || conf->bitrate > source->bitrate - source->bitrate / 4))
    {
        return "it is as large as the source";
    }

    return NULL;
}


static const char *
oa_ladder_audio(const oa_ladder_source_t *source, oa_ladder_rung_t *rung)
{
    rung->divisor = 1;
    rung->slots = OA_LADDER_AUDIO_SLOTS;

    return source->has_audio ? NULL : "the source has no sound";
}


static bool
oa_ladder_alike(const oa_ladder_conf_t *confs, const oa_ladder_rung_t *a,
    const oa_ladder_rung_t *b)
{
    if (confs[a->conf].height == 0 || confs[b->conf].height == 0) {
        return false;
    }

    return a->width == b->width && a->height == b->height
           && a->divisor == b->divisor
           && confs[a->conf].codec == confs[b->conf].codec;
}


/* Of two that are alike. */
static bool
oa_ladder_better(const oa_ladder_conf_t *a, const oa_ladder_conf_t *b)
{
    uint32_t  max_a, max_b;

    max_a = a->max_rate_milli ? a->max_rate_milli : UINT32_MAX;
    max_b = b->max_rate_milli ? b->max_rate_milli : UINT32_MAX;

    return max_a != max_b ? max_a < max_b : a->bitrate < b->bitrate;
}


static void
oa_ladder_remove(oa_ladder_plan_t *plan, unsigned i)
{
    plan->nrungs--;
    memmove(&plan->rungs[i], &plan->rungs[i + 1],
            (plan->nrungs - i) * sizeof(oa_ladder_rung_t));
}


/* Adds a rung, unless there is a better one like it; a worse one goes. */
static void
oa_ladder_add(oa_ladder_plan_t *plan, const oa_ladder_conf_t *confs,
    const oa_ladder_rung_t *rung)
{
    unsigned   i, other;

    for (i = 0; i < plan->nrungs; i++) {
        if (!oa_ladder_alike(confs, rung, &plan->rungs[i])) {
            continue;
        }

        other = plan->rungs[i].conf;

        if (!oa_ladder_better(&confs[rung->conf], &confs[other])) {
            plan->left_out[rung->conf] = oa_ladder_like_another;
            return;
        }

        plan->left_out[other] = oa_ladder_like_another;
        oa_ladder_remove(plan, i);
        break;
    }

    plan->rungs[plan->nrungs++] = *rung;
}


static unsigned
oa_ladder_part_frames(const oa_ladder_plan_t *plan)
{
    unsigned  i, n, step;

    n = 1;

    for (i = 0; i < plan->nrungs; i++) {
        for (step = n; n % plan->rungs[i].divisor != 0; n += step) {
            if (n > OA_LADDER_MAX_FRAMES) {
                return 1;
            }
        }
    }

    return n;
}


void
oa_ladder_plan(const oa_ladder_source_t *source,
    const oa_ladder_conf_t *confs, unsigned nconfs, oa_ladder_plan_t *plan)
{
    unsigned             i;
    const char          *reason;
    oa_ladder_rung_t     rung;
    oa_timeline_rate_t   rate;

    memset(plan, 0, sizeof(oa_ladder_plan_t));

    rate = source->rate;

    if (rate.num == 0 || rate.den == 0) {
        rate.num = OA_LADDER_RATE_NUM;
        rate.den = 1;
    }

    for (i = 0; i < nconfs; i++) {
        memset(&rung, 0, sizeof(oa_ladder_rung_t));
        rung.conf = i;

        if (confs[i].mode == OA_LADDER_NEVER) {
            reason = "it is switched off";

        } else if (confs[i].height != 0) {
            reason = oa_ladder_video(source, rate, &confs[i], &rung);

        } else {
            reason = oa_ladder_audio(source, &rung);
        }

        if (reason != NULL) {
            plan->left_out[i] = reason;
            continue;
        }

        oa_ladder_add(plan, confs, &rung);
    }

    plan->part_frames = oa_ladder_part_frames(plan);
}
