
#include "packager/oa_packager_impl.h"

#include <string.h>


/* Looks at the frame rate again after so many frames. */
#define OA_VIDEO_FIRST_LOOK   16
#define OA_VIDEO_NEXT_LOOK    32

/* Composition times of a constant rate are off its grid by rounding only. */
#define OA_VIDEO_ROUNDING_MS  2

/* Frames are not reordered over more than this, whatever a source says. */
#define OA_VIDEO_DELAY_MS     1000

/* GOPs of one length make the next keyframe's place known. */
#define OA_VIDEO_SAME_GOPS    2


oa_err_t
oa_packager_video_config(oa_packager_t *p, const oa_flv_message_t *message,
    oa_flv_refusal_t *refusal)
{
    bool                late, other;
    uint8_t             buf[OA_LIVE_INIT_BYTES];
    oa_err_t            err;
    oa_slice_t          record;
    oa_codec_video_t    picture;
    oa_timeline_rate_t  rate;
    oa_track_t         *t;

    t = &p->video;

    record = message->data;

    err = oa_codec_video_config(message->codec, record, &picture);
    if (err == OA_OK) {
        err = oa_codec_video_record(message->codec, &record, buf, sizeof(buf));
    }

    if (err != OA_OK) {
        oa_packager_refuse(refusal, oa_codec_video(message->codec)->unusable);
        return err;
    }

    if (picture.codec == p->picture.codec && oa_track_has_config(t, record)) {
        return OA_OK;
    }

    late = p->running && !t->configured;
    other = p->running && t->configured && picture.codec != p->picture.codec;

    err = oa_track_set_config(t, record);
    if (err != OA_OK) {
        return err;
    }

    if (p->declared.den == 0 && picture.frame_rate_den != 0
        && oa_timeline_rate_snap(picture.frame_rate_num,
                                 picture.frame_rate_den, &rate))
    {
        p->declared = rate;
    }

    p->picture = picture;
    oa_track_format_video(t, p->rate);

    if (late || other) {
        oa_packager_notice(p, OA_PACKAGER_WARN, late
                           ? "video began late: a new session"
                           : "the video codec changed: a new session");
        return oa_packager_restart(p);
    }

    if (p->running) {
        t->new_init = true;
        t->discontinuity = true;
        p->need_keyframe = true;
        (void) oa_packager_tell_tracks(p);
    }

    return OA_OK;
}


/* Sets the clock to the frame rate known by now. */
void
oa_packager_video_rate(oa_packager_t *p)
{
    oa_track_t  *t;

    t = &p->video;

    t->clock.frame = (uint32_t) oa_rescale(t->conf.timescale, p->rate.den,
                                           p->rate.num);
    t->clock.band = t->clock.frame / 2;
    t->format.frame_rate_num = p->rate.num;
    t->format.frame_rate_den = p->rate.den;
    p->cadence_next = OA_VIDEO_FIRST_LOOK;
}


/*
 * Parts never get longer than their target, so one frame must not last longer
 * than that.  Only a new session can have another target.
 */
static oa_err_t
oa_video_slow_down(oa_packager_t *p, oa_timeline_rate_t rate,
    int64_t step_ms)
{
    p->declared = rate;

    /* what was measured still has the frames of before */
    if (step_ms >= 1000) {
        p->declared = (oa_timeline_rate_t) { 1, 1 };

    } else if (step_ms * rate.num > 1000 * (int64_t) rate.den) {
        (void) oa_timeline_rate_snap(1000, (double) step_ms, &p->declared);
    }

    oa_packager_notice(p, OA_PACKAGER_WARN, "the frames are too few for the "
                       "length of parts: a new session");

    return oa_packager_restart(p);
}


/* p->running is false afterwards when a new session was begun. */
static oa_err_t
oa_video_cadence(oa_packager_t *p, int64_t time, int64_t step_ms)
{
    bool                constant;
    int64_t             target;
    oa_timeline_rate_t  rate;
    oa_track_t         *t;

    t = &p->video;
    oa_timeline_cadence_add(&p->cadence, t->last_ms + t->offset_ms);

    if (p->cadence_next-- > 1) {
        return OA_OK;
    }

    p->cadence_next = OA_VIDEO_NEXT_LOOK;

    if (!oa_timeline_cadence_rate(&p->cadence, p->rate, &rate, &constant)) {
        return OA_OK;
    }

    target = t->conf.part_target;

    if (time - t->clock.next > 2 * target
        && oa_rescale(t->conf.timescale, rate.den, rate.num) > target)
    {
        return oa_video_slow_down(p, rate, step_ms);
    }

    t->clock.constant = constant;
    t->stats.frame_rate_milli = oa_timeline_cadence_milli(&p->cadence);

    if (rate.num * (uint64_t) p->rate.den == p->rate.num * (uint64_t) rate.den)
    {
        return OA_OK;
    }

    p->rate = rate;
    oa_packager_video_rate(p);
    p->cadence_next = OA_VIDEO_NEXT_LOOK;

    /* a playlist shows what the init segment's record says */
    return t->new_init ? OA_OK : oa_track_init(t);
}


/* The longest of the last GOPs, and whether they are much alike. */
static uint64_t
oa_video_longest_gop(const oa_packager_t *p, bool *regular)
{
    unsigned  i;
    uint64_t  longest, shortest;

    longest = p->gop_ms[0];
    shortest = p->gop_ms[0];

    for (i = 1; i < OA_PACKAGER_GOPS; i++) {
        longest = p->gop_ms[i] > longest ? p->gop_ms[i] : longest;
        shortest = p->gop_ms[i] < shortest ? p->gop_ms[i] : shortest;
    }

    *regular = (p->ngops >= OA_PACKAGER_GOPS
                && longest - shortest <= longest / 10);

    return longest;
}


/* How long the GOP that begins here may become, in ticks. */
static uint64_t
oa_video_expected_gop(const oa_packager_t *p)
{
    bool      regular;
    uint64_t  longest;

    longest = oa_video_longest_gop(p, &regular);

    if (!regular && longest < p->conf.segment_target_ms) {
        longest = p->conf.segment_target_ms;
    }

    return oa_track_ticks(&p->video, longest);
}


static bool
oa_video_at_target(const oa_packager_t *p, uint64_t segment_ticks)
{
    return segment_ticks + p->video.clock.frame / 2
           >= oa_track_ticks(&p->video, p->conf.segment_target_ms);
}


/* Whether a keyframe behind so much of a segment begins a new one. */
static bool
oa_video_cut_at_keyframe(const oa_packager_t *p, uint64_t segment_ticks)
{
    return oa_video_at_target(p, segment_ticks)
           || segment_ticks + oa_video_expected_gop(p)
              > oa_track_ticks(&p->video, p->segment_limit_ms);
}


bool
oa_packager_video_forecast(const oa_packager_t *p, int64_t *time_us)
{
    uint64_t           left;
    const oa_track_t  *t;

    t = &p->video;

    if (p->same_gops < OA_VIDEO_SAME_GOPS || !t->segment_open
        || p->need_keyframe || t->discontinuity || t->reanchor
        || p->gop_frames > p->last_gop_frames)
    {
        return false;
    }

    left = (uint64_t) (p->last_gop_frames - p->gop_frames) * t->clock.frame;

    if (!oa_video_cut_at_keyframe(p, t->segment_ticks + left)) {
        return false;
    }

    *time_us = oa_rescale(t->clock.next + (int64_t) (left + t->delay), 1000000,
                          t->conf.timescale);

    return true;
}


/*
 * Whether the segment ends at this part's boundary though no keyframe is
 * there: the next one would come too late.
 */
static bool
oa_video_cut_at_limit(const oa_packager_t *p)
{
    uint64_t           limit, expected;
    const oa_track_t  *t;

    t = &p->video;
    limit = oa_track_ticks(t, p->segment_limit_ms);

    if (t->segment_ticks + t->conf.part_target > limit) {
        return true;
    }

    if (t->segment_ticks < (uint64_t) p->target_duration_s * t->conf.timescale)
    {
        return false;
    }

    expected = p->last_gop_frames > p->gop_frames
               ? (uint64_t) (p->last_gop_frames - p->gop_frames)
                 * t->clock.frame
               : 0;

    return p->ngops > 0 && t->segment_ticks + expected > limit;
}


bool
oa_packager_video_hint(const oa_packager_t *p)
{
    if (oa_video_cut_at_limit(p)) {
        return true;
    }

    /* until it is known better: keyframes where the streamer is told to */
    if (p->ngops < 2) {
        return oa_video_at_target(p, p->video.segment_ticks);
    }

    return p->gop_frames == p->last_gop_frames
           && oa_video_cut_at_keyframe(p, p->video.segment_ticks);
}


/* Notes a keyframe's distance from the one before. */
static void
oa_video_keyframe(oa_packager_t *p, int64_t media_us)
{
    bool  regular;

    if (p->video.stats.keyframes++ > 0 && media_us > p->keyframe_us) {
        p->gop_ms[p->ngops++ % OA_PACKAGER_GOPS]
                             = (uint64_t) (media_us - p->keyframe_us) / 1000;
    }

    p->video.stats.keyframe_interval_ms = oa_video_longest_gop(p, &regular);
    p->keyframe_us = media_us;
    p->same_gops = p->gop_frames == p->last_gop_frames ? p->same_gops + 1 : 0;
    p->last_gop_frames = p->gop_frames;
    p->gop_frames = 0;
}


static void
oa_video_tell_limit(oa_packager_t *p)
{
    if (!p->told_keyframes) {
        p->told_keyframes = true;
        oa_packager_notice(p, OA_PACKAGER_WARN, "keyframes are too far apart: "
                           "segments are cut without one; "
                           "set the encoder's keyframe interval to 2 s");
    }
}


/* Ends the segment where it must end, and places the clock anew. */
static oa_err_t
oa_video_cut(oa_packager_t *p, int64_t time, bool keyframe)
{
    bool         discontinuity, far;
    oa_err_t     err;
    oa_track_t  *t;

    t = &p->video;
    far = keyframe && t->segment_open && !t->reanchor
          && oa_track_far_behind(t, time);
    t->reanchor |= far;
    t->discontinuity |= far;
    discontinuity = t->discontinuity && keyframe;

    if (t->segment_open && !discontinuity && !(t->reanchor && keyframe)
        && !(keyframe && oa_video_cut_at_keyframe(p, t->segment_ticks)))
    {
        if (t->nsamples != 0 || !oa_video_cut_at_limit(p)) {
            return OA_OK;
        }

        if (!keyframe) {
            oa_video_tell_limit(p);
        }
    }

    err = oa_track_cut(t);
    if (err != OA_OK) {
        return err;
    }

    if (t->reanchor) {
        t->clock.next = time > t->clock.next ? time : t->clock.next;
        t->clock.mean_lag = 0;
        t->reanchor = false;
    }

    return oa_packager_audio_follow(p, oa_rescale(t->clock.next + t->delay,
                                                  1000000, t->conf.timescale),
                                    discontinuity && (t->new_init || far));
}


/* pts - dts in ticks; on the frame rate's grid where it has one. */
static int64_t
oa_video_composition(const oa_packager_t *p, int32_t composition_ms)
{
    int64_t            ticks, snapped, off, rounding;
    const oa_track_t  *t;

    t = &p->video;
    ticks = (int64_t) composition_ms * t->conf.timescale / 1000;

    if (!t->clock.constant) {
        return ticks;
    }

    snapped = oa_rescale(ticks, 1, t->clock.frame) * t->clock.frame;
    rounding = (int64_t) oa_track_ticks(t, OA_VIDEO_ROUNDING_MS);
    off = ticks - snapped;

    return off <= rounding && -off <= rounding ? snapped : ticks;
}


/*
 * A source with B-frames shows its keyframes some frames after they are
 * decoded.  It stays as it is first seen, as one line of media time does.
 */
static void
oa_video_delay(oa_packager_t *p, int64_t composition)
{
    int64_t  most;

    most = (int64_t) oa_track_ticks(&p->video, OA_VIDEO_DELAY_MS);

    p->video.delay = composition > 0 && composition <= most
                     ? (uint32_t) composition : 0;
}


static int32_t
oa_video_clip(int64_t ticks)
{
    return ticks > INT32_MAX ? INT32_MAX
           : ticks < INT32_MIN ? INT32_MIN : (int32_t) ticks;
}


/* Frames that the source's cadence lacks between this one and the last. */
static void
oa_video_count_dropped(oa_packager_t *p, int64_t step_ms)
{
    int64_t  step, frame;

    frame = p->video.clock.frame;
    step = (int64_t) oa_track_ticks(&p->video, step_ms > 0
                                               ? (uint64_t) step_ms : 0);

    if (p->video.clock.constant && step * 2 > frame * 3) {
        p->video.stats.dropped_frames += (uint64_t) ((step + frame / 2) / frame
                                                     - 1);
    }
}


/*
 * Parameter sets in the samples that the init segment does not have: from the
 * next keyframe on there is another one, which says so.
 */
static void
oa_video_new_parameters(oa_packager_t *p)
{
    oa_codec_video_in_band(&p->picture);
    memcpy(p->video.format.codecs, p->picture.string,
           sizeof(p->video.format.codecs));
    p->video.new_init = true;
    p->video.discontinuity = p->video.segment_open;
}


static oa_err_t
oa_video_inspect(oa_packager_t *p, const oa_flv_message_t *message,
    oa_codec_sample_t *sample)
{
    oa_err_t    err;
    oa_slice_t  record;

    if (message->codec != p->picture.codec) {
        return OA_EINVAL;
    }

    record = oa_slice(p->video.config.data, p->video.config.size);

    err = oa_codec_video_sample(&p->picture, record, message->data,
                                message->keyframe, sample);
    if (err != OA_OK) {
        return err;
    }

    if (!sample->new_parameters) {
        return OA_OK;
    }

    oa_video_new_parameters(p);

    /* now with those, too, that stand in the record, as all follow them */
    return oa_codec_video_sample(&p->picture, record, message->data,
                                 message->keyframe, sample);
}


/* Whether a frame could not be shown by anybody. */
static bool
oa_video_useless(oa_packager_t *p, const oa_codec_sample_t *sample)
{
    if (sample->sync) {
        p->drop_leading = p->need_keyframe || sample->closing;
        return false;
    }

    return p->need_keyframe || (sample->leading && p->drop_leading);
}


oa_err_t
oa_packager_video_frame(oa_packager_t *p, const oa_flv_message_t *message,
    uint32_t timestamp_ms, int64_t unix_us)
{
    bool                 sync, stamped;
    int64_t              time, before_ms, step_ms, composition;
    oa_err_t             err;
    oa_codec_sample_t    sample;
    oa_track_t          *t;
    oa_timeline_place_t  place;

    t = &p->video;

    err = oa_video_inspect(p, message, &sample);
    if (err != OA_OK || !sample.picture) {
        return err;
    }

    sync = sample.sync;
    stamped = t->stamped;
    before_ms = t->last_ms + t->offset_ms;
    time = oa_packager_time(p, t, timestamp_ms, unix_us);

    if (oa_video_useless(p, &sample)) {
        t->stats.dropped_frames++;
        return OA_OK;
    }

    step_ms = stamped ? t->last_ms + t->offset_ms - before_ms : 0;
    oa_video_count_dropped(p, step_ms);

    err = oa_video_cadence(p, time, step_ms);
    if (err != OA_OK || !p->running) {
        return err;
    }

    composition = oa_video_composition(p, message->composition_ms);

    if (t->reanchor && sync) {
        oa_video_delay(p, composition);
    }

    err = oa_video_cut(p, time, sync);
    if (err != OA_OK) {
        return err;
    }

    if (sync) {
        p->need_keyframe = false;
        oa_video_keyframe(p, oa_rescale(t->clock.next, 1000000,
                                        t->conf.timescale));
    }

    p->gop_frames++;
    place = oa_timeline_place(&t->clock, time, t->filled,
                              t->conf.part_target);

    return oa_packager_add(p, t, &sample, &place,
                           oa_video_clip(composition + place.shift));
}
