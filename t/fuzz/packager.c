
/*
 * A whole publisher: messages with timestamps into the packager, and what the
 * live store holds after them, also of two renditions that follow: the same
 * frames again, whose times are those of presentation.  Input: messages of a
 * byte of kind (0 audio, 1 video, 2 metadata, 3 the publisher returns; with
 * 0x80 the timestamp jumps by four bytes), a signed step in milliseconds (one
 * byte, or those four), 16 bits of length, and the body.
 */


#include "fuzz.h"
#include "packager/oa_follower.h"
#include "packager/oa_packager.h"


#define REGION     OA_LIVE_MIN_BYTES
#define START_US   1800000000000000ll
#define MESSAGES   400


typedef struct {
    oa_live_t          live;
    oa_live_session_t  session;
    oa_packager_t     *packager;
    oa_live_session_t  followed;
    oa_follower_t     *followers[OA_LIVE_AUDIO + 1];       /* by kind */
    oa_err_t           failed;           /* the publisher was refused */
    uint64_t           next_id;
    uint32_t           timestamp;
    int64_t            now_ms;
} fuzz_packager_t;


static uint8_t             *region;
static oa_live_snapshot_t   snapshot;
static uint8_t              part_bytes[4 * 1024 * 1024];


static void
no_lock(void *ctx)
{
    (void) ctx;
}


static void *
heap_realloc(void *ctx, void *p, size_t size)
{
    (void) ctx;

    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


static bool
everybody_lives(void *ctx, const oa_bus_process_t *process)
{
    (void) ctx;
    (void) process;

    return true;
}


static void
on_published(void *ctx, oa_live_rendition_t rendition)
{
    fuzz_packager_t  *f = ctx;

    FUZZ_CHECK(rendition.session_id == f->session.id);
}


static void
on_notice(void *ctx, oa_packager_level_t level, const char *text)
{
    (void) ctx;

    FUZZ_CHECK(level == OA_PACKAGER_INFO || level == OA_PACKAGER_WARN);
    FUZZ_CHECK(fuzz_text_printable(text, 500));
}


/* --- what the store holds -------------------------------------------- */

static bool
is_box(const uint8_t *p, const char *name)
{
    return memcmp(p + 4, name, 4) == 0;
}


/* One level of boxes fills its parent; returns the first of that name. */
static oa_slice_t
find_box(oa_slice_t parent, const char *name)
{
    size_t      size;
    oa_slice_t  found;

    found = oa_slice(NULL, 0);

    while (parent.size > 0) {
        FUZZ_CHECK(parent.size >= 8);
        size = oa_get_u32(parent.data);
        FUZZ_CHECK(size >= 8 && size <= parent.size);

        if (found.data == NULL && is_box(parent.data, name)) {
            found = oa_slice(parent.data + 8, size - 8);
        }

        parent = oa_slice(parent.data + size, parent.size - size);
    }

    return found;
}


typedef struct {
    uint32_t   count;
    uint64_t   duration;
    uint64_t   bytes;
} samples_t;


/* A field of four bytes that is there when the flag is set. */
static uint32_t
optional(oa_slice_t *box, uint32_t flags, uint32_t flag, uint32_t otherwise)
{
    if (!(flags & flag)) {
        return otherwise;
    }

    FUZZ_CHECK(box->size >= 4);

    return fuzz_take(box, 4);
}


/* ISO/IEC 14496-12, 8.8.7: what is true unless a sample says otherwise. */
static void
read_defaults(oa_slice_t tfhd, uint32_t *duration, uint32_t *size)
{
    uint32_t  flags;

    FUZZ_CHECK(tfhd.size >= 8);
    flags = fuzz_take(&tfhd, 4) & 0xffffff;
    (void) fuzz_take(&tfhd, 4);
    FUZZ_CHECK(!(flags & 0x3));

    *duration = optional(&tfhd, flags, 0x8, 0);
    *size = optional(&tfhd, flags, 0x10, 0);
}


/* 8.8.8 */
static samples_t
sum_samples(oa_slice_t traf)
{
    uint32_t    flags, i, duration, size;
    samples_t   sum = { 0, 0, 0 };
    oa_slice_t  trun;

    read_defaults(find_box(traf, "tfhd"), &duration, &size);
    trun = find_box(traf, "trun");
    FUZZ_CHECK(trun.size >= 8);

    flags = fuzz_take(&trun, 4) & 0xffffff;
    sum.count = fuzz_take(&trun, 4);
    (void) optional(&trun, flags, 0x1, 0);
    (void) optional(&trun, flags, 0x4, 0);

    for (i = 0; i < sum.count; i++) {
        sum.duration += optional(&trun, flags, 0x100, duration);
        sum.bytes += optional(&trun, flags, 0x200, size);
        (void) optional(&trun, flags, 0x400, 0);
        (void) optional(&trun, flags, 0x800, 0);
    }

    FUZZ_CHECK(trun.size == 0);

    return sum;
}


static samples_t
check_fragment(oa_slice_t bytes)
{
    samples_t   sum;
    oa_slice_t  traf, mdat;

    mdat = find_box(bytes, "mdat");
    traf = find_box(find_box(bytes, "moof"), "traf");
    FUZZ_CHECK(mdat.data != NULL && traf.data != NULL);
    FUZZ_CHECK(find_box(traf, "tfdt").data != NULL);

    sum = sum_samples(traf);
    FUZZ_SPOILED(sum.bytes, sum.bytes + 1);
    FUZZ_CHECK(sum.count > 0);
    FUZZ_CHECK(sum.bytes == mdat.size);

    return sum;
}


static bool
last_of_segment(const oa_live_snapshot_t *s, uint32_t i)
{
    return i + 1 < s->nparts ? s->parts[i + 1].index == 0
           : s->segments[s->nsegments - 1].complete;
}


static void
check_part(fuzz_packager_t *f, oa_live_rendition_t r, uint32_t i)
{
    uint64_t                    duration;
    const oa_live_part_info_t  *part, *before;

    part = &snapshot.parts[i];
    FUZZ_CHECK(part->size > 0 && part->size <= sizeof(part_bytes));
    FUZZ_CHECK(oa_live_read(&f->live, r, part->number, part->offset,
                            part_bytes, part->size) == OA_OK);

    duration = check_fragment(oa_slice(part_bytes, part->size)).duration;
    FUZZ_CHECK(duration == part->duration);
    FUZZ_CHECK(duration <= snapshot.conf.part_target);

    if (i + 1 < snapshot.nparts && !last_of_segment(&snapshot, i)) {
        FUZZ_CHECK(duration * 100
                   >= (uint64_t) snapshot.conf.part_target * 85);
    }

    if (i > 0) {
        before = &snapshot.parts[i - 1];
        FUZZ_CHECK(before->hint.msn == part->name.msn
                   && before->hint.part == part->name.part);
        FUZZ_CHECK(before->number + 1 == part->number);
        FUZZ_CHECK(before->offset + before->size == part->offset);
    }
}


static void
check_segments(void)
{
    uint32_t                       i;
    const oa_live_segment_info_t  *segment, *before;

    for (i = 0; i < snapshot.nsegments; i++) {
        segment = &snapshot.segments[i];

        /* EXTINF rounds to at most the target duration of 2 s */
        FUZZ_CHECK(segment->duration * 2 < 5ull * snapshot.conf.timescale);

        if (i > 0) {
            before = &snapshot.segments[i - 1];
            FUZZ_CHECK(before->complete && before->msn + 1 == segment->msn);
            FUZZ_CHECK(segment->discontinuity
                       || before->decode_time + before->duration
                          == segment->decode_time);
        }
    }
}


static void
check_rendition(fuzz_packager_t *f, const char *name)
{
    size_t               size;
    uint32_t             i;
    uint8_t              init[OA_LIVE_INIT_BYTES];
    oa_live_format_t     format;
    oa_live_rendition_t  r;

    if (oa_live_rendition_find(&f->live, f->session,
                               oa_slice(name, strlen(name)), &r)
        != OA_OK)
    {
        return;
    }

    FUZZ_CHECK(oa_live_snapshot(&f->live, r, &snapshot) == OA_OK);

    for (i = 0; i < snapshot.nparts; i++) {
        check_part(f, r, i);
    }

    check_segments();

    if (oa_live_format_get(&f->live, r, &format) == OA_OK) {
        FUZZ_CHECK(fuzz_text_printable(format.codecs, sizeof(format.codecs)));
        FUZZ_CHECK(format.codecs[0] != '\0');
    }

    for (i = 0; i < snapshot.nsegments; i++) {
        FUZZ_CHECK(oa_live_init_read(&f->live, r,
                                     snapshot.segments[i].init_id, init, &size)
                   == OA_OK);
        FUZZ_CHECK(find_box(oa_slice(init, size), "moov").data != NULL);
    }
}


static void
check(fuzz_packager_t *f)
{
    check_rendition(f, "video");
    check_rendition(f, "audio");
    check_rendition(f, "copy");
    check_rendition(f, "copy_audio");
}


/* --- the publisher --------------------------------------------------- */

static bool
claim(fuzz_packager_t *f)
{
    bool             resumed;
    oa_live_claim_t  c;

    memset(&c, 0, sizeof(c));
    c.channel = oa_slice("news", 4);
    c.owner.pid = 1;
    c.owner.start_time = 1;
    c.id = f->next_id++;
    c.now_ms = f->now_ms;
    c.conf.target_duration_s = 2;
    c.conf.part_target_ms = 200;
    c.conf.window_ms = 60000;
    c.conf.grace_ms = 30000;
    c.conf.epoch_unix_us = START_US + f->now_ms * 1000;

    FUZZ_CHECK(oa_live_claim(&f->live, &c, everybody_lives, NULL, &f->session,
                             &resumed) == OA_OK);

    return resumed;
}


static oa_err_t
on_restart(void *ctx, oa_live_session_t *session)
{
    fuzz_packager_t  *f = ctx;

    check(f);
    oa_live_end(&f->live, f->session, f->now_ms, NULL, NULL);
    FUZZ_CHECK(!claim(f));
    *session = f->session;

    return OA_OK;
}


/* --- who follows ----------------------------------------------------- */

static void
followers_close(fuzz_packager_t *f)
{
    unsigned  kind;

    for (kind = OA_LIVE_VIDEO; kind <= OA_LIVE_AUDIO; kind++) {
        if (f->followers[kind] != NULL) {
            oa_follower_destroy(f->followers[kind]);
            f->followers[kind] = NULL;
        }
    }
}


static void
follower_open(fuzz_packager_t *f, oa_live_kind_t kind,
    const oa_packager_tracks_t *tracks)
{
    oa_err_t             err;
    oa_mem_t             mem = { heap_realloc, NULL };
    oa_follower_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    strcpy(conf.name, kind == OA_LIVE_VIDEO ? "copy" : "copy_audio");
    conf.kind = kind;
    conf.part_target_ms = 200;
    conf.max_pending_bytes = 1024 * 1024;

    if (kind == OA_LIVE_VIDEO) {
        conf.timescale = tracks->video_timescale;
        conf.frame = (uint32_t) oa_rescale(conf.timescale, tracks->rate.den,
                                           tracks->rate.num);

    } else {
        conf.timescale = tracks->audio_timescale;
        conf.frame = tracks->sound.frame_samples;
    }

    err = oa_follower_create(&f->followers[kind], &f->live, f->followed, &conf,
                             &mem, on_published, f);
    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_EFULL);

    if (err != OA_OK) {
        f->followers[kind] = NULL;
    }
}


static unsigned
on_tracks(void *ctx, oa_live_session_t session,
    const oa_packager_tracks_t *tracks)
{
    bool              has[] = { false, tracks->has_video, tracks->has_audio };
    oa_err_t          err;
    unsigned          kind;
    fuzz_packager_t  *f = ctx;

    if (session.id != f->followed.id) {
        followers_close(f);
    }

    f->followed = session;

    for (kind = OA_LIVE_VIDEO; kind <= OA_LIVE_AUDIO; kind++) {
        if (has[kind] && f->followers[kind] == NULL) {
            follower_open(f, kind, tracks);
        }

        if (f->followers[kind] != NULL) {
            err = oa_follower_config(f->followers[kind],
                                     kind == OA_LIVE_VIDEO
                                     ? tracks->video_record
                                     : tracks->audio_record,
                                     &tracks->picture, &tracks->sound,
                                     tracks->rate);
            FUZZ_CHECK(err == OA_OK || err == OA_EFULL || err == OA_ENOMEM);
        }
    }

    return 1;
}


static void
on_frame(void *ctx, const oa_packager_frame_t *frame)
{
    size_t                size;
    oa_err_t              err;
    unsigned              i;
    fuzz_packager_t      *f = ctx;
    static uint8_t        data[1024 * 1024];
    oa_follower_frame_t   copy;

    if (f->followers[frame->kind] == NULL) {
        return;
    }

    if (frame->begins) {
        err = oa_follower_boundary(f->followers[frame->kind],
                                   &frame->boundary);
        FUZZ_CHECK(err == OA_OK || err == OA_EFULL || err == OA_ENOMEM);
    }

    for (size = 0, i = 0; i < frame->npieces; i++) {
        FUZZ_CHECK(frame->pieces[i].size <= sizeof(data) - size);
        memcpy(data + size, frame->pieces[i].data, frame->pieces[i].size);
        size += frame->pieces[i].size;
    }

    memset(&copy, 0, sizeof(copy));
    copy.data = oa_slice(data, size);
    copy.time = frame->time;
    copy.sync = frame->sync;

    err = oa_follower_frame(f->followers[frame->kind], &copy);
    FUZZ_CHECK(err == OA_OK || err == OA_EFULL || err == OA_ENOMEM);
}


static void
begin(fuzz_packager_t *f)
{
    bool                  resumed;
    oa_mem_t              mem = { heap_realloc, NULL };
    oa_packager_conf_t    conf = { 200, 2000, 1024 * 1024 };
    oa_packager_events_t  events;

    memset(&events, 0, sizeof(events));
    events.published = on_published;
    events.notice = on_notice;
    events.restart = on_restart;
    events.tracks = on_tracks;
    events.frame = on_frame;
    events.ctx = f;

    resumed = claim(f);
    FUZZ_CHECK(oa_packager_create(&f->packager, &f->live, f->session, resumed,
                                  &conf, &mem, &events)
               == OA_OK);
}


static void
end(fuzz_packager_t *f)
{
    oa_packager_destroy(f->packager);
    followers_close(f);
    check(f);
    oa_live_release(&f->live, f->session, f->now_ms);
}


static void
media(fuzz_packager_t *f, bool video, oa_slice_t body)
{
    oa_err_t          err;
    int64_t           unix_us;
    oa_flv_refusal_t  refusal;

    unix_us = START_US + f->now_ms * 1000;
    err = video ? oa_packager_video(f->packager, body, f->timestamp, unix_us,
                                    &refusal)
                : oa_packager_audio(f->packager, body, f->timestamp, unix_us,
                                    &refusal);

    FUZZ_CHECK(err == OA_OK || err == OA_EINVAL || err == OA_EUNSUPPORTED
               || err == OA_EFULL || err == OA_ENOMEM);

    f->failed = err == OA_EFULL || err == OA_ENOMEM ? err : OA_OK;
}


static void
message(fuzz_packager_t *f, oa_slice_t *input)
{
    int32_t            step;
    uint32_t           kind;
    oa_slice_t         body;
    oa_amf_metadata_t  metadata;

    kind = fuzz_take(input, 1);
    step = kind & 0x80 ? (int32_t) fuzz_take(input, 4)
                       : (int8_t) fuzz_take(input, 1);
    f->timestamp += (uint32_t) step;
    f->now_ms += step > 0 && step < 1000 ? step : 0;
    body = fuzz_take_block(input, fuzz_take(input, 2));

    switch (kind & 3) {

    case 2:
        if (oa_amf_metadata_parse(body, &metadata) == OA_OK) {
            oa_packager_metadata(f->packager, &metadata);
        }

        break;

    case 3:
        end(f);
        begin(f);
        break;

    default:
        media(f, kind & 1, body);
    }

    fuzz_free(body);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned         n;
    oa_slice_t       input;
    oa_live_lock_t   lock = { no_lock, no_lock, NULL };
    fuzz_packager_t  f;

    if (region == NULL && posix_memalign((void **) &region, 4096, REGION)) {
        abort();
    }

    memset(&f, 0, sizeof(f));
    f.next_id = 1;
    input = oa_slice(data, size);

    FUZZ_CHECK(oa_live_format(region, REGION) == OA_OK);
    FUZZ_CHECK(oa_live_attach(&f.live, region, REGION, &lock) == OA_OK);
    begin(&f);

    for (n = 0; n < MESSAGES && input.size > 0 && f.failed == OA_OK; n++) {
        message(&f, &input);
    }

    end(&f);

    return 0;
}
