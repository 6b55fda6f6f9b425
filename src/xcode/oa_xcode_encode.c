
#include "xcode/oa_xcode_impl.h"
#include "codec/oa_annexb.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


#define OA_XCODE_RECORD_BYTES   4096

/* The mean of the latency moves by this part with each picture. */
#define OA_XCODE_SMOOTHING      8


/* --- a rung's end ----------------------------------------------------- */


void
oa_xcode_rung_stop(oa_xcode_rung_state_t *rung)
{
    oa_xcode_t        *xcode = rung->xcode;
    oa_xcode_track_t  *track;

    rung->on = false;
    rung->run++;
    rung->close = true;
    oa_xcode_ring_clear(&rung->in);
    oa_xcode_out_drop_frames(rung);
    xcode->tidy = xcode->tidy || !rung->audio;

    track = rung->audio ? &xcode->audio : &xcode->video;

    if (!oa_xcode_track_is_wanted(track)) {
        oa_xcode_track_stop(track);
        oa_xcode_strand_wake(&track->strand);
    }

    oa_xcode_strand_wake(&rung->strand);
    oa_xcode_strand_wake(&xcode->scaling);
}


void
oa_xcode_rung_fail(oa_xcode_rung_state_t *rung, const char *text)
{
    size_t             size;
    AVPacket          *packet;
    oa_xcode_coded_t   coded;

    size = strlen(text) + 1;
    packet = av_packet_alloc();

    if (packet != NULL && av_new_packet(packet, (int) size) == 0) {
        memcpy(packet->data, text, size);

    } else {
        av_packet_free(&packet);
    }

    memset(&coded, 0, sizeof(coded));
    coded.kind = OA_XCODE_FAILED;
    coded.packet = packet;

    pthread_mutex_lock(&rung->xcode->lock);

    if (rung->on || !rung->probed) {
        oa_xcode_rung_stop(rung);
        oa_xcode_out_push(rung, &coded);

    } else {
        av_packet_free(&coded.packet);
    }

    pthread_mutex_unlock(&rung->xcode->lock);
}


/* --- what comes out of an encoder ------------------------------------- */


static AVPacket *
oa_xcode_packet_of(const uint8_t *data, size_t size)
{
    AVPacket  *packet;

    packet = av_packet_alloc();

    if (packet == NULL || av_new_packet(packet, (int) size) < 0) {
        av_packet_free(&packet);
        return NULL;
    }

    memcpy(packet->data, data, size);

    return packet;
}


/* An access unit with lengths in it.  NULL: no memory, or it is malformed. */
static AVPacket *
oa_xcode_unit(oa_codec_id_t codec, const AVPacket *annexb)
{
    AVPacket     *packet;
    oa_slice_t    stream;
    oa_writer_t   w;

    stream = oa_slice(annexb->data, (size_t) annexb->size);
    packet = av_packet_alloc();

    if (packet == NULL
        || av_new_packet(packet, (int) OA_ANNEXB_ROOM(stream.size)) < 0)
    {
        av_packet_free(&packet);
        return NULL;
    }

    oa_writer_init(&w, packet->data, (size_t) packet->size);

    if (oa_annexb_unit_write(codec, stream, &w) != OA_OK) {
        av_packet_free(&packet);
        return NULL;
    }

    av_shrink_packet(packet, (int) oa_writer_size(&w));

    return packet;
}


/* The packet itself, which is blank then. */
static AVPacket *
oa_xcode_packet_taken(AVPacket *packet)
{
    AVPacket  *taken;

    taken = av_packet_alloc();

    if (taken != NULL) {
        av_packet_move_ref(taken, packet);
    }

    return taken;
}


/* The picture that a packet is of, or NULL. */
static const oa_xcode_inside_t *
oa_xcode_inside(const oa_xcode_rung_state_t *rung, int64_t pts)
{
    unsigned  i;

    for (i = 0; i < OA_XCODE_INSIDE; i++) {
        if (rung->inside[i].known && rung->inside[i].pts == pts) {
            return &rung->inside[i];
        }
    }

    return NULL;
}


/* Locked. */
static void
oa_xcode_count(oa_xcode_rung_state_t *rung, int64_t arrival_us)
{
    int64_t                 latency;
    oa_xcode_rung_stats_t  *stats = &rung->stats;

    if (rung->xcode->dead) {
        return;
    }

    latency = rung->xcode->events.now_us(rung->xcode->events.ctx) - arrival_us;

    stats->latency_us += stats->frames == 0
                         ? latency
                         : (latency - stats->latency_us) / OA_XCODE_SMOOTHING;
    stats->frames++;
}


static bool
oa_xcode_encoder_out(oa_xcode_rung_state_t *rung, AVPacket *packet)
{
    oa_xcode_t               *xcode = rung->xcode;
    oa_xcode_coded_t          coded;
    const oa_xcode_inside_t  *inside;

    inside = oa_xcode_inside(rung, packet->pts);
    if (inside == NULL) {
        return true;                 /* what is before the first sample */
    }

    coded.kind = OA_XCODE_FRAME;
    coded.time = inside->time;
    coded.arrival_us = inside->arrival_us;
    coded.sync = rung->audio || (packet->flags & AV_PKT_FLAG_KEY);
    coded.packet = rung->audio ? oa_xcode_packet_taken(packet)
                               : oa_xcode_unit(rung->conf.codec, packet);

    if (coded.packet == NULL) {
        return false;
    }

    pthread_mutex_lock(&xcode->lock);

    if (rung->on && rung->run == rung->picture.run) {
        oa_xcode_count(rung, coded.arrival_us);
        oa_xcode_out_push(rung, &coded);

    } else {
        av_packet_free(&coded.packet);
    }

    pthread_mutex_unlock(&xcode->lock);

    return true;
}


bool
oa_xcode_encoder_send(oa_xcode_rung_state_t *rung, const AVFrame *frame,
    const oa_xcode_inside_t *inside)
{
    int   rc;
    bool  good;

    rung->inside[rung->inside_next] = *inside;
    rung->inside_next = (rung->inside_next + 1) % OA_XCODE_INSIDE;

    if (avcodec_send_frame(rung->encoder, frame) < 0) {
        return false;
    }

    do {
        rc = avcodec_receive_packet(rung->encoder, rung->packet);
        good = rc == 0 ? oa_xcode_encoder_out(rung, rung->packet)
                       : rc == AVERROR(EAGAIN);
        av_packet_unref(rung->packet);
    } while (rc == 0 && good);

    return good;
}


bool
oa_xcode_encoder_record(oa_xcode_rung_state_t *rung)
{
    uint8_t           buf[OA_XCODE_RECORD_BYTES];
    oa_slice_t        record;
    oa_writer_t       w;
    oa_xcode_coded_t  coded;

    record = oa_slice(rung->encoder->extradata,
                      (size_t) rung->encoder->extradata_size);

    if (!rung->audio) {
        oa_writer_init(&w, buf, sizeof(buf));

        if (oa_annexb_record_write(rung->conf.codec, record, &w) != OA_OK) {
            return false;
        }

        record = oa_writer_slice(&w);
    }

    if (rung->record != NULL && (size_t) rung->record->size == record.size
        && memcmp(rung->record->data, record.data, record.size) == 0)
    {
        return true;
    }

    av_packet_free(&rung->record);
    rung->record = oa_xcode_packet_of(record.data, record.size);

    memset(&coded, 0, sizeof(coded));
    coded.kind = OA_XCODE_CONFIG;
    coded.packet = oa_xcode_packet_of(record.data, record.size);

    if (rung->record == NULL || coded.packet == NULL) {
        av_packet_free(&coded.packet);
        return false;
    }

    pthread_mutex_lock(&rung->xcode->lock);
    oa_xcode_out_push(rung, &coded);
    pthread_mutex_unlock(&rung->xcode->lock);

    return true;
}


/* --- the strand ------------------------------------------------------- */


/* Locked. */
static bool
oa_xcode_encode_has_room(const oa_xcode_rung_state_t *rung)
{
    return OA_XCODE_OUTPUTS - rung->out_count
           >= (rung->audio ? OA_XCODE_ROOM_SOUND : OA_XCODE_ROOM);
}


bool
oa_xcode_encode_has_work(oa_xcode_strand_t *strand)
{
    oa_xcode_rung_state_t  *rung = strand->of;

    return rung->close || !rung->probed
           || (rung->in.count > 0 && oa_xcode_encode_has_room(rung));
}


static void
oa_xcode_encoder_close(oa_xcode_rung_state_t *rung)
{
    avcodec_free_context(&rung->encoder);
    memset(rung->inside, 0, sizeof(rung->inside));
    oa_xcode_sound_close(rung);
}


static bool
oa_xcode_encoder_open(oa_xcode_rung_state_t *rung)
{
    bool  opened;
    char  text[OA_XCODE_TEXT_BYTES];

    if (rung->audio) {
        opened = oa_xcode_sound_open(rung, text);

    } else {
        rung->encoder = rung->xcode->functions->encoder_open(rung, text);
        opened = rung->encoder != NULL;
    }

    if (opened && !oa_xcode_encoder_record(rung)) {
        opened = false;
        (void) snprintf(text, sizeof(text),
                        "the encoder's configuration cannot be read");
    }

    if (!opened) {
        oa_xcode_encoder_close(rung);
        oa_xcode_rung_fail(rung, text);
    }

    return opened;
}


/* Opens it once to know what it will say. */
static void
oa_xcode_encode_probe(oa_xcode_rung_state_t *rung)
{
    bool  on;

    (void) oa_xcode_encoder_open(rung);

    pthread_mutex_lock(&rung->xcode->lock);
    rung->probed = true;
    on = rung->on;
    pthread_mutex_unlock(&rung->xcode->lock);

    if (!on) {
        oa_xcode_encoder_close(rung);
    }
}


/* An encoder that says the tags of the picture. */
static bool
oa_xcode_encode_ready(oa_xcode_rung_state_t *rung)
{
    char                text[OA_XCODE_TEXT_BYTES];
    const char         *hdr;
    oa_xcode_colour_t   colour;

    colour = oa_xcode_frame_colour(rung->picture.frame);

    if (rung->encoder != NULL
        && oa_xcode_colour_equal(&colour, &rung->colour))
    {
        return true;
    }

    oa_xcode_encoder_close(rung);
    hdr = oa_xcode_hdr_name(colour.transfer);

    if (hdr != NULL && oa_xcode_depth(rung->format) == 8) {
        oa_xcode_hdr_refuse(hdr, rung, text);
        oa_xcode_rung_fail(rung, text);
        return false;
    }

    rung->colour = colour;

    return oa_xcode_encoder_open(rung);
}


static void
oa_xcode_encode_slowly(uint32_t us)
{
    struct timespec  ts;

    if (us > 0) {
        ts.tv_sec = us / 1000000;
        ts.tv_nsec = (long) (us % 1000000) * 1000;
        (void) nanosleep(&ts, NULL);
    }
}


static void
oa_xcode_encode_video(oa_xcode_rung_state_t *rung, bool key)
{
    char                text[OA_XCODE_TEXT_BYTES];
    AVFrame            *frame = rung->picture.frame;
    oa_xcode_inside_t   inside;

    if (!oa_xcode_encode_ready(rung)) {
        return;
    }

    frame->pts = rung->picture.time;
    frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;

    inside.known = true;
    inside.pts = rung->picture.time;
    inside.time = rung->picture.time;
    inside.arrival_us = rung->picture.arrival_us;

    if (!oa_xcode_encoder_send(rung, frame, &inside)) {
        (void) snprintf(text, sizeof(text), "%s failed",
                        rung->encoder->codec->name);
        oa_xcode_encoder_close(rung);
        oa_xcode_rung_fail(rung, text);
        return;
    }

    rung->last_time = rung->picture.time;
}


/*
 * Locked.  Whether the picture is too late.  It leaves no trace: a keyframe
 * that it should have been is demanded of the next one.
 */
static bool
oa_xcode_encode_is_late(oa_xcode_rung_state_t *rung, bool key)
{
    int64_t      lateness;
    oa_xcode_t  *xcode = rung->xcode;

    lateness = xcode->events.now_us(xcode->events.ctx)
               - rung->picture.due_us;
    rung->stats.lateness_us = lateness > 0 ? lateness : 0;

    if (rung->audio || !oa_xcode_is_late(lateness, key)) {
        return false;
    }

    rung->stats.late++;

    return true;
}


typedef enum {
    OA_XCODE_ENCODE_NOTHING,
    OA_XCODE_ENCODE_CLOSE,
    OA_XCODE_ENCODE_PROBE,
    OA_XCODE_ENCODE_LATE,
    OA_XCODE_ENCODE_PICTURE
} oa_xcode_encode_task_t;


/* Locked. */
static oa_xcode_encode_task_t
oa_xcode_encode_take(oa_xcode_rung_state_t *rung, bool *key, uint32_t *slow_us)
{
    oa_xcode_t  *xcode = rung->xcode;

    if (xcode->dead) {
        return OA_XCODE_ENCODE_NOTHING;
    }

    if (rung->close) {
        rung->close = false;
        return OA_XCODE_ENCODE_CLOSE;
    }

    if (!rung->probed) {
        return OA_XCODE_ENCODE_PROBE;
    }

    if (!oa_xcode_encode_has_room(rung)
        || !oa_xcode_ring_pop(&rung->in, &rung->picture))
    {
        return OA_XCODE_ENCODE_NOTHING;
    }

    *slow_us = rung->slow_us;
    *key = oa_xcode_keys_between(&xcode->keys, rung->last_time,
                                 rung->picture.time, 0);

    if (oa_xcode_encode_is_late(rung, *key)) {
        return OA_XCODE_ENCODE_LATE;
    }

    *key = *key || rung->encoder == NULL;

    return OA_XCODE_ENCODE_PICTURE;
}


static void
oa_xcode_encode_picture(oa_xcode_rung_state_t *rung, bool key)
{
    if (!rung->audio) {
        oa_xcode_encode_video(rung, key);
        return;
    }

    if (rung->encoder == NULL && !oa_xcode_encoder_open(rung)) {
        return;
    }

    if (!oa_xcode_sound_encode(rung)) {
        oa_xcode_encoder_close(rung);
        oa_xcode_rung_fail(rung, "the encoder of sound failed");
    }
}


bool
oa_xcode_encode_work(oa_xcode_strand_t *strand)
{
    bool                     key;
    uint32_t                 slow_us;
    oa_xcode_rung_state_t   *rung = strand->of;
    oa_xcode_encode_task_t   task;

    pthread_mutex_lock(&rung->xcode->lock);
    task = oa_xcode_encode_take(rung, &key, &slow_us);
    pthread_mutex_unlock(&rung->xcode->lock);

    switch (task) {

    case OA_XCODE_ENCODE_NOTHING:
        return false;

    case OA_XCODE_ENCODE_CLOSE:
        oa_xcode_encoder_close(rung);
        break;

    case OA_XCODE_ENCODE_PROBE:
        oa_xcode_encode_probe(rung);
        break;

    case OA_XCODE_ENCODE_PICTURE:
        oa_xcode_encode_slowly(slow_us);
        oa_xcode_encode_picture(rung, key);
        break;

    case OA_XCODE_ENCODE_LATE:
        break;
    }

    av_frame_unref(rung->picture.frame);

    return true;
}
