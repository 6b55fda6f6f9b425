
#include "hls/oa_hls.h"


#define OA_HLS_DIGITS         5          /* decimal places of durations */
#define OA_HLS_UNIT           100000     /* and what they count in a second */

#define OA_HLS_VERSION_MAP    6          /* section 8: EXT-X-MAP */
#define OA_HLS_VERSION_SKIP   9          /* and EXT-X-SKIP */

#define OA_HLS_EDGE_TARGETS   3          /* parts are listed so far back */
#define OA_HLS_SKIP_TARGETS   6          /* CAN-SKIP-UNTIL, at least 6 */


/* What is rendered: the segments from first on; those before kept skipped. */
typedef struct {
    const oa_hls_media_t      *media;
    const oa_live_snapshot_t  *snapshot;
    oa_writer_t               *w;
    uint32_t                   first;
    uint32_t                   kept;
    uint64_t                   part_ticks;   /* parts are listed this near */
} oa_hls_render_t;


/* num / den, rounded up. */
static uint64_t
oa_hls_ceil(uint64_t num, uint64_t den)
{
    return num / den + (num % den != 0);
}


static uint64_t
oa_hls_ticks(const oa_live_snapshot_t *snapshot, uint64_t ms)
{
    return oa_hls_ceil(ms * snapshot->conf.timescale, 1000);
}


/*
 * PART-TARGET in units of the printed digits.  It is rounded up, so that no
 * part that keeps to the target is printed as longer than it.
 */
static uint64_t
oa_hls_part_target(const oa_live_snapshot_t *snapshot)
{
    return oa_hls_ceil((uint64_t) snapshot->conf.part_target * OA_HLS_UNIT,
                       snapshot->conf.timescale);
}


/*
 * 6.2.4 wants the same SERVER-CONTROL in all renditions, whose part targets
 * differ a little, by whole frames.  So it follows from what was configured,
 * with a quarter to spare over the three part targets of 4.4.3.8.
 */
static uint64_t
oa_hls_part_hold_back_ms(const oa_hls_media_t *media)
{
    uint64_t  common_ms, own_ms;

    common_ms = oa_hls_ceil((uint64_t) media->session->conf.part_target_ms
                            * 15, 4);
    own_ms = oa_hls_ceil(oa_hls_part_target(media->snapshot) * 3 * 1000,
                         OA_HLS_UNIT);

    return common_ms > own_ms ? common_ms : own_ms;
}


static void
oa_hls_write_number_tag(oa_writer_t *w, const char *tag, uint64_t number)
{
    oa_write_str(w, tag);
    oa_write_dec(w, number);
    oa_write_str(w, "\n");
}


static void
oa_hls_write_server_control(oa_hls_render_t *r)
{
    uint32_t      target_s;
    oa_writer_t  *w;

    w = r->w;
    target_s = r->media->session->conf.target_duration_s;

    oa_write_str(w, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES");
    oa_write_str(w, ",PART-HOLD-BACK=");
    oa_write_seconds(w, oa_hls_part_hold_back_ms(r->media), 1000, 3);
    oa_write_str(w, ",HOLD-BACK=");
    oa_write_seconds(w, 3 * (uint64_t) target_s, 1, 1);
    oa_write_str(w, ",CAN-SKIP-UNTIL=");
    oa_write_seconds(w, OA_HLS_SKIP_TARGETS * (uint64_t) target_s, 1, 1);
    oa_write_str(w, "\n#EXT-X-PART-INF:PART-TARGET=");
    oa_write_seconds(w, oa_hls_part_target(r->snapshot), OA_HLS_UNIT,
                     OA_HLS_DIGITS);
    oa_write_str(w, "\n");
}


static bool
oa_hls_all_independent(const oa_hls_render_t *r)
{
    uint32_t  i;

    for (i = r->first; i < r->snapshot->nsegments; i++) {
        if (!r->snapshot->segments[i].independent) {
            return false;
        }
    }

    return true;
}


static void
oa_hls_write_header(oa_hls_render_t *r)
{
    uint32_t                       skipped;
    oa_writer_t                   *w;
    const oa_live_segment_info_t  *first;

    w = r->w;
    first = &r->snapshot->segments[r->first];
    skipped = r->kept - r->first;

    oa_write_str(w, "#EXTM3U\n");
    oa_hls_write_number_tag(w, "#EXT-X-VERSION:",
                            skipped > 0 ? OA_HLS_VERSION_SKIP
                                        : OA_HLS_VERSION_MAP);
    oa_hls_write_number_tag(w, "#EXT-X-TARGETDURATION:",
                            r->media->session->conf.target_duration_s);
    oa_hls_write_server_control(r);
    oa_hls_write_number_tag(w, "#EXT-X-MEDIA-SEQUENCE:", first->msn);

    /* 6.2.2 wants it as soon as a segment with a DISCONTINUITY may leave */
    oa_hls_write_number_tag(w, "#EXT-X-DISCONTINUITY-SEQUENCE:",
                            first->discontinuities
                            - (first->discontinuity ? 1 : 0));

    if (oa_hls_all_independent(r)) {
        oa_write_str(w, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    }

    if (skipped > 0) {
        oa_hls_write_number_tag(w, "#EXT-X-SKIP:SKIPPED-SEGMENTS=", skipped);
    }
}


/* When the segment's first sample is presented, not when it is decoded. */
static void
oa_hls_write_date(oa_hls_render_t *r, const oa_live_segment_info_t *segment)
{
    int64_t  media_us;

    media_us = oa_rescale((int64_t) (segment->decode_time + segment->delay),
                          1000000, r->snapshot->conf.timescale);

    oa_write_str(r->w, "#EXT-X-PROGRAM-DATE-TIME:");
    oa_write_rfc3339(r->w, r->media->session->conf.epoch_unix_us + media_us);
    oa_write_str(r->w, "\n");
}


/* The tags that come before the segment's first part. */
static void
oa_hls_write_segment_tags(oa_hls_render_t *r, uint32_t i)
{
    const oa_live_segment_info_t  *segment;

    segment = &r->snapshot->segments[i];

    if (segment->discontinuity) {
        oa_write_str(r->w, "#EXT-X-DISCONTINUITY\n");
    }

    /* again behind a skip, for players that do not carry it over */
    if (i == r->kept || segment->discontinuity
        || segment->init_id != segment[-1].init_id)
    {
        oa_write_str(r->w, "#EXT-X-MAP:URI=\"init-");
        oa_write_dec(r->w, segment->init_id);
        oa_write_str(r->w, ".mp4\"\n");
    }

    oa_hls_write_date(r, segment);
}


static void
oa_hls_write_part_name(oa_writer_t *w, oa_live_name_t name)
{
    oa_write_str(w, "URI=\"part-");
    oa_write_dec(w, name.msn);
    oa_write_str(w, ".");
    oa_write_dec(w, name.part);
    oa_write_str(w, ".m4s\"");
}


static void
oa_hls_write_part(oa_hls_render_t *r, const oa_live_part_info_t *part)
{
    oa_write_str(r->w, "#EXT-X-PART:DURATION=");
    oa_write_seconds(r->w, part->duration, r->snapshot->conf.timescale,
                     OA_HLS_DIGITS);
    oa_write_str(r->w, ",");
    oa_hls_write_part_name(r->w, part->name);

    if (part->flags & OA_LIVE_PART_INDEPENDENT) {
        oa_write_str(r->w, ",INDEPENDENT=YES");
    }

    oa_write_str(r->w, "\n");
}


/* All parts of a segment, or none: players count them by their place. */
static void
oa_hls_write_parts(oa_hls_render_t *r, const oa_live_segment_info_t *segment)
{
    uint32_t                    i;
    uint64_t                    at;
    const oa_live_snapshot_t   *s;

    s = r->snapshot;

    if (s->nparts == 0 || segment->first_part < s->parts[0].number) {
        return;
    }

    at = segment->first_part - s->parts[0].number;

    if (at > s->nparts || segment->nparts > s->nparts - at) {
        return;
    }

    for (i = 0; i < segment->nparts; i++) {
        oa_hls_write_part(r, &s->parts[at + i]);
    }
}


static void
oa_hls_write_segment_uri(oa_hls_render_t *r,
    const oa_live_segment_info_t *segment)
{
    oa_write_str(r->w, "#EXTINF:");
    oa_write_seconds(r->w, segment->duration, r->snapshot->conf.timescale,
                     OA_HLS_DIGITS);
    oa_write_str(r->w, ",\nseg-");
    oa_write_dec(r->w, segment->msn);
    oa_write_str(r->w, ".m4s\n");
}


static void
oa_hls_write_segments(oa_hls_render_t *r)
{
    uint32_t                       i;
    uint64_t                       left;   /* from this segment to the edge */
    const oa_live_segment_info_t  *segment;

    for (left = 0, i = r->kept; i < r->snapshot->nsegments; i++) {
        left += r->snapshot->segments[i].duration;
    }

    for (i = r->kept; i < r->snapshot->nsegments; i++) {
        segment = &r->snapshot->segments[i];

        if (segment->nparts == 0) {
            continue;
        }

        oa_hls_write_segment_tags(r, i);

        if (left <= r->part_ticks || !segment->complete) {
            oa_hls_write_parts(r, segment);
        }

        if (segment->complete) {
            oa_hls_write_segment_uri(r, segment);
        }

        left -= segment->duration;
    }
}


static void
oa_hls_write_reports(oa_hls_render_t *r)
{
    unsigned                i;
    const oa_hls_report_t  *report;

    for (i = 0; i < r->media->nreports; i++) {
        report = &r->media->reports[i];

        oa_write_str(r->w, "#EXT-X-RENDITION-REPORT:URI=\"../");
        oa_write_str(r->w, report->name);
        oa_write_str(r->w, "/index.m3u8\",LAST-MSN=");
        oa_write_dec(r->w, report->last_msn);
        oa_write_str(r->w, ",LAST-PART=");
        oa_write_dec(r->w, report->last_part);
        oa_write_str(r->w, "\n");
    }
}


static void
oa_hls_write_trailer(oa_hls_render_t *r)
{
    if (r->snapshot->state == OA_LIVE_ENDED) {
        oa_write_str(r->w, "#EXT-X-ENDLIST\n");
        return;
    }

    oa_write_str(r->w, "#EXT-X-PRELOAD-HINT:TYPE=PART,");
    oa_hls_write_part_name(r->w, r->snapshot->hint);
    oa_write_str(r->w, "\n");

    oa_hls_write_reports(r);
}


/*
 * The first segment such that the whole ones behind it would no longer make
 * up `ticks`: an index from `from` on.
 */
static uint32_t
oa_hls_segment_back(const oa_live_snapshot_t *snapshot, uint32_t from,
    uint64_t ticks)
{
    uint32_t  i;
    uint64_t  behind;

    behind = 0;

    for (i = snapshot->nsegments; i > from; i--) {

        if (behind >= ticks) {
            break;
        }

        if (snapshot->segments[i - 1].complete) {
            behind += snapshot->segments[i - 1].duration;
        }
    }

    return i;
}


uint32_t
oa_hls_window_start(const oa_live_snapshot_t *snapshot, uint32_t window_ms)
{
    return oa_hls_segment_back(snapshot, 0, oa_hls_ticks(snapshot, window_ms));
}


/* How many segments of a delta update are kept, as an index. */
static uint32_t
oa_hls_skip_end(const oa_hls_media_t *media, uint32_t first)
{
    uint64_t                   boundary_ms;
    const oa_live_snapshot_t  *s;

    s = media->snapshot;

    if (!media->skip || s->state == OA_LIVE_ENDED) {
        return first;
    }

    boundary_ms = 1000 * OA_HLS_SKIP_TARGETS
                  * (uint64_t) media->session->conf.target_duration_s;

    return oa_hls_segment_back(s, first, oa_hls_ticks(s, boundary_ms));
}


oa_err_t
oa_hls_media_render(const oa_hls_media_t *media, oa_writer_t *w)
{
    uint64_t                       window_ms, least_ms;
    oa_hls_render_t                r;
    const oa_live_snapshot_t      *s;
    const oa_live_session_conf_t  *conf;

    s = media->snapshot;
    conf = &media->session->conf;

    if (s->nsegments == 0 || s->nparts == 0) {
        return OA_EAGAIN;
    }

    least_ms = 1000 * OA_HLS_SKIP_TARGETS * (uint64_t) conf->target_duration_s;
    window_ms = conf->window_ms > least_ms ? conf->window_ms : least_ms;

    r.media = media;
    r.snapshot = s;
    r.w = w;
    r.first = oa_hls_window_start(s, (uint32_t) window_ms);
    r.kept = oa_hls_skip_end(media, r.first);
    r.part_ticks = oa_hls_ticks(s, 1000 * OA_HLS_EDGE_TARGETS
                                   * (uint64_t) conf->target_duration_s);

    oa_hls_write_header(&r);
    oa_hls_write_segments(&r);
    oa_hls_write_trailer(&r);

    return w->error;
}
