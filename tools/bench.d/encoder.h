
/*
 * A live encoder, fed with pictures that carry the time they were made.
 */


#ifndef BENCH_ENCODER_H
#define BENCH_ENCODER_H


#include "bench.h"


#define ENCODER_WIDTH    640
#define ENCODER_HEIGHT   360


/* Starts ffmpeg with x264 zerolatency; returns where its FLV can be read. */
int encoder_start(const options_t *o, shared_t *shared);

/* Reads exactly size bytes; false at the end. */
bool encoder_read(int fd, uint8_t *buf, size_t size);

/* The time in a decoded grey picture, CLOCK_MONOTONIC in microseconds
 * modulo 2^32; false when it cannot be read. */
bool encoder_clock(const uint8_t *grey, uint32_t *us);


#endif /* BENCH_ENCODER_H */
