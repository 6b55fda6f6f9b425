
/*
 * Inside of src/xcode.
 *
 * One mutex guards what the owner's thread and the strands share: the states
 * of strands, the rings between them, the list of keyframes and the counters.
 * It is held for moments: never while something is coded, scaled or allocated
 * for a picture.  Events are called with it held, so that none comes behind
 * oa_xcode_destroy().
 *
 * What is marked with a strand's name is that strand's own, without the mutex.
 */


#ifndef OA_XCODE_IMPL_H
#define OA_XCODE_IMPL_H


#include "xcode/oa_xcode.h"

#include <pthread.h>

#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>


#define OA_XCODE_PACKETS        128      /* before a decoder */
#define OA_XCODE_PACKET_BYTES   (32 << 20)
#define OA_XCODE_DECODED        4        /* pictures before the scaling */
#define OA_XCODE_PICTURES       16       /* before an encoder */
#define OA_XCODE_SOUNDS         64       /* the same, of sound */
#define OA_XCODE_OUTPUTS        64       /* of one rung, before the owner */
#define OA_XCODE_KEYS           512

/* Room for what one picture, respectively frame of sound, makes at most. */
#define OA_XCODE_ROOM           4
#define OA_XCODE_ROOM_SOUND     48

/* Pictures outside of a decoder, which may have but so many. */
#define OA_XCODE_WAITING        (OA_XCODE_DECODED + 4)

/* A strand that runs longer does so because the card does not answer. */
#define OA_XCODE_STUCK_US       5000000

/* What a strand does before another one has its turn. */
#define OA_XCODE_BATCH          4

/* Of a source: as many as level 5.2 of H.264 has. */
#define OA_XCODE_MAX_PIXELS     9437184

/* Where the profile is by size: High from this height on, else Main. */
#define OA_XCODE_HIGH_FROM      720

/* A decoder that refuses so many in a row will not come round. */
#define OA_XCODE_REFUSALS       300


typedef enum {
    OA_XCODE_IDLE,
    OA_XCODE_ASKED,                      /* run() was called */
    OA_XCODE_RUNNING
} oa_xcode_strand_state_t;


struct oa_xcode_strand_s {
    oa_xcode_t                *xcode;
    oa_xcode_strand_state_t    state;
    int64_t                    begun_us;

    /* Both with the mutex held. */
    bool                     (*has_work)(oa_xcode_strand_t *strand);

    /* Without.  Does one thing; false: there was nothing to do. */
    bool                     (*work)(oa_xcode_strand_t *strand);

    void                      *of;       /* its track or rung */
    uint64_t                  *cpu_us;   /* where its time is counted */
};


/* The decoder configuration of a track; counted with the mutex held. */
typedef struct {
    unsigned               refs;
    enum AVCodecID         id;
    AVBufferRef           *record;
} oa_xcode_config_t;


typedef struct {
    AVPacket              *packet;
    oa_xcode_config_t     *config;
    int64_t                arrival_us;
    bool                   fresh;        /* nothing before it is referred to */
} oa_xcode_packet_t;


/* A picture, or decoded sound. */
typedef struct {
    AVFrame               *frame;
    int64_t                time;
    int64_t                arrival_us;   /* of the frame that was coded */
    int64_t                due_us;       /* of the one that let it out */
    unsigned               run;          /* of the rung */
} oa_xcode_picture_t;


/* Pictures, each with an AVFrame that stays where it is. */
typedef struct {
    oa_xcode_picture_t    *slots;
    unsigned               capacity;
    unsigned               first;
    unsigned               count;
} oa_xcode_ring_t;


typedef struct {
    int64_t                time;
    uint64_t               serial;
} oa_xcode_key_t;


/* In order of time.  What is beyond capacity leaves at the front. */
typedef struct {
    oa_xcode_key_t         keys[OA_XCODE_KEYS];
    unsigned               count;
    uint64_t               serial;       /* of the newest */
} oa_xcode_keys_t;


/* Tags that an encoder is opened with. */
typedef struct {
    enum AVColorPrimaries               primaries;
    enum AVColorTransferCharacteristic  transfer;
    enum AVColorSpace                   matrix;
    enum AVColorRange                   range;
} oa_xcode_colour_t;


typedef struct {
    oa_xcode_output_kind_t  kind;
    AVPacket               *packet;
    int64_t                 time;
    int64_t                 arrival_us;
    bool                    sync;
    uint64_t                serial;
} oa_xcode_coded_t;


/* What is inside of an encoder. */
typedef struct {
    bool                   known;
    int64_t                pts;          /* as it has it */
    int64_t                time;
    int64_t                arrival_us;
} oa_xcode_inside_t;

#define OA_XCODE_INSIDE         32


typedef struct {
    oa_xcode_strand_t      strand;
    oa_xcode_t            *xcode;
    bool                   audio;

    oa_xcode_config_t     *config;       /* the owner's; of what is pushed */

    /* shared */
    bool                   lost;         /* up to the next sync frame */
    bool                   full;         /* why it was lost */
    oa_xcode_packet_t      packets[OA_XCODE_PACKETS];
    unsigned               first;
    unsigned               count;
    size_t                 bytes;
    bool                   more;         /* the decoder may have pictures */
    bool                   close;

    /* the strand's */
    AVCodecContext        *decoder;
    oa_xcode_config_t     *open;         /* what the decoder was opened with */
    oa_xcode_packet_t      next;         /* waits until it is drained */
    AVFrame               *frame;
    int64_t                due_us;
    bool                   draining;
    unsigned               refusals;
    int64_t                last_time;
} oa_xcode_track_t;


/* The scaling to one rung; the scaling strand's. */
typedef struct {
    struct SwsContext     *sws;
    int                    width;        /* what it was made for */
    int                    height;
    enum AVPixelFormat     format;
    enum AVColorSpace      matrix;
    enum AVColorRange      range;

    AVBufferPool          *pool;
    struct oa_xcode_cuda_scaler_s
                          *cuda;
    AVFrame               *made;         /* of this round */
    bool                   wanted;
    unsigned               run;

    /* which pictures it takes */
    bool                   started;
    int64_t                base;
    int64_t                n;            /* the next one since base */
    int64_t                seen;         /* time of the last one seen */
} oa_xcode_scaler_t;


/* Sound to the rung's frames; its encoding strand's. */
typedef struct {
    SwrContext            *swr;
    int                    in_rate;
    enum AVSampleFormat    in_format;
    AVChannelLayout        in_layout;

    AVAudioFifo           *fifo;
    AVFrame               *block;

    bool                   started;
    int64_t                base_samples; /* the anchor's position */
    int64_t                base_time;    /* its time */
    int64_t                taken;        /* samples of the source since */
    int64_t                sent;         /* the rung's, to the encoder */
} oa_xcode_sound_t;


typedef struct oa_xcode_cuda_s         oa_xcode_cuda_t;
typedef struct oa_xcode_cuda_scaler_s  oa_xcode_cuda_scaler_t;


typedef struct {
    oa_xcode_strand_t      strand;
    oa_xcode_t            *xcode;
    unsigned               index;
    oa_xcode_rung_t        conf;
    bool                   audio;
    enum AVPixelFormat     format;       /* what its encoder takes */

    /* shared */
    bool                   on;
    bool                   waiting;      /* for a keyframe to begin with */
    uint64_t               since;        /* serial of the newest key then */
    unsigned               run;          /* counts switches */
    bool                   close;
    bool                   probed;
    uint32_t               slow_us;
    oa_xcode_ring_t        in;
    oa_xcode_coded_t       out[OA_XCODE_OUTPUTS];
    unsigned               out_first;
    unsigned               out_count;
    oa_xcode_rung_stats_t  stats;

    oa_xcode_scaler_t      scaler;

    /* its encoding strand's */
    AVCodecContext        *encoder;
    oa_xcode_colour_t      colour;
    oa_xcode_picture_t     picture;
    oa_xcode_inside_t      inside[OA_XCODE_INSIDE];
    unsigned               inside_next;
    int64_t                last_time;    /* of the last picture in it */
    AVPacket              *packet;
    AVPacket              *record;       /* the last CONFIG */
    oa_xcode_sound_t       sound;

    AVBufferRef           *cuda_frames;  /* with the lock of oa_xcode_cuda_t */
} oa_xcode_rung_state_t;


/*
 * Where video is coded.  Each function is called in one strand.  On false,
 * respectively NULL, text says why, without a full stop.
 */
typedef struct {
    /* Of a rung of 8 bits, respectively 10. */
    enum AVPixelFormat     formats[2];

    /* Owner.  NULL: nothing to do.  false: no memory. */
    bool                 (*begin)(oa_xcode_t *xcode, oa_xcode_device_t device);
    void                 (*end)(oa_xcode_t *xcode);

    /* Whether it knows the words; the codec and numbers are good. */
    bool                 (*knows)(const oa_xcode_rung_t *rung);

    AVCodecContext      *(*decoder_open)(oa_xcode_t *xcode,
                             const oa_xcode_config_t *config,
                             char text[OA_XCODE_TEXT_BYTES]);

    /*
     * Makes a picture of the rung's size and format out of a decoded one or
     * that of a larger rung.  *out is blank and gets a reference.
     */
    bool                 (*scale)(oa_xcode_rung_state_t *rung,
                             const AVFrame *in, AVFrame *out,
                             char text[OA_XCODE_TEXT_BYTES]);
    void                 (*scaler_close)(oa_xcode_rung_state_t *rung);

    /* rung->colour is what it shall say. */
    AVCodecContext      *(*encoder_open)(oa_xcode_rung_state_t *rung,
                             char text[OA_XCODE_TEXT_BYTES]);
} oa_xcode_functions_t;


struct oa_xcode_s {
    pthread_mutex_t             lock;
    oa_xcode_events_t           events;
    const oa_xcode_functions_t *functions;
    oa_xcode_cuda_t            *cuda;
    oa_xcode_source_t           source;      /* records are not kept here */
    bool                        dead;
    unsigned                    pending;     /* strands asked for or running */

    oa_xcode_track_t            video;
    oa_xcode_track_t            audio;

    oa_xcode_strand_t           scaling;
    oa_xcode_ring_t             decoded;
    bool                        tidy;        /* a rung was switched off */
    oa_xcode_picture_t          picture;     /* the scaling strand's */
    oa_xcode_picture_t          handed;      /* the same */
    AVFrame                    *copy;        /* with the mutex held */

    oa_xcode_rung_state_t      *rungs;
    unsigned                    nrungs;
    unsigned                    order[OA_XCODE_RUNGS];   /* the largest first */
    unsigned                    nvideo;

    oa_xcode_keys_t             keys;
    uint64_t                    out_serial;
    bool                        told;        /* the owner, that it may pull */
    oa_xcode_coded_t            pulled;      /* the owner's */
    unsigned                    pulled_rung;
    oa_xcode_stats_t            stats;
};


OA_BEGIN_DECLS


/* --- oa_xcode_strand.c ------------------------------------------------ */

void oa_xcode_strand_init(oa_xcode_strand_t *strand, oa_xcode_t *xcode,
    bool (*has_work)(oa_xcode_strand_t *), bool (*work)(oa_xcode_strand_t *),
    void *of, uint64_t *cpu_us);

/* Locked.  Asks for the strand, which is idle; false: it cannot be. */
bool oa_xcode_strand_ask(oa_xcode_strand_t *strand);

/* Locked.  Asks for the strand where it has work. */
void oa_xcode_strand_wake(oa_xcode_strand_t *strand);
void oa_xcode_wake_all(oa_xcode_t *xcode);

/* Not locked.  false: it is dead. */
OA_MUST_CHECK bool oa_xcode_now(oa_xcode_t *xcode, int64_t *now_us);

void oa_xcode_free(oa_xcode_t *xcode);

/* Not locked.  The owner's look at strands that a card holds up. */
void oa_xcode_watch(oa_xcode_t *xcode);


/* --- oa_xcode_ring.c -------------------------------------------------- */

OA_MUST_CHECK bool oa_xcode_ring_init(oa_xcode_ring_t *ring,
    unsigned capacity);
void oa_xcode_ring_free(oa_xcode_ring_t *ring);

/* The ring takes the frame over, which is blank then.  Only with room. */
void oa_xcode_ring_push(oa_xcode_ring_t *ring, oa_xcode_picture_t *picture);

/* picture->frame is blank and takes the frame over.  false: it is empty. */
OA_MUST_CHECK bool oa_xcode_ring_pop(oa_xcode_ring_t *ring,
    oa_xcode_picture_t *picture);
void oa_xcode_ring_clear(oa_xcode_ring_t *ring);

/* Whether a picture so late is dropped; key: a keyframe is demanded of it. */
static inline bool
oa_xcode_is_late(int64_t lateness_us, bool key)
{
    return lateness_us > (key ? OA_XCODE_LATE_KEY_US : OA_XCODE_LATE_US);
}

/* Keyframes that are demanded. */
void oa_xcode_keys_add(oa_xcode_keys_t *keys, int64_t time);

/* One of a serial above since is there with after < time <= until. */
bool oa_xcode_keys_between(const oa_xcode_keys_t *keys, int64_t after,
    int64_t until, uint64_t since);

/* A rung's outputs; locked.  The packet is taken over. */
void oa_xcode_out_push(oa_xcode_rung_state_t *rung, oa_xcode_coded_t *coded);
void oa_xcode_out_drop_frames(oa_xcode_rung_state_t *rung);


/* --- oa_xcode_decode.c ------------------------------------------------ */

OA_MUST_CHECK oa_err_t oa_xcode_track_init(oa_xcode_t *xcode,
    oa_xcode_track_t *track, bool audio);
void oa_xcode_track_free(oa_xcode_track_t *track);
OA_MUST_CHECK oa_err_t oa_xcode_track_config(oa_xcode_track_t *track,
    oa_codec_id_t codec, oa_slice_t record);

/* Locked.  No rung of its kind is on any more. */
void oa_xcode_track_stop(oa_xcode_track_t *track);
bool oa_xcode_track_is_wanted(const oa_xcode_track_t *track);

enum AVCodecID oa_xcode_codec_id(oa_codec_id_t codec);


/* --- oa_xcode_scale.c ------------------------------------------------- */

/* Bits of a sample. */
int oa_xcode_depth(enum AVPixelFormat format);

bool oa_xcode_scale_has_work(oa_xcode_strand_t *strand);
bool oa_xcode_scale_work(oa_xcode_strand_t *strand);


/* --- oa_xcode_encode.c ------------------------------------------------ */

bool oa_xcode_encode_has_work(oa_xcode_strand_t *strand);
bool oa_xcode_encode_work(oa_xcode_strand_t *strand);

/* Not locked.  The rung, if it is on, stops: OA_XCODE_FAILED, and it is off. */
void oa_xcode_rung_fail(oa_xcode_rung_state_t *rung, const char *text);

/* Locked.  What a rung had goes, and it is off. */
void oa_xcode_rung_stop(oa_xcode_rung_state_t *rung);

/* Hands a frame to the encoder, and on what comes out. */
OA_MUST_CHECK bool oa_xcode_encoder_send(oa_xcode_rung_state_t *rung,
    const AVFrame *frame, const oa_xcode_inside_t *inside);

/* Puts out the record of the encoder where it is another one. */
OA_MUST_CHECK bool oa_xcode_encoder_record(oa_xcode_rung_state_t *rung);


/* --- oa_xcode_sound.c ------------------------------------------------- */

OA_MUST_CHECK bool oa_xcode_sound_open(oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES]);
void oa_xcode_sound_close(oa_xcode_rung_state_t *rung);
OA_MUST_CHECK bool oa_xcode_sound_encode(oa_xcode_rung_state_t *rung);


/* --- oa_xcode_colour.c ------------------------------------------------ */

/* What a rung says of pictures with these tags. */
oa_xcode_colour_t oa_xcode_colour(const oa_codec_colour_t *colour);
oa_xcode_colour_t oa_xcode_frame_colour(const AVFrame *frame);
bool oa_xcode_colour_equal(const oa_xcode_colour_t *a,
    const oa_xcode_colour_t *b);

/* PQ or HLG: its name, else NULL. */
const char *oa_xcode_hdr_name(enum AVColorTransferCharacteristic transfer);
void oa_xcode_hdr_refuse(const char *hdr, const oa_xcode_rung_state_t *rung,
    char text[OA_XCODE_TEXT_BYTES]);


/* --- oa_xcode_cpu.c, which the other device uses too ------------------- */

bool oa_xcode_knows_profile(const oa_xcode_rung_t *rung);
const char *oa_xcode_profile(const oa_xcode_rung_state_t *rung);

/* device: NULL, or where to decode if it is able to. */
AVCodecContext *oa_xcode_video_decoder(const oa_xcode_config_t *config,
    AVBufferRef *device, char text[OA_XCODE_TEXT_BYTES]);

/* All that does not depend on the encoder's name. */
void oa_xcode_encoder_parameters(const oa_xcode_rung_state_t *rung,
    AVCodecContext *encoder);

const oa_xcode_functions_t *oa_xcode_cpu(void);


/* --- oa_xcode_cuda.c -------------------------------------------------- */

const oa_xcode_functions_t *oa_xcode_cuda(void);

static inline const oa_xcode_functions_t *
oa_xcode_functions(oa_xcode_device_t device)
{
    return device == OA_XCODE_CPU ? oa_xcode_cpu() : oa_xcode_cuda();
}


/* --- oa_xcode_preset.c ------------------------------------------------ */

/* NULL: no such word. */
const char *oa_xcode_preset_cpu(const char *word);
const char *oa_xcode_preset_nvenc(const char *word);


OA_END_DECLS


#endif /* OA_XCODE_IMPL_H */
