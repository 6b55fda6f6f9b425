
/*
 * ngx_rtmp_transcode_module: what its files share.
 *
 *   ngx_rtmp_transcode_module.c     directives, a worker's life
 *   ngx_rtmp_transcode_rendition.c  the directive transcode_rendition
 *   ngx_rtmp_transcode_slots.c      the slots, in memory that workers share
 *   ngx_rtmp_transcode_cluster.c    the slots of other machines, by Redis
 *   ngx_rtmp_transcode_ladder.c     a publisher's ladder, and its frames
 *   ngx_rtmp_transcode_plan.c       what its rungs are to be
 *   ngx_rtmp_transcode_watch.c      how they do, and who wants them
 *   ngx_rtmp_transcode_rung.c       each: on, asleep, withdrawn; its follower
 *   ngx_rtmp_transcode_codecs.c     its codecs, and what they have made
 *   ngx_rtmp_transcode_card.c       is there a card, and what if it fails
 *   ngx_rtmp_transcode_sound.c      a publisher's MP3, made AAC
 *   ngx_rtmp_transcode_thread.c     their work in nginx's threads
 *   ngx_rtmp_transcode_thumbnail.c  pictures of the source, small
 *   ngx_rtmp_transcode_log.c        which lines go to the log
 */


#ifndef NGX_RTMP_TRANSCODE_H
#define NGX_RTMP_TRANSCODE_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>
#include <ngx_rtmp.h>

#include "core/ngx_onair_core.h"
#include "core/ngx_onair_ladder.h"
#include "core/ngx_onair_redis.h"
#include "hls/oa_hls.h"
#include "ladder/oa_ladder_plan.h"
#include "ladder/oa_ladder_slots.h"
#include "ladder/oa_ladder_watch.h"
#include "live/oa_live_health.h"
#include "packager/oa_follower.h"
#include "xcode/oa_xcode.h"

#include "ngx_rtmp_transcode_thumbnail.h"


#if !(NGX_THREADS)
#error ngx_rtmp_transcode_module needs nginx to be built --with-threads
#endif


/* What a rung is to be, as configured. */
typedef struct {
    oa_ladder_conf_t  plan;
    uint32_t          max_bitrate;       /* 0: bitrate */
    uint32_t          buffer_bits;       /* 0: one second */
    char              profile[OA_XCODE_WORD_BYTES];
    char              preset[OA_XCODE_WORD_BYTES];
    ngx_uint_t        threads;
    unsigned          shipped:1;         /* by "default"; may be changed */
} ngx_rtmp_transcode_rendition_t;


typedef enum {
    NGX_RTMP_TRANSCODE_AUTO,
    NGX_RTMP_TRANSCODE_CUDA,
    NGX_RTMP_TRANSCODE_CPU
} ngx_rtmp_transcode_device_t;


typedef struct {
    ngx_flag_t          enable;
    ngx_array_t        *renditions;      /* ngx_rtmp_transcode_rendition_t */
    ngx_uint_t          device;
    ngx_uint_t          card;            /* of CUDA */
    ngx_uint_t          source_only;     /* rather than the CPU */
    ngx_str_t           pool_name;
    ngx_thread_pool_t  *pool;
    ngx_msec_t          idle;
    ngx_flag_t          tiers;
    ngx_flag_t          shed;
    ngx_str_t           drill;           /* the name of a rung */
    ngx_msec_t          drill_time;
    ngx_msec_t          thumbnails;      /* an interval; 0: none */
} ngx_rtmp_transcode_app_conf_t;


typedef struct {
    ngx_int_t           slots;           /* thousandths */
    ngx_uint_t          used;            /* by an application */
    ngx_thread_pool_t  *auto_pool;       /* of one with "auto"; NULL: none */
    ngx_shm_zone_t     *zone;
} ngx_rtmp_transcode_main_conf_t;


extern ngx_module_t  ngx_rtmp_transcode_module;


char *ngx_rtmp_transcode_rendition(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* The shipped ladder; NULL: no memory. */
ngx_array_t *ngx_rtmp_transcode_shipped(ngx_conf_t *cf);


/* --- slots ------------------------------------------------------------- */

/* At configuration time; NGX_ERROR is logged. */
ngx_int_t ngx_rtmp_transcode_slots_add(ngx_conf_t *cf,
    ngx_rtmp_transcode_main_conf_t *tmcf);

/* The configuration is in use: its number of slots counts. */
void ngx_rtmp_transcode_slots_set(ngx_rtmp_transcode_main_conf_t *tmcf);

/* In a worker. */
ngx_int_t ngx_rtmp_transcode_slots_attach(ngx_shm_zone_t *zone,
    ngx_log_t *log);

/* As the functions of oa_ladder_slots.h, under the lock. */
oa_err_t ngx_rtmp_transcode_slots_enter(oa_tier_t tier,
    oa_ladder_slots_id_t *id);
oa_err_t ngx_rtmp_transcode_slots_hold(oa_ladder_slots_id_t id,
    uint32_t slots);
oa_err_t ngx_rtmp_transcode_slots_room(oa_ladder_slots_id_t id,
    uint32_t slots);
ngx_uint_t ngx_rtmp_transcode_slots_evicted(oa_ladder_slots_id_t id);
void ngx_rtmp_transcode_slots_leave(oa_ladder_slots_id_t id);
void ngx_rtmp_transcode_slots_elsewhere(const oa_ladder_share_t *others,
    int64_t until_ms);
ngx_uint_t ngx_rtmp_transcode_slots_keep(void);
void ngx_rtmp_transcode_slots_resign(void);
void ngx_rtmp_transcode_slots_sweep(void);

/* 0: there are no slots, and usage is unset. */
ngx_uint_t ngx_rtmp_transcode_slots_usage(oa_ladder_slots_usage_t *usage);


/* --- other machines ---------------------------------------------------- */

/* In a worker that has slots; nothing where there is no Redis. */
void ngx_rtmp_transcode_cluster_init(ngx_cycle_t *cycle);


/* --- threads ----------------------------------------------------------- */

/* Whose codecs work in threads; a part of something larger. */
typedef struct {
    ngx_thread_pool_t  *pool;
    void               *data;
    void              (*pull)(void *data);   /* on the loop: when something
                                                may be there */
    void              (*free)(void *data);   /* it is closed, and no thread has
                                                to do with it any more */
    ngx_atomic_t        ready;               /* there is output */
    ngx_atomic_t        tasks;               /* in threads, or on the way from
                                                there */
    unsigned            closed:1;
} ngx_rtmp_transcode_work_t;


/* Of codecs that belong to this work. */
oa_xcode_events_t ngx_rtmp_transcode_events(ngx_rtmp_transcode_work_t *work);

/* Whether there is output; it has to be taken up to the end then. */
ngx_uint_t ngx_rtmp_transcode_ready(ngx_rtmp_transcode_work_t *work);

/* Nobody is told of it any more; it is freed now or with its last task. */
void ngx_rtmp_transcode_work_close(ngx_rtmp_transcode_work_t *work);

/* oa_xcode_events_t.now_us; ctx is not used. */
int64_t ngx_rtmp_transcode_now_us(void *ctx);

/*
 * At a worker's end, its threads being gone: what is asked to run from now on
 * waits for ngx_rtmp_transcode_threads_exit(), which runs all that is left.
 */
void ngx_rtmp_transcode_threads_gone(void);
void ngx_rtmp_transcode_threads_exit(void);


/* --- a ladder ---------------------------------------------------------- */

typedef struct ngx_rtmp_transcode_ladder_s  ngx_rtmp_transcode_ladder_t;


/* By whom rungs are made: which of a ladder's codecs. */
typedef enum {
    NGX_RTMP_TRANSCODE_ON_CPU,
    NGX_RTMP_TRANSCODE_ON_CARD,
    NGX_RTMP_TRANSCODE_MAKERS
} ngx_rtmp_transcode_maker_t;


/* Lines of the log of late. */
typedef struct {
    time_t      since;
    ngx_uint_t  lines;
    ngx_uint_t  kept_back;
} ngx_rtmp_transcode_log_t;


/* A decoder configuration, in memory of its own. */
typedef struct {
    u_char                          *data;
    size_t                           size;
} ngx_rtmp_transcode_record_t;


/* What a rung's frames are decoded with. */
typedef struct {
    ngx_rtmp_transcode_record_t      record;     /* without data: not known */
    oa_codec_video_t                 picture;
    oa_codec_audio_t                 sound;
} ngx_rtmp_transcode_config_t;


typedef struct {
    ngx_rtmp_transcode_ladder_t     *ladder;
    ngx_uint_t                       index;
    ngx_rtmp_transcode_rendition_t  *conf;
    oa_ladder_rung_t                 plan;
    ngx_uint_t                       audio;
    oa_follower_t                   *follower;   /* NULL: not configured yet */
    oa_live_rendition_t              rendition;  /* with it */
    oa_ladder_state_t                state;      /* that was put into effect */
    oa_ladder_reason_t               reason;
    int64_t                          arrival_us; /* of the frame that is put
                                                    into a part now */
    int64_t                          latency_us; /* to a part, smoothed */
    ngx_uint_t                       unstored;   /* frames */
    ngx_rtmp_transcode_maker_t       maker;
    ngx_rtmp_transcode_config_t      configs[NGX_RTMP_TRANSCODE_MAKERS];
    int64_t                          card_failed_ms;     /* with maker CPU */
} ngx_rtmp_transcode_rung_t;


/* The last boundaries of one kind, for followers that are yet to be made. */
typedef struct {
    ngx_uint_t                       n;
    oa_packager_boundary_t           list[OA_FOLLOWER_BOUNDARIES];
} ngx_rtmp_transcode_boundaries_t;


struct ngx_rtmp_transcode_ladder_s {
    ngx_queue_t                      queue;
    ngx_rtmp_transcode_app_conf_t   *conf;
    ngx_onair_source_t               source;
    oa_live_session_t                live;       /* id 0: none yet */
    ngx_rtmp_transcode_thumbnail_t  *thumbnail;  /* NULL: none */
    char                             id[OA_HLS_SESSION_ID_BYTES + 1];

    /* all rungs in each, whoever makes them; none: source only */
    oa_xcode_t                      *xcode[NGX_RTMP_TRANSCODE_MAKERS];
    int64_t                          waits_ms;   /* since then, to know of a
                                                    card; 0: does not */
    oa_xcode_source_t                input;
    ngx_rtmp_transcode_record_t      video_record;   /* of it */
    ngx_rtmp_transcode_record_t      audio_record;
    ngx_uint_t                       nrungs;
    ngx_rtmp_transcode_rung_t        rungs[OA_LADDER_RUNGS];
    oa_ladder_watch_t                watch;
    oa_ladder_facts_t                facts[OA_LADDER_RUNGS];
    oa_ladder_slots_id_t             slots;
    int64_t                          measured_ms;
    int64_t                          reported_ms;
    unsigned                         part_frames;

    ngx_rtmp_transcode_boundaries_t  video;
    ngx_rtmp_transcode_boundaries_t  audio;

    ngx_rtmp_transcode_work_t        work;
    ngx_rtmp_transcode_log_t         log;
    unsigned                         entered:1;  /* into the slots */
};


/* Once in a worker. */
void ngx_rtmp_transcode_ladders_init(void);

/* At its end: what threads have not done is not done any more. */
void ngx_rtmp_transcode_ladders_exit(void);

extern const ngx_onair_ladder_t  ngx_rtmp_transcode_provided;


/* --- its codecs -------------------------------------------------------- */

/*
 * Makes the codecs of all rungs, on the device that is configured or, where
 * that fails, on the CPU.  Where none can be made the ladder has none, its
 * rungs are withdrawn, and why is logged.  While it is not known yet whether
 * there is a card for "auto" nothing is made.
 */
void ngx_rtmp_transcode_codecs_open(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks);

/* With each frame: is what was waited for there? */
void ngx_rtmp_transcode_codecs_wait(ngx_rtmp_transcode_ladder_t *ladder);

/* Whether there are any. */
ngx_uint_t ngx_rtmp_transcode_codecs_there(
    ngx_rtmp_transcode_ladder_t *ladder);

/* Those of one maker, where there are none yet. */
oa_err_t ngx_rtmp_transcode_codecs_make(ngx_rtmp_transcode_ladder_t *ladder,
    ngx_rtmp_transcode_maker_t maker, char text[OA_XCODE_TEXT_BYTES]);

/* Its frames are made by that one from now on; its codecs are there. */
void ngx_rtmp_transcode_rung_move(ngx_rtmp_transcode_rung_t *rung,
    ngx_rtmp_transcode_maker_t maker);

void ngx_rtmp_transcode_codecs_close(ngx_rtmp_transcode_ladder_t *ladder);

/* Other decoder configurations. */
void ngx_rtmp_transcode_codecs_change(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks);

/* Takes what they have made, when they have said that there is something. */
void ngx_rtmp_transcode_pull(void *ladder);


/* --- a card ------------------------------------------------------------ */

typedef enum {
    NGX_RTMP_TRANSCODE_CARD_UNKNOWN,
    NGX_RTMP_TRANSCODE_CARD_NONE,
    NGX_RTMP_TRANSCODE_CARD_THERE
} ngx_rtmp_transcode_card_t;

/*
 * Whether there is a card for "auto", as of the last look at it.  Looks again,
 * in a thread, where that is not known, or was not so a minute ago.
 */
ngx_rtmp_transcode_card_t ngx_rtmp_transcode_card(ngx_thread_pool_t *pool);

/* On the card the rung has stopped: the CPU takes it over, or nobody. */
void ngx_rtmp_transcode_card_failed(ngx_rtmp_transcode_rung_t *rung,
    const char *text);

/* A rung that goes on may be made on the card again, which had failed. */
void ngx_rtmp_transcode_card_again(ngx_rtmp_transcode_rung_t *rung);


/* --- its rungs --------------------------------------------------------- */

/* What is configured and the source allows; nothing of it is on. */
void ngx_rtmp_transcode_rungs_plan(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_tracks_t *tracks);

const char *ngx_rtmp_transcode_rung_name(ngx_rtmp_transcode_rung_t *rung);

/*
 * What a resumed session has from another configuration or source, and nobody
 * makes any more.
 */
void ngx_rtmp_transcode_withdraw_others(ngx_rtmp_transcode_ladder_t *ladder);

/* Their followers go; what was made is published. */
void ngx_rtmp_transcode_rungs_close(ngx_rtmp_transcode_ladder_t *ladder);

/* Who wants what, and how do they do: with each frame of the source. */
void ngx_rtmp_transcode_rungs_look(ngx_rtmp_transcode_ladder_t *ladder);

/* Asks the codecs how they do. */
void ngx_rtmp_transcode_measure(ngx_rtmp_transcode_ladder_t *ladder);

/* Puts into effect what was decided. */
void ngx_rtmp_transcode_rungs_apply(ngx_rtmp_transcode_ladder_t *ladder);

/* Tells all workers how the rungs do. */
void ngx_rtmp_transcode_report(ngx_rtmp_transcode_ladder_t *ladder,
    int64_t now_ms);

/* All are withdrawn for good: there are no codecs. */
void ngx_rtmp_transcode_rungs_withdraw(ngx_rtmp_transcode_ladder_t *ladder);

/* A boundary of the source, to those of its kind. */
void ngx_rtmp_transcode_rungs_boundary(ngx_rtmp_transcode_ladder_t *ladder,
    const oa_packager_frame_t *frame);

/* That of its maker: its follower is made with the first. */
void ngx_rtmp_transcode_rung_config(ngx_rtmp_transcode_rung_t *rung);

/* OA_XCODE_FRAME. */
void ngx_rtmp_transcode_rung_frame(ngx_rtmp_transcode_rung_t *rung,
    const oa_xcode_output_t *output);

/* It has stopped, and is withdrawn for a while. */
void ngx_rtmp_transcode_rung_failed(ngx_rtmp_transcode_rung_t *rung,
    const char *text);

/* Of all its codecs. */
void ngx_rtmp_transcode_rung_stats(ngx_rtmp_transcode_rung_t *rung,
    oa_xcode_rung_stats_t *stats);


/* --- sound ------------------------------------------------------------- */

/* Once in a worker, and at its end, as those of ladders. */
void ngx_rtmp_transcode_sounds_init(void);
void ngx_rtmp_transcode_sounds_exit(void);

extern const ngx_onair_sound_t  ngx_rtmp_transcode_sound_provided;


/* --- the log ----------------------------------------------------------- */

/* Whether one more line about a ladder, or a sound, may go to the log. */
ngx_uint_t ngx_rtmp_transcode_may_log(ngx_rtmp_transcode_ladder_t *ladder);
ngx_uint_t ngx_rtmp_transcode_may_tell(ngx_rtmp_transcode_log_t *limit,
    ngx_log_t *log);


#endif /* NGX_RTMP_TRANSCODE_H */
