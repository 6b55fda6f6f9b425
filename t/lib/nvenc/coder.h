
/* The encoders behind a session: one picture in, one picture out. */


#ifndef NVENC_CODER_H
#define NVENC_CODER_H


#include <ffnvcodec/nvEncodeAPI.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/* NV12, or three planes. */
typedef struct {
    const uint8_t  *planes[3];
    int             pitches[3];
    bool            interleaved;         /* planes[1] is U and V */
    int             width;
    int             height;
} coder_picture_t;


typedef struct {
    uint8_t        *data;
    size_t          size;
    size_t          capacity;
    bool            idr;
    int             quantizer;
} coder_output_t;


typedef struct coder_s  coder_t;


typedef struct {
    const GUID  *guid;

    /* Of a card's encoder; x264 and x265 would take less. */
    uint32_t     least_width;
    uint32_t     least_height;

    /* NULL when the parameters are not possible. */
    coder_t *(*open)(const NV_ENC_INITIALIZE_PARAMS *parameters);

    /* The parameter sets; their size, or -1 when they are longer. */
    int      (*headers)(coder_t *coder, uint8_t *data, size_t size);

    /* headers: they come before the picture.  -1: it could not be. */
    int      (*encode)(coder_t *coder, const coder_picture_t *picture,
                       bool idr, bool headers, coder_output_t *output);

    /* Another bitrate. */
    int      (*change)(coder_t *coder, const NV_ENC_CONFIG *config);

    void     (*close)(coder_t *coder);
} coder_codec_t;


extern const coder_codec_t  coder_avc;
extern const coder_codec_t  coder_hevc;


/* Appends; false when there is no memory. */
bool coder_append(coder_output_t *output, const void *data, size_t size);

/* Bits a second and bits, as whole kilobits of which none is 0. */
typedef struct {
    bool  constant;                      /* a constant quantizer */
    int   quantizer;
    int   bitrate;
    int   max_bitrate;
    int   buffer;
} coder_rate_t;

coder_rate_t coder_rate(const NV_ENC_CONFIG *config);


#endif /* NVENC_CODER_H */
