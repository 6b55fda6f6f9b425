
/* What is published: the tags of an FLV file. */


#ifndef BENCH_TAGS_H
#define BENCH_TAGS_H


#include "bench.h"


typedef struct {
    uint8_t         type;
    uint32_t        timestamp_ms;
    const uint8_t  *body;
    uint32_t        size;
} tag_t;


typedef struct {
    tag_t          *tags;
    size_t          ntags;
    size_t          capacity;
} tags_t;


/* The file stays in memory. */
void tags_load(const char *path, tags_t *tags);

/* Bytes in front of the coded frame; 0: the tag holds no frame. */
uint32_t tag_frame_offset(const tag_t *tag);


#endif /* BENCH_TAGS_H */
