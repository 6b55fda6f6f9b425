
#include "status/oa_status_impl.h"

#include <string.h>

#include "hls/oa_hls.h"
#include "ladder/oa_ladder_watch.h"


/* A piece that does not fit is taken back and written into a new buffer. */
oa_err_t
oa_status_piece(oa_status_t *st, oa_status_piece_pt piece)
{
    oa_err_t      err;
    oa_json_t     json;
    oa_writer_t   w;

    json = st->json;
    w = *st->json.w;

    piece(st);

    if (st->json.w->error != OA_EFULL) {
        return st->json.w->error;
    }

    st->json = json;
    *st->json.w = w;

    err = st->room(st->ctx, st->json.w);
    if (err != OA_OK) {
        return err;
    }

    piece(st);

    return st->json.w->error;
}


static void
oa_status_member_str(oa_json_t *json, const char *key, const char *value)
{
    oa_json_key(json, key);
    oa_json_str(json, value);
}


static void
oa_status_member_uint(oa_json_t *json, const char *key, uint64_t value)
{
    oa_json_key(json, key);
    oa_json_uint(json, value);
}


/* Milliseconds, told in seconds. */
static void
oa_status_member_ms(oa_json_t *json, const char *key, int64_t ms)
{
    oa_json_key(json, key);
    oa_json_ratio(json, ms > 0 ? (uint64_t) ms : 0, 1000, 3);
}


static const char *
oa_status_state(oa_live_state_t state)
{
    switch (state) {

    case OA_LIVE_ON_AIR:
        return "on_air";

    case OA_LIVE_GRACE:
        return "grace";

    default:
        return "ended";
    }
}


/* One path component, RFC 3986: only unreserved characters stand bare. */
static void
oa_status_component(oa_writer_t *w, const char *s)
{
    static const char  hex[] = "0123456789ABCDEF";
    static const char  bare[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    for ( /* void */ ; *s != '\0'; s++) {
        if (strchr(bare, *s) != NULL) {
            oa_write_u8(w, (uint8_t) *s);
            continue;
        }

        oa_write_str(w, "%");
        oa_write_u8(w, (uint8_t) hex[(uint8_t) *s >> 4]);
        oa_write_u8(w, (uint8_t) hex[(uint8_t) *s & 15]);
    }
}


/* <channel>[/<session>/<rendition>]/index.m3u8, as a JSON string. */
static void
oa_status_playlist(oa_status_t *st, const char *rendition)
{
    char          id[OA_HLS_SESSION_ID_BYTES + 1];
    uint8_t       path[3 * OA_LIVE_CHANNEL_BYTES + 64];
    oa_writer_t   w;

    oa_writer_init(&w, path, sizeof(path));
    oa_status_component(&w, st->info.channel);

    if (rendition != NULL) {
        oa_hls_session_id_format(st->info.session.id, id);
        oa_write_str(&w, "/");
        oa_write_str(&w, id);
        oa_write_str(&w, "/");
        oa_status_component(&w, rendition);
    }

    oa_write_str(&w, "/index.m3u8");

    oa_json_key(&st->json, "playlist");
    oa_json_slice(&st->json, oa_writer_slice(&w));
}


static void
oa_status_head(oa_status_t *st)
{
    oa_json_object_begin(&st->json);
    oa_json_key(&st->json, "time");
    oa_json_rfc3339(&st->json, st->source->unix_us);
    oa_json_key(&st->json, "channels");
    oa_json_array_begin(&st->json);
}


static void
oa_status_channel_begin(oa_status_t *st)
{
    char                      id[OA_HLS_SESSION_ID_BYTES + 1];
    int64_t                   now_ms;
    uint32_t                  viewers;
    oa_json_t                *json;
    oa_live_session_info_t   *info;

    json = &st->json;
    info = &st->info;
    now_ms = st->source->now_ms;

    oa_hls_session_id_format(info->session.id, id);
    viewers = oa_live_viewers(st->source->live, info->session, now_ms);

    oa_json_object_begin(json);
    oa_status_member_str(json, "channel", info->channel);
    oa_status_member_str(json, "session", id);
    oa_status_member_str(json, "state", oa_status_state(info->state));
    oa_status_member_ms(json, "state_for", now_ms - info->state_ms);
    oa_json_key(json, "started");
    oa_json_rfc3339(json, info->conf.epoch_unix_us);
    oa_status_member_ms(json, "uptime",
                        (info->state == OA_LIVE_ENDED ? info->state_ms
                                                      : now_ms)
                        - info->started_ms);
    oa_status_member_uint(json, "publishers", info->publishers);
    oa_status_member_uint(json, "viewers", viewers);
    oa_status_member_uint(json, "target_duration",
                          info->conf.target_duration_s);
    oa_status_member_ms(json, "part_target", info->conf.part_target_ms);
    oa_status_member_ms(json, "window", info->conf.window_ms);
    oa_status_member_ms(json, "grace", info->conf.grace_ms);
    oa_status_playlist(st, NULL);
    oa_status_thumbnails(st);
    oa_json_key(json, "renditions");
    oa_json_array_begin(json);
}


static void
oa_status_format(oa_json_t *json, const oa_status_rendition_t *r)
{
    const oa_live_format_t  *format;

    format = &r->format;

    oa_status_member_str(json, "codecs", format->codecs);

    if (r->conf.kind == OA_LIVE_AUDIO) {
        oa_status_member_uint(json, "sample_rate", format->sample_rate);
        oa_status_member_uint(json, "channels", format->channels);
        return;
    }

    oa_status_member_uint(json, "width", format->width);
    oa_status_member_uint(json, "height", format->height);

    oa_json_key(json, "frame_rate");

    if (format->frame_rate_den != 0) {
        oa_json_ratio(json, format->frame_rate_num, format->frame_rate_den, 3);
    } else {
        oa_json_null(json);
    }

    oa_json_key(json, "measured_frame_rate");
    oa_json_ratio(json, r->stats.frame_rate_milli, 1000, 3);
    oa_status_member_ms(json, "keyframe_interval",
                        (int64_t) r->stats.keyframe_interval_ms);
    oa_status_member_uint(json, "keyframes", r->stats.keyframes);
}


static void
oa_status_stats(oa_json_t *json, const oa_live_stats_t *stats)
{
    oa_status_member_uint(json, "bandwidth", stats->bandwidth_bps);
    oa_status_member_uint(json, "average_bandwidth", stats->average_bps);
    oa_status_member_uint(json, "bitrate", stats->current_bps);
    oa_status_member_uint(json, "frames", stats->frames);
    oa_status_member_uint(json, "dropped_frames", stats->dropped_frames);
    oa_status_member_uint(json, "late_frames", stats->late_frames);
    oa_status_member_uint(json, "timestamp_jumps", stats->timestamp_jumps);
}


/* Where the newest part stands: null while there is none. */
static void
oa_status_edge(oa_json_t *json, const oa_live_edge_t *edge)
{
    oa_json_key(json, "edge");

    if (edge->head == 0 || edge->nparts == 0) {
        oa_json_null(json);
        return;
    }

    oa_json_object_begin(json);
    oa_status_member_uint(json, "msn", edge->msn);
    oa_status_member_uint(json, "part", edge->nparts - 1);
    oa_json_object_end(json);
}


/* Microseconds, told in seconds. */
static void
oa_status_member_us(oa_json_t *json, const char *key, uint64_t us)
{
    oa_json_key(json, key);
    oa_json_ratio(json, us, 1000000, 6);
}


static const char *
oa_status_rung_state(uint64_t state)
{
    switch (state) {

    case OA_LADDER_ON:
        return "on";

    case OA_LADDER_ASLEEP:
        return "asleep";

    default:
        return "withdrawn";
    }
}


/* How it is made. */
static void
oa_status_rung(oa_json_t *json, const oa_live_rung_t *rung)
{
    oa_ladder_reason_t  reason;

    reason = (oa_ladder_reason_t) rung->reason;

    oa_json_key(json, "rung");
    oa_json_object_begin(json);
    oa_status_member_str(json, "state", oa_status_rung_state(rung->state));
    oa_status_member_str(json, "reason", oa_ladder_reason_text(reason));
    oa_status_member_str(json, "device", rung->cuda ? "cuda" : "cpu");
    oa_json_key(json, "slots");
    oa_json_ratio(json, rung->slots, OA_LADDER_SLOT, 3);
    oa_status_member_us(json, "latency", rung->latency_us);
    oa_status_member_us(json, "encode_time", rung->encode_us);
    oa_status_member_us(json, "decode_time", rung->decode_us);
    oa_status_member_us(json, "scale_time", rung->scale_us);
    oa_status_member_uint(json, "frames", rung->frames);
    oa_status_member_uint(json, "late_frames", rung->late);
    oa_status_member_uint(json, "full_frames", rung->full + rung->unstored);
    oa_status_member_uint(json, "sheds", rung->sheds);
    oa_json_object_end(json);
}


static void
oa_status_rendition(oa_status_t *st)
{
    oa_json_t                    *json;
    const oa_status_rendition_t  *r;

    json = &st->json;
    r = st->rendition;

    oa_json_object_begin(json);
    oa_status_member_str(json, "name", r->conf.name);
    oa_status_member_str(json, "kind",
                         r->conf.kind == OA_LIVE_AUDIO ? "audio" : "video");

    oa_status_format(json, r);

    if (r->conf.timescale != 0) {
        oa_json_key(json, "part_target");
        oa_json_ratio(json, r->conf.part_target, r->conf.timescale, 5);
    }

    oa_status_stats(json, &r->stats);
    oa_status_edge(json, &r->edge);

    if (r->rung.made) {
        oa_status_rung(json, &r->rung);
    }

    oa_status_playlist(st, r->conf.name);
    oa_json_object_end(json);
}


static void
oa_status_warnings_begin(oa_status_t *st)
{
    oa_json_array_end(&st->json);
    oa_json_key(&st->json, "warnings");
    oa_json_array_begin(&st->json);
}


static void
oa_status_rendition_warnings(oa_status_t *st)
{
    oa_status_warnings(&st->json, st->rendition,
                       st->info.conf.target_duration_s);
}


static void
oa_status_minute_warnings(oa_status_t *st)
{
    unsigned          n;
    oa_live_health_t  records[OA_STATUS_RECORD_SECONDS];

    if (oa_live_health_get(st->source->live, st->info.session,
                           st->source->now_ms, OA_STATUS_RECORD_SECONDS,
                           records, &n) == OA_OK)
    {
        oa_status_record_warnings(&st->json, records, n);
    }
}


static void
oa_status_metadata_begin(oa_status_t *st)
{
    oa_json_array_end(&st->json);
    oa_json_key(&st->json, "metadata");
    oa_json_object_begin(&st->json);
}


static void
oa_status_metadata_field(oa_status_t *st)
{
    const oa_live_metadata_field_t  *field;

    field = &st->metadata.fields[st->field];

    oa_json_key_slice(&st->json, oa_slice(field->name, field->name_size));

    switch (field->kind) {

    case OA_LIVE_METADATA_NUMBER:
        oa_json_thousandths(&st->json, field->thousandths);
        break;

    case OA_LIVE_METADATA_BOOLEAN:
        oa_json_bool(&st->json, field->thousandths != 0);
        break;

    default:
        oa_json_slice(&st->json, oa_slice(field->text, field->text_size));
    }
}


static void
oa_status_channel_end(oa_status_t *st)
{
    oa_json_object_end(&st->json);
    oa_json_object_end(&st->json);
}


/* What the publisher said; a field is a piece, since it may be all escapes. */
static oa_err_t
oa_status_metadata(oa_status_t *st)
{
    oa_err_t  err;

    err = oa_status_piece(st, oa_status_metadata_begin);

    if (oa_live_metadata_get(st->source->live, st->info.session,
                             &st->metadata) != OA_OK)
    {
        return err;
    }

    for (st->field = 0;
         err == OA_OK && st->field < st->metadata.nfields;
         st->field++)
    {
        err = oa_status_piece(st, oa_status_metadata_field);
    }

    return err;
}


static void
oa_status_member_slots(oa_json_t *json, const char *key, uint64_t thousandths)
{
    oa_json_key(json, key);
    oa_json_ratio(json, thousandths, OA_LADDER_SLOT, 3);
}


/* This machine's, and the sums of all others; null where they are not known. */
static void
oa_status_slots(oa_json_t *json, const oa_ladder_slots_usage_t *slots)
{
    oa_json_key(json, "slots");
    oa_json_object_begin(json);
    oa_status_member_slots(json, "capacity", slots->capacity);
    oa_status_member_slots(json, "partners", slots->partners);
    oa_status_member_slots(json, "affiliates", slots->affiliates);
    oa_json_key(json, "elsewhere");

    if (slots->shared) {
        oa_json_object_begin(json);
        oa_status_member_uint(json, "machines", slots->elsewhere.machines);
        oa_status_member_slots(json, "capacity", slots->elsewhere.capacity);
        oa_status_member_slots(json, "partners", slots->elsewhere.partners);
        oa_status_member_slots(json, "affiliates",
                               slots->elsewhere.affiliates);
        oa_json_object_end(json);

    } else {
        oa_json_null(json);
    }

    oa_json_object_end(json);
}


static void
oa_status_tail(oa_status_t *st)
{
    oa_json_t        *json;
    oa_live_usage_t   usage;

    json = &st->json;

    oa_live_usage(st->source->live, &usage);

    oa_json_array_end(json);
    oa_status_member_uint(json, "viewers", st->viewers);
    oa_status_member_uint(json, "waiting_requests", st->source->waiting);

    oa_json_key(json, "zone");
    oa_json_object_begin(json);
    oa_status_member_uint(json, "bytes", usage.region_bytes);
    oa_status_member_uint(json, "pages", usage.pages);
    oa_status_member_uint(json, "pages_used", usage.pages_used);
    oa_status_member_uint(json, "page_bytes", OA_LIVE_PAGE_BYTES);
    oa_status_member_uint(json, "sessions", usage.sessions);
    oa_status_member_uint(json, "renditions", usage.renditions);
    oa_json_object_end(json);

    if (st->source->slots) {
        oa_status_slots(json, st->source->slots);
    }

    oa_json_object_end(json);
}


/* False when the rendition has gone, or is not described yet. */
static bool
oa_status_read(const oa_live_t *live, oa_live_rendition_t rendition,
    oa_status_rendition_t *r)
{
    memset(r, 0, sizeof(oa_status_rendition_t));

    return oa_live_rendition_conf(live, rendition, &r->conf) == OA_OK
           && oa_live_format_get(live, rendition, &r->format) == OA_OK
           && oa_live_stats_get(live, rendition, &r->stats) == OA_OK
           && oa_live_edge(live, rendition, &r->edge) == OA_OK
           && oa_live_rung_get(live, rendition, &r->rung) == OA_OK;
}


static oa_err_t
oa_status_renditions(oa_status_t *st, oa_status_piece_pt piece)
{
    uint32_t                i;
    oa_err_t                err;
    oa_status_rendition_t   r;

    for (i = 0; i < st->info.nrenditions; i++) {

        if (!oa_status_read(st->source->live, st->info.renditions[i], &r)) {
            continue;
        }

        st->rendition = &r;

        err = oa_status_piece(st, piece);
        if (err != OA_OK) {
            return err;
        }
    }

    return OA_OK;
}


static oa_err_t
oa_status_channel(oa_status_t *st)
{
    oa_err_t  err;

    err = oa_status_piece(st, oa_status_channel_begin);
    if (err != OA_OK) {
        return err;
    }

    err = oa_status_renditions(st, oa_status_rendition);
    if (err != OA_OK) {
        return err;
    }

    err = oa_status_piece(st, oa_status_warnings_begin);
    if (err != OA_OK) {
        return err;
    }

    if (st->info.state == OA_LIVE_ON_AIR) {
        err = oa_status_renditions(st, oa_status_rendition_warnings);
        if (err == OA_OK) {
            err = oa_status_piece(st, oa_status_minute_warnings);
        }

        if (err != OA_OK) {
            return err;
        }
    }

    err = oa_status_metadata(st);
    if (err != OA_OK) {
        return err;
    }

    return oa_status_piece(st, oa_status_channel_end);
}


/*
 * Whether a session speaks for its channel: an ended one does not when
 * another has followed.
 */
static bool
oa_status_newest(oa_status_t *st, oa_live_session_t session)
{
    oa_slice_t                channel;
    oa_live_session_t         newest;
    const oa_live_t          *live;
    oa_live_session_info_t   *info;

    live = st->source->live;
    info = &st->info;

    if (oa_live_session_info(live, session, info) != OA_OK) {
        return false;
    }

    channel = oa_slice(info->channel, strlen(info->channel));

    return oa_live_find(live, channel, &newest) == OA_OK
           && newest.id == session.id;
}


oa_err_t
oa_status_render(const oa_status_source_t *source, oa_writer_t *w,
    oa_status_room_pt room, void *ctx)
{
    uint32_t            cursor;
    oa_err_t            err;
    oa_status_t         st;
    oa_live_session_t   session;

    st.source = source;
    st.room = room;
    st.ctx = ctx;
    st.viewers = 0;
    oa_json_init(&st.json, w);

    err = oa_status_piece(&st, oa_status_head);

    cursor = 0;

    while (err == OA_OK && oa_live_next(source->live, &cursor, &session)) {
        if (!oa_status_newest(&st, session)) {
            continue;
        }

        st.viewers += oa_live_viewers(source->live, session, source->now_ms);
        err = oa_status_channel(&st);
    }

    if (err != OA_OK) {
        return err;
    }

    return oa_status_piece(&st, oa_status_tail);
}
