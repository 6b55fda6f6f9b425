
/*
 * The codecs of one source's quality ladder: coded frames in, coded frames of
 * every rung out.  The only unit that knows libav*.
 *
 * Work is done in strands: one decodes each track, one scales the pictures
 * down the cascade, and one encodes each rung, so that each codec context is
 * used by one thread at a time and a slow rung holds up nothing else.  A strand
 * is run by whatever threads the caller has: oa_xcode_events_t.run asks for one
 * call of oa_xcode_strand_run().  Queues between strands are bounded; what does
 * not fit, or comes too late, is dropped before the encoder, and counted.
 *
 * Functions that begin with "owner" below are for one thread, the caller's
 * event loop, and never wait for a strand's work.
 */


#ifndef OA_XCODE_H
#define OA_XCODE_H


#include "base/oa_base.h"
#include "codec/oa_codec.h"
#include "timeline/oa_timeline.h"

#include <stdarg.h>


#define OA_XCODE_RUNGS          15
#define OA_XCODE_WORD_BYTES     24       /* a profile, a preset */
#define OA_XCODE_TEXT_BYTES     160

/*
 * A rung drops pictures that are later than this behind their arrival, or
 * behind that of the frame which, coded out of order, let them out.
 */
#define OA_XCODE_LATE_US        100000

/*
 * One that begins a segment is coded all the same, so that the rung's segments
 * begin where the source's do, unless it is later than this.
 */
#define OA_XCODE_LATE_KEY_US    1000000


/*
 * OA_XCODE_CUDA + N: decoded, scaled and coded on card N, with the driver that
 * is found when it is first needed.  A source that the card cannot decode is
 * decoded on the CPU.  Rungs whose encoder cannot be opened (no driver, no
 * session left, ...) and all of them, when the card fails or does not answer
 * for 5 s, end with OA_XCODE_FAILED.
 */
typedef enum {
    OA_XCODE_CPU,
    OA_XCODE_CUDA
} oa_xcode_device_t;


/* A rung: of video when height is not 0, else of audio. */
typedef struct {
    oa_codec_id_t       codec;           /* AVC, HEVC; AAC */
    uint32_t            width;           /* even; the picture is stretched */
    uint32_t            height;
    oa_timeline_rate_t  rate;            /* of the rung, not of the source */
    uint32_t            bitrate;         /* bits a second */
    uint32_t            max_bitrate;     /* 0: bitrate */
    uint32_t            buffer_bits;     /* VBV; 0: one second of max_bitrate */

    /*
     * AVC: baseline, main, high; "": high from a height of 720 on, else main.
     * HEVC: main, main10; "": main10 when the source is HDR (PQ, HLG), which
     * cannot be coded otherwise, else main.
     */
    char                profile[OA_XCODE_WORD_BYTES];

    /* "": veryfast, p4.  One of the other device stands for one like it. */
    char                preset[OA_XCODE_WORD_BYTES];
    unsigned            threads;         /* of the encoder; 0: 1 */
} oa_xcode_rung_t;


typedef struct {
    bool                has_video;
    bool                has_audio;
    oa_codec_video_t    picture;

    /*
     * AAC, Opus, MP3; the latter has no record.  Rungs of sound have its
     * clock_rate and, up to two, its channels, whatever is in its frames.
     */
    oa_codec_audio_t    sound;
    oa_slice_t          video_record;    /* decoder configurations; copied */
    oa_slice_t          audio_record;
    oa_timeline_rate_t  rate;            /* of the video */
    uint32_t            video_timescale;
    uint32_t            audio_timescale;
} oa_xcode_source_t;


typedef struct oa_xcode_s         oa_xcode_t;
typedef struct oa_xcode_strand_s  oa_xcode_strand_t;


/*
 * Called from any thread, also from inside of the functions below, with a lock
 * held: none may call one of them, or wait for something.
 */
typedef struct {
    /*
     * Have oa_xcode_strand_run(strand) called once, soon, by a thread that may
     * take long; never from inside.  Not called again for a strand before it
     * ran.  false: it cannot be; the work waits for the next occasion.
     */
    bool     (*run)(void *ctx, oa_xcode_strand_t *strand);

    /*
     * Have the owner call oa_xcode_pull() until there is no more.  Not called
     * again before it did.
     */
    void     (*ready)(void *ctx);

    /* A monotonic clock, us; that of oa_xcode_input_t.arrival_us. */
    int64_t  (*now_us)(void *ctx);

    void      *ctx;
} oa_xcode_events_t;


typedef struct {
    bool                audio;
    const oa_slice_t   *pieces;          /* as oa_packager_frame_t's; copied */
    unsigned            npieces;
    int64_t             decode_time;     /* ticks of the track's timescale */
    int64_t             time;            /* when it is presented */
    uint32_t            duration;
    bool                sync;
    int64_t             arrival_us;

    /*
     * The rungs' first frame presented at keyframe_time or later is a
     * keyframe; the same holds for every sync frame.
     */
    bool                keyframe;
    int64_t             keyframe_time;
} oa_xcode_input_t;


typedef enum {
    OA_XCODE_FRAME,
    OA_XCODE_CONFIG,                     /* data is a decoder configuration */
    OA_XCODE_FAILED                      /* the rung has stopped; see text */
} oa_xcode_output_kind_t;


typedef struct {
    oa_xcode_output_kind_t  kind;
    unsigned            rung;
    oa_slice_t          data;            /* until the next pull.  AVC and HEVC:
                                            4 bytes of length before each NAL
                                            unit, no parameter sets, no AUD */
    int64_t             time;            /* ticks of the source's timescale */
    bool                sync;
    int64_t             arrival_us;      /* of the source's frame */
    oa_codec_video_t    picture;         /* CONFIG: of the record */
    oa_codec_audio_t    sound;
    const char         *text;            /* FAILED: static or until next pull */
} oa_xcode_output_t;


/* Each number is read whole; they are of different moments. */
typedef struct {
    uint64_t            frames;          /* coded */
    uint64_t            late;            /* dropped: too late */
    uint64_t            full;            /* dropped: no room in a queue */
    int64_t             lateness_us;     /* of the newest picture, when its
                                            turn came; 0 when there is none */
    int64_t             latency_us;      /* from arrival to coded, smoothed */
    uint64_t            busy_us;         /* CPU time in its strand, sum */
} oa_xcode_rung_stats_t;


typedef struct {
    uint64_t            decoded;         /* pictures */
    uint64_t            damaged;         /* the decoder refused */
    uint64_t            full;            /* frames dropped before the decoder */
    uint64_t            decode_us;       /* CPU time in the strands, sums */
    uint64_t            scale_us;
    oa_xcode_device_t   device;          /* that is used */
    char                text[OA_XCODE_TEXT_BYTES];   /* why not the one that was
                                                        asked for; else "" */
} oa_xcode_stats_t;


OA_BEGIN_DECLS


/*
 * Whether the device codes H.264 now: its driver is loaded, and an encoder
 * opened and closed.  Takes up to seconds; any thread, but in a process that
 * does not fork any more.  OA_EUNSUPPORTED: no; text says why.
 */
OA_MUST_CHECK oa_err_t oa_xcode_device_probe(oa_xcode_device_t device,
    char text[OA_XCODE_TEXT_BYTES]);

/*
 * Owner.  Rungs are off.  Each begins with an OA_XCODE_CONFIG output, also
 * while it is off: its encoder is opened once, in its strand, to know what it
 * will say.  Another one follows where that changes, with the source's colours.
 * OA_EUNSUPPORTED: the source's codec or format (then text says which), or no
 * such encoder; OA_EINVAL: a rung; OA_ENOMEM.
 * mem is not used for what libav* and the frames need.
 */
OA_MUST_CHECK oa_err_t oa_xcode_create(oa_xcode_t **xcode,
    const oa_xcode_source_t *source, const oa_xcode_rung_t *rungs,
    unsigned nrungs, oa_xcode_device_t device,
    const oa_xcode_events_t *events, char text[OA_XCODE_TEXT_BYTES]);

/*
 * Owner.  No event is called and no strand begins to run any more.  Returns
 * true when none runs: then it is freed.  Otherwise it frees itself when the
 * last one returns, and nothing of ctx is used after this call, but by run()
 * calls that have not come to oa_xcode_strand_run() yet: these must still come.
 * With a card run() is called for this once more, before it returns.
 */
bool oa_xcode_destroy(oa_xcode_t *xcode);

/*
 * Owner.  A frame of the source, in the order of decoding.  The source's
 * decoder works only while a rung of its kind is on; it begins with a sync
 * frame.  What does not fit the queue is dropped up to the next sync frame.
 */
void oa_xcode_push(oa_xcode_t *xcode, const oa_xcode_input_t *input);

/*
 * Owner.  The decoder configuration of a track changed: frames pushed from now
 * on are of the new one.  Rungs go on with their sizes.  Errors as create; also
 * OA_EUNSUPPORTED: another timescale or clock rate, a track more or less.  On
 * error the one before stays.
 */
OA_MUST_CHECK oa_err_t oa_xcode_source(oa_xcode_t *xcode,
    const oa_xcode_source_t *source, char text[OA_XCODE_TEXT_BYTES]);

/*
 * Owner.  A rung that is switched on begins at the next keyframe of the source
 * or of keyframe_time that is pushed, one of sound with the next frame; one
 * that is switched off gives its encoder back, and no frame of it comes any
 * more.  One that has failed is off, and may be tried again.
 */
void oa_xcode_rung_set(oa_xcode_t *xcode, unsigned rung, bool on);

/* Owner.  OA_EAGAIN: nothing is there. */
OA_MUST_CHECK oa_err_t oa_xcode_pull(oa_xcode_t *xcode,
    oa_xcode_output_t *output);

/* Any thread. */
void oa_xcode_strand_run(oa_xcode_strand_t *strand);

/* Owner. */
void oa_xcode_stats(oa_xcode_t *xcode, oa_xcode_stats_t *stats);
void oa_xcode_rung_stats(oa_xcode_t *xcode, unsigned rung,
    oa_xcode_rung_stats_t *stats);

/*
 * Owner; for tests and drills: the rung's encoder takes so much longer for
 * each picture.
 */
void oa_xcode_rung_slow(oa_xcode_t *xcode, unsigned rung, uint32_t us);


/*
 * Process-wide: where libav* logs to, which is stderr until then; NULL:
 * nowhere.  level is one of AV_LOG_*.  It is called from any thread.
 */
void oa_xcode_log(void (*write)(void *of, int level, const char *format,
    va_list args));


OA_END_DECLS


#endif /* OA_XCODE_H */
