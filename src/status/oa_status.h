
/*
 * The state of the live store as JSON: every channel, its renditions, what
 * was measured, and in words what its streamer should change.
 *
 * The text is made piece by piece into buffers that the caller provides, so
 * its length has no limit and no buffer has to hold all of it.
 */


#ifndef OA_STATUS_H
#define OA_STATUS_H


#include "base/oa_base.h"
#include "base/oa_writer.h"
#include "json/oa_json.h"
#include "ladder/oa_ladder_slots.h"
#include "live/oa_live.h"
#include "live/oa_live_health.h"


/* No piece is longer; a buffer must have room for one. */
#define OA_STATUS_PIECE_BYTES  4096


/*
 * Called when the buffer in w is full: takes what is written, up to w->pos,
 * and gives w a new one (oa_writer_init) of OA_STATUS_PIECE_BYTES or more.
 */
typedef oa_err_t (*oa_status_room_pt)(void *ctx, oa_writer_t *w);


typedef struct {
    const oa_live_t    *live;
    int64_t             now_ms;      /* monotonic, as the live store's */
    int64_t             unix_us;     /* the wall clock at the same moment */
    uint64_t            waiting;     /* requests, in all processes */

    /* for transcoding; NULL: there are none */
    const oa_ladder_slots_usage_t  *slots;
} oa_status_source_t;


/* What of one rendition is told, read at one moment. */
typedef struct {
    oa_live_rendition_conf_t  conf;
    oa_live_format_t          format;
    oa_live_stats_t           stats;
    oa_live_edge_t            edge;
    oa_live_rung_t            rung;
} oa_status_rendition_t;


OA_BEGIN_DECLS


/*
 * Renders everything.  w must have a buffer already.  What is in w at the
 * end, the caller takes; w->error is then OA_OK.
 * Errors: what room() returned; OA_EFULL when it gave too little.
 */
OA_MUST_CHECK oa_err_t oa_status_render(const oa_status_source_t *source,
    oa_writer_t *w, oa_status_room_pt room, void *ctx);

/*
 * The record of one channel's newest session, as columns: an array for each
 * thing measured, with a value for each second, oldest first.
 * OA_ENOTFOUND: no such channel; errors as above.
 */
OA_MUST_CHECK oa_err_t oa_status_render_health(
    const oa_status_source_t *source, oa_slice_t channel, oa_writer_t *w,
    oa_status_room_pt room, void *ctx);

/*
 * Writes, as strings of the array that json is in, what was wrong in the last
 * minute: records are n seconds up to now, some more than that to compare with.
 */
#define OA_STATUS_RECORD_SECONDS  180

void oa_status_record_warnings(oa_json_t *json,
    const oa_live_health_t *records, unsigned n);

/*
 * Writes, as strings of the array that json is in, what is wrong with a
 * rendition and what the streamer should do about it.
 */
void oa_status_warnings(oa_json_t *json, const oa_status_rendition_t *r,
    uint32_t target_duration_s);


OA_END_DECLS


#endif /* OA_STATUS_H */
