
/* The record of a stream's seconds: as columns, and what it means in words. */


#include "status/oa_status_impl.h"

#include <string.h>

#include "hls/oa_hls.h"


/* Values of a column in one piece. */
#define OA_RECORD_PIECE         200

/* What is looked at for warnings, and what it takes to be worth one. */
#define OA_RECORD_MINUTE        60
#define OA_RECORD_MIN_SECONDS   20
#define OA_RECORD_FALL_PERCENT  40
#define OA_RECORD_FALL_SECONDS  5
#define OA_RECORD_MISSING_MIN   10
#define OA_RECORD_MISSING       30       /* per mille */
#define OA_RECORD_JUMPS         3


typedef struct {
    const char  *name;
    size_t       offset;
    uint32_t     factor;
} oa_record_column_t;


static const oa_record_column_t  oa_record_columns[] = {
    { "video_bitrate", offsetof(oa_live_health_t, video_bytes), 8 },
    { "audio_bitrate", offsetof(oa_live_health_t, audio_bytes), 8 },
    { "video_frames", offsetof(oa_live_health_t, video_frames), 1 },
    { "audio_frames", offsetof(oa_live_health_t, audio_frames), 1 },
    { "keyframe_interval_ms",
      offsetof(oa_live_health_t, keyframe_interval_ms), 1 },
    { "timestamp_jumps", offsetof(oa_live_health_t, timestamp_jumps), 1 },
    { "dropped_frames", offsetof(oa_live_health_t, dropped_frames), 1 },
    { "late_frames", offsetof(oa_live_health_t, late_frames), 1 }
};


static uint32_t
oa_record_value(const oa_live_health_t *record, unsigned column)
{
    uint32_t  value;

    memcpy(&value,
           (const uint8_t *) record + oa_record_columns[column].offset,
           sizeof(value));

    return value;
}


static void
oa_record_head(oa_status_t *st)
{
    char        id[OA_HLS_SESSION_ID_BYTES + 1];
    int64_t     second_us;
    oa_json_t  *json;

    json = &st->json;
    oa_hls_session_id_format(st->info.session.id, id);

    oa_json_object_begin(json);
    oa_json_key(json, "channel");
    oa_json_str(json, st->info.channel);
    oa_json_key(json, "session");
    oa_json_str(json, id);
    oa_json_key(json, "seconds");
    oa_json_uint(json, st->nrecords);
    oa_json_key(json, "begin");

    if (st->nrecords == 0) {
        oa_json_null(json);
        return;
    }

    /* the store's clock, at the wall clock of now */
    second_us = (int64_t) st->records[0].second * 1000000;
    oa_json_rfc3339(json, st->source->unix_us - st->source->now_ms * 1000
                          + second_us);
}


static void
oa_record_column_begin(oa_status_t *st)
{
    oa_json_key(&st->json, oa_record_columns[st->column].name);
    oa_json_array_begin(&st->json);
}


static void
oa_record_values(oa_status_t *st)
{
    unsigned  i;

    for (i = st->at; i < st->nrecords && i < st->at + OA_RECORD_PIECE; i++) {
        oa_json_uint(&st->json,
                     (uint64_t) oa_record_value(&st->records[i], st->column)
                     * oa_record_columns[st->column].factor);
    }
}


static void
oa_record_column_end(oa_status_t *st)
{
    oa_json_array_end(&st->json);
}


static void
oa_record_tail(oa_status_t *st)
{
    oa_json_object_end(&st->json);
}


static oa_err_t
oa_record_column(oa_status_t *st)
{
    oa_err_t  err;

    err = oa_status_piece(st, oa_record_column_begin);

    for (st->at = 0;
         err == OA_OK && st->at < st->nrecords;
         st->at += OA_RECORD_PIECE)
    {
        err = oa_status_piece(st, oa_record_values);
    }

    return err == OA_OK ? oa_status_piece(st, oa_record_column_end) : err;
}


oa_err_t
oa_status_render_health(const oa_status_source_t *source, oa_slice_t channel,
    oa_writer_t *w, oa_status_room_pt room, void *ctx)
{
    oa_err_t           err;
    oa_status_t        st;
    oa_live_health_t   records[OA_LIVE_HEALTH_SECONDS];
    oa_live_session_t  session;

    memset(&st, 0, sizeof(st));
    st.source = source;
    st.room = room;
    st.ctx = ctx;
    st.records = records;
    oa_json_init(&st.json, w);

    if (oa_live_find(source->live, channel, &session) != OA_OK
        || oa_live_session_info(source->live, session, &st.info) != OA_OK
        || oa_live_health_get(source->live, session, source->now_ms,
                              OA_LIVE_HEALTH_SECONDS, records, &st.nrecords)
           != OA_OK)
    {
        return OA_ENOTFOUND;
    }

    err = oa_status_piece(&st, oa_record_head);

    for (st.column = 0;
         err == OA_OK && st.column < sizeof(oa_record_columns)
                                     / sizeof(oa_record_columns[0]);
         st.column++)
    {
        err = oa_record_column(&st);
    }

    return err == OA_OK ? oa_status_piece(&st, oa_record_tail) : err;
}


/* --- warnings ----------------------------------------------------------- */

static uint64_t
oa_record_bytes(const oa_live_health_t *record)
{
    return (uint64_t) record->video_bytes + record->audio_bytes;
}


/* The longest time of the last minute with far less than usual. */
static void
oa_record_fall(oa_json_t *json, const oa_live_health_t *records, unsigned n)
{
    uint8_t      text[160];
    uint64_t     sum, mean, run_sum, fallen;
    unsigned     i, run, longest;
    oa_writer_t  w;

    sum = 0;

    for (i = 0; i < n; i++) {
        sum += oa_record_bytes(&records[i]);
    }

    mean = sum / n;
    run = 0;
    run_sum = 0;
    longest = 0;
    fallen = 0;

    for (i = n > OA_RECORD_MINUTE ? n - OA_RECORD_MINUTE : 0; i < n; i++) {
        if (oa_record_bytes(&records[i]) * 100
            >= mean * OA_RECORD_FALL_PERCENT)
        {
            run = 0;
            run_sum = 0;
            continue;
        }

        run++;
        run_sum += oa_record_bytes(&records[i]);

        if (run > longest) {
            longest = run;
            fallen = run_sum / run;
        }
    }

    if (longest < OA_RECORD_FALL_SECONDS || mean == 0) {
        return;
    }

    oa_writer_init(&w, text, sizeof(text));
    oa_write_str(&w, "the bitrate fell to ");
    oa_write_dec(&w, fallen * 100 / mean);
    oa_write_str(&w, " % for ");
    oa_write_dec(&w, longest);
    oa_write_str(&w, " s; look at the uplink, or lower the bitrate");
    oa_json_slice(json, oa_writer_slice(&w));
}


static void
oa_record_missing(oa_json_t *json, uint64_t frames, uint64_t dropped)
{
    uint8_t      text[160];
    uint64_t     per_mille;
    oa_writer_t  w;

    if (dropped < OA_RECORD_MISSING_MIN) {
        return;
    }

    per_mille = dropped * 1000 / (frames + dropped);

    if (per_mille < OA_RECORD_MISSING) {
        return;
    }

    oa_writer_init(&w, text, sizeof(text));
    oa_write_seconds(&w, per_mille, 10, 1);
    oa_write_str(&w, " % of the frames of the last minute are missing; "
                 "lower the encoder's bitrate or load");
    oa_json_slice(json, oa_writer_slice(&w));
}


static void
oa_record_jumps(oa_json_t *json, uint64_t jumps)
{
    uint8_t      text[160];
    oa_writer_t  w;

    if (jumps < OA_RECORD_JUMPS) {
        return;
    }

    oa_writer_init(&w, text, sizeof(text));
    oa_write_str(&w, "the encoder's clock jumps: ");
    oa_write_dec(&w, jumps);
    oa_write_str(&w, " times in the last minute; look at its sources");
    oa_json_slice(json, oa_writer_slice(&w));
}


void
oa_status_record_warnings(oa_json_t *json, const oa_live_health_t *records,
    unsigned n)
{
    uint64_t  frames, dropped, jumps;
    unsigned  i;

    if (n < OA_RECORD_MIN_SECONDS) {
        return;
    }

    frames = 0;
    dropped = 0;
    jumps = 0;

    for (i = n > OA_RECORD_MINUTE ? n - OA_RECORD_MINUTE : 0; i < n; i++) {
        frames += records[i].video_frames;
        dropped += records[i].dropped_frames;
        jumps += records[i].timestamp_jumps;
    }

    oa_record_fall(json, records, n);
    oa_record_missing(json, frames, dropped);
    oa_record_jumps(json, jumps);
}
