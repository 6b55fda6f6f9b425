
/* Inside of the muxer: shared by its files only. */


#ifndef OA_CMAF_IMPL_H
#define OA_CMAF_IMPL_H


#include "base/oa_writer.h"
#include "cmaf/oa_cmaf.h"


/* What the boxes of a track are made of, besides its kind. */
typedef struct {
    const oa_codec_video_t  *video;  /* one of the two, the other NULL */
    const oa_codec_audio_t  *audio;
    oa_slice_t               decoder_config;
    uint32_t                 timescale;
} oa_cmaf_track_t;


OA_BEGIN_DECLS


/* Return where the box begins, for its end. */
size_t oa_cmaf_box_begin(oa_writer_t *w, const char *type);
size_t oa_cmaf_full_box_begin(oa_writer_t *w, const char *type,
    unsigned version, uint32_t flags);
void oa_cmaf_box_end(oa_writer_t *w, size_t box);

/* The sample description, with the one entry of the track's codec. */
void oa_cmaf_stsd(oa_writer_t *w, const oa_cmaf_track_t *track);


OA_END_DECLS


#endif /* OA_CMAF_IMPL_H */
