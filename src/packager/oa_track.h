
/*
 * A rendition that is written: coded frames with their times in, parts and
 * segments in the live store out.  Private to src/packager.
 */


#ifndef OA_TRACK_H
#define OA_TRACK_H


#include "cmaf/oa_cmaf.h"
#include "codec/oa_codec.h"
#include "live/oa_live.h"
#include "timeline/oa_timeline.h"


#define OA_TRACK_MAX_SAMPLES  1024           /* in one part */


/* A growable piece of memory. */
typedef struct {
    uint8_t                   *data;
    size_t                     size;
    size_t                     capacity;
} oa_track_buf_t;


/* The frames of a track among those that wait for the tracks to be known. */
typedef struct {
    unsigned                   frames;
    uint32_t                   first_ms;     /* timestamps */
    uint32_t                   last_ms;
} oa_track_span_t;


/*
 * One rendition on its way into the live store.  Who has it sets what is first,
 * once; the rest is zero.
 */
typedef struct {
    oa_live_t                 *live;
    oa_mem_t                   mem;
    size_t                     max_bytes;    /* of an open part */
    bool                       placed;       /* its segments are numbered by
                                                who has it: next_msn */
    oa_live_kind_t             kind;
    const oa_codec_video_t    *picture;      /* of config; or NULL */
    const oa_codec_audio_t    *sound;

    bool                       configured;
    oa_track_buf_t             config;       /* decoder configuration */
    oa_live_format_t           format;

    /* set while it has a rendition */
    oa_live_rendition_t        rendition;
    oa_live_rendition_conf_t   conf;
    uint32_t                   init_id;
    uint64_t                   sequence;     /* of the next part, from 1 */
    oa_timeline_clock_t        clock;

    /* how the next segment begins */
    bool                       discontinuity;
    bool                       reanchor;     /* the clock jumps to the source */
    bool                       new_init;     /* config changed */

    /* the open part */
    oa_track_buf_t             data;
    oa_cmaf_sample_t           samples[OA_TRACK_MAX_SAMPLES];
    uint32_t                   nsamples;
    uint64_t                   part_time;
    uint32_t                   filled;       /* ticks */
    unsigned                   flags;
    uint32_t                   delay;        /* of presentation, ticks */

    /* the open segment, with the open part; the last one when none is */
    bool                       segment_open;
    uint32_t                   next_msn;         /* behind it */
    uint32_t                   discontinuities;  /* with its own */
    uint64_t                   segment_ticks;
    uint64_t                   segment_bytes;    /* stored parts only */

    /* measurement */
    oa_live_stats_t            stats;
    uint64_t                   total_ticks;
    uint64_t                   total_bytes;
    double                     current_bps;
    bool                       dirty;            /* readers to be woken */

    /* of a publisher's: among the frames that wait, and its timestamps */
    uint8_t                    number;       /* of a multitrack source */
    oa_track_span_t            held;
    oa_timeline_unwrap_t       unwrap;
    int64_t                    last_ms;      /* unwrapped; valid if stamped */
    int64_t                    last_unix_us;
    int64_t                    offset_ms;    /* makes up for jumps */
    bool                       stamped;
    int64_t                    earliest_us;      /* least arrival - media */
    bool                       arrived;

    /* for the record of each second: what was counted before it */
    uint64_t                   received;         /* bytes */
    uint64_t                   received_told;
    oa_live_stats_t            told;
} oa_track_t;


OA_BEGIN_DECLS


/* OA_EFULL: it would be longer than limit; OA_ENOMEM. */
OA_MUST_CHECK oa_err_t oa_track_buf_append(const oa_mem_t *mem,
    oa_track_buf_t *buf, const void *data, size_t size, size_t limit);

/* What it has allocated. */
void oa_track_free(oa_track_t *t);

/*
 * Adds a placed frame to the open part, and opens a segment where none is.
 * Whether the part is full now is in *full: it wants to be flushed.
 */
OA_MUST_CHECK oa_err_t oa_track_add(oa_track_t *t,
    const oa_codec_sample_t *sample, const oa_timeline_place_t *place,
    int32_t composition, bool *full);

/* Stores the open part, if there is one. */
OA_MUST_CHECK oa_err_t oa_track_flush(oa_track_t *t, bool hint_segment);

/* The open part is given up, as if it had not been; a segment begins next. */
void oa_track_discard(oa_track_t *t);

/* Ends the open segment; the next frame begins one. */
OA_MUST_CHECK oa_err_t oa_track_cut(oa_track_t *t);

/*
 * Takes up what the store has of the rendition, whose conf replaces the
 * track's: the next frame begins a segment behind all that.
 * OA_ENOMEM, OA_EGONE.
 */
OA_MUST_CHECK oa_err_t oa_track_resume(oa_track_t *t);

/* A decoder configuration: the same again, or another.  OA_EFULL: too large. */
bool oa_track_has_config(const oa_track_t *t, oa_slice_t config);
OA_MUST_CHECK oa_err_t oa_track_set_config(oa_track_t *t, oa_slice_t config);

/* What the track's picture, respectively sound, is to the live store. */
void oa_track_format_video(oa_track_t *t, oa_timeline_rate_t rate);
void oa_track_format_audio(oa_track_t *t);

/* Stores the init segment for the track's configuration. */
OA_MUST_CHECK oa_err_t oa_track_init(oa_track_t *t);

uint64_t oa_track_ticks(const oa_track_t *t, uint64_t ms);

/*
 * Whether a frame of that time is so far ahead of what was stored that the
 * track is better taken up anew there than caught up with part by part.
 */
bool oa_track_far_behind(const oa_track_t *t, int64_t time);


OA_END_DECLS


#endif /* OA_TRACK_H */
