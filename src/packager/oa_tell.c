
/* What comes in, for who makes further renditions of it. */


#include "packager/oa_packager_impl.h"

#include <string.h>


unsigned
oa_packager_tell_tracks(oa_packager_t *p)
{
    unsigned              multiple;
    oa_packager_tracks_t  tracks;

    if (p->events.tracks == NULL) {
        return 1;
    }

    memset(&tracks, 0, sizeof(tracks));

    if (p->video.configured) {
        tracks.has_video = true;
        tracks.picture = p->picture;
        tracks.video_record = oa_slice(p->video.config.data,
                                       p->video.config.size);
        tracks.rate = p->rate;
        tracks.constant_rate = p->video.clock.constant;
        tracks.video_timescale = OA_PACKAGER_VIDEO_TIMESCALE;
    }

    if (p->audio.configured) {
        tracks.has_audio = true;
        tracks.sound = p->sound;
        tracks.audio_record = oa_slice(p->audio.config.data,
                                       p->audio.config.size);
        tracks.audio_timescale = p->sound.clock_rate;
    }

    multiple = p->events.tracks(p->events.ctx, p->session, &tracks);

    return multiple > 0 ? multiple : 1;
}


void
oa_packager_frame_set(oa_packager_frame_t *frame, const oa_track_t *t,
    const oa_codec_sample_t *sample, const oa_timeline_place_t *place,
    int32_t composition)
{
    memset(frame, 0, sizeof(*frame));
    frame->kind = t->kind;
    frame->pieces = sample->pieces;
    frame->npieces = sample->npieces;
    frame->decode_time = place->decode_time;
    frame->time = place->decode_time + composition;
    frame->duration = place->duration;
    frame->sync = sample->sync;
    frame->unix_us = t->last_unix_us;

    if (t->nsamples == 1 && (t->flags & OA_LIVE_PART_SEGMENT_START)) {
        frame->begins = true;
        frame->boundary.time = place->decode_time + t->delay;
        frame->boundary.msn = t->next_msn - 1;
        frame->boundary.discontinuities = t->discontinuities;
        frame->boundary.discontinuity =
            (t->flags & OA_LIVE_PART_DISCONTINUITY) != 0;
    }
}
