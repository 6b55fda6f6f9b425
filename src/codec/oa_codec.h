
/*
 * The codecs behind one table of functions: what the packager and the muxer
 * ask of a decoder configuration and of a sample, whatever the codec.
 */


#ifndef OA_CODEC_H
#define OA_CODEC_H


#include "base/oa_base.h"
#include "base/oa_writer.h"


typedef enum {
    OA_CODEC_NONE,
    OA_CODEC_AVC,
    OA_CODEC_HEVC,
    OA_CODEC_AV1,
    OA_CODEC_AAC,
    OA_CODEC_OPUS,
    OA_CODEC_MP3                     /* of sources that are decoded: no table
                                        of functions */
} oa_codec_id_t;


#define OA_CODEC_STRING_BYTES  48    /* RFC 6381, with a terminating zero */


/* Code points of ISO/IEC 23091-2; 2 is unspecified. */
typedef struct {
    bool           known;            /* the stream says them */
    uint8_t        primaries;
    uint8_t        transfer;
    uint8_t        matrix;
    bool           full_range;
} oa_codec_colour_t;


typedef struct {
    oa_codec_id_t      codec;
    uint32_t           width;        /* samples, cropping applied */
    uint32_t           height;
    uint32_t           sar_width;    /* sample aspect ratio; 1:1 when unsaid */
    uint32_t           sar_height;
    uint32_t           frame_rate_num;   /* as promised; 0 / 0 when unsaid */
    uint32_t           frame_rate_den;
    unsigned           nal_length_size;  /* 0: not made of NAL units */
    bool               in_band;      /* samples hold parameter sets, too */
    oa_codec_colour_t  colour;
    char               string[OA_CODEC_STRING_BYTES];
} oa_codec_video_t;


typedef struct {
    oa_codec_id_t      codec;
    uint32_t           clock_rate;   /* Hz; the clock of the samples */
    uint32_t           output_rate;  /* Hz, as heard */
    uint32_t           frame_samples;    /* at clock_rate, of one packet */
    bool               varies;       /* frame_samples is the usual length, each
                                        packet tells its own */
    uint32_t           pre_skip;     /* at clock_rate, to be thrown away */
    bool               preroll;      /* a decoder needs packets from before */
    uint32_t           channels;
    char               string[OA_CODEC_STRING_BYTES];
} oa_codec_audio_t;


/* A sample of more is malformed. */
#define OA_CODEC_PIECES  16

/* One access unit, respectively temporal unit. */
typedef struct {
    /* what of it goes into the file, in order; borrowed */
    oa_slice_t         pieces[OA_CODEC_PIECES];
    unsigned           npieces;
    bool               overflow;

    bool               picture;      /* a picture is in it */
    bool               sync;         /* a decoder can start here */

    /*
     * Behind a sync sample: not decodable by who starts there.  A closing
     * sync sample makes it so for everybody.
     */
    bool               leading;
    bool               closing;

    bool               new_parameters;   /* in-band, other than out of band */
} oa_codec_sample_t;


typedef struct {
    const char  *name;               /* "H.264", for people */
    const char  *unusable;           /* "the H.264 configuration …" */

    /*
     * Reads a decoder configuration.  OA_EINVAL: malformed;
     * OA_EUNSUPPORTED: of a kind that cannot be used.  On error *config is
     * undefined.  codec and in_band are set by oa_codec_video_config().
     */
    oa_err_t   (*config)(oa_slice_t record, oa_codec_video_t *config);

    /* Writes what of a good record a file needs; NULL: all of it. */
    void       (*shorten)(oa_slice_t record, oa_writer_t *w);

    /*
     * Inspects one sample.  key: what the container claims; record: the
     * decoder configuration that *config was read from.  OA_EINVAL:
     * malformed, or nothing is in it.
     */
    oa_err_t   (*sample)(const oa_codec_video_t *config, oa_slice_t record,
                         oa_slice_t data, bool key, oa_codec_sample_t *sample);
} oa_codec_video_functions_t;


typedef struct {
    const char  *name;
    const char  *unusable;

    oa_err_t   (*config)(oa_slice_t record, oa_codec_audio_t *config);

    /* The samples of one packet; NULL: all are of frame_samples. */
    oa_err_t   (*duration)(oa_slice_t packet, uint32_t *samples);
} oa_codec_audio_functions_t;


OA_BEGIN_DECLS


/* NULL: no video, respectively audio, codec.  Static. */
const oa_codec_video_functions_t *oa_codec_video(oa_codec_id_t codec);
const oa_codec_audio_functions_t *oa_codec_audio(oa_codec_id_t codec);

/*
 * As the table's functions, for the codec that is named.
 * OA_EUNSUPPORTED, too, where that is no video, respectively audio, codec.
 */
OA_MUST_CHECK oa_err_t oa_codec_video_config(oa_codec_id_t codec,
    oa_slice_t record, oa_codec_video_t *config);
OA_MUST_CHECK oa_err_t oa_codec_audio_config(oa_codec_id_t codec,
    oa_slice_t record, oa_codec_audio_t *config);

/* The samples of one packet, at clock_rate: at least 1.  OA_EINVAL. */
OA_MUST_CHECK oa_err_t oa_codec_audio_duration(const oa_codec_audio_t *config,
    oa_slice_t packet, uint32_t *samples);

/*
 * What of a record goes into a file: encoders put comments beside what a
 * decoder needs.  *record, which oa_codec_video_config() has read, is replaced
 * by what is written to buf, or stays.  OA_EFULL.
 */
OA_MUST_CHECK oa_err_t oa_codec_video_record(oa_codec_id_t codec,
    oa_slice_t *record, void *buf, size_t capacity);

/*
 * From here on the samples have parameter sets other than those out of band;
 * the sample entry, and so the string, is another then.
 */
void oa_codec_video_in_band(oa_codec_video_t *config);

/*
 * Adds a part of the sample to its pieces; where it follows the last one in
 * memory it lengthens that.  What there is no room for is left out, and then
 * sample->overflow is set.
 */
void oa_codec_sample_keep(oa_codec_sample_t *sample, oa_slice_t part);

/* On error *sample is undefined. */
OA_MUST_CHECK oa_err_t oa_codec_video_sample(const oa_codec_video_t *config,
    oa_slice_t record, oa_slice_t data, bool key, oa_codec_sample_t *sample);


OA_END_DECLS


#endif /* OA_CODEC_H */
