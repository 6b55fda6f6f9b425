
#include "status/oa_status.h"

#include "ladder/oa_ladder_watch.h"


#define OA_STATUS_KEYFRAME_SLACK_MS     100
#define OA_STATUS_KEYFRAME_ADVICE_S     2
#define OA_STATUS_DROPPED_MIN           10
#define OA_STATUS_DROPPED_PER_MILLE     5
#define OA_STATUS_LATE_MIN              30
#define OA_STATUS_LATE_PER_MILLE        50
#define OA_STATUS_RATE_PER_MILLE        100
#define OA_STATUS_RATE_MIN_FRAMES       150


/* A sentence under construction; longer than any below. */
typedef struct {
    uint8_t       text[256];
    oa_writer_t   w;
} oa_status_sentence_t;


static oa_writer_t *
oa_status_sentence(oa_status_sentence_t *s, const oa_status_rendition_t *r)
{
    oa_writer_init(&s->w, s->text, sizeof(s->text));
    oa_write_str(&s->w, r->conf.name);
    oa_write_str(&s->w, ": ");

    return &s->w;
}


static void
oa_status_say(oa_json_t *json, const oa_status_sentence_t *s)
{
    oa_json_slice(json, oa_writer_slice(&s->w));
}


static uint64_t
oa_status_per_mille(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0
                      : (uint64_t) oa_rescale((int64_t) part, 1000,
                                              (int64_t) whole);
}


static void
oa_status_keyframes(oa_json_t *json, const oa_status_rendition_t *r,
    uint32_t target_duration_s)
{
    uint32_t               advice_s;
    oa_writer_t           *w;
    oa_status_sentence_t   s;

    if (r->stats.keyframe_interval_ms
        <= (uint64_t) target_duration_s * 1000 + OA_STATUS_KEYFRAME_SLACK_MS)
    {
        return;
    }

    advice_s = OA_STATUS_KEYFRAME_ADVICE_S;
    if (target_duration_s != 0 && target_duration_s < advice_s) {
        advice_s = target_duration_s;
    }

    w = oa_status_sentence(&s, r);
    oa_write_str(w, "keyframes are ");
    oa_write_seconds(w, r->stats.keyframe_interval_ms, 1000, 1);
    oa_write_str(w, " s apart, so viewers wait for a picture; set the "
                    "encoder's keyframe interval to ");
    oa_write_dec(w, advice_s);
    oa_write_str(w, " s");
    oa_status_say(json, &s);
}


static void
oa_status_dropped(oa_json_t *json, const oa_status_rendition_t *r)
{
    uint64_t               per_mille, dropped;
    oa_writer_t           *w;
    oa_status_sentence_t   s;

    dropped = r->stats.dropped_frames;
    per_mille = oa_status_per_mille(dropped, r->stats.frames + dropped);

    if (dropped < OA_STATUS_DROPPED_MIN
        || per_mille < OA_STATUS_DROPPED_PER_MILLE)
    {
        return;
    }

    w = oa_status_sentence(&s, r);
    oa_write_dec(w, dropped);
    oa_write_str(w, " frames (");
    oa_write_seconds(w, per_mille, 10, 1);
    oa_write_str(w, " %) never came; lower the encoder's bitrate or load");
    oa_status_say(json, &s);
}


static void
oa_status_late(oa_json_t *json, const oa_status_rendition_t *r)
{
    uint64_t               per_mille;
    oa_writer_t           *w;
    oa_status_sentence_t   s;

    per_mille = oa_status_per_mille(r->stats.late_frames, r->stats.frames);

    if (r->stats.late_frames < OA_STATUS_LATE_MIN
        || per_mille < OA_STATUS_LATE_PER_MILLE)
    {
        return;
    }

    w = oa_status_sentence(&s, r);
    oa_write_seconds(w, per_mille, 10, 1);
    oa_write_str(w, " % of the frames came late; the uplink is unsteady");
    oa_status_say(json, &s);
}


static void
oa_status_jumps(oa_json_t *json, const oa_status_rendition_t *r)
{
    oa_writer_t           *w;
    oa_status_sentence_t   s;

    if (r->stats.timestamp_jumps == 0) {
        return;
    }

    w = oa_status_sentence(&s, r);
    oa_write_str(w, "timestamps jumped ");
    oa_write_dec(w, r->stats.timestamp_jumps);
    oa_write_str(w, r->stats.timestamp_jumps == 1 ? " time" : " times");
    oa_write_str(w, "; look at the encoder's clock and sources");
    oa_status_say(json, &s);
}


/* What arrives against what the stream says it is. */
static void
oa_status_rate(oa_json_t *json, const oa_status_rendition_t *r)
{
    uint64_t               declared, measured, apart;
    oa_writer_t           *w;
    oa_status_sentence_t   s;

    if (r->format.frame_rate_den == 0 || r->stats.frame_rate_milli == 0
        || r->stats.frames < OA_STATUS_RATE_MIN_FRAMES)
    {
        return;
    }

    declared = (uint64_t) oa_rescale(r->format.frame_rate_num, 1000,
                                     r->format.frame_rate_den);
    measured = r->stats.frame_rate_milli;
    apart = declared > measured ? declared - measured : measured - declared;

    if (oa_status_per_mille(apart, declared) < OA_STATUS_RATE_PER_MILLE) {
        return;
    }

    w = oa_status_sentence(&s, r);
    oa_write_seconds(w, measured, 1000, 2);
    oa_write_str(w, " frames a second arrive, ");
    oa_write_seconds(w, declared, 1000, 2);
    oa_write_str(w, " are declared; the encoder does not keep up");
    oa_status_say(json, &s);
}


/* What the streamer can do nothing about, but should know. */
static void
oa_status_rung_state_warning(oa_json_t *json, const oa_status_rendition_t *r)
{
    oa_writer_t           *w;
    oa_status_sentence_t   s;

    if (r->rung.state != OA_LADDER_WITHDRAWN) {
        return;
    }

    w = oa_status_sentence(&s, r);

    switch (r->rung.reason) {

    case OA_LADDER_OVERLOADED:
        oa_write_str(w, "the server is too slow for this quality and has left "
                        "it out for a while");
        break;

    case OA_LADDER_FAILED:
        oa_write_str(w, "the server could not make this quality and has left "
                        "it out for a while");
        break;

    case OA_LADDER_EVICTED:
        oa_write_str(w, "the server needs its capacity for others; viewers "
                        "get the source only");
        break;

    default:
        return;
    }

    oa_status_say(json, &s);
}


static void
oa_status_rung_dropped(oa_json_t *json, const oa_status_rendition_t *r)
{
    uint64_t               per_mille, dropped;
    oa_writer_t           *w;
    oa_status_sentence_t   s;

    dropped = r->rung.late + r->rung.full + r->rung.unstored;
    per_mille = oa_status_per_mille(dropped, r->rung.frames + dropped);

    if (dropped < OA_STATUS_DROPPED_MIN
        || per_mille < OA_STATUS_DROPPED_PER_MILLE)
    {
        return;
    }

    w = oa_status_sentence(&s, r);
    oa_write_str(w, "the server has dropped ");
    oa_write_dec(w, dropped);
    oa_write_str(w, " frames (");
    oa_write_seconds(w, per_mille, 10, 1);
    oa_write_str(w, " %) of this quality; it is overloaded");
    oa_status_say(json, &s);
}


void
oa_status_warnings(oa_json_t *json, const oa_status_rendition_t *r,
    uint32_t target_duration_s)
{
    /* of what is wrong with the source, its own renditions tell */
    if (r->rung.made) {
        oa_status_rung_state_warning(json, r);
        oa_status_rung_dropped(json, r);
        return;
    }

    if (r->conf.kind == OA_LIVE_VIDEO) {
        oa_status_keyframes(json, r, target_duration_s);
        oa_status_rate(json, r);
    }

    oa_status_dropped(json, r);
    oa_status_late(json, r);
    oa_status_jumps(json, r);
}
