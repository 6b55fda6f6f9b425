
/* Inside of the packager: shared by its files only. */


#ifndef OA_PACKAGER_IMPL_H
#define OA_PACKAGER_IMPL_H


#include "live/oa_live_health.h"
#include "packager/oa_packager.h"
#include "packager/oa_track.h"


/*
 * Every usual frame rate has a whole number of ticks here, the ones over 1001
 * included, and so has a millisecond.
 */
#define OA_PACKAGER_VIDEO_TIMESCALE  360000

#define OA_PACKAGER_MAX_CUTS         8
#define OA_PACKAGER_GOPS             4


/* Where the audio follows the video into a new segment. */
typedef struct {
    int64_t                    time_us;          /* media time */
    bool                       discontinuity;
} oa_packager_cut_t;


typedef struct oa_packager_pending_s  oa_packager_pending_t;

struct oa_packager_pending_s {
    oa_packager_pending_t     *next;
    oa_live_kind_t             kind;
    uint32_t                   timestamp_ms;
    int32_t                    earlier_ms;   /* is decoded, than it says */
    int64_t                    unix_us;
    size_t                     size;
    uint8_t                    body[];
};


struct oa_packager_s {
    oa_live_t                 *live;
    oa_live_session_t          session;
    bool                       resumed;
    oa_packager_conf_t         conf;
    oa_mem_t                   mem;
    oa_packager_events_t       events;

    bool                       running;      /* tracks are known */
    unsigned                   part_multiple;    /* of frames, of video */
    int64_t                    epoch_unix_us;
    int64_t                    anchor_us;    /* media time of timestamp 0 */
    uint64_t                   segment_limit_ms;  /* rounds to the target */
    uint32_t                   target_duration_s;

    /* messages that arrived before the tracks were known */
    oa_packager_pending_t     *pending;
    oa_packager_pending_t    **pending_last;
    size_t                     pending_bytes;
    bool                       has_metadata;
    oa_amf_metadata_t          metadata;
    oa_live_metadata_t         said;         /* the same, for others */

    bool                       clocked;
    uint64_t                   second;       /* not yet recorded */

    oa_track_t        video;
    oa_track_t        audio;

    /* video */
    oa_codec_video_t           picture;
    oa_timeline_rate_t         declared;
    oa_timeline_rate_t         rate;
    oa_timeline_cadence_t      cadence;
    unsigned                   cadence_next; /* frames until the next look */
    bool                       need_keyframe;
    bool                       drop_leading; /* nobody can decode them */
    bool                       told_keyframes;
    uint32_t                   gop_frames;   /* since the last keyframe */
    uint32_t                   last_gop_frames;
    uint32_t                   same_gops;    /* in a row, of this length */
    int64_t                    keyframe_us;  /* media time of the last one */
    uint64_t                   gop_ms[OA_PACKAGER_GOPS];
    unsigned                   ngops;

    /* audio */
    oa_codec_audio_t           sound;
    oa_packager_cut_t          cuts[OA_PACKAGER_MAX_CUTS];
    unsigned                   ncuts;
    int64_t                    forecast_us;  /* cut at already; or -1 */
    bool                       audio_waits;  /* to begin with the video */
    int64_t                    audio_waited_ms;  /* since when */

    /* the last jump of the source's timestamps, to be applied to both */
    int64_t                    jump_step_ms;
    int64_t                    jump_offset_ms;
    int64_t                    jump_unix_us;
};


OA_BEGIN_DECLS


/* --- oa_packager.c --------------------------------------------------- */

void oa_packager_notice(oa_packager_t *p, oa_packager_level_t level,
    const char *text);

/* Adds a placed frame to its track, and stores the part once it is full. */
OA_MUST_CHECK oa_err_t oa_packager_add(oa_packager_t *p, oa_track_t *t,
    const oa_codec_sample_t *sample, const oa_timeline_place_t *place,
    int32_t composition);

/* Says why in *refusal, which may be NULL. */
void oa_packager_refuse(oa_flv_refusal_t *refusal, const char *reason);

/* The tracks changed: asks for a new session and waits to start on it. */
OA_MUST_CHECK oa_err_t oa_packager_restart(oa_packager_t *p);


/* --- oa_start.c ------------------------------------------------------ */

/* Keeps a message until oa_packager_ready(). */
OA_MUST_CHECK oa_err_t oa_packager_hold(oa_packager_t *p, oa_live_kind_t kind,
    oa_slice_t body, uint32_t timestamp_ms, int64_t unix_us);
bool oa_packager_ready(const oa_packager_t *p);
void oa_packager_pending_free(oa_packager_t *p);

/* Makes or finds the renditions, and sets the clocks. */
OA_MUST_CHECK oa_err_t oa_packager_start(oa_packager_t *p);


/* --- oa_health.c ----------------------------------------------------- */

/* Records the second that runs, as far as it came. */
void oa_packager_health(oa_packager_t *p);


/* --- oa_settle.c ----------------------------------------------------- */

/* Whether the first decode times of the video are what they seem. */
bool oa_packager_settled(const oa_packager_t *p);

/* Finds the true ones where they are not: earlier_ms of what is held. */
void oa_packager_settle(oa_packager_t *p);


/* --- oa_tell.c ------------------------------------------------------- */

/* For who makes further renditions; what the frames of a part are to be of. */
unsigned oa_packager_tell_tracks(oa_packager_t *p);

/* The frame that was just added, while its part is open. */
void oa_packager_frame_set(oa_packager_frame_t *frame, const oa_track_t *t,
    const oa_codec_sample_t *sample, const oa_timeline_place_t *place,
    int32_t composition);


/* --- oa_source.c ----------------------------------------------------- */

/* Source time to media time in ticks; notices gaps and jumps. */
int64_t oa_packager_time(oa_packager_t *p, oa_track_t *t,
    uint32_t timestamp_ms, int64_t unix_us);


/* --- oa_video.c, oa_audio.c ------------------------------------------ */

OA_MUST_CHECK oa_err_t oa_packager_video_config(oa_packager_t *p,
    const oa_flv_message_t *message, oa_flv_refusal_t *refusal);
OA_MUST_CHECK oa_err_t oa_packager_video_frame(oa_packager_t *p,
    const oa_flv_message_t *message, uint32_t timestamp_ms, int64_t unix_us);
void oa_packager_video_rate(oa_packager_t *p);
bool oa_packager_video_hint(const oa_packager_t *p);

/*
 * When the next segment of a regular source will be presented, before its
 * keyframe is there.  false: the source is not that regular.
 */
bool oa_packager_video_forecast(const oa_packager_t *p, int64_t *time_us);

OA_MUST_CHECK oa_err_t oa_packager_audio_config(oa_packager_t *p,
    const oa_flv_message_t *message, oa_flv_refusal_t *refusal);
OA_MUST_CHECK oa_err_t oa_packager_audio_frame(oa_packager_t *p,
    const oa_flv_message_t *message, uint32_t timestamp_ms, int64_t unix_us);

/* The first packet of those that are held tells how long they last. */
void oa_packager_audio_measure(oa_packager_t *p, oa_slice_t packet);

/* The packets to be placed last so long, in ticks. */
void oa_packager_audio_packet(oa_packager_t *p, uint32_t samples);

/* The audio begins anew, in step with the video where there is one. */
void oa_packager_audio_wait(oa_packager_t *p);
OA_MUST_CHECK oa_err_t oa_packager_audio_follow(oa_packager_t *p,
    int64_t time_us, bool discontinuity);
bool oa_packager_audio_hint(const oa_packager_t *p);


OA_END_DECLS


#endif /* OA_PACKAGER_IMPL_H */
