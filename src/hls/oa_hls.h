
/*
 * Low-Latency HLS as text: playlists rendered from a snapshot of the live
 * store, the decision on a blocking reload, and the URIs.  RFC 8216bis
 * (draft-pantos-hls-rfc8216bis) is meant by every clause.
 */


#ifndef OA_HLS_H
#define OA_HLS_H


#include "base/oa_base.h"
#include "base/oa_writer.h"
#include "live/oa_live.h"
#include "live/oa_live_pictures.h"


#define OA_HLS_SESSION_ID_BYTES  13      /* base 32 of 64 bits, [a-z2-7] */
#define OA_HLS_MAX_REPORTS       OA_LIVE_SESSION_RENDITIONS


/* --- URIs ------------------------------------------------------------ */

typedef enum {
    OA_HLS_MULTIVARIANT,                 /* <channel>/index.m3u8 */
    OA_HLS_MEDIA,                        /* <c>/<session>/<r>/index.m3u8 */
    OA_HLS_INIT,                         /* …/init-<number>.mp4 */
    OA_HLS_SEGMENT,                      /* …/seg-<number>.m4s */
    OA_HLS_PART,                         /* …/part-<number>.<part>.m4s */
    OA_HLS_THUMBNAIL,                    /* <c>/thumbnail-<number>.jpg */
    OA_HLS_SPRITE,                       /* <c>/<session>/sprite-<number>.jpg */
    OA_HLS_SPRITES                       /* <c>/<session>/sprite.vtt */
} oa_hls_uri_kind_t;


typedef struct {
    oa_hls_uri_kind_t  kind;
    oa_slice_t         channel;          /* borrowed */
    uint64_t           session_id;       /* 0: none in it */
    oa_slice_t         rendition;        /* borrowed; empty: none in it */
    uint32_t           number;
    uint32_t           part;
} oa_hls_uri_t;


/* --- blocking reload, 6.2.5.2 ---------------------------------------- */

typedef struct {
    bool       has_msn;
    bool       has_part;
    bool       skip;                     /* _HLS_skip=YES (or v2) */
    uint64_t   msn;
    uint64_t   part;
} oa_hls_query_t;


typedef enum {
    OA_HLS_ANSWER,                       /* now, with the newest playlist */
    OA_HLS_WAIT,                         /* until the position is there */
    OA_HLS_BAD_REQUEST                   /* 400 */
} oa_hls_verdict_t;


/*
 * What to wait for: part `part` of segment `msn`, or any later one; with
 * whole, all of segment msn.  oa_hls_position_reached() compares.
 */
typedef struct {
    uint32_t   msn;
    uint32_t   part;
    bool       whole;
} oa_hls_position_t;


/* --- playlists ------------------------------------------------------- */

typedef struct {
    const char      *name;               /* of the other rendition */
    uint32_t         last_msn;
    uint32_t         last_part;          /* index */
} oa_hls_report_t;


typedef struct {
    const oa_live_session_info_t  *session;
    const oa_live_snapshot_t      *snapshot;
    const oa_hls_report_t         *reports;
    unsigned                       nreports;
    bool                           skip;     /* a delta update, 6.2.5.1 */
} oa_hls_media_t;


typedef struct {
    oa_live_rendition_conf_t   conf;
    oa_live_format_t           format;
    oa_live_stats_t            stats;
    oa_live_presence_t         presence;
} oa_hls_rendition_t;


typedef struct {
    uint64_t                   session_id;
    const oa_hls_rendition_t  *renditions;
    unsigned                   nrenditions;
} oa_hls_multivariant_t;


OA_BEGIN_DECLS


/*
 * Reads a path below the prefix, without a leading slash and already
 * unescaped, such as "news/…/video/seg-7.m4s".  A channel is one path
 * component that does not start with a dot.  Numbers have no leading zeros
 * and fit 32 bits.  OA_ENOTFOUND: no such form.
 */
OA_MUST_CHECK oa_err_t oa_hls_uri_parse(oa_slice_t path, oa_hls_uri_t *uri);

/*
 * The session id as its URLs spell it, with a terminating zero; and back.
 * OA_EINVAL: not the one spelling of an id, or 0, which is none.
 */
void oa_hls_session_id_format(uint64_t id,
    char text[OA_HLS_SESSION_ID_BYTES + 1]);
OA_MUST_CHECK oa_err_t oa_hls_session_id_parse(oa_slice_t text, uint64_t *id);

/*
 * Reads the directives from a query string; other parameters are passed
 * over.  OA_EINVAL: a part without msn, a number that is none or too large,
 * a directive given twice.  An unknown _HLS_skip value is no skip.
 */
OA_MUST_CHECK oa_err_t oa_hls_query_parse(oa_slice_t args,
    oa_hls_query_t *query);

/*
 * Decides on a request; pure.  part_target_ms is the rendition's; it gives
 * the Advance Part Limit of 6.2.5.2.  An msn more than two behind the last
 * whole segment's, or a part so far behind the last one, is OA_HLS_BAD_REQUEST.
 * With OA_HLS_WAIT, *position says what for.  A session that is not
 * OA_LIVE_ON_AIR or in grace never waits.  Who asks a sleeping rendition for
 * anything, as a player does that knows the numbers of another one, waits for
 * its first part.
 */
oa_hls_verdict_t oa_hls_reload(const oa_live_edge_t *edge,
    const oa_hls_query_t *query, uint32_t part_target_ms,
    oa_hls_position_t *position);

bool oa_hls_position_reached(const oa_live_edge_t *edge,
    const oa_hls_position_t *position);

/*
 * Orders positions: a whole segment comes behind all its parts.  What is
 * reached comes first, but for one case: parts that a complete segment turned
 * out not to have wait for the next segment, and stand before the whole one,
 * which is reached.
 */
int oa_hls_position_compare(const oa_hls_position_t *a,
    const oa_hls_position_t *b);


/*
 * Fills in a rendition report from the rendition's edge, which must have a
 * part.  name is borrowed.  nparts_before: the parts of the segment before the
 * last one, or 0 when unknown.  hls.js takes LAST-PART=0 for a missing one and
 * then asks for too much, so while a segment has only its first part, the part
 * before that is reported as the last.
 */
void oa_hls_report_set(oa_hls_report_t *report, const char *name,
    const oa_live_edge_t *edge, uint32_t nparts_before);


/*
 * Renders a media playlist.  OA_EFULL, and w->error, when it did not fit; 256
 * bytes a segment and 128 a part suffice, and 4096 beside.
 * OA_EAGAIN: there is no part yet, so there can be no playlist.
 *
 * It shows conf.window_ms, but at least six target durations; the same of the
 * same snapshot, always.  The reports are those of all other renditions that
 * have a part.  A delta update that would skip nothing, or of a stream that
 * has ended, is rendered in full.  SERVER-CONTROL stays as it was when the
 * stream ends (6.2.1): with ENDLIST, players and servers pass it over.
 */
OA_MUST_CHECK oa_err_t oa_hls_media_render(const oa_hls_media_t *media,
    oa_writer_t *w);

/*
 * Renders the multivariant playlist: every video rendition, the heaviest
 * first, with the audio rendition named "audio" as their group; behind them
 * other audio renditions, each a variant for those who want no picture.  When
 * there is no video, each audio rendition is a variant.  URIs are relative:
 * <session>/<rendition>/index.m3u8.
 * A rendition that is withdrawn, or whose format is not known yet (no codecs),
 * is left out.
 * OA_EFULL, and w->error: it did not fit; 1024 bytes a rendition suffice.
 * OA_EAGAIN: there is no rendition yet.
 *
 * BANDWIDTH and AVERAGE-BANDWIDTH count the group's audio in.  Until a segment
 * was measured (bandwidth_bps 0) they say current_bps, and when that is 0 too,
 * a guess: a tenth of a bit a pixel, 64 kbit/s an audio channel.  They never
 * say less than format.promised_bps, which takes the guess's place.
 */
OA_MUST_CHECK oa_err_t oa_hls_multivariant_render(
    const oa_hls_multivariant_t *multivariant, oa_writer_t *w);

/*
 * Renders what is where on the sheets of a session, as WebVTT: a cue for each
 * tile from its media time until the next one's, whose text is the sheet's URI,
 * beside this one's, with the tile's place in it as a media fragment
 * (#xywh=…).  Sheets may come in any order; tiles that stand for no time are
 * left out.  Media time 0 is the session's begin, which a note tells.
 * OA_EFULL, and w->error: it did not fit; 256 bytes and 96 a tile suffice.
 */
OA_MUST_CHECK oa_err_t oa_hls_sprites_render(
    const oa_live_session_info_t *session, const oa_live_picture_t *sheets,
    unsigned nsheets, oa_writer_t *w);

/*
 * The first segment that a playlist of this snapshot shows: an index.  The
 * whole segments from there on make up window_ms, as soon as there are so
 * many; it never moves back as parts are appended.
 */
uint32_t oa_hls_window_start(const oa_live_snapshot_t *snapshot,
    uint32_t window_ms);


OA_END_DECLS


#endif /* OA_HLS_H */
