
/* How the stream is, second by second, and what its publisher says of it. */


#include "packager/oa_packager_impl.h"

#include <math.h>
#include <string.h>


/* Numbers beyond say nothing about a stream. */
#define OA_HEALTH_MAX_NUMBER  1e12


/* What was counted since the last time; a new session counts from 0. */
static uint32_t
oa_health_since(uint64_t count, uint64_t *before)
{
    uint64_t  n;

    n = count >= *before ? count - *before : count;
    *before = count;

    return n > UINT32_MAX ? UINT32_MAX : (uint32_t) n;
}


static void
oa_health_track(oa_track_t *t, uint32_t *bytes, uint32_t *frames,
    oa_live_health_t *health)
{
    oa_live_stats_t  *told;

    told = &t->told;

    *bytes = oa_health_since(t->received, &t->received_told);
    *frames = oa_health_since(t->stats.frames, &told->frames);
    health->timestamp_jumps += oa_health_since(t->stats.timestamp_jumps,
                                               &told->timestamp_jumps);
    health->dropped_frames += oa_health_since(t->stats.dropped_frames,
                                              &told->dropped_frames);
    health->late_frames += oa_health_since(t->stats.late_frames,
                                           &told->late_frames);
}


void
oa_packager_health(oa_packager_t *p)
{
    oa_live_health_t  health;

    if (!p->clocked) {
        return;
    }

    memset(&health, 0, sizeof(health));
    health.second = p->second;

    oa_health_track(&p->video, &health.video_bytes, &health.video_frames,
                    &health);
    oa_health_track(&p->audio, &health.audio_bytes, &health.audio_frames,
                    &health);

    if (oa_health_since(p->video.stats.keyframes, &p->video.told.keyframes) != 0
        && p->ngops > 0)
    {
        health.keyframe_interval_ms
            = (uint32_t) p->gop_ms[(p->ngops - 1) % OA_PACKAGER_GOPS];
    }

    oa_live_health_set(p->live, p->session, &health);
}


void
oa_packager_clock(oa_packager_t *p, int64_t now_ms)
{
    uint64_t  second;

    second = (uint64_t) (now_ms > 0 ? now_ms : 0) / 1000;

    if (second == p->second && p->clocked) {
        return;
    }

    oa_packager_health(p);
    p->second = second;
    p->clocked = true;
}


/* Text is cut between two characters of UTF-8. */
static uint32_t
oa_health_cut(oa_slice_t text, size_t limit)
{
    size_t  size;

    if (text.size <= limit) {
        return (uint32_t) text.size;
    }

    for (size = limit; size > 0 && (text.data[size] & 0xc0) == 0x80; size--) {
        /* void */
    }

    return (uint32_t) size;
}


static bool
oa_health_has(const oa_live_metadata_t *m, oa_slice_t name)
{
    uint32_t  i;

    for (i = 0; i < m->nfields; i++) {
        if (m->fields[i].name_size == name.size
            && memcmp(m->fields[i].name, name.data, name.size) == 0)
        {
            return true;
        }
    }

    return false;
}


/* An oa_amf_field_pt. */
static void
oa_health_field(void *ctx, const oa_amf_field_t *source)
{
    oa_live_metadata_t        *m;
    oa_live_metadata_field_t  *field;

    m = ctx;

    if (m->nfields == OA_LIVE_METADATA_FIELDS || source->name.size == 0
        || source->name.size > OA_LIVE_METADATA_NAME_BYTES
        || oa_health_has(m, source->name)
        || !(fabs(source->number) <= OA_HEALTH_MAX_NUMBER))
    {
        return;
    }

    field = &m->fields[m->nfields++];
    field->name_size = (uint32_t) source->name.size;
    memcpy(field->name, source->name.data, source->name.size);

    switch (source->kind) {

    case OA_AMF_FIELD_NUMBER:
        field->kind = OA_LIVE_METADATA_NUMBER;
        field->thousandths = llround(source->number * 1000);
        break;

    case OA_AMF_FIELD_BOOLEAN:
        field->kind = OA_LIVE_METADATA_BOOLEAN;
        field->thousandths = source->number != 0;
        break;

    default:
        field->kind = OA_LIVE_METADATA_TEXT;
        field->text_size = oa_health_cut(source->text, sizeof(field->text));
        memcpy(field->text, source->text.data, field->text_size);
    }
}


void
oa_packager_describe(oa_packager_t *p, oa_slice_t message)
{
    oa_live_metadata_t  said;

    memset(&said, 0, sizeof(said));

    if (oa_amf_metadata_each(message, oa_health_field, &said) == OA_OK) {
        p->said = said;
        oa_live_metadata_set(p->live, p->session, &said);
    }
}
