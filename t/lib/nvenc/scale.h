
/*
 * One channel of a picture, resampled to another size with the same taps as
 * libavfilter's kernels for the card, which have four in each direction.
 */


#ifndef NVENC_SCALE_H
#define NVENC_SCALE_H


#include <stddef.h>
#include <stdint.h>


typedef enum {
    SCALE_NEAREST,
    SCALE_BILINEAR,           /* of two points apart, when it shrinks */
    SCALE_BICUBIC
} scale_filter_t;


typedef struct {
    uint8_t  *data;
    size_t    pitch;          /* bytes from row to row */
    int       step;           /* bytes from sample to sample */
    int       sample_bytes;   /* 1; of a source also 2, its 8 upper bits */
    int       width;          /* samples */
    int       height;
} scale_channel_t;


/* sharpness: of SCALE_BICUBIC, 0 to 1.  Returns -1 when there is no memory. */
int scale_channel(const scale_channel_t *to, const scale_channel_t *from,
    scale_filter_t filter, float sharpness);


#endif /* NVENC_SCALE_H */
