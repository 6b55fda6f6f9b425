
#include "xcode/oa_xcode_impl.h"

#include <stdlib.h>
#include <string.h>


bool
oa_xcode_ring_init(oa_xcode_ring_t *ring, unsigned capacity)
{
    unsigned  i;

    ring->slots = calloc(capacity, sizeof(*ring->slots));
    if (ring->slots == NULL) {
        return false;
    }

    ring->capacity = capacity;

    for (i = 0; i < capacity; i++) {
        ring->slots[i].frame = av_frame_alloc();
        if (ring->slots[i].frame == NULL) {
            return false;
        }
    }

    return true;
}


void
oa_xcode_ring_free(oa_xcode_ring_t *ring)
{
    unsigned  i;

    for (i = 0; i < ring->capacity; i++) {
        av_frame_free(&ring->slots[i].frame);
    }

    free(ring->slots);
    memset(ring, 0, sizeof(*ring));
}


/* Moves all but the AVFrame itself, which is where it was. */
static void
oa_xcode_picture_move(oa_xcode_picture_t *to, oa_xcode_picture_t *from)
{
    AVFrame  *frame;

    frame = to->frame;
    av_frame_move_ref(frame, from->frame);
    *to = *from;
    to->frame = frame;
}


void
oa_xcode_ring_push(oa_xcode_ring_t *ring, oa_xcode_picture_t *picture)
{
    unsigned  last;

    last = (ring->first + ring->count) % ring->capacity;
    oa_xcode_picture_move(&ring->slots[last], picture);
    ring->count++;
}


bool
oa_xcode_ring_pop(oa_xcode_ring_t *ring, oa_xcode_picture_t *picture)
{
    if (ring->count == 0) {
        return false;
    }

    oa_xcode_picture_move(picture, &ring->slots[ring->first]);
    ring->first = (ring->first + 1) % ring->capacity;
    ring->count--;

    return true;
}


void
oa_xcode_ring_clear(oa_xcode_ring_t *ring)
{
    while (ring->count > 0) {
        av_frame_unref(ring->slots[ring->first].frame);
        ring->first = (ring->first + 1) % ring->capacity;
        ring->count--;
    }
}


void
oa_xcode_keys_add(oa_xcode_keys_t *keys, int64_t time)
{
    unsigned  i;

    for (i = keys->count; i > 0 && keys->keys[i - 1].time > time; i--) {
        /* void */
    }

    keys->serial++;

    if (i > 0 && keys->keys[i - 1].time == time) {
        keys->keys[i - 1].serial = keys->serial;
        return;
    }

    if (keys->count == OA_XCODE_KEYS) {
        if (i == 0) {
            return;
        }

        memmove(keys->keys, keys->keys + 1,
                (OA_XCODE_KEYS - 1) * sizeof(keys->keys[0]));
        keys->count--;
        i--;
    }

    memmove(keys->keys + i + 1, keys->keys + i,
            (keys->count - i) * sizeof(keys->keys[0]));
    keys->keys[i] = (oa_xcode_key_t) { time, keys->serial };
    keys->count++;
}


bool
oa_xcode_keys_between(const oa_xcode_keys_t *keys, int64_t after,
    int64_t until, uint64_t since)
{
    unsigned               i;
    const oa_xcode_key_t  *key;

    for (i = keys->count; i > 0; i--) {
        key = &keys->keys[i - 1];

        if (key->time <= after) {
            return false;
        }

        if (key->time <= until && key->serial > since) {
            return true;
        }
    }

    return false;
}


void
oa_xcode_out_push(oa_xcode_rung_state_t *rung, oa_xcode_coded_t *coded)
{
    oa_xcode_t  *xcode = rung->xcode;

    if (rung->out_count == OA_XCODE_OUTPUTS || xcode->dead) {
        rung->stats.full += coded->kind == OA_XCODE_FRAME;
        av_packet_free(&coded->packet);
        return;
    }

    coded->serial = ++xcode->out_serial;
    rung->out[(rung->out_first + rung->out_count) % OA_XCODE_OUTPUTS] = *coded;
    rung->out_count++;

    if (!xcode->told) {
        xcode->told = true;
        xcode->events.ready(xcode->events.ctx);
    }
}


void
oa_xcode_out_drop_frames(oa_xcode_rung_state_t *rung)
{
    unsigned           i, n;
    oa_xcode_coded_t  *from, *to;

    for (n = 0, i = 0; i < rung->out_count; i++) {
        from = &rung->out[(rung->out_first + i) % OA_XCODE_OUTPUTS];

        if (from->kind == OA_XCODE_FRAME) {
            av_packet_free(&from->packet);
            continue;
        }

        to = &rung->out[(rung->out_first + n++) % OA_XCODE_OUTPUTS];
        *to = *from;
    }

    rung->out_count = n;
}


static bool
oa_xcode_out_pop(oa_xcode_t *xcode)
{
    unsigned                i;
    oa_xcode_coded_t       *coded, *oldest;
    oa_xcode_rung_state_t  *rung, *of;

    oldest = NULL;
    of = NULL;

    for (i = 0; i < xcode->nrungs; i++) {
        rung = &xcode->rungs[i];
        coded = &rung->out[rung->out_first];

        if (rung->out_count > 0
            && (oldest == NULL || coded->serial < oldest->serial))
        {
            oldest = coded;
            of = rung;
        }
    }

    if (oldest == NULL) {
        xcode->told = false;
        return false;
    }

    xcode->pulled = *oldest;
    xcode->pulled_rung = of->index;
    of->out_first = (of->out_first + 1) % OA_XCODE_OUTPUTS;
    of->out_count--;
    oa_xcode_strand_wake(&of->strand);

    return true;
}


/* The record is our own: it was read before. */
static oa_err_t
oa_xcode_out_config(const oa_xcode_rung_state_t *rung,
    oa_xcode_output_t *output)
{
    return rung->audio
           ? oa_codec_audio_config(rung->conf.codec, output->data,
                                   &output->sound)
           : oa_codec_video_config(rung->conf.codec, output->data,
                                   &output->picture);
}


oa_err_t
oa_xcode_pull(oa_xcode_t *xcode, oa_xcode_output_t *output)
{
    bool               found;
    oa_xcode_coded_t  *coded = &xcode->pulled;

    av_packet_free(&coded->packet);

    pthread_mutex_lock(&xcode->lock);
    found = oa_xcode_out_pop(xcode);
    pthread_mutex_unlock(&xcode->lock);

    if (!found) {
        return OA_EAGAIN;
    }

    memset(output, 0, sizeof(*output));
    output->kind = coded->kind;
    output->rung = xcode->pulled_rung;
    output->time = coded->time;
    output->sync = coded->sync;
    output->arrival_us = coded->arrival_us;

    if (coded->kind == OA_XCODE_FAILED) {
        output->text = coded->packet != NULL
                       ? (const char *) coded->packet->data
                       : "no memory";
        return OA_OK;
    }

    output->data = oa_slice(coded->packet->data,
                            (size_t) coded->packet->size);

    return coded->kind == OA_XCODE_CONFIG
           ? oa_xcode_out_config(&xcode->rungs[output->rung], output)
           : OA_OK;
}
