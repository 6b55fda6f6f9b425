
/*
 * Which rungs of the quality ladder a source gets, of those that are
 * configured, and in what sizes and frame rates.
 */


#ifndef OA_LADDER_PLAN_H
#define OA_LADDER_PLAN_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"
#include "live/oa_live.h"
#include "timeline/oa_timeline.h"


/* Of a session's renditions two are the source's. */
#define OA_LADDER_RUNGS  (OA_LIVE_SESSION_RENDITIONS - 2)


/*
 * The measure of work: the encoder's output in pixels a second, one slot being
 * 720p at 30 frames a second, counted in thousandths.  Codec and preset are
 * left out: who chooses slow ones allows for fewer slots.
 */
#define OA_LADDER_SLOT_PIXELS  (1280 * 720 * 30)
#define OA_LADDER_SLOT         1000            /* thousandths */
#define OA_LADDER_AUDIO_SLOTS  10              /* a rung of audio only */


typedef enum {
    OA_LADDER_ONDEMAND = 0,          /* while somebody wants it */
    OA_LADDER_ALWAYS,
    OA_LADDER_NEVER                  /* switched off: it is left out */
} oa_ladder_mode_t;


/* A rung of video when height is not 0, else of audio only. */
typedef struct {
    char                name[OA_LIVE_NAME_BYTES];
    oa_ladder_mode_t    mode;
    oa_codec_id_t       codec;

    /*
     * With width 0, height is the shorter side of the picture; otherwise the
     * picture fits into width x height, turned where it stands upright.
     */
    uint32_t            width;
    uint32_t            height;
    uint32_t            max_rate_milli;        /* frames; 0: the source's */
    uint32_t            bitrate;               /* bits a second */
} oa_ladder_conf_t;


typedef struct {
    bool                has_video;
    bool                has_audio;
    oa_codec_id_t       codec;                 /* of the video */
    uint32_t            width;                 /* samples */
    uint32_t            height;
    uint32_t            sar_width;             /* 0: 1:1 */
    uint32_t            sar_height;
    oa_timeline_rate_t  rate;                  /* 0 / 0: unknown */
    uint32_t            bitrate;               /* of the video; 0: unknown */
    bool                hdr;                   /* PQ or HLG */
} oa_ladder_source_t;


typedef struct {
    unsigned            conf;                  /* which of those configured */
    uint32_t            width;                 /* even; square pixels */
    uint32_t            height;
    oa_timeline_rate_t  rate;
    uint32_t            divisor;               /* of the source's frame rate */
    uint32_t            slots;                 /* thousandths */
} oa_ladder_rung_t;


typedef struct {
    unsigned            nrungs;                /* in the order of the confs */
    oa_ladder_rung_t    rungs[OA_LADDER_RUNGS];

    /* Of these many frames every rung makes whole ones; at least 1. */
    unsigned            part_frames;

    /* Why a configured rung is left out; NULL: it is not.  Static. */
    const char         *left_out[OA_LADDER_RUNGS];
} oa_ladder_plan_t;


OA_BEGIN_DECLS


/*
 * nconfs is at most OA_LADDER_RUNGS.
 *
 * Sizes: the aspect ratio that is seen is kept, with square pixels and even
 * sides.  A rung larger than the source is left out; so is one of its size and
 * frame rate, unless it has another codec, for players that lack the source's,
 * or at most three quarters of its bitrate.  Of a source that is HDR there are
 * no rungs of H.264.
 *
 * Frame rates: the source's, divided by the smallest number so that it is not
 * above the rung's maximum (0.5% above it counts as not, so that 30 holds
 * 30000/1001 and 29.97 holds 30).  A maximum above the source's rate means
 * that rate: of rungs that thereby come out alike in codec, size and rate, the
 * one with the lowest maximum stays, then that of the lowest bitrate, then the
 * first.
 */
void oa_ladder_plan(const oa_ladder_source_t *source,
    const oa_ladder_conf_t *confs, unsigned nconfs, oa_ladder_plan_t *plan);


OA_END_DECLS


#endif /* OA_LADDER_PLAN_H */
