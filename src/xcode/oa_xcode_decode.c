
#include "xcode/oa_xcode_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


enum AVCodecID
oa_xcode_codec_id(oa_codec_id_t codec)
{
    switch (codec) {
    case OA_CODEC_AVC:
        return AV_CODEC_ID_H264;
    case OA_CODEC_HEVC:
        return AV_CODEC_ID_HEVC;
    case OA_CODEC_AV1:
        return AV_CODEC_ID_AV1;
    case OA_CODEC_AAC:
        return AV_CODEC_ID_AAC;
    case OA_CODEC_OPUS:
        return AV_CODEC_ID_OPUS;
    case OA_CODEC_MP3:
        return AV_CODEC_ID_MP3;
    default:
        return AV_CODEC_ID_NONE;
    }
}


/* --- configurations --------------------------------------------------- */


/* Locked. */
static void
oa_xcode_config_release(oa_xcode_config_t *config)
{
    if (config != NULL && --config->refs == 0) {
        av_buffer_unref(&config->record);
        free(config);
    }
}


/* Locked. */
static oa_xcode_config_t *
oa_xcode_config_hold(oa_xcode_config_t *config)
{
    config->refs++;

    return config;
}


oa_err_t
oa_xcode_track_config(oa_xcode_track_t *track, oa_codec_id_t codec,
    oa_slice_t record)
{
    enum AVCodecID      id;
    oa_xcode_config_t  *config = track->config;

    id = oa_xcode_codec_id(codec);

    if (config != NULL && config->id == id
        && config->record->size == record.size
        && memcmp(config->record->data, record.data, record.size) == 0)
    {
        return OA_OK;
    }

    config = calloc(1, sizeof(*config));
    if (config == NULL) {
        return OA_ENOMEM;
    }

    config->record = av_buffer_alloc(record.size);
    if (config->record == NULL) {
        free(config);
        return OA_ENOMEM;
    }

    if (record.size != 0) {
        memcpy(config->record->data, record.data, record.size);
    }

    config->id = id;
    config->refs = 1;

    pthread_mutex_lock(&track->xcode->lock);
    oa_xcode_config_release(track->config);
    track->config = config;
    pthread_mutex_unlock(&track->xcode->lock);

    return OA_OK;
}


/* --- packets ---------------------------------------------------------- */


/* Locked. */
static void
oa_xcode_packet_drop(oa_xcode_packet_t *packet)
{
    av_packet_free(&packet->packet);
    oa_xcode_config_release(packet->config);
    memset(packet, 0, sizeof(*packet));
}


/* Locked; with room. */
static void
oa_xcode_packet_push(oa_xcode_track_t *track, oa_xcode_packet_t *packet)
{
    track->packets[(track->first + track->count) % OA_XCODE_PACKETS] = *packet;
    track->count++;
    track->bytes += (size_t) packet->packet->size;
}


/* Locked. */
static bool
oa_xcode_packet_pop(oa_xcode_track_t *track, oa_xcode_packet_t *packet)
{
    if (track->count == 0) {
        return false;
    }

    *packet = track->packets[track->first];
    track->first = (track->first + 1) % OA_XCODE_PACKETS;
    track->count--;
    track->bytes -= (size_t) packet->packet->size;

    return true;
}


/* Locked. */
bool
oa_xcode_track_is_wanted(const oa_xcode_track_t *track)
{
    unsigned                      i;
    const oa_xcode_rung_state_t  *rung;

    for (i = 0; i < track->xcode->nrungs; i++) {
        rung = &track->xcode->rungs[i];

        if (rung->on && rung->audio == track->audio) {
            return true;
        }
    }

    return false;
}


void
oa_xcode_track_stop(oa_xcode_track_t *track)
{
    oa_xcode_packet_t  packet;

    while (oa_xcode_packet_pop(track, &packet)) {
        oa_xcode_packet_drop(&packet);
    }

    track->lost = true;
    track->full = false;
    track->close = true;
}


static AVPacket *
oa_xcode_packet_new(const oa_xcode_input_t *input)
{
    size_t     size, at;
    unsigned   i;
    AVPacket  *packet;

    for (size = 0, i = 0; i < input->npieces; i++) {
        if (input->pieces[i].size > OA_XCODE_PACKET_BYTES - size) {
            return NULL;
        }

        size += input->pieces[i].size;
    }

    packet = av_packet_alloc();
    if (packet == NULL || size == 0
        || av_new_packet(packet, (int) size) < 0)
    {
        av_packet_free(&packet);
        return NULL;
    }

    for (at = 0, i = 0; i < input->npieces; i++) {
        if (input->pieces[i].size != 0) {
            memcpy(packet->data + at, input->pieces[i].data,
                   input->pieces[i].size);
        }

        at += input->pieces[i].size;
    }

    packet->pts = input->time;
    packet->dts = input->decode_time;
    packet->duration = input->duration;
    packet->flags = input->sync ? AV_PKT_FLAG_KEY : 0;

    return packet;
}


/* Locked.  Takes the packet over. */
static void
oa_xcode_push_packet(oa_xcode_track_t *track, AVPacket *av,
    const oa_xcode_input_t *input)
{
    oa_xcode_packet_t  packet;

    if (av == NULL || track->count == OA_XCODE_PACKETS
        || track->bytes + (size_t) av->size > OA_XCODE_PACKET_BYTES)
    {
        track->lost = true;
        track->full = true;
        track->xcode->stats.full++;
        av_packet_free(&av);
        return;
    }

    packet.packet = av;
    packet.config = oa_xcode_config_hold(track->config);
    packet.arrival_us = input->arrival_us;
    packet.fresh = track->lost;
    track->lost = false;
    track->full = false;
    oa_xcode_packet_push(track, &packet);
}


void
oa_xcode_push(oa_xcode_t *xcode, const oa_xcode_input_t *input)
{
    bool               takes;
    AVPacket          *packet;
    oa_xcode_track_t  *track;

    track = input->audio ? &xcode->audio : &xcode->video;

    if (track->config == NULL) {
        return;
    }

    if (xcode->functions->end != NULL) {
        oa_xcode_watch(xcode);
    }

    pthread_mutex_lock(&xcode->lock);

    if (!input->audio && input->sync) {
        oa_xcode_keys_add(&xcode->keys, input->time);
    }

    if (!input->audio && input->keyframe) {
        oa_xcode_keys_add(&xcode->keys, input->keyframe_time);
    }

    takes = oa_xcode_track_is_wanted(track);

    if (takes && track->lost && !input->sync && !track->audio) {
        xcode->stats.full += track->full;
        takes = false;
    }

    pthread_mutex_unlock(&xcode->lock);

    packet = takes ? oa_xcode_packet_new(input) : NULL;

    pthread_mutex_lock(&xcode->lock);

    if (takes) {
        oa_xcode_push_packet(track, packet, input);
    }

    /* what could not be asked for before is, now */
    oa_xcode_wake_all(xcode);

    pthread_mutex_unlock(&xcode->lock);
}


/* --- the strand ------------------------------------------------------- */


/* Locked. */
static bool
oa_xcode_decode_has_room(const oa_xcode_track_t *track)
{
    return track->audio
           || track->xcode->decoded.count < track->xcode->decoded.capacity;
}


static bool
oa_xcode_decode_has_work(oa_xcode_strand_t *strand)
{
    oa_xcode_track_t  *track = strand->of;

    return track->close
           || (oa_xcode_decode_has_room(track)
               && (track->more || track->next.packet != NULL
                   || track->count > 0));
}


static void
oa_xcode_decoder_close(oa_xcode_track_t *track)
{
    avcodec_free_context(&track->decoder);
    track->more = false;
    track->draining = false;
    track->refusals = 0;

    pthread_mutex_lock(&track->xcode->lock);
    oa_xcode_config_release(track->open);
    track->open = NULL;
    pthread_mutex_unlock(&track->xcode->lock);
}


/* Its rungs fail; what is in the queue goes, up to the next sync frame. */
static void
oa_xcode_decoder_fail(oa_xcode_track_t *track, const char *text)
{
    unsigned                i;
    oa_xcode_t             *xcode = track->xcode;
    oa_xcode_rung_state_t  *rung;

    oa_xcode_decoder_close(track);

    for (i = 0; i < xcode->nrungs; i++) {
        rung = &xcode->rungs[i];

        if (rung->audio == track->audio) {
            oa_xcode_rung_fail(rung, text);
        }
    }
}


static AVCodecContext *
oa_xcode_sound_decoder(const oa_xcode_config_t *config,
    char text[OA_XCODE_TEXT_BYTES])
{
    AVCodecContext  *decoder;
    const AVCodec   *codec;

    codec = avcodec_find_decoder(config->id);
    decoder = avcodec_alloc_context3(codec);

    if (decoder == NULL) {
        (void) snprintf(text, OA_XCODE_TEXT_BYTES, "no memory for a decoder");
        return NULL;
    }

    decoder->extradata = av_mallocz(config->record->size
                                    + AV_INPUT_BUFFER_PADDING_SIZE);
    if (decoder->extradata != NULL) {
        memcpy(decoder->extradata, config->record->data,
               config->record->size);
        decoder->extradata_size = (int) config->record->size;
    }

    decoder->thread_count = 1;
    decoder->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;

    if (decoder->extradata == NULL
        || avcodec_open2(decoder, codec, NULL) < 0)
    {
        avcodec_free_context(&decoder);
        (void) snprintf(text, OA_XCODE_TEXT_BYTES,
                        "the decoder of %s cannot be opened",
                        avcodec_get_name(config->id));
    }

    return decoder;
}


static bool
oa_xcode_decoder_open(oa_xcode_track_t *track, oa_xcode_config_t *config)
{
    char         text[OA_XCODE_TEXT_BYTES];
    oa_xcode_t  *xcode = track->xcode;

    track->decoder = track->audio
                     ? oa_xcode_sound_decoder(config, text)
                     : xcode->functions->decoder_open(xcode, config, text);

    if (track->decoder == NULL) {
        oa_xcode_decoder_fail(track, text);
        return false;
    }

    pthread_mutex_lock(&xcode->lock);
    track->open = oa_xcode_config_hold(config);
    pthread_mutex_unlock(&xcode->lock);

    return true;
}


/* Each rung of sound gets a reference. */
static void
oa_xcode_deliver_sound(oa_xcode_track_t *track, oa_xcode_picture_t *picture)
{
    unsigned                i;
    oa_xcode_t             *xcode = track->xcode;
    oa_xcode_picture_t      copy;
    oa_xcode_rung_state_t  *rung;

    copy = *picture;
    copy.frame = xcode->copy;

    for (i = 0; i < xcode->nrungs; i++) {
        rung = &xcode->rungs[i];

        if (!rung->audio || !rung->on) {
            continue;
        }

        if (rung->in.count == rung->in.capacity
            || av_frame_ref(copy.frame, picture->frame) < 0)
        {
            rung->stats.full++;
            continue;
        }

        copy.run = rung->run;
        oa_xcode_ring_push(&rung->in, &copy);
        oa_xcode_strand_wake(&rung->strand);
    }
}


/* The time of a picture that says none, or goes back, is worth nothing. */
static void
oa_xcode_deliver(oa_xcode_track_t *track)
{
    oa_xcode_t          *xcode = track->xcode;
    oa_xcode_picture_t   picture;

    picture.frame = track->frame;
    picture.time = track->frame->pts;
    picture.arrival_us = track->frame->reordered_opaque;
    picture.due_us = track->due_us;
    picture.run = 0;
    track->refusals = 0;

    pthread_mutex_lock(&xcode->lock);

    if (picture.time == AV_NOPTS_VALUE || picture.time <= track->last_time) {
        xcode->stats.damaged++;

    } else if (track->audio) {
        track->last_time = picture.time;
        oa_xcode_deliver_sound(track, &picture);

    } else {
        track->last_time = picture.time;
        xcode->stats.decoded++;
        oa_xcode_ring_push(&xcode->decoded, &picture);
        oa_xcode_strand_wake(&xcode->scaling);
    }

    pthread_mutex_unlock(&xcode->lock);

    av_frame_unref(track->frame);
}


/* One that does not answer any more; nor is there memory on it then. */
static bool
oa_xcode_card_failed(const oa_xcode_track_t *track, int error)
{
    return track->decoder->hw_frames_ctx != NULL
           && (error == AVERROR_EXTERNAL || error == AVERROR_UNKNOWN
               || error == AVERROR(ENOMEM));
}


/* What the decoder refuses is skipped; one that refuses all has failed. */
static void
oa_xcode_refused(oa_xcode_track_t *track, int error)
{
    bool  failed;
    char  text[OA_XCODE_TEXT_BYTES], why[AV_ERROR_MAX_STRING_SIZE];

    failed = oa_xcode_card_failed(track, error);

    pthread_mutex_lock(&track->xcode->lock);
    track->xcode->stats.damaged++;
    pthread_mutex_unlock(&track->xcode->lock);

    if (!failed && error != AVERROR(ENOMEM)
        && ++track->refusals < OA_XCODE_REFUSALS)
    {
        return;
    }

    (void) av_strerror(error, why, sizeof(why));
    (void) snprintf(text, sizeof(text),
                    failed ? "the card's decoder of %s failed: %s"
                           : "the decoder of %s refuses all: %s",
                    avcodec_get_name(track->decoder->codec_id), why);
    oa_xcode_decoder_fail(track, text);
}


/* One picture out of the decoder, with room for it. */
static void
oa_xcode_receive(oa_xcode_track_t *track)
{
    int  rc;

    rc = avcodec_receive_frame(track->decoder, track->frame);

    if (rc == 0) {
        oa_xcode_deliver(track);
        return;
    }

    track->more = false;

    if (rc == AVERROR_EOF) {
        if (track->next.config == track->open) {
            avcodec_flush_buffers(track->decoder);
            track->draining = false;

        } else {
            oa_xcode_decoder_close(track);
        }

    } else if (rc != AVERROR(EAGAIN)) {
        track->more = true;
        oa_xcode_refused(track, rc);
    }
}


/* The packet that waits goes into the decoder. */
static void
oa_xcode_send(oa_xcode_track_t *track)
{
    int                rc;
    oa_xcode_packet_t  packet;

    packet = track->next;
    memset(&track->next, 0, sizeof(track->next));

    if (track->decoder != NULL
        || oa_xcode_decoder_open(track, packet.config))
    {
        track->due_us = packet.arrival_us;
        track->decoder->reordered_opaque = packet.arrival_us;
        track->more = true;

        rc = avcodec_send_packet(track->decoder, packet.packet);
        if (rc < 0) {
            oa_xcode_refused(track, rc);
        }
    }

    pthread_mutex_lock(&track->xcode->lock);
    oa_xcode_packet_drop(&packet);
    pthread_mutex_unlock(&track->xcode->lock);
}


/* Pictures of before come out first: then it may be flushed or another one. */
static void
oa_xcode_drain(oa_xcode_track_t *track)
{
    track->due_us = track->next.arrival_us;
    track->next.fresh = false;
    track->draining = true;
    track->more = true;
    (void) avcodec_send_packet(track->decoder, NULL);
}


static bool
oa_xcode_decode_take(oa_xcode_track_t *track, bool *close)
{
    bool         room;
    oa_xcode_t  *xcode = track->xcode;

    pthread_mutex_lock(&xcode->lock);

    room = oa_xcode_decode_has_room(track) && !xcode->dead;
    *close = track->close;
    track->close = false;

    if (*close) {
        oa_xcode_packet_drop(&track->next);

    } else if (room && !track->more && track->next.packet == NULL) {
        (void) oa_xcode_packet_pop(track, &track->next);
    }

    pthread_mutex_unlock(&xcode->lock);

    return room;
}


static bool
oa_xcode_decode_work(oa_xcode_strand_t *strand)
{
    bool               close;
    oa_xcode_track_t  *track = strand->of;

    if (!oa_xcode_decode_take(track, &close) && !close) {
        return false;
    }

    if (close) {
        oa_xcode_decoder_close(track);

    } else if (track->more) {
        oa_xcode_receive(track);

    } else if (track->next.packet == NULL) {
        return false;

    } else if (track->decoder != NULL
               && (track->next.fresh || track->next.config != track->open))
    {
        oa_xcode_drain(track);

    } else {
        oa_xcode_send(track);
    }

    return true;
}


/* --- life ------------------------------------------------------------- */


oa_err_t
oa_xcode_track_init(oa_xcode_t *xcode, oa_xcode_track_t *track, bool audio)
{
    oa_xcode_strand_init(&track->strand, xcode, oa_xcode_decode_has_work,
                         oa_xcode_decode_work, track,
                         &xcode->stats.decode_us);
    track->xcode = xcode;
    track->audio = audio;
    track->lost = true;
    track->last_time = INT64_MIN;
    track->frame = av_frame_alloc();

    return track->frame != NULL ? OA_OK : OA_ENOMEM;
}


void
oa_xcode_track_free(oa_xcode_track_t *track)
{
    oa_xcode_packet_t  packet;

    while (oa_xcode_packet_pop(track, &packet)) {
        oa_xcode_packet_drop(&packet);
    }

    oa_xcode_packet_drop(&track->next);
    oa_xcode_config_release(track->open);
    oa_xcode_config_release(track->config);
    avcodec_free_context(&track->decoder);
    av_frame_free(&track->frame);
}
