
#include "cmaf/oa_cmaf_impl.h"


#define OA_CMAF_TFHD_DURATION        0x000008
#define OA_CMAF_TFHD_FLAGS           0x000020
#define OA_CMAF_TFHD_BASE_IS_MOOF    0x020000

#define OA_CMAF_TRUN_DATA_OFFSET     0x000001
#define OA_CMAF_TRUN_FIRST_FLAGS     0x000004
#define OA_CMAF_TRUN_DURATION        0x000100
#define OA_CMAF_TRUN_SIZE            0x000200
#define OA_CMAF_TRUN_FLAGS           0x000400
#define OA_CMAF_TRUN_COMPOSITION     0x000800

/* sample_depends_on: 2 no other, 1 others; sample_is_non_sync_sample */
#define OA_CMAF_SYNC                 0x02000000
#define OA_CMAF_NON_SYNC             0x01010000

#define OA_CMAF_MDAT_HEADER          8

#define OA_CMAF_PREROLL_MS           80


/* What the samples of a chunk have in common. */
typedef struct {
    uint32_t   tfhd_flags;
    uint32_t   trun_flags;
    uint32_t   default_flags;
    uint64_t   mdat_size;            /* its header included */
} oa_cmaf_layout_t;


size_t
oa_cmaf_box_begin(oa_writer_t *w, const char *type)
{
    size_t  box;

    box = oa_writer_size(w);
    oa_write_u32(w, 0);
    oa_write_str(w, type);

    return box;
}


size_t
oa_cmaf_full_box_begin(oa_writer_t *w, const char *type, unsigned version,
    uint32_t flags)
{
    size_t  box;

    box = oa_cmaf_box_begin(w, type);
    oa_write_u8(w, version);
    oa_write_u24(w, flags);

    return box;
}


void
oa_cmaf_box_end(oa_writer_t *w, size_t box)
{
    oa_writer_patch_u32(w, box, (uint32_t) (oa_writer_size(w) - box));
}


static void
oa_cmaf_ftyp(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_box_begin(w, "ftyp");
    oa_write_str(w, "iso6");
    oa_write_u32(w, 0);
    oa_write_str(w, "iso6cmfcmp41");

    if (track->video != NULL && track->video->codec == OA_CODEC_AV1) {
        oa_write_str(w, "av01");         /* the binding's, section 2.1 */
    }

    oa_cmaf_box_end(w, box);
}


/* The unity matrix of 16.16 and 2.30 numbers. */
static void
oa_cmaf_matrix(oa_writer_t *w)
{
    oa_write_u32(w, 0x00010000);
    oa_write_zeros(w, 12);
    oa_write_u32(w, 0x00010000);
    oa_write_zeros(w, 12);
    oa_write_u32(w, 0x40000000);
}


static void
oa_cmaf_mvhd(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "mvhd", 0, 0);
    oa_write_zeros(w, 8);                /* creation, modification */
    oa_write_u32(w, track->timescale);
    oa_write_u32(w, 0);                  /* duration: not known */
    oa_write_u32(w, 0x00010000);         /* rate */
    oa_write_u16(w, 0x0100);             /* volume */
    oa_write_zeros(w, 10);
    oa_cmaf_matrix(w);
    oa_write_zeros(w, 24);
    oa_write_u32(w, OA_CMAF_TRACK_ID + 1);
    oa_cmaf_box_end(w, box);
}


/* The width in square samples, as 16.16. */
static uint32_t
oa_cmaf_display_width(const oa_codec_video_t *video)
{
    uint64_t  width;

    width = (uint64_t) video->width << 16;

    if (video->sar_height != 0) {
        width = width * video->sar_width / video->sar_height;
    }

    return width > UINT32_MAX ? UINT32_MAX : (uint32_t) width;
}


static void
oa_cmaf_tkhd(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "tkhd", 0, 7);   /* enabled, in use */
    oa_write_zeros(w, 8);                /* creation, modification */
    oa_write_u32(w, OA_CMAF_TRACK_ID);
    oa_write_zeros(w, 4 + 4 + 8 + 4);    /* duration, layer, alternate */
    oa_write_u16(w, track->audio != NULL ? 0x0100 : 0);
    oa_write_u16(w, 0);
    oa_cmaf_matrix(w);

    if (track->video != NULL) {
        oa_write_u32(w, oa_cmaf_display_width(track->video));
        oa_write_u32(w, track->video->height << 16);

    } else {
        oa_write_zeros(w, 8);
    }

    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_mdhd(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "mdhd", 0, 0);
    oa_write_zeros(w, 8);                /* creation, modification */
    oa_write_u32(w, track->timescale);
    oa_write_u32(w, 0);
    oa_write_u16(w, 0x55c4);             /* "und" */
    oa_write_u16(w, 0);
    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_hdlr(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "hdlr", 0, 0);
    oa_write_u32(w, 0);
    oa_write_str(w, track->video != NULL ? "vide" : "soun");
    oa_write_zeros(w, 12);
    oa_write_str(w, track->video != NULL ? "video" : "audio");
    oa_write_u8(w, 0);
    oa_cmaf_box_end(w, box);
}


/* vmhd or smhd. */
static void
oa_cmaf_media_header(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    if (track->video != NULL) {
        box = oa_cmaf_full_box_begin(w, "vmhd", 0, 1);
        oa_write_zeros(w, 8);

    } else {
        box = oa_cmaf_full_box_begin(w, "smhd", 0, 0);
        oa_write_zeros(w, 4);
    }

    oa_cmaf_box_end(w, box);
}


/* The media is in the same file. */
static void
oa_cmaf_dinf(oa_writer_t *w)
{
    size_t  dinf, dref, url;

    dinf = oa_cmaf_box_begin(w, "dinf");
    dref = oa_cmaf_full_box_begin(w, "dref", 0, 0);
    oa_write_u32(w, 1);
    url = oa_cmaf_full_box_begin(w, "url ", 0, 1);
    oa_cmaf_box_end(w, url);
    oa_cmaf_box_end(w, dref);
    oa_cmaf_box_end(w, dinf);
}


/* A table of samples: all are in fragments, so it has a count of 0. */
static void
oa_cmaf_empty_table(oa_writer_t *w, const char *type, size_t zeros)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, type, 0, 0);
    oa_write_zeros(w, zeros);
    oa_cmaf_box_end(w, box);
}


/*
 * How many samples before it a decoder needs to decode one well: those of
 * 80 ms, as packets usually last (encapsulation of Opus, 4.3.6.2).
 */
static void
oa_cmaf_preroll(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t    box;
    uint32_t  n;

    n = (track->audio->clock_rate / 1000 * OA_CMAF_PREROLL_MS
         + track->audio->frame_samples - 1) / track->audio->frame_samples;

    box = oa_cmaf_full_box_begin(w, "sgpd", 1, 0);
    oa_write_str(w, "roll");
    oa_write_u32(w, 2);                  /* bytes of an entry */
    oa_write_u32(w, 1);
    oa_write_u16(w, (uint16_t) -n);
    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_stbl(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  box;

    box = oa_cmaf_box_begin(w, "stbl");
    oa_cmaf_stsd(w, track);
    oa_cmaf_empty_table(w, "stts", 4);
    oa_cmaf_empty_table(w, "stsc", 4);
    oa_cmaf_empty_table(w, "stsz", 8);
    oa_cmaf_empty_table(w, "stco", 4);

    if (track->audio != NULL && track->audio->preroll) {
        oa_cmaf_preroll(w, track);
    }

    oa_cmaf_box_end(w, box);
}


/* What a decoder throws away first was never sounded. */
static void
oa_cmaf_edts(oa_writer_t *w, uint32_t skip)
{
    size_t  edts, elst;

    edts = oa_cmaf_box_begin(w, "edts");
    elst = oa_cmaf_full_box_begin(w, "elst", 0, 0);
    oa_write_u32(w, 1);
    oa_write_u32(w, 0);                  /* duration: all that follows */
    oa_write_u32(w, skip);               /* media_time */
    oa_write_u32(w, 0x00010000);
    oa_cmaf_box_end(w, elst);
    oa_cmaf_box_end(w, edts);
}


static void
oa_cmaf_trak(oa_writer_t *w, const oa_cmaf_track_t *track)
{
    size_t  trak, mdia, minf;

    trak = oa_cmaf_box_begin(w, "trak");
    oa_cmaf_tkhd(w, track);

    if (track->audio != NULL && track->audio->pre_skip != 0) {
        oa_cmaf_edts(w, track->audio->pre_skip);
    }

    mdia = oa_cmaf_box_begin(w, "mdia");
    oa_cmaf_mdhd(w, track);
    oa_cmaf_hdlr(w, track);

    minf = oa_cmaf_box_begin(w, "minf");
    oa_cmaf_media_header(w, track);
    oa_cmaf_dinf(w);
    oa_cmaf_stbl(w, track);
    oa_cmaf_box_end(w, minf);

    oa_cmaf_box_end(w, mdia);
    oa_cmaf_box_end(w, trak);
}


static void
oa_cmaf_mvex(oa_writer_t *w)
{
    size_t  mvex, trex;

    mvex = oa_cmaf_box_begin(w, "mvex");
    trex = oa_cmaf_full_box_begin(w, "trex", 0, 0);
    oa_write_u32(w, OA_CMAF_TRACK_ID);
    oa_write_u32(w, 1);                  /* sample description */
    oa_write_zeros(w, 12);               /* duration, size, flags */
    oa_cmaf_box_end(w, trex);
    oa_cmaf_box_end(w, mvex);
}


static oa_err_t
oa_cmaf_finish(const oa_writer_t *w, size_t *size)
{
    if (w->error != OA_OK) {
        return w->error;
    }

    *size = oa_writer_size(w);

    return OA_OK;
}


static oa_err_t
oa_cmaf_init(const oa_cmaf_track_t *track, void *buf, size_t capacity,
    size_t *size)
{
    size_t       moov;
    oa_writer_t  w;

    oa_writer_init(&w, buf, capacity);

    oa_cmaf_ftyp(&w, track);

    moov = oa_cmaf_box_begin(&w, "moov");
    oa_cmaf_mvhd(&w, track);
    oa_cmaf_trak(&w, track);
    oa_cmaf_mvex(&w);
    oa_cmaf_box_end(&w, moov);

    return oa_cmaf_finish(&w, size);
}


oa_err_t
oa_cmaf_video_init(const oa_codec_video_t *config, oa_slice_t decoder_config,
    uint32_t timescale, void *buf, size_t capacity, size_t *size)
{
    oa_cmaf_track_t  track = { config, NULL, decoder_config, timescale };

    if (oa_codec_video(config->codec) == NULL) {
        return OA_EUNSUPPORTED;
    }

    return oa_cmaf_init(&track, buf, capacity, size);
}


oa_err_t
oa_cmaf_audio_init(const oa_codec_audio_t *config, oa_slice_t decoder_config,
    uint32_t timescale, void *buf, size_t capacity, size_t *size)
{
    oa_cmaf_track_t  track = { NULL, config, decoder_config, timescale };

    if (oa_codec_audio(config->codec) == NULL) {
        return OA_EUNSUPPORTED;
    }

    return oa_cmaf_init(&track, buf, capacity, size);
}


static uint32_t
oa_cmaf_sample_flags(const oa_cmaf_chunk_t *chunk, uint32_t i)
{
    return chunk->audio || chunk->samples[i].sync ? OA_CMAF_SYNC
                                                  : OA_CMAF_NON_SYNC;
}


/*
 * Finds what can be said once.  The flags of the last sample are the default;
 * where only the first sample's differ, as at the start of a segment, it has
 * its own.
 */
static void
oa_cmaf_layout(const oa_cmaf_chunk_t *chunk, oa_cmaf_layout_t *layout)
{
    bool                     durations, flags, compositions;
    uint32_t                 i;
    const oa_cmaf_sample_t  *samples;

    samples = chunk->samples;
    durations = false;
    flags = false;
    compositions = false;

    layout->mdat_size = OA_CMAF_MDAT_HEADER;
    layout->default_flags = oa_cmaf_sample_flags(chunk, chunk->nsamples - 1);

    for (i = 0; i < chunk->nsamples; i++) {
        layout->mdat_size += samples[i].size;
        durations |= samples[i].duration != samples[0].duration;
        compositions |= !chunk->audio && samples[i].composition != 0;
        flags |= i != 0 && oa_cmaf_sample_flags(chunk, i)
                           != layout->default_flags;
    }

    layout->tfhd_flags = OA_CMAF_TFHD_BASE_IS_MOOF | OA_CMAF_TFHD_FLAGS
                         | (durations ? 0 : OA_CMAF_TFHD_DURATION);

    layout->trun_flags = OA_CMAF_TRUN_DATA_OFFSET | OA_CMAF_TRUN_SIZE
                         | (durations ? OA_CMAF_TRUN_DURATION : 0)
                         | (compositions ? OA_CMAF_TRUN_COMPOSITION : 0);

    if (flags) {
        layout->trun_flags |= OA_CMAF_TRUN_FLAGS;

    } else if (oa_cmaf_sample_flags(chunk, 0) != layout->default_flags) {
        layout->trun_flags |= OA_CMAF_TRUN_FIRST_FLAGS;
    }
}


static void
oa_cmaf_mfhd(oa_writer_t *w, const oa_cmaf_chunk_t *chunk)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "mfhd", 0, 0);
    oa_write_u32(w, chunk->sequence_number);
    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_tfhd(oa_writer_t *w, const oa_cmaf_chunk_t *chunk,
    const oa_cmaf_layout_t *layout)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "tfhd", 0, layout->tfhd_flags);
    oa_write_u32(w, OA_CMAF_TRACK_ID);

    if (layout->tfhd_flags & OA_CMAF_TFHD_DURATION) {
        oa_write_u32(w, chunk->samples[0].duration);
    }

    oa_write_u32(w, layout->default_flags);
    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_tfdt(oa_writer_t *w, const oa_cmaf_chunk_t *chunk)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "tfdt", 1, 0);
    oa_write_u64(w, chunk->decode_time);
    oa_cmaf_box_end(w, box);
}


static void
oa_cmaf_trun_sample(oa_writer_t *w, const oa_cmaf_chunk_t *chunk,
    uint32_t i, uint32_t flags)
{
    const oa_cmaf_sample_t  *sample;

    sample = &chunk->samples[i];

    if (flags & OA_CMAF_TRUN_DURATION) {
        oa_write_u32(w, sample->duration);
    }

    oa_write_u32(w, sample->size);

    if (flags & OA_CMAF_TRUN_FLAGS) {
        oa_write_u32(w, oa_cmaf_sample_flags(chunk, i));
    }

    if (flags & OA_CMAF_TRUN_COMPOSITION) {
        oa_write_u32(w, (uint32_t) sample->composition);
    }
}


/* Returns where the offset of the media stands, to be patched. */
static size_t
oa_cmaf_trun(oa_writer_t *w, const oa_cmaf_chunk_t *chunk,
    const oa_cmaf_layout_t *layout)
{
    size_t    box, data_offset;
    uint32_t  i;

    box = oa_cmaf_full_box_begin(w, "trun", 1, layout->trun_flags);
    oa_write_u32(w, chunk->nsamples);

    data_offset = oa_writer_size(w);
    oa_write_u32(w, 0);

    if (layout->trun_flags & OA_CMAF_TRUN_FIRST_FLAGS) {
        oa_write_u32(w, oa_cmaf_sample_flags(chunk, 0));
    }

    for (i = 0; i < chunk->nsamples && w->error == OA_OK; i++) {
        oa_cmaf_trun_sample(w, chunk, i, layout->trun_flags);
    }

    oa_cmaf_box_end(w, box);

    return data_offset;
}


/* All samples are of the group in the init segment. */
static void
oa_cmaf_sbgp(oa_writer_t *w, const oa_cmaf_chunk_t *chunk)
{
    size_t  box;

    box = oa_cmaf_full_box_begin(w, "sbgp", 0, 0);
    oa_write_str(w, "roll");
    oa_write_u32(w, 1);
    oa_write_u32(w, chunk->nsamples);
    oa_write_u32(w, 1);
    oa_cmaf_box_end(w, box);
}


oa_err_t
oa_cmaf_chunk_header(const oa_cmaf_chunk_t *chunk, void *buf, size_t capacity,
    size_t *size)
{
    size_t            moof, traf, data_offset;
    oa_writer_t       w;
    oa_cmaf_layout_t  layout;

    if (chunk->nsamples == 0) {
        return OA_EINVAL;
    }

    oa_cmaf_layout(chunk, &layout);

    if (layout.mdat_size > UINT32_MAX) {
        return OA_EINVAL;
    }

    oa_writer_init(&w, buf, capacity);

    moof = oa_cmaf_box_begin(&w, "moof");
    oa_cmaf_mfhd(&w, chunk);

    traf = oa_cmaf_box_begin(&w, "traf");
    oa_cmaf_tfhd(&w, chunk, &layout);
    oa_cmaf_tfdt(&w, chunk);
    data_offset = oa_cmaf_trun(&w, chunk, &layout);

    if (chunk->preroll) {
        oa_cmaf_sbgp(&w, chunk);
    }

    oa_cmaf_box_end(&w, traf);
    oa_cmaf_box_end(&w, moof);

    oa_writer_patch_u32(&w, data_offset, (uint32_t) oa_writer_size(&w)
                                         + OA_CMAF_MDAT_HEADER);

    oa_write_u32(&w, (uint32_t) layout.mdat_size);
    oa_write_str(&w, "mdat");

    return oa_cmaf_finish(&w, size);
}
