
/*
 * A source whose first decode times are squashed: an encoder that reorders
 * frames gives the first ones decode times below 0, and some muxers (that of
 * GStreamer) write 0 for all of them.  Later frames then have more delay from
 * decoding to presentation than the first keyframe, and the dates of the video
 * would be off by the difference for the whole session.
 */


#include "packager/oa_packager_impl.h"

#include <string.h>


/* Frames that tell it all: reordering over three, and as many to settle. */
#define OA_SETTLE_FRAMES  8

/* By which two timestamps of whole milliseconds may be too near. */
#define OA_SETTLE_ROUNDING_MS  2


typedef struct {
    oa_packager_pending_t  *held;
    int64_t                 decode_ms;
    int64_t                 present_ms;
} oa_settle_frame_t;


typedef struct {
    oa_settle_frame_t  frames[OA_SETTLE_FRAMES];   /* in decoding order */
    int64_t            present_ms[OA_SETTLE_FRAMES];     /* in their own */
    unsigned           count;
} oa_settle_t;


static void
oa_settle_add(oa_settle_t *s, oa_packager_pending_t *held, int64_t decode_ms,
    int32_t composition_ms)
{
    unsigned            i;
    oa_settle_frame_t  *frame;

    frame = &s->frames[s->count];
    frame->held = held;
    frame->decode_ms = decode_ms;
    frame->present_ms = decode_ms + composition_ms;

    for (i = s->count++; i > 0; i--) {
        if (s->present_ms[i - 1] <= frame->present_ms) {
            break;
        }

        s->present_ms[i] = s->present_ms[i - 1];
    }

    s->present_ms[i] = frame->present_ms;
}


/* The first frames of the video among what is held. */
static void
oa_settle_read(const oa_packager_t *p, oa_settle_t *s)
{
    oa_flv_message_t        message;
    oa_timeline_unwrap_t    unwrap;
    oa_packager_pending_t  *held;

    s->count = 0;

    for (held = p->pending; held != NULL; held = held->next) {
        if (held->kind != OA_LIVE_VIDEO
            || oa_flv_video_parse(oa_slice(held->body, held->size), &message,
                                  NULL) != OA_OK)
        {
            continue;
        }

        if (s->count == 0) {
            oa_timeline_unwrap_init(&unwrap, held->timestamp_ms);
        }

        oa_settle_add(s, held, oa_timeline_unwrap(&unwrap, held->timestamp_ms),
                      message.composition_ms);

        if (s->count == OA_SETTLE_FRAMES) {
            return;
        }
    }
}


/*
 * Whether a frame comes sooner after the one before than frames do: by how
 * much follows from how far below 0 the first one's time was.
 */
static bool
oa_settle_squashed(const oa_packager_t *p, const oa_settle_t *s)
{
    int64_t   step_ms, frame_ms;
    unsigned  i;

    frame_ms = p->declared.den != 0
               ? oa_rescale(1000, p->declared.den, p->declared.num) : 8;

    for (i = 1; i < s->count; i++) {
        step_ms = s->frames[i].decode_ms - s->frames[i - 1].decode_ms;

        if (step_ms >= 0
            && (step_ms * 2 < frame_ms
                || step_ms + OA_SETTLE_ROUNDING_MS < frame_ms))
        {
            return true;
        }
    }

    return false;
}


bool
oa_packager_settled(const oa_packager_t *p)
{
    oa_settle_t  s;

    /* two frames at the same time are the sign, and cost no viewer a wait */
    if (p->video.held.frames >= OA_SETTLE_FRAMES) {
        return true;
    }

    if (p->video.held.frames < 2) {
        return false;
    }

    oa_settle_read(p, &s);

    return !oa_settle_squashed(p, &s);
}


/*
 * The k-th frame decoded makes way for the k-th one shown.  Those shown up to
 * the last decode time are all known; of the settled ones among them that
 * distance is the source's delay.
 */
void
oa_packager_settle(oa_packager_t *p)
{
    int64_t      delay_ms, distance_ms;
    unsigned     i, known;
    oa_settle_t  s;

    oa_settle_read(p, &s);

    if (s.count < 2 || !oa_settle_squashed(p, &s)) {
        return;
    }

    delay_ms = 0;

    for (known = 0; known < s.count; known++) {
        if (s.present_ms[known] > s.frames[s.count - 1].decode_ms) {
            break;
        }

        distance_ms = s.present_ms[known] - s.frames[known].decode_ms;
        delay_ms = distance_ms > delay_ms ? distance_ms : delay_ms;
    }

    for (i = 0; i < known; i++) {
        distance_ms = s.present_ms[i] - s.frames[i].decode_ms;
        s.frames[i].held->earlier_ms = (int32_t) (delay_ms - distance_ms);
    }
}
